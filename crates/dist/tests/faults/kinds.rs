//! What goes wrong: in goes a cluster that is well, out comes how to mend it. Whatever is a matter of chance, the dice say.

use crate::{
    cluster::{Cluster, NODES},
    postgres::until,
    proxy::{Toward, Way},
    roll::Dice,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A kind of fault.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Lets it happen.
    pub(crate) begin: fn(&mut Cluster, &mut Dice) -> Begun,
}

/// What there is to do about it.
pub(crate) enum Begun {
    Mend(Box<dyn FnOnce(&mut Cluster)>),
    /// It cannot be tried here, and why.
    Skipped(&'static str),
}

fn mend(how: impl FnOnce(&mut Cluster) + 'static) -> Begun {
    Begun::Mend(Box::new(how))
}

/// All of them, the most important first.
pub(crate) const KINDS: [Kind; 10] = [
    Kind { name: "node-killed", begin: node_killed },
    Kind { name: "redis-killed", begin: redis_killed },
    Kind { name: "postgres-killed", begin: postgres_killed },
    Kind { name: "network-cut", begin: network_cut },
    Kind { name: "one-way-loss", begin: one_way_loss },
    Kind { name: "slow-store", begin: slow_store },
    Kind { name: "disk-full", begin: disk_full },
    Kind { name: "clock-jump", begin: clock_jump },
    Kind { name: "two-versions", begin: two_versions },
    Kind { name: "failover", begin: failover },
];

fn node_killed(cluster: &mut Cluster, dice: &mut Dice) -> Begun {
    let node = cluster.any(dice);
    cluster.nodes[node].kill();
    mend(move |cluster| cluster.nodes[node].restart(&[]))
}

fn redis_killed(cluster: &mut Cluster, _: &mut Dice) -> Begun {
    cluster.redis.kill();
    mend(|cluster| cluster.redis.restart())
}

fn postgres_killed(cluster: &mut Cluster, _: &mut Dice) -> Begun {
    cluster.postgres.kill();
    mend(|cluster| cluster.postgres.restart())
}

fn on_the_way(cluster: &Cluster, dice: &mut Dice, way: Way) -> Begun {
    cluster.let_some_go(dice, way);
    mend(|cluster| cluster.let_all_go(Way::Open))
}

fn network_cut(cluster: &mut Cluster, dice: &mut Dice) -> Begun {
    let way = [Way::Cut, Way::Silent][dice.below(2)];
    on_the_way(cluster, dice, way)
}

/// Lost, or late: until the network is mended, nobody can tell.
fn one_way_loss(cluster: &mut Cluster, dice: &mut Dice) -> Begun {
    let toward = [Toward::Store, Toward::Service][dice.below(2)];
    let way = [Way::Loses(toward), Way::Holds(toward)][dice.below(2)];
    on_the_way(cluster, dice, way)
}

fn slow_store(cluster: &mut Cluster, dice: &mut Dice) -> Begun {
    on_the_way(cluster, dice, Way::Slow)
}

/// The disk with a service's state has no room for another byte.
fn disk_full(cluster: &mut Cluster, dice: &mut Dice) -> Begun {
    let number = cluster.any(dice);
    let node = &cluster.nodes[number];
    if !node.has_disk {
        return Begun::Skipped("only root can mount a small disk");
    }
    let ballast = node.state().join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    let full = std::io::copy(&mut std::io::repeat(1), &mut file).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    // The log has some room in its own files.
    let caller = node.caller();
    until("the disk is full for the log, too", || (!caller.asks_much()).then_some(()));
    mend(move |_| fs::remove_file(&ballast).unwrap())
}

/// What lets a program see another clock than the machine's; installed if it is missing.
fn false_clock() -> Option<PathBuf> {
    let look = || {
        let folders = fs::read_dir("/usr/lib").unwrap().flatten().map(|folder| folder.path());
        let mut libraries = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
        libraries.find(|library| library.exists())
    };
    look().or_else(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/debian");
        let _ = Command::new(script).arg("faketime").output();
        look()
    })
}

/// The clock of one service jumps, and back.
fn clock_jump(cluster: &mut Cluster, dice: &mut Dice) -> Begun {
    let Some(library) = false_clock() else { return Begun::Skipped("Debian's package `faketime` cannot be installed") };
    let (number, jump) = (cluster.any(dice), ["+5", "-5"][dice.below(2)]);
    let node = &mut cluster.nodes[number];
    let clock = node.file("clock");
    fs::write(&clock, "+0").unwrap();
    node.kill();
    node.restart(&[
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_CACHE_DURATION", "1"),
        // What measures lengths of time does not jump on any machine.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ]);
    node.until_ready();
    fs::write(&clock, jump).unwrap();
    mend(move |_| fs::write(&clock, "+0").unwrap())
}

/// A later program has made tables with something more, which this one goes on with, also from a start on; then it says that it
/// must be known, and nobody else writes.
fn two_versions(cluster: &mut Cluster, dice: &mut Dice) -> Begun {
    cluster.postgres.ask("ALTER TABLE policyc.documents ADD COLUMN IF NOT EXISTS later text DEFAULT 'x'");
    cluster.postgres.ask("UPDATE policyc.state SET version = version + 1");
    let node = cluster.any(dice);
    cluster.nodes[node].kill();
    cluster.nodes[node].restart(&[]);
    cluster.nodes[node].until_ready();
    let mark = cluster.postgres.ask("UPDATE policyc.state SET needs = 9 RETURNING mark");
    let mark = mark.lines().next().unwrap().to_owned();
    mend(move |cluster| {
        let now = cluster.postgres.ask("SELECT mark FROM policyc.state");
        assert_eq!(now, mark, "a program that must not write has written");
        cluster.postgres.ask("UPDATE policyc.state SET needs = 1");
    })
}

/// The primary dies, and a replica that has all that was answered takes its place.
fn failover(cluster: &mut Cluster, _: &mut Dice) -> Begun {
    let replica = cluster.postgres.replica();
    cluster.postgres.kill();
    mend(move |cluster| {
        replica.promote();
        until("the replica takes writes", || (replica.ask("SELECT pg_is_in_recovery()") == "f").then_some(()));
        for number in 0..NODES {
            cluster.nodes[number].documents.leads_to(replica.port());
        }
        cluster.postgres = replica;
    })
}

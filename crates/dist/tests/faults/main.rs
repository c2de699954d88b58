//! Rounds of faults: a small cluster under load, one thing that goes wrong at a random moment and is mended again, and then the
//! question whether anything that was answered is lost, or anybody has got in who must not.
//!
//! `POLICYC_FAULT_ROUNDS` says how often each kind has its turn (1), `POLICYC_FAULT_KINDS` which kinds (all), and
//! `POLICYC_FAULT_SEED` where chance begins; each round prints its own seed, and begins with it when it is given back with its
//! kind. What happens between threads and processes is another each time. `scripts/faults.sh` runs the long form.

#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "a test that panics has failed, as it should")]
#![expect(clippy::disallowed_methods, reason = "users and their clocks are outside of the service")]

mod cluster;
mod kinds;
mod load;
#[path = "../../../documents-postgres/tests/server/mod.rs"]
#[expect(dead_code, reason = "also what only the store's own tests need")]
mod postgres;
mod proxy;
#[path = "../../../limits-redis/tests/server/mod.rs"]
#[expect(dead_code, reason = "also what only the store's own tests need")]
mod redis;
mod revoked;
mod roll;
mod table;
mod verdict;

use cluster::{Cluster, Node};
use kinds::{Begun, KINDS, Kind};
use load::Load;
use revoked::Trusted;
use roll::Dice;
use std::{
    env,
    time::{Instant, SystemTime, UNIX_EPOCH},
};
use table::{Line, Table};

/// A setting of the rounds.
fn setting(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.is_empty())
}

#[test]
fn nothing_that_was_answered_is_lost_and_nobody_gets_in() {
    let rounds = setting("POLICYC_FAULT_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut seed = setting("POLICYC_FAULT_SEED").map_or_else(now, |seed| seed.parse().unwrap());
    let wanted = setting("POLICYC_FAULT_KINDS");
    let is_wanted = |kind: &&Kind| wanted.as_ref().is_none_or(|names| names.split(' ').any(|name| name == kind.name));
    let kinds: Vec<&Kind> = KINDS.iter().filter(is_wanted).collect();
    assert!(!kinds.is_empty(), "POLICYC_FAULT_KINDS names none of {:?}", KINDS.map(|kind| kind.name));
    let mut table = Table::default();
    for turn in 0..rounds {
        let mut cluster = Cluster::start();
        for kind in &kinds {
            eprintln!("{} begins, POLICYC_FAULT_SEED={seed}", kind.name);
            let line = round(&mut cluster, kind, &format!("{turn}-{}", kind.name), seed);
            table.add(kind.name, seed, line);
            seed = Dice(seed).roll();
        }
    }
    eprintln!("{table}");
}

/// One round; nothing where the fault cannot be tried here, and why.
fn round(cluster: &mut Cluster, kind: &Kind, name: &str, seed: u64) -> Result<Line, &'static str> {
    let mut dice = Dice(seed);
    let mut trusted = Trusted::before(cluster, name);
    let load = Load::start(cluster, name, &mut dice);
    load.goes_on(10 + dice.below(90));
    let begun = (kind.begin)(cluster, &mut dice);
    let is_tried = match begun {
        Begun::Skipped(why) => Err(why),
        Begun::Mend(mend) => {
            load.goes_on(dice.below(60));
            let somebody = cluster.any(&mut dice);
            trusted.take_back(cluster, somebody);
            load.goes_on(dice.below(90));
            mend(cluster);
            Ok(())
        }
    };
    let mended = Instant::now();
    cluster.nodes.iter().for_each(Node::until_ready);
    let well_again = mended.elapsed();
    load.goes_on(30);
    let mut story = load.end();
    cluster.nodes.iter().for_each(Node::until_ready);
    verdict::limits_hold(cluster, name, &mut story);
    verdict::changes_are_kept(cluster, &story);
    trusted.after(cluster);
    verdict::everything_is_recorded(cluster, &story);
    is_tried.map(|()| Line::of(&story, well_again))
}

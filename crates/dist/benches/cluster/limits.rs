//! What a limit in Redis adds: one service counts in memory, another in a Redis on the same machine.

use crate::{
    SETTINGS,
    client::{percentile, times},
    redis::{PROGRAMS, Server},
    service::Setup,
};
use std::time::Duration;

const POLICY: &str = "actions view; allow anyone to view; limit anyone to view at most 100000000 per hour;";
/// How many rounds are measured, and for how long each.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

pub(crate) fn table() {
    let redis = Server::of(&PROGRAMS["redis-server"], false);
    let memory = Setup::new(POLICY).settings(SETTINGS).start();
    let shared = Setup::new(POLICY).settings(SETTINGS).args(&["--limits", &redis.url()]).start();
    println!("| connections | limits in | decisions a second | 50 % | 99 % |\n| ---: | --- | ---: | ---: | ---: |");
    for connections in [1, 64] {
        let mut taken = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (service, taken) in [&memory, &shared].into_iter().zip(&mut taken) {
                taken.extend(times(service.address(), connections, ROUND));
            }
        }
        for (name, mut taken) in ["memory", "Redis"].into_iter().zip(taken) {
            taken.sort_unstable();
            let [half, most] = [50, 99].map(|percent| percentile(&taken, percent).as_micros());
            let rate = taken.len() as f64 / (ROUNDS as f64 * ROUND.as_secs_f64());
            println!("| {connections} | {name} | {rate:.0} | {half} µs | {most} µs |");
        }
    }
}

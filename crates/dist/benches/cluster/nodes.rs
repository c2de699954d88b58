//! What two services decide that have a core each, against one on one core. The load takes time of the same cores, so what a
//! service can decide is what it decided in the time that it had itself.

use crate::{
    SETTINGS,
    client::times,
    service::{Service, Setup},
};
use std::{fs, process::Command, thread, time::Duration};

const POLICY: &str = "actions view; allow anyone to view;";
const TIME: Duration = Duration::from_secs(5);
const ROUNDS: usize = 3;
const CONNECTIONS: usize = 16;
/// How often the kernel counts time in a second, as /proc tells it.
const TICKS: f64 = 100.0;

pub(crate) fn table() {
    println!("| services | decisions a second | of its core each had | together, had each its core alone | ratio |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    let [one, two] = [1, 2].map(measure);
    for (services, measured) in [(1, &one), (2, &two)] {
        let Measured { rate, share, able } = measured;
        println!("| {services} | {rate:.0} | {:.0} % | {able:.0}/s | {:.2} × |", share * 100.0, able / one.able);
    }
}

/// What so many services did at the same time.
struct Measured {
    /// How many decisions there were in a second.
    rate: f64,
    /// How much of its core each service had.
    share: f64,
    /// How many there would have been if each had had its core alone.
    able: f64,
}

/// The best of some rounds: what else the machine does only ever slows down.
fn measure(services: usize) -> Measured {
    let services: Vec<Service> = (0..services).map(pinned).collect();
    let rounds = (0..ROUNDS).map(|_| round(&services));
    rounds.max_by(|one, other| one.able.total_cmp(&other.able)).unwrap()
}

fn round(services: &[Service]) -> Measured {
    let before: Vec<f64> = services.iter().map(seconds).collect();
    let addresses = services.iter().map(Service::address);
    let made: Vec<f64> = thread::scope(|scope| {
        let loads: Vec<_> = addresses.map(|address| scope.spawn(move || times(address, CONNECTIONS, TIME))).collect();
        loads.into_iter().map(|load| load.join().unwrap().len() as f64).collect()
    });
    let had: Vec<f64> = services.iter().zip(before).map(|(service, before)| seconds(service) - before).collect();
    Measured {
        rate: made.iter().sum::<f64>() / TIME.as_secs_f64(),
        share: had.iter().sum::<f64>() / TIME.as_secs_f64() / services.len() as f64,
        able: made.iter().zip(&had).map(|(made, had)| made / had).sum(),
    }
}

/// A service on a core of its own.
fn pinned(core: usize) -> Service {
    let service = Setup::new(POLICY).settings(SETTINGS).args(&["--workers", "1"]).start();
    let pin = Command::new("taskset").args(["-a", "-c", "-p", &core.to_string(), &service.id().to_string()]).output();
    assert!(pin.unwrap().status.success());
    service
}

/// How long a service has run, in seconds of a processor.
fn seconds(service: &Service) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", service.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
    // In user mode and in the kernel: `proc_pid_stat(5)`.
    let [user, kernel] = [11, 12].map(|field: usize| fields[field].parse::<f64>().unwrap());
    (user + kernel) / TICKS
}

//! What loading costs: time on all cores, memory at the peak, memory kept. Each engine is loaded in a process of its own.

use crate::{
    engines::{self, About},
    timing::now,
    work::{Workload, acl},
};
use rustix::time::ClockId;
use std::{hint::black_box, process::Command};

/// What loading some rules into an engine took.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub engine: &'static str,
    pub models: usize,
    pub rules: usize,
    /// On the clock, and of all threads together.
    pub seconds: f64,
    pub processor_seconds: f64,
    /// How many bytes were allocated at most while it loaded, beside those from before.
    pub peak: f64,
    /// How many bytes were kept.
    pub kept: f64,
}

/// Measures an engine in a process of its own, by running this program and its sibling again.
pub fn measure(about: &About, models: usize) -> Result<Loaded, String> {
    let times = child("peers", about.name, models)?;
    let bytes = child("bytes", about.name, models)?;
    let ([seconds, processor_seconds], [kept, peak]) = (&times[..], &bytes[..]) else {
        return Err("a child process says something else".to_owned());
    };
    Ok(Loaded {
        engine: about.name,
        models,
        rules: models * acl::RULES_PER_MODEL,
        seconds: *seconds,
        processor_seconds: *processor_seconds,
        peak: *peak,
        kept: *kept,
    })
}

/// The numbers that a program beside this one prints.
fn child(program: &str, engine: &str, models: usize) -> Result<Vec<f64>, String> {
    let path = std::env::current_exe().map_err(|error| error.to_string())?.with_file_name(program);
    let output = Command::new(&path).args(["--measure-load", engine, "--n", &models.to_string()]).output();
    let output = output.map_err(|error| format!("cannot run {}: {error}", path.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    text.split_whitespace().map(|number| number.parse().map_err(|_| format!("`{number}` is not a number"))).collect()
}

/// In the child: seconds on the clock, and seconds of all threads.
pub fn times(workload: &Workload, engine: &str) -> Option<[f64; 2]> {
    let load = (engines::ALL.iter().find(|about| about.name == engine)?.load)(workload);
    let (wall, processor) = (now(ClockId::Monotonic), now(ClockId::ProcessCPUTime));
    let loaded = black_box(load());
    let times = [now(ClockId::Monotonic) - wall, now(ClockId::ProcessCPUTime) - processor];
    drop(loaded);
    Some(times)
}

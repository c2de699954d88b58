//! Which hash map the floor looks names up in: the same lookups with several hashers.

use crate::{timing::now, work::Workload};
use compact_str::CompactString;
use hashbrown::HashMap;
use rustix::time::ClockId;
use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, BuildHasherDefault},
    hint::black_box,
};

/// Nanoseconds for looking the model of a request up, by each hasher, all with the same table (hashbrown).
pub fn measure(workload: &Workload, rounds: usize) -> Vec<(&'static str, f64)> {
    type Fx = BuildHasherDefault<rustc_hash::FxHasher>;
    let mut measured = [
        ("foldhash, fast (seeded)", Vec::new()),
        ("foldhash, quality (seeded)", Vec::new()),
        ("ahash (seeded)", Vec::new()),
        ("rustc-hash (not seeded)", Vec::new()),
        ("std: SipHash-1-3 (seeded)", Vec::new()),
    ];
    let maps = (
        Map::<foldhash::fast::RandomState>::new(workload),
        Map::<foldhash::quality::RandomState>::new(workload),
        Map::<ahash::RandomState>::new(workload),
        Map::<Fx>::new(workload),
        Map::<RandomState>::new(workload),
    );
    let wanted: Vec<String> =
        workload.requests.iter().map(|request| workload.vocabulary.models[request.model].clone()).collect();
    for _ in 0..rounds {
        let times = [
            maps.0.pass(&wanted),
            maps.1.pass(&wanted),
            maps.2.pass(&wanted),
            maps.3.pass(&wanted),
            maps.4.pass(&wanted),
        ];
        for ((_, all), time) in measured.iter_mut().zip(times) {
            all.push(time);
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    };
    measured.map(|(name, times)| (name, median(times))).into()
}

struct Map<S>(HashMap<CompactString, u32, S>);

impl<S: BuildHasher + Default> Map<S> {
    fn new(workload: &Workload) -> Self {
        Self(workload.vocabulary.models.iter().zip(0..).map(|(name, number)| (name.as_str().into(), number)).collect())
    }

    /// Nanoseconds for one lookup.
    fn pass(&self, wanted: &[String]) -> f64 {
        let start = now(ClockId::ThreadCPUTime);
        for name in wanted {
            black_box(self.0.get(black_box(name.as_str())));
        }
        (now(ClockId::ThreadCPUTime) - start) * 1e9 / wanted.len() as f64
    }
}

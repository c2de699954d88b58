//! How many bytes an engine keeps once it has loaded, and how many it takes at most while it loads: a program of its own, since an allocator that counts is slower.

use peak_alloc::PeakAlloc;
use policyc_peers::{
    engines,
    work::acl::{self, Variant},
};
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn main() -> Result<(), &'static str> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [_, engine, _, models] = &arguments[..] else { return Err("usage: bytes --measure-load ENGINE --n MODELS") };
    let about = engines::ALL.iter().find(|about| about.name == engine).ok_or("there is no such engine")?;
    let workload = acl::workload(models.parse().map_err(|_| "that is not a number")?, Variant::Own, 0);
    let load = (about.load)(&workload);
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let loaded = black_box(load());
    let peak = ALLOCATOR.peak_usage().saturating_sub(before);
    // What is freed with it is what it kept.
    let loaded_usage = ALLOCATOR.current_usage();
    drop(loaded);
    println!("{} {peak}", loaded_usage.saturating_sub(ALLOCATOR.current_usage()));
    Ok(())
}

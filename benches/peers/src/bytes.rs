//! How many bytes an engine keeps once it has loaded: a program of its own, since an allocator that counts is slower.

use policyc_peers::{
    engines,
    work::acl::{self, Variant},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::{alloc::System, hint::black_box};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), &'static str> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [_, engine, _, models] = &arguments[..] else { return Err("usage: bytes --measure-load ENGINE --n MODELS") };
    let about = engines::ALL.iter().find(|about| about.name == engine).ok_or("there is no such engine")?;
    let workload = acl::workload(models.parse().map_err(|_| "that is not a number")?, Variant::Own, 0);
    let loaded = black_box((about.load)(&workload)());
    // What is freed with it is what it kept.
    let region = Region::new(ALLOCATOR);
    drop(loaded);
    println!("{}", region.change().bytes_deallocated);
    Ok(())
}

//! The command line, with the stores of this crate alone.

use policyc::store::Stores;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    policyc::main(&Stores::default())
}

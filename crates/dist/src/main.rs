//! `policyc` as it is released: the whole program, and the stores that several machines share.

use policyc::store::Stores;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let redis = policyc_limits_redis::open;
    let postgres = policyc_documents_postgres::open;
    let stores = Stores::default().limits("redis", redis).limits("rediss", redis);
    policyc::main(&stores.documents("postgres", postgres).documents("postgresql", postgres))
}

//! `policyc` as it is released: the whole program, and the stores that several machines share.

use policyc::store::Stores;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let redis = policyc_limits_redis::open;
    let (documents, audit) = (policyc_documents_postgres::open, policyc_audit_postgres::open);
    let stores = Stores::default().limits("redis", redis).limits("rediss", redis);
    let stores = stores.documents("postgres", documents).documents("postgresql", documents);
    policyc::main(&stores.audit("postgres", audit).audit("postgresql", audit))
}

//! `policyc import`.

use super::{Config, Exit, Io};

/// Turn documents of other systems into policies.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, _: &mut Io<'_>, _: &Config) -> Exit {
    Exit::Failed
}

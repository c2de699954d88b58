//! `policyc init`.

use super::{Config, Exit, Io};

/// Make a new policy folder.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, _: &mut Io<'_>, _: &Config) -> Exit {
    Exit::Failed
}

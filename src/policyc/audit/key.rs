//! `policyc audit key`: what others hold the log against.

use super::{
    super::{Exit, Io},
    State, unusable,
};
use crate::server::audit::Log;

/// Print the public key that vouches for the log
///
/// Keep it elsewhere, together with a checkpoint: `policyc audit verify --key` holds the log against it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 printed; 1 usage, or reading failed.

Example:
  policyc audit key --state policyc-state > audit-key.pem")]
pub(super) struct Args {
    #[command(flatten)]
    state: State,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Exit> {
    let key = Log::key(&args.state.state).map_err(|fault| unusable(&fault, io))?;
    let _ = io.out.write_all(key.to_pem().as_bytes());
    Ok(Exit::Fine)
}

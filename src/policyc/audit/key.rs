//! `policyc audit key`: what others hold the log against.

use super::{
    super::{Exit, Io, style::printable},
    State,
};
use crate::{server::audit::Log, store::Stores};

/// Print the public key that vouches for the log
///
/// Keep it elsewhere, together with a checkpoint: `policyc audit verify --key` holds the log against it. Of a store with the
/// logs of several nodes each key is printed, below the name of its node.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 printed; 1 usage, or reading failed.

Example:
  policyc audit key --state policyc-state > audit-key.pem")]
pub(super) struct Args {
    #[command(flatten)]
    state: State,
}

pub(super) fn run(args: &Args, stores: &Stores, io: &mut Io<'_>) -> Result<Exit, Exit> {
    if args.state.is_shared() {
        let log = args.state.open(stores, io)?;
        for (node, key) in log.keys() {
            let _ = write!(io.out, "node {}\n{}", printable(node), key.to_pem());
        }
        return Ok(Exit::Fine);
    }
    let key = Log::key(&args.state.state).map_err(|fault| args.state.unusable(&fault, io))?;
    let _ = io.out.write_all(key.to_pem().as_bytes());
    Ok(Exit::Fine)
}

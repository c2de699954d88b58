//! `policyc audit verify`: whether the log is what was written.

use super::{
    super::{
        Exit, Io,
        style::{Style, complain, counted, failed},
    },
    State, at, bar, unusable,
};
use crate::server::audit::{self, Log, PublicKey, Tampered, Unread, Verified};
use clap::ValueEnum;
use serde_json::json;
use std::path::PathBuf;

/// Check that the log is what was written: nothing changed, left out, moved or cut off
///
/// Each record's hash covers the one before it, and checkpoints signed by the log's key cover all up to them. Whoever can
/// write the log's folder can also take its key: a checkpoint that was kept elsewhere, or the key, shows that too. What
/// was recorded after the last checkpoint can be cut off unseen; how much that is, is said.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 the log is whole; 1 usage, or reading failed; 2 it was tampered with.

Example:
  policyc audit verify --state policyc-state
  policyc audit verify --checkpoint kept/checkpoints.jsonl --key kept/audit-key.pem")]
pub(super) struct Args {
    #[command(flatten)]
    state: State,
    /// Checkpoints that were kept elsewhere, one a line; may be repeated
    #[arg(long, env = "POLICYC_AUDIT_CHECKPOINT", value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// The public key that must have signed them, instead of the one beside the log
    #[arg(long, env = "POLICYC_AUDIT_KEY", value_name = "FILE")]
    key: Option<PathBuf>,
    /// How the outcome is shown
    #[arg(long, env = "POLICYC_AUDIT_FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Pretty,
    /// One JSON object
    Json,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<Exit, Exit> {
    let log = args.state.open(io)?;
    let key = args.key.as_deref().map_or_else(|| Log::key(&args.state.state), PublicKey::read);
    let key = key.map_err(|fault| unusable(&fault, io))?;
    let mut kept = Vec::new();
    for path in &args.checkpoint {
        match audit::checkpoints(path) {
            Ok(checkpoints) => kept.extend(checkpoints),
            Err(Unread::Fault(fault)) => return Err(failed(io, &fault.to_string(), None)),
            Err(Unread::Missing) => {
                return Err(failed(io, &format!("cannot read `{}`: there is no such file", path.display()), None));
            }
        }
    }
    let bar = bar("verifying", &log, io)?;
    let outcome = log.verify(key, kept, &mut |records| at(&bar, records));
    bar.finish_and_clear();
    match outcome.map_err(|fault| unusable(&fault, io))? {
        Ok(verified) => {
            match args.format {
                Format::Pretty => pretty(&verified, io),
                Format::Json => {
                    let _ = writeln!(io.out, "{}", json(&verified));
                }
            }
            Ok(Exit::Fine)
        }
        Err(Tampered { seq, what }) => {
            match args.format {
                Format::Pretty => complain(io, &format!("the log was tampered with: {what}"), None),
                Format::Json => {
                    let _ = writeln!(io.out, "{}", json!({ "whole": false, "seq": seq, "what": what }));
                }
            }
            Ok(Exit::Negative)
        }
    }
}

fn pretty(verified: &Verified, io: &mut Io<'_>) {
    let style = Style::new(io.color_out);
    let _ = writeln!(io.out, "{}: {}", style.good("whole"), records(verified.records));
    if verified.removed > 0 {
        let _ = writeln!(io.out, "  the first {} were removed because they were old", verified.removed);
    }
    if verified.outlived > 0 {
        let _ =
            writeln!(io.out, "  {} about records that were removed since", counted(verified.outlived, "checkpoint"));
    }
    let _ = match &verified.covered {
        Some((seq, time)) => writeln!(io.out, "  covered up to record {seq} by the checkpoint of {time}"),
        None => writeln!(io.out, "  there is no checkpoint yet"),
    };
    if verified.uncovered > 0 {
        let are = if verified.uncovered == 1 { "is" } else { "are" };
        let _ = writeln!(
            io.out,
            "  {} after the last checkpoint {are} not yet covered: whether some were cut off there cannot be told",
            records(verified.uncovered)
        );
    }
}

fn records(count: i64) -> String {
    counted(usize::try_from(count).unwrap_or_default(), "record")
}

fn json(verified: &Verified) -> serde_json::Value {
    let Verified { records, removed, covered, uncovered, outlived } = verified;
    let checkpoint = covered.as_ref().map(|(seq, time)| json!({ "seq": seq, "time": time }));
    json!({
        "whole": true, "records": records, "removed": removed, "checkpoint": checkpoint, "uncovered": uncovered,
        "outlived": outlived,
    })
}

//! `policyc audit verify`: whether the log is what was written.

use super::{
    super::{
        Exit, Io,
        style::{Style, complain, counted, failed, printable},
    },
    State, at,
};
use crate::{
    server::audit::{self, Log, Outcome, PublicKey, Tampered, Unread, Verified},
    store::Stores,
};
use clap::ValueEnum;
use serde_json::json;
use std::path::PathBuf;

/// Check that the log is what was written: nothing changed, left out, moved or cut off
///
/// Each record's hash covers the one before it, and checkpoints signed by the log's key cover all up to them. Whoever can
/// write the log's folder can also take its key: a checkpoint that was kept elsewhere, or the key, shows that too. What
/// was recorded after the last checkpoint can be cut off unseen; how much that is, is said. Of a store that several services
/// share each log is checked, by the key that stands beside it unless keys are given.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 the log is whole; 1 usage, or reading failed; 2 it was tampered with.

Example:
  policyc audit verify --state policyc-state
  policyc audit verify --checkpoint kept/checkpoints.jsonl --key kept/audit-key.pem
  policyc audit verify --store postgres://db.example.com/policyc --key kept/node-1.pem --key kept/node-2.pem")]
pub(super) struct Args {
    #[command(flatten)]
    state: State,
    /// Checkpoints that were kept elsewhere, one a line; may be repeated
    #[arg(long, env = "POLICYC_AUDIT_CHECKPOINT", value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// The public key that must have signed them, instead of the one beside the log; with `--store` it may be repeated
    #[arg(long, env = "POLICYC_AUDIT_KEY", value_name = "FILE")]
    key: Vec<PathBuf>,
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

pub(super) fn run(args: &Args, stores: &Stores, io: &mut Io<'_>) -> Result<Exit, Exit> {
    let log = args.state.open(stores, io)?;
    let keys = keys(args).map_err(|fault| args.state.unusable(&fault, io))?;
    if !args.state.is_shared() && keys.len() > 1 {
        return Err(failed(io, "a log in a folder has one key", None));
    }
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
    let bar = args.state.bar("verifying", &log, io)?;
    let outcomes = log.verify(&keys, kept, &mut |records| at(&bar, records));
    bar.finish_and_clear();
    let outcomes = outcomes.map_err(|fault| args.state.unusable(&fault, io))?;
    match args.format {
        Format::Pretty => outcomes.iter().for_each(|outcome| pretty(outcome, io)),
        Format::Json => {
            let told = match outcomes.as_slice() {
                [only] if !args.state.is_shared() => json(only),
                several => json!({ "whole": is_whole(several), "nodes": several.iter().map(json).collect::<Vec<_>>() }),
            };
            let _ = writeln!(io.out, "{told}");
        }
    }
    Ok(if is_whole(&outcomes) { Exit::Fine } else { Exit::Negative })
}

/// The keys that were given; those of a log in a folder lie beside it otherwise.
fn keys(args: &Args) -> Result<Vec<PublicKey>, audit::Fault> {
    if args.key.is_empty() && !args.state.is_shared() {
        return Ok(vec![Log::key(&args.state.state)?]);
    }
    args.key.iter().map(|path| PublicKey::read(path)).collect()
}

fn is_whole(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(|outcome| outcome.found.is_ok())
}

fn pretty(Outcome { node, found }: &Outcome, io: &mut Io<'_>) {
    let node = node.as_deref().map(printable);
    match found {
        Ok(verified) => whole(verified, node.as_deref(), io),
        Err(Tampered { what, .. }) => {
            let of = node.map_or_else(String::new, |node| format!(" of node `{node}`"));
            complain(io, &format!("the log{of} was tampered with: {what}"), None);
        }
    }
}

fn whole(verified: &Verified, node: Option<&str>, io: &mut Io<'_>) {
    let style = Style::new(io.color_out);
    let (is, found) = (style.good("whole"), records(verified.records));
    let _ = match node {
        Some(node) => {
            writeln!(io.out, "{node}: {is}: {found}, {}", counted(verified.checkpoints, "checkpoint"))
        }
        None => writeln!(io.out, "{is}: {found}"),
    };
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

fn json(Outcome { node, found }: &Outcome) -> serde_json::Value {
    let mut told = match found {
        Ok(Verified { records, removed, covered, uncovered, checkpoints, outlived }) => {
            let checkpoint = covered.as_ref().map(|(seq, time)| json!({ "seq": seq, "time": time }));
            json!({
                "whole": true, "records": records, "removed": removed, "checkpoint": checkpoint, "uncovered": uncovered,
                "checkpoints": checkpoints, "outlived": outlived,
            })
        }
        Err(Tampered { seq, what }) => json!({ "whole": false, "seq": seq, "what": what }),
    };
    if let (Some(node), Some(members)) = (node, told.as_object_mut()) {
        members.insert("node".to_owned(), json!(node));
    }
    told
}

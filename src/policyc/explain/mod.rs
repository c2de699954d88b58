//! `policyc explain`: the whole story of one decision.
//!
//! In goes one request, out comes what [`examine::explain`](crate::examine::explain) knows, as
//! [JSON](crate::wire::explanation) or as [`text`].

mod text;

use super::{
    Config, Exit, Io,
    requests::{self, Origin, Raw},
    set,
    style::{Style, complain, failed},
};
use crate::{
    clock::ManualClock,
    engine::Engine,
    examine::explain::{Explanation, explain},
    request::{Refusal, Request},
    store::limits::MemoryLimits,
    wire,
};
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use std::{io, path::PathBuf, sync::Arc};

/// Tell the whole story of one decision
///
/// Shows the decision, every rule that speaks of the action and the resource with each of its clauses (✓ true, ✗ false,
/// ? unknown) and the values that it saw, and for a denial the smallest changes of the request that would permit it. Limits
/// count as unused, and nothing is charged to them.
///
/// As JSON, a value that is not known is `{"unknown": true}`, and `null` is a known absence.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 allowed; 1 usage, reading failed, or the request was refused; 2 denied; 3 the policy set is not valid.

Example:
  policyc explain policies --request request.json
  policyc explain policies --request request.json --at 2026-01-01T00:00:00Z --format json")]
pub(super) struct Args {
    /// Policy files and folders; `-` is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The request: a JSON object; `-` is standard input
    #[arg(long, short = 'q', env = "POLICYC_EXPLAIN_REQUEST", value_name = "FILE")]
    request: PathBuf,
    /// The time of the request if it has none, instead of now
    #[arg(long, env = "POLICYC_EXPLAIN_AT", value_name = "INSTANT", value_parser = requests::at)]
    at: Option<DateTime<Utc>>,
    /// How the story is told
    #[arg(long, env = "POLICYC_EXPLAIN_FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// Resources and principals with their attributes: JSON, JSON Lines or CSV
    #[arg(long, env = "POLICYC_EXPLAIN_CATALOG", value_name = "FILE")]
    catalog: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Pretty,
    /// One JSON document
    Json,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config) -> Exit {
    match try_run(args, io, config) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn try_run(args: &Args, io: &mut Io<'_>, config: &Config) -> Result<Exit, Exit> {
    let origin = Origin::open(&args.request, &args.paths, io)?;
    let set = set::one(&args.paths, &args.catalog, io, config)?;
    let engine = set::load(set.builder(), io)?;
    let raw = match only(origin, io) {
        Ok(Some(raw)) => raw,
        Ok(None) => {
            let help = "`policyc eval` decides several, or none";
            return Err(failed(io, &format!("expected one request in `{}`", args.request.display()), Some(help)));
        }
        Err(error) => return Err(requests::unreadable(&args.request, &error, io)),
    };
    let (request, story) = match tell(&engine, raw, requests::default_time(args.at)) {
        Ok(told) => told,
        Err(refusal) => return Err(refused(&refusal, args.format, io)),
    };
    let text = match args.format {
        Format::Json => wire::explanation::encode(&story),
        Format::Pretty => {
            let page =
                text::Page { engine: &engine, request: &request, style: Style::new(io.color_out), width: io.width };
            page.render(&story)
        }
    };
    let _ = io.out.write_all(text.as_bytes());
    Ok(if story.decision.is_allow() { Exit::Fine } else { Exit::Negative })
}

/// The request of a file that has one and no more.
fn only(origin: Origin, io: &mut Io<'_>) -> io::Result<Option<Raw>> {
    let mut requests = origin.requests(io.input)?;
    let first = requests.next()?;
    Ok(if requests.next()?.is_none() { first } else { None })
}

fn tell(engine: &Engine, raw: Raw, default: DateTime<Utc>) -> Result<(Request, Explanation), Refusal> {
    let decoded = raw.decode()?;
    let mut request = decoded.request;
    let now = requests::date(&mut request, default);
    let fresh = engine.with_state(Arc::new(ManualClock::new(now)), Arc::new(MemoryLimits::default()));
    let mut story = explain(&fresh, &request, now)?;
    story.decision.ignored.splice(0..0, decoded.ignored);
    Ok((request, story))
}

fn refused(refusal: &Refusal, format: Format, io: &mut Io<'_>) -> Exit {
    match format {
        Format::Json => drop(writeln!(io.out, "{}", wire::decision::refusal(refusal))),
        Format::Pretty => complain(io, &format!("the request is refused: {refusal}"), None),
    }
    Exit::Failed
}

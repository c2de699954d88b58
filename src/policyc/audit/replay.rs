//! `policyc audit replay`: what another policy set would have decided.

use super::{
    super::{
        Config, Exit, Io, set,
        style::{Style, counted, printable},
    },
    State, at,
    filter::Filters,
};
use crate::{
    clock::ManualClock,
    decision::Decision,
    engine::{Engine, Spend},
    server::audit::{Entry, Order},
    store::{Stores, limits::MemoryLimits},
    wire,
};
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use std::{collections::BTreeMap, ops::ControlFlow, path::PathBuf, sync::Arc};

/// How many records are decided together.
const CHUNK: usize = 4_096;
/// The code of a denial by a limit.
const RATE_LIMITED: &str = "RATE_LIMITED";

/// Decide every recorded request anew by another policy set, and show which decisions would change
///
/// Each request is decided at the time it was recorded at, with limits of its own, as if it were the first; denials by a limit
/// are left out, because what a limit says depends on all that came before.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 no decision would change; 1 usage, or reading failed; 2 some would; 3 the policy set is not valid.

Example:
  policyc audit replay policies/next --state policyc-state
  policyc audit replay next.bundle --since 2026-03-01T00:00:00Z --format json")]
pub(super) struct Args {
    /// Policy files, folders and bundles; `-` is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    filters: Filters,
    /// How changes are shown
    #[arg(long, env = "POLICYC_AUDIT_FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// Resources and principals with their attributes: JSON, JSON Lines or CSV
    #[arg(long, env = "POLICYC_AUDIT_CATALOG", value_name = "FILE")]
    catalog: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: changes of the same kind are counted
    Pretty,
    /// One JSON object with every change
    Json,
}

pub(super) fn run(args: &Args, stores: &Stores, io: &mut Io<'_>, config: &Config) -> Result<Exit, Exit> {
    let log = args.state.open(stores, io)?;
    let set = set::one(&args.paths, &args.catalog, io, config)?;
    let engine = set::load(set.builder(), io)?;
    let bar = args.state.bar("replaying", &log, io)?;
    let mut replay = Replay::new(&engine, args.format);
    let mut chunk = Vec::new();
    let mut each = |entry: Entry| {
        chunk.push(entry);
        if chunk.len() >= CHUNK {
            replay.add(&chunk, io);
            chunk.clear();
        }
        ControlFlow::Continue(())
    };
    let read = log.read(&args.filters.filter(), Order::Oldest, &mut each, &mut |records| at(&bar, records));
    replay.add(&chunk, io);
    bar.finish_and_clear();
    read.map_err(|fault| args.state.unusable(&fault, io))?;
    replay.finish(io);
    Ok(if replay.changed > 0 || replay.refused > 0 { Exit::Negative } else { Exit::Fine })
}

/// What a record keeps of a request and its decision.
#[derive(Deserialize)]
struct Recorded<'a> {
    #[serde(borrow)]
    request: &'a RawValue,
    answer: &'a RawValue,
}

/// What became of one record.
enum Outcome {
    /// It decided nothing.
    Other,
    /// A limit had decided it.
    Limited,
    Same,
    Changed(Box<Decision>),
    /// The other set's vocabulary does not take the request.
    Refused(String),
}

struct Replay<'a> {
    engine: &'a Engine,
    format: Format,
    replayed: usize,
    limited: usize,
    changed: usize,
    refused: usize,
    /// How often a change was seen, by its words.
    kinds: BTreeMap<String, usize>,
}

impl<'a> Replay<'a> {
    const fn new(engine: &'a Engine, format: Format) -> Self {
        Self { engine, format, replayed: 0, limited: 0, changed: 0, refused: 0, kinds: BTreeMap::new() }
    }

    /// Decides some records anew.
    fn add(&mut self, entries: &[Entry], io: &mut Io<'_>) {
        let outcomes: Vec<Outcome> = entries.par_iter().map(|entry| decide(self.engine, entry)).collect();
        for (entry, outcome) in entries.iter().zip(outcomes) {
            let after = match outcome {
                Outcome::Other => continue,
                Outcome::Limited => {
                    self.limited = self.limited.saturating_add(1);
                    continue;
                }
                Outcome::Same => {
                    self.replayed = self.replayed.saturating_add(1);
                    continue;
                }
                Outcome::Changed(decision) => {
                    self.replayed = self.replayed.saturating_add(1);
                    self.changed = self.changed.saturating_add(1);
                    Ok(decision)
                }
                Outcome::Refused(refusal) => {
                    self.refused = self.refused.saturating_add(1);
                    Err(refusal)
                }
            };
            match self.format {
                Format::Pretty => {
                    let count = self.kinds.entry(words(entry, &after)).or_default();
                    *count = count.saturating_add(1);
                }
                Format::Json => self.write(entry, &after, io),
            }
        }
    }

    /// Writes a change as it is found: there may be many.
    fn write(&self, entry: &Entry, after: &Result<Box<Decision>, String>, io: &mut Io<'_>) {
        let first = self.changed.saturating_add(self.refused) == 1;
        let start = if first { "{\"changes\":[" } else { "," };
        let Ok(Recorded { request, answer }) = serde_json::from_str(&entry.body) else { return };
        let after = match after {
            Ok(decision) => wire::decision::encode(decision),
            Err(refusal) => json!({ "error": refusal }).to_string(),
        };
        let told = &entry.told;
        let _ = write!(
            io.out,
            "{start}{{{}\"seq\":{},\"id\":{},\"time\":{},\"request\":{request},\"before\":{answer},\"after\":{after}}}",
            entry.of(),
            entry.seq,
            json!(told.id),
            json!(told.time),
        );
    }

    fn finish(&self, io: &mut Io<'_>) {
        let Self { replayed, limited, changed, refused, .. } = self;
        if self.format == Format::Json {
            let start = if *changed == 0 && *refused == 0 { "{\"changes\":[" } else { "" };
            let counts =
                format!("\"replayed\":{replayed},\"changed\":{changed},\"refused\":{refused},\"limited\":{limited}");
            let _ = writeln!(io.out, "{start}],{counts}}}");
            return;
        }
        let style = Style::new(io.color_out);
        for (words, count) in &self.kinds {
            let times = if *count == 1 { String::new() } else { style.dim(&format!("  ({count} times)")) };
            let _ = writeln!(io.out, "{words}{times}");
        }
        let _ = writeln!(io.out, "{} decided anew, {changed} would change", counted(*replayed, "request"));
        if *refused > 0 {
            let _ = writeln!(io.out, "{} would be refused", counted(*refused, "request"));
        }
        if *limited > 0 {
            let _ = writeln!(io.out, "{} by a limit left out", counted(*limited, "denial"));
        }
    }
}

fn decide(engine: &Engine, entry: &Entry) -> Outcome {
    let Some(answer) = &entry.told.answer else { return Outcome::Other };
    let (Some(now), Ok(recorded)) = (entry.told.instant(), serde_json::from_str::<Recorded<'_>>(&entry.body)) else {
        return Outcome::Other;
    };
    let before = &answer.context;
    if before.retry_after.is_some() || before.code.as_deref() == Some(RATE_LIMITED) {
        return Outcome::Limited;
    }
    match anew(engine, recorded.request.get(), now) {
        Err(refusal) => Outcome::Refused(refusal),
        Ok(after) => {
            let code = after.denial().map(|denial| &*denial.code);
            let is_same = after.is_allow() == answer.decision && code == before.code.as_deref();
            if is_same { Outcome::Same } else { Outcome::Changed(Box::new(after)) }
        }
    }
}

fn anew(engine: &Engine, request: &str, now: DateTime<Utc>) -> Result<Decision, String> {
    let request = wire::request::decode(request).map_err(|refusal| refusal.to_string())?.request;
    let fresh = engine.with_state(Arc::new(ManualClock::new(now)), Arc::new(MemoryLimits::default()));
    fresh.decide_dated(&request, now, Spend::Charge).map_err(|refusal| refusal.to_string())
}

/// `deny NO_RULE → allow: user bob infer model qwen3`.
fn words(entry: &Entry, after: &Result<Box<Decision>, String>) -> String {
    let told = &entry.told;
    let verdict = |is_allow: bool, code: Option<&str>| match (is_allow, code) {
        (true, _) => "allow".to_owned(),
        (false, code) => format!("deny {}", code.unwrap_or_default()),
    };
    let before = verdict(told.verdict().unwrap_or_default(), told.code());
    let after = match after {
        Ok(decision) => verdict(decision.is_allow(), decision.denial().map(|denial| &*denial.code)),
        Err(refusal) => format!("refused ({refusal})"),
    };
    let request = told
        .request
        .as_ref()
        .map(|request| format!("{} {} {}", request.subject, request.action.name, request.resource));
    printable(&format!("{} → {after}: {}", before.trim_end(), request.unwrap_or_default())).into_owned()
}

//! `policyc audit replay`: what another policy set would have decided.
//!
//! In go recorded decisions, from the log or from files that were exported ([`files`]), out comes which of them would change
//! ([`tally`]).

mod files;
mod guard;
mod tally;

use super::{
    super::{
        Config, Exit, Io, set,
        style::{Style, counted, failed},
    },
    Kept, State, at,
    filter::Filters,
    progress,
};
use crate::{
    engine::{Anew, Engine},
    server::audit::{Entry, Order},
    store::Stores,
};
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use files::{Bad, Files};
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator, ParallelSlice};
use std::{ops::ControlFlow, path::PathBuf};
use tally::{Show, Tally};

/// How many records of the log are decided together, by all threads.
const CHUNK: usize = 8_192;
/// How many of them by one thread at once.
const PIECE: usize = 512;

/// Decide every recorded request anew by another policy set, and show which decisions would change
///
/// Each request is decided at the time it was recorded at, with limits of its own, as if it were the first; denials by a limit
/// are left out, because what a limit says depends on all that came before.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 no decision would change; 1 usage, or reading failed; 2 some would; 3 the policy set is not valid.

Example:
  policyc audit replay policies/next --state policyc-state
  policyc audit replay policies/next --parquet 2026-03.parquet
  policyc audit replay next.bundle --since 2026-03-01T00:00:00Z --format json")]
pub(super) struct Args {
    /// Policy files, folders and bundles; `-` is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    state: State,
    /// Files that `audit export --format parquet` wrote, or folders with some, instead of the log
    #[arg(long, env = "POLICYC_AUDIT_PARQUET", value_name = "PATH")]
    parquet: Vec<PathBuf>,
    #[command(flatten)]
    filters: Filters,
    /// How changes are shown
    #[arg(long, env = "POLICYC_AUDIT_FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// How many examples of each kind of change people are shown
    #[arg(long, env = "POLICYC_AUDIT_SAMPLES", value_name = "N", default_value_t = 10)]
    samples: usize,
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

/// A decision as it was recorded.
struct Recorded<'a> {
    /// Whose log it is from, where there are several.
    node: Option<&'a str>,
    seq: i64,
    id: Option<&'a str>,
    at: DateTime<Utc>,
    is_allow: bool,
    code: Option<&'a str>,
    /// In JSON, as the answer is.
    request: &'a str,
    answer: &'a str,
}

pub(super) fn run(args: &Args, stores: &Stores, io: &mut Io<'_>, config: &Config) -> Result<Exit, Exit> {
    let replay = |io: &mut Io<'_>| -> Result<Replay, Exit> {
        let set = set::one(&args.paths, &args.catalog, io, config)?;
        let show = match args.format {
            Format::Pretty => Show::Samples(args.samples),
            Format::Json => Show::Changes,
        };
        Ok(Replay { engine: set::load(set.builder(), io)?, show, sum: Tally::default(), has_begun: false })
    };
    let sum = if args.parquet.is_empty() { of_log(args, stores, io, replay)? } else { of_files(args, io, replay)? };
    Ok(if sum.changed > 0 || sum.refused > 0 { Exit::Negative } else { Exit::Fine })
}

/// Replays the log.
fn of_log(
    args: &Args,
    stores: &Stores,
    io: &mut Io<'_>,
    replay: impl FnOnce(&mut Io<'_>) -> Result<Replay, Exit>,
) -> Result<Tally, Exit> {
    let log = args.state.open(stores, io)?;
    let mut replay = replay(io)?;
    let bar = args.state.bar("replaying", &log, io)?;
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut each = |entry: Entry| {
        chunk.push(entry);
        if chunk.len() >= CHUNK {
            replay.add_entries(&chunk, io);
            chunk.clear();
        }
        ControlFlow::Continue(())
    };
    let read = log.read(&args.filters.filter(), Order::Oldest, &mut each, &mut |records| at(&bar, records));
    replay.add_entries(&chunk, io);
    bar.finish_and_clear();
    read.map_err(|fault| args.state.unusable(&fault, io))?;
    Ok(replay.finish(io))
}

/// Replays exported files: several threads read and decide, each a part of a file.
fn of_files(
    args: &Args,
    io: &mut Io<'_>,
    replay: impl FnOnce(&mut Io<'_>) -> Result<Replay, Exit>,
) -> Result<Tally, Exit> {
    let bad = |Bad { message, help }: Bad, io: &mut Io<'_>| failed(io, &message, help);
    let files = Files::open(&args.parquet, args.filters.filter()).map_err(|error| bad(error, io))?;
    let mut replay = replay(io)?;
    let bar = progress("replaying", files.rows(), io);
    // Counts are small, changes are not: they are written before there are too many.
    let wave = match replay.show {
        Show::Samples(_) => files.parts().len(),
        Show::Changes => rayon::current_num_threads(),
    };
    for parts in files.parts().chunks(wave.max(1)) {
        let tallies: Vec<Result<Tally, Bad>> = parts
            .par_iter()
            .map_init(|| Anew::new(&replay.engine), |anew, part| files.replay(*part, anew, replay.show, &bar))
            .collect();
        for tally in tallies {
            match tally {
                Ok(tally) => replay.add(tally, io),
                Err(error) => {
                    bar.finish_and_clear();
                    return Err(bad(error, io));
                }
            }
        }
    }
    bar.finish_and_clear();
    Ok(replay.finish(io))
}

/// What was decided anew so far.
struct Replay {
    engine: Engine,
    show: Show,
    sum: Tally,
    /// Whether a change was written.
    has_begun: bool,
}

impl Replay {
    /// Decides some records of the log anew.
    fn add_entries(&mut self, entries: &[Entry], io: &mut Io<'_>) {
        let Self { engine, show, .. } = self;
        let tallies: Vec<Tally> = entries
            .par_chunks(PIECE)
            .map_init(
                || Anew::new(engine),
                |anew, entries| {
                    let mut tally = Tally::default();
                    entries.iter().for_each(|entry| tally_entry(entry, &mut tally, anew, *show));
                    tally
                },
            )
            .collect();
        tallies.into_iter().for_each(|tally| self.add(tally, io));
    }

    /// Adds what came next. Changes are written as they are found: there may be many.
    fn add(&mut self, mut tally: Tally, io: &mut Io<'_>) {
        for change in tally.take_changes() {
            let before = if self.has_begun { "," } else { "{\"changes\":[" };
            let _ = write!(io.out, "{before}{change}");
            self.has_begun = true;
        }
        self.sum.add(tally, self.show);
    }

    fn finish(self, io: &mut Io<'_>) -> Tally {
        let Self { show, sum, has_begun, .. } = self;
        let Tally { replayed, limited, changed, refused, .. } = &sum;
        match show {
            Show::Changes => {
                let start = if has_begun { "" } else { "{\"changes\":[" };
                let counts = format!(
                    "\"replayed\":{replayed},\"changed\":{changed},\"refused\":{refused},\"limited\":{limited}"
                );
                let _ = writeln!(io.out, "{start}],{counts}}}");
            }
            Show::Samples(_) => {
                sum.write_kinds(Style::new(io.color_out), io.out);
                let _ = writeln!(io.out, "{} decided anew, {changed} would change", counted(*replayed, "request"));
                if *refused > 0 {
                    let _ = writeln!(io.out, "{} would be refused", counted(*refused, "request"));
                }
                if *limited > 0 {
                    let _ = writeln!(io.out, "{} by a limit left out", counted(*limited, "denial"));
                }
            }
        }
        sum
    }
}

/// Decides a record of the log anew, if it is a decision.
fn tally_entry(entry: &Entry, tally: &mut Tally, anew: &mut Anew, show: Show) {
    let told = &entry.told;
    let Some(answer) = &told.answer else { return };
    let Kept { request, answer: kept } = Kept::of(entry);
    let (Some(at), Some(request), Some(kept)) = (told.instant(), request, kept) else { return };
    let reasons = &answer.context;
    let recorded = Recorded {
        node: entry.node.as_deref(),
        seq: entry.seq,
        id: told.id.as_deref(),
        at,
        is_allow: answer.decision,
        code: reasons.code.as_deref(),
        request,
        answer: kept,
    };
    tally.decide(&recorded, reasons.retry_after.is_some(), anew, show);
}

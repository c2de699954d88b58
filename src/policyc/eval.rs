//! `policyc eval`: decide requests.

use super::{
    Config, Exit, Io,
    requests::{self, Origin, Raw, Requests},
    set, show,
    style::Style,
};
use crate::{
    clock::ManualClock, decision::Decision, engine::Engine, request::Refusal, store::limits::MemoryLimits, wire,
};
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use std::{io, path::PathBuf, sync::Arc};

/// How many requests are decided together with `--parallel`.
const CHUNK: usize = 4_096;

/// Decide requests
///
/// Requests are one JSON object, an array of them, or JSON Lines. Prints one decision per line, in the order of the requests. Each request has limits of its own, as if it were the
/// first. A request that is malformed or does not fit the vocabulary is refused: in its place stands what is wrong and
/// where, as `{"error": …, "at": "/context/ip"}`, and the others are still decided.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 allowed, or several requests were decided; 1 usage, reading failed, or a request was refused; \
2 the one request is denied; 3 the policy set is not valid.

Example:
  policyc eval policies --request request.json
  policyc eval policies --request - --parallel < requests.jsonl")]
pub(super) struct Args {
    /// Policy files, folders and bundles; `-` is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The requests: a JSON object, an array, or JSON Lines; `-` is standard input
    #[arg(long, short = 'q', env = "POLICYC_EVAL_REQUEST", value_name = "FILE")]
    request: PathBuf,
    /// The time of requests that have none, instead of now
    #[arg(long, env = "POLICYC_EVAL_AT", value_name = "INSTANT", value_parser = requests::at)]
    at: Option<DateTime<Utc>>,
    /// How decisions are shown
    #[arg(long, env = "POLICYC_EVAL_FORMAT", value_enum, default_value_t = Format::Json)]
    format: Format,
    /// Refuse requests with attributes that the vocabulary does not know, instead of ignoring these
    #[arg(long, env = "POLICYC_EVAL_STRICT")]
    strict: bool,
    /// Decide many requests at a time
    #[arg(long, env = "POLICYC_EVAL_PARALLEL")]
    parallel: bool,
    /// Resources and principals with their attributes: JSON, JSON Lines or CSV
    #[arg(long, env = "POLICYC_EVAL_CATALOG", value_name = "FILE")]
    catalog: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a line
    Json,
    /// For people
    Pretty,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config) -> Exit {
    match try_run(args, io, config) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn try_run(args: &Args, io: &mut Io<'_>, config: &Config) -> Result<Exit, Exit> {
    let origin = Origin::open(&args.request, &args.paths, io)?;
    let set = set::one(&args.paths, &args.catalog, io, config)?;
    let engine = match set.bundle() {
        // It decides without a look at its texts.
        Some(path) => set.builder().strict(args.strict).open(path).map_err(|error| set::not_loaded(error, io))?,
        None => set::load(set.builder().strict(args.strict), io)?,
    };
    let style = Style::new(io.color_out);
    let evaluation = Evaluation { engine, strict: args.strict, default: requests::default_time(args.at) };
    let answer = |raw: Raw| evaluation.answer(raw, args.format, style);
    let size = if args.parallel { CHUNK } else { 1 };
    let mut tally = Tally::default();
    let decided = origin.requests(io.input).and_then(|mut requests| {
        loop {
            let chunk = chunk(&mut requests, size)?;
            if chunk.is_empty() {
                return Ok(());
            }
            let answers: Vec<Answer> = if args.parallel {
                chunk.into_par_iter().map(answer).collect()
            } else {
                chunk.into_iter().map(answer).collect()
            };
            for answer in answers {
                tally.add(answer.exit);
                if writeln!(io.out, "{}", answer.text).is_err() {
                    return Ok(());
                }
            }
            if requests.may_wait() {
                let _ = io.out.flush();
            }
        }
    });
    match decided {
        Ok(()) => Ok(tally.exit()),
        Err(error) => Err(requests::unreadable(&args.request, &error, io)),
    }
}

/// The next requests, up to so many.
fn chunk(requests: &mut Requests<'_>, size: usize) -> io::Result<Vec<Raw>> {
    let mut chunk = Vec::new();
    while chunk.len() < size
        && let Some(raw) = requests.next()?
    {
        chunk.push(raw);
    }
    Ok(chunk)
}

/// What one request came to.
struct Answer {
    text: String,
    exit: Exit,
}

struct Evaluation {
    engine: Engine,
    strict: bool,
    /// The time of requests that have none.
    default: DateTime<Utc>,
}

impl Evaluation {
    fn answer(&self, raw: Raw, format: Format, style: Style) -> Answer {
        match self.decide(raw) {
            Ok((words, decision)) => {
                let exit = if decision.is_allow() { Exit::Fine } else { Exit::Negative };
                let text = match format {
                    Format::Json => wire::decision::encode(&decision),
                    Format::Pretty => pretty(&words, &decision, style),
                };
                Answer { text, exit }
            }
            Err(refusal) => {
                let text = match format {
                    Format::Json => wire::decision::refusal(&refusal),
                    Format::Pretty => format!("{} {refusal}", style.error("refused")),
                };
                Answer { text, exit: Exit::Failed }
            }
        }
    }

    /// Decides a request with limits of its own; gives it in words, too.
    fn decide(&self, raw: Raw) -> Result<(String, Decision), Refusal> {
        let decoded = raw.decode()?;
        if let Some(refusal) = requests::strict(&decoded).filter(|_| self.strict) {
            return Err(refusal);
        }
        let mut request = decoded.request;
        let now = requests::date(&mut request, self.default);
        let fresh = self.engine.with_state(Arc::new(ManualClock::new(now)), Arc::new(MemoryLimits::default()));
        let mut decision = fresh.decide_at(&request, now)?;
        decision.ignored.splice(0..0, decoded.ignored);
        Ok((show::request(&request), decision))
    }
}

/// A decision in a few lines.
fn pretty(request: &str, decision: &Decision, style: Style) -> String {
    let mut text = format!("{}: {request}", show::verdict(decision, style));
    if let Some(rule) = &decision.rule {
        text.push_str(&style.dim(&format!("  by {}, {}", rule.name, rule.at)));
    }
    for line in show::details(decision) {
        text.push_str("\n  ");
        text.push_str(&line);
    }
    text
}

/// How a command ends that decides requests.
#[derive(Default)]
struct Tally {
    requests: usize,
    refused: bool,
    denied: bool,
}

impl Tally {
    fn add(&mut self, exit: Exit) {
        self.requests = self.requests.saturating_add(1);
        match exit {
            Exit::Failed => self.refused = true,
            Exit::Negative => self.denied = true,
            Exit::Fine | Exit::Invalid | Exit::Inconclusive => {}
        }
    }

    /// A single denial is a negative verdict; of several requests, each has its own in the output.
    const fn exit(&self) -> Exit {
        if self.refused {
            Exit::Failed
        } else if self.requests == 1 && self.denied {
            Exit::Negative
        } else {
            Exit::Fine
        }
    }
}

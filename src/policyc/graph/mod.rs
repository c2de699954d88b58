//! `policyc graph`: the decision graph, to be looked at.
//!
//! What stands in a graph, and its pictures, are for [`examine::graph`](crate::examine::graph); here it is told on a terminal.

mod json;
mod notes;
mod table;
mod text;

use super::{
    Config, Exit, Io,
    replace::replace,
    review::{At, at},
    set,
    style::{Style, cause, failed},
};
use crate::{
    check::vocabulary::Vocabulary,
    engine::Engine,
    examine::graph::{self, Chart, dot, svg},
};
use clap::ValueEnum;
use std::path::PathBuf;

/// Show the decision graph of a policy set, or of one resource
///
/// The graph is what decides: each request finds a few blocks of rules by what it is about (the resource, the principal,
/// tags, organisations) and asks their rules in a fixed order. Shown is what was compiled: a rule stands where it is filed,
/// without the tests that are settled there. Rules that `check` warns of are marked, and with `--at` those that have expired.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 shown; 1 usage, or reading or writing failed; 3 the policy set is not valid.

Example:
  policyc graph policies
  policyc graph policies --resource qwen3-7b-chat
  policyc graph policies --format svg -o graph.svg
  policyc graph policies --stats")]
pub(super) struct Args {
    /// Policy files and folders; `-` is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Show only what requests about this resource can reach; a kind other than `model` stands before a colon
    #[arg(long, short, env = "POLICYC_GRAPH_RESOURCE", value_name = "[KIND:]ID", conflicts_with = "stats")]
    resource: Option<String>,
    /// How it is shown
    #[arg(long, env = "POLICYC_GRAPH_FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Show numbers: rules, blocks, tests, bytes
    #[arg(long, env = "POLICYC_GRAPH_STATS")]
    stats: bool,
    /// Mark the rules that have expired at this instant, too; a date is its first instant, in the zone of the policies
    #[arg(long, env = "POLICYC_GRAPH_AT", value_name = "INSTANT|DATE", value_parser = at, conflicts_with = "stats")]
    at: Option<At>,
    /// Write it to a file
    #[arg(short, long, env = "POLICYC_GRAPH_OUTPUT", value_name = "FILE")]
    output: Option<PathBuf>,
    /// Resources and principals with their attributes: JSON, JSON Lines or CSV
    #[arg(long, env = "POLICYC_GRAPH_CATALOG", value_name = "FILE")]
    catalog: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A tree, for people
    #[value(alias = "pretty")]
    Text,
    /// One JSON document
    Json,
    /// The language of Graphviz
    Dot,
    /// A picture
    Svg,
}

/// A resource's kind and id. What stands before a colon is a kind only if the set knows it: ids have colons, too.
fn resource<'a>(text: &'a str, vocabulary: &Vocabulary) -> (&'a str, &'a str) {
    let kind = text.split_once(':').filter(|(kind, _)| vocabulary.resource_kinds.contains(*kind));
    kind.unwrap_or(("model", text))
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config) -> Exit {
    match try_run(args, io, config) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn try_run(args: &Args, io: &mut Io<'_>, config: &Config) -> Result<Exit, Exit> {
    let picture = matches!(args.format, Format::Dot | Format::Svg);
    if args.stats && picture {
        return Err(failed(io, "numbers have no picture", Some("`--stats` goes with `--format text` or `json`")));
    }
    let set = set::one(&args.paths, &args.catalog, io, config)?;
    let engine = set::load(set.builder(), io)?;
    // A file has no colours, and is as wide as it is read anywhere.
    let page = match args.output {
        None => text::Page { style: Style::new(io.color_out), width: io.width },
        Some(_) => text::Page { style: Style::new(false), width: 100 },
    };
    let shown = if args.stats { numbers(args, &engine, page) } else { chart(args, &engine, page) };
    match &args.output {
        None => drop(io.out.write_all(shown.as_bytes())),
        Some(path) => replace(path, shown.as_bytes())
            .map_err(|error| failed(io, &format!("cannot write `{}`: {}", path.display(), cause(&error)), None))?,
    }
    Ok(Exit::Fine)
}

fn numbers(args: &Args, engine: &Engine, page: text::Page) -> String {
    let stats = graph::stats::stats(engine);
    if args.format == Format::Json { json::numbers(&stats) } else { table::render(&stats, page.style) }
}

fn chart(args: &Args, engine: &Engine, page: text::Page) -> String {
    let mut chart: Chart = match &args.resource {
        None => graph::whole(engine),
        Some(text) => {
            let (kind, id) = resource(text, &engine.ir().vocabulary);
            graph::around(engine, kind, id)
        }
    };
    chart.note(&notes::of(engine, args.at));
    match args.format {
        Format::Text => page.render(&chart),
        Format::Json => json::chart(&chart),
        Format::Dot => dot::render(&chart),
        Format::Svg => svg::render(&chart),
    }
}

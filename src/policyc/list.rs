//! `policyc list`: the declared resources that a principal may use.

use super::{
    Config, Exit, Io, asked,
    requests::{at, date, default_time},
    set, show,
    style::counted,
};
use crate::{check::Ir, engine::Usable, examine::text::quoted, wire};
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use serde::Serialize;
use std::{fmt::Write, path::PathBuf};

/// List the declared resources that a principal may use
///
/// Each declared resource is decided by the decision graph, which finds the few rules that can speak of it. Patterns of
/// resources are not listed: they stand for any number of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 shown; 1 usage, or a file cannot be read; 3 the policy set is not valid.

Example:
  policyc list policies --action download --principal '{\"type\": \"user\", \"id\": \"alice@company.com\"}'")]
pub(super) struct Args {
    /// Policy files, folders and bundles; `-` is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Who asks, as the subject of a request
    #[arg(long, env = "POLICYC_LIST_PRINCIPAL", value_name = "JSON")]
    principal: String,
    /// What is done
    #[arg(long, env = "POLICYC_LIST_ACTION", value_name = "A")]
    action: String,
    /// Circumstances, as in a request
    #[arg(long, env = "POLICYC_LIST_CONTEXT", value_name = "JSON")]
    context: Option<String>,
    /// The time, where the circumstances have none; now unless told otherwise
    #[arg(long, env = "POLICYC_LIST_AT", value_name = "INSTANT", value_parser = at)]
    at: Option<DateTime<Utc>>,
    /// Only resources of this kind
    #[arg(long, env = "POLICYC_LIST_KIND", value_name = "KIND")]
    kind: Option<String>,
    /// How they are shown
    #[arg(long, env = "POLICYC_LIST_FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// Resources and principals with their attributes: JSON, JSON Lines or CSV
    #[arg(long, env = "POLICYC_LIST_CATALOG", value_name = "FILE")]
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
    let (kind, context) = (args.kind.as_deref(), args.context.as_deref());
    let mut asked = asked::request(Some(&args.principal), &args.action, (kind.unwrap_or("model"), "any"), context, io)?;
    date(&mut asked, default_time(args.at));
    let engine = set::load(set::one(&args.paths, &args.catalog, io, config)?.builder(), io)?;
    asked::knows_action(&engine, &args.action, io)?;
    let found = engine.usable(&asked, kind).map_err(|refusal| asked::refused(&refusal, io))?;
    let text = match args.format {
        Format::Pretty => pretty(engine.ir(), &found),
        Format::Json => json(engine.ir(), &found),
    };
    let _ = io.out.write_all(text.as_bytes());
    Ok(Exit::Fine)
}

fn pretty(ir: &Ir, found: &[Usable]) -> String {
    let mut text = String::new();
    for usable in found {
        let duties = usable.obligations.iter().map(ToString::to_string);
        let more: Vec<String> = limits(ir, usable).into_iter().chain(duties).collect();
        let more = if more.is_empty() { String::new() } else { format!("  {}", more.join(", ")) };
        let _ = writeln!(text, "{} {}{more}", usable.kind, quoted(&usable.id));
    }
    let _ = writeln!(text, "{}", counted(found.len(), "resource"));
    text
}

/// The limits that come with a resource, in words.
fn limits(ir: &Ir, usable: &Usable) -> Vec<String> {
    usable.limits.iter().filter_map(|id| show::limit(ir, *id)).collect()
}

#[derive(Serialize)]
struct Report<'a> {
    resources: Vec<Shape<'a>>,
}

#[derive(Serialize)]
struct Shape<'a> {
    r#type: &'a str,
    id: &'a str,
    obligations: serde_json::Value,
    limits: Vec<String>,
}

fn json(ir: &Ir, found: &[Usable]) -> String {
    let mut resources = Vec::new();
    for usable in found {
        let obligations = wire::decision::obligations(&usable.obligations);
        resources.push(Shape { r#type: &usable.kind, id: &usable.id, obligations, limits: limits(ir, usable) });
    }
    let mut text = serde_json::to_string(&Report { resources }).unwrap_or_default();
    text.push('\n');
    text
}

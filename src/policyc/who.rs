//! `policyc who`: who may do something to a resource.

use super::{
    Config, Exit, Io, asked, set, show,
    style::{Style, complain, counted},
};
use crate::{
    decision::Decision,
    engine::Engine,
    examine::text::{name, quoted},
    query::{Budget, Who, WhoCase, who},
    wire,
};
use clap::ValueEnum;
use serde::Serialize;
use std::{fmt::Write, path::PathBuf};

/// Show who may do something to a resource
///
/// One case for each rule that allows it: whom the rule speaks of and under which circumstances, except where other rules
/// decide, and the principals with a name that it lets through.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 shown; 1 usage, or a file cannot be read; 3 the policy set is not valid; 4 not all was found out within the \
budget.

Example:
  policyc who policies --action download --resource qwen3-7b-chat
  policyc who policies --action view --resource c4 --kind dataset --context '{\"ip\": \"10.0.0.1\"}'")]
pub(super) struct Args {
    /// Policy files, folders and bundles; `-` is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What is done
    #[arg(long, env = "POLICYC_WHO_ACTION", value_name = "A")]
    action: String,
    /// The resource's id
    #[arg(long, env = "POLICYC_WHO_RESOURCE", value_name = "ID")]
    resource: String,
    /// The resource's kind
    #[arg(long, env = "POLICYC_WHO_KIND", value_name = "KIND", default_value = "model")]
    kind: String,
    /// Circumstances, as in a request; those that are not given may be any
    #[arg(long, env = "POLICYC_WHO_CONTEXT", value_name = "JSON")]
    context: Option<String>,
    /// How many steps the question about each rule may cost
    #[arg(long, env = "POLICYC_WHO_BUDGET", value_name = "N", default_value_t = Budget::USUAL.left())]
    budget: u64,
    /// How it is shown
    #[arg(long, env = "POLICYC_WHO_FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// Resources and principals with their attributes: JSON, JSON Lines or CSV
    #[arg(long, env = "POLICYC_WHO_CATALOG", value_name = "FILE")]
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
    let asked = asked::request(None, &args.action, (&args.kind, &args.resource), args.context.as_deref(), io)?;
    let engine = set::load(set::one(&args.paths, &args.catalog, io, config)?.builder(), io)?;
    asked::knows_action(&engine, &args.action, io)?;
    let found = who(engine.ir(), &asked, Budget::new(args.budget)).map_err(|refusal| asked::refused(&refusal, io))?;
    let text = match args.format {
        Format::Pretty => pretty(&engine, &found, io.color_out),
        Format::Json => json(&engine, &found),
    };
    let _ = io.out.write_all(text.as_bytes());
    if found.inconclusive.is_empty() {
        return Ok(Exit::Fine);
    }
    let rules: Vec<String> = found.inconclusive.iter().map(|rule| rule_name(&engine, *rule)).collect();
    complain(io, &format!("it was not found out whom {} allows it", rules.join(", ")), Some("give it more `--budget`"));
    Ok(Exit::Inconclusive)
}

fn rule_name(engine: &Engine, id: crate::check::ir::RuleId) -> String {
    engine.ir().rules.find(id).map(|rule| name(&rule.name())).unwrap_or_default()
}

/// What comes with a case: its limits and its duties.
fn comes_with(engine: &Engine, case: &WhoCase) -> (Vec<String>, Option<Decision>) {
    let limits = case.verdict.limits.iter().filter_map(|id| show::limit(engine.ir(), *id));
    (limits.collect(), engine.unlimited(&case.witness).ok())
}

fn pretty(engine: &Engine, found: &Who, color: bool) -> String {
    let style = Style::new(color);
    let mut text = String::new();
    for case in &found.cases {
        let Some(rule) = engine.ir().rules.find(case.rule) else { continue };
        let scope = style.bold(&show::scope(engine.sources(), rule));
        let _ = writeln!(text, "{} {scope}\n  allowed by {} ({})", style.good("+"), name(&rule.name()), rule.place());
        let mut line = |word: &str, items: Vec<String>| {
            if !items.is_empty() {
                let _ = writeln!(text, "  {word}: {}", items.join(", "));
            }
        };
        line("except where one of these decides", case.except.iter().map(|id| rule_name(engine, *id)).collect());
        line("among them", case.principals.iter().map(|(kind, id)| format!("{kind} {}", quoted(id))).collect());
        let (limits, decision) = comes_with(engine, case);
        line("limits", limits);
        line("duties", decision.iter().flat_map(|decision| &decision.obligations).map(ToString::to_string).collect());
        line("for example", vec![wire::request::text(&case.witness)]);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let total = match found.cases.len() {
        // Of whom it is not known is not nobody.
        0 if !found.inconclusive.is_empty() => "no case was found".to_owned(),
        0 => "nobody".to_owned(),
        count => counted(count, "case"),
    };
    let _ = writeln!(text, "{total}");
    text
}

#[derive(Serialize)]
struct Report<'a, R: Serialize> {
    cases: Vec<CaseShape<'a, R>>,
}

#[derive(Serialize)]
struct CaseShape<'a, R: Serialize> {
    rule: String,
    at: String,
    when: String,
    except: Vec<String>,
    principals: Vec<Principal<'a>>,
    limits: Vec<String>,
    obligations: serde_json::Value,
    witness: R,
}

#[derive(Serialize)]
struct Principal<'a> {
    r#type: &'a str,
    id: &'a str,
}

fn json(engine: &Engine, found: &Who) -> String {
    let shape = |case: &'_ WhoCase| {
        let rule = engine.ir().rules.find(case.rule)?;
        let (limits, decision) = comes_with(engine, case);
        Some((
            rule,
            limits,
            wire::decision::obligations(decision.as_ref().map_or(&[], |decision| &decision.obligations)),
        ))
    };
    let cases = found.cases.iter().filter_map(|case| {
        let (rule, limits, obligations) = shape(case)?;
        Some(CaseShape {
            rule: rule.name().to_string(),
            at: rule.place().to_string(),
            when: show::scope(engine.sources(), rule),
            except: case.except.iter().filter_map(|id| Some(engine.ir().rules.find(*id)?.name().to_string())).collect(),
            principals: case.principals.iter().map(|(kind, id)| Principal { r#type: kind, id }).collect(),
            limits,
            obligations,
            witness: wire::request::view(&case.witness),
        })
    });
    let mut text = serde_json::to_string(&Report { cases: cases.collect() }).unwrap_or_default();
    text.push('\n');
    text
}

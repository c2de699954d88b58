//! `policyc prove`: are the claims of a policy set true of every request.

mod json;
mod pretty;

use super::{Config, Exit, Io, claims, set, style::failed};
use crate::{
    ast::{self, ItemKind},
    check::ir::Claim,
    engine::Engine,
    query::{Budget, Proof},
    source::{FileId, Source, Span},
};
use clap::ValueEnum;
use std::path::PathBuf;

/// What the claims of the command line are called.
const CLAIM_NAME: &str = "<claim>";

/// Prove claims about all requests, or refute them with a request.
///
/// A claim, `never allow …` or `always allow …`, is proved for all requests there can be, or refuted by one of them, which
/// the reference evaluator has confirmed. `check` proves the claims of a set, too; this shows each, and those that are given
/// with `--claim`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 all claims hold; 1 usage, or a file cannot be read; 2 a claim is refuted; 3 the policy set or a claim is not \
valid; 4 a claim is neither proved nor refuted within the budget.

Example:
  policyc prove policies
  policyc prove policies --claim 'never allow anonymous to download on tag risk'")]
pub(super) struct Args {
    /// Policy files and folders; `-` is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Prove this claim instead of those in the files; may be repeated
    #[arg(long, env = "POLICYC_PROVE_CLAIM", value_name = "TEXT")]
    claim: Vec<String>,
    /// How many steps each claim may cost
    #[arg(long, env = "POLICYC_PROVE_BUDGET", value_name = "N", default_value_t = Budget::USUAL.left())]
    budget: u64,
    /// How it is shown what became of the claims
    #[arg(long, env = "POLICYC_PROVE_FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// Resources and principals with their attributes: JSON, JSON Lines or CSV
    #[arg(long, env = "POLICYC_PROVE_CATALOG", value_name = "FILE")]
    catalog: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, with the source
    Pretty,
    /// One JSON document
    Json,
}

/// A policy set, and what became of claims about it.
struct Proved {
    engine: Engine,
    proofs: Vec<Proof>,
}

impl Proved {
    /// The text of a claim, without what ends it.
    fn text(&self, proof: &Proof) -> &str {
        self.engine.sources().slice(proof.at).trim_end().trim_end_matches(';')
    }

    /// Its file as given, and its line.
    fn place(&self, at: Span) -> (&str, usize) {
        self.engine.sources().get(at.file).map_or(("", 0), |source| (source.name(), source.line(at.start)))
    }
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config) -> Exit {
    let text = match claims_text(&args.claim) {
        Ok(text) => text,
        Err(claim) => {
            let help = "a claim is like `never allow anonymous to download`";
            return failed(io, &format!("`{claim}` is no claim"), Some(help));
        }
    };
    let sets = match set::sets(&args.paths, &args.catalog, io, config) {
        Ok(sets) => sets,
        Err(exit) => return exit,
    };
    let mut exit = Exit::Fine;
    let mut all = Vec::new();
    for set in &sets {
        let builder = set.builder();
        let builder = if text.is_empty() { builder } else { builder.text(CLAIM_NAME, &text) };
        match set::load(builder, io) {
            Ok(engine) => {
                let proofs = claims::prove(&engine, &wanted(&engine, !text.is_empty()), Budget::new(args.budget), io);
                exit = proofs.iter().map(|proof| claims::exit(&proof.finding)).fold(exit, Exit::max);
                all.push(Proved { engine, proofs });
            }
            Err(failure) => exit = exit.max(failure),
        }
    }
    if all.is_empty() {
        return exit;
    }
    let text = match args.format {
        Format::Pretty => pretty::render(&all, io.color_out, io.width),
        Format::Json => json::render(&all),
    };
    let _ = io.out.write_all(text.as_bytes());
    exit
}

/// The claims to prove: those of the command line, if there are any.
fn wanted(engine: &Engine, given: bool) -> Vec<&Claim> {
    let is_given = |claim: &&Claim| {
        let source = engine.sources().get(claim.at.file);
        source.is_some_and(|source| source.name() == CLAIM_NAME)
    };
    engine.ir().claims.iter().filter(|claim| !given || is_given(claim)).collect()
}

/// Claims of the command line as the text of a file; a `;` at the end of each may be left out.
///
/// # Errors
/// The first that is some other statement. What is wrong with a claim itself is found when the set is checked.
fn claims_text(claims: &[String]) -> Result<String, &str> {
    let mut text = String::new();
    for claim in claims {
        let claim = claim.trim();
        let end = if claim.ends_with(';') { "" } else { ";" };
        let line = format!("{claim}{end}\n");
        let (tree, _) = ast::parse(FileId(0), &Source::new(CLAIM_NAME, CLAIM_NAME, &*line));
        if tree.items.iter().any(|item| !matches!(item.kind, ItemKind::Invariant(_))) || claim.is_empty() {
            return Err(claim);
        }
        text.push_str(&line);
    }
    Ok(text)
}

//! What `check` and `prove` have in common: proofs with progress, and how a command ends on what they found.

use super::{Exit, Io};
use crate::{
    check::ir::Claim,
    engine::Engine,
    query::{Budget, Finding, Progress, Proof, prove_some},
    report::{Diagnostic, codes},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// How often a person is shown that a proof goes on.
const TICK: Duration = Duration::from_millis(250);

/// Proves claims of a set; a person is shown how far it is.
pub(super) fn prove(engine: &Engine, claims: &[&Claim], budget: Budget, io: &Io<'_>) -> Vec<Proof> {
    let bar = if claims.is_empty() { ProgressBar::hidden() } else { bar("proving claims", io) };
    let proofs = prove_some(engine.ir(), claims, budget, |Progress { done, all }| {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        bar.set_length(count(all));
        bar.set_position(count(done));
    });
    bar.finish_and_clear();
    proofs
}

/// A bar that shows a person how far a search is.
pub(super) fn bar(what: &str, io: &Io<'_>) -> ProgressBar {
    if !io.interactive {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
    let bar = match ProgressStyle::with_template(&format!("{what} {{bar:40}} {{pos}} of {{len}} cases, {{elapsed}}")) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    };
    bar.enable_steady_tick(TICK);
    bar
}

/// How a command ends that found this out about a claim.
pub(super) const fn exit(finding: &Finding) -> Exit {
    match finding {
        Finding::Holds => Exit::Fine,
        Finding::Refuted(_) => Exit::Negative,
        Finding::Inconclusive => Exit::Inconclusive,
    }
}

/// How a command ends that found this: what is wrong with a claim leaves the set valid.
pub(super) fn exit_of(found: &Diagnostic) -> Exit {
    match found.code() {
        _ if !found.is_error() => Exit::Fine,
        code if code == codes::REFUTED => Exit::Negative,
        code if code == codes::INCONCLUSIVE => Exit::Inconclusive,
        _ => Exit::Invalid,
    }
}

//! What became of claims, as findings with the source that they speak of.

use super::prove::{Counterexample, Finding, Proof};
use crate::{
    check::Ir,
    eval::verdict::Outcome,
    report::{Diagnostic, codes},
    request::{Input, Properties, Request},
    wire,
};

/// The findings of proofs, in their order; claims that hold have none.
#[must_use]
pub fn findings(ir: &Ir, proofs: &[Proof]) -> Vec<Diagnostic> {
    proofs.iter().filter_map(|proof| finding(ir, proof)).collect()
}

fn finding(ir: &Ir, proof: &Proof) -> Option<Diagnostic> {
    match &proof.finding {
        Finding::Holds => None,
        Finding::Refuted(example) => Some(refuted(ir, proof, example)),
        Finding::Inconclusive => {
            let message = format!("the claim `{}` is neither proved nor refuted", proof.name);
            let found = Diagnostic::new(codes::INCONCLUSIVE, proof.at, message);
            let found = found.label("the budget was used up before one or the other was certain");
            Some(found.help("give it more steps with `--budget`, or say it of fewer requests"))
        }
    }
}

fn refuted(ir: &Ir, proof: &Proof, example: &Counterexample) -> Diagnostic {
    let (outcome, decided) = match example.verdict.outcome {
        Outcome::Allow(_) => ("allowed", "this rule allows it"),
        Outcome::Deny(_) | Outcome::NoRule | Outcome::UnknownAction => ("denied", "this rule denies it"),
    };
    let found = Diagnostic::new(
        codes::REFUTED,
        proof.at,
        format!("the claim `{}` is refuted: it speaks of a request that is {outcome}", proof.name),
    );
    let found = match example.rule().and_then(|id| ir.rules.find(id)) {
        Some(rule) => found.also(rule.at, decided),
        None => found.label("no rule allows it"),
    };
    found.help(format!("a request that shows it: {}", written(&example.request)))
}

/// A request as JSON, and what JSON cannot say of it.
fn written(request: &Request) -> String {
    let json = wire::request::text(request);
    let unknown = unknown(request);
    if unknown.is_empty() {
        json
    } else {
        format!("{json}, of which {} is unknown in spite of its default", unknown.join(", "))
    }
}

/// The attributes that a request says are unknown, as pointers into its JSON form: that can only leave them out, and then
/// they have their defaults.
#[must_use]
pub fn unknown(request: &Request) -> Vec<String> {
    let mut found = Vec::new();
    for (at, properties) in [
        ("/subject/properties", &request.principal.properties),
        ("/action/properties", &request.action_properties),
        ("/resource/properties", &request.resource.properties),
        ("/context", &request.context),
    ] {
        collect(at, properties, &mut found);
    }
    found
}

fn collect(at: &str, properties: &Properties, found: &mut Vec<String>) {
    for (name, input) in properties {
        let at = format!("{at}/{name}");
        match input {
            Input::Unknown => found.push(at),
            Input::Object(inner) => collect(&at, inner, found),
            Input::None | Input::Bool(_) | Input::Int(_) | Input::Float(_) | Input::Text(_) | Input::List(_) => {}
        }
    }
}

//! What became of claims, as findings with the source that they speak of.

use super::{
    idle::{Idle, IdleRule},
    prove::{Counterexample, Finding, Proof},
};
use crate::{
    check::{
        Ir,
        ir::{Cond, Effect, Rule},
    },
    eval::verdict::Outcome,
    report::{Diagnostic, codes},
    request::{Input, Properties, Request},
    source::Span,
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

/// What is to be said of rules that change nothing, unless it is silenced, or the warnings that checking gave say why.
#[must_use]
pub fn idle_findings(ir: &Ir, idle: &[IdleRule], warnings: &[Diagnostic]) -> Vec<Diagnostic> {
    let says_why = |found: &Diagnostic, warning: &Diagnostic| {
        let (rule, at) = (found.span(), warning.span());
        let inside = rule.file == at.file && rule.start <= at.start && at.end <= rule.end;
        warning.code() == codes::NO_ACTIONS || (warning.code() == codes::NEVER_HOLDS && inside)
    };
    let found = idle.iter().filter_map(|idle| Some((ir.rules.find(idle.rule)?, idle)));
    let found = found.map(|(rule, idle)| {
        let opposite = match &idle.why {
            Idle::NeverDecides(_) => opposite(ir, rule),
            Idle::NeverFires | Idle::Redundant(_) => None,
        };
        opposite.map_or_else(|| idle_finding(ir, rule, &idle.why), |deny| opposite_finding(rule, deny))
    });
    let is_silenced = |found: &Diagnostic| {
        let (code, at) = (found.code(), found.span());
        let covers = |covers: Span| covers.file == at.file && (covers.start..=covers.end).contains(&at.start);
        ir.silenced.iter().any(|silenced| silenced.code == code && covers(silenced.covers))
    };
    let is_known = |found: &Diagnostic| warnings.iter().any(|warning| says_why(found, warning));
    found.filter(|found| !is_silenced(found) && !is_known(found)).collect()
}

fn idle_finding(ir: &Ir, rule: &Rule, why: &Idle) -> Diagnostic {
    let name = rule.name();
    let (code, message, others, help) = match why {
        Idle::NeverFires => (
            codes::NEVER_DECIDES,
            format!("the rule `{name}` never decides: no request makes it fire"),
            &[][..],
            "what it asks for contradicts itself, or what is declared",
        ),
        Idle::NeverDecides(others) => (
            codes::NEVER_DECIDES,
            format!("the rule `{name}` never decides: wherever it fires, a prohibition decides before it"),
            &**others,
            "remove it, or make it an exception of what stands before it",
        ),
        Idle::Redundant(others) => (
            codes::REDUNDANT,
            format!("the rule `{name}` is not needed: whatever it allows is allowed without it"),
            &**others,
            "remove it, or say in it what makes it different",
        ),
    };
    let label = match (code == codes::REDUNDANT, others.len()) {
        (true, 1) => "this rule allows it all",
        (true, _) => "together with others, this rule allows it",
        (false, 1) => "this rule decides it all",
        (false, _) => "together with others, this rule decides it",
    };
    let others = others.iter().filter_map(|id| ir.rules.find(*id));
    others.fold(Diagnostic::new(code, rule.at, message), |found, other| found.also(other.at, label)).help(help)
}

/// The prohibition that says of just the same requests the opposite of what an `allow` says.
fn opposite<'a>(ir: &'a Ir, rule: &Rule) -> Option<&'a Rule> {
    if !matches!(rule.effect, Effect::Allow) {
        return None;
    }
    let said = conditions(rule);
    let denies = ir.rules.iter().filter(|other| !other.shadow && matches!(other.effect, Effect::Deny(_)));
    let mut alike = denies.filter(|deny| deny.actions == rule.actions).filter(|deny| {
        let other = conditions(deny);
        other.len() == said.len() && said.iter().all(|cond| other.contains(cond))
    });
    alike.next()
}

/// What must hold for a rule, each condition once.
fn conditions(rule: &Rule) -> Vec<&Cond> {
    let mut conditions: Vec<&Cond> = Vec::new();
    for part in rule.parts.iter().filter(|part| part.cond != Cond::constant(true)) {
        if !conditions.contains(&&part.cond) {
            conditions.push(&part.cond);
        }
    }
    conditions
}

fn opposite_finding(rule: &Rule, deny: &Rule) -> Diagnostic {
    let message = format!("the rule `{}` contradicts `{}`, and the prohibition wins", rule.name(), deny.name());
    Diagnostic::new(codes::OPPOSITE, rule.at, message)
        .also(deny.at, "this rule denies just what it allows")
        .help("remove one of them, or say in the prohibition whom it spares")
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

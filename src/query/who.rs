//! Who may do something to a resource: the requests that are allowed, by the rule that allows them.
//!
//! The first `allow` that fires decides, so that the cases have no request in common. A case is told in difference form: its
//! rule, except where another one allows before it or a prohibition applies.

use super::{
    ask::{Answer, Asked},
    budget::Budget,
    search::{Known, Lit},
    shrink::shrink,
    space::{Frame, Given, PersonId, Shown, SideId},
};
use crate::{
    check::{
        Ir,
        ir::{Effect, Rule, RuleId},
        vocabulary::Owner,
    },
    eval::{
        facts::Facts,
        reference::evaluate,
        verdict::{Outcome, Verdict},
    },
    request::{Refusal, Request},
};
use std::sync::Arc;

/// Who may do something.
#[derive(Debug, Clone)]
pub struct Who {
    /// By rule, in source order.
    pub cases: Vec<WhoCase>,
    /// Rules of which it was not found out within the budget whether they allow it.
    pub inconclusive: Vec<RuleId>,
}

/// Those whom a rule allows something.
#[derive(Debug, Clone)]
pub struct WhoCase {
    /// The rule.
    pub rule: RuleId,
    /// The rules because of which it does not decide where they fire, too: prohibitions, and an `allow` before it.
    pub except: Vec<RuleId>,
    /// The principals that are named or declared, and that it can allow it: by kind and id.
    pub principals: Vec<(Arc<str>, Arc<str>)>,
    /// A request that it allows, with no more than it needs, confirmed by the reference evaluator.
    pub witness: Request,
    /// What the rules say of it.
    pub verdict: Verdict,
}

/// The set that is asked about is the only one.
const SIDE: SideId = SideId(0);

/// Who may do what a request says to its resource, in its circumstances; whoever asks in it, and what it says of the
/// resource. Circumstances that it does not give may be any. Each rule's question has the whole budget.
///
/// # Errors
/// If the request does not fit the vocabulary.
pub fn who(ir: &Ir, asked: &Request, budget: Budget) -> Result<Who, Refusal> {
    let facts = Facts::new(&ir.vocabulary, asked, false)?;
    let frame = Frame::new(&[ir]);
    let side = &frame.sides[SIDE];
    let mut given = Given { context: asked.context.clone(), apart: true, ..Given::default() };
    for (attr, row) in ir.vocabulary.attributes.pairs() {
        if row.owner == Owner::Context && gives(asked, &row.name) {
            given.values.insert(side.key(attr), Shown::of(facts.get(attr).cloned()));
        }
    }
    let case = frame.case(&asked.resource.kind, &asked.resource.id);
    let mut scene = Asked::given(&frame, case, &[], given);
    let [action, knows] = [scene.scene.action(&asked.action), scene.scene.knows_action(SIDE)];
    let rules: Vec<(RuleId, &Rule)> = scene.rules[SIDE].iter().filter(|(_, rule)| !rule.shadow).copied().collect();
    let (mut allows, mut denies) = (Vec::new(), Vec::new());
    for (id, rule) in rules {
        let fires = |scene: &mut Asked<'_>| (id, scene.scene.fires(SIDE, rule));
        match rule.effect {
            Effect::Allow => allows.push(fires(&mut scene)),
            Effect::Deny(_) | Effect::Gate(..) => denies.push(fires(&mut scene)),
            Effect::Limit(..) | Effect::Oblige(_) => {}
        }
    }
    let not_denied = scene.scene.search.all(denies.iter().map(|(_, lit)| !*lit).chain([action, knows]));
    let mut found = Who { cases: Vec::new(), inconclusive: Vec::new() };
    let mut open = not_denied;
    for (place, (id, fires)) in allows.iter().enumerate() {
        let decides = scene.scene.search.all([open, *fires]);
        open = scene.scene.search.all([open, !*fires]);
        match witness(ir, &mut scene, *id, decides, budget) {
            Answer::Nothing => {}
            Answer::Inconclusive => found.inconclusive.push(*id),
            Answer::Witness(request) => {
                let others = || denies.iter().chain(allows.iter().take(place));
                let here = scene.scene.search.all([action, *fires]);
                let lits: Vec<Lit> = others().map(|(_, lit)| *lit).collect();
                let known = scene.scene.search.given(here, &lits);
                let possible = others().zip(known).filter(|(_, known)| *known != Known::False);
                let except = possible.filter(|((_, lit), _)| {
                    let both = scene.scene.search.all([here, *lit]);
                    scene.find(both, &mut { budget }, |_| true) != Answer::Nothing
                });
                let except = except.map(|((id, _), _)| *id).collect();
                let principals = principals(ir, &mut scene, *id, decides, budget);
                match Facts::new(&ir.vocabulary, &request, false) {
                    Ok(facts) => {
                        let verdict = evaluate(ir, &facts);
                        found.cases.push(WhoCase { rule: *id, except, principals, witness: *request, verdict });
                    }
                    // A request that was confirmed is not refused.
                    Err(_) => found.inconclusive.push(*id),
                }
            }
        }
    }
    Ok(found)
}

/// Whether a request gives an attribute of the context.
fn gives(request: &Request, name: &str) -> bool {
    let first = name.split('.').next().unwrap_or(name);
    request.context.contains_key(first)
}

/// A request that a rule allows, with no more than it needs.
fn witness(ir: &Ir, scene: &mut Asked<'_>, rule: RuleId, decides: Lit, budget: Budget) -> Answer {
    let context = scene.scene.space.ground.given.context.clone();
    let allowed = |request: &Request| {
        let facts = Facts::new(&ir.vocabulary, request, false).ok()?;
        let given = context.iter().all(|(name, input)| request.context.get(name) == Some(input));
        (given && evaluate(ir, &facts).outcome == Outcome::Allow(rule)).then_some(())
    };
    match scene.find(decides, &mut { budget }, |request| allowed(request).is_some()) {
        Answer::Witness(request) => Answer::Witness(shrink(*request, allowed).into()),
        other @ (Answer::Nothing | Answer::Inconclusive) => other,
    }
}

/// The principals with a name that a rule can allow it.
fn principals(ir: &Ir, scene: &mut Asked<'_>, rule: RuleId, decides: Lit, budget: Budget) -> Vec<(Arc<str>, Arc<str>)> {
    let people = scene.scene.space.people.classes.iter();
    let named: Vec<(Arc<str>, Arc<str>)> = people
        .filter_map(|person| match (&person.kind, &person.id) {
            (Some(kind), PersonId::Is(id)) => Some((kind.clone(), id.clone())),
            (_, PersonId::Is(_) | PersonId::Other | PersonId::Missing) => None,
        })
        .collect();
    let can = |(kind, id): &(Arc<str>, Arc<str>)| {
        let is =
            scene.scene.person(|person| person.kind.as_ref() == Some(kind) && person.id == PersonId::Is(id.clone()));
        let both = scene.scene.search.all([decides, is]);
        matches!(witness(ir, scene, rule, both, budget), Answer::Witness(_))
    };
    named.into_iter().filter(can).collect()
}

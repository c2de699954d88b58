//! Cases at the bounds of a set, for a person to accept.
//!
//! For each condition that a rule hangs on and each bound in it, the requests just inside and just outside: the request of
//! a test where the rule hangs on the condition, else the smallest that there is, with only the bounded attribute changed.
//! What is expected is what the set decides now; whether that is meant, only its authors know.

mod bounds;

use super::{
    coverage::{Conditions, Written, conditions, hanging, hangs as hangs_on},
    test::{at_time, run_one},
    text::one_line,
    written::{Asked, countable, expectation, test},
};
use crate::{
    check::{
        ir::{Effect, Rule, RuleId, StepKind, Test},
        vocabulary::{AttrId, Owner, builtin},
    },
    clock::ManualClock,
    decision::Decision,
    engine::{Engine, LoadError},
    eval::{facts::Facts, kleene::Kleene},
    query::{Budget, Reached, Wish, reach},
    request::{Request, insert},
    store::limits::MemoryLimits,
};
use bounds::{Near, bounds};
use chrono::{DateTime, Utc};
use rayon::prelude::{IntoParallelIterator, ParallelIterator};
use std::sync::Arc;

/// The most requests that a case makes for a limit.
const MANY: u64 = 1_000;
/// What it may cost to find a request.
const BUDGET: Budget = Budget::new(50_000);
/// What stands for the file of the cases.
const FILE: &str = "generated_test.policy";

/// Tests of the bounds of a set, in canonical layout: in source order, without cases that its tests have already. Each
/// passes.
///
/// # Errors
/// If the set cannot be loaded again.
pub fn generate(engine: &Engine) -> Result<Vec<String>, LoadError> {
    let conditions = conditions(engine)?;
    let known = known(engine);
    let generator = Generator { engine, conditions: &conditions, known: &known };
    let rules: Vec<RuleId> = engine.ir().rules.pairs().map(|(id, _)| id).collect();
    let found: Vec<Vec<(String, Vec<Asked>)>> = rules.into_par_iter().map(|id| generator.of_rule(id)).collect();
    // A bound that several rules share is asked about once.
    let mut seen: Vec<Asked> =
        known.into_iter().filter_map(|request| Asked::new(&engine.ir().vocabulary, &request)).collect();
    let mut tests = Vec::new();
    for (test, asked) in found.into_iter().flatten() {
        if asked.iter().any(|asked| !seen.contains(asked)) && passes(engine, &test) {
            seen.extend(asked);
            tests.push(test);
        }
    }
    Ok(tests)
}

/// The requests of a set's tests.
fn known(engine: &Engine) -> Vec<Request> {
    let of = |test: &Test| -> Vec<Request> {
        let steps = test.steps.iter().filter_map(|step| match &step.kind {
            StepKind::Case { request, own_time, .. } => {
                Some(at_time(request, (test.time_given && !own_time).then_some(test.start)))
            }
            StepKind::Release { .. } => None,
        });
        steps.collect()
    };
    engine.ir().tests.iter().flat_map(of).collect()
}

/// Whether a test passes beside those of the set.
fn passes(engine: &Engine, test: &str) -> bool {
    let Ok(with) = engine.variant(|_, _| None, &[(FILE, test)]) else { return false };
    let is_new = |test: &&Test| with.sources().get(test.at.file).is_some_and(|source| source.name() == FILE);
    with.ir().tests.iter().filter(is_new).all(|test| run_one(&with, test).passed())
}

struct Generator<'a> {
    engine: &'a Engine,
    conditions: &'a Conditions,
    known: &'a [Request],
}

impl Generator<'_> {
    /// Tests of the bounds of a rule, each with the cases that it has.
    fn of_rule(&self, id: RuleId) -> Vec<(String, Vec<Asked>)> {
        let Some(rule) = self.engine.ir().rules.find(id) else { return Vec::new() };
        let mut tests = Vec::new();
        if let Some(written) = self.conditions.get(&id) {
            for (place, (at, cond)) in written.conditions.iter().enumerate() {
                let mut atoms = Vec::new();
                cond.atoms(&mut |atom| atoms.push(atom.clone()));
                let Some(base) = self.base(id, written, place) else { continue };
                for atom in &atoms {
                    let Ok(facts) = Facts::new(&self.engine.ir().vocabulary, &base, false) else { continue };
                    if let Some((attr, near)) = bounds(atom, &facts) {
                        let name = format!("bounds of {}: {}", rule.name(), one_line(self.engine.sources().slice(*at)));
                        tests.extend(self.test(&name, &base, attr, &near));
                    }
                }
            }
        }
        if let Effect::Limit(limit, _) = &rule.effect
            && limit.unit.is_none()
            && limit.amount <= MANY
            && !rule.shadow
        {
            tests.extend(self.limit(id, limit.amount));
        }
        tests
    }

    /// A request where a rule hangs on a condition: one of a test, else any.
    fn base(&self, id: RuleId, written: &Written, place: usize) -> Option<Request> {
        let engine = self.engine;
        let hangs = |request: &&Request| {
            let facts = Facts::new(&engine.ir().vocabulary, request, false);
            facts.is_ok_and(|facts| hanging(engine, id, written, &facts).iter().any(|(at, _)| *at == place))
        };
        self.known.iter().find(hangs).cloned().or_else(|| {
            [Kleene::True, Kleene::False].into_iter().find_map(|value| {
                let wish = hangs_on(engine.ir().rules.find(id), id, written, place, value)?;
                match reach(engine.ir(), &[wish], BUDGET).pop()? {
                    Reached::By(request) => Some(countable(engine, &request)),
                    Reached::Never | Reached::Inconclusive => None,
                }
            })
        })
    }

    /// A test whose cases are a request with other values of an attribute.
    fn test(&self, name: &str, base: &Request, attr: AttrId, near: &[Near]) -> Option<(String, Vec<Asked>)> {
        let vocabulary = &self.engine.ir().vocabulary;
        let row = &vocabulary.attributes[attr];
        let with = |near: &Near| {
            let mut request = base.clone();
            let properties = match row.owner {
                Owner::Principal => &mut request.principal.properties,
                Owner::Resource => &mut request.resource.properties,
                Owner::Action => &mut request.action_properties,
                Owner::Context => &mut request.context,
            };
            insert(properties, &row.name, near.input.clone());
            request
        };
        let mut given = Asked::new(vocabulary, base)?;
        let short = [&*row.path, &*row.name];
        given.assigned.retain(|path, _| !short.contains(&path.as_str()));
        let (mut lines, mut cases) = (Vec::new(), Vec::new());
        // Cases of one test share its limits and its clock.
        let start = (attr != builtin::TIME).then(|| time_of(base)).flatten().unwrap_or_else(start);
        let engine = self.engine.with_state(Arc::new(ManualClock::new(start)), Arc::new(MemoryLimits::default()));
        for near in near {
            let request = with(near);
            let Some(asked) = Asked::new(vocabulary, &request) else { continue };
            if cases.contains(&asked) || self.known.contains(&request) {
                continue;
            }
            let Some(decision) = self.decision(&engine, &request, start) else { continue };
            lines.push(format!("// {}", near.what));
            lines.push(format!("{} => {};", asked.case_among(&given)?, expectation(&engine, &decision, false)));
            cases.push(asked);
        }
        (!cases.is_empty()).then(|| test(name, &given.given(), &lines)).flatten().map(|test| (test, cases))
    }

    /// What comes out of a request; none where that depends on how full limits are.
    fn decision(&self, engine: &Engine, request: &Request, now: DateTime<Utc>) -> Option<Decision> {
        let decision = engine.decide_at(request, now).ok()?;
        let free = self.engine.unlimited(request).ok()?;
        (free.is_allow() == decision.is_allow()).then_some(decision)
    }

    /// A test that uses up a limit.
    fn limit(&self, id: RuleId, amount: u64) -> Option<(String, Vec<Asked>)> {
        let ir = self.engine.ir();
        let counts = |request: &&Request| self.engine.verdict(request).is_ok_and(|verdict| verdict.limits == [id]);
        let request = self.known.iter().find(counts).cloned().or_else(|| {
            match reach(ir, &[Wish::Decides(id)], BUDGET).pop()? {
                Reached::By(request) => Some(countable(self.engine, &request)),
                Reached::Never | Reached::Inconclusive => None,
            }
        })?;
        let now = time_of(&request).unwrap_or_else(start);
        let engine = self.engine.with_state(Arc::new(ManualClock::new(now)), Arc::new(MemoryLimits::default()));
        let allowed = engine.decide_at(&request, now).ok().filter(Decision::is_allow)?;
        (1..amount).for_each(|_| drop(engine.decide_at(&request, now)));
        let denied = engine.decide_at(&request, now).ok().filter(|decision| !decision.is_allow())?;
        let asked = Asked::new(&ir.vocabulary, &request)?;
        let name = ir.rules.find(id).map(Rule::name)?;
        let repeat = if amount == 1 { String::new() } else { format!("repeat {amount} ") };
        let lines = [
            format!("// all of {amount}"),
            format!("{repeat}{} => {};", asked.case, expectation(&engine, &allowed, false)),
            "// and one more".to_owned(),
            format!("{} => {};", asked.case, expectation(&engine, &denied, false)),
        ];
        if self.has_limit_case(&denied) {
            return None;
        }
        Some((test(&format!("bounds of {name}: {amount}"), &asked.given(), &lines)?, vec![asked]))
    }

    /// Whether a test shows already that a limit denies.
    fn has_limit_case(&self, denied: &Decision) -> bool {
        let Some(by) = denied.rule.as_ref().map(|rule| rule.name.clone()) else { return false };
        let expects = |test: &Test| {
            test.steps.iter().any(|step| {
                matches!(&step.kind, StepKind::Case { expect, .. } if !expect.allow && expect.by.as_ref() == Some(&by))
            })
        };
        self.engine.ir().tests.iter().any(expects)
    }
}

/// Where the test clock starts without a given time.
fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(946_684_800, 0).unwrap_or_default()
}

/// The time of a request, if it has one.
fn time_of(request: &Request) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(request.context.get("time")?.as_text()?).ok().map(Into::into)
}

//! CEL, by the crate `cel`.
//!
//! CEL is an expression language, not a policy language: the host writes one expression for each model that says which rule
//! decides (negative if it denies), finds it by the model, and has general rules one by one.

use super::{About, Engine, Load, Row, end_of, local};
use crate::work::{Answer, Deciding, Effect, Request, Rule, Rules, Who, Workload, ZONES};
use cel::{Context, Env, Program, Value};
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};
use std::{rc::Rc, sync::Arc};

pub const ABOUT: About = About {
    name: "cel",
    package: Some("cel"),
    passes_on: |workload| {
        const MOST: usize = 10_000;
        (workload.rules.count() > MOST * crate::work::acl::RULES_PER_MODEL)
            .then_some("a program for each of so many models takes too much memory and time to compile")
    },
    rows,
    load,
    forms: &[
        ("programs, prepared", "a program for each model, or for each general rule; the variables are set beforehand"),
        ("programs, built", "the variables are set for each decision"),
    ],
    limits: "No addresses, and time zones only in instants of its own: address and instant are numbers, a network is two \
             comparisons, and the host works out the local day and hour in each zone. No decision from several rules: the \
             host writes the order of rules into one expression, or asks one rule after the other.",
};

struct Cel<'w> {
    workload: &'w Workload,
    env: Arc<Env>,
    programs: Programs,
}

enum Programs {
    /// For each model, one that gives the number of the deciding rule within the model's, from 1; negative if it denies.
    PerModel(Vec<Program>),
    /// For each rule, one that tells whether it fires: prohibitions first.
    General(Vec<(Effect, usize, Program)>),
}

impl<'w> Cel<'w> {
    fn context(&self, request: &Request) -> Context<'static, 'static> {
        let words = &self.workload.vocabulary;
        let texts = |texts: Vec<String>| Value::List(Arc::new(texts.into_iter().map(Value::from).collect()));
        let mut context = Context::with_env(self.env.clone());
        context.add_variable_from_value("user", request.user.clone());
        context.add_variable_from_value(
            "roles",
            texts(request.roles.iter().map(|role| words.roles[*role].clone()).collect()),
        );
        context.add_variable_from_value("tier", request.tier as i64);
        context.add_variable_from_value("action", words.actions[request.action].clone());
        context.add_variable_from_value("ip", i64::from(u32::from(request.ip)));
        context.add_variable_from_value("time", request.time.timestamp());
        if let Some(org) = request.org {
            context.add_variable_from_value("org", words.orgs[org].clone());
        }
        if !words.windows.is_empty() {
            for zone in 0..ZONES.len() {
                let (day, hour) = local(request, zone);
                context.add_variable_from_value(format!("day{zone}"), i64::from(day));
                context.add_variable_from_value(format!("hour{zone}"), i64::from(hour));
            }
        }
        context
    }

    fn ask(&self, model: usize, context: &Context<'_, '_>) -> Answer {
        match &self.programs {
            Programs::PerModel(programs) => {
                let (first, _) = self.workload.rules.of(model);
                match programs[model].execute(context) {
                    Ok(Value::Int(0)) => Answer::by(None),
                    Ok(Value::Int(number)) => {
                        let effect = if number > 0 { Effect::Allow } else { Effect::Deny };
                        Answer { effect, rule: Deciding::Rule(first + number.unsigned_abs() as usize - 1) }
                    }
                    other => panic!("CEL answers {other:?}"),
                }
            }
            Programs::General(rules) => {
                let fired = rules.iter().find(|(_, _, program)| match program.execute(context) {
                    Ok(Value::Bool(fires)) => fires,
                    other => panic!("CEL answers {other:?}"),
                });
                Answer::by(fired.map(|(effect, number, _)| (*effect, *number)))
            }
        }
    }
}

struct Prepared<'w> {
    cel: Rc<Cel<'w>>,
    contexts: Vec<Context<'static, 'static>>,
}

struct Built<'w>(Rc<Cel<'w>>);

impl Engine for Prepared<'_> {
    type Verdict = Answer;

    fn decide(&self, index: usize) -> Answer {
        self.cel.ask(self.cel.workload.requests[index].model, &self.contexts[index])
    }

    fn answer(&self, _: usize, answer: &Answer) -> Answer {
        *answer
    }
}

impl Engine for Built<'_> {
    type Verdict = Answer;

    fn decide(&self, index: usize) -> Answer {
        let request = &self.0.workload.requests[index];
        self.0.ask(request.model, &self.0.context(request))
    }

    fn answer(&self, _: usize, answer: &Answer) -> Answer {
        *answer
    }
}

fn rows(workload: &Workload) -> Vec<Row<'_>> {
    let env = Arc::new(Env::stdlib());
    let programs = compile(&env, &texts(workload));
    let cel = Rc::new(Cel { workload, env, programs });
    let contexts = workload.requests.iter().map(|request| cel.context(request)).collect();
    vec![
        Row::new("cel", "programs, prepared", Prepared { cel: cel.clone(), contexts }),
        Row::new("cel", "programs, built", Built(cel)),
    ]
}

fn load(workload: &Workload) -> Load<'_> {
    let texts = texts(workload);
    Box::new(move || Box::new(compile(&Env::stdlib(), &texts)))
}

/// Expressions before they are compiled.
enum Texts {
    PerModel(Vec<String>),
    General(Vec<(Effect, usize, String)>),
}

fn compile(env: &Env, texts: &Texts) -> Programs {
    let compiled = |text: &String| env.compile(text).unwrap_or_else(|error| panic!("CEL refuses {text}: {error}"));
    match texts {
        Texts::PerModel(texts) => Programs::PerModel(texts.par_iter().map(compiled).collect()),
        Texts::General(texts) => Programs::General(
            texts.par_iter().map(|(effect, number, text)| (*effect, *number, compiled(text))).collect(),
        ),
    }
}

fn texts(workload: &Workload) -> Texts {
    match &workload.rules {
        Rules::PerModel(models) => Texts::PerModel(models.iter().map(|rules| one_for_all(workload, rules)).collect()),
        Rules::General(rules) => {
            let mut texts: Vec<(Effect, usize, String)> =
                rules.iter().enumerate().map(|(number, rule)| (rule.effect, number, test(workload, rule))).collect();
            texts.sort_by_key(|(effect, _, _)| *effect == Effect::Allow);
            Texts::General(texts)
        }
    }
}

/// `deny ? -4 : allow ? 1 : … : 0`
fn one_for_all(workload: &Workload, rules: &[Rule]) -> String {
    let mut text = String::new();
    for (effect, sign) in [(Effect::Deny, "-"), (Effect::Allow, "")] {
        for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.effect == effect) {
            text.push_str(&format!("({}) ? {sign}{} : ", test(workload, rule), index + 1));
        }
    }
    text.push('0');
    text
}

/// Whether a rule fires.
fn test(workload: &Workload, rule: &Rule) -> String {
    let words = &workload.vocabulary;
    let any = |tests: Vec<String>| if tests.len() == 1 { tests.concat() } else { format!("({})", tests.join(" || ")) };
    let mut tests = Vec::new();
    if !rule.actions.is_empty() {
        tests.push(any(rule.actions.iter().map(|action| format!("action == '{}'", words.actions[*action])).collect()));
    }
    match &rule.who {
        Who::Anyone => {}
        Who::Role(role) => tests.push(format!("'{}' in roles", words.roles[*role])),
        Who::User(user) => tests.push(format!("user == '{user}'")),
        Who::Tier(tier) => tests.push(format!("tier >= {tier}")),
    }
    tests.extend(rule.tier.map(|tier| format!("tier >= {tier}")));
    tests.extend(rule.org.map(|org| format!("org == '{}'", words.orgs[org])));
    tests.extend(rule.until.map(|until| format!("time < {}", end_of(until))));
    tests.extend(rule.window.map(|window| {
        let window = &words.windows[window];
        let (zone, (from, to), (opens, closes)) = (window.zone, window.days, window.hours);
        format!("day{zone} >= {from} && day{zone} <= {to} && hour{zone} >= {opens} && hour{zone} < {closes}")
    }));
    if !rule.nets.is_empty() {
        let nets = rule.nets.iter().map(|net| {
            let (first, last) = net.bounds();
            format!("ip >= {first} && ip <= {last}")
        });
        tests.push(any(nets.collect()));
    }
    tests.join(" && ")
}

//! Rego, by Microsoft's regorus: compiled for its virtual machine.
//!
//! What differs between models, or between general rules, is data; the policy is the same for all, and short. Written so
//! that the machine has little to do: tests that fail often come first, and there are no functions with several bodies.

use super::{About, Engine, Load, Row, end_of, local};
use crate::work::{Answer, Deciding, Effect, Net, Request, Rule, Rules, Who, Workload, ZONES, acl};
use regorus::{
    Value,
    languages::rego::compiler::Compiler,
    rvm::{program::Program, vm::RegoVM},
};
use serde_json::json;
use std::{cell::RefCell, sync::Arc};

pub const ABOUT: About = About {
    name: "regorus",
    package: Some("regorus"),
    passes_on: |_| None,
    rows,
    load,
    forms: &[
        (
            "prepared input",
            "address, instant and tier are numbers, networks pairs of numbers; the input is a value beforehand",
        ),
        (
            "JSON",
            "address, instant and tier are text, read with the language's own functions; the input is read from JSON",
        ),
    ],
    limits: "No decision from several rules: which rule decides is written as a chain of `else`, or as the least of a set. No \
             time zones in the form that is prepared: the host works out the local day and hour.",
};

/// Five rules for all models; the number of the deciding one, negative if it denies. The searches through networks are rules of
/// their own: the compiler forgets an `else` after a body that ends in a search.
const MODELS: &str = r#"
package peers
m := data.models[input.model]
closed if {
    some net in m.closed
    input.ip >= net[0]
    input.ip <= net[1]
}
inside if {
    some net in m.nets
    input.ip >= net[0]
    input.ip <= net[1]
}
default decision := 0
decision := -4 if {
    input.action == "download"
    closed
} else := 1 if {
    input.action in {"infer", "view"}
    "researcher" in input.roles
    inside
} else := 2 if {
    input.user == m.owner
    input.action in {"infer", "train", "download"}
    input.time < m.until
} else := 3 if {
    input.action == "infer"
    input.tier >= 1
} else := 5 if {
    "admin" in input.roles
    m
}
"#;

/// The same in the words of a request as text.
const MODELS_IN_TEXT: &str = r#"
package peers
m := data.models[input.model]
closed if {
    some block in m.closed
    net.cidr_contains(block, input.ip)
}
inside if {
    some block in m.nets
    net.cidr_contains(block, input.ip)
}
default decision := 0
decision := -4 if {
    input.action == "download"
    closed
} else := 1 if {
    input.action in {"infer", "view"}
    "researcher" in input.roles
    inside
} else := 2 if {
    input.user == m.owner
    input.action in {"infer", "train", "download"}
    time.parse_rfc3339_ns(input.time) < m.until
} else := 3 if {
    input.action == "infer"
    data.tiers[input.tier] >= 1
} else := 5 if {
    "admin" in input.roles
    m
}
"#;

/// General rules, by action: each has all conditions, some of which always hold.
const GENERAL: &str = r#"
package peers
default decision := 0
decision := 0 - min(denying) if {
    count(denying) > 0
} else := min(allowing) if {
    count(allowing) > 0
}
denying contains rule.number if {
    some rule in data.deny[input.action]
    input.who[rule.who]
    input.orgs[rule.org]
    input.tier >= rule.tier
    input.time < rule.until
    now := input.local[rule.zone]
    now[0] >= rule.days[0]
    now[0] <= rule.days[1]
    now[1] >= rule.hours[0]
    now[1] < rule.hours[1]
    some net in rule.nets
    input.ip >= net[0]
    input.ip <= net[1]
}
allowing contains rule.number if {
    some rule in data.allow[input.action]
    input.who[rule.who]
    input.orgs[rule.org]
    input.tier >= rule.tier
    input.time < rule.until
    now := input.local[rule.zone]
    now[0] >= rule.days[0]
    now[0] <= rule.days[1]
    now[1] >= rule.hours[0]
    now[1] < rule.hours[1]
    some net in rule.nets
    input.ip >= net[0]
    input.ip <= net[1]
}
"#;

/// A machine with its program and data.
struct Machine<'w> {
    workload: &'w Workload,
    machine: RefCell<RegoVM>,
}

impl<'w> Machine<'w> {
    fn new(workload: &'w Workload, policy: &str, data: Value) -> Self {
        Self { workload, machine: RefCell::new(machine(policy, data)) }
    }

    fn ask(&self, input: Value) -> Value {
        let mut machine = self.machine.borrow_mut();
        machine.set_input(input);
        machine.execute_entry_point_by_index(0).expect("it has one")
    }

    fn answer(&self, index: usize, value: &Value) -> Answer {
        let number = value.as_i64().unwrap_or_else(|error| panic!("regorus answers {value}: {error}"));
        if number == 0 {
            return Answer::by(None);
        }
        let (first, _) = self.workload.rules.of(self.workload.requests[index].model);
        let effect = if number > 0 { Effect::Allow } else { Effect::Deny };
        Answer { effect, rule: Deciding::Rule(first + number.unsigned_abs() as usize - 1) }
    }
}

fn machine(policy: &str, data: Value) -> RegoVM {
    const ENTRY: &str = "data.peers.decision";
    let mut engine = regorus::Engine::new();
    engine.add_policy("peers.rego".to_owned(), policy.to_owned()).expect("regorus takes it");
    let compiled = engine.compile_with_entrypoint(&ENTRY.into()).expect("regorus compiles it");
    let program: Arc<Program> = Compiler::compile_from_policy(&compiled, &[ENTRY]).expect("regorus compiles it");
    let mut machine = RegoVM::new();
    // The limit by default, 25,000, is too low for ten thousand rules.
    machine.set_max_instructions(usize::MAX);
    machine.load_program(program);
    machine.set_data(data).expect("it is an object");
    machine
}

struct Prepared<'w> {
    machine: Machine<'w>,
    inputs: Vec<Value>,
}

struct FromJson<'w> {
    machine: Machine<'w>,
    texts: Vec<String>,
}

impl Engine for Prepared<'_> {
    type Verdict = Value;

    fn decide(&self, index: usize) -> Value {
        self.machine.ask(self.inputs[index].clone())
    }

    fn answer(&self, index: usize, value: &Value) -> Answer {
        self.machine.answer(index, value)
    }
}

impl Engine for FromJson<'_> {
    type Verdict = Value;

    fn decide(&self, index: usize) -> Value {
        self.machine.ask(Value::from_json_str(&self.texts[index]).expect("it is JSON"))
    }

    fn answer(&self, index: usize, value: &Value) -> Answer {
        self.machine.answer(index, value)
    }
}

fn rows(workload: &Workload) -> Vec<Row<'_>> {
    let inputs = workload.requests.iter().map(|request| value(&input(workload, request))).collect();
    let (policy, data) = policy(workload);
    let mut rows = vec![Row::new(
        "regorus",
        "prepared input",
        Prepared { machine: Machine::new(workload, policy, value(&data)), inputs },
    )];
    if let Rules::PerModel(models) = &workload.rules {
        let data = data_of_models(
            workload,
            models,
            |nets| json!(nets.iter().map(ToString::to_string).collect::<Vec<_>>()),
            1_000_000_000,
        );
        let texts = workload.requests.iter().map(|request| input_in_text(workload, request).to_string()).collect();
        rows.push(Row::new(
            "regorus",
            "JSON",
            FromJson { machine: Machine::new(workload, MODELS_IN_TEXT, value(&data)), texts },
        ));
    }
    rows
}

fn load(workload: &Workload) -> Load<'_> {
    let (policy, data) = policy(workload);
    let text = data.to_string();
    Box::new(move || Box::new(machine(policy, Value::from_json_str(&text).expect("it is JSON"))))
}

fn value(json: &serde_json::Value) -> Value {
    Value::from_json_str(&json.to_string()).expect("it is JSON")
}

fn policy(workload: &Workload) -> (&'static str, serde_json::Value) {
    match &workload.rules {
        Rules::PerModel(models) => (MODELS, data_of_models(workload, models, bounds, 1)),
        Rules::General(rules) => (GENERAL, data_of_rules(workload, rules)),
    }
}

fn bounds(nets: &[Net]) -> serde_json::Value {
    json!(nets.iter().map(|net| net.bounds()).collect::<Vec<_>>())
}

/// What differs between models: networks, written in some way, the user whom a rule names, and the end in parts of a second.
fn data_of_models(
    workload: &Workload,
    models: &[Vec<Rule>],
    nets: impl Fn(&[Net]) -> serde_json::Value,
    second: i64,
) -> serde_json::Value {
    let words = &workload.vocabulary;
    let models: serde_json::Map<String, serde_json::Value> = words
        .models
        .iter()
        .zip(models)
        .map(|(name, rules)| {
            let [researchers, owner, _, closed, _]: &[Rule; acl::RULES_PER_MODEL] =
                rules[..].try_into().expect("there are five");
            let Who::User(user) = &owner.who else { panic!("the second rule names a user") };
            let until = owner.until.map(|until| end_of(until) * second);
            let data =
                json!({ "nets": nets(&researchers.nets), "owner": user, "until": until, "closed": nets(&closed.nets) });
            (name.clone(), data)
        })
        .collect();
    let tiers: serde_json::Map<String, serde_json::Value> =
        words.tiers.iter().enumerate().map(|(rank, tier)| (tier.clone(), json!(rank))).collect();
    json!({ "models": models, "tiers": tiers })
}

/// General rules by effect and action.
fn data_of_rules(workload: &Workload, rules: &[Rule]) -> serde_json::Value {
    let words = &workload.vocabulary;
    let list = |effect: Effect, action: usize| {
        let rules = rules.iter().enumerate();
        let rules = rules.filter(|(_, rule)| rule.effect == effect && rule.actions.contains(&action));
        rules.map(|(index, rule)| data_of_rule(workload, index, rule)).collect::<Vec<_>>()
    };
    let by_action = |effect: Effect| {
        let actions = words.actions.iter().enumerate();
        actions.map(|(action, name)| (name.clone(), json!(list(effect, action)))).collect::<serde_json::Map<_, _>>()
    };
    json!({ "deny": by_action(Effect::Deny), "allow": by_action(Effect::Allow) })
}

fn data_of_rule(workload: &Workload, index: usize, rule: &Rule) -> serde_json::Value {
    let words = &workload.vocabulary;
    let window = rule.window.map(|window| &words.windows[window]);
    let everywhere = json!([[0, u32::MAX]]);
    json!({
        "number": index + 1,
        "who": match &rule.who {
            Who::Anyone => "anyone",
            Who::Role(role) => &*words.roles[*role],
            Who::User(user) => user,
            Who::Tier(tier) => &*words.tiers[*tier],
        },
        "org": rule.org.map_or("any", |org| &*words.orgs[org]),
        "tier": rule.tier.unwrap_or(0),
        "until": rule.until.map_or(i64::MAX, end_of),
        "zone": window.map_or(0, |window| window.zone),
        "days": window.map_or((0, 6), |window| window.days),
        "hours": window.map_or((0, 24), |window| window.hours),
        "nets": if rule.nets.is_empty() { everywhere } else { bounds(&rule.nets) },
    })
}

fn input(workload: &Workload, request: &Request) -> serde_json::Value {
    let words = &workload.vocabulary;
    let mut input = json!({
        "model": words.models[request.model],
        "user": request.user,
        "roles": request.roles.iter().map(|role| &words.roles[*role]).collect::<Vec<_>>(),
        "tier": request.tier,
        "action": words.actions[request.action],
        "ip": u32::from(request.ip),
        "time": request.time.timestamp(),
    });
    if matches!(workload.rules, Rules::General(_)) {
        // What a rule may ask for and the principal has: its roles, its tier and those below, and nothing.
        input["who"] = json!({ "anyone": true });
        let names = request.roles.iter().map(|role| &words.roles[*role]).chain(&words.tiers[..=request.tier]);
        for name in names {
            input["who"][name] = json!(true);
        }
        input["orgs"] = json!({ "any": true });
        if let Some(org) = request.org {
            input["orgs"][&words.orgs[org]] = json!(true);
        }
        input["local"] = json!((0..ZONES.len()).map(|zone| local(request, zone)).collect::<Vec<_>>());
    }
    input
}

fn input_in_text(workload: &Workload, request: &Request) -> serde_json::Value {
    let words = &workload.vocabulary;
    json!({
        "model": words.models[request.model],
        "user": request.user,
        "roles": request.roles.iter().map(|role| &words.roles[*role]).collect::<Vec<_>>(),
        "tier": words.tiers[request.tier],
        "action": words.actions[request.action],
        "ip": request.ip.to_string(),
        "time": request.time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    })
}

//! casbin, with its matcher's best effort at attributes.
//!
//! A rule is a row of texts, which one matcher, the same for all, holds against the request: row after row, without an index.

use super::{About, Engine, Load, Row, end_of};
use crate::work::{Answer, Deciding, Effect, Request, Rule, Rules, Who, Workload};
use casbin::{
    CoreApi, DefaultModel, Enforcer, MgmtApi,
    function_map::{OperatorFunction, dynamic_to_str},
    rhai::{Array, Dynamic},
};

pub const ABOUT: About = About {
    name: "casbin",
    package: Some("casbin"),
    passes_on: |workload| match &workload.rules {
        Rules::PerModel(models) if models.len() > 1_000 => Some("it holds every row against every request"),
        Rules::PerModel(_) => None,
        Rules::General(_) => {
            Some("it has no windows of local time, and the host would have to test them all beforehand")
        }
    },
    rows,
    load,
    forms: &[
        ("one enforcer", "all rows in one enforcer, as it is meant to be used"),
        ("an enforcer a model", "the host keeps an enforcer for each model"),
    ],
    limits: "A row has one network, so that a rule with two is two rows; a list of actions is a text that a function of the host looks \
             into. No time zones, no windows; instants are compared as texts and tiers as digits. Roles come with the request, \
             so its own roles (`g`) are of no use. It tells whether, not by which rule.",
};

const MODEL: &str = "
[request_definition]
r = sub, roles, tier, obj, act, ip, time

[policy_definition]
p = obj, act, sub, role, tier, net, end, eft

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = r.obj == p.obj && (p.act == \"*\" || among(p.act, r.act)) && (p.sub == \"*\" || r.sub == p.sub) && \
(p.role == \"*\" || holds(r.roles, p.role)) && (p.tier == \"*\" || r.tier >= p.tier) && \
(p.net == \"*\" || ipMatch(r.ip, p.net)) && (p.end == \"*\" || r.time < p.end)
";

/// The enforcers: one for all, or one for each model.
struct Casbin<'w> {
    workload: &'w Workload,
    enforcers: Vec<Enforcer>,
    requests: Vec<Vec<Dynamic>>,
}

impl Engine for Casbin<'_> {
    type Verdict = bool;

    fn decide(&self, index: usize) -> bool {
        let enforcer = match &self.enforcers[..] {
            [one] => one,
            several => &several[self.workload.requests[index].model],
        };
        enforcer.enforce(self.requests[index].clone()).expect("casbin takes the request")
    }

    fn answer(&self, _: usize, allowed: &bool) -> Answer {
        Answer { effect: if *allowed { Effect::Allow } else { Effect::Deny }, rule: Deciding::Untold }
    }
}

fn rows(workload: &Workload) -> Vec<Row<'_>> {
    let requests: Vec<Vec<Dynamic>> = workload.requests.iter().map(|request| query(workload, request)).collect();
    let lines = lines(workload);
    let one = vec![enforcer(lines.concat())];
    let each = lines.into_iter().map(enforcer).collect();
    vec![
        Row::new("casbin", "one enforcer", Casbin { workload, enforcers: one, requests: requests.clone() }),
        Row::new("casbin", "an enforcer a model", Casbin { workload, enforcers: each, requests }),
    ]
}

fn load(workload: &Workload) -> Load<'_> {
    let lines = lines(workload).concat();
    Box::new(move || Box::new(enforcer(lines)))
}

fn enforcer(lines: Vec<Vec<String>>) -> Enforcer {
    pollster::block_on(async {
        let model = DefaultModel::from_str(MODEL).await.expect("it is a model");
        let mut enforcer = Enforcer::new(model, ()).await.expect("casbin takes the model");
        enforcer.add_function("among", OperatorFunction::Arg2(among));
        enforcer.add_function("holds", OperatorFunction::Arg2(holds));
        enforcer.add_policies(lines).await.expect("casbin takes the rows");
        enforcer
    })
}

/// Whether a text, of names with spaces between, has a name.
fn among(names: Dynamic, name: Dynamic) -> Dynamic {
    let name = dynamic_to_str(&name);
    dynamic_to_str(&names).split(' ').any(|one| one == name).into()
}

/// Whether a list has a text.
fn holds(list: Dynamic, wanted: Dynamic) -> Dynamic {
    let wanted = dynamic_to_str(&wanted);
    let found = list.read_lock::<Array>().is_some_and(|list| list.iter().any(|text| dynamic_to_str(text) == wanted));
    found.into()
}

/// The rows of each model.
fn lines(workload: &Workload) -> Vec<Vec<Vec<String>>> {
    let Rules::PerModel(models) = &workload.rules else { return Vec::new() };
    let models = models.iter().zip(&workload.vocabulary.models);
    models.map(|(rules, model)| rules.iter().flat_map(|rule| rows_of(workload, model, rule)).collect()).collect()
}

fn rows_of(workload: &Workload, model: &str, rule: &Rule) -> Vec<Vec<String>> {
    let words = &workload.vocabulary;
    let any = || "*".to_owned();
    let actions: Vec<&str> = rule.actions.iter().map(|action| &*words.actions[*action]).collect();
    let (mut sub, mut role, mut tier) = (any(), any(), any());
    match &rule.who {
        Who::Anyone => {}
        Who::Role(name) => role = words.roles[*name].clone(),
        Who::User(user) => sub.clone_from(user),
        Who::Tier(rank) => tier = rank.to_string(),
    }
    let end = rule.until.map_or_else(any, |until| end_of(until).to_string());
    let effect = if rule.effect == Effect::Allow { "allow" } else { "deny" }.to_owned();
    let actions = if actions.is_empty() { any() } else { actions.join(" ") };
    let nets = if rule.nets.is_empty() { vec![any()] } else { rule.nets.iter().map(ToString::to_string).collect() };
    let row = |net| {
        let row = [model, &actions, &sub, &role, &tier, net, &end, &effect];
        row.map(str::to_owned).to_vec()
    };
    nets.iter().map(|net| row(net)).collect()
}

fn query(workload: &Workload, request: &Request) -> Vec<Dynamic> {
    let words = &workload.vocabulary;
    let roles: Array = request.roles.iter().map(|role| Dynamic::from(words.roles[*role].clone())).collect();
    vec![
        request.user.clone().into(),
        roles.into(),
        request.tier.to_string().into(),
        words.models[request.model].clone().into(),
        words.actions[request.action].clone().into(),
        request.ip.to_string().into(),
        // As many digits as the ends have, so that the order of texts is that of numbers.
        request.time.timestamp().to_string().into(),
    ]
}

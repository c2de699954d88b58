//! Cedar, by its own crate.
//!
//! Cedar evaluates every policy of the set that it is given, so the host slices: it keeps a policy set for each model. Roles
//! are parents of the principal; its tier is a number, which `>=` needs.

use super::{About, Engine, Load, Row, end_of, local};
use crate::work::{Answer, Effect, Request, Rule, Rules, Who, Workload, ZONES, acl};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Response,
    RestrictedExpression,
};
use chrono::{DateTime, SecondsFormat, Utc};
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

pub const ABOUT: About = About {
    name: "cedar",
    package: Some("cedar-policy"),
    passes_on: |_| None,
    rows,
    load,
    forms: &[
        ("sliced, prepared", "a policy set for each model; request and entities are built beforehand"),
        ("sliced, built", "request and entities are built for each decision, from texts, an address and an instant"),
        ("sliced, JSON", "request and entities are read from JSON text for each decision"),
        (
            "generic, prepared",
            "five policies for all models, whose networks and dates are attributes of the model; request \
          and entities (the principal and the model) are built beforehand",
        ),
    ],
    limits: "No time zones and no days of the week: the host works out the local day and hour in each zone and puts them into \
             the context. No order of tiers by name: they are numbers. No set of networks to look an address up in: a rule \
             spells them out. It reports all rules that fired, of which the first is compared.",
};

/// Policies, and what to ask them with.
struct Cedar<'w> {
    workload: &'w Workload,
    authorizer: Authorizer,
    /// One for each model, or one for all.
    sets: Vec<PolicySet>,
    types: Types,
    actions: Vec<EntityUid>,
    roles: Vec<EntityUid>,
}

struct Types {
    user: EntityTypeName,
    model: EntityTypeName,
}

/// What Cedar is asked with.
struct Query {
    request: cedar_policy::Request,
    entities: Entities,
}

impl<'w> Cedar<'w> {
    fn new(workload: &'w Workload, sets: Vec<PolicySet>) -> Self {
        let name = |name: &str| name.parse::<EntityTypeName>().expect("it is a name");
        let uids = |kind: &str, ids: &[String]| ids.iter().map(|id| uid(&name(kind), id)).collect();
        Self {
            workload,
            authorizer: Authorizer::new(),
            sets,
            types: Types { user: name("User"), model: name("Model") },
            actions: uids("Action", &workload.vocabulary.actions),
            roles: uids("Role", &workload.vocabulary.roles),
        }
    }

    fn set(&self, model: usize) -> &PolicySet {
        self.sets.get(model).unwrap_or(&self.sets[0])
    }

    fn model(&self, request: &Request) -> EntityUid {
        uid(&self.types.model, &self.workload.vocabulary.models[request.model])
    }

    /// Builds request and entities; what stands for the model is given.
    fn query(&self, request: &Request, model: Option<Entity>) -> Query {
        let user = uid(&self.types.user, &request.user);
        let mut attributes = HashMap::from([tier(request)]);
        if let Some(org) = request.org {
            let org = self.workload.vocabulary.orgs[org].clone();
            attributes.insert("org".to_owned(), RestrictedExpression::new_string(org));
        }
        let parents: HashSet<EntityUid> = request.roles.iter().map(|role| self.roles[*role].clone()).collect();
        let principal = Entity::new(user.clone(), attributes, parents).expect("the attributes are values");
        let entities = Entities::from_entities([principal].into_iter().chain(model), None).expect("there is no cycle");
        let mut pairs = vec![
            ("ip".to_owned(), RestrictedExpression::new_ip(request.ip.to_string())),
            ("time".to_owned(), RestrictedExpression::new_datetime(written(request.time))),
        ];
        if !self.workload.vocabulary.windows.is_empty() {
            for zone in 0..ZONES.len() {
                let (day, hour) = local(request, zone);
                pairs.push((format!("day{zone}"), RestrictedExpression::new_long(i64::from(day))));
                pairs.push((format!("hour{zone}"), RestrictedExpression::new_long(i64::from(hour))));
            }
        }
        let context = Context::from_pairs(pairs).expect("no name is there twice");
        let action = self.actions[request.action].clone();
        let request = cedar_policy::Request::new(user, action, self.model(request), context, None);
        Query { request: request.expect("there is no schema to offend"), entities }
    }

    /// The same as JSON.
    fn json(&self, request: &Request) -> String {
        let words = &self.workload.vocabulary;
        let entity = |kind: &str, id: &str| json!({ "type": kind, "id": id });
        let extension = |name: &str, argument: String| json!({ "__extn": { "fn": name, "arg": argument } });
        let mut context = json!({
            "ip": extension("ip", request.ip.to_string()),
            "time": extension("datetime", written(request.time)),
        });
        if !words.windows.is_empty() {
            for zone in 0..ZONES.len() {
                let (day, hour) = local(request, zone);
                context[format!("day{zone}")] = json!(day);
                context[format!("hour{zone}")] = json!(hour);
            }
        }
        let mut attributes = json!({ "tier": request.tier });
        if let Some(org) = request.org {
            attributes["org"] = json!(words.orgs[org]);
        }
        let parents: Vec<Value> = request.roles.iter().map(|role| entity("Role", &words.roles[*role])).collect();
        json!({
            "principal": entity("User", &request.user),
            "action": entity("Action", &words.actions[request.action]),
            "resource": entity("Model", &words.models[request.model]),
            "context": context,
            "entities": [{ "uid": entity("User", &request.user), "attrs": attributes, "parents": parents }],
        })
        .to_string()
    }

    /// Reads that JSON.
    fn read(text: &str) -> Query {
        let mut value: Value = serde_json::from_str(text).expect("it is JSON");
        let mut take = |name: &str| value[name].take();
        let [principal, action, resource] =
            ["principal", "action", "resource"].map(|part| EntityUid::from_json(take(part)).expect("it is an entity"));
        let context = Context::from_json_value(take("context"), None).expect("it is a context");
        let entities = Entities::from_json_value(take("entities"), None).expect("they are entities");
        let request = cedar_policy::Request::new(principal, action, resource, context, None);
        Query { request: request.expect("there is no schema to offend"), entities }
    }

    fn ask(&self, model: usize, query: &Query) -> Response {
        self.authorizer.is_authorized(&query.request, self.set(model), &query.entities)
    }

    /// The first of the rules that Cedar reports. In a set, they are numbered in source order.
    fn answer(&self, model: usize, response: &Response) -> Answer {
        assert_eq!(response.diagnostics().errors().count(), 0, "Cedar reports errors: {:?}", response.diagnostics());
        let (first, _) = self.workload.rules.of(model);
        let number =
            |id: &cedar_policy::PolicyId| id.to_string().strip_prefix("policy").and_then(|id| id.parse::<usize>().ok());
        let rule = response.diagnostics().reason().filter_map(number).min().map(|index| first + index);
        let effect = if response.decision() == Decision::Allow { Effect::Allow } else { Effect::Deny };
        Answer::by(rule.map(|rule| (effect, rule)))
    }
}

struct Prepared<'w> {
    cedar: Rc<Cedar<'w>>,
    queries: Vec<Query>,
}

struct Built<'w>(Rc<Cedar<'w>>);

struct FromJson<'w> {
    cedar: Rc<Cedar<'w>>,
    texts: Vec<String>,
}

impl Engine for Prepared<'_> {
    type Verdict = Response;

    fn decide(&self, index: usize) -> Response {
        self.cedar.ask(self.cedar.workload.requests[index].model, &self.queries[index])
    }

    fn answer(&self, index: usize, response: &Response) -> Answer {
        self.cedar.answer(self.cedar.workload.requests[index].model, response)
    }
}

impl Engine for Built<'_> {
    type Verdict = Response;

    fn decide(&self, index: usize) -> Response {
        let request = &self.0.workload.requests[index];
        self.0.ask(request.model, &self.0.query(request, None))
    }

    fn answer(&self, index: usize, response: &Response) -> Answer {
        self.0.answer(self.0.workload.requests[index].model, response)
    }
}

impl Engine for FromJson<'_> {
    type Verdict = Response;

    fn decide(&self, index: usize) -> Response {
        self.cedar.ask(self.cedar.workload.requests[index].model, &Cedar::read(&self.texts[index]))
    }

    fn answer(&self, index: usize, response: &Response) -> Answer {
        self.cedar.answer(self.cedar.workload.requests[index].model, response)
    }
}

fn rows(workload: &Workload) -> Vec<Row<'_>> {
    let cedar = Rc::new(Cedar::new(workload, parse(&texts(workload))));
    let queries = workload.requests.iter().map(|request| cedar.query(request, None)).collect();
    let texts = workload.requests.iter().map(|request| cedar.json(request)).collect();
    let mut rows = vec![
        Row::new("cedar", "sliced, prepared", Prepared { cedar: cedar.clone(), queries }),
        Row::new("cedar", "sliced, built", Built(cedar.clone())),
        Row::new("cedar", "sliced, JSON", FromJson { cedar, texts }),
    ];
    if let Rules::PerModel(models) = &workload.rules {
        let cedar = Cedar::new(workload, vec![generic()]);
        let entities: Vec<Entity> =
            workload.requests.iter().map(|request| cedar.entity(request, &models[request.model])).collect();
        let queries = workload.requests.iter().zip(entities).map(|(request, model)| cedar.query(request, Some(model)));
        let queries = queries.collect();
        rows.push(Row::new("cedar", "generic, prepared", Prepared { cedar: Rc::new(cedar), queries }));
    }
    rows
}

fn load(workload: &Workload) -> Load<'_> {
    let texts = texts(workload);
    Box::new(move || Box::new(parse(&texts)))
}

/// Parses all texts, on all cores.
fn parse(texts: &[String]) -> Vec<PolicySet> {
    let sets =
        texts.par_iter().map(|text| text.parse().unwrap_or_else(|error| panic!("Cedar refuses {text}: {error}")));
    sets.collect()
}

fn texts(workload: &Workload) -> Vec<String> {
    match &workload.rules {
        Rules::PerModel(models) => {
            let texts = models.iter().zip(&workload.vocabulary.models);
            texts.map(|(rules, model)| text(workload, Some(model), rules)).collect()
        }
        Rules::General(rules) => vec![text(workload, None, rules)],
    }
}

fn text(workload: &Workload, model: Option<&String>, rules: &[Rule]) -> String {
    rules.iter().map(|rule| policy(workload, model, rule)).collect()
}

fn policy(workload: &Workload, model: Option<&String>, rule: &Rule) -> String {
    let words = &workload.vocabulary;
    let effect = if rule.effect == Effect::Allow { "permit" } else { "forbid" };
    let mut conditions = Vec::new();
    let principal = match &rule.who {
        Who::Anyone => "principal".to_owned(),
        Who::Role(role) => format!("principal in Role::\"{}\"", words.roles[*role]),
        Who::User(user) => format!("principal == User::\"{user}\""),
        Who::Tier(tier) => {
            conditions.push(format!("principal.tier >= {tier}"));
            "principal".to_owned()
        }
    };
    let actions: Vec<String> =
        rule.actions.iter().map(|action| format!("Action::\"{}\"", words.actions[*action])).collect();
    let action = match &actions[..] {
        [] => "action".to_owned(),
        [one] => format!("action == {one}"),
        several => format!("action in [{}]", several.join(", ")),
    };
    let resource = model.map_or("resource".to_owned(), |model| format!("resource == Model::\"{model}\""));
    conditions.extend(rule.tier.map(|tier| format!("principal.tier >= {tier}")));
    conditions.extend(rule.org.map(|org| format!("principal.org == \"{}\"", words.orgs[org])));
    conditions.extend(rule.until.map(|until| {
        let end = DateTime::from_timestamp(end_of(until), 0).expect("it is an instant");
        format!("context.time < datetime(\"{}\")", written(end))
    }));
    conditions.extend(rule.window.map(|window| {
        let window = &words.windows[window];
        let (zone, (from, to), (opens, closes)) = (window.zone, window.days, window.hours);
        format!(
            "context.day{zone} >= {from} && context.day{zone} <= {to} && \
             context.hour{zone} >= {opens} && context.hour{zone} < {closes}"
        )
    }));
    if !rule.nets.is_empty() {
        let nets: Vec<String> = rule.nets.iter().map(|net| format!("context.ip.isInRange(ip(\"{net}\"))")).collect();
        conditions.push(format!("({})", nets.join(" || ")));
    }
    let when = if conditions.is_empty() { String::new() } else { format!(" when {{ {} }}", conditions.join(" && ")) };
    format!("{effect}({principal}, {action}, {resource}){when};\n")
}

/// The five rules of every model, in terms of the model's attributes.
fn generic() -> PolicySet {
    const POLICIES: &str = r#"
        permit(principal in Role::"researcher", action in [Action::"infer", Action::"view"], resource)
            when { context.ip.isInRange(resource.first) || context.ip.isInRange(resource.second) };
        permit(principal, action in [Action::"infer", Action::"train", Action::"download"], resource)
            when { principal == resource.owner && context.time < resource.until };
        permit(principal, action == Action::"infer", resource) when { principal.tier >= 1 };
        forbid(principal, action == Action::"download", resource) when { context.ip.isInRange(resource.closed) };
        permit(principal in Role::"admin", action, resource);
    "#;
    POLICIES.parse().expect("Cedar takes it")
}

impl Cedar<'_> {
    /// The model that is asked for, with the attributes that the generic policies speak of.
    fn entity(&self, request: &Request, rules: &[Rule]) -> Entity {
        let [researchers, owner, _, closed, _]: &[Rule; acl::RULES_PER_MODEL] =
            rules.try_into().expect("there are five");
        let ip = |rule: &Rule, index: usize| RestrictedExpression::new_ip(rule.nets[index].to_string());
        let Who::User(user) = &owner.who else { panic!("the second rule names a user") };
        let end = owner.until.and_then(|until| DateTime::from_timestamp(end_of(until), 0)).expect("it ends");
        let attributes = [
            ("first", ip(researchers, 0)),
            ("second", ip(researchers, 1)),
            ("owner", RestrictedExpression::new_entity_uid(uid(&self.types.user, user))),
            ("until", RestrictedExpression::new_datetime(written(end))),
            ("closed", ip(closed, 0)),
        ];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value)).into();
        Entity::new(self.model(request), attributes, HashSet::new()).expect("the attributes are values")
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn tier(request: &Request) -> (String, RestrictedExpression) {
    ("tier".to_owned(), RestrictedExpression::new_long(request.tier as i64))
}

fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

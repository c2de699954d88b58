//! policyc: the engine of this repository.

use super::{About, Engine, Load, Row};
use crate::work::{Answer, Deciding, Effect, Request, Rule, Rules, Who, Workload, ZONES, acl};
use chrono::{DateTime, Utc};
use policyc::{
    decision::{Decision, RuleRef},
    engine::{Ask, Ruling, Session},
    eval,
    request::{self, Principal, Resource},
    wire,
};
use std::{cell::RefCell, fmt::Write, hint::black_box, net::IpAddr, ops::Range, rc::Rc};

pub const ABOUT: About = About {
    name: "policyc",
    package: Some("policyc"),
    passes_on: |_| None,
    rows,
    load,
    forms: &[
        ("prepared ids", "`Session::evaluate` of a request that a session has prepared: numbers only"),
        (
            "prepared ids, many",
            "`Session::evaluate_many` of such requests, 64 at a time: what they read is fetched together",
        ),
        (
            "texts",
            "a session is told the principal, its roles and tier, the action and the model as texts, and is asked",
        ),
        ("typed request", "`Engine::decide` of a `Request` that is at hand; the answer is the full decision"),
        ("JSON", "a session is asked in AuthZEN's JSON"),
    ],
    limits: "",
};

/// The ways of asking; another entry point is another line here, one in `rows`, and its `impl Engine`.
struct Typed {
    engine: Rc<policyc::Engine>,
    places: Places,
    requests: Vec<request::Request>,
}

struct Json {
    session: RefCell<Session>,
    places: Places,
    requests: Vec<String>,
}

struct Prepared {
    session: Session,
    places: Places,
    requests: Vec<eval::prepared::Prepared>,
}

/// So many are asked at once.
const MANY: usize = 64;

struct Many {
    one: Rc<Prepared>,
    rulings: RefCell<Vec<Ruling>>,
}

struct Texts<'w> {
    session: RefCell<Session>,
    places: Places,
    requests: Vec<Said<'w>>,
}

/// A request in texts, as a service has it at hand: what there are many of is its own, as the floor's is.
struct Said<'w> {
    user: String,
    roles: Vec<&'w str>,
    tier: &'w str,
    org: Option<&'w str>,
    action: &'w str,
    model: String,
    ip: IpAddr,
    time: DateTime<Utc>,
}

impl<'w> Said<'w> {
    fn new(workload: &'w Workload, from: &'w Request) -> Self {
        let words = &workload.vocabulary;
        Self {
            user: from.user.clone(),
            roles: from.roles.iter().map(|role| &*words.roles[*role]).collect(),
            tier: &words.tiers[from.tier],
            org: from.org.map(|org| &*words.orgs[org]),
            action: &words.actions[from.action],
            model: words.models[from.model].clone(),
            ip: IpAddr::V4(from.ip),
            time: from.time,
        }
    }

    /// Tells a session all of it.
    fn to<'s>(&self, session: &'s mut Session) -> Ask<'s> {
        let caller = session.principal("user", &self.user).roles(&self.roles).and_then(|caller| caller.tier(self.tier));
        let caller = match self.org {
            Some(org) => caller.and_then(|caller| caller.org(org)),
            None => caller,
        };
        caller.map(drop).expect("they are roles, a tier and an organisation");
        session.ask(self.action, "model", &self.model).ip(self.ip).time(self.time)
    }
}

impl Engine for Rc<Prepared> {
    type Verdict = Ruling;

    fn decide(&self, index: usize) -> Ruling {
        self.session.evaluate(&self.requests[index])
    }

    fn answer(&self, _: usize, ruling: &Ruling) -> Answer {
        self.places.ruling(&self.session, *ruling)
    }
}

impl Engine for Many {
    type Verdict = Ruling;

    fn decide(&self, index: usize) -> Ruling {
        let mut rulings = self.rulings.borrow_mut();
        self.one.session.evaluate_many(&self.one.requests[index..=index], &mut rulings);
        rulings[0]
    }

    fn pass(&self, requests: Range<usize>) {
        let mut rulings = self.rulings.borrow_mut();
        for many in self.one.requests[requests].chunks(MANY) {
            self.one.session.evaluate_many(black_box(many), &mut rulings);
            black_box(&*rulings);
        }
    }

    fn answer(&self, index: usize, ruling: &Ruling) -> Answer {
        Engine::answer(&self.one, index, ruling)
    }
}

impl Engine for Texts<'_> {
    type Verdict = Ruling;

    fn decide(&self, index: usize) -> Ruling {
        self.requests[index].to(&mut self.session.borrow_mut()).evaluate()
    }

    fn answer(&self, _: usize, ruling: &Ruling) -> Answer {
        self.places.ruling(&self.session.borrow(), *ruling)
    }
}

impl Engine for Typed {
    type Verdict = Decision;

    fn decide(&self, index: usize) -> Decision {
        self.engine.decide(&self.requests[index])
    }

    fn answer(&self, _: usize, decision: &Decision) -> Answer {
        self.places.answer(decision)
    }
}

impl Engine for Json {
    type Verdict = Ruling;

    fn decide(&self, index: usize) -> Ruling {
        self.session.borrow_mut().ask_json(&self.requests[index]).expect("it is a request").evaluate()
    }

    fn answer(&self, _: usize, ruling: &Ruling) -> Answer {
        self.places.ruling(&self.session.borrow(), *ruling)
    }
}

fn rows(workload: &Workload) -> Vec<Row<'_>> {
    let engine = Rc::new(engine(&texts(workload)));
    let places = Places::of(workload);
    let typed: Vec<request::Request> = workload.requests.iter().map(|request| typed(workload, request)).collect();
    let json = typed.iter().map(|request| wire::request::encode(request).to_string()).collect();
    let said: Vec<Said<'_>> = workload.requests.iter().map(|request| Said::new(workload, request)).collect();
    let mut session = engine.session();
    let prepared = said.iter().map(|said| said.to(&mut session).prepare()).collect();
    let json = Json { session: RefCell::new(engine.session()), places, requests: json };
    let texts = Texts { session: RefCell::new(engine.session()), places, requests: said };
    let one = Rc::new(Prepared { session, places, requests: prepared });
    let many = Many { one: one.clone(), rulings: RefCell::default() };
    vec![
        Row::new("policyc", "prepared ids", one),
        Row::new("policyc", "prepared ids, many", many),
        Row::new("policyc", "texts", texts),
        Row::new("policyc", "typed request", Typed { engine, places, requests: typed }),
        Row::new("policyc", "JSON", json),
    ]
}

fn load(workload: &Workload) -> Load<'_> {
    let texts = texts(workload);
    Box::new(move || Box::new(engine(&texts)))
}

/// Names and texts of policy files.
type Files = Vec<(String, String)>;

fn engine(files: &Files) -> policyc::Engine {
    let builder = files.iter().fold(policyc::Engine::builder(), |builder, (name, text)| builder.text(name, text));
    builder.load().unwrap_or_else(|error| panic!("policyc refuses the policy set: {error}"))
}

fn typed(workload: &Workload, from: &Request) -> request::Request {
    let words = &workload.vocabulary;
    let mut principal = Principal::user(&*from.user)
        .roles(from.roles.iter().map(|role| &*words.roles[*role]))
        .tier(&words.tiers[from.tier]);
    if let Some(org) = from.org {
        principal = principal.org(&words.orgs[org]);
    }
    request::Request::new(principal, &*words.actions[from.action], Resource::model(&*words.models[from.model]))
        .ip(IpAddr::V4(from.ip))
        .time(from.time)
}

/// The workload as policy files: the vocabulary, and up to a thousand files of rules.
fn texts(workload: &Workload) -> Files {
    const FILES: usize = 1_000;
    let mut files = vec![("vocabulary.policy".to_owned(), vocabulary(workload))];
    match &workload.rules {
        Rules::PerModel(models) => {
            let each = models.len().div_ceil(FILES);
            for (number, chunk) in models.chunks(each).enumerate() {
                let mut text = String::new();
                for (index, rules) in chunk.iter().enumerate() {
                    let name = &workload.vocabulary.models[number * each + index];
                    writeln!(text, "on model \"{name}\" {{").expect("a text takes all");
                    rules.iter().for_each(|rule| write_rule(&mut text, workload, rule));
                    text.push_str("}\n");
                }
                files.push((format!("models-{number:04}.policy"), text));
            }
        }
        Rules::General(rules) => {
            let mut text = String::new();
            rules.iter().for_each(|rule| write_rule(&mut text, workload, rule));
            files.push(("rules.policy".to_owned(), text));
        }
    }
    files
}

fn vocabulary(workload: &Workload) -> String {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let words = &workload.vocabulary;
    let mut text = format!("tiers {};\nactions {};\n", words.tiers.join(" < "), words.actions.join(", "));
    for role in &words.roles {
        writeln!(text, "role {role};").expect("a text takes all");
    }
    for (index, window) in words.windows.iter().enumerate() {
        let [from, to] = [window.days.0, window.days.1].map(|day| DAYS[day as usize]);
        let (opens, closes, zone) = (window.hours.0, window.hours.1, ZONES[window.zone].name());
        writeln!(text, "window window-{index} = {from}..{to} {opens:02}:00..{closes:02}:00 in \"{zone}\";")
            .expect("a text takes all");
    }
    text
}

/// Writes a rule, on a line of its own.
fn write_rule(text: &mut String, workload: &Workload, rule: &Rule) {
    let words = &workload.vocabulary;
    text.push_str(match rule.effect {
        Effect::Allow => "    allow ",
        Effect::Deny => "    deny ",
    });
    match &rule.who {
        Who::Anyone => text.push_str("anyone"),
        Who::Role(role) => text.extend(["role ", &words.roles[*role]]),
        Who::User(user) => text.extend(["user \"", user, "\""]),
        Who::Tier(tier) => text.extend(["tier >= ", &words.tiers[*tier]]),
    }
    let actions: Vec<&str> = rule.actions.iter().map(|action| &*words.actions[*action]).collect();
    text.extend([" to ", if actions.is_empty() { "any" } else { "" }, &actions.join(", ")]);
    let mut conditions = Vec::new();
    if !rule.nets.is_empty() {
        let nets: Vec<String> = rule.nets.iter().map(ToString::to_string).collect();
        conditions.push(format!("ip in [{}]", nets.join(", ")));
    }
    conditions.extend(rule.org.map(|org| format!("org == \"{}\"", words.orgs[org])));
    conditions.extend(rule.tier.map(|tier| format!("tier >= {}", words.tiers[tier])));
    conditions.extend(rule.window.map(|window| format!("time in window-{window}")));
    if !conditions.is_empty() {
        text.extend([" when ", &conditions.join(" and ")]);
    }
    if let Some(until) = rule.until {
        text.extend([" until ", &until.to_string()]);
    }
    text.push_str(";\n");
}

/// Which rule stands where: the answer names a file and a line.
#[derive(Clone, Copy)]
enum Places {
    /// Each block has a line before its rules and one after; a file has so many blocks.
    PerModel { models_per_file: usize },
    /// Each line has a rule.
    General,
}

impl Places {
    fn of(workload: &Workload) -> Self {
        match &workload.rules {
            Rules::PerModel(models) => Self::PerModel { models_per_file: models.len().div_ceil(1_000) },
            Rules::General(_) => Self::General,
        }
    }

    fn answer(self, decision: &Decision) -> Answer {
        self.told(decision.is_allow(), decision.rule.as_ref())
    }

    fn ruling(self, session: &Session, ruling: Ruling) -> Answer {
        self.told(ruling.is_allow(), session.rule(ruling).as_ref())
    }

    fn told(self, allowed: bool, rule: Option<&RuleRef>) -> Answer {
        let effect = if allowed { Effect::Allow } else { Effect::Deny };
        let rule = rule.map_or(Deciding::NoRule, |rule| {
            Deciding::Rule(self.number(&rule.name).unwrap_or_else(|| panic!("there is no rule at {}", rule.name)))
        });
        Answer { effect, rule }
    }

    fn number(self, place: &str) -> Option<usize> {
        const LINES: usize = acl::RULES_PER_MODEL + 2;
        let (file, line) = place.rsplit_once(':')?;
        let line = line.parse::<usize>().ok()?.checked_sub(1)?;
        match self {
            Self::PerModel { models_per_file } => {
                let file: usize = file.strip_prefix("models-")?.strip_suffix(".policy")?.parse().ok()?;
                let model = file * models_per_file + line / LINES;
                Some(model * acl::RULES_PER_MODEL + (line % LINES).checked_sub(1)?)
            }
            Self::General => Some(line),
        }
    }
}

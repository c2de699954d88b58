//! Workload 1, *model-acl*: each model has a list of rules of its own, as a catalogue of models with owners has.
//!
//! Five rules for each model: researchers call and look at it from two networks; one named user uses it until a day; a paid
//! tier calls it; nobody downloads it from one network; administrators may do anything.

use super::{
    Effect, Net, Request, Rule, Rules, Vocabulary, Who, Workload,
    draw::{ALLOWED, REQUESTS, Zipf, address, date, net, one, time, weighted},
};
use crate::oracle;
use fastrand::Rng;
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

/// Rules of each model.
pub const RULES_PER_MODEL: usize = 5;

/// How much models have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// All have the same networks and dates; the named user is each model's own.
    Same,
    /// Each has its own.
    Own,
}

impl Variant {
    pub const ALL: [Self; 2] = [Self::Same, Self::Own];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Own => "own",
        }
    }
}

const VIEW: usize = 0;
const INFER: usize = 1;
const TRAIN: usize = 2;
const DOWNLOAD: usize = 3;
const RESEARCHER: usize = 0;
const ADMIN: usize = 1;
const SEED: usize = 1;

/// Draws the workload: rules for some number of models, and so many requests.
pub fn workload(models: usize, variant: Variant, requests: usize) -> Workload {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let vocabulary = Vocabulary {
        tiers: texts(&["anonymous", "seed", "flower", "nectar"]),
        actions: texts(&["view", "infer", "train", "download", "manage"]),
        roles: texts(&["researcher", "admin"]),
        models: (0..models).map(|model| format!("org-{:03}/model-{model:06}", model % 997)).collect(),
        ..Vocabulary::default()
    };
    let mut rng = Rng::with_seed(1);
    let first = rules(&mut rng, 0);
    let rules: Vec<Vec<Rule>> = (0..models)
        .map(|model| match variant {
            Variant::Same => {
                let mut same = first.clone();
                same[1].who = Who::User(owner(model));
                same
            }
            Variant::Own => rules(&mut rng, model),
        })
        .collect();
    let zipf = Zipf::new(&mut rng, models);
    let requests = (0..requests).map(|_| request(&mut rng, &zipf, &rules)).collect();
    let workload = Workload {
        name: format!("model-acl, {} networks and dates, {models} models", variant.name()),
        vocabulary,
        rules: Rules::PerModel(rules),
        requests,
    };
    if workload.requests.len() == REQUESTS {
        let allowed = workload.requests.par_iter().filter(|request| oracle::allows(&workload, request)).count();
        let percent = allowed * 100 / REQUESTS;
        assert!(ALLOWED.contains(&percent), "{}: {percent} % of the requests are allowed", workload.name);
    }
    workload
}

/// The user whom a model's second rule names.
fn owner(model: usize) -> String {
    format!("owner-{model:06}@example.com")
}

fn rules(rng: &mut Rng, model: usize) -> Vec<Rule> {
    let nets = |rng: &mut Rng, count: usize| (0..count).map(|_| net(rng, 12..=24)).collect::<Vec<Net>>();
    vec![
        Rule { nets: nets(rng, 2), ..Rule::new(Effect::Allow, Who::Role(RESEARCHER), vec![INFER, VIEW]) },
        Rule {
            until: Some(date(rng, 120..360)),
            ..Rule::new(Effect::Allow, Who::User(owner(model)), vec![INFER, TRAIN, DOWNLOAD])
        },
        Rule::new(Effect::Allow, Who::Tier(SEED), vec![INFER]),
        Rule { nets: nets(rng, 1), ..Rule::new(Effect::Deny, Who::Anyone, vec![DOWNLOAD]) },
        Rule::new(Effect::Allow, Who::Role(ADMIN), Vec::new()),
    ]
}

/// A request: of somebody whom a rule may mean, from inside or outside the networks, before or after the date.
fn request(rng: &mut Rng, zipf: &Zipf, rules: &[Vec<Rule>]) -> Request {
    let model = zipf.draw(rng);
    let number = rng.u32(0..5_000);
    let (user, roles, tier) = match weighted(rng, &[32, 16, 26, 16, 10]) {
        0 => (format!("researcher-{number:04}@example.com"), vec![RESEARCHER], rng.usize(0..2)),
        1 => (format!("admin-{number:04}@example.com"), vec![ADMIN], 0),
        // Four out of five ask for the model that names them.
        2 if rng.u8(0..5) > 0 => (owner(model), Vec::new(), 0),
        2 => (owner(rng.usize(0..rules.len())), Vec::new(), 0),
        3 => (format!("customer-{number:04}@example.com"), Vec::new(), rng.usize(SEED..4)),
        _ => (format!("nobody-{number:04}@example.com"), Vec::new(), 0),
    };
    let action = weighted(rng, &[22, 50, 9, 15, 4]);
    let ip = match weighted(rng, &[70, 12, 18]) {
        0 => {
            let net = *one(rng, &rules[model][0].nets);
            address(rng, net)
        }
        1 => address(rng, rules[model][3].nets[0]),
        _ => std::net::Ipv4Addr::new(203, 0, 113, rng.u8(..)),
    };
    Request { user, roles, tier, org: None, action, model, ip, time: time(rng) }
}

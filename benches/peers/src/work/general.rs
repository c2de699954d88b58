//! Workload 2, *general rules*: rules of three to six conditions each that are tied to no model, as a company's rule book
//! has: roles, organisations, tiers, networks, office hours in two zones, and ends.
//!
//! 35 % are prohibitions, which have five or six conditions, so that they cut holes and do not close everything. Half of the
//! requests are drawn at random, half to suit a rule that was drawn; of all these, as many are taken as it takes for half of
//! the list to be allowed.

use super::{
    Effect, Net, Request, Rule, Rules, Vocabulary, Who, Window, Workload,
    draw::{ALLOWED, REQUESTS, Zipf, address, date, net, one, time, weighted},
};
use crate::oracle;
use fastrand::Rng;
use rayon::prelude::{IntoParallelIterator, ParallelIterator};

const TIERS: usize = 5;
const ROLES: usize = 20;
const ORGS: usize = 100;
const ACTIONS: [&str; 8] = ["view", "infer", "embed", "train", "evaluate", "download", "publish", "manage"];
const NETS: usize = 200;
const WINDOWS: usize = 50;
const MODELS: usize = 100;

/// How many times an instant that suits a rule is looked for.
const TRIES: usize = 200;

/// Draws the workload for some number of rules.
pub fn workload(count: usize) -> Workload {
    let mut rng = Rng::with_seed(2);
    let names = |stem: &str, count: usize| (0..count).map(|index| format!("{stem}-{index}")).collect::<Vec<_>>();
    let vocabulary = Vocabulary {
        tiers: names("tier", TIERS),
        actions: ACTIONS.map(str::to_owned).to_vec(),
        roles: names("role", ROLES),
        orgs: names("org", ORGS),
        windows: (0..WINDOWS).map(|_| window(&mut rng)).collect(),
        models: names("model", MODELS),
    };
    let nets: Vec<Net> = (0..NETS).map(|_| net(&mut rng, 12..=20)).collect();
    let rules: Vec<Rule> = (0..count).map(|_| rule(&mut rng, &nets)).collect();
    let mut workload = Workload {
        name: format!("general, {count} rules"),
        vocabulary,
        rules: Rules::General(rules),
        requests: Vec::new(),
    };
    workload.requests = requests(&mut rng, &workload, &nets);
    workload
}

fn window(rng: &mut Rng) -> Window {
    let (day, hour) = (rng.u32(0..4), rng.u32(5..14));
    Window {
        days: (day, rng.u32(day + 1..7)),
        hours: (hour, hour + rng.u32(4..10)),
        zone: rng.usize(0..super::ZONES.len()),
    }
}

/// A rule: whom, which actions, and one to four conditions more; a prohibition has three or four.
fn rule(rng: &mut Rng, nets: &[Net]) -> Rule {
    let effect = if rng.u8(0..100) < 35 { Effect::Deny } else { Effect::Allow };
    let who = match weighted(rng, &[70, 15, 15]) {
        0 => Who::Role(rng.usize(0..ROLES)),
        1 => Who::Tier(rng.usize(1..TIERS)),
        _ => Who::Anyone,
    };
    let mut actions: Vec<usize> = (0..ACTIONS.len()).collect();
    rng.shuffle(&mut actions);
    actions.truncate(rng.usize(1..=3));
    actions.sort_unstable();
    let mut rule = Rule::new(effect, who, actions);
    let mut kinds = [0, 1, 2, 3, 4];
    rng.shuffle(&mut kinds);
    let more = if effect == Effect::Deny { rng.usize(3..=4) } else { rng.usize(1..=4) };
    for kind in &kinds[..more] {
        match kind {
            0 => rule.org = Some(rng.usize(0..ORGS)),
            1 => rule.tier = Some(rng.usize(1..TIERS)),
            2 => rule.nets = (0..rng.usize(1..=3)).map(|_| *one(rng, nets)).collect(),
            3 => rule.window = Some(rng.usize(0..WINDOWS)),
            _ => rule.until = Some(date(rng, 60..360)),
        }
    }
    rule
}

/// As many requests as it takes, half of which are allowed.
fn requests(rng: &mut Rng, workload: &Workload, nets: &[Net]) -> Vec<Request> {
    const AT_ONCE: usize = 8_192;
    const ROUNDS: usize = 64;
    let Rules::General(rules) = &workload.rules else { return Vec::new() };
    let zipf = Zipf::new(rng, MODELS);
    let mut room = [REQUESTS / 2; 2];
    let mut requests = Vec::with_capacity(REQUESTS);
    for _ in 0..ROUNDS {
        let drawn: Vec<Request> = (0..AT_ONCE)
            .map(|_| {
                let suited = rng.bool().then(|| one(rng, rules));
                request(rng, &workload.vocabulary, &zipf, nets, suited)
            })
            .collect();
        let allowed: Vec<bool> =
            (0..AT_ONCE).into_par_iter().map(|index| oracle::allows(workload, &drawn[index])).collect();
        for (request, allowed) in drawn.into_iter().zip(allowed) {
            let room = &mut room[usize::from(allowed)];
            if *room > 0 {
                *room -= 1;
                requests.push(request);
            }
        }
        if room == [0; 2] {
            break;
        }
    }
    let percent = (REQUESTS / 2 - room[1]) * 100 / requests.len();
    assert!(ALLOWED.contains(&percent), "{}: {percent} % of the requests are allowed", workload.name);
    // Those that were found last are of one kind.
    rng.shuffle(&mut requests);
    requests
}

/// A request, drawn at random or to suit a rule.
fn request(rng: &mut Rng, vocabulary: &Vocabulary, zipf: &Zipf, nets: &[Net], suited: Option<&Rule>) -> Request {
    let inside = *one(rng, nets);
    let mut request = Request {
        user: format!("user-{:04}@example.com", rng.u32(0..5_000)),
        roles: (0..rng.usize(1..=3)).map(|_| rng.usize(0..ROLES)).collect(),
        tier: rng.usize(0..TIERS),
        org: Some(rng.usize(0..ORGS)),
        action: rng.usize(0..ACTIONS.len()),
        model: zipf.draw(rng),
        ip: if rng.u8(0..4) > 0 { address(rng, inside) } else { std::net::Ipv4Addr::new(203, 0, 113, rng.u8(..)) },
        time: time(rng),
    };
    if let Some(rule) = suited {
        let least = match &rule.who {
            Who::Role(role) => {
                request.roles.push(*role);
                0
            }
            Who::Tier(tier) => *tier,
            Who::Anyone | Who::User(_) => 0,
        };
        request.tier = request.tier.max(least).max(rule.tier.unwrap_or(0));
        request.action = *one(rng, &rule.actions);
        request.org = rule.org.or(request.org);
        if !rule.nets.is_empty() {
            let net = *one(rng, &rule.nets);
            request.ip = address(rng, net);
        }
        for _ in 0..TRIES {
            if oracle::fires(vocabulary, rule, &request) {
                break;
            }
            request.time = time(rng);
        }
    }
    request.roles.sort_unstable();
    request.roles.dedup();
    request
}

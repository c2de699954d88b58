//! The floor: what the same work costs when it is written by hand, in plain Rust, for these two workloads.
//!
//! Everything is a number beforehand. A rule has 32 bytes; the rules that can apply stand side by side, prohibitions first,
//! so that the first that holds decides and the search ends there. Rules of a model are found by its number; general rules
//! by action, organisation and role. Local time is a table of the changes of the clocks and one of the windows that are open
//! in each hour of the week.

use super::{About, Engine, Load, Row, end_of};
use crate::work::{Answer, Effect, Request, Rules, Who, Workload, ZONES};
use compact_str::CompactString;
use hashbrown::HashMap;
use std::rc::Rc;

pub const ABOUT: About = About {
    name: "floor",
    package: None,
    passes_on: |_| None,
    rows,
    load,
    forms: &[
        (
            "prepared ids",
            "model, user, action, roles, tier and organisation are numbers already; address and instant too",
        ),
        ("texts", "they are texts, looked up in hash maps; address and instant are numbers"),
    ],
    limits: "",
};

/// A rule. It is for those who have one of `roles`, are `user`, or have the tier `least`; where it names none of a sort, that
/// is a value that nobody has.
#[derive(Clone, Copy)]
struct Rule {
    end: i64,
    roles: u32,
    user: u32,
    first_net: u32,
    number: u32,
    actions: u16,
    org: u16,
    least: u8,
    tier: u8,
    /// The window, of which there are at most 63; 63 is always open.
    window: u8,
    /// The number of nets, and whether it denies.
    nets: u8,
}

/// The bit of `nets` that says that the rule denies.
const DENIES: u8 = 0x80;
/// A tier that nobody has.
const NO_TIER: u8 = u8::MAX;
/// A user that nobody is.
const NO_USER: u32 = u32::MAX - 1;
const ANY_ORG: u16 = u16::MAX;
const ALWAYS: u8 = 63;
/// A user whom no rule names, a model that has no rules.
const NOBODY: u32 = u32::MAX;

/// A request in numbers.
#[derive(Clone, Copy)]
pub struct Ids {
    time: i64,
    roles: u32,
    model: u32,
    user: u32,
    ip: u32,
    org: u16,
    tier: u8,
    action: u8,
}

/// A request in texts, as a server has it in hand.
struct Texts {
    model: String,
    user: String,
    action: String,
    roles: Vec<String>,
    tier: String,
    org: Option<String>,
    ip: u32,
    time: i64,
}

/// The rules, ready.
pub struct Floor {
    rules: Vec<Rule>,
    /// Where the list of each key begins; it ends where the next begins.
    starts: Vec<u32>,
    /// Address and mask of each net.
    nets: Vec<(u32, u32)>,
    general: Option<General>,
    models: Names,
    users: Names,
    actions: Names,
    roles: Names,
    tiers: Names,
    orgs: Names,
}

/// What rules of no model need.
struct General {
    actions: usize,
    orgs: usize,
    roles: usize,
    zones: [Zone; ZONES.len()],
}

struct Zone {
    /// From when on the clocks show so many seconds more than UTC.
    changes: Vec<(i64, i32)>,
    /// Which change is the last before each stretch of time; no stretch has two.
    last: Vec<u16>,
    /// The windows open in each hour of the week, as bits.
    open: [u64; 168],
}

/// Numbers of names. The hasher is one of the fastest of those that are seeded, which keeps those who choose the names from making
/// them collide; `hashers` in the results compares them. Comparing the few actions and tiers one by one is no faster.
#[derive(Default)]
struct Names(HashMap<CompactString, u32, foldhash::fast::RandomState>);

impl Names {
    fn new<'n>(names: impl IntoIterator<Item = &'n String>) -> Self {
        let mut map = Self::default();
        for name in names {
            let next = map.0.len() as u32;
            map.0.entry(name.as_str().into()).or_insert(next);
        }
        map
    }

    #[inline]
    fn get(&self, name: &str) -> u32 {
        self.0.get(name).copied().unwrap_or(NOBODY)
    }
}

impl Floor {
    pub fn new(workload: &Workload) -> Self {
        let words = &workload.vocabulary;
        let users = match &workload.rules {
            Rules::PerModel(models) => Names::new(models.iter().flatten().filter_map(named)),
            Rules::General(rules) => Names::new(rules.iter().filter_map(named)),
        };
        let mut floor = Self {
            rules: Vec::new(),
            starts: vec![0],
            nets: Vec::new(),
            general: None,
            models: Names::new(&words.models),
            users,
            actions: Names::new(&words.actions),
            roles: Names::new(&words.roles),
            tiers: Names::new(&words.tiers),
            orgs: Names::new(&words.orgs),
        };
        match &workload.rules {
            Rules::PerModel(models) => {
                for model in 0..models.len() {
                    let (first, rules) = workload.rules.of(model);
                    let list = rules.iter().enumerate().map(|(index, rule)| floor.rule(first + index, rule)).collect();
                    floor.push(list);
                }
            }
            Rules::General(rules) => {
                let general = General {
                    actions: words.actions.len(),
                    orgs: words.orgs.len(),
                    roles: words.roles.len(),
                    zones: zones(workload),
                };
                let numbered: Vec<Rule> =
                    rules.iter().enumerate().map(|(index, rule)| floor.rule(index, rule)).collect();
                let mut lists = vec![Vec::new(); general.list(true, words.actions.len(), 0)];
                for rule in numbered {
                    let org = if rule.org == ANY_ORG { general.orgs } else { usize::from(rule.org) };
                    let role = if rule.roles == 0 { general.roles } else { rule.roles.trailing_zeros() as usize };
                    for action in (0..words.actions.len()).filter(|action| rule.actions & (1 << action) != 0) {
                        lists[general.list(rule.denies(), action, org) + role].push(rule);
                    }
                }
                floor.general = Some(general);
                lists.into_iter().for_each(|list| floor.push(list));
            }
        }
        floor
    }

    /// Appends the list of the next key: prohibitions first, either in source order.
    fn push(&mut self, mut list: Vec<Rule>) {
        list.sort_by_key(|rule| !rule.denies());
        self.rules.extend(list);
        self.starts.push(self.rules.len() as u32);
    }

    fn rule(&mut self, number: usize, rule: &crate::work::Rule) -> Rule {
        let (roles, user, least) = match &rule.who {
            Who::Anyone => (0, NO_USER, 0),
            Who::Role(role) => (1 << *role, NO_USER, NO_TIER),
            Who::User(user) => (0, self.users.get(user), NO_TIER),
            Who::Tier(tier) => (0, NO_USER, *tier as u8),
        };
        let first_net = self.nets.len() as u32;
        self.nets.extend(rule.nets.iter().map(|net| {
            let (first, last) = net.bounds();
            (first, !(first ^ last))
        }));
        let bits = rule.actions.iter().fold(0, |bits, action| bits | (1 << action));
        Rule {
            end: rule.until.map_or(i64::MAX, end_of),
            roles,
            user,
            first_net,
            number: number as u32,
            actions: if rule.actions.is_empty() { u16::MAX } else { bits },
            org: rule.org.map_or(ANY_ORG, |org| org as u16),
            least,
            tier: rule.tier.unwrap_or(0) as u8,
            window: rule.window.map_or(ALWAYS, |window| window as u8),
            nets: rule.nets.len() as u8 | if rule.effect == Effect::Deny { DENIES } else { 0 },
        }
    }

    #[inline]
    fn list(&self, key: usize) -> &[Rule] {
        let (Some(start), Some(end)) = (self.starts.get(key), self.starts.get(key + 1)) else { return &[] };
        self.rules.get(*start as usize..*end as usize).unwrap_or(&[])
    }

    /// Whether all of a rule holds. Who and what is one branch, since which of the two fails
    /// cannot be foreseen.
    #[inline]
    fn holds(&self, rule: &Rule, ids: &Ids, open: u64) -> bool {
        let who = (rule.roles & ids.roles != 0) | (rule.user == ids.user) | (ids.tier >= rule.least);
        let meant = who & (rule.actions >> ids.action & 1 != 0);
        meant
            && ids.time < rule.end
            && ids.tier >= rule.tier
            && (rule.org == ANY_ORG || rule.org == ids.org)
            && open >> rule.window & 1 != 0
            && (rule.nets & !DENIES == 0 || self.is_in(rule, ids.ip))
    }

    #[inline]
    fn is_in(&self, rule: &Rule, ip: u32) -> bool {
        let first = rule.first_net as usize;
        let nets = self.nets.get(first..first + usize::from(rule.nets & !DENIES)).unwrap_or(&[]);
        nets.iter().any(|(base, mask)| ip & mask == *base)
    }

    /// The deciding rule and whether it denies.
    #[inline]
    fn decide(&self, ids: &Ids) -> Option<(Effect, usize)> {
        let fired = match &self.general {
            None => self.list(ids.model as usize).iter().find(|rule| self.holds(rule, ids, 1 << ALWAYS)),
            Some(general) => self.first_of_lists(general, ids),
        };
        fired.map(|rule| (if rule.denies() { Effect::Deny } else { Effect::Allow }, rule.number as usize))
    }

    /// The first prohibition in source order that holds, else the first permission.
    fn first_of_lists(&self, general: &General, ids: &Ids) -> Option<&Rule> {
        let open = general.zones.iter().fold(1 << ALWAYS, |open, zone| open | zone.open(ids.time));
        [true, false].into_iter().find_map(|deny| {
            let mut best: Option<&Rule> = None;
            for org in [usize::from(ids.org), general.orgs].into_iter().filter(|org| *org <= general.orgs) {
                let lists = general.list(deny, usize::from(ids.action), org);
                let mut roles = ids.roles | 1 << general.roles;
                while roles != 0 {
                    let list = self.list(lists + roles.trailing_zeros() as usize);
                    roles &= roles - 1;
                    let earlier = list.iter().take_while(|rule| best.is_none_or(|best| rule.number < best.number));
                    best = earlier.into_iter().find(|rule| self.holds(rule, ids, open)).or(best);
                }
            }
            best
        })
    }

    fn ids(&self, request: &Request, workload: &Workload) -> Ids {
        Ids {
            time: request.time.timestamp(),
            roles: request.roles.iter().fold(0, |roles, role| roles | 1 << role),
            model: self.models.get(&workload.vocabulary.models[request.model]),
            user: self.users.get(&request.user),
            ip: u32::from(request.ip),
            org: request.org.map_or(ANY_ORG, |org| org as u16),
            tier: request.tier as u8,
            action: request.action as u8,
        }
    }

    /// Looks all names up; `None` for an action that is not known, which nobody may do.
    #[inline]
    fn look_up(&self, texts: &Texts) -> Option<Ids> {
        let action = self.actions.get(&texts.action);
        if action == NOBODY {
            return None;
        }
        let mut roles = 0;
        for role in &texts.roles {
            roles |= 1_u32.checked_shl(self.roles.get(role)).unwrap_or(0);
        }
        let tier = self.tiers.get(&texts.tier);
        Some(Ids {
            time: texts.time,
            roles,
            model: self.models.get(&texts.model),
            user: self.users.get(&texts.user),
            ip: texts.ip,
            org: texts.org.as_ref().map_or(ANY_ORG, |org| self.orgs.get(org) as u16),
            tier: if tier == NOBODY { 0 } else { tier as u8 },
            action: action as u8,
        })
    }
}

impl Rule {
    const fn denies(&self) -> bool {
        self.nets & DENIES != 0
    }
}

impl General {
    /// The key of the list of an effect, an action and an organisation, or one past the last organisation for none; a role,
    /// or one past the last for none, is to be added.
    #[inline]
    fn list(&self, deny: bool, action: usize, org: usize) -> usize {
        ((usize::from(deny) * self.actions + action) * (self.orgs + 1) + org) * (self.roles + 1)
    }
}

impl Zone {
    #[inline]
    fn open(&self, time: i64) -> u64 {
        const HOUR: i64 = 3_600;
        /// The first of January 1970 was a Thursday.
        const THURSDAY: i64 = 3 * 24;
        let stretch = usize::try_from(time >> STRETCH).unwrap_or(0).min(self.last.len() - 1);
        let last = usize::from(self.last[stretch]);
        let next = last + usize::from(self.changes.get(last + 1).is_some_and(|(from, _)| *from <= time));
        let (_, offset) = self.changes[next];
        let hour = ((time + i64::from(offset)).div_euclid(HOUR) + THURSDAY).rem_euclid(168);
        self.open[hour as usize]
    }
}

/// The user whom a rule names.
fn named(rule: &crate::work::Rule) -> Option<&String> {
    if let Who::User(user) = &rule.who { Some(user) } else { None }
}

/// A stretch of time has two to the power of this many seconds: twelve days.
const STRETCH: u32 = 20;
/// The year 2100: what comes after it has the offset of its first stretch.
const END: i64 = 4_102_444_800;

/// The zones, by the database that policyc has too; the oracle has another.
fn zones(workload: &Workload) -> [Zone; ZONES.len()] {
    std::array::from_fn(|zone| {
        let rules = jiff::tz::TimeZone::get(ZONES[zone].name()).expect("the zone is known");
        let start = jiff::Timestamp::from_second(0).expect("it is an instant");
        let end = jiff::Timestamp::from_second(END).expect("it is an instant");
        let mut changes = vec![(i64::MIN, rules.to_offset(start).seconds())];
        let following = rules.following(start).take_while(|change| change.timestamp() < end);
        changes.extend(following.map(|change| (change.timestamp().as_second(), change.offset().seconds())));
        let stretches = 0..=END >> STRETCH;
        let last = stretches.map(|stretch| changes.partition_point(|(from, _)| *from <= stretch << STRETCH) as u16 - 1);
        let last = last.collect();
        let mut open = [0; 168];
        for (bit, window) in workload.vocabulary.windows.iter().enumerate().filter(|(_, window)| window.zone == zone) {
            for day in window.days.0..=window.days.1 {
                for hour in window.hours.0..window.hours.1 {
                    open[(day * 24 + hour) as usize] |= 1 << bit;
                }
            }
        }
        Zone { changes, last, open }
    })
}

struct Prepared {
    floor: Rc<Floor>,
    requests: Vec<Ids>,
}

struct FromTexts {
    floor: Rc<Floor>,
    requests: Vec<Texts>,
}

impl Engine for Prepared {
    type Verdict = Option<(Effect, usize)>;

    fn decide(&self, index: usize) -> Self::Verdict {
        self.floor.decide(&self.requests[index])
    }

    fn answer(&self, _: usize, verdict: &Self::Verdict) -> Answer {
        Answer::by(*verdict)
    }
}

impl Engine for FromTexts {
    type Verdict = Option<(Effect, usize)>;

    fn decide(&self, index: usize) -> Self::Verdict {
        let ids = self.floor.look_up(&self.requests[index])?;
        self.floor.decide(&ids)
    }

    fn answer(&self, _: usize, verdict: &Self::Verdict) -> Answer {
        Answer::by(*verdict)
    }
}

fn rows(workload: &Workload) -> Vec<Row<'_>> {
    let floor = Rc::new(Floor::new(workload));
    let words = &workload.vocabulary;
    let ids = workload.requests.iter().map(|request| floor.ids(request, workload)).collect();
    let texts = workload.requests.iter().map(|request| Texts {
        model: words.models[request.model].clone(),
        user: request.user.clone(),
        action: words.actions[request.action].clone(),
        roles: request.roles.iter().map(|role| words.roles[*role].clone()).collect(),
        tier: words.tiers[request.tier].clone(),
        org: request.org.map(|org| words.orgs[org].clone()),
        ip: u32::from(request.ip),
        time: request.time.timestamp(),
    });
    let texts = texts.collect();
    vec![
        Row::new("floor", "prepared ids", Prepared { floor: floor.clone(), requests: ids }),
        Row::new("floor", "texts", FromTexts { floor, requests: texts }),
    ]
}

fn load(workload: &Workload) -> Load<'_> {
    Box::new(|| Box::new(Floor::new(workload)))
}

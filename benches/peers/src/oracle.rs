//! The right answer, worked out as slowly and plainly as possible: it shares nothing with any engine, and every answer of
//! every engine is held against it before anything is timed.

use crate::work::{Answer, Effect, Net, Request, Rule, Vocabulary, Who, Window, Workload, ZONES};
use chrono::{Datelike, Timelike};
use std::net::Ipv4Addr;

/// The answer to a request: a deny that fires decides, else an allow that fires; the first in source order of either.
pub fn answer(workload: &Workload, request: &Request) -> Answer {
    let (first, rules) = workload.rules.of(request.model);
    for effect in [Effect::Deny, Effect::Allow] {
        for (index, rule) in rules.iter().enumerate() {
            if rule.effect == effect && fires(&workload.vocabulary, rule, request) {
                return Answer::by(Some((effect, first + index)));
            }
        }
    }
    Answer::by(None)
}

/// Whether a request is allowed.
pub fn allows(workload: &Workload, request: &Request) -> bool {
    answer(workload, request).effect == Effect::Allow
}

/// Whether all of a rule holds.
pub fn fires(vocabulary: &Vocabulary, rule: &Rule, request: &Request) -> bool {
    let who = match &rule.who {
        Who::Anyone => true,
        Who::Role(role) => request.roles.contains(role),
        Who::User(user) => request.user == *user,
        Who::Tier(tier) => request.tier >= *tier,
    };
    who && (rule.actions.is_empty() || rule.actions.contains(&request.action))
        && rule.org.is_none_or(|org| request.org == Some(org))
        && rule.tier.is_none_or(|tier| request.tier >= tier)
        && rule.until.is_none_or(|until| request.time.date_naive() <= until)
        && (rule.nets.is_empty() || rule.nets.iter().any(|net| is_in(*net, request.ip)))
        && rule.window.is_none_or(|window| is_open(&vocabulary.windows[window], request))
}

/// Whether the first bits of an address are those of the block, one after the other.
fn is_in(net: Net, ip: Ipv4Addr) -> bool {
    let bits = |ip: Ipv4Addr| format!("{:032b}", u32::from(ip));
    bits(net.base)[..usize::from(net.prefix)] == bits(ip)[..usize::from(net.prefix)]
}

fn is_open(window: &Window, request: &Request) -> bool {
    let local = request.time.with_timezone(&ZONES[window.zone]);
    let day = local.weekday().num_days_from_monday();
    (window.days.0..=window.days.1).contains(&day) && (window.hours.0..window.hours.1).contains(&local.hour())
}

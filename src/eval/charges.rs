//! What a decision charges to limits: pure arithmetic on facts; the charging itself is a store's.

use super::told::Known;
use crate::{
    check::{
        ir::{Limit, LimitWindow},
        vocabulary::builtin,
    },
    store::limits::{Charge, Window},
    value::LimitKey,
};
use chrono::{DateTime, Utc};
use std::{
    fmt::Write,
    net::{IpAddr, Ipv6Addr},
};

/// The charge of one limit at an instant. None where what it counts by, or what the request costs, is not known: such a
/// request is denied.
#[must_use]
pub fn charge(limit: &Limit, shadow: bool, known: &impl Known, now: DateTime<Utc>) -> Option<Charge> {
    let cost = match limit.unit {
        None => 1,
        Some(unit) => u64::try_from(known.value(unit)?.as_int()?).ok()?,
    };
    let window = match &limit.window {
        LimitWindow::Sliding(seconds) => Window::Sliding { seconds: *seconds },
        LimitWindow::AtOnce(lapse) => Window::AtOnce { lapse: *lapse },
        LimitWindow::Calendar(calendar, zone) => {
            let (start, end) = zone.start_of_calendar(*calendar, now);
            Window::Calendar { start, end }
        }
    };
    Some(Charge { counter: counter(limit, shadow, known)?, window, limit: limit.amount, cost, binds: !shadow })
}

/// The name of a limit's counter: what it belongs to, then the values it counts by, each with its length, so that no two
/// lists of values give the same name.
#[must_use]
pub fn counter(limit: &Limit, shadow: bool, known: &impl Known) -> Option<String> {
    let mut name = String::from(if shadow { "shadow" } else { "limit" });
    push(&mut name, &limit.identity);
    for key in &limit.by {
        name.push(';');
        name.push_str(key.name());
        match key {
            LimitKey::Principal if known.is_anonymous() => push(&mut name, &network(known)?),
            LimitKey::Principal => {
                push(&mut name, known.value(builtin::PRINCIPAL_KIND)?.as_text()?);
                push(&mut name, known.value(builtin::PRINCIPAL_ID)?.as_text()?);
            }
            LimitKey::Org => match known.value(builtin::PRINCIPAL_ORG)?.as_text() {
                Some(org) => push(&mut name, org),
                // Known to be in no organisation: a counter of its own.
                None => name.push('-'),
            },
            LimitKey::Ip => push(&mut name, &network(known)?),
            LimitKey::Resource => {
                push(&mut name, known.value(builtin::RESOURCE_KIND)?.as_text()?);
                push(&mut name, known.value(builtin::RESOURCE_ID)?.as_text()?);
            }
            LimitKey::Everyone => {}
        }
    }
    Some(name)
}

fn push(name: &mut String, part: &str) {
    // Writing to a string cannot fail.
    let _ = write!(name, ":{}:{part}", part.len());
}

/// The address that a request comes from; of IPv6 the /64, since one host has all of it.
fn network(known: &impl Known) -> Option<String> {
    Some(match known.value(builtin::IP)?.as_ip()? {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let prefix = ip.to_bits() & (u128::MAX << 64);
            format!("{}/64", Ipv6Addr::from_bits(prefix))
        }
    })
}

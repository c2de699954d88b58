//! JSON to documents. Whatever is not understood is refused: a condition that is dropped grants too much.

use super::{Block, Conditions, Document, Grant, Operation, Principal, PrincipalKind, Rate, Rule};
use crate::{
    ast::PerUnit,
    request::{Input, Refusal},
    wire::fields::{self, Fields, mismatch, refusal, shown, unknown},
};
use chrono::{DateTime, FixedOffset, Timelike};

/// How many pairs of a rule with a rate limit and any other rule a document may have: each may need an exemption.
const MAX_PAIRS: usize = 250_000;

pub(super) fn document(value: Input) -> Result<Document, Refusal> {
    let mut fields = Fields::of(value, "")?;
    let model = fields.required_text("model")?;
    let rules =
        fields.list("rules")?.into_iter().map(|(value, at)| rule(value, at)).collect::<Result<Vec<Rule>, _>>()?;
    fields.nothing_else(&["model", "rules"])?;
    let limited = rules.iter().filter(|rule| rule.conditions.rate_limit.is_some()).count();
    if limited.saturating_mul(rules.len()) > MAX_PAIRS {
        return Err(refusal(format!("too many rules ({}) for {limited} with a rate limit", rules.len()), "/rules"));
    }
    Ok(Document { model, rules })
}

pub(super) fn grant(value: Input) -> Result<Grant, Refusal> {
    let mut fields = Fields::of(value, "")?;
    let model = fields.required_text("model_id")?;
    let mut permissions = Vec::new();
    for (value, at) in some(fields.list("permissions")?, "permission", &fields.pointer("permissions"))? {
        let permission = fields::text(value, &at)?;
        if !permissions.contains(&permission) {
            permissions.push(permission);
        }
    }
    fields.nothing_else(&["model_id", "permissions"])?;
    Ok(Grant { model, permissions })
}

fn rule(value: Input, at: String) -> Result<Rule, Refusal> {
    let mut fields = Fields::of(value, at)?;
    let principal =
        principal(fields.required("principal", "an object with `type` and `value`")?, fields.pointer("principal"))?;
    let mut operations = Vec::new();
    for (value, at) in some(fields.list("operations")?, "operation", &fields.pointer("operations"))? {
        let operation = operation(value, &at)?;
        if !operations.contains(&operation) {
            operations.push(operation);
        }
    }
    let at = fields.pointer("conditions");
    let conditions = fields.take("conditions").map(|value| conditions(value, at)).transpose()?.unwrap_or_default();
    fields.nothing_else(&["principal", "operations", "conditions"])?;
    Ok(Rule { principal, operations, conditions })
}

/// A list's elements, where it has any: an empty list of what is allowed must not come to mean everything.
fn some(list: Vec<(Input, String)>, what: &str, at: &str) -> Result<Vec<(Input, String)>, Refusal> {
    if list.is_empty() { Err(refusal(format!("expected at least one {what}"), at)) } else { Ok(list) }
}

fn principal(value: Input, at: String) -> Result<Principal, Refusal> {
    let mut fields = Fields::of(value, at)?;
    let kind = fields.required_text("type")?;
    let kind = PrincipalKind::ALL.into_iter().find(|known| known.name() == kind).ok_or_else(|| {
        refusal(unknown("principal type", &kind, &PrincipalKind::ALL.map(PrincipalKind::name)), fields.pointer("type"))
    })?;
    let value = fields.required_text("value")?;
    fields.nothing_else(&["type", "value"])?;
    Ok(Principal { kind, value })
}

fn operation(value: Input, at: &str) -> Result<Operation, Refusal> {
    let name = fields::text(value, at)?;
    let known = Operation::ALL.into_iter().find(|known| known.name() == name);
    known.ok_or_else(|| refusal(unknown("operation", &name, &Operation::ALL.map(Operation::name)), at))
}

fn conditions(value: Input, at: String) -> Result<Conditions, Refusal> {
    let mut fields = Fields::of(value, at)?;
    let ip_range = match fields.take("ip_range") {
        None => Vec::new(),
        Some(value) => ip_range(value, &fields.pointer("ip_range"))?,
    };
    let rate_limit = match fields.text("rate_limit")? {
        None => None,
        Some(text) => Some(rate(&text).ok_or_else(|| {
            let expected = "expected a rate such as `100req/min`, in `s`, `min`, `hour` or `day`";
            refusal(format!("{expected}, found `{}`", shown(&text)), fields.pointer("rate_limit"))
        })?),
    };
    let valid_until = match fields.text("valid_until")? {
        None => None,
        Some(text) => Some(instant(&text).ok_or_else(|| {
            let expected = "expected an instant such as `2025-12-31T23:59:59Z`";
            refusal(format!("{expected}, found `{}`", shown(&text)), fields.pointer("valid_until"))
        })?),
    };
    fields.nothing_else(&["ip_range", "rate_limit", "valid_until"])?;
    Ok(Conditions { ip_range, rate_limit, valid_until })
}

fn ip_range(value: Input, at: &str) -> Result<Vec<Block>, Refusal> {
    if let Input::Text(_) = value {
        return Ok(vec![block(value, at)?]);
    }
    let Input::List(_) = value else { return Err(mismatch("an address block or a list of them", &value, at)) };
    some(fields::list(value, at)?, "address block", at)?.into_iter().map(|(value, at)| block(value, &at)).collect()
}

fn block(value: Input, at: &str) -> Result<Block, Refusal> {
    let text = fields::text(value, at)?;
    let address = || text.parse().map(Block::Address);
    address()
        .or_else(|_| text.parse().map(Block::Network))
        .map_err(|_| refusal(format!("expected an address block such as `10.0.0.0/8`, found `{}`", shown(&text)), at))
}

/// `100req/min`: a count of at least one, and a unit.
fn rate(text: &str) -> Option<Rate> {
    let (count, unit) = text.split_once("req/")?;
    if !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count = count.parse().ok().filter(|count| *count >= 1)?;
    let unit = match unit {
        "s" | "sec" | "second" => PerUnit::Second,
        "m" | "min" | "minute" => PerUnit::Minute,
        "h" | "hour" => PerUnit::Hour,
        "d" | "day" => PerUnit::Day,
        _ => return None,
    };
    Some(Rate { count, unit })
}

/// An instant that the policy language can write: RFC 3339, not in a leap second.
fn instant(text: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text).ok().filter(|instant| instant.nanosecond() < 1_000_000_000)
}

//! The vocabulary: tiers, actions, kinds, roles, attributes, sets, windows, conditions.

use super::{
    condition::cond,
    grammar::Rule,
    limit::one_of,
    literal::{assigned, int, list, name, path},
    node::{Node, Problem, Read},
    rule::zone,
};
use crate::{
    ast::{Clock, DayRange, ItemKind, Type, TypeKind, WindowSpan},
    report::codes,
    value::Weekday,
};
use std::borrow::Cow;

pub(super) fn timezone(node: Node<'_>) -> Read<ItemKind> {
    Ok(ItemKind::Timezone(name(node.only()?)?))
}

pub(super) fn tiers(node: Node<'_>) -> Read<ItemKind> {
    Ok(ItemKind::Tiers(node.parts().each(Rule::ident, name)?))
}

pub(super) fn action_list(node: Node<'_>) -> Read<ItemKind> {
    Ok(ItemKind::Actions(node.parts().each(Rule::name, name)?))
}

pub(super) fn action_group(node: Node<'_>) -> Read<ItemKind> {
    let mut parts = node.parts();
    Ok(ItemKind::ActionGroup { name: name(parts.expect(Rule::ident)?)?, members: parts.each(Rule::name, name)? })
}

pub(super) fn kinds(node: Node<'_>) -> Read<ItemKind> {
    let mut parts = node.parts();
    let of_principal = parts.next_if(Rule::of_principal).is_some();
    Ok(ItemKind::Kinds { of_principal, names: parts.each(Rule::ident, name)? })
}

pub(super) fn role(node: Node<'_>) -> Read<ItemKind> {
    let mut parts = node.parts();
    let role = name(parts.expect(Rule::name)?)?;
    let includes = parts.maybe(Rule::includes, |node| node.parts().each(Rule::name, name))?;
    Ok(ItemKind::Role { name: role, includes: includes.unwrap_or_default() })
}

pub(super) fn attribute(node: Node<'_>) -> Read<ItemKind> {
    let mut parts = node.parts();
    let path = path(parts.expect(Rule::path)?)?;
    let ty = parts.maybe(Rule::attribute_type, attribute_type)?.map(Box::new);
    Ok(ItemKind::Attribute { path, ty, default: parts.next().map(assigned).transpose()?.map(Box::new) })
}

fn attribute_type(node: Node<'_>) -> Read<Type> {
    let at = node.at();
    let kind = node.only()?.read_as(&[
        (Rule::type_bool, |_| Ok(TypeKind::Bool)),
        (Rule::type_int, type_int),
        (Rule::type_text, |_| Ok(TypeKind::Text)),
        (Rule::type_ip, |_| Ok(TypeKind::Ip)),
        (Rule::type_time, |_| Ok(TypeKind::Time)),
        (Rule::type_tier, |_| Ok(TypeKind::Tier)),
        (Rule::type_set, |_| Ok(TypeKind::SetOfText)),
        (Rule::type_one_of, |node| Ok(TypeKind::OneOf(node.parts().each(Rule::ident, name)?))),
    ])?;
    Ok(Type { kind, at })
}

fn type_int(node: Node<'_>) -> Read<TypeKind> {
    let mut parts = node.parts();
    let Some(least) = parts.next_if(Rule::int) else {
        return Ok(TypeKind::Int(None));
    };
    Ok(TypeKind::Int(Some((int(least)?, int(parts.expect(Rule::int)?)?))))
}

pub(super) fn set(node: Node<'_>) -> Read<ItemKind> {
    let mut parts = node.parts();
    Ok(ItemKind::Set { name: name(parts.expect(Rule::ident)?)?, members: list(parts.expect(Rule::list)?)? })
}

pub(super) fn window(node: Node<'_>) -> Read<ItemKind> {
    let mut parts = node.parts();
    let name = name(parts.expect(Rule::ident)?)?;
    let spans = parts.each(Rule::window_span, window_span)?;
    Ok(ItemKind::Window { name, spans, zone: parts.maybe(Rule::zone, zone)?.map(Box::new) })
}

fn window_span(node: Node<'_>) -> Read<WindowSpan> {
    let mut parts = node.parts();
    let at = parts.at();
    let days = parts.maybe(Rule::days, |node| node.parts().each(Rule::day_range, day_range))?;
    Ok(WindowSpan { days: days.unwrap_or_default(), clock: parts.maybe(Rule::hours, hours)?, at })
}

fn day_range(node: Node<'_>) -> Read<DayRange> {
    let mut parts = node.parts();
    Ok(DayRange { first: day(parts.any()?)?, last: parts.maybe(Rule::day, day)? })
}

fn day(node: Node<'_>) -> Read<Weekday> {
    one_of(&node, &Weekday::ALL, Weekday::name)
}

fn hours(node: Node<'_>) -> Read<(Clock, Clock)> {
    let mut parts = node.parts();
    let first = parts.expect(Rule::clock)?;
    if first.text() == "24:00" {
        let problem = bad_clock(&first, "`24:00` is only an end");
        return Err(Box::new((*problem).help("a day starts at `00:00`")));
    }
    Ok((clock(first)?, clock(parts.expect(Rule::clock)?)?))
}

fn clock(node: Node<'_>) -> Read<Clock> {
    let text = node.text();
    let parsed = text.split_once(':').and_then(|(hour, minute)| {
        let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok().filter(|minute| *minute < 60)?);
        hour.checked_mul(60)?.checked_add(minute).filter(|minutes| *minutes <= 24 * 60)
    });
    parsed.map(Clock).ok_or_else(|| bad_clock(&node, format!("there is no time of day `{text}`")))
}

fn bad_clock(node: &Node<'_>, message: impl Into<Cow<'static, str>>) -> Problem {
    Box::new(node.problem(codes::BAD_LITERAL, message))
}

pub(super) fn condition(node: Node<'_>) -> Read<ItemKind> {
    let mut parts = node.parts();
    let name = name(parts.expect(Rule::ident)?)?;
    Ok(ItemKind::Condition { name, cond: Box::new(cond(parts.expect(Rule::cond)?)?) })
}

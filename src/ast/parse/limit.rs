//! `at most 100 tokens per minute by principal`.

use super::{
    grammar::Rule,
    literal::{duration, int, name},
    node::{Node, Read},
    rule::zone,
};
use crate::{
    ast::{AtMost, Per, PerUnit},
    value::{Calendar, LimitKey},
};

/// How much, in which time, counted by what.
pub(super) fn at_most(node: Node<'_>) -> Read<AtMost> {
    let mut parts = node.parts();
    let at = parts.at();
    let amount = parts.expect(Rule::int)?;
    let amount_at = amount.at();
    let amount = int(amount)?;
    let unit = parts.maybe(Rule::unit, |node| name(node.only()?))?;
    let per = parts.any()?.read_as(&[(Rule::per, per), (Rule::at_once, at_once)])?;
    let by = parts.maybe(Rule::by, |node| node.parts().each(Rule::limit_key, limit_key))?;
    Ok(AtMost { amount, amount_at, unit, per, by: by.unwrap_or_default(), at })
}

fn per(node: Node<'_>) -> Read<Per> {
    node.only()?.read_as(&[
        (Rule::duration, |node| Ok(Per::Duration(duration(node)?))),
        (Rule::per_unit, |node| one_of(&node, &PerUnit::ALL, PerUnit::name).map(Per::Unit)),
        (Rule::calendar, |node| {
            let mut parts = node.parts();
            let unit = one_of(&parts.any()?, &Calendar::ALL, Calendar::name)?;
            Ok(Per::Calendar(unit, parts.maybe(Rule::zone, zone)?))
        }),
    ])
}

fn at_once(node: Node<'_>) -> Read<Per> {
    Ok(Per::AtOnce(node.parts().maybe(Rule::duration, duration)?))
}

fn limit_key(node: Node<'_>) -> Read<LimitKey> {
    one_of(&node, &LimitKey::ALL, LimitKey::name)
}

/// The one of a few words that the text is.
pub(super) fn one_of<T: Copy>(node: &Node<'_>, all: &[T], word: fn(T) -> &'static str) -> Read<T> {
    let found = all.iter().copied().find(|one| word(*one) == node.text());
    found.ok_or_else(|| node.unreadable())
}

//! Statements, whichever they are.

use super::{
    grammar::Rule,
    literal::{assigned, name},
    misplaced::{not_in_block, on_in_block},
    node::{Node, Read},
    rule::{invariant, rule},
    vocabulary,
};
use crate::ast::{Assigned, Item, ItemKind, Name, Selector};

/// A statement of a file, without those that hold others.
pub(super) fn item(node: Node<'_>) -> Read<Item> {
    let at = node.at();
    let kind = node.only()?.read_as(&[
        (Rule::policy_rule, rule),
        (Rule::invariant, invariant),
        (Rule::timezone, vocabulary::timezone),
        (Rule::tiers, vocabulary::tiers),
        (Rule::action_list, vocabulary::action_list),
        (Rule::action_group, vocabulary::action_group),
        (Rule::kinds, vocabulary::kinds),
        (Rule::role, vocabulary::role),
        (Rule::attribute, vocabulary::attribute),
        (Rule::set, vocabulary::set),
        (Rule::window, vocabulary::window),
        (Rule::condition, vocabulary::condition),
    ])?;
    Ok(Item { docs: Vec::new(), kind, at })
}

/// A statement inside an `on` block.
pub(super) fn inner_item(node: Node<'_>) -> Read<Item> {
    let statement = node.only()?;
    if !matches!(statement.rule(), Rule::policy_rule | Rule::invariant) {
        let (keyword, word) = node.keyword();
        return Err(Box::new(not_in_block(keyword, word)));
    }
    let item = item(node)?;
    match on_part(&item.kind) {
        Some(on) => Err(Box::new(on_in_block(on.at.0))),
        None => Ok(item),
    }
}

fn on_part(kind: &ItemKind) -> Option<&Selector> {
    if let ItemKind::Rule(rule) = kind {
        rule.scope.on.as_deref()
    } else if let ItemKind::Invariant(invariant) = kind {
        invariant.scope.on.as_deref()
    } else {
        None
    }
}

/// A line of a declaration: `tier: seed;`
pub(super) fn member(node: Node<'_>) -> Read<(Name, Assigned)> {
    let mut parts = node.parts();
    Ok((name(parts.expect(Rule::ident)?)?, assigned(parts.any()?)?))
}

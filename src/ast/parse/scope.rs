//! Whom and what a statement speaks of.

use super::{
    condition::compare,
    grammar::Rule,
    literal::name,
    node::{Node, Nodes, Read},
};
use crate::ast::{Actions, Name, Scope, Selector, SelectorKind, SelectorTerm, Who, WhoKind, WhoTerm};

/// `role editor to view on tag chat`
pub(super) fn scope(node: Node<'_>) -> Read<Scope> {
    let mut parts = node.parts();
    let who = Some(who(parts.expect(Rule::who)?)?);
    let actions = actions(parts.expect(Rule::actions)?)?;
    Ok(Scope { who, actions, on: parts.maybe(Rule::on_selector, on_selector)? })
}

/// `to view on tag chat of role editor`
pub(super) fn target(node: Node<'_>) -> Read<Scope> {
    let mut parts = node.parts();
    let actions = actions(parts.expect(Rule::actions)?)?;
    let on = parts.maybe(Rule::on_selector, on_selector)?;
    Ok(Scope { who: parts.maybe(Rule::who, who)?, actions, on })
}

fn on_selector(node: Node<'_>) -> Read<Box<Selector>> {
    Ok(Box::new(selector(node.only()?)?))
}

fn actions(node: Node<'_>) -> Read<Actions> {
    let at = node.at();
    let mut parts = node.parts();
    let names = if parts.next_if(Rule::any_action).is_some() { Vec::new() } else { parts.each(Rule::name, name)? };
    Ok(Actions { names, at })
}

fn who(node: Node<'_>) -> Read<Who> {
    let mut parts = node.parts();
    let at = parts.at();
    let any = parts.each(Rule::who_all, who_all)?;
    let except = parts.maybe(Rule::who_except, |node| node.parts().each(Rule::who_all, who_all))?;
    Ok(Who { any, except: except.unwrap_or_default(), at })
}

fn who_all(node: Node<'_>) -> Read<Vec<WhoTerm>> {
    node.parts().each(Rule::who_term, who_term)
}

fn who_term(node: Node<'_>) -> Read<WhoTerm> {
    let at = node.at();
    let kind = node.only()?.read_as(&[
        (Rule::anyone, |_| Ok(WhoKind::Anyone)),
        (Rule::anonymous, |_| Ok(WhoKind::Anonymous)),
        (Rule::who_role, |node| Ok(WhoKind::Role(name(node.only()?)?))),
        (Rule::who_org, |node| Ok(WhoKind::Org(name(node.only()?)?))),
        (Rule::who_tier, |node| {
            let mut parts = node.parts();
            Ok(WhoKind::Tier(compare(parts.any()?)?, name(parts.any()?)?))
        }),
        (Rule::who_principal, |node| {
            let mut parts = node.parts();
            Ok(WhoKind::Principal { kind: name(parts.any()?)?, id: name(parts.any()?)? })
        }),
    ])?;
    Ok(WhoTerm { kind, at })
}

/// `tag risk and org "alpha" except "x"`
pub(super) fn selector(node: Node<'_>) -> Read<Selector> {
    let mut parts = node.parts();
    let at = parts.at();
    let any = parts.each(Rule::selector_all, selector_all)?;
    let except = parts.maybe(Rule::selector_except, |node| node.parts().each(Rule::selector_all, selector_all))?;
    Ok(Selector { any, except: except.unwrap_or_default(), at })
}

fn selector_all(node: Node<'_>) -> Read<Vec<SelectorTerm>> {
    node.parts().each(Rule::selector_term, selector_term)
}

fn selector_term(node: Node<'_>) -> Read<SelectorTerm> {
    let at = node.at();
    let kind = node.only()?.read_as(&[
        (Rule::on_any, |node| Ok(SelectorKind::Any(node.parts().maybe(Rule::ident, name)?))),
        (Rule::on_tag, |node| Ok(SelectorKind::Tag(name(node.only()?)?))),
        (Rule::on_org, |node| Ok(SelectorKind::Org(name(node.only()?)?))),
        (Rule::resource, |node| {
            let (kind, id) = resource(&mut node.parts())?;
            Ok(SelectorKind::Resource { kind, id })
        }),
    ])?;
    Ok(SelectorTerm { kind, at })
}

/// The kind, if given, and the id.
pub(super) fn resource(parts: &mut Nodes<'_>) -> Read<(Option<Name>, Name)> {
    Ok((parts.maybe(Rule::ident, name)?, name(parts.expect(Rule::string)?)?))
}

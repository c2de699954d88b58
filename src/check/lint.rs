//! Warnings that need no analysis of the whole set: what is written can hardly be meant.

use super::{
    Meaning,
    conditions::canonical_net,
    infer::quoted,
    ir::{Atom, Cond, CondKind, Effect, PartKind, Rule},
    resolve::{Names, Space},
    uses::Uses,
    vocabulary::{Vocabulary, builtin},
};
use crate::{
    ast::{
        Clause, ClauseKind, CondKind as AstCond, Item, ItemKind, Literal, LiteralKind, Selector, SelectorKind, SetExpr,
    },
    glob::Glob,
    report::{Diagnostic, codes},
    source::{FileId, Span},
    value::{Cmp, Value},
};
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use std::{borrow::Cow, collections::BTreeSet, sync::Arc};
use unicode_security::{RestrictionLevel, RestrictionLevelDetection};

pub(super) fn warn(
    code: crate::report::Code,
    at: Span,
    message: impl Into<Cow<'static, str>>,
    help: impl Into<Cow<'static, str>>,
) -> Diagnostic {
    Diagnostic::new(code, at, message).help(help)
}

/// Names that no rule, claim or definition makes use of.
pub(super) fn unused(vocabulary: &Vocabulary, names: &Names, uses: &Uses, diagnostics: &mut Vec<Diagnostic>) {
    let help = "remove it, or use it in a rule";
    let roles: BTreeSet<&str> = uses.names(Space::Role).map(|name| &**name).collect();
    let actions = with_members(uses.names(Space::Action), names);
    // A role that includes a used one says who holds that.
    let includes_used = |name: &Arc<str>| {
        let role = vocabulary.role_ids.get(name).map(|id| &vocabulary.roles[*id]);
        role.is_some_and(|role| role.closure.iter().any(|id| roles.contains(&*vocabulary.roles[*id].name)))
    };
    for ((space, name), at) in &names.places {
        let (what, is_used) = match space {
            Space::Tier | Space::Attribute => continue,
            Space::Action if names.groups.contains_key(name) => ("action group", actions.contains(name)),
            Space::Action => ("action", uses.any_action() || actions.contains(name)),
            Space::PrincipalKind | Space::ResourceKind => {
                let declared = vocabulary.principals.declares(name) || vocabulary.resources.declares(name);
                ("kind", declared || uses.name(*space, name))
            }
            Space::Role => ("role", uses.any_role() || includes_used(name)),
            Space::Bare => {
                let what = if names.sets.contains_key(name) {
                    "set"
                } else if names.windows.contains(name) {
                    "window"
                } else {
                    "condition"
                };
                (what, uses.name(Space::Bare, name))
            }
        };
        if !is_used {
            diagnostics.push(warn(codes::UNUSED, *at, format!("{what} `{name}` is never used"), help));
        }
    }
    for (id, attribute) in vocabulary.attributes.pairs() {
        if let Some(at) = attribute.at.filter(|_| !uses.attribute(id)) {
            let message = format!("attribute `{}` is never used", attribute.path);
            diagnostics.push(warn(codes::UNUSED, at, message, help));
        }
    }
}

/// Names of actions and groups, and all that the groups hold.
fn with_members<'a>(names: impl Iterator<Item = &'a Arc<str>>, all: &'a Names) -> BTreeSet<&'a Arc<str>> {
    let mut open: Vec<&Arc<str>> = names.collect();
    let mut found = BTreeSet::new();
    while let Some(name) = open.pop() {
        if found.insert(name) {
            open.extend(all.listed.get(name).into_iter().flatten());
        }
    }
    found
}

/// The warning that there is a rule, but no action.
pub(super) fn no_actions(rule: &Rule) -> Diagnostic {
    let message = "no action is declared or named, so every request is denied as `UNKNOWN_ACTION`".to_owned();
    warn(codes::NO_ACTIONS, rule.at, message, "declare them: `actions view, infer;`")
}

/// Warnings of statements as they are written.
pub(super) fn statements<'a>(
    items: impl Iterator<Item = &'a Item>,
    vocabulary: &Vocabulary,
    diagnostics: &mut Vec<Diagnostic>,
) {
    items.for_each(|item| item_lints(&item.kind, vocabulary, diagnostics));
}

/// Warnings of rules each by itself.
pub(super) fn rules(rules: &[Rule], meaning: &Meaning, diagnostics: &mut Vec<Diagnostic>) {
    for rule in rules {
        included_role(rule, meaning, diagnostics);
        absence_grants(rule, &meaning.vocabulary, diagnostics);
        never_holds(rule, diagnostics);
    }
}

/// Warnings of one statement as it is written.
fn item_lints(item: &ItemKind, vocabulary: &Vocabulary, diagnostics: &mut Vec<Diagnostic>) {
    match item {
        ItemKind::Set { name, members } => {
            if members.is_empty() {
                let message = format!("nothing is in the set `{}`", name.text);
                diagnostics.push(warn(codes::NEVER_HOLDS, name.at.0, message, "add members, or remove the set"));
            }
            blocks(members, diagnostics);
        }
        ItemKind::Condition { cond, .. } => cond_lints(cond, diagnostics),
        ItemKind::On { selector, .. } => patterns(selector, vocabulary, diagnostics),
        ItemKind::Rule(rule) => {
            if let Some(selector) = &rule.scope.on {
                patterns(selector, vocabulary, diagnostics);
            }
            clause_lints(&rule.clauses, diagnostics);
            if let crate::ast::Effect::Require(cond) = &rule.effect {
                cond_lints(cond, diagnostics);
            }
            if rule.effect == crate::ast::Effect::Deny && rule.otherwise.is_none() {
                let at = rule.scope.who.as_ref().map_or(rule.scope.actions.at, |who| who.at).0;
                let help = "add `else CODE STATUS \"message\" hint \"what to do\"`: every refusal says why";
                diagnostics.push(warn(codes::NO_ELSE, at, "this `deny` does not say why", help));
            }
        }
        ItemKind::Invariant(claim) => {
            if let Some(selector) = &claim.scope.on {
                patterns(selector, vocabulary, diagnostics);
            }
            clause_lints(&claim.clauses, diagnostics);
        }
        ItemKind::Timezone(_)
        | ItemKind::Tiers(_)
        | ItemKind::Actions(_)
        | ItemKind::ActionGroup { .. }
        | ItemKind::Kinds { .. }
        | ItemKind::Role { .. }
        | ItemKind::Attribute { .. }
        | ItemKind::Window { .. }
        | ItemKind::Declaration(_)
        | ItemKind::Test(_) => {}
    }
}

fn clause_lints(clauses: &[Clause], diagnostics: &mut Vec<Diagnostic>) {
    for clause in clauses {
        if let ClauseKind::When(cond) | ClauseKind::Unless(cond) = &clause.kind {
            cond_lints(cond, diagnostics);
        }
    }
}

fn cond_lints(cond: &crate::ast::Cond, diagnostics: &mut Vec<Diagnostic>) {
    let mut open = vec![cond];
    while let Some(cond) = open.pop() {
        match &cond.kind {
            AstCond::Or(inner) | AstCond::And(inner) => open.extend(inner),
            AstCond::Not(inner) => open.push(inner),
            AstCond::In { set: SetExpr::List(list, at), .. }
            | AstCond::Overlaps { set: SetExpr::List(list, at), .. } => {
                if list.is_empty() {
                    let message = "nothing is in an empty list".to_owned();
                    diagnostics.push(warn(codes::NEVER_HOLDS, at.0, message, "add members, or remove the test"));
                }
                blocks(list, diagnostics);
            }
            AstCond::In { .. }
            | AstCond::Overlaps { .. }
            | AstCond::Compare { .. }
            | AstCond::Like { .. }
            | AstCond::Has(_)
            | AstCond::Path(_) => {}
        }
    }
}

/// Address blocks with host bits, or inside one another.
fn blocks(members: &[Literal], diagnostics: &mut Vec<Diagnostic>) {
    let mut nets: Vec<(IpNet, Span)> = Vec::new();
    for member in members {
        match &member.kind {
            LiteralKind::Cidr(net) => {
                if net.addr() != net.network() {
                    let message = format!("`{net}` has host bits set");
                    let help = format!("it means the whole block: write `{}`", net.trunc());
                    diagnostics.push(warn(codes::CIDR_HOST_BITS, member.at.0, message, help));
                }
                nets.push((canonical_net(*net), member.at.0));
            }
            LiteralKind::Ip(ip) => nets.push((canonical_net(IpNet::from(*ip)), member.at.0)),
            LiteralKind::Text(_)
            | LiteralKind::Int(_)
            | LiteralKind::Bool(_)
            | LiteralKind::Instant(_)
            | LiteralKind::Date(_)
            | LiteralKind::Duration(_)
            | LiteralKind::Ident(_)
            | LiteralKind::List(_)
            | LiteralKind::Held { .. } => {}
        }
    }
    // Sorted, a block comes right after those that hold it: only the innermost open one can hold the next.
    nets.sort_by_key(|(net, _)| (net.network(), net.prefix_len()));
    let mut outer: Option<(IpNet, Span)> = None;
    for (net, at) in nets {
        match outer {
            Some((holder, first)) if holder.contains(&net) => {
                let message = format!("`{net}` is inside `{holder}` of the same set");
                diagnostics.push(
                    warn(codes::CIDR_OVERLAP, at, message, "remove one of the two").also(first, "this block holds it"),
                );
            }
            _ => outer = Some((net, at)),
        }
    }
}

/// Patterns that match nothing declared, where resources of the kind are declared at all.
fn patterns(selector: &Selector, vocabulary: &Vocabulary, diagnostics: &mut Vec<Diagnostic>) {
    for term in selector.any.iter().chain(&selector.except).flatten() {
        let SelectorKind::Resource { kind, id } = &term.kind else { continue };
        let kind = kind.as_ref().map_or("model", |kind| &*kind.text);
        let resources = &vocabulary.resources;
        if !id.text.contains(['*', '?']) || !resources.declares(kind) {
            continue;
        }
        let Ok(glob) = Glob::resource(&id.text) else { continue };
        if glob.literal().is_none() && !resources.any_matches(kind, &glob) {
            let message = format!("no declared {kind} matches {}", quoted(&id.text));
            let help = "in resource patterns `*` stops at `/`; `**` does not";
            diagnostics.push(warn(codes::NO_MATCH, id.at.0, message, help));
        }
    }
}

/// Characters that cannot be seen, and words that mix scripts so that they look like others.
pub(super) fn text(file: FileId, text: &str, diagnostics: &mut Vec<Diagnostic>) {
    if text.is_ascii() {
        return;
    }
    let span = |start: usize, end: usize| {
        Span::new(file, u32::try_from(start).unwrap_or(u32::MAX), u32::try_from(end).unwrap_or(u32::MAX))
    };
    for (start, character) in text.char_indices().filter(|(_, character)| invisible(*character)) {
        let end = start.saturating_add(character.len_utf8());
        let message = format!("invisible character U+{:04X}", u32::from(character));
        let help = format!("remove it; where it is meant, write `\\u{{{:x}}}` in a string", u32::from(character));
        diagnostics.push(warn(codes::SUSPICIOUS_TEXT, span(start, end), message, help));
    }
    let mut start = 0usize;
    for word in text.split(|character: char| !character.is_alphanumeric()) {
        let end = start.saturating_add(word.len());
        if !word.is_ascii() && !word.check_restriction_level(RestrictionLevel::HighlyRestrictive) && mixes_latin(word) {
            let message = format!("`{word}` mixes letters of several scripts");
            let help = "letters that look alike can be told apart by no reader: write the word in one script";
            diagnostics.push(warn(codes::SUSPICIOUS_TEXT, span(start, end), message, help));
        }
        // The separator: one character, wherever another word follows.
        let separator = text.get(end..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        start = end.saturating_add(separator);
    }
}

/// Whether ASCII letters stand beside others in a word.
fn mixes_latin(word: &str) -> bool {
    word.chars().any(|character| character.is_ascii_alphabetic())
}

const fn invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
            | '\u{80}'..='\u{9f}'
    )
}

/// Calls back for each atom of a condition, with whether an odd number of `not` stands before it.
fn polarity(cond: &Cond, negative: bool, visit: &mut impl FnMut(&Atom, bool)) {
    match cond.kind() {
        CondKind::Const(_) => {}
        CondKind::Not(inner) => polarity(inner, !negative, visit),
        CondKind::All(inner) | CondKind::Any(inner) => inner.iter().for_each(|cond| polarity(cond, negative, visit)),
        CondKind::Atom(atom) => visit(atom, negative),
    }
}

/// A prohibition that names a role binds all whose roles include it.
fn included_role(rule: &Rule, meaning: &Meaning, diagnostics: &mut Vec<Diagnostic>) {
    let roles = &meaning.vocabulary.roles;
    if !matches!(rule.effect, Effect::Deny(_) | Effect::Gate(..)) {
        return;
    }
    for part in rule.parts.iter().filter(|part| part.kind != PartKind::Require) {
        let mut excepted = BTreeSet::new();
        polarity(&part.cond, false, &mut |atom, negative| {
            if let (Atom::Holds(role), true) = (atom, negative) {
                excepted.insert(*role);
            }
        });
        polarity(&part.cond, false, &mut |atom, negative| {
            let Atom::Holds(role) = atom else { return };
            let including: Vec<String> = meaning.including[*role]
                .iter()
                .map(|other| &roles[*other])
                .filter(|other| excepted.is_disjoint(&other.closure))
                .map(|other| format!("`{}`", other.name))
                .collect();
            if !negative && !including.is_empty() {
                let name = &roles[*role].name;
                let include = if including.len() == 1 { "it includes" } else { "they include" };
                let message = format!("this also binds {}: {include} `{name}`", including.join(", "));
                let help = "write `except role …` for those it should not bind";
                diagnostics.push(warn(codes::INCLUDED_ROLE, part.at, message, help));
            }
        });
    }
}

/// `not has` in an allow, `has` in a prohibition: whoever leaves the attribute out gets in.
fn absence_grants(rule: &Rule, vocabulary: &Vocabulary, diagnostics: &mut Vec<Diagnostic>) {
    let allows = match rule.effect {
        Effect::Allow => true,
        Effect::Deny(_) | Effect::Gate(..) | Effect::Limit(..) => false,
        Effect::Oblige(..) => return,
    };
    for part in &rule.parts {
        polarity(&part.cond, false, &mut |atom, negative| {
            let Atom::Has(attr) = atom else { return };
            if allows == negative {
                let path = &vocabulary.attributes[*attr].path;
                let message = format!("whoever leaves out `{path}` is let in here");
                let help = "absence should never grant: test the value itself, which is unknown where it is absent";
                diagnostics.push(warn(codes::ABSENCE_GRANTS, part.at, message, help));
            }
        });
    }
}

/// A time that must be both after and before.
fn never_holds(rule: &Rule, diagnostics: &mut Vec<Diagnostic>) {
    let mut from: Option<(DateTime<Utc>, bool, Span)> = None;
    let mut until: Option<(DateTime<Utc>, bool, Span)> = None;
    for part in &rule.parts {
        let CondKind::Atom(Atom::Compare(builtin::TIME, op, Value::Time(at))) = part.cond.kind() else { continue };
        match op {
            Cmp::Ge | Cmp::Gt => from = from.max(Some((*at, *op == Cmp::Gt, part.at))),
            Cmp::Lt | Cmp::Le => {
                let bound = (*at, *op == Cmp::Le, part.at);
                until = Some(until.map_or(bound, |earlier| earlier.min(bound)));
            }
            Cmp::Eq | Cmp::Ne => {}
        }
    }
    if let (Some((start, exclusive, start_at)), Some((end, inclusive, end_at))) = (from, until)
        && (end < start || (end == start && (exclusive || !inclusive)))
    {
        let message = "this ends before it begins and never holds".to_owned();
        diagnostics.push(
            warn(codes::NEVER_HOLDS, end_at, message, "exchange the two instants").also(start_at, "it begins here"),
        );
    }
}

//! Rules and invariants.

use super::{
    condition::{cond, path_offset},
    grammar::Rule as Grammar,
    limit::at_most,
    literal::{date, instant, int, literal, name, path},
    node::{Node, Nodes, Read},
    scope::{scope, target},
};
use crate::{
    ast::{
        Arg, AtMost, Clause, ClauseKind, Duty, Effect, Else, Instant, InstantKind, Invariant, ItemKind, Name, Rule,
        Scope, Upon,
    },
    report::{Diagnostic, codes},
    source::Span,
    value::GateMode,
};

/// `trial: shadow allow user "alice@company.com" to train;`
pub(super) fn rule(node: Node<'_>) -> Read<ItemKind> {
    let mut parts = node.parts();
    let label = parts.maybe(Grammar::label, label)?;
    let shadow = parts.next_if(Grammar::shadow).is_some();
    let body = parts.any()?;
    let effect_name = body.rule();
    let mut parts = body.parts();
    let (effect, scope) = effect(effect_name, &mut parts)?;
    let parts = tail(&mut parts)?;
    parts.fit(body)?;
    let Tail { clauses, at_most, otherwise } = parts;
    let (at_most, otherwise) = (at_most.map(Box::new), otherwise.map(Box::new));
    Ok(ItemKind::Rule(Box::new(Rule { label, shadow, effect, scope, clauses, at_most, otherwise })))
}

fn label(node: Node<'_>) -> Read<Name> {
    name(node.only()?)
}

/// What a rule does, whom and to what.
fn effect(keyword: Grammar, parts: &mut Nodes<'_>) -> Read<(Effect, Scope)> {
    if keyword == Grammar::require {
        return Ok((Effect::Require(Box::new(cond(parts.any()?)?)), target(parts.expect(Grammar::target)?)?));
    }
    if keyword == Grammar::gate {
        return Ok((Effect::Gate(gate_mode(&parts.any()?)), target(parts.expect(Grammar::target)?)?));
    }
    if keyword == Grammar::oblige {
        let duties = parts.each(Grammar::duty, duty)?;
        let upon = parts.maybe(Grammar::upon, upon)?.map(Box::new);
        return Ok((Effect::Oblige { duties, upon }, target(parts.expect(Grammar::target)?)?));
    }
    let effect = if keyword == Grammar::allow {
        Effect::Allow
    } else if keyword == Grammar::deny {
        Effect::Deny
    } else {
        Effect::Limit
    };
    Ok((effect, scope(parts.expect(Grammar::scope)?)?))
}

fn gate_mode(node: &Node<'_>) -> GateMode {
    if node.text().starts_with("manual") { GateMode::Manual } else { GateMode::Auto }
}

fn upon(node: Node<'_>) -> Read<Upon> {
    node.only()?.read_as(&[
        (Grammar::upon_allow, |_| Ok(Upon::Allow)),
        (Grammar::upon_any, |_| Ok(Upon::Any)),
        (Grammar::upon_deny, |node| Ok(Upon::Deny(node.parts().maybe(Grammar::code, name)?))),
    ])
}

/// `watermark(user = principal.id, strength = 2)`
pub(super) fn duty(node: Node<'_>) -> Read<Duty> {
    let mut parts = node.parts();
    let at = parts.at();
    let name = name(parts.expect(Grammar::ident)?)?;
    Ok(Duty { name, args: parts.each(Grammar::argument, argument)?, at })
}

fn argument(node: Node<'_>) -> Read<(Name, Arg)> {
    let mut parts = node.parts();
    let name = name(parts.expect(Grammar::ident)?)?;
    let value = parts.any()?;
    let value = if value.rule() == Grammar::path { Arg::Path(path(value)?) } else { Arg::Literal(literal(value)?) };
    Ok((name, value))
}

/// What stands after the scope, in any order.
#[derive(Default)]
struct Tail {
    clauses: Vec<Clause>,
    at_most: Option<AtMost>,
    otherwise: Option<Else>,
}

fn tail(parts: &mut Nodes<'_>) -> Read<Tail> {
    let clauses = parts.clone().filter(|node| node.rule() == Grammar::clause).count();
    let mut tail = Tail { clauses: Vec::with_capacity(clauses), ..Tail::default() };
    for node in parts {
        if node.rule() == Grammar::at_most {
            let next = at_most(node)?;
            once("at most", tail.at_most.as_ref().map(|first| first.at.0), next.at.0)?;
            tail.at_most = Some(next);
        } else if node.rule() == Grammar::otherwise {
            let next = otherwise(node)?;
            once("else", tail.otherwise.as_ref().map(|first| first.at.0), next.at.0)?;
            tail.otherwise = Some(next);
        } else {
            tail.clauses.push(clause(node)?);
        }
    }
    Ok(tail)
}

impl Tail {
    /// Whether a rule of this body may have these parts.
    fn fit(&self, body: Node<'_>) -> Read<()> {
        let effect = body.rule();
        let limits = matches!(effect, Grammar::allow | Grammar::limit);
        let refuses =
            !matches!(effect, Grammar::oblige | Grammar::allow) || effect == Grammar::allow && self.at_most.is_some();
        let misfit = if let Some(at_most) = self.at_most.as_ref().filter(|_| !limits) {
            Diagnostic::new(codes::SYNTAX, at_most.at.0, format!("`{effect:?}` has no `at most`"))
                .help("only `allow` and `limit` have one")
        } else if effect == Grammar::limit && self.at_most.is_none() {
            Diagnostic::new(codes::SYNTAX, body.keyword().0, "`limit` without `at most`")
                .help("say how much: `at most 100 per minute`")
        } else if let Some(otherwise) = self.otherwise.as_ref().filter(|_| !refuses) {
            let help = if effect == Grammar::allow {
                "`else` says what a refusal looks like, and `allow` refuses nothing; write it on a `deny`, `require`, \
                 `gate` or `limit`"
            } else {
                "`else` says what a refusal looks like, and `oblige` refuses nothing"
            };
            Diagnostic::new(codes::SYNTAX, otherwise.at.0, format!("`{effect:?}` has no `else`")).help(help)
        } else {
            return Ok(());
        };
        Err(Box::new(misfit))
    }
}

fn once(part: &str, first: Option<Span>, second: Span) -> Read<()> {
    let Some(first) = first else {
        return Ok(());
    };
    let twice = Diagnostic::new(codes::REPEATED_PART, second, format!("a second `{part}`"));
    Err(Box::new(twice.also(first, "the first one").help("keep one of them")))
}

fn clause(node: Node<'_>) -> Read<Clause> {
    let at = node.at();
    let kind = node.only()?.read_as(&[
        (Grammar::when, |node| Ok(ClauseKind::When(cond(node.only()?)?))),
        (Grammar::unless, |node| Ok(ClauseKind::Unless(cond(node.only()?)?))),
        (Grammar::from, |node| Ok(ClauseKind::From(moment(node.only()?)?))),
        (Grammar::until, |node| Ok(ClauseKind::Until(moment(node.only()?)?))),
    ])?;
    Ok(Clause { kind, at })
}

fn moment(node: Node<'_>) -> Read<Instant> {
    let at = node.at();
    let kind = node.only()?.read_as(&[
        (Grammar::instant, |node| Ok(InstantKind::Instant(instant(node)?))),
        (Grammar::local_date, |node| {
            let mut parts = node.parts();
            let date = date(parts.expect(Grammar::date)?)?;
            Ok(InstantKind::Date(date, parts.maybe(Grammar::zone, zone)?))
        }),
        (Grammar::path_offset, |node| {
            let (path, offset) = path_offset(node)?;
            Ok(InstantKind::Path(path, offset))
        }),
    ])?;
    Ok(Instant { kind, at })
}

/// `in "Europe/Berlin"`
pub(super) fn zone(node: Node<'_>) -> Read<Name> {
    name(node.only()?)
}

fn otherwise(node: Node<'_>) -> Read<Else> {
    let mut parts = node.parts();
    let at = parts.at();
    Ok(Else {
        code: name(parts.expect(Grammar::code)?)?,
        status: parts.maybe(Grammar::status, status)?,
        message: parts.maybe(Grammar::message, |node| name(node.only()?))?,
        hint: parts.maybe(Grammar::hint, |node| name(node.only()?))?,
        at,
    })
}

/// The status of a refusal, and its place.
pub(super) fn status(node: Node<'_>) -> Read<(crate::ast::Int, crate::ast::At)> {
    let at = node.at();
    Ok((int(node.only()?)?, at))
}

/// `never allow anyone to download on tag risk;`
pub(super) fn invariant(node: Node<'_>) -> Read<ItemKind> {
    let mut parts = node.parts();
    let label = parts.maybe(Grammar::label, label)?;
    let always = parts.any()?.rule() == Grammar::always;
    let scope = scope(parts.expect(Grammar::scope)?)?;
    let clauses = parts.each(Grammar::clause, clause)?;
    Ok(ItemKind::Invariant(Box::new(Invariant { label, always, scope, clauses })))
}

//! Conditions.

use super::{
    grammar::Rule,
    literal::{duration, list, literal, name, path},
    node::{Node, Read},
};
use crate::{
    ast::{Cond, CondKind, Offset, Operand, Path, SetExpr},
    value::Cmp,
};

/// A condition. It nests as deeply as its text does, which is limited before the grammar sees it.
pub(super) fn cond(node: Node<'_>) -> Read<Cond> {
    joined(node, conj, CondKind::Or)
}

fn conj(node: Node<'_>) -> Read<Cond> {
    joined(node, unary, CondKind::And)
}

/// One condition, or several joined by `and` or `or`.
fn joined(node: Node<'_>, reader: fn(Node<'_>) -> Read<Cond>, join: fn(Vec<Cond>) -> CondKind) -> Read<Cond> {
    let at = node.at();
    let mut all = node.parts().all(reader)?;
    Ok(match all.pop() {
        Some(only) if all.is_empty() => only,
        last => {
            all.extend(last);
            Cond { kind: join(all), at }
        }
    })
}

fn unary(node: Node<'_>) -> Read<Cond> {
    if node.rule() == Rule::group {
        return cond(node.only()?);
    }
    let at = node.at();
    let kind = node.read_as(&[
        (Rule::not, |node| Ok(CondKind::Not(Box::new(unary(node.only()?)?)))),
        (Rule::has, |node| Ok(CondKind::Has(path(node.only()?)?))),
        (Rule::about_path, about_path),
        (Rule::about_constant, about_constant),
    ])?;
    Ok(Cond { kind, at })
}

fn about_path(node: Node<'_>) -> Read<CondKind> {
    let mut parts = node.parts();
    let path = path(parts.expect(Rule::path)?)?;
    let offset = parts.maybe(Rule::offset, offset)?;
    match parts.next() {
        None => Ok(CondKind::Path(path)),
        Some(node) if node.rule() == Rule::overlaps => Ok(CondKind::Overlaps { path, set: set_expr(node.only()?)? }),
        Some(node) => relation(node, Operand::Path(path, offset)),
    }
}

fn about_constant(node: Node<'_>) -> Read<CondKind> {
    let mut parts = node.parts();
    let constant = Operand::Literal(literal(parts.any()?)?);
    relation(parts.any()?, constant)
}

/// What is said of an operand.
fn relation(node: Node<'_>, operand: Operand) -> Read<CondKind> {
    let rule = node.rule();
    let mut parts = node.parts();
    if rule == Rule::compared {
        let op = compare(parts.expect(Rule::compare)?)?;
        return Ok(CondKind::Compare { left: operand, op, right: right_operand(parts.any()?)? });
    }
    let negated = parts.next_if(Rule::negated).is_some();
    let object = parts.any()?;
    Ok(if rule == Rule::contained {
        CondKind::In { operand, negated, set: set_expr(object)? }
    } else {
        CondKind::Like { operand, negated, pattern: name(object)? }
    })
}

/// An operator of comparison.
pub(super) fn compare(node: Node<'_>) -> Read<Cmp> {
    let op = Cmp::ALL.into_iter().find(|op| op.symbol() == node.text());
    // The grammar matches these six only; `==` stands in for a seventh.
    Ok(op.unwrap_or(Cmp::Eq))
}

fn right_operand(node: Node<'_>) -> Read<Operand> {
    let inner = node.only()?;
    if inner.rule() == Rule::path_offset {
        let (path, offset) = path_offset(inner)?;
        return Ok(Operand::Path(path, offset));
    }
    Ok(Operand::Literal(literal(inner)?))
}

/// A path, moved by a span of time or not.
pub(super) fn path_offset(node: Node<'_>) -> Read<(Path, Option<Offset>)> {
    let mut parts = node.parts();
    let path = path(parts.any()?)?;
    Ok((path, parts.maybe(Rule::offset, offset)?))
}

fn offset(node: Node<'_>) -> Read<Offset> {
    let minus = node.text().starts_with('-');
    Ok(Offset { minus, duration: duration(node.only()?)? })
}

fn set_expr(node: Node<'_>) -> Read<SetExpr> {
    let inner = node.only()?;
    let at = inner.at();
    Ok(if inner.rule() == Rule::list { SetExpr::List(list(inner)?, at) } else { SetExpr::Path(path(inner)?) })
}

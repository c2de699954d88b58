//! The lines of tests.

use super::{
    grammar::Rule,
    literal::{assigned, duration, int, name, path},
    node::{Node, Read},
    rule::{duty, status},
    scope::resource,
};
use crate::ast::{Assign, AssignKind, At, Expect, Step, StepKind};

/// A line of a test.
pub(super) enum Line {
    /// `given roles = [], ip = 10.1.2.3;`
    Given(Vec<Assign>, At),
    /// Every other line.
    Step(Box<Step>),
}

/// A line of a test.
pub(super) fn test_line(node: Node<'_>) -> Read<Line> {
    let line = node.only()?;
    let at = line.at();
    if line.rule() == Rule::given {
        return Ok(Line::Given(line.parts().each(Rule::assign, assign)?, at));
    }
    let kind = line.read_as(&[(Rule::case, case), (Rule::release, release)])?;
    Ok(Line::Step(Box::new(Step { kind, at })))
}

fn case(node: Node<'_>) -> Read<StepKind> {
    let mut parts = node.parts();
    let after = parts.maybe(Rule::after, |node| duration(node.only()?))?;
    let repeat = parts.maybe(Rule::repeat, |node| int(node.only()?))?;
    let action = name(parts.expect(Rule::name)?)?;
    let (kind, id) = resource(&mut parts.expect(Rule::resource)?.parts())?;
    let with = parts.maybe(Rule::with, |node| node.parts().each(Rule::assign, assign))?;
    let expect = expect(parts.expect(Rule::expect)?)?;
    Ok(StepKind::Case { after, repeat, action, kind, id, with: with.unwrap_or_default(), expect })
}

fn release(node: Node<'_>) -> Read<StepKind> {
    let mut parts = node.parts();
    let count = parts.maybe(Rule::int, int)?;
    let action = name(parts.expect(Rule::name)?)?;
    let (kind, id) = resource(&mut parts.expect(Rule::resource)?.parts())?;
    Ok(StepKind::Release { count, action, kind, id })
}

fn assign(node: Node<'_>) -> Read<Assign> {
    let at = node.at();
    let kind =
        node.only()?.read_as(&[(Rule::assign_principal, assign_principal), (Rule::assign_value, assign_value)])?;
    Ok(Assign { kind, at })
}

fn assign_principal(node: Node<'_>) -> Read<AssignKind> {
    let mut parts = node.parts();
    if parts.next_if(Rule::anonymous).is_some() {
        return Ok(AssignKind::Principal(None));
    }
    Ok(AssignKind::Principal(Some((name(parts.any()?)?, name(parts.any()?)?))))
}

fn assign_value(node: Node<'_>) -> Read<AssignKind> {
    let mut parts = node.parts();
    Ok(AssignKind::Attribute(path(parts.any()?)?, assigned(parts.any()?)?))
}

fn expect(node: Node<'_>) -> Read<Expect> {
    let mut parts = node.parts();
    let at = parts.at();
    let verdict = parts.any()?;
    let allow = verdict.rule() == Rule::expect_allow;
    let mut denial = verdict.parts();
    let obliges = |node: Node<'_>| node.parts().each(Rule::duty, duty);
    Ok(Expect {
        allow,
        code: denial.maybe(Rule::code, name)?,
        status: denial.maybe(Rule::status, status)?,
        by: parts.maybe(Rule::expect_by, |node| name(node.only()?))?,
        obliges: parts.maybe(Rule::obliges, obliges)?,
        shadow: parts.maybe(Rule::expect_shadow, |node| name(node.only()?))?,
        at,
    })
}

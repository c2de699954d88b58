//! From the shape of a condition to code.

use super::{
    code::{FAIL, JUMP, NEGATED, NONE_IS_UNKNOWN, Op, Test, halves, ticks},
    names::TooLarge,
    shape::Shape,
    tables::{Interner, address, instant_words, ip_words, numbers, plain, ranges, too_many},
};
use crate::{
    check::{
        ir::{Atom, Members},
        vocabulary::{AttrId, Type, Vocabulary, builtin},
    },
    value::{Cmp, GateMode, Value},
};
use std::net::IpAddr;

/// The most ranges that stand in the code itself; more stand in a table.
const MAX_RANGES: usize = 4;

/// The most tiers whose bounds stand in a test's immediate.
const MAX_TIERS: usize = 127;
/// A rank that no tier has then.
const LAST_RANK: i64 = 127;

/// The most tests that a rule has one by one; more are code.
const MAX_TESTS: usize = 12;

/// A place in the code that is not known yet.
type Label = usize;

/// Makes the code of one rule.
pub(super) struct Encoder<'a> {
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) tables: &'a mut Interner,
    code: Vec<u32>,
    /// Where each label stands.
    labels: Vec<usize>,
    /// Tests that jump to a label.
    jumps: Vec<(usize, Label)>,
}

/// What is not a jump out of the rule.
const OUT: Label = usize::MAX;

impl<'a> Encoder<'a> {
    pub(super) const fn new(vocabulary: &'a Vocabulary, tables: &'a mut Interner) -> Self {
        Self { vocabulary, tables, code: Vec::new(), labels: Vec::new(), jumps: Vec::new() }
    }

    /// The code of a rule: the tests of its condition, and for a gate that no grant opens it. The condition is not the
    /// constant `false`.
    pub(super) fn encode(mut self, shape: &Shape<'_>, gate: Option<GateMode>) -> Result<Vec<u32>, TooLarge> {
        let mut tests = Vec::new();
        let items = if let Shape::All(items) = shape { items } else { std::slice::from_ref(shape) };
        if items.len() > MAX_TESTS {
            self.item(shape, &mut tests)?;
        } else {
            items.iter().try_for_each(|item| self.item(item, &mut tests))?;
        }
        if let Some(mode) = gate {
            let immediate = u16::from(mode == GateMode::Manual);
            self.code.clear();
            self.test(Op::Opened, NEGATED, builtin::PRINCIPAL_GRANTED, immediate, &[], None, Some(OUT))?;
            tests.append(&mut self.code);
        }
        Ok(tests)
    }

    /// One of the things that must all hold: a test, or code.
    fn item(&mut self, shape: &Shape<'_>, tests: &mut Vec<u32>) -> Result<(), TooLarge> {
        self.code.clear();
        self.labels.clear();
        self.jumps.clear();
        self.branch(shape, None, Some(OUT))?;
        self.link()?;
        if matches!(shape, Shape::All(_) | Shape::Any(_)) {
            let length = u16::try_from(self.code.len()).map_err(|_| too_many("tests in one rule", u64::from(FAIL)))?;
            let test = Test { op: Op::Code, flags: 0, slot: 0, operands: 0, skip: FAIL, immediate: length };
            tests.extend(test.words());
        }
        tests.append(&mut self.code);
        Ok(())
    }

    /// Puts in how far jumps go.
    fn link(&mut self) -> Result<(), TooLarge> {
        for (place, label) in &self.jumps {
            let target = self.labels.get(*label).copied().unwrap_or_default();
            // A jump is counted from the end of its test.
            let Some([first, second]) = self.code.get(*place..place.saturating_add(2)) else { continue };
            let Some(test) = Test::read(*first, *second) else { continue };
            let end = place.saturating_add(2).saturating_add(test.operands);
            let skip = u16::try_from(target.saturating_sub(end)).ok().filter(|skip| *skip != FAIL);
            let skip = skip.ok_or_else(|| too_many("tests in one rule", u64::from(FAIL)))?;
            if let Some(word) = self.code.get_mut(place.saturating_add(1)) {
                *word = *word & 0xffff_0000 | u32::from(skip);
            }
        }
        Ok(())
    }

    /// The code of a shape, which jumps where it is true or where it is false and goes on else: one of the two is none.
    fn branch(&mut self, shape: &Shape<'_>, then: Option<Label>, otherwise: Option<Label>) -> Result<(), TooLarge> {
        match shape {
            // Only a whole condition is constant, and one that is false has no code at all.
            Shape::Const(_) => Ok(()),
            Shape::All(shapes) => self.row(shapes, then, otherwise, true),
            Shape::Any(shapes) => self.row(shapes, then, otherwise, false),
            Shape::Principal(kind, id, negated) => {
                let number = self.tables.principal(kind, id)?;
                let flags = if *negated { NEGATED } else { 0 };
                self.test(Op::Principal, flags, builtin::PRINCIPAL_ID, 0, &[number], then, otherwise)
            }
            Shape::Resource(kind, id, negated) => {
                let number = self.tables.resource(kind, id)?;
                let flags = if *negated { NEGATED } else { 0 };
                self.test(Op::Resource, flags, builtin::RESOURCE_ID, 0, &[number], then, otherwise)
            }
            Shape::Atom(atom, negated) => self.atom(atom, if *negated { NEGATED } else { 0 }, then, otherwise),
        }
    }

    /// A row of shapes of which all must hold, or one.
    fn row(
        &mut self,
        shapes: &[Shape<'_>],
        then: Option<Label>,
        otherwise: Option<Label>,
        conjunction: bool,
    ) -> Result<(), TooLarge> {
        let Some((last, front)) = shapes.split_last() else { return Ok(()) };
        // Where one shape decides the row, the walk jumps there, or behind the row where that is what comes next.
        let deciding = if conjunction { otherwise } else { then };
        let end = deciding.is_none().then(|| self.label());
        let target = deciding.or(end);
        for shape in front {
            if conjunction {
                self.branch(shape, None, target)?;
            } else {
                self.branch(shape, target, None)?;
            }
        }
        self.branch(last, then, otherwise)?;
        if let Some(end) = end {
            let here = self.code.len();
            if let Some(place) = self.labels.get_mut(end) {
                *place = here;
            }
        }
        Ok(())
    }

    fn label(&mut self) -> Label {
        self.labels.push(0);
        self.labels.len().saturating_sub(1)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a test, and where it goes")]
    fn test(
        &mut self,
        op: Op,
        flags: u32,
        attr: AttrId,
        immediate: u16,
        operands: &[u32],
        then: Option<Label>,
        otherwise: Option<Label>,
    ) -> Result<(), TooLarge> {
        let (jump, target) = match (then, otherwise) {
            (Some(label), _) => (JUMP, label),
            (None, Some(label)) => (0, label),
            (None, None) => return Ok(()),
        };
        if target != OUT {
            self.jumps.push((self.code.len(), target));
        }
        let attr = u16::try_from(attr.0).map_err(|_| too_many("attributes", 1 << 16))?;
        let operand_count = operands.len();
        let test = Test { op, flags: flags | jump, slot: attr, operands: operand_count, skip: FAIL, immediate };
        self.code.extend(test.words());
        self.code.extend(operands);
        Ok(())
    }

    /// One test of the IR.
    fn atom(
        &mut self,
        atom: &Atom,
        negated: u32,
        then: Option<Label>,
        otherwise: Option<Label>,
    ) -> Result<(), TooLarge> {
        let put = |this: &mut Self, op, flags: u32, attr, immediate, operands: &[u32]| {
            this.test(op, flags ^ negated, attr, immediate, operands, then, otherwise)
        };
        match atom {
            Atom::IsTrue(attr) => put(self, Op::IsTrue, NONE_IS_UNKNOWN, *attr, 0, &[]),
            Atom::Has(attr) => {
                let set = matches!(self.vocabulary.attributes[*attr].ty, Type::Texts | Type::Roles);
                put(self, Op::Has, 0, *attr, u16::from(set), &[])
            }
            Atom::Compare(attr, op, value) => self.compare(*attr, *op, value, negated, then, otherwise),
            Atom::CompareResource { left, op, right, offset } => {
                let [low, high] = halves(offset.cast_unsigned());
                put(self, Op::CompareResource, 0, *left, narrow(*right)?, &[operator(*op), low, high])
            }
            Atom::In(attr, members) => {
                let (op, immediate, operands) = self.members(*attr, members)?;
                put(self, op, 0, *attr, immediate, &operands)
            }
            Atom::During(attr, window) => {
                let zone = self.tables.zone(&window.zone)?;
                let minutes = self.tables.window(window)?;
                put(self, Op::During, 0, *attr, zone, &[minutes])
            }
            Atom::Like(attr, glob) => {
                let glob = self.tables.glob(glob)?;
                put(self, Op::Like, NONE_IS_UNKNOWN, *attr, 0, &[glob])
            }
            Atom::Contains(attr, text) => {
                let text = self.tables.text(text)?;
                put(self, Op::Contains, 0, *attr, 0, &[text])
            }
            Atom::ContainsValue(set, element) => put(self, Op::ContainsValue, 0, *set, narrow(*element)?, &[]),
            Atom::Overlaps(builtin::PRINCIPAL_ROLES, names) => {
                let roles = names.iter().filter_map(|name| self.vocabulary.role_ids.get(name).map(|role| role.0));
                let table = self.tables.table(roles.collect())?;
                put(self, Op::HoldsOne, 0, builtin::PRINCIPAL_ROLES, 0, &[table])
            }
            Atom::Overlaps(attr, texts) => {
                let table = self.tables.texts_table(texts)?;
                put(self, Op::Overlaps, 0, *attr, 0, &[table])
            }
            Atom::OverlapsResource(left, right) => put(self, Op::OverlapsResource, 0, *left, narrow(*right)?, &[]),
            Atom::Holds(role) => {
                let role = u16::try_from(role.0).map_err(|_| too_many("roles", 1 << 16))?;
                put(self, Op::Holds, 0, builtin::PRINCIPAL_ROLES, role, &[])
            }
        }
    }

    fn members(&mut self, attr: AttrId, members: &Members) -> Result<(Op, u16, Vec<u32>), TooLarge> {
        Ok(match members {
            Members::Texts(texts) => match texts.first() {
                Some(text) if texts.len() == 1 => (Op::Is, 0, vec![self.tables.text(text)?]),
                _ => (Op::OneOf, 0, vec![self.tables.texts_table(texts)?]),
            },
            Members::Nets(nets) => {
                let (v4, v6) = ranges(nets);
                if attr == builtin::IP && v6.is_empty() && (1..=MAX_RANGES).contains(&v4.len()) {
                    let words = v4.iter().flat_map(|(first, last)| [*first, *last]).collect();
                    (Op::InRanges, u16::try_from(v4.len()).unwrap_or_default(), words)
                } else {
                    (Op::InNets, 0, vec![self.tables.table(numbers(members).unwrap_or_default())?])
                }
            }
            Members::Ints(_) | Members::Tiers(_) => {
                (Op::InInts, 0, vec![self.tables.table(numbers(members).unwrap_or_default())?])
            }
            Members::Spans(_) => (Op::InSpans, 0, vec![self.tables.table(numbers(members).unwrap_or_default())?]),
        })
    }

    /// A comparison with a constant.
    fn compare(
        &mut self,
        attr: AttrId,
        op: Cmp,
        value: &Value,
        negated: u32,
        then: Option<Label>,
        otherwise: Option<Label>,
    ) -> Result<(), TooLarge> {
        let none = if matches!(op, Cmp::Eq | Cmp::Ne) { 0 } else { NONE_IS_UNKNOWN };
        let not = if op == Cmp::Ne { NEGATED } else { 0 };
        let (test, flip, operands, immediate) = match value {
            Value::Text(text) => (Op::Is, not, vec![self.tables.text(text)?], 0),
            Value::Ip(IpAddr::V4(ip)) if attr == builtin::IP => (Op::InRanges, not, vec![ip.to_bits(); 2], 1),
            Value::Ip(ip) => (Op::IsIp, not, ip_words(address(*ip)).to_vec(), 0),
            Value::Time(at) if attr == builtin::TIME && is_order(op) && at.timestamp_subsec_nanos() == 0 => {
                let tick = ticks(at.timestamp(), 0);
                let negated = if matches!(op, Cmp::Gt | Cmp::Ge) { NEGATED } else { 0 };
                let last = if matches!(op, Cmp::Lt | Cmp::Ge) { tick.saturating_sub(1) } else { tick };
                (Op::NotAfter, negated, halves(last).to_vec(), 0)
            }
            Value::Time(at) => {
                let words = instant_words(*at).to_vec();
                match op {
                    Cmp::Eq | Cmp::Ne => (Op::IsTime, not, words, 0),
                    Cmp::Le => (Op::Until, 0, words, 0),
                    Cmp::Gt => (Op::Until, NEGATED, words, 0),
                    Cmp::Lt => (Op::Before, 0, words, 0),
                    Cmp::Ge => (Op::Before, NEGATED, words, 0),
                }
            }
            Value::Tier(tier) if attr == builtin::PRINCIPAL_TIER && self.vocabulary.tiers.len() <= MAX_TIERS => {
                let (least, most) = match bounds(op, i64::from(tier.0)) {
                    // No tier is the last of all ranks.
                    (_, ..0) => (LAST_RANK, LAST_RANK),
                    bounds => bounds,
                };
                let rank = |rank: i64| u16::try_from(rank.clamp(0, LAST_RANK)).unwrap_or_default();
                (Op::Tiers, not, Vec::new(), rank(least) | rank(most) << 8)
            }
            Value::Bool(_) | Value::Int(_) | Value::Tier(_) => {
                let constant = plain(value).map_or(0, |(low, _)| low.cast_signed());
                let (least, most) = bounds(op, constant);
                let words = halves(least.cast_unsigned()).into_iter().chain(halves(most.cast_unsigned()));
                (Op::Within, not, words.collect(), 0)
            }
            // No condition compares with such a constant; known or not, nothing is equal to it.
            Value::None | Value::Texts(_) | Value::Roles(_) => {
                (Op::OneOf, not, vec![self.tables.table(Vec::new())?], 0)
            }
        };
        self.test(test, (none | flip) ^ negated, attr, immediate, &operands, then, otherwise)
    }
}

/// The least and the greatest number that stand so to a constant; for `!=` those that do not.
fn bounds(op: Cmp, constant: i64) -> (i64, i64) {
    match op {
        Cmp::Eq | Cmp::Ne => (constant, constant),
        Cmp::Le => (i64::MIN, constant),
        Cmp::Ge => (constant, i64::MAX),
        Cmp::Lt => constant.checked_sub(1).map_or((1, 0), |most| (i64::MIN, most)),
        Cmp::Gt => constant.checked_add(1).map_or((1, 0), |least| (least, i64::MAX)),
    }
}

/// Whether an operator tells what comes before from what comes after.
const fn is_order(op: Cmp) -> bool {
    matches!(op, Cmp::Lt | Cmp::Le | Cmp::Gt | Cmp::Ge)
}

/// An attribute's number as an immediate.
fn narrow(attr: AttrId) -> Result<u16, TooLarge> {
    u16::try_from(attr.0).map_err(|_| too_many("attributes", 1 << 16))
}

/// An operator as an operand.
const fn operator(op: Cmp) -> u32 {
    op as u32
}

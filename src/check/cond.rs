//! Conditions: tests of attributes, joined by and, or and not.

use super::vocabulary::{AttrId, RoleId, builtin};
use crate::{
    glob::Glob,
    value::{Cmp, Tier, Value},
    zone::Zone,
};
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use std::{collections::BTreeSet, sync::Arc};

/// A condition. Made by its constructors only, which keep it flat and free of constants inside. Copies share what they
/// say; what is always true, as much of a rule often is, takes no space at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cond(Option<Arc<CondKind>>);

/// The shapes of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CondKind {
    /// Always true, or always false.
    Const(bool),
    /// The opposite; never of a constant or of another `Not`.
    Not(Cond),
    /// All hold; two or more, none of them a constant or an `All`.
    All(Box<[Cond]>),
    /// One holds; two or more, none of them a constant or an `Any`.
    Any(Box<[Cond]>),
    /// A test of attributes.
    Atom(Atom),
}

/// A test of one attribute against constants, or against an attribute of the resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Atom {
    /// The attribute is true.
    IsTrue(AttrId),
    /// The attribute is known and has a value.
    Has(AttrId),
    /// The attribute stands so to a constant.
    Compare(AttrId, Cmp, Value),
    /// The attribute stands so to an attribute of the resource, moved by some seconds.
    CompareResource {
        /// An attribute of the principal, the action or the context.
        left: AttrId,
        /// How they stand.
        op: Cmp,
        /// An attribute of the resource.
        right: AttrId,
        /// Seconds that are added to the right side, an instant.
        offset: i64,
    },
    /// The attribute is one of these.
    In(AttrId, Arc<Members>),
    /// The instant is within the window.
    During(AttrId, Arc<Window>),
    /// The text matches.
    Like(AttrId, Arc<Glob>),
    /// The set has this member.
    Contains(AttrId, Arc<str>),
    /// The set (first) has the value of the other attribute as a member; one of them is the resource's.
    ContainsValue(AttrId, AttrId),
    /// The set has one of these members.
    Overlaps(AttrId, Arc<BTreeSet<Arc<str>>>),
    /// The two sets have a member in common; the second is the resource's.
    OverlapsResource(AttrId, AttrId),
    /// The principal holds the role, everywhere or in the resource's organisation.
    Holds(RoleId),
}

/// The constants that an attribute can be one of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Members {
    /// Texts.
    Texts(BTreeSet<Arc<str>>),
    /// Whole numbers.
    Ints(BTreeSet<i64>),
    /// Tiers.
    Tiers(BTreeSet<Tier>),
    /// Address blocks, never of IPv4 addresses in IPv6 form.
    Nets(Vec<IpNet>),
    /// Spans of time, each from its first instant to before its second.
    Spans(Vec<(DateTime<Utc>, DateTime<Utc>)>),
}

impl Members {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Texts(texts) => texts.is_empty(),
            Self::Ints(ints) => ints.is_empty(),
            Self::Tiers(tiers) => tiers.is_empty(),
            Self::Nets(nets) => nets.is_empty(),
            Self::Spans(spans) => spans.is_empty(),
        }
    }
}

/// A set of local wall-clock times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The zone whose clocks count.
    pub zone: Zone,
    /// Its spans; a time is in the window if it is in one of them.
    pub spans: Vec<WindowSpan>,
}

/// Hours of some days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSpan {
    /// The days it starts on: bit 0 for Monday to bit 6 for Sunday.
    pub days: u8,
    /// Its first second of the day.
    pub start: u32,
    /// One past its last second; not after `start` if it passes midnight.
    pub end: u32,
}

impl Cond {
    /// Its shape.
    #[must_use]
    pub fn kind(&self) -> &CondKind {
        self.0.as_deref().unwrap_or(&CondKind::Const(true))
    }

    /// Whether it is a copy of another one, or the other of it. What is not may say the same all the same.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Always true, or always false.
    #[must_use]
    pub fn constant(value: bool) -> Self {
        if value { Self(None) } else { Self::new(CondKind::Const(false)) }
    }

    /// A test.
    #[must_use]
    pub fn atom(atom: Atom) -> Self {
        Self::new(CondKind::Atom(atom))
    }

    fn new(kind: CondKind) -> Self {
        Self(Some(Arc::new(kind)))
    }

    /// The opposite.
    #[must_use]
    pub fn negated(self) -> Self {
        match self.kind() {
            CondKind::Const(value) => Self::constant(!value),
            CondKind::Not(inner) => inner.clone(),
            CondKind::All(_) | CondKind::Any(_) | CondKind::Atom(_) => Self::new(CondKind::Not(self)),
        }
    }

    /// All of them.
    #[must_use]
    pub fn all(conds: impl IntoIterator<Item = Self>) -> Self {
        Self::join(conds, true)
    }

    /// One of them.
    #[must_use]
    pub fn any(conds: impl IntoIterator<Item = Self>) -> Self {
        Self::join(conds, false)
    }

    /// `All` where the neutral constant is true, `Any` where it is false; the other constant decides alone.
    fn join(conds: impl IntoIterator<Item = Self>, neutral: bool) -> Self {
        let mut only = None;
        let mut several = Vec::new();
        let mut push = |cond| several.extend(only.replace(cond));
        for cond in conds {
            match cond.kind() {
                CondKind::Const(value) if *value == neutral => {}
                CondKind::Const(_) => return Self::constant(!neutral),
                CondKind::All(inner) if neutral => inner.iter().cloned().for_each(&mut push),
                CondKind::Any(inner) if !neutral => inner.iter().cloned().for_each(&mut push),
                CondKind::Not(_) | CondKind::All(_) | CondKind::Any(_) | CondKind::Atom(_) => push(cond),
            }
        }
        let Some(last) = only else { return Self::constant(neutral) };
        if several.is_empty() {
            return last;
        }
        several.push(last);
        Self::new(if neutral { CondKind::All(several.into()) } else { CondKind::Any(several.into()) })
    }

    /// Its atoms, from left to right.
    pub fn atoms(&self, visit: &mut impl FnMut(&Atom)) {
        match self.kind() {
            CondKind::Const(_) => {}
            CondKind::Not(inner) => inner.atoms(visit),
            CondKind::All(inner) | CondKind::Any(inner) => inner.iter().for_each(|cond| cond.atoms(visit)),
            CondKind::Atom(atom) => visit(atom),
        }
    }
}

impl Atom {
    /// The attributes it names. A test of roles depends on the resource's organisation besides, where a role is held in one.
    #[must_use]
    pub fn attributes(&self) -> Vec<AttrId> {
        match self {
            Self::IsTrue(attr)
            | Self::Has(attr)
            | Self::Compare(attr, ..)
            | Self::In(attr, _)
            | Self::During(attr, _)
            | Self::Like(attr, _)
            | Self::Contains(attr, _)
            | Self::Overlaps(attr, _) => vec![*attr],
            Self::CompareResource { left, right, .. }
            | Self::ContainsValue(left, right)
            | Self::OverlapsResource(left, right) => vec![*left, *right],
            Self::Holds(_) => vec![builtin::PRINCIPAL_ROLES],
        }
    }
}

//! The warning that one duty can come with different arguments at once.
//!
//! Each place where a duty is attached is compared with those before it, in all files. So that a large set stays quick to
//! check, only the nearest places count, and of these only those that could be about the same resource are looked at.

use super::{
    file::OfFile,
    ir::{Arg, Atom, CondKind, Duty, Effect, Rule, Upon},
    lint::warn,
    vocabulary::{AttrId, builtin},
};
use crate::{
    report::{Diagnostic, codes},
    source::FileId,
    value::{Cmp, Value},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// How many places of one duty each place is compared with: who attaches one duty in a thousand ways has seen the warning.
const MOST_COMPARED: usize = 256;

/// What was found, by file, with the duty that it is about.
#[derive(Default)]
pub(super) struct Findings(BTreeMap<FileId, Vec<(Arc<str>, Diagnostic)>>);

impl Findings {
    /// What there is to find in all files.
    pub(super) fn of(files: &[OfFile]) -> Self {
        let mut findings = Self::default();
        let mut places = Places::default();
        for file in files {
            for rule in attaching(file) {
                places.compare(rule, |name, found| findings.add(file.file, name, found));
            }
        }
        findings
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.values().flatten().map(|(_, diagnostic)| diagnostic)
    }

    /// Finds anew what a change of one file, given by its place among all, can make different: what is about these duties,
    /// in it and as far behind it as places are compared with it.
    pub(super) fn renew(&mut self, files: &[OfFile], changed: usize, names: &BTreeSet<Arc<str>>) {
        if names.is_empty() {
            return;
        }
        let (before, from) = files.split_at_checked(changed).unwrap_or((files, &[]));
        let mut places = Places::default();
        let mut enough = Enough::of(names);
        let near: Vec<&OfFile> = before.iter().rev().take_while(|file| enough.more(file)).collect();
        for rule in near.into_iter().rev().flat_map(attaching) {
            places.note(rule);
        }
        let mut enough = Enough::of(names);
        for (position, file) in from.iter().enumerate() {
            // The changed file's own places are not among those behind it.
            if position > 0 && !enough.more(file) {
                break;
            }
            if let Some(found) = self.0.get_mut(&file.file) {
                found.retain(|(name, _)| !names.contains(name));
            }
            for rule in attaching(file) {
                places.compare(rule, |name, found| {
                    if names.contains(name) {
                        self.add(file.file, name, found);
                    }
                });
            }
        }
    }

    /// Forgets a file that is no longer there.
    pub(super) fn forget(&mut self, file: FileId) {
        self.0.remove(&file);
    }

    fn add(&mut self, file: FileId, name: &Arc<str>, found: Diagnostic) {
        self.0.entry(file).or_default().push((name.clone(), found));
    }
}

/// The rules of a file that attach duties.
fn attaching(file: &OfFile) -> impl Iterator<Item = &Rule> {
    let rules = Some(file).filter(|file| file.attaches).into_iter().flat_map(OfFile::rules);
    rules.filter(|rule| matches!(rule.effect, Effect::Oblige(_)))
}

/// The names of the duties that a rule attaches.
pub(super) fn attached(rule: &Rule) -> impl Iterator<Item = &Arc<str>> {
    let duties: &[Duty] = if let Effect::Oblige(duties) = &rule.effect { &duties.duties } else { &[] };
    duties.iter().map(|duty| &duty.name)
}

/// How many places of some duties are still to be looked for.
struct Enough<'a>(BTreeMap<&'a str, usize>);

impl<'a> Enough<'a> {
    fn of(names: &'a BTreeSet<Arc<str>>) -> Self {
        Self(names.iter().map(|name| (&**name, MOST_COMPARED)).collect())
    }

    /// Whether a file is to be looked at; it is then counted.
    fn more(&mut self, file: &OfFile) -> bool {
        if self.0.is_empty() {
            return false;
        }
        for name in attaching(file).flat_map(attached) {
            if let Some(left) = self.0.get_mut(&**name) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    self.0.remove(&**name);
                }
            }
        }
        true
    }
}

/// The nearest places before, by duty.
#[derive(Default)]
struct Places<'a>(BTreeMap<&'a str, Near<'a>>);

/// The nearest places of one duty.
#[derive(Default)]
struct Near<'a> {
    /// The last places, the nearest last.
    last: VecDeque<Place<'a>>,
    /// The number of the first of these; places are numbered from 0.
    first: usize,
    /// How many of them have which arguments.
    args: BTreeMap<&'a [(Arc<str>, Arg)], usize>,
    /// The numbers of those that speak of one resource only, by its id.
    of_resource: BTreeMap<&'a Value, VecDeque<usize>>,
    /// The numbers of those that speak of any resource.
    of_any: VecDeque<usize>,
}

/// A place where a duty is attached.
#[derive(Clone)]
struct Place<'a> {
    rule: &'a Rule,
    duty: &'a Duty,
    upon: &'a Upon,
    /// What the parts of the rule fix attributes to.
    fixed: Arc<[(AttrId, &'a Value)]>,
}

impl<'a> Places<'a> {
    /// Compares a rule's duties with the places before, and notes them.
    fn compare(&mut self, rule: &'a Rule, mut report: impl FnMut(&Arc<str>, Diagnostic)) {
        let Effect::Oblige(duties) = &rule.effect else { return };
        let fixed = equalities(rule);
        for duty in &duties.duties {
            let near = self.0.entry(&duty.name).or_default();
            let this = Place { rule, duty, upon: &duties.upon, fixed: fixed.clone() };
            if let Some(other) = near.differing(&this) {
                let message = format!("duty `{}` can come with different arguments at once", duty.name);
                let help = "the caller then gets both: make the scopes disjoint, or the arguments equal";
                let also = "with other arguments here";
                report(&duty.name, warn(codes::DUTY_ARGUMENTS, rule.at, message, help).also(other.rule.at, also));
            }
            near.push(this);
        }
    }

    /// Notes a rule's duties.
    fn note(&mut self, rule: &'a Rule) {
        let Effect::Oblige(duties) = &rule.effect else { return };
        let fixed = equalities(rule);
        for duty in &duties.duties {
            let near = self.0.entry(&duty.name).or_default();
            near.push(Place { rule, duty, upon: &duties.upon, fixed: fixed.clone() });
        }
    }
}

impl<'a> Near<'a> {
    /// The nearest place before that can come with the same decision, with other arguments.
    fn differing(&self, this: &Place<'a>) -> Option<&Place<'a>> {
        if self.args.len() == 1 && self.args.contains_key(&*this.duty.args) {
            return None;
        }
        let Some(resource) = this.resource() else {
            return self.last.iter().rev().find(|other| other.differs(this));
        };
        let nearest = |numbers: &VecDeque<usize>| {
            numbers.iter().rev().copied().find(|number| self.place(*number).is_some_and(|other| other.differs(this)))
        };
        let number = self.of_resource.get(resource).and_then(nearest).max(nearest(&self.of_any))?;
        self.place(number)
    }

    fn place(&self, number: usize) -> Option<&Place<'a>> {
        self.last.get(number.checked_sub(self.first)?)
    }

    fn push(&mut self, place: Place<'a>) {
        if self.last.len() == MOST_COMPARED
            && let Some(far) = self.last.pop_front()
        {
            self.first = self.first.saturating_add(1);
            self.of_same(&far).pop_front();
            if let Some(count) = self.args.get_mut(&*far.duty.args) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.args.remove(&*far.duty.args);
                }
            }
        }
        let number = self.first.saturating_add(self.last.len());
        self.of_same(&place).push_back(number);
        let count = self.args.entry(&place.duty.args).or_default();
        *count = count.saturating_add(1);
        self.last.push_back(place);
    }

    /// The numbers of the places that speak of the same resource.
    fn of_same(&mut self, place: &Place<'a>) -> &mut VecDeque<usize> {
        match place.resource() {
            Some(resource) => self.of_resource.entry(resource).or_default(),
            None => &mut self.of_any,
        }
    }
}

impl<'a> Place<'a> {
    fn resource(&self) -> Option<&'a Value> {
        self.fixed(builtin::RESOURCE_ID)
    }

    fn fixed(&self, attr: AttrId) -> Option<&'a Value> {
        self.fixed.iter().find(|(fixed, _)| *fixed == attr).map(|(_, value)| *value)
    }

    /// Whether both can come with one decision, with different arguments: they have a common action, and no equality tells
    /// their requests apart.
    fn differs(&self, other: &Self) -> bool {
        let actions = match (&self.rule.actions, &other.rule.actions) {
            (Some(a), Some(b)) => a.iter().any(|action| b.contains(action)),
            _ => true,
        };
        let apart = self.fixed.iter().any(|(attr, value)| other.fixed(*attr).is_some_and(|fixed| fixed != *value));
        self.duty.args != other.duty.args && actions && !apart && together(self.upon, other.upon)
    }
}

/// What a rule's parts fix attributes to; where they do so twice, the last counts.
fn equalities(rule: &Rule) -> Arc<[(AttrId, &Value)]> {
    let mut found: Vec<(AttrId, &Value)> = Vec::new();
    for part in &rule.parts {
        let conds = if let CondKind::All(inner) = part.cond.kind() { inner } else { std::slice::from_ref(&part.cond) };
        for cond in conds {
            if let CondKind::Atom(Atom::Compare(attr, Cmp::Eq, value)) = cond.kind() {
                found.retain(|(fixed, _)| fixed != attr);
                found.push((*attr, value));
            }
        }
    }
    found.into()
}

/// Whether two duties can come with the same decision.
fn together(a: &Upon, b: &Upon) -> bool {
    match (a, b) {
        (Upon::Any, _) | (_, Upon::Any) | (Upon::Allow, Upon::Allow) => true,
        (Upon::Deny(a), Upon::Deny(b)) => a.is_none() || b.is_none() || a == b,
        (Upon::Allow, Upon::Deny(_)) | (Upon::Deny(_), Upon::Allow) => false,
    }
}

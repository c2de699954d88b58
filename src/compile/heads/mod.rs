//! What rules say when they decide: their names and places, refusals, limits and duties. A decision is made without them;
//! they put it into words.
//!
//! ```text
//! files:  by first rule: the number of its first rule, how many it has, where its rows begin, how many words each of them has,
//!         its paths (given, short)
//! rows:   one for each rule: its line, where its head stands; in one word (16 each) where that is enough for all of the
//!         file's, else in two
//! words:  heads: what it does and whether it is a shadow, its label, where its refusal and its limit or duties stand
//!         refusals, limits, duties: each kept once, see `write`
//! ```

mod kept;
mod read;
mod write;

use super::{flat::Texts, names::TooLarge, tables::number};
use crate::{
    check::{
        ir::{Arg, Duties, Effect, OfFile, Piece, Refusal, Rule, RuleId, Rules},
        vocabulary::{AttrId, builtin},
    },
    value::LimitKey,
    zone::Zone,
};
use std::sync::Arc;

/// The greatest number that half a word holds.
const HALF: u32 = 0xffff;

/// Where a file's rules are, and what it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct File {
    first: u32,
    count: u32,
    rows: u32,
    /// How many words a row has: 1 or 2.
    each: u32,
    /// The number of its path as given.
    given: u32,
    /// The number of its path relative to the argument it was found under.
    short: u32,
}

/// What rules say when they decide.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heads {
    /// By first rule.
    files: Vec<File>,
    /// The lines of rules, and where their heads stand.
    rows: Vec<u32>,
    words: Vec<u32>,
    texts: Texts,
    /// The zones of calendar limits, by number.
    zones: Vec<Zone>,
}

/// A rule, as a decision speaks of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its label, else its place: its file relative to the argument, and its line.
    pub(crate) name: Arc<str>,
    /// Its file as given, and its line.
    pub(crate) at: Arc<str>,
    /// Whether it is only evaluated and reported.
    pub(crate) shadow: bool,
    /// What it does.
    pub(crate) effect: Effect,
}

impl Heads {
    /// What the rules of a policy set say.
    pub(super) fn new(rules: &Rules) -> Result<Self, TooLarge> {
        let mut writer = write::Heads::default();
        for file in rules.files() {
            writer.file(file)?;
        }
        Ok(writer.finish())
    }

    /// Takes away what the rules of some files say, and adds those of others.
    pub(super) fn follow(&mut self, gone: &[&OfFile], new: &[&OfFile]) -> Result<(), TooLarge> {
        self.files.retain(|file| gone.binary_search_by_key(&file.first, |file| file.first.0).is_err());
        let mut writer = write::Heads::behind(std::mem::take(self));
        for file in new {
            writer.file(file)?;
        }
        *self = writer.finish();
        self.files.sort_unstable_by_key(|file| file.first);
        Ok(())
    }

    /// What the rule of a number says.
    pub(crate) fn find(&self, id: RuleId) -> Option<Head> {
        let behind = self.files.partition_point(|file| file.first <= id.0);
        let file = self.files.get(behind.checked_sub(1)?)?;
        let place = id.0.checked_sub(file.first).filter(|place| *place < file.count)?;
        let (line, at) = self.row(file, place)?;
        let path = |text: u32| Some(place_in(self.texts.get(text)?, line));
        let (label, shadow, effect) = read::head(self, at)?;
        let at = path(file.given)?;
        let name = match label {
            Some(label) => label,
            None if file.short == file.given => at.clone(),
            None => path(file.short)?,
        };
        Some(Head { name, at, shadow, effect })
    }

    /// The line of a file's rule, and where its head stands.
    fn row(&self, file: &File, place: u32) -> Option<(u32, u32)> {
        let from = self.rows.get(file.rows.checked_add(place.checked_mul(file.each)?)? as usize..)?;
        match (file.each, from) {
            (1, [word, ..]) => Some((word & HALF, word >> 16)),
            (2, [line, at, ..]) => Some((*line, *at)),
            _ => None,
        }
    }

    /// How many rules there are.
    pub(crate) fn len(&self) -> usize {
        self.files.iter().fold(0, |rules, file| rules.saturating_add(file.count as usize))
    }

    /// How many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        let tables = [size_of_val(&*self.rows), size_of_val(&*self.words), size_of_val(&*self.texts.ends)];
        tables.into_iter().fold(self.texts.text.len(), usize::saturating_add)
    }
}

/// The attributes whose values a rule's message, duties or counters tell, but for those that a request always gives.
pub(super) fn told(rule: &Rule, tell: &mut dyn FnMut(AttrId)) {
    let mut tell = |attr: AttrId| {
        if !builtin::ALWAYS_GIVEN.contains(&attr) {
            tell(attr);
        }
    };
    match &rule.effect {
        Effect::Allow => {}
        Effect::Deny(refusal) | Effect::Gate(_, refusal) => filled_in(refusal).for_each(tell),
        Effect::Limit(limit, refusal) => {
            filled_in(refusal).chain(limit.unit).for_each(&mut tell);
            limit.by.iter().flat_map(|key| counted(*key)).copied().for_each(tell);
        }
        Effect::Oblige(duties) => told_by(duties).for_each(tell),
    }
}

/// The attributes whose values stand in a refusal's texts.
fn filled_in(refusal: &Refusal) -> impl Iterator<Item = AttrId> {
    let pieces = [&refusal.message, &refusal.hint].into_iter().flatten().flat_map(|text| &text.pieces);
    pieces.filter_map(|piece| match piece {
        Piece::Attribute(attr) => Some(*attr),
        Piece::Text(_) | Piece::RetryAfter => None,
    })
}

/// The attributes whose values duties come with.
fn told_by(duties: &Duties) -> impl Iterator<Item = AttrId> {
    duties.duties.iter().flat_map(|duty| &duty.args).filter_map(|(_, arg)| match arg {
        Arg::Attribute(attr) => Some(*attr),
        Arg::Value(_) => None,
    })
}

/// The attributes that a limit's key looks at, besides names.
const fn counted(key: LimitKey) -> &'static [AttrId] {
    match key {
        // Of `anonymous` the address.
        LimitKey::Principal | LimitKey::Ip => &[builtin::IP],
        LimitKey::Org => &[builtin::PRINCIPAL_ORG],
        LimitKey::Resource | LimitKey::Everyone => &[],
    }
}

/// A place in a file: `tiers.policy:14`. Every decision says one, so that no time is spent on formats.
fn place_in(path: &str, line: u32) -> Arc<str> {
    let mut digits = [b'0'; 10];
    let mut rest = line;
    let mut first = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' | (rest % 10) as u8;
        rest /= 10;
        first = place;
        if rest == 0 {
            break;
        }
    }
    let digits = digits.get(first..).and_then(|digits| str::from_utf8(digits).ok()).unwrap_or_default();
    let mut text = String::with_capacity(path.len().saturating_add(1).saturating_add(digits.len()));
    text.push_str(path);
    text.push(':');
    text.push_str(digits);
    text.into()
}

/// A place in a table as a number.
fn place(at: usize) -> Result<u32, TooLarge> {
    number(at, "rules")
}

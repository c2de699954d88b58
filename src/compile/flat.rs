//! Values as words: what the tables of a graph keep of texts, values and templates.
//!
//! A word has 32 bits. A text is its number in a table of texts; larger numbers are two words, the lower half first; what
//! may be missing is [`NONE`] or its number. What was written is read back by the function of the same name.

use super::{code::halves, code::joined, graph::NONE, names::TooLarge, tables::number};
use crate::{
    check::vocabulary::AttrId,
    value::{HeldRole, Tier, Value, canonical_ip},
};
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

/// Texts by number, one behind the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Texts {
    pub(crate) text: String,
    /// Where each text ends.
    pub(crate) ends: Vec<u32>,
}

impl Texts {
    /// A text.
    pub(crate) fn get(&self, id: u32) -> Option<&str> {
        let end = *self.ends.get(id as usize)?;
        let start = id.checked_sub(1).map_or(Some(0), |before| self.ends.get(before as usize).copied())?;
        self.text.get(start as usize..end as usize)
    }

    /// Whether every text ends where one may.
    pub(crate) fn is_whole(&self) -> bool {
        self.ends.is_sorted() && self.ends.iter().all(|end| self.text.is_char_boundary(*end as usize))
    }

    fn push(&mut self, text: &str) -> Result<u32, TooLarge> {
        let id = number(self.ends.len(), "texts")?;
        self.text.push_str(text);
        self.ends.push(number(self.text.len(), "bytes of texts")?);
        Ok(id)
    }
}

/// Writes words. Equal texts and equal passages stand once.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) words: Vec<u32>,
    pub(super) texts: Texts,
    known: HashMap<Box<str>, u32>,
    passages: HashMap<Box<[u32]>, u32>,
}

impl Writer {
    /// Goes on behind what was written before.
    pub(super) fn behind(words: Vec<u32>, texts: Texts) -> Self {
        Self { words, texts, ..Self::default() }
    }

    /// The number of a text.
    pub(super) fn text(&mut self, text: &str) -> Result<u32, TooLarge> {
        if let Some(id) = self.known.get(text) {
            return Ok(*id);
        }
        let id = self.texts.push(text)?;
        self.known.insert(text.into(), id);
        Ok(id)
    }

    /// Where a passage stands.
    pub(super) fn passage(&mut self, words: Vec<u32>) -> Result<u32, TooLarge> {
        if let Some(at) = self.passages.get(&*words) {
            return Ok(*at);
        }
        let at = number(self.words.len(), "words of messages")?;
        self.words.extend(&words);
        self.passages.insert(words.into(), at);
        Ok(at)
    }

    /// Appends a value to a passage.
    pub(super) fn value(&mut self, value: &Value, words: &mut Vec<u32>) -> Result<(), TooLarge> {
        match value {
            Value::None => words.push(0),
            Value::Bool(value) => words.extend([1, u32::from(*value)]),
            Value::Int(value) => {
                words.push(2);
                words.extend(halves(value.cast_unsigned()));
            }
            Value::Text(text) => words.extend([3, self.text(text)?]),
            Value::Ip(ip) => {
                words.push(4);
                words.extend(super::tables::ip_words(super::tables::address(*ip)));
            }
            Value::Time(time) => {
                words.push(5);
                words.extend(super::tables::instant_words(*time));
            }
            Value::Tier(tier) => words.extend([6, u32::from(tier.0)]),
            Value::Texts(texts) => {
                words.extend([7, number(texts.len(), "members of a set")?]);
                for text in texts {
                    words.push(self.text(text)?);
                }
            }
            Value::Roles(roles) => {
                words.extend([8, number(roles.len(), "members of a set")?]);
                for HeldRole { role, org } in roles {
                    words.push(self.text(role)?);
                    words.push(self.maybe(org.as_deref())?);
                }
            }
        }
        Ok(())
    }

    /// The number of a text that may be missing.
    pub(super) fn maybe(&mut self, text: Option<&str>) -> Result<u32, TooLarge> {
        text.map_or(Ok(NONE), |text| self.text(text))
    }
}

/// Reads words. Where they do not say what is asked for, there is nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) words: &'a [u32],
    pub(super) texts: &'a Texts,
}

impl<'a> Reader<'a> {
    pub(super) fn word(&mut self) -> Option<u32> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(*first)
    }

    /// A count of things that take so many words at least, as many as there can be.
    pub(super) fn count(&mut self, each: usize) -> Option<u32> {
        let count = self.word()?;
        ((count as usize).checked_mul(each)? <= self.words.len()).then_some(count)
    }

    pub(super) fn long(&mut self) -> Option<u64> {
        Some(joined(self.word()?, self.word()?))
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let id = self.word()?;
        self.texts.get(id)
    }

    pub(super) fn shared(&mut self) -> Option<Arc<str>> {
        self.text().map(Arc::from)
    }

    /// A text that may be missing.
    pub(super) fn maybe(&mut self) -> Option<Option<Arc<str>>> {
        match self.word()? {
            NONE => Some(None),
            id => self.texts.get(id).map(Arc::from).map(Some),
        }
    }

    /// The number of an attribute that may be missing.
    pub(super) fn attribute(&mut self) -> Option<Option<AttrId>> {
        let id = self.word()?;
        Some((id != NONE).then_some(AttrId(id)))
    }

    fn instant(&mut self) -> Option<DateTime<Utc>> {
        let seconds = self.long()?;
        DateTime::from_timestamp(seconds.cast_signed(), self.word()?)
    }

    pub(super) fn value(&mut self) -> Option<Value> {
        Some(match self.word()? {
            0 => Value::None,
            1 => Value::Bool(self.word()? == 1),
            2 => Value::Int(self.long()?.cast_signed()),
            3 => Value::Text(self.shared()?),
            4 => {
                let mut bits = 0_u128;
                for _ in 0..4 {
                    bits = bits << 32 | u128::from(self.word()?);
                }
                Value::Ip(canonical_ip(IpAddr::V6(Ipv6Addr::from_bits(bits))))
            }
            5 => Value::Time(self.instant()?),
            6 => Value::Tier(Tier(u16::try_from(self.word()?).ok()?)),
            7 => Value::Texts((0..self.count(1)?).map(|_| self.shared()).collect::<Option<BTreeSet<_>>>()?),
            8 => {
                let mut roles = BTreeSet::new();
                for _ in 0..self.count(2)? {
                    roles.insert(HeldRole { role: self.shared()?, org: self.maybe()? });
                }
                Value::Roles(roles)
            }
            _ => return None,
        })
    }
}

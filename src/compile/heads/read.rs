//! Heads from words; nothing where these say nothing that [`write`](super::write) writes.

use super::Heads;
use crate::{
    check::{
        ir::{Arg, Duties, Duty, Effect, Limit, LimitWindow, Piece, Refusal, Template, Upon},
        vocabulary::AttrId,
    },
    compile::{flat::Reader, graph::NONE},
    value::{Calendar, GateMode, LimitKey},
};
use std::sync::Arc;

/// A rule's label, whether it is a shadow, and what it does.
pub(super) fn head(heads: &Heads, at: u32) -> Option<(Option<Arc<str>>, bool, Effect)> {
    let mut reader = from(heads, at)?;
    let first = reader.word()?;
    let label = reader.maybe()?;
    let [refusal_at, more] = [reader.word()?, reader.word()?];
    let refused = || refusal(from(heads, refusal_at)?).map(Arc::new);
    let effect = match first & 0xff {
        0 => Effect::Allow,
        1 => Effect::Deny(refused()?),
        2 => Effect::Gate(GateMode::Auto, refused()?),
        3 => Effect::Gate(GateMode::Manual, refused()?),
        4 => Effect::Limit(Arc::new(limit(heads, from(heads, more)?)?), refused()?),
        5 => Effect::Oblige(Arc::new(duties(from(heads, more)?)?)),
        _ => return None,
    };
    Some((label, first >> 8 & 1 == 1, effect))
}

pub(super) fn from(heads: &Heads, at: u32) -> Option<Reader<'_>> {
    Some(Reader { words: heads.words.get(at as usize..)?, texts: &heads.texts })
}

pub(super) fn refusal(mut reader: Reader<'_>) -> Option<Refusal> {
    Some(Refusal {
        code: reader.shared()?,
        status: u16::try_from(reader.word()?).ok()?,
        message: template(&mut reader)?,
        hint: template(&mut reader)?,
    })
}

/// A template that may be missing.
fn template(reader: &mut Reader<'_>) -> Option<Option<Template>> {
    if reader.words.first() == Some(&NONE) {
        reader.word()?;
        return Some(None);
    }
    let count = reader.count(2)?;
    let piece = |_| {
        let [sort, said] = [reader.word()?, reader.word()?];
        Some(match sort {
            0 => Piece::Text(reader.texts.get(said)?.into()),
            1 => Piece::Attribute(AttrId(said)),
            2 => Piece::RetryAfter,
            _ => return None,
        })
    };
    Some(Some(Template { pieces: (0..count).map(piece).collect::<Option<_>>()? }))
}

pub(super) fn limit(heads: &Heads, mut reader: Reader<'_>) -> Option<Limit> {
    let amount = reader.long()?;
    let unit = reader.attribute()?;
    let window = match reader.word()? {
        0 => LimitWindow::Sliding(reader.long()?),
        1 => {
            let calendar = *Calendar::ALL.get(reader.word()? as usize)?;
            LimitWindow::Calendar(calendar, heads.zones.get(reader.word()? as usize)?.clone())
        }
        2 => LimitWindow::AtOnce(reader.long()?),
        _ => return None,
    };
    let count = reader.count(1)?;
    let by = (0..count).map(|_| LimitKey::ALL.get(reader.word()? as usize).copied()).collect::<Option<_>>()?;
    Some(Limit { amount, unit, window, by, identity: reader.shared()? })
}

pub(super) fn duties(mut reader: Reader<'_>) -> Option<Duties> {
    let upon = match (reader.word()?, reader.maybe()?) {
        (0, None) => Upon::Allow,
        (1, code) => Upon::Deny(code),
        (2, None) => Upon::Any,
        _ => return None,
    };
    let count = reader.count(2)?;
    let duties = (0..count).map(|_| duty(&mut reader)).collect::<Option<_>>()?;
    Some(Duties { duties, upon })
}

fn duty(reader: &mut Reader<'_>) -> Option<Duty> {
    let name = reader.shared()?;
    let count = reader.count(3)?;
    let arg = |_| {
        let name = reader.shared()?;
        Some((
            name,
            match reader.word()? {
                0 => Arg::Value(reader.value()?),
                1 => Arg::Attribute(AttrId(reader.word()?)),
                _ => return None,
            },
        ))
    };
    Some(Duty { name, args: (0..count).map(arg).collect::<Option<_>>()? })
}

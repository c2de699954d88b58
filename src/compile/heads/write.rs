//! Heads as words. [`read`](super::read) says the same the other way round.

use super::{File, HALF, place};
use crate::{
    check::ir::{Arg, Duties, Effect, Limit, LimitWindow, OfFile, Piece, Refusal, Rule, Template, Upon},
    compile::{
        code::halves,
        flat::Writer,
        graph::NONE,
        names::TooLarge,
        tables::{number, too_many},
    },
    value::GateMode,
    zone::Zone,
};

/// Heads that are being written.
#[derive(Default)]
pub(super) struct Heads {
    files: Vec<File>,
    rows: Vec<u32>,
    out: Writer,
    zones: Vec<Zone>,
}

impl Heads {
    /// Goes on behind others.
    pub(super) fn behind(heads: super::Heads) -> Self {
        let super::Heads { files, rows, words, texts, zones } = heads;
        Self { files, rows, out: Writer::behind(words, texts), zones }
    }

    /// Adds a file's rules; files come in the order of their rules.
    pub(super) fn file(&mut self, file: &OfFile) -> Result<(), TooLarge> {
        let Some(first) = file.rules.first() else { return Ok(()) };
        let names = first.file.clone();
        let rows = file.rules.iter().map(|rule| Ok((rule.line, self.head(rule)?)));
        let rows: Vec<(u32, u32)> = rows.collect::<Result<_, TooLarge>>()?;
        let is_short = rows.iter().all(|(line, at)| *line <= HALF && *at <= HALF);
        self.files.push(File {
            first: file.first.0,
            count: place(file.rules.len())?,
            rows: place(self.rows.len())?,
            each: if is_short { 1 } else { 2 },
            given: self.out.text(&names.given)?,
            short: self.out.text(&names.short)?,
        });
        if is_short {
            self.rows.extend(rows.into_iter().map(|(line, at)| line | at << 16));
        } else {
            self.rows.extend(rows.into_iter().flat_map(|(line, at)| [line, at]));
        }
        Ok(())
    }

    pub(super) fn finish(self) -> super::Heads {
        super::Heads {
            files: self.files,
            rows: self.rows,
            words: self.out.words,
            texts: self.out.texts,
            zones: self.zones,
        }
    }

    /// What it does (8) and whether it is a shadow (8); its label; where its refusal stands; where its limit or its duties
    /// stand.
    fn head(&mut self, rule: &Rule) -> Result<u32, TooLarge> {
        let (does, refusal, more) = match &rule.effect {
            Effect::Allow => (0, NONE, NONE),
            Effect::Deny(refusal) => (1, self.refusal(refusal)?, NONE),
            Effect::Gate(GateMode::Auto, refusal) => (2, self.refusal(refusal)?, NONE),
            Effect::Gate(GateMode::Manual, refusal) => (3, self.refusal(refusal)?, NONE),
            Effect::Limit(limit, refusal) => (4, self.refusal(refusal)?, self.limit(limit)?),
            Effect::Oblige(duties) => (5, NONE, self.duties(duties)?),
        };
        let label = self.out.maybe(rule.label.as_deref())?;
        self.out.passage(vec![does | u32::from(rule.shadow) << 8, label, refusal, more])
    }

    /// Code, status, message, hint; a text that is missing has no pieces but [`NONE`] of them.
    fn refusal(&mut self, refusal: &Refusal) -> Result<u32, TooLarge> {
        let mut words = vec![self.out.text(&refusal.code)?, u32::from(refusal.status)];
        self.template(refusal.message.as_ref(), &mut words)?;
        self.template(refusal.hint.as_ref(), &mut words)?;
        self.out.passage(words)
    }

    fn template(&mut self, template: Option<&Template>, words: &mut Vec<u32>) -> Result<(), TooLarge> {
        let Some(template) = template else {
            words.push(NONE);
            return Ok(());
        };
        words.push(number(template.pieces.len(), "pieces of a message")?);
        for piece in &template.pieces {
            words.extend(match piece {
                Piece::Text(text) => [0, self.out.text(text)?],
                Piece::Attribute(attr) => [1, attr.0],
                Piece::RetryAfter => [2, 0],
            });
        }
        Ok(())
    }

    /// Amount (2), unit, window (its sort, then two words), what is counted by, identity.
    fn limit(&mut self, limit: &Limit) -> Result<u32, TooLarge> {
        let mut words = halves(limit.amount).to_vec();
        words.push(limit.unit.map_or(NONE, |unit| unit.0));
        match &limit.window {
            LimitWindow::Sliding(seconds) => {
                words.push(0);
                words.extend(halves(*seconds));
            }
            LimitWindow::Calendar(calendar, zone) => words.extend([1, *calendar as u32, self.zone(zone)?]),
            LimitWindow::AtOnce(seconds) => {
                words.push(2);
                words.extend(halves(*seconds));
            }
        }
        words.push(number(limit.by.len(), "keys of a limit")?);
        words.extend(limit.by.iter().map(|key| *key as u32));
        words.push(self.out.text(&limit.identity)?);
        self.out.passage(words)
    }

    fn zone(&mut self, zone: &Zone) -> Result<u32, TooLarge> {
        let held = self.zones.iter().position(|held| held == zone).unwrap_or_else(|| {
            self.zones.push(zone.clone());
            self.zones.len().saturating_sub(1)
        });
        u32::try_from(held).map_err(|_| too_many("time zones", u64::from(u32::MAX)))
    }

    /// The decisions they come with (their sort, the code), then each: its name, its arguments, each a name and a constant
    /// or an attribute.
    fn duties(&mut self, duties: &Duties) -> Result<u32, TooLarge> {
        let mut words = match &duties.upon {
            Upon::Allow => vec![0, NONE],
            Upon::Deny(code) => vec![1, self.out.maybe(code.as_deref())?],
            Upon::Any => vec![2, NONE],
        };
        words.push(number(duties.duties.len(), "duties of a rule")?);
        for duty in &duties.duties {
            words.extend([self.out.text(&duty.name)?, number(duty.args.len(), "arguments of a duty")?]);
            for (name, arg) in &duty.args {
                words.push(self.out.text(name)?);
                match arg {
                    Arg::Value(value) => {
                        words.push(0);
                        self.out.value(value, &mut words)?;
                    }
                    Arg::Attribute(attr) => words.extend([1, attr.0]),
                }
            }
        }
        self.out.passage(words)
    }
}

//! Records for other systems: spreadsheets, and what security teams collect events with.
//!
//! In goes a record, out comes its line. All formats but JSON Lines say the same of it, a [`Row`]; pseudonymised, JSON Lines
//! does, too.

mod access;
mod cef;
mod csv;
mod ocsf;

use super::{fault::Fault, key::derived, read::Entry, store::folder, told::Told};
use crate::load::hex;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use std::{fs, path::Path};

/// A form that records can be had in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A table that spreadsheets open.
    Csv,
    /// The records themselves, one a line.
    Jsonl,
    /// ArcSight's Common Event Format, version 0.
    Cef,
    /// Open Cybersecurity Schema Framework, one object a line.
    Ocsf,
    /// Who accessed what, a line for people.
    AccessLog,
}

/// Names that stand for names: the same for the same, and nobody without the key can tell whose they are.
#[derive(Clone)]
pub(crate) struct Pseudonyms {
    key: [u8; 32],
}

/// What separates the key for pseudonyms from all else that is made of the log's key.
const PURPOSE: &str = "policyc audit pseudonyms, version 1\n";
/// The fewest bytes of a key.
const SHORTEST_KEY: usize = 16;
/// How many bytes of the keyed hash a pseudonym shows.
const SHOWN: usize = 10;

impl Pseudonyms {
    /// Those of a log: of its own key.
    ///
    /// # Errors
    /// If that cannot be read.
    pub(crate) fn of_log(state: &Path) -> Result<Self, Fault> {
        derived(&folder(state), PURPOSE).map(|key| Self { key })
    }

    /// Those of a key in a file.
    ///
    /// # Errors
    /// If it cannot be read, or is too short to be one.
    pub(crate) fn of_file(path: &Path) -> Result<Self, Fault> {
        let bytes = fs::read(path).map_err(|error| Fault::new(path, error))?;
        if bytes.trim_ascii().len() < SHORTEST_KEY {
            return Err(Fault::new(path, format!("a key for pseudonyms has {SHORTEST_KEY} bytes at least")));
        }
        Ok(Self { key: mac(PURPOSE.as_bytes(), bytes.trim_ascii()) })
    }

    fn of(&self, name: &str) -> String {
        let digest = mac(&self.key, name.as_bytes());
        format!("p-{}", hex(digest.get(..SHOWN).unwrap_or_default()))
    }
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    // A key of any length is one.
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mac| mac.chain_update(message).finalize().into_bytes().into())
        .unwrap_or_default()
}

/// What writes records in a format.
pub(crate) struct Exporter {
    format: Format,
    pseudonyms: Option<Pseudonyms>,
}

/// Writes records in a format.
pub(crate) const fn exporter(format: Format, pseudonyms: Option<Pseudonyms>) -> Exporter {
    Exporter { format, pseudonyms }
}

impl Exporter {
    /// What comes before all records, with its line break. Of several nodes, each record says whose it is.
    pub(crate) fn head(&self, has_nodes: bool) -> String {
        match self.format {
            Format::Csv => csv::head(has_nodes),
            Format::Jsonl | Format::Cef | Format::Ocsf | Format::AccessLog => String::new(),
        }
    }

    /// A record, with its line break.
    pub(crate) fn line(&self, entry: &Entry) -> String {
        let row = Row::of(entry, self.pseudonyms.as_ref());
        match self.format {
            Format::Csv => csv::line(&row),
            Format::Cef => cef::line(&row),
            Format::Ocsf => ocsf::line(&row),
            Format::AccessLog => access::line(&row),
            Format::Jsonl if self.pseudonyms.is_some() => {
                format!("{}\n", serde_json::to_string(&row).unwrap_or_default())
            }
            Format::Jsonl => format!("{}\n", entry.line()),
        }
    }
}

/// A record without what is nested in it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    pub(crate) seq: i64,
    pub(crate) time: String,
    pub(crate) event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) surface: Option<String>,
    /// An address, or what stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) caller: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) principal_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) principal_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) principal_org: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decision: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) obligations: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shadow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

impl Row {
    /// What a record says, with pseudonyms if there are some.
    pub(crate) fn of(entry: &Entry, pseudonyms: Option<&Pseudonyms>) -> Self {
        let told = &entry.told;
        // Whoever a text is about may stand in it.
        let prose = |text: Option<&String>| text.filter(|_| pseudonyms.is_none()).cloned();
        let mut row = Self {
            node: entry.node.as_deref().map(str::to_owned),
            seq: entry.seq,
            time: told.time.clone(),
            event: told.event.clone(),
            id: told.id.clone(),
            surface: told.surface.clone(),
            ip: told.ip.clone(),
            caller: told.caller.as_ref().map(|caller| caller.id.clone().unwrap_or_else(|| caller.kind.clone())),
            revision: told.revision.clone(),
            count: told.count,
            message: prose(told.message.as_ref()),
            ..Self::default()
        };
        row.ask(told);
        if let Some(answer) = &told.answer {
            let reasons = &answer.context;
            row.decision = Some(if answer.decision { "allow" } else { "deny" });
            row.code.clone_from(&reasons.code);
            row.status = reasons.status;
            row.rule.clone_from(&reasons.rule);
            row.at.clone_from(&reasons.at);
            row.obligations = several(reasons.obligations.iter().map(|duty| &*duty.id));
            row.shadow = several(reasons.shadow.iter().map(String::as_str));
            row.revision.clone_from(&reasons.revision);
            row.message = prose(reasons.message.as_ref());
        }
        if let Some(raised) = &told.raised {
            row.rule = Some(raised.alert.clone());
            row.count = Some(raised.count);
            row.principal_id.clone_from(&raised.by);
        }
        if let Some(pseudonyms) = pseudonyms {
            for name in [&mut row.ip, &mut row.caller, &mut row.principal_id, &mut row.principal_org] {
                *name = name.as_deref().map(|name| pseudonyms.of(name));
            }
        }
        row
    }

    fn ask(&mut self, told: &Told) {
        let Some(request) = &told.request else { return };
        self.principal_type = Some(request.subject.kind.clone());
        self.principal_id.clone_from(&request.subject.id);
        self.principal_org = request.subject.properties.org.as_str().map(str::to_owned);
        self.action = Some(request.action.name.clone());
        self.resource_type = Some(request.resource.kind.clone());
        // Of a list, the id is what was asked for.
        self.resource_id = request.resource.id.clone().filter(|id| !id.is_empty());
    }

    /// When it was, in milliseconds since 1970.
    fn millis(&self) -> i64 {
        chrono::DateTime::parse_from_rfc3339(&self.time).map_or(0, |time| time.timestamp_millis())
    }
}

fn several<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let texts: Vec<&str> = texts.collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

//! The log as it is read: by the service, by the command line, while it is written or not.

use super::{
    checkpoint::Checkpoint,
    chunk::numbered,
    fault::Fault,
    key::PublicKey,
    store::CHECKPOINTS,
    tables,
    tally::{self, Counted},
    verify::{Tampered, Verified, verify},
};
use chrono::{DateTime, Utc};
use memchr::memmem::Finder;
use rusqlite::Connection;
use serde::Deserialize;
use std::{
    fmt, fs,
    io::ErrorKind,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

/// How many records are read before it is said how far that is.
const STEP: i64 = 1_000;

/// A log that is open for reading.
#[derive(Debug)]
pub(crate) struct Log {
    connection: Connection,
    folder: PathBuf,
}

/// One record, as it was read.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) seq: i64,
    /// As it stands in the log: one object of JSON.
    pub(crate) body: String,
    pub(crate) told: Told,
}

/// Which of the records.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Those of this principal, by its id; `anonymous` are those without one.
    pub(crate) principal: Option<String>,
    /// Those about this resource, by its id.
    pub(crate) resource: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) is_allow: Option<bool>,
    /// Those of this instant and later.
    pub(crate) since: Option<DateTime<Utc>>,
    /// Those before this instant.
    pub(crate) until: Option<DateTime<Utc>>,
    /// Those from this number on.
    pub(crate) from: Option<i64>,
    /// Those before this number.
    pub(crate) before: Option<i64>,
    /// Those among the last so many that are left.
    pub(crate) most: Option<i64>,
}

/// Which comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Oldest,
    Newest,
}

/// What a record says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    pub(crate) time: String,
    pub(crate) event: String,
    pub(crate) id: Option<String>,
    pub(crate) surface: Option<String>,
    pub(crate) ip: Option<String>,
    pub(crate) caller: Option<Entity>,
    pub(crate) request: Option<Asked>,
    pub(crate) answer: Option<Answer>,
    pub(crate) count: Option<i64>,
    pub(crate) revision: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) raised: Option<Raised>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    pub(crate) subject: Entity,
    pub(crate) action: Named,
    pub(crate) resource: Entity,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Entity {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) id: Option<String>,
    pub(crate) properties: Properties,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Properties {
    pub(crate) org: serde_json::Value,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    pub(crate) name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    pub(crate) decision: bool,
    pub(crate) context: Reasons,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reasons {
    pub(crate) code: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) message: Option<String>,
    pub(crate) rule: Option<String>,
    pub(crate) at: Option<String>,
    pub(crate) obligations: Vec<Duty>,
    pub(crate) shadow: Vec<String>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) revision: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Duty {
    pub(crate) id: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Raised {
    pub(crate) alert: String,
    pub(crate) count: i64,
    pub(crate) by: Option<String>,
}

impl fmt::Display for Entity {
    /// `user alice`, `anonymous`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of a list, the id is what was asked for.
        match self.id.as_deref() {
            Some("") | None => f.write_str(&self.kind),
            Some(id) => write!(f, "{} {id}", self.kind),
        }
    }
}

impl Told {
    /// What a record says; none where it is no record.
    pub(crate) fn of(body: &str) -> Option<Self> {
        serde_json::from_str(body).ok()
    }

    pub(crate) fn instant(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(&self.time).ok().map(|time| time.to_utc())
    }

    /// Whether it is an allow; none of records that decide nothing.
    pub(crate) fn verdict(&self) -> Option<bool> {
        self.answer.as_ref().map(|answer| answer.decision)
    }

    pub(crate) fn code(&self) -> Option<&str> {
        self.answer.as_ref()?.context.code.as_deref()
    }

    pub(crate) fn action(&self) -> Option<&str> {
        self.request.as_ref().map(|request| &*request.action.name)
    }

    pub(crate) fn resource(&self) -> Option<&str> {
        self.request.as_ref()?.resource.id.as_deref()
    }

    /// The principal's id, or its kind where it has none.
    pub(crate) fn principal(&self) -> Option<String> {
        let subject = &self.request.as_ref()?.subject;
        Some(subject.id.clone().unwrap_or_else(|| subject.kind.clone()))
    }
}

impl Filter {
    fn takes(&self, told: &Told) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        let is_of_time = || told.instant().is_some_and(|time| self.has_time(time));
        (self.since.is_none() && self.until.is_none() || is_of_time())
            && is(&self.principal, told.principal().as_deref())
            && is(&self.resource, told.resource())
            && is(&self.action, told.action())
            && is(&self.code, told.code())
            && (self.is_allow.is_none() || self.is_allow == told.verdict())
    }

    /// Texts that stand in every record it takes, as they are written there: most others are passed over without being read.
    fn needles(&self) -> Vec<String> {
        let wanted = [&self.principal, &self.resource, &self.action, &self.code];
        wanted.into_iter().flatten().filter_map(|text| serde_json::to_string(text).ok()).collect()
    }

    /// Whether an instant is one of its times.
    pub(crate) fn has_time(&self, time: DateTime<Utc>) -> bool {
        let (first, end) = self.times();
        (first..end).contains(&time.timestamp_micros())
    }

    /// The first microsecond and the one after the last.
    pub(crate) fn times(&self) -> (i64, i64) {
        let micros = |instant: DateTime<Utc>| instant.timestamp_micros();
        (self.since.map_or(i64::MIN, micros), self.until.map_or(i64::MAX, micros))
    }
}

impl Log {
    /// Opens the log in the folder of a service's state.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub(crate) fn open(state: &Path) -> Result<Self, Fault> {
        let folder = tables::folder(state);
        Ok(Self { connection: tables::open(&folder)?, folder })
    }

    /// The key that vouches for the log, as it lies beside it.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn key(state: &Path) -> Result<PublicKey, Fault> {
        PublicKey::of(&tables::folder(state))
    }

    /// Holds the log against its chain, its own checkpoints, and `more` that were kept elsewhere.
    ///
    /// # Errors
    /// If the file of checkpoints cannot be read.
    pub(crate) fn verify(
        &self,
        key: PublicKey,
        mut more: Vec<Checkpoint>,
        progress: &mut dyn FnMut(i64),
    ) -> Result<Result<Verified, Tampered>, Fault> {
        // First the file: what it says then is in the tables already, while a service writes both.
        match checkpoints(&self.folder.join(CHECKPOINTS)) {
            Ok(points) => more.extend(points),
            Err(Unread::Missing) => {}
            Err(Unread::Fault(fault)) => return Err(fault),
        }
        let snapshot = self.connection.unchecked_transaction().map_err(|error| self.fault(error))?;
        Ok(verify(&snapshot, key, more, progress))
    }

    /// The numbers of the first and the last record.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn span(&self) -> Result<Option<(i64, i64)>, Fault> {
        tables::span(&self.connection).map_err(|error| self.fault(error))
    }

    /// Goes through the records that a filter takes, until `each` breaks off. `progress` is told now and then how many were
    /// looked at.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn read(
        &self,
        filter: &Filter,
        order: Order,
        each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
        progress: &mut dyn FnMut(i64),
    ) -> Result<(), Fault> {
        self.try_read(filter, order, each, progress).map_err(|error| self.fault(error))
    }

    fn try_read(
        &self,
        filter: &Filter,
        order: Order,
        each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
        progress: &mut dyn FnMut(i64),
    ) -> rusqlite::Result<()> {
        let Some((first, last)) = self.try_range(filter)? else { return Ok(()) };
        let mut select = self.connection.prepare(&format!(
            "SELECT first, last, bodies FROM chunks
            WHERE first BETWEEN coalesce((SELECT max(first) FROM chunks WHERE first <= ?1), ?1) AND ?2 ORDER BY first {}",
            match order {
                Order::Oldest => "ASC",
                Order::Newest => "DESC",
            }
        ))?;
        let mut rows = select.query([first, last])?;
        let needles: Vec<String> = filter.needles();
        let needles: Vec<Finder<'_>> = needles.iter().map(Finder::new).collect();
        let is_there = |body: &[u8]| needles.iter().all(|needle| needle.find(body).is_some());
        let mut looked: i64 = 0;
        while let Some(row) = rows.next()? {
            let (from, to): (i64, i64) = (row.get(0)?, row.get(1)?);
            let bodies = row.get_ref(2)?.as_bytes()?;
            let before = looked.checked_div(STEP);
            looked = looked.saturating_add(to.saturating_sub(from)).saturating_add(1);
            if looked.checked_div(STEP) != before {
                progress(looked);
            }
            if !is_there(bodies) {
                continue;
            }
            let mut records = numbered(from..=to, bodies);
            if order == Order::Newest {
                records.reverse();
            }
            for (seq, body) in records.into_iter().filter(|(seq, _)| (first..=last).contains(seq)) {
                let Some(told) = is_there(body.as_bytes()).then(|| Told::of(body)).flatten() else { continue };
                if filter.takes(&told) && each(Entry { seq, body: body.to_owned(), told }).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The numbers between which all records are that a filter can take.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn range(&self, filter: &Filter) -> Result<Option<(i64, i64)>, Fault> {
        self.try_range(filter).map_err(|error| self.fault(error))
    }

    fn try_range(&self, filter: &Filter) -> rusqlite::Result<Option<(i64, i64)>> {
        let Some((first, last)) = self.dated(filter)? else { return Ok(None) };
        let last = filter.before.map_or(last, |before| last.min(before.saturating_sub(1)));
        let first = filter.from.map_or(first, |from| first.max(from));
        let first = filter.most.map_or(first, |most| first.max(last.saturating_sub(most).saturating_add(1)));
        Ok(Some((first, last)))
    }

    /// The numbers between which all records of a filter's times are: the clock may have been set back in between.
    fn dated(&self, filter: &Filter) -> rusqlite::Result<Option<(i64, i64)>> {
        if filter.since.is_none() && filter.until.is_none() {
            return tables::span(&self.connection);
        }
        let select = "SELECT min(first), max(last) FROM chunks WHERE latest >= ?1 AND earliest < ?2";
        let (first, end) = filter.times();
        self.connection
            .query_row(select, [first, end], |row| Ok(row.get::<_, Option<i64>>(0)?.zip(row.get::<_, Option<i64>>(1)?)))
    }

    /// How many decisions came out how, by hour and outcome: those of this instant's hour and later.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn counted(&self, since: DateTime<Utc>) -> Result<Vec<Counted>, Fault> {
        tally::since(&self.connection, since.timestamp_micros()).map_err(|error| self.fault(error))
    }

    fn fault(&self, error: rusqlite::Error) -> Fault {
        Fault::new(&self.folder, error)
    }
}

/// Why a file of checkpoints was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    Missing,
    Fault(Fault),
}

/// The checkpoints in a file, one a line.
///
/// # Errors
/// If there is none, or a line is no checkpoint.
pub(crate) fn checkpoints(path: &Path) -> Result<Vec<Checkpoint>, Unread> {
    let text = fs::read_to_string(path).map_err(|error| {
        if error.kind() == ErrorKind::NotFound { Unread::Missing } else { Unread::Fault(Fault::new(path, error)) }
    })?;
    // A process that was killed may have left half a line; what ends with a line break is whole.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let parse = |(number, line): (usize, &str)| {
        let place = number.saturating_add(1);
        Checkpoint::parse(line).ok_or_else(|| Unread::Fault(Fault::new(path, format!("line {place} is no checkpoint"))))
    };
    whole.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(parse).collect()
}

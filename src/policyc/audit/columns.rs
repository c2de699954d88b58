//! The log as columns: Apache Parquet, for tools that analyse many records, and for
//! [`replay`](super::replay).
//!
//! In go records, out comes a file with a row for each. Its columns are those of the table for spreadsheets, and besides the
//! request and the answer as they were recorded, unless pseudonyms stand for names.

use super::Kept;
use crate::server::audit::{Entry, Pseudonyms, Row};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::{
    arrow::ArrowWriter,
    basic::Compression,
    errors::ParquetError,
    file::properties::{EnabledStatistics, WriterProperties},
    schema::types::ColumnPath,
};
use std::{
    io::{self, Write},
    sync::Arc,
};

/// How many rows are handed to the library at once.
const BATCH: usize = 4_096;
/// How many rows a part of the file has that is read by itself: enough to be compressed well, and few enough that several
/// threads have work and little is in memory.
const GROUP: usize = 65_536;

/// The zone that all times are told in.
const UTC: &str = "UTC";

/// The columns that [`replay`](super::replay) reads.
pub(super) mod name {
    pub(in super::super) const NODE: &str = "node";
    pub(in super::super) const SEQ: &str = "seq";
    pub(in super::super) const TIME: &str = "time";
    pub(in super::super) const ID: &str = "id";
    pub(in super::super) const PRINCIPAL_TYPE: &str = "principal_type";
    pub(in super::super) const PRINCIPAL_ID: &str = "principal_id";
    pub(in super::super) const ACTION: &str = "action";
    pub(in super::super) const RESOURCE_ID: &str = "resource_id";
    pub(in super::super) const DECISION: &str = "decision";
    pub(in super::super) const CODE: &str = "code";
    pub(in super::super) const RETRY_AFTER: &str = "retry_after";
    pub(in super::super) const REQUEST: &str = "request";
    pub(in super::super) const ANSWER: &str = "answer";
}

/// A row of the file.
struct Line {
    row: Row,
    micros: Option<i64>,
    retry_after: Option<i64>,
    request: Option<String>,
    answer: Option<String>,
}

/// The name of a column of numbers, and what a row has there.
type Numbers = (&'static str, fn(&Line) -> Option<i64>);

/// The name of a column of texts, and what a row has there.
type Texts = (&'static str, fn(&Line) -> Option<&str>);

const NUMBERS: [Numbers; 4] = [
    (name::SEQ, |line| Some(line.row.seq)),
    ("status", |line| line.row.status.map(i64::from)),
    (name::RETRY_AFTER, |line| line.retry_after),
    ("count", |line| line.row.count),
];

const TEXTS: [Texts; 22] = [
    (name::NODE, |line| line.row.node.as_deref()),
    ("event", |line| Some(&line.row.event)),
    (name::ID, |line| line.row.id.as_deref()),
    ("surface", |line| line.row.surface.as_deref()),
    ("ip", |line| line.row.ip.as_deref()),
    ("caller", |line| line.row.caller.as_deref()),
    (name::PRINCIPAL_TYPE, |line| line.row.principal_type.as_deref()),
    (name::PRINCIPAL_ID, |line| line.row.principal_id.as_deref()),
    ("principal_org", |line| line.row.principal_org.as_deref()),
    (name::ACTION, |line| line.row.action.as_deref()),
    ("resource_type", |line| line.row.resource_type.as_deref()),
    (name::RESOURCE_ID, |line| line.row.resource_id.as_deref()),
    (name::DECISION, |line| line.row.decision),
    (name::CODE, |line| line.row.code.as_deref()),
    ("rule", |line| line.row.rule.as_deref()),
    ("at", |line| line.row.at.as_deref()),
    ("obligations", |line| line.row.obligations.as_deref()),
    ("shadow", |line| line.row.shadow.as_deref()),
    ("revision", |line| line.row.revision.as_deref()),
    ("message", |line| line.row.message.as_deref()),
    (name::REQUEST, |line| line.request.as_deref()),
    (name::ANSWER, |line| line.answer.as_deref()),
];

/// Those of them that are different in nearly every row.
const DISTINCT: [&str; 3] = [name::ID, name::REQUEST, name::ANSWER];

/// What writes records as rows of a file.
pub(super) struct Table<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: Arc<Schema>,
    pseudonyms: Option<Pseudonyms>,
    lines: Vec<Line>,
}

impl<W: Write + Send> Table<W> {
    /// # Errors
    /// If it cannot be written.
    pub(super) fn new(out: W, pseudonyms: Option<Pseudonyms>) -> io::Result<Self> {
        let schema = schema();
        let properties = WriterProperties::builder()
            .set_created_by(concat!("policyc ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::LZ4_RAW)
            .set_max_row_group_row_count(Some(GROUP));
        let properties = DISTINCT.into_iter().fold(properties, |properties, name| {
            properties
                .set_column_dictionary_enabled(ColumnPath::from(name), false)
                .set_column_statistics_enabled(ColumnPath::from(name), EnabledStatistics::None)
        });
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties.build())).map_err(failure)?;
        Ok(Self { writer, schema, pseudonyms, lines: Vec::with_capacity(BATCH) })
    }

    /// Adds a record.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn add(&mut self, entry: &Entry) -> io::Result<()> {
        self.lines.push(Line::of(entry, self.pseudonyms.as_ref()));
        if self.lines.len() < BATCH { Ok(()) } else { self.flush() }
    }

    /// # Errors
    /// If it cannot be written.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.writer.close().map_err(failure)?;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let Self { writer, schema, lines, .. } = self;
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        let times: TimestampMicrosecondArray = lines.iter().map(|line| line.micros).collect();
        columns.push(Arc::new(times.with_timezone(UTC)));
        for (_, number) in NUMBERS {
            columns.push(Arc::new(lines.iter().map(number).collect::<Int64Array>()));
        }
        for (_, text) in TEXTS {
            columns.push(Arc::new(lines.iter().map(text).collect::<StringArray>()));
        }
        let batch = RecordBatch::try_new(schema.clone(), columns).map_err(|error| failure(error.into()))?;
        lines.clear();
        writer.write(&batch).map_err(failure)
    }
}

impl Line {
    fn of(entry: &Entry, pseudonyms: Option<&Pseudonyms>) -> Self {
        let told = &entry.told;
        // Whoever a request is about stands in it.
        let kept = if pseudonyms.is_none() { Kept::of(entry) } else { Kept::default() };
        Self {
            row: Row::of(entry, pseudonyms),
            micros: told.instant().map(|instant| instant.timestamp_micros()),
            retry_after: told.answer.as_ref().and_then(|answer| answer.context.retry_after?.try_into().ok()),
            request: kept.request.map(str::to_owned),
            answer: kept.answer.map(str::to_owned),
        }
    }
}

fn schema() -> Arc<Schema> {
    let time = (name::TIME, DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())));
    let numbers = NUMBERS.iter().map(|(name, _)| (*name, DataType::Int64));
    let texts = TEXTS.iter().map(|(name, _)| (*name, DataType::Utf8));
    let fields = std::iter::once(time).chain(numbers).chain(texts);
    Arc::new(Schema::new(fields.map(|(name, of)| Field::new(name, of, true)).collect::<Vec<_>>()))
}

/// Why a file was not written: most often the disk says so.
fn failure(error: ParquetError) -> io::Error {
    let ParquetError::External(error) = error else { return io::Error::other(error) };
    match error.downcast::<io::Error>() {
        Ok(error) => *error,
        Err(error) => io::Error::other(error),
    }
}

//! Files that were exported as Parquet, read part by part: they may be larger than memory.

use super::{
    super::{super::style::cause, columns::name},
    Recorded, Show, Tally,
    guard::guarded,
};
use crate::{
    engine::Anew,
    server::audit::{Filter, Traits},
};
use arrow_array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    cast::AsArray,
    types::{Int64Type, TimestampMicrosecondType},
};
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, Utc};
use indicatif::ProgressBar;
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    },
    file::statistics::Statistics,
};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

/// How many rows are read at once.
const BATCH: usize = 2_048;
/// What is read of each row; of other columns those that a filter asks for, or that are shown.
const ALWAYS: [&str; 6] = [name::SEQ, name::TIME, name::DECISION, name::CODE, name::RETRY_AFTER, name::REQUEST];
/// What a decision is called that allows.
const ALLOW: &str = "allow";
/// What to do about a file that is none.
const HELP: &str = "`policyc audit export --format parquet` writes such files";

/// Why a file cannot be replayed.
pub(super) struct Bad {
    pub(super) message: String,
    pub(super) help: Option<&'static str>,
}

impl Bad {
    fn new(message: String) -> Self {
        Self { message, help: None }
    }

    /// What a file should not be.
    fn of(path: &Path, what: &str) -> Self {
        Self { message: format!("cannot replay `{}`: {what}", path.display()), help: Some(HELP) }
    }
}

/// Files, and which of their records are asked for.
pub(super) struct Files {
    files: Vec<OneFile>,
    parts: Vec<Part>,
    filter: Filter,
}

struct OneFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

/// A part of a file that is read by itself: a row group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    file: usize,
    group: usize,
    rows: u64,
}

impl Files {
    /// Looks at what is in files and folders, and passes over parts that the filter's times leave out.
    pub(super) fn open(paths: &[PathBuf], filter: Filter) -> Result<Self, Bad> {
        let mut found = Vec::new();
        for path in paths {
            found.extend(files(path)?);
        }
        let files = found.into_iter().map(OneFile::open).collect::<Result<Vec<_>, _>>()?;
        let mut parts = Vec::new();
        for (number, file) in files.iter().enumerate() {
            for (group, rows) in file.groups(&filter) {
                parts.push(Part { file: number, group, rows });
            }
        }
        Ok(Self { files, parts, filter })
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// How many rows all parts have.
    pub(super) fn rows(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.rows))
    }

    /// The columns that are read.
    fn columns(&self, show: Show) -> impl Iterator<Item = &'static str> {
        let Filter { principal, resource, action, .. } = &self.filter;
        let is_shown = show == Show::Changes;
        let more = [
            (name::PRINCIPAL_TYPE, principal.is_some()),
            (name::PRINCIPAL_ID, principal.is_some()),
            (name::ACTION, action.is_some()),
            (name::RESOURCE_ID, resource.is_some()),
            (name::NODE, is_shown),
            (name::ID, is_shown),
            (name::ANSWER, is_shown),
        ];
        ALWAYS.into_iter().chain(more.into_iter().filter(|(_, is_read)| *is_read).map(|(name, _)| name))
    }

    /// Decides anew what a part holds.
    pub(super) fn replay(&self, part: Part, anew: &mut Anew, show: Show, bar: &ProgressBar) -> Result<Tally, Bad> {
        let mut tally = Tally::default();
        let Some(file) = self.files.get(part.file) else { return Ok(tally) };
        let input = File::open(&file.path).map_err(|error| unreadable(&file.path, &error))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(input, file.metadata.clone());
        let columns = ProjectionMask::columns(builder.parquet_schema(), self.columns(show));
        let builder = builder.with_row_groups(vec![part.group]).with_projection(columns).with_batch_size(BATCH);
        let damaged = |what: String| Bad::of(&file.path, &format!("it is damaged: {what}"));
        let mut reader = guarded(|| builder.build().map_err(|error| error.to_string())).flatten().map_err(damaged)?;
        loop {
            let batch = guarded(|| reader.next().transpose().map_err(|error| error.to_string())).flatten();
            let Some(batch) = batch.map_err(damaged)? else { return Ok(tally) };
            let rows = Rows::of(&batch).map_err(|what| Bad::of(&file.path, &what))?;
            for row in 0..batch.num_rows() {
                rows.replay(row, &self.filter, &mut tally, anew, show).map_err(|what| Bad::of(&file.path, &what))?;
            }
            bar.inc(u64::try_from(batch.num_rows()).unwrap_or_default());
        }
    }
}

/// The files that a path stands for: itself, or those of a folder in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>, Bad> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let entries = entries.map_err(|error| unreadable(path, &error))?;
    let is_parquet = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "parquet");
    let mut found: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(is_parquet).collect();
    if found.is_empty() {
        let message = format!("there is no `.parquet` file in `{}`", path.display());
        return Err(Bad { message, help: Some(HELP) });
    }
    found.sort();
    Ok(found)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Bad {
    Bad::new(format!("cannot read `{}`: {}", path.display(), cause(error)))
}

impl OneFile {
    fn open(path: PathBuf) -> Result<Self, Bad> {
        let input = File::open(&path).map_err(|error| unreadable(&path, &error))?;
        // How another program would have the columns in memory does not matter here.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let none = |what: &str| Bad::of(&path, &format!("it is no Parquet file, or damaged: {what}"));
        let metadata = guarded(|| ArrowReaderMetadata::load(&input, options).map_err(|error| error.to_string()));
        let metadata = metadata.flatten().map_err(|what| none(&what))?;
        Ok(Self { path, metadata })
    }

    /// The row groups that may have records which a filter takes, and how many rows they have.
    fn groups(&self, filter: &Filter) -> Vec<(usize, u64)> {
        let (first, end) = filter.times();
        let parts = self.metadata.metadata().row_groups().iter().enumerate();
        let parts = parts.filter(|(_, group)| {
            let time = group.columns().iter().find(|column| column.column_path().string() == name::TIME);
            match time.and_then(|column| column.statistics()) {
                Some(Statistics::Int64(times)) if self.has_micros() => {
                    times.min_opt().is_none_or(|least| *least < end)
                        && times.max_opt().is_none_or(|most| *most >= first)
                }
                _ => true,
            }
        });
        parts.map(|(number, group)| (number, u64::try_from(group.num_rows()).unwrap_or_default())).collect()
    }

    /// Whether it tells times in microseconds.
    fn has_micros(&self) -> bool {
        let time = self.metadata.schema().field_with_name(name::TIME);
        time.is_ok_and(|time| matches!(time.data_type(), DataType::Timestamp(TimeUnit::Microsecond, _)))
    }
}

/// Some rows of a file.
struct Rows<'a> {
    seq: &'a Int64Array,
    time: &'a TimestampMicrosecondArray,
    decision: &'a StringArray,
    code: &'a StringArray,
    retry_after: &'a Int64Array,
    request: &'a StringArray,
    node: Option<&'a StringArray>,
    id: Option<&'a StringArray>,
    principal_type: Option<&'a StringArray>,
    principal_id: Option<&'a StringArray>,
    action: Option<&'a StringArray>,
    resource_id: Option<&'a StringArray>,
    answer: Option<&'a StringArray>,
}

impl<'a> Rows<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, String> {
        let time = column(batch, name::TIME)?.as_primitive_opt::<TimestampMicrosecondType>();
        let if_read = |name: &str| batch.column_by_name(name).map(|_| texts(batch, name)).transpose();
        Ok(Self {
            seq: numbers(batch, name::SEQ)?,
            time: time.ok_or_else(|| not(name::TIME, "times in microseconds"))?,
            decision: texts(batch, name::DECISION)?,
            code: texts(batch, name::CODE)?,
            retry_after: numbers(batch, name::RETRY_AFTER)?,
            request: texts(batch, name::REQUEST)?,
            node: if_read(name::NODE)?,
            id: if_read(name::ID)?,
            principal_type: if_read(name::PRINCIPAL_TYPE)?,
            principal_id: if_read(name::PRINCIPAL_ID)?,
            action: if_read(name::ACTION)?,
            resource_id: if_read(name::RESOURCE_ID)?,
            answer: if_read(name::ANSWER)?,
        })
    }

    /// Decides a row anew, if it is a decision that is asked for.
    fn replay(
        &self,
        row: usize,
        filter: &Filter,
        tally: &mut Tally,
        anew: &mut Anew,
        show: Show,
    ) -> Result<(), String> {
        let Some(decision) = text(self.decision, row) else { return Ok(()) };
        let at = self.time.is_valid(row).then(|| DateTime::from_timestamp_micros(self.time.value(row))).flatten();
        let Some(at) = at else { return Ok(()) };
        let (is_allow, code) = (decision == ALLOW, text(self.code, row));
        if !self.is_taken(row, filter, at, is_allow, code) {
            return Ok(());
        }
        let seq = self.seq.value(row);
        let request = text(self.request, row)
            .ok_or_else(|| format!("record {seq} has no request, as those that were exported with pseudonyms"))?;
        let told = |texts: Option<&'a StringArray>| texts.and_then(|texts| text(texts, row));
        let (node, id, answer) = (told(self.node), told(self.id), told(self.answer).unwrap_or("null"));
        let recorded = Recorded { node, seq, id, at, is_allow, code, request, answer };
        tally.decide(&recorded, self.retry_after.is_valid(row), anew, show);
        Ok(())
    }

    /// Whether a filter takes a row; it takes the same of a file as of the log.
    fn is_taken(&self, row: usize, filter: &Filter, at: DateTime<Utc>, is_allow: bool, code: Option<&str>) -> bool {
        let told = |texts: Option<&'a StringArray>| texts.and_then(|texts| text(texts, row));
        let traits = Traits {
            principal: told(self.principal_id).or_else(|| told(self.principal_type)),
            resource: told(self.resource_id),
            action: told(self.action),
            code,
            is_allow: Some(is_allow),
        };
        filter.has_time(at) && filter.has(traits)
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, String> {
    batch.column_by_name(name).ok_or_else(|| format!("it has no column `{name}`"))
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, String> {
    column(batch, name)?.as_string_opt().ok_or_else(|| not(name, "texts"))
}

fn numbers<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Int64Array, String> {
    column(batch, name)?.as_primitive_opt::<Int64Type>().ok_or_else(|| not(name, "whole numbers of 64 bits"))
}

fn not(name: &str, what: &str) -> String {
    format!("its column `{name}` has no {what}")
}

fn text(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}

//! `policyc audit export`: records for other systems, the oldest first.

use super::{
    super::{
        Exit, Io,
        style::{cause, counted, failed},
    },
    State, at,
    columns::Table,
    filter::Filters,
};
use crate::{
    server::audit::{self, Entry, Log, Order, Pseudonyms, exporter},
    store::Stores,
};
use clap::ValueEnum;
use indicatif::ProgressBar;
use std::{
    fs,
    io::{self, BufWriter, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// Write records for other systems, the oldest first
///
/// A file is written whole or not at all. Pseudonyms stand for principals, organisations and addresses: the same for the same
/// name and key; texts that may name somebody, and requests, are left out then.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 written; 1 usage, reading or writing failed.

Example:
  policyc audit export --format csv -o march.csv --since 2026-03-01T00:00:00Z --until 2026-04-01T00:00:00Z
  policyc audit export --format ocsf --pseudonymise > events.jsonl
  policyc audit export --format parquet -o 2026-03.parquet")]
pub(super) struct Args {
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    filters: Filters,
    /// The format
    #[arg(long, env = "POLICYC_AUDIT_FORMAT", value_enum)]
    format: Format,
    /// Where to write, instead of to standard output
    #[arg(long, short, env = "POLICYC_AUDIT_OUTPUT", value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write pseudonyms for principals, organisations and addresses
    #[arg(long, env = "POLICYC_AUDIT_PSEUDONYMISE")]
    pseudonymise: bool,
    /// A file with the key of the pseudonyms, instead of one made of the log's own
    #[arg(long, env = "POLICYC_AUDIT_PSEUDONYM_KEY", value_name = "FILE", requires = "pseudonymise")]
    pseudonym_key: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table that spreadsheets open
    Csv,
    /// The records as they are, one a line
    Jsonl,
    /// ArcSight's Common Event Format, version 0
    Cef,
    /// Open Cybersecurity Schema Framework 1.3, one object a line
    Ocsf,
    /// Who accessed what and when, a line for people
    AccessLog,
    /// Apache Parquet: columns, for tools that analyse many records, and for `replay`
    Parquet,
}

impl Format {
    /// The form of each line; none where there are no lines.
    const fn of_lines(self) -> Option<audit::Format> {
        match self {
            Self::Csv => Some(audit::Format::Csv),
            Self::Jsonl => Some(audit::Format::Jsonl),
            Self::Cef => Some(audit::Format::Cef),
            Self::Ocsf => Some(audit::Format::Ocsf),
            Self::AccessLog => Some(audit::Format::AccessLog),
            Self::Parquet => None,
        }
    }
}

/// What is written, and of which log.
struct Export<'a> {
    args: &'a Args,
    log: Log,
    pseudonyms: Option<Pseudonyms>,
    bar: ProgressBar,
}

pub(super) fn run(args: &Args, stores: &Stores, io: &mut Io<'_>) -> Result<Exit, Exit> {
    let pseudonyms = match (&args.pseudonym_key, args.pseudonymise) {
        (_, false) => None,
        (Some(path), true) => Some(Pseudonyms::of_file(path)),
        (None, true) if args.state.is_shared() => {
            let what = "`--pseudonymise` needs `--pseudonym-key`: the logs of a store have no key in common";
            return Err(failed(io, what, None));
        }
        (None, true) => Some(Pseudonyms::of_log(&args.state.state)),
    };
    let pseudonyms = pseudonyms.transpose().map_err(|fault| failed(io, &fault.to_string(), None))?;
    let log = args.state.open(stores, io)?;
    let bar = args.state.bar("exporting", &log, io)?;
    let export = Export { args, log, pseudonyms, bar };
    let written = match &args.output {
        None => export.write(io.out),
        Some(path) => export.write_file(path),
    };
    export.bar.finish_and_clear();
    match (written, &args.output) {
        (Ok(records), Some(path)) => {
            let _ = writeln!(io.err, "wrote {} to `{}`", counted(records, "record"), path.display());
            Ok(Exit::Fine)
        }
        (Ok(_), None) => Ok(Exit::Fine),
        (Err(Failure::Log(fault)), _) => Err(args.state.unusable(&fault, io)),
        (Err(Failure::Write(error)), path) => {
            let path = path.as_deref().unwrap_or(Path::new("-"));
            Err(failed(io, &format!("cannot write `{}`: {}", path.display(), cause(&error)), None))
        }
    }
}

enum Failure {
    Log(audit::Fault),
    Write(io::Error),
}

impl Export<'_> {
    /// Writes a file that takes its place once it is whole.
    fn write_file(&self, path: &Path) -> Result<usize, Failure> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::metadata(folder).map_err(Failure::Write)?;
        // Who did what is nobody else's business: the file is its owner's alone, as temporary files are. The library's words
        // name a file that nobody asked for.
        let file = NamedTempFile::new_in(folder).map_err(|error| Failure::Write(error.kind().into()))?;
        let mut writer = BufWriter::new(file);
        let records = self.write(&mut writer)?;
        let file = writer.into_inner().map_err(|error| Failure::Write(error.into_error()))?;
        file.persist(path).map_err(|error| Failure::Write(error.error))?;
        Ok(records)
    }

    fn write(&self, out: &mut (dyn Write + Send)) -> Result<usize, Failure> {
        match self.args.format.of_lines() {
            Some(format) => self.write_lines(format, out),
            None => self.write_table(out),
        }
    }

    fn write_lines(&self, format: audit::Format, out: &mut (dyn Write + Send)) -> Result<usize, Failure> {
        let exporter = exporter(format, self.pseudonyms.clone());
        out.write_all(exporter.head(self.args.state.is_shared()).as_bytes()).map_err(Failure::Write)?;
        let records = self.read(|entry| out.write_all(exporter.line(entry).as_bytes()))?;
        out.flush().map_err(Failure::Write)?;
        Ok(records)
    }

    fn write_table(&self, out: &mut (dyn Write + Send)) -> Result<usize, Failure> {
        let mut table = Table::new(&mut *out, self.pseudonyms.clone()).map_err(Failure::Write)?;
        let records = self.read(|entry| table.add(entry))?;
        table.finish().and_then(|()| out.flush()).map_err(Failure::Write)?;
        Ok(records)
    }

    /// Hands over each record, until one is not taken; gives how many there were.
    fn read(&self, mut take: impl FnMut(&Entry) -> io::Result<()>) -> Result<usize, Failure> {
        let mut result = Ok(());
        let mut records: usize = 0;
        let mut each = |entry: Entry| {
            result = take(&entry);
            records = records.saturating_add(1);
            if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let filter = self.args.filters.filter();
        let read = self.log.read(&filter, Order::Oldest, &mut each, &mut |records| at(&self.bar, records));
        read.map_err(Failure::Log)?;
        result.map_err(Failure::Write)?;
        Ok(records)
    }
}

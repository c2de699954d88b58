//! `policyc audit search`: records, the newest first.

use super::{
    super::{
        Exit, Io,
        style::{Style, printable},
    },
    State, at,
    filter::Filters,
};
use crate::{
    server::audit::{self, Entry, Order, exporter},
    store::Stores,
};
use clap::ValueEnum;
use std::ops::ControlFlow;

/// Find records, the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 searched, whether or not something was found; 1 usage, or reading failed.

Example:
  policyc audit search --model qwen3-7b-chat --decision deny --since 2026-01-01T00:00:00Z
  policyc audit search --principal alice@company.com --limit 10 --format json
  policyc audit search --store postgres://db.example.com/policyc --node node-2")]
pub(super) struct Args {
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    filters: Filters,
    /// How many records are shown at most
    #[arg(long, env = "POLICYC_AUDIT_LIMIT", value_name = "N", default_value_t = 100)]
    limit: usize,
    /// How records are shown
    #[arg(long, env = "POLICYC_AUDIT_FORMAT", value_enum, default_value_t = Format::Pretty)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Pretty,
    /// One JSON object with all records
    Json,
    /// A table that spreadsheets open
    Csv,
}

pub(super) fn run(args: &Args, stores: &Stores, io: &mut Io<'_>) -> Result<Exit, Exit> {
    let log = args.state.open(stores, io)?;
    let bar = args.state.bar("searching", &log, io)?;
    let mut found = Vec::new();
    let mut each = |entry: Entry| {
        if found.len() < args.limit {
            found.push(entry);
        }
        if found.len() < args.limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let read = log.read(&args.filters.filter(), Order::Newest, &mut each, &mut |records| at(&bar, records));
    bar.finish_and_clear();
    read.map_err(|fault| args.state.unusable(&fault, io))?;
    match args.format {
        Format::Pretty => {
            let style = Style::new(io.color_out);
            for entry in &found {
                let _ = writeln!(io.out, "{}", line(entry, style));
            }
        }
        Format::Json => json(&found, io),
        Format::Csv => {
            let exporter = exporter(audit::Format::Csv, None);
            let _ = io.out.write_all(exporter.head(args.state.is_shared()).as_bytes());
            for entry in &found {
                let _ = io.out.write_all(exporter.line(entry).as_bytes());
            }
        }
    }
    Ok(Exit::Fine)
}

/// A record on one line: what people look for first.
fn line(entry: &Entry, style: Style) -> String {
    let told = &entry.told;
    let seconds = told.time.split_once('.').map_or_else(|| told.time.clone(), |(seconds, _)| format!("{seconds}Z"));
    let verdict = match told.verdict() {
        Some(true) => style.good("allow"),
        Some(false) => style.bad("deny "),
        None => style.bold(&printable(&told.event)),
    };
    let mut words = vec![style.dim(&printable(&seconds)), verdict];
    if let Some(request) = &told.request {
        words.push(printable(&request.subject.to_string()).into_owned());
        words.push(printable(&request.action.name).into_owned());
        words.push(printable(&request.resource.to_string()).into_owned());
    }
    words.extend(told.count.map(|count| format!("({count})")));
    words.extend(told.code().map(|code| style.bold(&printable(code))));
    words.extend(told.message.as_deref().map(|message| printable(message).into_owned()));
    if let Some(raised) = &told.raised {
        words.push(format!("{} ({} records)", printable(&raised.alert), raised.count));
        words.extend(raised.by.as_deref().map(|by| printable(by).into_owned()));
    }
    words.extend(told.ip.as_deref().map(|ip| format!("from {}", printable(ip))));
    let rule = told.answer.as_ref().and_then(|answer| answer.context.rule.as_deref());
    words.extend(rule.map(|rule| style.dim(&format!("by {}", printable(rule)))));
    words.extend(told.id.as_deref().map(|id| style.dim(&format!("[{}]", printable(id)))));
    words.extend(entry.node.as_deref().map(|node| style.dim(&format!("at {} {}", printable(node), entry.seq))));
    words.join("  ")
}

fn json(found: &[Entry], io: &mut Io<'_>) {
    let _ = write!(io.out, "{{\"records\":[");
    for (index, entry) in found.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(io.out, "{comma}{}", entry.line());
    }
    let _ = writeln!(io.out, "]}}");
}

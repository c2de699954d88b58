//! `policyc fmt`: the canonical layout.
//!
//! A file is written only if its new text parses to the same tree as the old one; what cannot be parsed is left alone.

use super::{
    Config, Exit, Io,
    replace::replace,
    set,
    style::{Style, cause, complain, counted, failed, warn_of_no_files},
};
use crate::{
    ast::{self, Ast, print},
    load::{Loader, Unreadable},
    report::{Diagnostic, codes, terminal},
    source::{FileId, Source, Sources, Span},
};
use similar::{ChangeTag, TextDiff};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Bring policies into the canonical layout.
///
/// Comments are kept, and so are the kind of line breaks and the meaning. Files are written in place, each whole or not at
/// all; with `-` standard input is formatted to standard output.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 fine; 1 usage, or a file cannot be read or written; 2 with `--check` or `--diff`: something would change; \
3 a file does not parse, the others are formatted.

Example:
  policyc fmt policies
  policyc fmt --check policies
  policyc fmt - < draft.policy")]
pub(super) struct Args {
    /// Policy files and folders; `-` is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write nothing, list the files that would change
    #[arg(long, env = "POLICYC_FMT_CHECK")]
    check: bool,
    /// Write nothing, show what would change
    #[arg(long, env = "POLICYC_FMT_DIFF")]
    diff: bool,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>, config: &Config) -> Exit {
    let paths = config.paths(&args.paths);
    let dash = Path::new("-");
    match paths.as_slice() {
        [] => failed(io, "no policies to format", Some("give a file or a folder, or `-` for standard input")),
        [only] if only == dash => filter(args, io),
        paths if paths.iter().any(|path| path == dash) => {
            failed(io, "standard input is formatted alone", Some("give either `-` or files and folders"))
        }
        paths => files(args, paths, io),
    }
}

/// How many files came out how.
#[derive(Default)]
struct Tally {
    changed: usize,
    unchanged: usize,
    broken: usize,
}

/// Formats files in place.
fn files(args: &Args, paths: &[PathBuf], io: &mut Io<'_>) -> Exit {
    let dry = args.check || args.diff;
    let (files, mut exit) = find(paths, io);
    let mut tally = Tally::default();
    if files.is_empty() && exit == Exit::Fine {
        warn_of_no_files(io);
    }
    for file in files {
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) => {
                exit = exit.max(set::unreadable(&[Unreadable { path: file, error }], io));
                continue;
            }
        };
        let name = file.to_string_lossy();
        match format(&name, &bytes) {
            Err(fault) => {
                tally.broken = tally.broken.saturating_add(1);
                exit = exit.max(fault.say(&name, io));
            }
            Ok(text) if text.as_bytes() == bytes => tally.unchanged = tally.unchanged.saturating_add(1),
            Ok(text) => {
                tally.changed = tally.changed.saturating_add(1);
                if dry {
                    exit = exit.max(show(args, &name, &bytes, &text, io));
                } else if let Err(error) = replace(&file, text.as_bytes()) {
                    tally.changed = tally.changed.saturating_sub(1);
                    exit = exit.max(failed(io, &format!("cannot write `{name}`: {}", cause(&error)), None));
                }
            }
        }
    }
    let _ = io.out.flush();
    let would = if dry { "would be reformatted" } else { "reformatted" };
    let broken = if tally.broken > 0 { format!(", {} not formatted", tally.broken) } else { String::new() };
    let changed = counted(tally.changed, "file");
    let _ = writeln!(io.err, "{changed} {would}, {} left unchanged{broken}", tally.unchanged);
    exit
}

/// The files of all paths, each once.
fn find(paths: &[PathBuf], io: &mut Io<'_>) -> (Vec<PathBuf>, Exit) {
    let (mut files, mut seen, mut exit) = (Vec::new(), BTreeSet::new(), Exit::Fine);
    for path in paths {
        let mut loader = Loader::default();
        loader.path(path);
        match loader.files() {
            Ok(found) => files.extend(found),
            Err(errors) => exit = exit.max(set::unreadable(&errors, io)),
        }
    }
    files.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    (files, exit)
}

/// Formats standard input to standard output.
fn filter(args: &Args, io: &mut Io<'_>) -> Exit {
    let text = match set::read_stdin(io) {
        Ok(text) => text,
        Err(exit) => return exit,
    };
    match format(set::STDIN_NAME, text.as_bytes()) {
        Err(fault) => fault.say(set::STDIN_NAME, io),
        Ok(new) if !args.check && !args.diff => {
            let _ = io.out.write_all(new.as_bytes());
            Exit::Fine
        }
        Ok(new) if new == text => Exit::Fine,
        Ok(new) => show(args, set::STDIN_NAME, text.as_bytes(), &new, io),
    }
}

/// Why a text was not formatted.
enum Fault {
    /// It does not parse.
    Syntax(Vec<Diagnostic>, Box<Sources>),
    /// The new text would say something else: an error of ours.
    Changed,
}

impl Fault {
    fn say(&self, name: &str, io: &mut Io<'_>) -> Exit {
        match self {
            Self::Syntax(diagnostics, sources) => {
                let text = terminal::render(diagnostics, sources, io.color_err, io.width);
                let _ = io.err.write_all(text.as_bytes());
                Exit::Invalid
            }
            Self::Changed => {
                let message = format!("internal error: the new layout of `{name}` would change its meaning");
                complain(io, &message, Some("nothing was written; please report this with the file"));
                Exit::Failed
            }
        }
    }
}

/// The text of a file in canonical layout.
fn format(name: &str, bytes: &[u8]) -> Result<String, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(name, bytes, error.valid_up_to()))?;
    let crlf = text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r'));
    let source = Source::new(name, name, text.replace("\r\n", "\n"));
    let (ast, diagnostics) = parse(&source);
    if diagnostics.iter().any(Diagnostic::is_error) {
        let mut sources = Sources::default();
        sources.push(source);
        return Err(Fault::Syntax(diagnostics, Box::new(sources)));
    }
    let new = print::print(&ast, Some(&source));
    let new = if crlf { new.replace('\n', "\r\n") } else { new };
    let (again, slips) = parse(&Source::new(name, name, &new));
    let same =
        slips.is_empty() == diagnostics.is_empty() && again == ast && again.comments.0.len() == ast.comments.0.len();
    if same { Ok(new) } else { Err(Fault::Changed) }
}

fn parse(source: &Source) -> (Ast, Vec<Diagnostic>) {
    ast::parse(FileId::default(), source)
}

fn not_utf8(name: &str, bytes: &[u8], offset: usize) -> Fault {
    let text = String::from_utf8_lossy(bytes.get(..offset).unwrap_or_default());
    let source = Source::new(name, name, &*text);
    let end = u32::try_from(source.text().len()).unwrap_or(u32::MAX);
    let message = format!("the file is not UTF-8: the byte at offset {offset} belongs to no character");
    let diagnostic = Diagnostic::new(codes::NOT_UTF8, Span::new(FileId::default(), end, end), message)
        .help("save the file as UTF-8; a binary file is no policy");
    let mut sources = Sources::default();
    sources.push(source);
    Fault::Syntax(vec![diagnostic], Box::new(sources))
}

/// Says that a file would change.
fn show(args: &Args, name: &str, old: &[u8], new: &str, io: &mut Io<'_>) -> Exit {
    if args.diff {
        let diff = diff(name, &String::from_utf8_lossy(old), new, Style::new(io.color_out));
        let _ = io.out.write_all(diff.as_bytes());
    } else {
        let _ = writeln!(io.out, "{name}");
    }
    Exit::Negative
}

/// What changes, as a unified diff.
fn diff(name: &str, old: &str, new: &str, style: Style) -> String {
    let diff = TextDiff::from_lines(old, new);
    let mut out = format!("{}\n{}\n", style.bold(&format!("--- {name}")), style.bold(&format!("+++ {name}")));
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        out.push_str(&format!("{}\n", style.hint(&hunk.header().to_string())));
        for change in hunk.iter_changes() {
            // The line break stays outside of the colour, a carriage return is shown as one.
            let line = change.value().strip_suffix('\n').unwrap_or(change.value());
            out.push_str(&match change.tag() {
                ChangeTag::Equal => format!(" {line}\n"),
                ChangeTag::Delete => format!("{}\n", style.bad(&format!("-{line}"))),
                ChangeTag::Insert => format!("{}\n", style.good(&format!("+{line}"))),
            });
            if change.missing_newline() {
                out.push_str("\\ No newline at end of file\n");
            }
        }
    }
    out
}

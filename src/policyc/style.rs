//! Colours, and how a command says that it failed.

pub(super) use crate::examine::text::counted;

use super::{Exit, Io};
use anstyle::{AnsiColor, Style as Ansi};
use std::{borrow::Cow, error::Error, io};

/// Paints texts where there is colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    color: bool,
}

impl Style {
    pub(super) const fn new(color: bool) -> Self {
        Self { color }
    }

    /// What went well.
    pub(super) fn good(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// What did not.
    pub(super) fn bad(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    /// The word before a message about what is wrong.
    pub(super) fn error(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    /// The word before a message about what may be wrong.
    pub(super) fn warning(self, text: &str) -> String {
        self.paint(AnsiColor::Yellow.on_default().bold(), text)
    }

    /// Where something stands in a text that changes.
    pub(super) fn hint(self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    /// What matters most.
    pub(super) fn bold(self, text: &str) -> String {
        self.paint(Ansi::new().bold(), text)
    }

    /// What matters least.
    pub(super) fn dim(self, text: &str) -> String {
        self.paint(Ansi::new().dimmed(), text)
    }

    fn paint(self, style: Ansi, text: &str) -> String {
        if self.color && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Says what went wrong, and what to do about it; the command has failed.
pub(super) fn failed(io: &mut Io<'_>, message: &str, help: Option<&str>) -> Exit {
    complain(io, message, help);
    Exit::Failed
}

/// Says what went wrong, and what to do about it.
pub(super) fn complain(io: &mut Io<'_>, message: &str, help: Option<&str>) {
    let style = Style::new(io.color_err);
    let _ = writeln!(io.err, "{} {message}", style.error("error:"));
    if let Some(help) = help {
        let _ = writeln!(io.err, "  {} {help}", style.hint("help:"));
    }
}

/// Says that there is nothing to work on: it may be what was meant, and often is not.
pub(super) fn warn_of_no_files(io: &mut Io<'_>) {
    let style = Style::new(io.color_err);
    let _ = writeln!(io.err, "{} there is no `.policy` file", style.warning("warning:"));
}

/// Why reading or writing failed, in the system's own words: what libraries put around them names the path again.
pub(super) fn cause(error: &io::Error) -> String {
    let Some(inner) = error.get_ref() else { return error.to_string() };
    let mut cause: &dyn Error = inner;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// A text that a terminal may be given: characters that would steer it are escaped.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
        text.chars().map(escape).collect::<String>().into()
    } else {
        text.into()
    }
}

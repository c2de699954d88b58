//! Diagnostics as workflow commands of GitHub Actions, which shows them beside the changed lines of a pull request.

use super::{Diagnostic, place::Places};
use crate::source::Sources;
use std::fmt::Write;

/// One command a line, in the order given.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut places = Places::new(sources);
    diagnostics.iter().map(|diagnostic| command(diagnostic, &mut places)).collect()
}

/// `::error file=…,line=…,col=…,endLine=…,endColumn=…,title=P0204::message`
fn command(diagnostic: &Diagnostic, places: &mut Places<'_>) -> String {
    let mut command = format!("::{} ", diagnostic.severity().name());
    if let Some(place) = places.of(diagnostic.span()) {
        let file = property(place.file);
        let _ = write!(command, "file={file},line={},col={},", place.line, place.column);
        let _ = write!(command, "endLine={},endColumn={},", place.end_line, place.end_column);
    }
    let _ = write!(command, "title={}::{}", diagnostic.code().id(), data(diagnostic.message()));
    if let Some(help) = diagnostic.help_text() {
        let _ = write!(command, "%0Ahelp: {}", data(help));
    }
    command.push('\n');
    command
}

/// Escaped as what stands after the `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escaped as the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

//! Statements in the wrong place.

use super::{
    explain::Fault,
    grammar::{Rule, read},
    split::Context,
};
use crate::{
    ast::lex::next_token,
    report::{Diagnostic, codes},
    source::Span,
};

/// A statement that would be right elsewhere.
pub(super) fn misplaced(fault: &Fault<'_>) -> Option<Diagnostic> {
    let first = fault.span(next_token(fault.text, fault.chunk.start)?);
    let (elsewhere, message, help) = match fault.context {
        Context::File | Context::Block => {
            (Rule::only_line, "a test's line outside of a test", "write it inside `test \"…\" { }`")
        }
        Context::Test => {
            (Rule::only_item, "a statement inside a test", "a test holds `given` and cases; write it outside")
        }
        Context::Members => return None,
    };
    read(elsewhere, fault.short_text()?).is_ok().then(|| Diagnostic::new(codes::MISPLACED, first, message).help(help))
}

/// A statement inside an `on` block that cannot stand there.
pub(super) fn not_in_block(keyword: Span, word: &str) -> Diagnostic {
    let message = format!("`{word}` inside an `on` block");
    Diagnostic::new(codes::MISPLACED, keyword, message)
        .help("an `on` block holds rules and invariants; write it outside")
}

/// A second `on`, in a statement inside an `on` block.
pub(super) fn on_in_block(selector: Span) -> Diagnostic {
    let help = "the block already says what it is about; remove this `on`, or write the statement outside";
    Diagnostic::new(codes::MISPLACED, selector, "`on` inside an `on` block").help(help)
}

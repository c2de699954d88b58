//! A `;` that is missing.

use super::{
    explain::Fault,
    grammar::{Rule, read},
    reader::{Outcome, Reader, shorten},
    slip::statement_word,
    split::{Chunk, Context, opens, significant, starts_line},
};
use crate::{
    ast::lex::Token,
    report::{Diagnostic, codes},
};

/// A `;` that is missing.
pub(super) struct Missing {
    /// The token that it should follow.
    after: Token,
    /// The next statement's first token, if there is one.
    next: Option<Token>,
}

impl Reader<'_> {
    /// Where the next statement begins, if all that is wrong is the `;` before it.
    pub(super) fn missing_semicolon(&self, chunk: Chunk, context: Context, fault: &Fault<'_>) -> Option<Missing> {
        let expected = fault.expected.contains(&Rule::semicolon);
        let Some(found) = fault.found.filter(|found| found.start < chunk.end) else {
            return expected.then_some(Missing { after: fault.previous?, next: None });
        };
        let begins = opens(self.text, found, context)
            || starts_line(self.text, found) && statement_word(found.of(self.text)).is_some();
        if expected && begins {
            return Some(Missing { after: fault.previous?, next: Some(found) });
        }
        // `allow anyone to view on any⏎ model "x" { }`: the grammar went on too far.
        let mut before: Option<Missing> = None;
        let mut after = None;
        for token in significant(self.text, chunk.start, found.end) {
            let on_block = Some(found.start) == chunk.brace && token.of(self.text) == "on";
            if let Some(after) = after.filter(|_| starts_line(self.text, token))
                && (on_block || opens(self.text, token, context))
            {
                before = Some(Missing { after, next: Some(token) });
            }
            after = Some(token);
        }
        before.filter(|missing| {
            let repaired = format!("{};", self.slice(chunk.start, missing.after.end));
            read(context.rule(), &repaired).is_ok()
        })
    }

    /// Reads a statement whose `;` is missing.
    pub(super) fn without_semicolon(&mut self, chunk: Chunk, context: Context, missing: Missing) -> Outcome {
        let end = missing.after.end;
        let span = self.span(missing.after.start, end);
        let found = missing.next.map_or(String::new(), |next| format!(" before `{}`", shorten(next.of(self.text))));
        let diagnostic = Diagnostic::new(codes::MISSING_SEMICOLON, span.after(), format!("missing `;`{found}"));
        self.diagnostics.push(diagnostic.help("add `;` here"));
        let resume = missing.next.map(|next| next.start);
        let repaired = format!("{};", self.slice(chunk.start, end));
        let part = match read(context.rule(), &repaired) {
            Ok(tree) => {
                let built = context.build(&mut tree.nodes(self.place(chunk.start), &self.texts));
                self.reported(built)
            }
            Err(_) => None,
        };
        (part, resume)
    }
}

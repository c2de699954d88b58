//! Messages with places to fill in: `{principal.tier}`, `{retry_after}`, and `{{` for a brace.

use super::{
    infer::{Checker, find_attribute},
    ir::{Piece, Template},
    names::nearest,
};
use crate::{
    ast::{At, Name, Path},
    report::{Diagnostic, codes},
    source::Span,
};

impl Checker<'_> {
    /// A message's pieces. Control characters are removed when it is shown, not here.
    pub(super) fn template(&mut self, message: &Name) -> Option<Template> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = &*message.text;
        let mut complete = true;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(&before.replace("}}", "}"));
            if let Some(after) = after.strip_prefix('{') {
                text.push('{');
                rest = after;
                continue;
            }
            let Some((path, after)) = after.split_once('}') else {
                let help = "close it with `}`, or write `{{` for a brace".to_owned();
                return self.error(codes::BAD_MESSAGE, message.at.0, "`{` is not closed".to_owned(), Some(help));
            };
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text).into()));
            }
            match self.place(path.trim(), message) {
                Some(piece) => pieces.push(piece),
                None => complete = false,
            }
            rest = after;
        }
        text.push_str(&rest.replace("}}", "}"));
        if !text.is_empty() {
            pieces.push(Piece::Text(text.into()));
        }
        complete.then(|| Template { pieces: pieces.into() })
    }

    /// Where a message names a path; the whole message where escapes hide it.
    fn within(&self, message: &Name, path: &str) -> Span {
        let whole = message.at.0;
        let written = self.sources.slice(whole);
        let place = written.find(&format!("{{{path}}}")).and_then(|start| {
            let start = whole.start.checked_add(u32::try_from(start).ok()?)?.checked_add(1)?;
            Some(Span { start, end: start.checked_add(u32::try_from(path.len()).ok()?)?, ..whole })
        });
        place.unwrap_or(whole)
    }

    fn place(&mut self, path: &str, message: &Name) -> Option<Piece> {
        if path == "retry_after" {
            return Some(Piece::RetryAfter);
        }
        let at = At(self.within(message, path));
        if path.is_empty() {
            let help = "name an attribute, as in `{model.id}`, or write `{{` for a brace".to_owned();
            return self.error(codes::BAD_MESSAGE, message.at.0, "`{}` names nothing".to_owned(), Some(help));
        }
        match find_attribute(self.vocabulary, self.names, &Path { text: path.into(), at }) {
            Ok(attr) => {
                self.used.attributes.insert(attr);
                Some(Piece::Attribute(attr))
            }
            Err(unknown) => {
                let text = format!("the message names an unknown attribute `{path}`");
                let diagnostic = Diagnostic::new(codes::BAD_MESSAGE, at.0, text);
                let help = match nearest(path, ["retry_after"]) {
                    Some(near) => Some(format!("did you mean `{near}`?")),
                    None => unknown.help_text().map(str::to_owned),
                };
                self.diagnostics.push(diagnostic.maybe_help(help));
                None
            }
        }
    }
}

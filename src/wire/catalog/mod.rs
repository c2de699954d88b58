//! Catalogs: resources and principals with their attributes, kept elsewhere and given with `--catalog FILE`.
//!
//! In goes a file, out come declarations, as if they stood in a policy (`model "x" { tier: "seed"; tags: ["chat"]; }`),
//! and what is wrong with the file. Ids are literal, never patterns.
//!
//! **JSON**: an array of entities, one entity, or `{"resources": […], "principals": […]}`; **JSON Lines**: one entity a line.
//!
//! ```json
//! {"type": "model", "id": "qwen3-7b-chat", "properties": {"tier": "seed", "tags": ["chat"], "vendor": {"name": "Qwen"}}}
//! ```
//!
//! A `type` that is left out is `model`, among `principals` it is `user`. Nested members become dotted ones
//! (`vendor.name`), `null` becomes `none`, `{"role": "admin", "org": "alpha"}` in a list becomes a role held in that
//! organisation.
//!
//! **CSV**: a first line that names the columns, then an entity a line. The column `id` must be there, `type` may be (else
//! `model`), every other column is an attribute by its (dotted) name. White space around a cell is dropped.
//!
//! ```csv
//! type,id,tier,tags,vendor.name
//! model,qwen3-7b-chat,seed,[chat;vision],Qwen
//! ```
//!
//! An empty cell leaves the attribute out; `[a;b]` is a set, `[]` the empty one; any other cell is one text. Sets within
//! organisations, `none` and texts in brackets need JSON.
//!
//! No vocabulary is known here, so that every text arrives as [`LiteralKind::Text`]: an
//! address, an instant, a tier, a constant, in CSV also a number or `true`. [`check`](crate::check) reads it by its
//! attribute's type.

mod csv;
mod json;

use super::pattern;
use crate::{
    ast::{Assigned, Ast, At, Comments, Declaration, Item, ItemKind, Literal, LiteralKind, Name},
    report::{Code, Diagnostic, codes},
    source::{FileId, Source, Span},
};
use std::borrow::Cow;

/// A catalog's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON value.
    Json,
    /// One JSON value a line.
    JsonLines,
    /// A table.
    Csv,
}

impl Format {
    /// The format of a file: by its name's ending, else by how its text starts.
    #[must_use]
    pub fn of(path: &str, text: &str) -> Self {
        let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        match ending.as_deref() {
            Some("json") => Self::Json,
            Some("jsonl" | "ndjson") => Self::JsonLines,
            Some("csv") => Self::Csv,
            _ if text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']) => Self::Json,
            _ => Self::Csv,
        }
    }
}

/// Reads a catalog. What is faulty is left out and reported; the rest comes out.
#[must_use]
pub fn decode(file: FileId, source: &Source, format: Format) -> (Ast, Vec<Diagnostic>) {
    let mut catalog = Catalog { file, items: Vec::new(), diagnostics: Vec::new() };
    match format {
        Format::Json => json::value(&mut catalog, source.text()),
        Format::JsonLines => json::lines(&mut catalog, source.text()),
        Format::Csv => csv::table(&mut catalog, source.text()),
    }
    (Ast { file, items: catalog.items, comments: Comments::default(), data: true }, catalog.diagnostics)
}

/// A catalog as far as it has been read.
struct Catalog {
    file: FileId,
    items: Vec<Item>,
    diagnostics: Vec<Diagnostic>,
}

impl Catalog {
    fn span(&self, range: &std::ops::Range<usize>) -> Span {
        let place = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Span::new(self.file, place(range.start), place(range.end))
    }

    fn report(&mut self, code: Code, span: Span, message: impl Into<Cow<'static, str>>) {
        self.diagnostics.push(Diagnostic::new(code, span, message));
    }

    /// Adds a declaration, unless it gives an attribute twice.
    fn declare(&mut self, span: Span, kind: &str, id: &str, members: Vec<(String, Value)>) {
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find_map(|pair| pair.first().filter(|first| pair.last() == Some(first))) {
            let message = format!("the attribute `{twice}` of {kind} `{id}` is given twice");
            return self.report(codes::BAD_DECLARATION, span, message);
        }
        let members = members.into_iter().map(|(member, value)| (name(&member, span), value.assigned(span)));
        let members = members.collect();
        let declaration = Declaration { kind: name(kind, span), id: name(&pattern::escape(id), span), members };
        self.items.push(Item { docs: Vec::new(), kind: ItemKind::Declaration(Box::new(declaration)), at: At(span) });
    }
}

fn name(text: &str, span: Span) -> Name {
    Name { text: text.into(), at: At(span) }
}

/// What an attribute is given.
enum Value {
    None,
    One(Constant),
    Set(Vec<Constant>),
}

/// A constant that JSON or a cell can say.
enum Constant {
    Bool(bool),
    Int(i64),
    Text(String),
    /// A role, and the organisation it is held in.
    Held(String, String),
}

impl Value {
    fn assigned(self, span: Span) -> Assigned {
        match self {
            Self::None => Assigned::None(At(span)),
            Self::One(constant) => Assigned::Literal(constant.literal(span)),
            Self::Set(constants) => {
                let literals = constants.into_iter().map(|constant| constant.literal(span)).collect();
                Assigned::Literal(Literal { kind: LiteralKind::List(literals), at: At(span) })
            }
        }
    }
}

impl Constant {
    fn literal(self, span: Span) -> Literal {
        let kind = match self {
            Self::Bool(value) => LiteralKind::Bool(value),
            Self::Int(value) => LiteralKind::Int(crate::ast::Int { value, grouped: false }),
            Self::Text(text) => LiteralKind::Text(text.into()),
            Self::Held(role, org) => {
                LiteralKind::Held { role: Box::new(name(&role, span)), org: Box::new(name(&org, span)) }
            }
        };
        Literal { kind, at: At(span) }
    }
}

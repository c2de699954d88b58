//! From a text to its tree.
//!
//! In goes one [`Source`], out come its [`Ast`] and what is wrong with the text. The text is split into statements, each
//! is read alone by the grammar (`grammar/policy.pest`), and what the grammar has matched is turned into nodes. So every
//! good statement is kept, and every bad one is reported once. Names mean nothing here.
//!
//! - `split` finds where statements begin and end, `reader` reads them one by one, `block` those that hold others;
//! - `vocabulary`, `rule`, `limit`, `scope`, `condition`, `literal` and `test` build the nodes of their part of the
//!   language from what the grammar has matched (`grammar`, `node`);
//! - `explain` says in words (`words`) why a statement was not matched; `misplaced`, `reserved`, `constant` and `slip`
//!   know what was probably meant.

mod block;
mod condition;
mod constant;
mod explain;
mod grammar;
mod limit;
mod literal;
mod misplaced;
mod node;
mod reader;
mod reserved;
mod rule;
mod scope;
mod slip;
mod split;
mod test;
mod vocabulary;
mod words;

pub use grammar::matches;

use super::Ast;
use crate::{
    report::{Diagnostic, codes},
    source::{FileId, Source, Span},
};

/// Parses one file. The diagnostics come in source order; where there is no error among them, the tree is the whole text.
#[must_use]
pub fn parse(file: FileId, source: &Source) -> (Ast, Vec<Diagnostic>) {
    let text = source.text();
    if text.len() > Source::MAX_BYTES {
        let message = format!("this file has {} bytes; at most {} are read", text.len(), Source::MAX_BYTES);
        let help = "split it into several files";
        let diagnostic = Diagnostic::new(codes::TOO_LARGE, Span::new(file, 0, 0), message).help(help);
        return (Ast { file, ..Ast::default() }, vec![diagnostic]);
    }
    reader::Reader::new(file, text).file()
}

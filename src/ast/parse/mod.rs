//! From a text to its tree.
//!
//! In goes one [`Source`], out come its [`Ast`] and what is wrong with the text. The text is split into statements, each
//! is read alone by the grammar (`grammar/policy.pest`), and what the grammar has matched is turned into nodes. So every
//! good statement is kept, and every bad one is reported once. Names mean nothing here.
//!
//! - `split` finds where statements begin and end, `outline` reads them section by section, `reader` one by one, `block`
//!   those that hold others; `matcher` is the grammar, which matches those that look alike only once; `semicolon` knows what
//!   to do where a `;` is missing, `remarks` what to do with comments;
//! - `item`, `vocabulary`, `rule`, `limit`, `scope`, `condition`, `literal` and `test` build the nodes of their part of
//!   the language from what the grammar has matched (`grammar`, `node`);
//! - `explain` says in words (`words`) why a statement was not matched; `misplaced`, `reserved`, `constant` and `slip`
//!   know what was probably meant.

mod block;
mod condition;
mod constant;
mod explain;
mod grammar;
mod item;
mod limit;
mod literal;
mod matcher;
mod misplaced;
mod node;
mod outline;
mod reader;
mod remarks;
mod reserved;
mod rule;
mod scope;
mod semicolon;
mod slip;
mod split;
mod test;
mod texts;
mod vocabulary;
mod words;

pub use grammar::matches;
pub use matcher::Matchers;
pub(crate) use outline::{Outline, Section, Wanted};

use super::Ast;
use crate::{
    report::{Diagnostic, codes},
    source::{FileId, Source, Span},
};

/// The error that a file has too many bytes.
pub(crate) fn too_large(file: FileId, bytes: u64) -> Diagnostic {
    let message = format!("this file has {bytes} bytes; at most {} are read", Source::MAX_BYTES);
    Diagnostic::new(codes::TOO_LARGE, Span::new(file, 0, 0), message).help("split it into several files")
}

/// Parses one file. The diagnostics come in source order; where there is no error among them, the tree is the whole text.
#[must_use]
pub fn parse(file: FileId, source: &Source) -> (Ast, Vec<Diagnostic>) {
    Outline::new(file, source, &Matchers::default()).parse()
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::{
        ast::{At, ClauseKind, CondKind, ItemKind},
        source::{FileId, Source},
    };
    use std::fmt::Write;

    /// Each node's place, without the white space and comments around it.
    #[test]
    fn places_are_exact() {
        let source = Source::new(
            "a.policy",
            "a.policy",
            "/// doc \n a : /* c */ limit user \"b\" and role c // d\n , role e except org \"f\" /* g */ to h , i \
             on any // j\n , tag k when ( l == 1 ) and m // n\n at most 5 t per 1h by ip // o\n \
             else P 429 \"q\" // r\n until 2025-12-31 // s\n ; // t",
        );
        let (tree, diagnostics) = parse(FileId(0), &source);
        assert_eq!(diagnostics, []);
        let mut places = String::new();
        let mut show = |what: &str, at: At| writeln!(places, "{what}: {}", source.slice(at.0)).unwrap();
        for item in &tree.items {
            show("item", item.at);
            item.docs.iter().for_each(|line| show("doc", line.at));
            let ItemKind::Rule(rule) = &item.kind else { continue };
            rule.label.iter().for_each(|label| show("label", label.at));
            if let Some(who) = &rule.scope.who {
                show("who", who.at);
                who.any.iter().chain(&who.except).flatten().for_each(|term| show("term", term.at));
            }
            show("actions", rule.scope.actions.at);
            rule.scope.actions.names.iter().for_each(|name| show("action", name.at));
            if let Some(selector) = &rule.scope.on {
                show("on", selector.at);
                selector.any.iter().flatten().for_each(|term| show("term", term.at));
            }
            for clause in &rule.clauses {
                show("clause", clause.at);
                if let ClauseKind::When(cond) = &clause.kind {
                    show("cond", cond.at);
                    if let CondKind::And(all) = &cond.kind {
                        all.iter().for_each(|cond| show("cond", cond.at));
                    }
                }
            }
            if let Some(at_most) = &rule.at_most {
                show("at most", at_most.at);
                show("amount", at_most.amount_at);
            }
            if let Some(otherwise) = &rule.otherwise {
                show("else", otherwise.at);
                otherwise.status.iter().for_each(|(_, at)| show("status", *at));
            }
        }
        insta::assert_snapshot!(places, @r#"
        item: a : /* c */ limit user "b" and role c // d
         , role e except org "f" /* g */ to h , i on any // j
         , tag k when ( l == 1 ) and m // n
         at most 5 t per 1h by ip // o
         else P 429 "q" // r
         until 2025-12-31 // s
         ;
        doc: /// doc
        label: a
        who: user "b" and role c // d
         , role e except org "f"
        term: user "b"
        term: role c
        term: role e
        term: org "f"
        actions: h , i
        action: h
        action: i
        on: any // j
         , tag k
        term: any
        term: tag k
        clause: when ( l == 1 ) and m
        cond: ( l == 1 ) and m
        cond: l == 1
        cond: m
        clause: until 2025-12-31
        at most: at most 5 t per 1h by ip
        amount: 5
        else: else P 429 "q"
        status: 429
        "#);
    }
}

//! Printing: what is printed reads as it was, comments survive, and the layout is a pleasure to read.

mod support;

use policyc::{
    ast::{Ast, parse, print::print},
    source::{FileId, Source},
};
use proptest::{
    collection::vec,
    prelude::{Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq},
    proptest,
    sample::Index,
};
use std::collections::BTreeSet;
use support::trees;

fn source(text: &str) -> Source {
    Source::new("a.policy", "a.policy", text)
}

/// The tree of a text that has no faults.
fn read(text: &str) -> Ast {
    let (ast, diagnostics) = parse(FileId::default(), &source(text));
    assert!(diagnostics.is_empty(), "{diagnostics:#?}\n{text}");
    ast
}

fn printed(text: &str) -> String {
    print(&read(text), Some(&source(text)))
}

/// Its comments, in order, without the white space that begins and ends their lines.
fn comments(ast: &Ast) -> Vec<String> {
    let lines = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    ast.comments.0.iter().map(|comment| lines(&comment.text)).collect()
}

/// Where comments can stand in a text, and whether documentation follows.
fn gaps(text: &str) -> Vec<(usize, bool)> {
    let mut gaps = vec![(text.len(), false)];
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let at = text.len() - rest.len();
        let length = if rest.starts_with("///") {
            gaps.push((at, true));
            rest.find('\n').expect("the end of the line") + 1
        } else if first == '"' {
            let mut escaped = false;
            let end = rest.char_indices().skip(1).find(|(_, c)| {
                let end = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                end
            });
            end.expect("the end of the string").0 + 1
        } else if first.is_ascii_whitespace() || ";,(){}[]".contains(first) {
            gaps.push((at, rest.trim_start().starts_with("///")));
            if !first.is_ascii_whitespace() && !rest[1..].starts_with(char::is_whitespace) {
                gaps.push((at + 1, false));
            }
            1
        } else {
            rest.find(|c: char| c == '"' || c.is_ascii_whitespace() || ";,(){}[]".contains(c)).unwrap_or(rest.len())
        };
        rest = &rest[length..];
    }
    gaps
}

/// The text with comments in some of its gaps; each says which it is, and how it stands there.
fn with_comments(text: &str, places: &[(Index, Vec<usize>)]) -> String {
    let gaps = gaps(text);
    let mut places: Vec<_> = places.iter().map(|(place, forms)| (gaps[place.index(gaps.len())], forms)).collect();
    places.sort();
    let mut out = String::new();
    let mut last = 0;
    for (nth, ((at, before_docs), forms)) in places.into_iter().enumerate() {
        out.push_str(&text[last..at]);
        last = at;
        for form in forms {
            out.push_str(&match if before_docs { 2 + form % 2 } else { *form } {
                0 => format!(" // {nth} {form}\n"),
                1 => format!(" /* {nth} {form} */ "),
                2 => format!("\n// {nth} {form}\n"),
                3 => format!("\n\n  /* {nth} {form} */\n\n"),
                4 => format!(" /* {nth} {form}\n\n        more\n  */ "),
                _ => format!("/*{nth} {form}*/"),
            });
        }
    }
    out + &text[last..]
}

/// Places of comments, and how they stand there.
fn places() -> impl Strategy<Value = Vec<(Index, Vec<usize>)>> {
    vec((any::<Index>(), vec(0_usize..6, 1..4)), 1..6)
}

/// What `allow`, `limit` and the like may end with, in any order.
fn endings() -> impl Strategy<Value = Vec<&'static str>> {
    Just(vec![
        "when a == [1, 2]",
        "unless b",
        "until 2025-12-31 in \"UTC\"",
        "at most 5 per day by ip",
        "else A 429 \"b\"",
    ])
    .prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_printed_reads_as_it_was(ast in trees::asts()) {
        let text = print(&ast, None);
        let again = read(&text);
        prop_assert!(again == ast, "printed differently:\n{text}");
        prop_assert_eq!(&print(&again, Some(&source(&text))), &text);
        prop_assert_eq!(&print(&again, None), &text);
    }

    #[test]
    fn comments_survive(ast in trees::asts(), places in places()) {
        let plain = print(&ast, None);
        let text = with_comments(&plain, &places);
        let commented = read(&text);
        prop_assert!(commented == ast, "read differently:\n{text}");
        let once = printed(&text);
        let again = read(&once);
        prop_assert!(again == ast, "printed differently:\n{text}\n-----\n{once}");
        prop_assert_eq!(comments(&again), comments(&commented), "{}\n-----\n{}", text, once);
        prop_assert_eq!(&printed(&once), &once, "{}", text);
    }

    #[test]
    fn clauses_take_their_comments_along(endings in endings(), places in places()) {
        let text = with_comments(&format!("allow anyone\nto view\n{};\n\ndeny anyone to edit;\n", endings.join("\n")), &places);
        let ast = read(&text);
        let once = printed(&text);
        let again = read(&once);
        prop_assert!(again == ast, "printed differently:\n{text}\n-----\n{once}");
        let sorted = |ast| BTreeSet::from_iter(comments(ast));
        prop_assert_eq!(sorted(&again), sorted(&ast), "{}\n-----\n{}", text, once);
        prop_assert_eq!(comments(&again).len(), comments(&ast).len());
        prop_assert_eq!(&printed(&once), &once, "{}", text);
    }
}

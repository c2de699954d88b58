//! Texts that nobody would write, but somebody will send: the parser neither fails, nor hangs, nor says too much.

use policyc::{
    ast::{self, Ast},
    report::{Diagnostic, codes},
    source::{FileId, Source},
};
use proptest::prelude::{any, proptest};

fn parse(text: &str) -> (Ast, Vec<Diagnostic>) {
    let source = Source::new("hostile.policy", "hostile.policy", text);
    let (tree, diagnostics) = ast::parse(FileId(0), &source);
    for diagnostic in &diagnostics {
        let span = diagnostic.span();
        assert!(span.start <= span.end, "{diagnostic:?}");
        assert!(source.text().get(span.range()).is_some(), "{diagnostic:?}");
    }
    (tree, diagnostics)
}

fn codes_of(text: &str) -> Vec<&'static str> {
    parse(text).1.iter().map(|diagnostic| diagnostic.code().id()).collect()
}

#[test]
fn empty_texts() {
    for text in ["", " ", "\n", "\r\n\t", "\u{feff}", "// only a comment", "/**/"] {
        let (tree, diagnostics) = parse(text);
        assert_eq!((tree.items.len(), diagnostics.len()), (0, 0), "{text:?}");
    }
}

#[test]
fn deep_nesting_is_one_error() {
    for (open, close) in [("(", ")"), ("[", "]"), ("not ", ""), ("not (", ")"), ("(not ", ")")] {
        let text = format!("allow anyone to view when {}a{};", open.repeat(10_000), close.repeat(10_000));
        assert_eq!(codes_of(&text), [codes::NESTING.id()], "{open}");
        let followed = format!("{text}\nallow anyone to view;");
        assert_eq!(parse(&followed).0.items.len(), 1, "{open}");
    }
    assert_eq!(codes_of(&"(".repeat(10_000)), [codes::NESTING.id()]);
    // The deepest that is allowed is also read.
    let deepest = format!("allow anyone to view when {}a{};", "(".repeat(64), ")".repeat(64));
    assert!(codes_of(&deepest).is_empty());
    let deepest = format!("allow anyone to view when {}a;", "not ".repeat(64));
    assert!(codes_of(&deepest).is_empty());
}

#[test]
fn repeated_marks() {
    for mark in
        [";", "(", ")", "[", "]", "{", "}", "\"", "/*", "//", "///\n", "'", "\u{0}", "=", "…", "a ", "1", "on {"]
    {
        let (_, diagnostics) = parse(&mark.repeat(20_000));
        assert!(diagnostics.len() <= 1_001, "{mark:?}: {}", diagnostics.len());
    }
    assert_eq!(codes_of(&";".repeat(100_000)), [codes::SYNTAX.id()]);
}

#[test]
fn too_many_errors_are_not_all_reported() {
    let (tree, diagnostics) = parse(&"alow anyone to view;\n".repeat(5_000));
    assert_eq!((tree.items.len(), diagnostics.len()), (0, 1_001));
    assert!(diagnostics.last().unwrap().message().starts_with("too many errors"));
}

#[test]
fn many_statements_on_one_line() {
    let (tree, diagnostics) = parse(&"allow anyone to view;".repeat(5_000));
    assert_eq!((tree.items.len(), diagnostics.len()), (5_000, 0));
}

#[test]
fn many_missing_semicolons() {
    let (tree, diagnostics) = parse(&"allow anyone to view\n".repeat(500));
    assert_eq!((tree.items.len(), diagnostics.len()), (500, 500));
    // On one line each error costs as much as the line is long, so there is an end to it.
    parse(&"allow anyone to view ".repeat(20_000));
}

#[test]
fn long_tokens() {
    let long = "a".repeat(1 << 20);
    assert!(codes_of(&format!("role {long};")).is_empty());
    assert!(codes_of(&format!("role \"{long}\";")).is_empty());
    assert!(codes_of(&format!("/* {long} */ // {long}")).is_empty());
    assert_eq!(codes_of(&format!("role \"{long};")), [codes::UNTERMINATED.id()]);
    assert_eq!(codes_of(&format!("attribute a: int = {};", "9".repeat(1 << 20))), [codes::BAD_LITERAL.id()]);
    assert_eq!(codes_of(&format!("{long};")), [codes::SYNTAX.id()]);
}

#[test]
fn statements_and_files_have_a_limit() {
    let large = format!("set a = [{}b];\nallow anyone to view;", "a, ".repeat(1_500_000));
    let (tree, diagnostics) = parse(&large);
    assert_eq!(
        diagnostics.iter().map(|diagnostic| diagnostic.code().id()).collect::<Vec<_>>(),
        [codes::TOO_LARGE.id()]
    );
    assert_eq!(tree.items.len(), 1);
    assert_eq!(codes_of(&" ".repeat(Source::MAX_BYTES + 1)), [codes::TOO_LARGE.id()]);
}

#[test]
fn binary_files() {
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let (_, diagnostics) = parse(&String::from_utf8_lossy(&bytes));
    assert!(!diagnostics.is_empty() && diagnostics.len() <= 1_001);
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        parse(&text);
    }

    /// Words and marks of the language in any order.
    #[test]
    fn any_tokens(tokens in proptest::collection::vec(proptest::sample::select(TOKENS), 0..60)) {
        parse(&tokens.join(" "));
        parse(&tokens.concat());
    }
}

const TOKENS: &[&str] = &[
    "allow",
    "deny",
    "limit",
    "require",
    "gate manual",
    "oblige",
    "on",
    "to",
    "of",
    "test",
    "model",
    "set",
    "tiers",
    "anyone",
    "view",
    "role",
    "tag",
    "any",
    "when",
    "unless",
    "from",
    "until",
    "not",
    "has",
    "in",
    "at most",
    "per",
    "else",
    "given",
    "\"x\"",
    "\"",
    "\n",
    "\n\n",
    "a",
    "b.c",
    "CODE",
    "403",
    "10.0.0.0/8",
    "2025-12-31",
    "5m",
    "09:00",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ";",
    ",",
    ":",
    "=",
    "==",
    "=>",
    "<",
    "..",
    "+",
    "@",
    "|",
    "// c\n",
    "/// d\n",
    "/*",
    "*/",
    "'",
    "é",
    "\u{0}",
];

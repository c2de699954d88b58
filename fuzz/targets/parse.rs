//! Any bytes are parsed without a panic; and a text without errors, printed and parsed again, is the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use policyc::{
    ast::{self, Ast},
    report::Diagnostic,
    source::{FileId, Source},
};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (ast, diagnostics) = parse(&text);
    for diagnostic in &diagnostics {
        let range = diagnostic.span().range();
        assert!(source(&text).text().get(range).is_some(), "a place outside the text: {diagnostic:?}");
    }
    if diagnostics.iter().any(Diagnostic::is_error) {
        return;
    }
    let printed = ast::print::print(&ast, Some(&source(&text)));
    let (again, diagnostics) = parse(&printed);
    assert!(
        !diagnostics.iter().any(Diagnostic::is_error),
        "what was printed does not parse:\n{printed}\n{diagnostics:?}"
    );
    assert!(ast.items == again.items, "what was printed says something else:\n{printed}");
    let twice = ast::print::print(&again, Some(&source(&printed)));
    assert!(printed == twice, "printing again gives something else:\n{printed}\n--- again\n{twice}");
});

fn source(text: &str) -> Source {
    Source::new("fuzz.policy", "fuzz.policy", text)
}

fn parse(text: &str) -> (Ast, Vec<Diagnostic>) {
    ast::parse(FileId::default(), &source(text))
}

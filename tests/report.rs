//! How findings are shown: on a terminal, as JSON, as SARIF, as commands of GitHub Actions.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic: that is how it fails"
)]

use insta::assert_snapshot;
use policyc::{
    report::{Code, Diagnostic, codes, github, json, sarif, terminal},
    source::{FileId, Source, Sources, Span},
};
use proptest::{collection::vec, prelude::*};

/// The span of the `nth` occurrence (from 0) of a word in a file that is called `name`.
fn find(sources: &Sources, name: &str, word: &str, nth: usize) -> Span {
    let (file, source) = sources.iter().find(|(_, source)| source.name() == name).unwrap();
    let (start, _) = source.text().match_indices(word).nth(nth).unwrap();
    let end = start + word.len();
    Span::new(file, u32::try_from(start).unwrap(), u32::try_from(end).unwrap())
}

fn sources(files: &[(&str, &str)]) -> Sources {
    let mut sources = Sources::default();
    for (name, text) in files {
        sources.push(Source::new(name, name, *text));
    }
    sources
}

/// One finding at one place of one text, without colour, 80 columns wide.
fn shown(text: &str, start: usize, end: usize) -> String {
    let sources = sources(&[("a.policy", text)]);
    let span = Span::new(Default::default(), u32::try_from(start).unwrap(), u32::try_from(end).unwrap());
    let finding = Diagnostic::new(codes::SYNTAX, span, "unexpected text").label("here");
    terminal::render(&[finding], &sources, false, 80)
}

const TIERS: &str = r#"tiers anonymous < seed < flower;
actions view, infer, train;
attribute country: text;
role editor;
"#;

const RULES: &str = r#"role editor;

alice: allow role edtor to view on any;
allow anyone to view on any when contry == "CN" and country != "US";
deny anyone to train on any;
"#;

fn sample() -> (Vec<Diagnostic>, Sources) {
    let sources = sources(&[("policies/tiers.policy", TIERS), ("policies/rules, 1.policy", RULES)]);
    let rules = |word, nth| find(&sources, "policies/rules, 1.policy", word, nth);
    let tiers = |word, nth| find(&sources, "policies/tiers.policy", word, nth);
    let findings = vec![
        Diagnostic::new(codes::DECLARED_TWICE, rules("editor", 0), "role `editor` is declared twice")
            .label("declared again here")
            .also(tiers("editor", 0), "first declared here")
            .help("remove one of the two declarations"),
        Diagnostic::new(codes::UNKNOWN_ROLE, rules("edtor", 0), "unknown role `edtor`")
            .label("no such role")
            .help("did you mean `editor`?"),
        Diagnostic::new(codes::UNKNOWN_ATTRIBUTE, rules("contry", 0), "unknown attribute `contry`")
            .label("not declared")
            .also(rules("country", 0), "this one is declared")
            .help("did you mean `country`?"),
        Diagnostic::new(codes::NO_ELSE, rules("deny anyone to train on any;", 0), "deny without `else`: 100% silent")
            .label("refuses without saying why"),
    ];
    (findings, sources)
}

#[test]
fn on_a_terminal() {
    let (findings, sources) = sample();
    assert_snapshot!(terminal::render(&findings, &sources, false, 80));
}

#[test]
fn on_a_terminal_with_colour() {
    let (findings, sources) = sample();
    assert_snapshot!(terminal::render(&findings, &sources, true, 80));
}

#[test]
fn places() {
    let long = format!("{}here{}", "x ".repeat(60), " y".repeat(60));
    let cases = [
        ("an empty span at the end of the file", "role a;\nrole b", 14, 14),
        ("an empty span after the last line break", "role a;\n", 8, 8),
        ("a span in an empty file", "", 0, 0),
        ("a span that lies outside of the file", "role a;\n", 700, 800),
        ("a span over some lines", "test \"x\" {\n    view on \"y\" => allow;\n}\nrole b;\n", 0, 38),
        (
            "a span over some lines, from the middle of one",
            "role a; test \"x\" {\n    view on \"y\" => allow;\n}\n",
            8,
            46,
        ),
        ("a line with its line break", "role a;\nrole b;\n", 0, 8),
        ("CRLF", "role a;\r\nrole b\r\nrole c;\r\n", 9, 15),
        ("an empty span before CRLF", "role a\r\nrole b;\r\n", 6, 6),
        ("tabs", "on any {\n\t\tallow\tanyone to view;\n}\n", 17, 23),
        ("wide characters", "角色 编辑; role editor;\n", 15, 26),
        ("characters that hide", "role \u{202e}rotide\u{7};\n", 5, 14),
        ("a line that is too wide", &long, 120, 124),
    ];
    let mut all = String::new();
    for (name, text, start, end) in cases {
        all += &format!("## {name}\n\n{}\n", shown(text, start, end).trim_end_matches("1 error\n"));
    }
    assert_snapshot!(all);
}

#[test]
fn places_far_apart() {
    let mut text = String::from("role editor;\n");
    text += &"// so much to say\n".repeat(999);
    text += "role editor;\nrole viewer;\n";
    let sources = sources(&[("a.policy", &text)]);
    let finding = Diagnostic::new(codes::DECLARED_TWICE, find(&sources, "a.policy", "editor", 1), "declared twice")
        .also(find(&sources, "a.policy", "editor", 0), "first declared here")
        .also(find(&sources, "a.policy", "viewer", 0), "not this one");
    assert_snapshot!(terminal::render(&[finding], &sources, false, 80));
}

#[test]
fn places_in_one_very_long_line() {
    let near = format!("{}role editor; role editor;{}", "角色, ".repeat(200_000), " and so on".repeat(100_000));
    let far = format!("role editor;{}role editor;", " and so on".repeat(100_000));
    let mut all = String::new();
    for text in [near, far] {
        let sources = sources(&[("a.policy", &text)]);
        let finding = Diagnostic::new(codes::DECLARED_TWICE, find(&sources, "a.policy", "editor", 1), "declared twice")
            .also(find(&sources, "a.policy", "editor", 0), "first declared here");
        all += &terminal::render(&[finding], &sources, false, 80);
    }
    assert_snapshot!(all);
}

#[test]
fn a_very_long_place() {
    let mut all = String::new();
    for text in ["text ".repeat(100_000), "/* a comment without end\n".repeat(10_000)] {
        all += &shown(&text, 5, text.len());
    }
    assert_snapshot!(all);
}

#[test]
fn prose_is_wrapped_and_long_labels_stand_below() {
    let sources = sources(&[("a.policy", "role editor;\n")]);
    let finding = Diagnostic::new(
        codes::NOT_COMPARABLE,
        find(&sources, "a.policy", "editor", 0),
        "two attributes of the principal cannot be compared with each other, because such a comparison cannot be decided exactly",
    )
    .label("a label should be a few words, but nobody can stop a writer of labels from going on and on")
    .help("compare each of them with a constant, or with an attribute of the resource: `principal.org == model.org`");
    assert_snapshot!(terminal::render(&[finding], &sources, false, 80));
}

#[test]
fn numbers_of_lines_are_aligned() {
    let text = "role a;\n".repeat(101);
    let sources = sources(&[("a.policy", &text), ("b.policy", "role a;\n")]);
    let role = |nth| find(&sources, "a.policy", "role a;", nth);
    let finding =
        Diagnostic::new(codes::DECLARED_TWICE, Span::new(role(98).file, role(98).start, role(100).end), "many")
            .also(role(8), "again")
            .also(role(9).after(), "and again")
            .also(find(&sources, "b.policy", "a", 0), "elsewhere")
            .also(Span::new(role(0).file, 808, 808), "the end");
    assert_snapshot!(terminal::render(&[finding], &sources, false, 80));
}

#[test]
fn a_finding_in_no_file() {
    let finding = Diagnostic::new(codes::TOO_LARGE, Span::default(), "`big.policy` is too large").help("split it");
    let (findings, none) = ([finding], Sources::default());
    assert_snapshot!(
        [
            terminal::render(&findings, &none, false, 80),
            json::render(&findings, &none),
            github::render(&findings, &none),
            sarif(&findings, &none)
        ]
        .join("\n")
    );
}

#[test]
fn nothing_to_show() {
    let none = Sources::default();
    assert_eq!(terminal::render(&[], &none, true, 80), "");
    assert_eq!(github::render(&[], &none), "");
    assert_eq!(json::render(&[], &none), "{\"diagnostics\":[],\"errors\":0,\"warnings\":0}\n");
}

#[test]
fn summaries() {
    let all = [(0, 0), (1, 0), (2, 1), (0, 12)].map(|(errors, warnings)| terminal::summary(errors, warnings));
    assert_eq!(all, ["no errors, no warnings", "1 error", "2 errors, 1 warning", "12 warnings"]);
}

#[test]
fn as_json() {
    let (findings, sources) = sample();
    assert_snapshot!(json::render(&findings, &sources));
}

#[test]
fn as_commands_of_github() {
    let (findings, sources) = sample();
    assert_snapshot!(github::render(&findings, &sources));
}

#[test]
fn as_sarif() {
    let (findings, sources) = sample();
    assert_snapshot!(sarif(&findings, &sources));
}

/// The log as SARIF, made readable, without what changes with every release.
fn sarif(findings: &[Diagnostic], sources: &Sources) -> String {
    let mut log: serde_json::Value = serde_json::from_str(&sarif::render(findings, sources)).unwrap();
    for rule in log["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap() {
        let page = Code::find(rule["id"].as_str().unwrap()).unwrap().page();
        assert_eq!(rule["help"], serde_json::json!({ "text": page, "markdown": page }));
        rule["help"] = "the page".into();
    }
    let version = &mut log["runs"][0]["tool"]["driver"]["version"];
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    *version = "the version".into();
    serde_json::to_string_pretty(&log).unwrap()
}

/// How many columns a terminal takes for a line of ASCII and Chinese.
fn width(line: &str) -> usize {
    line.chars().map(|character| if character.is_ascii() { 1 } else { 2 }).sum()
}

proptest! {
    /// Whatever the text, the places and the words: nothing panics, and no line is too wide.
    #[test]
    fn fits_on_the_terminal(
        text in r"(role |编辑){0,1}(role |\(x\); |\t|\r?\n|[a-z ]{0,90}){0,40}(role |编辑|\n){0,4}",
        other in "(role |编辑|\n){0,4}",
        places in vec((any::<bool>(), 0..1500_u32, 0..40_u32, "([a-z]{1,9} ){0,12}"), 1..5),
        columns in 40..120_usize,
    ) {
        let sources = sources(&[("a.policy", &text), ("b.policy", &other)]);
        let span = |file, start, length| Span::new(FileId(u32::from(file)), start, start + length);
        let mut finding = Diagnostic::new(codes::SYNTAX, Span::default(), "unexpected text").help("say something else");
        for (index, (file, start, length, label)) in places.into_iter().enumerate() {
            let span = span(file, start, length * length);
            finding = match index {
                0 => Diagnostic::new(codes::SYNTAX, span, "unexpected text").label(label).help("say something else"),
                _ => finding.also(span, label),
            };
        }
        let drawn = terminal::render(&[finding], &sources, false, columns);
        for line in drawn.lines() {
            // Where it cuts wide characters, the drawing is a little wider.
            let slack = if text.is_ascii() && other.is_ascii() { 0 } else { 4 };
            prop_assert!(width(line) <= columns + slack, "{} columns, not {columns}:\n{drawn}", width(line));
        }
    }
}

proptest! {
    /// Places need not lie on the edges of characters, nor in the text, and a text may say anything.
    #[test]
    fn shows_any_text(text in ".{0,200}", name in ".{1,9}", places in vec((0..300_u32, 0..300_u32, ".{0,20}"), 1..4)) {
        let sources = sources(&[(&name, &text)]);
        for color in [false, true] {
            let finding = |message: &str| {
                let finding = Diagnostic::new(codes::SYNTAX, Span::new(FileId(0), 3, 2), message.to_owned());
                finding.help(message.to_owned())
            };
            let finding = places.iter().fold(finding(&text), |finding, (start, end, label)| {
                finding.also(Span::new(FileId(0), *start, *end), label.clone())
            });
            let drawn = terminal::render(std::slice::from_ref(&finding), &sources, color, 80);
            prop_assert!(color || !drawn.contains(|character: char| character.is_control() && character != '\n'));
            let json: serde_json::Value = serde_json::from_str(&json::render(std::slice::from_ref(&finding), &sources))?;
            prop_assert_eq!(json["diagnostics"][0]["message"].as_str(), Some(text.as_str()));
            prop_assert_eq!(github::render(&[finding], &sources).lines().count(), 1);
        }
    }
}

/// Were the text read again for each finding, this would take hours.
#[test]
fn many_findings_in_one_line() {
    let text = "角色 role editor; ".repeat(250_000);
    let sources = sources(&[("a.policy", &text)]);
    let step = text.len() / 1_000;
    let spans =
        (0..1_000).map(|index| Span::new(FileId(0), 7 + index * u32::try_from(step).unwrap(), 11 + index * 5_000));
    let findings: Vec<_> = spans.map(|span| Diagnostic::new(codes::SYNTAX, span, "unexpected text")).collect();
    assert_eq!(json::render(&findings, &sources).matches("P0001").count(), 1_000);
    assert_eq!(sarif::render(&findings, &sources).matches("\"ruleId\"").count(), 1_000);
    assert_eq!(terminal::render(&findings, &sources, false, 80).matches("P0001").count(), 1_000);
}

#[test]
fn as_sarif_that_its_schema_accepts() {
    // Its pattern for languages has a bracket too many, and is no regular expression.
    let schema = include_str!("schemas/sarif-2.1.0.json").replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}?$");
    let schema = serde_json::from_str(&schema).unwrap();
    let schema = jsonschema::draft7::options().should_validate_formats(true).build(&schema).unwrap();
    let (findings, sources) = sample();
    for (findings, sources) in [(findings.as_slice(), &sources), (&[], &sources), (&findings, &Sources::default())] {
        let log = serde_json::from_str(&sarif::render(findings, sources)).unwrap();
        let faults: Vec<_> =
            schema.iter_errors(&log).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{faults:#?}");
    }
    assert!(!schema.is_valid(&serde_json::json!({ "version": "2.1.0" })));
}

#[test]
fn paths_in_sarif() {
    let cases = [
        ("./policies/a b.policy", "policies/a%20b.policy"),
        ("../up/a.policy", "../up/a.policy"),
        ("<stdin>", "%3Cstdin%3E"),
        ("c:a/编.policy", "c%3Aa/%E7%BC%96.policy"),
        ("/etc/policyc/a.policy", "file:///etc/policyc/a.policy"),
    ];
    for (path, uri) in cases {
        let finding = Diagnostic::new(codes::SYNTAX, Span::default(), "unexpected text");
        let log = sarif::render(&[finding], &sources(&[(path, "")]));
        assert!(log.contains(&format!("{{\"uri\":\"{uri}\"}}")), "{path}: {log}");
    }
}

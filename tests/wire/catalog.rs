//! Catalogs.

use policyc::{
    ast::{Assigned, ItemKind, Literal, LiteralKind},
    source::{FileId, Source},
    wire::catalog::{Format, decode},
};
use std::fmt::Write;

fn literal(literal: &Literal) -> String {
    match &literal.kind {
        LiteralKind::Text(text) => format!("{text:?}"),
        LiteralKind::Int(int) => int.value.to_string(),
        LiteralKind::Bool(value) => value.to_string(),
        LiteralKind::Held { role, org } => format!("{}@{:?}", role.text, org.text),
        LiteralKind::List(list) => format!("[{}]", list.iter().map(self::literal).collect::<Vec<_>>().join(", ")),
        other => panic!("a catalog does not make {other:?}"),
    }
}

/// The declarations and findings of a catalog, with the text that each points at.
fn show(path: &str, text: &str) -> String {
    let source = Source::new(path, path, text);
    let (ast, diagnostics) = decode(FileId(0), &source, Format::of(path, text));
    let mut out = String::new();
    for item in &ast.items {
        let ItemKind::Declaration(declaration) = &item.kind else { panic!("not a declaration") };
        write!(out, "{} {:?} {{", declaration.kind.text, declaration.id.text).unwrap();
        for (name, value) in &declaration.members {
            let value = match value {
                Assigned::Literal(value) => literal(value),
                Assigned::None(_) => "none".to_owned(),
                Assigned::Unknown(_) => "unknown".to_owned(),
            };
            write!(out, " {}: {value};", name.text).unwrap();
        }
        writeln!(out, " }} at {}", source.slice(item.at.0)).unwrap();
    }
    for diagnostic in &diagnostics {
        let place = source.line_column(diagnostic.span().start);
        writeln!(
            out,
            "{} {place:?} {} at {:?}",
            diagnostic.code().id(),
            diagnostic.message(),
            source.slice(diagnostic.span())
        )
        .unwrap();
    }
    out
}

#[test]
fn json() {
    let text = r#"[
  {"type": "model", "id": "x*", "properties": {"tier": "seed", "tags": ["chat"], "a": {"b": 1, "c": {"d": null}}}},
  {"id": "y"},
  {"type": "user", "id": "bob", "properties": {"roles": ["editor", {"role": "admin", "org": "alpha"}]}}
]"#;
    insta::assert_snapshot!(show("c.json", text), @r#"
    model "x\\*" { a.b: 1; a.c.d: none; tags: ["chat"]; tier: "seed"; } at {"type": "model", "id": "x*", "properties": {"tier": "seed", "tags": ["chat"], "a": {"b": 1, "c": {"d": null}}}}
    model "y" { } at {"id": "y"}
    user "bob" { roles: ["editor", admin@"alpha"]; } at {"type": "user", "id": "bob", "properties": {"roles": ["editor", {"role": "admin", "org": "alpha"}]}}
    "#);
    insta::assert_snapshot!(show("c", r#"{"principals": [{"id": "bob"}], "resources": [{"id": "m"}, {"type": "space", "id": "s"}]}"#), @r#"
    user "bob" { } at {"id": "bob"}
    model "m" { } at {"id": "m"}
    space "s" { } at {"type": "space", "id": "s"}
    "#);
    insta::assert_snapshot!(show("c.json", r#"{"id": "m"}"#), @r#"model "m" { } at {"id": "m"}"#);
    insta::assert_snapshot!(show("c.ndjson", "{\"id\": \"m\"}\n\n{\"id\": \"n\"}\n"), @r#"
    model "m" { } at {"id": "m"}
    model "n" { } at {"id": "n"}
    "#);
    insta::assert_snapshot!(show("c.json", ""), @"");
}

#[test]
fn json_faults() {
    let text = r#"[
  {"id": "a", "properties": {"x": 1.5}},
  {"id": "b", "propreties": {}},
  {"id": "c", "properties": {"x": [[1]]}},
  {"id": "d", "properties": {"x.y": 1, "x": {"y": 2}}},
  {"id": "e", "id": "f"},
  {"id": ""},
  {"id": "g", "properties": {"roles": [{"role": "r"}]}},
  7,
  {"id": "h"}
]"#;
    insta::assert_snapshot!(show("c.json", text), @r#"
    model "h" { } at {"id": "h"}
    P0004 (2, 3) /properties/x: not a whole number, or too large a one at "{\"id\": \"a\", \"properties\": {\"x\": 1.5}}"
    P0313 (3, 3) /propreties: unknown member `propreties` (did you mean `properties`?), expected one of `type`, `id`, `properties` at "{\"id\": \"b\", \"propreties\": {}}"
    P0004 (4, 3) /properties/x/0: expected a text, a number or a bool, found a list at "{\"id\": \"c\", \"properties\": {\"x\": [[1]]}}"
    P0313 (5, 3) the attribute `x.y` of model `d` is given twice at "{\"id\": \"d\", \"properties\": {\"x.y\": 1, \"x\": {\"y\": 2}}}"
    P0001 (6, 18) /id: this member is there twice at "\""
    P0313 (7, 3) /id: expected a text, found an empty one at "{\"id\": \"\"}"
    P0313 (8, 3) /properties/roles/0/org: missing; expected a text at "{\"id\": \"g\", \"properties\": {\"roles\": [{\"role\": \"r\"}]}}"
    P0313 (9, 3) expected an object, found a number at "7"
    "#);
    insta::assert_snapshot!(show("c.json", "[\n{\"id\": \"a\"},\n{\"id\" \"é\"}\n]"), @r#"P0001 (3, 7) not JSON: expected `:` at line 3 column 7 at "\"""#);
    insta::assert_snapshot!(show("c.jsonl", "{\"id\": \"a\"}\n{\"id\": \n{\"id\": \"b\"}"), @r#"
    model "a" { } at {"id": "a"}
    model "b" { } at {"id": "b"}
    P0001 (2, 8) not JSON: unexpected end in a value at line 2 column 8 at "\n"
    "#);
    insta::assert_snapshot!(show("c.json", r#"{"resources": 7, "principles": []}"#), @r#"
    P0313 (1, 32) unknown member `principles` (did you mean `principals`?), expected one of `resources`, `principals` at "[]"
    P0313 (1, 15) `resources` is not a list at "7"
    "#);
}

#[test]
fn csv() {
    let text =
        "type,id,tier,tags,a.b\r\nmodel,x*,seed,[chat; vision],1\n,y,,[],\n\nuser,\"bo\"\"b, jr\" ,anonymous,,\"[]\"";
    insta::assert_snapshot!(show("c.csv", text), @r#"
    model "x\\*" { tier: "seed"; tags: ["chat", "vision"]; a.b: "1"; } at model,x*,seed,[chat; vision],1
    model "y" { tags: []; } at ,y,,[],
    user "bo\"b, jr" { tier: "anonymous"; a.b: []; } at user,"bo""b, jr" ,anonymous,,"[]"
    "#);
    insta::assert_snapshot!(show("c.csv", "\u{feff}id\nü\n"), @r#"model "ü" { } at ü"#);
    insta::assert_snapshot!(show("c.csv", ""), @"");
}

#[test]
fn csv_faults() {
    insta::assert_snapshot!(show("c.csv", "id,tier\na,seed,x\nb\n,seed\nc,[x;;y]\nd,seed\n"), @r#"
    model "d" { tier: "seed"; } at d,seed
    P0313 (2, 1) expected 2 cells, found 3 at "a,seed,x"
    P0313 (3, 1) expected 2 cells, found 1 at "b"
    P0313 (4, 1) an entity without an `id` at ",seed"
    P0004 (5, 1) `tier` has a set with an empty member: `[x;;y]` at "c,[x;;y]"
    "#);
    insta::assert_snapshot!(show("c.csv", "id,tier\na,\"seed\nb,seed\n"), @r#"P0001 (2, 1) a quoted cell does not end on its line at "a,\"seed\nb,seed""#);
    insta::assert_snapshot!(show("c.csv", "type,tier\n"), @r#"P0313 (1, 1) no column is called `id` at "type,tier""#);
    insta::assert_snapshot!(show("c.csv", "id,id\n"), @r#"P0313 (1, 1) two columns are called `id` at "id,id""#);
    insta::assert_snapshot!(show("c.csv", "id,\n"), @r#"P0313 (1, 1) a column without a name at "id,""#);
}

proptest::proptest! {
    #[test]
    fn nothing_panics(text in r#"[\[\]{}:,;"idé\n\r ]{0,40}"#) {
        for path in ["c.json", "c.jsonl", "c.csv"] {
            show(path, &text);
        }
    }
}

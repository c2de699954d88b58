//! What becomes of the texts of files.

use super::{Folder, is_valid, report, snapshot};
use policyc::{ast, source::Source};
use std::fs::File;

#[test]
fn an_empty_file_is_a_policy() {
    let folder =
        Folder::with([("a.policy", ""), ("b.policy", "\n\n"), ("c.policy", "// nothing"), ("d.policy", "\u{feff}")]);
    assert_eq!(folder.report(), "");
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let folder = Folder::with([("a.policy", "\u{feff}allow anyone to veiw\n    when contry == 1;\n")]);
    snapshot("a_byte_order_mark_is_skipped", &folder.report());
}

#[test]
fn lines_may_end_as_on_windows() {
    let text = "/// Documented.\r\nactions view;\r\nallow anyone\r\n    to view; // here\r\ndeny anyone to veiw;\r\n";
    let folder = Folder::with([("a.policy", text)]);
    snapshot("lines_may_end_as_on_windows", &folder.report());
}

#[test]
fn texts_mean_the_same_however_lines_end() {
    let text = "actions view;\n/// Why.\nallow anyone to view; // policyc: allow P0101\n/* a\nb */ deny anonymous to view else NO;\n";
    let unix = Folder::with([("a.policy", text)]);
    let windows = Folder::with([("a.policy", text.replace('\n', "\r\n").as_str())]);
    assert_eq!(unix.docs(), windows.docs());
    assert_eq!(unix.report(), windows.report().replace('\r', ""));
}

#[test]
fn what_is_not_utf8_is_told_with_its_place() {
    let folder = Folder::with([("b.policy", "allow anyone to view;\n")]);
    folder.write("a.policy", b"allow anyone to view;\nallow user \"J\xfcrgen\" to view;\n");
    snapshot("what_is_not_utf8_is_told_with_its_place", &folder.report());
}

#[test]
fn a_binary_file_is_no_policy() {
    let folder = Folder::with([]);
    folder.write("a.policy", &[0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0xff, 0xfe]);
    folder.write("b.policy", &[0; 64]);
    snapshot("a_binary_file_is_no_policy", &folder.report());
}

#[test]
fn utf16_is_not_utf8() {
    let folder = Folder::with([]);
    let bytes: Vec<u8> = "\u{feff}allow".encode_utf16().flat_map(u16::to_le_bytes).collect();
    folder.write("a.policy", &bytes);
    snapshot("utf16_is_not_utf8", &folder.report());
}

#[test]
fn a_file_of_70_megabytes_is_not_looked_at() {
    let folder = Folder::with([("b.policy", "allow anyone to view;\n")]);
    // Sparse: it takes no room on the disk.
    File::create(folder.path("a.policy")).unwrap().set_len(70 << 20).unwrap();
    snapshot("a_file_of_70_megabytes_is_not_looked_at", &folder.report());
}

#[test]
fn a_file_of_just_the_largest_size_is_read() {
    let text = format!("allow anyone to view;\n// {}", " ".repeat(Source::MAX_BYTES));
    let (_, found) =
        ast::parse(policyc::source::FileId(0), &Source::new("a", "a", text.get(..Source::MAX_BYTES).unwrap()));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn deep_nesting_is_an_error_and_costs_nothing_else() {
    let deep = format!("allow anyone to view when {}degraded{};\n", "(".repeat(10_000), ")".repeat(10_000));
    let nots = format!("allow anyone to view when {} degraded;\n", "not ".repeat(10_000));
    let lists = format!("set s = {}{};\n", "[".repeat(10_000), "]".repeat(10_000));
    let text = format!("{deep}{nots}{lists}allow anyone to infer;\n");
    let folder = Folder::with([("a.policy", text.as_str())]);
    let set = folder.load([""]);
    let codes: Vec<&str> = set.diagnostics.iter().map(|found| found.code().id()).collect();
    assert_eq!(codes, ["P0005", "P0005", "P0005"]);
    assert_eq!(folder.loader([""]).parse().unwrap().files[0].0.items.len(), 1);
}

#[test]
fn a_condition_of_many_tests_is_no_deep_one() {
    let tests: Vec<String> = (0..5_000).map(|index| format!("n == {index}")).collect();
    let text = format!("attribute n: int;\nallow anyone to view when {};\n", tests.join(" or "));
    assert!(is_valid(&Folder::with([("a.policy", text.as_str())]).load([""])));
}

const POLICY: &str = "tiers low < high;\nattribute model.vendor.name: text;\n\
                      allow tier >= low to view when model.vendor.name == \"Qwen\";\n";

#[test]
fn catalogs_in_three_formats_mean_the_same() {
    let folder = Folder::with([
        ("a.policy", POLICY),
        (
            "models.json",
            r#"[{"type": "model", "id": "a*", "properties": {"tier": "high", "tags": ["chat"], "vendor": {"name": "Qwen"}}}, {"id": "b"}]"#,
        ),
        (
            "models.jsonl",
            "{\"type\": \"model\", \"id\": \"a*\", \"properties\": {\"tier\": \"high\", \"tags\": [\"chat\"], \"vendor\": {\"name\": \"Qwen\"}}}\n\n{\"id\": \"b\"}\n",
        ),
        ("models.csv", "id,tier,tags,vendor.name\r\na*,high,[chat],Qwen\r\nb,,,\r\n"),
    ]);
    let entities = |catalog: &str| {
        let set = folder.load_with_catalog(catalog);
        assert!(is_valid(&set), "{}", report(&set));
        let resources: Vec<String> = set
            .ir
            .unwrap()
            .vocabulary
            .resources
            .iter()
            .map(|entity| format!("{} {} {:?}", entity.kind, entity.id, entity.values))
            .collect();
        resources
    };
    assert_eq!(entities("models.json").len(), 2);
    assert_eq!(entities("models.json"), entities("models.jsonl"));
    assert_eq!(entities("models.json"), entities("models.csv"));
}

#[test]
fn catalogs_are_recognised_without_an_ending() {
    let folder = Folder::with([("a.policy", POLICY), ("one", "[{\"id\": \"a\"}]"), ("two", "id,tier\na,low\n")]);
    for name in ["one", "two"] {
        assert!(is_valid(&folder.load_with_catalog(name)), "{name}");
    }
}

#[test]
fn a_broken_catalog_is_told_with_its_place() {
    let folder = Folder::with([
        ("a.policy", POLICY),
        ("cut.json", "[{\"id\": \"a\"}, {\"id\": \n"),
        ("lines.jsonl", "{\"id\": \"a\"}\n{\"id\": 3}\n{\"type\": \"model\"}\n{\"id\": \"b\", \"tier\": \"low\"}\n"),
        ("rows.csv", "id,tier\na,low,more\n,low\nb,low\n"),
        ("empty.json", ""),
        ("empty.csv", ""),
        ("twice.json", r#"{"id": "a", "properties": {"vendor.name": "x", "vendor": {"name": "y"}}}"#),
    ]);
    let names = ["cut.json", "lines.jsonl", "rows.csv", "empty.json", "empty.csv", "twice.json"];
    let reports = names.map(|name| format!("== {name}\n{}", report(&folder.load_with_catalog(name))));
    snapshot("a_broken_catalog_is_told_with_its_place", &reports.join("\n"));
}

#[test]
fn a_catalog_that_is_not_utf8_is_told_with_its_place() {
    let folder = Folder::with([("a.policy", POLICY)]);
    folder.write("models.csv", b"id,vendor.name\na,J\xfcrgen\n");
    snapshot("a_catalog_that_is_not_utf8_is_told_with_its_place", &report(&folder.load_with_catalog("models.csv")));
}

//! Strict JSON.

use policyc::{request::Input, wire::json};
use proptest::prelude::*;

fn refused(text: &str) -> String {
    json::parse(text).unwrap_err().to_string()
}

#[test]
fn numbers_are_exact() {
    assert_eq!(json::parse("9223372036854775807").unwrap(), Input::Int(i64::MAX));
    assert_eq!(json::parse("-9223372036854775808").unwrap(), Input::Int(i64::MIN));
    assert_eq!(json::parse("9223372036854775808").unwrap(), Input::Float(9_223_372_036_854_775_808.0));
    assert_eq!(json::parse("5.0").unwrap(), Input::Int(5));
    assert_eq!(json::parse("1e3").unwrap(), Input::Int(1000));
    assert_eq!(json::parse("-0.0").unwrap(), Input::Int(0));
    assert_eq!(json::parse("0.5").unwrap(), Input::Float(0.5));
}

#[test]
fn what_is_ambiguous_is_refused() {
    insta::assert_snapshot!(refused(r#"{"a": 1, "a": 1}"#), @"/a: this member is there twice");
    insta::assert_snapshot!(refused(r#"{"a": [{"x/y~": 1, "x/y~": null}]}"#), @"/a/0/x~1y~0: this member is there twice");
    insta::assert_snapshot!(refused("{\"ü\": 1,}"), @"not JSON: trailing comma at line 1 column 9");
    insta::assert_snapshot!(refused("{\n  \"é\": tru\n}"), @"not JSON: expected a word at line 3 column 1");
    insta::assert_snapshot!(refused("[1"), @"not JSON: unexpected end in a list at line 1 column 3");
    insta::assert_snapshot!(refused(""), @"not JSON: unexpected end in a value at line 1 column 1");
    insta::assert_snapshot!(refused("1 2"), @"not JSON: trailing characters at line 1 column 3");
    insta::assert_snapshot!(refused(r#""\ud800""#), @"not JSON: unexpected end of hex escape at line 1 column 8");
    insta::assert_snapshot!(refused("1e999"), @"not JSON: number out of range at line 1 column 5");
    insta::assert_snapshot!(refused("NaN"), @"not JSON: expected value at line 1 column 1");
    insta::assert_snapshot!(json::read(b"{\n\"a\": \"\xff\"}").unwrap_err(), @"not UTF-8 at line 2 column 7");
}

#[test]
fn nesting_is_limited() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(json::parse(&nested(json::MAX_DEPTH)).is_ok());
    let refusal = json::parse(&nested(json::MAX_DEPTH + 1)).unwrap_err();
    assert_eq!((refusal.error.as_str(), refusal.at), ("nested deeper than 64 levels", "/0".repeat(64)));
    assert!(json::parse(&"[".repeat(1_000_000)).is_err());
    assert!(json::parse(&"{\"a\":".repeat(1_000_000)).is_err());
}

#[test]
fn a_byte_order_mark_is_skipped() {
    assert_eq!(json::parse("\u{feff}true").unwrap(), Input::Bool(true));
}

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = json::read(&bytes);
    }

    #[test]
    fn broken_json_does_not_panic(text in r#"[\[\]{}:,"a\\u0-9\n é.-]{0,40}"#) {
        let _ = json::parse(&text);
    }
}

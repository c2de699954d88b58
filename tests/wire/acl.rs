//! Access-control lists: in, out, and what is refused.

use policyc::{
    ast::{Effect, Item, ItemKind, Rule, WhoKind},
    wire::acl::{export, import, import_grant},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const EXAMPLE: &str = r#"{
  "model": "qwen3-7b-chat",
  "rules": [
    {
      "principal": {
        "type": "role",
        "value": "researcher"
      },
      "operations": [
        "infer",
        "view"
      ],
      "conditions": {
        "ip_range": [
          "10.0.0.0/8",
          "192.168.1.0/24"
        ],
        "rate_limit": "100req/min"
      }
    },
    {
      "principal": {
        "type": "user",
        "value": "alice@company.com"
      },
      "operations": [
        "infer",
        "train",
        "download"
      ],
      "conditions": {
        "valid_until": "2025-12-31T23:59:59Z"
      }
    }
  ]
}"#;

/// The rules of the blocks that an import made.
fn rules(items: &[Item]) -> Vec<&Rule> {
    let mut rules = Vec::new();
    for item in items {
        let ItemKind::On { items, .. } = &item.kind else { panic!("not a block") };
        for item in items {
            let ItemKind::Rule(rule) = &item.kind else { panic!("not a rule") };
            rules.push(&**rule);
        }
    }
    rules
}

fn labels(items: &[Item]) -> Vec<String> {
    rules(items).iter().filter_map(|rule| rule.label.as_ref()).map(|label| label.text.to_string()).collect()
}

#[test]
fn the_example_comes_back_exactly() {
    let imported = import(EXAMPLE).unwrap();
    assert_eq!(imported.notes, [""; 0]);
    assert_eq!(labels(&imported.items), ["acl_qwen3-7b-chat_1", "acl_qwen3-7b-chat_1_limit", "acl_qwen3-7b-chat_2"]);
    let documents = export(&imported.items).unwrap();
    assert_eq!(documents.iter().map(|document| document.to_json()).collect::<Vec<_>>(), [EXAMPLE]);
}

fn document(rules: Value) -> String {
    json!({ "model": "m", "rules": rules }).to_string()
}

fn rule(kind: &str, value: &str, operations: &[&str], conditions: Value) -> Value {
    json!({ "principal": { "type": kind, "value": value }, "operations": operations, "conditions": conditions })
}

fn limited(rate: &str) -> Value {
    json!({ "rate_limit": rate })
}

#[test]
fn a_limit_is_part_of_the_allow_where_nobody_is_exempt() {
    let text = document(json!([
        rule("key", "k", &["infer"], limited("10req/s")),
        rule("user", "k", &["infer"], json!({})),
        rule("role", "r", &["view"], json!({})),
    ]));
    let imported = import(&text).unwrap();
    let rules = rules(&imported.items);
    assert_eq!(rules.len(), 3);
    assert!(rules[0].at_most.is_some());
}

#[test]
fn exempt_by_name_where_the_other_rule_grants_all() {
    let text = document(json!([
        rule("role", "r", &["infer"], json!({ "rate_limit": "10req/s", "ip_range": "10.1.0.0/16" })),
        rule("user", "a*", &["view", "infer"], json!({ "ip_range": ["10.0.0.0/8"] })),
    ]));
    let imported = import(&text).unwrap();
    let limit = rules(&imported.items)[1];
    let who = limit.scope.who.as_ref().unwrap();
    let [except] = who.except.as_slice() else { panic!("not one exemption") };
    let WhoKind::Principal { kind, id } = &except[0].kind else { panic!("not by name") };
    assert_eq!((&*kind.text, &*id.text), ("user", r"a\*"));
    assert_eq!(limit.clauses.len(), 1);
}

#[test]
fn what_the_import_says() {
    let text = document(json!([
        rule("user", "a", &["infer"], limited("10req/s")),
        rule("user", "a", &["infer", "view"], json!({})),
        rule("role", "r", &["infer", "train"], limited("5req/day")),
        rule("role", "s", &["train"], limited("6req/hour")),
        rule("user", "b", &["train"], limited("7req/hour")),
    ]));
    insta::assert_debug_snapshot!(import(&text).unwrap().notes, @r#"
    [
        "model `m`: the rate limit of rule 1 never binds, as another rule grants the same without one",
        "model `m`: the rate limits of rule 3 and of rules 4, 5 overlap; whoever matches several is bound by all, hence by the strictest",
        "model `m`: the rate limits of rule 4 and of rule 5 overlap; whoever matches several is bound by all, hence by the strictest",
    ]
    "#);
}

#[test]
fn ranges_say_nothing_twice() {
    let blocks = ["10.1.0.0/16", "10.9.9.9/8", "::ffff:10.0.0.0/104", "192.168.1.7", "192.168.1.7/32"];
    let imported = import(&document(json!([rule("user", "u", &["view"], json!({ "ip_range": blocks }))]))).unwrap();
    insta::assert_snapshot!(imported.notes.join("\n"), @r"
    model `m`: in rule 1, `10.9.9.9/8` is written as the block it stands for, `10.0.0.0/8`
    model `m`: in rule 1, `10.1.0.0/16` is left out, as it is inside of `10.0.0.0/8`
    model `m`: in rule 1, `::ffff:10.0.0.0/104` is left out, as it is inside of `10.0.0.0/8`
    model `m`: in rule 1, `192.168.1.7/32` is left out, as it is inside of `192.168.1.7`
    ");
    let exported = export(&imported.items).unwrap();
    let exported: Value = serde_json::from_str(&exported[0].to_json()).unwrap();
    assert_eq!(exported["rules"][0]["conditions"]["ip_range"], json!(["10.0.0.0/8", "192.168.1.7"]));
}

#[test]
fn labels_are_identifiers_and_never_meet() {
    let models = ["a", "a_b", "a/b", "a-b", "-a", "a-", "a--b", "模", "a_1", "a.b", "a_2fb", "A"];
    let text: Vec<String> = models
        .iter()
        .map(|model| json!({ "model": model, "rules": [rule("user", "u", &["view"], json!({}))] }).to_string())
        .collect();
    let labels = labels(&import(&text.join("\n")).unwrap().items);
    assert_eq!(labels.iter().collect::<BTreeSet<_>>().len(), models.len());
    for label in &labels {
        let middle = label.strip_prefix("acl_").unwrap();
        assert!(middle.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')), "{label}");
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    let with = |conditions: Value| import(&document(json!([rule("user", "u", &["view"], conditions)]))).unwrap_err();
    insta::assert_snapshot!(with(json!({ "ip_ranges": [] })), @"/rules/0/conditions/ip_ranges: unknown member `ip_ranges` (did you mean `ip_range`?), expected one of `ip_range`, `rate_limit`, `valid_until`");
    insta::assert_snapshot!(with(json!({ "country": "CN" })), @"/rules/0/conditions/country: unknown member `country`, expected one of `ip_range`, `rate_limit`, `valid_until`");
    insta::assert_snapshot!(with(json!({ "ip_range": [] })), @"/rules/0/conditions/ip_range: expected at least one address block");
    insta::assert_snapshot!(with(json!({ "ip_range": null })), @"/rules/0/conditions/ip_range: expected an address block or a list of them, found null");
    insta::assert_snapshot!(with(json!({ "ip_range": ["10.0.0.0/33"] })), @"/rules/0/conditions/ip_range/0: expected an address block such as `10.0.0.0/8`, found `10.0.0.0/33`");
    insta::assert_snapshot!(with(limited("0req/min")), @"/rules/0/conditions/rate_limit: expected a rate such as `100req/min`, in `s`, `min`, `hour` or `day`, found `0req/min`");
    insta::assert_snapshot!(with(limited("+1req/min")), @"/rules/0/conditions/rate_limit: expected a rate such as `100req/min`, in `s`, `min`, `hour` or `day`, found `+1req/min`");
    insta::assert_snapshot!(with(limited("100req/month")), @"/rules/0/conditions/rate_limit: expected a rate such as `100req/min`, in `s`, `min`, `hour` or `day`, found `100req/month`");
    insta::assert_snapshot!(with(json!({ "rate_limit": 100 })), @"/rules/0/conditions/rate_limit: expected a text, found a number");
    insta::assert_snapshot!(with(json!({ "valid_until": "2025-12-31" })), @"/rules/0/conditions/valid_until: expected an instant such as `2025-12-31T23:59:59Z`, found `2025-12-31`");
    insta::assert_snapshot!(with(json!({ "valid_until": "2016-12-31T23:59:60Z" })), @"/rules/0/conditions/valid_until: expected an instant such as `2025-12-31T23:59:59Z`, found `2016-12-31T23:59:60Z`");
    insta::assert_snapshot!(with(json!(null)), @"/rules/0/conditions: expected an object, found null");
    let rules = |rules: Value| import(&document(rules)).unwrap_err();
    insta::assert_snapshot!(rules(json!([rule("user", "u", &[], json!({}))])), @"/rules/0/operations: expected at least one operation");
    insta::assert_snapshot!(rules(json!([rule("user", "u", &["inferr"], json!({}))])), @"/rules/0/operations/0: unknown operation `inferr` (did you mean `infer`?), expected one of `infer`, `train`, `download`, `view`");
    insta::assert_snapshot!(rules(json!([rule("group", "u", &["view"], json!({}))])), @"/rules/0/principal/type: unknown principal type `group`, expected one of `user`, `role`, `key`, `service`");
    insta::assert_snapshot!(rules(json!([rule("user", "", &["view"], json!({}))])), @"/rules/0/principal/value: expected a text, found an empty one");
    insta::assert_snapshot!(
        rules(json!([{ "principal": { "type": "user", "value": "u" }, "operations": ["view"], "effect": "deny" }])), @"/rules/0/effect: unknown member `effect`, expected one of `principal`, `operations`, `conditions`"
    );
    insta::assert_snapshot!(import(r#"{"rules": []}"#).unwrap_err(), @"/model: missing; expected a text");
    insta::assert_snapshot!(import("{\"model\": \"a\", \"rules\": []}\n{\"model\": \"a\", \"rules\": 1}").unwrap_err(), @"/rules: document 2: expected a list, found a number");
    insta::assert_snapshot!(import(r#"[{"model": "a", "rules": []}, {"model": "a", "rules": []}]"#).unwrap_err(), @"/model: model `a` has more than one document");
}

#[test]
fn too_many_exemptions_are_refused() {
    let rules: Vec<Value> = (0..2_000)
        .map(|index| {
            rule("role", &index.to_string(), &["view"], if index % 2 == 0 { limited("1req/s") } else { json!({}) })
        })
        .collect();
    insta::assert_snapshot!(import(&document(json!(rules))).unwrap_err(), @"/rules: too many rules (2000) for 1000 with a rate limit");
}

#[test]
fn grants() {
    let imported =
        import_grant(r#"{"model_id": "ff-2024-pro", "permissions": ["infer", "view", "infer"]}"#, "bob@x").unwrap();
    assert_eq!(labels(&imported.items), ["grant_ff-2024-pro__bob_40x"]);
    let actions: Vec<&str> = rules(&imported.items)[0].scope.actions.names.iter().map(|name| &*name.text).collect();
    assert_eq!(actions, ["infer", "view"]);
    insta::assert_snapshot!(import_grant(r#"{"model_id": "x", "permissions": []}"#, "bob").unwrap_err(), @"/permissions: expected at least one permission");
    insta::assert_snapshot!(import_grant(r#"{"model_id": "x", "permissions": ["a"], "until": 1}"#, "bob").unwrap_err(), @"/until: unknown member `until`, expected one of `model_id`, `permissions`");
    insta::assert_snapshot!(import_grant(r#"{"model_id": "x", "permissions": ["a"]}"#, "").unwrap_err(), @"a grant needs a user");
}

/// The same statements with one change in the rule at a place.
fn changed(text: &str, index: usize, change: impl FnOnce(&mut Rule)) -> Vec<String> {
    let mut items = import(text).unwrap().items;
    let ItemKind::On { items: inner, .. } = &mut items[0].kind else { panic!("not a block") };
    let ItemKind::Rule(rule) = &mut inner[index].kind else { panic!("not a rule") };
    change(rule);
    export(&items).unwrap_err().into_iter().map(|fault| fault.what).collect()
}

#[test]
fn what_cannot_be_exported() {
    insta::assert_debug_snapshot!(changed(EXAMPLE, 1, |limit| { limit.clauses.pop(); }), @r#"
    [
        "a limit that exempts other principals than those whom other rules grant the same without one",
    ]
    "#);
    insta::assert_debug_snapshot!(changed(EXAMPLE, 1, |limit| drop(limit.clauses.remove(0))), @r#"
    [
        "a `limit` without an `allow` of the same scope and conditions before it",
    ]
    "#);
    insta::assert_debug_snapshot!(changed(EXAMPLE, 0, |allow| allow.shadow = true), @r#"
    [
        "a shadow rule",
        "a `limit` without an `allow` of the same scope and conditions before it",
    ]
    "#);
    insta::assert_debug_snapshot!(changed(EXAMPLE, 2, |allow| allow.effect = Effect::Deny), @r#"
    [
        "a `deny`",
        "a limit that exempts other principals than those whom other rules grant the same without one",
    ]
    "#);
    insta::assert_debug_snapshot!(changed(EXAMPLE, 2, |allow| allow.scope.actions.names.clear()), @r#"
    [
        "a rule of any action",
        "a limit that exempts other principals than those whom other rules grant the same without one",
    ]
    "#);
}

fn conditions() -> impl Strategy<Value = Value> {
    let blocks = prop::sample::subsequence(vec!["10.0.0.0/8", "10.1.0.0/16", "192.168.1.7", "2001:db8::/32"], 0..3);
    let rate = prop::option::of(prop::sample::select(vec!["1req/s", "100req/min", "5req/hour", "1000req/day"]));
    let until = prop::option::of(prop::sample::select(vec![
        "2025-12-31T23:59:59Z",
        "2026-01-01T08:00:00.500+08:00",
        "2025-06-30T12:00:00Z",
    ]));
    (blocks, rate, until).prop_map(|(blocks, rate, until)| {
        let mut conditions = serde_json::Map::new();
        if !blocks.is_empty() {
            conditions.insert("ip_range".to_owned(), json!(blocks));
        }
        conditions.extend(rate.map(|rate| ("rate_limit".to_owned(), json!(rate))));
        conditions.extend(until.map(|until| ("valid_until".to_owned(), json!(until))));
        Value::Object(conditions)
    })
}

fn any_rule() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec!["user", "role", "key", "service"]);
    let value = prop::sample::select(vec!["a", "b*", "c\\?", "ü \"d\""]);
    let operations = prop::sample::subsequence(vec!["infer", "train", "download", "view"], 1..4).prop_shuffle();
    (kind, value, operations, conditions()).prop_map(|(kind, value, operations, conditions)| {
        let mut rule = json!({ "principal": { "type": kind, "value": value }, "operations": operations });
        if conditions != json!({}) {
            rule["conditions"] = conditions;
        }
        rule
    })
}

/// A document without the rate limits that a note says never bind, and without the one block that is inside of another.
fn normalised(mut document: Value, notes: &[String]) -> Value {
    for (rule, number) in document["rules"].as_array_mut().unwrap().iter_mut().zip(1usize..) {
        if let Some(blocks) = rule
            .pointer_mut("/conditions/ip_range")
            .and_then(Value::as_array_mut)
            .filter(|b| b.contains(&json!("10.0.0.0/8")))
        {
            blocks.retain(|block| block != "10.1.0.0/16");
        }
        let idle = format!("rate limit of rule {number} never binds");
        if notes.iter().any(|note| note.contains(&idle)) {
            let conditions = rule["conditions"].as_object_mut().unwrap();
            conditions.remove("rate_limit");
            if conditions.is_empty() {
                rule.as_object_mut().unwrap().remove("conditions");
            }
        }
    }
    document
}

proptest! {
    #[test]
    fn documents_come_back(models in prop::collection::btree_map("[a-c*/?]{1,3}", prop::collection::vec(any_rule(), 0..6), 0..3)) {
        let documents: Vec<Value> =
            models.into_iter().map(|(model, rules)| json!({ "model": model, "rules": rules })).collect();
        let imported = import(&json!(documents).to_string()).unwrap();
        let exported = export(&imported.items).unwrap();
        let exported: Vec<Value> =
            exported.iter().map(|document| serde_json::from_str(&document.to_json()).unwrap()).collect();
        let expected: Vec<Value> = documents
            .into_iter()
            .map(|document| {
                let about = format!("model `{}`:", document["model"].as_str().unwrap());
                let notes: Vec<String> = imported.notes.iter().filter(|note| note.starts_with(&about)).cloned().collect();
                normalised(document, &notes)
            })
            .collect();
        prop_assert_eq!(&exported, &expected);
        // What came back says the same: it is imported as the same statements.
        prop_assert_eq!(import(&json!(exported).to_string()).unwrap().items, imported.items);
    }
}

//! Printing: what is printed reads as it was, comments survive, and the layout is a pleasure to read.

#[cfg(test)]
mod support;

use policyc::{
    ast::{
        Ast, ItemKind, parse,
        print::{self, print, print_invariant, print_rule},
    },
    source::{FileId, Source},
};
use proptest::{
    prelude::{Just, ProptestConfig, Strategy, prop_assert, prop_assert_eq},
    proptest,
};
use std::collections::BTreeSet;
use support::{
    comments::{places, with_comments},
    trees,
};

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

// ---- Layout ----------------------------------------------------------------------------------------------------

#[test]
fn a_statement_stands_on_one_line_or_has_its_clauses_on_one_each() {
    insta::assert_snapshot!(printed(r#"
allow role researcher to infer,view on "qwen3-7b-chat" when ip in intranet;
allow role researcher to infer, view on "qwen3-7b-chat" when ip in intranet until 2025-12-31T23:59:59Z at most 100 per minute;
trial:shadow limit user "*@partner.com" to infer at most 100_000 tokens per calendar day in "Asia/Shanghai" by org,ip else QUOTA;
require mfa and ip in intranet or has principal.badge to train on any model of tier >= seed else MFA 401 "Sign in again.";
gate manual to download on any dataset;
oblige watermark(user=principal.id,strength=2), log upon deny NO_RULE to infer on tag generative of anyone except role admin;
never allow anyone to download on tag risk unless ip in intranet;
"#), @r#"
    allow role researcher to infer, view on "qwen3-7b-chat" when ip in intranet;
    allow role researcher to infer, view on "qwen3-7b-chat"
        when ip in intranet
        until 2025-12-31T23:59:59Z
        at most 100 per minute;
    trial: shadow limit user "*@partner.com" to infer
        at most 100_000 tokens per calendar day in "Asia/Shanghai" by org, ip
        else QUOTA;
    require mfa and ip in intranet or has principal.badge to train on any model of tier >= seed
        else MFA 401 "Sign in again.";
    gate manual to download on any dataset;
    oblige watermark(user = principal.id, strength = 2), log
        upon deny NO_RULE to infer on tag generative of anyone except role admin;
    never allow anyone to download on tag risk unless ip in intranet;
    "#);
}

#[test]
fn clauses_stand_in_one_order() {
    insta::assert_snapshot!(printed(r#"
trial: allow role researcher to infer
    else QUOTA 429 // refusals
    // Generous; see the minutes of May.
    at most 100 per minute // a lot
    // Researchers are in the office.
    when ip in intranet; // done
"#), @"
    trial: allow role researcher to infer
        // Researchers are in the office.
        when ip in intranet
        // Generous; see the minutes of May.
        at most 100 per minute // a lot
        else QUOTA 429; // refusals
    // done
    ");
}

#[test]
fn what_is_too_long_is_broken_further() {
    insta::assert_snapshot!(printed(r#"
deny user "alice@company.com", user "bob@company.com", user "carol@company.com", role intern and tier < seed except role admin to download, train, "fine tune" on model "qwen/*", model "llama/*", tag risk and org "alpha" except "qwen/qwen3-7b-chat" else RESTRICTED;
deny anyone to infer on tag risk else RISK 451 "This model is restricted where you are; the reasons are in the list of models." hint "Ask for access at https://example.com/access.";
allow role analyst to infer on tag chat when (ip in intranet or device.managed) and not (country in ["CN", "KP"] and time in office) or principal.org == model.org and tier >= model.tier unless degraded;
limit anyone to infer when country in ["AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT"] at most 5 per 1h;
on tag risk and org "alpha", model "a-rather-long-name/of-a-model-*", model "another-long-name/of-a-model-*" except dataset "y" { deny anyone to view; }
"#), @r#"
    deny user "alice@company.com", user "bob@company.com", user "carol@company.com",
            role intern and tier < seed except role admin
        to download, train, "fine tune"
        on model "qwen/*", model "llama/*", tag risk and org "alpha" except "qwen/qwen3-7b-chat"
        else RESTRICTED;
    deny anyone to infer on tag risk
        else RISK 451 "This model is restricted where you are; the reasons are in the list of models."
            hint "Ask for access at https://example.com/access.";
    allow role analyst to infer on tag chat
        when (ip in intranet or device.managed) and not (country in ["CN", "KP"] and time in office)
            or principal.org == model.org and tier >= model.tier
        unless degraded;
    limit anyone to infer
        when country in [
            "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT",
        ]
        at most 5 per 1h;
    on tag risk and org "alpha", model "a-rather-long-name/of-a-model-*",
            model "another-long-name/of-a-model-*" except dataset "y" {
        deny anyone to view;
    }
    "#);
}

#[test]
fn vocabulary() {
    insta::assert_snapshot!(printed(r#"
tiers anonymous<seed<flower;
actions view,infer,"fine tune","any",allow-all,"allow";
actions write=edit,delete;
kinds of principal robot;
role admin includes editor,"in";
attribute model.stage:one of experimental|development|testing|preview|stable|long-term-support|deprecated|retired=stable;
attribute risk:int 0..1_00 = 5;
set intranet=[10.0.0.0/8,fd00::/8];
set countries=["AT","BE","BG","HR","CY","CZ","DK","EE","FI","FR","DE","GR","HU","IE","IT","LV","LT","LU"];
set models=["qwen/qwen3-7b-chat","meta-llama/llama-4-scout","mistralai/mistral-small","openai/gpt-oss-120b"];
set nobody = [ ];
window office=mon..fri 09:00..18:00,(sat,sun) 10:00..14:00,22:00..06:00,mon in "America/Argentina/Buenos_Aires";
condition trusted=ip in intranet and not(degraded or country=="CN" )and principal.tier>=model.tier and has org;
model "x"{tier:seed;tags:[chat];org:none;}
model "y" {tier:seed;tags:[chat];org:none;released:2025-03-01;context:32_768;}
user "bob" {}
"#), @r#"
    tiers anonymous < seed < flower;
    actions view, infer, "fine tune", "any", allow-all, "allow";
    actions write = edit, delete;
    kinds of principal robot;
    role admin includes editor, "in";
    attribute model.stage: one of experimental | development | testing | preview | stable
        | long-term-support | deprecated | retired = stable;
    attribute risk: int 0..100 = 5;
    set intranet = [10.0.0.0/8, fd00::/8];
    set countries = [
        "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV",
        "LT", "LU",
    ];
    set models = [
        "qwen/qwen3-7b-chat",
        "meta-llama/llama-4-scout",
        "mistralai/mistral-small",
        "openai/gpt-oss-120b",
    ];
    set nobody = [];
    window office = mon..fri 09:00..18:00, (sat, sun) 10:00..14:00, 22:00..06:00, mon
        in "America/Argentina/Buenos_Aires";
    condition trusted = ip in intranet
        and not (degraded or country == "CN")
        and principal.tier >= model.tier
        and has org;
    model "x" { tier: seed; tags: [chat]; org: none; }
    model "y" {
        tier: seed;
        tags: [chat];
        org: none;
        released: 2025-03-01;
        context: 32_768;
    }
    user "bob" {}
    "#);
}

#[test]
fn steps_are_aligned() {
    insta::assert_snapshot!(printed(r#"
test "the trial ends with the year" {
  given principal = user "alice@company.com", roles = [], ip = 10.1.2.3, time = 2025-12-31T23:59:59Z, country = "DE";
  train on "qwen3-7b-chat" => allow by alice;
  train on "qwen3-7b-chat" with time = 2026-01-01T00:00:00Z => deny NO_RULE;
  // Much is allowed.
  repeat 100 infer on "qwen3-7b-chat" /* all */ => allow; // yes

  view on "x" => allow;
  release 2 infer on "x";
  "any" on dataset "x" => deny 404;

  after 1m, repeat 3 infer on "x" => deny RATE_LIMITED 429 by "a.policy:3" obliges watermark(strength = 2), log shadow stricter;
  infer on "x" with principal = anonymous, roles = [admin@"alpha", editor], ip = unknown => deny NO_RULE 401 obliges nothing;
  infer on "qwen3-7b-chat" with principal = user "alice@company.com", roles = [admin, editor], ip = 10.1.2.3 => allow;
}
test "nothing" {}
"#), @r#"
    test "the trial ends with the year" {
        given principal = user "alice@company.com", roles = [], ip = 10.1.2.3,
            time = 2025-12-31T23:59:59Z, country = "DE";
        train on "qwen3-7b-chat"                                    => allow by alice;
        train on "qwen3-7b-chat" with time = 2026-01-01T00:00:00Z   => deny NO_RULE;
        // Much is allowed.
        repeat 100 infer on "qwen3-7b-chat" /* all */               => allow; // yes

        view on "x"             => allow;
        release 2 infer on "x";
        "any" on dataset "x"    => deny 404;

        after 1m, repeat 3 infer on "x"
            => deny RATE_LIMITED 429 by "a.policy:3" obliges watermark(strength = 2), log
                shadow stricter;
        infer on "x" with principal = anonymous, roles = [admin@"alpha", editor], ip = unknown
            => deny NO_RULE 401 obliges nothing;
        infer on "qwen3-7b-chat"
            with principal = user "alice@company.com", roles = [admin, editor], ip = 10.1.2.3
            => allow;
    }
    test "nothing" {}
    "#);
}

#[test]
fn lists_and_duties_have_their_brackets_on_lines_of_their_own() {
    insta::assert_snapshot!(printed(r#"
alarm: oblige alert(channel="security",reason="failed sign-ins",who=principal.id,severity=3),log upon any to any when failed_logins>=5;
deny anyone to infer when principal.id in ["alice@company.com", "bob@company.com", "carol@company.com"] and tier < seed;
test "lists" {
    given principal = user "yu@hospital-east.example", org = "hospital-east", roles = [collaborator], ip = 198.51.100.7;
    view on "x" => allow obliges alert(channel = "security", reason = "failed sign-ins", who = principal.id);
}
"#), @r#"
    alarm: oblige alert(
            channel = "security",
            reason = "failed sign-ins",
            who = principal.id,
            severity = 3,
        ), log
        upon any to any
        when failed_logins >= 5;
    deny anyone to infer
        when principal.id in ["alice@company.com", "bob@company.com", "carol@company.com"]
            and tier < seed;
    test "lists" {
        given principal = user "yu@hospital-east.example", org = "hospital-east",
            roles = [collaborator], ip = 198.51.100.7;
        view on "x"
            => allow
                obliges alert(channel = "security", reason = "failed sign-ins", who = principal.id);
    }
    "#);
}

#[test]
fn comments_stay_where_they_are() {
    insta::assert_snapshot!(printed(r#"
/* The licence.
   Two lines. */
// A file.

   // policyc: allow P0102
deny anyone to infer; // trailing
/* before */ allow /* who */ role researcher, // the first
  role reviewer // the second
  to infer // what
  // where
  on "x" /* y */ ;
set intranet = [ // ours
  10.0.0.0/8, // HQ
  // the others
  192.168.0.0/16 /* DC */, 172.16.0.0/12 // lab
];
model "x" { // small
  tier: seed; tags: [chat]; // both
  /* nothing else */ }
on tag risk { // dangerous
      /* deny
           most

         of it */
      deny anyone to download

        // while
        when ip in intranet
        and // or not
        not degraded; }   // end of risk
  // end of file
"#), @r#"
    /* The licence.
       Two lines. */
    // A file.

    // policyc: allow P0102
    deny anyone to infer; // trailing
    /* before */
    allow /* who */ role researcher, // the first
            role reviewer // the second
        to infer // what
        // where
        on "x"; /* y */
    set intranet = [ // ours
        10.0.0.0/8, // HQ
        // the others
        192.168.0.0/16, /* DC */
        172.16.0.0/12, // lab
    ];
    model "x" { // small
        tier: seed;
        tags: [chat]; // both
        /* nothing else */
    }
    on tag risk { // dangerous
        /* deny
             most

           of it */
        deny anyone to download
            // while
            when ip in intranet // or not
                and not degraded;
    } // end of risk
    // end of file
    "#);
}

#[test]
fn a_stray_documentation_does_not_come_to_document_the_next_statement() {
    let text = "allow anyone to view\n    /// Stray.\n    ;\ndeny anyone to edit;\n";
    let (ast, _) = parse(FileId::default(), &source(text));
    insta::assert_snapshot!(print(&ast, Some(&source(text))), @"
    allow anyone to view;
    // Stray.
    deny anyone to edit;
    ");
}

#[test]
fn line_ends_of_either_kind() {
    let text = "/* a\n   b */\nset s = [1, // one\n 2];\n\n\n// end\n";
    assert_eq!(printed(&text.replace('\n', "\r\n")), printed(text));
}

#[test]
fn blank_lines() {
    let text = r#"

timezone "UTC";



actions view;
role a;

/// Documented.

// policyc: allow P0102

allow role a to view;
deny role a to view;
on tag x {

    deny anyone to view;

    deny anonymous to view;

}
test "t" { view on "x" => allow; }
"#;
    insta::assert_snapshot!(printed(text), @r#"
    timezone "UTC";

    actions view;
    role a;

    /// Documented.
    // policyc: allow P0102
    allow role a to view;
    deny role a to view;
    on tag x {
        deny anyone to view;

        deny anonymous to view;
    }
    test "t" {
        view on "x" => allow;
    }
    "#);
    insta::assert_snapshot!(print(&read(&text.replace("// policyc: allow P0102", "")), None), @r#"
    timezone "UTC";
    actions view;

    role a;

    /// Documented.
    allow role a to view;
    deny role a to view;

    on tag x {
        deny anyone to view;
        deny anonymous to view;
    }

    test "t" {
        view on "x" => allow;
    }
    "#);
}

#[test]
fn constants() {
    insta::assert_snapshot!(printed(r#"
set s = [-1_0000000, 007, ::ffff:10.0.0.1, 10.1.2.3/8, 2025-12-31T23:59:59.50+00:00, 2025-12-31T23:59:59-05:30, 2025-01-01,
  90m, true, a-b, "a-b", "in"@"o", [[], ["\u{202e}\u{e9}\t"]]];
"#), @r#"
    set s = [
        -10_000_000,
        7,
        ::ffff:10.0.0.1,
        10.1.2.3/8,
        2025-12-31T23:59:59.500Z,
        2025-12-31T23:59:59-05:30,
        2025-01-01,
        90m,
        true,
        a-b,
        "a-b",
        "in"@"o",
        [[], ["\u{202e}é\t"]],
    ];
    "#);
}

#[test]
fn single_nodes_stand_on_one_line() {
    let ast = read(
        r#"on tag risk and org "alpha" {
            /// Documented.
            big: shadow limit role researcher, user "*@partner.com" except anonymous to infer, view // all
                at most 100 per minute
                when country in ["AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE"];
            sure: always allow role admin to view;
        }"#,
    );
    let ItemKind::On { selector, items } = &ast.items[0].kind else { panic!("a block") };
    let (ItemKind::Rule(rule), ItemKind::Invariant(claim)) = (&items[0].kind, &items[1].kind) else { panic!("rules") };
    insta::assert_snapshot!(print_rule(rule, Some(selector)), @r#"shadow limit role researcher, user "*@partner.com" except anonymous to infer, view on tag risk and org "alpha" when country in ["AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE"] at most 100 per minute"#);
    insta::assert_snapshot!(print_rule(rule, None), @r#"shadow limit role researcher, user "*@partner.com" except anonymous to infer, view when country in ["AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE"] at most 100 per minute"#);
    insta::assert_snapshot!(print_invariant(claim, Some(selector)), @r#"always allow role admin to view on tag risk and org "alpha""#);
    insta::assert_snapshot!(print::selector(selector), @r#"tag risk and org "alpha""#);
    insta::assert_snapshot!(print::who(rule.scope.who.as_ref().expect("someone")), @r#"role researcher, user "*@partner.com" except anonymous"#);
    insta::assert_snapshot!(print::clause(&rule.clauses[0]), @r#"when country in ["AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE"]"#);
}

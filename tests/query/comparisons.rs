//! Differences in particular: what is easily overlooked, and what is none.

use policyc::{
    Claims, Engine,
    query::{Budget, ChangeKind, Comparison, OnlyOne, Which, diff},
};

const NAMES: &str = "actions view, use; tiers low < high; role a; role b includes a;\n";

fn load(text: &str) -> Engine {
    let text = format!("{NAMES}{text}");
    Engine::builder().text("set.policy", &text).claims(Claims::Unproved).load().unwrap()
}

fn compare(old: &str, new: &str) -> Comparison {
    let (old, new) = (load(old), load(new));
    let found = diff(old.ir(), new.ir(), &ChangeKind::ALL, Budget::USUAL, |_| {});
    assert!(found.inconclusive.is_empty(), "{:?}", found.inconclusive);
    found
}

fn kinds(found: &Comparison) -> Vec<&'static str> {
    found.changes.iter().map(|change| change.kind.name()).collect()
}

#[track_caller]
pub(crate) fn same(old: &str, new: &str) {
    let found = compare(old, new);
    assert!(found.changes.is_empty(), "{found:#?}");
}

#[track_caller]
pub(crate) fn changes(old: &str, new: &str, expected: &[&str]) -> Comparison {
    let found = compare(old, new);
    assert_eq!(kinds(&found), expected, "{found:#?}");
    found
}

#[test]
fn rules_can_be_split_merged_moved_and_renamed() {
    same(
        "allow role a, tier >= high to view;",
        "allow tier >= high to view; allow role a to view; allow role b to view;",
    );
    same(
        "one: deny anyone to any when degraded; two: deny role a to any;",
        "deny role a to any; deny anyone to any when degraded;",
    );
    same(
        "set inside = [10.0.0.0/8]; allow anyone to any when ip in inside;",
        "set office = [10.0.0.0/9, 10.128.0.0/9]; allow anyone to any when ip in office;",
    );
    same("allow anyone to any when ip in [10.0.0.0/8];", "allow anyone to any when ip in [::ffff:10.0.0.0/104];");
    same(
        "window day = mon..fri 09:00..17:00 in \"Europe/Berlin\"; allow anyone to any when time in day;",
        "window am = mon..fri 09:00..12:00 in \"Europe/Berlin\"; window pm = mon..fri 12:00..17:00 in \"Europe/Berlin\";
         allow anyone to any when time in am; allow anyone to any when time in pm;",
    );
    same(
        "limit role a to any at most 3 per day by principal; allow role a to any;",
        "allow role a to any; named: limit role a to any at most 3 per day by principal;",
    );
}

/// One half where an attribute is known, the other where it is not; no test but `has` splits a rule so.
#[test]
fn rules_can_be_split_by_what_is_known() {
    let halves = |rule: &str| format!("{rule} unless has degraded; {rule} unless not has degraded;");
    for rule in ["allow role a to view", "allow anyone to any; deny tier >= high to use when ip in [10.0.0.0/8]"] {
        let (before, last) = rule.rsplit_once("; ").unwrap_or(("", rule));
        let before = if before.is_empty() { String::new() } else { format!("{before}; ") };
        same(&format!("{before}{last};"), &format!("{before}{}", halves(last)));
    }
    changes(
        "allow role a to view;",
        "allow role a to view unless degraded; allow role a to view unless not degraded;",
        &["lost"],
    );
}

#[test]
fn a_contradiction_allows_nothing_and_denies_what_is_unknown() {
    let note = "attribute note: text; allow anyone to view;";
    same(note, &format!("{note} allow anyone to use when note == \"x\" and note == \"y\";"));
    let found = changes(note, &format!("{note} deny anyone to view when note == \"x\" and note == \"y\";"), &["lost"]);
    assert!(found.changes[0].witness.context.is_empty());
}

#[test]
fn a_clock_that_changes_is_not_one_that_does_not() {
    let rule = "allow anyone to any when time in day;";
    let found = changes(
        &format!("window day = 09:00..17:00 in \"Europe/Berlin\"; {rule}"),
        &format!("window day = 08:00..16:00 in \"UTC\"; {rule}"),
        &["gained", "lost"],
    );
    // In winter both are the same.
    for change in &found.changes {
        let time = format!("{:?}", change.witness.context["time"]);
        assert!(!["-01-", "-02-", "-11-", "-12-"].iter().any(|month| time.contains(month)), "{time}");
    }
}

/// What a rule depends on can change without its text.
#[test]
fn what_rules_share_is_compared() {
    let rules = "allow role a to view; allow tier >= high to use; allow anyone to any when degraded;";
    changes(rules, &format!("attribute degraded = true; {rules}"), &["gained"]);
    let model = |body: &str| {
        format!(
            "model \"m\" {{ {body} }} allow anyone to view on tag open; allow role a to use when resource.id == \"m\";"
        )
    };
    let found = changes(&model("tags: [open];"), &model("tags: [];"), &["lost"]);
    let (kind, id) = &found.changes[0].resources[0];
    assert_eq!((&**kind, &**id), ("model", "m"));
    let user = |body: &str| format!("user \"u\" {{ {body} }} allow role a to view;");
    changes(&user("roles: [];"), &user("roles: [b];"), &["gained"]);
}

/// Roles that are held in an organisation count for its resources, and these can move.
#[test]
fn a_model_that_moves_takes_its_roles_along() {
    let set = |org: &str| format!("model \"m\" {{ org: \"{org}\"; }} allow role a to view on \"m\";");
    let found = changes(&set("x"), &set("y"), &["gained", "lost"]);
    let orgs: Vec<String> =
        found.changes.iter().map(|change| format!("{:?}", change.witness.principal.properties)).collect();
    assert!(orgs[0].contains("\"y\"") && orgs[1].contains("\"x\""), "{orgs:?}");
}

#[test]
fn a_general_rule_is_one_change() {
    let mut models = String::new();
    for model in 0..60 {
        models.push_str(&format!(
            "model \"m{model}\" {{ tags: [t{}]; }} allow user \"u{model}\" to view on \"m{model}\";\n",
            model % 5
        ));
    }
    let found = changes(&models, &format!("{models}allow role a to use;"), &["gained"]);
    assert!(found.changes[0].resources.is_empty());
    changes(&models, &models.replace("allow user \"u7\" to view on \"m7\";", ""), &["lost"]);
    same(&models, &format!("{models}allow user \"u7\" to view on \"m7\" when degraded;"));
}

#[test]
fn what_only_one_knows_is_reported() {
    let found = compare(
        "attribute level: int 0..9; allow anyone to any when level < 3;",
        "attribute level: int 0..4; attribute more: bool; allow anyone to any when level < 3;",
    );
    assert!(found.changes.is_empty(), "{found:#?}");
    assert_eq!(found.only_one, [OnlyOne::Attribute(Which::New, "more".into()), OnlyOne::Values("level".into())]);
    let found = changes("allow anyone to any;", "actions fly; allow anyone to any;", &["gained"]);
    assert_eq!(found.only_one, [OnlyOne::Action(Which::New, "fly".into())]);
}

#[test]
fn what_is_not_found_out_is_never_said_to_be_the_same() {
    let (old, new) =
        (load("allow role a, tier >= high to view;"), load("allow tier >= high to view; allow role a to view;"));
    for budget in 0..40 {
        let found = diff(old.ir(), new.ir(), &ChangeKind::ALL, Budget::new(budget), |_| {});
        assert!(found.changes.is_empty());
        let decided = found.inconclusive.is_empty();
        assert!(decided || budget < 39, "{budget}");
        assert!(!decided || budget > 0);
    }
}

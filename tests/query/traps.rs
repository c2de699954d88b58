//! Traps of exact comparison: each is one that a comparison of texts, or of classes one by one, walks into.

use crate::comparisons::{changes, same};

#[test]
fn included_roles() {
    same("allow role a to view;", "allow role a, role b to view;");
    changes("allow role b to view;", "allow role a to view;", &["gained"]);
}

/// In winter it is never nine in Berlin when it is four in New York; for three weeks of spring it is.
#[test]
fn two_zones_and_a_date_across_daylight_saving() {
    let set = |until: &str| {
        format!(
            "window nine = 09:00..10:00 in \"Europe/Berlin\"; window four = 04:00..05:00 in \"America/New_York\";
             allow anyone to use;
             allow anyone to view when time in nine and time in four and time >= 2026-01-01T00:00:00Z and time < {until};"
        )
    };
    same("allow anyone to use;", &set("2026-03-08T00:00:00Z"));
    let found = changes("allow anyone to use;", &set("2026-03-09T00:00:00Z"), &["gained"]);
    let time = format!("{:?}", found.changes[0].witness.context["time"]);
    assert!(time.contains("2026-03-08T08:"), "{time}");
}

#[test]
fn unknown_values() {
    let deny = |clause: &str| format!("allow anyone to view; deny anyone to view {clause};");
    same(&deny("when degraded"), &deny("unless not degraded"));
    // Neither half allows what is not known.
    changes(
        "allow anyone to view;",
        "allow anyone to view when degraded; allow anyone to view when not degraded;",
        &["lost"],
    );
}

#[test]
fn a_contradictory_allow_and_a_contradictory_deny() {
    let note = "attribute note: text; allow anyone to view;";
    let never = "when note == \"x\" and note == \"y\";";
    same(note, &format!("{note} allow anyone to use {never}"));
    changes(note, &format!("{note} deny anyone to view {never}"), &["lost"]);
}

#[test]
fn ipv4_mapped_addresses() {
    same("allow anyone to any when ip in [10.0.0.0/8];", "allow anyone to any when ip in [::ffff:10.0.0.0/104];");
    same(
        "allow anyone to any when ip in [10.0.0.0/8];",
        "allow anyone to any when ip in [10.0.0.0/8] and ip in [::ffff:0.0.0.0/96];",
    );
}

/// No name of the sets matches both patterns.
#[test]
fn overlapping_globs_with_no_common_name() {
    let open = "allow anyone to view on \"a*\"; allow role a to view on \"a1\", \"2b\";";
    let found = changes(open, &format!("{open} deny anyone to view on \"*b\" when degraded;"), &["lost", "reason"]);
    let id = &found.changes[0].witness.resource.id;
    assert!(id == "2b" || (id.starts_with('a') && id.ends_with('b')), "{id}");
    let models = "allow anyone to view on \"a*\";";
    let found =
        changes(models, &format!("{models} deny anyone to view on \"a*\" when resource.id like \"*b\";"), &["lost"]);
    let id = &found.changes[0].witness.resource.id;
    assert!(id.starts_with('a') && id.ends_with('b'), "{id}");
}

#[test]
fn undeclared_resources_and_the_principals_organisation() {
    let open = "allow anyone to use;";
    let found = changes(open, &format!("{open} allow anyone to view when principal.org == model.org;"), &["gained"]);
    let witness = &found.changes[0].witness;
    let (theirs, its) = (&witness.principal.properties["org"], &witness.resource.properties["org"]);
    assert_eq!(theirs, its);
    let compared = |test: &str| format!("{open} allow anyone to view when {test};");
    same(&compared("principal.org == model.org"), &compared("not (principal.org != model.org)"));
}

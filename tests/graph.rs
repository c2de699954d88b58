//! The decision graph as it is shown: what stands in it, that it is true, and that pictures can be looked at.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed, as it should")]

use policyc::{
    Engine, Io,
    check::ir::StepKind,
    decision::Decision,
    examine::graph::{Chart, Row, around, dot, stats::stats, svg, whole},
};
use std::{
    collections::BTreeSet,
    ffi::OsString,
    fmt::Write,
    path::{Path, PathBuf},
};

/// How wide a picture takes a character to be.
const CHARACTER: f64 = 7.3;

fn load(set: &str) -> Engine {
    Engine::load([Path::new("policies").join(set)]).unwrap()
}

fn text(policy: &str) -> Engine {
    Engine::builder().text("test.policy", policy).load().unwrap_or_else(|error| panic!("{error}"))
}

/// The shipped sets.
fn sets() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("policies").unwrap();
    let mut sets: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    sets.sort();
    sets
}

/// What a command prints.
fn shown(args: &[&str], color: bool) -> String {
    let args = ["policyc", "graph"].iter().chain(args).map(OsString::from);
    let (mut out, mut err, mut input) = (Vec::new(), Vec::new(), &b""[..]);
    let mut io = Io {
        input: &mut input,
        out: &mut out,
        err: &mut err,
        color_out: color,
        color_err: false,
        interactive: false,
        width: 80,
    };
    let exit = policyc::run(args, &policyc::store::Stores::default(), &mut io);
    assert_eq!((exit.code(), String::from_utf8(err).unwrap()), (0, String::new()));
    String::from_utf8(out).unwrap().replace('\u{1b}', "␛")
}

fn rows(chart: &Chart) -> impl Iterator<Item = &Row> {
    chart.cards.iter().flat_map(|card| &card.rows)
}

/// The names of all rules of a chart.
fn names(chart: &Chart) -> BTreeSet<&str> {
    let twins = chart.cards.iter().flat_map(|card| &card.twins).flat_map(|twin| &twin.rules).map(|name| &**name);
    rows(chart).map(|row| &*row.name).chain(twins).collect()
}

#[test]
fn as_text() {
    insta::assert_snapshot!("tiers", shown(&["policies/tiers"], false));
    insta::assert_snapshot!("model_acl", shown(&["policies/model-acl"], false));
    insta::assert_snapshot!("studio_rbac", shown(&["policies/studio-rbac"], false));
    insta::assert_snapshot!("tiers_in_colour", shown(&["policies/tiers"], true));
}

#[test]
fn around_a_resource() {
    insta::assert_snapshot!("medical", shown(&["policies/model-acl", "--resource", "qwen3-medical"], false));
    insta::assert_snapshot!("undeclared", shown(&["policies/tiers", "--resource", "model:nobody"], false));
}

#[test]
fn as_a_graph_of_graphviz() {
    insta::assert_snapshot!("tiers_dot", shown(&["policies/tiers", "--format", "dot"], false));
    insta::assert_snapshot!(
        "medical_dot",
        shown(&["policies/model-acl", "--resource", "qwen3-medical", "--format", "dot"], false)
    );
}

#[test]
fn as_json() {
    insta::assert_snapshot!("tiers_json", shown(&["policies/tiers", "--format", "json"], false));
}

/// Bytes are those of a layout that nobody should depend on.
#[test]
fn in_numbers() {
    for set in ["tiers", "model-acl"] {
        let shown = shown(&[&format!("policies/{set}"), "--stats"], false);
        let (numbers, _) = shown.split_once("\nbytes\n").unwrap();
        insta::assert_snapshot!(format!("stats_{set}"), numbers);
        let stats = stats(&load(set));
        assert!(stats.bytes.iter().any(|(name, bytes)| *name == "blocks" && *bytes > 0));
        assert_eq!(stats.rules, load(set).ir().rules.len());
    }
}

#[test]
fn every_rule_stands_somewhere() {
    for set in sets() {
        let engine = Engine::load([&set]).unwrap();
        let chart = whole(&engine);
        let shown: Vec<_> = engine.ir().rules.iter().map(|rule| rule.name()).collect();
        let wanted: BTreeSet<&str> = shown.iter().map(|name| &**name).collect();
        assert_eq!(names(&chart), wanted, "{}", set.display());
        assert_eq!(chart.rules, engine.ir().rules.len(), "{}", set.display());
    }
}

/// Whatever decides about a resource stands in that resource's chart: shown by every case of every shipped test.
#[test]
fn what_decides_about_a_resource_stands_in_its_chart() {
    let mut cases = 0;
    for set in sets() {
        let engine = Engine::load([&set]).unwrap();
        for step in engine.ir().tests.iter().flat_map(|test| &test.steps) {
            let StepKind::Case { request, .. } = &step.kind else { continue };
            let decision: Decision = engine.decide(request);
            let chart = around(&engine, &request.resource.kind, &request.resource.id);
            let names = names(&chart);
            let shown = decision.rule.iter().map(|rule| &rule.name).chain(&decision.others).chain(&decision.shadow);
            for rule in shown {
                cases += 1;
                assert!(names.contains(&**rule), "{rule} decides about {}, {}", request.resource.id, set.display());
            }
        }
    }
    assert!(cases > 300, "{cases} rules of decisions were looked for");
}

#[test]
fn blocks_that_places_share_stand_once() {
    let mut policy = "actions infer, view;\nrole staff;\n".to_owned();
    for model in 0..200 {
        writeln!(policy, "see_{model}: allow role staff to view on \"m-{model}\";").unwrap();
    }
    writeln!(policy, "some: allow role staff to infer on \"a\", \"b\", \"c\";").unwrap();
    let engine = text(&policy);
    let chart = whole(&engine);
    assert_eq!((chart.cards.len(), chart.blocks, chart.rules), (2, 2, 201));
    let shared: Vec<(usize, usize)> = chart.cards.iter().map(|card| (card.ways.len(), card.twins.len())).collect();
    assert_eq!(shared, [(3, 0), (1, 199)]);
    assert_eq!(names(&chart).len(), 201);
}

#[test]
fn what_a_declaration_settles_is_not_asked() {
    let engine = text(
        r#"
        actions infer;
        attribute model.stage: one of trial | live;
        attribute model.size: int;
        model "x" { stage: live; tags: [a]; }
        trials: deny anyone to infer when model.stage == trial;
        live: allow anyone to infer when model.stage == live and model.size < 10;
        tagged: deny anyone to infer on tag b;
        other: deny anyone to infer on "y";
        "#,
    );
    let chart = around(&engine, "model", "x");
    let live = rows(&chart).find(|row| &*row.name == "live").unwrap();
    assert_eq!(live.tests, ["model.size < 10"]);
    assert_eq!(names(&chart), BTreeSet::from(["live"]));
    assert_eq!(chart.never.iter().map(|name| &**name).collect::<Vec<&str>>(), ["trials"]);
    let unknown = around(&engine, "model", "z");
    assert_eq!(names(&unknown), BTreeSet::from(["trials", "live", "tagged"]));
}

/// Names that would break a careless document.
const HOSTILE: &str = r#"
    actions infer;
    role r;
    org_1: allow org "<&>\"'" to infer on "a<b>&\"c\"\\\\" when time < 2026-01-01T00:00:00Z and principal.id like "x\u{1}\n*";
    long: deny user "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字" to infer;
    in_a_very_long_name_that_goes_on_and_on_and_never_seems_to_end_at_all_but_then_it_does: deny anyone to infer on tag x else A_VERY_LONG_CODE_INDEED;
"#;

#[test]
fn pictures_are_documents_with_every_name_and_all_text_in_its_box() {
    let mut charts: Vec<(String, Chart)> = Vec::new();
    for set in sets() {
        let engine = Engine::load([&set]).unwrap();
        charts.push((set.display().to_string(), whole(&engine)));
        charts.extend(
            engine.ir().vocabulary.resources.iter().map(|it| (it.id.to_string(), around(&engine, &it.kind, &it.id))),
        );
    }
    charts.push(("hostile".to_owned(), whole(&text(HOSTILE))));
    for (name, chart) in charts {
        let picture = svg::render(&chart);
        let document = roxmltree::Document::parse(&picture).unwrap_or_else(|error| panic!("{name}: {error}"));
        let titles: Vec<&str> =
            document.descendants().filter(|it| it.has_tag_name("title")).filter_map(|it| it.text()).collect();
        for rule in rows(&chart) {
            assert!(titles.iter().any(|title| title.contains(&*rule.name)), "{name}: {} is not there", rule.name);
        }
        fits(&name, &document);
    }
}

/// Every text that stands in a box ends in it.
fn fits(name: &str, document: &roxmltree::Document<'_>) {
    let number = |node: &roxmltree::Node<'_, '_>, what: &str| node.attribute(what).unwrap().parse::<f64>().unwrap();
    let class = |node: &roxmltree::Node<'_, '_>| node.attribute("class").unwrap_or_default().to_owned();
    let boxes = document.descendants().filter(|it| ["card", "pill", "box"].contains(&&*class(it)));
    let boxes: Vec<[f64; 4]> = boxes.map(|it| ["x", "y", "width", "height"].map(|what| number(&it, what))).collect();
    let words = |class: &str| !["title", "note", "head"].iter().any(|it| class.starts_with(it));
    for text in document.descendants().filter(|it| it.has_tag_name("text") && words(&class(it))) {
        let (x, y) = (number(&text, "x"), number(&text, "y"));
        let words = text.text().unwrap_or_default();
        let wide: f64 = words.chars().map(|character| if character >= '\u{3000}' { 2.0 } else { 1.0 }).sum();
        let (start, end) =
            if class(&text).contains("end") { (x - wide * CHARACTER, x) } else { (x, x + wide * CHARACTER) };
        let inside =
            |[left, top, width, height]: &[f64; 4]| start > *left && end < left + width && y > *top && y < top + height;
        assert!(boxes.iter().any(inside), "{name}: `{words}` does not fit");
    }
}

#[test]
fn large_sets_are_folded_in_pictures() {
    let mut policy = "actions infer, view;\nrole staff;\n".to_owned();
    for model in 0..300 {
        writeln!(
            policy,
            "on \"m-{model}\" {{ a{model}: allow user \"u{model}\" to infer; b{model}: allow role staff to view; }}"
        )
        .unwrap();
        writeln!(
            policy,
            "t{model}: deny anyone to infer when time < 2030-01-01T00:00:00Z and principal.id == \"x{model}\";"
        )
        .unwrap();
    }
    let chart = whole(&text(&policy));
    let picture = svg::render(&chart);
    assert!(picture.contains("299 more models like this"), "{picture}");
    assert!(picture.contains("and 276 more rules"), "{picture}");
    let cards = roxmltree::Document::parse(&picture).unwrap();
    let cards = cards.descendants().filter(|it| it.attribute("class") == Some("card")).count();
    assert!(cards < 10, "{cards}");
    let graph = dot::render(&chart);
    assert!(graph.lines().count() < 150, "{graph}");
    // Text has everything.
    assert_eq!(names(&chart).len(), 900);
}

#[test]
fn the_same_set_gives_the_same_bytes() {
    for set in sets() {
        let once = || {
            let chart = whole(&Engine::load([&set]).unwrap());
            [svg::render(&chart), dot::render(&chart), format!("{chart:?}")]
        };
        assert_eq!(once(), once(), "{}", set.display());
    }
}

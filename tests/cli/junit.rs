//! JUnit XML as CI systems read it.

use policyc::Io;
use roxmltree::{Document, Node};
use std::{ffi::OsString, fs};
use tempfile::TempDir;

const POLICY: &str = "actions view;\nallow user \"ann\" to view;\n";

#[test]
fn junit_reads_back() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("rules.policy", POLICY);
    write(
        "a_test.policy",
        "test \"ann <&> \\\"others\\\"\" {\n    given principal = user \"ann\";\n    view on \"x\" => allow;\n}\n",
    );
    write(
        "b_test.policy",
        "test \"bob\" {\n    given principal = user \"bob\";\n    view on \"x\" => allow;\n    view on \"y\" => deny;\n\
         view on \"z\" => allow;\n}\ntest \"anonymous\" { view on \"x\" => deny; }\n",
    );
    let args = ["policyc", "test", &folder.path().to_string_lossy(), "--format", "junit"].map(OsString::from);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut io = Io {
        input: &mut std::io::empty(),
        out: &mut out,
        err: &mut err,
        color_out: true,
        color_err: true,
        interactive: false,
        width: 80,
    };
    let exit = policyc::run(args, &policyc::store::Stores::default(), &mut io);
    assert_eq!(exit.code(), 2, "{}", String::from_utf8_lossy(&err));
    let text = String::from_utf8(out).unwrap();
    let document = Document::parse(&text).unwrap();
    let suites = document.root_element();
    assert_eq!(suites.tag_name().name(), "testsuites");
    agrees(&suites, 3, 1);
    let found: Vec<Node<'_, '_>> = children(&suites, "testsuite");
    let names: Vec<&str> = found.iter().filter_map(|suite| suite.attribute("name")?.rsplit('/').next()).collect();
    assert_eq!(names, ["a_test.policy", "b_test.policy"]);
    for (suite, (tests, failures)) in found.iter().zip([(1, 0), (2, 1)]) {
        agrees(suite, tests, failures);
        let cases = children(suite, "testcase");
        assert_eq!(cases.len(), tests);
        assert_eq!(cases.iter().map(|case| children(case, "failure").len()).sum::<usize>(), failures);
        assert!(cases.iter().all(|case| case.attribute("classname") == suite.attribute("name")));
    }
    let first = children(&found[0], "testcase");
    assert_eq!(first[0].attribute("name"), Some("ann <&> \"others\""));
    let failed = children(&children(&found[1], "testcase")[0], "failure");
    assert_eq!(failed[0].attribute("message"), Some("2 of 3 cases failed"));
    let details = failed[0].text().unwrap();
    assert!(details.contains("b_test.policy:3: view on \"x\"") && details.contains("b_test.policy:5: "), "{details}");
}

fn children<'a, 'i>(node: &Node<'a, 'i>, name: &str) -> Vec<Node<'a, 'i>> {
    node.children().filter(|child| child.has_tag_name(name)).collect()
}

fn agrees(node: &Node<'_, '_>, tests: usize, failures: usize) {
    assert_eq!(node.attribute("tests"), Some(&*tests.to_string()));
    assert_eq!(node.attribute("failures"), Some(&*failures.to_string()));
    assert_eq!(node.attribute("errors"), Some("0"));
}

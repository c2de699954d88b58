//! The document of the service's interfaces says what there is, and nothing else.

use crate::service::Setup;
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};

/// The paths of the routes, as they stand in the texts of the surfaces. Those that speak another protocol's convention, which
/// has a description of its own, are left out, and so are pages, which are for people.
fn routes(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            let others = ["forward", "gateway", "hub", "web"];
            if !others.iter().any(|other| entry.ends_with(other)) {
                found.extend(routes(&entry));
            }
            continue;
        }
        let text = fs::read_to_string(&entry).unwrap();
        let paths =
            text.split(".route(").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
        found.extend(paths.map(|path| path.replace("{*", "{")));
    }
    found
}

#[test]
fn the_document_is_complete_and_true() {
    let service = Setup::new("allow role researcher to infer;").start();
    let document: Value = service.get("/openapi.json").send().unwrap().json().unwrap();
    let documented: BTreeSet<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(documented, routes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server")));
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let url = service.url(&path.replace(['{', '}'], ""));
            let method = method.to_uppercase().parse().unwrap();
            let status = service.client.request(method, url).send().unwrap().status();
            assert_ne!(status, 405, "{path}");
        }
    }
}

/// Every `$ref` leads somewhere.
#[test]
fn every_reference_is_kept() {
    let service = Setup::new("allow role researcher to infer;").start();
    let document: Value = service.get("/openapi.json").send().unwrap().json().unwrap();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

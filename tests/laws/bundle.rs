//! A bundle decides as the texts that it was built from.

use crate::{
    decide::{decide, load_files},
    json::{at_length, in_session},
    requests::many,
    sets::{policy_set, policy_set_of},
};
use policyc::{Engine, load::bundle::SecretKey, wire};
use proptest::prelude::*;
use std::fs;
use tempfile::TempDir;

/// How many sets are bundled.
const SETS: u32 = 64;

/// The bytes of a set's bundle.
pub(crate) fn bytes(engine: &Engine, key: Option<&SecretKey>) -> Vec<u8> {
    let mut bytes = Vec::new();
    engine.bundle(key, &mut bytes).unwrap();
    bytes
}

/// The engine of a bundle.
fn opened(bytes: &[u8]) -> Engine {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("set.bundle");
    fs::write(&path, bytes).unwrap();
    Engine::open(path).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: SETS, ..ProptestConfig::default() })]

    #[test]
    fn a_bundle_decides_as_its_texts(
        choices in many(),
        set in prop_oneof![3 => policy_set(true), 1 => policy_set_of(30..=120, true)],
    ) {
        let engine = load_files([("set.policy", &*set.text())]);
        let bundle = bytes(&engine, None);
        let opened = opened(&bundle);
        let mut session = opened.session();
        prop_assert_eq!(opened.revision(), engine.revision());
        for choices in &choices {
            let request = choices.request();
            prop_assert_eq!(opened.verdict(&request), engine.verdict(&request), "{:?}{:?}", request, set);
            prop_assert_eq!(decide(&opened, &request), decide(&engine, &request), "{:?}{:?}", request, set);
            let json = wire::request::text(&request);
            prop_assert_eq!(in_session(&mut session, &json), at_length(&engine, &json), "{}{:?}", json, set);
        }
        prop_assert_eq!(opened.ir().rules.len(), engine.ir().rules.len());
        prop_assert!(bytes(&opened, None) == bundle, "what was opened gives the same bundle");
    }
}

//! An engine that follows its files decides as the one that is loaded anew.

use crate::{
    decide::{decide, load_files},
    requests::many,
    sets::{Only, policy_set_of, rule},
};
use policyc::EngineBuilder;
use proptest::{collection, prelude::*};
use std::collections::BTreeMap;

/// How many sets are followed through their changes.
const SETS: u32 = 64;
/// The files that change; there are so many rules besides that few of all have changed.
const FILES: usize = 4;

/// A file, and the rules that stand in it from now on.
fn change() -> impl Strategy<Value = (String, String)> {
    let text = rule(Only::Any, true).prop_map(|mut rule| {
        rule.label = None;
        rule.text()
    });
    let rules = collection::vec(text, 0..5).prop_map(|rules| rules.join("\n"));
    ((0..FILES).prop_map(|number| format!("f{number}.policy")), rules)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: SETS, ..ProptestConfig::default() })]

    #[test]
    fn a_set_that_changes_decides_as_the_set_loaded_anew(
        set in policy_set_of(40..=80, true),
        changes in collection::vec((change(), many()), 1..8),
    ) {
        let mut files: BTreeMap<String, String> =
            (0..FILES).map(|number| (format!("f{number}.policy"), String::new())).collect();
        files.insert("a.policy".to_owned(), set.text());
        let builder = files.iter().fold(EngineBuilder::default(), |builder, (name, text)| builder.text(name, text));
        let live = builder.live().unwrap();
        for ((name, text), requests) in changes {
            live.change(&name, &text).unwrap();
            files.insert(name, text);
            let anew = load_files(files.iter().map(|(name, text)| (&**name, &**text)));
            for choices in requests {
                let request = choices.request();
                prop_assert_eq!(decide(&live.engine(), &request), decide(&anew, &request), "{:?} {:#?}", request, files);
            }
        }
    }
}

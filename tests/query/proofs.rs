//! Proofs in particular: what is bounded, what is the same each time, and what a set must show before it takes effect.

use policyc::{
    Claims, Engine, LoadError,
    query::{Budget, Finding, prove, prove_some},
};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A claim that is true, and one that is not.
const SET: &str = "
    actions view, use;
    allow role a to any;
    deny anyone to use on tag risk unless ip in [10.0.0.0/8] else RISK;
    holds: never allow anyone to use on tag risk unless ip in [10.0.0.0/8];
    broken: never allow role a to view;
";

fn unproved(text: &str) -> Engine {
    Engine::builder().text("set.policy", text).claims(Claims::Unproved).load().unwrap()
}

fn codes(error: LoadError) -> Vec<&'static str> {
    let LoadError::Invalid(invalid) = error else { panic!("{error}") };
    invalid.diagnostics.iter().map(|found| found.code().id()).collect()
}

#[test]
fn a_set_with_a_refuted_claim_is_not_loaded() {
    let builder = || Engine::builder().text("set.policy", SET);
    assert_eq!(codes(builder().load().unwrap_err()), ["P0401"]);
    assert_eq!(codes(builder().claims(Claims::NotRefuted(Budget::USUAL)).load().unwrap_err()), ["P0401"]);
    assert!(builder().claims(Claims::Unproved).load().is_ok());
}

#[test]
fn a_set_with_an_inconclusive_claim_is_loaded_only_where_that_is_asked_for() {
    let budget = Budget::new(0);
    let builder = || Engine::builder().text("set.policy", SET);
    assert_eq!(codes(builder().claims(Claims::Proved(budget)).load().unwrap_err()), ["P0402", "P0402"]);
    let engine = builder().claims(Claims::NotRefuted(budget)).load().unwrap();
    let warnings: Vec<_> = engine.warnings().iter().map(|found| (found.code().id(), found.is_error())).collect();
    assert_eq!(warnings, [("P0402", false), ("P0402", false)]);
}

#[test]
fn a_changed_set_with_a_refuted_claim_does_not_take_effect() {
    let set = SET.replace("broken: never allow role a to view;", "");
    let live = Engine::builder().text("set.policy", &set).text("more.policy", "").live().unwrap();
    let before = live.engine().revision().to_owned();
    assert_eq!(codes(live.change("more.policy", "never allow role a to view;").unwrap_err()), ["P0401"]);
    assert_eq!(live.engine().revision(), before);
    live.change("more.policy", "never allow anonymous to view;").unwrap();
    assert_ne!(live.engine().revision(), before);
}

#[test]
fn what_is_not_found_out_is_never_said_to_hold() {
    let engine = unproved(SET);
    let findings = |budget| prove(engine.ir(), Budget::new(budget)).into_iter().map(|proof| proof.finding);
    assert!(findings(0).all(|finding| matches!(finding, Finding::Inconclusive)));
    let last: Vec<Finding> = findings(1_000).collect();
    assert!(matches!(last[..], [Finding::Holds, Finding::Refuted(_)]), "{last:?}");
    for budget in 0..200 {
        let found: Vec<Finding> = findings(budget).collect();
        assert!(!matches!(found[0], Finding::Refuted(_)) && !matches!(found[1], Finding::Holds), "{budget}: {found:?}");
    }
}

/// The same counterexamples each time, however many threads there are; and progress reaches its end.
#[test]
fn proofs_are_the_same_each_time() {
    let mut text = SET.to_owned();
    for model in 0..60 {
        text.push_str(&format!("model \"m{model}\" {{ tags: [t{}]; }}\n", model % 3));
    }
    text.push_str("tagged: never allow anyone to view on tag t1;\nalways allow role a to any on \"m7\", \"m8\";\n");
    let engine = unproved(&text);
    let claims: Vec<_> = engine.ir().claims.iter().collect();
    let (done, all) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let once = || {
        prove_some(engine.ir(), &claims, Budget::USUAL, |progress| {
            done.store(progress.done, Ordering::Relaxed);
            all.store(progress.all, Ordering::Relaxed);
        })
    };
    let first = format!("{:?}", once());
    assert!(all.load(Ordering::Relaxed) > 60);
    assert_eq!(done.load(Ordering::Relaxed), all.load(Ordering::Relaxed));
    for _ in 0..5 {
        assert_eq!(format!("{:?}", once()), first);
    }
    let alone = claims.iter().map(|claim| prove_some(engine.ir(), &[claim], Budget::USUAL, |_| {}));
    let verdicts = |finding: &Finding| std::mem::discriminant(finding);
    let alone: Vec<_> = alone.flatten().map(|proof| verdicts(&proof.finding)).collect();
    assert_eq!(alone, once().iter().map(|proof| verdicts(&proof.finding)).collect::<Vec<_>>());
}

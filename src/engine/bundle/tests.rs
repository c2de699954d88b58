//! What is no bundle is refused: cut short, changed, or forged with digests that are right.

use super::{Engine, inspect, sections};
use crate::{
    compile::bundle::Section,
    engine::{EngineBuilder, LoadError, compiled::Compiled},
    load::bundle::{BundleError, PublicKey, SecretKey, Unsigned},
    request::{Input, Principal, Request, Resource},
};
use std::fs;
use tempfile::TempDir;

/// Rules that need every table: values of all types, all ways to blocks, few rules and many, all that rules say.
const ALL: &str = r#"
    tiers free < paid < gold;
    actions view, infer;
    timezone "Europe/Berlin";
    role editor includes reader;
    role reader;
    attribute principal.teams: set of text;
    attribute risk: int 0..100;
    attribute country: text;
    attribute review: time;
    attribute peer: ip;
    attribute soft: bool = false;
    attribute model.stage: one of dev | stable = dev;
    set lab = [10.0.0.0/8, 2001:db8::/32];
    window office = mon..fri 09:00..18:00;
    model "known" { org: "alpha"; tier: paid; tags: [chat, risk]; }
    model "lab/**" { org: "beta"; }
    user "bob" { roles: [editor, reader@"beta"]; org: "alpha"; }
    one: allow role reader, tier >= paid to view on model "known", model "lab/*" when ip in lab until 2030-01-01;
    two: deny anyone to infer on tag risk when risk > 50 and country in ["DE", "FR"] else RISKY 403 "{risk} of {country}"
        hint "ask";
    three: allow org "alpha" to any when time in office or principal.teams overlaps model.tags;
    four: limit role reader to view at most 5 per calendar day by principal, org;
    five: gate auto to any on model "lab/**";
    six: oblige log(level = "high", who = principal.id) to view on org "beta";
    seven: shadow deny user "bob" to infer when peer in lab and review <= 2026-01-01 and model.stage == stable;
"#;

/// A set with many more rules, so that some stand in a chunk of many.
fn text() -> String {
    let more = (0..40).map(|number| {
        let country = ["DE", "FR", "IT"][number % 3];
        format!("deny tier < gold to view when risk in [{number}, 99] and country == \"{country}\" else D{number};\n")
    });
    ALL.to_owned() + &more.collect::<String>()
}

fn engine() -> Engine {
    Engine::builder().text("all.policy", &text()).load().unwrap_or_else(|error| panic!("{error}"))
}

fn requests() -> Vec<Request> {
    let alice = Principal::user("alice").with("roles", ["reader"]).org("alpha").tier("paid").with("teams", ["risk"]);
    let mut requests = Vec::new();
    for principal in [Principal::anonymous(), Principal::user("bob"), alice] {
        for resource in
            [Resource::model("known"), Resource::model("lab/x"), Resource::model("other").with("tags", ["risk"])]
        {
            for action in ["view", "infer"] {
                let request = Request::new(principal.clone(), action, resource.clone());
                let request =
                    request.with("ip", "10.1.2.3").with("time", "2026-03-02T09:30:00Z").with("peer", "2001:db8::1");
                requests.push(request.clone().with("risk", 99).with("country", "DE").with("review", Input::Unknown));
                requests.push(request.with("risk", Input::Unknown).with("review", "2025-01-01T00:00:00Z"));
            }
        }
    }
    requests
}

/// Every word of every table is changed in turn. What is then still a set decides something, and nothing panics.
#[test]
fn no_word_is_trusted() {
    let engine = engine();
    let requests = requests();
    let whole: Vec<Section<'static>> = sections::write(engine.graph(), engine.set.set().vocabulary)
        .unwrap()
        .into_iter()
        .map(|section| match section {
            Section::Words(words) => Section::Words(words.into_owned().into()),
            Section::Bytes(bytes) => Section::Bytes(bytes.into_owned().into()),
        })
        .collect();
    let (mut taken, mut refused) = (0, 0);
    for place in 0..whole.len() {
        let Section::Words(words) = &whole[place] else { continue };
        for at in 0..words.len() {
            for change in
                [|word: u32| word ^ 1, |word: u32| word.wrapping_add(0x100), |_| u32::MAX, |word: u32| word ^ 1 << 31]
            {
                let mut forged = whole.clone();
                if let Section::Words(words) = &mut forged[place] {
                    words.to_mut()[at] = change(words[at]);
                }
                let Ok((vocabulary, graph)) = sections::read(forged) else {
                    refused += 1;
                    continue;
                };
                taken += 1;
                if (at + place) % 7 == 0 {
                    let forged = Engine::builder().with(Compiled::opened(graph, vocabulary, "".into(), Vec::new()));
                    requests.iter().for_each(|request| drop(forged.decide(request)));
                }
            }
        }
    }
    assert!(taken > 1_000 && refused > 1_000, "{taken} taken, {refused} refused");
}

fn why(builder: EngineBuilder, bytes: &[u8]) -> BundleError {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.bundle");
    fs::write(&path, bytes).unwrap();
    match builder.open(&path) {
        Err(LoadError::Bundle(bad)) => bad.error,
        other => panic!("{other:?}"),
    }
}

fn bytes(engine: &Engine, key: Option<&SecretKey>) -> Vec<u8> {
    let mut bytes = Vec::new();
    engine.bundle(key, &mut bytes).unwrap();
    bytes
}

#[test]
fn what_was_changed_or_cut_short_is_damaged() {
    let small = Engine::builder().text("a.policy", "actions view; allow anyone to view;").load().unwrap();
    let whole = bytes(&small, None);
    for length in (0..whole.len()).step_by(13) {
        let error = why(Engine::builder(), &whole[..length]);
        assert!(matches!(error, BundleError::Damaged(_)), "{length} bytes: {error}");
    }
    for place in (0..whole.len()).step_by(5) {
        let mut changed = whole.clone();
        changed[place] ^= 0x10;
        // What pads is not read, and without a key nobody asks who signed.
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a.bundle");
        fs::write(&path, &changed).unwrap();
        if let Ok(opened) = Engine::open(&path) {
            assert_eq!(bytes(&opened, None), whole, "byte {place}");
        }
    }
}

const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----";
/// The public key of RFC 8032's first test, and of its second.
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----";
const OTHER: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=
-----END PUBLIC KEY-----";

#[test]
fn a_signature_is_that_of_the_key() {
    let key = SecretKey::from_pem(KEY).unwrap();
    let [public, other] = [PUBLIC, OTHER].map(|pem| PublicKey::from_pem(pem).unwrap());
    assert_eq!(key.public(), public);
    let signed = bytes(&engine(), Some(&key));
    let trusting = |key| Engine::builder().trusted_key(key);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.bundle");
    fs::write(&path, &signed).unwrap();
    assert!(trusting(public).open(&path).is_ok());
    let unsigned = |error: BundleError| {
        let BundleError::Unsigned(why) = error else { panic!("{error}") };
        why
    };
    assert_eq!(unsigned(why(trusting(other), &signed)), Unsigned::OtherKey);
    assert_eq!(unsigned(why(trusting(public), &bytes(&engine(), None))), Unsigned::Nobody);
    // The signature of another set.
    let more = Engine::builder().text("all.policy", &(text() + "allow anyone to any;")).load().unwrap();
    let mut forged = bytes(&more, None);
    let end = 64 + 19 * 48 + 32;
    forged[end..end + 96].copy_from_slice(&signed[end..end + 96]);
    assert_eq!(unsigned(why(trusting(public), &forged)), Unsigned::Wrong);
}

#[test]
fn the_counter_is_signed() {
    let key = SecretKey::from_pem(KEY).unwrap();
    let engine = engine();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.bundle");
    let mut counted = Vec::new();
    engine.counted_bundle(7, Some(&key), &mut counted).unwrap();
    fs::write(&path, &counted).unwrap();
    assert_eq!(inspect(&path).unwrap().counter, 7);
    // With another counter, and digests that are right.
    counted[56] = 8;
    let end = 64 + 19 * 48;
    let digest = *blake3::hash(&counted[..end]).as_bytes();
    counted[end..end + 32].copy_from_slice(&digest);
    let error = why(Engine::builder().trusted_key(key.public()), &counted);
    assert!(matches!(error, BundleError::Unsigned(Unsigned::Wrong)), "{error}");
}

#[test]
fn another_format_is_foreign() {
    for version in [0, 1, 2, 4] {
        let mut other = bytes(&engine(), None);
        other[16] = version;
        let error = why(Engine::builder(), &other);
        assert!(matches!(error, BundleError::Foreign(_)), "{error}");
    }
}

//! A bundle whose tables were changed, with digests that are right, is refused or decides something: nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use policyc::{
    Engine,
    request::{Principal, Request, Resource},
};
use std::{fs, sync::LazyLock};

/// A set that needs every table.
const SET: &str = r#"
tiers free < paid;
actions view, infer;
role editor includes reader;
role reader;
attribute principal.teams: set of text;
attribute risk: int 0..100;
set lab = [10.0.0.0/8, 2001:db8::/32];
window office = mon..fri 09:00..18:00;
model "known" { org: "alpha"; tier: paid; tags: [chat, risk]; }
model "lab/**" { org: "beta"; }
user "bob" { roles: [editor, reader@"beta"]; org: "alpha"; }
allow role reader, tier >= paid to view on model "known", model "lab/*" when ip in lab until 2030-01-01;
deny anyone to infer on tag risk when risk > 50 else RISKY 403 "{risk}" hint "ask";
allow org "alpha" to any when time in office or principal.teams overlaps model.tags;
limit role reader to view at most 5 per calendar day by principal, org;
gate auto to any on model "lab/**";
oblige log(level = "high", who = principal.id) to view on org "beta";
"#;

/// The bytes before the table of sections, and of a row of it.
const HEAD: usize = 64;
const ROW: usize = 48;
/// The bytes of a piece of a section.
const PIECE: usize = 1 << 18;

static BUNDLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes = Vec::new();
    let more: String = (0..40).map(|risk| format!("deny tier < paid to view when risk == {risk};\n")).collect();
    let engine = Engine::builder().text("fuzz.policy", &(SET.to_owned() + &more)).load().expect("a valid set");
    engine.bundle(None, &mut bytes).expect("bytes are taken");
    bytes
});

fn number(bytes: &[u8]) -> usize {
    u64::from_le_bytes(bytes.try_into().expect("eight bytes")) as usize
}

// Changes: where (three bytes), what to (four), again and again.
fuzz_target!(|changes: &[u8]| {
    let mut bundle = BUNDLE.clone();
    let count = u32::from_le_bytes(bundle[20..24].try_into().expect("four bytes")) as usize;
    let body = HEAD + count * ROW + 32 + 32 + 64;
    for change in changes.chunks_exact(7) {
        let place =
            body + (u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize * 4) % (bundle.len() - body - 4);
        bundle[place..place + 4].copy_from_slice(&change[3..]);
    }
    for row in (0..count).map(|row| HEAD + row * ROW) {
        let (at, length) = (number(&bundle[row..row + 8]), number(&bundle[row + 8..row + 16]));
        let mut whole = blake3::Hasher::new();
        for piece in bundle[at..at + length].chunks(PIECE) {
            whole.update(blake3::hash(piece).as_bytes());
        }
        bundle[row + 16..row + ROW].copy_from_slice(whole.finalize().as_bytes());
    }
    let head = HEAD + count * ROW;
    let digest = *blake3::hash(&bundle[..head]).as_bytes();
    bundle[head..head + 32].copy_from_slice(&digest);
    let path = std::env::temp_dir().join(format!("policyc-fuzz-{}.bundle", std::process::id()));
    fs::write(&path, &bundle).expect("a file to write");
    let opened = Engine::open(&path);
    drop(fs::remove_file(&path));
    let Ok(engine) = opened else { return };
    for principal in [Principal::anonymous(), Principal::user("bob"), Principal::user("alice").roles(["reader"])] {
        for model in ["known", "lab/x", "other"] {
            let request = Request::new(principal.clone(), "view", Resource::model(model)).with("risk", 7);
            let _ = engine.decide(&request.with("ip", "10.1.2.3").with("time", "2026-03-02T09:30:00Z"));
        }
    }
});

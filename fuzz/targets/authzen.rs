//! Any text is read as AuthZEN evaluations, and as each kind of search, without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use policyc::wire::{
    evaluations,
    search::{self, Wanted},
};

fuzz_target!(|text: &str| {
    let _ = evaluations::decode(text);
    let _ = evaluations::decode_one(text);
    for wanted in [Wanted::Subject, Wanted::Resource, Wanted::Action] {
        let _ = search::decode(text, wanted);
    }
});

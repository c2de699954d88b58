//! Any text is read as a request without a panic; and a request, written and read again, is the same request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use policyc::wire::request;

fuzz_target!(|text: &str| {
    let _ = request::decode_many(text);
    let Ok(decoded) = request::decode(text) else { return };
    let written = request::encode(&decoded.request).to_string();
    match request::decode(&written) {
        Ok(again) => assert!(again.request == decoded.request, "another request comes back: {written}"),
        Err(refusal) => panic!("what was written is refused: {refusal}\n{written}"),
    }
});

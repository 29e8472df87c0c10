//! Any bytes as lines that say what a message is; what must hold is in `tests/properties/`.

#![no_main]

#[path = "../../tests/properties/mod.rs"]
#[expect(dead_code, reason = "each target has one of them")]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::describe(data));

//! Any text as flows, groups, meters, matches and actions; what must hold is in `tests/properties/`.

#![no_main]

#[path = "../../tests/properties/mod.rs"]
#[expect(dead_code, reason = "each target has one of them")]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::text(data));

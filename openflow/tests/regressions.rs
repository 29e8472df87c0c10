//! Bytes that once broke a property, as a fuzzer found them (`fuzz/README.md`), smallest first where there
//! were several. Each stands under what was wrong, and must hold its property ever since.

mod properties;

#[test]
fn properties_hold_for_nothing_and_for_little() {
    for property in [
        properties::messages,
        properties::actions,
        properties::matches,
        properties::text,
        properties::session,
        properties::describe,
    ] {
        for length in 0..20 {
            for byte in [0, 1, 4, 6, 14, 0x80, 0xff] {
                property(&vec![byte; length]);
            }
        }
    }
}

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

/// What stands before the mask of a tunnel's option was masked, but still made the option longer: it printed with
/// a mask that, read again, was a full one.
#[test]
fn an_option_is_as_long_as_its_mask() {
    properties::text(b"\x03tun_metadata1=0x0eeeeee/0xff");
    properties::text(b"\x03tun_metadata1=5/0");
}

/// Control characters were taken for the name of a selection method, and not printed.
#[test]
fn a_selection_method_has_a_name_that_can_be_printed() {
    properties::text(b"\x01group_id=1,type=select,selection_method=\0\0\x08hash,bucket=1");
}

/// A property of a vendor without the vendor's type was taken; Open vSwitch refuses it (OpenFlow 1.5.1, 7.3.5.5.1:
/// at least 12 bytes).
#[test]
fn a_property_of_a_vendor_has_a_type() {
    let mut table_mod = vec![6, 17, 0, 24, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    table_mod.extend([0xff, 0xff, 0, 8, 0, 0xab, 0xcd, 0xef]);
    let error = rust_openflow::Message::decode(&table_mod.into()).unwrap_err();
    assert_eq!(
        error.answer,
        rust_openflow::error::ErrorAnswer::BAD_PROPERTY_LEN
    );
}

/// An IP protocol beside an Ethernet type of ARP, which makes no sense, was printed by a name that means ARP's
/// operation there.
#[test]
fn an_ip_protocol_of_arp_stays_one() {
    properties::text(b"\x03icmp6,arp,arp_op=1,");
}

/// Bits that a field does not have were printed behind its name, where they are refused.
#[test]
fn bits_beyond_a_field_are_of_its_header() {
    properties::text(b"\x04pop:0x800010ff");
}

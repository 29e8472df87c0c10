//! What members say where versions, properties or vendors differ, and what they refuse.

use rust_openflow::message::describe::{decode_line, encode_line};
use rust_openflow::record::Value;

fn object(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn json(value: Option<&Value>) -> String {
    serde_json::to_string(&value).unwrap()
}

/// A `queue_get_config_reply` of 1.3 (7.3.6) whose queue has a property (7.2.2) with so many bytes of data.
fn queue_property(kind: u16, data: usize) -> Value {
    let property = 8 + data;
    let line = format!(
        "0417{:04x}00000001 00000001 00000000 00000007 00000001 {:04x} 000000000000 {kind:04x} {property:04x} 00000000 {}",
        32 + property,
        16 + property,
        "00".repeat(data)
    );
    decode_line(line.replace(' ', "").as_bytes())
}

#[test]
fn the_length_of_a_queues_property_is_a_multiple_of_eight_unless_it_is_a_vendors() {
    for data in 0..=17 {
        let ok = |kind| queue_property(kind, data).member("ok") == Some(&Value::Bool(true));
        assert_eq!(ok(1), data == 8, "min_rate with {data} bytes");
        assert_eq!(
            ok(7),
            data % 8 == 0,
            "an unknown property with {data} bytes"
        );
        assert_eq!(
            ok(0xffff),
            data >= 8,
            "a vendor's property with {data} bytes"
        );
    }
}

#[test]
fn a_multipart_has_the_name_that_its_version_gives_it_and_its_latest_is_known_too() {
    for (version, number, name, latest) in [
        (1, 3, "table", "table"),
        (1, 4, "port", "port_stats"),
        (3, 4, "port", "port_stats"),
        (4, 4, "port_stats", "port_stats"),
        (4, 5, "queue", "queue_stats"),
        (5, 5, "queue_stats", "queue_stats"),
        (3, 6, "group", "group_stats"),
        (6, 6, "group_stats", "group_stats"),
        (4, 9, "meter", "meter_stats"),
        (6, 9, "meter_stats", "meter_stats"),
        (4, 10, "meter_config", "meter_desc"),
        (6, 10, "meter_desc", "meter_desc"),
        (1, 1, "flow", "flow"),
        (6, 1, "flow_desc", "flow"),
        (6, 3, "table_stats", "table"),
        (6, 17, "flow_stats", "flow_stats"),
    ] {
        let digits = match version {
            1 => format!("0111000c00000005{number:04x}0000"),
            _ => format!("{version:02x}13001000000005{number:04x}000000000000"),
        };
        let described = decode_line(digits.as_bytes());
        let body = described.member("body").unwrap();
        assert_eq!(described.member("subtype"), Some(&Value::text(name)));
        assert_eq!(body.member("type"), Some(&Value::text(name)));
        let spoken = described.member("version");
        let called = |name: &str| {
            encode_line(&object(&format!(
                r#"{{"version":{},"type":"multipart_reply","xid":5,"body":{{"type":"{name}","flags":0,"body":[]}}}}"#,
                json(spoken)
            )))
        };
        assert_eq!(called(name).as_ref(), Ok(&digits), "{name}");
        assert_eq!(called(latest).as_ref(), Ok(&digits), "{latest}");
        assert!(called("ports").is_err());
    }
}

#[test]
fn a_uri_is_text_where_it_is_utf8_and_digits_where_not() {
    // controller_status of 1.5 (1.5.1, 7.4.8).
    let line = |uri: &str| {
        let length = 4 + uri.len() / 2;
        let padding = "00".repeat(length.next_multiple_of(8) - length);
        let entry = 16 + length.next_multiple_of(8);
        format!(
            "0623{:04x}00000005{entry:04x}00050000000201010000000000000000{length:04x}{uri}{padding}",
            8 + entry
        )
    };
    for (uri, said) in [
        ("7463703a", r#""tcp:""#),
        ("c3a9", "\"\u{e9}\""),
        ("", r#""""#),
        ("00", r#""\u0000""#),
        ("fffe", r#"{"hex":"fffe"}"#),
    ] {
        let digits = line(uri);
        let described = decode_line(digits.as_bytes());
        assert_eq!(
            described.member("ok"),
            Some(&Value::Bool(true)),
            "{described:?}"
        );
        let text = json(Some(&described));
        assert!(text.contains(&format!("\"uri\":{said}")), "{text}");
        assert_eq!(encode_line(&object(&text)), Ok(digits));
    }
}

#[test]
fn the_name_of_a_custom_counter_has_at_most_255_bytes() {
    let said = |length: usize| {
        encode_line(&object(&format!(
            r#"{{"version":"1.5","type":"multipart_reply","xid":5,"body":{{"type":"port_stats","flags":0,"body":[
            {{"port_no":1,"duration_sec":0,"duration_nsec":0,"rx_packets":0,"tx_packets":0,"rx_bytes":0,"tx_bytes":0,
            "rx_dropped":0,"tx_dropped":0,"rx_errors":0,"tx_errors":0,
            "properties":[{{"type":"custom","stats":[{{"name":"{}","value":7}}]}}]}}]}}}}"#,
            "n".repeat(length)
        )))
    };
    let longest = said(255).unwrap();
    assert!(decode_line(longest.as_bytes()).member("ok") == Some(&Value::Bool(true)));
    let error = said(256).unwrap_err().to_string();
    assert!(error.contains("the name of a counter"), "{error}");
}

#[test]
fn the_reason_for_a_packet_in_has_the_name_of_its_version() {
    for (version, name, other) in [(4, "no_match", "table_miss"), (5, "table_miss", "no_match")] {
        // OpenFlow 1.3.5, 7.4.1: no buffer, a match of nothing and no packet.
        let digits = format!(
            "{version:02x}0a002200000005ffffffff0000000000000000000000000001000400000000{:04x}",
            0
        );
        let described = decode_line(digits.as_bytes());
        let body = described.member("body").unwrap();
        assert_eq!(body.member("reason"), Some(&Value::text(name)));
        let renamed = json(Some(&described)).replace(name, other);
        assert_eq!(encode_line(&object(&renamed)), Ok(digits));
    }
}

#[test]
fn packet_registers_without_a_row_have_names_values_and_masks() {
    // set_field in a packet_out of 1.5 (1.5.1, 7.2.3.10 and 7.3.6).
    let line = |field: &str| {
        let padding = "00".repeat((4 + field.len() / 2).next_multiple_of(8) - 4 - field.len() / 2);
        let action = 4 + (field.len() + padding.len()) / 2;
        format!(
            "060d{:04x}00000005ffffffff{action:04x}000000010004000000000019{action:04x}{field}{padding}",
            24 + action
        )
    };
    for (field, said) in [
        (
            "80011008000000000000002a",
            r#"{"class":"packet_regs","field":"pkt_reg8","value":42}"#,
        ),
        (
            "8001ff10000000000000002affffffffffffffff",
            r#"{"class":"packet_regs","field":"pkt_reg127","value":42,"mask":18446744073709551615}"#,
        ),
        (
            "800110040000002a",
            r#"{"class":"packet_regs","field":8,"has_mask":false,"data":"0000002a"}"#,
        ),
    ] {
        let digits = line(field);
        let described = decode_line(digits.as_bytes());
        let text = json(Some(&described));
        assert!(text.contains(said), "{text}");
        assert_eq!(encode_line(&object(&text)), Ok(digits.clone()));
        for wrong in ["pkt_reg128", "pkt_reg08", "pkt_reg"] {
            let wrong = text.replace("pkt_reg8", wrong).replace("pkt_reg127", wrong);
            assert_eq!(
                encode_line(&object(&wrong)).is_err(),
                said.contains("pkt_reg")
            );
        }
        let moved = text.replace("packet_regs", "openflow_basic");
        assert_ne!(encode_line(&object(&moved)), Ok(digits));
    }
}

#[test]
fn a_table_says_by_name_which_packet_registers_it_matches() {
    // A table_features reply of 1.3 (1.3.5, 7.3.5.5) with the property `match`.
    let digits = format!(
        "0413005800000002000c0000000000000048000000000000{}0008000880011008",
        "00".repeat(56)
    );
    let described = decode_line(digits.as_bytes());
    let text = json(Some(&described));
    let said = r#"{"class":"packet_regs","field":"pkt_reg8","has_mask":false,"length":8}"#;
    assert!(text.contains(said), "{text}");
    assert_eq!(encode_line(&object(&text)), Ok(digits));
}

#[test]
fn an_error_has_the_name_of_its_version() {
    // Version, type, code, the version's name, the latest.
    for (version, kind, code, name, latest) in [
        (1, 1, 2, "OFPBRC_BAD_STAT", "OFPBRC_BAD_MULTIPART"),
        (3, 1, 2, "OFPBRC_BAD_STAT", "OFPBRC_BAD_MULTIPART"),
        (4, 1, 2, "OFPBRC_BAD_MULTIPART", "OFPBRC_BAD_MULTIPART"),
        (1, 1, 3, "OFPBRC_BAD_VENDOR", "OFPBRC_BAD_EXPERIMENTER"),
        (2, 1, 4, "OFPBRC_BAD_SUBTYPE", "OFPBRC_BAD_EXP_TYPE"),
        (1, 2, 2, "OFPBAC_BAD_VENDOR", "OFPBAC_BAD_EXPERIMENTER"),
        (1, 2, 3, "OFPBAC_BAD_VENDOR_TYPE", "OFPBAC_BAD_EXP_TYPE"),
        (
            2,
            2,
            3,
            "OFPBAC_BAD_EXPERIMENTER_TYPE",
            "OFPBAC_BAD_EXP_TYPE",
        ),
        (2, 3, 5, "OFPBIC_UNSUP_EXP_INST", "OFPBIC_BAD_EXPERIMENTER"),
        (1, 3, 0, "OFPFMFC_ALL_TABLES_FULL", "OFPFMFC_TABLE_FULL"),
        (4, 13, 2, "OFPTFFC_BAD_TYPE", "OFPBPC_BAD_TYPE"),
        (4, 13, 3, "OFPTFFC_BAD_LEN", "OFPBPC_BAD_LEN"),
        (4, 13, 4, "OFPTFFC_BAD_ARGUMENT", "OFPBPC_BAD_VALUE"),
        (5, 14, 2, "OFPBPC_BAD_VALUE", "OFPBPC_BAD_VALUE"),
    ] {
        let digits = format!("{version:02x}01000c00000005{kind:04x}{code:04x}");
        let described = decode_line(digits.as_bytes());
        let body = described.member("body").unwrap();
        assert_eq!(body.member("name"), Some(&Value::text(name)));
        let called = |by: &str| encode_line(&object(&json(Some(&described)).replace(name, by)));
        assert_eq!(called(name).as_ref(), Ok(&digits));
        assert_eq!(called(latest).as_ref(), Ok(&digits));
        assert!(called("OFPBRC_EPERM").is_err());
    }
}

//! Lines in, lines out: what `weft openflow` prints for messages, captures and tables.

use etherparse::PacketBuilder;

use super::*;

const HELLO: &[u8] = &[4, 0, 0, 8, 0, 0, 0, 1];
const BARRIER: &[u8] = &[4, 20, 0, 8, 0, 0, 0, 3];

fn lines(out: Vec<u8>) -> Vec<String> {
    let text = String::from_utf8(out).unwrap();
    text.lines().map(ToOwned::to_owned).collect()
}

fn decoded(input: &[u8], text: bool) -> Vec<String> {
    let mut out = Vec::new();
    decode(input, text, &mut out).unwrap();
    lines(out)
}

#[test]
fn every_line_is_answered_with_a_line() {
    let input = b"0414000800000001\n\nzz\n\xff\xfe\n041400080000000";
    let answers = decoded(input, false);
    let json: Vec<serde_json::Value> = answers
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ok: Vec<bool> = json
        .iter()
        .map(|line| line["ok"].as_bool().unwrap())
        .collect();
    assert_eq!(ok, [true, false, false, false, false]);
    assert_eq!(json[0]["type"], "barrier_request");
    assert!(json[1..].iter().all(|line| line["error"].is_string()));
    assert!(decoded(b"", false).is_empty());
}

#[test]
fn text_is_what_ovs_ofctl_prints() {
    // From ovs-ofctl ofp-print of Open vSwitch 3.1.0.
    for (hex, printed) in [
        (
            "040e003800000006000000000000001100000000000000000300000500060064000000\
             07ffffffffffffffff001f00000001000400000000",
            "OFPT_FLOW_MOD (OF1.3) (xid=0x6): ADD table:3 priority=100 cookie:0x11 idle:5 hard:6 buf:0x7 \
             send_flow_rem check_overlap reset_counts no_packet_counts no_byte_counts actions=drop",
        ),
        (
            "040e0038000000060000000000000011ffffffffffffffff0303000000008000000000070000000900000008\
             000000000001000400000000",
            // Which group is left out by ovs-ofctl.
            "OFPT_FLOW_MOD (OF1.3) (xid=0x6): DEL table:3 cookie:0x11/0xffffffffffffffff buf:0x7 \
             out_port:9 out_group:8 actions=drop",
        ),
        (
            "040e003800000006000000000000001100000000000000000001000000000064ffffffff00000009ffffffff\
             000000000001000400000000",
            "OFPT_FLOW_MOD (OF1.3) (xid=0x6): MOD priority=100 out_port:9 actions=drop",
        ),
        (
            "040d002800000001fffffffffffffffd00100000000000000000001000000001ffff000000000000",
            "OFPT_PACKET_OUT (OF1.3) (xid=0x1): in_port=CONTROLLER actions=output:1 data_len=0",
        ),
        (
            "0414000800000001",
            "OFPT_BARRIER_REQUEST (OF1.3) (xid=0x1):",
        ),
        (
            "040f00100000000100000000 00000001",
            "error: expected a message as pairs of hexadecimal digits",
        ),
        (
            "041300500000000200010000000000000040030000000005000001008064000500060001000000000000\
             000000000011000000000000000300000000000000300001000400000000\
             0001000804000000",
            "OFPST_FLOW reply (OF1.3) (xid=0x2):\n cookie=0x11, duration=5.000000256s, table=3, \
             n_packets=3, n_bytes=48, idle_timeout=5, hard_timeout=6, send_flow_rem priority=32868 \
             actions=goto_table:4",
        ),
        (
            "041d0020000000010000000500000001000100100000006400000000 00000000"
                .trim_end_matches(" 00000000"),
            "error: at byte 0: expected a header whose length is that of the message",
        ),
        (
            "0409000c00000001000000ff",
            "OFPT_SET_CONFIG (OF1.3) (xid=0x1): frags=normal miss_send_len=255",
        ),
    ] {
        assert_eq!(decoded(hex.as_bytes(), true).join("\n"), printed);
    }
}

#[test]
fn encoding_is_the_inverse_and_goes_on_behind_what_is_wrong() {
    let objects = decoded(b"0414000800000001\n0402000a00000001abcd\n", false);
    let input = format!(
        "{}\n{{\"version\":\"1.9\"}}\nno json\n{}\n",
        objects[0], objects[1]
    );
    let mut out = Vec::new();
    let error = encode(input.as_bytes(), &mut out).unwrap_err();
    assert_eq!(
        lines(out),
        ["0414000800000001", "", "", "0402000a00000001abcd"]
    );
    assert!(matches!(error.downcast_ref(), Some(Error::NotEncoded(2))));
    let reason = encoded(Line::Whole(b"{\"version\":\"1.9\"}")).unwrap_err();
    assert!(reason.starts_with("version: expected 1.0"), "{reason}");
    let mut out = Vec::new();
    encode(objects.join("\n").as_bytes(), &mut out).unwrap();
    assert_eq!(lines(out), ["0414000800000001", "0402000a00000001abcd"]);
}

/// A segment of a switch that sends a hello and a barrier request.
fn segment() -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv4([10, 0, 0, 2], [10, 0, 0, 1], 64)
        .tcp(40000, 6653, 100, 1000)
        .write(&mut bytes, &[HELLO, BARRIER].concat())
        .unwrap();
    bytes
}

/// A number in either byte order.
fn word<const N: usize>(big: bool, mut bytes: [u8; N]) -> [u8; N] {
    if !big {
        bytes.reverse();
    }
    bytes
}

/// A capture with one packet, taken 1.5 seconds after 1970.
fn classic(big: bool, nanoseconds: bool) -> Vec<u8> {
    let packet = segment();
    let magic: u32 = if nanoseconds {
        0xa1b2_3c4d
    } else {
        0xa1b2_c3d4
    };
    let fraction: u32 = if nanoseconds { 500_000_000 } else { 500_000 };
    let length = packet.len() as u32;
    let mut file = word(big, magic.to_be_bytes()).to_vec();
    file.extend(word(big, 2_u16.to_be_bytes()));
    file.extend(word(big, 4_u16.to_be_bytes()));
    for number in [0, 0, 65535, 1, 1, fraction, length, length] {
        file.extend(word(big, u32::to_be_bytes(number)));
    }
    file.extend(packet);
    file
}

/// The same as pcapng, with blocks that say nothing of packets, and milliseconds.
fn blocks(big: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let padding = body.len().next_multiple_of(4) - body.len();
        let length = word(big, (12 + body.len() as u32 + padding as u32).to_be_bytes());
        file.extend(word(big, kind.to_be_bytes()));
        file.extend(length);
        file.extend(body);
        file.extend(vec![0; padding]);
        file.extend(length);
    };
    let mut section = word(big, 0x1a2b_3c4d_u32.to_be_bytes()).to_vec();
    section.extend(word(big, 1_u16.to_be_bytes()));
    section.extend([0; 2]);
    section.extend([0xff; 8]);
    block(0x0a0d_0d0a, &section);
    let mut interface = word(big, 1_u16.to_be_bytes()).to_vec();
    interface.extend([0; 6]);
    // if_tsresol: thousandths.
    interface.extend(word(big, 9_u16.to_be_bytes()));
    interface.extend(word(big, 1_u16.to_be_bytes()));
    interface.extend([3, 0, 0, 0]);
    block(1, &interface);
    block(5, &[0; 12]);
    let packet = segment();
    let mut body = Vec::new();
    for number in [0, 0, 1500, packet.len() as u32, packet.len() as u32] {
        body.extend(word(big, u32::to_be_bytes(number)));
    }
    body.extend(&packet);
    block(6, &body);
    file
}

fn captured(file: &[u8], text: bool) -> (Vec<String>, anyhow::Result<()>) {
    let mut out = Vec::new();
    let result = capture(file, text, &mut out);
    (lines(out), result)
}

#[test]
fn every_form_of_capture_tells_who_sent_what_to_whom_and_when() {
    let both = [true, false];
    let classic = both.map(|big| both.map(|nanoseconds| classic(big, nanoseconds)));
    let files = classic.into_iter().flatten().chain(both.map(blocks));
    for file in files {
        let (lines, result) = captured(&file, false);
        result.unwrap();
        assert_eq!(lines.len(), 2);
        let message: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
        assert_eq!(message["ok"], true);
        assert_eq!(message["type"], "barrier_request");
        assert_eq!(message["time"], "1970-01-01T00:00:01.5Z");
        assert_eq!(message["from"], "10.0.0.2:40000");
        assert_eq!(message["to"], "10.0.0.1:6653");
    }
    let (lines, _) = captured(&blocks(true), true);
    let expected = "1970-01-01T00:00:01.5Z 10.0.0.2:40000 > 10.0.0.1:6653 OFPT_BARRIER_REQUEST (OF1.3) (xid=0x3):";
    // The hello before it says its versions on a line of its own.
    assert_eq!(lines[1], " version bitmap: 0x01, 0x02, 0x03, 0x04");
    assert_eq!(lines[2], expected);
}

#[test]
fn a_capture_that_is_cut_short_says_so() {
    let file = classic(false, false);
    for end in 25..file.len() {
        let (lines, result) = captured(&file[..end], false);
        assert_eq!(
            lines,
            ["{\"ok\":false,\"error\":\"the capture is cut short within packet 1\"}"]
        );
        assert!(result.is_err());
    }
    let file = blocks(true);
    let last = (24..file.len()).filter(|end| captured(&file[..*end], false).1.is_ok());
    // Between blocks it may end: behind the section, the interface, and the block that says nothing.
    assert_eq!(last.count(), 3);
}

#[test]
fn packets_that_are_not_understood_are_told_once_and_the_others_are_read() {
    let mut file = classic(false, false);
    // The link's number stands at the end of the file's header.
    file[20] = 239;
    let packet = file[24..].to_vec();
    file.extend(packet);
    let (lines, result) = captured(&file, false);
    let told = "the capture has packets of link type 239 (NFLOG): only Ethernet, Linux cooked captures, raw IP \
                and BSD loopback are understood";
    assert_eq!(lines, [format!("{{\"ok\":false,\"error\":\"{told}\"}}")]);
    assert_eq!(result.unwrap_err().to_string(), told);
}

#[test]
fn what_a_file_is_that_is_no_capture_is_said() {
    for (bytes, found) in [
        (&[0x1f, 0x8b, 8, 0, 0, 0][..], "gzip"),
        (&[0x28, 0xb5, 0x2f, 0xfd, 0], "zstd"),
        (b"0414000800000001", "30343134 at its beginning"),
        (b"", "less than a header"),
    ] {
        let error = captured(bytes, false).1.unwrap_err();
        let expected = format!("this is no capture: expected pcap or pcapng, found {found}");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn objects_that_nest_without_end_are_refused() {
    let clones = "{\"type\":\"clone\",\"actions\":[".repeat(100_000);
    for line in ["[".repeat(100_000), clones] {
        assert!(encoded(Line::Whole(line.as_bytes())).is_err());
    }
}

#[test]
fn what_is_no_capture_does_no_harm() {
    for file in [
        &b""[..],
        b"no",
        b"hex and hex and hex and hex",
        &[0xff; 100],
    ] {
        let mut out = Vec::new();
        assert!(capture(file, false, &mut out).is_err());
    }
    let mut file = classic(true, false);
    // A length of four gigabytes.
    file[32..36].copy_from_slice(&[0xff; 4]);
    assert!(captured(&file, false).1.is_err());
    let whole = blocks(false);
    for at in 0..whole.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut file = whole.clone();
            file[at] = byte;
            let _ = captured(&file, false);
        }
    }
}

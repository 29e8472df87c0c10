//! Messages about queues, monitors of flows and what only Nicira has: as `ofp-print` of Open vSwitch 3.1 prints them.

use bytes::Bytes;

use super::super::{Names, print_message};
use crate::{Message, PortNo, TableId};

/// Digits of messages, and their texts.
const PRINTED: [(&str, &str); 11] = [
    (
        "0317007000000000ffffffff00000000000000630000004d00300000000000000001001000000000000a0000\
         0000000000020010000000000384000000000000000000580000004d00300000000000000001001000000000\
         0064000000000000000200100000000000c8000000000000",
        "OFPT_QUEUE_GET_CONFIG_REPLY (OF1.2) (xid=0x0): port=ANY\n\
         queue 88: min_rate:10.0% max_rate:20.0%\n\
         queue 99: min_rate:1.0% max_rate:90.0%",
    ),
    (
        "0513008800000000000f00000000000000000007000000000020000000000000ffff000c0000006500000000\
         000000000000000800000001005800000000000000010008012c00000002000803840000ffff000c00000065\
         0000000000000000ffff0010000000650000000100000001ffff00140000006500000002000000010000000200000000",
        "OFPST_QUEUE_DESC reply (OF1.4) (xid=0x0): port=7\n\
         queue 0:\n\
         port=8\n\
         queue 1: min_rate:30.0% max_rate:90.0%",
    ),
    (
        "0512003000000000001000000000000005f5e10000000016ffffffff000f21000001000e80000606f20ba47df8ea0000",
        "OFPST_FLOW_MONITOR request (OF1.4) (xid=0x0):\n \
         id=100000000 flags=initial,add,delete,modify out_port=22 table=33 dl_dst=f2:0b:a4:7d:f8:ea",
    ),
    (
        "05130060000000000010000000000000004000000000025802bc00030000000000000000000000000001000a\
         80000a020806000000000000000400180000000000000010fffffffa000000000000000000080004000004d2\
         0008000500000000",
        "OFPST_FLOW_MONITOR reply (OF1.4) (xid=0x0):\n \
         event=INITIAL table=0 idle_timeout=600 hard_timeout=700 cookie=0 arp actions=NORMAL\n \
         event=ABBREV xid=0x4d2\n \
         event=PAUSED",
    ),
    (
        "0413007000000005ffff00000000000000002320000000030000000000000001000000000000000200000000\
         0000000300000000000000040000000000000005000000000000000600000000000000070000000000000008\
         0000000000000009ffffffffffffffff0000000b00000000",
        "NXST_IPFIX_BRIDGE reply (OF1.3) (xid=0x5):\n  \
         bridge ipfix: flows=1, current flows=2, sampled pkts=3, ipv4 ok=4, ipv6 ok=5, tx pkts=9\n                \
         pkts errs=6, ipv4 errs=7, ipv6 errs=8, tx errs=?",
    ),
    (
        "0413007000000005ffff00000000000000002320000000040000000000000001000000000000000200000000\
         0000000300000000000000040000000000000005000000000000000600000000000000070000000000000008\
         0000000000000009ffffffffffffffff0000000b00000000",
        "NXST_IPFIX_FLOW reply (OF1.3) (xid=0x5): 1 ids\n  \
         id  11: flows=1, current flows=2, sampled pkts=3, ipv4 ok=4, ipv6 ok=5, tx pkts=9\n          \
         pkts errs=6, ipv4 errs=7, ipv6 errs=8, tx errs=?",
    ),
    (
        "0404006800000005000023200000002006000000000000000000004800000000000000140000000000000000\
         0000ffff0a000001000000000001001400000000000000000000ffff0a000002000000000002000800500000\
         00030008005100000002000800070000",
        "NXT_CT_FLUSH (OF1.3) (xid=0x5): zone=7 \
         'ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,ct_tp_src=80,ct_tp_dst=81,ct_nw_proto=6' \
         'ct_nw_src=::,ct_nw_dst=::,ct_tp_src=0,ct_tp_dst=0'",
    ),
    (
        "0404005000000005000023200000002001000000000000000001003800000000000000140000000000000000\
         0000ffff0a00000100000000000400080003000000050005080000000006000501000000",
        "NXT_CT_FLUSH (OF1.3) (xid=0x5): zone=0 \
         'ct_nw_src=::,ct_nw_dst=::,icmp_id=0,icmp_type=0,icmp_code=0,ct_nw_proto=1' \
         'ct_nw_src=10.0.0.1,ct_nw_dst=::,icmp_id=3,icmp_type=8,icmp_code=1'",
    ),
    (
        "040400280000000500002320000000180000000000000000ffff0004000000000102807c003f0000",
        "NXT_TLV_TABLE_MOD (OF1.3) (xid=0x5):\n \
         ADD mapping table:\n  \
         class  type  length  match field\n \
         ------  ----  ------  --------------\n \
         0xffff     0       4  tun_metadata0\n  \
         0x102  0x80     124  tun_metadata63",
    ),
    (
        "040400200000000500002320000000180002000000000000ffff000400000000",
        "NXT_TLV_TABLE_MOD (OF1.3) (xid=0x5):\n CLEAR",
    ),
    (
        "0404003000000005000023200000001a00000100004000000000000000000000ffff0104000000000102807c\
         003f0000",
        "NXT_TLV_TABLE_REPLY (OF1.3) (xid=0x5):\n \
         max option space=256 max fields=64\n \
         allocated option space=128\n\n \
         mapping table:\n  \
         class  type  length  match field\n \
         ------  ----  ------  --------------\n \
         0xffff   0x1       4  tun_metadata0\n  \
         0x102  0x80     124  tun_metadata63",
    ),
];

fn printed(digits: &str, names: &Names) -> String {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("two digits");
    let bytes: Bytes = (0..digits.len()).step_by(2).map(byte).collect();
    let (header, message) = Message::decode(&bytes).expect("a message");
    print_message(&header, &message, names)
}

#[test]
fn messages_about_queues_monitors_and_options_are_printed_as_by_open_vswitch() {
    for (digits, expected) in PRINTED {
        assert_eq!(printed(digits, &Names::default()), expected);
    }
}

#[test]
fn a_monitor_names_ports_and_tables() {
    let names = Names::default()
        .with_port(PortNo(22), "tap1")
        .with_table(TableId(33), "classify");
    let (request, _) = PRINTED[2];
    let text = printed(request, &names);
    assert!(text.contains("out_port=tap1 table=classify"), "{text}");
}

#[test]
fn marks_and_labels_of_forgotten_connections_are_told_where_they_are_said() {
    let flush = "040400400000000500002320000000200000000000000000\
                 0003000800000001000400080000000300050014000000000000000000000000000000050000\
                 0000";
    let text = printed(flush, &Names::default());
    assert!(
        text.contains(": zone=0 mark=0x1/0x3 labels=0x5 'ct_"),
        "{text}"
    );
}

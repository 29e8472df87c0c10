//! Every row of the tables of actions and instructions, in every version that has it, for packets of several kinds.

use std::collections::BTreeSet;

use rust_openflow::action::{self, CntIds, Oxm, Subfield};
use rust_openflow::matches::Entry;
use rust_openflow::message::FlowMod;
use rust_openflow::text::{self, Names};
use rust_openflow::{
    Action, Field, FieldValue, GroupId, Instruction, Message, PortNo, TableId, Version,
};

use super::differences;
use super::program::Program;

/// Actions that have a text of their own.
const TEXTS: &[&str] = &[
    "output:2",
    "controller(max_len=64,reason=no_match)",
    "controller(id=0,userdata=01.02.03)",
    "group:1",
    "set_field:02:00:00:00:00:99->eth_dst",
    "load:5->NXM_NX_REG3[0..7]",
    "move:NXM_OF_ETH_SRC[0..15]->NXM_NX_REG2[4..19]",
    "push_vlan:0x8100",
    "pop_vlan",
    "set_vlan_vid:9",
    "set_vlan_pcp:5",
    "mod_dl_src:02:00:00:00:00:99",
    "mod_dl_dst:02:00:00:00:00:99",
    "mod_nw_src:10.9.8.7",
    "mod_nw_dst:10.9.8.7",
    "mod_nw_tos:252",
    "mod_nw_ecn:2",
    "mod_nw_ttl:9",
    "mod_tp_src:999",
    "mod_tp_dst:999",
    "dec_ttl",
    "dec_ttl(0,7)",
    "set_mpls_label:77",
    "set_mpls_tc:5",
    "set_mpls_ttl:9",
    "dec_mpls_ttl",
    "push_mpls:0x8847",
    "pop_mpls:0x0800",
    "enqueue:2:5",
    "set_queue:5",
    "pop_queue",
    "meter:1",
    "resubmit:3",
    "resubmit(,2)",
    "set_tunnel:5",
    "set_tunnel64:5",
    "write_metadata:5/7",
    "note:00.01.02",
    "multipath(eth_src,50,modulo_n,1,0,NXM_NX_REG0[])",
    "bundle(eth_src,0,active_backup,ofport,members:2,3)",
    "bundle_load(eth_src,0,active_backup,ofport,NXM_NX_REG0[0..15],members:2,3)",
    "output:NXM_OF_IN_PORT[]",
    "output:NXM_NX_REG1[16..31]",
    "learn(table=3,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])",
    "learn(table=3,limit=2,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])",
    "exit",
    "fin_timeout(idle_timeout=5,hard_timeout=9)",
    "push:NXM_NX_REG1[0..7]",
    "pop:NXM_NX_REG1[0..7]",
    "sample(probability=65535,collector_set_id=1,obs_domain_id=2,obs_point_id=3)",
    "sample(probability=65535,collector_set_id=1,obs_domain_id=2,obs_point_id=3,sampling_port=2)",
    "conjunction(5,1/2)",
    "ct_clear",
    "resubmit(,2,ct)",
    "output(port=2,max_len=40)",
    "clone(set_field:02:00:00:00:00:99->eth_dst,output:2)",
    "dec_nsh_ttl",
    "check_pkt_larger(60)->NXM_NX_REG1[3]",
];

/// Actions that have the text of another, or none.
fn without_text() -> Vec<Action> {
    use Action as A;
    let reg = |n: u8| Oxm::from(Field::register(n).expect("a register"));
    let set = |field: Field, value: u128| Entry::Known(FieldValue::exact(field, value));
    let half = Subfield::new(reg(1), 0, 16);
    vec![
        A::ModVlanVid { vlan_vid: 9 },
        A::ModVlanPcp { vlan_pcp: 5 },
        A::StripVlan {},
        A::CopyTtlOut {},
        A::CopyTtlIn {},
        A::SetMasked {
            field: Entry::Known(FieldValue::masked(Field::EthDst, 9_u64, 0xff_u64)),
        },
        A::RegLoad2 {
            field: set(Field::Reg5, 9),
        },
        A::PushPbb { ethertype: 0x88e7 },
        A::PopPbb {},
        A::OnfCopyField {
            n_bits: 16,
            src_ofs: 0,
            dst_ofs: 8,
            src: reg(0),
            dst: reg(1),
        },
        A::RegMove {
            n_bits: 16,
            src_ofs: 0,
            dst_ofs: 8,
            src: reg(0),
            dst: reg(1),
        },
        A::NxSetQueue { queue_id: 7 },
        A::NxDecTtl {},
        A::DecTtlCntIds {
            cnt_ids: CntIds(vec![0]),
        },
        A::NxPushMpls { ethertype: 0x8848 },
        A::NxPopMpls { ethertype: 0x86dd },
        A::NxSetMplsTtl { mpls_ttl: 3 },
        A::NxDecMplsTtl {},
        A::NxSetMplsLabel { mpls_label: 3 },
        A::NxSetMplsTc { mpls_tc: 3 },
        A::OutputReg2 {
            ofs_nbits: half.ofs_nbits(),
            max_len: 0,
            src: reg(1),
        },
        A::NxGroup {
            group_id: GroupId(1),
        },
        A::Nat {
            flags: 1,
            range: Box::default(),
        },
        A::Sample {
            probability: 9,
            collector_set_id: 1,
            obs_domain_id: 2,
            obs_point_id: 3,
        },
        A::Sample2 {
            probability: 9,
            collector_set_id: 1,
            obs_domain_id: 2,
            obs_point_id: 3,
            sampling_port: action::Port16(PortNo(2)),
            direction: 0,
        },
        A::Sample3 {
            probability: 9,
            collector_set_id: 1,
            obs_domain_id: 2,
            obs_point_id: 3,
            sampling_port: action::Port16(PortNo(2)),
            direction: 1,
        },
        A::DebugSlow {},
        A::DebugRecirc {},
    ]
}

/// The packets that each action is tried on: fields, and what is asked of them.
const KINDS: &[&str] = &[
    "",
    "ip",
    "ipv6",
    "tcp",
    "tcp6",
    "udp",
    "sctp",
    "mpls",
    "arp",
    "vlan_tci=0x1000/0x1000",
    "ip,vlan_tci=0x1000/0x1000",
    "dl_type=0x894f",
    "icmp6",
];

/// A program for each action and version.
pub(crate) fn all() -> Vec<Program> {
    let texts = TEXTS.iter().flat_map(|text| {
        text::parse_actions(text, &Names::default()).unwrap_or_else(|error| panic!("{error}"))
    });
    let forms: Vec<Action> = texts.chain(without_text()).collect();
    let differences = differences::all();
    let others = differences.iter().flat_map(Program::actions);
    let covered: BTreeSet<&str> = forms
        .iter()
        .chain(others)
        .filter_map(|form| Some(form.row()?.name))
        .collect();
    for row in action::ROWS {
        assert!(
            covered.contains(row.name),
            "there is no case for {}",
            row.name
        );
    }
    let versions = forms.iter().flat_map(|form| {
        let spoken = |version: &Version| form.row().is_some_and(|row| row.code(*version).is_some());
        let versions = Version::ALL.into_iter().filter(spoken);
        versions.map(move |version| program(form, version))
    });
    versions.collect()
}

/// A flow for each kind of packet that does this and sends the packet on.
fn program(form: &Action, version: Version) -> Program {
    let there = "group_id=1,type=all,bucket=actions=3,bucket=actions=4\nmeter=1,pktps,bands=type=drop,rate=1000000
        table=2,actions=3";
    let mut told = Program::of_text("", there).told;
    // Matches of 1.1 do not know IPv6 (1.1.0, A.2.3).
    let is_known = |kind: &&&str| version != Version::V1_1 || !kind.contains('6');
    for (kind, priority) in KINDS.iter().filter(is_known).zip(1..) {
        let matches = text::parse_match(kind, &Names::default()).expect("a match");
        let actions = vec![form.clone(), Action::output(PortNo(2))];
        let instructions = vec![Instruction::apply(actions)];
        let flow = FlowMod::add(TableId(0), priority, matches, instructions, 0);
        let message = Message::FlowMod(flow);
        if message.encode(version, 0).is_ok() {
            told.push((version, message));
        }
    }
    Program {
        title: format!("{form:?} in {version}"),
        told,
    }
}

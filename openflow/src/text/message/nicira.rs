//! Nicira's messages that belong to no other group: tables of tunnel options, connections that are forgotten, what
//! exporters of IPFIX did.

use std::net::Ipv6Addr;

use super::count;
use crate::message::{
    CtFlush, CtFlushProperty, CtTupleProperty, IpfixStats, Message, Reply, TlvMap, TlvTableCommand,
    TlvTableMod, TlvTableReply,
};
use crate::text::scan::hex;
use crate::text::value::{ipv6, push};

/// Writes a message, if it is one of these.
pub(super) fn print(out: &mut String, message: &Message) -> bool {
    match message {
        Message::TlvTableMod(change) => print_tlv_table_mod(out, change),
        Message::TlvTableReply(table) => print_tlv_table(out, table),
        Message::CtFlush(flush) => print_ct_flush(out, flush),
        _ => return false,
    }
    true
}

/// Writes a reply, if it is one of these.
pub(super) fn print_reply(out: &mut String, reply: &Reply) -> bool {
    match reply {
        Reply::IpfixBridge(stats) => {
            out.push_str("\n  bridge ipfix: ");
            print_ipfix(out, stats, 16);
        }
        Reply::IpfixFlow(all) => {
            push(out, format_args!(" {} ids", all.len()));
            for stats in all {
                push(out, format_args!("\n  id {:>3}: ", stats.collector_set_id));
                print_ipfix(out, stats, 10);
            }
        }
        _ => return false,
    }
    true
}

fn print_tlv_table_mod(out: &mut String, change: &TlvTableMod) {
    out.push_str("\n ");
    match change.command {
        TlvTableCommand::ADD => out.push_str("ADD"),
        TlvTableCommand::DELETE => out.push_str("DEL"),
        // All go, whatever is named.
        TlvTableCommand::CLEAR => return out.push_str("CLEAR"),
        TlvTableCommand(other) => push(out, format_args!("{other}")),
    }
    print_tlv_maps(out, &change.maps);
}

fn print_tlv_table(out: &mut String, table: &TlvTableReply) {
    let lengths = table.maps.iter().map(|map| u32::from(map.option_len));
    push(
        out,
        format_args!(
            "\n max option space={} max fields={}\n allocated option space={}\n\n",
            table.max_option_space,
            table.max_fields,
            lengths.sum::<u32>()
        ),
    );
    print_tlv_maps(out, &table.maps);
}

fn print_tlv_maps(out: &mut String, maps: &[TlvMap]) {
    out.push_str(" mapping table:\n");
    out.push_str("  class  type  length  match field\n");
    out.push_str(" ------  ----  ------  --------------");
    for map in maps {
        let (class, kind) = (hex(map.option_class.into()), hex(map.option_type.into()));
        let (length, index) = (map.option_len, map.index);
        push(
            out,
            format_args!("\n {class:>6}  {kind:>4}  {length:>6}  tun_metadata{index}"),
        );
    }
}

/// The IP protocols of ICMP and ICMPv6.
const ICMP: [u8; 2] = [1, 58];

/// Packets of one direction of a connection; zero is any.
struct Tuple {
    addresses: [Ipv6Addr; 2],
    /// Of ICMP the identifier, and code and type, which have the same place.
    ports: [u16; 2],
}

impl Tuple {
    const ANY: Self = Self {
        addresses: [Ipv6Addr::UNSPECIFIED; 2],
        ports: [0; 2],
    };

    /// Takes what a property says, and returns the address if it is one.
    fn take(&mut self, property: &CtTupleProperty) -> Option<Ipv6Addr> {
        match *property {
            CtTupleProperty::Src { address } => self.addresses[0] = address,
            CtTupleProperty::Dst { address } => self.addresses[1] = address,
            CtTupleProperty::SrcPort { port } => self.ports[0] = port,
            CtTupleProperty::DstPort { port } => self.ports[1] = port,
            CtTupleProperty::IcmpId { id } => self.ports[0] = id,
            CtTupleProperty::IcmpType { kind } => {
                self.ports[1] = self.ports[1] & 0xff00 | u16::from(kind);
            }
            CtTupleProperty::IcmpCode { code } => {
                self.ports[1] = self.ports[1] & 0xff | u16::from(code) << 8;
            }
            _ => {}
        }
        match *property {
            CtTupleProperty::Src { address } | CtTupleProperty::Dst { address } => Some(address),
            _ => None,
        }
    }

    /// Writes it with fields of IPv4 or IPv6, and of ICMP or ports.
    fn print(&self, out: &mut String, is_ipv4: bool, ip_proto: u8) {
        let network = if is_ipv4 { "nw" } else { "ipv6" };
        let [source, destination] = self.addresses.map(unmapped);
        push(
            out,
            format_args!("ct_{network}_src={source},ct_{network}_dst={destination}"),
        );
        let [first, second] = self.ports;
        if ICMP.contains(&ip_proto) {
            let [code, kind] = second.to_be_bytes();
            push(
                out,
                format_args!(",icmp_id={first},icmp_type={kind},icmp_code={code}"),
            );
        } else {
            push(out, format_args!(",ct_tp_src={first},ct_tp_dst={second}"));
        }
    }
}

/// An address; one of IPv4 by itself.
fn unmapped(address: Ipv6Addr) -> String {
    match address.to_ipv4_mapped() {
        Some(address) => address.to_string(),
        None => ipv6(address),
    }
}

fn print_ct_flush(out: &mut String, flush: &CtFlush) {
    let mut tuples = [Tuple::ANY; 2];
    let mut zone = 0;
    // Mark and labels: all of their bits, and value and mask where they are said.
    let mut bits = [
        ("mark", u128::from(u32::MAX), [None; 2]),
        ("labels", u128::MAX, [None; 2]),
    ];
    let mut last = None;
    for property in &flush.properties {
        match property {
            CtFlushProperty::OrigTuple { properties } => {
                let addresses = properties.iter().filter_map(|part| tuples[0].take(part));
                last = addresses.last().or(last);
            }
            CtFlushProperty::ReplyTuple { properties } => {
                let addresses = properties.iter().filter_map(|part| tuples[1].take(part));
                last = addresses.last().or(last);
            }
            CtFlushProperty::Zone { zone: told } => zone = *told,
            CtFlushProperty::Mark { mark } => bits[0].2[0] = Some((*mark).into()),
            CtFlushProperty::MarkMask { mask } => bits[0].2[1] = Some((*mask).into()),
            CtFlushProperty::Labels { labels } => bits[1].2[0] = Some(*labels),
            CtFlushProperty::LabelsMask { mask } => bits[1].2[1] = Some(*mask),
            _ => {}
        }
    }
    push(out, format_args!(" zone={zone}"));
    for (name, all, [value, mask]) in bits {
        let mask = mask.unwrap_or(if value.is_some() { all } else { 0 });
        if mask != 0 {
            push(out, format_args!(" {name}={}", hex(value.unwrap_or(0))));
        }
        if mask != 0 && mask != all {
            push(out, format_args!("/{}", hex(mask)));
        }
    }
    // Which IP it is, the last address says.
    let is_ipv4 = last.is_some_and(|address| address.to_ipv4_mapped().is_some());
    let [original, reply] = &tuples;
    out.push_str(" '");
    original.print(out, is_ipv4, flush.ip_proto);
    push(out, format_args!(",ct_nw_proto={}' '", flush.ip_proto));
    reply.print(out, is_ipv4, flush.ip_proto);
    out.push('\'');
}

/// Writes counters on two lines, of which the second begins with `indent` spaces.
fn print_ipfix(out: &mut String, stats: &IpfixStats, indent: usize) {
    push(
        out,
        format_args!(
            "flows={}, current flows={}, sampled pkts={}, ipv4 ok={}, ipv6 ok={}, tx pkts={}",
            count(stats.total_flows),
            count(stats.current_flows),
            count(stats.pkts),
            count(stats.ipv4_pkts),
            count(stats.ipv6_pkts),
            count(stats.tx_pkts),
        ),
    );
    push(
        out,
        format_args!(
            "\n{:indent$}pkts errs={}, ipv4 errs={}, ipv6 errs={}, tx errs={}",
            "",
            count(stats.error_pkts),
            count(stats.ipv4_error_pkts),
            count(stats.ipv6_error_pkts),
            count(stats.tx_errors),
        ),
    );
}

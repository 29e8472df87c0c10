//! Actions as text, in the form of `ovs-ofctl dump-flows`.
//!
//! Encodings that mean the same are printed alike, as Open vSwitch does; reading gives the one that it would
//! send, or that of the oldest version when the name is from there: `mod_dl_src`. Actions that the table
//! does not know are written as `unknown:0x...` with their header.

mod controller;
mod ct;
mod learn;
mod nicira;
mod parse;

pub(super) use parse::{parse, parse_list};

use super::Names;
use super::scan::{self, Read, Wrong, hex};
use super::value::{self, Place, push};
use crate::action::{
    Action, Actions, CntIds, Learn2, LearnFlags, OfsNbits, Oxm, SAME_TABLE, SampleSource, Subfield,
};
use crate::field::NXM_0;
use crate::matches::Entry;
use crate::record::Wire;
use crate::wire::Writer;
use crate::{Field, GroupId, MeterId, PortNo, TableId, Version};

/// Writes a list of actions, `drop` for none.
pub(super) fn print_list(out: &mut String, actions: &[Action], names: &Names) {
    if actions.is_empty() {
        out.push_str("drop");
    }
    for (at, action) in actions.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        print(out, action, names);
    }
}

/// Writes the actions inside an action; `...` for those that nest too deeply to be kept.
fn print_nested(out: &mut String, actions: &Actions, names: &Names) {
    match actions.is_too_deep() {
        true => out.push_str("..."),
        false => print_list(out, actions, names),
    }
}

fn print(out: &mut String, action: &Action, names: &Names) {
    match action {
        Action::Output {
            port: PortNo::CONTROLLER,
            max_len,
        } => push(out, format_args!("CONTROLLER:{max_len}")),
        Action::Output { port, .. } => match port.reserved_name() {
            Some(name) => out.push_str(name),
            None => push(out, format_args!("output:{}", names.port(*port))),
        },
        Action::Enqueue { port, queue_id } => {
            push(
                out,
                format_args!("enqueue:{}:{queue_id}", names.port(*port)),
            );
        }
        Action::ResubmitPort { in_port } => resubmit(out, in_port.0, SAME_TABLE, false, names),
        Action::Resubmit { in_port, table } => resubmit(out, in_port.0, *table, false, names),
        Action::ResubmitCt { in_port, table } => resubmit(out, in_port.0, *table, true, names),
        Action::OutputTrunc { port, max_len } => {
            let port = names.port(port.0);
            push(out, format_args!("output(port={port},max_len={max_len})"));
        }
        Action::SetField { field } | Action::SetMasked { field } | Action::RegLoad2 { field } => {
            set_field(out, field, names);
        }
        Action::Ct {
            flags,
            zone,
            recirc_table,
            alg,
            actions,
        } => {
            let ct = ct::Ct {
                flags: *flags,
                zone: *zone,
                table: *recirc_table,
                alg: *alg,
                actions,
            };
            ct::print_ct(out, &ct, names);
        }
        Action::Nat { flags, range } => ct::print_nat(out, *flags, range),
        Action::Clone { actions } => {
            out.push_str("clone(");
            print_nested(out, actions, names);
            out.push(')');
        }
        Action::Bundle {
            algorithm,
            fields,
            basis,
            members,
            ..
        } => nicira::print_bundle(out, (*algorithm, *fields, *basis), None, members, names),
        Action::BundleLoad {
            algorithm,
            fields,
            basis,
            members,
            ..
        } => {
            let load = Subfield::packed(members.dst.0, members.ofs_nbits);
            let chosen = (*algorithm, *fields, *basis);
            nicira::print_bundle(out, chosen, Some(load), members, names);
        }
        Action::Learn { .. } | Action::Learn2 { .. } => print_learn(out, action, names),
        Action::Sample { .. }
        | Action::Sample2 { .. }
        | Action::Sample3 { .. }
        | Action::Sample4 { .. } => print_sample(out, action, names),
        other => print_plain(out, other),
    }
}

/// Writes an action without ports, tables or actions in it.
fn print_plain(out: &mut String, action: &Action) {
    if let Some((source, destination)) = action.copies() {
        let (source, destination) = (subfield(&source), subfield(&destination));
        push(out, format_args!("move:{source}->{destination}"));
        return;
    }
    if let Some(to) = action.to_controller() {
        controller::print(out, &to);
        return;
    }
    if let Some((_, name)) = BARE.iter().find(|row| row.0 == *action) {
        out.push_str(name);
        return;
    }
    match action {
        Action::ModVlanVid { vlan_vid } => push(out, format_args!("mod_vlan_vid:{vlan_vid}")),
        Action::ModVlanPcp { vlan_pcp } => push(out, format_args!("mod_vlan_pcp:{vlan_pcp}")),
        Action::SetVlanVid { vlan_vid } => push(out, format_args!("set_vlan_vid:{vlan_vid}")),
        Action::SetVlanPcp { vlan_pcp } => push(out, format_args!("set_vlan_pcp:{vlan_pcp}")),
        Action::SetDlSrc { dl_addr } => push(out, format_args!("mod_dl_src:{dl_addr}")),
        Action::SetDlDst { dl_addr } => push(out, format_args!("mod_dl_dst:{dl_addr}")),
        Action::SetNwSrc { nw_addr } => push(out, format_args!("mod_nw_src:{nw_addr}")),
        Action::SetNwDst { nw_addr } => push(out, format_args!("mod_nw_dst:{nw_addr}")),
        Action::SetNwTos { nw_tos } => push(out, format_args!("mod_nw_tos:{nw_tos}")),
        Action::SetNwEcn { nw_ecn } => push(out, format_args!("mod_nw_ecn:{nw_ecn}")),
        Action::SetTpSrc { tp_port } => push(out, format_args!("mod_tp_src:{tp_port}")),
        Action::SetTpDst { tp_port } => push(out, format_args!("mod_tp_dst:{tp_port}")),
        Action::SetMplsLabel { mpls_label } | Action::NxSetMplsLabel { mpls_label } => {
            push(out, format_args!("set_mpls_label({mpls_label})"));
        }
        Action::SetMplsTc { mpls_tc } | Action::NxSetMplsTc { mpls_tc } => {
            push(out, format_args!("set_mpls_tc({mpls_tc})"));
        }
        Action::SetMplsTtl { mpls_ttl } | Action::NxSetMplsTtl { mpls_ttl } => {
            push(out, format_args!("set_mpls_ttl({mpls_ttl})"));
        }
        Action::PushVlan { ethertype } => push(out, format_args!("push_vlan:0x{ethertype:04x}")),
        Action::PushPbb { ethertype } => push(out, format_args!("push_pbb:0x{ethertype:04x}")),
        Action::PushMpls { ethertype } | Action::NxPushMpls { ethertype } => {
            push(out, format_args!("push_mpls:0x{ethertype:04x}"));
        }
        Action::PopMpls { ethertype } | Action::NxPopMpls { ethertype } => {
            push(out, format_args!("pop_mpls:0x{ethertype:04x}"));
        }
        Action::SetQueue { queue_id } | Action::NxSetQueue { queue_id } => {
            push(out, format_args!("set_queue:{queue_id}"));
        }
        Action::Group {
            group_id: GroupId(group),
        }
        | Action::NxGroup {
            group_id: GroupId(group),
        } => push(out, format_args!("group:{group}")),
        Action::Meter {
            meter_id: MeterId(meter),
        } => push(out, format_args!("meter:{meter}")),
        Action::SetTtl { nw_ttl } => push(out, format_args!("mod_nw_ttl:{nw_ttl}")),
        other => print_nicira(out, other),
    }
}

/// Actions that are their name.
const BARE: &[(Action, &str)] = &[
    (Action::PopVlan {}, "pop_vlan"),
    (Action::StripVlan {}, "strip_vlan"),
    (Action::PopPbb {}, "pop_pbb"),
    (Action::CopyTtlOut {}, "copy_ttl_out"),
    (Action::CopyTtlIn {}, "copy_ttl_in"),
    (Action::DecMplsTtl {}, "dec_mpls_ttl"),
    (Action::NxDecMplsTtl {}, "dec_mpls_ttl"),
    (Action::DecTtl {}, "dec_ttl"),
    (Action::NxDecTtl {}, "dec_ttl"),
    (Action::PopQueue {}, "pop_queue"),
    (Action::Exit {}, "exit"),
    (Action::CtClear {}, "ct_clear"),
    (Action::DecNshTtl {}, "dec_nsh_ttl"),
    (Action::DebugSlow {}, "debug_slow"),
    (Action::DebugRecirc {}, "debug_recirc"),
];

/// Writes an action of Nicira's, or one that the table does not know.
fn print_nicira(out: &mut String, action: &Action) {
    let bits = |field: Oxm, bits: OfsNbits| subfield(&Subfield::packed(field, bits));
    match action {
        Action::SetTunnel { tun_id } => {
            push(out, format_args!("set_tunnel:{}", hex((*tun_id).into())));
        }
        Action::SetTunnel64 { tun_id } => {
            push(out, format_args!("set_tunnel64:{}", hex((*tun_id).into())));
        }
        Action::RegLoad {
            ofs_nbits,
            dst,
            value,
        } => {
            let (value, dst) = (hex((*value).into()), bits(dst.0, *ofs_nbits));
            push(out, format_args!("load:{value}->{dst}"));
        }
        Action::Note { note } => {
            let bytes: Vec<String> = note.0.iter().map(|byte| format!("{byte:02x}")).collect();
            push(out, format_args!("note:{}", bytes.join(".")));
        }
        Action::Multipath { .. } => nicira::print_multipath(out, action),
        Action::OutputReg { ofs_nbits, src, .. } => {
            push(out, format_args!("output:{}", bits(src.0, *ofs_nbits)));
        }
        Action::OutputReg2 { ofs_nbits, src, .. } => {
            push(out, format_args!("output:{}", bits(*src, *ofs_nbits)));
        }
        Action::FinTimeout {
            fin_idle_timeout,
            fin_hard_timeout,
        } => {
            let both = [("idle", fin_idle_timeout), ("hard", fin_hard_timeout)];
            let set = both.iter().filter(|(_, seconds)| **seconds != 0);
            let parts: Vec<_> = set
                .map(|(name, seconds)| format!("{name}_timeout={seconds}"))
                .collect();
            out.push_str("fin_timeout");
            parenthesized(out, &parts);
        }
        Action::DecTtlCntIds {
            cnt_ids: CntIds(ids),
        } => {
            let ids: Vec<_> = ids.iter().map(u16::to_string).collect();
            out.push_str("dec_ttl");
            parenthesized(out, &ids);
        }
        Action::WriteMetadata { metadata, mask } => {
            super::flow::print_metadata(out, *metadata, *mask);
        }
        Action::Push {
            offset,
            field,
            n_bits,
        } => {
            let source = subfield(&Subfield::new(*field, *offset, *n_bits));
            push(out, format_args!("push:{source}"));
        }
        Action::Pop {
            offset,
            field,
            n_bits,
        } => {
            let destination = subfield(&Subfield::new(*field, *offset, *n_bits));
            push(out, format_args!("pop:{destination}"));
        }
        Action::Conjunction {
            clause,
            n_clauses,
            id,
        } => {
            let clause = u16::from(*clause) + 1;
            push(out, format_args!("conjunction({id},{clause}/{n_clauses})"));
        }
        Action::Encap {
            new_pkt_type,
            properties,
            ..
        } => nicira::print_encap(out, *new_pkt_type, properties),
        Action::Decap { new_pkt_type } => nicira::print_decap(out, *new_pkt_type),
        Action::CheckPktLarger {
            pkt_len,
            offset,
            dst,
        } => {
            let bit = subfield(&Subfield::new(*dst, *offset, 1));
            push(out, format_args!("check_pkt_larger({pkt_len})->{bit}"));
        }
        Action::DeleteField { field } => {
            push(out, format_args!("delete_field:{}", field_name(field.0)));
        }
        other => {
            let mut w = Writer::new();
            // What the table does not know is written alike in every version.
            if other.write(&mut w, Version::V1_5).is_ok() {
                let bytes = super::bytes_as_hex(w.written(0));
                push(out, format_args!("unknown:{bytes}"));
            }
        }
    }
}

/// The name of a field as `set_field` has it; that of an unknown one is its header.
fn field_name(field: Oxm) -> String {
    match field.field() {
        Some(port @ Field::InPort) if is_narrow(field) => port.row().in_match.to_owned(),
        Some(known) => known.row().name.to_owned(),
        None => header(field),
    }
}

/// The header of a field, in hexadecimal.
fn header(field: Oxm) -> String {
    let mut w = Writer::new();
    // A header that is there as such can be written.
    let _ = field.write(&mut w, Version::V1_5);
    super::bytes_as_hex(w.written(0))
}

fn set_field(out: &mut String, entry: &Entry, names: &Names) {
    match entry {
        Entry::Known(field) => {
            out.push_str("set_field:");
            value::print(out, field, names, Place::Action);
            let row = field.field.row();
            let name = match field.class {
                Some(NXM_0) if field.field == Field::InPort => row.in_match,
                _ => row.name,
            };
            push(out, format_args!("->{name}"));
        }
        Entry::Long(long) => {
            out.push_str("set_field:");
            value::print_long(out, long, Place::Action);
            push(out, format_args!("->{}", long.field.row().name));
        }
        Entry::Unknown(bytes) => {
            push(
                out,
                format_args!("set_field:{}->oxm", super::bytes_as_hex(bytes)),
            );
        }
    }
}

fn print_learn(out: &mut String, action: &Action, names: &Names) {
    match action {
        Action::Learn {
            idle_timeout,
            hard_timeout,
            priority,
            cookie,
            flags,
            table_id,
            fin_idle_timeout,
            fin_hard_timeout,
            specs,
        } => {
            let learn = Learn2 {
                idle_timeout: *idle_timeout,
                hard_timeout: *hard_timeout,
                priority: *priority,
                cookie: *cookie,
                flags: LearnFlags::new(*flags),
                table_id: *table_id,
                fin_idle_timeout: *fin_idle_timeout,
                fin_hard_timeout: *fin_hard_timeout,
                specs: specs.clone(),
                ..Learn2::default()
            };
            learn::print(out, &learn, names);
        }
        Action::Learn2 { learn } => learn::print(out, learn, names),
        _ => {}
    }
}

fn print_sample(out: &mut String, action: &Action, names: &Names) {
    let sample = match *action {
        Action::Sample {
            probability,
            collector_set_id,
            obs_domain_id,
            obs_point_id,
        } => nicira::Sample {
            probability,
            collector_set_id,
            domain: SampleSource::Number(obs_domain_id),
            point: SampleSource::Number(obs_point_id),
            port: None,
            direction: 0,
        },
        // Open vSwitch takes no notice of the direction here.
        Action::Sample2 {
            probability,
            collector_set_id,
            obs_domain_id,
            obs_point_id,
            sampling_port,
            ..
        } => nicira::Sample {
            probability,
            collector_set_id,
            domain: SampleSource::Number(obs_domain_id),
            point: SampleSource::Number(obs_point_id),
            port: Some(sampling_port.0),
            direction: 0,
        },
        Action::Sample3 {
            probability,
            collector_set_id,
            obs_domain_id,
            obs_point_id,
            sampling_port,
            direction,
        } => nicira::Sample {
            probability,
            collector_set_id,
            domain: SampleSource::Number(obs_domain_id),
            point: SampleSource::Number(obs_point_id),
            port: Some(sampling_port.0),
            direction,
        },
        Action::Sample4 {
            probability,
            collector_set_id,
            obs_domain,
            obs_point,
            sampling_port,
            direction,
        } => nicira::Sample {
            probability,
            collector_set_id,
            domain: obs_domain,
            point: obs_point,
            port: Some(sampling_port.0),
            direction,
        },
        _ => return,
    };
    nicira::print_sample(out, &sample, names);
}

/// Whether it is the port of arrival in sixteen bits.
fn is_narrow(field: Oxm) -> bool {
    matches!(field, Oxm::Header(header) if header.class == NXM_0)
}

/// Writes bits of a field. Bits that it does not have are of its header, which says nothing of how many there are.
fn subfield(bits: &Subfield) -> String {
    let (first, count) = (bits.offset, bits.bits);
    let named = match bits.field.field() {
        Some(Field::InPort) if is_narrow(bits.field) => Some(("NXM_OF_IN_PORT", 16)),
        Some(field) => Some((field.code_name(), field.row().bits)),
        None => None,
    };
    let end = u32::from(first) + u32::from(count);
    let (name, whole) = match named.filter(|(_, whole)| end <= u32::from(*whole)) {
        Some((name, whole)) => (name.to_owned(), Some(whole)),
        None => (header(bits.field), None),
    };
    if first == 0 && whole == Some(count) {
        format!("{name}[]")
    } else if count == 1 {
        format!("{name}[{first}]")
    } else {
        format!("{name}[{first}..{}]", end.saturating_sub(1))
    }
}

fn resubmit(out: &mut String, port: PortNo, table: u8, ct: bool, names: &Names) {
    if port != PortNo::IN_PORT && table == SAME_TABLE && !ct {
        push(out, format_args!("resubmit:{}", names.port(port)));
        return;
    }
    out.push_str("resubmit(");
    if port != PortNo::IN_PORT {
        push(out, format_args!("{}", names.port(port)));
    }
    out.push(',');
    if table != SAME_TABLE {
        push(out, format_args!("{}", names.table(TableId(table))));
    }
    out.push_str(if ct { ",ct)" } else { ")" });
}

/// Appends `(part,part)`.
fn parenthesized(out: &mut String, parts: &[String]) {
    push(out, format_args!("({})", parts.join(",")));
}

/// Parts a text at its last arrow.
fn arrow(text: &str) -> Read<'_, (&str, &str)> {
    text.rsplit_once("->")
        .ok_or_else(|| Wrong::new(text, "'->' and where to"))
}

/// A field by its own name or that of one of its code points, and its bits there.
fn named_field(name: &str) -> Read<'_, (Oxm, u16)> {
    if name.starts_with("0x") {
        return Ok((named_header(name)?, u16::MAX));
    }
    if let Some((field, code)) = Field::from_code_name(name) {
        let bits = field.row().bits.min(u16::from(code.bytes) * 8);
        let narrow = field == Field::InPort && code.bytes == 2;
        let field = if narrow {
            Oxm::IN_PORT_16
        } else {
            field.into()
        };
        return Ok((field, bits));
    }
    Field::from_name(name)
        .map(|field| (field.into(), field.row().bits))
        .ok_or_else(|| Wrong::new(name, "the name of a field"))
}

/// Reads `FIELD[]`, `FIELD[bit]`, `FIELD[first..last]` or `FIELD`.
fn parse_subfield(text: &str) -> Read<'_, Subfield> {
    let (name, range) = match text.split_once('[') {
        None => (text, ""),
        Some((name, rest)) => match rest.strip_suffix(']') {
            Some(range) => (name, range),
            None => return Err(Wrong::new(rest, "a closing bracket")),
        },
    };
    let (field, bits) = named_field(name)?;
    let (first, last) = match range.split_once("..") {
        None if range.is_empty() => (0, bits - 1),
        None => (scan::u16(range)?, scan::u16(range)?),
        Some((first, last)) => (scan::u16(first)?, scan::u16(last)?),
    };
    if first > last || last >= bits {
        return Err(Wrong::new(range, format!("bits among 0..{}", bits - 1)));
    }
    Ok(Subfield::new(field, first, last - first + 1))
}

/// Reads the header of a field, in hexadecimal.
fn named_header(text: &str) -> Read<'_, Oxm> {
    let bytes = super::hex_as_bytes(text)?.into();
    let mut r = crate::wire::Reader::new(&bytes);
    let read = Oxm::read(&mut r, Version::V1_5, "the header of a field");
    let whole = read.ok().filter(|_| r.is_empty());
    whole.ok_or_else(|| Wrong::new(text, "the header of a field"))
}

//! Reading of actions.

use bytes::Bytes;

use super::controller::{self, to_controller};
use super::{BARE, arrow, ct, learn, named_header, nicira, parse_subfield};
use crate::action::{
    Action, CntIds, MAX_NESTING, Note, OfsNbits, Oxm, Oxm32, PaddedOxm, SAME_TABLE,
};
use crate::field::NXM_0;
use crate::matches::Entry;
use crate::text::scan::{self, Item, Read, Wrong};
use crate::text::{Names, hex_as_bytes, value};
use crate::{Field, GroupId, MeterId, PortNo};

/// Reads a list of actions. `drop` stands alone.
pub(in crate::text) fn parse_list<'a>(
    text: &'a str,
    names: &Names,
    depth: u8,
) -> Read<'a, Vec<Action>> {
    if depth > MAX_NESTING {
        return Err(Wrong::new(text, "actions that nest less deeply"));
    }
    let items = scan::items(text)?;
    if let Some(drop) = items.iter().find(|item| item.key == "drop") {
        drop.alone("no value")?;
        return match items.len() {
            1 => Ok(Vec::new()),
            _ => Err(Wrong::new(drop.key, "no other action beside drop")),
        };
    }
    items.iter().map(|item| parse(item, names, depth)).collect()
}

/// Reads one action.
pub(in crate::text) fn parse<'a>(item: &Item<'a>, names: &Names, depth: u8) -> Read<'a, Action> {
    let arguments = || item.arguments("arguments in parentheses");
    match item.key {
        "output" if item.separator == Some('(') => nicira::parse_output_trunc(arguments()?, names),
        "output" => output(value_of(item)?, names),
        "enqueue" => nicira::parse_enqueue(value_of(item)?, names),
        "resubmit" => parse_resubmit(item, names),
        "ct" if item.separator.is_none() => ct::parse_ct(item.value, names, depth),
        "ct" => ct::parse_ct(arguments()?, names, depth),
        "clone" => {
            let actions = parse_list(arguments()?, names, depth + 1)?;
            Ok(Action::clone_of(actions))
        }
        "learn" if item.separator.is_none() => learn::parse(item.value, names),
        "learn" => learn::parse(arguments()?, names),
        "bundle" => nicira::parse_bundle(arguments()?, false, names),
        "bundle_load" => nicira::parse_bundle(arguments()?, true, names),
        "sample" => nicira::parse_sample(arguments()?, names),
        "set_field" => parse_set_field(value_of(item)?, names),
        "nat" if item.separator.is_none() => ct::parse_nat(item.value),
        "nat" => ct::parse_nat(arguments()?),
        _ => match parse_standard(item)? {
            Some(action) => Ok(action),
            None => match parse_nicira(item)? {
                Some(action) => Ok(action),
                None => parse_port(item, names),
            },
        },
    }
}

/// What stands after `:` or `=`, or between parentheses.
fn value_of<'a>(item: &Item<'a>) -> Read<'a, &'a str> {
    match item.separator {
        Some('(') => item.arguments("nothing after the parentheses"),
        _ => item.plain("a value, after ':'"),
    }
}

/// Reads an action of the standard; none for any other.
fn parse_standard<'a>(item: &Item<'a>) -> Read<'a, Option<Action>> {
    let plain = || value_of(item);
    let address = || {
        let text = plain()?;
        let address = text.parse();
        address.map_err(|_| Wrong::new(text, "an Ethernet address"))
    };
    let ip = || {
        let text = plain()?;
        let address = text.parse();
        address.map_err(|_| Wrong::new(text, "an IPv4 address"))
    };
    let at_most = |max: u16| scan::number(plain()?, max.into());
    let ethertype = || scan::u16(plain()?);
    Ok(Some(match item.key {
        "mod_vlan_vid" => Action::ModVlanVid {
            vlan_vid: at_most(0xfff)? as u16,
        },
        "mod_vlan_pcp" => Action::ModVlanPcp {
            vlan_pcp: at_most(7)? as u8,
        },
        "set_vlan_vid" => Action::SetVlanVid {
            vlan_vid: at_most(0xfff)? as u16,
        },
        "set_vlan_pcp" => Action::SetVlanPcp {
            vlan_pcp: at_most(7)? as u8,
        },
        "mod_dl_src" => Action::SetDlSrc {
            dl_addr: address()?,
        },
        "mod_dl_dst" => Action::SetDlDst {
            dl_addr: address()?,
        },
        "mod_nw_src" => Action::SetNwSrc { nw_addr: ip()? },
        "mod_nw_dst" => Action::SetNwDst { nw_addr: ip()? },
        "mod_nw_tos" => Action::SetNwTos {
            nw_tos: scan::u8(plain()?)?,
        },
        "mod_nw_ecn" => Action::SetNwEcn {
            nw_ecn: at_most(3)? as u8,
        },
        "mod_tp_src" => Action::SetTpSrc {
            tp_port: scan::u16(plain()?)?,
        },
        "mod_tp_dst" => Action::SetTpDst {
            tp_port: scan::u16(plain()?)?,
        },
        "set_mpls_label" => Action::SetMplsLabel {
            mpls_label: scan::number(plain()?, 0xf_ffff)? as u32,
        },
        "set_mpls_tc" => Action::SetMplsTc {
            mpls_tc: at_most(7)? as u8,
        },
        "set_mpls_ttl" => Action::SetMplsTtl {
            mpls_ttl: scan::u8(plain()?)?,
        },
        "push_vlan" => Action::PushVlan {
            ethertype: ethertype()?,
        },
        "push_mpls" => Action::PushMpls {
            ethertype: ethertype()?,
        },
        "pop_mpls" => Action::PopMpls {
            ethertype: ethertype()?,
        },
        "push_pbb" => Action::PushPbb {
            ethertype: ethertype()?,
        },
        "set_queue" => Action::SetQueue {
            queue_id: scan::u32(plain()?)?,
        },
        "group" => Action::Group {
            group_id: GroupId(scan::u32(plain()?)?),
        },
        "meter" => Action::Meter {
            meter_id: MeterId(scan::u32(plain()?)?),
        },
        "mod_nw_ttl" => Action::SetTtl {
            nw_ttl: scan::u8(plain()?)?,
        },
        "move" => parse_move(plain()?)?,
        "dec_ttl" if item.separator.is_some() => {
            let ids = value_of(item)?.split(',').map(str::trim);
            let ids = ids.filter(|id| !id.is_empty());
            let ids: Read<'a, Vec<u16>> = ids.map(scan::u16).collect();
            Action::DecTtlCntIds {
                cnt_ids: CntIds(ids?),
            }
        }
        key => {
            // Of those that are called alike, the standard's comes first.
            let Some((action, _)) = BARE.iter().find(|row| row.1 == key) else {
                return Ok(None);
            };
            item.alone("no value")?;
            action.clone()
        }
    }))
}

/// Reads an action of Nicira's; none for any other.
fn parse_nicira<'a>(item: &Item<'a>) -> Read<'a, Option<Action>> {
    let plain = || value_of(item);
    Ok(Some(match item.key {
        "set_tunnel" => {
            let tun_id = scan::u64(plain()?)?;
            match u32::try_from(tun_id) {
                Ok(tun_id) => Action::SetTunnel { tun_id },
                Err(_) => Action::SetTunnel64 { tun_id },
            }
        }
        "set_tunnel64" => Action::SetTunnel64 {
            tun_id: scan::u64(plain()?)?,
        },
        "load" => parse_load(plain()?)?,
        "push" => Action::push(parse_subfield(plain()?)?),
        "pop" => Action::pop(parse_subfield(plain()?)?),
        "note" => {
            let mut bytes = match plain()? {
                "" => Vec::new(),
                text => hex_as_bytes(text)?,
            };
            // With the ten bytes before it, it fills eights.
            bytes.resize((bytes.len() + 2).next_multiple_of(8).max(8) - 2, 0);
            let note = Note(bytes.into());
            Action::Note { note }
        }
        "multipath" => nicira::parse_multipath(plain()?)?,
        "fin_timeout" => nicira::parse_fin_timeout(plain()?)?,
        "write_metadata" => {
            let (metadata, mask) = crate::text::flow::parse_metadata(plain()?)?;
            Action::WriteMetadata { metadata, mask }
        }
        "conjunction" => parse_conjunction(plain()?)?,
        "encap" => nicira::parse_encap(plain()?)?,
        "decap" if item.separator.is_none() => nicira::parse_decap(item.value)?,
        "decap" => nicira::parse_decap(plain()?)?,
        "check_pkt_larger" => parse_check_pkt_larger(item)?,
        "delete_field" => {
            let text = plain()?;
            let field = match nicira::parse_field(text) {
                _ if text.starts_with("0x") => named_header(text)?,
                Ok(port @ Field::InPort) if text == port.row().in_match => Oxm::IN_PORT_16,
                field => field?.into(),
            };
            let field = PaddedOxm(field);
            Action::DeleteField { field }
        }
        "unknown" => parse_unknown(plain()?)?,
        _ => return Ok(None),
    }))
}

/// Reads an action by its bytes, as one that the table does not know.
fn parse_unknown(text: &str) -> Read<'_, Action> {
    let bytes = Bytes::from(hex_as_bytes(text)?);
    let wrong = || Wrong::new(text, "the bytes of an action");
    if bytes.len() < 8 || !bytes.len().is_multiple_of(8) {
        return Err(wrong());
    }
    let number = u16::from_be_bytes([bytes[0], bytes[1]]);
    if number != 0xffff {
        let (number, data) = (number.into(), bytes.slice(4..));
        return Ok(Action::Unknown {
            number,
            data: data.into(),
        });
    }
    let vendor = bytes.slice(4..8).first_chunk().copied();
    Ok(Action::Experimenter {
        experimenter: u32::from_be_bytes(vendor.ok_or_else(wrong)?),
        data: bytes.slice(8..).into(),
    })
}

/// Reads `NORMAL`, `CONTROLLER:128`, `controller(...)`, `7` or a port's name.
fn parse_port<'a>(item: &Item<'a>, names: &Names) -> Read<'a, Action> {
    if item.key.eq_ignore_ascii_case("controller") {
        return match item.separator {
            Some('(') => controller::parse(item.arguments("nothing after controller(...)")?),
            Some(_) => to_controller(scan::u16(item.value)?),
            None => to_controller(u16::MAX),
        };
    }
    let port = names
        .read_port(item.key)
        .map_err(|_| Wrong::new(item.key, "an action"))?;
    item.alone("no value")?;
    Ok(Action::output(port))
}

fn output<'a>(text: &'a str, names: &Names) -> Read<'a, Action> {
    match names.read_port(text) {
        Ok(PortNo::CONTROLLER) => to_controller(u16::MAX),
        Ok(port) => Ok(Action::output(port)),
        Err(wrong) => nicira::parse_output_reg(text).map_err(|_| wrong),
    }
}

fn parse_set_field<'a>(text: &'a str, names: &Names) -> Read<'a, Action> {
    let (text, name) = arrow(text)?;
    if name == "oxm" {
        let field = Entry::Unknown(Bytes::from(hex_as_bytes(text)?));
        return Ok(Action::SetField { field });
    }
    let field = nicira::parse_field(name)?;
    if field.row().is_variable() {
        let field = Entry::Long(Box::new(value::parse_long(field, text)?));
        return Ok(Action::SetField { field });
    }
    let mut value = value::parse(field, text, names)?;
    value.class = (field == Field::InPort && name == field.row().in_match).then_some(NXM_0);
    Ok(Action::set_to(value))
}

/// Reads `load:VALUE->SUBFIELD`.
fn parse_load(text: &str) -> Read<'_, Action> {
    let (text, destination) = arrow(text)?;
    let to = parse_subfield(destination)?;
    if to.bits > 64 {
        return Err(Wrong::new(destination, "64 bits of a field at most"));
    }
    let value = scan::number(text, u128::MAX >> (128 - to.bits))?;
    Ok(Action::RegLoad {
        ofs_nbits: OfsNbits::new(to.offset, to.bits),
        dst: Oxm32(to.field),
        value: value as u64,
    })
}

fn parse_move(text: &str) -> Read<'_, Action> {
    let (source, destination) = arrow(text)?;
    let (from, to) = (parse_subfield(source)?, parse_subfield(destination)?);
    if from.bits != to.bits {
        let expected = format!("{} bits, as many as are copied", from.bits);
        return Err(Wrong::new(destination, expected));
    }
    Ok(Action::copy_bits(from, to))
}

fn parse_resubmit<'a>(item: &Item<'a>, names: &Names) -> Read<'a, Action> {
    if item.separator != Some('(') {
        let port = names.read_port(item.plain("a port, after ':'")?)?;
        let in_port = port.into();
        return Ok(Action::ResubmitPort { in_port });
    }
    let text = item.arguments("nothing after resubmit(...)")?;
    let (text, ct) = match text.rsplit_once(',') {
        Some((rest, word)) if word.trim() == "ct" => (rest, true),
        _ => (text, false),
    };
    let (port, table) = text.split_once(',').unwrap_or((text, ""));
    let port = match port.trim() {
        "" => PortNo::IN_PORT,
        port => names.read_port(port)?,
    };
    let table = match table.trim() {
        "" => SAME_TABLE,
        table => names.read_table(table)?.0,
    };
    if ct {
        let in_port = port.into();
        return Ok(Action::ResubmitCt { in_port, table });
    }
    Ok(Action::resubmit_from(port, table))
}

fn parse_conjunction(text: &str) -> Read<'_, Action> {
    let parts = text
        .split_once(',')
        .and_then(|(id, rest)| Some((id, rest.split_once('/')?)));
    let Some((id, (clause, of))) = parts else {
        return Err(Wrong::new(text, "ID,CLAUSE/OF"));
    };
    let (number, count) = (scan::u8(clause.trim())?, scan::u8(of.trim())?);
    if number == 0 || number > count {
        return Err(Wrong::new(
            clause,
            "a clause from 1 to the number of clauses",
        ));
    }
    let id = scan::u32(id.trim())?;
    Ok(Action::conjunction(id, number, count))
}

fn parse_check_pkt_larger<'a>(item: &Item<'a>) -> Read<'a, Action> {
    let limit = match item.separator {
        Some('(') => scan::u16(item.value)?,
        _ => return Err(Wrong::new(item.key, "a limit in parentheses")),
    };
    let Some(destination) = item.tail.strip_prefix("->") else {
        return Err(Wrong::new(item.tail, "'->' and one bit of a field"));
    };
    let bit = parse_subfield(destination)?;
    if bit.bits != 1 {
        return Err(Wrong::new(destination, "one bit of a field"));
    }
    Ok(Action::check_pkt_larger(limit, bit))
}

//! Nicira's other actions as text: hashes over links and ports, samples, headers that are added and removed.

use super::{parenthesized, parse_subfield, subfield};
use crate::Action;
use crate::action::{
    EncapProperty, HashFields, LinkAlgorithm, OfsNbits, Oxm, Oxm32, Port16, SampleSource, Slaves,
    SlavesAlgorithm, Subfield,
};
use crate::matches::Header;
use crate::text::scan::{self, Item, Read, Wrong, hex};
use crate::text::value::{long_hex, push};
use crate::text::{Names, bytes_as_hex, hex_as_bytes};
use crate::{Field, PortNo};

/// Writes what chooses a link.
pub(super) fn print_multipath(out: &mut String, action: &Action) {
    let Action::Multipath {
        fields,
        basis,
        algorithm,
        max_link,
        arg,
        ofs_nbits,
        dst,
    } = action
    else {
        return;
    };
    let links = u32::from(*max_link) + 1;
    let dst = subfield(&Subfield::packed(dst.0, *ofs_nbits));
    push(
        out,
        format_args!("multipath({fields},{basis},{algorithm},{links},{arg},{dst})"),
    );
}

/// The parts of a list, without white space around them.
fn parts(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).collect()
}

fn hash_fields(text: &str) -> Read<'_, HashFields> {
    match HashFields::from_name(text) {
        Some(fields) => Ok(fields),
        None => scan::u16(text)
            .map(HashFields)
            .map_err(|_| Wrong::new(text, "what is hashed: eth_src, symmetric_l4 and so on")),
    }
}

/// Reads what chooses a link.
pub(super) fn parse_multipath(text: &str) -> Read<'_, Action> {
    let [fields, basis, algorithm, links, arg, dst] = parts(text)[..] else {
        let expected = "FIELDS,BASIS,ALGORITHM,LINKS,ARGUMENT,DESTINATION";
        return Err(Wrong::new(text, expected));
    };
    let known = LinkAlgorithm::from_name(algorithm);
    let count = scan::number(links, 0x1_0000)?;
    let last = count.checked_sub(1);
    let to = parse_subfield(dst)?;
    Ok(Action::Multipath {
        fields: hash_fields(fields)?,
        basis: scan::u16(basis)?,
        algorithm: match known {
            Some(algorithm) => algorithm,
            None => LinkAlgorithm(scan::u16(algorithm)?),
        },
        max_link: last.ok_or_else(|| Wrong::new(links, "a link at least"))? as u16,
        arg: scan::u32(arg)?,
        ofs_nbits: to.ofs_nbits(),
        dst: Oxm32(to.field),
    })
}

/// What members are: ports.
const PORTS: Oxm32 = Oxm32(Oxm::IN_PORT_16);

/// The field of a bundle that writes none: a header of zeros.
const NOWHERE: Oxm32 = Oxm32(Oxm::Header(Header {
    class: 0,
    number: 0,
    masked: false,
    length: 0,
    experimenter: 0,
}));

/// Writes what chooses a port.
pub(super) fn print_bundle(
    out: &mut String,
    (algorithm, fields, basis): (SlavesAlgorithm, HashFields, u16),
    load: Option<Subfield>,
    members: &Slaves,
    names: &Names,
) {
    out.push_str(match load {
        Some(_) => "bundle_load",
        None => "bundle",
    });
    push(out, format_args!("({fields},{basis},{algorithm},ofport,"));
    if let Some(load) = load {
        push(out, format_args!("{},", subfield(&load)));
    }
    out.push_str("members:");
    for (at, port) in members.ports.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        push(out, format_args!("{comma}{}", names.port(port.0)));
    }
    out.push(')');
}

/// Reads what chooses a port.
pub(super) fn parse_bundle<'a>(text: &'a str, loads: bool, names: &Names) -> Read<'a, Action> {
    let wrong = || Wrong::new(text, "FIELDS,BASIS,ALGORITHM,ofport,members:PORTS");
    let start = text.find("members:").or_else(|| text.find("slaves:"));
    let (head, list) = text.split_at(start.ok_or_else(wrong)?);
    let list = list.split_once(':').map_or("", |(_, list)| list);
    let head = parts(head.trim_end().trim_end_matches(','));
    let (head, load) = match head[..] {
        [fields, basis, algorithm, "ofport", load] if loads => {
            ([fields, basis, algorithm], Some(parse_subfield(load)?))
        }
        [fields, basis, algorithm, "ofport"] if !loads => ([fields, basis, algorithm], None),
        _ => return Err(wrong()),
    };
    let [fields, basis, name] = head;
    let algorithm = match SlavesAlgorithm::from_name(name) {
        Some(algorithm) => algorithm,
        None => SlavesAlgorithm(scan::u16(name)?),
    };
    let members = parts(list).into_iter().filter(|port| !port.is_empty());
    let members: Read<'a, Vec<Port16>> = members
        .map(|port| names.read_port(port).map(Port16))
        .collect();
    let members = Slaves {
        ofs_nbits: load.map_or(OfsNbits::new(0, 1), |load| load.ofs_nbits()),
        dst: load.map_or(NOWHERE, |load| Oxm32(load.field)),
        ports: members?,
    };
    let (fields, basis, slave_type) = (hash_fields(fields)?, scan::u16(basis)?, PORTS);
    Ok(match load {
        Some(_) => Action::BundleLoad {
            algorithm,
            fields,
            basis,
            slave_type,
            members,
        },
        None => Action::Bundle {
            algorithm,
            fields,
            basis,
            slave_type,
            members,
        },
    })
}

/// What all samples say.
pub(super) struct Sample {
    pub(super) probability: u16,
    pub(super) collector_set_id: u32,
    pub(super) domain: SampleSource,
    pub(super) point: SampleSource,
    pub(super) port: Option<PortNo>,
    pub(super) direction: u8,
}

/// The port of a sample that names none.
const NO_PORT: u16 = 0xffff;
/// Directions of a sample, from 1.
const DIRECTIONS: [&str; 2] = ["ingress", "egress"];

/// Writes a sample.
pub(super) fn print_sample(out: &mut String, sample: &Sample, names: &Names) {
    let source = |source: &SampleSource| match source {
        SampleSource::Number(number) => number.to_string(),
        SampleSource::Field(field, bits) => subfield(&Subfield::packed(field.0, *bits)),
    };
    let mut parts = vec![
        format!("probability={}", sample.probability),
        format!("collector_set_id={}", sample.collector_set_id),
        format!("obs_domain_id={}", source(&sample.domain)),
        format!("obs_point_id={}", source(&sample.point)),
    ];
    if let Some(port) = sample.port.filter(|port| port.to_u16() != Some(NO_PORT)) {
        parts.push(format!("sampling_port={}", names.port(port)));
    }
    let direction = usize::from(sample.direction).checked_sub(1);
    if let Some(name) = direction.and_then(|at| DIRECTIONS.get(at)) {
        parts.push((*name).to_owned());
    }
    out.push_str("sample");
    parenthesized(out, &parts);
}

/// Reads a sample.
pub(super) fn parse_sample<'a>(text: &'a str, names: &Names) -> Read<'a, Action> {
    let (mut probability, mut collector_set_id, mut direction) = (0, 0, 0);
    let (mut obs_domain, mut obs_point) = (SampleSource::Number(0), SampleSource::Number(0));
    let mut sampling_port = None;
    for item in scan::items(text)? {
        let plain = || item.plain("a value, after '='");
        match item.key {
            "probability" => probability = scan::u16(plain()?)?,
            "collector_set_id" => collector_set_id = scan::u32(plain()?)?,
            "obs_domain_id" => obs_domain = parse_source(plain()?)?,
            "obs_point_id" => obs_point = parse_source(plain()?)?,
            "sampling_port" => sampling_port = Some(Port16(names.read_port(plain()?)?)),
            key => {
                let at = DIRECTIONS.iter().position(|name| *name == key);
                let expected = "probability, collector_set_id, obs_domain_id, obs_point_id, \
                                sampling_port, ingress or egress";
                direction = at.ok_or_else(|| Wrong::new(key, expected))? as u8 + 1;
            }
        }
    }
    let port = sampling_port.unwrap_or(Port16(PortNo::from_u16(NO_PORT)));
    let (SampleSource::Number(obs_domain_id), SampleSource::Number(obs_point_id)) =
        (obs_domain, obs_point)
    else {
        return Ok(Action::Sample4 {
            probability,
            collector_set_id,
            obs_domain,
            obs_point,
            sampling_port: port,
            direction,
        });
    };
    Ok(match (direction, sampling_port) {
        (0, None) => Action::Sample {
            probability,
            collector_set_id,
            obs_domain_id,
            obs_point_id,
        },
        (0, Some(sampling_port)) => Action::Sample2 {
            probability,
            collector_set_id,
            obs_domain_id,
            obs_point_id,
            sampling_port,
            direction,
        },
        _ => Action::Sample3 {
            probability,
            collector_set_id,
            obs_domain_id,
            obs_point_id,
            sampling_port: port,
            direction,
        },
    })
}

fn parse_source(text: &str) -> Read<'_, SampleSource> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return scan::u32(text).map(SampleSource::Number);
    }
    let source = parse_subfield(text)?;
    Ok(SampleSource::Field(Oxm32(source.field), source.ofs_nbits()))
}

/// Headers that can be added, by their packet types.
const HEADERS: &[(u32, &str)] = &[
    (0, "ethernet"),
    (0x1_894f, "nsh"),
    (0x1_8847, "mpls"),
    (0x1_8848, "mpls_mc"),
];

/// The packet type of a header that is to be found out.
const UNSAID: u32 = 0xfffe;

/// Writes what adds a header.
pub(super) fn print_encap(out: &mut String, kind: u32, properties: &[EncapProperty]) {
    match HEADERS.iter().find(|row| row.0 == kind) {
        Some((_, name)) => push(out, format_args!("encap({name}")),
        None => push(out, format_args!("encap({}", hex(kind.into()))),
    }
    let properties: Vec<String> = properties.iter().map(print_property).collect();
    if !properties.is_empty() {
        parenthesized(out, &properties);
    }
    out.push(')');
}

fn print_property(property: &EncapProperty) -> String {
    match property {
        EncapProperty::NshMdType(kind) => format!("md_type={kind}"),
        EncapProperty::NshTlv {
            class,
            kind,
            length,
            data,
        } => {
            // What follows is padding.
            let data = long_hex(data.get(..usize::from(*length)).unwrap_or(data));
            format!("tlv(0x{class:04x},{kind},{data})")
        }
        EncapProperty::Unknown { class, kind, data } => {
            let data = bytes_as_hex(data);
            format!("unknown(0x{class:04x},{kind},{data})")
        }
    }
}

/// Reads what adds a header.
pub(super) fn parse_encap(text: &str) -> Read<'_, Action> {
    let items = scan::items(text)?;
    let [item] = items[..] else {
        return Err(Wrong::new(text, "one header"));
    };
    let kind = match HEADERS.iter().find(|row| row.1 == item.key) {
        Some((kind, _)) => *kind,
        None => scan::u32(item.key).map_err(|_| Wrong::new(item.key, "a header"))?,
    };
    let properties = match item.separator {
        None => Vec::new(),
        Some(_) => {
            let list = scan::items(item.arguments("properties in parentheses")?)?;
            list.iter().map(parse_property).collect::<Read<'_, _>>()?
        }
    };
    Ok(Action::Encap {
        hdr_size: 0,
        new_pkt_type: kind,
        properties,
    })
}

fn parse_property<'a>(item: &Item<'a>) -> Read<'a, EncapProperty> {
    if item.key == "md_type" {
        return scan::u8(item.plain("a value, after '='")?).map(EncapProperty::NshMdType);
    }
    let text = item.arguments("CLASS,TYPE,BYTES in parentheses")?;
    let [class, kind, data] = parts(text)[..] else {
        return Err(Wrong::new(text, "CLASS,TYPE,BYTES"));
    };
    let (class, kind) = (scan::u16(class)?, scan::u8(kind)?);
    let digits = data.trim_start_matches("0x");
    // Zeros that begin it may be left out.
    let padded = format!("{}{digits}", if digits.len() % 2 == 0 { "" } else { "0" });
    let wrong = |_| Wrong::new(data, "bytes in hexadecimal digits");
    let mut bytes = hex_as_bytes(&padded).map_err(wrong)?;
    match item.key {
        "tlv" => {
            let length = u8::try_from(bytes.len());
            let length = length.map_err(|_| Wrong::new(data, "fewer bytes"))?;
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            Ok(EncapProperty::NshTlv {
                class,
                kind,
                length,
                data: bytes.into(),
            })
        }
        "unknown" => Ok(EncapProperty::Unknown {
            class,
            kind,
            data: bytes.into(),
        }),
        key => Err(Wrong::new(key, "md_type, tlv or unknown")),
    }
}

/// Writes what removes a header.
pub(super) fn print_decap(out: &mut String, kind: u32) {
    if kind == UNSAID {
        out.push_str("decap()");
    } else {
        let (namespace, kind) = (kind >> 16, hex(u128::from(kind & 0xffff)));
        push(
            out,
            format_args!("decap(packet_type(ns={namespace},type={kind}))"),
        );
    }
}

/// Reads what removes a header.
pub(super) fn parse_decap(text: &str) -> Read<'_, Action> {
    let mut new_pkt_type = UNSAID;
    for item in scan::items(text)? {
        if item.key != "packet_type" {
            return Err(Wrong::new(item.key, "packet_type"));
        }
        new_pkt_type = 0;
        for part in scan::items(item.arguments("ns=,type= in parentheses")?)? {
            let value = u32::from(scan::u16(part.plain("a value, after '='")?)?);
            match part.key {
                "ns" => new_pkt_type |= value << 16,
                "type" => new_pkt_type |= value,
                key => return Err(Wrong::new(key, "ns or type")),
            }
        }
    }
    Ok(Action::Decap { new_pkt_type })
}

/// Reads `PORT,QUEUE` or `PORT:QUEUE`.
pub(super) fn parse_enqueue<'a>(text: &'a str, names: &Names) -> Read<'a, Action> {
    let parted = text.split_once([',', ':']);
    let (port, queue) = parted.ok_or_else(|| Wrong::new(text, "PORT:QUEUE"))?;
    Ok(Action::Enqueue {
        port: names.read_port(port.trim())?,
        queue_id: scan::u32(queue.trim())?,
    })
}

/// Reads the bits of a field that an output goes to.
pub(super) fn parse_output_reg(text: &str) -> Read<'_, Action> {
    let source = parse_subfield(text)?;
    if source.field.is_experimenter() {
        return Ok(Action::OutputReg2 {
            ofs_nbits: source.ofs_nbits(),
            max_len: u16::MAX,
            src: source.field,
        });
    }
    Ok(Action::OutputReg {
        ofs_nbits: source.ofs_nbits(),
        src: Oxm32(source.field),
        max_len: u16::MAX,
    })
}

/// Reads `port=1,max_len=100`.
pub(super) fn parse_output_trunc<'a>(text: &'a str, names: &Names) -> Read<'a, Action> {
    let (mut port, mut max_len) = (Port16(PortNo(0)), 0);
    for item in scan::items(text)? {
        let value = item.plain("a value, after '='")?;
        match item.key {
            "port" => port = Port16(names.read_port(value)?),
            "max_len" => max_len = scan::u32(value)?,
            key => return Err(Wrong::new(key, "port or max_len")),
        }
    }
    Ok(Action::OutputTrunc { port, max_len })
}

/// Reads `idle_timeout=10,hard_timeout=20`.
pub(super) fn parse_fin_timeout(text: &str) -> Read<'_, Action> {
    let (mut fin_idle_timeout, mut fin_hard_timeout) = (0, 0);
    for item in scan::items(text)? {
        let value = scan::u16(item.plain("a value, after '='")?)?;
        match item.key {
            "idle_timeout" => fin_idle_timeout = value,
            "hard_timeout" => fin_hard_timeout = value,
            key => return Err(Wrong::new(key, "idle_timeout or hard_timeout")),
        }
    }
    Ok(Action::FinTimeout {
        fin_idle_timeout,
        fin_hard_timeout,
    })
}

/// Reads the name of a field.
pub(super) fn parse_field(text: &str) -> Read<'_, Field> {
    let found = Field::from_name(text);
    let found = found.or_else(|| Field::from_code_name(text).map(|(field, _)| field));
    found.ok_or_else(|| Wrong::new(text, "the name of a field"))
}

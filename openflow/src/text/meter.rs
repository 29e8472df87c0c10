//! Meters as text: `meter=1 kbps burst bands=type=drop rate=1000 burst_size=5`, what
//! `ovs-ofctl dump-meters` writes, on one line.

use bytes::Bytes;

use super::scan::{self, Read, Wrong};
use super::value::push;
use crate::message::{Band, MeterMod};
use crate::record::Wire;
use crate::wire::{Reader, Writer};
use crate::{MeterId, Version};

/// Flags of a meter by name.
const FLAGS: &[(u16, &str)] = &[
    (MeterMod::KBPS, "kbps"),
    (MeterMod::PKTPS, "pktps"),
    (MeterMod::BURST, "burst"),
    (MeterMod::STATS, "stats"),
];

/// Writes a meter.
pub(super) fn print(out: &mut String, meter: &MeterMod) {
    push(out, format_args!("meter={} ", meter.meter.0));
    print_flags(out, meter.flags);
    out.push_str("bands=");
    for (at, band) in meter.bands.iter().enumerate() {
        if at > 0 {
            out.push(' ');
        }
        print_band(out, band, meter.flags);
    }
}

/// The flags of a meter as bits of capabilities.
pub(super) fn flag_bits() -> Vec<(u32, &'static str)> {
    FLAGS
        .iter()
        .map(|(flag, name)| (u32::from(*flag), *name))
        .collect()
}

/// Writes flags, each with a space behind it.
pub(super) fn print_flags(out: &mut String, flags: u16) {
    for (_, name) in FLAGS.iter().filter(|row| flags & row.0 != 0) {
        push(out, format_args!("{name} "));
    }
    let rest = FLAGS.iter().fold(flags, |rest, row| rest & !row.0);
    if rest != 0 {
        push(out, format_args!("flags:{rest:#x} "));
    }
}

/// Writes a band of a meter with these flags.
pub(super) fn print_band(out: &mut String, band: &Band, flags: u16) {
    let (kind, rate, burst) = match band {
        Band::Drop { rate, burst } => ("drop", rate, burst),
        Band::DscpRemark { rate, burst, .. } => ("dscp_remark", rate, burst),
        other => {
            let mut w = Writer::new();
            // Bands are the same in every version that has them.
            if other.write(&mut w, Version::V1_5).is_ok() {
                let hex = super::bytes_as_hex(w.written(0));
                push(out, format_args!("unknown={hex}"));
            }
            return;
        }
    };
    push(out, format_args!("type={kind} rate={rate}"));
    if flags & MeterMod::BURST != 0 {
        push(out, format_args!(" burst_size={burst}"));
    }
    if let Band::DscpRemark { levels, .. } = band {
        push(out, format_args!(" prec_level={levels}"));
    }
}

/// Reads a meter, as one to add. A band begins at `type=`.
pub(super) fn parse(line: &str) -> Read<'_, MeterMod> {
    let (head, bands) = match line.find("bands=").or_else(|| line.find("band=")) {
        Some(at) => {
            let after = line[at..]
                .find('=')
                .map_or(line.len(), |equals| at + equals + 1);
            (&line[..at], &line[after..])
        }
        None => (line, &line[line.len()..]),
    };
    let mut number = None;
    let mut flags = 0;
    for item in scan::items(head)? {
        if item.key == "meter" {
            number = Some(MeterId(scan::u32(item.plain("a number, after '='")?)?));
        } else if item.key == "flags" {
            flags |= scan::u16(item.plain("a number, after ':'")?)?;
        } else if let Some((flag, _)) = FLAGS.iter().find(|row| row.1 == item.key) {
            item.alone("no value")?;
            flags |= flag;
        } else {
            return Err(Wrong::new(
                item.key,
                "meter, kbps, pktps, burst, stats or bands",
            ));
        }
    }
    let number = number.ok_or_else(|| Wrong::new(line, "meter="))?;
    Ok(MeterMod::add(number, flags, parse_bands(bands)?))
}

fn parse_bands(text: &str) -> Read<'_, Vec<Band>> {
    let mut bands: Vec<Band> = Vec::new();
    for item in scan::items(text)? {
        let value = item.plain("a value, after '='")?;
        let (rate, burst) = (0, 0);
        match (item.key, value) {
            ("type", "drop") => bands.push(Band::Drop { rate, burst }),
            ("type", "dscp_remark") => {
                let levels = 0;
                bands.push(Band::DscpRemark {
                    rate,
                    burst,
                    levels,
                });
            }
            ("type", _) => return Err(Wrong::new(value, "drop or dscp_remark")),
            ("unknown", _) => {
                let bytes = Bytes::from(super::hex_as_bytes(value)?);
                let wrong = |_| Wrong::new(value, "the bytes of a band");
                let read = Vec::<Band>::read(&mut Reader::new(&bytes), Version::V1_5, "band");
                bands.extend(read.map_err(wrong)?);
            }
            (key, _) => match (key, bands.last_mut()) {
                ("rate", Some(Band::Drop { rate, .. } | Band::DscpRemark { rate, .. })) => {
                    *rate = scan::u32(value)?;
                }
                ("burst_size", Some(Band::Drop { burst, .. } | Band::DscpRemark { burst, .. })) => {
                    *burst = scan::u32(value)?;
                }
                ("prec_level", Some(Band::DscpRemark { levels, .. })) => {
                    *levels = scan::u8(value)?;
                }
                _ => return Err(Wrong::new(key, "type, then rate, burst_size or prec_level")),
            },
        }
    }
    Ok(bands)
}

//! Packets for the controller as text: `controller(reason=...,userdata=...)`, `CONTROLLER:128`.

use bytes::Bytes;

use super::parenthesized;
use crate::action::ToController;
use crate::message::PacketInReason;
use crate::text::hex_as_bytes;
use crate::text::scan::{self, Read, Wrong};
use crate::text::value::push;
use crate::{Action, MeterId, PortNo};

pub(super) fn print(out: &mut String, to: &ToController) {
    let plain = ToController {
        max_len: to.max_len,
        ..ToController::default()
    };
    // Meter 0 is none.
    let meter = to.meter.filter(|meter| meter.0 != 0);
    if (ToController {
        meter,
        ..to.clone()
    }) == plain
    {
        push(out, format_args!("CONTROLLER:{}", to.max_len));
        return;
    }
    let mut parts = Vec::new();
    if to.reason != plain.reason {
        parts.push(match PacketInReason(to.reason).name() {
            Some(name) => format!("reason={name}"),
            None => format!("reason={}", to.reason),
        });
    }
    if to.max_len != u16::MAX {
        parts.push(format!("max_len={}", to.max_len));
    }
    if to.controller_id != 0 {
        parts.push(format!("id={}", to.controller_id));
    }
    if !to.userdata.is_empty() {
        let bytes: Vec<String> = to
            .userdata
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        parts.push(format!("userdata={}", bytes.join(".")));
    }
    if to.pause {
        parts.push("pause".to_owned());
    }
    if let Some(MeterId(meter)) = meter {
        parts.push(format!("meter_id={meter}"));
    }
    out.push_str("controller");
    parenthesized(out, &parts);
}

pub(super) fn to_controller<'a>(max_len: u16) -> Read<'a, Action> {
    Ok(Action::Output {
        port: PortNo::CONTROLLER,
        max_len,
    })
}

pub(super) fn parse(text: &str) -> Read<'_, Action> {
    let mut to = ToController::default();
    for item in scan::items(text)? {
        let plain = || item.plain("a value, after '='");
        match item.key {
            "reason" => to.reason = parse_reason(plain()?)?,
            "max_len" => to.max_len = scan::u16(plain()?)?,
            "id" => to.controller_id = scan::u16(plain()?)?,
            "userdata" => to.userdata = Bytes::from(hex_as_bytes(plain()?)?),
            "pause" => {
                item.alone("no value")?;
                to.pause = true;
            }
            "meter_id" => to.meter = Some(MeterId(scan::u32(plain()?)?)),
            key => {
                let expected = "reason, max_len, id, userdata, pause or meter_id";
                return Err(Wrong::new(key, expected));
            }
        }
    }
    let plain = ToController {
        max_len: to.max_len,
        ..ToController::default()
    };
    if to == plain {
        return to_controller(to.max_len);
    }
    Ok(to.into())
}

fn parse_reason(text: &str) -> Read<'_, u8> {
    let mut named = (0..=u8::MAX).filter(|reason| PacketInReason(*reason).name() == Some(text));
    match named.next() {
        Some(reason) => Ok(reason),
        None => scan::u8(text).map_err(|_| Wrong::new(text, "a number, or a reason of packet-ins")),
    }
}

//! Tests of the text form: vectors made by Open vSwitch, comparisons with it, and round trips.
//!
//! A flow travels as an `ofp_flow_mod` here, whose fixed part stands in this file.

mod differential;
mod generate;
mod groups;
mod monitors;
#[path = "../../../tests/ofctl/mod.rs"]
#[expect(dead_code, reason = "of which Open vSwitch it is, is for others")]
mod ofctl;
mod round_trip;
mod triggers;
mod vectors;

use bytes::Bytes;

use super::Flow;
use crate::wire::{Reader, Writer};
use crate::{DecodeError, EncodeError, Match, TableId, Version};

/// Bytes of an `ofp_flow_mod` before the match (OpenFlow 1.3 and later).
const FIXED: usize = 48;

/// An `ofp_flow_mod` that adds the flow.
fn encode(flow: &Flow, version: Version) -> Result<Bytes, EncodeError> {
    let mut w = Writer::new();
    w.u8(version.wire());
    w.u8(14);
    w.u16(0);
    w.u32(2);
    w.u64(flow.cookie);
    w.u64(0);
    w.u8(flow.table.0);
    w.pad(5);
    w.u16(flow.priority);
    w.slice(&[0xff; 12]);
    w.pad(4);
    flow.matches.encode(&mut w, version)?;
    crate::record::Wire::write(&flow.instructions, &mut w, version)?;
    w.patch_length(2, 0, "ofp_flow_mod")?;
    Ok(w.freeze())
}

/// The flow that an `ofp_flow_mod` adds.
fn decode(message: &Bytes) -> Result<(Version, Flow), DecodeError> {
    let mut r = Reader::new(message);
    let version = Version::from_wire(r.u8("version")?).expect("a version");
    r.skip(7, "the header")?;
    let cookie = r.u64("cookie")?;
    r.skip(8, "cookie_mask")?;
    let table = TableId(r.u8("table_id")?);
    r.skip(5, "command and timeouts")?;
    let priority = r.u16("priority")?;
    r.skip(FIXED - r.offset(), "the rest")?;
    let matches = Match::decode(&mut r, version)?;
    let instructions = <Vec<_> as crate::record::Wire>::read(&mut r, version, "instructions")?;
    let flow = Flow {
        table,
        priority,
        cookie,
        matches,
        instructions,
    };
    Ok((version, flow))
}

fn unhex(text: &str) -> Bytes {
    super::hex_as_bytes(text).expect("hexadecimal").into()
}

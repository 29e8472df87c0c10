//! Ports (OpenFlow 1.5.1, 7.2.1 and 7.4.3).

use bytes::Bytes;

use super::property::{self, Property};
use crate::error::{DecodeError, EncodeError};
use crate::wire::{Reader, Writer};
use crate::{MacAddr, PortNo, Version};

/// Bytes of a port's name, with the zero at its end.
const NAME_LEN: usize = 16;
/// `OFPPDPT_ETHERNET`: the property that holds what versions before 1.4 have as fixed fields.
const ETHERNET: u16 = 0;
/// Bytes of the fields of [`ETHERNET`]: four sets of features and two speeds.
const ETHERNET_LEN: usize = 24;

/// A port's description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its number.
    pub number: PortNo,
    /// Its address.
    pub address: MacAddr,
    /// Its name, with the padding that it came with: 16 bytes.
    pub name: [u8; NAME_LEN],
    /// `OFPPC_*`: 1 down, 4 no receiving, 32 no forwarding, 64 no packet-in.
    pub config: u32,
    /// `OFPPS_*`: 1 link down, 2 blocked, 4 live.
    pub state: u32,
    /// What else is said; before 1.4 always the one of Ethernet.
    pub properties: Vec<Property>,
}

impl Port {
    /// `OFPPS_LINK_DOWN`.
    pub const LINK_DOWN: u32 = 1;

    /// A port without further properties than those of an Ethernet of unknown speed.
    #[must_use]
    pub fn new(number: PortNo, address: MacAddr, name: &str) -> Self {
        let mut padded = [0; NAME_LEN];
        for (to, from) in padded.iter_mut().take(NAME_LEN - 1).zip(name.bytes()) {
            *to = from;
        }
        let mut ethernet = Writer::new();
        ethernet.pad(4 + ETHERNET_LEN);
        Self {
            number,
            address,
            name: padded,
            config: 0,
            state: 0,
            properties: vec![Property {
                kind: ETHERNET,
                value: ethernet.freeze(),
            }],
        }
    }

    /// The name as text.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.name.split(|byte| *byte == 0).next().unwrap_or(&[]);
        String::from_utf8_lossy(name).into_owned()
    }

    pub(super) fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let start = w.len();
        w.u32(self.number.0);
        w.pad(4);
        w.slice(&self.address.0);
        w.pad(2);
        w.slice(&self.name);
        w.u32(self.config);
        w.u32(self.state);
        if version < Version::V1_4 {
            let ethernet = |property: &&Property| {
                property.kind == ETHERNET && property.value.len() == 4 + ETHERNET_LEN
            };
            match self.properties.iter().find(ethernet) {
                Some(property) => w.slice(&property.value[4..]),
                None => w.pad(ETHERNET_LEN),
            }
            return Ok(());
        }
        property::encode_list(&self.properties, w)?;
        w.patch_length(start + 4, start, "ofp_port")
    }

    pub(super) fn decode(r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let start = r.offset();
        let number = PortNo(r.u32("port.port_no")?);
        let length = r.u16("port.length")?;
        r.skip(2, "port.pad")?;
        let address = MacAddr(r.array("port.hw_addr")?);
        r.skip(2, "port.pad2")?;
        let name = r.array("port.name")?;
        let config = r.u32("port.config")?;
        let state = r.u32("port.state")?;
        let properties = if version < Version::V1_4 {
            let mut value = Writer::new();
            value.pad(4);
            value.slice(&r.array::<ETHERNET_LEN>("port.curr to port.max_speed")?);
            vec![Property {
                kind: ETHERNET,
                value: value.freeze(),
            }]
        } else {
            let rest = usize::from(length)
                .checked_sub(r.offset() - start)
                .ok_or_else(|| r.error("a port length of at least 40"))?;
            property::decode_list(&mut r.sub(rest, "the port that its length tells of")?)?
        };
        Ok(Self {
            number,
            address,
            name,
            config,
            state,
            properties,
        })
    }
}

/// Reads ports until the reader's end.
pub(super) fn decode_list(r: &mut Reader<'_>, version: Version) -> Result<Vec<Port>, DecodeError> {
    let mut list = Vec::new();
    while !r.is_empty() {
        list.push(Port::decode(r, version)?);
    }
    Ok(list)
}

/// Says that a port came, went or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortStatus {
    /// `OFPPR_*`: [`PortStatus::ADD`] ...
    pub reason: u8,
    /// The port as it is now, or was.
    pub port: Port,
    /// Bytes after the port, as they came.
    pub rest: Bytes,
}

impl PortStatus {
    /// The port came.
    pub const ADD: u8 = 0;
    /// The port went.
    pub const DELETE: u8 = 1;
    /// The port changed.
    pub const MODIFY: u8 = 2;

    pub(super) fn encode(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        w.u8(self.reason);
        w.pad(7);
        self.port.encode(w, version)?;
        w.slice(&self.rest);
        Ok(())
    }

    pub(super) fn decode(r: &mut Reader<'_>, version: Version) -> Result<Self, DecodeError> {
        let reason = r.u8("port_status.reason")?;
        r.skip(7, "port_status.pad")?;
        Ok(Self {
            reason,
            port: Port::decode(r, version)?,
            rest: r.rest(),
        })
    }
}

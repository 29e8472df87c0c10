//! Which messages come unasked (OpenFlow 1.3.5, A.3.10; 1.5.1, 7.3.10).

use super::numbers::numbers;
use super::property::{self, Property};
use crate::Version;
use crate::error::{DecodeError, EncodeError};
use crate::record::Wire;
use crate::wire::{Reader, Writer};

numbers! {
    /// `OFPACPT_*`: a kind of message, for a slave or for a master and an equal.
    AsyncKind(u16) {
        PACKET_IN_SLAVE = 0 "packet_in_slave" "Packet-ins for a slave.";
        PACKET_IN_MASTER = 1 "packet_in_master" "Packet-ins for a master or equal.";
        PORT_STATUS_SLAVE = 2 "port_status_slave" "Port-status for a slave.";
        PORT_STATUS_MASTER = 3 "port_status_master" "Port-status for a master or equal.";
        FLOW_REMOVED_SLAVE = 4 "flow_removed_slave" "Flow-removed for a slave.";
        FLOW_REMOVED_MASTER = 5 "flow_removed_master" "Flow-removed for a master or equal.";
        ROLE_STATUS_SLAVE = 6 "role_status_slave" "Role-status for a slave (from 1.4 on).";
        ROLE_STATUS_MASTER = 7 "role_status_master" "Role-status for a master or equal (from 1.4 on).";
        TABLE_STATUS_SLAVE = 8 "table_status_slave" "Table-status for a slave (from 1.4 on).";
        TABLE_STATUS_MASTER = 9 "table_status_master" "Table-status for a master or equal (from 1.4 on).";
        REQUESTFORWARD_SLAVE = 10 "requestforward_slave" "Others' changes of groups and meters for a slave (from 1.4 on).";
        REQUESTFORWARD_MASTER = 11 "requestforward_master" "Others' changes of groups and meters for a master or equal (from 1.4 on).";
    }
}

/// The fields of 1.3, in their order.
const FIXED: [AsyncKind; 6] = [
    AsyncKind::PACKET_IN_MASTER,
    AsyncKind::PACKET_IN_SLAVE,
    AsyncKind::PORT_STATUS_MASTER,
    AsyncKind::PORT_STATUS_SLAVE,
    AsyncKind::FLOW_REMOVED_MASTER,
    AsyncKind::FLOW_REMOVED_SLAVE,
];

/// Which messages come unasked: those whose reason's bit is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AsyncConfig {
    /// Bits by reason. What is not named stays as it is, but in 1.3 it is switched off.
    pub masks: Vec<(AsyncKind, u32)>,
    /// What else is said (from 1.4 on).
    pub properties: Vec<Property>,
}

impl AsyncConfig {
    /// The bits of a kind of message.
    #[must_use]
    pub fn get(&self, kind: AsyncKind) -> Option<u32> {
        let found = self.masks.iter().find(|(named, _)| *named == kind);
        found.map(|(_, mask)| *mask)
    }
}

impl Wire for AsyncConfig {
    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        if version >= Version::V1_4 {
            for (kind, mask) in &self.masks {
                property::encode(w, kind.0, |w| {
                    w.u32(*mask);
                    Ok(())
                })?;
            }
            return property::encode_list(&self.properties, w);
        }
        let fixed = |(kind, _): &(AsyncKind, u32)| FIXED.contains(kind);
        if !self.masks.iter().all(fixed) || !self.properties.is_empty() {
            return Err(EncodeError::NotInVersion {
                what: "a kind of unasked message",
                version,
            });
        }
        for kind in FIXED {
            w.u32(self.get(kind).unwrap_or(0));
        }
        Ok(())
    }

    fn read(r: &mut Reader<'_>, version: Version, _: &'static str) -> Result<Self, DecodeError> {
        let mut config = Self::default();
        if version < Version::V1_4 {
            for kind in FIXED {
                config.masks.push((kind, r.u32("async_config.mask")?));
            }
            return Ok(config);
        }
        while !r.is_empty() {
            let (kind, mut value) = property::decode(r)?;
            let kind = AsyncKind(kind);
            if kind.name().is_some() && value.remaining() == 4 && config.properties.is_empty() {
                config.masks.push((kind, value.u32("async_config.mask")?));
            } else {
                config.properties.push(Property {
                    kind: kind.0,
                    value: value.rest(),
                });
            }
        }
        Ok(config)
    }
}

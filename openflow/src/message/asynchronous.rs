//! Which messages come unasked (OpenFlow 1.3.5, A.3.10; 1.5.1, 7.3.10).

use bytes::Bytes;

use crate::Version;
use crate::error::{DecodeError, EncodeError};
use crate::record::{
    Dice, Form, Generate, List, LooseProperty, Plain, Value, ValueError, Wire, record, variants,
};
use crate::wire::{Reader, Writer};

variants! {
    /// The reasons for which a kind of message comes unasked: those whose bit is set (`OFPACPT_*`). A slave's, or
    /// a master's and an equal's.
    pub enum AsyncProperty: LooseProperty, rows ASYNC_PROPERTIES {
        /// Packet-ins for a slave.
        PacketInSlave "packet_in_slave" [std 0 V1_0 V1_5] { mask: u32; }
        /// Packet-ins for a master or equal.
        PacketInMaster "packet_in_master" [std 1 V1_0 V1_5] { mask: u32; }
        /// Port-status for a slave.
        PortStatusSlave "port_status_slave" [std 2 V1_0 V1_5] { mask: u32; }
        /// Port-status for a master or equal.
        PortStatusMaster "port_status_master" [std 3 V1_0 V1_5] { mask: u32; }
        /// Flow-removed for a slave.
        FlowRemovedSlave "flow_removed_slave" [std 4 V1_0 V1_5] { mask: u32; }
        /// Flow-removed for a master or equal.
        FlowRemovedMaster "flow_removed_master" [std 5 V1_0 V1_5] { mask: u32; }
        /// Role-status for a slave.
        RoleStatusSlave "role_status_slave" [std 6 V1_0 V1_5] { mask: u32; }
        /// Role-status for a master or equal.
        RoleStatusMaster "role_status_master" [std 7 V1_0 V1_5] { mask: u32; }
        /// Table-status for a slave.
        TableStatusSlave "table_status_slave" [std 8 V1_0 V1_5] { mask: u32; }
        /// Table-status for a master or equal.
        TableStatusMaster "table_status_master" [std 9 V1_0 V1_5] { mask: u32; }
        /// Others' changes of groups and meters for a slave.
        RequestforwardSlave "requestforward_slave" [std 10 V1_0 V1_5] { mask: u32; }
        /// Others' changes of groups and meters for a master or equal.
        RequestforwardMaster "requestforward_master" [std 11 V1_0 V1_5] { mask: u32; }
        /// Flow statistics by a trigger, for a slave.
        FlowStatsSlave "flow_stats_slave" [std 12 V1_5 V1_5] { mask: u32; }
        /// Flow statistics by a trigger, for a master or equal.
        FlowStatsMaster "flow_stats_master" [std 13 V1_5 V1_5] { mask: u32; }
        /// Controller-status for a slave.
        ContStatusSlave "cont_status_slave" [std 14 V1_5 V1_5] { mask: u32; }
        /// Controller-status for a master or equal.
        ContStatusMaster "cont_status_master" [std 15 V1_5 V1_5] { mask: u32; }
        /// What a vendor says of a slave.
        VendorSlave "experimenter_slave" [std 0xfffe V1_0 V1_5] {
            /// The vendor.
            experimenter: u32;
            /// The vendor's type.
            exp_type: u32;
            /// What the vendor says.
            data: Box<Bytes>;
        }
        /// What a vendor says of a master or equal.
        VendorMaster "experimenter_master" [std 0xffff V1_0 V1_5] {
            /// The vendor.
            experimenter: u32;
            /// The vendor's type.
            exp_type: u32;
            /// What the vendor says.
            data: Box<Bytes>;
        }
    }
}

record! {
    /// Which messages come unasked. What is not named stays as it is, but in 1.3 it is switched off.
    #[derive(Default)]
    pub struct AsyncConfig {
        /// For each kind of message, the reasons.
        properties: List<AsyncProperty, 6>;
    }
    forms { [V1_3 V1_3] AsyncConfig13 }
}

/// Reasons, as bits, for the two groups of roles: for people an array, as the specification has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RoleMasks {
    /// For a master or an equal.
    pub master: u32,
    /// For a slave.
    pub slave: u32,
}

impl From<[u32; 2]> for RoleMasks {
    fn from([master, slave]: [u32; 2]) -> Self {
        Self { master, slave }
    }
}

impl From<RoleMasks> for [u32; 2] {
    fn from(masks: RoleMasks) -> Self {
        [masks.master, masks.slave]
    }
}

impl Wire for RoleMasks {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        <[u32; 2]>::read(r, version, what).map(Self::from)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        <[u32; 2]>::from(*self).write(w, version)
    }
}

impl Plain for RoleMasks {
    fn value(&self, version: Version) -> Value {
        <[u32; 2]>::from(*self).value(version)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        <[u32; 2]>::from_value(value, version).map(Self::from)
    }
}

impl Generate for RoleMasks {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        <[u32; 2]>::generate(dice, version).into()
    }
}

record! {
    /// Which messages come unasked, as 1.3 says it ([`AsyncConfig`]), and Nicira's extension in every version
    /// (`NXT_SET_ASYNC_CONFIG`).
    pub struct AsyncConfig13 {
        /// Packet-ins.
        packet_in_mask: RoleMasks;
        /// Port-status.
        port_status_mask: RoleMasks;
        /// Flow-removed.
        flow_removed_mask: RoleMasks;
    }
}

impl From<AsyncConfig13> for AsyncConfig {
    fn from(form: AsyncConfig13) -> Self {
        let (packet, port, flow) = (
            form.packet_in_mask,
            form.port_status_mask,
            form.flow_removed_mask,
        );
        Self {
            properties: List::from([
                AsyncProperty::PacketInMaster {
                    mask: packet.master,
                },
                AsyncProperty::PacketInSlave { mask: packet.slave },
                AsyncProperty::PortStatusMaster { mask: port.master },
                AsyncProperty::PortStatusSlave { mask: port.slave },
                AsyncProperty::FlowRemovedMaster { mask: flow.master },
                AsyncProperty::FlowRemovedSlave { mask: flow.slave },
            ]),
        }
    }
}

impl Form<AsyncConfig> for AsyncConfig13 {
    fn of(config: &AsyncConfig, version: Version) -> Result<Self, EncodeError> {
        let mut form = Self {
            packet_in_mask: RoleMasks::default(),
            port_status_mask: RoleMasks::default(),
            flow_removed_mask: RoleMasks::default(),
        };
        for property in &config.properties {
            let (to, mask) = match property {
                AsyncProperty::PacketInMaster { mask } => (&mut form.packet_in_mask.master, mask),
                AsyncProperty::PacketInSlave { mask } => (&mut form.packet_in_mask.slave, mask),
                AsyncProperty::PortStatusMaster { mask } => {
                    (&mut form.port_status_mask.master, mask)
                }
                AsyncProperty::PortStatusSlave { mask } => (&mut form.port_status_mask.slave, mask),
                AsyncProperty::FlowRemovedMaster { mask } => {
                    (&mut form.flow_removed_mask.master, mask)
                }
                AsyncProperty::FlowRemovedSlave { mask } => {
                    (&mut form.flow_removed_mask.slave, mask)
                }
                _ => {
                    return Err(EncodeError::NotInVersion {
                        what: "a kind of unasked message",
                        version,
                    });
                }
            };
            *to = *mask;
        }
        Ok(form)
    }
}

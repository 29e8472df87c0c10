//! Messages of Nicira's that belong to no other group (`nicira-ext.h` of Open vSwitch).
//!
//! Flows and packets in Nicira's form are in [`super::nxm`]; what is asked for in several parts in
//! [`super::multipart`].

use std::net::Ipv6Addr;

use super::asynchronous::AsyncProperty;
use super::control::{Role, RoleMessage};
use super::numbers::numbers;
use crate::Version;
use crate::error::EncodeError;
use crate::record::{Form, List, Property, record, variants};

numbers! {
    /// `NX_ROLE_*`: a controller's role in Nicira's numbers, which are one less than the standard's.
    NxRole(u32) {
        OTHER = 0 "other" "May write; so may others. Where every connection begins.";
        MASTER = 1 "master" "May write; every other master becomes a slave.";
        SLAVE = 2 "slave" "May read.";
    }
}

record! {
    /// A role, asked for or told (`NXT_ROLE_REQUEST`, `NXT_ROLE_REPLY`). It knows no generations.
    #[derive(Copy)]
    pub struct NxRoleMessage {
        /// The role.
        role: NxRole;
    }
}

/// Of no generation.
impl From<NxRoleMessage> for RoleMessage {
    fn from(form: NxRoleMessage) -> Self {
        Self::new(Role(form.role.0.saturating_add(1)), 0)
    }
}

impl Form<RoleMessage> for NxRoleMessage {
    fn of(message: &RoleMessage, version: Version) -> Result<Self, EncodeError> {
        let role = message.role.0.checked_sub(1).ok_or({
            let what = "a request that asks for no role";
            EncodeError::NotInVersion { what, version }
        })?;
        Ok(Self { role: NxRole(role) })
    }
}

numbers! {
    /// `NXFF_*`: the form that flows have on the wire.
    FlowFormat(u32) {
        OPENFLOW10 = 0 "openflow10" "The standard's of 1.0.";
        NXM = 2 "nxm" "Nicira's.";
    }
}

record! {
    /// Chooses the form in which the switch tells of flows (`NXT_SET_FLOW_FORMAT`).
    #[derive(Copy)]
    pub struct SetFlowFormat {
        /// The form.
        format: FlowFormat;
    }
}

record! {
    /// Says whether flow-mods name a table (`NXT_FLOW_MOD_TABLE_ID`): in OpenFlow 1.0 and in Nicira's form the upper
    /// half of the command is one then.
    #[derive(Copy)]
    pub struct FlowModTableId {
        /// 0 when they do not.
        set: u8;
        .. {pad 7}
    }
}

record! {
    /// Chooses which controller actions send here (`NXT_SET_CONTROLLER_ID`).
    pub struct SetControllerId {
        /// The controller's number; 0 for those that have not chosen one.
        {pad 6} controller_id: u16;
    }
}

record! {
    /// Which messages come unasked (`NXT_SET_ASYNC_CONFIG2`): the properties of 1.4 for earlier versions.
    #[derive(Default)]
    pub struct SetAsyncConfig2 {
        /// For each kind of message, the reasons.
        properties: List<AsyncProperty, 6>;
    }
}

record! {
    /// Ends a monitor of flows (`NXT_FLOW_MONITOR_CANCEL`; `ONFT_FLOW_MONITOR_CANCEL` of EXT-187).
    ///
    /// Up to its release 2.15 Open vSwitch has Nicira's in every version; later ones have it up to 1.2, the ONF's in 1.3,
    /// and the standard's monitors after that. The same goes for what says that changes are told no more, and again.
    #[derive(Copy)]
    pub struct FlowMonitorCancel {
        /// The monitor's number.
        id: u32;
    }
}

numbers! {
    /// `NXTTMC_*`: what is done with the table of tunnel options.
    TlvTableCommand(u16) {
        ADD = 0 "add" "More entries.";
        DELETE = 1 "delete" "Removes entries.";
        CLEAR = 2 "clear" "Removes all.";
    }
}

record! {
    /// A tunnel option and the field that holds it (`struct nx_tlv_map`).
    #[derive(Copy)]
    pub struct TlvMap {
        /// The option's class.
        option_class: u16;
        /// The option's type.
        option_type: u8;
        /// Bytes of the option, a multiple of four.
        option_len: u8;
        /// The field: n for `tun_metadata` n.
        index: u16;
        .. {pad 2}
    }
}

record! {
    /// Changes which tunnel options are held by fields (`NXT_TLV_TABLE_MOD`).
    pub struct TlvTableMod {
        /// What is done.
        command: TlvTableCommand;
        /// With which options.
        {pad 6} maps: Vec<TlvMap>;
    }
}

record! {
    /// Says which tunnel options are held by fields (`NXT_TLV_TABLE_REPLY`).
    pub struct TlvTableReply {
        /// Bytes that all options together can have.
        max_option_space: u32;
        /// How many fields there can be.
        max_fields: u16;
        /// The options.
        {pad 10} maps: Vec<TlvMap>;
    }
}

record! {
    /// Forgets all connections of a conntrack zone (`NXT_CT_FLUSH_ZONE`).
    pub struct CtFlushZone {
        /// The zone.
        {pad 6} zone_id: u16;
    }
}

variants! {
    /// One end of a connection, in part (`NXT_CT_TUPLE_*`).
    pub enum CtTupleProperty: Property, rows CT_TUPLE_PROPERTIES {
        /// Where packets come from.
        Src "src" [std 0 V1_0 V1_5] {
            /// The address; one of IPv4 is mapped into IPv6 (`::ffff:0:0/96`).
            address "src": Ipv6Addr;
        }
        /// Where packets go.
        Dst "dst" [std 1 V1_0 V1_5] {
            /// The address, likewise.
            address "dst": Ipv6Addr;
        }
        /// The port that packets come from.
        SrcPort "src_port" [std 2 V1_0 V1_5] {
            /// The port.
            port "src_port": u16;
            .. {pad 2}
        }
        /// The port that packets go to.
        DstPort "dst_port" [std 3 V1_0 V1_5] {
            /// The port.
            port "dst_port": u16;
            .. {pad 2}
        }
        /// The identifier of ICMP.
        IcmpId "icmp_id" [std 4 V1_0 V1_5] {
            /// The identifier.
            id "icmp_id": u16;
            .. {pad 2}
        }
        /// The type of ICMP.
        IcmpType "icmp_type" [std 5 V1_0 V1_5] {
            /// The type.
            kind "icmp_type": u8;
        }
        /// The code of ICMP.
        IcmpCode "icmp_code" [std 6 V1_0 V1_5] {
            /// The code.
            code "icmp_code": u8;
        }
    }
}

variants! {
    /// Which connections are forgotten (`NXT_CT_*`): those that agree with all that is said.
    pub enum CtFlushProperty: Property, rows CT_FLUSH_PROPERTIES {
        /// Packets of the direction that began.
        OrigTuple "orig_tuple" [std 0 V1_0 V1_5] {
            /// Their addresses and ports.
            {pad 4} properties: Vec<CtTupleProperty>;
        }
        /// Packets of the other direction.
        ReplyTuple "reply_tuple" [std 1 V1_0 V1_5] {
            /// Their addresses and ports.
            {pad 4} properties: Vec<CtTupleProperty>;
        }
        /// The zone.
        Zone "zone_id" [std 2 V1_0 V1_5] {
            /// The zone.
            zone "zone_id": u16;
            .. {pad 2}
        }
        /// The mark.
        Mark "mark" [std 3 V1_0 V1_5] {
            /// The mark.
            mark: u32;
        }
        /// Which bits of the mark must agree.
        MarkMask "mark_mask" [std 4 V1_0 V1_5] {
            /// The bits.
            mask "mark_mask": u32;
        }
        /// The labels.
        Labels "labels" [std 5 V1_0 V1_5] {
            /// The labels.
            labels: u128;
        }
        /// Which bits of the labels must agree.
        LabelsMask "labels_mask" [std 6 V1_0 V1_5] {
            /// The bits.
            mask "labels_mask": u128;
        }
    }
}

record! {
    /// Forgets connections (`NXT_CT_FLUSH`).
    pub struct CtFlush {
        /// The IP protocol; 0 for any.
        ip_proto: u8;
        /// Which of them; all when nothing is said.
        {pad 7} properties: Vec<CtFlushProperty>;
    }
}

//! Messages of Nicira's that belong to no other group (`nicira-ext.h` of Open vSwitch).

use crate::record::record;

record! {
    /// Chooses which controller actions send here (`NXT_SET_CONTROLLER_ID`).
    pub struct SetControllerId {
        /// The controller's number; 0 for those that have not chosen one.
        {pad 6} controller_id: u16;
    }
}

record! {
    /// Forgets all connections of a conntrack zone (`NXT_CT_FLUSH_ZONE`).
    pub struct CtFlushZone {
        /// The zone.
        {pad 6} zone_id: u16;
    }
}

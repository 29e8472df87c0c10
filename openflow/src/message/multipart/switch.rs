//! What is asked about the switch itself and answered (OpenFlow 1.5.1, 7.3.5.1, 7.3.5.20 and 7.3.5.22).

use crate::message::Role;
use crate::message::control::ShortId;
use crate::message::numbers::numbers;
use crate::record::{Name, Property, Text, record, variants};

record! {
    /// Who made the switch.
    pub struct Desc {
        /// The manufacturer.
        manufacturer "mfr_desc": Name<256>;
        /// The hardware.
        hardware "hw_desc": Name<256>;
        /// The software.
        software "sw_desc": Name<256>;
        /// The serial number.
        serial "serial_num": Name<32>;
        /// What people call it.
        datapath "dp_desc": Name<256>;
    }
}

record! {
    /// A time, since the epoch where it is a moment.
    #[derive(Copy)]
    pub struct Time {
        /// Whole seconds.
        seconds: u64;
        /// And nanoseconds.
        nanoseconds: u32;
        .. {pad 4}
    }
}

variants! {
    /// What a switch can do with bundles (`OFPTMPBF_*`).
    pub enum BundleFeaturesProperty: Property, rows BUNDLE_FEATURES_PROPERTIES {
        /// How it keeps time.
        Time "time_capability" [std 1 V1_5 V1_5] {
            /// How exactly.
            {pad 4} sched_accuracy: Time;
            /// How far in the future a bundle can be committed.
            sched_max_future: Time;
            /// How far in the past.
            sched_max_past: Time;
            /// The switch's own time.
            timestamp: Time;
        }
    }
}

record! {
    /// Asks what the switch can do with bundles.
    pub struct BundleFeaturesRequest {
        /// `OFPBF_*`: 1 the request has a timestamp, 2 it changes how far ahead and back a bundle can be committed.
        feature_request_flags: u32;
        /// What this side can do.
        {pad 4} properties: Vec<BundleFeaturesProperty>;
    }
}

record! {
    /// What the switch can do with bundles.
    pub struct BundleFeatures {
        /// `OFPBF_*`.
        capabilities: u16;
        /// What else it can do.
        {pad 6} properties: Vec<BundleFeaturesProperty>;
    }
}

numbers! {
    /// `OFPCSR_*`: why a controller's state is told.
    ControllerReason(u8) {
        REQUEST = 0 "request" "It was asked for.";
        CHANNEL_STATUS = 1 "channel_status" "The connection came or went.";
        ROLE = 2 "role" "Its role changed.";
        CONTROLLER_ADDED = 3 "controller_added" "It was added.";
        CONTROLLER_REMOVED = 4 "controller_removed" "It was removed.";
        SHORT_ID = 5 "short_id" "Its number changed.";
        EXPERIMENTER = 6 "experimenter" "Data of a vendor changed.";
    }
}

numbers! {
    /// `OFPCT_STATUS_*`: whether a controller is connected.
    ChannelStatus(u8) {
        UP = 0 "up" "It is.";
        DOWN = 1 "down" "It is not.";
    }
}

variants! {
    /// What else is said of a controller (`OFPCSPT_*`).
    pub enum ControllerProperty: Property, rows CONTROLLER_PROPERTIES {
        /// How the switch names the connection.
        Uri "uri" [std 0 V1_5 V1_5] {
            /// `PROTOCOL:ADDRESS:PORT`.
            uri: Text;
        }
    }
}

record! {
    /// The state of a controller at the switch.
    pub struct ControllerStatus {
        /// Its number.
        {length} short_id: ShortId;
        /// Its role.
        role: Role;
        /// Why this is said.
        reason: ControllerReason;
        /// Whether it is connected.
        channel_status: ChannelStatus;
        /// What else is said.
        {pad 6} properties: Vec<ControllerProperty>;
    }
}

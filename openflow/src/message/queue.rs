//! Queues of a port as OpenFlow 1.0 to 1.3 ask for them (OpenFlow 1.3.5, 7.2.2 and 7.3.6); later versions have
//! a multipart message for that.

use bytes::Bytes;

use crate::PortNo;
use crate::record::{QueueFamily, record, variants};

record! {
    /// Asks for the queues of a port.
    pub struct QueueGetConfigRequest {
        /// The port, or [`PortNo::ANY`] (from 1.2 on).
        port: PortNo;
        .. {pad 2 [V1_0 V1_0], pad 4 [V1_1 V1_3]}
    }
}

variants! {
    /// What a queue promises (`OFPQT_*`). Rates are in tenths of a percent of the port's.
    pub enum QueueProperty: QueueFamily, rows QUEUE_PROPERTIES {
        /// Nothing.
        None "none" [std 0 V1_0 V1_1] {}
        /// At least so much.
        MinRate "min_rate" [std 1 V1_0 V1_3] {
            /// More than 1000: nothing is promised.
            rate: u16;
            .. {pad 6}
        }
        /// At most so much.
        MaxRate "max_rate" [std 2 V1_2 V1_3] {
            /// More than 1000: no limit.
            rate: u16;
            .. {pad 6}
        }
        /// What a vendor says.
        Vendor "experimenter" [std 0xffff V1_2 V1_3] {
            /// The vendor.
            experimenter: u32;
            /// What it says.
            {pad 4} data: Bytes;
        }
    }
}

record! {
    /// A queue.
    pub struct PacketQueue {
        /// Its number.
        queue "queue_id": u32;
        /// Its port.
        port: PortNo [V1_2 V1_3];
        /// What it promises.
        {length, pad 2 [V1_0 V1_1], pad 6 [V1_2 V1_3]} properties: Vec<QueueProperty>;
    }
}

record! {
    /// Says the queues of a port.
    pub struct QueueGetConfigReply {
        /// The port.
        port: PortNo;
        /// Its queues.
        {pad 6 [V1_0 V1_0], pad 4 [V1_1 V1_3]} queues: Vec<PacketQueue>;
    }
}

//! What is asked about ports and queues and answered (OpenFlow 1.5.1, 7.3.5.7 to 7.3.5.10).

use crate::error::{DecodeError, EncodeError};
use crate::record::{
    Dice, Generate, Plain, Property, Text, Value, ValueError, Wire, form, plain, record, variants,
};
use crate::wire::{Reader, Writer};
use crate::{PortNo, Version};

record! {
    /// Which port is asked about, or [`PortNo::ANY`].
    pub struct PortFilter {
        /// The port.
        port "port_no": PortNo;
        .. {pad 6 [V1_0 V1_0], pad 4 [V1_1 V1_5]}
    }
}

record! {
    /// Which port is asked about, or [`PortNo::ANY`]; before 1.5 always all of them.
    #[derive(Copy, Default)]
    pub struct PortDescFilter {
        /// The port.
        port "port_no": PortNo [V1_5 V1_5];
        .. {pad 4 [V1_5 V1_5]}
    }
}

variants! {
    /// What else was counted of a port (`OFPPSPT_*`).
    pub enum PortStatsProperty: Property, rows PORT_STATS_PROPERTIES {
        /// Errors of an Ethernet port; before 1.4 every port has these fields.
        Ethernet "ethernet" [std 0 V1_4 V1_5] {
            /// Frames with a bad alignment.
            {pad 4} rx_frame_err: u64;
            /// Packets for which there was no room.
            rx_over_err: u64;
            /// Packets with a bad checksum.
            rx_crc_err: u64;
            /// Collisions.
            collisions: u64;
        }
        /// What an optical port sends and receives.
        Optical "optical" [std 1 V1_4 V1_5] {
            /// `OFPOSF_*`: which of the values are there.
            {pad 4} flags: u32;
            /// Frequency or wavelength of the sender.
            tx_freq_lmda: u32;
            /// Its offset.
            tx_offset: u32;
            /// Its grid spacing.
            tx_grid_span: u32;
            /// Frequency or wavelength of the receiver.
            rx_freq_lmda: u32;
            /// Its offset.
            rx_offset: u32;
            /// Its grid spacing.
            rx_grid_span: u32;
            /// dBm times 10.
            tx_pwr: u16;
            /// dBm times 10.
            rx_pwr: u16;
            /// Milliampere times 10.
            bias_current: u16;
            /// Degrees Celsius times 10.
            temperature: u16;
        }
        /// Packets by their size (Intel's extension `INTEL_PORT_STATS_RFC2819`, which Open vSwitch sends).
        Rfc2819 "rfc2819" [intel 1 V1_4 V1_5] {
            /// Packets received of 1 to 64 bytes.
            {pad 4} rx_1_to_64_packets: u64;
            /// Packets received of 65 to 127 bytes.
            rx_65_to_127_packets: u64;
            /// Packets received of 128 to 255 bytes.
            rx_128_to_255_packets: u64;
            /// Packets received of 256 to 511 bytes.
            rx_256_to_511_packets: u64;
            /// Packets received of 512 to 1023 bytes.
            rx_512_to_1023_packets: u64;
            /// Packets received of 1024 to 1522 bytes.
            rx_1024_to_1522_packets: u64;
            /// Packets received of 1523 bytes or more.
            rx_1523_to_max_packets: u64;
            /// Packets sent of 1 to 64 bytes.
            tx_1_to_64_packets: u64;
            /// Packets sent of 65 to 127 bytes.
            tx_65_to_127_packets: u64;
            /// Packets sent of 128 to 255 bytes.
            tx_128_to_255_packets: u64;
            /// Packets sent of 256 to 511 bytes.
            tx_256_to_511_packets: u64;
            /// Packets sent of 512 to 1023 bytes.
            tx_512_to_1023_packets: u64;
            /// Packets sent of 1024 to 1522 bytes.
            tx_1024_to_1522_packets: u64;
            /// Packets sent of 1523 bytes or more.
            tx_1523_to_max_packets: u64;
            /// Multicasts sent.
            tx_multicast_packets: u64;
            /// Broadcasts received.
            rx_broadcast_packets: u64;
            /// Broadcasts sent.
            tx_broadcast_packets: u64;
            /// Packets received that were too short.
            rx_undersized_errors: u64;
            /// Packets received that were too long.
            rx_oversize_errors: u64;
            /// Packets received that were too short and had a bad checksum.
            rx_fragmented_errors: u64;
            /// Packets received that were too long and had a bad checksum.
            rx_jabber_errors: u64;
        }
        /// Whatever else was counted (`INTEL_PORT_STATS_CUSTOM`).
        Custom "custom" [intel 2 V1_4 V1_5] {
            /// The counters.
            {pad 2} stats: CustomStats;
        }
    }
}

plain! {
    /// A counter with a name of its own (`struct intel_port_custom_stats`).
    pub struct CustomStat {
        /// What it counts, in at most 255 bytes.
        name: Text;
        /// How many.
        value: u64;
    }
}

impl Wire for CustomStat {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        let length = usize::from(r.u8(what)?);
        let mut name = r.sub(length, what)?;
        Ok(Self {
            name: Text::read(&mut name, version, what)?,
            value: r.u64(what)?,
        })
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let length = self.name.0.len();
        w.u8(u8::try_from(length).map_err(|_| EncodeError::TooLong {
            what: "the name of a counter",
            length,
            limit: usize::from(u8::MAX),
        })?);
        self.name.write(w, version)?;
        w.u64(self.value);
        Ok(())
    }
}

/// Counters with names, and before them how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct CustomStats(pub Vec<CustomStat>);

impl Wire for CustomStats {
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        let count = r.u16(what)?;
        (0..count)
            .map(|_| CustomStat::read(r, version, what))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        let length = self.0.len();
        w.u16(u16::try_from(length).map_err(|_| EncodeError::TooLong {
            what: "counters with names",
            length,
            limit: usize::from(u16::MAX),
        })?);
        self.0.write(w, version)
    }
}

impl Plain for CustomStats {
    fn value(&self, version: Version) -> Value {
        self.0.value(version)
    }

    fn from_value(value: &Value, version: Version) -> Result<Self, ValueError> {
        Vec::from_value(value, version).map(Self)
    }
}

impl Generate for CustomStats {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        Self(Vec::generate(dice, version))
    }
}

record! {
    /// What was counted of a port.
    pub struct PortStats {
        /// The port.
        {length [V1_4 V1_5], pad 2 [V1_4 V1_5]} port "port_no": PortNo;
        /// How long the port has been there: seconds.
        duration_sec: u32 [V1_4 V1_5];
        /// And nanoseconds.
        duration_nsec: u32 [V1_4 V1_5];
        /// Packets received.
        {pad 6 [V1_0 V1_0], pad 4 [V1_1 V1_3]} rx_packets: u64;
        /// Packets sent.
        tx_packets: u64;
        /// Bytes received.
        rx_bytes: u64;
        /// Bytes sent.
        tx_bytes: u64;
        /// Packets that were dropped when they came.
        rx_dropped: u64;
        /// Packets that were dropped when they were to go.
        tx_dropped: u64;
        /// Errors in receiving.
        rx_errors: u64;
        /// Errors in sending.
        tx_errors: u64;
        /// Frames with a bad alignment.
        rx_frame_err: u64 [V1_0 V1_3];
        /// Packets for which there was no room.
        rx_over_err: u64 [V1_0 V1_3];
        /// Packets with a bad checksum.
        rx_crc_err: u64 [V1_0 V1_3];
        /// Collisions.
        collisions: u64 [V1_0 V1_3];
        /// What else was counted.
        properties: Vec<PortStatsProperty> [V1_4 V1_5];
    }
    forms { [V1_3 V1_3] PortStats13 }
}

record! {
    /// [`PortStats`] in 1.3, where the times come last.
    pub struct PortStats13 {
        port "port_no": PortNo;
        {pad 4} rx_packets: u64;
        tx_packets: u64;
        rx_bytes: u64;
        tx_bytes: u64;
        rx_dropped: u64;
        tx_dropped: u64;
        rx_errors: u64;
        tx_errors: u64;
        rx_frame_err: u64;
        rx_over_err: u64;
        rx_crc_err: u64;
        collisions: u64;
        duration_sec: u32;
        duration_nsec: u32;
    }
}

form! {
    PortStats13 of PortStats
    same port, duration_sec, duration_nsec, rx_packets, tx_packets, rx_bytes, tx_bytes, rx_dropped, tx_dropped,
        rx_errors, tx_errors, rx_frame_err, rx_over_err, rx_crc_err, collisions;
    absent properties "PortStats.properties";
}

record! {
    /// Which queues are asked about.
    pub struct QueueFilter {
        /// Of which port, or [`PortNo::ANY`].
        port "port_no": PortNo;
        /// Which one, or all ones.
        {pad 2 [V1_0 V1_0]} queue "queue_id": u32;
    }
}

variants! {
    /// What else was counted of a queue: only vendors say something.
    pub enum QueueStatsProperty: Property, rows QUEUE_STATS_PROPERTIES {}
}

record! {
    /// What was counted of a queue.
    pub struct QueueStats {
        /// Its port.
        {length [V1_4 V1_5], pad 6 [V1_4 V1_5]} port "port_no": PortNo;
        /// Its number.
        {pad 2 [V1_0 V1_0]} queue "queue_id": u32;
        /// Bytes sent.
        tx_bytes: u64;
        /// Packets sent.
        tx_packets: u64;
        /// Packets that were dropped.
        tx_errors: u64;
        /// How long the queue has been there: seconds.
        duration_sec: u32 [V1_3 V1_5];
        /// And nanoseconds.
        duration_nsec: u32 [V1_3 V1_5];
        /// What else was counted.
        properties: Vec<QueueStatsProperty> [V1_4 V1_5];
    }
}

variants! {
    /// What a queue promises (`OFPQDPT_*`). Rates are in tenths of a percent of the port's.
    pub enum QueueDescProperty: Property, rows QUEUE_DESC_PROPERTIES {
        /// At least so much.
        MinRate "min_rate" [std 1 V1_4 V1_5] {
            /// More than 1000: nothing is promised.
            rate: u16;
            .. {pad 2}
        }
        /// At most so much.
        MaxRate "max_rate" [std 2 V1_4 V1_5] {
            /// More than 1000: no limit.
            rate: u16;
            .. {pad 2}
        }
    }
}

record! {
    /// A queue as it is set up.
    pub struct QueueDesc {
        /// Its port.
        port "port_no": PortNo;
        /// Its number.
        queue "queue_id": u32;
        /// What it promises.
        {length, pad 6} properties: Vec<QueueDescProperty>;
    }
}

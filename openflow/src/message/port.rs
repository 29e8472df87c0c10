//! Ports (OpenFlow 1.5.1, 7.2.1 and 7.4.3).

use super::numbers::numbers;
use crate::matches::Header;
use crate::record::{Name, Property, record, variants};
use crate::{MacAddr, PortNo};

variants! {
    /// What else is said of a port (OpenFlow 1.5.1, 7.2.1.2).
    pub enum PortDescProperty: Property, rows PORT_DESC_PROPERTIES {
        /// What an Ethernet port can do and does; before 1.4 every port has these fields.
        Ethernet "ethernet" [std 0 V1_4 V1_5] {
            /// `OFPPF_*` that are in use.
            {pad 4} curr: u32;
            /// `OFPPF_*` that the port offers.
            advertised: u32;
            /// `OFPPF_*` that the port can do.
            supported: u32;
            /// `OFPPF_*` that the other side offers.
            peer: u32;
            /// Kilobits per second.
            curr_speed: u32;
            /// Kilobits per second.
            max_speed: u32;
        }
        /// What an optical port can do.
        Optical "optical" [std 1 V1_4 V1_5] {
            /// `OFPOPF_*`.
            {pad 4} supported: u32;
            /// MHz or nanometres times 100, as `supported` says.
            tx_min_freq_lmda: u32;
            /// The highest, likewise.
            tx_max_freq_lmda: u32;
            /// The steps between.
            tx_grid_freq_lmda: u32;
            /// The lowest that is received.
            rx_min_freq_lmda: u32;
            /// The highest.
            rx_max_freq_lmda: u32;
            /// The steps between.
            rx_grid_freq_lmda: u32;
            /// dBm times 10.
            tx_pwr_min: u16;
            /// dBm times 10.
            tx_pwr_max: u16;
        }
        /// Which match fields the pipeline has when a packet comes in by the port.
        PipelineInput "pipeline_input" [std 2 V1_5 V1_5] {
            /// Headers of match fields.
            oxm_ids: Vec<Header>;
        }
        /// Which match fields the pipeline needs when a packet leaves by the port.
        PipelineOutput "pipeline_output" [std 3 V1_5 V1_5] {
            /// Headers of match fields.
            oxm_ids: Vec<Header>;
        }
        /// Which ports a packet that came in by this one may be recirculated from.
        Recirculate "recirculate" [std 4 V1_5 V1_5] {
            /// The ports.
            port_nos: Vec<PortNo>;
        }
    }
}

record! {
    /// A port's description.
    pub struct Port {
        /// Its number.
        number "port_no": PortNo;
        /// Its address.
        {length [V1_4 V1_5], pad 2 [V1_4 V1_5], pad 4 [V1_1 V1_3]} address "hw_addr": MacAddr;
        /// Its name.
        {pad 2 [V1_1 V1_5]} name: Name<16>;
        /// `OFPPC_*`: 1 down, 4 no receiving, 32 no forwarding, 64 no packet-in.
        config: u32;
        /// `OFPPS_*`: 1 link down, 2 blocked, 4 live.
        state: u32;
        /// `OFPPF_*` that are in use.
        curr: u32 [V1_0 V1_3];
        /// `OFPPF_*` that the port offers.
        advertised: u32 [V1_0 V1_3];
        /// `OFPPF_*` that the port can do.
        supported: u32 [V1_0 V1_3];
        /// `OFPPF_*` that the other side offers.
        peer: u32 [V1_0 V1_3];
        /// Kilobits per second.
        curr_speed: u32 [V1_1 V1_3];
        /// Kilobits per second.
        max_speed: u32 [V1_1 V1_3];
        /// What else is said.
        properties: Vec<PortDescProperty> [V1_4 V1_5];
    }
}

impl Port {
    /// `OFPPS_LINK_DOWN`.
    pub const LINK_DOWN: u32 = 1;

    /// A port of which nothing further is known.
    #[must_use]
    pub fn new(number: PortNo, address: MacAddr, name: &str) -> Self {
        Self {
            number,
            address,
            name: Name::new(name),
            config: 0,
            state: 0,
            curr: 0,
            advertised: 0,
            supported: 0,
            peer: 0,
            curr_speed: 0,
            max_speed: 0,
            properties: Vec::new(),
        }
    }
}

numbers! {
    /// `OFPPR_*`: what happened to a port.
    PortReason(u8) {
        ADD = 0 "add" "It came.";
        DELETE = 1 "delete" "It went.";
        MODIFY = 2 "modify" "It changed.";
    }
}

record! {
    /// Says that a port came, went or changed.
    pub struct PortStatus {
        /// What happened.
        reason: PortReason;
        /// The port as it is now, or was.
        {pad 7} port "desc": Port;
    }
}

variants! {
    /// What else a port is to do (`OFPPMPT_*`).
    pub enum PortModProperty: Property, rows PORT_MOD_PROPERTIES {
        /// What an Ethernet port offers; before 1.4 a field.
        Ethernet "ethernet" [std 0 V1_4 V1_5] {
            /// `OFPPF_*`.
            advertise: u32;
        }
        /// How an optical port sends.
        Optical "optical" [std 1 V1_4 V1_5] {
            /// `OFPOPF_*`.
            configure: u32;
            /// Frequency or wavelength.
            freq_lmda: u32;
            /// Its offset.
            fl_offset: u32;
            /// Grid spacing.
            grid_span: u32;
            /// dBm times 10.
            tx_pwr: u32;
        }
    }
}

record! {
    /// Changes how a port behaves.
    pub struct PortMod {
        /// The port.
        port "port_no": PortNo;
        /// Its address, to be sure that it is this port.
        {pad 4 [V1_1 V1_5]} address "hw_addr": MacAddr;
        /// `OFPPC_*`.
        {pad 2 [V1_1 V1_5]} config: u32;
        /// Which bits of it change.
        mask: u32;
        /// `OFPPF_*` that the port is to offer; 0 for no change.
        advertise: u32 [V1_0 V1_3];
        /// What else it is to do.
        {pad 4 [V1_0 V1_3]} properties: Vec<PortModProperty> [V1_4 V1_5];
    }
}

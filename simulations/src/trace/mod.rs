//! A packet's way through the cloud: from the port that sends it, through the stages of its hypervisor's switch,
//! over tunnels and into the controller's responders, to the ports that get it or the flow that drops it.
//!
//! Nothing is sent: the switches are software switches with the programs that the real ones have. The words are types here and become
//! text in `print`; what is asked is made a frame in `packet`, `follow` walks. Whether two ports can
//! talk to each other takes more than one packet: [`crate::why`].

mod follow;
pub(crate) mod packet;
mod print;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use weft_compiler::Content;
use weft_member::Member;
use weft_switch::Switch;
use weft_topology::ChassisId;

pub use follow::Follower;
pub use packet::{Question, describe};

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// There is no such port.
    #[error("there is no port {0}")]
    NoPort(String),
    /// A port that is on no hypervisor sends nothing.
    #[error("port {0} is on no hypervisor: no interface there says to be it")]
    Nowhere(String),
    /// A switch that has no program does nothing.
    #[error("hypervisor {0} has no program: its switch is not connected")]
    Unprogrammed(String),
    /// The packet is not told well enough.
    #[error("the packet: {0}")]
    Packet(String),
    /// Whom to ask is gone.
    #[error("the controller is ending")]
    Ending,
}

/// A way to look at the controller whose programs are traced.
pub trait Cloud {
    /// Looks at it.
    ///
    /// # Errors
    /// [`TraceError::Ending`] when it is gone.
    fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Member) -> T + Send + 'static,
    ) -> Result<T, TraceError>;

    /// A switch with the tables that a hypervisor's has; by default those that are compiled for it. None when it
    /// has none.
    ///
    /// # Errors
    /// As [`Cloud::look`].
    fn switch(&self, chassis: &ChassisId) -> Result<Option<Switch>, TraceError> {
        let of = chassis.clone();
        let program = self.look(move |member| member.compiler().program(&of))?;
        Ok((!program.is_empty()).then(|| programmed(&program)))
    }
}

impl Cloud for &Member {
    fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Member) -> T + Send + 'static,
    ) -> Result<T, TraceError> {
        Ok(look(self))
    }
}

/// A switch with a program. What it refuses is not there, as in a real one.
#[must_use]
pub fn programmed(program: &[Content]) -> Switch {
    let mut switch = Switch::new();
    // Flows name groups and meters.
    for content in program {
        _ = match content {
            Content::Meter(meter) => switch.meter_mod(meter),
            Content::Group(group) => switch.group_mod(group),
            Content::Flow(_) => Ok(()),
        };
    }
    for content in program {
        if let Content::Flow(flow) = content {
            _ = switch.flow_mod(&flow.decode());
        }
    }
    switch
}

/// The way of a packet and of what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// What is sent; in hexadecimal where it is written.
    #[serde(with = "hexadecimal")]
    pub frame: Vec<u8>,
    /// What happened, from the sender's switch on.
    pub way: Way,
    /// Who got it.
    pub deliveries: Vec<Delivery>,
    /// Where it, or a copy of it, came to nothing.
    pub drops: Vec<Drop>,
}

/// What a switch does with a frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The hypervisor, by its system-id.
    pub hypervisor: String,
    /// Where the frame came in.
    pub arrival: Arrival,
    /// The frame, as the match of a flow.
    pub packet: String,
    /// What happened, in order.
    pub steps: Vec<Step>,
}

/// Where a frame came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Arrival {
    /// From a logical port.
    Port {
        /// Its id.
        port: String,
        /// The interface that carries it.
        interface: String,
    },
    /// Out of a tunnel.
    Tunnel {
        /// The encapsulation.
        encapsulation: String,
        /// The id in its header.
        id: u64,
        /// The other end.
        source: Option<IpAddr>,
    },
}

/// Something that happened, with what it led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What.
    #[serde(flatten)]
    pub what: What,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<Step>,
}

/// What happens to a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum What {
    /// It came to a stage.
    Stage {
        /// The stage's name.
        stage: String,
        /// The flow that it met; none when no flow is for it.
        flow: Option<Met>,
    },
    /// A copy of it goes its own way.
    Copy,
    /// It goes to a group.
    Group {
        /// Its number.
        group: u32,
        /// To how many of its buckets.
        buckets: usize,
    },
    /// Connection tracking looks at it.
    Track {
        /// The zone.
        zone: u16,
        /// Whether a new connection is remembered.
        commit: bool,
        /// What is found out, as the match of a flow: `ct_state=new|trk`.
        state: String,
    },
    /// It is measured.
    Meter {
        /// The meter's number.
        meter: u32,
        /// Whether it goes on.
        passes: bool,
    },
    /// A port gets it.
    Deliver(Delivery),
    /// It leaves by an interface that carries no port.
    Leave {
        /// The interface's OpenFlow port number.
        ofport: u32,
        /// The frame, as the match of a flow.
        packet: String,
    },
    /// It enters a tunnel.
    Tunnel {
        /// The encapsulation.
        encapsulation: String,
        /// The id in its header.
        id: u64,
        /// The other end's address.
        to: Option<IpAddr>,
        /// What happens at the other end.
        end: TunnelEnd,
    },
    /// It was sent to a port and does not leave.
    Withheld {
        /// The interface's OpenFlow port number.
        ofport: u32,
        /// Why.
        reason: String,
    },
    /// The controller gets it.
    Controller {
        /// The service that it is for.
        service: Option<String>,
        /// What happens there.
        event: String,
    },
    /// It goes round too often, and everything that came of it is dropped.
    TooOften,
}

/// What happens to a frame at a tunnel's other end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TunnelEnd {
    /// A hypervisor gets it.
    Arrives(Box<Way>),
    /// No hypervisor has the address.
    Nobody,
    /// The hypervisor with that system-id has no program.
    Unprogrammed(String),
    /// It was not looked at: enough others were, or the frame had come through tunnels often enough.
    NotFollowed(String),
}

/// A flow that a packet met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// Its cookie, with `0x`: for `weft explain`.
    pub cookie: String,
    /// Its priority.
    pub priority: u16,
    /// Which packets it is for.
    pub matches: String,
    /// What it does.
    pub actions: String,
    /// What emitted it: item and line of source.
    pub owners: Vec<String>,
}

/// A port that gets a frame.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Delivery {
    /// The port's id.
    pub port: String,
    /// The hypervisor, by its system-id.
    pub hypervisor: String,
    /// The interface that carries it.
    pub interface: String,
    /// The frame, as the match of a flow.
    pub packet: String,
    /// The frame; in hexadecimal where it is written.
    #[serde(with = "hexadecimal")]
    pub frame: Vec<u8>,
}

/// Where a packet came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drop {
    /// The hypervisor, by its system-id.
    pub hypervisor: String,
    /// The stage.
    pub stage: String,
    /// Why, in words.
    pub reason: String,
    /// The flow that drops it; none when it is dropped because no flow is for it.
    pub flow: Option<Met>,
}

/// Bytes as two digits each.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        to.serialize_str(&digits)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let digits = String::deserialize(from)?;
        let wrong = || serde::de::Error::custom("bytes of two hexadecimal digits each");
        let pairs = digits.as_bytes().chunks(2);
        let byte = |pair: &[u8]| {
            let text = std::str::from_utf8(pair)
                .ok()
                .filter(|text| text.len() == 2)?;
            u8::from_str_radix(text, 16).ok()
        };
        pairs.map(|pair| byte(pair).ok_or_else(wrong)).collect()
    }
}

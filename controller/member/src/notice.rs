//! What a member tells its operators: named events, in one place turned into words and a level.

use std::net::IpAddr;

use weft_compiler::service::Service;
use weft_responders::Event as AnswerEvent;
use weft_topology::{ChassisId, PortId};

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For who looks for it.
    Debug,
    /// Worth knowing.
    Info,
    /// Somebody should look at it.
    Warn,
}

/// Something that operators may want to know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Notice {
    /// A hypervisor said for the first time on a connection what it has.
    #[error("hypervisor {0} is connected")]
    HypervisorUp(ChassisId),
    /// A hypervisor's OVSDB connection ended.
    #[error("hypervisor {0} is not connected any more")]
    HypervisorDown(ChassisId),
    /// Two hypervisors say to be one.
    #[error(
        "{peer} says to be hypervisor {chassis}, which is connected from {holder}: it is refused"
    )]
    DuplicateHypervisor {
        /// Who they say to be.
        chassis: ChassisId,
        /// The one that is refused.
        peer: IpAddr,
        /// The one that was first.
        holder: IpAddr,
    },
    /// There is no room for a hypervisor that was never seen.
    #[error(
        "{peer} says to be hypervisor {chassis}, and {limit} are known already: it is refused; \
         `weft switches forget NAME` makes room, or --max-hypervisors"
    )]
    HypervisorRefused {
        /// Who it says to be.
        chassis: ChassisId,
        /// From where.
        peer: IpAddr,
        /// How many may be known.
        limit: usize,
    },
    /// A hypervisor is not known any more.
    #[error("hypervisor {0} is forgotten")]
    HypervisorForgotten(ChassisId),
    /// A switch is connected and known.
    #[error("switch of {0} is connected")]
    SwitchUp(ChassisId),
    /// Two connections say to be one switch.
    #[error(
        "{peer} says to be the switch of {chassis}, which is connected from {holder}: it is refused"
    )]
    DuplicateSwitch {
        /// Whose.
        chassis: ChassisId,
        /// The one that is refused.
        peer: IpAddr,
        /// The one that was first.
        holder: IpAddr,
    },
    /// A switch's connection ended.
    #[error("switch of {0} is not connected any more")]
    SwitchDown(ChassisId),
    /// A switch is connected and nobody said whose it is, or several did and none of them is there.
    #[error("switch {0} belongs to no known hypervisor: it is left alone until one names it")]
    UnknownSwitch(rust_openflow::DatapathId),
    /// A switch has its program.
    #[error("switch of {chassis} is in order: {flows} flows, {changed} of them changed")]
    InOrder {
        /// Whose.
        chassis: ChassisId,
        /// How many flows it has.
        flows: usize,
        /// How many things had to be changed.
        changed: usize,
    },
    /// The audit found something on a switch that was changed by somebody else.
    #[error(
        "switch of {chassis}: {missing} flows, groups or meters were missing, \
         {foreign} were foreign or changed; repaired"
    )]
    Repaired {
        /// Whose.
        chassis: ChassisId,
        /// How many flows, groups and meters had to be put in.
        missing: usize,
        /// How many had to be taken out.
        foreign: usize,
    },
    /// Most of a switch's flows would go, and that does not look right.
    #[error(
        "switch of {chassis} has {flows} flows, of which {stale} would be removed: {reason}; \
         nothing is changed until `weft switches release {chassis}`"
    )]
    Held {
        /// Whose.
        chassis: ChassisId,
        /// How many flows it has.
        flows: usize,
        /// How many would go.
        stale: usize,
        /// Why that does not look right.
        reason: HoldReason,
    },
    /// A switch refused a flow.
    #[error("switch of {chassis} refused a flow ({cookie:#018x}): {words}")]
    Refused {
        /// Whose.
        chassis: ChassisId,
        /// The flow.
        cookie: u64,
        /// The switch's words.
        words: String,
    },
    /// A switch refused a message that is no flow.
    #[error("switch of {chassis} refused a push: {words}")]
    PushRefused {
        /// Whose.
        chassis: ChassisId,
        /// The switch's words.
        words: String,
    },
    /// The compiler refused a flow.
    #[error("compiler: {0}")]
    Fault(String),
    /// A row of the log cannot be read.
    #[error("{0}")]
    BadRow(String),
    /// A packet for the controller was dealt with.
    #[error("{} of port {port}: {event}", service.name())]
    Answered {
        /// Who sent it.
        port: PortId,
        /// What it was for.
        service: Service,
        /// What became of it.
        event: AnswerEvent,
    },
    /// A packet for the controller that no flow of this pipeline handed up, or whose port has gone.
    #[error("a packet from {0} is for nobody")]
    Unanswered(ChassisId),
}

/// Why a difference is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HoldReason {
    /// The switch was programmed by somebody who does not use this database.
    #[error("they are not of this database")]
    OtherInstallation,
    /// The switch knows a later revision than the database.
    #[error("it was programmed up to revision {switch}, and this database ends at {database}")]
    OlderDatabase {
        /// The switch's.
        switch: u64,
        /// The database's.
        database: u64,
    },
}

impl Notice {
    /// Its name in metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::HypervisorUp(_) => "hypervisor-up",
            Self::HypervisorDown(_) => "hypervisor-down",
            Self::DuplicateHypervisor { .. } => "duplicate-hypervisor",
            Self::HypervisorRefused { .. } => "hypervisor-refused",
            Self::HypervisorForgotten(_) => "hypervisor-forgotten",
            Self::SwitchUp(_) => "switch-up",
            Self::DuplicateSwitch { .. } => "duplicate-switch",
            Self::SwitchDown(_) => "switch-down",
            Self::UnknownSwitch(_) => "unknown-switch",
            Self::InOrder { .. } => "in-order",
            Self::Repaired { .. } => "repaired",
            Self::Held { .. } => "held",
            Self::Refused { .. } => "refused",
            Self::PushRefused { .. } => "push-refused",
            Self::Fault(_) => "fault",
            Self::BadRow(_) => "bad-row",
            Self::Answered { event, .. } => event.name(),
            Self::Unanswered(_) => "unanswered",
        }
    }

    /// Whether a guest, or somebody who connects, can cause it as often as he likes.
    #[must_use]
    pub fn is_at_will(&self) -> bool {
        matches!(
            self,
            Self::Answered { .. }
                | Self::Unanswered(_)
                | Self::DuplicateHypervisor { .. }
                | Self::HypervisorRefused { .. }
                | Self::DuplicateSwitch { .. }
                | Self::UnknownSwitch(_)
        )
    }

    /// How much it matters.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Answered { event, .. } => match event.level() {
                weft_responders::Level::Debug => Level::Debug,
                weft_responders::Level::Info => Level::Info,
                weft_responders::Level::Warn => Level::Warn,
            },
            Self::Unanswered(_) => Level::Debug,
            Self::HypervisorUp(_)
            | Self::HypervisorForgotten(_)
            | Self::UnknownSwitch(_)
            | Self::SwitchUp(_)
            | Self::InOrder { .. } => Level::Info,
            Self::HypervisorDown(_)
            | Self::DuplicateHypervisor { .. }
            | Self::HypervisorRefused { .. }
            | Self::DuplicateSwitch { .. }
            | Self::SwitchDown(_)
            | Self::Repaired { .. }
            | Self::Held { .. }
            | Self::Refused { .. }
            | Self::PushRefused { .. }
            | Self::Fault(_)
            | Self::BadRow(_) => Level::Warn,
        }
    }
}

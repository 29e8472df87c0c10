//! The switch of a hypervisor: one that carries packets, or one that only remembers what it was told, so that thousands fit on
//! one machine.

use bytes::Bytes;
use rust_openflow::message::{FlowFilter, FlowStats, GroupDesc, MeterConfig};
use rust_openflow::session::{CloseReason, Config};
use rust_openflow::{DatapathId, GroupId, MeterId, PortNo};
use weft_switch::agent::PortSpec;
use weft_switch::thin::Pool;
use weft_switch::{Agent, ConnectionId, Executor, Frame, Identity, Switch, Thin, Tunnel};

/// How switches carry packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Execution {
    /// As Open vSwitch does.
    #[default]
    Full,
    /// Not at all.
    Thin,
}

/// A switch.
pub(super) enum Machine {
    Full(Box<Agent<Switch>>),
    Thin(Box<Agent<Thin>>),
}

/// What is the same for both.
macro_rules! both {
    ($self:expr, $agent:ident => $what:expr) => {
        match $self {
            Self::Full($agent) => $what,
            Self::Thin($agent) => $what,
        }
    };
}

impl Machine {
    /// A switch without flows, ports and connections. What it keeps is shared with those of the same pool.
    pub(super) fn new(execution: Execution, datapath: DatapathId, pool: &Pool) -> Self {
        let identity = Identity::new(datapath);
        match execution {
            Execution::Full => Self::Full(Box::new(Agent::new(identity, Switch::new()))),
            Execution::Thin => Self::Thin(Box::new(Agent::new(identity, Thin::new(pool.clone())))),
        }
    }

    pub(super) fn datapath(&self) -> DatapathId {
        both!(self, agent => agent.identity().datapath)
    }

    pub(super) fn connect(&mut self, id: u64, config: Config, now: u64) {
        both!(self, agent => agent.connect(ConnectionId(id), config, now));
    }

    pub(super) fn disconnect(&mut self, id: u64) {
        both!(self, agent => agent.disconnect(ConnectionId(id)));
    }

    pub(super) fn receive(&mut self, id: u64, bytes: &[u8], now: u64) {
        both!(self, agent => agent.receive(ConnectionId(id), bytes, now));
    }

    pub(super) fn is_congested(&self, id: u64) -> bool {
        both!(self, agent => agent.is_congested(ConnectionId(id)))
    }

    pub(super) fn next_output(&mut self, id: u64) -> Option<Bytes> {
        both!(self, agent => agent.next_output_of(ConnectionId(id)))
    }

    pub(super) fn closed(&mut self) -> Option<(u64, CloseReason)> {
        let (ConnectionId(id), reason) = both!(self, agent => agent.closed())?;
        Some((id, reason))
    }

    pub(super) fn frame(
        &mut self,
        port: PortNo,
        tunnel: Tunnel,
        frame: &[u8],
        now: u64,
    ) -> Vec<Frame> {
        both!(self, agent => agent.frame(port, tunnel, frame, now))
    }

    pub(super) fn next_frame(&mut self) -> Option<Frame> {
        both!(self, agent => agent.next_frame())
    }

    pub(super) fn set_port(&mut self, number: PortNo, spec: Option<PortSpec>, now: u64) {
        both!(self, agent => agent.set_port(number, spec, now));
    }

    pub(super) fn advance(&mut self, now: u64) {
        both!(self, agent => agent.advance(now));
    }

    pub(super) fn next_timeout(&self) -> Option<u64> {
        both!(self, agent => agent.next_timeout())
    }

    /// The switch that carries packets, if it is one.
    pub(super) fn full(&self) -> Option<&Switch> {
        match self {
            Self::Full(agent) => Some(agent.executor()),
            Self::Thin(_) => None,
        }
    }

    /// The same, to change it behind the controller's back.
    pub(super) fn full_mut(&mut self) -> Option<&mut Switch> {
        match self {
            Self::Full(agent) => Some(agent.executor_mut()),
            Self::Thin(_) => None,
        }
    }

    /// Everything that it was told.
    pub(super) fn contents(&self) -> Contents {
        both!(self, agent => contents(agent.executor()))
    }

    /// How many flows it has.
    pub(super) fn flows(&self) -> usize {
        match self {
            Self::Full(agent) => agent.executor().flows().count(),
            Self::Thin(agent) => agent.executor().len(),
        }
    }
}

/// What a switch has.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Contents {
    pub(super) flows: Vec<FlowStats>,
    pub(super) groups: Vec<GroupDesc>,
    pub(super) meters: Vec<MeterConfig>,
}

fn contents<E: Executor>(executor: &E) -> Contents {
    // A filter of everything asks for no field that a switch could not have.
    let flows = executor.select(&FlowFilter::all()).unwrap_or_default();
    Contents {
        flows: flows
            .iter()
            .filter_map(|flow| executor.flow(flow))
            .collect(),
        groups: executor.groups(GroupId::ALL),
        meters: executor.meters(MeterId::ALL),
    }
}

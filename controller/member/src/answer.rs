//! Packets for the controller: who is asked, with which facts, and the packet that goes back.

use bytes::Bytes;
use rust_openflow::message::{PacketOut, Received};
use rust_openflow::{Action, PortNo};
use weft_compiler::service::Service;
use weft_responders::dhcp4::Facts;
use weft_responders::{Event, Responder};
use weft_topology::{ChassisId, Element, Index, Model, Port, PortId};

/// What answers need besides the model.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a DHCP lease lasts, in seconds.
    pub lease_seconds: u32,
    /// The domain that hosts are told they are in.
    pub domain: Option<String>,
}

/// What becomes of a packet for the controller.
#[derive(Debug)]
pub struct Answer {
    /// The port that sent it.
    pub port: PortId,
    /// The service that it is for.
    pub service: Service,
    /// What happens.
    pub event: Event,
    /// Where the answer goes: the interface that carries the port.
    pub ofport: PortNo,
    /// The answer, if there is one.
    pub frame: Option<Vec<u8>>,
}

impl Answer {
    /// The answer as a message to the switch.
    pub(crate) fn packet(&mut self) -> Option<PacketOut> {
        let actions = vec![Action::output(self.ofport)];
        let frame = self.frame.take()?;
        Some(PacketOut::new(
            PortNo::CONTROLLER,
            actions,
            Bytes::from(frame),
        ))
    }
}

/// Answers a packet that a switch handed up; none when it is not one that Weft asked for, or the port
/// has gone or moved since.
pub(crate) fn answer(
    model: &Model,
    settings: &Settings,
    chassis: &ChassisId,
    received: &Received,
) -> Option<Answer> {
    let (service, key) = Service::of(received)?;
    let id = model.port_of_key(key)?;
    let port = model.port(id)?;
    let location = model.location_on(id, chassis)?;
    let reply = match service {
        Service::Dhcp4 => {
            let network = model.network(port.network)?;
            let services = services_port(model, port);
            let subnet = |id| model.subnet(id).map(|subnet| &**subnet);
            let facts = Facts::of(port, network, subnet, services)?;
            Facts {
                lease_seconds: settings.lease_seconds,
                domain: settings.domain.clone(),
                hostname: Some(hostname(&facts)),
                ..facts
            }
            .respond(&received.packet_in.packet)
        }
    };
    Some(Answer {
        port: id,
        service,
        event: reply.event,
        ofport: location.ofport,
        frame: reply.frame,
    })
}

/// The port behind which Weft's own services stand, of a port's network.
fn services_port<'a>(model: &'a Model, port: &Port) -> Option<&'a Port> {
    model
        .elements(&Index::ServicePorts(port.network))
        .find_map(|element| match element {
            Element::Port(id) => model.port(*id).map(|port| &**port),
            _ => None,
        })
}

/// The name that a host gets when nobody chose one: `host-10-0-0-5`.
fn hostname(facts: &Facts) -> String {
    format!("host-{}", facts.address.to_string().replace('.', "-"))
}

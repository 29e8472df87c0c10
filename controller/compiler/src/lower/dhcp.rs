//! DHCP: what a port asks for goes to the controller through a meter of its own, and nowhere else.

use rust_openflow::Field;
use rust_openflow::action::ToController;
use rust_openflow::message::{Band, MeterMod};
use weft_topology::{ChassisId, Element, Index, NetworkId, PortId, Role};

use crate::emit::Emitter;
use crate::lower::located;
use crate::lower::numbers::{DHCP_CLIENT, DHCP_SERVER, IPV4, UDP};
use crate::pipeline::{Slot, Stage};
use crate::service::Service;
use crate::view::View;

/// The flow that takes a port's requests to the controller, and its meter.
pub fn port(chassis: &ChassisId, id: PortId, view: &mut View<'_>, emit: &mut Emitter<'_>) {
    let Some((location, port, _)) = located(chassis, id, view) else {
        return;
    };
    if port.role == Role::Services || !hands_out_addresses(port.network, view) {
        return;
    }
    let meter = Service::Dhcp4.meter(location.ofport);
    let (rate, burst) = Service::Dhcp4.limit();
    emit.meter(MeterMod::add(
        meter,
        MeterMod::PKTPS | MeterMod::BURST,
        vec![Band::Drop { rate, burst }],
    ));
    emit.flow(Stage::Services, 100)
        .slot(Slot::InPort, port.key.get())
        .field(Field::EthType, IPV4)
        .field(Field::IpProto, UDP)
        .field(Field::UdpSrc, DHCP_CLIENT)
        .field(Field::UdpDst, DHCP_SERVER)
        .punt(ToController {
            userdata: vec![Service::Dhcp4.number()].into(),
            meter: Some(meter),
            ..ToController::default()
        })
        .end();
}

/// Whether Weft hands out IPv4 addresses on a network.
fn hands_out_addresses(network: NetworkId, view: &mut View<'_>) -> bool {
    let subnets: Vec<_> = view.elements(Index::Subnets(network)).collect();
    subnets.into_iter().any(|element| match element {
        Element::Subnet(subnet) => view
            .subnet(*subnet)
            .is_some_and(|subnet| subnet.enable_dhcp && subnet.cidr.addr().is_ipv4()),
        _ => false,
    })
}

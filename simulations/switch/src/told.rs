//! What a controller is told of a packet beside the packet itself.

use rust_openflow::field::{Field, ROWS};
use rust_openflow::{FieldValue, Match};

use crate::conntrack;
use crate::packet::Packet;

/// The fields that only the switch knows: the port, and the others that are not zero; registers in
/// pairs, and in the order, in which Open vSwitch writes them in OpenFlow 1.5 (`flow_get_metadata`).
pub(crate) fn metadata(packet: &Packet) -> Match {
    let between = |first: Field, last: Field| {
        let fields = ROWS.iter().map(|row| row.field);
        fields.filter(move |field| (first..=last).contains(field))
    };
    let mut found = Match::any();
    found.push(FieldValue::exact(Field::InPort, packet.in_port()));
    let note = |found: &mut Match, field: Field| {
        if let Some(value) = packet.get(field).filter(|value| *value != 0) {
            found.push(FieldValue::exact(field, value));
        }
    };
    if packet.value(Field::CtState) != 0 {
        // Without it nobody could say what the connection's addresses are.
        note(&mut found, Field::EthType);
    }
    between(Field::TunnelId, Field::GtpuMsgtype).for_each(|field| note(&mut found, field));
    for pair in (0..8).filter_map(Field::register_pair) {
        let value = packet.get(pair).unwrap_or_default();
        let halves = [u128::from(u32::MAX), u128::from(u32::MAX) << 32];
        let mask = halves
            .iter()
            .filter(|half| value & *half != 0)
            .sum::<u128>();
        if mask != 0 {
            found.push(FieldValue::masked(pair, value, mask));
        }
    }
    note(&mut found, Field::PktMark);
    between(Field::CtState, Field::CtLabel).for_each(|field| note(&mut found, field));
    if conntrack::is_known(packet) && packet.value(Field::CtNwProto) != 0 {
        let original = conntrack::ORIGINAL.iter().copied();
        for field in original.filter(|field| packet.has(*field)) {
            found.push(FieldValue::exact(field, packet.value(field)));
        }
    }
    note(&mut found, Field::Metadata);
    found
}

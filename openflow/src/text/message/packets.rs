//! Messages with packets. The packets themselves are digits here, which `ovs-ofctl` shows only when asked for more.

use super::Context;
use crate::TableId;
use crate::message::{Message, NO_BUFFER, PacketOut, Received};
use crate::text::value::push;
use crate::text::{actions, bytes_as_hex, matches};

/// Writes a message, if it is one of these.
pub(super) fn print(out: &mut String, message: &Message, context: Context<'_>) -> bool {
    match message {
        Message::PacketOut(packet) => print_packet_out(out, packet, context),
        Message::PacketIn(packet) => print_received(out, &packet.clone().into(), context),
        Message::NxPacketIn(packet) => print_received(out, &packet.clone().into(), context),
        Message::PacketIn2(packet) | Message::Resume(packet) => {
            print_received(out, &packet.clone().into(), context);
        }
        _ => return false,
    }
    true
}

fn print_packet_out(out: &mut String, packet: &PacketOut, context: Context<'_>) {
    out.push(' ');
    match packet.in_port() {
        // The port alone, which is all that versions before 1.5 can say.
        Some(port) if packet.metadata.fields().count() == 1 => {
            push(out, format_args!("in_port={}", context.names.port(port)));
        }
        _ => matches::print(out, &packet.metadata, context.names),
    }
    out.push_str(" actions=");
    actions::print_list(out, &packet.actions, context.names);
    match packet.buffer_id {
        NO_BUFFER => push(out, format_args!(" data_len={}", packet.packet.len())),
        buffer => push(out, format_args!(" buffer={buffer:#010x}")),
    }
    print_data(out, &packet.packet);
}

fn print_received(out: &mut String, received: &Received, context: Context<'_>) {
    let packet = &received.packet_in;
    if packet.table != TableId(0) {
        let table = context.names.table(packet.table);
        push(out, format_args!(" table_id={table}"));
    }
    // All ones are none.
    if packet.cookie != u64::MAX {
        push(out, format_args!(" cookie={:#x}", packet.cookie));
    }
    push(out, format_args!(" total_len={} ", packet.total_len));
    matches::print(out, &packet.metadata, context.names);
    match packet.reason.name() {
        Some(name) => push(out, format_args!(" (via {name})")),
        None => push(out, format_args!(" (via {})", packet.reason.0)),
    }
    push(out, format_args!(" data_len={}", packet.packet.len()));
    match packet.buffer_id {
        NO_BUFFER => out.push_str(" (unbuffered)"),
        buffer => push(out, format_args!(" buffer={buffer:#010x}")),
    }
    print_data(out, &packet.packet);
    if !received.userdata.is_empty() {
        let bytes = received.userdata.iter().map(|byte| format!("{byte:02x}"));
        let bytes: Vec<String> = bytes.collect();
        push(out, format_args!("\n userdata={}", bytes.join(".")));
    }
    if let Some(continuation) = &received.continuation {
        let data = bytes_as_hex(continuation);
        push(out, format_args!("\n continuation={data}"));
    }
}

fn print_data(out: &mut String, packet: &[u8]) {
    if !packet.is_empty() {
        push(out, format_args!(" data={}", bytes_as_hex(packet)));
    }
}

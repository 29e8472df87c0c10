//! Messages about which messages come unasked.

use super::known;
use crate::Version;
use crate::message::{AsyncConfig, AsyncProperty, Message};
use crate::text::value::push;

/// Kinds of messages, and the names of the reasons for which they are sent.
const KINDS: [(&str, &[(u32, &str)]); 6] = [
    (
        "PACKET_IN",
        &[
            (1, "no_match"),
            (1 << 1, "action"),
            (1 << 2, "invalid_ttl"),
            (1 << 3, "action_set"),
            (1 << 4, "group"),
            (1 << 5, "packet_out"),
        ],
    ),
    (
        "PORT_STATUS",
        &[(1, "add"), (1 << 1, "delete"), (1 << 2, "modify")],
    ),
    (
        "FLOW_REMOVED",
        &[
            (1, "idle"),
            (1 << 1, "hard"),
            (1 << 2, "delete"),
            (1 << 3, "group_delete"),
            (1 << 4, "meter_delete"),
            (1 << 5, "eviction"),
        ],
    ),
    (
        "ROLE_STATUS",
        &[
            (1, "primary_request"),
            (1 << 1, "configuration_changed"),
            (1 << 2, "experimenter_data_changed"),
        ],
    ),
    (
        "TABLE_STATUS",
        &[(1 << 3, "vacancy_down"), (1 << 4, "vacancy_up")],
    ),
    (
        "REQUESTFORWARD",
        &[(1, "group_mod_request"), (1 << 1, "meter_mod_request")],
    ),
];

/// Writes a message, if it is one of these.
pub(super) fn print(out: &mut String, told: &Message, version: Version) -> bool {
    // Packets came for three reasons before 1.4, but for what says it as 1.4 does.
    let old = version < Version::V1_4;
    match told {
        Message::SetAsync(config) | Message::GetAsyncReply(config) => {
            print_masks(out, &config.properties, old);
        }
        Message::SetAsyncConfig(config) => {
            print_masks(out, &AsyncConfig::from(config.clone()).properties, old);
        }
        Message::SetAsyncConfig2(config) => print_masks(out, &config.properties, false),
        _ => return false,
    }
    true
}

/// Writes reasons for a master, and for a slave.
fn print_masks(out: &mut String, properties: &[AsyncProperty], old: bool) {
    let mut masks = [[0; KINDS.len()]; 2];
    for property in properties {
        let (role, kind, mask) = match *property {
            AsyncProperty::PacketInMaster { mask } => (0, 0, mask),
            AsyncProperty::PacketInSlave { mask } => (1, 0, mask),
            AsyncProperty::PortStatusMaster { mask } => (0, 1, mask),
            AsyncProperty::PortStatusSlave { mask } => (1, 1, mask),
            AsyncProperty::FlowRemovedMaster { mask } => (0, 2, mask),
            AsyncProperty::FlowRemovedSlave { mask } => (1, 2, mask),
            AsyncProperty::RoleStatusMaster { mask } => (0, 3, mask),
            AsyncProperty::RoleStatusSlave { mask } => (1, 3, mask),
            AsyncProperty::TableStatusMaster { mask } => (0, 4, mask),
            AsyncProperty::TableStatusSlave { mask } => (1, 4, mask),
            AsyncProperty::RequestforwardMaster { mask } => (0, 5, mask),
            AsyncProperty::RequestforwardSlave { mask } => (1, 5, mask),
            // Open vSwitch does not know the others.
            _ => continue,
        };
        masks[role][kind] = match kind {
            0 if old => mask & 7,
            _ => mask,
        };
    }
    for (role, masks) in ["primary", "secondary"].iter().zip(masks) {
        push(out, format_args!("\n {role}:"));
        for ((kind, reasons), mask) in KINDS.iter().zip(masks) {
            let names = known(mask, reasons);
            let names = if names == "0" { "(off)" } else { &names };
            push(out, format_args!("\n{kind:>16}: {names}"));
        }
        out.push('\n');
    }
}

//! Messages about the connection and the switch as a whole.

use super::tables::{MAY_EVICT, TELLS_VACANCY, state};
use super::{Context, bit_names, errors, groups, known, ports, print_deeper, tables};
use crate::Version;
use crate::message::{
    BundleAdd, BundleControl, Desc, Features, Hello, HelloElement, Message, Reply, Request,
    Requestforward, Role, RoleMessage, RoleReason, RoleStatus, SwitchConfig, TableDesc,
    TableModProperty, TableReason,
};
use crate::text::scan::hex;
use crate::text::value::push;

/// Writes a message, if it is one of these.
pub(super) fn print(out: &mut String, told: &Message, context: Context<'_>) -> bool {
    match told {
        Message::Error(error) => errors::print(out, error, context),
        Message::Hello(hello) => print_hello(out, hello, context.version),
        Message::EchoRequest(echo) | Message::EchoReply(echo) => {
            push(out, format_args!(" {} bytes of payload", echo.data.len()));
        }
        Message::FeaturesReply(features) => print_features(out, features, context),
        Message::GetConfigReply(config) | Message::SetConfig(config) => {
            print_config(out, config, context.version);
        }
        Message::RoleRequest(role) => {
            // Who only asks takes no part in generations.
            let changes = role.role != Role::NO_CHANGE;
            print_role(out, role.role, changes.then_some(role.generation_id));
        }
        Message::RoleReply(role) => print_role(out, role.role, Some(role.generation_id)),
        Message::NxRoleRequest(role) | Message::NxRoleReply(role) => {
            print_role(out, RoleMessage::from(*role).role, None);
        }
        Message::RoleStatus(status) => print_role_status(out, status),
        Message::BundleControl(control) => print_bundle(out, control),
        Message::BundleAdd(add) => return print_bundled(out, add, context),
        Message::Requestforward(forward) => return print_forwarded(out, forward, context),
        Message::FlowModTableId(table) => {
            out.push_str(if table.set == 0 {
                " disable"
            } else {
                " enable"
            });
        }
        Message::TableMod(change) => tables::print_mod(out, change, context),
        Message::TableStatus(status) => {
            let reason = match status.reason {
                TableReason::VACANCY_DOWN => "VACANCY_DOWN",
                TableReason::VACANCY_UP => "VACANCY_UP",
                TableReason(_) => "",
            };
            let table = described(&status.table, context);
            push(out, format_args!(" reason={reason}\ntable_desc:-\n{table}"));
        }
        Message::SetFlowFormat(format) => {
            let name = format.format.name().unwrap_or("(unknown)");
            push(out, format_args!(" format={name}"));
        }
        Message::SetControllerId(id) => push(out, format_args!(" id={}", id.controller_id)),
        _ => return false,
    }
    true
}

/// Writes a request, if it is one of these: none of them says anything.
pub(super) fn print_request(request: &Request) -> bool {
    matches!(
        request,
        Request::Desc
            | Request::Table
            | Request::TableDesc
            | Request::IpfixBridge
            | Request::IpfixFlow
    )
}

/// Writes a reply, if it is one of these.
pub(super) fn print_reply(out: &mut String, reply: &Reply, context: Context<'_>) -> bool {
    match reply {
        Reply::Desc(desc) => print_desc(out, desc),
        Reply::TableDesc(tables) => {
            let all: Vec<String> = tables
                .iter()
                .map(|table| described(table, context))
                .collect();
            push(out, format_args!("\n{}", all.join("\n")));
        }
        _ => return false,
    }
    true
}

fn print_hello(out: &mut String, hello: &Hello, own: Version) {
    let mut bitmaps = hello.elements.iter().filter_map(|element| match element {
        // There is no version 0.
        HelloElement::VersionBitmap { bitmaps } => bitmaps.first().map(|first| first & !1),
        _ => None,
    });
    // Without a bitmap it is all versions up to that of the message.
    let told = bitmaps.rfind(|versions| *versions != 0);
    let told = told.unwrap_or((2 << own.wire()) - 2);
    let bits = (0..32_u8).filter(|bit| told & (1 << bit) != 0);
    let versions: Vec<String> = bits.map(|bit| format!("{bit:#04x}")).collect();
    push(
        out,
        format_args!("\n version bitmap: {}", versions.join(", ")),
    );
}

/// What a switch can do, and in which versions the bit says so.
const CAPABILITIES: &[(u32, &str, Version, Version)] = &[
    (1, "FLOW_STATS", Version::V1_0, Version::V1_5),
    (1 << 1, "TABLE_STATS", Version::V1_0, Version::V1_5),
    (1 << 2, "PORT_STATS", Version::V1_0, Version::V1_5),
    (1 << 3, "STP", Version::V1_0, Version::V1_0),
    (1 << 3, "GROUP_STATS", Version::V1_1, Version::V1_5),
    (1 << 5, "IP_REASM", Version::V1_0, Version::V1_5),
    (1 << 6, "QUEUE_STATS", Version::V1_0, Version::V1_5),
    (1 << 7, "ARP_MATCH_IP", Version::V1_0, Version::V1_1),
    (1 << 8, "PORT_BLOCKED", Version::V1_2, Version::V1_5),
    (1 << 9, "BUNDLES", Version::V1_4, Version::V1_5),
    (1 << 10, "FLOW_MONITORING", Version::V1_4, Version::V1_5),
];

fn print_features(out: &mut String, features: &Features, context: Context<'_>) {
    push(
        out,
        format_args!(
            " dpid:{:016x}\nn_tables:{}, n_buffers:{}",
            features.datapath.0, features.tables, features.buffers
        ),
    );
    if features.auxiliary != 0 {
        push(out, format_args!(", auxiliary_id:{}", features.auxiliary));
    }
    let spoken = |row: &&(u32, &str, Version, Version)| (row.2..=row.3).contains(&context.version);
    let names = CAPABILITIES.iter().filter(spoken);
    let names: Vec<_> = names.map(|row| (row.0, row.1)).collect();
    let capabilities = known(features.capabilities, &names);
    push(out, format_args!("\ncapabilities: {capabilities}"));
    let actions = tables::actions(features.actions, Version::V1_0);
    if !actions.is_empty() {
        push(out, format_args!("\nactions: {}", actions.join(" ")));
    }
    ports::print_ports(out, &features.ports, context);
}

/// What becomes of fragments, by the two low bits of the flags.
const FRAGMENTS: [&str; 4] = ["normal", "drop", "reassemble", "nx-match"];
/// `OFPC_INVALID_TTL_TO_CONTROLLER`, until 1.2.
const INVALID_TTL: u16 = 1 << 2;

fn print_config(out: &mut String, config: &SwitchConfig, version: Version) {
    let fragments = FRAGMENTS[usize::from(config.flags & 3)];
    push(out, format_args!(" frags={fragments}"));
    if version < Version::V1_3 && config.flags & INVALID_TTL != 0 {
        out.push_str(" invalid_ttl_to_controller");
    }
    push(out, format_args!(" miss_send_len={}", config.miss_send_len));
}

fn role_name(role: Role) -> String {
    match role {
        Role::MASTER => "primary".to_owned(),
        Role::SLAVE => "secondary".to_owned(),
        other => match other.name() {
            Some(name) => name.to_owned(),
            None => other.0.to_string(),
        },
    }
}

fn print_role(out: &mut String, role: Role, generation: Option<u64>) {
    push(out, format_args!(" role={}", role_name(role)));
    // All ones are none.
    if let Some(generation) = generation.filter(|id| *id != u64::MAX) {
        push(out, format_args!(" generation_id={generation}"));
    }
}

fn print_role_status(out: &mut String, status: &RoleStatus) {
    push(out, format_args!(" role={}", role_name(status.role)));
    if status.generation_id != u64::MAX {
        push(out, format_args!(" generation_id={}", status.generation_id));
    }
    let reason = match status.reason {
        RoleReason::MASTER_REQUEST => "primary_request",
        RoleReason::CONFIG => "configuration_changed",
        RoleReason::EXPERIMENTER => "experimenter_data_changed",
        RoleReason(_) => "(unknown)",
    };
    push(out, format_args!(" reason={reason}"));
}

/// The flags of a bundle.
const BUNDLE_FLAGS: &[(u32, &str)] = &[(1, "atomic"), (2, "ordered")];

fn print_bundle(out: &mut String, control: &BundleControl) {
    let bundle = hex(control.bundle_id.into());
    let kind = control.kind.name().unwrap_or_default().to_uppercase();
    let flags = bit_names(control.flags.0.into(), BUNDLE_FLAGS);
    push(
        out,
        format_args!("\n bundle_id={bundle} type={kind} flags={flags}"),
    );
}

/// Writes a message in a bundle, with that message on lines of its own.
fn print_bundled(out: &mut String, add: &BundleAdd, context: Context<'_>) -> bool {
    let Ok((header, inner)) = add.message.decode() else {
        return false;
    };
    let bundle = hex(add.bundle_id.into());
    let flags = bit_names(add.flags.0.into(), BUNDLE_FLAGS);
    push(out, format_args!("\n bundle_id={bundle} flags={flags}\n"));
    print_deeper(out, &header, &inner, context);
    true
}

/// Writes what another controller asked for.
fn print_forwarded(out: &mut String, forward: &Requestforward, context: Context<'_>) -> bool {
    match forward.request.decode() {
        Ok((_, Message::GroupMod(change))) => {
            out.push_str(" reason=group_mod\n ");
            groups::print_group_mod(out, &change, context);
        }
        Ok((_, Message::MeterMod(change))) => {
            out.push_str(" reason=meter_mod ");
            groups::print_meter_mod(out, &change);
        }
        _ => return false,
    }
    true
}

/// How a table is set up.
fn described(table: &TableDesc, context: Context<'_>) -> String {
    let mut text = format!("  table {}:\n", context.names.table(table.table));
    let mut eviction = "(default)".to_owned();
    let mut levels = [0; 3];
    for property in &table.properties {
        match *property {
            TableModProperty::Eviction { flags } => {
                eviction = match flags {
                    // What the switch does by itself.
                    u32::MAX => "(default)".to_owned(),
                    flags => tables::eviction(flags),
                };
            }
            TableModProperty::Vacancy {
                vacancy_down,
                vacancy_up,
                vacancy,
            } => levels = [vacancy_down, vacancy_up, vacancy],
            _ => {}
        }
    }
    let evicts = state(table.config, MAY_EVICT);
    push(
        &mut text,
        format_args!("   eviction={evicts} eviction_flags={eviction}\n"),
    );
    push(
        &mut text,
        format_args!("   vacancy={}", state(table.config, TELLS_VACANCY)),
    );
    if table.config & TELLS_VACANCY != 0 {
        let [down, up, now] = levels;
        push(
            &mut text,
            format_args!(" vacancy_down={down}% vacancy_up={up}% vacancy={now}%"),
        );
    }
    text.push('\n');
    text
}

fn print_desc(out: &mut String, desc: &Desc) {
    for (title, text) in [
        ("Manufacturer", desc.manufacturer.to_text()),
        ("Hardware", desc.hardware.to_text()),
        ("Software", desc.software.to_text()),
        ("Serial Num", desc.serial.to_text()),
        ("DP Description", desc.datapath.to_text()),
    ] {
        push(out, format_args!("\n{title}: {text}"));
    }
}

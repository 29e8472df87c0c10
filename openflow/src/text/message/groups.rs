//! Messages about groups and meters.

use super::{Context, bit_names, meter_name, print_time, tables};
use crate::message::{
    BucketId, GroupCommand, GroupFeatures, GroupMod, GroupStats, Message, MeterCommand,
    MeterConfig, MeterFeatures, MeterMod, MeterStats, Reply, Request,
};
use crate::text::scan::hex;
use crate::text::value::push;
use crate::text::{group, meter};
use crate::{GroupId, Version};

/// Writes a message, if it is one of these.
pub(super) fn print(out: &mut String, message: &Message, context: Context<'_>) -> bool {
    match message {
        Message::GroupMod(change) => {
            out.push_str("\n ");
            print_group_mod(out, change, context);
        }
        Message::MeterMod(change) => {
            out.push(' ');
            print_meter_mod(out, change);
        }
        _ => return false,
    }
    true
}

/// Writes a request, if it is one of these.
pub(super) fn print_request(out: &mut String, request: &Request) -> bool {
    let group = match request {
        Request::MeterStats(filter) | Request::MeterConfig(filter) => {
            push(out, format_args!(" meter={}", meter_name(filter.meter)));
            return true;
        }
        Request::MeterFeatures | Request::GroupFeatures => return true,
        Request::GroupStats(filter) => filter.group,
        Request::GroupDesc(filter) => filter.group,
        _ => return false,
    };
    match group {
        GroupId::ALL => out.push_str(" group_id=ALL"),
        GroupId::ANY => out.push_str(" group_id=ANY"),
        GroupId(group) => push(out, format_args!(" group_id={group}")),
    }
    true
}

/// Writes a reply, if it is one of these.
pub(super) fn print_reply(out: &mut String, reply: &Reply, context: Context<'_>) -> bool {
    match reply {
        Reply::GroupDesc(groups) => groups.iter().for_each(|described| {
            out.push_str("\n ");
            let mut group = GroupMod::add(described.group, described.kind, Vec::new());
            group.buckets.clone_from(&described.buckets);
            group.properties.clone_from(&described.properties);
            group::print_as(out, &group, with_ids(context), true, context.names);
        }),
        Reply::GroupStats(groups) => groups.iter().for_each(|group| {
            print_group_stats(out, group, context);
        }),
        Reply::MeterStats(meters) => meters.iter().for_each(|meter| {
            print_meter_stats(out, meter);
        }),
        Reply::MeterConfig(meters) => meters.iter().for_each(|meter| {
            out.push('\n');
            print_meter_config(out, meter);
            out.push('\n');
        }),
        Reply::MeterFeatures(features) => print_meter_features(out, features),
        Reply::GroupFeatures(features) => print_group_features(out, features, context.version),
        _ => return false,
    }
    true
}

/// Whether buckets have numbers: from 1.5 on, and in Nicira's form of that for 1.0.
fn with_ids(context: Context<'_>) -> bool {
    matches!(context.version, Version::V1_0 | Version::V1_5)
}

pub(super) fn print_group_mod(out: &mut String, change: &GroupMod, context: Context<'_>) {
    match change.command {
        GroupCommand::ADD => out.push_str("ADD"),
        GroupCommand::MODIFY => out.push_str("MOD"),
        GroupCommand::DELETE => out.push_str("DEL"),
        GroupCommand::INSERT_BUCKET => out.push_str("INSERT_BUCKET"),
        GroupCommand::REMOVE_BUCKET => out.push_str("REMOVE_BUCKET"),
        // Open vSwitch's own.
        GroupCommand(0x8000) => out.push_str("ADD_OR_MOD"),
        GroupCommand(other) => push(out, format_args!("cmd:{other}")),
    }
    let about_buckets = matches!(
        change.command,
        GroupCommand::INSERT_BUCKET | GroupCommand::REMOVE_BUCKET
    );
    out.push(' ');
    if about_buckets && with_ids(context) {
        let bucket = match change.command_bucket {
            BucketId::FIRST => "first".to_owned(),
            BucketId::LAST => "last".to_owned(),
            BucketId::ALL => "all".to_owned(),
            BucketId(number) => number.to_string(),
        };
        push(out, format_args!("command_bucket_id:{bucket},"));
    }
    group::print_as(
        out,
        change,
        with_ids(context),
        !about_buckets,
        context.names,
    );
}

fn print_group_stats(out: &mut String, group: &GroupStats, context: Context<'_>) {
    push(out, format_args!("\n group_id={},", group.group.0));
    let told = context.version == Version::V1_0 || context.version >= Version::V1_3;
    if told && group.duration_sec != u32::MAX {
        out.push_str("duration=");
        print_time(out, group.duration_sec, group.duration_nsec);
        out.push(',');
    }
    push(
        out,
        format_args!(
            "ref_count={},packet_count={},byte_count={}",
            group.ref_count, group.packet_count, group.byte_count
        ),
    );
    for (at, bucket) in group.bucket_stats.iter().enumerate() {
        // All ones are a counter that is not kept.
        if bucket.packet_count != u64::MAX {
            let (packets, bytes) = (bucket.packet_count, bucket.byte_count);
            push(
                out,
                format_args!(",bucket{at}:packet_count={packets},byte_count={bytes}"),
            );
        }
    }
}

pub(super) fn print_meter_mod(out: &mut String, change: &MeterMod) {
    match change.command {
        MeterCommand::ADD => out.push_str("ADD"),
        MeterCommand::MODIFY => out.push_str("MOD"),
        MeterCommand::DELETE => out.push_str("DEL"),
        MeterCommand(other) => push(out, format_args!("cmd:{other}")),
    }
    out.push(' ');
    let deletes = change.command == MeterCommand::DELETE;
    print_meter_config(
        out,
        &MeterConfig {
            // What goes has neither.
            flags: if deletes { 0 } else { change.flags },
            meter: change.meter,
            bands: if deletes {
                Vec::new()
            } else {
                change.bands.clone()
            },
        },
    );
}

fn print_meter_config(out: &mut String, config: &MeterConfig) {
    push(out, format_args!("meter={} ", meter_name(config.meter)));
    meter::print_flags(out, config.flags);
    out.push_str("bands=");
    for band in &config.bands {
        out.push('\n');
        meter::print_band(out, band, config.flags);
    }
}

fn print_meter_stats(out: &mut String, stats: &MeterStats) {
    push(
        out,
        format_args!(
            "\nmeter:{} flow_count:{} packet_in_count:{} byte_in_count:{} duration:",
            meter_name(stats.meter),
            stats.ref_count,
            stats.packet_in_count,
            stats.byte_in_count
        ),
    );
    print_time(out, stats.duration_sec, stats.duration_nsec);
    out.push_str(" bands:");
    for (at, band) in stats.band_stats.iter().enumerate() {
        let (packets, bytes) = (band.packets, band.bytes);
        push(
            out,
            format_args!("\n{at}: packet_count:{packets} byte_count:{bytes}"),
        );
    }
    out.push('\n');
}

/// Types of bands, by their numbers.
const BAND_TYPES: &[(u32, &str)] = &[(1 << 1, "drop"), (1 << 2, "dscp_remark")];

fn print_meter_features(out: &mut String, features: &MeterFeatures) {
    push(
        out,
        format_args!(
            "\nmax_meter:{} max_bands:{} max_color:{}\nband_types: {}\ncapabilities: {}",
            features.max_meter,
            features.max_bands,
            features.max_color,
            bit_names(features.band_types, BAND_TYPES),
            bit_names(features.capabilities, &meter::flag_bits()),
        ),
    );
}

/// Types of groups, by their numbers.
const GROUP_TYPES: [&str; 4] = ["all", "select", "indirect", "fast failover"];

fn print_group_features(out: &mut String, features: &GroupFeatures, version: Version) {
    push(
        out,
        format_args!(
            "\n Group table:\n    Types:  {:#x}\n    Capabilities:  {:#x}",
            features.types, features.capabilities
        ),
    );
    let of_types = features.max_groups.iter().zip(features.actions);
    for (at, (name, (most, actions))) in GROUP_TYPES.iter().zip(of_types).enumerate() {
        if features.types & (1 << at) == 0 {
            continue;
        }
        let actions = match tables::actions(actions, version) {
            none if none.is_empty() => "<none>".to_owned(),
            names => names.join(" "),
        };
        let most = hex((*most).into());
        push(
            out,
            format_args!(
                "\n    {name} group:\n       max_groups={most}\n       actions: {actions}"
            ),
        );
    }
}

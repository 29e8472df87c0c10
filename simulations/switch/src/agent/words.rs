//! What a version can say of what the switch has: the rest is left out.

use rust_openflow::field::{BASIC, NXM_0, NXM_1};
use rust_openflow::matches::Entry;
use rust_openflow::message::{
    Bucket, BucketProperty, FlowFlags, FlowRemoved, FlowStats, GroupDesc, GroupStats, GroupType,
    Stat, Stats, TableStats,
};
use rust_openflow::record::Name;
use rust_openflow::{Action, Instruction, Match, TableId, Version};

use crate::executor::TableCounts;
use crate::switch::metered;

/// A flow.
pub(super) fn flow_stats(mut flow: FlowStats, version: Version) -> FlowStats {
    if version < Version::V1_3 {
        flow.flags = FlowFlags::default();
    }
    if version < Version::V1_4 {
        flow.importance = 0;
    }
    flow.instructions = instructions(flow.instructions, version);
    flow.stats = stats(flow.stats, version);
    flow
}

/// Counters: before 1.5 there is no word for how long no packet came.
fn stats(mut stats: Stats, version: Version) -> Stats {
    if version < Version::V1_5 {
        let told = stats.0.into_iter();
        stats.0 = told
            .filter(|stat| !matches!(stat, Stat::IdleTime { .. }))
            .collect();
    }
    stats
}

/// Before 1.5 a meter is an instruction; 1.0 has nothing but actions that are applied.
fn instructions(list: Vec<Instruction>, version: Version) -> Vec<Instruction> {
    let mut list = list;
    list.sort_by_key(rank);
    // An empty list of actions says nothing.
    list.retain(|instruction| match instruction {
        Instruction::ApplyActions { actions } | Instruction::WriteActions { actions } => {
            !actions.is_empty()
        }
        _ => true,
    });
    if version >= Version::V1_5 {
        return metered(&list);
    }
    let mut said = Vec::with_capacity(list.len());
    for instruction in list {
        match instruction {
            Instruction::ApplyActions { mut actions } => {
                if let Some(Action::Meter { meter_id }) = actions.first() {
                    let meter_id = *meter_id;
                    said.push(Instruction::Meter { meter_id });
                    actions.remove(0);
                }
                if !actions.is_empty() {
                    said.push(Instruction::ApplyActions { actions });
                }
            }
            other => said.push(other),
        }
    }
    said.retain(|instruction| {
        version > Version::V1_0 || matches!(instruction, Instruction::ApplyActions { .. })
    });
    said
}

/// Fields as Nicira's messages say them: in Nicira's classes where there is one.
pub(super) fn nicira_fields(matches: &Match) -> Match {
    in_classes(matches, &[NXM_0, NXM_1])
}

/// Fields in the standard's class where there is one, in versions that have none.
pub(super) fn standard_fields(matches: &Match, version: Version) -> Match {
    match version < Version::V1_2 {
        true => in_classes(matches, &[BASIC]),
        false => matches.clone(),
    }
}

fn in_classes(matches: &Match, classes: &[u16]) -> Match {
    let mut said = matches.clone();
    for entry in said.entries.to_mut() {
        if let Entry::Known(value) = entry {
            let mut codes = value.field.row().codes.iter();
            let own = codes.find(|code| classes.contains(&code.class));
            value.class = own.map(|code| code.class).or(value.class);
        }
    }
    said
}

/// The order in which instructions are told, which is that in which they are carried out.
fn rank(instruction: &Instruction) -> u8 {
    match instruction {
        Instruction::Meter { .. } => 0,
        Instruction::ApplyActions { .. } => 1,
        Instruction::ClearActions { .. } => 2,
        Instruction::WriteActions { .. } => 3,
        Instruction::WriteMetadata { .. } => 4,
        Instruction::GotoTable { .. } => 6,
        _ => 5,
    }
}

/// A flow that went.
pub(super) fn flow_removed(mut removed: FlowRemoved, version: Version) -> FlowRemoved {
    // In no version how long no packet came.
    removed.stats = stats(removed.stats, Version::V1_0);
    if version == Version::V1_0 {
        removed.table = TableId(0);
        removed.hard_timeout = 0;
    }
    if version == Version::V1_1 {
        removed.hard_timeout = 0;
    }
    removed
}

/// A group.
pub(super) fn group_desc(mut group: GroupDesc, version: Version) -> GroupDesc {
    let of_1_5 = matches!(version, Version::V1_0 | Version::V1_5);
    if !of_1_5 {
        group.properties.clear();
        group.buckets.iter_mut().for_each(|bucket| bucket.id = 0);
    }
    if of_1_5 && group.kind == GroupType::SELECT {
        let plain = |bucket: &&mut Bucket| bucket.weight().is_none();
        for bucket in group.buckets.iter_mut().filter(plain) {
            bucket.properties.push(BucketProperty::Weight { weight: 0 });
        }
    }
    group
}

/// What was counted of a group.
pub(super) fn group_stats(mut group: GroupStats, version: Version) -> GroupStats {
    if version < Version::V1_3 {
        (group.duration_sec, group.duration_nsec) = (0, 0);
    }
    group
}

/// Actions as bits, `OFPAT_*`, in 1.0, 1.1 and since.
const ACTIONS: [u32; 3] = [0x0fff, 0x01ff_e7ff, 0x03ff_8001];
/// Fields of 1.2 that can be matched, and set, as bits, `OFPXMT_OFB_*`.
const FIELDS: u64 = 0x101f_ffff_fffd;
const SET_FIELDS: u64 = 0x0f_ffff_fbdd;
/// Instructions as bits, `OFPIT_*`: all of them.
const INSTRUCTIONS: u32 = 0x3e;
/// The one that the last table does not have.
const GOTO: u32 = 2;

/// The actions that groups and tables can have, as a version numbers them.
pub(super) fn actions(version: Version) -> u32 {
    in_version(version.min(Version::V1_2), &ACTIONS)
}

/// The value of a version in a list that begins with 1.0; nothing where the list ends.
fn in_version<T: Copy + Default>(version: Version, values: &[T]) -> T {
    let known = Version::ALL.iter().zip(values);
    let own = known.into_iter().find(|(own, _)| **own == version);
    own.map(|(_, value)| *value).unwrap_or_default()
}

/// What was counted of a table, and before 1.3 what it can do.
pub(super) fn table_stats(
    table: TableId,
    counts: TableCounts,
    config: u32,
    (version, last): (Version, bool),
) -> TableStats {
    let instructions = if last {
        INSTRUCTIONS & !GOTO
    } else {
        INSTRUCTIONS
    };
    TableStats {
        table,
        name: Name::default(),
        wildcards32: in_version(version, &[0x003f_ffff, 0xfbff]),
        match32: in_version(version, &[0, 0xfbff]),
        instructions11: in_version(version, &[0, instructions]),
        match64: in_version(version, &[0, 0, FIELDS]),
        wildcards64: in_version(version, &[0, 0, FIELDS]),
        write_actions: in_version(version, &[0, ACTIONS[1], ACTIONS[2]]),
        apply_actions: in_version(version, &[0, ACTIONS[1], ACTIONS[2]]),
        write_setfields: in_version(version, &[0, 0, SET_FIELDS]),
        apply_setfields: in_version(version, &[0, 0, SET_FIELDS]),
        metadata_match: in_version(version, &[0, 0, u64::MAX]),
        metadata_write: in_version(version, &[0, 0, u64::MAX]),
        instructions12: in_version(version, &[0, 0, instructions]),
        config,
        max_entries: in_version(version, &[1_000_000; 3]),
        active_count: counts.flows,
        lookup_count: counts.lookups,
        matched_count: counts.matches,
    }
}

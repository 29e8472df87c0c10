//! What a version can say of what the switch has: the rest is left out.

use rust_openflow::message::{
    FlowFlags, FlowRemoved, FlowStats, GroupDesc, GroupStats, TableStats,
};
use rust_openflow::record::Name;
use rust_openflow::{Action, Instruction, TableId, Version};

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
    flow
}

/// Before 1.5 a meter is an instruction; 1.0 has nothing but actions that are applied.
fn instructions(list: Vec<Instruction>, version: Version) -> Vec<Instruction> {
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

/// A flow that went.
pub(super) fn flow_removed(mut removed: FlowRemoved, version: Version) -> FlowRemoved {
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
    group
}

/// What was counted of a group.
pub(super) fn group_stats(mut group: GroupStats, version: Version) -> GroupStats {
    if version < Version::V1_3 {
        (group.duration_sec, group.duration_nsec) = (0, 0);
    }
    group
}

/// What was counted of a table, and before 1.3 what it can do.
pub(super) fn table_stats(table: TableId, counts: TableCounts, version: Version) -> TableStats {
    let name = match version < Version::V1_3 {
        true => Name::new(&format!("table{}", table.0)),
        false => Name::default(),
    };
    TableStats {
        table,
        name,
        wildcards32: 0,
        match32: 0,
        instructions11: 0,
        match64: 0,
        wildcards64: 0,
        write_actions: 0,
        apply_actions: 0,
        write_setfields: 0,
        apply_setfields: 0,
        metadata_match: 0,
        metadata_write: 0,
        instructions12: 0,
        config: 0,
        max_entries: if version < Version::V1_3 {
            1_000_000
        } else {
            0
        },
        active_count: counts.flows,
        lookup_count: counts.lookups,
        matched_count: counts.matches,
    }
}

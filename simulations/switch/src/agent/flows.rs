//! Flow-mods as each version means them, and group-mods.

use rust_openflow::Version;
use rust_openflow::message::{
    BucketId, BucketProperty, FlowCommand, FlowFlags, FlowMod, GroupCommand, GroupMod, GroupType,
    NO_BUFFER,
};
use rust_openflow::{MeterId, TableId};

use super::refused::Refused;
use super::{Agent, ConnectionId};
use crate::executor::Executor;

/// The last number that a bucket can have (`OFPG15_BUCKET_MAX`).
const LAST_BUCKET: u32 = 0xffff_ff00;
/// `OFPFF_EMERG` of 1.0.
const EMERGENCY: u16 = 4;

/// A flow-mod as it is meant.
struct Meant {
    flow: FlowMod,
    /// One that changes nothing adds the flow.
    adds: bool,
    /// The cookie that changed flows get.
    cookie: Option<u64>,
}

/// The flags that a version has.
fn flags(version: Version) -> u16 {
    let first = FlowFlags::SEND_FLOW_REMOVED | FlowFlags::CHECK_OVERLAP;
    let second = first | FlowFlags::RESET_COUNTS;
    let third = second | FlowFlags::NO_PACKET_COUNTS | FlowFlags::NO_BYTE_COUNTS;
    match version {
        Version::V1_0 | Version::V1_1 => first.0,
        Version::V1_2 => second.0,
        _ => third.0,
    }
}

impl<E: Executor> Agent<E> {
    /// What a flow-mod means on a connection.
    fn meant(&mut self, id: ConnectionId, mut flow: FlowMod) -> Result<Meant, Refused> {
        let connection = self.connection(id)?;
        let (version, names_tables) = (connection.version(), connection.names_tables);
        if flow.command > FlowCommand::DELETE_STRICT {
            return Err("OFPFMFC_BAD_COMMAND".into());
        }
        if version == Version::V1_0 {
            if flow.flags.0 & EMERGENCY != 0 {
                // There is no room for flows that only count when no controller is there.
                return Err("OFPFMFC_TABLE_FULL".into());
            }
            if !names_tables {
                // The upper half of the command is no table.
                if flow.table != TableId(0) {
                    return Err("OFPFMFC_BAD_COMMAND".into());
                }
                flow.table = match flow.command {
                    FlowCommand::ADD => TableId(0),
                    _ => TableId::ALL,
                };
            }
        }
        if flow.flags.0 & !flags(version) != 0 {
            return Err("OFPFMFC_BAD_FLAGS".into());
        }
        let changes = matches!(
            flow.command,
            FlowCommand::MODIFY | FlowCommand::MODIFY_STRICT
        );
        if version == Version::V1_0
            && flow.table == TableId::ALL
            && flow.command == FlowCommand::ADD
        {
            // The number stands for no choice.
            flow.table = TableId(0);
        }
        let adds = changes
            && match version {
                Version::V1_0 => true,
                Version::V1_1 => flow.cookie_mask == 0,
                _ => false,
            };
        if version < Version::V1_2 && flow.command == FlowCommand::ADD {
            flow.flags = flow.flags | FlowFlags::RESET_COUNTS;
        }
        if flow.command == FlowCommand::ADD {
            flow.cookie_mask = 0;
        }
        let cookie = (changes && version == Version::V1_0).then_some(flow.cookie);
        Ok(Meant { flow, adds, cookie })
    }

    /// All tables can only be meant to delete, and in 1.1 there is no word for them.
    fn check_all_tables(version: Version, flow: &FlowMod) -> Result<(), Refused> {
        let everywhere = flow.table == TableId::ALL;
        let wrong = match version {
            Version::V1_0 => false,
            Version::V1_1 => everywhere,
            _ => everywhere && flow.command < FlowCommand::DELETE,
        };
        match wrong {
            true => Err("OFPFMFC_BAD_TABLE_ID".into()),
            false => Ok(()),
        }
    }

    fn check_table(&self, table: TableId) -> Result<(), Refused> {
        match table {
            TableId(table) if table < self.identity.tables => Ok(()),
            TableId::ALL => Ok(()),
            // The switch's own.
            _ => Err("OFPBRC_EPERM".into()),
        }
    }

    pub(super) fn flow_mod(&mut self, id: ConnectionId, flow: FlowMod) -> Result<(), Refused> {
        let Meant { flow, adds, cookie } = self.meant(id, flow)?;
        let version = self.connection(id)?.version();
        // What the flow says is looked at before where it goes.
        self.executor.check_flow_mod(version, &flow)?;
        Self::check_all_tables(version, &flow)?;
        self.check_table(flow.table)?;
        let buffer = flow.buffer_id;
        let flow = FlowMod {
            buffer_id: NO_BUFFER,
            ..flow
        };
        let count = self.executor.flow_mod(version, &flow, cookie)?;
        if count == 0 && adds {
            let table = match flow.table {
                TableId::ALL => TableId(0),
                table => table,
            };
            let flow = FlowMod {
                command: FlowCommand::ADD,
                table,
                ..flow
            };
            self.executor.flow_mod(version, &flow, None)?;
        }
        // The flow is there; the packet was never held.
        let sends = !matches!(
            flow.command,
            FlowCommand::DELETE | FlowCommand::DELETE_STRICT
        );
        if buffer != NO_BUFFER && sends {
            return Err("OFPBRC_BUFFER_UNKNOWN".into());
        }
        Ok(())
    }

    /// Looks at a flow-mod as far as that can be done without doing it.
    pub(super) fn check_flow(&mut self, id: ConnectionId, flow: FlowMod) -> Result<(), Refused> {
        let Meant { flow, .. } = self.meant(id, flow)?;
        let version = self.connection(id)?.version();
        self.executor.check_flow_mod(version, &flow)?;
        Self::check_all_tables(version, &flow)
    }

    pub(super) fn group_mod(
        &mut self,
        id: ConnectionId,
        mut group: GroupMod,
    ) -> Result<GroupMod, Refused> {
        let version = self.connection(id)?.version();
        self.check_buckets(version, &mut group)?;
        self.executor.group_mod(&group)?;
        Ok(group)
    }

    /// Numbers buckets where the version does not, and refuses wrong numbers where it does.
    pub(super) fn check_buckets(
        &self,
        version: Version,
        group: &mut GroupMod,
    ) -> Result<(), Refused> {
        if !matches!(version, Version::V1_0 | Version::V1_5) {
            for (number, bucket) in (0..).zip(&mut group.buckets) {
                bucket.id = number;
            }
            return Ok(());
        }
        let place = group.command_bucket;
        let wrong = match group.command {
            GroupCommand::INSERT_BUCKET => place == BucketId::ALL,
            GroupCommand::REMOVE_BUCKET => false,
            _ => place != BucketId::ALL,
        };
        let out_of_range = place.0 > LAST_BUCKET && place.0 < BucketId::FIRST.0;
        if group.kind == GroupType::SELECT {
            for bucket in &mut group.buckets {
                if bucket.weight().is_none() {
                    bucket.properties.push(BucketProperty::Weight { weight: 1 });
                }
            }
        }
        let mut numbers: Vec<u32> = group.buckets.iter().map(|bucket| bucket.id).collect();
        numbers.sort_unstable();
        let twice = numbers.windows(2).any(|pair| pair[0] == pair[1]);
        let too_high = numbers.last().is_some_and(|last| *last > LAST_BUCKET);
        match wrong || out_of_range || twice || too_high {
            true => Err("OFPGMFC_BAD_BUCKET".into()),
            false => Ok(()),
        }
    }

    /// Meters that are asked about by a number of their own have to be there.
    pub(super) fn has_meter(&self, meter: MeterId) -> Result<(), Refused> {
        match meter == MeterId::ALL || !self.executor.meters(meter).is_empty() {
            true => Ok(()),
            false => Err("OFPMMFC_UNKNOWN_METER".into()),
        }
    }
}

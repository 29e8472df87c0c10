//! Messages about tables: how they behave, what was counted of them, and what they can do. What is as it is of the
//! table before is not said again. Fields and actions are listed in the order of Open vSwitch, and names that
//! begin alike together: `tcp_{src,dst}`, `reg0...reg15`.

use std::collections::BTreeSet;

use super::{Context, bit_names};
use crate::field::{BASIC, NXM_0, ROWS};
use crate::matches::Header;
use crate::message::{
    Reply, Request, TableFeatureProperty, TableFeatures, TableFeaturesCommand, TableMod,
    TableModProperty, TableStats, TypeId,
};
use crate::record::Name;
use crate::text::scan::hex;
use crate::text::value::push;
use crate::{Field, TableId, Version};

/// `OFPTC_EVICTION`.
pub(super) const MAY_EVICT: u32 = 1 << 2;
/// `OFPTC_VACANCY_EVENTS`.
pub(super) const TELLS_VACANCY: u32 = 1 << 3;
/// What decides which flow gives way.
const EVICTION: &[(u32, &str)] = &[(1, "OTHER"), (1 << 1, "IMPORTANCE"), (1 << 2, "LIFETIME")];

/// What decides which flow gives way, in words.
pub(super) fn eviction(flags: u32) -> String {
    bit_names(flags, EVICTION).replace(' ', "|")
}

/// Whether a table is set up so.
pub(super) fn state(config: u32, bit: u32) -> &'static str {
    if config & bit == 0 { "off" } else { "on" }
}

/// What becomes of packets that match nothing (`OFPTC_TABLE_MISS_*`), in 1.1 and 1.2.
fn miss(config: u32, version: Version) -> Option<&'static str> {
    const MISS: [&str; 4] = ["controller", "continue", "drop", "controller"];
    let said = matches!(version, Version::V1_1 | Version::V1_2);
    said.then(|| MISS[(config & 3) as usize])
}

/// Writes a change of a table.
pub(super) fn print_mod(out: &mut String, change: &TableMod, context: Context<'_>) {
    match change.table {
        TableId::ALL => out.push_str(" table_id: ALL_TABLES"),
        table => push(
            out,
            format_args!(" table_id={}", context.names.table(table)),
        ),
    }
    if let Some(miss) = miss(change.config, context.version) {
        push(out, format_args!(", flow_miss_config={miss}"));
    }
    if context.version < Version::V1_4 {
        return;
    }
    push(
        out,
        format_args!(", eviction={}", state(change.config, MAY_EVICT)),
    );
    let mut levels = [0; 2];
    for property in &change.properties {
        match *property {
            TableModProperty::Eviction { flags } => {
                push(out, format_args!(", eviction_flags={}", eviction(flags)));
            }
            TableModProperty::Vacancy {
                vacancy_down,
                vacancy_up,
                ..
            } => levels = [vacancy_down, vacancy_up],
            _ => {}
        }
    }
    push(
        out,
        format_args!(", vacancy={}", state(change.config, TELLS_VACANCY)),
    );
    if change.config & TELLS_VACANCY != 0 {
        let [down, up] = levels;
        push(out, format_args!(" vacancy:{down},{up}"));
    }
}

/// Writes a request, if it is one of these.
pub(super) fn print_request(out: &mut String, request: &Request, context: Context<'_>) -> bool {
    match request {
        Request::TableFeatures(tables) => print_features(out, tables, context),
        _ => return false,
    }
    true
}

/// Writes a reply, if it is one of these.
pub(super) fn print_reply(out: &mut String, reply: &Reply, context: Context<'_>) -> bool {
    match reply {
        Reply::TableFeatures(tables) => print_features(out, tables, context),
        Reply::Table(tables) => {
            let told = |stats| Table::of_stats(stats, context.version);
            print_tables(out, tables.iter().map(told));
        }
        _ => return false,
    }
    true
}

fn print_features(out: &mut String, tables: &[TableFeatures], context: Context<'_>) {
    // One command is for all of them.
    let command = tables
        .first()
        .map(|first| first.command)
        .unwrap_or_default();
    if command != TableFeaturesCommand::REPLACE {
        let name = command.name().unwrap_or("(unknown)");
        push(out, format_args!("\n  command: {name}"));
    }
    let told = |features| Table::of_features(features, context.version);
    print_tables(out, tables.iter().map(told));
}

/// An action: its name, and its bit in 1.0, 1.1, and since.
type ActionRow = (&'static str, [Option<u8>; 3]);

/// The standard's actions in the order of Open vSwitch.
const ACTIONS: &[ActionRow] = &[
    ("output", [Some(0), Some(0), Some(0)]),
    ("group", [None, Some(22), Some(22)]),
    ("enqueue", [Some(11), None, None]),
    ("set_field", [None, None, Some(25)]),
    ("set_vlan_vid", [Some(1), Some(1), None]),
    ("set_vlan_pcp", [Some(2), Some(2), None]),
    ("strip_vlan", [Some(3), Some(18), Some(18)]),
    ("push_vlan", [None, Some(17), Some(17)]),
    ("mod_dl_src", [Some(4), Some(3), None]),
    ("mod_dl_dst", [Some(5), Some(4), None]),
    ("mod_nw_src", [Some(6), Some(5), None]),
    ("mod_nw_dst", [Some(7), Some(6), None]),
    ("mod_nw_tos", [Some(8), Some(7), None]),
    ("mod_nw_ecn", [None, Some(8), None]),
    ("mod_nw_ttl", [None, Some(23), Some(23)]),
    ("mod_tp_src", [Some(9), Some(9), None]),
    ("mod_tp_dst", [Some(10), Some(10), None]),
    ("dec_ttl", [None, Some(24), Some(24)]),
    ("set_mpls_label", [None, Some(13), None]),
    ("set_mpls_tc", [None, Some(14), None]),
    ("set_mpls_ttl", [None, Some(15), Some(15)]),
    ("dec_mpls_ttl", [None, Some(16), Some(16)]),
    ("push_mpls", [None, Some(19), Some(19)]),
    ("pop_mpls", [None, Some(20), Some(20)]),
    ("set_queue", [None, Some(21), Some(21)]),
];

/// The names of actions: bit n for `OFPAT_*` n.
pub(super) fn actions(bits: u32, version: Version) -> Vec<&'static str> {
    let column = match version {
        Version::V1_0 => 0,
        Version::V1_1 => 1,
        _ => 2,
    };
    let set = |row: &&ActionRow| row.1[column].is_some_and(|bit| bits & (1 << bit) != 0);
    ACTIONS.iter().filter(set).map(|row| row.0).collect()
}

/// Instructions in the order of Open vSwitch, by their `OFPIT_*`.
const INSTRUCTIONS: &[(u8, &str)] = &[
    (6, "meter"),
    (4, "apply_actions"),
    (5, "clear_actions"),
    (3, "write_actions"),
    (2, "write_metadata"),
    (1, "goto_table"),
];

/// The names of instructions: bit n for `OFPIT_*` n.
fn instructions(bits: u32, version: Version) -> Vec<&'static str> {
    let set =
        |row: &&(u8, &str)| bits & (1 << row.0) != 0 && (row.0 != 6 || version >= Version::V1_3);
    INSTRUCTIONS.iter().filter(set).map(|row| row.1).collect()
}

/// The order of fields in Open vSwitch: from and to which field of the table.
const ORDER: &[(Field, Field)] = &[
    (Field::DpHash, Field::RecircId),
    (Field::PacketType, Field::PacketType),
    (Field::ConjId, Field::ConjId),
    (Field::TunnelId, Field::TunGbpFlags),
    (Field::ErspanIdx, Field::ErspanIdx),
    (Field::ErspanVer, Field::ErspanVer),
    (Field::ErspanDir, Field::TunMetadata63),
    (Field::Metadata, Field::Metadata),
    (Field::InPort, Field::InPort),
    (Field::ActsetOutput, Field::CtLabel),
    (Field::CtNwProto, Field::CtTpDst),
    (Field::Reg0, Field::Xxreg3),
    (Field::EthSrc, Field::VlanPcp),
    (Field::MplsLabel, Field::Ipv6Label),
    (Field::IpProto, Field::IpProto),
    (Field::IpTos, Field::IpTos),
    (Field::IpDscp, Field::IpDscp),
    (Field::IpEcn, Field::IpEcn),
    (Field::IpTtl, Field::IpTtl),
    (Field::IpFrag, Field::IpFrag),
    (Field::ArpOp, Field::NdOptionsType),
    (Field::NshFlags, Field::NshFlags),
    (Field::NshMdtype, Field::NshC4),
    (Field::NshTtl, Field::NshTtl),
];

/// A field in that order: its row there, itself, and its name.
type Place = (usize, Field, &'static str);

/// Fields, in order.
type Places = BTreeSet<Place>;

/// Where a field stands that comes under a class; none for one that Open vSwitch does not have.
fn place(field: Field, class: u16) -> Option<Place> {
    let row = |row: &(Field, Field)| (row.0..=row.1).contains(&field);
    let name = match (field, class) {
        // Sixteen bits are another field there.
        (Field::InPort, NXM_0) => "in_port",
        _ => field.row().name,
    };
    Some((ORDER.iter().position(row)?, field, name))
}

/// The fields of headers, with or without a mask.
fn places(headers: &[Header], masked: bool) -> Places {
    let asked = headers.iter().filter(|header| header.masked == masked);
    let known = asked.filter_map(|header| place(header.field()?, header.class));
    known.collect()
}

/// The fields of `OFPFW_*` in 1.0, and of `OFPFMF_*` in 1.1.
const BITS: [&[(u32, Field)]; 2] = [
    &[
        (1, Field::InPort),
        (1 << 1, Field::VlanVid),
        (1 << 2, Field::EthSrc),
        (1 << 3, Field::EthDst),
        (1 << 4, Field::EthType),
        (1 << 5, Field::IpProto),
        (1 << 6, Field::TcpSrc),
        (1 << 7, Field::TcpDst),
        (0x3f << 8, Field::Ipv4Src),
        (0x3f << 14, Field::Ipv4Dst),
        (1 << 20, Field::VlanPcp),
        (1 << 21, Field::IpTos),
    ],
    &[
        (1, Field::InPort),
        (1 << 1, Field::VlanVid),
        (1 << 2, Field::VlanPcp),
        (1 << 3, Field::EthType),
        (1 << 4, Field::IpTos),
        (1 << 5, Field::IpProto),
        (1 << 6, Field::TcpSrc),
        (1 << 7, Field::TcpDst),
        (1 << 8, Field::MplsLabel),
        (1 << 9, Field::MplsTc),
        (1 << 11, Field::EthSrc),
        (1 << 12, Field::EthDst),
        (1 << 13, Field::Ipv4Src),
        (1 << 14, Field::Ipv4Dst),
        (1 << 15, Field::Metadata),
    ],
];

fn places_of_bits(bits: u32, rows: &[(u32, Field)]) -> Places {
    let set = rows.iter().filter(|row| bits & row.0 != 0);
    set.filter_map(|row| place(row.1, NXM_0)).collect()
}

/// The fields of 1.2: bit n for `OFPXMT_OFB_*` n.
fn places_of_numbers(bits: u64) -> Places {
    let set = |field: &Field| {
        let code = field.code(Version::V1_2);
        code.is_some_and(|code| code.class == BASIC && bits >> code.number & 1 != 0)
    };
    let fields = ROWS.iter().map(|row| row.field).filter(set);
    fields.filter_map(|field| place(field, BASIC)).collect()
}

/// What actions can do that are written, or applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Actions {
    names: Vec<&'static str>,
    set_fields: Places,
}

/// What can be done with packets that match a flow, or with those that match none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Instructions {
    next: BTreeSet<u8>,
    names: Vec<&'static str>,
    write: Actions,
    apply: Actions,
}

/// What is said of a table.
#[derive(Debug, Clone, Default)]
struct Table {
    table: u8,
    name: String,
    /// How many flows there are, packets looked up, packets that matched.
    counted: Option<[u64; 3]>,
    /// Bits of the metadata that can be matched, and written.
    metadata: [u64; 2],
    miss_config: Option<&'static str>,
    /// Whether flows may give way, and whether it is told how much room there is.
    supports: Option<[bool; 2]>,
    max_entries: u32,
    others: Instructions,
    miss: Instructions,
    matched: Places,
    masked: Places,
    wildcards: Places,
}

/// The text of a name, of which the last byte has no room.
fn text(name: &Name<32>) -> String {
    name.to_text().chars().take(31).collect()
}

impl Table {
    fn of_stats(stats: &TableStats, version: Version) -> Self {
        let mut table = Self {
            table: stats.table.0,
            name: text(&stats.name),
            counted: Some([
                stats.active_count.into(),
                stats.lookup_count,
                stats.matched_count,
            ]),
            metadata: [stats.metadata_match, stats.metadata_write],
            miss_config: miss(stats.config, version),
            max_entries: stats.max_entries,
            ..Self::default()
        };
        match version {
            Version::V1_0 => {
                table.matched = places_of_bits(stats.wildcards32, BITS[0]);
                table.wildcards = table.matched.clone();
            }
            Version::V1_1 => {
                table.matched = places_of_bits(stats.match32 | stats.wildcards32, BITS[1]);
                table.wildcards = places_of_bits(stats.wildcards32, BITS[1]);
            }
            _ => {
                table.matched = places_of_numbers(stats.match64 | stats.wildcards64);
                table.wildcards = places_of_numbers(stats.wildcards64);
            }
        }
        let done = |bits, fields| Actions {
            names: actions(bits, version),
            set_fields: places_of_numbers(fields),
        };
        table.others = Instructions {
            next: BTreeSet::new(),
            names: instructions(stats.instructions11 | stats.instructions12, version),
            write: done(stats.write_actions, stats.write_setfields),
            apply: done(stats.apply_actions, stats.apply_setfields),
        };
        table.miss = table.others.clone();
        table
    }

    fn of_features(features: &TableFeatures, version: Version) -> Self {
        let supports = [MAY_EVICT, TELLS_VACANCY].map(|bit| features.capabilities & bit != 0);
        let mut table = Self {
            table: features.table.0,
            name: text(&features.name),
            metadata: [features.metadata_match, features.metadata_write],
            supports: (version >= Version::V1_4).then_some(supports),
            max_entries: features.max_entries,
            ..Self::default()
        };
        for property in &features.properties {
            table.take(property, version);
        }
        table.complete(&features.properties);
        // What can be masked can be matched, and left out.
        table.matched.extend(&table.masked);
        table.wildcards.extend(&table.masked);
        table.wildcards = &table.wildcards & &table.matched;
        table
    }

    /// Adds a property; the last of each kind counts.
    fn take(&mut self, property: &TableFeatureProperty, version: Version) {
        use TableFeatureProperty as P;
        let next = |tables: &[TableId]| tables.iter().map(|table| table.0).collect();
        let done = |ids: &[TypeId]| actions(bits(ids), version);
        // Which instructions there are does not depend on the version here.
        let known = |ids: &[TypeId]| instructions(bits(ids), Version::V1_3);
        let (others, miss) = (&mut self.others, &mut self.miss);
        match property {
            P::Instructions { instruction_ids } => others.names = known(instruction_ids),
            P::InstructionsMiss { instruction_ids } => miss.names = known(instruction_ids),
            P::NextTables { next_table_ids } => others.next = next(next_table_ids),
            P::NextTablesMiss { next_table_ids } => miss.next = next(next_table_ids),
            P::WriteActions { action_ids } => others.write.names = done(action_ids),
            P::WriteActionsMiss { action_ids } => miss.write.names = done(action_ids),
            P::ApplyActions { action_ids } => others.apply.names = done(action_ids),
            P::ApplyActionsMiss { action_ids } => miss.apply.names = done(action_ids),
            P::Match { oxm_ids } => {
                self.matched = places(oxm_ids, false);
                self.masked = places(oxm_ids, true);
            }
            P::Wildcards { oxm_ids } => self.wildcards = places(oxm_ids, false),
            P::WriteSetfield { oxm_ids } => others.write.set_fields = places(oxm_ids, false),
            P::WriteSetfieldMiss { oxm_ids } => miss.write.set_fields = places(oxm_ids, false),
            P::ApplySetfield { oxm_ids } => others.apply.set_fields = places(oxm_ids, false),
            P::ApplySetfieldMiss { oxm_ids } => miss.apply.set_fields = places(oxm_ids, false),
            _ => {}
        }
    }

    /// What is not said of packets that match no flow is as it is of others.
    fn complete(&mut self, properties: &[TableFeatureProperty]) {
        use TableFeatureProperty as P;
        let lacks = |is: fn(&P) -> bool| !properties.iter().any(is);
        let (others, miss) = (&self.others, &mut self.miss);
        if lacks(|property| matches!(property, P::InstructionsMiss { .. })) {
            miss.names.clone_from(&others.names);
        }
        if lacks(|property| matches!(property, P::NextTablesMiss { .. })) {
            miss.next.clone_from(&others.next);
        }
        if lacks(|property| matches!(property, P::WriteActionsMiss { .. })) {
            miss.write.names.clone_from(&others.write.names);
        }
        if lacks(|property| matches!(property, P::ApplyActionsMiss { .. })) {
            miss.apply.names.clone_from(&others.apply.names);
        }
        if lacks(|property| matches!(property, P::WriteSetfieldMiss { .. })) {
            let fields = &others.write.set_fields;
            miss.write.set_fields.clone_from(fields);
        }
        if lacks(|property| matches!(property, P::ApplySetfieldMiss { .. })) {
            let fields = &others.apply.set_fields;
            miss.apply.set_fields.clone_from(fields);
        }
    }

    /// Whether it can do the same things as the table before.
    fn is_like(&self, before: &Self) -> bool {
        self.metadata == before.metadata
            && self.miss_config == before.miss_config
            && self.supports == before.supports
            && self.max_entries == before.max_entries
            && self.has_instructions_of(before)
            && self.matched == before.matched
    }

    fn has_instructions_of(&self, before: &Self) -> bool {
        self.others
            .is_like(&before.others, self.table, before.table)
            && self.miss.is_like(&before.miss, self.table, before.table)
    }

    /// Whether it is not said what it can do.
    fn is_empty(&self) -> bool {
        let nothing = Self {
            table: self.table,
            ..Self::default()
        };
        self.is_like(&nothing)
    }
}

impl Instructions {
    /// Whether these are those of another table. From a table one can go to the next one, from which one cannot:
    /// that is no difference.
    fn is_like(&self, other: &Self, own_table: u8, other_table: u8) -> bool {
        let same = match (own_table, other_table) {
            (own, next) if own.checked_add(1) == Some(next) => {
                go_on_alike(&self.next, &other.next, next)
            }
            (next, own) if own.checked_add(1) == Some(next) => {
                go_on_alike(&other.next, &self.next, next)
            }
            _ => self.next == other.next,
        };
        same && self.names == other.names && self.write == other.write && self.apply == other.apply
    }
}

/// Whether tables behind one are those behind the next one, which may be among them.
fn go_on_alike(before: &BTreeSet<u8>, behind: &BTreeSet<u8>, next: u8) -> bool {
    match behind.contains(&next) {
        true => before == behind,
        false => before.iter().filter(|table| **table != next).eq(behind),
    }
}

/// Bits for the types of the standard that are below 32.
fn bits(ids: &[TypeId]) -> u32 {
    let types = ids.iter().map(|id| match id {
        TypeId::Standard { kind, .. } => *kind,
        TypeId::Vendor { .. } => u16::MAX,
    });
    types
        .filter(|kind| *kind < 32)
        .fold(0, |bits, kind| bits | 1 << kind)
}

/// Writes tables, and those that are like the one before as a range of them.
fn print_tables(out: &mut String, tables: impl Iterator<Item = Table>) {
    let mut before: Option<Table> = None;
    let mut alike: Option<(u8, u8)> = None;
    for table in tables {
        let last = before.as_ref();
        let same = last.is_some_and(|last| table.is_like(last));
        let same_counted =
            table.counted.is_none() || last.is_some_and(|last| table.counted == last.counted);
        if same && same_counted && table.name.is_empty() {
            let (first, _) = alike.unwrap_or((table.table, table.table));
            alike = Some((first, table.table));
        } else {
            print_alike(out, alike.take());
            print_table(out, &table, last, same, same_counted);
        }
        before = Some(table);
    }
    print_alike(out, alike);
}

fn print_alike(out: &mut String, alike: Option<(u8, u8)>) {
    match alike {
        None => {}
        Some((first, last)) if first == last => {
            push(out, format_args!("\n  table {first}: ditto\n"));
        }
        Some((first, last)) => push(out, format_args!("\n  tables {first}...{last}: ditto\n")),
    }
}

fn print_table(
    out: &mut String,
    table: &Table,
    before: Option<&Table>,
    same: bool,
    same_counted: bool,
) {
    push(out, format_args!("\n  table {}", table.table));
    if !table.name.is_empty() {
        push(out, format_args!(" (\"{}\")", table.name));
    }
    out.push(':');
    if same && same_counted {
        out.push_str(" ditto");
        return;
    }
    out.push('\n');
    if let Some([active, lookup, matched]) = table.counted {
        push(
            out,
            format_args!("    active={active}, lookup={lookup}, matched={matched}\n"),
        );
    }
    if same {
        if !table.is_empty() {
            out.push_str("    (same features)\n");
        }
        return;
    }
    print_scalars(out, table);
    print_instructions(out, table, before);
    if table.matched.is_empty() {
        return;
    }
    match before.is_some_and(|before| before.matched == table.matched) {
        true => out.push_str("    (same matching)\n"),
        false => print_matching(out, table),
    }
}

fn print_scalars(out: &mut String, table: &Table) {
    let [matched, written] = table.metadata;
    if (matched, written) != (0, 0) {
        let (matched, written) = (hex(matched.into()), hex(written.into()));
        push(
            out,
            format_args!("    metadata: match={matched} write={written}\n"),
        );
    }
    if let Some(miss) = table.miss_config {
        push(out, format_args!("    config={miss}\n"));
    }
    if let Some(supports) = table.supports {
        for (what, yes) in ["eviction", "vacancy events"].iter().zip(supports) {
            let not = if yes { "" } else { "not " };
            push(out, format_args!("    {what}: {not}supported\n"));
        }
    }
    if table.max_entries != 0 {
        push(out, format_args!("    max_entries={}\n", table.max_entries));
    }
}

fn print_instructions(out: &mut String, table: &Table, before: Option<&Table>) {
    let (others, miss) = (&table.others, &table.miss);
    let nothing = *others == Instructions::default();
    let last = before.map(|before| &before.others);
    if before.is_some_and(|before| table.has_instructions_of(before)) {
        if !nothing {
            out.push_str("    (same instructions)\n");
        }
    } else if others != miss {
        out.push_str("    instructions (other than table miss):\n");
        print_one(out, others, last);
        out.push_str("    instructions (table miss):\n");
        print_one(out, miss, before.map(|before| &before.miss));
    } else if !nothing {
        out.push_str("    instructions (table miss and others):\n");
        print_one(out, others, last);
    }
}

fn print_one(out: &mut String, own: &Instructions, before: Option<&Instructions>) {
    if !own.next.is_empty() {
        push(
            out,
            format_args!("      next tables: {}\n", ranges(&own.next)),
        );
    }
    if !own.names.is_empty() {
        match before.is_some_and(|before| before.names == own.names) {
            true => out.push_str("      (same instructions)\n"),
            false => push(
                out,
                format_args!("      instructions: {}\n", own.names.join(" ")),
            ),
        }
    }
    let same =
        before.is_some_and(|before| (&own.write, &own.apply) == (&before.write, &before.apply));
    if same && !own.write.set_fields.is_empty() {
        out.push_str("      (same actions)\n");
    } else if own.write != own.apply {
        out.push_str("      Write-Actions features:\n");
        print_actions(out, &own.write);
        out.push_str("      Apply-Actions features:\n");
        print_actions(out, &own.apply);
    } else if own.write != Actions::default() {
        out.push_str("      Write-Actions and Apply-Actions features:\n");
        print_actions(out, &own.write);
    }
}

fn print_actions(out: &mut String, actions: &Actions) {
    if !actions.names.is_empty() {
        push(
            out,
            format_args!("        actions: {}\n", actions.names.join(" ")),
        );
    }
    if !actions.set_fields.is_empty() {
        let fields = listed(&actions.set_fields);
        push(
            out,
            format_args!("        supported on Set-Field: {fields}\n"),
        );
    }
}

fn print_matching(out: &mut String, table: &Table) {
    let exact = &table.matched - &table.masked;
    out.push_str("    matching:\n");
    for (how, fields) in [
        ("arbitrary mask", table.masked.clone()),
        ("exact match or wildcard", &exact & &table.wildcards),
        ("must exact match", &exact - &table.wildcards),
    ] {
        if !fields.is_empty() {
            push(out, format_args!("      {how}: {}\n", listed(&fields)));
        }
    }
}

/// Numbers as ranges: `0-1,3,5-7`.
fn ranges(numbers: &BTreeSet<u8>) -> String {
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let parts = ranges.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    parts.collect::<Vec<_>>().join(",")
}

/// The names of fields, those that begin alike together.
fn listed(fields: &Places) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.2).collect();
    together(&names, " ")
}

/// Names with what they begin with said once: `tun_{id,gbp_{id,flags}}`; `reg0...reg7` for three or more numbers.
fn together(names: &[&str], between: &str) -> String {
    let mut parts = Vec::new();
    let mut rest = names;
    while let Some(first) = rest.first() {
        let alike = first.find('_').map_or(1, |end| {
            let start = &first[..=end];
            let other = rest.iter().position(|name| !name.starts_with(start));
            other.unwrap_or(rest.len())
        });
        let row = in_a_row(rest);
        let taken = if row > 2 && row >= alike {
            parts.push(format!("{first}...{}", rest[row - 1]));
            row
        } else if alike == 1 {
            parts.push((*first).to_owned());
            1
        } else {
            let start = rest[1..alike].iter().map(|name| shared(first, name));
            let start = start.min().unwrap_or(0);
            let ends: Vec<&str> = rest[..alike].iter().map(|name| &name[start..]).collect();
            parts.push(format!("{}{{{}}}", &first[..start], together(&ends, ",")));
            alike
        };
        rest = &rest[taken..];
    }
    parts.join(between)
}

/// How long the words are that both names begin with.
fn shared(one: &str, other: &str) -> usize {
    let ends = one.match_indices('_').map(|(at, _)| at + 1);
    let mut both = ends.filter(|end| other.get(..*end) == Some(&one[..*end]));
    both.next_back().unwrap_or(0)
}

/// How many names are the first one, with the next numbers.
fn in_a_row(names: &[&str]) -> usize {
    let parts = |name: &str| {
        let start = name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let number: u32 = name[start..].parse().ok()?;
        Some((start, number))
    };
    let Some((start, number)) = names.first().and_then(|first| parts(first)) else {
        return 1;
    };
    let follows = |(name, expected): &(&&str, u32)| {
        parts(name) == Some((start, *expected)) && name[..start] == names[0][..start]
    };
    names.iter().zip(number..).take_while(follows).count()
}

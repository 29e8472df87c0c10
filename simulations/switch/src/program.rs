//! Actions and instructions in the form in which they are carried out: one step for each meaning, however it was
//! encoded, checked when it is told.
//!
//! What a switch cannot do, or the packets of the match cannot have, is refused here, as `ofpact_check` in
//! `lib/ofp-actions.c` of Open vSwitch does; in OpenFlow 1.0 actions that find nothing to change are taken and passed
//! over, as that version has it. What steps do is in [`crate::execute`].

use rust_openflow::action::{
    HashFields, LinkAlgorithm, Oxm, Slaves, SlavesAlgorithm, Subfield, ToController,
};
use rust_openflow::field::{Field, Prerequisite};
use rust_openflow::matches::Entry;
use rust_openflow::message::PacketInReason;
use rust_openflow::{
    Action, FieldValue, GroupId, Instruction, Match, MeterId, PortNo, TableId, Version,
};

pub(crate) use crate::bits::Bits;
use crate::conntrack::Wanted;
use crate::fields::{self, Access};
use crate::learn::Learning;
use crate::parse::{MPLS, VLAN};
use crate::refusal::Refusal;
use crate::rewrite::{MAX_TAGS, TAGGED};

/// What is done with a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Output {
        port: PortNo,
        max_len: u16,
    },
    /// The port's number is in a field.
    OutputField {
        from: Bits,
        max_len: u16,
    },
    /// Only so many bytes.
    OutputPart {
        port: PortNo,
        bytes: usize,
    },
    Controller(ToController),
    Group(GroupId),
    Set {
        field: Field,
        value: u128,
        mask: u128,
    },
    /// The field of whichever transport protocol there is.
    SetPort {
        fields: [Field; 3],
        /// What it is in ICMP, of which there are eight bits.
        to_icmp: [Field; 2],
        value: u16,
    },
    /// A field of the VLAN tag, of a new one if so said.
    SetTag {
        field: Field,
        value: u16,
        push: bool,
    },
    Copy {
        from: Bits,
        to: Bits,
    },
    Push(Bits),
    Pop(Bits),
    PushVlan(u16),
    PopVlan,
    PushMpls(u16),
    PopMpls(u16),
    /// Takes one from a TTL; when it runs out, these controllers are told.
    Decrement {
        field: Field,
        controllers: Vec<u16>,
    },
    Resubmit {
        port: PortNo,
        table: Option<u8>,
    },
    Clone(Vec<Step>),
    CheckLength {
        limit: usize,
        to: Bits,
    },
    Multipath(Multipath),
    Bundle(Bundle),
    Learn(Box<Learning>),
    /// Shortens the flow's timeouts when the packet ends a TCP connection.
    Shorten {
        idle: u16,
        hard: u16,
    },
    ClearConnection,
    Track(Box<Track>),
    /// Looked up with the addresses and ports of the connection's first packet.
    ResubmitOriginal {
        port: PortNo,
        table: Option<u8>,
    },
    Meter(MeterId),
    Queue,
    Exit,
}

/// A link chosen by a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Multipath {
    pub(crate) fields: HashFields,
    pub(crate) basis: u32,
    pub(crate) algorithm: LinkAlgorithm,
    pub(crate) links: u32,
    pub(crate) argument: u32,
    pub(crate) to: Bits,
}

/// A port chosen among those that are up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bundle {
    pub(crate) fields: HashFields,
    pub(crate) basis: u32,
    pub(crate) algorithm: SlavesAlgorithm,
    pub(crate) ports: Vec<PortNo>,
    /// Where its number is written; none to send the packet there.
    pub(crate) to: Option<Bits>,
}

/// What is wanted of connection tracking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Track {
    pub(crate) zone: Zoned,
    /// What is known when the action is told; the zone, and the values of mark and label are found when it is done.
    pub(crate) wanted: Wanted,
    /// What sets the mark and the label.
    pub(crate) sets: Vec<Step>,
    /// Where the packet goes on, with what was found out.
    pub(crate) table: Option<u8>,
}

/// Where a zone is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Zoned {
    Number(u16),
    Field(Bits),
}

impl Step {
    /// Whether Open vSwitch sends a copy its way at once that does this (`reversible_actions`).
    pub(crate) fn cannot_be_undone(&self) -> bool {
        match self {
            Self::OutputPart { .. } | Self::Meter(_) | Self::CheckLength { .. } => true,
            Self::Decrement { field, .. } => *field == Field::NshTtl,
            _ => false,
        }
    }

    /// When an action set does it (ovs-actions(7), "Action Sets"); none for what cannot be in one.
    pub(crate) fn turn(&self) -> Option<Turn> {
        Some(match self {
            Self::PopVlan => Turn::One(1),
            Self::PopMpls(_) => Turn::One(2),
            Self::PushMpls(_) => Turn::One(3),
            Self::PushVlan(_) => Turn::One(4),
            Self::Decrement {
                field: Field::IpTtl,
                ..
            } => Turn::One(5),
            Self::Decrement { .. } => Turn::One(6),
            Self::Set { .. } | Self::SetPort { .. } | Self::SetTag { .. } | Self::Copy { .. } => {
                Turn::All(7)
            }
            Self::Queue => Turn::One(8),
            Self::Group(_) => Turn::Last(0),
            Self::Output { .. } => Turn::Last(1),
            Self::Resubmit { .. } => Turn::Last(2),
            Self::ClearConnection | Self::Track(_) => Turn::Last(3),
            _ => return None,
        })
    }
}

/// When an action set does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// In this turn, and only what was added last.
    One(u8),
    /// In this turn, everything in the order in which it was added.
    All(u8),
    /// At the end, and only what comes first among these.
    Last(u8),
}

/// The steps of an action set in the order in which they are done.
pub(crate) fn ordered<'a>(set: &[&'a Step]) -> Vec<&'a Step> {
    let mut steps = Vec::new();
    let of = |turn: Turn| {
        set.iter()
            .copied()
            .filter(move |step| step.turn() == Some(turn))
    };
    for turn in 1..=8 {
        steps.extend(of(Turn::All(turn)));
        steps.extend(of(Turn::One(turn)).next_back());
    }
    steps.extend((0..=3).find_map(|turn| of(Turn::Last(turn)).next_back()));
    steps
}

/// What a flow does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Program {
    /// What the packet passes first.
    pub(crate) meter: Option<MeterId>,
    pub(crate) apply: Vec<Step>,
    pub(crate) clear: bool,
    pub(crate) write: Vec<Step>,
    /// Value and mask.
    pub(crate) metadata: Option<(u64, u64)>,
    pub(crate) goto: Option<u8>,
}

/// Encodings that Open vSwitch does not take from some version on, where the standard has its own
/// (`enum ofp_raw_action_type` in `lib/ofp-actions.c`).
const REPLACED: &[(&str, Version)] = &[
    ("nx_set_queue", Version::V1_1),
    ("dec_ttl", Version::V1_1),
    ("nx_push_mpls", Version::V1_1),
    ("nx_pop_mpls", Version::V1_1),
    ("nx_set_mpls_ttl", Version::V1_1),
    ("nx_dec_mpls_ttl", Version::V1_1),
    ("nx_set_mpls_label", Version::V1_1),
    ("nx_set_mpls_tc", Version::V1_1),
    ("nx_group", Version::V1_1),
    ("reg_load", Version::V1_5),
    ("reg_move", Version::V1_5),
    ("reg_load2", Version::V1_5),
];

/// Behind the last number of an ordinary port.
const LAST_PORT: PortNo = PortNo(0xff00);

/// What a checker has to know of the switch.
pub(crate) trait Existing {
    fn has_group(&self, group: GroupId) -> bool;
    fn has_meter(&self, meter: MeterId) -> bool;
}

/// Checks actions and gives their steps.
pub(crate) struct Checker<'a, E> {
    switch: &'a E,
    /// What is known of the packets; none when that is not asked.
    pub(crate) known: Option<Match>,
    /// How many VLAN tags they have at least.
    tags: u8,
    /// The version that is spoken; none for any.
    version: Option<Version>,
    /// Whether these are actions inside connection tracking's.
    pub(crate) tracks: bool,
    /// Actions that find nothing to change are taken.
    lenient: bool,
    in_bucket: bool,
}

impl<'a, E: Existing> Checker<'a, E> {
    /// For packets of which nothing is known, where it is seen when they come.
    pub(crate) fn unknown(switch: &'a E) -> Self {
        Self {
            switch,
            known: None,
            tags: 0,
            version: None,
            tracks: false,
            lenient: true,
            in_bucket: false,
        }
    }

    /// For the packets of a match.
    pub(crate) fn of(switch: &'a E, matches: Match, version: Option<Version>) -> Self {
        Self {
            switch,
            tags: matches.satisfies(Prerequisite::Vlan).into(),
            known: Some(matches),
            version,
            tracks: false,
            lenient: version == Some(Version::V1_0),
            in_bucket: false,
        }
    }

    /// The same for other packets.
    pub(crate) fn about(&self, matches: Match) -> Self {
        Self::of(self.switch, matches, self.version)
    }

    /// More is known of the packets.
    pub(crate) fn note(&mut self, value: FieldValue) {
        if let Some(known) = &mut self.known {
            known.push(value);
        }
    }

    /// The program of a flow of a table.
    pub(crate) fn program(mut self, table: u8, list: &[Instruction]) -> Result<Program, Refusal> {
        let mut program = Program::default();
        let mut seen = Vec::new();
        for instruction in list {
            let kind = std::mem::discriminant(instruction);
            if seen.contains(&kind) {
                return Err(Refusal::DuplicateInstruction);
            }
            seen.push(kind);
            match instruction {
                Instruction::ApplyActions { actions } => program.apply = self.steps(actions)?,
                Instruction::ClearActions {} => program.clear = true,
                Instruction::WriteActions { actions } => program.write = self.set(actions)?,
                Instruction::WriteMetadata { metadata, mask } => {
                    program.metadata = Some((*metadata, *mask));
                }
                Instruction::Meter { meter_id } => {
                    self.meter(*meter_id)?;
                    program.meter = Some(*meter_id);
                }
                Instruction::GotoTable { table_id } => {
                    let TableId(to) = *table_id;
                    if to <= table {
                        return Err(Refusal::Backwards(table, to));
                    }
                    program.goto = Some(to);
                }
                other => return Err(Refusal::UnknownInstruction(format!("{other:?}"))),
            }
        }
        Ok(program)
    }

    /// The steps of a list of actions.
    pub(crate) fn steps(&mut self, actions: &[Action]) -> Result<Vec<Step>, Refusal> {
        let is_clause = |action: &Action| matches!(action, Action::Conjunction { .. });
        let stands_alone =
            |action: &Action| is_clause(action) || matches!(action, Action::Note { .. });
        if actions.iter().any(is_clause) && !actions.iter().all(stands_alone) {
            return Err(Refusal::Clause);
        }
        // Open vSwitch takes it for the instruction, which comes after all actions.
        let writes = |action: &Action| matches!(action, Action::WriteMetadata { .. });
        if actions
            .iter()
            .rev()
            .skip_while(|action| writes(action))
            .any(writes)
        {
            return Err(Refusal::Order);
        }
        let mut steps = Vec::new();
        for action in actions {
            steps.extend(self.step(action)?);
        }
        Ok(steps)
    }

    /// The steps of a bucket, which is an action set; but what cannot be in one is passed over.
    pub(crate) fn bucket(&mut self, actions: &[Action]) -> Result<Vec<Step>, Refusal> {
        self.in_bucket = true;
        let mut steps = self.steps(actions)?;
        steps.retain(|step| step.turn().is_some());
        Ok(steps)
    }

    /// The steps of an action set.
    pub(crate) fn set(&mut self, actions: &[Action]) -> Result<Vec<Step>, Refusal> {
        let mut steps = Vec::new();
        for action in actions {
            // When the set is done, the packets may have become others.
            let before = std::mem::replace(&mut self.lenient, true);
            let step = self.step(action);
            self.lenient = before;
            let step = step?;
            if step.as_ref().is_none_or(|step| step.turn().is_none()) {
                return Err(Refusal::Action(format!("{action:?}")));
            }
            steps.extend(step);
        }
        Ok(steps)
    }

    /// The step of an action; none for one that does nothing to a packet.
    pub(crate) fn step(&mut self, action: &Action) -> Result<Option<Step>, Refusal> {
        self.is_spoken(action)?;
        let step = match action {
            Action::Output { port, max_len } => self.output(*port, *max_len)?,
            Action::Enqueue { port, .. } => self.output(*port, 0)?,
            Action::OutputTrunc { port, max_len } => part(port.0, *max_len)?,
            Action::OutputReg {
                ofs_nbits,
                src,
                max_len,
            } => Step::OutputField {
                from: self.readable(&Subfield::packed(src.0, *ofs_nbits))?,
                max_len: *max_len,
            },
            Action::OutputReg2 {
                ofs_nbits,
                src,
                max_len,
            } => Step::OutputField {
                from: self.readable(&Subfield::packed(*src, *ofs_nbits))?,
                max_len: *max_len,
            },
            Action::Controller { .. } | Action::Controller2 { .. } => self.controller(action)?,
            Action::Group { group_id } | Action::NxGroup { group_id } => {
                // The group that a bucket names may come later.
                if !self.in_bucket && !self.switch.has_group(*group_id) {
                    return Err(Refusal::NoSuchGroup(group_id.0));
                }
                Step::Group(*group_id)
            }
            Action::Resubmit { .. } | Action::ResubmitPort { .. } | Action::ResubmitCt { .. } => {
                self.resubmit(action)?
            }
            Action::Ct { .. } => Step::Track(Box::new(self.track(action)?)),
            Action::Clone { actions } => {
                let (known, tags) = (self.known.clone(), self.tags);
                let steps = self.steps(actions)?;
                (self.known, self.tags) = (known, tags);
                Step::Clone(steps)
            }
            Action::Meter { meter_id } => {
                self.meter(*meter_id)?;
                Step::Meter(*meter_id)
            }
            Action::SetQueue { .. } | Action::NxSetQueue { .. } | Action::PopQueue {} => {
                Step::Queue
            }
            Action::FinTimeout {
                fin_idle_timeout,
                fin_hard_timeout,
            } => {
                self.expect(&[Prerequisite::Tcp], "a FIN")?;
                Step::Shorten {
                    idle: *fin_idle_timeout,
                    hard: *fin_hard_timeout,
                }
            }
            Action::Exit {} => Step::Exit,
            Action::CtClear {} => Step::ClearConnection,
            // A note says nothing to a switch, a clause was the lookup's, and there are no collectors of samples.
            Action::Note { .. }
            | Action::Conjunction { .. }
            | Action::Sample { .. }
            | Action::Sample2 { .. }
            | Action::DebugSlow {}
            | Action::DebugRecirc {} => return Ok(None),
            Action::Sample3 { direction, .. } | Action::Sample4 { direction, .. } => {
                limited(*direction, 2, "the direction of a sample")?;
                return Ok(None);
            }
            Action::Learn { .. } | Action::Learn2 { .. } => {
                let learning = Learning::of(action, self)?;
                return Ok(learning.map(|learning| Step::Learn(Box::new(learning))));
            }
            Action::Nat { .. } => return Err(Refusal::ReadOnly("nat outside of ct")),
            other => match self.moves(other)? {
                Some(step) => step,
                None => self.changes(other)?,
            },
        };
        Ok(Some(step))
    }

    /// Refuses what a version has another encoding for.
    fn is_spoken(&self, action: &Action) -> Result<(), Refusal> {
        let name = action.row().map_or("", |row| row.name);
        let old = |(old, since): &&(&str, Version)| *old == name && self.version >= Some(*since);
        match REPLACED.iter().find(old) {
            Some((name, _)) => Err(Refusal::Encoding(name)),
            None => Ok(()),
        }
    }

    fn resubmit(&self, action: &Action) -> Result<Step, Refusal> {
        let Some((port, table)) = action.resubmits() else {
            return Err(Refusal::Action(format!("{action:?}")));
        };
        if !matches!(action, Action::ResubmitCt { .. }) {
            return Ok(Step::Resubmit { port, table });
        }
        match self.known.as_ref().is_none_or(Match::tells_connection) {
            true => Ok(Step::ResubmitOriginal { port, table }),
            false => Err(Refusal::Untrackable),
        }
    }

    fn output(&self, port: PortNo, max_len: u16) -> Result<Step, Refusal> {
        let special = [
            PortNo::IN_PORT,
            PortNo::TABLE,
            PortNo::FLOOD,
            PortNo::ALL,
            PortNo::CONTROLLER,
            PortNo::LOCAL,
        ];
        // Numbers have sixteen bits, as in Open vSwitch.
        if port < LAST_PORT || special.contains(&port) {
            Ok(Step::Output { port, max_len })
        } else {
            Err(Refusal::OutPort(port))
        }
    }

    fn controller(&self, action: &Action) -> Result<Step, Refusal> {
        let to = action.to_controller().unwrap_or_default();
        if to.pause {
            return Err(Refusal::Action(format!("{action:?}")));
        }
        if let Some(meter) = to.meter {
            self.meter(meter)?;
        }
        Ok(Step::Controller(to))
    }

    fn meter(&self, meter: MeterId) -> Result<(), Refusal> {
        match self.switch.has_meter(meter) {
            true => Ok(()),
            false => Err(Refusal::NoSuchMeter(meter.0)),
        }
    }

    /// Actions that move bits between fields, the stack and what the switch finds out.
    fn moves(&mut self, action: &Action) -> Result<Option<Step>, Refusal> {
        if let Some((from, to)) = action.copies() {
            let (from, to) = (self.readable(&from)?, self.writable(&to)?);
            return Ok(Some(Step::Copy { from, to }));
        }
        let step = match action {
            Action::Push {
                offset,
                field,
                n_bits,
            } => Step::Push(self.readable(&Subfield::new(*field, *offset, *n_bits))?),
            Action::Pop {
                offset,
                field,
                n_bits,
            } => Step::Pop(self.writable(&Subfield::new(*field, *offset, *n_bits))?),
            Action::CheckPktLarger {
                pkt_len,
                offset,
                dst,
            } => Step::CheckLength {
                limit: usize::from(*pkt_len),
                to: self.writable(&Subfield::new(*dst, *offset, 1))?,
            },
            Action::Multipath {
                fields,
                basis,
                algorithm,
                max_link,
                arg,
                ofs_nbits,
                dst,
            } => Step::Multipath(Multipath {
                fields: hashed(*fields)?,
                basis: u32::from(*basis),
                algorithm: match *algorithm {
                    known if known <= LinkAlgorithm::ITER_HASH => known,
                    _ => return Err(Refusal::Argument("the algorithm of multipath")),
                },
                links: u32::from(*max_link) + 1,
                argument: *arg,
                to: self.writable(&Subfield::packed(dst.0, *ofs_nbits))?,
            }),
            Action::Bundle {
                algorithm,
                fields,
                basis,
                members,
                ..
            } => self.bundle(*algorithm, *fields, *basis, members, false)?,
            Action::BundleLoad {
                algorithm,
                fields,
                basis,
                members,
                ..
            } => self.bundle(*algorithm, *fields, *basis, members, true)?,
            _ => return Ok(None),
        };
        Ok(Some(step))
    }

    fn bundle(
        &self,
        algorithm: SlavesAlgorithm,
        fields: HashFields,
        basis: u16,
        members: &Slaves,
        loads: bool,
    ) -> Result<Step, Refusal> {
        if algorithm > SlavesAlgorithm::HRW {
            return Err(Refusal::Argument("the algorithm of a bundle"));
        }
        let ports: Vec<PortNo> = members.ports.iter().map(|port| port.0).collect();
        if let Some(wrong) = ports
            .iter()
            .find(|port| **port > PortNo::MAX && **port != PortNo::LOCAL)
        {
            return Err(Refusal::OutPort(*wrong));
        }
        let to = Subfield::packed(members.dst.0, members.ofs_nbits);
        Ok(Step::Bundle(Bundle {
            fields: hashed(fields)?,
            basis: u32::from(basis),
            algorithm,
            ports,
            to: if loads {
                Some(self.writable(&to)?)
            } else {
                None
            },
        }))
    }

    /// Actions that change the packet.
    fn changes(&mut self, action: &Action) -> Result<Step, Refusal> {
        use Action as A;
        let step = match *action {
            A::SetField { ref field } | A::RegLoad2 { ref field } => self.set_field(field)?,
            A::RegLoad {
                ofs_nbits,
                dst,
                value,
            } => self.load(&Subfield::packed(dst.0, ofs_nbits), value)?,
            A::WriteMetadata { metadata, mask } => Step::Set {
                field: Field::Metadata,
                value: u128::from(metadata),
                mask: u128::from(mask),
            },
            A::SetTunnel { tun_id } => set(Field::TunnelId, tun_id.into()),
            A::SetTunnel64 { tun_id } => set(Field::TunnelId, tun_id.into()),
            A::SetDlSrc { dl_addr } => set(Field::EthSrc, dl_addr.to_u64().into()),
            A::SetDlDst { dl_addr } => set(Field::EthDst, dl_addr.to_u64().into()),
            A::DecNshTtl {} => {
                self.expect(&[Prerequisite::Nsh], "the TTL")?;
                decrement(Field::NshTtl, vec![0])
            }
            ref other => match self.of_ip(other)? {
                Some(step) => step,
                None => match self.tags(other)? {
                    Some(step) => step,
                    None => self.labels(other)?,
                },
            },
        };
        Ok(step)
    }

    /// Actions on what all IP packets have.
    fn of_ip(&self, action: &Action) -> Result<Option<Step>, Refusal> {
        use Action as A;
        use Prerequisite as P;
        let transport = |fields: [Field; 3], to_icmp: [Field; 2], value| {
            self.expect(
                &[P::Tcp, P::Udp, P::Sctp],
                "the port of a transport protocol",
            )?;
            Ok(Some(Step::SetPort {
                fields,
                to_icmp,
                value,
            }))
        };
        let (needed, field, value) = match *action {
            A::SetNwSrc { nw_addr } => (P::Ipv4, Field::Ipv4Src, nw_addr.to_bits()),
            A::SetNwDst { nw_addr } => (P::Ipv4, Field::Ipv4Dst, nw_addr.to_bits()),
            A::SetNwTos { nw_tos } => {
                let class = limited(nw_tos.rotate_right(2), 0x3f, "nw_tos")?;
                (P::Ip, Field::IpDscp, class.into())
            }
            A::SetNwEcn { nw_ecn } => (P::Ip, Field::IpEcn, limited(nw_ecn, 3, "nw_ecn")?.into()),
            A::SetTtl { nw_ttl } => (P::Ip, Field::IpTtl, nw_ttl.into()),
            A::SetTpSrc { tp_port } => {
                let fields = [Field::TcpSrc, Field::UdpSrc, Field::SctpSrc];
                return transport(fields, [Field::Icmpv4Type, Field::Icmpv6Type], tp_port);
            }
            A::SetTpDst { tp_port } => {
                let fields = [Field::TcpDst, Field::UdpDst, Field::SctpDst];
                return transport(fields, [Field::Icmpv4Code, Field::Icmpv6Code], tp_port);
            }
            A::DecTtl {} | A::NxDecTtl {} => {
                self.expect(&[P::Ip], "the TTL")?;
                return Ok(Some(decrement(Field::IpTtl, vec![0])));
            }
            A::DecTtlCntIds { ref cnt_ids } => {
                self.expect(&[P::Ip], "the TTL")?;
                return Ok(Some(decrement(Field::IpTtl, cnt_ids.0.clone())));
            }
            _ => return Ok(None),
        };
        self.expect(&[needed], field.row().name)?;
        Ok(Some(set(field, value.into())))
    }

    /// Actions on VLAN tags.
    fn tags(&mut self, action: &Action) -> Result<Option<Step>, Refusal> {
        use Action as A;
        let id = |id: u16| limited(id, 0xfff, "vlan_vid");
        let priority = |priority: u8| limited(u16::from(priority), 7, "vlan_pcp");
        let (field, value, push) = match *action {
            A::ModVlanVid { vlan_vid } => (Field::VlanVid, id(vlan_vid)? | 0x1000, true),
            A::SetVlanVid { vlan_vid } => (Field::VlanVid, id(vlan_vid)? | 0x1000, false),
            A::ModVlanPcp { vlan_pcp } => (Field::VlanPcp, priority(vlan_pcp)?, true),
            A::SetVlanPcp { vlan_pcp } => (Field::VlanPcp, priority(vlan_pcp)?, false),
            A::PushVlan { ethertype } => {
                if !VLAN.contains(&ethertype) {
                    return Err(Refusal::Argument("the Ethernet type of a VLAN tag"));
                }
                if self.tags >= MAX_TAGS {
                    return Err(Refusal::Tags);
                }
                self.tags += 1;
                self.learn(Field::VlanVid, 0x1000);
                return Ok(Some(Step::PushVlan(ethertype)));
            }
            A::StripVlan {} | A::PopVlan {} => {
                self.expect(&[Prerequisite::Vlan], "a VLAN tag")?;
                self.tags = self.tags.saturating_sub(1);
                self.know_tags();
                return Ok(Some(Step::PopVlan));
            }
            _ => return Ok(None),
        };
        if !push {
            self.expect(&[Prerequisite::Vlan], "a VLAN tag")?;
        }
        self.tags = self.tags.max(1);
        self.learn(Field::VlanVid, 0x1000);
        Ok(Some(Step::SetTag { field, value, push }))
    }

    /// Actions on labels.
    fn labels(&mut self, action: &Action) -> Result<Step, Refusal> {
        use Action as A;
        let step = match *action {
            A::PushMpls { ethertype } | A::NxPushMpls { ethertype } => {
                if !MPLS.contains(&ethertype) {
                    return Err(Refusal::Argument("the Ethernet type of a label"));
                }
                self.becomes(ethertype);
                return Ok(Step::PushMpls(ethertype));
            }
            A::PopMpls { ethertype } | A::NxPopMpls { ethertype } => {
                self.expect(&[Prerequisite::Mpls], "a label")?;
                self.becomes(ethertype);
                return Ok(Step::PopMpls(ethertype));
            }
            A::SetMplsLabel { mpls_label } | A::NxSetMplsLabel { mpls_label } => {
                (Field::MplsLabel, mpls_label)
            }
            A::SetMplsTc { mpls_tc } | A::NxSetMplsTc { mpls_tc } => {
                (Field::MplsTc, mpls_tc.into())
            }
            A::SetMplsTtl { mpls_ttl } | A::NxSetMplsTtl { mpls_ttl } => {
                (Field::MplsTtl, mpls_ttl.into())
            }
            A::DecMplsTtl {} | A::NxDecMplsTtl {} => {
                self.expect(&[Prerequisite::Mpls], "a label")?;
                return Ok(decrement(Field::MplsTtl, vec![0]));
            }
            ref other => return Err(Refusal::Action(format!("{other:?}"))),
        };
        let (field, value) = step;
        self.expect(&[Prerequisite::Mpls], "a label")?;
        let value = u128::from(value);
        if value & !field.full_mask() != 0 {
            return Err(Refusal::Value(field.row().name));
        }
        Ok(set(field, value))
    }

    fn set_field(&mut self, entry: &Entry) -> Result<Step, Refusal> {
        let Entry::Known(wanted) = entry else {
            return Err(Refusal::UnknownField);
        };
        let (field, name) = (wanted.field, wanted.field.row().name);
        if fields::access(field).is_none() {
            return Err(Refusal::UnknownField);
        }
        let mask = wanted.significant();
        let possible = wanted.value & !(mask & fields::possible(field)) == 0;
        if !possible || field == Field::VlanVid && wanted.value & TAGGED == 0 {
            return Err(Refusal::Value(name));
        }
        self.assign(field)?;
        if field == Field::VlanVid {
            self.require_tag(name)?;
        }
        if field == Field::VlanTci {
            let tagged = wanted.value & TAGGED != 0;
            self.tags = if tagged { self.tags.max(1) } else { 0 };
            self.know_tags();
        }
        Ok(Step::Set {
            field,
            value: wanted.value,
            mask,
        })
    }

    fn load(&mut self, to: &Subfield, value: u64) -> Result<Step, Refusal> {
        let bits = self.writable(to)?;
        let value = u128::from(value);
        if value & !bits.mask() != 0 {
            return Err(Refusal::Value(bits.field.row().name));
        }
        Ok(Step::Set {
            field: bits.field,
            value: value << bits.offset,
            mask: bits.mask() << bits.offset,
        })
    }

    pub(crate) fn readable(&self, bits: &Subfield) -> Result<Bits, Refusal> {
        let field = known(&bits.field)?;
        let size = u32::from(field.row().bits).max(128 - field.full_mask().leading_zeros());
        let (offset, count) = (u32::from(bits.offset), u32::from(bits.bits));
        if count == 0 || offset + count > size {
            return Err(Refusal::Bits(field.row().name));
        }
        self.require(field)?;
        Ok(Bits {
            field,
            offset,
            count,
        })
    }

    pub(crate) fn writable(&self, bits: &Subfield) -> Result<Bits, Refusal> {
        let bits = self.readable(bits)?;
        self.assign(bits.field)?;
        Ok(bits)
    }

    /// Whether a field of these packets can be set.
    fn assign(&self, field: Field) -> Result<(), Refusal> {
        self.require(field)?;
        match fields::access(field) {
            None => Err(Refusal::UnknownField),
            Some(Access::Write) if !self.tracks => Ok(()),
            Some(Access::WriteInCt) if self.tracks => Ok(()),
            Some(_) => Err(match self.tracks {
                true => Refusal::Argument("what is done inside connection tracking"),
                false => Refusal::ReadOnly(field.row().name),
            }),
        }
    }

    /// Whether these packets have what a field needs.
    fn require(&self, field: Field) -> Result<(), Refusal> {
        let needed = field.row().prerequisite;
        let has = |known: &Match| known.satisfies(needed);
        match self.known.as_ref().is_none_or(has) {
            true => Ok(()),
            false => Err(Refusal::Inconsistent(field.row().name)),
        }
    }

    fn require_tag(&self, name: &'static str) -> Result<(), Refusal> {
        match self.have(Prerequisite::Vlan) {
            true => Ok(()),
            false => Err(Refusal::Inconsistent(name)),
        }
    }

    /// Whether these packets have that, as far as is asked.
    fn have(&self, needed: Prerequisite) -> bool {
        self.known
            .as_ref()
            .is_none_or(|known| known.satisfies(needed))
    }

    /// Refuses an action that finds nothing to change in these packets, but in OpenFlow 1.0.
    fn expect(&self, needed: &[Prerequisite], name: &'static str) -> Result<(), Refusal> {
        match self.lenient || needed.iter().any(|needed| self.have(*needed)) {
            true => Ok(()),
            false => Err(Refusal::Inconsistent(name)),
        }
    }

    /// From now on these packets have this.
    fn learn(&mut self, field: Field, value: u16) {
        self.forget(|own| own == field);
        if let Some(known) = &mut self.known {
            let value = FieldValue::masked(field, value, value);
            known.push(value);
        }
    }

    /// What is known of the packets follows the number of their tags.
    fn know_tags(&mut self) {
        let of_tag = [Field::VlanVid, Field::VlanTci, Field::VlanPcp];
        self.forget(|field| of_tag.contains(&field));
        if self.tags > 0 {
            self.learn(Field::VlanVid, 0x1000);
        }
    }

    fn forget(&mut self, what: impl Fn(Field) -> bool) {
        if let Some(known) = &mut self.known {
            known
                .entries
                .to_mut()
                .retain(|entry| !entry.field().is_some_and(&what));
        }
    }

    /// From now on these packets are of that Ethernet type, and what they carry is not known.
    fn becomes(&mut self, ethertype: u16) {
        self.forget(|field| {
            field >= Field::EthType && field != Field::VlanVid && field != Field::VlanTci
        });
        if let Some(known) = &mut self.known {
            let value = FieldValue::exact(Field::EthType, ethertype);
            known.push(value);
        }
    }
}

fn known(oxm: &Oxm) -> Result<Field, Refusal> {
    let field = oxm.field().filter(|field| fields::access(*field).is_some());
    field.ok_or(Refusal::UnknownBits)
}

fn limited<T: PartialOrd>(value: T, limit: T, name: &'static str) -> Result<T, Refusal> {
    match value <= limit {
        true => Ok(value),
        false => Err(Refusal::Argument(name)),
    }
}

fn hashed(fields: HashFields) -> Result<HashFields, Refusal> {
    limited(fields, HashFields::SYMMETRIC_L3, "what is hashed")
}

fn part(port: PortNo, bytes: u32) -> Result<Step, Refusal> {
    const ETHERNET_HEADER: u32 = 14;
    let single = port <= PortNo::MAX || [PortNo::IN_PORT, PortNo::LOCAL].contains(&port);
    if !single {
        return Err(Refusal::OutPort(port));
    }
    if bytes < ETHERNET_HEADER {
        return Err(Refusal::Argument("the length of a part of a packet"));
    }
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    Ok(Step::OutputPart { port, bytes })
}

fn set(field: Field, value: u128) -> Step {
    Step::Set {
        field,
        value,
        mask: field.full_mask(),
    }
}

fn decrement(field: Field, controllers: Vec<u16>) -> Step {
    Step::Decrement { field, controllers }
}

/// Why a packet whose TTL ran out goes to a controller.
pub(crate) fn out_of_ttl(controller_id: u16) -> ToController {
    ToController {
        controller_id,
        reason: PacketInReason::INVALID_TTL.0,
        ..ToController::default()
    }
}

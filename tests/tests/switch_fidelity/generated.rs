//! Programs and frames made up by dice: always the same for the same seed.
//!
//! Flows ask for what frames have, so that they are met; what they do is anything, of which much is refused. A program
//! that differs is made smaller as long as it still does.

use rust_openflow::action::{Oxm32, Subfield};
use rust_openflow::field::{Prerequisite, ROWS};
use rust_openflow::message::{Bucket, FlowMod, GroupMod, GroupType};
use rust_openflow::{
    Action, Field, FieldValue, GroupId, Instruction, Match, Message, PortNo, TableId, Version,
};
use weft_switch::{Packet, Tunnel};

use super::corpus::{self, bytes};
use super::program::{Frame, PORTS, Program};

/// How many tables there are flows in.
const TABLES: u8 = 4;
const GROUPS: u32 = 2;

/// Numbers that look random.
pub(crate) struct Dice {
    /// Whether labels are pushed in this program, and not popped.
    labels: bool,
    bytes: std::vec::IntoIter<u8>,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        let bytes = bytes(seed, 1 << 16).into_iter();
        let labels = seed.is_multiple_of(2);
        Self { labels, bytes }
    }

    fn byte(&mut self) -> u8 {
        self.bytes.next().unwrap_or(0)
    }

    fn below(&mut self, limit: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % limit
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn number(&mut self) -> u128 {
        (0..16).fold(0, |number, _| number << 8 | u128::from(self.byte()))
    }

    /// A value of a field, often a small one.
    fn value(&mut self, field: Field) -> u128 {
        let value = match self.below(3) {
            0 => self.below(8) as u128,
            _ => self.number(),
        };
        let tag = match field {
            Field::VlanVid | Field::VlanTci => 0x1000,
            _ => 0,
        };
        (value | tag) & field.full_mask()
    }

    fn field(&mut self) -> Field {
        loop {
            let field = ROWS[self.below(ROWS.len())].field;
            let missing = [
                Field::InPhyPort,
                Field::Ipv6Exthdr,
                Field::PbbIsid,
                Field::PbbUca,
            ];
            let of_connection =
                (Field::CtState..=Field::CtLabel).contains(&field) || field >= Field::CtNwProto;
            // Open vSwitch takes asking that these are nothing for not asking at all.
            let of_some_tunnels = (Field::ErspanVer..=Field::GtpuMsgtype).contains(&field);
            // Only Ethernet, nothing hidden, and as many registers as there are.
            let hidden = [Field::PacketType, Field::DpHash, Field::RecircId];
            let none = hidden.contains(&field) || (Field::Xxreg4..=Field::Xxreg7).contains(&field);
            let left_out = none || missing.contains(&field) || of_connection || of_some_tunnels;
            if !field.row().is_variable() && !left_out {
                return field;
            }
        }
    }

    fn register(&mut self) -> Field {
        Field::register(self.below(4) as u8).expect("a register")
    }
}

/// A program and frames for it.
pub(crate) fn case(seed: u64) -> (Program, Vec<Frame>) {
    let mut dice = Dice::new(seed);
    let frames: Vec<Frame> = (0..12)
        .map(|n| Frame {
            port: if n < 3 { PORTS[1] } else { PORTS[0] },
            bytes: corpus::frame(dice.number() as u64, dice.one_in(4)),
        })
        .collect();
    let mut told = Vec::new();
    for id in 1..=GROUPS {
        told.push(Message::GroupMod(group(&mut dice, id)));
    }
    // Of flows of one priority that overlap either may be met.
    for priority in 0..4 + dice.below(10) as u16 {
        let frame = &frames[dice.below(frames.len())];
        told.push(Message::FlowMod(flow(&mut dice, frame, priority)));
    }
    let program = Program {
        title: format!("of seed {seed}"),
        told: told
            .into_iter()
            .map(|message| (Version::V1_5, message))
            .collect(),
    };
    let sayable = |(version, message): &(Version, Message)| message.encode(*version, 0).is_ok();
    let told = program.told.into_iter().filter(sayable).collect();
    (Program { told, ..program }, frames)
}

fn group(dice: &mut Dice, id: u32) -> GroupMod {
    let kind = dice.pick(&[
        GroupType::ALL,
        GroupType::INDIRECT,
        GroupType::FAST_FAILOVER,
    ]);
    let count = if kind == GroupType::INDIRECT {
        1
    } else {
        1 + dice.below(3)
    };
    let buckets = (0..count as u32).map(|n| {
        let actions = actions(dice, 3, id, &Match::any());
        let bucket = Bucket {
            id: n,
            ..Bucket::new(actions)
        };
        match kind {
            GroupType::FAST_FAILOVER => bucket.watching_port(PortNo(2 + dice.below(4) as u32)),
            _ => bucket,
        }
    });
    GroupMod::add(GroupId(id), kind, buckets.collect())
}

/// A flow that a frame may meet.
fn flow(dice: &mut Dice, frame: &Frame, priority: u16) -> FlowMod {
    let packet = Packet::new(frame.port, Tunnel::default(), &frame.bytes);
    let mut matches = Match::any();
    for _ in 0..dice.below(4) {
        let field = dice.field();
        if matches.get(field).is_none() && packet.get(field).is_some() {
            ask(dice, &packet, field, &mut matches);
        }
    }
    matches.sort();
    let table = TableId(dice.below(usize::from(TABLES)) as u8);
    let mut instructions = vec![Instruction::apply(actions(dice, 6, 0, &matches))];
    if dice.one_in(4) {
        instructions.push(Instruction::write_actions(actions(dice, 2, 0, &matches)));
    }
    if dice.one_in(8) {
        let metadata = dice.number() as u64;
        instructions.push(Instruction::WriteMetadata {
            metadata,
            mask: metadata | 0xf,
        });
    }
    if dice.one_in(2) {
        instructions.push(Instruction::goto(TableId(
            table.0 + 1 + dice.below(2) as u8,
        )));
    }
    FlowMod::add(table, priority, matches, instructions, dice.below(4) as u64)
}

/// Asks for what a packet has, and for what is needed for that.
fn ask(dice: &mut Dice, packet: &Packet, field: Field, matches: &mut Match) {
    use Prerequisite as P;
    let needed: &[Field] = match field.row().prerequisite {
        P::None => &[],
        P::Vlan => &[Field::VlanVid],
        P::Arp | P::Ipv4 | P::Ipv6 | P::Ip | P::Mpls | P::Pbb | P::Nsh => &[Field::EthType],
        P::Tcp | P::Udp | P::Sctp | P::Icmpv4 | P::Icmpv6 => &[Field::EthType, Field::IpProto],
        P::NeighbourDiscovery | P::NeighbourSolicitation | P::NeighbourAdvertisement => &[
            Field::EthType,
            Field::IpProto,
            Field::Icmpv6Type,
            Field::Icmpv6Code,
        ],
        P::CtIpv4 | P::CtIpv6 | P::CtIp => return,
    };
    // These exclude each other.
    let tags = [Field::VlanTci, Field::VlanVid];
    let of_tos = [Field::IpTos, Field::IpDscp];
    for pair in [tags, of_tos] {
        if pair.contains(&field) && pair.iter().any(|other| matches.get(*other).is_some()) {
            return;
        }
    }
    for needed in needed {
        if matches.get(*needed).is_none()
            && !(*needed == Field::VlanVid && matches.get(Field::VlanTci).is_some())
        {
            let value = packet.get(*needed).unwrap_or(0);
            matches.push(FieldValue::exact(*needed, value));
        }
    }
    let value = if dice.one_in(8) {
        dice.value(field)
    } else {
        packet.get(field).unwrap_or(0)
    };
    if matches.get(field).is_none() {
        let mask = dice.number() & field.full_mask();
        let asked = match field.row().maskable && dice.one_in(3) && mask != 0 {
            true => FieldValue::masked(field, value & mask, mask),
            false => FieldValue::exact(field, value),
        };
        matches.push(asked);
    }
}

/// A few actions; those of a group go to later groups only.
fn actions(dice: &mut Dice, most: usize, group: u32, matches: &Match) -> Vec<Action> {
    let count = 1 + dice.below(most);
    let mut list: Vec<Action> = (0..count)
        .map(|_| action(dice, most, group, matches))
        .collect();
    if dice.one_in(2) {
        list.push(Action::output(dice.pick(&PORTS)));
    }
    list
}

fn action(dice: &mut Dice, most: usize, group: u32, matches: &Match) -> Action {
    use Action as A;
    match dice.below(32) {
        0..4 => A::output(dice.pick(&PORTS)),
        4 => A::output(dice.pick(&[
            PortNo::IN_PORT,
            PortNo::FLOOD,
            PortNo::ALL,
            PortNo::LOCAL,
            PortNo(9),
        ])),
        5 => A::output(PortNo::CONTROLLER),
        6..9 => set(dice, matches),
        9 => {
            let register = dice.register();
            A::set(register, dice.below(4) as u128)
        }
        10..12 => copy(dice, matches),
        12 => A::push_vlan(dice.pick(&[0x8100, 0x88a8, 0x8847])),
        13 => A::pop_vlan(),
        14 if dice.labels => A::PushMpls { ethertype: 0x8847 },
        15 if !dice.labels => A::PopMpls {
            ethertype: dice.pick(&[0x8847, 0x0800, 0x86dd, 0x0806, 0x88b5]),
        },
        16 if dice.one_in(2) => A::dec_ttl(),
        16 if dice.one_in(2) => A::DecMplsTtl {},
        16 => A::DecNshTtl {},
        17..20 => A::resubmit(dice.below(usize::from(TABLES)) as u8),
        20 => A::resubmit_from(dice.pick(&PORTS), dice.below(usize::from(TABLES)) as u8),
        21 if most > 1 => A::clone_of(actions(dice, most / 2, group, matches)),
        22 if group < GROUPS => A::group(GroupId(group + 1)),
        23 => {
            let register = dice.register();
            A::push(Subfield::new(
                register,
                dice.below(20) as u16,
                1 + dice.below(12) as u16,
            ))
        }
        24 => {
            let field = dice.field();
            A::push(Subfield::whole(field))
        }
        25 => {
            let register = dice.register();
            A::pop(Subfield::new(
                register,
                dice.below(20) as u16,
                1 + dice.below(12) as u16,
            ))
        }
        27 => {
            let register = dice.register();
            let bits = Subfield::new(register, 0, 16);
            A::OutputReg {
                ofs_nbits: bits.ofs_nbits(),
                src: Oxm32(bits.field),
                max_len: 0,
            }
        }
        28 => A::OutputTrunc {
            port: dice.pick(&PORTS).into(),
            max_len: 14 + dice.below(60) as u32,
        },
        29 => A::queue(dice.below(4) as u32),
        30 if dice.one_in(4) => A::Exit {},
        _ => set(dice, matches),
    }
}

/// A field that the packets of a match have, mostly.
fn fitting(dice: &mut Dice, matches: &Match) -> Field {
    for _ in 0..12 {
        let field = dice.field();
        if matches.satisfies(field.row().prerequisite) {
            return field;
        }
    }
    dice.field()
}

fn set(dice: &mut Dice, matches: &Match) -> Action {
    let field = fitting(dice, matches);
    let value = dice.value(field);
    let mask = dice.number() & field.full_mask();
    match field.row().maskable && dice.one_in(3) && mask != 0 {
        true => Action::set_masked(field, value & mask, mask),
        false => Action::set(field, value),
    }
}

fn copy(dice: &mut Dice, matches: &Match) -> Action {
    let (from, to) = (fitting(dice, matches), fitting(dice, matches));
    let bits = from.row().bits.min(to.row().bits);
    let bits = 1 + dice.below(usize::from(bits)) as u16;
    let offset =
        |dice: &mut Dice, of: Field| dice.below(usize::from(of.row().bits - bits) + 1) as u16;
    let from = Subfield::new(from, offset(dice, from), bits);
    let to = Subfield::new(to, offset(dice, to), bits);
    Action::copy_bits(from, to)
}

/// Smaller programs: without a message, an instruction, an action.
pub(crate) fn smaller(program: &Program) -> Vec<Program> {
    let with = |n: usize, message: Option<Message>| {
        let mut told = program.told.clone();
        match message {
            Some(message) => told[n].1 = message,
            None => _ = told.remove(n),
        }
        Program {
            title: program.title.clone(),
            told,
        }
    };
    let mut all = Vec::new();
    for (n, (_, message)) in program.told.iter().enumerate() {
        all.push(with(n, None));
        let Message::FlowMod(flow) = message else {
            continue;
        };
        for (at, instruction) in flow.instructions.iter().enumerate() {
            let mut fewer = flow.clone();
            fewer.instructions.remove(at);
            all.push(with(n, Some(Message::FlowMod(fewer))));
            for action in 0..instruction.actions().len() {
                let mut fewer = flow.clone();
                if let Instruction::ApplyActions { actions }
                | Instruction::WriteActions { actions } = &mut fewer.instructions[at]
                {
                    actions.remove(action);
                }
                all.push(with(n, Some(Message::FlowMod(fewer))));
            }
        }
    }
    all
}

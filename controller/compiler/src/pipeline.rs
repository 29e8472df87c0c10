//! The pipeline as a table: stages with what they may match, write and reach, and the register
//! slots that carry facts between them.
//!
//! A stage's place in the table is its number on the wire; nothing else names numbers. The build
//! fails when a stage may go backwards, or when two slots share bits while both are live. What a
//! flow may do is checked against its stage's row when it is emitted ([`crate::emit`]).

use rust_openflow::action::Subfield;
use rust_openflow::field::Field;
use rust_openflow::{FieldValue, TableId};

/// What becomes of a packet that no flow of a stage matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// It is dropped: flows allow.
    Drop,
    /// It goes on in that stage: flows are exceptions.
    Continue(Stage),
}

/// A stage's row.
#[derive(Debug)]
pub struct StageRow {
    /// The stage.
    pub stage: Stage,
    /// Its name, in flows, traces and metrics.
    pub name: &'static str,
    /// Fields that its flows may match.
    pub matches: &'static [Field],
    /// Fields that its flows may set.
    pub sets: &'static [Field],
    /// Slots that its flows may match.
    pub reads: &'static [Slot],
    /// Slots that its flows may set.
    pub writes: &'static [Slot],
    /// Stages that its flows may hand packets to.
    pub next: &'static [Stage],
    /// What becomes of the other packets.
    pub miss: Miss,
    /// One sentence.
    pub doc: &'static str,
}

/// A slot's row.
#[derive(Debug)]
pub struct SlotRow {
    /// The slot.
    pub slot: Slot,
    /// Its name.
    pub name: &'static str,
    /// The field that holds it.
    pub field: Field,
    /// Its lowest bit there.
    pub offset: u8,
    /// How many bits.
    pub bits: u8,
    /// The first stage that writes it.
    pub from: Stage,
    /// The last stage that reads it.
    pub to: Stage,
    /// One sentence.
    pub doc: &'static str,
}

macro_rules! miss {
    (drop) => {
        Miss::Drop
    };
    ($stage:ident) => {
        Miss::Continue(Stage::$stage)
    };
}

macro_rules! stages {
    ($($stage:ident $name:literal {
        matches [$($field:ident)*], sets [$($set:ident)*],
        reads [$($read:ident)*], writes [$($write:ident)*],
        next [$($next:ident)*], miss $miss:ident, $doc:literal
    })*) => {
        /// A stage of the pipeline: a flow table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Stage { $(#[doc = $doc] $stage,)* }

        /// The pipeline, in order.
        pub static STAGES: &[StageRow] = &[$(StageRow {
            stage: Stage::$stage, name: $name,
            matches: &[$(Field::$field),*], sets: &[$(Field::$set),*],
            reads: &[$(Slot::$read),*], writes: &[$(Slot::$write),*],
            next: &[$(Stage::$next),*], miss: miss!($miss), doc: $doc,
        },)*];
    };
}

macro_rules! slots {
    ($($slot:ident $name:literal $field:ident[$offset:literal; $bits:literal] $from:ident..$to:ident $doc:literal;)*) => {
        /// A fact about a packet that travels with it, in bits of a register.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Slot { $(#[doc = $doc] $slot,)* }

        /// The slots.
        pub static SLOTS: &[SlotRow] = &[$(SlotRow {
            slot: Slot::$slot, name: $name, field: Field::$field, offset: $offset, bits: $bits,
            from: Stage::$from, to: Stage::$to, doc: $doc,
        },)*];
    };
}

stages! {
    Classify "classify" {
        matches [InPort TunSrc TunIpv6Src], sets [],
        reads [], writes [Datapath InPort],
        next [TunnelIn PortSecurity], miss drop,
        "Where a packet came from: a local port, or a tunnel of a hypervisor that is known."
    }
    TunnelIn "tunnel_in" {
        matches [InPort TunnelId], sets [],
        reads [], writes [Datapath],
        next [RelayIn Arrive], miss drop,
        "Which network a tunnelled packet belongs to: kind of tunnel and its id."
    }
    PortSecurity "port_security" {
        matches [
            VlanVid EthSrc EthType Ipv4Src Ipv4Dst Ipv6Src IpProto UdpSrc UdpDst
            ArpSpa ArpSha ArpOp Icmpv6Type NdSll
        ], sets [],
        reads [InPort], writes [],
        next [PortRole Services], miss drop,
        "From which addresses a port may send: its own."
    }
    PortRole "port_role" {
        matches [
            EthSrc EthType Ipv4Dst Ipv6Dst IpProto IpTtl IpFrag UdpSrc
            Icmpv6Type Icmpv6Code NdTarget NdSll NdTll
        ], sets [],
        reads [InPort], writes [],
        next [Services], miss Services,
        "What a port with port security may not say: answers of DHCP servers and routers, and whose addresses others have."
    }
    Services "services" {
        matches [EthType IpProto UdpSrc UdpDst], sets [],
        reads [Datapath InPort], writes [],
        next [Neighbours], miss Neighbours,
        "What the controller answers: DHCP."
    }
    Neighbours "neighbours" {
        matches [EthType ArpOp ArpTpa ArpSpa IpProto Icmpv6Type Icmpv6Code NdTarget Ipv6Src],
        sets [EthSrc EthDst ArpOp ArpSha ArpSpa ArpTha ArpTpa Ipv6Src Ipv6Dst IpTtl Icmpv6Type NdReserved NdOptionsType],
        reads [Datapath InPort], writes [],
        next [NdReply L2Lookup], miss L2Lookup,
        "ARP and neighbour discovery, answered from the model, never the owner's own address."
    }
    NdReply "nd_reply" {
        matches [EthType IpProto Icmpv6Type], sets [NdTll],
        reads [], writes [],
        next [], miss drop,
        "The second half of an answer of neighbour discovery: its target's link-layer address."
    }
    L2Lookup "l2_lookup" {
        matches [EthDst], sets [],
        reads [Datapath], writes [OutPort FloodChunk],
        next [Relay RelayUnknown Flood FloodUnknown Locate FloodLocal FloodLocalUnknown], miss drop,
        "Which port a destination address belongs to; multicast and unknown addresses are flooded."
    }
    RelayIn "relay_in" {
        matches [EthDst], sets [],
        reads [], writes [FloodChunk],
        next [Flood FloodUnknown Arrive], miss drop,
        "A packet from a tunnel that is to be passed on to the other hypervisors of this one's chunk."
    }
    Relay "relay" {
        matches [], sets [TunnelId TunDst TunIpv6Dst],
        reads [Datapath FloodChunk], writes [Tunnel],
        next [Flood TunnelOut], miss drop,
        "A chunk of a long flood list: one copy for a hypervisor that passes it on; to the own chunk, directly."
    }
    RelayUnknown "relay_unknown" {
        matches [], sets [TunnelId TunDst TunIpv6Dst],
        reads [Datapath FloodChunk], writes [Tunnel],
        next [FloodUnknown TunnelOut], miss drop,
        "The same for unknown unicast."
    }
    Flood "flood" {
        matches [], sets [TunnelId TunDst TunIpv6Dst],
        reads [Datapath FloodChunk], writes [Tunnel],
        next [TunnelOut], miss drop,
        "A chunk of a network's hypervisors gets a copy each: multicast."
    }
    FloodUnknown "flood_unknown" {
        matches [], sets [TunnelId TunDst TunIpv6Dst],
        reads [Datapath FloodChunk], writes [Tunnel],
        next [TunnelOut], miss drop,
        "The same for unknown unicast: hypervisors with a port that may have the address."
    }
    Locate "locate" {
        matches [], sets [TunnelId TunDst TunIpv6Dst],
        reads [OutPort], writes [Tunnel],
        next [TunnelOut Output], miss drop,
        "Where the destination port is: here, or behind which tunnels."
    }
    TunnelOut "tunnel_out" {
        matches [InPort TunDst TunIpv6Dst], sets [],
        reads [Tunnel], writes [],
        next [], miss drop,
        "Out of the tunnel port, but never to this hypervisor itself."
    }
    Arrive "arrive" {
        matches [EthDst], sets [],
        reads [Datapath], writes [OutPort],
        next [FloodLocal FloodLocalUnknown Output], miss drop,
        "A packet from a tunnel goes to local ports only, never back into a tunnel."
    }
    FloodLocal "flood_local" {
        matches [], sets [],
        reads [Datapath], writes [OutPort],
        next [Output], miss drop,
        "A copy for each local port of the network."
    }
    FloodLocalUnknown "flood_local_unknown" {
        matches [], sets [],
        reads [Datapath], writes [OutPort],
        next [Output], miss drop,
        "A copy for each local port of the network that may have an unknown address."
    }
    Output "output" {
        matches [EthSrc], sets [],
        reads [OutPort], writes [],
        next [], miss drop,
        "Out of the local port; never what a port that is in two places sent itself."
    }
    Marker "marker" {
        matches [], sets [],
        reads [], writes [],
        next [], miss drop,
        "No packet comes here: its one flow says which installation programmed the switch, and up to which revision."
    }
}

slots! {
    Datapath "datapath" Metadata[0; 32] Classify..FloodLocalUnknown "The network's key.";
    InPort "in_port_key" Reg14[0; 32] Classify..Neighbours "The key of the port that sent the packet.";
    OutPort "out_port_key" Reg15[0; 32] L2Lookup..Output "The key of the port that is to get the packet.";
    FloodChunk "flood_chunk" Reg13[0; 8] L2Lookup..FloodUnknown "Which chunk of the flood list is looked up.";
    Tunnel "tunnel" Reg13[8; 8] Relay..TunnelOut "The kind of tunnel that the packet leaves by, counted from one.";
}

impl Stage {
    /// The stage's row.
    #[must_use]
    pub fn row(self) -> &'static StageRow {
        &STAGES[self as usize]
    }

    /// The stage's number on the wire.
    #[must_use]
    pub const fn table(self) -> TableId {
        TableId(self as u8)
    }

    /// The stage of that number.
    #[must_use]
    pub fn from_table(table: TableId) -> Option<Self> {
        STAGES.get(usize::from(table.0)).map(|row| row.stage)
    }

    /// The stage's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }
}

impl Slot {
    /// The slot's row.
    #[must_use]
    pub fn row(self) -> &'static SlotRow {
        &SLOTS[self as usize]
    }

    /// The slot's bits.
    #[must_use]
    pub fn subfield(self) -> Subfield {
        let row = self.row();
        Subfield::new(row.field, u16::from(row.offset), u16::from(row.bits))
    }

    /// The slot holds that value.
    #[must_use]
    pub fn holds(self, value: u32) -> FieldValue {
        let row = self.row();
        let mask = ((1_u128 << row.bits) - 1) << row.offset;
        FieldValue::masked(row.field, u128::from(value) << row.offset, mask)
    }
}

/// The build fails when a stage could hand a packet backwards.
const _: () = {
    let mut at = 0;
    while at < STAGES.len() {
        assert!(STAGES[at].stage as usize == at);
        let mut next = 0;
        while next < STAGES[at].next.len() {
            assert!(
                STAGES[at].next[next] as usize > at,
                "a stage goes backwards"
            );
            next += 1;
        }
        if let Miss::Continue(stage) = STAGES[at].miss {
            assert!(stage as usize > at, "a miss goes backwards");
        }
        at += 1;
    }
};

/// The build fails when two slots share bits while both are live, or a slot leaves its field.
const _: () = {
    let mut a = 0;
    while a < SLOTS.len() {
        let one = &SLOTS[a];
        assert!(one.slot as usize == a);
        assert!(
            (one.from as u8) <= one.to as u8,
            "a slot dies before it lives"
        );
        let mut b = a + 1;
        while b < SLOTS.len() {
            let two = &SLOTS[b];
            let same_bits = one.field as u8 == two.field as u8
                && one.offset < two.offset + two.bits
                && two.offset < one.offset + one.bits;
            let both_live = (one.from as u8) <= two.to as u8 && (two.from as u8) <= one.to as u8;
            assert!(!(same_bits && both_live), "two live slots share bits");
            b += 1;
        }
        a += 1;
    }
};

/// The build fails when a stage reads or writes a slot outside the slot's life.
const _: () = {
    let mut at = 0;
    while at < STAGES.len() {
        let row = &STAGES[at];
        let mut n = 0;
        while n < row.reads.len() {
            assert!(
                SLOTS[row.reads[n] as usize].to as usize >= at,
                "a slot is read after its end"
            );
            assert!(
                (SLOTS[row.reads[n] as usize].from as usize) < at,
                "a slot is read before it is written"
            );
            n += 1;
        }
        let mut n = 0;
        while n < row.writes.len() {
            assert!(
                SLOTS[row.writes[n] as usize].from as usize <= at,
                "a slot is written before it lives"
            );
            n += 1;
        }
        at += 1;
    }
};

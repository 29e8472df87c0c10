//! The rows of actions: one for each encoding, from which all but the text form derives.
//!
//! Sources: OpenFlow 1.0.0, 5.2.4; 1.1.0, A.2.5; 1.5.1, 7.2.6; `lib/ofp-actions.c` of Open vSwitch for
//! Nicira's (`NXAST_*`) and the ONF's. Where a version has two encodings of one meaning, each has a row:
//! an action says how it came. Parts that are less regular are in the files beside this one.

use bytes::Bytes;

use super::controller::ControllerProperty;
use super::ct::{NatRange, Zone};
use super::encap::EncapProperty;
use super::learn::{Learn2, LearnSpecs};
use super::nested::Actions;
use super::oxm::{OfsNbits, Oxm, Oxm32, PaddedOxm};
use super::parts::{
    CntIds, HashFields, LinkAlgorithm, Note, Port16, SampleSource, Slaves, SlavesAlgorithm,
};
use crate::error::{DecodeError, EncodeError};
use crate::matches::Entry;
use crate::message::PacketInReason;
use crate::record::{self, Dice, Family, Generate, Sink, VariantRow, Wire, variants};
use crate::wire::{Reader, Writer};
use crate::{GroupId, MacAddr, MeterId, PortNo, TableId, Version};

variants! {
    /// What is done with a packet.
    pub enum Action: record::Action, rows ROWS, by_hand {
        /// Sends the packet out of a port.
        Output "output" [std 0 V1_0 V1_5] {
            /// Where to.
            port: PortNo;
            /// To the controller: how many bytes.
            max_len: u16;
        }
        /// Sets the VLAN id; adds a tag where there is none.
        ModVlanVid "set_vlan_vid" [std 1 V1_0 V1_0] {
            /// The id.
            vlan_vid: u16;
        }
        /// Sets the VLAN priority; adds a tag where there is none.
        ModVlanPcp "set_vlan_pcp" [std 2 V1_0 V1_0] {
            /// The priority.
            vlan_pcp: u8;
        }
        /// Sets the VLAN id of a tag that is there.
        SetVlanVid "set_vlan_vid" [std 1 V1_1 V1_5] {
            /// The id.
            vlan_vid: u16;
        }
        /// Sets the VLAN priority of a tag that is there.
        SetVlanPcp "set_vlan_pcp" [std 2 V1_1 V1_5] {
            /// The priority.
            vlan_pcp: u8;
        }
        /// Removes the VLAN tag.
        StripVlan "strip_vlan" [std 3 V1_0 V1_0] {}
        /// Sets the Ethernet source.
        SetDlSrc "set_dl_src" [std 4 V1_0 V1_0, std 3 V1_1 V1_5] {
            /// The address.
            dl_addr: MacAddr;
            .. {pad 6}
        }
        /// Sets the Ethernet destination.
        SetDlDst "set_dl_dst" [std 5 V1_0 V1_0, std 4 V1_1 V1_5] {
            /// The address.
            dl_addr: MacAddr;
            .. {pad 6}
        }
        /// Sets the IPv4 source.
        SetNwSrc "set_nw_src" [std 6 V1_0 V1_0, std 5 V1_1 V1_5] {
            /// The address.
            nw_addr: std::net::Ipv4Addr;
        }
        /// Sets the IPv4 destination.
        SetNwDst "set_nw_dst" [std 7 V1_0 V1_0, std 6 V1_1 V1_5] {
            /// The address.
            nw_addr: std::net::Ipv4Addr;
        }
        /// Sets the type of service, without the ECN bits.
        SetNwTos "set_nw_tos" [std 8 V1_0 V1_0, std 7 V1_1 V1_5] {
            /// The six bits, where they stand in the byte.
            nw_tos: u8;
        }
        /// Sets the ECN bits.
        SetNwEcn "set_nw_ecn" [std 8 V1_1 V1_5] {
            /// The two bits.
            nw_ecn: u8;
        }
        /// Sets the source port of TCP, UDP or SCTP.
        SetTpSrc "set_tp_src" [std 9 V1_0 V1_5] {
            /// The port.
            tp_port: u16;
        }
        /// Sets the destination port of TCP, UDP or SCTP.
        SetTpDst "set_tp_dst" [std 10 V1_0 V1_5] {
            /// The port.
            tp_port: u16;
        }
        /// Sends the packet out of a port, through a queue.
        Enqueue "enqueue" [std 11 V1_0 V1_0] {
            /// Where to.
            port: PortNo;
            /// Which queue.
            {pad 6} queue_id: u32;
        }
        /// Copies the TTL outwards.
        CopyTtlOut "copy_ttl_out" [std 11 V1_1 V1_5] {}
        /// Copies the TTL inwards.
        CopyTtlIn "copy_ttl_in" [std 12 V1_1 V1_5] {}
        /// Sets the outermost MPLS label.
        SetMplsLabel "set_mpls_label" [nx 30 V1_0 V1_0, std 13 V1_1 V1_5] {
            /// The label.
            {pad 2 [V1_0 V1_0]} mpls_label: u32;
        }
        /// Sets the traffic class of the outermost MPLS header.
        SetMplsTc "set_mpls_tc" [nx 31 V1_0 V1_0, std 14 V1_1 V1_5] {
            /// The class.
            mpls_tc: u8;
        }
        /// Sets the TTL of the outermost MPLS header.
        SetMplsTtl "set_mpls_ttl" [nx 25 V1_0 V1_0, std 15 V1_1 V1_5] {
            /// The TTL.
            mpls_ttl: u8;
        }
        /// Takes one from the TTL of the outermost MPLS header.
        DecMplsTtl "dec_mpls_ttl" [nx 26 V1_0 V1_0, std 16 V1_1 V1_5] {}
        /// Adds a VLAN tag.
        PushVlan "push_vlan" [std 17 V1_1 V1_5] {
            /// The tag's Ethernet type.
            ethertype: u16;
        }
        /// Removes the outermost VLAN tag.
        PopVlan "pop_vlan" [std 18 V1_1 V1_5] {}
        /// Adds an MPLS header.
        PushMpls "push_mpls" [nx 23 V1_0 V1_0, std 19 V1_1 V1_5] {
            /// Its Ethernet type.
            ethertype: u16;
        }
        /// Removes the outermost MPLS header.
        PopMpls "pop_mpls" [nx 24 V1_0 V1_0, std 20 V1_1 V1_5] {
            /// The Ethernet type of what is left.
            ethertype: u16;
        }
        /// Chooses the queue of later outputs.
        SetQueue "set_queue" [nx 4 V1_0 V1_0, std 21 V1_1 V1_5] {
            /// Which queue.
            {pad 2 [V1_0 V1_0]} queue_id: u32;
        }
        /// Hands the packet to a group.
        Group "group" [nx 40 V1_0 V1_0, std 22 V1_1 V1_5] {
            /// Which group.
            {pad 2 [V1_0 V1_0]} group_id: GroupId;
        }
        /// Sets the TTL or hop limit.
        SetTtl "set_nw_ttl" [std 23 V1_1 V1_5] {
            /// The TTL.
            nw_ttl: u8;
        }
        /// Takes one from the TTL or hop limit.
        DecTtl "dec_nw_ttl" [nx 18 V1_0 V1_0 "dec_ttl", std 24 V1_1 V1_5] {}
        /// Sets a field. Before 1.5 the bits of a mask are set by Nicira's encoding, the standard's has none.
        SetField "set_field" [nx 33 V1_0 V1_1 "reg_load2", std 25 V1_2 V1_5] {
            /// The field, its value, and its mask if not all bits are set.
            field: Entry;
        }
        /// Sets a field under a mask by the standard's encoding before 1.5, which has no masks: no switch takes it.
        SetMasked "set_masked_field" [] {
            /// The field, its value and its mask.
            field: Entry;
        }
        /// Adds a PBB service tag.
        PushPbb "push_pbb" [std 26 V1_3 V1_5] {
            /// Its Ethernet type.
            ethertype: u16;
        }
        /// Removes the outermost PBB service tag.
        PopPbb "pop_pbb" [std 27 V1_3 V1_5] {}
        /// Copies bits of a field to another.
        Move "move" [nx 6 V1_0 V1_4 "reg_move", std 28 V1_5 V1_5 "copy_field"] {
            /// How many bits.
            n_bits: u16;
            /// The first bit to copy.
            src_ofs "src_offset": u16;
            /// Where it goes.
            dst_ofs "dst_offset": u16;
            /// From.
            {pad 2 [V1_5 V1_5]} src: Oxm;
            /// To.
            dst: Oxm;
        }
        /// Passes the packet through a meter; before 1.5 an instruction does that.
        Meter "meter" [std 29 V1_5 V1_5] {
            /// Which meter.
            meter_id: MeterId;
        }
        /// Copies bits of a field to another, in the form of the ONF's extension EXT-320.
        OnfCopyField "copy_field" [onf 3200 V1_3 V1_4] {
            /// How many bits.
            {pad 2} n_bits: u16;
            /// The first bit to copy.
            src_ofs "src_offset": u16;
            /// Where it goes.
            dst_ofs "dst_offset": u16;
            /// From.
            {pad 2} src: Oxm;
            /// To.
            dst: Oxm;
        }
        /// Looks the packet up in this table as if it came in by a port, then goes on.
        ResubmitPort "resubmit" [nx 1 V1_0 V1_5] {
            /// The port.
            in_port: Port16;
        }
        /// Sets the tunnel's key, of 32 bits.
        SetTunnel "set_tunnel" [nx 2 V1_0 V1_5] {
            /// The key.
            {pad 2} tun_id: u32;
        }
        /// Chooses the queue of later outputs, in Nicira's encoding.
        NxSetQueue "nx_set_queue" [nx 4 V1_1 V1_5] {
            /// Which queue.
            {pad 2} queue_id: u32;
        }
        /// Chooses the queue that was chosen before the first choice.
        PopQueue "pop_queue" [nx 5 V1_0 V1_5] {}
        /// Copies bits of a field to another, in Nicira's encoding.
        RegMove "reg_move" [nx 6 V1_5 V1_5] {
            /// How many bits.
            n_bits: u16;
            /// The first bit to copy.
            src_ofs: u16;
            /// Where it goes.
            dst_ofs: u16;
            /// From.
            src: Oxm;
            /// To.
            dst: Oxm;
        }
        /// Sets bits of a field.
        RegLoad "reg_load" [nx 7 V1_0 V1_5] {
            /// Which bits.
            ofs_nbits: OfsNbits;
            /// Of which field.
            dst: Oxm32;
            /// Their values, in the low bits.
            value: u64;
        }
        /// Bytes without a meaning.
        Note "note" [nx 8 V1_0 V1_5] {
            /// The bytes; six, or eight more, and so on.
            note: Note;
        }
        /// Sets the tunnel's key.
        SetTunnel64 "set_tunnel64" [nx 9 V1_0 V1_5] {
            /// The key.
            {pad 6} tun_id: u64;
        }
        /// Chooses one of several links by a hash, and writes which one to a field.
        Multipath "multipath" [nx 10 V1_0 V1_5] {
            /// What is hashed.
            fields: HashFields;
            /// A number that goes into the hash.
            basis: u16;
            /// How the link is chosen.
            {pad 2} algorithm: LinkAlgorithm;
            /// The number of the last link.
            max_link: u16;
            /// An argument of the algorithm.
            arg: u32;
            /// Which bits are written.
            {pad 2} ofs_nbits: OfsNbits;
            /// Of which field.
            dst: Oxm32;
        }
        /// Sends the packet out of one of several ports, chosen by a hash.
        Bundle "bundle" [nx 12 V1_0 V1_5] {
            /// How the port is chosen.
            algorithm: SlavesAlgorithm;
            /// What is hashed.
            fields: HashFields;
            /// A number that goes into the hash.
            basis: u16;
            /// What the members are: the header of `NXM_OF_IN_PORT` for ports.
            slave_type: Oxm32;
            /// The ports.
            members "slaves": Slaves;
        }
        /// Chooses one of several ports by a hash, and writes its number to a field.
        BundleLoad "bundle_load" [nx 13 V1_0 V1_5] {
            /// How the port is chosen.
            algorithm: SlavesAlgorithm;
            /// What is hashed.
            fields: HashFields;
            /// A number that goes into the hash.
            basis: u16;
            /// What the members are: the header of `NXM_OF_IN_PORT` for ports.
            slave_type: Oxm32;
            /// The ports, and where the number goes.
            members "slaves": Slaves;
        }
        /// Looks the packet up in a table as if it came in by that port, then goes on.
        Resubmit "resubmit_table" [nx 14 V1_0 V1_5] {
            /// [`PortNo::IN_PORT`] for the port as it is.
            in_port: Port16;
            /// 255 for the table as it is.
            table: u8;
        }
        /// Sends the packet out of the port whose number is in a field.
        OutputReg "output_reg" [nx 15 V1_0 V1_5] {
            /// Which bits.
            ofs_nbits: OfsNbits;
            /// Of which field.
            src: Oxm32;
            /// To the controller: how many bytes.
            max_len: u16;
        }
        /// Adds or changes a flow that is made from the packet.
        Learn "learn" [nx 16 V1_0 V1_5] {
            /// The flow's timeout in seconds.
            idle_timeout: u16;
            /// The flow's timeout in seconds.
            hard_timeout: u16;
            /// The flow's priority.
            priority: u16;
            /// The flow's cookie.
            cookie: u64;
            /// `NX_LEARN_F_*`: 1 tell when the flow goes, 2 delete it with this flow.
            flags: u16;
            /// The flow's table.
            table_id: TableId;
            /// The idle timeout after a FIN or RST, if not 0.
            {pad 1} fin_idle_timeout: u16;
            /// The hard timeout after a FIN or RST, if not 0.
            fin_hard_timeout: u16;
            /// What the flow matches and does.
            specs: LearnSpecs;
        }
        /// Ends the pipeline.
        Exit "exit" [nx 17 V1_0 V1_5] {}
        /// Takes one from the TTL or hop limit, in Nicira's encoding.
        NxDecTtl "dec_ttl" [nx 18 V1_1 V1_5] {}
        /// Shortens the flow's timeouts after a FIN or RST.
        FinTimeout "fin_timeout" [nx 19 V1_0 V1_5] {
            /// The idle timeout from then on, if not 0.
            fin_idle_timeout: u16;
            /// The hard timeout from then on, if not 0.
            fin_hard_timeout: u16;
        }
        /// Sends the packet to a controller.
        Controller "controller" [nx 20 V1_0 V1_5] {
            /// Bytes of the packet to send; `0xffff` for all.
            max_len: u16;
            /// Which controller; 0 for each that has not chosen an id.
            controller_id: u16;
            /// The reason in the packet-in.
            reason: PacketInReason;
        }
        /// Takes one from the TTL or hop limit; a TTL that runs out goes to these controllers.
        DecTtlCntIds "dec_ttl_cnt_ids" [nx 21 V1_0 V1_5] {
            /// The controllers.
            cnt_ids: CntIds;
        }
        /// Sets bits of the metadata: the instruction, where there are none.
        WriteMetadata "write_metadata" [nx 22 V1_0 V1_5] {
            /// The bits' values.
            {pad 6} metadata: u64;
            /// Which bits.
            mask: u64;
        }
        /// Adds an MPLS header, in Nicira's encoding.
        NxPushMpls "nx_push_mpls" [nx 23 V1_1 V1_5] {
            /// Its Ethernet type.
            ethertype: u16;
        }
        /// Removes the outermost MPLS header, in Nicira's encoding.
        NxPopMpls "nx_pop_mpls" [nx 24 V1_1 V1_5] {
            /// The Ethernet type of what is left.
            ethertype: u16;
        }
        /// Sets the TTL of the outermost MPLS header, in Nicira's encoding.
        NxSetMplsTtl "nx_set_mpls_ttl" [nx 25 V1_1 V1_5] {
            /// The TTL.
            mpls_ttl: u8;
        }
        /// Takes one from the TTL of the outermost MPLS header, in Nicira's encoding.
        NxDecMplsTtl "nx_dec_mpls_ttl" [nx 26 V1_1 V1_5] {}
        /// Pushes bits of a field onto the stack.
        Push "stack_push" [nx 27 V1_0 V1_5] {
            /// The first bit.
            offset: u16;
            /// The field.
            field: Oxm;
            /// How many bits.
            n_bits: u16;
        }
        /// Pops bits of a field from the stack.
        Pop "stack_pop" [nx 28 V1_0 V1_5] {
            /// The first bit.
            offset: u16;
            /// The field.
            field: Oxm;
            /// How many bits.
            n_bits: u16;
        }
        /// Sends samples of packets to collectors.
        Sample "sample" [nx 29 V1_0 V1_5] {
            /// How many of 65,536 packets, less one.
            probability: u16;
            /// The set of collectors in Open vSwitch's database.
            collector_set_id: u32;
            /// The observation domain.
            obs_domain_id: u32;
            /// The observation point.
            obs_point_id: u32;
        }
        /// Sets the outermost MPLS label, in Nicira's encoding.
        NxSetMplsLabel "nx_set_mpls_label" [nx 30 V1_1 V1_5] {
            /// The label.
            {pad 2} mpls_label: u32;
        }
        /// Sets the traffic class of the outermost MPLS header, in Nicira's encoding.
        NxSetMplsTc "nx_set_mpls_tc" [nx 31 V1_1 V1_5] {
            /// The class.
            mpls_tc: u8;
        }
        /// Sends the packet out of the port whose number is in a field of any class.
        OutputReg2 "output_reg2" [nx 32 V1_0 V1_5] {
            /// Which bits.
            ofs_nbits: OfsNbits;
            /// To the controller: how many bytes.
            max_len: u16;
            /// Of which field.
            src: Oxm;
        }
        /// Sets a field or bits of it, in Nicira's encoding.
        RegLoad2 "reg_load2" [nx 33 V1_2 V1_5] {
            /// The field, its value, and its mask if not all bits are set.
            field: Entry;
        }
        /// One clause of a conjunctive match.
        Conjunction "conjunction" [nx 34 V1_0 V1_5] {
            /// Which clause, from 0.
            clause: u8;
            /// Of how many.
            n_clauses: u8;
            /// The conjunction.
            id: u32;
        }
        /// Sends the packet through connection tracking.
        Ct "ct" [nx 35 V1_0 V1_5] {
            /// `NX_CT_F_*`: [`super::CT_COMMIT`], [`super::CT_FORCE`].
            flags: u16;
            /// The zone.
            zone: Zone;
            /// The table in which a tracked copy goes on; 255 for no such copy.
            recirc_table: u8;
            /// The protocol helper, by its port (21: FTP, 69: TFTP); 0 for none.
            {pad 3} alg: u16;
            /// Set-field actions on `ct_mark` and `ct_label`, and `nat`.
            actions: Actions;
        }
        /// Translates addresses; only inside `ct`.
        Nat "nat" [nx 36 V1_0 V1_5] {
            /// `NX_NAT_F_*`: 1 source, 2 destination, 4 persistent, 8 hash, 16 random.
            {pad 2} flags: u16;
            /// To which addresses and ports.
            range: Box<NatRange>;
        }
        /// Sends the packet to a controller, with what the properties say.
        Controller2 "controller2" [nx 37 V1_0 V1_5] {
            /// The properties, in order.
            {pad 6} properties: Vec<ControllerProperty>;
        }
        /// Sends samples of packets to collectors, with the port that they go out of.
        Sample2 "sample2" [nx 38 V1_0 V1_5] {
            /// How many of 65,536 packets, less one.
            probability: u16;
            /// The set of collectors in Open vSwitch's database.
            collector_set_id: u32;
            /// The observation domain.
            obs_domain_id: u32;
            /// The observation point.
            obs_point_id: u32;
            /// The port, or 0xffff for none.
            sampling_port: Port16;
            /// `NX_ACTION_SAMPLE_*`: 0 as it is, 1 on the way in, 2 on the way out.
            direction: u8;
        }
        /// Sends the first bytes of the packet out of a port.
        OutputTrunc "output_trunc" [nx 39 V1_0 V1_5] {
            /// Where to.
            port: Port16;
            /// How many bytes.
            max_len: u32;
        }
        /// Hands the packet to a group, in Nicira's encoding.
        NxGroup "nx_group" [nx 40 V1_1 V1_5] {
            /// Which group.
            {pad 2} group_id: GroupId;
        }
        /// Sends samples of packets to collectors, with the port and the direction.
        Sample3 "sample3" [nx 41 V1_0 V1_5] {
            /// How many of 65,536 packets, less one.
            probability: u16;
            /// The set of collectors in Open vSwitch's database.
            collector_set_id: u32;
            /// The observation domain.
            obs_domain_id: u32;
            /// The observation point.
            obs_point_id: u32;
            /// The port, or 0xffff for none.
            sampling_port: Port16;
            /// `NX_ACTION_SAMPLE_*`: 0 as it is, 1 on the way in, 2 on the way out.
            direction: u8;
        }
        /// Runs actions on a copy of the packet.
        Clone "clone" [nx 42 V1_0 V1_5] {
            /// The actions.
            {pad 6} actions: Actions;
        }
        /// Forgets what connection tracking said.
        CtClear "ct_clear" [nx 43 V1_0 V1_5] {}
        /// Looks the packet up in a table with the tuple of its connection, then goes on.
        ResubmitCt "resubmit_table_ct" [nx 44 V1_0 V1_5] {
            /// [`PortNo::IN_PORT`] for the port as it is.
            in_port: Port16;
            /// 255 for the table as it is.
            table: u8;
        }
        /// Adds or changes a flow that is made from the packet, as long as there are not too many.
        Learn2 "learn2" [nx 45 V1_0 V1_5] {
            /// The flow.
            learn: Box<Learn2>;
        }
        /// Adds a header.
        Encap "encap" [nx 46 V1_3 V1_5] {
            /// Its size in bytes; 0 when that is not said.
            hdr_size: u16;
            /// Which header: the packet type that comes of it.
            new_pkt_type: u32;
            /// What is in it.
            properties "props": Vec<EncapProperty>;
        }
        /// Removes the outermost header.
        Decap "decap" [nx 47 V1_3 V1_5] {
            /// The packet type of what is left; 0xfffe to find that out.
            {pad 2} new_pkt_type: u32;
        }
        /// Takes one from the TTL of NSH.
        DecNshTtl "dec_nsh_ttl" [nx 48 V1_3 V1_5] {}
        /// Sets a bit when the packet, with its Ethernet header, is longer than a limit in bytes.
        CheckPktLarger "check_pkt_larger" [nx 49 V1_0 V1_5] {
            /// The limit.
            pkt_len: u16;
            /// The bit.
            offset: u16;
            /// Of which field.
            dst: Oxm;
        }
        /// Removes a field from the packet.
        DeleteField "delete_field" [nx 50 V1_0 V1_5] {
            /// The field.
            field: PaddedOxm;
        }
        /// Sends samples of packets to collectors; domain and point may come from fields.
        Sample4 "sample4" [nx 51 V1_0 V1_5] {
            /// How many of 65,536 packets, less one.
            probability: u16;
            /// The set of collectors in Open vSwitch's database.
            collector_set_id: u32;
            /// The observation domain.
            obs_domain: SampleSource;
            /// The observation point.
            obs_point: SampleSource;
            /// The port, or 0xffff for none.
            sampling_port: Port16;
            /// `NX_ACTION_SAMPLE_*`: 0 as it is, 1 on the way in, 2 on the way out.
            direction: u8;
        }
        /// Leaves the packet to the slow path; for tests of Open vSwitch.
        DebugSlow "debug_slow" [nx 254 V1_0 V1_5] {}
        /// Recirculates the packet; for tests of Open vSwitch.
        DebugRecirc "debug_recirc" [nx 255 V1_0 V1_5] {}
    }
}

/// Where the rows are that set a field.
const SET_FIELD: usize = VariantRow::position(ROWS, "set_field");
const REG_LOAD2: usize = VariantRow::position(ROWS, "reg_load2");

/// The versions in which the standard's way to set a field has no masks.
#[inline]
fn sets_whole_fields(version: Version) -> bool {
    (Version::V1_2..Version::V1_5).contains(&version)
}

/// Whether an entry has a mask.
#[inline]
fn is_masked(entry: &Entry) -> bool {
    match entry {
        Entry::Known(value) => value.mask().is_some(),
        Entry::Long(value) => value.mask.is_some(),
        // The lowest bit of the third byte says so.
        Entry::Unknown(bytes) => bytes.get(2).is_some_and(|byte| byte & 1 == 1),
    }
}

impl Action {
    /// What these versions say by the encoding of a field under a mask.
    #[cold]
    fn say_under_mask(&mut self) {
        let take = |field: &mut Entry| std::mem::replace(field, Entry::Unknown(Bytes::new()));
        match self {
            Self::SetField { field } => *self = Self::SetMasked { field: take(field) },
            Self::RegLoad2 { field } => *self = Self::SetField { field: take(field) },
            _ => {}
        }
    }
}

impl Wire for Action {
    #[inline]
    fn read(r: &mut Reader<'_>, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        let mut read = None;
        Self::read_onto(&mut read, r, version, what)?;
        read.ok_or_else(|| r.error(what))
    }

    #[inline]
    fn read_onto(
        list: &mut impl Sink<Self>,
        r: &mut Reader<'_>,
        version: Version,
        what: &'static str,
    ) -> Result<(), DecodeError> {
        Self::read_member(list, r, version, what)?;
        if sets_whole_fields(version)
            && let Some(action) = list.last_mut()
            && let Self::SetField { field } | Self::RegLoad2 { field } = action
            && is_masked(field)
        {
            action.say_under_mask();
        }
        Ok(())
    }

    fn write(&self, w: &mut Writer, version: Version) -> Result<(), EncodeError> {
        // What the standard's encoding cannot say has Nicira's, and what no switch would take has the standard's.
        let row = match self {
            Self::SetField { field } if is_masked(field) && sets_whole_fields(version) => {
                &ROWS[REG_LOAD2]
            }
            Self::SetMasked { .. } => &ROWS[SET_FIELD],
            _ => return self.write_member(w, version),
        };
        let what = "a field set under a mask in the standard's form";
        let code = row.code(version);
        let code = code.ok_or(EncodeError::NotInVersion { what, version })?;
        let (vendor, number) = (code.vendor, Some(code.number));
        record::Action::write(w, vendor, number, row.name, |w| self.write_body(w, version))
    }
}

impl Generate for Action {
    fn generate(dice: &mut Dice<'_>, version: Version) -> Self {
        match Self::generate_member(dice, version) {
            Self::SetField { field } if sets_whole_fields(version) && dice.flip() => {
                match is_masked(&field) {
                    true => Self::SetMasked { field },
                    false => Self::RegLoad2 { field },
                }
            }
            Self::RegLoad2 { field } if sets_whole_fields(version) && is_masked(&field) => {
                Self::SetField { field }
            }
            action => action,
        }
    }
}

/// Bytes of an action, for those that count its size.
const _: () = assert!(size_of::<Action>() <= 80);

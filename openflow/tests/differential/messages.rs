//! Messages of every kind: Open vSwitch takes their structure, and refuses only what this file says it does, and why.

use std::collections::{BTreeMap, BTreeSet};

use rust_openflow::message::{Header, Kind, ROWS};
use rust_openflow::record::Dice;
use rust_openflow::{Message, Version};

use crate::Noise;
use crate::ofctl::{installed, printed};

/// Messages of each kind and version; of multiparts, which are many, three times as many.
const EACH: usize = 300;

/// Complaints about messages whose structure is right, and why Open vSwitch 3.1 has them: how the name of the
/// message begins, a part of the complaint, the reason.
const COMPLAINTS: &[(&str, &str, &str)] = &[
    (
        "",
        "OFPBMC_BAD_FIELD",
        "a field that no table knows, which is kept",
    ),
    (
        "",
        "OFPBMC_BAD_TYPE",
        "a match of a type that no version has, which is kept",
    ),
    ("", "OFPBMC_BAD_MASK", "a mask where the field has none"),
    (
        "",
        "OFPBMC_BAD_PREREQ",
        "a field without those that it needs",
    ),
    ("", "OFPBMC_BAD_VALUE", "a value that the field cannot have"),
    ("", "OFPBMC_BAD_WILDCARDS", "bits outside of the mask"),
    ("", "OFPBMC_DUP_FIELD", "a field that stands twice"),
    (
        "",
        "OFPBMC_BAD_LEN",
        "statistics or fields of an experimenter without its id",
    ),
    (
        "",
        "OFPBAC_",
        "actions that make no sense: ports, groups, fields, vendors that are not",
    ),
    ("", "NXBAC_", "Nicira's actions that make no sense"),
    (
        "",
        "OFPBIC_",
        "instructions that stand twice, or that are not known",
    ),
    (
        "",
        "decode error: <invalid>",
        "as before, where the version has no number for the error",
    ),
    (
        "",
        "OFPFMFC_",
        "flow-mods that make no sense: commands, flags, tables",
    ),
    (
        "",
        "OFPGMFC_",
        "groups that make no sense: commands, types, buckets",
    ),
    (
        "",
        "OFPMMFC_",
        "meters that make no sense: commands, flags, bands",
    ),
    ("", "OFPTFFC_", "tables that make no sense"),
    ("", "OFPRRFC_BAD_ROLE", "a role that is not"),
    (
        "",
        "OFPBPC_BAD_TYPE",
        "a property that is not known, which is kept",
    ),
    (
        "",
        "OFPBPC_BAD_VALUE",
        "a property with a value that makes no sense",
    ),
    (
        "",
        "OFPBPC_BAD_EXP_TYPE",
        "a property of a vendor that is not known, which is kept",
    ),
    ("", "OFPBPC_BAD_EXPERIMENTER", "a property of vendor 0"),
    (
        "bundle_add_message",
        "OFPBFC_MSG_UNSUP",
        "a message that cannot be in a bundle",
    ),
    (
        "bundle_add_message",
        "OFPB",
        "the message in it, as by itself",
    ),
    ("controller_status", "OFPBRC_BAD_TYPE", "not implemented"),
    (
        "meter_mod",
        "OFPBRC_BAD_LEN",
        "a band of a type that is not known, and not of 16 bytes",
    ),
    ("multipart_reply meter_desc", "OFPBRC_BAD_LEN", "the same"),
    (
        "multipart_reply meter_features",
        "OFPBRC_BAD_LEN",
        "24 bytes in 1.5 (7.3.5.15), where it has the 16 of 1.3",
    ),
    (
        "multipart_reply table_desc",
        "OFPBRC_BAD_LEN",
        "an answer without a table",
    ),
    (
        "multipart_reply table_features",
        "OFPBRC_BAD_LEN",
        "an answer without a table",
    ),
    (
        "multipart_",
        "OFPBRC_BAD_STAT",
        "a type that is not known, or that it does not implement",
    ),
    ("multipart_", "OFPBRC_BAD_VENDOR", "an unknown vendor's"),
    (
        "multipart_reply flow_monitor",
        "NXBRC_FM_BAD_EVENT",
        "an event that is not",
    ),
    (
        "multipart_request flow_monitor",
        "OFPMOFC_BAD_FLAGS",
        "flags that are not",
    ),
    (
        "packet_in",
        "total_len",
        "more bytes than the packet is said to have",
    ),
    ("packet_in2", "OFPBRC_BAD_LEN", "no packet"),
    ("resume", "OFPBRC_BAD_LEN", "no packet"),
    (
        "resume",
        "total_len",
        "more bytes than the packet is said to have",
    ),
    (
        "packet_in2",
        "OFPBPC_BAD_LEN",
        "a continuation that is none of its own",
    ),
    (
        "resume",
        "OFPBPC_BAD_LEN",
        "a continuation that is none of its own",
    ),
    (
        "packet_out",
        "OFPBRC_BAD_PORT",
        "a packet of 1.5 without a port",
    ),
    (
        "packet_out",
        "OFPBRC_PIPELINE_FIELDS_ONLY",
        "a packet of 1.5 with other fields",
    ),
    ("port_status", "NXBRC_BAD_REASON", "a reason that is not"),
    (
        "queue_get_config_request",
        "OFPQOFC_BAD_PORT",
        "a reserved port",
    ),
    ("requestforward", "OFPB", "the message in it, as by itself"),
    ("set_async", "OFPACFC_", "a set that it does not support"),
    ("set_config", "OFPSCFC_BAD_FLAGS", "flags that are not"),
    ("set_packet_in_format", "OFPBRC_EPERM", "a form that is not"),
    (
        "table_mod",
        "OFPBRC_BAD_TYPE",
        "a property that is not known, which is kept",
    ),
    ("table_mod", "error", "reasons for eviction that are not"),
    (
        "error",
        "",
        "what an error carries back is cut off, or anything",
    ),
    (
        "flow_monitor_",
        "OFPBRC_BAD_SUBTYPE",
        "from 1.3 on the ONF's or the standard's are to be used",
    ),
    (
        "multipart_reply nx_flow_monitor",
        "NXBRC_FM_BAD_EVENT",
        "an event that is not",
    ),
    (
        "multipart_reply onf_flow_monitor",
        "NXBRC_FM_BAD_EVENT",
        "an event that is not",
    ),
    (
        "multipart_request nx_flow_monitor",
        "OFPMOFC_BAD_FLAGS",
        "flags that are not",
    ),
    (
        "multipart_request onf_flow_monitor",
        "OFPMOFC_BAD_FLAGS",
        "flags that are not",
    ),
    (
        "nx_packet_in",
        "total_len",
        "more bytes than the packet is said to have",
    ),
    ("tlv_table_", "NXTTMFC_", "options that make no sense"),
];

/// What Open vSwitch 3.1 takes no message of: the name, the versions, and why.
const REFUSED: &[(&str, Version, Version, &str)] = &[
    (
        "controller_status",
        Version::V1_5,
        Version::V1_5,
        "not implemented",
    ),
    (
        "multipart_reply",
        Version::V1_0,
        Version::V1_5,
        "types that are not known",
    ),
    (
        "multipart_request",
        Version::V1_0,
        Version::V1_5,
        "types that are not known",
    ),
    (
        "multipart_reply experimenter",
        Version::V1_0,
        Version::V1_5,
        "an unknown vendor's",
    ),
    (
        "multipart_request experimenter",
        Version::V1_0,
        Version::V1_5,
        "an unknown vendor's",
    ),
    (
        "multipart_reply bundle_features",
        Version::V1_4,
        Version::V1_5,
        "not implemented",
    ),
    (
        "multipart_request bundle_features",
        Version::V1_4,
        Version::V1_5,
        "not implemented",
    ),
    (
        "multipart_reply controller_status",
        Version::V1_5,
        Version::V1_5,
        "not implemented",
    ),
    (
        "multipart_request controller_status",
        Version::V1_5,
        Version::V1_5,
        "not implemented",
    ),
    (
        "multipart_reply flow_stats",
        Version::V1_5,
        Version::V1_5,
        "not implemented",
    ),
    (
        "multipart_request flow_stats",
        Version::V1_5,
        Version::V1_5,
        "not implemented",
    ),
    (
        "multipart_reply table_features",
        Version::V1_3,
        Version::V1_4,
        "all properties must be there",
    ),
    (
        "packet_out",
        Version::V1_5,
        Version::V1_5,
        "a match must be of a port and nothing else",
    ),
    (
        "flow_monitor_cancel",
        Version::V1_3,
        Version::V1_5,
        "the ONF's or the standard's are to be used",
    ),
    (
        "flow_monitor_paused",
        Version::V1_3,
        Version::V1_5,
        "the ONF's or the standard's are to be used",
    ),
    (
        "flow_monitor_resumed",
        Version::V1_3,
        Version::V1_5,
        "the ONF's or the standard's are to be used",
    ),
    (
        "requestforward",
        Version::V1_0,
        Version::V1_0,
        "no message that it forwards was made up",
    ),
    (
        "requestforward",
        Version::V1_2,
        Version::V1_2,
        "no message that it forwards was made up",
    ),
];

/// Messages of a kind in a version, and their names: multiparts have one for each of their types.
fn made_up(kind: Kind, version: Version, noise: &mut Noise) -> Vec<(String, Vec<u8>)> {
    let each = match kind {
        Kind::MultipartRequest | Kind::MultipartReply => 3 * EACH,
        _ => EACH,
    };
    let one = |_| {
        let mut message = Message::generate(kind, &mut Dice::new(&noise.dice()), version);
        let (subtype, xid) = match &mut message {
            Message::MultipartRequest(request) => {
                request.flags = 0;
                (request.request.name(), None)
            }
            Message::MultipartReply(reply) => {
                reply.flags = 0;
                (reply.reply.name(), None)
            }
            // A message in a bundle has the number of what brings it.
            Message::BundleAdd(add) => (None, Header::peek(&add.message.0)),
            _ => (None, None),
        };
        let name = match subtype {
            Some(subtype) => format!("{} {subtype}", kind.row().name),
            None => kind.row().name.to_owned(),
        };
        let xid = xid.map_or(5, |header| header.xid);
        (name, message.encode(version, xid).unwrap().to_vec())
    };
    (0..each).map(one).collect()
}

/// What is between asterisks in what was printed: `decode error: OFPBMC_BAD_PREREQ`.
fn complaint(printed: &str) -> Option<&str> {
    let (_, rest) = printed.split_once("***")?;
    rest.split("***").next()
}

#[test]
fn open_vswitch_takes_messages_of_every_kind_that_it_knows() {
    if !installed() {
        return;
    }
    let mut noise = Noise(1);
    let mut unused: BTreeSet<_> = COMPLAINTS
        .iter()
        .map(|(kind, said, _)| (*kind, *said))
        .collect();
    let mut wrong = Vec::new();
    let mut taken: BTreeMap<(String, Version), usize> = BTreeMap::new();
    let spoken = |(kind, version): &(Kind, Version)| kind.code(*version).is_some();
    let all = ROWS
        .iter()
        .flat_map(|row| Version::ALL.map(|version| (row.kind, version)));
    for (kind, version) in all.filter(spoken) {
        let messages = made_up(kind, version, &mut noise);
        for ((name, message), text) in messages
            .iter()
            .zip(printed(messages.iter().map(|(_, message)| &message[..])))
        {
            let count = taken.entry((name.clone(), version)).or_default();
            let Some(said) = complaint(&text) else {
                *count += 1;
                continue;
            };
            let known = COMPLAINTS
                .iter()
                .find(|(of, what, _)| name.starts_with(of) && said.contains(what));
            match known {
                Some((kind, what, _)) => drop(unused.remove(&(*kind, *what))),
                None => wrong.push(format!("{name} {version}: {said}: {message:02x?}")),
            }
        }
    }
    let refused = |name: &str, version: Version| {
        let row = REFUSED
            .iter()
            .find(|(of, since, until, _)| *of == name && (*since..=*until).contains(&version));
        row.is_some()
    };
    for ((name, version), count) in taken {
        if refused(&name, version) != (count == 0) {
            wrong.push(format!("{name} {version}: {count} taken"));
        }
    }
    wrong.extend(unused.iter().map(|row| format!("{row:?} is never said")));
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

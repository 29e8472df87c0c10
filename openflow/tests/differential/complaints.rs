//! What Open vSwitch refuses of messages whose structure is right, and why.

use std::ops::RangeInclusive;

use rust_openflow::Version;
use rust_openflow::Version::{V1_0, V1_1, V1_3, V1_4, V1_5};

use crate::ofctl::Release;
use crate::{EVER, SINCE_3_3};

/// Names of messages.
type Names = &'static [&'static str];

/// What is said (any of these), of which messages, in which versions, in which releases of Open vSwitch, and why.
pub(crate) type Complaint = (
    Names,
    &'static [Names],
    RangeInclusive<Version>,
    RangeInclusive<Release>,
    &'static str,
);

/// Messages about flows, with instructions.
const FLOWS: Names = &[
    "flow_mod",
    "nx_flow_mod",
    "multipart_reply flow",
    "multipart_reply nx_flow",
    "multipart_reply flow_monitor",
    "multipart_reply nx_flow_monitor",
    "multipart_reply onf_flow_monitor",
];
/// Others with actions.
const ACTIONS: Names = &["group_mod", "packet_out", "multipart_reply group_desc"];
/// Others with matches.
const MATCHES: Names = &[
    "flow_removed",
    "nx_flow_removed",
    "multipart_request flow",
    "multipart_request aggregate",
    "multipart_request nx_flow",
    "multipart_request nx_aggregate",
    "multipart_request flow_monitor",
    "multipart_request nx_flow_monitor",
    "multipart_request onf_flow_monitor",
];
/// With fields of a packet.
const PACKETS: Names = &["packet_in", "nx_packet_in", "packet_in2", "resume"];
/// With numbers of ports outside of actions.
const PORTS: Names = &[
    "flow_mod",
    "features_reply",
    "packet_in",
    "packet_out",
    "port_mod",
    "port_status",
    "queue_get_config_request",
    "queue_get_config_reply",
    "multipart_reply port_desc",
    "multipart_reply port_stats",
    "multipart_reply queue_stats",
    "multipart_reply queue_desc",
    "multipart_request flow",
    "multipart_request aggregate",
    "multipart_request port_stats",
    "multipart_request port_desc",
    "multipart_request queue_stats",
    "multipart_request queue_desc",
    "multipart_request flow_monitor",
    "multipart_request onf_flow_monitor",
];
const GROUPS: Names = &["group_mod", "multipart_reply group_desc"];
const METERS: Names = &["meter_mod", "multipart_reply meter_desc"];
const TABLE_FEATURES: Names = &[
    "multipart_request table_features",
    "multipart_reply table_features",
];
const ASYNC: Names = &["set_async", "set_async_config2"];
const MONITORS: Names = &[
    "multipart_request flow_monitor",
    "multipart_request nx_flow_monitor",
    "multipart_request onf_flow_monitor",
];
const UPDATES: Names = &[
    "multipart_reply flow_monitor",
    "multipart_reply nx_flow_monitor",
    "multipart_reply onf_flow_monitor",
];
const TLV_TABLES: Names = &["tlv_table_mod", "tlv_table_reply"];
const CONTINUED: Names = &["packet_in2", "resume"];
const WRAPPERS: Names = &["bundle_add_message", "requestforward"];

pub(crate) const COMPLAINTS: &[Complaint] = &[
    // Matches.
    (
        &["OFPBMC_BAD_FIELD", "OFPBMC_BAD_LEN"],
        &[FLOWS, ACTIONS, MATCHES, TABLE_FEATURES],
        V1_0..=V1_5,
        EVER,
        "a field that no table knows, which is kept, also without an experimenter's id",
    ),
    (
        &["OFPBMC_BAD_TYPE"],
        &[FLOWS, MATCHES, PACKETS, &["packet_out"]],
        V1_1..=V1_5,
        EVER,
        "a match of a type that no version has, which is kept",
    ),
    (
        &["OFPBMC_BAD_MASK"],
        &[FLOWS, ACTIONS, MATCHES, PACKETS, TABLE_FEATURES],
        V1_0..=V1_5,
        EVER,
        "a mask where the field has none",
    ),
    (
        &["OFPBMC_BAD_PREREQ"],
        &[FLOWS, MATCHES],
        V1_0..=V1_5,
        EVER,
        "a field without those that it needs",
    ),
    (
        &["OFPBMC_BAD_VALUE"],
        &[FLOWS, MATCHES, PACKETS, &["packet_out"]],
        V1_0..=V1_5,
        EVER,
        "a value that the field cannot have",
    ),
    (
        &["OFPBMC_BAD_WILDCARDS"],
        &[FLOWS, ACTIONS, MATCHES, PACKETS],
        V1_0..=V1_5,
        EVER,
        "bits outside of the mask",
    ),
    (
        &["OFPBMC_DUP_FIELD"],
        &[FLOWS, MATCHES, PACKETS, &["packet_out"]],
        V1_0..=V1_5,
        EVER,
        "a field that stands twice",
    ),
    // Actions.
    (
        &["OFPBAC_BAD_ARGUMENT"],
        &[FLOWS, ACTIONS],
        V1_0..=V1_5,
        EVER,
        "an action with a value that makes no sense",
    ),
    (
        &["OFPBAC_BAD_OUT_PORT"],
        &[FLOWS, ACTIONS],
        V1_0..=V1_5,
        EVER,
        "an output to a port that cannot be",
    ),
    (
        &["OFPBAC_BAD_OUT_PORT"],
        &[PORTS],
        V1_1..=V1_5,
        EVER,
        "a port between 0xff00 and 0xffffff00",
    ),
    (
        &["OFPBAC_BAD_SET_TYPE"],
        &[FLOWS, ACTIONS],
        V1_0..=V1_5,
        EVER,
        "a field that cannot be set",
    ),
    (
        &["OFPBAC_BAD_SET_LEN"],
        &[FLOWS, ACTIONS],
        V1_0..=V1_5,
        EVER,
        "bits that the field does not have",
    ),
    (
        &["OFPBAC_BAD_SET_ARGUMENT", "OFPBAC_BAD_SET_MASK"],
        &[FLOWS, ACTIONS],
        V1_0..=V1_5,
        EVER,
        "a value or mask that the field cannot have",
    ),
    (
        &["OFPBAC_BAD_TYPE", "OFPBAC_BAD_VENDOR_TYPE"],
        &[FLOWS, ACTIONS],
        V1_0..=V1_5,
        EVER,
        "an action that is not known, which is kept",
    ),
    (
        &["OFPBAC_BAD_VENDOR"],
        &[FLOWS, ACTIONS],
        V1_0..=V1_5,
        EVER,
        "an action of an unknown vendor, which is kept",
    ),
    (
        &[
            "OFPBIC_UNKNOWN_INST",
            "OFPBIC_BAD_EXPERIMENTER",
            "OFPBIC_BAD_LEN",
            "OFPBAC_BAD_LEN",
        ],
        &[&["nx_flow_mod", "multipart_reply nx_flow_monitor"]],
        V1_1..=V1_5,
        EVER,
        "it reads instructions where nicira-ext.h has actions",
    ),
    (
        &["OFPBAC_MATCH_INCONSISTENT", "OFPBAC_UNSUPPORTED_ORDER"],
        &[FLOWS],
        V1_0..=V1_5,
        EVER,
        "an action that its match or its set does not allow for",
    ),
    (
        &["NXBAC_BAD_CONJUNCTION"],
        &[FLOWS, ACTIONS],
        V1_0..=V1_5,
        EVER,
        "a clause that is not among the clauses",
    ),
    (
        &["NXBAC_BAD_HEADER_TYPE", "NXBAC_UNKNOWN_ED_PROP"],
        &[FLOWS, ACTIONS],
        V1_3..=V1_5,
        EVER,
        "a header or property of it that cannot be added",
    ),
    (
        &["OFPBIC_UNSUP_INST"],
        &[FLOWS, ACTIONS],
        V1_0..=V1_5,
        EVER,
        "the metadata in an action, which is for instructions to write",
    ),
    (
        &[
            "OFPBPC_BAD_TYPE",
            "OFPBPC_BAD_EXP_TYPE",
            "OFPBPC_BAD_EXPERIMENTER",
        ],
        &[FLOWS, ACTIONS],
        V1_0..=V1_5,
        EVER,
        "a property of an action or group that is not known, which is kept",
    ),
    // Instructions.
    (
        &["OFPBIC_UNKNOWN_INST", "OFPBIC_BAD_LEN"],
        &[FLOWS],
        V1_1..=V1_5,
        EVER,
        "an instruction that is not known, which is kept",
    ),
    (
        &["OFPBIC_BAD_EXPERIMENTER"],
        &[FLOWS],
        V1_1..=V1_5,
        EVER,
        "an instruction of a vendor, which is kept",
    ),
    (
        &["OFPBIC_DUP_INST"],
        &[FLOWS],
        V1_1..=V1_5,
        EVER,
        "an instruction that stands twice",
    ),
    (
        &["OFPBIC_BAD_TABLE_ID", "OFPMMFC_INVALID_METER"],
        &[FLOWS],
        V1_1..=V1_5,
        EVER,
        "a table that is not behind, or a meter that cannot be",
    ),
    // Flows.
    (
        &["OFPFMFC_BAD_COMMAND"],
        &[FLOWS],
        V1_0..=V1_5,
        EVER,
        "a command that is not",
    ),
    (
        &["OFPFMFC_BAD_FLAGS"],
        &[FLOWS],
        V1_0..=V1_5,
        EVER,
        "flags that are not",
    ),
    (
        &["OFPFMFC_BAD_TABLE_ID"],
        &[&["flow_mod"]],
        V1_1..=V1_5,
        EVER,
        "all tables, which only a deletion can name",
    ),
    (
        &["OFPFMFC_BAD_EMERG_TIMEOUT", "OFPFMFC_TABLE_FULL"],
        &[FLOWS],
        V1_0..=V1_0,
        EVER,
        "an emergency flow, which it does not have",
    ),
    (
        &["<invalid>"],
        &[&["multipart_reply flow"]],
        V1_5..=V1_5,
        EVER,
        "statistics with flags that it has no error of 1.5 for",
    ),
    // Groups and meters.
    (
        &["OFPGMFC_BAD_BUCKET"],
        &[GROUPS],
        V1_0..=V1_5,
        EVER,
        "buckets that the command does not take, or numbers that stand twice",
    ),
    (
        &["OFPGMFC_BAD_COMMAND"],
        &[&["group_mod"]],
        V1_0..=V1_5,
        EVER,
        "a command that is not",
    ),
    (
        &["OFPGMFC_BAD_TYPE"],
        &[GROUPS],
        V1_0..=V1_5,
        EVER,
        "a type that is not",
    ),
    (
        &["OFPGMFC_BAD_WATCH"],
        &[GROUPS],
        V1_0..=V1_5,
        EVER,
        "a port that cannot be watched",
    ),
    (
        &["OFPGMFC_INVALID_GROUP"],
        &[&["group_mod"]],
        V1_0..=V1_5,
        EVER,
        "a group that cannot be, or buckets that its type does not have",
    ),
    (
        &["OFPGMFC_WATCH_UNSUPPORTED"],
        &[&["group_mod"]],
        V1_0..=V1_5,
        EVER,
        "something that is watched where nothing fails over",
    ),
    (
        &["OFPBPC_BAD_VALUE"],
        &[GROUPS],
        V1_0..=V1_5,
        EVER,
        "a selection method that is none, or fields with bits outside of their mask",
    ),
    (
        &["OFPMMFC_BAD_COMMAND"],
        &[&["meter_mod"]],
        V1_3..=V1_5,
        EVER,
        "a command that is not",
    ),
    (
        &["OFPMMFC_BAD_FLAGS"],
        &[&["meter_mod"]],
        V1_3..=V1_5,
        EVER,
        "flags that are not, or both rates",
    ),
    (
        &["OFPMMFC_BAD_BAND"],
        &[METERS],
        V1_3..=V1_5,
        EVER,
        "a band that is not known, which is kept",
    ),
    (
        &["OFPBRC_BAD_LEN"],
        &[METERS],
        V1_3..=V1_5,
        EVER,
        "a band that is not known, and not of 16 bytes",
    ),
    // Tables.
    (
        &["OFPTFFC_BAD_COMMAND"],
        &[TABLE_FEATURES],
        V1_5..=V1_5,
        EVER,
        "a command that is not",
    ),
    (
        &["OFPTFFC_BAD_FEATURES"],
        &[TABLE_FEATURES],
        V1_3..=V1_5,
        EVER,
        "not all properties, of which all must be there",
    ),
    (
        &["OFPTFFC_BAD_TABLE"],
        &[TABLE_FEATURES],
        V1_3..=V1_5,
        EVER,
        "all tables, of which each must be named",
    ),
    (
        &["OFPBPC_BAD_VALUE", "OFPBPC_BAD_LEN"],
        &[TABLE_FEATURES, &["table_mod", "table_status"]],
        V1_3..=V1_5,
        EVER,
        "a property with a value or length that makes no sense",
    ),
    (
        &["OFPBRC_BAD_LEN"],
        &[TABLE_FEATURES, &["multipart_reply table_desc"]],
        V1_3..=V1_5,
        EVER,
        "an answer without a table",
    ),
    (
        &["OFPBRC_BAD_TYPE", "error"],
        &[&["table_mod"]],
        V1_4..=V1_5,
        EVER,
        "a property that is not known, or reasons for eviction that are not",
    ),
    // Multiparts.
    (
        &["OFPBRC_BAD_STAT"],
        &[&["multipart_request", "multipart_reply"]],
        V1_0..=V1_5,
        EVER,
        "a type that is not known",
    ),
    (
        &["OFPBRC_BAD_STAT"],
        &[&[
            "multipart_request flow_stats",
            "multipart_reply flow_stats",
            "multipart_request controller_status",
            "multipart_reply controller_status",
            "multipart_request bundle_features",
            "multipart_reply bundle_features",
        ]],
        V1_5..=V1_5,
        EVER,
        "not implemented",
    ),
    (
        &["OFPBRC_BAD_VENDOR"],
        &[&[
            "multipart_request experimenter",
            "multipart_reply experimenter",
        ]],
        V1_0..=V1_5,
        EVER,
        "an unknown vendor's",
    ),
    (
        &["OFPBRC_BAD_LEN"],
        &[&["multipart_reply meter_features"]],
        V1_5..=V1_5,
        EVER,
        "24 bytes in 1.5 (7.3.5.15), where it has the 16 of 1.3",
    ),
    (
        &["OFPMOFC_BAD_FLAGS"],
        &[MONITORS],
        V1_0..=V1_5,
        EVER,
        "flags that are not",
    ),
    (
        &["NXBRC_FM_BAD_EVENT"],
        &[UPDATES],
        V1_0..=V1_5,
        EVER,
        "an event that is not",
    ),
    // Ports and queues.
    (
        &["NXBRC_BAD_REASON"],
        &[&["port_status"]],
        V1_0..=V1_5,
        EVER,
        "a reason that is not",
    ),
    (
        &["OFPQOFC_BAD_PORT"],
        &[&["queue_get_config_request"]],
        V1_0..=V1_0,
        EVER,
        "a reserved port",
    ),
    // Packets.
    (
        &["total_len < data_len", "total_len != data_len"],
        &[PACKETS],
        V1_0..=V1_5,
        EVER,
        "more bytes than the packet is said to have",
    ),
    (
        &["OFPBRC_BAD_LEN"],
        &[CONTINUED],
        V1_0..=V1_5,
        EVER,
        "no packet",
    ),
    (
        &["OFPBPC_BAD_LEN"],
        &[CONTINUED],
        V1_0..=V1_5,
        EVER,
        "a continuation that is none of its own",
    ),
    (
        &["OFPBRC_BAD_PORT"],
        &[&["packet_out"]],
        V1_0..=V1_5,
        EVER,
        "a packet without a port, or with one that cannot be",
    ),
    (
        &["OFPBRC_PIPELINE_FIELDS_ONLY"],
        &[&["packet_out"]],
        V1_5..=V1_5,
        EVER,
        "a packet with other fields",
    ),
    (
        &["OFPBRC_EPERM"],
        &[&["set_packet_in_format"]],
        V1_0..=V1_5,
        EVER,
        "a form that is not",
    ),
    // The connection.
    (
        &["OFPRRFC_BAD_ROLE"],
        &[&[
            "role_request",
            "role_reply",
            "role_status",
            "nx_role_request",
            "nx_role_reply",
        ]],
        V1_0..=V1_5,
        EVER,
        "a role that is not",
    ),
    (
        &["OFPACFC_INVALID"],
        &[ASYNC],
        V1_0..=V1_5,
        EVER,
        "bits that are not",
    ),
    (
        &["OFPACFC_UNSUPPORTED"],
        &[ASYNC],
        V1_0..=V1_5,
        EVER,
        "a property that is not known, which is kept",
    ),
    (
        &["OFPBPC_BAD_EXP_TYPE"],
        &[ASYNC],
        V1_0..=V1_5,
        EVER,
        "a property of a vendor that is not known, which is kept",
    ),
    (
        &["OFPBPC_BAD_EXPERIMENTER"],
        &[ASYNC, TABLE_FEATURES, &["get_async_reply"]],
        V1_0..=V1_5,
        EVER,
        "a property of vendor 0",
    ),
    (
        &["OFPSCFC_BAD_FLAGS"],
        &[&["set_config"]],
        V1_0..=V1_5,
        EVER,
        "flags that are not",
    ),
    (
        &["OFPBRC_BAD_SUBTYPE"],
        &[&[
            "flow_monitor_cancel",
            "flow_monitor_paused",
            "flow_monitor_resumed",
        ]],
        V1_3..=V1_5,
        EVER,
        "from 1.3 on the ONF's or the standard's are to be used",
    ),
    (
        &["OFPBRC_BAD_TYPE"],
        &[&["controller_status"]],
        V1_5..=V1_5,
        EVER,
        "not implemented",
    ),
    (
        &["OFPBRC_BAD_LEN"],
        &[&["error"]],
        V1_0..=V1_5,
        EVER,
        "a type or code that it does not know",
    ),
    (
        &["OFPBFC_MSG_UNSUP"],
        &[WRAPPERS],
        V1_0..=V1_5,
        EVER,
        "a message that cannot be in a bundle, or told to others",
    ),
    (
        &["OFPBRC_BAD_LEN"],
        &[&["requestforward"]],
        V1_0..=V1_5,
        EVER,
        "a message that is too short to be told",
    ),
    // Nicira's.
    (
        &["NXTTMFC_BAD_COMMAND"],
        &[&["tlv_table_mod"]],
        V1_0..=V1_5,
        EVER,
        "a command that is not",
    ),
    (
        &["NXTTMFC_BAD_FIELD_IDX"],
        &[TLV_TABLES],
        V1_0..=V1_5,
        EVER,
        "a field that is not",
    ),
    (
        &["NXTTMFC_BAD_OPT_LEN"],
        &[TLV_TABLES],
        V1_0..=V1_5,
        EVER,
        "a length that options cannot have",
    ),
    (
        &["OFPBPC_BAD_TYPE", "OFPBPC_BAD_EXP_TYPE"],
        &[&["ct_flush"]],
        V1_0..=V1_5,
        SINCE_3_3,
        "a property that is not known, which is kept",
    ),
];

/// What Open vSwitch takes no message of: names, versions, releases, and why.
const REFUSED: &[(
    Names,
    RangeInclusive<Version>,
    RangeInclusive<Release>,
    &str,
)] = &[
    (
        &[
            "controller_status",
            "multipart_request controller_status",
            "multipart_reply controller_status",
        ],
        V1_5..=V1_5,
        EVER,
        "not implemented",
    ),
    (
        &["multipart_request flow_stats", "multipart_reply flow_stats"],
        V1_5..=V1_5,
        EVER,
        "not implemented",
    ),
    (
        &[
            "multipart_request bundle_features",
            "multipart_reply bundle_features",
        ],
        V1_4..=V1_5,
        EVER,
        "not implemented",
    ),
    (
        &["multipart_request", "multipart_reply"],
        V1_0..=V1_5,
        EVER,
        "types that are not known",
    ),
    (
        &[
            "multipart_request experimenter",
            "multipart_reply experimenter",
        ],
        V1_0..=V1_5,
        EVER,
        "an unknown vendor's",
    ),
    (
        &["multipart_reply table_features"],
        V1_3..=V1_4,
        EVER,
        "all properties must be there",
    ),
    (
        &[
            "flow_monitor_cancel",
            "flow_monitor_paused",
            "flow_monitor_resumed",
        ],
        V1_3..=V1_5,
        EVER,
        "the ONF's or the standard's are to be used",
    ),
];

/// The row of [`COMPLAINTS`] for what is said of a message that goes by these names.
pub(crate) fn known(
    said: &str,
    names: &[String],
    version: Version,
    release: Release,
) -> Option<usize> {
    // `decode error: OFPBRC_BAD_LEN`, or words.
    let said = said.rsplit(": ").next().unwrap_or(said);
    COMPLAINTS
        .iter()
        .position(|(what, of, versions, releases, _)| {
            let mut of = of.iter().flat_map(|names| names.iter());
            what.contains(&said)
                && of.any(|of| names.iter().any(|name| name == of))
                && versions.contains(&version)
                && releases.contains(&release)
        })
}

/// Whether Open vSwitch knows no such message.
pub(crate) fn is_refused(name: &str, version: Version, release: Release) -> bool {
    REFUSED.iter().any(|(of, versions, releases, _)| {
        of.contains(&name) && versions.contains(&version) && releases.contains(&release)
    })
}

//! Groups and meters: what `ovs-ofctl -O OpenFlow15 parse-group` and `ofp-print` of Open vSwitch 3.1
//! print, and what is read.

use proptest::prelude::*;

use super::super::{Names, parse_group, parse_meter, print_group, print_meter};
use crate::MeterId;
use crate::message::{Band, MeterMod};

/// A group as it is given, and as Open vSwitch prints it.
const GROUPS: [(&str, &str); 9] = [
    (
        "group_id=1,type=select,selection_method=dp_hash,bucket=bucket_id:3,weight:10,watch_port:1,actions=1,bucket=weight=5,2",
        "group_id=1,type=select,selection_method=dp_hash,bucket=bucket_id:3,weight:10,watch_port:1,actions=output:1,bucket=bucket_id:0,weight:5,actions=output:2",
    ),
    (
        "group_id=1,type=select,selection_method=hash,selection_method_param=5,fields(ip_src,tcp_dst=0xff),bucket=1",
        "group_id=1,type=select,selection_method=hash,selection_method_param=5,fields(ip_src,tcp_dst=255),bucket=bucket_id:0,actions=output:1",
    ),
    (
        "group_id=1,type=select,selection_method=hash,fields(ip_src=255.255.0.0,eth_src),bucket=1",
        "group_id=1,type=select,selection_method=hash,fields(eth_src,ip_src=255.255.0.0),bucket=bucket_id:0,actions=output:1",
    ),
    (
        "group_id=1,type=select,selection_method=hash,fields(tcp_dst=0xff),bucket=1",
        "group_id=1,type=select,selection_method=hash,fields=tcp_dst=255,bucket=bucket_id:0,actions=output:1",
    ),
    (
        "group_id=1,type=select,selection_method=hash,selection_method_param=5,fields=eth_src,bucket=1",
        "group_id=1,type=select,selection_method=hash,selection_method_param=5,fields=eth_src,bucket=bucket_id:0,actions=output:1",
    ),
    (
        "group_id=2,type=ff,bucket=watch_port:1,watch_group:5,1,bucket=watch_group:4,2",
        "group_id=2,type=ff,bucket=bucket_id:0,watch_port:1,watch_group:5,actions=output:1,bucket=bucket_id:1,watch_group:4,actions=output:2",
    ),
    ("group_id=2,type=all", "group_id=2,type=all"),
    (
        "group_id=2,type=indirect,bucket=drop",
        "group_id=2,type=indirect,bucket=bucket_id:0,actions=drop",
    ),
    (
        "group_id=2,type=all,bucket=output:1,output:2,bucket=actions=set_field:5->reg0,3",
        "group_id=2,type=all,bucket=bucket_id:0,actions=output:1,output:2,bucket=bucket_id:1,actions=set_field:0x5->reg0,output:3",
    ),
];

#[test]
fn groups_are_read_and_printed_as_by_open_vswitch() {
    for (given, printed) in GROUPS {
        let group = parse_group(given, &Names::default()).expect(given);
        assert_eq!(print_group(&group, &Names::default()), printed);
        assert_eq!(parse_group(printed, &Names::default()), Ok(group));
    }
}

#[test]
fn meters_are_read_and_printed_as_by_open_vswitch() {
    let meter = MeterMod::add(
        MeterId(1),
        MeterMod::KBPS | MeterMod::BURST,
        vec![Band::Drop {
            rate: 1000,
            burst: 5,
        }],
    );
    let printed = "meter=1 kbps burst bands=type=drop rate=1000 burst_size=5";
    assert_eq!(print_meter(&meter), printed);
    assert_eq!(parse_meter(printed), Ok(meter.clone()));
    let given = "meter=1,kbps,burst,bands=type=drop,rate=1000,burst_size=5";
    assert_eq!(parse_meter(given), Ok(meter));
    let two = "meter=2 pktps bands=type=dscp_remark rate=10 prec_level=1 type=drop rate=20";
    assert_eq!(
        parse_meter(two).map(|meter| print_meter(&meter)).as_deref(),
        Ok(two)
    );
}

#[test]
fn a_group_or_meter_that_is_wrong_is_answered_by_where_and_what() {
    let error = parse_group("group_id=1,type=some", &Names::default()).expect_err("no such type");
    assert_eq!((error.column, error.found.as_str()), (17, "some"));
    let error = parse_meter("meter=1 bands=rate=5").expect_err("a rate of no band");
    assert_eq!((error.column, error.found.as_str()), (15, "rate"));
    assert!(parse_group("type=all", &Names::default()).is_err());
    assert!(parse_meter("kbps").is_err());
}

proptest! {
    #[test]
    fn every_line_is_answered(words in proptest::collection::vec(proptest::sample::select(&[
        "group_id=", "bucket=", "type=", "select", "fields", "(", ")", "ip_src", "=", ",", "1", "meter=", "bands=",
        "rate=", "drop", "selection_method=", "hash", "weight:", "actions=", "é",
    ][..]), 0..16)) {
        let line = words.concat();
        let _ = parse_group(&line, &Names::default());
        let _ = parse_meter(&line);
    }
}

//! Triggers as text, which `ovs-ofctl` has no words for.

use proptest::prelude::*;

use super::super::{Flow, Names, parse_flow, print_flow};
use crate::instruction::{ONLY_FIRST, PERIODIC};
use crate::message::{Stat, Stats};
use crate::record::{Dice, Generate};
use crate::{Instruction, Version};

fn flow(flags: u32, thresholds: Stats) -> Flow {
    let thresholds = Box::new(thresholds);
    Flow {
        instructions: vec![Instruction::StatTrigger { flags, thresholds }],
        ..Flow::default()
    }
}

fn read(text: &str) -> Option<Flow> {
    parse_flow(text, &Names::default()).ok()
}

#[test]
fn a_trigger_prints_its_flags_and_its_thresholds_in_their_order() {
    let cases = [
        (0, vec![], "actions=stat_trigger()"),
        (
            PERIODIC,
            vec![
                Stat::PacketCount { count: 100 },
                Stat::Duration {
                    seconds: 60,
                    nanoseconds: 5,
                },
            ],
            "actions=stat_trigger(periodic,packet_count=100,duration=60.000000005)",
        ),
        (
            PERIODIC | ONLY_FIRST | 8,
            vec![
                Stat::IdleTime {
                    seconds: 0,
                    nanoseconds: u32::MAX,
                },
                Stat::ByteCount { count: u64::MAX },
                Stat::FlowCount { count: 0 },
            ],
            "actions=stat_trigger(periodic,only_first,flags=0x8,idle_time=0.4294967295,\
             byte_count=18446744073709551615,flow_count=0)",
        ),
    ];
    for (flags, thresholds, text) in cases {
        let flow = flow(flags, Stats(thresholds.into()));
        let printed = print_flow(&flow, &Names::default());
        assert!(printed.ends_with(text), "{printed}");
        assert_eq!(read(text), Some(flow), "{text}");
    }
}

#[test]
fn a_threshold_that_is_not_one_is_refused() {
    for inside in [
        "packets=1",
        "periodic=1",
        "packet_count",
        "packet_count=-1",
        "flow_count=4294967296",
        "duration=1.5",
        "flags=x",
        "unknown_stat=80",
        "unknown_stat=8002060400000001ff",
    ] {
        assert_eq!(read(&format!("actions=stat_trigger({inside})")), None);
    }
    assert_eq!(read("actions=stat_trigger:1"), None);
}

proptest! {
    #[test]
    fn every_trigger_reads_back(flags: u32, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut dice = Dice::new(&bytes);
        let flow = flow(flags, Stats::generate(&mut dice, Version::V1_5));
        let printed = print_flow(&flow, &Names::default());
        prop_assert_eq!(read(&printed), Some(flow), "{}", printed);
    }
}

//! Controllers that mean harm: memory stays bounded, nothing panics.

use proptest::prelude::*;
use rust_openflow::message::{
    BundleControl, BundleControlType, BundleFlags, FlowFilter, FlowMod, Kind, Message,
    MultipartRequest, ROWS, Request,
};
use rust_openflow::record::Dice;
use rust_openflow::session::CloseReason;
use rust_openflow::{Instruction, Match, TableId, Version};
use weft_switch::ConnectionId;

use super::{answer, world};
use crate::output;

#[test]
fn who_opens_bundles_without_end_is_refused() {
    let mut world = world(&[Version::V1_5]);
    let open = |bundle_id| {
        Message::BundleControl(BundleControl {
            bundle_id,
            kind: BundleControlType::OPEN_REQUEST,
            flags: BundleFlags::ATOMIC,
            properties: Vec::new(),
        })
    };
    for id in 0..64 {
        world.ask(0, &open(id));
    }
    let error = world.refused(0, &open(64));
    assert!(error.is(answer(17, 5)), "{error}");
}

#[test]
fn who_asks_and_does_not_read_is_cut_off() {
    let mut world = world(&[Version::V1_5]);
    let list = vec![Instruction::apply(vec![output(2)])];
    for priority in 0..1_000 {
        let flow = FlowMod::add(TableId(2), priority, Match::any(), list.clone(), 1);
        world.done(0, &Message::FlowMod(flow));
    }
    let ask = Message::MultipartRequest(MultipartRequest::new(Request::Flow(FlowFilter::all())));
    let ask = ask.encode(Version::V1_5, 9).expect("a request");
    let id = ConnectionId(0);
    let batch = ask.repeat(1_000);
    let closed = (0..1_000).find_map(|_| {
        world.agent.receive(id, &batch, 0);
        assert!(world.agent.is_congested(id));
        world.agent.closed()
    });
    assert_eq!(closed, Some((id, CloseReason::NotReading)));
}

proptest! {
    /// Every message that a version can say, wherever it makes sense and where it does not.
    #[test]
    fn no_message_is_too_strange(
        version in prop::sample::select(Version::ALL.to_vec()),
        seeds in prop::collection::vec((any::<usize>(), prop::collection::vec(any::<u8>(), 600)), 1..12),
    ) {
        let mut world = world(&[version]);
        for (kind, bytes) in seeds {
            let kinds: Vec<Kind> = ROWS
                .iter()
                .map(|row| row.kind)
                .filter(|kind| kind.code(version).is_some())
                .collect();
            let message = Message::generate(kinds[kind % kinds.len()], &mut Dice::new(&bytes), version);
            if let Ok(bytes) = message.encode(version, 5) {
                world.agent.receive(ConnectionId(0), &bytes, 0);
                while world.agent.next_output().is_some() {}
            }
        }
        world.agent.advance(1_000_000);
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut world = world(&[Version::V1_5]);
        world.agent.receive(ConnectionId(0), &bytes, 0);
        while world.agent.next_output().is_some() {}
    }
}

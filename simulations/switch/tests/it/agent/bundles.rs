//! Messages that take effect together.

use rust_openflow::message::{
    Bucket, BundleControl, BundleControlType, BundleFlags, FlowFilter, FlowMod, GroupDescFilter,
    GroupMod, GroupType, Message, MeterFilter, MeterMod, Reply, Request,
};
use rust_openflow::session::Event;
use rust_openflow::session::push::{Outcome, Push, bundle_add};
use rust_openflow::{Action, GroupId, Instruction, Match, MeterId, TableId, Version};
use weft_switch::thin::Pool;
use weft_switch::{Executor, Switch, Thin};

use super::{World, answer};
use crate::output;

const VERSIONS: [Version; 3] = [Version::V1_3, Version::V1_4, Version::V1_5];

fn flow(priority: u16, actions: Vec<Action>) -> Message {
    let list = vec![Instruction::apply(actions)];
    Message::FlowMod(FlowMod::add(
        TableId(3),
        priority,
        Match::any(),
        list,
        priority.into(),
    ))
}

fn group(id: u32) -> Message {
    let bucket = Bucket::new(vec![output(2)]);
    Message::GroupMod(GroupMod::add(GroupId(id), GroupType::ALL, vec![bucket]))
}

impl<E: Executor> World<E> {
    fn push(&mut self, version: Version, bundle: &[Message]) -> Outcome {
        let bundle = bundle
            .iter()
            .map(|message| bundle_add(version, message).expect("a message"));
        let push = Push {
            bundle: bundle.collect(),
            ..Push::default()
        };
        self.controllers[0].push(push).expect("a push");
        self.settle();
        match self.events(0).pop() {
            Some(Event::PushDone { outcome, .. }) => outcome,
            other => panic!("{other:?}"),
        }
    }

    fn priorities(&mut self) -> Vec<u16> {
        let told = self.describe(0, Request::Flow(FlowFilter::all()));
        let flows = told.into_iter().flat_map(|reply| match reply {
            Reply::Flow(flows) => flows,
            other => panic!("{other:?}"),
        });
        let mut priorities: Vec<u16> = flows.map(|flow| flow.priority).collect();
        priorities.sort_unstable();
        priorities
    }

    fn groups(&mut self) -> usize {
        let told = self.describe(0, Request::GroupDesc(GroupDescFilter::default()));
        match &told[..] {
            [Reply::GroupDesc(groups)] => groups.len(),
            other => panic!("{other:?}"),
        }
    }
}

fn fills<E: Executor>(make: impl Fn() -> E) {
    for version in VERSIONS {
        let mut world = World::of(make(), &[version]);
        let outcome = world.push(
            version,
            &[group(1), flow(1, vec![output(1)]), flow(2, vec![])],
        );
        assert_eq!(outcome, Outcome::Committed);
        assert_eq!((world.priorities(), world.groups()), (vec![1, 2], 1));
        let cookie = Message::FlowMod(FlowMod::delete_cookie(2));
        assert_eq!(world.push(version, &[cookie]), Outcome::Committed);
        assert_eq!(world.priorities(), [1]);
    }
}

#[test]
fn all_of_a_bundle_is_done() {
    fills(Switch::new);
    fills(|| Thin::new(Pool::default()));
}

#[test]
fn nothing_of_a_bundle_is_done_when_a_message_cannot_be() {
    for version in VERSIONS {
        let mut world = World::of(Switch::new(), &[version]);
        world.done(0, &flow(1, vec![output(1)]));
        world.done(0, &group(7));
        let outcome = world.push(
            version,
            &[
                Message::FlowMod(FlowMod::delete(TableId::ALL, Match::any(), 0)),
                flow(2, vec![output(2)]),
                group(8),
                Message::GroupMod(GroupMod::delete(GroupId(7))),
                flow(3, vec![Action::group(GroupId(7))]),
            ],
        );
        let Outcome::Failed {
            errors,
            rest_applied: false,
        } = outcome
        else {
            panic!("{outcome:?}");
        };
        assert_eq!(errors[0].cookie, Some(3), "{errors:?}");
        assert_eq!((world.priorities(), world.groups()), (vec![1], 1));
    }
}

#[test]
fn meters_are_kept() {
    let mut world = World::of(Switch::new(), &[Version::V1_3]);
    let band = rust_openflow::message::Band::Drop { rate: 5, burst: 5 };
    let meter = MeterMod::add(MeterId(4), MeterMod::KBPS | MeterMod::BURST, vec![band]);
    world.done(0, &Message::MeterMod(meter));
    let told = world.describe(
        0,
        Request::MeterConfig(MeterFilter {
            meter: MeterId::ALL,
        }),
    );
    let [Reply::MeterConfig(meters)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(meters[0].meter, MeterId(4));
}

#[test]
fn a_bundle_that_nobody_speaks_of_is_forgotten() {
    let control = |kind| {
        Message::BundleControl(BundleControl {
            bundle_id: 3,
            kind,
            flags: BundleFlags::ATOMIC,
            properties: Vec::new(),
        })
    };
    let mut world = World::of(Switch::new(), &[Version::V1_5]);
    world.ask(0, &control(BundleControlType::OPEN_REQUEST));
    world.wait(4_000);
    world.ask(0, &control(BundleControlType::CLOSE_REQUEST));
    world.wait(9_000);
    world.wait(1_000);
    let error = world.refused(0, &control(BundleControlType::COMMIT_REQUEST));
    assert!(error.is(answer(17, 2)), "{error}");
}

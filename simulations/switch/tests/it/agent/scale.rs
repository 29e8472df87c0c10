//! The executor that only remembers.

use rust_openflow::message::{FlowFilter, FlowMod, Message, Reply, Request};
use rust_openflow::{Instruction, Match, TableId, Version};
use weft_switch::Thin;
use weft_switch::thin::Pool;

use super::World;
use crate::output;

#[test]
fn flows_of_many_switches_are_kept_once() {
    let pool = Pool::default();
    let mut worlds: Vec<World<Thin>> = (0..3)
        .map(|_| World::of(Thin::new(pool.clone()), &[Version::V1_5]))
        .collect();
    let list = vec![Instruction::apply(vec![output(2)])];
    for world in &mut worlds {
        for priority in 0..50 {
            let flow = FlowMod::add(TableId(2), priority, Match::any(), list.clone(), 1);
            world.done(0, &Message::FlowMod(flow));
        }
        let told = world.describe(0, Request::Flow(FlowFilter::all()));
        let [Reply::Flow(flows)] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!((flows.len(), &flows[0].instructions), (50, &list));
    }
    assert_eq!(pool.len(), 50);
    for world in &mut worlds {
        let delete = FlowMod::delete_cookie(1);
        world.done(0, &Message::FlowMod(delete));
        assert!(world.agent.executor().is_empty());
    }
    assert!(pool.is_empty());
}

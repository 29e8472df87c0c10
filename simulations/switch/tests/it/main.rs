//! The software switch by itself: what messages do to its tables (`tables`), what is counted of flows and how they
//! go (`time`), which flow is found (`classifier`), how frames are read (`parsing`, `composed`), made
//! (`composing`) and rewritten (`frames`), and what actions do with a packet (`actions`, `steps`), told step by step
//! (`traced`), what it is to its connection (`tracking`,
//! `translation`), and what controllers see of it all (`agent`). That it agrees with Open vSwitch is proved
//! where that is at hand, in the workspace's `tests`.

mod actions;
mod agent;
mod classifier;
mod composed;
mod composing;
mod conversation;
mod frames;
mod made;
#[path = "../../../../openflow/tests/ofctl/mod.rs"]
#[expect(dead_code, reason = "versions are for others")]
mod ofctl;
mod parsing;
mod steps;
mod tables;
mod time;
mod traced;
mod tracking;
mod translation;

use rust_openflow::message::FlowMod;
use rust_openflow::{Action, Instruction, Match, PortNo, TableId};
use weft_switch::{Output, Switch, Tunnel};

/// A frame with an Ethernet type of nobody.
fn frame() -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5];
    frame.extend([7; 46]);
    frame
}

/// A UDP packet from 10.0.0.1:1000 to 10.0.0.2:2000 with right checksums.
fn udp() -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00];
    frame.extend([0x45, 0, 0, 32, 0, 1, 0x40, 0, 64, 17, 0x26, 0xca]);
    frame.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend([0x03, 0xe8, 0x07, 0xd0, 0, 12, 0xdc, 0x15, 1, 2, 3, 4]);
    frame
}

fn flow(table: u8, priority: u16, matches: Match, actions: Vec<Action>) -> FlowMod {
    FlowMod::add(
        TableId(table),
        priority,
        matches,
        vec![Instruction::apply(actions)],
        u64::from(priority),
    )
}

fn switch(flows: impl IntoIterator<Item = FlowMod>) -> Switch {
    let mut switch = Switch::new();
    for flow in flows {
        switch.flow_mod(&flow).expect("a flow");
    }
    switch
}

/// The ports that a frame comes out of, with what is there of a tunnel, and the frames.
fn outputs(switch: &Switch, frame: &[u8]) -> Vec<(u32, Tunnel, Vec<u8>)> {
    let outputs = switch.clone().receive(PortNo(1), Tunnel::default(), frame);
    let ports = outputs.into_iter().filter_map(|output| match output {
        Output::Port {
            port,
            tunnel,
            frame,
        } => Some((port.0, tunnel, frame)),
        Output::Controller { .. } => None,
    });
    ports.collect()
}

fn ports(switch: &Switch) -> Vec<u32> {
    outputs(switch, &frame())
        .into_iter()
        .map(|out| out.0)
        .collect()
}

fn output(port: u32) -> Action {
    Action::output(PortNo(port))
}

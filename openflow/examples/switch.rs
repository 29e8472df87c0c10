//! A switch without ports: it keeps its flows and prints them. Its code stands in the README.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use rust_openflow::error::ErrorAnswer;
use rust_openflow::message::Features;
use rust_openflow::session::{Config, End, Event};
use rust_openflow::text::{Names, print_flow};
use rust_openflow::{DatapathId, Message, Session};

/// Talks to one controller until it hangs up.
pub(crate) fn switch(mut stream: impl Read + Write) -> io::Result<()> {
    let (mut flows, mut buffer) = (Vec::new(), [0; 65_536]);
    let features = Features {
        datapath: DatapathId(0xaa),
        tables: 1,
        ..Features::default()
    };
    let mut session = Session::new(End::Switch, Config::default(), 0);
    while !session.is_closed() {
        while let Some(bytes) = session.next_output() {
            stream.write_all(&bytes)?;
        }
        let count @ 1.. = stream.read(&mut buffer)? else {
            break;
        };
        session.receive(&buffer[..count], 0);
        while let Some(event) = session.next_event() {
            let Event::Message {
                xid,
                message,
                bytes,
            } = event
            else {
                continue;
            };
            let done = match message {
                Message::FeaturesRequest => {
                    session.reply(xid, &Message::FeaturesReply(features.clone()))
                }
                Message::RoleRequest(role) => session.reply(xid, &Message::RoleReply(role)),
                Message::BarrierRequest => session.reply(xid, &Message::BarrierReply),
                Message::FlowMod(flow) => {
                    flows.push(flow.into());
                    Ok(())
                }
                _ => session.refuse(ErrorAnswer::BAD_TYPE, &bytes),
            };
            done.map_err(io::Error::other)?;
        }
        flows
            .iter()
            .for_each(|flow| println!("{}", print_flow(flow, &Names::default())));
    }
    Ok(())
}

fn main() -> io::Result<()> {
    switch(TcpStream::connect("127.0.0.1:6653")?)
}

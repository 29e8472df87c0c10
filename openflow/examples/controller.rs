//! A controller for any number of switches: it makes them flood every packet. Its code stands in the README.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::time::Instant;

use rust_openflow::message::{FlowMod, Role, RoleMessage};
use rust_openflow::session::{Config, End, Event};
use rust_openflow::{Action, Instruction, Match, Message, PortNo, Session, TableId};

/// Talks to one switch until it hangs up.
pub(crate) fn control(mut stream: impl Read + Write) -> io::Result<()> {
    let (start, mut buffer) = (Instant::now(), [0; 65_536]);
    let role = RoleMessage::new(Role::EQUAL, 0);
    let mut session = Session::new(End::Controller(role), Config::default(), 0);
    while !session.is_closed() {
        while let Some(bytes) = session.next_output() {
            stream.write_all(&bytes)?;
        }
        let count @ 1.. = stream.read(&mut buffer)? else {
            break;
        };
        session.receive(&buffer[..count], start.elapsed().as_millis() as u64);
        while let Some(event) = session.next_event() {
            if let Event::RoleGranted(_) = event {
                let flood = Instruction::apply(vec![Action::output(PortNo::FLOOD)]);
                let flow = FlowMod::add(TableId(0), 1, Match::any(), vec![flood], 7);
                session
                    .send(&Message::FlowMod(flow))
                    .map_err(io::Error::other)?;
                session.barrier().map_err(io::Error::other)?;
            }
            println!("{event:?}");
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    for stream in TcpListener::bind("127.0.0.1:6653")?.incoming() {
        let stream = stream?;
        std::thread::spawn(move || control(stream));
    }
    Ok(())
}

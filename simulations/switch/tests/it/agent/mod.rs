//! The protocol side of the switch, driven by controllers' sessions in memory.

mod basics;
mod bundles;
mod hostile;
mod scale;
mod unasked;

use bytes::Bytes;
use rust_openflow::error::ErrorAnswer;
use rust_openflow::message::{
    ErrorMessage, Message, MultipartRequest, Reply, Request, Role, RoleMessage,
};
use rust_openflow::session::{Config, End, Event};
use rust_openflow::{DatapathId, MacAddr, PortNo, Session, Version};
use weft_switch::agent::PortSpec;
use weft_switch::{Agent, ConnectionId, Executor, Identity, Switch};

/// A switch and its controllers.
struct World<E: Executor = Switch> {
    agent: Agent<E>,
    controllers: Vec<Session>,
    now: u64,
}

fn config(version: Version) -> Config {
    Config {
        versions: vec![version],
        ..Config::default()
    }
}

fn world(versions: &[Version]) -> World {
    World::of(Switch::new(), versions)
}

impl<E: Executor> World<E> {
    /// A switch with ports 1 to 3, and controllers that speak these versions and asked for no role of their own.
    fn of(executor: E, versions: &[Version]) -> Self {
        let mut agent = Agent::new(Identity::new(DatapathId(0xaa)), executor);
        for number in 1..=3 {
            agent.set_port(PortNo(number), Some(spec(number)), 0);
        }
        let mut world = Self {
            agent,
            controllers: Vec::new(),
            now: 0,
        };
        for version in versions {
            world.connect(*version);
        }
        world
    }

    fn connect(&mut self, version: Version) -> usize {
        let id = self.controllers.len();
        let connection = ConnectionId(id as u64);
        let all = Config {
            versions: Version::ALL.to_vec(),
            ..Config::default()
        };
        self.agent.connect(connection, all, self.now);
        let role = RoleMessage::new(Role::EQUAL, 0);
        self.controllers.push(Session::new(
            End::Controller(role),
            config(version),
            self.now,
        ));
        self.settle();
        while let Some(event) = self.controllers[id].next_event() {
            assert!(!matches!(event, Event::Closed(_)), "{event:?}");
        }
        assert!(self.controllers[id].is_open());
        id
    }

    /// Carries bytes until nobody has anything to say.
    fn settle(&mut self) {
        loop {
            let mut quiet = true;
            for (id, controller) in self.controllers.iter_mut().enumerate() {
                while let Some(bytes) = controller.next_output() {
                    quiet = false;
                    self.agent
                        .receive(ConnectionId(id as u64), &bytes, self.now);
                }
            }
            while let Some((ConnectionId(id), bytes)) = self.agent.next_output() {
                quiet = false;
                self.controllers[id as usize].receive(&bytes, self.now);
            }
            if quiet {
                return;
            }
        }
    }

    /// Lets time go by.
    fn wait(&mut self, milliseconds: u64) {
        self.now += milliseconds;
        self.agent.advance(self.now);
        self.settle();
    }

    fn send(&mut self, controller: usize, message: &Message) -> u32 {
        let xid = self.controllers[controller]
            .send(message)
            .expect("a message");
        self.settle();
        xid
    }

    /// What a controller was told.
    fn events(&mut self, controller: usize) -> Vec<Event> {
        std::iter::from_fn(|| self.controllers[controller].next_event()).collect()
    }

    /// The messages that a controller got unasked.
    fn unasked(&mut self, controller: usize) -> Vec<Message> {
        let events = self.events(controller).into_iter();
        let messages = events.map(|event| match event {
            Event::Message { message, .. } => message,
            other => panic!("{other:?}"),
        });
        messages.collect()
    }

    /// What a controller is answered, which is no error.
    fn ask(&mut self, controller: usize, message: &Message) -> Vec<Message> {
        let asked = self.controllers[controller]
            .request(message)
            .expect("a request");
        self.settle();
        match self.events(controller).pop() {
            Some(Event::Reply { id, messages }) if id == asked => messages,
            other => panic!("{other:?}"),
        }
    }

    /// The parts of a multipart reply.
    fn describe(&mut self, controller: usize, request: Request) -> Vec<Reply> {
        let request = Message::MultipartRequest(MultipartRequest::new(request));
        let parts = self.ask(controller, &request).into_iter();
        let parts = parts.map(|part| match part {
            Message::MultipartReply(part) => part.reply,
            other => panic!("{other:?}"),
        });
        parts.collect()
    }

    /// The error that a message is answered with.
    fn refused(&mut self, controller: usize, message: &Message) -> ErrorMessage {
        let xid = self.send(controller, message);
        match &self.events(controller)[..] {
            [
                Event::Refused {
                    xid: refused,
                    error,
                },
            ] if *refused == xid => error.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// A message that is done, and not answered.
    fn done(&mut self, controller: usize, message: &Message) {
        self.send(controller, message);
        let events = self.events(controller);
        assert!(events.is_empty(), "{events:?}");
    }
}

fn spec(number: u32) -> PortSpec {
    PortSpec {
        address: MacAddr([2, 0, 0, 0, 1, number as u8]),
        name: format!("port{number}"),
        link: true,
        floods: true,
    }
}

fn answer(kind: u16, code: u16) -> ErrorAnswer {
    ErrorAnswer { kind, code }
}

fn payload(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

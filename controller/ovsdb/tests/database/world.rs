//! A session and a server in memory, with the wire between them.

use weft_ovsdb::bridge::{WantedBridge, WantedTunnel, reconcile};
use weft_ovsdb::inventory::TunnelKind;
use weft_ovsdb::server::{ConnectionId, Server};
use weft_ovsdb::session::{Config, Event, Output, Session};
use weft_ovsdb::transaction::{Mutation, Mutator, Outcome, Transaction};
use weft_ovsdb::value::{Atom, Datum, Row};
use weft_ovsdb::{Error, Mirror, tables};

/// Both ends of a connection.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) session: Session,
    pub(crate) connection: ConnectionId,
}

impl World {
    /// A session with a server, not yet talking.
    pub(crate) fn new(mut server: Server) -> Self {
        let connection = server.connect();
        Self {
            server,
            session: Session::new(Config::default(), 0),
            connection,
        }
    }

    /// A session that is synchronized with a server of an empty database.
    pub(crate) fn synchronized() -> Self {
        let mut world = Self::new(Server::new(tables::schema(), 1));
        assert_eq!(world.settle(), [Event::Synchronized]);
        world
    }

    /// Carries bytes to and fro until nothing moves; answers the events on the way.
    pub(crate) fn settle(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            while let Some(output) = self.session.poll() {
                match output {
                    Output::Send(bytes) => self.server.receive(self.connection, &bytes).unwrap(),
                    Output::Event(event) => events.push(event),
                }
            }
            let Some(bytes) = self.server.poll(self.connection) else {
                return events;
            };
            self.session.receive(0, &bytes);
        }
    }

    pub(crate) fn mirror(&self) -> &Mirror {
        self.session.mirror().unwrap()
    }

    /// Does a transaction through the session.
    pub(crate) fn transact(&mut self, transaction: Transaction) -> Result<Vec<Outcome>, Error> {
        let id = self.session.transact(0, transaction).unwrap();
        let events = self.settle();
        let result = events.into_iter().find_map(|event| match event {
            Event::TransactionDone { id: done, result } if done == id => Some(result),
            _ => None,
        });
        result.unwrap()
    }

    /// Makes the hypervisor as wanted; true when something had to be done.
    pub(crate) fn reconcile(&mut self, want: &WantedBridge, generation: u64) -> bool {
        let Some(transaction) = reconcile(self.mirror(), want, generation).unwrap() else {
            return false;
        };
        self.transact(transaction).unwrap();
        true
    }

    /// Does something on the hypervisor behind our back.
    pub(crate) fn by_hand(&mut self, table: &str, row: &Atom, mutations: Vec<Mutation>) {
        let mut transaction = Transaction::new(tables::DATABASE);
        transaction.mutate(table, row, mutations);
        assert_eq!(
            self.server.transact(&transaction),
            Ok(vec![Outcome::Touched(1)])
        );
        self.settle();
    }

    /// Adds a port with one interface to a bridge behind our back.
    pub(crate) fn plug(&mut self, bridge: &str, name: &str, ids: &[(&str, &str)]) {
        let bridge = self.row("Bridge", "name", bridge);
        let mut transaction = Transaction::new(tables::DATABASE);
        let ids = Datum::map(ids.iter().copied());
        let interface = Row::from([("name", Datum::from(name)), ("external_ids", ids)]);
        let interface = transaction.insert("Interface", interface);
        let port = Row::from([
            ("name", Datum::from(name)),
            ("interfaces", Datum::from(interface)),
        ]);
        let port = transaction.insert("Port", port);
        transaction.mutate(
            "Bridge",
            &bridge,
            vec![Mutation::new("ports", Mutator::Insert, port)],
        );
        self.server.transact(&transaction).unwrap();
        self.settle();
    }

    /// The row of the replica whose `column` is `value`.
    pub(crate) fn row(&self, table: &str, column: &str, value: &str) -> Atom {
        find(self.mirror(), table, column, value).unwrap_or_else(|| panic!("no {value} in {table}"))
    }

    /// The values of a text column in a table, sorted.
    pub(crate) fn column(&self, table: &str, column: &str) -> Vec<String> {
        let mut texts: Vec<_> = self
            .mirror()
            .rows(table)
            .map(|(_, row)| row.str(column).to_owned())
            .collect();
        texts.sort();
        texts
    }
}

pub(crate) fn find(mirror: &Mirror, table: &str, column: &str, value: &str) -> Option<Atom> {
    mirror
        .rows(table)
        .find(|(_, row)| row.str(column) == value)
        .map(|(id, _)| Atom::Uuid(id))
}

/// A bridge with some of everything.
pub(crate) fn wanted() -> WantedBridge {
    let mut want = WantedBridge::new("br-int");
    want.controllers = ["tcp:192.0.2.1:6653", "tcp:192.0.2.2:6653"]
        .map(str::to_owned)
        .into();
    want.managers = Some(["tcp:192.0.2.2:6640".to_owned()].into());
    want.tunnels = vec![
        WantedTunnel::flow_based("weft-vxlan", TunnelKind::Vxlan, 40000),
        WantedTunnel::flow_based("weft-geneve", TunnelKind::Geneve, 40001),
    ];
    want.flow_tables = [(0, "classify".to_owned()), (1, "port_security".to_owned())].into();
    want
}

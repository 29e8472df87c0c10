//! A hypervisor around the server: what its operator, its compute agent and its switch write
//! into the database.
//!
//! The switch is the least that a controller can tell from a real one: datapath ids, port
//! numbers, link states, capabilities. It moves no packet; that is the software switch's.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Server;
use crate::error::Error;
use crate::tables::{self, DATABASE};
use crate::transaction::{Mutation, Mutator, Outcome, Transaction};
use crate::value::{Atom, Datum, Row};

/// The OpenFlow number of a bridge's own port.
const LOCAL: i64 = 65534;

/// What a simulated switch says it has: column of the root row, values.
const SUPPORTS: [(&str, &[&str]); 3] = [
    ("ovs_version", &["3.1.0"]),
    ("datapath_types", &["netdev", "system"]),
    (
        "iface_types",
        &["geneve", "gre", "internal", "patch", "system", "vxlan"],
    ),
];

/// What a simulated datapath says it can do, as `Datapath.capabilities`.
const CAPABILITIES: [(&str, &str); 4] = [
    ("check_pkt_len", "true"),
    ("ct_orig_tuple", "true"),
    ("ct_orig_tuple6", "true"),
    ("ct_timeout", "true"),
];

/// Something that is plugged into a bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plug {
    /// The bridge.
    pub bridge: String,
    /// The name of the port and of its interface.
    pub name: String,
    /// `external_ids` of the interface, such as `iface-id`.
    pub external_ids: BTreeMap<String, String>,
    /// The VLAN tag of the port.
    pub tag: Option<u16>,
}

impl Server {
    /// The database of a hypervisor whose root row has these `external_ids`.
    pub fn hypervisor(seed: u64, external_ids: &[(&str, &str)]) -> Self {
        let mut server = Self::new(tables::schema(), seed);
        let mut transaction = Transaction::new(DATABASE);
        let ids = Datum::map(external_ids.iter().copied());
        transaction.insert(DATABASE, Row::from([("external_ids", ids)]));
        // Nothing in the row can be refused: its column is one of the schema's.
        let made = server.transact(&transaction);
        debug_assert!(made.is_ok(), "{made:?}");
        server.run_switch();
        server
    }

    /// Plugs something in, as `ovs-vsctl add-port` does.
    ///
    /// # Errors
    /// [`Error::Commit`] when the name is taken; [`Error::Shape`] when there is no such bridge.
    pub fn plug(&mut self, plug: &Plug) -> Result<(), Error> {
        let bridge = self.find("Bridge", &plug.bridge)?;
        let mut transaction = Transaction::new(DATABASE);
        let interface = Row::from([
            ("name", Datum::from(&plug.name)),
            ("external_ids", Datum::map(&plug.external_ids)),
        ]);
        let interface = transaction.insert("Interface", interface);
        let port = Row::from([
            ("name", Datum::from(&plug.name)),
            ("interfaces", Datum::from(interface)),
            ("tag", Datum::set(plug.tag.map(i64::from))),
        ]);
        let port = transaction.insert("Port", port);
        transaction.mutate(
            "Bridge",
            &bridge,
            vec![Mutation::new("ports", Mutator::Insert, port)],
        );
        self.configure(transaction)
    }

    /// Takes a port out of a bridge, as `ovs-vsctl del-port` does.
    ///
    /// # Errors
    /// [`Error::Shape`] when there is no such bridge or port.
    pub fn unplug(&mut self, bridge: &str, port: &str) -> Result<(), Error> {
        let (bridge, port) = (self.find("Bridge", bridge)?, self.find("Port", port)?);
        let mut transaction = Transaction::new(DATABASE);
        transaction.mutate(
            "Bridge",
            &bridge,
            vec![Mutation::new("ports", Mutator::Delete, port)],
        );
        self.configure(transaction)
    }

    /// Does what the switch does when its configuration changed; false when it had not.
    pub fn run_switch(&mut self) -> bool {
        let mut transaction = Transaction::new(DATABASE);
        for (id, root) in self.database.rows(DATABASE) {
            let mut row: Row = SUPPORTS
                .iter()
                .filter(|(column, _)| root.get(column).is_empty())
                .map(|(column, values)| ((*column).into(), Datum::set(values.iter().copied())))
                .collect();
            if root.get("cur_cfg") != root.get("next_cfg") {
                row.set("cur_cfg".into(), root.get("next_cfg").clone());
            }
            update(&mut transaction, DATABASE, id, row);
        }
        for (id, datapath) in self.database.rows("Datapath") {
            if datapath.get("capabilities").is_empty() {
                let capabilities = Datum::map(CAPABILITIES);
                update(
                    &mut transaction,
                    "Datapath",
                    id,
                    Row::from([("capabilities", capabilities)]),
                );
            }
        }
        for (id, bridge) in self.database.rows("Bridge") {
            if bridge.get("datapath_id").is_empty() {
                let row = Row::from([("datapath_id", Datum::from(datapath_id(id, bridge)))]);
                update(&mut transaction, "Bridge", id, row);
            }
            self.number_ports(bridge, &mut transaction);
        }
        // Every column and value is one of the schema's.
        !transaction.is_empty() && self.transact(&transaction).is_ok()
    }

    /// Gives numbers to the interfaces of a bridge that have none: the one that is asked for,
    /// else the smallest that is free.
    fn number_ports(&self, bridge: &Row, transaction: &mut Transaction) {
        let rows = |row: &Row, column: &str| row.get(column).uuids().collect::<Vec<_>>();
        let row = |table: &str, id: &Uuid| self.database.row(table, *id);
        let ports = rows(bridge, "ports");
        let ports = ports.iter().filter_map(|id| row("Port", id));
        let interfaces: Vec<_> = ports.flat_map(|port| rows(port, "interfaces")).collect();
        let interfaces = interfaces
            .iter()
            .filter_map(|id| Some((*id, row("Interface", id)?)));
        let (numbered, new): (Vec<_>, Vec<_>) =
            interfaces.partition(|(_, interface)| !interface.get("ofport").is_empty());
        let mut taken: BTreeSet<i64> = numbered
            .iter()
            .filter_map(|(_, interface)| interface.get("ofport").as_integer())
            .collect();
        for (id, interface) in new {
            let asked = match interface.str("name") == bridge.str("name") {
                true => Some(LOCAL),
                false => interface.get("ofport_request").as_integer(),
            };
            let free = (1..).find(|number| !taken.contains(number));
            let Some(number) = asked.filter(|number| !taken.contains(number)).or(free) else {
                continue;
            };
            taken.insert(number);
            let row = Row::from([
                ("ofport", Datum::from(number)),
                ("admin_state", Datum::from("up")),
                ("link_state", Datum::from("up")),
                ("mtu", Datum::from(1500)),
            ]);
            update(transaction, "Interface", id, row);
        }
    }

    /// Does a transaction and tells the switch to look at it.
    fn configure(&mut self, mut transaction: Transaction) -> Result<(), Error> {
        if let Some((root, _)) = self.database.rows(DATABASE).next() {
            let next = Mutation::new("next_cfg", Mutator::Add, 1);
            transaction.mutate(DATABASE, &Atom::Uuid(root), vec![next]);
        }
        self.transact(&transaction).map(|_: Vec<Outcome>| ())
    }

    fn find(&self, table: &str, name: &str) -> Result<Atom, Error> {
        let found = self
            .database
            .rows(table)
            .find(|(_, row)| row.str("name") == name);
        let missing = || Error::missing(format!("{name} in {table}"));
        found.map(|(id, _)| Atom::Uuid(id)).ok_or_else(missing)
    }
}

fn update(transaction: &mut Transaction, table: &str, id: Uuid, row: Row) {
    if !row.is_empty() {
        transaction.update(table, &Atom::Uuid(id), row);
    }
}

/// The configured datapath id, else one made of the bridge's row.
fn datapath_id(id: Uuid, bridge: &Row) -> String {
    let configured = bridge
        .get("other_config")
        .get("datapath-id")
        .map(str::to_owned);
    let (seed, count) = id.as_u64_pair();
    configured
        .unwrap_or_else(|| format!("{:016x}", (seed << 16 | count & 0xffff) & 0xffff_ffff_ffff))
}

//! What Weft keeps on a hypervisor, held against what is there: one transaction that makes up
//! the difference, or none.
//!
//! Columns that others may use as well (`external_ids`, `other_config`, `ports`,
//! `manager_options`) are mutated, never replaced; rows that Weft made bear a mark, and only
//! such rows are removed, except controllers of Weft's own bridge. Where ports, stages and
//! members come from is not known here. The decision is made on a replica: every transaction
//! begins with a `wait` that fails when the hypervisor's `external_ids` are not those it was
//! made on, so that of two members that disagree the later mandate wins (`weft-generation`).

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::error::Error;
use crate::inventory::{TunnelKind, generation};
use crate::mirror::Mirror;
use crate::tables::{DATABASE, DATAPATH_TYPE, GENERATION, MARK};
use crate::transaction::{Mutation, Mutator, Operation, Transaction};
use crate::value::{Atom, Datum, Row};

/// The table whose only row is the hypervisor itself.
const ROOT: &str = DATABASE;

/// How long a switch waits at most before it tries a controller again, in milliseconds; the
/// least that the schema allows.
const MAX_BACKOFF: i64 = 1000;

/// The marks in `external_ids` of rows that Weft made.
mod mark {
    pub(super) const TUNNEL: &str = "tunnel";
    pub(super) const STAGE: &str = "stage";
    pub(super) const MANAGER: &str = "manager";
}

/// What a hypervisor's bridge should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedBridge {
    /// Its name.
    pub name: String,
    /// Its datapath type; [`choose_datapath_type`] when absent.
    pub datapath_type: Option<String>,
    /// The OpenFlow versions it must offer, as `Bridge.protocols` calls them.
    pub protocols: BTreeSet<String>,
    /// The targets of its controllers, such as `tcp:192.0.2.1:6653`; others are removed.
    pub controllers: BTreeSet<String>,
    /// After how much silence the switch probes a controller or manager, in milliseconds.
    pub inactivity_probe: u32,
    /// Its tunnel ports.
    pub tunnels: Vec<WantedTunnel>,
    /// The names of its OpenFlow tables.
    pub flow_tables: BTreeMap<u8, String>,
    /// The targets of managers, such as `tcp:192.0.2.1:6640`; managers that were typed by
    /// hand stay. Absent: managers are left alone.
    pub managers: Option<BTreeSet<String>>,
}

impl WantedBridge {
    /// A bridge that offers OpenFlow 1.3 to 1.5 and has nothing on it.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            datapath_type: None,
            protocols: ["OpenFlow13", "OpenFlow14", "OpenFlow15"]
                .map(str::to_owned)
                .into(),
            controllers: BTreeSet::new(),
            inactivity_probe: 5000,
            tunnels: Vec::new(),
            flow_tables: BTreeMap::new(),
            managers: None,
        }
    }
}

/// A tunnel port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedTunnel {
    /// Its name; each may stand once.
    pub name: String,
    /// Its kind.
    pub kind: TunnelKind,
    /// The OpenFlow port number it should have.
    pub ofport_request: u16,
    /// `Interface.options`.
    pub options: BTreeMap<String, String>,
}

impl WantedTunnel {
    /// A port whose remote address and key come from flows.
    pub fn flow_based(name: &str, kind: TunnelKind, ofport_request: u16) -> Self {
        let options = [("remote_ip", "flow"), ("key", "flow")];
        let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self {
            name: name.to_owned(),
            kind,
            ofport_request,
            options: options.into(),
        }
    }

    fn interface(&self) -> [(&'static str, Datum); 3] {
        [
            ("type", Datum::from(self.kind.name())),
            (
                "ofport_request",
                Datum::from(i64::from(self.ofport_request)),
            ),
            ("options", Datum::map(&self.options)),
        ]
    }
}

/// The datapath type that suits a hypervisor: what its `external_ids:weft-datapath-type`
/// says; what the bridge has, when it exists; what another bridge there has (patch ports need
/// one type); `system`, unless the switch says that it only has others.
pub fn choose_datapath_type(mirror: &Mirror, bridge: &str) -> String {
    let root = mirror.root().map_or(Row::empty(), |(_, row)| row);
    let configured = root
        .get("external_ids")
        .get(DATAPATH_TYPE)
        .filter(|kind| !kind.is_empty());
    let own = || mirror.bridge(bridge).map(|(_, row)| datapath_type(row));
    let other = || {
        let others = mirror.rows("Bridge").map(|(_, row)| row);
        others.min_by_key(|row| row.str("name")).map(datapath_type)
    };
    let only = || {
        let kinds = root.get("datapath_types");
        kinds
            .strings()
            .find(|_| !kinds.strings().any(|kind| kind == SYSTEM))
    };
    configured
        .or_else(own)
        .or_else(other)
        .or_else(only)
        .unwrap_or(SYSTEM)
        .to_owned()
}

/// The datapath type that an empty `Bridge.datapath_type` stands for.
const SYSTEM: &str = "system";

fn datapath_type(bridge: &Row) -> &str {
    match bridge.str("datapath_type") {
        "" => SYSTEM,
        kind => kind,
    }
}

/// What has to be done on a hypervisor so that it is as wanted; none when it is.
///
/// `generation` is the mandate of the caller, larger than that of everyone before it. A second
/// call is of use only after the first transaction was answered: until then the replica does
/// not know of it.
///
/// # Errors
/// [`Error::Stale`] when somebody with a later mandate was here, [`Error::NameTaken`] when a
/// tunnel's name belongs to a port that is not ours to take.
pub fn reconcile(
    mirror: &Mirror,
    want: &WantedBridge,
    generation: u64,
) -> Result<Option<Transaction>, Error> {
    let mut plan = Plan::new(mirror, want);
    plan.mandate(generation)?;
    plan.bridge();
    plan.local_port();
    plan.controllers();
    plan.tunnels()?;
    plan.stages();
    plan.managers();
    plan.datapath();
    Ok(plan.finish(generation))
}

/// A transaction in the making.
struct Plan<'a> {
    mirror: &'a Mirror,
    want: &'a WantedBridge,
    transaction: Transaction,
    root: (Atom, &'a Row),
    bridge: (Atom, &'a Row),
    /// How many operations stand there before anything is changed.
    preamble: usize,
}

impl<'a> Plan<'a> {
    /// Begins with the fence. A row that does not exist is inserted and from then on treated
    /// as one without columns, so that there is one way to correct both.
    fn new(mirror: &'a Mirror, want: &'a WantedBridge) -> Self {
        let mut transaction = Transaction::new(DATABASE);
        let root = match mirror.root() {
            Some((id, row)) => {
                let id = Atom::Uuid(id);
                transaction.require(ROOT, &id, "external_ids", row.get("external_ids"));
                (id, row)
            }
            None => {
                transaction.require_empty(ROOT, "external_ids");
                (transaction.insert(ROOT, Row::default()), Row::empty())
            }
        };
        let preamble = transaction.operations().len();
        let bridge = match mirror.bridge(&want.name) {
            Some((id, row)) => (Atom::Uuid(id), row),
            None => {
                let name = Row::from([("name", Datum::from(&want.name))]);
                let id = transaction.insert("Bridge", name);
                transaction.mutate(
                    ROOT,
                    &root.0,
                    vec![Mutation::new("bridges", Mutator::Insert, id.clone())],
                );
                (id, Row::empty())
            }
        };
        Self {
            mirror,
            want,
            transaction,
            root,
            bridge,
            preamble,
        }
    }

    fn mandate(&mut self, ours: u64) -> Result<(), Error> {
        match generation(self.mirror) {
            Some(stored) if stored > ours => Err(Error::Stale { stored, ours }),
            _ => {
                let root = self.root.clone();
                self.correct_key(ROOT, root, "external_ids", GENERATION, &ours.to_string());
                Ok(())
            }
        }
    }

    fn bridge(&mut self) {
        let (id, row) = self.bridge.clone();
        let chosen = || choose_datapath_type(self.mirror, &self.want.name);
        let kind = self.want.datapath_type.clone().unwrap_or_else(chosen);
        if datapath_type(row) != kind {
            self.correct(
                "Bridge",
                (id.clone(), row),
                &[("datapath_type", Datum::from(kind))],
            );
        }
        self.correct(
            "Bridge",
            (id.clone(), row),
            &[("fail_mode", Datum::from("secure"))],
        );
        let protocols = Datum::set(&self.want.protocols);
        if !row.get("protocols").includes(&protocols) {
            let insert = Mutation::new("protocols", Mutator::Insert, protocols);
            self.transaction.mutate("Bridge", &id, vec![insert]);
        }
        // Else the switch adds flows of its own above ours, for the controllers' addresses.
        self.correct_key(
            "Bridge",
            (id, row),
            "other_config",
            "disable-in-band",
            "true",
        );
    }

    /// A bridge has a port of its own name; without, the switch makes one and warns.
    fn local_port(&mut self) {
        let name = &self.want.name;
        if !self.ports().any(|(_, row)| row.str("name") == name) {
            let port = self.make_port(name, &[("type", Datum::from("internal"))], None);
            self.relink("Bridge", self.bridge.0.clone(), "ports", &[], &[port]);
        }
    }

    fn controllers(&mut self) {
        let probe = Datum::from(i64::from(self.want.inactivity_probe));
        let attributes = [
            ("connection_mode", Datum::from("out-of-band")),
            ("max_backoff", Datum::from(MAX_BACKOFF)),
            ("inactivity_probe", probe),
        ];
        let mut missing: BTreeSet<&str> =
            self.want.controllers.iter().map(String::as_str).collect();
        let mut gone = Vec::new();
        for (id, row) in self
            .mirror
            .referred(self.bridge.1, "controller", "Controller")
        {
            if missing.remove(row.str("target")) {
                self.correct("Controller", (Atom::Uuid(id), row), &attributes);
            } else {
                gone.push(Atom::Uuid(id));
            }
        }
        let mut new = Vec::new();
        for target in missing {
            let mut row = Row::from(attributes.clone());
            row.set("target".into(), Datum::from(target));
            new.push(self.transaction.insert("Controller", row));
        }
        self.relink("Bridge", self.bridge.0.clone(), "controller", &gone, &new);
    }

    fn tunnels(&mut self) -> Result<(), Error> {
        let mut kept = BTreeSet::new();
        let mut new = Vec::new();
        for tunnel in &self.want.tunnels {
            match self.tunnel_port(tunnel)? {
                Some((port, interface)) => {
                    kept.insert(port);
                    self.correct_tunnel(tunnel, port, interface);
                }
                None => {
                    new.push(self.make_port(&tunnel.name, &tunnel.interface(), Some(mark::TUNNEL)))
                }
            }
        }
        let wanted = |row: &Row| {
            self.want
                .tunnels
                .iter()
                .any(|tunnel| tunnel.name == row.str("name"))
        };
        let mut gone: BTreeMap<Uuid, Vec<Atom>> = BTreeMap::new();
        for (bridge, row) in self.mirror.rows("Bridge") {
            let ours = self.bridge.0 == Atom::Uuid(bridge);
            let stale = self
                .mirror
                .referred(row, "ports", "Port")
                .filter(|(id, port)| {
                    !kept.contains(id) && (is_marked(port, mark::TUNNEL) || ours && wanted(port))
                });
            gone.insert(bridge, stale.map(|(id, _)| Atom::Uuid(id)).collect());
        }
        for (bridge, ports) in gone {
            self.relink("Bridge", Atom::Uuid(bridge), "ports", &ports, &[]);
        }
        self.relink("Bridge", self.bridge.0.clone(), "ports", &[], &new);
        Ok(())
    }

    /// The port and interface that can become the tunnel; none when they are to be made.
    fn tunnel_port(&self, tunnel: &WantedTunnel) -> Result<Option<(Uuid, Uuid)>, Error> {
        for (bridge, row) in self.mirror.rows("Bridge") {
            let mut ports = self.mirror.referred(row, "ports", "Port");
            let Some((id, port)) = ports.find(|(_, port)| port.str("name") == tunnel.name) else {
                continue;
            };
            if self.bridge.0 == Atom::Uuid(bridge) {
                let interfaces: Vec<_> = self
                    .mirror
                    .referred(port, "interfaces", "Interface")
                    .collect();
                return Ok(match interfaces[..] {
                    [(interface, row)] if row.str("name") == tunnel.name => Some((id, interface)),
                    _ => None,
                });
            }
            if !is_marked(port, mark::TUNNEL) {
                let bridge = row.str("name").to_owned();
                return Err(Error::NameTaken {
                    name: tunnel.name.clone(),
                    bridge,
                });
            }
        }
        Ok(None)
    }

    fn correct_tunnel(&mut self, tunnel: &WantedTunnel, port: Uuid, interface: Uuid) {
        let row = |table, id| {
            (
                Atom::Uuid(id),
                self.mirror.row(table, id).unwrap_or(Row::empty()),
            )
        };
        let (port, interface) = (row("Port", port), row("Interface", interface));
        self.correct("Interface", interface.clone(), &tunnel.interface());
        self.correct_mark("Interface", interface, mark::TUNNEL);
        self.correct_mark("Port", port, mark::TUNNEL);
    }

    /// Names the bridge's tables. A row that several numbers share is left to the others.
    fn stages(&mut self) {
        let current = self.bridge.1.get("flow_tables");
        let sharers = |row: &Atom| {
            current
                .pairs()
                .iter()
                .filter(|(_, other)| other == row)
                .count()
        };
        let mut gone = self.stale_stages();
        let mut new: Vec<(Atom, Atom)> = Vec::new();
        for (number, name) in &self.want.flow_tables {
            let number = Atom::Integer(i64::from(*number));
            let columns = [("name", Datum::from(name))];
            let old = current.value(&number);
            let own = old.filter(|row| sharers(row) == 1);
            if let Some((id, row)) = own.and_then(|id| Some((id, self.flow_table(id)?))) {
                self.correct("Flow_Table", (id.clone(), row), &columns);
                self.correct_mark("Flow_Table", (id.clone(), row), mark::STAGE);
            } else {
                let mut row = Row::from(columns);
                row.set("external_ids".into(), Datum::map([(MARK, mark::STAGE)]));
                gone.extend(old.map(|_| number.clone()));
                new.push((number, self.transaction.insert("Flow_Table", row)));
            }
        }
        self.mutate(
            "Bridge",
            self.bridge.0.clone(),
            "flow_tables",
            Datum::set(gone),
            Datum::map(new),
        );
    }

    /// The numbers of tables that bear our mark and no longer have a name.
    fn stale_stages(&self) -> Vec<Atom> {
        let wanted = |number: &Atom| {
            let number = number
                .as_integer()
                .and_then(|number| u8::try_from(number).ok());
            number.is_some_and(|number| self.want.flow_tables.contains_key(&number))
        };
        let marked = |row: &Atom| {
            self.flow_table(row)
                .is_some_and(|row| is_marked(row, mark::STAGE))
        };
        let current = self.bridge.1.get("flow_tables").pairs().iter();
        let stale = current.filter(|(number, row)| !wanted(number) && marked(row));
        stale.map(|(number, _)| number.clone()).collect()
    }

    fn flow_table(&self, id: &Atom) -> Option<&'a Row> {
        self.mirror.row("Flow_Table", id.as_uuid()?)
    }

    fn managers(&mut self) {
        let Some(wanted) = &self.want.managers else {
            return;
        };
        let mut missing: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
        let mut gone = Vec::new();
        for (id, row) in self
            .mirror
            .referred(self.root.1, "manager_options", "Manager")
        {
            if !missing.remove(row.str("target")) && is_marked(row, mark::MANAGER) {
                gone.push(Atom::Uuid(id));
            }
        }
        let mut new = Vec::new();
        for target in missing {
            let row = Row::from([
                ("target", Datum::from(target)),
                ("max_backoff", Datum::from(MAX_BACKOFF)),
                (
                    "inactivity_probe",
                    Datum::from(i64::from(self.want.inactivity_probe)),
                ),
                ("external_ids", Datum::map([(MARK, mark::MANAGER)])),
            ]);
            new.push(self.transaction.insert("Manager", row));
        }
        self.relink(ROOT, self.root.0.clone(), "manager_options", &gone, &new);
    }

    /// The row in which the switch tells what its datapath can do; older schemas have none.
    fn datapath(&mut self) {
        if self.mirror.schema().column(ROOT, "datapaths").is_none() {
            return;
        }
        let chosen = || choose_datapath_type(self.mirror, &self.want.name);
        let kind = Atom::String(self.want.datapath_type.clone().unwrap_or_else(chosen));
        if self.root.1.get("datapaths").value(&kind).is_none() {
            let row = self.transaction.insert("Datapath", Row::default());
            let (root, none) = (self.root.0.clone(), Datum::set::<Atom>([]));
            self.mutate(ROOT, root, "datapaths", none, Datum::map([(kind, row)]));
        }
    }

    /// Ends with the number that makes the switch look at its configuration.
    fn finish(mut self, generation: u64) -> Option<Transaction> {
        if self.transaction.operations().len() == self.preamble {
            return None;
        }
        let comment = format!("weft: {} at generation {generation}", self.want.name);
        self.transaction.push(Operation::Comment(comment));
        let next = Mutation::new("next_cfg", Mutator::Add, 1);
        self.transaction.mutate(ROOT, &self.root.0, vec![next]);
        Some(self.transaction)
    }

    fn ports(&self) -> impl Iterator<Item = (Uuid, &'a Row)> {
        self.mirror.referred(self.bridge.1, "ports", "Port")
    }

    /// Inserts a port with one interface of the same name.
    fn make_port(&mut self, name: &str, columns: &[(&str, Datum)], mark: Option<&str>) -> Atom {
        let ids = Datum::map(mark.map(|mark| (MARK, mark)));
        let common = [("name", Datum::from(name)), ("external_ids", ids)];
        let row = |columns: &[(&str, Datum)]| -> Row {
            let columns = common.iter().chain(columns);
            columns
                .map(|(name, datum)| ((*name).into(), datum.clone()))
                .collect()
        };
        let interface = self.transaction.insert("Interface", row(columns));
        self.transaction
            .insert("Port", row(&[("interfaces", Datum::from(interface))]))
    }

    /// Sets those of `wanted` columns that a row does not have.
    fn correct(&mut self, table: &str, (id, row): (Atom, &Row), wanted: &[(&str, Datum)]) {
        let wrong = wanted
            .iter()
            .filter(|(column, datum)| row.get(column) != datum);
        let wrong: Row = wrong
            .map(|(column, datum)| ((*column).into(), datum.clone()))
            .collect();
        if !wrong.is_empty() {
            self.transaction.update(table, &id, wrong);
        }
    }

    /// Sets one key of a map, when it has another value.
    fn correct_key(
        &mut self,
        table: &str,
        (id, row): (Atom, &Row),
        column: &str,
        key: &str,
        value: &str,
    ) {
        if row.get(column).get(key) != Some(value) {
            self.transaction.set_key(table, &id, column, key, value);
        }
    }

    fn correct_mark(&mut self, table: &str, row: (Atom, &Row), mark: &str) {
        self.correct_key(table, row, "external_ids", MARK, mark);
    }

    /// Removes and adds references in a set.
    fn relink(&mut self, table: &str, row: Atom, column: &str, gone: &[Atom], new: &[Atom]) {
        self.mutate(
            table,
            row,
            column,
            Datum::set(gone.to_vec()),
            Datum::set(new.to_vec()),
        );
    }

    fn mutate(&mut self, table: &str, row: Atom, column: &str, gone: Datum, new: Datum) {
        let mutations = [(Mutator::Delete, gone), (Mutator::Insert, new)];
        let mutations = mutations.into_iter().filter(|(_, datum)| !datum.is_empty());
        let mutations: Vec<_> = mutations
            .map(|(mutator, datum)| Mutation::new(column, mutator, datum))
            .collect();
        if !mutations.is_empty() {
            self.transaction.mutate(table, &row, mutations);
        }
    }
}

fn is_marked(row: &Row, mark: &str) -> bool {
    row.get("external_ids").get(MARK) == Some(mark)
}

//! The kinds of rows that Weft itself writes: what it saw of hypervisors and their interfaces.
//!
//! They travel in the same log as the API's rows. Here are their names, their indexes, and their
//! bodies as structs, in both directions; who writes them is the southbound, what follows from
//! them (a port's status) is in `weft-engine`.

use std::net::IpAddr;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::log::{Body, Revision, RowKey};

/// The kind of a hypervisor's row.
pub const CHASSIS: &str = "chassis";
/// The kind of an interface's row.
pub const INTERFACE: &str = "interface";

/// Rows: kind, the attributes that it is found by.
pub const KINDS: &[(&str, &[&str])] = &[
    (CHASSIS, &["hostname"]),
    (INTERFACE, &["port_id", "chassis"]),
];

/// A body that is not what its kind must have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} '{}': {reason}", key.kind, key.id)]
pub struct BadRow {
    /// The row.
    pub key: RowKey,
    /// What is wrong with it.
    pub reason: String,
}

/// An address at which a hypervisor receives tunnelled frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncapRow {
    /// The encapsulation's name: `vxlan`, `geneve` ...
    pub kind: String,
    /// The outer address.
    pub ip: IpAddr,
}

/// A hypervisor; its row's id is the `external_ids:system-id` of its Open vSwitch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChassisRow {
    /// Its host name.
    pub hostname: String,
    /// The datapath id of its integration bridge in 16 hex digits, once that exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datapath_id: Option<String>,
    /// Where it receives tunnelled frames, in order of preference.
    #[serde(default)]
    pub encaps: Vec<EncapRow>,
    /// The datapath type of its integration bridge: `system`, `netdev`.
    #[serde(default)]
    pub datapath_type: String,
    /// What kinds of interfaces it can make.
    #[serde(default)]
    pub iface_types: Vec<String>,
}

/// An interface of a hypervisor; its row's id is `SYSTEM-ID/INTERFACE-NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceRow {
    /// The hypervisor's system-id.
    pub chassis: String,
    /// Its name in the hypervisor's OVSDB.
    pub name: String,
    /// The port that it says to be (`external_ids:iface-id`).
    pub port_id: String,
    /// Its OpenFlow port number; none until the switch gave one.
    pub ofport: Option<u32>,
    /// Orders first appearances: the latest ones carry the port. The writer takes
    /// [`appearance`] of the state that it saw, and keeps the number when it changes the row.
    pub appeared: Revision,
    /// Whether its switch acknowledged its flows.
    #[serde(default)]
    pub ready: bool,
    /// The switch's words when it refused a flow of it.
    #[serde(default)]
    pub error: Option<String>,
}

/// The number of an appearance that is first recorded on top of that revision. The log may give
/// the entry a later number; of two appearances the one recorded later never has the lesser one,
/// as long as its writer had seen the earlier.
#[must_use]
pub const fn appearance(seen: Revision) -> Revision {
    seen + 1
}

impl ChassisRow {
    /// The key of a hypervisor's row.
    #[must_use]
    pub fn key(system_id: &str) -> RowKey {
        RowKey {
            kind: CHASSIS.into(),
            id: system_id.into(),
        }
    }

    /// The body of its row.
    #[must_use]
    pub fn body(&self) -> Body {
        body(self)
    }

    /// From a row.
    ///
    /// # Errors
    /// Something is missing or of the wrong type.
    pub fn read(key: &RowKey, body: &Body) -> Result<Self, BadRow> {
        read(key, body)
    }
}

impl InterfaceRow {
    /// The key of an interface's row.
    #[must_use]
    pub fn key(system_id: &str, name: &str) -> RowKey {
        RowKey {
            kind: INTERFACE.into(),
            id: format!("{system_id}/{name}").into(),
        }
    }

    /// The body of its row.
    #[must_use]
    pub fn body(&self) -> Body {
        body(self)
    }

    /// From a row.
    ///
    /// # Errors
    /// Something is missing or of the wrong type.
    pub fn read(key: &RowKey, body: &Body) -> Result<Self, BadRow> {
        read(key, body)
    }
}

fn body<T: Serialize>(row: &T) -> Body {
    match serde_json::to_value(row) {
        Ok(Value::Object(members)) => Arc::new(members),
        // Structs of texts and numbers are always objects.
        _ => Arc::new(Map::new()),
    }
}

fn read<T: DeserializeOwned>(key: &RowKey, body: &Body) -> Result<T, BadRow> {
    T::deserialize(&**body).map_err(|error| BadRow {
        key: key.clone(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_the_way_into_a_body_and_back() {
        let chassis = ChassisRow {
            hostname: "hv1".into(),
            datapath_id: Some("0000000000000001".into()),
            encaps: vec![EncapRow {
                kind: "vxlan".into(),
                ip: [192, 0, 2, 1].into(),
            }],
            datapath_type: "system".into(),
            iface_types: vec!["internal".into()],
        };
        let key = ChassisRow::key("sys-1");
        assert_eq!(ChassisRow::read(&key, &chassis.body()).unwrap(), chassis);
        let interface = InterfaceRow {
            chassis: "sys-1".into(),
            name: "tap0".into(),
            port_id: "p".into(),
            ofport: Some(3),
            appeared: appearance(41),
            ready: true,
            error: None,
        };
        let key = InterfaceRow::key("sys-1", "tap0");
        assert_eq!(&*key.id, "sys-1/tap0");
        assert_eq!(
            InterfaceRow::read(&key, &interface.body()).unwrap(),
            interface
        );
    }

    #[test]
    fn a_body_that_is_none_names_its_row() {
        let key = ChassisRow::key("sys-1");
        let error = ChassisRow::read(&key, &Arc::new(Map::new())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "chassis 'sys-1': missing field `hostname`"
        );
    }
}

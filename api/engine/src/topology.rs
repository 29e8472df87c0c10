//! From rows to the network as the compiler sees it: each change of the log as a typed change.
//!
//! A row that cannot be read is an error that names it: it is reported and left out, and
//! nothing else suffers. What the changes do is in `weft-topology` and the compiler.

use std::net::IpAddr;

use ipnet::IpNet;
use rust_openflow::{DatapathId, MacAddr, PortNo};
use serde_json::Value;
use weft_schema::observation::{self, ChassisRow, InterfaceRow};
use weft_schema::{BadRow, Body, LogEntry, RowKey, State, resource};
use weft_topology::{
    AddressPair, Change, Chassis, ChassisId, DatapathKey, Encap, FixedAddress, HostRoute,
    Interface, InterfaceId, Network, NetworkId, Port, PortKey, Role, Segment, Subnet, SubnetId,
    TunnelKind,
};

use crate::location;

/// What an entry changes, in its order. Rows of other kinds are no change.
#[must_use]
pub fn changes(entry: &LogEntry) -> Vec<Result<Change, BadRow>> {
    let rows = entry.rows.iter();
    rows.filter_map(|change| read(&change.key, change.after.as_ref()).transpose())
        .collect()
}

/// Everything there is, as changes from nothing: what others stand on comes first.
#[must_use]
pub fn everything(state: &State) -> Vec<Result<Change, BadRow>> {
    let kinds = resource::RESOURCES.iter().map(|resource| resource.name);
    kinds
        .chain(observation::KINDS.iter().map(|(kind, _)| *kind))
        .flat_map(|kind| state.rows(kind))
        .filter_map(|row| read(&row.key, Some(&row.body)).transpose())
        .collect()
}

/// A row as a change; none for kinds that the topology does not know.
fn read(key: &RowKey, body: Option<&Body>) -> Result<Option<Change>, BadRow> {
    let row = |body| Reader { key, body };
    Ok(Some(match &*key.kind {
        "network" => Change::Network(id(key)?, body.map(|body| network(row(body))).transpose()?),
        "subnet" => Change::Subnet(id(key)?, body.map(|body| subnet(row(body))).transpose()?),
        "port" => Change::Port(id(key)?, body.map(|body| port(row(body))).transpose()?),
        observation::CHASSIS => {
            let id = ChassisId(key.id.clone());
            Change::Chassis(id, body.map(|body| chassis(key, body)).transpose()?)
        }
        observation::INTERFACE => {
            let interface = body.map(|body| interface(key, body)).transpose()?;
            Change::Interface(interface_id(key)?, interface.flatten())
        }
        _ => return Ok(None),
    }))
}

fn bad(key: &RowKey, reason: impl ToString) -> BadRow {
    BadRow {
        key: key.clone(),
        reason: reason.to_string(),
    }
}

fn id<T: std::str::FromStr<Err: ToString>>(key: &RowKey) -> Result<T, BadRow> {
    key.id.parse().map_err(|error: T::Err| bad(key, error))
}

/// `SYSTEM-ID/NAME`; names of interfaces have no slash.
fn interface_id(key: &RowKey) -> Result<InterfaceId, BadRow> {
    let (chassis, name) = key
        .id
        .rsplit_once('/')
        .ok_or_else(|| bad(key, "the id is not SYSTEM-ID/NAME"))?;
    Ok(InterfaceId {
        chassis: ChassisId::from(chassis),
        name: name.into(),
    })
}

/// A row at reading: every answer is a value or an error that names the row.
#[derive(Clone, Copy)]
struct Reader<'a> {
    key: &'a RowKey,
    body: &'a Body,
}

impl<'a> Reader<'a> {
    fn bad(self, name: &str) -> BadRow {
        let reason = match self.body.get(name) {
            None => format!("'{name}' is missing"),
            Some(value) => format!("'{name}' cannot be {value}"),
        };
        bad(self.key, reason)
    }

    fn parse<T: std::str::FromStr>(self, name: &str) -> Result<T, BadRow> {
        let text = self.body.get(name).and_then(Value::as_str);
        text.and_then(|text| text.parse().ok())
            .ok_or_else(|| self.bad(name))
    }

    fn optional<T: std::str::FromStr>(self, name: &str) -> Result<Option<T>, BadRow> {
        match self.body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.parse(name).map(Some),
        }
    }

    fn number<T: TryFrom<u64>>(self, name: &str) -> Result<T, BadRow> {
        let number = self.body.get(name).and_then(Value::as_u64);
        number
            .and_then(|number| number.try_into().ok())
            .ok_or_else(|| self.bad(name))
    }

    fn flag(self, name: &str) -> Result<bool, BadRow> {
        let flag = self.body.get(name).and_then(Value::as_bool);
        flag.ok_or_else(|| self.bad(name))
    }

    fn list<T>(self, name: &str, item: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, BadRow> {
        let items = self.body.get(name).and_then(Value::as_array);
        let items = items.ok_or_else(|| self.bad(name))?;
        items
            .iter()
            .map(|value| item(value).ok_or_else(|| self.bad(name)))
            .collect()
    }
}

/// A part of an object in a list.
fn part<T: std::str::FromStr>(item: &Value, name: &str) -> Option<T> {
    item.get(name)?.as_str()?.parse().ok()
}

/// An address or a prefix.
fn net(text: &str) -> Option<IpNet> {
    let net = text.parse::<IpNet>().ok();
    net.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn network(row: Reader<'_>) -> Result<Network, BadRow> {
    let kind = row.parse::<String>("provider:network_type")?;
    Ok(Network {
        key: DatapathKey::new(row.number("_key")?).ok_or_else(|| row.bad("_key"))?,
        segment: Segment {
            kind: TunnelKind::from_name(&kind).ok_or_else(|| row.bad("provider:network_type"))?,
            id: row.number("provider:segmentation_id")?,
        },
        relay: match row.body.get("_relay") {
            None => None,
            Some(_) => Some(row.number("_relay")?),
        },
        mtu: row.number("mtu")?,
        admin_state_up: row.flag("admin_state_up")?,
    })
}

fn subnet(row: Reader<'_>) -> Result<Subnet, BadRow> {
    Ok(Subnet {
        network: row.parse::<NetworkId>("network_id")?,
        cidr: row.parse("cidr")?,
        gateway: row.optional("gateway_ip")?,
        enable_dhcp: row.flag("enable_dhcp")?,
        dns_nameservers: row.list("dns_nameservers", |item| item.as_str()?.parse().ok())?,
        host_routes: row.list("host_routes", |item| {
            Some(HostRoute {
                destination: part(item, "destination")?,
                nexthop: part(item, "nexthop")?,
            })
        })?,
    })
}

fn port(row: Reader<'_>) -> Result<Port, BadRow> {
    let services = row.body.get("_services") == Some(&Value::Bool(true));
    let host = row.optional::<String>("binding:host_id")?;
    Ok(Port {
        network: row.parse::<NetworkId>("network_id")?,
        key: PortKey::new(row.number("_key")?).ok_or_else(|| row.bad("_key"))?,
        role: if services {
            Role::Services
        } else {
            Role::Guest
        },
        mac: row.parse::<MacAddr>("mac_address")?,
        fixed_ips: row.list("fixed_ips", |item| {
            Some(FixedAddress {
                subnet: part::<SubnetId>(item, "subnet_id")?,
                ip: part(item, "ip_address")?,
            })
        })?,
        admin_state_up: row.flag("admin_state_up")?,
        port_security: row.flag("port_security_enabled")?,
        allowed_address_pairs: row.list("allowed_address_pairs", |item| {
            Some(AddressPair {
                net: net(item.get("ip_address")?.as_str()?)?,
                mac: part(item, "mac_address")?,
            })
        })?,
        host: host.filter(|host| !host.is_empty()),
        migrating_to: location::migrating_to(row.body).map(str::to_owned),
    })
}

fn chassis(key: &RowKey, body: &Body) -> Result<Chassis, BadRow> {
    let row = ChassisRow::read(key, body)?;
    let datapath = row.datapath_id.filter(|text| !text.is_empty());
    let datapath = datapath.map(|text| text.parse::<DatapathId>()).transpose();
    let encaps = row.encaps.iter().filter_map(|encap| {
        Some(Encap {
            kind: TunnelKind::from_name(&encap.kind)?,
            ip: encap.ip,
        })
    });
    Ok(Chassis {
        hostname: row.hostname,
        datapath: datapath.map_err(|error| bad(key, error))?,
        encaps: encaps.collect(),
    })
}

/// None while the interface has no number or says to be no port of ours.
fn interface(key: &RowKey, body: &Body) -> Result<Option<Interface>, BadRow> {
    let row = InterfaceRow::read(key, body)?;
    Ok(row
        .ofport
        .zip(row.port_id.parse().ok())
        .map(|(ofport, port)| Interface {
            port,
            ofport: PortNo(ofport),
            appeared: row.appeared,
        }))
}

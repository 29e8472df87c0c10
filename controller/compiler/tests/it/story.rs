//! The words of golden stories: edits of a network in plain text, one on a line.
//!
//! ```text
//! chassis hv1 vxlan=172.31.0.1 geneve=172.31.0.1
//! network red key=1 vxlan=100 [down]
//! subnet red4 network=red cidr=10.0.0.0/24 [dhcp]
//! port a network=red key=1 mac=fa:16:3e:00:00:01 ip=red4/10.0.0.1 pair=10.0.0.9/32@MAC
//!        [host=hv1] [migrating_to=hv2] [down] [insecure] [services]
//! interface hv1/tap1 port=a ofport=1 [appeared=2]
//! delete port a
//! ```
//!
//! What is there already is replaced. An id is its name's first sixteen bytes.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;

use rust_openflow::{DatapathId, PortNo};
use uuid::Uuid;
use weft_compiler::engine::Input;
use weft_topology::{
    AddressPair, Change, Chassis, ChassisId, DatapathKey, Encap, FixedAddress, Interface,
    InterfaceId, Network, NetworkId, Port, PortId, PortKey, Role, Segment, Subnet, SubnetId,
    TunnelKind,
};

type Read<T> = Result<T, String>;

/// The `key=value` words of an edit, and those that stand alone.
struct Words<'a>(BTreeMap<&'a str, Vec<&'a str>>);

impl<'a> Words<'a> {
    fn read(words: impl Iterator<Item = &'a str>) -> Self {
        let mut read: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            read.entry(key).or_default().push(value);
        }
        Self(read)
    }

    /// All values of a key; each key is asked for once.
    fn all(&mut self, key: &str) -> Vec<&'a str> {
        self.0.remove(key).unwrap_or_default()
    }

    fn flag(&mut self, key: &str) -> bool {
        !self.all(key).is_empty()
    }

    fn maybe<T: FromStr<Err: Debug>>(&mut self, key: &str) -> Read<Option<T>> {
        self.all(key).pop().map(parse).transpose()
    }

    fn one<T: FromStr<Err: Debug>>(&mut self, key: &str) -> Read<T> {
        self.maybe(key)?.ok_or_else(|| format!("no {key}="))
    }

    fn name(&mut self, key: &str) -> Read<Uuid> {
        self.one::<String>(key).map(|name| id(&name))
    }

    fn end(self) -> Read<()> {
        match self.0.keys().next() {
            Some(word) => Err(format!("{word} is not expected")),
            None => Ok(()),
        }
    }
}

fn parse<T: FromStr<Err: Debug>>(text: &str) -> Read<T> {
    text.parse().map_err(|wrong| format!("{text}: {wrong:?}"))
}

fn id(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    for (byte, letter) in bytes.iter_mut().zip(name.bytes()) {
        *byte = letter;
    }
    Uuid::from_bytes(bytes)
}

fn interface_id(name: &str) -> Read<InterfaceId> {
    let (chassis, name) = name.split_once('/').ok_or("CHASSIS/NAME is expected")?;
    Ok(InterfaceId {
        chassis: ChassisId::from(chassis),
        name: name.into(),
    })
}

/// Adds one edit to what an update is to do.
pub(crate) fn edit(line: &str, input: &mut Input) -> Read<()> {
    let mut words = line.split_whitespace();
    let mut word = || words.next().ok_or("a word is missing");
    let (verb, name) = (word()?, word()?);
    if verb == "delete" {
        input.changes.push(deletion(name, word()?)?);
        return Ok(());
    }
    let mut words = Words::read(words);
    let change = match verb {
        "chassis" => {
            input.manage.push(ChassisId::from(name));
            Change::Chassis(ChassisId::from(name), Some(chassis(name, &mut words)?))
        }
        "network" => Change::Network(NetworkId(id(name)), Some(network(&mut words)?)),
        "subnet" => Change::Subnet(SubnetId(id(name)), Some(subnet(&mut words)?)),
        "port" => Change::Port(PortId(id(name)), Some(port(&mut words)?)),
        "interface" => Change::Interface(interface_id(name)?, Some(interface(&mut words)?)),
        _ => return Err(format!("{verb} is no edit")),
    };
    input.changes.push(change);
    words.end()
}

fn deletion(kind: &str, name: &str) -> Read<Change> {
    Ok(match kind {
        "chassis" => Change::Chassis(ChassisId::from(name), None),
        "network" => Change::Network(NetworkId(id(name)), None),
        "subnet" => Change::Subnet(SubnetId(id(name)), None),
        "port" => Change::Port(PortId(id(name)), None),
        "interface" => Change::Interface(interface_id(name)?, None),
        _ => return Err(format!("{kind} cannot be deleted")),
    })
}

fn chassis(name: &str, words: &mut Words<'_>) -> Read<Chassis> {
    let mut encaps = Vec::new();
    for kind in TunnelKind::ALL {
        if let Some(ip) = words.maybe(kind.name())? {
            encaps.push(Encap { kind: *kind, ip });
        }
    }
    Ok(Chassis {
        hostname: name.to_owned(),
        datapath: Some(DatapathId(1)),
        encaps,
    })
}

fn network(words: &mut Words<'_>) -> Read<Network> {
    let mut segment = None;
    for kind in TunnelKind::ALL {
        if let Some(id) = words.maybe(kind.name())? {
            segment = Some(Segment { kind: *kind, id });
        }
    }
    Ok(Network {
        key: DatapathKey::new(words.one("key")?).ok_or("key=0")?,
        segment: segment.ok_or("no segment")?,
        relay: words.maybe("relay")?,
        mtu: words.maybe("mtu")?.unwrap_or(1450),
        admin_state_up: !words.flag("down"),
    })
}

fn subnet(words: &mut Words<'_>) -> Read<Subnet> {
    Ok(Subnet {
        network: NetworkId(words.name("network")?),
        cidr: words.one("cidr")?,
        gateway: words.maybe("gateway")?,
        enable_dhcp: words.flag("dhcp"),
        dns_nameservers: Vec::new(),
        host_routes: Vec::new(),
    })
}

fn port(words: &mut Words<'_>) -> Read<Port> {
    let mut fixed_ips = Vec::new();
    for address in words.all("ip") {
        let (subnet, ip) = address.split_once('/').ok_or("ip=SUBNET/ADDRESS")?;
        fixed_ips.push(FixedAddress {
            subnet: SubnetId(id(subnet)),
            ip: parse(ip)?,
        });
    }
    let mut allowed_address_pairs = Vec::new();
    for pair in words.all("pair") {
        let (net, mac) = pair.split_once('@').ok_or("pair=NET@MAC")?;
        allowed_address_pairs.push(AddressPair {
            net: parse(net)?,
            mac: parse(mac)?,
        });
    }
    let services = words.flag("services");
    Ok(Port {
        network: NetworkId(words.name("network")?),
        key: PortKey::new(words.one("key")?).ok_or("key=0")?,
        role: if services {
            Role::Services
        } else {
            Role::Guest
        },
        mac: words.one("mac")?,
        fixed_ips,
        admin_state_up: !words.flag("down"),
        port_security: !words.flag("insecure"),
        allowed_address_pairs,
        host: words.maybe("host")?,
        migrating_to: words.maybe("migrating_to")?,
    })
}

fn interface(words: &mut Words<'_>) -> Read<Interface> {
    Ok(Interface {
        port: PortId(words.name("port")?),
        ofport: PortNo(words.one("ofport")?),
        appeared: words.maybe("appeared")?.unwrap_or(1),
    })
}

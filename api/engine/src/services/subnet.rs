//! Subnets: a range of addresses, its gateway and pools, and what hosts are told.
//! Source: chapter 7 of the contract.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde_json::{Value, json};
use weft_schema::{Fault, Problem, Row, RowKey, claim, resource};

use super::ipam::{self, Asker, Fixed, Wish};
use super::{Service, flag, items, named, network, services_port, text};
use crate::body::Attributes;
use crate::draft::{self, Draft};

/// The most allocation pools of a subnet: each new port may look at all of them.
const MAX_POOLS: usize = 256;

/// The meaning of subnets.
pub(super) struct Subnets;

impl Service for Subnets {
    fn kind(&self) -> &'static str {
        "subnet"
    }

    fn create(
        &self,
        draft: &mut Draft<'_>,
        _key: &RowKey,
        row: &mut Attributes,
    ) -> Result<(), Problem> {
        let net = cidr(row)?;
        let version = row.get("ip_version").and_then(Value::as_u64).unwrap_or(0);
        if version != version_of(net.addr()) {
            return Err(Problem::invalid(format!(
                "cidr '{net}' does not match the ip_version '{version}'"
            )));
        }
        for mode in ["ipv6_ra_mode", "ipv6_address_mode"] {
            row.entry(mode).or_insert(Value::Null);
        }
        check_modes(row, net)?;
        if flag(row, "enable_dhcp") {
            check_dhcp(net)?;
        }
        let network = text(row, "network_id").to_owned();
        check_network(draft, &network, net)?;
        if !row.contains_key("gateway_ip") {
            row.insert("gateway_ip".into(), default_gateway(net));
        }
        check_gateway(row, net)?;
        if !row.contains_key("allocation_pools") {
            row.insert("allocation_pools".into(), default_pools(row, net));
        }
        check_pools(row, net)?;
        check_told(draft, "new subnet", row, net)
    }

    fn update(
        &self,
        draft: &mut Draft<'_>,
        before: &Row,
        row: &mut Attributes,
        given: &[&str],
    ) -> Result<(), Problem> {
        let net = cidr(row)?;
        if given.contains(&"enable_dhcp") {
            check_modes(row, net)?;
            if flag(row, "enable_dhcp") {
                check_dhcp(net)?;
            }
        }
        if given.contains(&"gateway_ip") || given.contains(&"allocation_pools") {
            check_gateway(row, net)?;
            check_pools(row, net)?;
        }
        check_told(draft, &before.key.id, row, net)
    }

    fn delete(&self, draft: &mut Draft<'_>, row: &Row) -> Result<(), Problem> {
        // Which ports have its addresses is among which ports its network has.
        draft.referrers("port", "network_id", row.text("network_id"));
        let mut ports = users(draft, row);
        let automatic = ipam::is_automatic(row);
        ports.retain(|port| {
            !automatic && !network::AUTO_OWNERS.contains(&port.text("device_owner"))
        });
        match ports.is_empty() {
            true => Ok(()),
            false => Err(Fault::SubnetInUse {
                id: &row.key.id,
                ports: &named(&ports),
            }
            .into()),
        }
    }

    fn follow(
        &self,
        draft: &mut Draft<'_>,
        before: Option<&Row>,
        after: Option<&Row>,
    ) -> Result<(), Problem> {
        let Some(row) = after.or(before) else {
            return Ok(());
        };
        let network = row.text("network_id");
        match (before, after) {
            (None, Some(new)) => give_automatic(draft, new)?,
            (Some(old), None) => take_away(draft, old),
            _ => {}
        }
        if before.is_none() || after.is_none() {
            draft.touch(&draft::key(resource::NETWORK.name, network));
        }
        services_port::sync(draft, network)
    }
}

const fn version_of(ip: IpAddr) -> u64 {
    if ip.is_ipv4() { 4 } else { 6 }
}

fn cidr(row: &Attributes) -> Result<IpNet, Problem> {
    let text = text(row, "cidr");
    let net = text.parse();
    net.map_err(|_| Problem::invalid(format!("'{text}' is not a valid IP subnet")))
}

fn ip(value: Option<&Value>) -> Option<IpAddr> {
    value?.as_str()?.parse().ok()
}

/// The IPv6 modes agree with each other and with the rest.
fn check_modes(row: &Attributes, net: IpNet) -> Result<(), Problem> {
    let (ra, address) = (text(row, "ipv6_ra_mode"), text(row, "ipv6_address_mode"));
    let given = if ra.is_empty() { address } else { ra };
    let reason = match net {
        _ if given.is_empty() => return Ok(()),
        IpNet::V4(_) => {
            "ipv6_ra_mode or ipv6_address_mode is not valid when ip_version is 4".into()
        }
        _ if !flag(row, "enable_dhcp") => {
            "ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False"
                .into()
        }
        _ if !ra.is_empty() && !address.is_empty() && ra != address => format!(
            "ipv6_ra_mode set to '{ra}' with ipv6_address_mode set to '{address}' is not valid. If both attributes are set, they must be the same value"
        ),
        _ if ipam::is_automatic_mode(given) && net.prefix_len() != 64 => format!(
            "Invalid CIDR {net} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64"
        ),
        _ => return Ok(()),
    };
    Err(Problem::invalid(reason))
}

/// Ranges that make no sense with DHCP.
fn check_dhcp(net: IpNet) -> Result<(), Problem> {
    let addr = net.network();
    let reason = if net.max_prefix_len() - net.prefix_len() < 2 {
        "Subnet has a prefix length that is incompatible with DHCP service enabled"
    } else if addr.is_multicast() {
        "Multicast IP subnet is not supported if enable_dhcp is True"
    } else if addr.is_loopback() {
        "Loopback IP subnet is not supported if enable_dhcp is True"
    } else if addr.is_unspecified() {
        "First IP address of the subnet is 0.0.0.0, which is not supported if enable_dhcp is True"
    } else {
        return Ok(());
    };
    Err(Problem::invalid(reason))
}

/// The network carries such packets, and has no such addresses yet.
fn check_network(draft: &mut Draft<'_>, network: &str, net: IpNet) -> Result<(), Problem> {
    let row = draft.row(resource::NETWORK.name, network);
    let mtu = row.and_then(|row| row.get("mtu")?.as_u64());
    network::check_mtu(network, mtu.unwrap_or(u64::MAX), version_of(net.addr()))?;
    let others = ipam::subnets(draft, network);
    let overlaps = |other: IpNet| other.contains(&net) || net.contains(&other);
    match others.iter().any(|other| overlaps(other.net)) {
        false => Ok(()),
        true => Err(Problem::invalid(format!(
            "Requested subnet with cidr: {net} for network: {network} overlaps with another subnet"
        ))),
    }
}

/// The first address after the network's own; none when there is none.
fn default_gateway(net: IpNet) -> Value {
    match net.prefix_len() == net.max_prefix_len() {
        true => Value::Null,
        false => json!(ipam::step(net.network(), 1)),
    }
}

fn check_gateway(row: &Attributes, net: IpNet) -> Result<(), Problem> {
    let Some(gateway) = ip(row.get("gateway_ip")) else {
        return Ok(());
    };
    if gateway.is_ipv4() != net.addr().is_ipv4() {
        return Err(Problem::invalid(format!(
            "gateway_ip '{gateway}' does not match the ip_version '{}'",
            version_of(net.addr())
        )));
    }
    // Of IPv6 the first address is any router's (RFC 4291, 2.6.1).
    let (first, last) = ipam::hosts(net);
    match gateway.is_ipv4() && net.contains(&gateway) && (gateway < first || gateway > last) {
        false => Ok(()),
        true => Err(Problem::invalid(format!(
            "Gateway {gateway} is not valid on subnet {net}"
        ))),
    }
}

/// The whole range of hosts, without the gateway.
fn default_pools(row: &Attributes, net: IpNet) -> Value {
    let (first, last) = ipam::hosts(net);
    let inside = |gateway: &IpAddr| (first..=last).contains(gateway);
    let Some(gateway) = ip(row.get("gateway_ip")).filter(inside) else {
        return json!([{"start": first, "end": last}]);
    };
    let mut pools = Vec::new();
    if gateway > first {
        pools.push(json!({"start": first, "end": ipam::step(gateway, -1)}));
    }
    if gateway < last {
        pools.push(json!({"start": ipam::step(gateway, 1), "end": last}));
    }
    pools.into()
}

/// A pool in words: `10.0.0.2-10.0.0.254`.
fn words((start, end): (IpAddr, IpAddr)) -> String {
    format!("{start}-{end}")
}

/// Pools are inside the range of hosts, apart from each other and from the gateway; they are put
/// in order.
fn check_pools(row: &mut Attributes, net: IpNet) -> Result<(), Problem> {
    let pools = read_pools(row, net)?;
    if let Some(pair) = pools.windows(2).find(|pair| pair[1].0 <= pair[0].1) {
        return Err(Fault::OverlappingAllocationPools {
            first: &words(pair[0]),
            second: &words(pair[1]),
            cidr: &net,
        }
        .into());
    }
    let gateway = ip(row.get("gateway_ip"));
    for &(start, end) in &pools {
        if let Some(gateway) = gateway.filter(|gateway| (start..=end).contains(gateway)) {
            return Err(Fault::GatewayConflictWithAllocationPools {
                ip: &gateway,
                pool: &words((start, end)),
            }
            .into());
        }
    }
    let pool = |&(start, end): &(IpAddr, IpAddr)| json!({"start": start, "end": end});
    row.insert("allocation_pools".into(), pools.iter().map(pool).collect());
    Ok(())
}

/// The pools of a subnet in order, each of which makes sense by itself.
fn read_pools(row: &Attributes, net: IpNet) -> Result<Vec<(IpAddr, IpAddr)>, Problem> {
    let (first, last) = ipam::hosts(net);
    let read = |pool: &Value| Some((ip(pool.get("start"))?, ip(pool.get("end"))?));
    let mut pools: Vec<_> = items(row, "allocation_pools").filter_map(read).collect();
    if pools.len() > MAX_POOLS {
        return Err(Problem::invalid(format!(
            "a subnet has at most {MAX_POOLS} allocation pools"
        )));
    }
    for &(start, end) in &pools {
        let pool = words((start, end));
        let sound = |ip: IpAddr| ip.is_ipv4() == net.addr().is_ipv4();
        if !sound(start) || !sound(end) || start > end {
            return Err(Fault::InvalidAllocationPool { pool: &pool }.into());
        }
        if start < first || end > last {
            return Err(Fault::OutOfBoundsAllocationPool {
                pool: &pool,
                cidr: &net,
            }
            .into());
        }
    }
    pools.sort();
    Ok(pools)
}

/// What hosts are told: not too much, and of the subnet's IP version.
fn check_told(draft: &Draft<'_>, id: &str, row: &Attributes, net: IpNet) -> Result<(), Problem> {
    let config = draft.config;
    let limit = config.max_dns_nameservers;
    if items(row, "dns_nameservers").count() > limit {
        return Err(Fault::DNSNameServersExhausted {
            id: &id,
            limit: &limit,
        }
        .into());
    }
    let limit = config.max_subnet_host_routes;
    if items(row, "host_routes").count() > limit {
        return Err(Fault::HostRoutesExhausted {
            id: &id,
            limit: &limit,
        }
        .into());
    }
    let version = version_of(net.addr());
    let other = |name: &str, ip: IpAddr| {
        Err(Problem::invalid(format!(
            "{name} '{ip}' does not match the ip_version '{version}'"
        )))
    };
    for server in items(row, "dns_nameservers").filter_map(|item| ip(Some(item))) {
        if version_of(server) != version {
            return other("dns_nameserver", server);
        }
    }
    for route in items(row, "host_routes") {
        let destination = route.get("destination").and_then(Value::as_str);
        let destination = destination.and_then(|text| text.parse::<IpNet>().ok());
        let addresses = [destination.map(|net| net.addr()), ip(route.get("nexthop"))];
        if let Some(ip) = addresses
            .into_iter()
            .flatten()
            .find(|ip| version_of(*ip) != version)
        {
            return other("host_route", ip);
        }
    }
    Ok(())
}

/// The ports that have addresses of a subnet.
fn users(draft: &Draft<'_>, subnet: &Row) -> Vec<Arc<Row>> {
    draft.containing("port", "fixed_ips", "subnet_id", &subnet.key.id)
}

/// Gives every port of the network its self-made address of a new subnet.
fn give_automatic(draft: &mut Draft<'_>, subnet: &Row) -> Result<(), Problem> {
    if !ipam::is_automatic(subnet) {
        return Ok(());
    }
    let network = subnet.text("network_id");
    for port in draft.referrers("port", "network_id", network) {
        if port.flag("_services") {
            continue;
        }
        let mut fixed = ipam::held(&port);
        let asker = Asker {
            port: &port.key,
            network,
            mac: port.text("mac_address").parse().unwrap_or_default(),
            may_be_gateway: true,
            lowest: false,
            automatic: false,
        };
        let wish = Wish {
            subnet: Some(subnet.key.id.to_string()),
            ip: None,
        };
        fixed.extend(asker.exactly(draft, &[wish], &[])?);
        put_addresses(draft, &port, &fixed);
    }
    Ok(())
}

/// Takes the addresses of a subnet that is gone from the ports that still have some.
fn take_away(draft: &mut Draft<'_>, subnet: &Row) {
    let network = subnet.text("network_id");
    for port in users(draft, subnet) {
        let (gone, kept): (Vec<Fixed>, Vec<Fixed>) = ipam::held(&port)
            .into_iter()
            .partition(|fixed| *fixed.subnet == *subnet.key.id);
        for fixed in gone {
            draft.give_back(claim::ip(network, fixed.ip), &port.key);
        }
        put_addresses(draft, &port, &kept);
    }
}

fn put_addresses(draft: &mut Draft<'_>, port: &Row, fixed: &[Fixed]) {
    let mut row = (*port.body).clone();
    row.insert("fixed_ips".into(), ipam::value(fixed));
    draft.put(&port.key, row);
}

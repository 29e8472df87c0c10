//! Address management: which addresses a port gets, each one a claim on its network.
//!
//! An automatic pick is the next free address after a random place in the first pool with room:
//! logarithmic in what is taken, and concurrent writers seldom want the same. Weft's own ports
//! take the lowest. Source: chapter 8 of the contract, `fixed_ips`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use rust_openflow::MacAddr;
use serde_json::{Value, json};
use weft_schema::claim::{self, Family};
use weft_schema::{Claim, Fault, Problem, Row, RowKey};

use crate::draft::Draft;

/// A subnet as address management needs it.
#[derive(Debug, Clone)]
pub(super) struct Subnet {
    /// Its row.
    pub row: Arc<Row>,
    /// Its range.
    pub net: IpNet,
    /// Its gateway.
    pub gateway: Option<IpAddr>,
    /// The ranges that addresses are given out from.
    pub pools: Vec<(IpAddr, IpAddr)>,
    /// Whether hosts make their addresses from their Ethernet addresses.
    pub automatic: bool,
}

impl Subnet {
    /// From a row; none when it has no range of addresses.
    fn read(row: &Arc<Row>) -> Option<Self> {
        let ip = |value: Option<&Value>| value?.as_str()?.parse::<IpAddr>().ok();
        let pools = row.items("allocation_pools");
        Some(Self {
            net: row.text("cidr").parse().ok()?,
            gateway: ip(row.get("gateway_ip")),
            pools: pools
                .filter_map(|pool| Some((ip(pool.get("start"))?, ip(pool.get("end"))?)))
                .collect(),
            automatic: is_automatic(row),
            row: row.clone(),
        })
    }

    /// Its id.
    #[must_use]
    pub(super) fn id(&self) -> &str {
        &self.row.key.id
    }
}

/// Whether hosts make their addresses themselves where that is an IPv6 mode.
#[must_use]
pub(super) fn is_automatic_mode(mode: &str) -> bool {
    matches!(mode, "slaac" | "dhcpv6-stateless")
}

/// Whether hosts of a subnet make their addresses themselves: one of its modes says so.
#[must_use]
pub(super) fn is_automatic(subnet: &Row) -> bool {
    ["ipv6_ra_mode", "ipv6_address_mode"]
        .iter()
        .any(|name| is_automatic_mode(subnet.text(name)))
}

/// The subnets of a network, the oldest first; the decision rests on which they are.
#[must_use]
pub(super) fn subnets(draft: &mut Draft<'_>, network: &str) -> Vec<Subnet> {
    let rows = draft.referrers("subnet", "network_id", network);
    let mut subnets: Vec<Subnet> = rows.iter().filter_map(Subnet::read).collect();
    subnets.sort_by(|one, two| age(one).cmp(&age(two)));
    subnets
}

/// Subnets made by the request at work have no time yet and come last.
fn age(subnet: &Subnet) -> (bool, &str, &str) {
    let created = subnet.row.text("created_at");
    (created.is_empty(), created, subnet.id())
}

/// Modified EUI-64 in a /64 (RFC 4291, appendix A).
#[must_use]
pub(super) fn eui64(net: IpNet, mac: MacAddr) -> Option<IpAddr> {
    let IpNet::V6(net) = net else { return None };
    let [a, b, c, d, e, f] = mac.0;
    let host = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    let prefix = net.network().to_bits() & !u128::from(u64::MAX);
    Some(Ipv6Addr::from_bits(prefix | u128::from(host)).into())
}

/// The addresses of a subnet that hosts may have: none of the network's own and the broadcast
/// address (RFC 3021 for /31), nor the subnet routers' anycast address (RFC 4291, 2.6.1).
#[must_use]
pub(super) fn hosts(net: IpNet) -> (IpAddr, IpAddr) {
    let (first, last) = (net.network(), net.broadcast());
    let whole = net.prefix_len() + 1 >= net.max_prefix_len();
    match (first, last) {
        _ if whole => (first, last),
        (IpAddr::V4(_), IpAddr::V4(_)) => (step(first, 1), step(last, -1)),
        _ => (step(first, 1), last),
    }
}

/// The address that many further; addresses wrap at the ends of their family.
#[must_use]
pub(super) fn step(ip: IpAddr, by: i8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            std::net::Ipv4Addr::from_bits(ip.to_bits().wrapping_add_signed(by.into())).into()
        }
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits().wrapping_add_signed(by.into())).into(),
    }
}

/// An address of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fixed {
    /// The id of its subnet.
    pub subnet: String,
    /// The address.
    pub ip: IpAddr,
}

/// The addresses in a port's row.
#[must_use]
pub(super) fn held(row: &Row) -> Vec<Fixed> {
    let read = |item: &Value| {
        Some(Fixed {
            subnet: item.get("subnet_id")?.as_str()?.to_owned(),
            ip: item.get("ip_address")?.as_str()?.parse().ok()?,
        })
    };
    row.items("fixed_ips").filter_map(read).collect()
}

/// Addresses as a port's row has them.
#[must_use]
pub(super) fn value(fixed: &[Fixed]) -> Value {
    fixed
        .iter()
        .map(|fixed| json!({"subnet_id": fixed.subnet, "ip_address": fixed.ip}))
        .collect()
}

/// A wish for one address: `{"subnet_id", "ip_address"}`, one of them or both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// In that subnet.
    pub subnet: Option<String>,
    /// Exactly that address.
    pub ip: Option<IpAddr>,
}

impl Wish {
    /// From a canonical `fixed_ips`.
    #[must_use]
    pub(super) fn read(item: &Value) -> Self {
        let text = |name| item.get(name).and_then(Value::as_str);
        Self {
            subnet: text("subnet_id").map(str::to_owned),
            ip: text("ip_address").and_then(|text| text.parse().ok()),
        }
    }
}

/// Whose addresses these are.
pub(super) struct Asker<'a> {
    /// The port.
    pub port: &'a RowKey,
    /// Its network.
    pub network: &'a str,
    /// Its Ethernet address.
    pub mac: MacAddr,
    /// Whether it may have the gateway's address.
    pub may_be_gateway: bool,
    /// Whether it takes the lowest free addresses.
    pub lowest: bool,
    /// Whether self-made addresses come without being asked for.
    pub automatic: bool,
}

impl Asker<'_> {
    /// The addresses of a port that asks for nothing particular: one of IPv4, one of a managed
    /// IPv6 subnet, and every one that it makes itself.
    ///
    /// # Errors
    /// A family has subnets, and all are exhausted.
    pub(super) fn any(&self, draft: &mut Draft<'_>) -> Result<Vec<Fixed>, Problem> {
        let subnets = subnets(draft, self.network);
        let mut fixed = Vec::new();
        for v4 in [true, false] {
            let managed: Vec<&Subnet> = subnets
                .iter()
                .filter(|subnet| subnet.net.addr().is_ipv4() == v4 && !subnet.automatic)
                .collect();
            if managed.is_empty() {
                continue;
            }
            let found = managed
                .into_iter()
                .find_map(|subnet| self.take_any(draft, subnet));
            fixed.push(found.ok_or_else(|| self.exhausted())?);
        }
        self.add_automatic(draft, &subnets, &mut fixed)?;
        Ok(fixed)
    }

    /// The addresses that are wished for, in their order. What the port holds is kept where it
    /// fulfils a wish, and given back where it does not.
    ///
    /// # Errors
    /// A wish cannot be fulfilled.
    pub(super) fn exactly(
        &self,
        draft: &mut Draft<'_>,
        wishes: &[Wish],
        held: &[Fixed],
    ) -> Result<Vec<Fixed>, Problem> {
        let subnets = subnets(draft, self.network);
        let mut granted: Vec<Option<Fixed>> = vec![None; wishes.len()];
        for (slot, wish) in granted.iter_mut().zip(wishes) {
            if let Some(ip) = wish.ip {
                let subnet = self.subnet_of(&subnets, wish.subnet.as_deref(), ip)?;
                *slot = Some(self.take_exact(draft, subnet, ip, held)?);
            }
        }
        for at in 0..wishes.len() {
            if let (None, Some(id)) = (&granted[at], &wishes[at].subnet) {
                let subnet = self.subnet(&subnets, id)?;
                let kept = held.iter().find(|fixed| {
                    fixed.subnet == *id
                        && !subnet.automatic
                        && !granted.iter().flatten().any(|other| other == *fixed)
                });
                let next = match kept {
                    Some(kept) => kept.clone(),
                    None => self.take_from(draft, subnet)?,
                };
                // The self-made address is one, however often it is asked for.
                if !granted.iter().flatten().any(|other| *other == next) {
                    granted[at] = Some(next);
                }
            }
        }
        let mut fixed: Vec<Fixed> = granted.into_iter().flatten().collect();
        if !wishes.is_empty() {
            self.add_automatic(draft, &subnets, &mut fixed)?;
        }
        for lost in held.iter().filter(|held| !fixed.contains(held)) {
            draft.give_back(claim::ip(self.network, lost.ip), self.port);
        }
        Ok(fixed)
    }

    /// One address in each of these subnets: what the port holds there, else a new one.
    ///
    /// # Errors
    /// A subnet is exhausted.
    pub(super) fn each(
        &self,
        draft: &mut Draft<'_>,
        subnets: &[Subnet],
        held: &[Fixed],
    ) -> Result<Vec<Fixed>, Problem> {
        let mut left: BTreeMap<&str, &Fixed> = held
            .iter()
            .map(|fixed| (fixed.subnet.as_str(), fixed))
            .collect();
        let mut fixed = Vec::with_capacity(subnets.len());
        for subnet in subnets {
            fixed.push(match left.remove(subnet.id()) {
                Some(kept) => kept.clone(),
                None => self.take_from(draft, subnet)?,
            });
        }
        for lost in left.values() {
            draft.give_back(claim::ip(self.network, lost.ip), self.port);
        }
        Ok(fixed)
    }

    fn add_automatic(
        &self,
        draft: &mut Draft<'_>,
        subnets: &[Subnet],
        fixed: &mut Vec<Fixed>,
    ) -> Result<(), Problem> {
        let wanted = subnets.iter().filter(|_| self.automatic);
        for subnet in wanted.filter(|subnet| subnet.automatic) {
            if !fixed.iter().any(|other| other.subnet == subnet.id()) {
                fixed.push(self.take_from(draft, subnet)?);
            }
        }
        Ok(())
    }

    fn exhausted(&self) -> Problem {
        Fault::IpAddressGenerationFailure {
            network: &self.network,
        }
        .into()
    }

    fn subnet<'s>(&self, subnets: &'s [Subnet], id: &str) -> Result<&'s Subnet, Problem> {
        let found = subnets.iter().find(|subnet| subnet.id() == id);
        found.ok_or_else(|| {
            let network = self.network;
            Problem::invalid(format!(
                "Failed to create port on network {network}, because fixed_ips included invalid subnet {id}"
            ))
        })
    }

    /// The subnet of an address: the one that is named, or the one that contains it.
    fn subnet_of<'s>(
        &self,
        subnets: &'s [Subnet],
        id: Option<&str>,
        ip: IpAddr,
    ) -> Result<&'s Subnet, Problem> {
        match id {
            Some(id) => match self.subnet(subnets, id)? {
                subnet if subnet.net.contains(&ip) => Ok(subnet),
                _ => Err(Fault::InvalidIpForSubnet { ip: &ip }.into()),
            },
            None => {
                let found = subnets.iter().find(|subnet| subnet.net.contains(&ip));
                found.ok_or_else(|| Fault::InvalidIpForNetwork { ip: &ip }.into())
            }
        }
    }

    fn take_exact(
        &self,
        draft: &mut Draft<'_>,
        subnet: &Subnet,
        ip: IpAddr,
        held: &[Fixed],
    ) -> Result<Fixed, Problem> {
        let fixed = Fixed {
            subnet: subnet.id().to_owned(),
            ip,
        };
        if held.contains(&fixed) {
            return Ok(fixed);
        }
        let (first, last) = hosts(subnet.net);
        if ip < first || ip > last {
            return Err(Fault::InvalidIpForSubnet { ip: &ip }.into());
        }
        if subnet.automatic && eui64(subnet.net, self.mac) != Some(ip) {
            let id = subnet.id();
            return Err(Problem::invalid(format!(
                "IPv6 address {ip} can not be directly assigned to a port on subnet {id} since the subnet is configured for automatic addresses"
            )));
        }
        if subnet.gateway == Some(ip) && !self.may_be_gateway {
            return Err(Fault::InvalidIpForSubnet { ip: &ip }.into());
        }
        self.take(draft, subnet, claim::ip(self.network, ip), ip)
    }

    /// An address of a subnet: the self-made one, or any of its pools.
    fn take_from(&self, draft: &mut Draft<'_>, subnet: &Subnet) -> Result<Fixed, Problem> {
        if !subnet.automatic {
            let any = self.take_any(draft, subnet);
            return any.ok_or_else(|| self.exhausted());
        }
        let ip = eui64(subnet.net, self.mac).ok_or_else(|| self.exhausted())?;
        self.take(draft, subnet, claim::ip(self.network, ip), ip)
    }

    fn take_any(&self, draft: &mut Draft<'_>, subnet: &Subnet) -> Option<Fixed> {
        let claim = subnet.pools.iter().find_map(|&(start, end)| {
            let family = Family::of(start);
            let range = claim::ip_number(start)..=claim::ip_number(end);
            match self.lowest {
                true => draft.lowest_free(claim::IP, self.network, family, range),
                false => draft.any_free(claim::IP, self.network, family, &range),
            }
        })?;
        let ip = claim.key.rsplit_once('/')?.1.parse().ok()?;
        self.take(draft, subnet, claim, ip).ok()
    }

    fn take(
        &self,
        draft: &mut Draft<'_>,
        subnet: &Subnet,
        claim: Claim,
        ip: IpAddr,
    ) -> Result<Fixed, Problem> {
        // The address is of this subnet as it is now.
        draft.row("subnet", subnet.id());
        match draft.take(claim, self.port) {
            true => Ok(Fixed {
                subnet: subnet.id().to_owned(),
                ip,
            }),
            false => Err(Fault::IpAddressAlreadyAllocated {
                ip: &ip,
                subnet: &subnet.id(),
            }
            .into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_leave_out_what_no_host_may_have() {
        let rows = [
            ("10.0.0.0/24", "10.0.0.1", "10.0.0.254"),
            ("10.0.0.0/30", "10.0.0.1", "10.0.0.2"),
            ("10.0.0.0/31", "10.0.0.0", "10.0.0.1"),
            ("10.0.0.7/32", "10.0.0.7", "10.0.0.7"),
            (
                "2001:db8::/64",
                "2001:db8::1",
                "2001:db8::ffff:ffff:ffff:ffff",
            ),
            ("2001:db8::/127", "2001:db8::", "2001:db8::1"),
            ("2001:db8::/128", "2001:db8::", "2001:db8::"),
        ];
        for (net, first, last) in rows {
            let expected = (first.parse().unwrap(), last.parse().unwrap());
            assert_eq!(hosts(net.parse().unwrap()), expected, "{net}");
        }
    }

    #[test]
    fn self_made_addresses_follow_rfc_4291() {
        let mac = "34:56:78:9a:bc:de".parse().unwrap();
        let ip = eui64("2001:db8::/64".parse().unwrap(), mac);
        assert_eq!(ip, Some("2001:db8::3656:78ff:fe9a:bcde".parse().unwrap()));
        assert_eq!(eui64("10.0.0.0/24".parse().unwrap(), mac), None);
    }
}

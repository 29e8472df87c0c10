//! Ports: an Ethernet address, IP addresses, a number in flows, and where they are bound.
//! Source: chapter 8 of the contract.

use std::collections::BTreeSet;

use rust_openflow::MacAddr;
use serde_json::{Value, json};
use weft_schema::claim::{self, Family};
use weft_schema::{Fault, Problem, Row, RowKey, Rule, resource};

use super::ipam::{self, Asker, Wish};
use super::{Service, flag, items, text};
use crate::body::Attributes;
use crate::draft::Draft;
use crate::location;
use crate::policy;
use crate::view::Reading;

/// What of Weft's own ports callers may change.
const OF_SERVICES: &[&str] = &["name", "description"];

/// The meaning of ports.
pub(super) struct Ports;

impl Service for Ports {
    fn kind(&self) -> &'static str {
        "port"
    }

    fn create(
        &self,
        draft: &mut Draft<'_>,
        key: &RowKey,
        row: &mut Attributes,
    ) -> Result<(), Problem> {
        let network = text(row, "network_id").to_owned();
        let net_owner = owns_network(draft, key, row);
        check_owner("create", row, net_owner)?;
        let mac = match text(row, "mac_address").parse().ok() {
            Some(mac) => take_mac(draft, &network, key, mac)?,
            None => free_mac(draft, &network, key)?,
        };
        row.insert("mac_address".into(), mac.to_string().into());
        check_count(draft, row)?;
        let asker = asker(key, &network, mac, row, net_owner);
        let fixed = match row.get("fixed_ips") {
            Some(Value::Array(wishes)) => {
                let wishes: Vec<_> = wishes.iter().map(Wish::read).collect();
                asker.exactly(draft, &wishes, &[])?
            }
            _ => asker.any(draft)?,
        };
        row.insert("fixed_ips".into(), ipam::value(&fixed));
        let number = super::number(draft, claim::PORT_KEY, key)?;
        row.insert("_key".into(), number.into());
        if !row.contains_key("port_security_enabled") {
            let row_of_network = draft.row(resource::NETWORK.name, &network);
            let enabled = row_of_network.is_none_or(|row| row.flag("port_security_enabled"));
            row.insert("port_security_enabled".into(), enabled.into());
        }
        complete_pairs(draft, row, mac)?;
        complete_binding(row);
        Ok(())
    }

    fn update(
        &self,
        draft: &mut Draft<'_>,
        before: &Row,
        row: &mut Attributes,
        given: &[&str],
    ) -> Result<(), Problem> {
        if before.flag("_services") && given.iter().any(|name| !OF_SERVICES.contains(name)) {
            let id = &before.key.id;
            return Err(Problem::invalid(format!(
                "port {id} is Weft's own: only its name and description can be changed"
            )));
        }
        let network = before.text("network_id");
        let net_owner = owns_network(draft, &before.key, row);
        if given.contains(&"device_owner") {
            check_owner("update", row, net_owner)?;
        }
        let old: MacAddr = before.text("mac_address").parse().unwrap_or_default();
        let mac = text(row, "mac_address").parse().unwrap_or(old);
        if mac != old {
            take_mac(draft, network, &before.key, mac)?;
            draft.give_back(claim::mac(network, old), &before.key);
        }
        check_count(draft, row)?;
        if given.contains(&"fixed_ips") || mac != old {
            let wishes: Vec<_> = match given.contains(&"fixed_ips") {
                true => items(row, "fixed_ips").map(Wish::read).collect(),
                false => same_wishes(draft, network, before),
            };
            let asker = asker(&before.key, network, mac, row, net_owner);
            let fixed = asker.exactly(draft, &wishes, &ipam::held(before))?;
            row.insert("fixed_ips".into(), ipam::value(&fixed));
        }
        complete_pairs(draft, row, mac)?;
        complete_binding(row);
        Ok(())
    }

    fn delete(&self, draft: &mut Draft<'_>, row: &Row) -> Result<(), Problem> {
        if row.flag("_services") {
            return Err(Fault::ServicePortInUse {
                id: &row.key.id,
                reason: &format!("has device owner {}", row.text("device_owner")),
            }
            .into());
        }
        release(draft, row);
        Ok(())
    }

    fn computed(&self, attribute: &str, row: &Row, reading: Reading<'_>) -> Value {
        let state = reading.state;
        match attribute {
            "status" => location::status(state, row).into(),
            "binding:vif_type" => location::vif_type(state, row).into(),
            "binding:vif_details" => location::vif_details(state, row, reading.config),
            _ => Value::Null,
        }
    }
}

/// Gives back everything that a port holds.
pub(super) fn release(draft: &mut Draft<'_>, row: &Row) {
    let network = row.text("network_id");
    for fixed in ipam::held(row) {
        draft.give_back(claim::ip(network, fixed.ip), &row.key);
    }
    if let Ok(mac) = row.text("mac_address").parse() {
        draft.give_back(claim::mac(network, mac), &row.key);
    }
    let number = row.get("_key").and_then(Value::as_u64).unwrap_or(0);
    draft.give_back(claim::number(claim::PORT_KEY, number), &row.key);
}

fn take_mac(
    draft: &mut Draft<'_>,
    network: &str,
    key: &RowKey,
    mac: MacAddr,
) -> Result<MacAddr, Problem> {
    match draft.take(claim::mac(network, mac), key) {
        true => Ok(mac),
        false => Err(Fault::MacAddressInUse {
            network: &network,
            mac: &mac,
        }
        .into()),
    }
}

/// Claims an Ethernet address that begins as the installation's do.
///
/// # Errors
/// All are taken.
pub(super) fn free_mac(
    draft: &mut Draft<'_>,
    network: &str,
    key: &RowKey,
) -> Result<MacAddr, Problem> {
    let base = draft.config.base_mac;
    let free_bits = if base.0[3] == 0 { 24 } else { 16 };
    let first = u128::from(base.to_u64() >> free_bits << free_bits);
    let range = first..=first + (1 << free_bits) - 1;
    let free = draft.any_free(claim::MAC, network, Family::Mac, &range);
    let mac = free.and_then(|claim| claim.key.rsplit_once('/')?.1.parse().ok());
    match mac {
        Some(mac) => take_mac(draft, network, key, mac),
        None => Err(Fault::ServiceUnavailable {
            reason: &format!("no MAC address is left on network {network}"),
        }
        .into()),
    }
}

fn asker<'a>(
    key: &'a RowKey,
    network: &'a str,
    mac: MacAddr,
    row: &Attributes,
    net_owner: bool,
) -> Asker<'a> {
    let router = text(row, "device_owner").starts_with("network:router");
    Asker {
        port: key,
        network,
        mac,
        may_be_gateway: net_owner || router,
        lowest: text(row, "device_owner") == "network:dhcp",
        automatic: !router,
    }
}

/// Wishes for what a port has, whose self-made addresses follow its Ethernet address.
fn same_wishes(draft: &mut Draft<'_>, network: &str, before: &Row) -> Vec<Wish> {
    let subnets = ipam::subnets(draft, network);
    let automatic = |id: &str| {
        let subnet = subnets.iter().find(|subnet| subnet.id() == id);
        subnet.is_some_and(|subnet| subnet.automatic)
    };
    let wish = |fixed: ipam::Fixed| Wish {
        ip: Some(fixed.ip).filter(|_| !automatic(&fixed.subnet)),
        subnet: Some(fixed.subnet),
    };
    ipam::held(before).into_iter().map(wish).collect()
}

/// Whether the caller owns the network, or may do everything.
fn owns_network(draft: &mut Draft<'_>, key: &RowKey, row: &Attributes) -> bool {
    let row = Row {
        key: key.clone(),
        body: std::sync::Arc::new(row.clone()),
    };
    let context = draft.context;
    policy::allows(&[Rule::ParentOwner], &resource::PORT, &row, context, draft)
}

/// Ports of network services belong to the network's owner.
fn check_owner(verb: &str, row: &Attributes, net_owner: bool) -> Result<(), Problem> {
    match text(row, "device_owner").starts_with("network:") && !net_owner {
        false => Ok(()),
        true => Err(policy::refused(verb, &resource::PORT, Some("device_owner"))),
    }
}

/// Not more addresses than a port may ask for.
fn check_count(draft: &Draft<'_>, row: &Attributes) -> Result<(), Problem> {
    match items(row, "fixed_ips").count() <= draft.config.max_fixed_ips_per_port {
        true => Ok(()),
        false => Err(Problem::invalid(
            "Exceeded maximum amount of fixed ips per port",
        )),
    }
}

/// Fills in the Ethernet addresses of address pairs, and checks them.
fn complete_pairs(draft: &Draft<'_>, row: &mut Attributes, mac: MacAddr) -> Result<(), Problem> {
    let mut pairs = Vec::new();
    let mut seen = BTreeSet::new();
    for item in items(row, "allowed_address_pairs") {
        let part = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let mac = part("mac_address").unwrap_or_else(|| mac.to_string());
        let ip = part("ip_address").unwrap_or_default();
        pairs.push(json!({"ip_address": ip, "mac_address": mac}));
        if !seen.insert((mac.clone(), ip.clone())) {
            return Err(Fault::DuplicateAddressPairInRequest { mac: &mac, ip: &ip }.into());
        }
    }
    let limit = draft.config.max_allowed_address_pairs;
    if pairs.len() > limit {
        return Err(Fault::AllowedAddressPairExhausted { limit: &limit }.into());
    }
    if !pairs.is_empty() && !flag(row, "port_security_enabled") {
        return Err(Fault::AddressPairAndPortSecurityRequired {}.into());
    }
    row.insert("allowed_address_pairs".into(), pairs.into());
    Ok(())
}

/// A host that is null is none.
fn complete_binding(row: &mut Attributes) {
    let host = text(row, "binding:host_id").to_owned();
    row.insert("binding:host_id".into(), host.into());
}

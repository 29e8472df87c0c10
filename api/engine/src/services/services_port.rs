//! The port by which Weft itself is on a network: the address of its DHCP service, one in every
//! IPv4 subnet that has DHCP. It exists on every hypervisor at once.
//!
//! It follows the subnets; callers see it (`network:distributed`) and do not change it.

use std::sync::Arc;

use serde_json::Value;
use weft_schema::{Problem, Row, resource};

use super::ipam::{self, Asker, Subnet};
use super::port;
use crate::body::{self, Attributes};
use crate::draft::{self, Draft};

/// Its `device_owner`.
pub(super) const OWNER: &str = "network:distributed";

/// Its `device_id`.
fn device(network: &str) -> String {
    format!("weft-{network}")
}

/// Makes, extends, shrinks or removes a network's services port as its subnets ask for it.
///
/// # Errors
/// A subnet has no address left.
pub(super) fn sync(draft: &mut Draft<'_>, network: &str) -> Result<(), Problem> {
    let mut subnets = ipam::subnets(draft, network);
    subnets.retain(|subnet| subnet.net.addr().is_ipv4() && subnet.row.flag("enable_dhcp"));
    let ports = draft.referrers("port", "device_id", &device(network));
    match ports.into_iter().find(|port| port.flag("_services")) {
        Some(port) if subnets.is_empty() => {
            port::release(draft, &port);
            draft.remove(&port.key);
            Ok(())
        }
        Some(port) => extend(draft, network, &port, &subnets),
        None if subnets.is_empty() => Ok(()),
        None => create(draft, network, &subnets),
    }
}

fn create(draft: &mut Draft<'_>, network: &str, subnets: &[Subnet]) -> Result<(), Problem> {
    let id = draft.uuid();
    let key = draft::key(resource::PORT.name, &id);
    let mac = port::free_mac(draft, network, &key)?;
    let asker = Asker {
        port: &key,
        network,
        mac,
        may_be_gateway: false,
        lowest: true,
        automatic: false,
    };
    let fixed = asker.each(draft, subnets, &[])?;
    let number = super::number(draft, weft_schema::claim::PORT_KEY, &key)?;
    let mut row: Attributes = body::fallbacks(&resource::PORT);
    let own: [(&str, Value); 10] = [
        ("id", id.as_str().into()),
        ("tenant_id", "".into()),
        ("network_id", network.into()),
        ("mac_address", mac.to_string().into()),
        ("fixed_ips", ipam::value(&fixed)),
        ("device_id", device(network).into()),
        ("device_owner", OWNER.into()),
        ("port_security_enabled", false.into()),
        ("_key", number.into()),
        ("_services", true.into()),
    ];
    row.extend(own.map(|(name, value)| (name.to_owned(), value)));
    draft.put(&key, row);
    Ok(())
}

fn extend(
    draft: &mut Draft<'_>,
    network: &str,
    port: &Arc<Row>,
    subnets: &[Subnet],
) -> Result<(), Problem> {
    let asker = Asker {
        port: &port.key,
        network,
        mac: port.text("mac_address").parse().unwrap_or_default(),
        may_be_gateway: false,
        lowest: true,
        automatic: false,
    };
    let held = ipam::held(port);
    let fixed = asker.each(draft, subnets, &held)?;
    if fixed != held {
        let mut row = (*port.body).clone();
        row.insert("fixed_ips".into(), ipam::value(&fixed));
        draft.put(&port.key, row);
    }
    Ok(())
}

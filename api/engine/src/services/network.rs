//! Networks: an encapsulation and an id on the wire, a number in flows, an MTU.

use serde_json::{Value, json};
use weft_schema::claim::{self, Family};
use weft_schema::{Fault, Problem, Row, RowKey};
use weft_topology::TunnelKind;

use super::{Service, flag, named, port, text};
use crate::body::Attributes;
use crate::draft::Draft;
use crate::request::Config;
use crate::view::Reading;

/// The least MTU of a network with an IPv4 subnet (RFC 791), and so of any network.
const MIN_MTU: u64 = 68;
/// The least MTU of a network with an IPv6 subnet (RFC 8200).
const MIN_MTU_V6: u64 = 1280;
/// Owners of ports that go silently with their network.
pub(super) const AUTO_OWNERS: &[&str] = &["network:dhcp", "network:distributed"];

/// The meaning of networks.
pub(super) struct Networks;

impl Service for Networks {
    fn kind(&self) -> &'static str {
        "network"
    }

    fn create(
        &self,
        draft: &mut Draft<'_>,
        key: &RowKey,
        row: &mut Attributes,
    ) -> Result<(), Problem> {
        let kind = encapsulation(draft.config, row)?;
        row.insert("provider:network_type".into(), kind.name().into());
        let id = segment(draft, key, row, kind)?;
        row.insert("provider:segmentation_id".into(), id);
        if let Some(relay) = relay(draft, key, kind) {
            row.insert("_relay".into(), relay);
        }
        let number = super::number(draft, claim::DATAPATH_KEY, key)?;
        row.insert("_key".into(), number.into());
        let mtu = mtu(draft.config, kind, row)?;
        row.insert("mtu".into(), mtu.into());
        Ok(())
    }

    fn update(
        &self,
        draft: &mut Draft<'_>,
        before: &Row,
        row: &mut Attributes,
        given: &[&str],
    ) -> Result<(), Problem> {
        for fixed in ["provider:network_type", "provider:physical_network"] {
            if row.get(fixed) != before.get(fixed) {
                return Err(Problem::invalid(format!(
                    "{fixed} of a network cannot be changed"
                )));
            }
        }
        let kind = encapsulation(draft.config, row)?;
        let id = "provider:segmentation_id";
        if row.get(id) != before.get(id) {
            let new = segment(draft, &before.key, row, kind)?;
            row.insert(id.into(), new);
            give_back_segment(draft, before);
        }
        if given.contains(&"mtu") {
            let mtu = mtu(draft.config, kind, row)?;
            check_subnets(draft, &before.key.id, mtu)?;
            row.insert("mtu".into(), mtu.into());
        }
        if before.flag("shared") && !flag(row, "shared") {
            check_unshared(draft, before)?;
        }
        Ok(())
    }

    fn delete(&self, draft: &mut Draft<'_>, row: &Row) -> Result<(), Problem> {
        let mut ports = draft.referrers("port", "network_id", &row.key.id);
        ports.retain(|port| !AUTO_OWNERS.contains(&port.text("device_owner")));
        if !ports.is_empty() {
            return Err(Fault::NetworkInUse {
                id: &row.key.id,
                ports: &named(&ports),
            }
            .into());
        }
        give_back_segment(draft, row);
        if let Some(relay) = row.get("_relay").and_then(Value::as_u64) {
            let space = segments(row.text("provider:network_type"));
            draft.give_back(claim::number(&space, relay), &row.key);
        }
        let number = row.get("_key").and_then(Value::as_u64).unwrap_or(0);
        draft.give_back(claim::number(claim::DATAPATH_KEY, number), &row.key);
        Ok(())
    }

    fn follow(
        &self,
        draft: &mut Draft<'_>,
        before: Option<&Row>,
        after: Option<&Row>,
    ) -> Result<(), Problem> {
        if let (Some(before), None) = (before, after) {
            for port in draft.referrers("port", "network_id", &before.key.id) {
                port::release(draft, &port);
                draft.remove(&port.key);
            }
            for subnet in draft.referrers("subnet", "network_id", &before.key.id) {
                draft.remove(&subnet.key);
            }
        }
        Ok(())
    }

    fn computed(&self, attribute: &str, row: &Row, reading: Reading<'_>) -> Value {
        match attribute {
            "status" => "ACTIVE".into(),
            "subnets" => {
                let ids = reading.state.ids("subnet", "network_id", &row.key.id);
                ids.into_iter()
                    .flatten()
                    .map(|id| Value::from(&**id))
                    .collect()
            }
            _ => Value::Null,
        }
    }
}

/// The encapsulation that a network asks for, or the installation's.
fn encapsulation(config: &Config, row: &Attributes) -> Result<TunnelKind, Problem> {
    let kind = match row.get("provider:network_type").and_then(Value::as_str) {
        Some(name) => TunnelKind::from_name(name).ok_or_else(|| {
            Problem::invalid(format!("network_type value '{name}' not supported"))
        })?,
        None if row.contains_key("provider:segmentation_id") => {
            return Err(Problem::invalid("network_type required"));
        }
        None => config.network_type,
    };
    match row.get("provider:physical_network") {
        None | Some(Value::Null) => Ok(kind),
        Some(_) => Err(Problem::invalid(format!(
            "provider:physical_network specified for {} network",
            kind.name().to_uppercase()
        ))),
    }
}

/// The kind of the claims of an encapsulation's ids.
fn segments(kind: &str) -> String {
    format!("{}{kind}", claim::SEGMENT)
}

/// Claims the id on the wire that a network asks for, or a free one.
fn segment(
    draft: &mut Draft<'_>,
    key: &RowKey,
    row: &Attributes,
    kind: TunnelKind,
) -> Result<Value, Problem> {
    let space = segments(kind.name());
    if let Some(id) = row.get("provider:segmentation_id") {
        let most = kind.max_id();
        let id = id.as_u64().filter(|id| (1..=most.into()).contains(id));
        let id = id.ok_or_else(|| {
            Problem::invalid(format!("segmentation_id is not between 1 and {most}"))
        })?;
        let claim = claim::number(&space, id);
        // Nor may it be the network's own second one.
        return match draft.holder(&claim).is_none() && draft.take(claim, key) {
            true => Ok(id.into()),
            false => Err(Fault::TunnelIdInUse { id: &id }.into()),
        };
    }
    let ranges = draft.config.segment_ranges.iter();
    let free = ranges.filter(|(of, _)| *of == kind).find_map(|(_, range)| {
        let range = u128::from(*range.start())..=u128::from(*range.end());
        draft.any_free(&space, "", Family::Number, &range)
    });
    let free = free.ok_or(Fault::NoNetworkAvailable {})?;
    let id: Option<u32> = free.key.parse().ok();
    draft.take(free, key);
    Ok(json!(id))
}

/// Claims a second id on the wire, for frames that are passed on by who receives them: from the last
/// quarter of all ids, where those that people choose seldom are. Without one a network of very many
/// hypervisors cannot be flooded whole; that is no reason to refuse it.
fn relay(draft: &mut Draft<'_>, key: &RowKey, kind: TunnelKind) -> Option<Value> {
    let most = u128::from(kind.max_id());
    let free = draft.any_free(
        &segments(kind.name()),
        "",
        Family::Number,
        &(most - most / 4..=most),
    )?;
    let id: u32 = free.key.parse().ok()?;
    draft.take(free, key);
    Some(id.into())
}

fn give_back_segment(draft: &mut Draft<'_>, row: &Row) {
    let space = segments(row.text("provider:network_type"));
    let id = row.get("provider:segmentation_id");
    let id = id.and_then(Value::as_u64).unwrap_or(0);
    draft.give_back(claim::number(&space, id), &row.key);
}

/// The MTU that a network asks for, or the largest that the underlay carries.
fn mtu(config: &Config, kind: TunnelKind, row: &Attributes) -> Result<u64, Problem> {
    let outer = if config.underlay_ipv6 { 40 } else { 20 };
    let most = u64::from(config.underlay_mtu.saturating_sub(outer + kind.overhead()));
    match row.get("mtu").and_then(Value::as_u64).unwrap_or(0) {
        0 => Ok(most),
        mtu if mtu > most => Err(Problem::invalid(format!(
            "Requested MTU is too big, maximum is {most}"
        ))),
        mtu if mtu < MIN_MTU => Err(Problem::invalid(format!(
            "Requested MTU is too small, minimum is {MIN_MTU}"
        ))),
        mtu => Ok(mtu),
    }
}

/// Refuses an MTU that is too small for a subnet.
///
/// # Errors
/// 409.
pub(super) fn check_mtu(network: &str, mtu: u64, ip_version: u64) -> Result<(), Problem> {
    match ip_version {
        6 if mtu < MIN_MTU_V6 => Err(Fault::NetworkMTUSubnetConflict {
            id: &network,
            minimum: &MIN_MTU_V6,
        }
        .into()),
        _ => Ok(()),
    }
}

fn check_subnets(draft: &mut Draft<'_>, network: &str, mtu: u64) -> Result<(), Problem> {
    let subnets = draft.referrers("subnet", "network_id", network);
    subnets.iter().try_for_each(|subnet| {
        let version = subnet.get("ip_version").and_then(Value::as_u64);
        check_mtu(network, mtu, version.unwrap_or(4))
    })
}

/// Refuses to take a network from the projects that use it.
fn check_unshared(draft: &mut Draft<'_>, row: &Row) -> Result<(), Problem> {
    let owner = text(&row.body, "tenant_id").to_owned();
    for kind in ["port", "subnet"] {
        let users = draft.referrers(kind, "network_id", &row.key.id);
        let foreign = |user: &str| !user.is_empty() && user != owner;
        if users.iter().any(|user| foreign(user.text("tenant_id"))) {
            return Err(Fault::InvalidSharedSetting { id: &row.key.id }.into());
        }
    }
    Ok(())
}

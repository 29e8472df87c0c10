//! Where a port is, from what was observed: computed when read, never stored.
//!
//! Among the interfaces that say to be a port, the latest appearance counts, and the latest on any other
//! hypervisor beside it; when the API names a host, only those of that host, and of the one that the port is
//! migrating to.

use std::sync::Arc;

use serde_json::{Value, json};
use weft_schema::{Body, Row, State, observation};

use crate::request::Config;

/// The hypervisor of that host name or system-id.
#[must_use]
pub fn chassis<'a>(state: &'a State, host: &str) -> Option<&'a Arc<Row>> {
    let by_id = state.row(observation::CHASSIS, host);
    by_id.or_else(|| {
        state
            .referrers(observation::CHASSIS, "hostname", host)
            .next()
    })
}

/// The interfaces that carry a port, the latest to appear first: two while its machine moves, each the
/// latest on its hypervisor.
pub fn interfaces<'a>(state: &'a State, port: &'a Row) -> impl Iterator<Item = &'a Arc<Row>> {
    let latest = |elsewhere: Option<&str>| {
        state
            .referrers(observation::INTERFACE, "port_id", &port.key.id)
            .filter(|interface| elsewhere != Some(interface.text("chassis")))
            .filter(|interface| allows(state, port, interface.text("chassis")))
            .max_by_key(|interface| {
                let appeared = interface.get("appeared").and_then(Value::as_u64);
                (appeared, interface.key.id.clone())
            })
    };
    let first = latest(None);
    let second = first.and_then(|first| latest(Some(first.text("chassis"))));
    first.into_iter().chain(second)
}

/// Whether a hypervisor may carry a port.
fn allows(state: &State, port: &Row, chassis: &str) -> bool {
    let named = |host: &str| {
        let row = state.row(observation::CHASSIS, chassis);
        chassis == host || row.is_some_and(|row| row.text("hostname") == host)
    };
    match port.text("binding:host_id") {
        "" => true,
        host => named(host) || migrating_to(&port.body).is_some_and(named),
    }
}

/// The second hypervisor that may carry a port while its machine moves, from `binding:profile`. What else
/// the compute service keeps there means nothing here.
#[must_use]
pub fn migrating_to(port: &Body) -> Option<&str> {
    let profile = port.get("binding:profile")?;
    let host = profile.get("migrating_to")?.as_str();
    host.filter(|host| !host.is_empty())
}

/// A port's `status`: that of its places together.
#[must_use]
pub fn status(state: &State, port: &Row) -> &'static str {
    if port.flag("_services") {
        return "ACTIVE";
    }
    let any = |is: fn(&Arc<Row>) -> bool| interfaces(state, port).any(is);
    if !port.flag("admin_state_up") {
        "DOWN"
    } else if any(|place| place.get("error").is_some_and(|error| !error.is_null())) {
        "ERROR"
    } else if any(|place| place.flag("ready")) {
        "ACTIVE"
    } else {
        "DOWN"
    }
}

/// A port's `binding:vif_type`: only virtual interfaces of hypervisors that are known.
#[must_use]
pub fn vif_type(state: &State, port: &Row) -> &'static str {
    match port.text("binding:host_id") {
        "" => "unbound",
        host if port.text("binding:vnic_type") == "normal" && chassis(state, host).is_some() => {
            "ovs"
        }
        _ => "binding_failed",
    }
}

/// A port's `binding:vif_details`, for the compute service on its hypervisor.
#[must_use]
pub fn vif_details(state: &State, port: &Row, config: &Config) -> Value {
    if vif_type(state, port) != "ovs" {
        return json!({});
    }
    let chassis = chassis(state, port.text("binding:host_id"));
    let datapath = chassis.map_or("", |chassis| chassis.text("datapath_type"));
    json!({
        "port_filter": true,
        "connectivity": "l2",
        "bridge_name": config.bridge,
        "datapath_type": if datapath.is_empty() { "system" } else { datapath },
        "ovs_hybrid_plug": false,
        "bound_drivers": {"0": "weft"},
    })
}

//! Where a port is, from what was observed: computed when read, never stored.
//!
//! Among the interfaces that say to be a port, the latest appearance wins; when the API names a
//! host, only that host's interfaces count.

use std::sync::Arc;

use serde_json::{Value, json};
use weft_schema::{Row, State, observation};

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

/// The interface that carries a port.
#[must_use]
pub fn interface<'a>(state: &'a State, port: &Row) -> Option<&'a Arc<Row>> {
    let host = port.text("binding:host_id");
    let allowed = |interface: &&Arc<Row>| {
        let chassis = interface.text("chassis");
        let named = |row: &Arc<Row>| row.text("hostname") == host;
        host.is_empty()
            || chassis == host
            || state.row(observation::CHASSIS, chassis).is_some_and(named)
    };
    state
        .referrers(observation::INTERFACE, "port_id", &port.key.id)
        .filter(allowed)
        .max_by_key(|interface| {
            let appeared = interface.get("appeared").and_then(Value::as_u64);
            (appeared, interface.key.id.clone())
        })
}

/// A port's `status`.
#[must_use]
pub fn status(state: &State, port: &Row) -> &'static str {
    if port.flag("_services") {
        return "ACTIVE";
    }
    match interface(state, port) {
        _ if !port.flag("admin_state_up") => "DOWN",
        Some(interface) if interface.get("error").is_some_and(|error| !error.is_null()) => "ERROR",
        Some(interface) if interface.flag("ready") => "ACTIVE",
        _ => "DOWN",
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

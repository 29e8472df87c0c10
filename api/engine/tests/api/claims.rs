//! What rows hold, where steps cannot look.

use serde_json::json;
use weft_engine::Config;

use crate::runner::{World, body, check_claims, request};

#[test]
fn a_network_s_second_id_is_nobody_s_first_not_even_its_own() {
    let mut world = World::new(Config::default());
    let (_, made) = world.call(
        "admin",
        &request("POST", "/networks", body("network", json!({}))),
    );
    let id = made["network"]["id"].as_str().expect("it is made");
    let relay = world.store.read(|state| {
        let row = state.row("network", id).expect("it is there");
        row.get("_relay").expect("it has one").clone()
    });
    let wish = body("network", json!({ "provider:segmentation_id": relay }));
    let (status, answer) = world.call("admin", &request("PUT", &format!("/networks/{id}"), wish));
    assert_eq!(status, 409, "{answer}");
    assert_eq!(answer["NeutronError"]["type"], "TunnelIdInUse");
    world.store.read(check_claims);
}

//! The stock `openstack` command against the API: it makes, lists, shows, changes and deletes what there
//! is, and says in the API's words why it cannot.

use serde_json::{Value, json};
use weft_tests::cloud::{Cloud, text};
use weft_tests::netns::FABRIC;
use weft_tests::{Part, need, process};

/// The client, and the controller that it talks to.
struct Client {
    cloud: Cloud,
}

impl Client {
    /// A controller without hypervisors, for a project that the client cannot name: without an identity
    /// service it has no way to.
    #[track_caller]
    fn start() -> Client {
        Client {
            cloud: Cloud::start(0, &["--noauth-project", "tenant"]),
        }
    }

    /// Runs the client in the words of its user. Shell quotes are not known: `~` in a word is a space.
    fn run(&self, words: &str) -> anyhow::Result<String> {
        let endpoint = format!("http://{FABRIC}:9696");
        let options = [
            "openstack",
            "--os-auth-type",
            "none",
            "--os-endpoint",
            &endpoint,
        ];
        let words: Vec<String> = words
            .split(' ')
            .map(|word| word.replace('~', " "))
            .collect();
        let words = words.iter().map(String::as_str);
        let words: Vec<&str> = options.into_iter().chain(words).collect();
        let mut command = self.cloud.fabric().command(&words);
        // What leads out of this machine does not lead to the controller.
        for variable in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(variable);
        }
        process::output(command)
    }

    /// What the client prints as JSON.
    #[track_caller]
    fn json(&self, words: &str) -> Value {
        let printed = self.done(&format!("{words} -f json"));
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{words}: {error}: {printed}"))
    }

    /// Runs what succeeds.
    #[track_caller]
    fn done(&self, words: &str) -> String {
        self.run(words)
            .unwrap_or_else(|error| panic!("{words}: {error:#}"))
    }

    /// Runs what is refused, in words that contain these.
    #[track_caller]
    fn refused(&self, words: &str, reason: &str) {
        match self.run(words) {
            Ok(printed) => panic!("{words}: {printed}"),
            Err(error) => {
                let said = format!("{error:#}");
                assert!(said.contains(reason), "{words}: {said}");
            }
        }
    }
}

/// Each of these members of an object has that value.
#[track_caller]
fn has(object: &Value, members: Value) {
    for (name, value) in members.as_object().into_iter().flatten() {
        assert_eq!(&object[name], value, "{name} of {object:#}");
    }
}

/// The values of a column, in order.
fn column(list: &Value, name: &str) -> Vec<Value> {
    let rows = list.as_array().into_iter().flatten();
    let mut values: Vec<Value> = rows.map(|row| row[name].clone()).collect();
    values.sort_by_key(Value::to_string);
    values
}

#[test]
fn the_openstack_client_manages_networks() {
    if !need(&[Part::Namespaces, Part::OpenVswitch, Part::OpenStack]) {
        return;
    }
    let client = Client::start();
    let blue = client.json("network create blue");
    has(
        &blue,
        json!({
            "name": "blue", "admin_state_up": true, "shared": false, "status": "ACTIVE",
            "project_id": "tenant", "provider:network_type": "vxlan", "mtu": 1450,
            "port_security_enabled": true, "subnets": [], "description": "",
        }),
    );
    let red = client.json(
        "network create red --description the~red~one --mtu 1400 --disable --share \
         --provider-network-type geneve --provider-segment 77 --disable-port-security",
    );
    has(
        &red,
        json!({
            "description": "the red one", "mtu": 1400, "admin_state_up": false, "shared": true,
            "provider:network_type": "geneve", "provider:segmentation_id": 77,
            "port_security_enabled": false,
        }),
    );
    client.done("network set blue --name azure --description hello --mtu 1300 --disable");
    let azure = client.json("network show azure");
    has(
        &azure,
        json!({
            "id": blue["id"], "description": "hello", "mtu": 1300, "admin_state_up": false,
            "revision_number": 2,
        }),
    );
    let all = client.json("network list --long");
    assert_eq!(column(&all, "Name"), ["azure", "red"]);
    assert_eq!(column(&all, "Network Type"), ["geneve", "vxlan"]);
    let some = client.json("network list --share --provider-network-type geneve --disable");
    assert_eq!(column(&some, "ID"), [red["id"].clone()]);
    assert_eq!(client.json("network list --enable"), json!([]));
    client.refused(
        "network create bad --provider-network-type geneve --provider-segment 77",
        "The tunnel ID 77 is in use",
    );
    client.done("network delete azure red");
    assert_eq!(client.json("network list"), json!([]));
    client.refused("network show azure", "No Network found for azure");
}

#[test]
fn the_openstack_client_manages_subnets() {
    if !need(&[Part::Namespaces, Part::OpenVswitch, Part::OpenStack]) {
        return;
    }
    let client = Client::start();
    let network = client.cloud.create("network", json!({ "name": "blue" }));
    let four = client.json(
        "subnet create four --network blue --subnet-range 10.0.0.5/24 --dns-nameserver 9.9.9.9 \
         --host-route destination=192.0.2.0/24,gateway=10.0.0.9 \
         --allocation-pool start=10.0.0.10,end=10.0.0.20",
    );
    let route = |destination, nexthop| json!({ "destination": destination, "nexthop": nexthop });
    has(
        &four,
        json!({
            "name": "four", "network_id": network["id"], "cidr": "10.0.0.0/24", "ip_version": 4,
            "gateway_ip": "10.0.0.1", "enable_dhcp": true, "dns_nameservers": ["9.9.9.9"],
            "allocation_pools": [{ "start": "10.0.0.10", "end": "10.0.0.20" }],
            "host_routes": [route("192.0.2.0/24", "10.0.0.9")],
        }),
    );
    let six = client.json(
        "subnet create six --network blue --ip-version 6 --subnet-range 2001:db8::/64 \
         --ipv6-ra-mode slaac --ipv6-address-mode slaac",
    );
    has(
        &six,
        json!({ "gateway_ip": "2001:db8::1", "ipv6_ra_mode": "slaac", "ip_version": 6 }),
    );
    client.done(
        "subnet set four --name quatre --description d --gateway 10.0.0.2 --no-dhcp \
         --dns-nameserver 8.8.8.8 --host-route destination=198.51.100.0/24,gateway=10.0.0.8",
    );
    client.done(
        "subnet unset quatre --dns-nameserver 9.9.9.9 \
         --host-route destination=192.0.2.0/24,gateway=10.0.0.9",
    );
    has(
        &client.json("subnet show quatre"),
        json!({
            "id": four["id"], "description": "d", "gateway_ip": "10.0.0.2", "enable_dhcp": false,
            "dns_nameservers": ["8.8.8.8"], "host_routes": [route("198.51.100.0/24", "10.0.0.8")],
        }),
    );
    let all = client.json("subnet list --network blue --long");
    assert_eq!(column(&all, "Name"), ["quatre", "six"]);
    let some = client.json("subnet list --ip-version 4 --no-dhcp --gateway 10.0.0.2");
    assert_eq!(column(&some, "Subnet"), ["10.0.0.0/24"]);
    client.refused(
        "subnet create bad --network blue --subnet-range 10.0.0.0/25",
        "overlaps with another subnet",
    );
    client.done("subnet delete quatre six");
    assert_eq!(client.json("subnet list"), json!([]));
}

#[test]
fn the_openstack_client_manages_ports() {
    if !need(&[Part::Namespaces, Part::OpenVswitch, Part::OpenStack]) {
        return;
    }
    let client = Client::start();
    let network = client.cloud.create("network", json!({ "name": "blue" }));
    let subnet = json!({
        "network_id": network["id"], "ip_version": 4, "cidr": "10.0.0.0/24", "enable_dhcp": false,
    });
    let subnet = client.cloud.create("subnet", subnet)["id"].clone();
    let address = |ip| json!([{ "subnet_id": subnet, "ip_address": ip }]);
    let one = client.json(
        "port create one --network blue --fixed-ip ip-address=10.0.0.77 --mac-address \
         02:00:00:00:00:07 --device server-1 --device-owner compute:nova --host hv1 \
         --binding-profile a=b --vnic-type normal \
         --allowed-address ip-address=10.0.0.99,mac-address=02:00:00:00:00:99",
    );
    has(
        &one,
        json!({
            "name": "one", "network_id": network["id"], "mac_address": "02:00:00:00:00:07",
            "fixed_ips": address("10.0.0.77"), "device_id": "server-1", "status": "DOWN",
            "device_owner": "compute:nova", "binding_host_id": "hv1", "admin_state_up": true,
            "binding_profile": { "a": "b" }, "binding_vnic_type": "normal",
            "port_security_enabled": true, "project_id": "tenant",
            "allowed_address_pairs":
                [{ "ip_address": "10.0.0.99", "mac_address": "02:00:00:00:00:99" }],
        }),
    );
    let free = client.json("port create two --network blue --no-fixed-ip --disable");
    has(&free, json!({ "fixed_ips": [], "admin_state_up": false }));
    client.refused(
        "port create bad --network blue --mac-address 02:00:00:00:00:07",
        "The mac address 02:00:00:00:00:07 is in use",
    );
    client.refused(
        "port create bad --network blue --fixed-ip ip-address=10.0.0.77",
        "10.0.0.77",
    );
    client.refused("network delete blue", &text(&one["id"]));
    client.done(&format!(
        "port unset one --host --binding-profile a \
         --fixed-ip subnet={},ip-address=10.0.0.77 \
         --allowed-address ip-address=10.0.0.99,mac-address=02:00:00:00:00:99",
        text(&subnet)
    ));
    client.done(
        "port set one --name eins --description d --disable --disable-port-security \
         --fixed-ip ip-address=10.0.0.44 --device server-2",
    );
    has(
        &client.json("port show eins"),
        json!({
            "id": one["id"], "description": "d", "admin_state_up": false, "device_id": "server-2",
            "fixed_ips": address("10.0.0.44"), "port_security_enabled": false,
            "allowed_address_pairs": [], "binding_profile": {}, "binding_host_id": "",
        }),
    );
    let some = client.json("port list --network blue --fixed-ip ip-address=10.0.0.44 --long");
    assert_eq!(column(&some, "ID"), [one["id"].clone()]);
    let some = client.json("port list --device-id server-2 --mac-address 02:00:00:00:00:07");
    assert_eq!(column(&some, "Name"), ["eins"]);
    client.done("port delete eins two");
    assert_eq!(client.json("port list"), json!([]));
    client.done("network delete blue");
}

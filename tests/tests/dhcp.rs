//! DHCP with stock clients, through a whole lease: what they are told, renewing, being refused a wrong
//! address, and giving an address back.

use rustix::process::Signal;
use serde_json::{Value, json};
use weft_tests::cloud::{Cloud, Port, text};
use weft_tests::host::Host;
use weft_tests::traffic::{DhcpClient, Lease, dhcp, dhcp_with_options, end_dhclient, udhcpc};
use weft_tests::{Part, need, wait};

const PARTS: [Part; 3] = [Part::OpenVswitch, Part::Namespaces, Part::DhcpClients];

/// A cloud with one machine, whose subnet has everything that hosts can be told.
struct One {
    cloud: Cloud,
    subnet: String,
    port: Port,
    host: Host,
}

impl One {
    #[track_caller]
    fn start() -> One {
        let mut cloud = Cloud::start(1, &["--dhcp-lease", "7200"]);
        let network = json!({ "name": "blue", "mtu": 1400, "project_id": "blue" });
        let network = text(&cloud.create("network", network)["id"]);
        let subnet = json!({
            "network_id": network, "project_id": "blue", "ip_version": 4, "cidr": "10.0.0.0/24",
            "gateway_ip": "10.0.0.1", "dns_nameservers": ["9.9.9.9", "8.8.8.8"],
            "host_routes": [{ "destination": "198.51.100.0/24", "nexthop": "10.0.0.9" }],
        });
        let subnet = text(&cloud.create("subnet", subnet)["id"]);
        let port = cloud.port(&network, "one");
        let host = cloud.plug(1, "m", &port);
        cloud.wait_for_status(&port, "ACTIVE");
        One {
            cloud,
            subnet,
            port,
            host,
        }
    }

    /// Changes the subnet or the port.
    #[track_caller]
    fn change(&self, kind: &str, id: &str, attributes: Value) {
        let body = json!({ kind: attributes });
        self.cloud
            .api("PUT", &format!("/v2.0/{kind}s/{id}"), Some(&body), 200);
    }

    /// Asks with udhcpc until the answer has that value.
    #[track_caller]
    fn lease_until(&self, name: &str, value: &str) {
        wait::until(&format!("a lease with {name}={value}"), || {
            let lease = dhcp(DhcpClient::Udhcpc, &self.host);
            let found = lease.get(name).map(String::as_str) == Some(value);
            if found { Ok(()) } else { Err(lease) }
        });
    }

    /// Waits until the controller has logged that.
    #[track_caller]
    fn wait_for_log(&mut self, words: &str) {
        wait::until(&format!("the controller says {words:?}"), || {
            let log = self.cloud.controller().log();
            if log.contains(words) { Ok(()) } else { Err(()) }
        });
    }
}

/// What a lease says, by the client's own names.
#[track_caller]
fn says(lease: &Lease, rows: &[(&str, &str)]) {
    for (name, value) in rows {
        let found = lease.get(*name).map(String::as_str);
        assert_eq!(found, Some(*value), "{name} of {lease:?}");
    }
}

#[test]
fn udhcpc_is_told_what_the_subnet_says() {
    if !need(&PARTS) {
        return;
    }
    let one = One::start();
    let options = ["-O", "msstaticroutes", "-O", "hostname"];
    let lease = dhcp_with_options(DhcpClient::Udhcpc, &one.host, &options);
    let routes = "198.51.100.0/24 10.0.0.9 0.0.0.0/0 10.0.0.1";
    let name = format!("host-{}", one.port.ip.replace('.', "-"));
    let rows = [
        ("ip", one.port.ip.as_str()),
        ("mask", "24"),
        ("router", "10.0.0.1"),
        ("dns", "9.9.9.9 8.8.8.8"),
        ("staticroutes", routes),
        ("msstaticroutes", routes),
        ("mtu", "1400"),
        ("lease", "7200"),
        ("hostname", &name),
        ("domain", "openstacklocal"),
        ("broadcast", "10.0.0.255"),
    ];
    says(&lease, &rows);
    let link = one.host.run(&["ip", "address", "show", "eth0"]);
    assert!(link.contains("mtu 1400"), "{link}");
}

#[test]
fn dhclient_is_told_what_the_subnet_says() {
    if !need(&PARTS) {
        return;
    }
    let one = One::start();
    let lease = dhcp(DhcpClient::Dhclient, &one.host);
    let rows = [
        ("new_ip_address", one.port.ip.as_str()),
        ("new_subnet_mask", "255.255.255.0"),
        ("new_routers", "10.0.0.1"),
        ("new_domain_name_servers", "9.9.9.9 8.8.8.8"),
        (
            "new_rfc3442_classless_static_routes",
            "24 198 51 100 10 0 0 9 0 10 0 0 1",
        ),
        ("new_interface_mtu", "1400"),
        ("new_dhcp_lease_time", "7200"),
        ("new_domain_name", "openstacklocal"),
    ];
    says(&lease, &rows);
}

#[test]
fn a_lease_is_renewed_and_given_back() {
    if !need(&PARTS) {
        return;
    }
    let mut one = One::start();
    let mut client = udhcpc(&one.host);
    let granted = format!("lease of {} obtained", one.port.ip);
    let wait_for_leases = |client: &weft_tests::process::Process, count| {
        wait::until(&format!("{count} leases"), || {
            let log = client.log();
            if log.matches(&granted).count() == count {
                Ok(())
            } else {
                Err(log)
            }
        });
    };
    wait_for_leases(&client, 1);
    client.signal(Signal::USR1);
    wait_for_leases(&client, 2);
    assert!(
        client.log().contains("sending renew to server"),
        "{}",
        client.log()
    );
    client.signal(Signal::USR2);
    one.wait_for_log(&format!("the client released {}", one.port.ip));
}

#[test]
fn a_client_that_wants_an_address_it_has_no_more_is_refused_and_gets_the_right_one() {
    if !need(&PARTS) {
        return;
    }
    let mut one = One::start();
    let old = dhcp(DhcpClient::Dhclient, &one.host);
    assert_eq!(old["new_ip_address"], one.port.ip);
    end_dhclient(&one.host, false);
    one.host
        .run(&["ip", "-4", "address", "flush", "dev", "eth0"]);
    let path = format!("/v2.0/ports/{}", one.port.id);
    let body = json!({ "port": { "fixed_ips": [{ "ip_address": "10.0.0.200" }] } });
    one.cloud.api("PUT", &path, Some(&body), 200);
    wait::until("the new address has flows", || {
        let flows = one.cloud.lab.hypervisor(1).flows("br-int");
        let own = |flow: &String| flow.contains("nw_src=10.0.0.200");
        if flows.iter().any(own) {
            Ok(())
        } else {
            Err(flows.len())
        }
    });
    // It remembers the old one and asks for that first (RFC 2131, 3.2).
    let lease = dhcp(DhcpClient::Dhclient, &one.host);
    assert_eq!(lease["new_ip_address"], "10.0.0.200");
    one.wait_for_log(&format!("refused {}", one.port.ip));
    end_dhclient(&one.host, true);
    one.wait_for_log("the client released 10.0.0.200");
}

#[test]
fn a_machine_is_told_what_has_changed_and_nothing_when_dhcp_is_off() {
    if !need(&PARTS) {
        return;
    }
    let one = One::start();
    one.lease_until("dns", "9.9.9.9 8.8.8.8");
    one.change(
        "subnet",
        &one.subnet,
        json!({ "dns_nameservers": ["1.1.1.1"] }),
    );
    one.lease_until("dns", "1.1.1.1");
    one.change(
        "subnet",
        &one.subnet,
        json!({ "gateway_ip": null, "host_routes": [] }),
    );
    one.lease_until("dns", "1.1.1.1");
    wait::until("no router", || {
        let lease = dhcp(DhcpClient::Udhcpc, &one.host);
        let told = lease.contains_key("router") || lease.contains_key("staticroutes");
        if told { Err(lease) } else { Ok(()) }
    });

    one.change("subnet", &one.subnet, json!({ "enable_dhcp": false }));
    wait::until("nobody answers", || {
        let words = "udhcpc -f -q -n -t 1 -T 1 -i eth0 -s /bin/true";
        let words: Vec<&str> = words.split(' ').collect();
        match one.host.try_run(&words) {
            Ok(leased) => Err(leased),
            Err(_) => Ok(()),
        }
    });
    one.change("subnet", &one.subnet, json!({ "enable_dhcp": true }));
    wait::until("the switch takes questions again", || {
        let meters = one
            .cloud
            .lab
            .hypervisor(1)
            .ofctl(&["dump-meters", "br-int"]);
        if meters.contains("meter=") {
            Ok(())
        } else {
            Err(meters)
        }
    });
    one.lease_until("ip", &one.port.ip);

    // Another Ethernet address of port and machine.
    one.change(
        "port",
        &one.port.id,
        json!({ "mac_address": "02:00:00:00:00:42" }),
    );
    let address = ["link", "set", "eth0", "address", "02:00:00:00:00:42"];
    one.host.run(&[&["ip"][..], &address].concat());
    one.lease_until("ip", &one.port.ip);
}

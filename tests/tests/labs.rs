//! The labs prove themselves: stock tools make what Weft will make, and packets arrive.
//!
//! A failure here says that the machine or a lab is broken, not Weft.

use std::collections::BTreeMap;
use std::net::{TcpListener, UdpSocket};

use weft_tests::hypervisor::Hypervisor;
use weft_tests::traffic::{DhcpClient, Ping, dhcp};
use weft_tests::{Part, dummy, need, netns, process, wait};

/// An Ethernet frame with a mark in its payload.
fn frame(mark: u8) -> Vec<u8> {
    let mut frame = vec![
        0xfa, 0x16, 0x3e, 0, 0, 2, 0xfa, 0x16, 0x3e, 0, 0, 1, 0x88, 0xb5,
    ];
    frame.extend([mark; 46]);
    frame
}

/// A tenant bridge with one port and a tunnel to wherever the flow says, made by hand.
fn make_bridge(hypervisor: &Hypervisor, peer: &Hypervisor) {
    hypervisor.vsctl(&[
        "add-br",
        "br-int",
        "--",
        "set",
        "Bridge",
        "br-int",
        "datapath_type=dummy",
        "fail_mode=secure",
        "--",
        "add-port",
        "br-int",
        "vxlan",
        "--",
        "set",
        "Interface",
        "vxlan",
        "type=vxlan",
        "options:remote_ip=flow",
        "options:key=flow",
        "ofport_request=100",
    ]);
    hypervisor.add_dummy_port("br-int", "p1", Some(1), Some("port-1"));
    let peer = peer.underlay();
    let out =
        format!("in_port=1,actions=set_field:77->tun_id,set_field:{peer}->tun_dst,output:100");
    hypervisor.ofctl(&["add-flow", "br-int", &out]);
    let back = format!("in_port=100,tun_id=77,tun_src={peer},actions=output:1");
    hypervisor.ofctl(&["add-flow", "br-int", &back]);
}

/// Injects until the packet arrives: the first ones only start the neighbour's discovery.
#[track_caller]
fn crosses(from: &Hypervisor, to: &Hypervisor, mark: u8) {
    wait::until("a packet crosses the tunnel", || {
        from.inject("p1", &frame(mark));
        let received = to.received("p1");
        if received.contains(&frame(mark)) {
            Ok(())
        } else {
            Err(received)
        }
    });
}

#[test]
fn in_the_dummy_lab_a_packet_crosses_a_tunnel_made_by_hand() {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let mut lab = dummy::Lab::start(3);
    // From the second to the third the wires lead through the first.
    make_bridge(lab.hypervisor(2), lab.hypervisor(3));
    make_bridge(lab.hypervisor(3), lab.hypervisor(2));
    assert_eq!(lab.hypervisor(2).ofport("p1"), 1);
    assert_eq!(lab.hypervisor(2).flows("br-int").len(), 2);
    crosses(lab.hypervisor(2), lab.hypervisor(3), 1);
    crosses(lab.hypervisor(3), lab.hypervisor(2), 2);

    // The switch that was killed has lost its flows, and nothing else.
    lab.hypervisor_mut(3).restart_vswitchd();
    assert!(lab.hypervisor(3).flows("br-int").is_empty());
    lab.hypervisor(3).ofctl(&[
        "add-flow",
        "br-int",
        "in_port=100,tun_id=77,actions=output:1",
    ]);
    crosses(lab.hypervisor(2), lab.hypervisor(3), 3);
}

#[test]
fn in_the_dummy_lab_the_tunnel_carries_the_network_number() {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let lab = dummy::Lab::start(2);
    let (one, two) = (lab.hypervisor(1), lab.hypervisor(2));
    make_bridge(one, two);
    make_bridge(two, one);
    crosses(one, two, 1);
    // Only tenant 77's packets are let out there; one of tenant 78 is sent before one of 77.
    let send_as = |tenant: u32| {
        let to = two.underlay();
        let actions = format!("set_field:{tenant}->tun_id,set_field:{to}->tun_dst,output:100");
        one.ofctl(&[
            "mod-flows",
            "br-int",
            &format!("in_port=1,actions={actions}"),
        ]);
        one.revalidate();
    };
    send_as(78);
    one.inject("p1", &frame(2));
    send_as(77);
    crosses(one, two, 3);
    assert!(!two.received("p1").contains(&frame(2)));
}

#[test]
fn a_refused_command_is_told_in_the_daemon_s_words() {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let lab = dummy::Lab::start(1);
    let refused = lab
        .hypervisor(1)
        .try_appctl("netdev-dummy/receive", &["nowhere", "00"]);
    let words = refused.expect_err("there is no such port").to_string();
    assert!(words.contains("no such dummy netdev"), "{words}");
}

#[test]
fn a_hypervisor_calls_its_manager_and_says_who_it_is() {
    if !need(&[Part::OpenVswitch]) {
        return;
    }
    let mut lab = dummy::Lab::start(1);
    let manager = TcpListener::bind((lab.address(1), 6640)).expect("a port");
    let target = format!("tcp:{}:6640", lab.address(1));
    lab.hypervisor(1).set_manager(&target);
    drop(manager.accept().expect("a connection"));
    let id = lab
        .hypervisor(1)
        .get("Open_vSwitch", ".", "external_ids:system-id");
    assert_eq!(id, "hv1");
    lab.hypervisor_mut(1).restart_ovsdb();
    drop(manager.accept().expect("another connection"));
}

/// What a network without Weft would be: a learning switch and static tunnels.
fn join_by_hand(lab: &netns::Lab) {
    for hypervisor in lab.hypervisors() {
        hypervisor.vsctl(&[
            "add-br",
            "br-int",
            "--",
            "set",
            "Bridge",
            "br-int",
            "datapath_type=netdev",
        ]);
        for peer in lab.hypervisors() {
            let (name, remote) = (format!("to-{}", peer.system_id()), peer.underlay());
            if remote != hypervisor.underlay() {
                hypervisor.vsctl(&[
                    "add-port",
                    "br-int",
                    &name,
                    "--",
                    "set",
                    "Interface",
                    &name,
                    "type=vxlan",
                    &format!("options:remote_ip={remote}"),
                    "options:key=5",
                    &format!("options:local_ip={}", hypervisor.underlay()),
                ]);
            }
        }
    }
}

#[test]
fn in_the_netns_lab_virtual_machines_reach_each_other_and_lose_nothing() {
    if !need(&[Part::OpenVswitch, Part::Namespaces]) {
        return;
    }
    let mut lab = netns::Lab::start(2);
    join_by_hand(&lab);
    let one = lab.plug(1, "a", "fa:16:3e:00:00:01", "11111111-1111-1111");
    let two = lab.plug(2, "b", "fa:16:3e:00:00:02", "22222222-2222-2222");
    one.run(&["ip", "address", "add", "10.0.0.1/24", "dev", "eth0"]);
    two.run(&["ip", "address", "add", "10.0.0.2/24", "dev", "eth0"]);
    let tap = lab
        .hypervisor(1)
        .get("Interface", "tap11111111-11", "external_ids:iface-id");
    assert_eq!(tap, "11111111-1111-1111");

    // The first packets wait for the neighbours to be found.
    Ping::start(&one, "10.0.0.2").wait_for_answers(1);
    let ping = Ping::start(&one, "10.0.0.2");
    ping.wait_for_answers(50);
    let pinged = ping.stop();
    assert!(pinged.sent >= 50, "{pinged:?}");
    assert_eq!(
        (&pinged.lost[..], &pinged.duplicated[..]),
        (&[][..], &[][..])
    );

    // TCP crosses only when checksums are right.
    let listener = two
        .enter(|| TcpListener::bind("10.0.0.2:80"))
        .expect("a port");
    let client = one
        .connect("10.0.0.2:80".parse().expect("an address"))
        .expect("a connection");
    drop((listener.accept().expect("the connection"), client));

    // A ping that is cut tells what it lost.
    let ping = Ping::start(&one, "10.0.0.2");
    ping.wait_for_answers(5);
    lab.hypervisor(1)
        .vsctl(&["set", "Interface", "to-hv2", "options:key=6"]);
    ping.wait_for_sent(30);
    lab.hypervisor(1)
        .vsctl(&["set", "Interface", "to-hv2", "options:key=5"]);
    ping.wait_for_answers(5);
    let pinged = ping.stop();
    assert!(
        !pinged.lost.is_empty() && !pinged.lost.contains(&1),
        "{pinged:?}"
    );

    lab.migrate("b", 1);
    Ping::start(&one, "10.0.0.2").wait_for_answers(1);
    lab.unplug("b");
    assert!(
        !lab.hypervisor(1)
            .vsctl(&["list-ports", "br-int"])
            .contains("tap2")
    );
    assert!(
        one.try_run(&["ping", "-c", "1", "-w", "1", "10.0.0.2"])
            .is_err()
    );
}

#[test]
fn in_the_netns_lab_hypervisors_reach_the_fabric_also_after_a_restart() {
    if !need(&[Part::OpenVswitch, Part::Namespaces]) {
        return;
    }
    let mut lab = netns::Lab::start(1);
    let manager = lab
        .fabric()
        .enter(|| TcpListener::bind((netns::FABRIC, 6640)))
        .expect("a port");
    lab.hypervisor(1)
        .set_manager(&format!("tcp:{}:6640", netns::FABRIC));
    drop(manager.accept().expect("a connection"));
    lab.hypervisor_mut(1).restart_vswitchd();
    let address = lab
        .hypervisor(1)
        .host()
        .run(&["ip", "-brief", "address", "show", "br-phy"]);
    assert!(address.contains("172.31.0.1/24"), "{address}");
    Ping::start(lab.fabric(), "172.31.0.1").wait_for_answers(1);
}

#[test]
fn in_the_netns_lab_a_member_can_be_cut_off_and_a_bridge_reaches_the_outside() {
    if !need(&[Part::OpenVswitch, Part::Namespaces]) {
        return;
    }
    let lab = netns::Lab::start(1);
    let member = lab.add_member(1);
    let target = netns::member_address(1).to_string();
    let hypervisor = lab.hypervisor(1);
    let ping = Ping::start(hypervisor.host(), &target);
    ping.wait_for_answers(5);
    member.run(&["ip", "link", "set", "mgmt0", "down"]);
    ping.wait_for_sent(60);
    member.run(&["ip", "link", "set", "mgmt0", "up"]);
    ping.wait_for_answers(5);
    assert!(ping.stop().lost.len() >= 5);

    let make = "add-br br-ex -- set Bridge br-ex datapath_type=netdev -- add-port br-ex ext0";
    hypervisor.vsctl(&make.split(' ').collect::<Vec<_>>());
    let host = hypervisor.host();
    host.run(&["ip", "address", "add", "203.0.113.1/24", "dev", "br-ex"]);
    host.run(&["ip", "link", "set", "br-ex", "up"]);
    Ping::start(host, netns::OUTSIDE).wait_for_answers(1);
}

#[test]
fn an_api_in_the_fabric_is_reached_over_http() {
    if !need(&[Part::OpenVswitch, Part::Namespaces]) {
        return;
    }
    use std::io::{Read, Write};
    let lab = netns::Lab::start(0);
    let api = lab
        .fabric()
        .enter(|| TcpListener::bind((netns::FABRIC, 9696)))
        .expect("a port");
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = api.accept().expect("a connection");
        let mut request = [0; 4096];
        let length = stream.read(&mut request).expect("a request");
        stream
            .write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 11\r\n\r\n{\"id\":\"n1\"}")
            .expect("an answer");
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let url = format!("http://{}:9696/v2.0/networks", netns::FABRIC);
    let body = serde_json::json!({"network": {"name": "blue"}});
    let answer = lab
        .fabric()
        .http("POST", &url, &[("X-Project-Id", "p")], Some(&body));
    let answer = answer.expect("an answer");
    assert_eq!((answer.status, &answer.json()["id"]), (201, &"n1".into()));
    let request = answering.join().expect("a request");
    assert!(
        request.starts_with("POST /v2.0/networks HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("X-Project-Id: p\r\n") && request.ends_with(&body.to_string()));
}

/// A DHCP server (RFC 2131) with one address to give, for as many messages as there come.
fn serve_dhcp(socket: &UdpSocket) -> std::io::Result<()> {
    const SERVER: [u8; 4] = [10, 0, 0, 2];
    let mut message = [0; 1500];
    loop {
        let (length, _) = socket.recv_from(&mut message)?;
        let request = &message[..length];
        let options = options(&request[240..]);
        let kind = match options.get(&53).and_then(|kind| kind.first()) {
            Some(1) => 2,
            Some(3) => 5,
            _ => continue,
        };
        let mut reply = request[..240].to_vec();
        reply[0] = 2;
        reply[16..20].copy_from_slice(&[10, 0, 0, 77]);
        reply[20..24].copy_from_slice(&SERVER);
        reply.extend([53, 1, kind, 54, 4, 10, 0, 0, 2, 51, 4, 0, 0, 14, 16]);
        reply.extend([
            1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 0, 2, 26, 2, 5, 120, 255,
        ]);
        socket.send_to(&reply, "255.255.255.255:68")?;
    }
}

fn options(mut bytes: &[u8]) -> BTreeMap<u8, Vec<u8>> {
    let mut found = BTreeMap::new();
    while let [code, length, rest @ ..] = bytes
        && *code != 255
    {
        let Some((value, rest)) = rest.split_at_checked(usize::from(*length)) else {
            break;
        };
        found.insert(*code, value.to_vec());
        bytes = rest;
    }
    found
}

#[test]
fn dhcp_clients_take_a_lease_and_configure_the_interface() {
    if !need(&[Part::OpenVswitch, Part::Namespaces, Part::DhcpClients]) {
        return;
    }
    let mut lab = netns::Lab::start(1);
    join_by_hand(&lab);
    let server = lab.plug(1, "server", "fa:16:3e:00:00:02", "server");
    server.run(&["ip", "address", "add", "10.0.0.2/24", "dev", "eth0"]);
    server.run(&["ip", "route", "add", "255.255.255.255", "dev", "eth0"]);
    let socket = server
        .enter(|| UdpSocket::bind("0.0.0.0:67"))
        .expect("a port");
    socket.set_broadcast(true).expect("broadcast");
    // Ends with the test's process.
    std::thread::spawn(move || serve_dhcp(&socket));

    let clients = [
        (DhcpClient::Udhcpc, "ip"),
        (DhcpClient::Dhclient, "new_ip_address"),
    ];
    for (client, variable) in clients {
        let name = format!("{client:?}");
        let host = lab.plug(1, &name, "fa:16:3e:00:00:03", &name);
        let lease = dhcp(client, &host);
        assert_eq!(
            lease.get(variable).map(String::as_str),
            Some("10.0.0.77"),
            "{lease:?}"
        );
        let link = host.run(&["ip", "address", "show", "eth0"]);
        assert!(
            link.contains("10.0.0.77/24") && link.contains("mtu 1400"),
            "{link}"
        );
        assert!(host.run(&["ip", "route"]).contains("default via 10.0.0.2"));
        lab.unplug(&name);
    }
}

#[test]
fn the_database_answers_over_its_socket() {
    if !need(&[Part::Postgres]) {
        return;
    }
    let url = std::env::var("WEFT_TEST_POSTGRES").expect("the variable that was just found");
    let mut psql = process::command("psql");
    psql.args([&url, "--no-psqlrc", "-Atc", "select 6 * 7"]);
    assert_eq!(process::output(psql).expect("an answer").trim(), "42");
}

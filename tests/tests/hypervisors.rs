//! The main job, end to end: from an API call to a ping between machines on Open vSwitch hypervisors.

use weft_tests::cloud::Cloud;
use weft_tests::traffic::{DhcpClient, Ping, dhcp};
use weft_tests::{Part, need};

#[test]
fn machines_on_two_hypervisors_get_addresses_and_reach_each_other() {
    if !need(&[Part::OpenVswitch, Part::Namespaces, Part::DhcpClients]) {
        return;
    }
    let mut cloud = Cloud::start(2, &[]);
    let network = cloud.network("blue", "vxlan", "10.0.0.0/24");
    let (one, two) = (cloud.port(&network, "one"), cloud.port(&network, "two"));
    cloud.wait_for_status(&one, "DOWN");
    let a = cloud.plug(1, "a", &one);
    let b = cloud.plug(2, "b", &two);
    cloud.wait_for_status(&one, "ACTIVE");
    cloud.wait_for_status(&two, "ACTIVE");
    let lease = dhcp(DhcpClient::Udhcpc, &a);
    assert_eq!(lease["ip"], one.ip);
    let lease = dhcp(DhcpClient::Dhclient, &b);
    assert_eq!(lease["new_ip_address"], two.ip);
    let ping = Ping::start(&a, &two.ip);
    ping.wait_for_answers(50);
    let pinged = ping.stop();
    assert!(pinged.lost.len() <= 2, "{pinged:?}");
}

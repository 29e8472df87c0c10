//! DHCPv4 as a client sees it: frames in, frames out. The frames in are made by hand or by
//! etherparse; the frames out are compared with bytes made by hand, or read by dhcproto.

mod client;

use std::net::Ipv4Addr;

use client::{CLIENT_MAC, Client, Got, SERVER_MAC, facts, hex};
use dhcproto::v4::{DhcpOption, MessageType, OptionCode};
use ipnet::Ipv4Net;
use proptest::prelude::*;
use rust_openflow::MacAddr;
use weft_responders::dhcp4::Facts;
use weft_responders::{Event, Reply, Responder};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const NONE: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

/// A DHCPDISCOVER as it is on the wire: figure 1 of RFC 2131 with the options of RFC 2132.
const DISCOVER: &str = "
    ff ff ff ff ff ff  fa 16 3e 00 00 05  08 00     # Ethernet: broadcast, client, IPv4
    45 00 01 1a 00 00 40 00 40 11 39 d4             # IPv4: 282 bytes, DF, TTL 64, UDP
    00 00 00 00  ff ff ff ff                        # 0.0.0.0 -> 255.255.255.255
    00 44 00 43 01 06 00 00                         # UDP: 68 -> 67, 262 bytes, no checksum
    01 01 06 00                                     # BOOTREQUEST, Ethernet, 6, hops 0
    39 03 f3 26  00 03  00 00                       # xid, 3 seconds, flags
    00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00      # ciaddr yiaddr siaddr giaddr
    fa 16 3e 00 00 05 00 00 00 00 00 00 00 00 00 00         # chaddr
    @192                                            # sname, file
    63 82 53 63                                     # magic cookie
    35 01 01                                        # message type: DHCPDISCOVER
    37 06 03 01 06 33 79 1a                         # parameters: 3, 1, 6, 51, 121, 26
    ff                                              # end
    00 00                                           # padding
";

/// The DHCPOFFER that answers it.
const OFFER: &str = "
    fa 16 3e 00 00 05  fa 16 3e 00 00 02  08 00     # Ethernet: client, server, IPv4
    45 00 01 48 00 00 40 00 40 11 25 9f             # IPv4: 328 bytes, DF, TTL 64, UDP
    0a 00 00 02  0a 00 00 05                        # 10.0.0.2 -> 10.0.0.5
    00 43 00 44 01 34 0b a9                         # UDP: 67 -> 68, 308 bytes
    02 01 06 00                                     # BOOTREPLY, Ethernet, 6, hops 0
    39 03 f3 26  00 00  00 00                       # xid, seconds, flags
    00 00 00 00  0a 00 00 05  00 00 00 00  00 00 00 00      # ciaddr yiaddr siaddr giaddr
    fa 16 3e 00 00 05 00 00 00 00 00 00 00 00 00 00         # chaddr
    @192                                            # sname, file
    63 82 53 63                                     # magic cookie
    35 01 02                                        # message type: DHCPOFFER
    36 04 0a 00 00 02                               # server identifier
    33 04 00 01 51 80                               # lease: 86400 seconds
    01 04 ff ff ff 00                               # mask
    03 04 0a 00 00 01                               # router
    06 08 08 08 08 08 08 08 04 04                   # resolvers
    79 0d 11 0a e5 80 0a 00 00 fe  00 0a 00 00 01   # 10.229.128.0/17 by .254, default by .1
    1a 02 05 aa                                     # MTU 1450
    ff                                              # end
    @3                                              # padding to 300
";

fn respond(client: &Client) -> Reply {
    facts().respond(&client.frame())
}

fn answer(facts: &Facts, client: &Client) -> Got {
    Got::read(&facts.respond(&client.frame()))
}

fn ignored(client: &Client) -> Event {
    let reply = respond(client);
    assert_eq!(reply.frame, None);
    reply.event
}

fn address(code: u8, ip: Ipv4Addr) -> (u8, Vec<u8>) {
    (code, ip.octets().to_vec())
}

/// SELECTING: the server and the address that it offered.
fn selecting(server: Ipv4Addr, requested: Ipv4Addr) -> Client {
    Client::new(3).with([address(54, server), address(50, requested)])
}

/// RENEWING when unicast, REBINDING when broadcast.
fn extending(ciaddr: Ipv4Addr, destination: Ipv4Addr) -> Client {
    Client {
        source: ciaddr,
        destination,
        ciaddr,
        ..Client::new(3)
    }
}

#[test]
fn a_discover_is_answered_with_an_offer_byte_for_byte() {
    let reply = facts().respond(&hex(DISCOVER));
    assert_eq!(reply.event, Event::Dhcp4Offered { address: ADDRESS });
    assert_eq!(reply.frame.unwrap(), hex(OFFER));
}

#[test]
fn selecting_our_offer_is_acknowledged() {
    let got = answer(&facts(), &selecting(SERVER, ADDRESS));
    assert_eq!(got.event, Event::Dhcp4Leased { address: ADDRESS });
    assert_eq!(got.message_type(), MessageType::Ack);
    assert_eq!(got.message.yiaddr(), ADDRESS);
    assert_eq!(got.message.ciaddr(), NONE);
    assert_eq!(got.destination, (CLIENT_MAC, ADDRESS));
    assert_eq!(
        got.option(OptionCode::AddressLeaseTime),
        Some(&DhcpOption::AddressLeaseTime(86_400))
    );
}

#[test]
fn selecting_another_servers_offer_is_ignored() {
    assert_eq!(
        ignored(&selecting(OTHER, ADDRESS)),
        Event::Dhcp4OtherServer { server: OTHER }
    );
}

#[test]
fn selecting_our_server_with_a_wrong_address_is_refused() {
    let got = answer(&facts(), &selecting(SERVER, OTHER));
    assert_eq!(got.message_type(), MessageType::Nak);
}

#[test]
fn init_reboot_with_the_right_address_is_acknowledged() {
    let got = answer(&facts(), &Client::new(3).with([address(50, ADDRESS)]));
    assert_eq!(got.message_type(), MessageType::Ack);
    assert_eq!(got.message.yiaddr(), ADDRESS);
}

#[test]
fn init_reboot_with_a_wrong_address_is_refused_by_broadcast() {
    let got = answer(&facts(), &Client::new(3).with([address(50, OTHER)]));
    assert_eq!(
        got.event,
        Event::Dhcp4Refused {
            requested: OTHER,
            address: ADDRESS
        }
    );
    assert_eq!(got.message_type(), MessageType::Nak);
    assert_eq!(got.message.yiaddr(), NONE);
    assert_eq!(got.destination, (MacAddr::BROADCAST, Ipv4Addr::BROADCAST));
    assert_eq!(got.codes(), [53, 54, 56], "nothing of a lease");
}

#[test]
fn renewing_and_rebinding_the_right_address_are_acknowledged_by_unicast() {
    for destination in [SERVER, Ipv4Addr::BROADCAST] {
        let got = answer(&facts(), &extending(ADDRESS, destination));
        assert_eq!(got.message_type(), MessageType::Ack);
        assert_eq!(got.message.ciaddr(), ADDRESS);
        assert_eq!(got.message.yiaddr(), ADDRESS);
        assert_eq!(got.destination, (CLIENT_MAC, ADDRESS));
    }
}

#[test]
fn renewing_and_rebinding_a_wrong_address_are_refused_by_broadcast() {
    for destination in [SERVER, Ipv4Addr::BROADCAST] {
        let got = answer(&facts(), &extending(OTHER, destination));
        assert_eq!(got.message_type(), MessageType::Nak);
        assert_eq!(got.message.ciaddr(), NONE);
        assert_eq!(got.destination, (MacAddr::BROADCAST, Ipv4Addr::BROADCAST));
    }
}

#[test]
fn what_a_client_is_configured_with_goes_before_what_it_requests() {
    let renewing = |ciaddr, requested| {
        let client = extending(ciaddr, SERVER).with([address(50, requested)]);
        answer(&facts(), &client).message_type()
    };
    assert_eq!(renewing(ADDRESS, OTHER), MessageType::Ack);
    assert_eq!(renewing(OTHER, ADDRESS), MessageType::Nak);
}

#[test]
fn a_renewal_sent_to_another_server_is_ignored() {
    assert_eq!(
        ignored(&extending(ADDRESS, OTHER)),
        Event::Dhcp4OtherServer { server: OTHER }
    );
}

#[test]
fn a_request_that_names_no_address_is_ignored() {
    assert_eq!(ignored(&Client::new(3)), Event::Dhcp4NothingRequested {});
    assert_eq!(ignored(&Client::new(4)), Event::Dhcp4NothingRequested {});
}

#[test]
fn a_decline_and_a_release_are_reported_and_not_answered() {
    let decline = Client::new(4).with([address(54, SERVER), address(50, ADDRESS)]);
    assert_eq!(ignored(&decline), Event::Dhcp4Declined { address: ADDRESS });
    let release = Client {
        ciaddr: ADDRESS,
        destination: SERVER,
        ..Client::new(7)
    };
    assert_eq!(ignored(&release), Event::Dhcp4Released { address: ADDRESS });
}

#[test]
fn an_inform_gets_parameters_and_no_lease() {
    let inform = Client {
        ciaddr: OTHER,
        ..Client::new(8)
    };
    let got = answer(&facts(), &inform.with([(55, vec![1, 3, 51, 58, 59])]));
    assert_eq!(got.event, Event::Dhcp4Informed { address: OTHER });
    assert_eq!(got.message_type(), MessageType::Ack);
    assert_eq!(got.message.yiaddr(), NONE);
    assert_eq!(got.message.ciaddr(), OTHER);
    assert_eq!(got.destination, (CLIENT_MAC, OTHER));
    assert_eq!(got.codes(), [53, 54, 1, 3, 121, 6, 26]);
}

#[test]
fn an_inform_that_tells_no_address_is_answered_by_broadcast() {
    let got = answer(&facts(), &Client::new(8));
    assert_eq!(got.destination, (MacAddr::BROADCAST, Ipv4Addr::BROADCAST));
}

#[test]
fn rapid_commit_leases_at_once() {
    let got = answer(&facts(), &Client::new(1).with([(80, vec![])]));
    assert_eq!(got.event, Event::Dhcp4Leased { address: ADDRESS });
    assert_eq!(got.message_type(), MessageType::Ack);
    assert!(got.codes().contains(&80));
    assert!(!answer(&facts(), &Client::new(1)).codes().contains(&80));
}

#[test]
fn a_client_that_asks_for_broadcast_gets_it_until_it_has_an_address() {
    let asking = Client {
        flags: 0x8000,
        ..Client::new(1)
    };
    let got = answer(&facts(), &asking);
    assert_eq!(got.destination, (MacAddr::BROADCAST, Ipv4Addr::BROADCAST));
    assert!(got.message.flags().broadcast());
    let renewing = Client {
        flags: 0x8000,
        ..extending(ADDRESS, SERVER)
    };
    assert_eq!(
        answer(&facts(), &renewing).destination,
        (CLIENT_MAC, ADDRESS)
    );
}

#[test]
fn the_client_identifier_goes_back_in_every_answer() {
    let id = vec![0xff; 255];
    for client in [Client::new(1), selecting(SERVER, OTHER)] {
        let got = answer(&facts(), &client.with([(61, id.clone())]));
        assert_eq!(
            got.option(OptionCode::ClientIdentifier),
            Some(&DhcpOption::ClientIdentifier(id.clone()))
        );
        assert!(got.payload.len() <= 548);
    }
}

#[test]
fn a_client_identifier_that_does_not_fit_one_option_is_not_repeated() {
    let client = Client::new(1).with([(61, vec![1; 255]), (61, vec![2; 255])]);
    let got = answer(&facts(), &client);
    assert!(!got.codes().contains(&61));
    assert!(got.codes().contains(&121));
}

#[test]
fn the_parameter_request_list_gives_the_order_with_the_mask_before_the_router() {
    let all = Facts {
        hostname: Some("vm".into()),
        domain: Some("example.org".into()),
        ..facts()
    };
    let list = vec![249, 15, 3, 1, 28, 15, 42, 12, 59, 58, 6];
    let got = answer(&all, &Client::new(1).with([(55, list)]));
    assert_eq!(
        got.codes(),
        [53, 54, 51, 1, 249, 15, 3, 28, 12, 59, 58, 6, 121, 26]
    );
    assert_eq!(
        got.option(OptionCode::Renewal),
        Some(&DhcpOption::Renewal(43_200))
    );
    assert_eq!(
        got.option(OptionCode::Rebinding),
        Some(&DhcpOption::Rebinding(75_600))
    );
    assert_eq!(
        got.option(OptionCode::BroadcastAddr),
        Some(&DhcpOption::BroadcastAddr(Ipv4Addr::new(10, 0, 0, 255)))
    );
    assert_eq!(
        got.option(OptionCode::Hostname),
        Some(&DhcpOption::Hostname("vm".into()))
    );
    assert_eq!(
        got.option(OptionCode::DomainName),
        Some(&DhcpOption::DomainName("example.org".into()))
    );
}

#[test]
fn the_essential_options_are_given_unasked_and_the_others_not() {
    let named = Facts {
        hostname: Some("vm".into()),
        ..facts()
    };
    let got = answer(&named, &Client::new(1).with([(55, vec![42])]));
    assert_eq!(got.codes(), [53, 54, 51, 1, 3, 121, 6, 26]);
    let without_a_list = answer(&named, &Client::new(1));
    assert_eq!(
        without_a_list.codes(),
        [53, 54, 51, 1, 3, 121, 6, 26, 12, 28, 58, 59]
    );
}

#[test]
fn options_that_have_no_value_are_left_out() {
    let bare = Facts {
        gateway: None,
        dns: vec![],
        host_routes: vec![],
        hostname: Some(String::new()),
        ..facts()
    };
    let list = vec![1, 3, 6, 12, 15, 121, 249];
    let got = answer(&bare, &Client::new(1).with([(55, list)]));
    assert_eq!(got.codes(), [53, 54, 51, 1, 26]);
}

#[test]
fn values_that_a_client_could_not_use_are_left_out() {
    let odd = Facts {
        subnet: "10.0.0.4/31".parse().unwrap(),
        mtu: 67,
        ..facts()
    };
    let got = answer(&odd, &Client::new(1).with([(55, vec![28])]));
    assert_eq!(got.codes(), [53, 54, 51, 1, 3, 121, 6]);
}

/// The table of RFC 3442, "Classless Route Option Format".
#[test]
fn classless_routes_have_the_descriptors_of_rfc_3442() {
    let rows: [(&str, &[u8]); 9] = [
        ("10.0.0.0/8", &[8, 10]),
        ("10.0.0.0/24", &[24, 10, 0, 0]),
        ("10.17.0.0/16", &[16, 10, 17]),
        ("10.27.129.0/24", &[24, 10, 27, 129]),
        ("10.229.0.128/25", &[25, 10, 229, 0, 128]),
        ("10.198.122.47/32", &[32, 10, 198, 122, 47]),
        ("10.229.128.0/17", &[17, 10, 229, 128]),
        ("10.1.2.3/9", &[9, 10, 0]),
        ("0.0.0.0/0", &[0]),
    ];
    for (net, descriptor) in rows {
        let routed = Facts {
            gateway: None,
            host_routes: vec![(net.parse().unwrap(), OTHER)],
            ..facts()
        };
        let got = answer(&routed, &Client::new(1).with([(55, vec![121, 249])]));
        let expected = [descriptor, &OTHER.octets()].concat();
        assert_eq!(got.raw(121), expected, "{net}");
        assert_eq!(got.raw(249), expected, "{net}");
    }
}

#[test]
fn classless_routes_hold_one_default_route_of_the_gateway_or_of_the_subnet() {
    let got = answer(&facts(), &Client::new(1));
    let net = |text: &str| text.parse::<Ipv4Net>().unwrap();
    let gateway = Ipv4Addr::new(10, 0, 0, 1);
    let neighbour = Ipv4Addr::new(10, 0, 0, 254);
    assert_eq!(
        got.option(OptionCode::ClasslessStaticRoute),
        Some(&DhcpOption::ClasslessStaticRoute(vec![
            (net("10.229.128.0/17"), neighbour),
            (net("0.0.0.0/0"), gateway),
        ]))
    );
    let own_default = Facts {
        host_routes: vec![(net("0.0.0.0/0"), neighbour)],
        ..facts()
    };
    assert_eq!(
        answer(&own_default, &Client::new(1)).option(OptionCode::ClasslessStaticRoute),
        Some(&DhcpOption::ClasslessStaticRoute(vec![(
            net("0.0.0.0/0"),
            neighbour
        )]))
    );
}

/// Facts whose routes take more than 255 bytes.
fn many_routes() -> Facts {
    let route = |i: u8| (Ipv4Net::new(Ipv4Addr::new(10, 1, i, 0), 24).unwrap(), OTHER);
    Facts {
        host_routes: (0..40).map(route).collect(),
        ..facts()
    }
}

#[test]
fn an_option_of_more_than_255_bytes_is_split() {
    let got = answer(
        &many_routes(),
        &Client::new(1).with([(55, vec![121]), (57, vec![0x05, 0xdc])]),
    );
    assert_eq!(got.codes().iter().filter(|code| **code == 121).count(), 2);
    assert_eq!(got.raw(121).len(), 40 * 8 + 5);
}

#[test]
fn an_answer_is_no_longer_than_the_client_and_the_network_take() {
    let sized = |facts: &Facts, size: u16| {
        let client = Client::new(1).with([(57, size.to_be_bytes().to_vec())]);
        let got = answer(facts, &client);
        (got.payload.len() + 28, got.codes())
    };
    let long = Facts {
        dns: vec![OTHER; 60],
        ..many_routes()
    };
    let (whole, codes) = sized(&long, 1500);
    assert!(whole > 800, "{whole}");
    assert!(codes.contains(&121) && codes.contains(&6));
    // A size below the minimum counts as the minimum, and the MTU of the network limits too.
    for (facts, size) in [
        (&long, 0),
        (&long, 576),
        (&long, 600),
        (
            &Facts {
                mtu: 600,
                ..long.clone()
            },
            1500,
        ),
        (
            &Facts {
                mtu: 68,
                ..long.clone()
            },
            u16::MAX,
        ),
    ] {
        let (length, codes) = sized(facts, size);
        let limit = size.min(facts.mtu).max(576);
        assert!(length <= usize::from(limit), "{length} for {limit}");
        assert!(!codes.contains(&121), "left out for want of space");
        for code in [53, 54, 51, 1, 3, 6, 26] {
            assert!(codes.contains(&code), "{code} for {size}");
        }
    }
}

#[test]
fn what_is_not_from_the_ports_own_client_is_ignored() {
    let discover = || Client::new(1);
    let stranger = MacAddr([0xfa, 0x16, 0x3e, 0, 0, 0x66]);
    let cases = [
        (
            Client {
                chaddr: stranger,
                ..discover()
            },
            Event::Dhcp4OtherClient { chaddr: stranger },
        ),
        (
            Client {
                giaddr: OTHER,
                ..discover()
            },
            Event::Dhcp4Relayed { giaddr: OTHER },
        ),
        (
            Client {
                hardware: (6, 6),
                ..discover()
            },
            Event::Dhcp4Hardware { htype: 6, hlen: 6 },
        ),
        (
            Client {
                hardware: (1, 16),
                ..discover()
            },
            Event::Dhcp4Hardware { htype: 1, hlen: 16 },
        ),
        (
            Client {
                op: 2,
                ..discover()
            },
            Event::Dhcp4NotRequest { op: 2 },
        ),
        (
            Client {
                port: 69,
                ..discover()
            },
            Event::FrameOtherPort { port: 69 },
        ),
    ];
    for (client, event) in cases {
        assert_eq!(ignored(&client), event);
    }
}

#[test]
fn what_is_not_a_dhcp_message_of_a_client_is_ignored() {
    let options = |bytes: &[u8]| Client {
        vendor: Some(bytes.to_vec()),
        ..Client::new(1)
    };
    let cookie = [99, 130, 83, 99];
    assert_eq!(ignored(&options(&[])), Event::Dhcp4NotDhcp {});
    assert_eq!(ignored(&options(&[0; 64])), Event::Dhcp4NotDhcp {});
    assert_eq!(ignored(&options(&cookie)), Event::Dhcp4NotDhcp {});
    for message_type in [0, 2, 5, 6, 9, 255] {
        assert_eq!(
            ignored(&Client::new(message_type)),
            Event::Dhcp4MessageType { message_type }
        );
    }
}

#[test]
fn options_that_are_not_whole_or_have_a_wrong_length_are_named() {
    let options = |bytes: &[u8]| Client {
        vendor: Some([&[99, 130, 83, 99], bytes].concat()),
        ..Client::new(1)
    };
    assert_eq!(
        ignored(&options(&[53, 1, 1, 12])),
        Event::Dhcp4OptionTruncated { code: 12 }
    );
    assert_eq!(
        ignored(&options(&[53, 1, 1, 12, 3, 1, 1])),
        Event::Dhcp4OptionTruncated { code: 12 }
    );
    assert_eq!(
        ignored(&options(&[53, 2, 1, 1, 255])),
        Event::Dhcp4OptionLength {
            code: 53,
            length: 2
        }
    );
    for code in [50, 52, 54, 57] {
        assert_eq!(
            ignored(&options(&[53, 1, 1, code, 3, 0, 0, 0, 255])),
            Event::Dhcp4OptionLength { code, length: 3 }
        );
    }
}

#[test]
fn a_missing_end_mark_is_forgiven_and_what_follows_it_is_not_read() {
    let options = |bytes: &[u8]| {
        let client = Client {
            vendor: Some([&[99, 130, 83, 99], bytes].concat()),
            ..Client::new(1)
        };
        respond(&client).event
    };
    let offered = Event::Dhcp4Offered { address: ADDRESS };
    assert_eq!(options(&[0, 53, 1, 1, 0, 0]), offered);
    assert_eq!(options(&[53, 1, 1, 255, 80, 0, 12, 200]), offered);
}

#[test]
fn options_that_go_on_in_file_and_sname_are_read_there() {
    let overloaded = |overload: u8| {
        let mut client = Client::new(3).with([(52, vec![overload])]);
        client.file[..5].copy_from_slice(&[50, 2, 10, 0, 255]);
        client.sname[..5].copy_from_slice(&[50, 2, 0, 5, 255]);
        respond(&client).event
    };
    let half = Event::Dhcp4OptionLength {
        code: 50,
        length: 2,
    };
    assert_eq!(overloaded(0), Event::Dhcp4NothingRequested {});
    assert_eq!(overloaded(1), half);
    assert_eq!(overloaded(2), half);
    assert_eq!(overloaded(3), Event::Dhcp4Leased { address: ADDRESS });
    // Overloading that says so in the overloaded field leads nowhere.
    let mut client = Client::new(1).with([(52, vec![1])]);
    client.file[..4].copy_from_slice(&[52, 0, 52, 0]);
    assert_eq!(
        respond(&client).event,
        Event::Dhcp4Offered { address: ADDRESS }
    );
}

#[test]
fn a_truncated_frame_is_named_at_every_length() {
    let whole = hex(DISCOVER);
    for length in 0..whole.len() {
        let reply = facts().respond(&whole[..length]);
        assert_eq!(reply.event.name(), "frame-truncated", "{length}");
        assert_eq!(reply.frame, None);
    }
}

#[test]
fn a_short_bootp_message_is_named() {
    assert_eq!(
        facts().respond(&client::datagram(&[1; 235])).event,
        Event::Dhcp4Truncated { length: 235 }
    );
}

/// Whatever is answered is a message that dhcproto reads, with right checksums, to the client.
fn check(reply: &Reply) {
    if reply.frame.is_some() {
        let got = Got::read(reply);
        assert!((300..=1450 - 28).contains(&got.payload.len()));
        assert_eq!(got.source, (SERVER_MAC, SERVER));
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(frame in prop::collection::vec(any::<u8>(), 0..600)) {
        check(&facts().respond(&frame));
    }

    #[test]
    fn random_datagrams_never_panic(payload in prop::collection::vec(any::<u8>(), 0..1200)) {
        check(&facts().respond(&client::datagram(&payload)));
    }

    #[test]
    fn random_options_never_panic(
        message_type in 0_u8..10,
        options in prop::collection::vec(any::<u8>(), 0..1000),
        overload in 0_u8..4,
        field in any::<[u8; 64]>(),
    ) {
        let mut client = Client::new(message_type).with([(52, vec![overload])]);
        client.sname = field;
        client.file[..64].copy_from_slice(&field);
        client.tail = options;
        check(&facts().respond(&client.frame()));
    }

    #[test]
    fn mutated_messages_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        length in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut frame = selecting(SERVER, ADDRESS)
            .with([(55, vec![1, 3, 6, 121, 249]), (57, vec![2, 64]), (61, vec![1, 2, 3])])
            .frame();
        for (at, byte) in edits {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        if cut {
            frame.truncate(length.index(frame.len()));
        }
        check(&facts().respond(&frame));
    }

    #[test]
    fn any_facts_and_lists_give_a_message_that_fits(
        routes in prop::collection::vec((any::<u32>(), 0_u8..=32, any::<u32>()), 0..60),
        dns in prop::collection::vec(any::<u32>(), 0..40),
        hostname in prop::option::of(".{0,300}"),
        list in prop::collection::vec(any::<u8>(), 1..256),
        mtu in any::<u16>(),
        size in any::<u16>(),
    ) {
        let facts = Facts {
            host_routes: routes
                .into_iter()
                .map(|(net, length, router)| {
                    (Ipv4Net::new(net.into(), length).unwrap(), router.into())
                })
                .collect(),
            dns: dns.into_iter().map(Ipv4Addr::from).collect(),
            hostname,
            mtu,
            ..facts()
        };
        let list = list[..list.len().min(255)].to_vec();
        let client = Client::new(1).with([(55, list), (57, size.to_be_bytes().to_vec())]);
        let got = answer(&facts, &client);
        prop_assert!(got.payload.len() + 28 <= usize::from(size.min(mtu).max(576)));
        for code in [53, 54, 51, 1, 3] {
            prop_assert!(got.codes().contains(&code));
        }
    }
}

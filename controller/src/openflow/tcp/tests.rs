//! Streams that arrive in order, in disorder, twice, or with holes.

use etherparse::PacketBuilder;

use super::*;

const HELLO: &[u8] = &[4, 0, 0, 8, 0, 0, 0, 1];
const ECHO: &[u8] = &[4, 2, 0, 12, 0, 0, 0, 2, 0xde, 0xad, 0xbe, 0xef];
const BARRIER: &[u8] = &[4, 20, 0, 8, 0, 0, 0, 3];

/// What is captured of a switch at 10.0.0.2 that talks to a controller at 10.0.0.1.
struct Wire {
    streams: Streams,
    clock: i128,
}

impl Wire {
    fn new() -> Self {
        let streams = Streams::default();
        Self { streams, clock: 0 }
    }

    fn send(
        &mut self,
        builder: etherparse::PacketBuilderStep<etherparse::TcpHeader>,
        payload: &[u8],
    ) {
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).unwrap();
        self.packet(1, bytes);
    }

    fn packet(&mut self, link: u16, bytes: Vec<u8>) {
        self.clock += 1_000_000_000;
        let time = self.clock;
        let packet = Packet { time, link, bytes };
        self.streams.packet(&packet).unwrap();
    }

    fn syn(&mut self, sequence: u32) {
        self.send(to_controller(sequence).syn(), &[]);
    }

    fn data(&mut self, sequence: u32, payload: &[u8]) {
        self.send(to_controller(sequence), payload);
    }

    fn acknowledge(&mut self, number: u32) {
        let tcp = PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .tcp(6653, 40000, 1, 1000)
            .ack(number);
        self.send(tcp, &[]);
    }

    /// The messages that were found, or what is said instead.
    fn found(&mut self) -> Vec<Result<Vec<u8>, String>> {
        let mut all = Vec::new();
        while let Some(found) = self.streams.next_found() {
            assert_eq!(found.from.to_string(), "10.0.0.2:40000");
            assert_eq!(found.to.to_string(), "10.0.0.1:6653");
            all.push(
                found
                    .what
                    .map(|bytes| bytes.to_vec())
                    .map_err(|lost| lost.to_string()),
            );
        }
        all
    }
}

fn to_controller(sequence: u32) -> etherparse::PacketBuilderStep<etherparse::TcpHeader> {
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv4([10, 0, 0, 2], [10, 0, 0, 1], 64)
        .tcp(40000, 6653, sequence, 1000)
}

fn ok(messages: &[&[u8]]) -> Vec<Result<Vec<u8>, String>> {
    messages
        .iter()
        .map(|message| Ok(message.to_vec()))
        .collect()
}

#[test]
fn segments_are_put_together_in_every_order_and_when_they_come_twice() {
    let stream = [HELLO, ECHO, BARRIER].concat();
    // The numbers begin anew in the midst.
    let first = u32::MAX - 10;
    let cuts = [0, 3, 8, 15, 21, stream.len()];
    let segments: Vec<_> = cuts.windows(2).map(|pair| (pair[0], pair[1])).collect();
    let mut orders = vec![
        vec![0, 1, 2, 3, 4],
        vec![4, 3, 2, 1, 0],
        vec![1, 0, 3, 2, 4],
    ];
    orders.push(vec![0, 0, 2, 2, 1, 1, 4, 0, 3, 3]);
    for order in orders {
        let mut wire = Wire::new();
        wire.syn(first.wrapping_sub(1));
        for at in &order {
            let (from, to) = segments[*at];
            wire.data(first.wrapping_add(from as u32), &stream[from..to]);
        }
        // One that holds what is known and what is not does no harm, either.
        wire.data(first, &stream);
        assert_eq!(wire.found(), ok(&[HELLO, ECHO, BARRIER]), "{order:?}");
        wire.streams.end();
        assert_eq!(wire.found(), []);
    }
}

#[test]
fn a_message_is_as_late_as_its_last_byte() {
    let mut wire = Wire::new();
    wire.syn(99);
    wire.data(100, &HELLO[..5]);
    wire.data(105, &HELLO[5..]);
    let found = wire.streams.next_found().unwrap();
    assert_eq!(found.time.to_string(), "1970-01-01T00:00:03Z");
}

#[test]
fn a_stream_that_does_not_begin_with_a_hello_is_left_out() {
    for beginning in [
        &b"GET / HTTP/1.1\r\n"[..],
        &[0x16, 3, 1, 0, 200, 1, 0, 0, 196],
        ECHO,
    ] {
        let mut wire = Wire::new();
        wire.syn(99);
        wire.data(100, beginning);
        wire.data(100 + beginning.len() as u32, HELLO);
        wire.streams.end();
        assert_eq!(wire.found(), []);
    }
}

#[test]
fn where_the_beginning_is_missing_a_segment_that_looks_like_messages_is_taken() {
    let mut wire = Wire::new();
    wire.data(5000, &[0xad, 0xbe, 0xef, 4, 2, 0, 12, 0, 0]);
    wire.data(5009, &[ECHO, BARRIER].concat());
    assert_eq!(wire.found(), ok(&[ECHO, BARRIER]));
}

#[test]
fn what_was_not_captured_is_told_once_it_was_acknowledged() {
    let mut wire = Wire::new();
    wire.syn(99);
    wire.data(100, HELLO);
    wire.data(100 + 8 + 12, BARRIER);
    assert_eq!(wire.found(), ok(&[HELLO]));
    wire.acknowledge(100 + 8 + 12 + 8);
    let lost = Err("12 bytes of the stream were not captured".to_owned());
    assert_eq!(wire.found(), [lost, Ok(BARRIER.to_vec())]);
}

#[test]
fn the_end_of_a_capture_tells_gaps_and_messages_without_an_end() {
    let mut wire = Wire::new();
    wire.syn(99);
    wire.data(100, HELLO);
    wire.data(109, &[ECHO, &BARRIER[..4]].concat());
    wire.streams.end();
    let lost = |text: &str| Err(text.to_owned());
    let expected = [
        Ok(HELLO.to_vec()),
        lost("1 bytes of the stream were not captured"),
        Ok(ECHO.to_vec()),
        lost("the capture ends within a message"),
    ];
    assert_eq!(wire.found(), expected);
}

#[test]
fn what_waits_for_a_gap_takes_bounded_memory() {
    let mut wire = Wire::new();
    wire.syn(99);
    wire.data(100, HELLO);
    let segment = [0; 1000];
    for at in 0..10_000_u32 {
        wire.data(200 + at * 1000, &segment);
        let stream = wire.streams.streams.values().next().unwrap();
        assert!(stream.cost <= PENDING_LIMIT);
    }
    assert!(
        wire.found()
            .contains(&Err("92 bytes of the stream were not captured".to_owned()))
    );
}

#[test]
fn there_are_never_more_streams_than_the_limit() {
    let mut wire = Wire::new();
    for at in 0..3 * STREAM_LIMIT as u32 {
        let [.., a, b] = at.to_be_bytes();
        let tcp = PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4([10, 1, a, b], [10, 0, 0, 1], 64)
            .tcp(40000, 6653, 1, 1000)
            .syn();
        wire.send(tcp, &[]);
        assert!(wire.streams.streams.len() <= STREAM_LIMIT);
    }
}

#[test]
fn every_link_is_understood() {
    let mut ethernet = Vec::new();
    to_controller(100).write(&mut ethernet, HELLO).unwrap();
    let ip = &ethernet[14..];
    let tagged = [&ethernet[..12], &[0x81, 0, 0, 5], &ethernet[12..]].concat();
    let tagged_twice = [&tagged[..12], &[0x88, 0xa8, 0, 6], &tagged[12..]].concat();
    let cooked = [&[0; 14], &[8, 0][..], ip].concat();
    let cooked_tagged = [&[0; 14], &tagged[12..]].concat();
    let cooked2 = [&[8, 0], &[0; 18][..], ip].concat();
    let cooked2_tagged = [&[0x81, 0], &[0; 18][..], &tagged[14..]].concat();
    let family = [&[2, 0, 0, 0], ip].concat();
    let links = [
        (1, ethernet.clone()),
        (1, tagged),
        (1, tagged_twice),
        (113, cooked),
        (113, cooked_tagged),
        (276, cooked2),
        (276, cooked2_tagged),
        (12, ip.to_vec()),
        (101, ip.to_vec()),
        (228, ip.to_vec()),
        (0, family),
    ];
    for (link, bytes) in links {
        let mut wire = Wire::new();
        wire.packet(link, bytes);
        assert_eq!(wire.found(), ok(&[HELLO]), "link {link}");
    }
    let packet = Packet {
        time: 0,
        link: 127,
        bytes: ethernet,
    };
    let refused = Streams::default().packet(&packet).unwrap_err();
    assert_eq!(refused, UnknownLink(127));
    let told = "the capture has packets of link type 127 (IEEE 802.11 with radiotap): only";
    assert!(refused.to_string().starts_with(told), "{refused}");
}

/// The fragments of what is captured, each with at most so many bytes of the payload.
fn fragments(packet: &[u8], size: usize) -> Vec<Vec<u8>> {
    let payload = &packet[14 + 20..];
    let parts = payload.chunks(size).enumerate();
    parts
        .map(|(at, part)| {
            let mut ip = etherparse::Ipv4Header::from_slice(&packet[14..]).unwrap().0;
            ip.identification = 77;
            ip.dont_fragment = false;
            ip.fragment_offset = ((at * size / 8) as u16).try_into().unwrap();
            ip.more_fragments = (at + 1) * size < payload.len();
            ip.set_payload_len(part.len()).unwrap();
            [&packet[..14], &ip.to_bytes()[..], part].concat()
        })
        .collect()
}

#[test]
fn fragments_of_segments_are_put_together_in_any_order_and_when_they_come_twice() {
    let mut packet = Vec::new();
    let messages = [HELLO, ECHO, BARRIER].concat();
    to_controller(100).write(&mut packet, &messages).unwrap();
    let parts = fragments(&packet, 16);
    assert_eq!(parts.len(), 3);
    for order in [vec![0, 1, 2], vec![2, 1, 0], vec![1, 1, 0, 0, 2]] {
        let mut wire = Wire::new();
        wire.syn(99);
        for at in &order {
            assert_eq!(wire.found(), []);
            // A tag does no harm.
            let tag = [0x81, 0, 0, 5];
            let bytes = [&parts[*at][..12], &tag, &parts[*at][12..]].concat();
            wire.packet(1, bytes);
        }
        assert_eq!(wire.found(), ok(&[HELLO, ECHO, BARRIER]), "{order:?}");
    }
    let mut wire = Wire::new();
    wire.syn(99);
    wire.packet(1, parts[0].clone());
    // Cut short by the capture: what is missing is not made up.
    wire.packet(1, parts[1][..parts[1].len() - 4].to_vec());
    wire.packet(1, parts[2].clone());
    assert_eq!(wire.found(), []);
}

#[test]
fn fragments_of_ipv6_are_put_together() {
    let mut whole = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv6([0xfd; 16], [0xfe; 16], 64)
        .tcp(40000, 6653, 100, 1000)
        .write(&mut whole, HELLO)
        .unwrap();
    let (headers, payload) = whole.split_at(14 + 40);
    let parts = payload.chunks(16).enumerate().map(|(at, part)| {
        let mut bytes = headers.to_vec();
        bytes[14 + 4..14 + 6].copy_from_slice(&(8 + part.len() as u16).to_be_bytes());
        bytes[14 + 6] = 44;
        let more = u16::from((at + 1) * 16 < payload.len());
        let place = ((at as u16 * 16) | more).to_be_bytes();
        bytes.extend([6, 0, place[0], place[1], 0, 0, 0, 9]);
        bytes.extend(part);
        bytes
    });
    let mut wire = Wire::new();
    for bytes in parts {
        assert!(wire.streams.next_found().is_none());
        wire.packet(1, bytes);
    }
    assert_eq!(wire.streams.next_found().unwrap().what.unwrap(), HELLO);
}

#[test]
fn ipv6_is_understood() {
    let mut bytes = Vec::new();
    PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv6([0xfd; 16], [0xfe; 16], 64)
        .tcp(40000, 6653, 7, 1000)
        .write(&mut bytes, HELLO)
        .unwrap();
    let mut wire = Wire::new();
    wire.packet(1, bytes);
    let found = wire.streams.next_found().unwrap();
    assert_eq!(found.to.port(), 6653);
    assert_eq!(found.what.unwrap(), HELLO);
}

#[test]
fn no_packet_does_harm() {
    let mut whole = Vec::new();
    to_controller(100).write(&mut whole, HELLO).unwrap();
    for end in 0..whole.len() {
        for link in [0, 1, 101, 113, 276] {
            let mut wire = Wire::new();
            wire.packet(link, whole[..end].to_vec());
            wire.streams.end();
        }
    }
}

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
        self.streams.packet(&Packet { time, link, bytes });
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
    let mut tagged = ethernet[..12].to_vec();
    tagged.extend([0x81, 0, 0, 5]);
    tagged.extend(&ethernet[12..]);
    let cooked = [&[0; 14], &[8, 0][..], ip].concat();
    let cooked2 = [&[8, 0], &[0; 18][..], ip].concat();
    let family = [&[2, 0, 0, 0], ip].concat();
    let links = [
        (1, ethernet.clone()),
        (1, tagged),
        (113, cooked),
        (276, cooked2),
        (101, ip.to_vec()),
        (228, ip.to_vec()),
        (0, family),
    ];
    for (link, bytes) in links {
        let mut wire = Wire::new();
        wire.packet(link, bytes);
        assert_eq!(wire.found(), ok(&[HELLO]), "link {link}");
    }
    let mut wire = Wire::new();
    wire.packet(7777, ethernet);
    assert_eq!(wire.found(), []);
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

//! What must hold for any bytes at all, one function for each part of the crate: what the targets in
//! `fuzz/` look for counterexamples to, and what `tests/regressions.rs` holds earlier ones against.
//!
//! A function returns when its property holds or the bytes are nothing that it is about, and panics otherwise.
//! It knows nothing of who made the bytes up.

use bytes::Bytes;
use rust_openflow::frame::Framer;
use rust_openflow::message::describe::{decode_line, encode_line};
use rust_openflow::message::{
    Echo, HEADER_LEN, MultipartRequest, ROWS, Request, Role, RoleMessage,
};
use rust_openflow::record::{Dice, Value};
use rust_openflow::session::push::{Push, bundle_add};
use rust_openflow::session::{Config, End};
use rust_openflow::text::{self, Names};
use rust_openflow::{Match, Message, Session, Version};

/// A version, chosen by a byte.
fn version(choice: u8) -> Version {
    Version::ALL[usize::from(choice) % Version::ALL.len()]
}

/// A message: a header that tells of the right length, and a body.
fn framed(version: u8, kind: u8, body: &[u8]) -> Bytes {
    let length = u16::try_from(HEADER_LEN + body.len()).unwrap_or(u16::MAX);
    let mut message = vec![version, kind];
    message.extend(length.to_be_bytes());
    message.extend([0, 0, 0, 1]);
    message.extend(body);
    message.truncate(length.into());
    message.into()
}

/// What is read is written, read again as it was, and says the same in its plain form.
fn message_survives(bytes: &Bytes) {
    let Ok((header, message)) = Message::decode(bytes) else {
        return;
    };
    let Some(version) = Version::from_wire(header.version) else {
        return;
    };
    // Whatever it says, it prints.
    let _ = text::print_message(&header, &message, &Names::default());
    let written = message.encode(version, header.xid).expect("what was read");
    let (_, again) = Message::decode(&written).expect("what was written");
    assert_eq!(again, message, "from {bytes:02x?} to {written:02x?}");
    let twice = again.encode(version, header.xid);
    assert_eq!(twice.as_ref(), Ok(&written), "{message:?}");
    if let Some(kind) = message.kind() {
        let plain = message.body_value(version);
        let again = Message::from_body_value(kind, &plain, version);
        assert_eq!(again.as_ref(), Ok(&message), "{plain:?}");
    }
}

/// Messages: the version, the type, then the body. Versions above 15 make the message up of what follows.
pub(crate) fn messages(data: &[u8]) {
    let [first, kind, body @ ..] = data else {
        return;
    };
    if *first < 16 {
        return message_survives(&framed(*first, *kind, body));
    }
    let version = version(*first);
    let row = &ROWS[usize::from(*kind) % ROWS.len()];
    if row.kind.code(version).is_some() {
        let message = Message::generate(row.kind, &mut Dice::new(body), version);
        let bytes = message.encode(version, 1).expect("the version can say it");
        assert_eq!(
            Message::decode(&bytes).expect("what was written").1,
            message
        );
        message_survives(&bytes);
    }
}

/// Actions, in the message that sends a packet through them: the version, then the actions.
pub(crate) fn actions(data: &[u8]) {
    let [first, actions @ ..] = data else {
        return;
    };
    // The lengths of actions are in the message as 16 bits.
    let actions = &actions[..actions.len().min(60_000)];
    message_survives(&packet_out(version(*first), actions));
}

/// The message that sends a packet through actions, of which there are at most 60,000 bytes.
pub(crate) fn packet_out(version: Version, actions: &[u8]) -> Bytes {
    let length = (actions.len() as u16).to_be_bytes();
    let mut body = vec![0xff; 4];
    match version {
        Version::V1_0 => body.extend([0xff, 0xfd]),
        Version::V1_5 => {}
        _ => body.extend([0xff, 0xff, 0xff, 0xfd]),
    }
    body.extend(length);
    match version {
        Version::V1_0 => {}
        // The match that says where the packet comes from.
        Version::V1_5 => body.extend([0, 0, 0, 1, 0, 4, 0, 0, 0, 0]),
        _ => body.extend([0; 6]),
    }
    body.extend(actions);
    framed(version.wire(), 13, &body)
}

/// Matches: the version, how it stands in its message, then its bytes.
pub(crate) fn matches(data: &[u8]) {
    let [first, how, bytes @ ..] = data else {
        return;
    };
    let version = version(*first);
    let bytes = Bytes::copy_from_slice(&bytes[..bytes.len().min(60_000)]);
    if how % 2 == 0 {
        // A flow-mod that removes.
        let mut body = bytes.to_vec();
        if version >= Version::V1_1 {
            body = [&[0; 16][..], &[0, 3], &[0; 6], &[0xff; 12], &[0; 4], &body].concat();
        }
        return message_survives(&framed(version.wire(), 14, &body));
    }
    let mut r = rust_openflow::wire::Reader::new(&bytes);
    let length =
        bytes.len() as u16 / 8 * 8 - (bytes.len() as u16 / 8 * 8).min(u16::from(how / 2 % 8));
    let Ok(matches) = Match::decode_nx_match(&mut r, length, version) else {
        return;
    };
    let mut w = rust_openflow::wire::Writer::new();
    let written = matches
        .encode_nx_match(&mut w, version)
        .expect("what was read");
    let bytes = w.freeze();
    let mut r = rust_openflow::wire::Reader::new(&bytes);
    let again = Match::decode_nx_match(&mut r, written, version);
    assert_eq!(again.as_ref(), Ok(&matches), "{bytes:02x?}");
    let _ = matches.check();
}

/// Text: which form, then a line. What is read is printed, and that read as something that is printed the same.
pub(crate) fn text(data: &[u8]) {
    let [form, line @ ..] = data else {
        return;
    };
    let Ok(line) = std::str::from_utf8(line) else {
        return;
    };
    let names = Names::default();
    match form % 5 {
        0 => prints_the_same(
            line,
            |l| text::parse_flow(l, &names),
            |f| text::print_flow(f, &names),
        ),
        1 => prints_the_same(
            line,
            |l| text::parse_group(l, &names),
            |g| text::print_group(g, &names),
        ),
        2 => prints_the_same(line, text::parse_meter, text::print_meter),
        3 => prints_the_same(
            line,
            |l| text::parse_match(l, &names),
            |m| text::print_match(m, &names),
        ),
        _ => prints_the_same(
            line,
            |l| text::parse_actions(l, &names),
            |a| text::print_actions(a, &names),
        ),
    }
}

fn prints_the_same<T, E: std::fmt::Debug>(
    line: &str,
    parse: impl Fn(&str) -> Result<T, E>,
    print: impl Fn(&T) -> String,
) {
    if let Ok(value) = parse(line) {
        let printed = print(&value);
        let again =
            parse(&printed).unwrap_or_else(|error| panic!("{line:?}: {printed:?}: {error:?}"));
        assert_eq!(print(&again), printed, "{line:?}");
    }
}

/// The framer and both ends of a session: what each end is told is chosen by the bytes, and so is what it does.
pub(crate) fn session(data: &[u8]) {
    framer(data);
    let mut dice = Dice::new(data);
    let config = Config {
        versions: Version::ALL.into_iter().filter(|_| dice.flip()).collect(),
        reply_limit: 1 << 12,
        output_limit: 1 << 14,
        ..Config::default()
    };
    let role = RoleMessage::new(Role::MASTER, 1);
    let mut ends = [
        Session::new(End::Controller(role), config.clone(), 0),
        Session::new(End::Switch, config, 0),
    ];
    let mut now = 0;
    for _ in 0..data.len() / 2 {
        let at = dice.below(2);
        step(&mut ends, at, &mut now, &mut dice);
        let end = &mut ends[at];
        while end.next_event().is_some() {}
        assert!(end.queue_len() < 1 << 22, "{} bytes wait", end.queue_len());
        assert!(end.next_timeout().is_none() == end.is_closed());
    }
}

/// One thing that happens to the end at `at`, or that it does.
fn step(ends: &mut [Session; 2], at: usize, now: &mut u64, dice: &mut Dice<'_>) {
    match dice.below(10) {
        // What the other end sent arrives, whole or cut, or something else does.
        0..=3 => {
            while let Some(message) = ends[1 - at].next_output() {
                ends[at].receive(&message, *now);
            }
        }
        4 => {
            if let Some(message) = ends[1 - at].next_output() {
                let cut = dice.below(message.len());
                ends[at].receive(&message[..cut], *now);
                ends[at].receive(&message[cut..], *now);
            }
        }
        5 => ends[at].receive(&dice.bytes(64), *now),
        6 => {
            let agreed = ends[at].version().unwrap_or(version(dice.uint(1) as u8));
            let body = dice.bytes(64);
            let kind = dice.below(36) as u8;
            ends[at].receive(&framed(agreed.wire(), kind, &body), *now);
        }
        7 => {
            *now += dice.uint(2) as u64;
            ends[at].tick(*now);
        }
        8 => {
            let _ = match dice.below(4) {
                0 => ends[at].barrier().map(drop),
                1 => ends[at]
                    .request(&Message::MultipartRequest(MultipartRequest::new(
                        Request::Desc,
                    )))
                    .map(drop),
                2 => ends[at]
                    .send(&Message::EchoRequest(Echo::default()))
                    .map(drop),
                _ => ends[at].set_role(RoleMessage::new(Role::SLAVE, 2)),
            };
        }
        _ => push(&mut ends[at], dice),
    }
}

fn push(end: &mut Session, dice: &mut Dice<'_>) {
    let message = |dice: &mut Dice<'_>| {
        let row = &ROWS[dice.below(ROWS.len())];
        let version = Version::V1_4;
        let spoken = row.kind.code(version).is_some();
        spoken.then(|| Message::generate(row.kind, dice, version))
    };
    let plain: Vec<Message> = message(dice).into_iter().collect();
    let version = end.version().unwrap_or(Version::V1_4);
    let bundled = (0..dice.below(3)).filter_map(|_| message(dice));
    let bundle = bundled.filter_map(|message| bundle_add(version, &message).ok());
    let push = Push {
        bundle: bundle.collect(),
        before: plain.clone(),
        after: if dice.flip() { plain } else { Vec::new() },
    };
    let _ = end.push(push);
}

/// However a stream is cut, the same messages are found in it.
fn framer(data: &[u8]) {
    let found = |parts: &[&[u8]]| {
        let mut framer = Framer::new(1 << 12);
        let mut messages = Vec::new();
        for part in parts {
            framer.push(part);
            loop {
                match framer.next_message() {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break,
                    Err(error) => return (messages, Some(error)),
                }
            }
        }
        (messages, None)
    };
    let cut = data
        .first()
        .map_or(0, |cut| usize::from(*cut))
        .min(data.len());
    assert_eq!(found(&[data]), found(&[&data[..cut], &data[cut..]]));
}

/// Lines: any bytes; and the digits of any message.
pub(crate) fn describe(data: &[u8]) {
    line_survives(data);
    if let [version, kind, body @ ..] = data {
        let message = framed(version % 8, *kind, body);
        if let Value::Text(digits) = Value::hex(&message) {
            line_survives(digits.as_bytes());
        }
    }
}

/// What a line means is encoded as what it says itself, and that means the same.
fn line_survives(line: &[u8]) {
    let value = decode_line(line);
    if value.member("ok") != Some(&Value::Bool(true)) {
        assert!(value.member("error").is_some(), "{value:?}");
        return;
    }
    let Some(Value::Text(tidy)) = value.member("reencoded") else {
        panic!("{value:?} is not encoded");
    };
    assert_eq!(encode_line(&value).as_deref(), Ok(&**tidy), "{value:?}");
    assert_eq!(decode_line(tidy.as_bytes()), value);
}

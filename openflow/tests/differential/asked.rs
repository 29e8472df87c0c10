//! Many messages or lists that `ovs-ofctl` is asked about at once: what it is given and what it says, and nothing of
//! what that means.

use rust_openflow::Version;

use crate::ofctl::{ask, option};

/// What `ofp-parse` prints of each message.
pub(crate) fn printed<'a>(messages: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut input = Vec::new();
    for (at, message) in messages.into_iter().enumerate() {
        input.extend(message);
        // An echo request of 1.3 that tells where the next message begins.
        input.extend([4, 2, 0, 8, 0x7e, 0x57]);
        input.extend((at as u16).to_be_bytes());
    }
    let text = ask(&["ofp-parse", "-"], input).expect("ofp-parse reads any message");
    let mut parts = Vec::new();
    let mut part = String::new();
    for line in text.lines() {
        if line.starts_with("OFPT_ECHO_REQUEST (OF1.3) (xid=0x7e57") {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push_str(line);
            part.push('\n');
        }
    }
    parts
}

/// What Open vSwitch makes of bytes: its text of them, and the bytes that it writes for what it read; or the
/// name of the error.
pub(crate) type Coded = Result<(String, Vec<u8>), String>;

/// What `parse-actions` or `parse-instructions` says to each list, none of which is empty.
pub(crate) fn coded(command: &str, version: Version, lists: &[Vec<u8>]) -> Vec<Coded> {
    let lines: Vec<String> = lists.iter().map(|list| hex(list)).collect();
    let output = ask(
        &[command, &option(version.name())],
        lines.join("\n").into_bytes(),
    );
    let output = output.expect("lines of digits are read");
    let answers: Vec<Coded> = output
        .split_terminator("\n\n")
        .zip(lists)
        .map(|(part, list)| {
            let mut lines = part.trim_start().lines();
            let first = lines.next().expect("an answer");
            let Some(text) = first.strip_prefix("actions=") else {
                let (_, error) = first.rsplit_once(": ").expect("the name of an error");
                return Err(error.to_owned());
            };
            Ok((text.to_owned(), changed(list, lines)))
        })
        .collect();
    assert_eq!(answers.len(), lists.len(), "{output}");
    answers
}

/// The bytes after changes such as `15: 0a -> 00`, where `(none)` is a byte that is not there.
pub(crate) fn changed<'a>(before: &[u8], changes: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut after = before.to_vec();
    for change in changes {
        let (at, change) = change.split_once(": ").expect("where");
        let at: usize = at.trim().parse().expect("a place");
        let (_, new) = change.split_once(" -> ").expect("what");
        match u8::from_str_radix(new, 16) {
            Ok(byte) if at < after.len() => after[at] = byte,
            Ok(byte) => after.push(byte),
            Err(_) => after.truncate(at.min(after.len())),
        }
    }
    after
}

/// Two digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

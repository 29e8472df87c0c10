//! `weft openflow`: OpenFlow messages on the command line, without a controller.
//!
//! What messages mean stands in [`rust_openflow`]; here is how they get in and out. [`pcap`] finds packets in
//! captures, `fragments` makes datagrams of them, `tcp` finds the streams in them, and `spec` prints the tables.

mod fragments;
pub mod pcap;
mod spec;
mod tcp;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use rust_openflow::message::describe::{self, Described, each_line, encode_line};
use rust_openflow::message::lines::{Line, Lines};
use rust_openflow::record::{Members, Value};
use rust_openflow::text::{Names, print_message};

use crate::Error;

/// The longest line of JSON that is read: what the longest message says takes a fraction of it.
const JSON_LIMIT: usize = 64 << 20;

/// Bytes that are written at once.
const OUTPUT_BUFFER: usize = 1 << 16;

/// The commands of `weft openflow`.
#[derive(Subcommand, Debug, Clone)]
pub enum Command {
    /// Print what messages say
    #[command(after_help = DECODE_EXAMPLES)]
    Decode(DecodeArgs),
    /// Make messages of what they are to say
    #[command(after_help = ENCODE_EXAMPLES)]
    Encode,
    /// Print the tables of messages, fields, actions and errors, with the codes of every version
    #[command(after_help = spec::EXAMPLES)]
    Spec(spec::Args),
}

const DECODE_EXAMPLES: &str = "\
Reads messages from stdin, a line each, as hexadecimal digits, and prints a JSON object for each: \
\"ok\":true with version, type, xid, body, and the message as it is written again, or \"ok\":false with \
the error.

Examples:
  echo 0414000800000001 | weft openflow decode
      a barrier request of OpenFlow 1.3
  echo 0414000800000001 | weft openflow decode --text
      the same, as ovs-ofctl ofp-print writes it
  tcpdump -w switch.pcap port 6653
  weft openflow decode --pcap switch.pcap | jq 'select(.type == \"error\")'
      the errors that were sent while tcpdump ran, with time, from and to
  weft openflow decode <messages | jq -c '.xid = 7' | weft openflow encode
      the messages under another number";

const ENCODE_EXAMPLES: &str = "\
Reads JSON objects from stdin, a line each, as `weft openflow decode` prints them (\"ok\" and \"reencoded\" \
may be left out), and prints the messages as hexadecimal digits, a line each. An object that is no \
message is an empty line, and what is wrong with it is said on stderr; the exit status is 1 then.

Examples:
  echo '{\"version\":\"1.3\",\"type\":\"echo_request\",\"xid\":1,\"body\":{\"data\":\"abcd\"}}' | weft openflow encode
      0402000a00000001abcd";

/// The options of `weft openflow decode`.
#[derive(clap::Args, Debug, Clone)]
pub struct DecodeArgs {
    /// Print the syntax of ovs-ofctl instead of JSON
    #[arg(long, conflicts_with = "json")]
    text: bool,
    /// Read a capture of tcpdump or Wireshark (pcap or pcapng) instead of stdin, - for one on stdin. Streams
    /// that are no OpenFlow are left out
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
}

/// Reads and prints.
///
/// # Errors
///
/// When input cannot be read or output cannot be written, and when not all input was understood
/// ([`Error::NotEncoded`]).
pub fn run(command: &Command, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let input = io::stdin().lock();
    // A line goes out at once, and as a whole.
    let out = &mut io::BufWriter::with_capacity(OUTPUT_BUFFER, out);
    match command {
        Command::Decode(args) => match &args.pcap {
            None => decode(input, args.text, out)?,
            Some(path) if path == Path::new("-") => capture(input, args.text, out)?,
            Some(path) => {
                let file = File::open(path).map_err(|reason| Error::File {
                    path: path.clone(),
                    reason,
                })?;
                capture(BufReader::new(file), args.text, out)?;
            }
        },
        Command::Encode => encode(input, out)?,
        Command::Spec(args) => spec::run(args, json, out)?,
    }
    Ok(out.flush()?)
}

fn decode(input: impl BufRead, text: bool, out: &mut dyn Write) -> io::Result<()> {
    each_line(input, |described| {
        print(out, &described, Members::new(), text)?;
        out.flush()
    })
}

/// Prints a message, or why it is none, with what is known of where it comes from.
fn print(
    out: &mut dyn Write,
    described: &Result<Described, impl std::fmt::Display>,
    context: Members,
    text: bool,
) -> io::Result<()> {
    if !text {
        serde_json::to_writer(&mut *out, &describe::object(described, context))?;
        return writeln!(out);
    }
    if let [
        (_, Value::Text(time)),
        (_, Value::Text(from)),
        (_, Value::Text(to)),
    ] = &context[..]
    {
        write!(out, "{time} {from} > {to} ")?;
    }
    match described {
        Ok(Described {
            header, message, ..
        }) => writeln!(out, "{}", print_message(header, message, &Names::default())),
        Err(error) => writeln!(out, "error: {error}"),
    }
}

/// Prints the messages of a capture.
fn capture(input: impl BufRead, text: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut streams = tcp::Streams::default();
    let mut packets = pcap::Packets::open(input)?;
    let mut foreign = BTreeSet::new();
    loop {
        let packet = packets.next_packet();
        match &packet {
            Ok(Some(packet)) => {
                if let Err(link) = streams.packet(packet)
                    && foreign.insert(packet.link)
                {
                    print(out, &Err(link), Members::new(), text)?;
                }
            }
            Ok(None) | Err(_) => streams.end(),
        }
        while let Some(found) = streams.next_found() {
            let context = vec![
                ("time".into(), Value::text(found.time)),
                ("from".into(), Value::text(found.from)),
                ("to".into(), Value::text(found.to)),
            ];
            match found.what {
                Ok(bytes) => print(out, &Described::from_bytes(&bytes), context, text)?,
                Err(lost) => print(out, &Err(lost), context, text)?,
            }
        }
        match packet {
            Ok(Some(_)) => {}
            Ok(None) => {
                out.flush()?;
                let link = foreign.first().copied().map(tcp::UnknownLink);
                return link.map_or(Ok(()), |link| Err(link.into()));
            }
            Err(error) => {
                print(out, &Err(&error), Members::new(), text)?;
                out.flush()?;
                return Err(error.into());
            }
        }
    }
}

fn encode(input: impl BufRead, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut lines = Lines::new(input, JSON_LIMIT);
    let (mut count, mut wrong) = (0, 0);
    while let Some(line) = lines.next_line()? {
        count += 1;
        match encoded(line) {
            Ok(hex) => writeln!(out, "{hex}")?,
            Err(reason) => {
                wrong += 1;
                writeln!(out)?;
                eprintln!("line {count}: {reason}");
            }
        }
        out.flush()?;
    }
    match wrong {
        0 => Ok(()),
        wrong => Err(Error::NotEncoded(wrong).into()),
    }
}

/// The digits of the message that a line describes, or why it describes none.
fn encoded(line: Line<'_>) -> Result<String, String> {
    let Line::Whole(line) = line else {
        return Err(format!("expected a line of at most {JSON_LIMIT} bytes"));
    };
    let value: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    encode_line(&value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;

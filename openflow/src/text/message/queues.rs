//! What queues promise, as it is asked for of a port: by a message of its own until 1.3, in several parts since. What
//! queues did is in `ports`.

use super::Context;
use crate::PortNo;
use crate::message::{
    Message, PacketQueue, QueueDesc, QueueDescProperty, QueueGetConfigReply, QueueProperty, Reply,
};
use crate::text::value::push;

/// What is written of a queue.
struct Queue {
    port: PortNo,
    number: u32,
    /// In tenths of a percent of the port's rate, where it is said.
    min_rate: Option<u16>,
    max_rate: Option<u16>,
}

impl Queue {
    /// A queue of 1.0 to 1.3, whose port is the one that was asked for.
    fn configured(port: PortNo, queue: &PacketQueue) -> Self {
        let mut told = Self::silent(port, queue.queue);
        for property in &queue.properties {
            match *property {
                QueueProperty::MinRate { rate } => told.min_rate = Some(rate),
                QueueProperty::MaxRate { rate } => told.max_rate = Some(rate),
                _ => {}
            }
        }
        told
    }

    /// A queue of 1.4 and 1.5.
    fn described(queue: &QueueDesc) -> Self {
        let mut told = Self::silent(queue.port, queue.queue);
        for property in &queue.properties {
            match *property {
                QueueDescProperty::MinRate { rate } => told.min_rate = Some(rate),
                QueueDescProperty::MaxRate { rate } => told.max_rate = Some(rate),
                _ => {}
            }
        }
        told
    }

    /// A queue that promises nothing.
    fn silent(port: PortNo, number: u32) -> Self {
        Self {
            port,
            number,
            min_rate: None,
            max_rate: None,
        }
    }
}

/// Writes a message, if it is one of these.
pub(super) fn print(out: &mut String, message: &Message, context: Context<'_>) -> bool {
    let Message::QueueGetConfigReply(QueueGetConfigReply { port, queues }) = message else {
        return false;
    };
    let queues = queues.iter().map(|queue| Queue::configured(*port, queue));
    print_queues(out, queues.collect(), context);
    true
}

/// Writes a reply, if it is one of these.
pub(super) fn print_reply(out: &mut String, reply: &Reply, context: Context<'_>) -> bool {
    let Reply::QueueDesc(queues) = reply else {
        return false;
    };
    let queues = queues.iter().map(Queue::described);
    print_queues(out, queues.collect(), context);
    true
}

/// Writes queues by their ports and numbers, each on a line; on one before them the port, unless that is none.
fn print_queues(out: &mut String, mut queues: Vec<Queue>, context: Context<'_>) {
    // Only sixteen bits tell ports apart.
    queues.sort_by_key(|queue| (queue.port.0 as u16, queue.number));
    out.push(' ');
    let mut last = PortNo(0);
    for queue in queues {
        if queue.port != last {
            last = queue.port;
            push(out, format_args!("port={}\n", context.names.port(last)));
        }
        push(out, format_args!("queue {}:", queue.number));
        print_rate(out, "min_rate", queue.min_rate);
        print_rate(out, "max_rate", queue.max_rate);
        out.push('\n');
    }
}

/// All of a port's rate, in tenths of a percent.
const WHOLE_RATE: u16 = 1000;

/// Writes a rate; all ones are none.
fn print_rate(out: &mut String, name: &str, rate: Option<u16>) {
    match rate {
        None | Some(u16::MAX) => {}
        Some(rate @ ..=WHOLE_RATE) => {
            push(out, format_args!(" {name}:{}.{}%", rate / 10, rate % 10));
        }
        Some(_) => push(out, format_args!(" {name}:(disabled)")),
    }
}

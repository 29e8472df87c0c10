//! Probes: one datagram to each of many receivers. Who gets one, meant or not, tells it as an event, so that a round of
//! probes from all to all is a matrix of who reaches whom.

use std::net::SocketAddr;

use super::{BURST, Context, Report};
use crate::host::event::Observation;
use crate::host::wire::Probe;

#[derive(Debug)]
pub(in crate::host) struct Prober {
    port: u16,
    run: u32,
    from: u32,
    /// The receivers that are left, the next one last.
    left: Vec<(u32, SocketAddr)>,
    interval: u64,
    at: u64,
    sent: u64,
    unsent: u64,
}

impl Prober {
    pub(in crate::host) fn new(
        port: u16,
        run: u32,
        from: u32,
        mut to: Vec<(u32, SocketAddr)>,
        interval: u64,
        now: u64,
    ) -> Self {
        to.reverse();
        Self {
            port,
            run,
            from,
            left: to,
            interval,
            at: now,
            sent: 0,
            unsent: 0,
        }
    }

    pub(super) const fn report(&self) -> Report {
        Report::Probes {
            sent: self.sent,
            unsent: self.unsent,
        }
    }

    pub(super) fn next_timeout(&self) -> Option<u64> {
        (!self.left.is_empty()).then_some(self.at)
    }

    pub(super) fn stop(&mut self) {
        self.left = Vec::new();
    }

    pub(super) fn advance(&mut self, context: &mut Context<'_>) {
        for _ in 0..BURST {
            if self.at > context.now() {
                break;
            }
            let Some((number, to)) = self.left.pop() else {
                break;
            };
            let probe = Probe {
                run: self.run,
                from: self.from,
                to: number,
            };
            if context.send(self.port, to, &probe.encode()) {
                self.sent += 1;
            } else {
                self.unsent += 1;
            }
            self.at += self.interval;
            if self.left.is_empty() {
                let program = context.id;
                context.moment.event(Observation::Finished { program });
            }
        }
    }
}

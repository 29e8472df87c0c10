//! A wire for tests: every frame reaches every other host, late, out of order, twice or never, as a seed says.

use std::collections::BTreeMap;

use rust_openflow::MacAddr;
use weft_responders::Responder;
use weft_responders::dhcp4::Facts;
use weft_simulations::host::{Addressing, Event, Host, Observation, SECOND};

/// How bad the wire is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Faults {
    /// Microseconds.
    pub(crate) delay: u64,
    /// More microseconds, as chance has it: frames overtake each other.
    pub(crate) jitter: u64,
    /// Out of a thousand frames.
    pub(crate) lost: u64,
    /// Out of a thousand frames.
    pub(crate) doubled: u64,
}

pub(crate) const GOOD: Faults = Faults {
    delay: 100,
    jitter: 0,
    lost: 0,
    doubled: 0,
};

pub(crate) struct Wire {
    pub(crate) hosts: Vec<Host>,
    pub(crate) now: u64,
    pub(crate) faults: Faults,
    /// The DHCP server's facts, by host.
    pub(crate) servers: BTreeMap<usize, Facts>,
    /// Whether a frame for one host reaches that one only, as behind a switch.
    pub(crate) switched: bool,
    /// A host that is on its way to another place: nobody reaches it, and it has no time.
    pub(crate) away: Option<usize>,
    /// What all hosts saw, with their number.
    pub(crate) events: Vec<(usize, Event)>,
    /// Every frame that was sent: when, by whom.
    pub(crate) frames: Vec<(u64, usize, Vec<u8>)>,
    flying: BTreeMap<(u64, u64), (usize, Vec<u8>)>,
    sent: u64,
    seed: u64,
}

pub(crate) fn mac(number: usize) -> MacAddr {
    MacAddr([2, 0, 0, 0, 1, u8::try_from(number).unwrap()])
}

/// Addresses of both families, the only networks being those of this wire.
pub(crate) fn fixed(number: usize) -> Addressing {
    Addressing::Static {
        addresses: vec![
            format!("10.0.0.{}/24", number + 1).parse().unwrap(),
            format!("2001:db8::{}/64", number + 1).parse().unwrap(),
        ],
        routes: vec![],
        mtu: None,
    }
}

impl Wire {
    /// Hosts that are off.
    pub(crate) fn new(hosts: usize, faults: Faults, seed: u64) -> Self {
        Self {
            hosts: (0..hosts).map(|n| Host::new(mac(n), seed)).collect(),
            now: 0,
            faults,
            servers: BTreeMap::new(),
            switched: false,
            away: None,
            events: Vec::new(),
            frames: Vec::new(),
            flying: BTreeMap::new(),
            sent: 0,
            seed,
        }
    }

    /// Hosts with fixed addresses, which have been up for a while.
    pub(crate) fn up(hosts: usize, faults: Faults, seed: u64) -> Self {
        let mut wire = Self::new(hosts, GOOD, seed);
        for number in 0..hosts {
            wire.hosts[number].boot(&fixed(number), 0);
        }
        wire.run_for(5 * SECOND);
        wire.faults = faults;
        wire.events.clear();
        wire.frames.clear();
        wire
    }

    fn chance(&mut self, limit: u64) -> u64 {
        self.seed ^= self.seed << 13 | 1;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 11) % limit.max(1)
    }

    /// Brings a frame to a host, after a while.
    pub(crate) fn deliver(&mut self, to: usize, frame: Vec<u8>) {
        if self.chance(1000) < self.faults.lost {
            return;
        }
        let copies = 1 + u64::from(self.chance(1000) < self.faults.doubled);
        for _ in 0..copies {
            let at = self.now + self.faults.delay + self.chance(self.faults.jitter + 1);
            self.sent += 1;
            self.flying.insert((at, self.sent), (to, frame.clone()));
        }
    }

    fn collect(&mut self, from: usize) {
        while let Some(event) = self.hosts[from].next_event() {
            self.events.push((from, event));
        }
        while let Some(frame) = self.hosts[from].next_frame() {
            let server = self.servers.get(&from);
            let answer = server.and_then(|facts| facts.respond(&frame).frame);
            if let Some(answer) = answer {
                self.deliver(from, answer);
            }
            for to in (0..self.hosts.len()).filter(|to| *to != from) {
                let own = frame[..6] == self.hosts[to].mac().0;
                if own || !self.switched || frame[0] & 1 == 1 {
                    self.deliver(to, frame.clone());
                }
            }
            self.frames.push((self.now, from, frame));
        }
    }

    fn next(&self) -> Option<u64> {
        let timers = self.hosts.iter().enumerate();
        let timers = timers.filter(|(number, _)| self.away != Some(*number));
        let timers = timers.filter_map(|(_, host)| host.next_timeout());
        let frame = self.flying.first_key_value().map(|((at, _), _)| *at);
        timers.chain(frame).min()
    }

    /// Lets time go by, and all that happens happen.
    pub(crate) fn run_for(&mut self, time: u64) {
        let end = self.now + time;
        for number in 0..self.hosts.len() {
            self.collect(number);
        }
        let mut idle = 0;
        while let Some(at) = self.next().filter(|at| *at <= end) {
            idle = if at > self.now { 0 } else { idle + 1 };
            assert!(idle < 10_000, "time stands still");
            self.now = self.now.max(at);
            while let Some(entry) = self.flying.first_entry() {
                if entry.key().0 > self.now {
                    break;
                }
                let (to, frame) = entry.remove();
                if self.away == Some(to) {
                    continue;
                }
                self.hosts[to].receive(&frame, self.now);
                self.collect(to);
            }
            for number in (0..self.hosts.len())
                .filter(|n| self.away != Some(*n))
                .collect::<Vec<_>>()
            {
                if self.hosts[number]
                    .next_timeout()
                    .is_some_and(|at| at <= self.now)
                {
                    self.hosts[number].advance(self.now);
                    self.collect(number);
                }
            }
        }
        self.now = end;
    }

    /// What a host saw.
    pub(crate) fn seen(&self, host: usize) -> Vec<&Observation> {
        self.events
            .iter()
            .filter(|(number, _)| *number == host)
            .map(|(_, event)| &event.what)
            .collect()
    }

    /// The frames that a host sent, with this EtherType.
    pub(crate) fn sent_by(&self, host: usize, ether_type: u16) -> Vec<(u64, &[u8])> {
        self.frames
            .iter()
            .filter(|(_, from, frame)| *from == host && frame[12..14] == ether_type.to_be_bytes())
            .map(|(at, _, frame)| (*at, frame.as_slice()))
            .collect()
    }
}

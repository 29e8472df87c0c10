//! Real clients on a host: a ping that counts what is lost, and two DHCP clients.
//!
//! Knows the clients' ways and nothing of the network that they try.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::host::Host;
use crate::process::{self, Process};
use crate::wait;

/// Packets that go on before the count ends, so that answers on their way are not called lost.
const GRACE: u64 = 50;

/// A running ping, 100 packets a second.
pub struct Ping {
    process: Process,
}

/// What came back of a ping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinged {
    /// How many packets were counted: sequence numbers 1 to this.
    pub sent: u64,
    /// The sequence numbers that were never answered, in their order.
    pub lost: Vec<u64>,
    /// The sequence numbers that were answered more than once.
    pub duplicated: Vec<u64>,
}

impl Ping {
    /// Starts to ping `target` (IPv4 or IPv6) from `host`. Nothing needs to answer yet.
    #[track_caller]
    pub fn start(host: &Host, target: &str) -> Ping {
        Ping::with_options(host, target, &[])
    }

    /// [`Ping::start`] with further options of ping, for instance `-s 1400`.
    #[track_caller]
    pub fn with_options(host: &Host, target: &str, options: &[&str]) -> Ping {
        let words = ["ping", "-D", "-O", "-n", "-i", "0.01"];
        let log = host.file(&format!("ping-{target}.log"));
        // A second ping to the same target must not read the first one's answers.
        let _ = std::fs::remove_file(log);
        let process = host.spawn(
            &format!("ping-{target}"),
            &[&words[..], options, &[target]].concat(),
        );
        Ping { process }
    }

    /// Waits until `count` more packets have been answered.
    ///
    /// # Panics
    /// When they are not.
    #[track_caller]
    pub fn wait_for_answers(&self, count: usize) {
        let before = Seen::read(&self.process.log()).answered.len();
        wait::until("answers to ping", || {
            let answered = Seen::read(&self.process.log()).answered.len();
            if answered >= before + count {
                Ok(())
            } else {
                Err(answered - before)
            }
        });
    }

    /// How many packets are known to have been sent, answered or not.
    #[must_use]
    pub fn sent(&self) -> u64 {
        Seen::read(&self.process.log()).highest
    }

    /// Waits until `count` more packets have been sent, answered or not.
    ///
    /// # Panics
    /// When they cannot be sent.
    #[track_caller]
    pub fn wait_for_sent(&self, count: u64) {
        self.wait_until_sent(self.sent() + count);
    }

    #[track_caller]
    fn wait_until_sent(&self, number: u64) {
        wait::until("ping sends", || {
            let sent = self.sent();
            if sent >= number { Ok(()) } else { Err(sent) }
        });
    }

    /// Ends the ping and counts all packets sent before this call.
    ///
    /// # Panics
    /// When ping has ended by itself.
    #[track_caller]
    pub fn stop(mut self) -> Pinged {
        let sent = self.sent();
        self.wait_until_sent(sent + GRACE);
        self.process.signal(Signal::INT);
        self.process.wait();
        let seen = Seen::read(&self.process.log());
        Pinged {
            sent,
            lost: (1..=sent)
                .filter(|number| !seen.answered.contains(number))
                .collect(),
            duplicated: seen.duplicated.range(..=sent).copied().collect(),
        }
    }
}

/// What ping has written.
#[derive(Debug, Default)]
struct Seen {
    highest: u64,
    answered: BTreeSet<u64>,
    duplicated: BTreeSet<u64>,
}

impl Seen {
    fn read(log: &str) -> Seen {
        let mut seen = Seen::default();
        // ping's own count starts again after 16 bits.
        let mut round = 0;
        for line in log
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
        {
            let Some(number) = sequence_number(line) else {
                continue;
            };
            let mut number = round + number;
            if number + 0x8000 < seen.highest {
                round += 0x1_0000;
                number += 0x1_0000;
            } else if number > seen.highest + 0x8000 {
                number = number.saturating_sub(0x1_0000);
            }
            seen.highest = seen.highest.max(number);
            let answer = line.contains("bytes from") && line.contains("time=");
            if answer && (line.contains("DUP!") || !seen.answered.insert(number)) {
                seen.duplicated.insert(number);
            }
        }
        seen
    }
}

fn sequence_number(line: &str) -> Option<u64> {
    let (_, after) = line.split_once("icmp_seq=")?;
    let end = after
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(after.len());
    after[..end].parse().ok()
}

/// A DHCP client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DhcpClient {
    /// Busybox's.
    Udhcpc,
    /// The ISC's.
    Dhclient,
}

/// A lease: the variables a client gives to its script, by the client's own names.
pub type Lease = BTreeMap<String, String>;

/// Gets a lease for `eth0` of `host` and configures the interface from it. Udhcpc ends with
/// that; dhclient stays in the background, as on a real machine.
///
/// # Panics
/// When the client gets no lease.
#[track_caller]
pub fn dhcp(client: DhcpClient, host: &Host) -> Lease {
    dhcp_with_options(client, host, &[])
}

/// [`dhcp`] with further options of the client.
///
/// # Panics
/// When the client gets no lease.
#[track_caller]
pub fn dhcp_with_options(client: DhcpClient, host: &Host, further: &[&str]) -> Lease {
    let lease = host.file("lease");
    let _ = std::fs::remove_file(&lease);
    let script = script(host, &lease).display().to_string();
    let pidfile = host.file("dhcp.pid").display().to_string();
    let leases = host.file("dhclient.leases").display().to_string();
    let program = match client {
        DhcpClient::Udhcpc => "udhcpc".to_owned(),
        DhcpClient::Dhclient => host.copy_of("dhclient"),
    };
    let options = match client {
        DhcpClient::Udhcpc => "-f -q -n -t 20 -T 1 -O mtu -O staticroutes -i eth0 -s",
        DhcpClient::Dhclient => "-1 -4 -v -sf",
    };
    let mut words = vec![program.as_str()];
    words.extend(options.split(' ').chain([script.as_str()]));
    match client {
        DhcpClient::Udhcpc => words.extend(["-p", &pidfile]),
        DhcpClient::Dhclient => words.extend(["-pf", &pidfile, "-lf", &leases]),
    }
    words.extend(further);
    if client == DhcpClient::Dhclient {
        words.push("eth0");
    }
    let mut process = host.spawn("dhcp", &words);
    let ended = process.wait();
    assert!(
        ended.success(),
        "{client:?} on {}: {}",
        host.name(),
        process.log()
    );
    let text = std::fs::read_to_string(&lease)
        .unwrap_or_else(|error| panic!("{client:?} left no lease: {error}\n{}", process.log()));
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

/// Starts udhcpc on `eth0` of `host`. It stays: SIGUSR1 makes it renew its lease, SIGUSR2 release it.
///
/// # Panics
/// When it cannot be started.
#[track_caller]
pub fn udhcpc(host: &Host) -> Process {
    let script = script(host, &host.file("lease")).display().to_string();
    let pidfile = host.file("udhcpc.pid").display().to_string();
    let options = "-f -t 20 -T 1 -i eth0 -s";
    let words = ["udhcpc"].into_iter().chain(options.split(' '));
    let words: Vec<&str> = words.chain([script.as_str(), "-p", &pidfile]).collect();
    host.spawn("udhcpc", &words)
}

/// Makes the dhclient that [`dhcp`] left on `host` end, or release its lease first.
///
/// # Panics
/// When there is none.
#[track_caller]
pub fn end_dhclient(host: &Host, release: bool) {
    let file = |name: &str| host.file(name).display().to_string();
    let how = if release { "-r" } else { "-x" };
    let (program, script) = (file("dhclient"), file("dhcp-script"));
    let (pidfile, leases) = (file("dhcp.pid"), file("dhclient.leases"));
    let options = [how, "-sf", &script, "-pf", &pidfile, "-lf", &leases, "eth0"];
    host.run(&[&[program.as_str()][..], &options].concat());
}

/// Writes the script that both clients call. The ones they bring would rewrite `/etc/resolv.conf`,
/// which namespaces do not keep apart.
#[track_caller]
fn script(host: &Host, lease: &Path) -> PathBuf {
    let (draft, path) = (host.file("dhcp-script.draft"), host.file("dhcp-script"));
    let text = include_str!("dhcp-script.sh").replace("LEASE_FILE", &lease.display().to_string());
    let written = std::fs::write(&draft, text);
    assert!(written.is_ok(), "{}: {written:?}", draft.display());
    process::install(&draft, &path);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_losses_and_duplicates_are_told_apart() {
        let log = "PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.\n\
                   [1.0] 64 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.1 ms\n\
                   [1.1] no answer yet for icmp_seq=2\n\
                   [1.2] From 10.0.0.9 icmp_seq=3 Destination Host Unreachable\n\
                   [1.3] 64 bytes from 10.0.0.2: icmp_seq=4 ttl=64 time=0.1 ms\n\
                   [1.3] 64 bytes from 10.0.0.2: icmp_seq=4 ttl=64 time=0.2 ms (DUP!)\n\
                   [1.4] 64 bytes from 10.0.0.2: icmp_seq=5";
        let seen = Seen::read(log);
        assert_eq!(seen.highest, 4);
        assert_eq!(seen.answered, BTreeSet::from([1, 4]));
        assert_eq!(seen.duplicated, BTreeSet::from([4]));
    }

    #[test]
    fn counting_goes_on_after_sixteen_bits() {
        let mut log = String::new();
        for number in (0..=0xffffu32).chain(0..=9) {
            log += &format!("64 bytes from a: icmp_seq={number} ttl=64 time=1 ms\n");
        }
        let seen = Seen::read(&log);
        assert_eq!(seen.highest, 0x1_0009);
        assert!(seen.duplicated.is_empty(), "{:?}", seen.duplicated);
    }
}

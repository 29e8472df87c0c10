//! What a process of this machine takes: CPU time and memory, as `/proc` says.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Serialize;

/// Ticks of `/proc/PID/stat` in a second (`USER_HZ`), on all machines that Linux knows.
const TICKS: u64 = 100;

/// What a process has taken so far.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Usage {
    /// CPU time, in seconds.
    pub(super) cpu_s: f64,
    /// Memory, in MiB.
    pub(super) memory_mib: u64,
    /// The most memory that it ever had, in MiB.
    pub(super) peak_mib: u64,
}

/// What a process has taken; none when it is not there.
pub(super) fn usage(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    // The name may hold anything, but no parenthesis follows it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let mut time = || times.next()?.parse::<u64>().ok();
    let ticks = time()? + time()?;
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib / 1024)
    };
    Some(Usage {
        cpu_s: Duration::from_millis(ticks * 1_000 / TICKS).as_secs_f64(),
        memory_mib: mib("VmRSS:")?,
        peak_mib: mib("VmHWM:")?,
    })
}

/// The process of this machine that listens at an address of it; none when that cannot be seen.
pub(super) fn listener(address: SocketAddr) -> Option<u32> {
    if !address.ip().is_loopback() {
        return None;
    }
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let unspecified = [IpAddr::from([0; 4]), IpAddr::from([0; 16])];
    let mut places = [address.ip()].into_iter().chain(unspecified);
    let inode = places.find_map(|ip| {
        let mut tables = tables.iter().flatten();
        tables.find_map(|table| listening(table, &local(ip, address.port())))
    })?;
    let socket = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?;
    processes
        .filter_map(|process| process.ok()?.file_name().to_str()?.parse().ok())
        .find(|pid| holds(*pid, &socket))
}

/// An address as the tables of the kernel write it: words in the order of this machine.
fn local(ip: IpAddr, port: u16) -> String {
    let octets = match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let (words, _) = octets.as_chunks::<4>();
    let words = words
        .iter()
        .map(|word| format!("{:08X}", u32::from_ne_bytes(*word)));
    format!("{}:{port:04X}", words.collect::<String>())
}

/// The inode of the socket that listens at a place.
fn listening(table: &str, place: &str) -> Option<u64> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = *fields.get(1)? == place && *fields.get(3)? == LISTEN;
        is_it.then(|| fields.get(9)?.parse().ok()).flatten()
    })
}

fn holds(pid: u32, socket: &str) -> bool {
    let files = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten();
    let mut targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    targets.any(|target| target.as_os_str() == socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_is_found_and_what_it_takes_is_told() {
        let listener_here = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let pid = listener(listener_here.local_addr().unwrap());
        assert_eq!(pid, Some(std::process::id()));
        let usage = usage(std::process::id()).unwrap();
        assert!(usage.memory_mib > 0 && usage.peak_mib >= usage.memory_mib);
        assert_eq!(listener("192.0.2.1:80".parse().unwrap()), None);
    }
}

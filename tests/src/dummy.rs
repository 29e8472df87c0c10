//! The lab without privileges: real Open vSwitch daemons with their dummy datapath.
//!
//! Every hypervisor is a pair of daemons of its own (bridges of one would share conntrack zones and
//! tunnels). `br-phy` of the first is the switch of the underlay: wires (unix sockets) lead from it to the
//! others, and VXLAN packets really cross them. Ports are files and sockets: [`Hypervisor::inject`]
//! puts a packet into a port, [`Hypervisor::received`] tells what came out of one. Programs
//! run on the machine itself and listen on [`Lab::address`]. For real clients see [`crate::netns`].

use std::fmt::Write;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::Ipv4Addr;
use std::path::PathBuf;

use crate::host::Host;
use crate::hypervisor::{Hypervisor, Plan};
use crate::slot::Slot;

/// Hypervisors with dummy datapaths. All is gone when it is dropped.
pub struct Lab {
    hypervisors: Vec<Hypervisor>,
    host: Host,
    slot: Slot,
}

impl Lab {
    /// Starts hypervisors `hv1` to `hvN`, joined by an underlay 172.31.0.0/24 in which `hvN` is `.N`.
    ///
    /// # Panics
    /// When a daemon does not come up.
    #[track_caller]
    pub fn start(count: u8) -> Lab {
        let slot = Slot::claim();
        let hypervisors = (1..=count)
            .map(|number| Hypervisor::start(plan(&slot, number, count)))
            .collect();
        Lab {
            hypervisors,
            host: Host::here(&slot, "lab"),
            slot,
        }
    }

    /// Hypervisor `number`, counted from 1.
    pub fn hypervisor(&self, number: usize) -> &Hypervisor {
        &self.hypervisors[number - 1]
    }

    /// Hypervisor `number`, counted from 1, to kill and restart its daemons.
    pub fn hypervisor_mut(&mut self, number: usize) -> &mut Hypervisor {
        &mut self.hypervisors[number - 1]
    }

    /// All hypervisors.
    pub fn hypervisors(&self) -> &[Hypervisor] {
        &self.hypervisors
    }

    /// Where programs beside the hypervisors run, Weft for instance: the machine itself.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// A loopback address of this lab only, where member `number` of a cluster can listen on its usual
    /// ports beside those of other labs.
    pub fn address(&self, number: u8) -> Ipv4Addr {
        address(&self.slot, number)
    }

    /// The lab's slot, with its folder.
    pub fn slot(&self) -> &Slot {
        &self.slot
    }
}

/// [`Lab::address`] for who has a slot and no hypervisors.
pub fn address(slot: &Slot, number: u8) -> Ipv4Addr {
    let [.., high, low] = slot.number().to_be_bytes();
    Ipv4Addr::new(127, 100 + high, low, number)
}

fn plan(slot: &Slot, number: u8, count: u8) -> Plan {
    let folder = slot.folder().join(format!("hv{number}"));
    let wire = |other: u8| format!("unix:{}/wire{other}.sock", slot.folder().display());
    // `=override` would replace the tunnels by dummy devices too.
    let arguments = &[
        "--enable-dummy",
        "--disable-system",
        "--disable-system-route",
    ];
    let mut bridge = format!(
        "add-br br-phy -- set Bridge br-phy datapath_type=dummy fail_mode=standalone \
         other_config:hwaddr=02:00:00:00:fe:{number:02x}"
    );
    let mut add_wire = |port: u8, kind: &str, target: String| {
        let add = format!(" -- add-port br-phy phy{port} -- set Interface phy{port} type=dummy");
        bridge += &format!("{add} options:{kind}={target}");
    };
    if number == 1 {
        (2..=count).for_each(|other| add_wire(other, "pstream", format!("p{}", wire(other))));
    } else {
        add_wire(1, "stream", wire(number));
    }
    Plan {
        system_id: format!("hv{number}"),
        host: Host::here(slot, &format!("hv{number}")),
        folder,
        launcher: &[],
        arguments,
        underlay: format!("172.31.0.{number}"),
        bridge: bridge.split(' ').map(String::from).collect(),
        after_start: Box::new(|hypervisor| {
            let address = format!("{}/24", hypervisor.underlay());
            hypervisor.try_appctl("netdev-dummy/ip4addr", &["br-phy", &address])?;
            hypervisor.try_appctl("ovs/route/add", &["172.31.0.0/24", "br-phy"])?;
            Ok(())
        }),
    }
}

/// Ports whose packets are files; in the dummy lab only.
impl Hypervisor {
    /// Adds a port with a file for what goes out of it. `number` asks for an OpenFlow port number;
    /// `iface_id` becomes `external_ids:iface-id`, as a hypervisor sets it for a virtual machine.
    #[track_caller]
    pub fn add_dummy_port(
        &self,
        bridge: &str,
        name: &str,
        number: Option<u32>,
        iface_id: Option<&str>,
    ) {
        let sent = format!("options:tx_pcap={}", self.capture_file(name).display());
        let number = number.map(|number| format!("ofport_request={number}"));
        let iface_id = iface_id.map(|id| format!("external_ids:iface-id={id}"));
        let mut arguments = vec!["add-port", bridge, name, "--", "set", "Interface", name];
        arguments.extend(["type=dummy", &sent]);
        arguments.extend(number.as_deref());
        arguments.extend(iface_id.as_deref());
        self.vsctl(&arguments);
    }

    /// Makes a file for what goes out of the port that a bridge is itself.
    #[track_caller]
    pub fn capture_bridge(&self, bridge: &str) -> Capture {
        let sent = format!("options:tx_pcap={}", self.capture_file(bridge).display());
        self.vsctl(&["set", "Interface", bridge, &sent]);
        self.capture(bridge)
    }

    /// Lets a packet come in through a dummy port. When this returns, the switch has it.
    ///
    /// # Panics
    /// When there is no such port.
    #[track_caller]
    pub fn inject(&self, port: &str, frame: &[u8]) {
        self.inject_all(port, [frame]);
    }

    /// [`Self::inject`] for several packets, which come in in this order; a port holds no more than
    /// [`WAITING`] that are not yet through.
    ///
    /// # Panics
    /// When there is no such port.
    #[track_caller]
    pub fn inject_all<'a>(&self, port: &str, frames: impl IntoIterator<Item = &'a [u8]>) {
        let frames = frames.into_iter().map(|frame| {
            frame.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
        });
        let words: Vec<String> = std::iter::once(port.to_owned()).chain(frames).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.appctl("netdev-dummy/receive", &words);
    }

    /// All packets that went out of a dummy port since it was added, oldest first.
    pub fn received(&self, port: &str) -> Vec<Vec<u8>> {
        self.capture(port).read()
    }

    /// What goes out of a dummy port, from when it was added on.
    pub fn capture(&self, port: &str) -> Capture {
        Capture {
            path: self.capture_file(port),
            offset: 0,
        }
    }

    fn capture_file(&self, port: &str) -> PathBuf {
        self.rundir().join(format!("{port}.pcap"))
    }
}

/// How many packets wait at a dummy port (`NETDEV_DUMMY_MAX_QUEUE` in `lib/netdev-dummy.c` of Open vSwitch); more
/// are lost.
pub const WAITING: usize = 100;

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// What goes out of a dummy port: a pcap file that grows.
#[derive(Debug)]
pub struct Capture {
    path: PathBuf,
    /// How much of it was read.
    offset: u64,
}

impl Capture {
    /// The packets since this was last asked, oldest first.
    pub fn read(&mut self) -> Vec<Vec<u8>> {
        let mut new = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.offset))?;
            file.read_to_end(&mut new)
        });
        let header = if self.offset == 0 { FILE_HEADER } else { 0 };
        let Some(new) = new.get(header..).filter(|_| read.is_ok()) else {
            return Vec::new();
        };
        let packets = packets(new);
        let bytes = packets.iter().map(|packet| RECORD_HEADER + packet.len());
        self.offset += (header + bytes.sum::<usize>()) as u64;
        packets
    }
}

/// The packets of a pcap file behind its header, in this machine's byte order; one that is still being written is
/// left out.
fn packets(mut file: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let Some((header, rest)) = file.split_at_checked(RECORD_HEADER) {
        let length = [header[8], header[9], header[10], header[11]];
        let length = usize::try_from(u32::from_ne_bytes(length)).unwrap_or(usize::MAX);
        let Some((packet, rest)) = rest.split_at_checked(length) else {
            break;
        };
        found.push(packet.to_vec());
        file = rest;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_that_is_still_being_written_is_left_out() {
        let mut file = Vec::new();
        for (length, bytes) in [(2u32, &[1, 2][..]), (3, &[3][..])] {
            file.extend([0; 8]);
            file.extend(length.to_ne_bytes());
            file.extend(length.to_ne_bytes());
            file.extend(bytes);
        }
        assert_eq!(packets(&file), [[1, 2]]);
        assert!(packets(&[]).is_empty());
    }
}

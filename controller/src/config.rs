//! What an installation decides for itself: one table of options.
//!
//! A field of [`Config`] is an option's row: its flag, and from that its key in the configuration
//! file and its environment variable ([`layers`]), its type ([`values`]), default and sentences.
//! What the options mean to the parts is not known here.

mod layers;
mod values;

use std::net::{IpAddr, SocketAddr};

use clap::{ArgAction, Args, value_parser};
use rust_openflow::MacAddr;
use weft_topology::{FLOOD_DIRECT, TunnelKind};

pub(crate) use layers::options;
pub use layers::{Layers, Surroundings, environment_name};
pub use values::{Advertise, Database, DnsDomain, Listen, Project, Seconds, VniRanges};

use crate::Error;

/// The options of `weft serve`.
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Config {
    /// Where the API is served
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9696")]
    pub listen_api: Listen,

    /// Where switches connect, OpenFlow 1.0 to 1.5
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:6653")]
    pub listen_openflow: Listen,

    /// Where hypervisors connect (`ovs-vsctl set-manager tcp:CONTROLLER:6640`)
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:6640")]
    pub listen_ovsdb: Listen,

    /// The address at which hypervisors reach this controller's OpenFlow port; by default the one
    /// that their OVSDB connection came to, with the port of --listen-openflow
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    pub advertise: Option<Advertise>,

    /// The database: sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME. By default weft.db in
    /// $XDG_STATE_HOME/weft or ~/.local/state/weft, for root in /var/lib/weft. Write passwords in
    /// the file or the environment: a command line is seen by every user of the machine
    #[arg(long, value_name = "URL", required = false)]
    pub database: Database,

    /// The project of requests that name none
    #[arg(long, value_name = "PROJECT")]
    pub noauth_project: Option<Project>,

    /// Serve the API, which has no authentication, beyond loopback too
    #[arg(
        long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1,
        require_equals = true, default_value = "false", default_missing_value = "true",
    )]
    pub insecure_noauth: bool,

    /// The encapsulation of networks that do not ask for one
    #[arg(long, value_name = "KIND", default_value = "vxlan", value_parser = values::tunnel_kinds())]
    pub network_type: TunnelKind,

    /// The ids that networks get by themselves, for each kind of encapsulation; all ids of the
    /// kinds that are not named
    #[arg(long, value_name = "KIND:FIRST:LAST,...", default_value_t)]
    pub vni_range: VniRanges,

    /// The largest IP packet between hypervisors, in bytes
    #[arg(long, value_name = "BYTES", default_value = "1500", value_parser = value_parser!(u16).range(1280..))]
    pub underlay_mtu: u16,

    /// The most hypervisors that a broadcast is sent to directly; on networks with more, some of them
    /// pass it on. Every controller of an installation must be given the same
    #[arg(
        long, value_name = "HYPERVISORS", default_value_t = FLOOD_DIRECT,
        value_parser = value_parser!(u16).range(1..=512),
    )]
    pub flood_direct: u16,

    /// The domain of names that guests are given
    #[arg(long, value_name = "DOMAIN", default_value = "openstacklocal")]
    pub dns_domain: DnsDomain,

    /// How long guests may keep an address before they ask again, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = value_parser!(u32).range(60..))]
    pub dhcp_lease: u32,

    /// How generated Ethernet addresses begin: with its first three octets, or four when the
    /// fourth is not 0
    #[arg(long, value_name = "MAC", default_value = "fa:16:3e:00:00:00", value_parser = values::base_mac)]
    pub base_mac: MacAddr,

    /// How many hypervisors may be known: further ones are refused, until one that has gone is
    /// forgotten (`weft switches forget`)
    #[arg(long, value_name = "COUNT", default_value = "4096", value_parser = value_parser!(u16).range(1..))]
    pub max_hypervisors: u16,

    /// How often the flows of every switch are compared with their program, in seconds; 0 for
    /// never
    #[arg(long, value_name = "SECONDS", default_value = "600")]
    pub audit_interval: Seconds,
}

impl Config {
    /// Where a hypervisor reaches the OpenFlow listener at `port`, when its OVSDB connection came
    /// to the address `local` of this machine.
    #[must_use]
    pub fn advertised(&self, local: IpAddr, port: u16) -> SocketAddr {
        match self.advertise {
            Some(Advertise { ip, port: given }) => (ip, given.unwrap_or(port)).into(),
            None => (local.to_canonical(), port).into(),
        }
    }

    /// Checks what single values cannot say.
    ///
    /// # Errors
    ///
    /// [`Error::Exposed`] when the API would be served beyond loopback by accident.
    pub fn check(&self) -> Result<(), Error> {
        if self.listen_api.0.ip().is_loopback() || self.insecure_noauth {
            Ok(())
        } else {
            Err(Error::Exposed(self.listen_api.0))
        }
    }
}

#[cfg(test)]
mod tests;

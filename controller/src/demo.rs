//! `weft demo`: a cloud in one process, and a story of what is observed in it.
//!
//! The controller is the one of `weft serve`, with a database that is thrown away; the hypervisors are simulated and connect over
//! loopback sockets. Every line is told after what it says was seen: by a guest, by the API, or in a trace.

use std::any::Any;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use clap::Parser;
use rust_openflow::MacAddr;
use serde::Serialize;
use serde_json::{Value, json};
use weft_simulations::host::{Addressing, Announcement, Host, Observation, Report};
use weft_simulations::trace::Trace;
use weft_simulations::world::{Detail, HypervisorId, Recorder, Settings, World};

use crate::client::Client;
use crate::config::{Config, Listen};
use crate::ports::Ports;
use crate::serve::Running;
use crate::shutdown;
use crate::simulate::live::{Live, Target};
use crate::switches::Switches;
use crate::trace::Asked;

/// What follows the options in the help of `weft demo`.
pub(crate) const EXAMPLES: &str = "\
Nothing is needed but this program: no root, no Open vSwitch, no database. When the story is told, the cloud stays: \
try the API and the commands on it, from another terminal. Everything is gone when it ends.

Examples:
  weft demo
  weft demo --once --json
  weft switches
  weft trace --from blue-1 --to blue-2
  openstack --os-endpoint http://127.0.0.1:9696 --os-auth-type none port list";

/// How long anything may take that the story waits for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many frames of each guest's are kept.
const KEPT: usize = 4_096;
/// How long to wait between two looks.
const GLANCE: Duration = Duration::from_millis(10);

/// The options of `weft demo`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// Where the API is served
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9696")]
    listen_api: Listen,
    /// How many hypervisors there are
    #[arg(long, value_name = "COUNT", default_value = "4", value_parser = clap::value_parser!(u16).range(2..=200))]
    hypervisors: u16,
    /// End when the story is told
    #[arg(long)]
    once: bool,
}

/// The configuration of the demo's controller.
#[derive(Parser)]
struct Only {
    #[command(flatten)]
    config: Config,
}

/// A line of the story.
#[derive(Serialize)]
struct Line<'a> {
    /// Milliseconds since the beginning.
    at_ms: u128,
    /// What was observed.
    observed: &'a str,
}

/// A guest of a tenant.
#[derive(Debug, Clone)]
struct Guest {
    name: String,
    mac: MacAddr,
    port: String,
    hypervisor: HypervisorId,
    tap: String,
    address: Ipv4Addr,
}

/// Tells the story.
///
/// # Errors
///
/// When the controller cannot start, or something does not happen that has to.
pub async fn run(args: &Args, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let ended = shutdown::on_signal()?;
    let folder = tempfile::tempdir().context("a folder for the database")?;
    let database = format!("sqlite:{}", folder.path().join("weft.db").display());
    let api = args.listen_api.0.to_string();
    let words = [
        "weft",
        "--listen-api",
        &api,
        "--listen-openflow",
        "127.0.0.1:0",
        "--listen-ovsdb",
        "127.0.0.1:0",
        "--database",
        &database,
    ];
    let config = Only::try_parse_from(words)?.config;
    config.check()?;
    let controller = Running::start(config, ended.clone()).await?;
    let mut story = Story::begin(&controller, json, out)?;
    let told = ended
        .clone()
        .run_until_cancelled_owned(story.tell(args))
        .await;
    match told {
        Some(told) => told?,
        None => return controller.until_ended().await,
    }
    if args.once {
        ended.cancel();
    }
    controller.until_ended().await
}

struct Story<'a> {
    live: Live,
    /// The operators' side of the API, and the tenants'.
    operator: Client,
    tenant: Client,
    json: bool,
    out: &'a mut dyn Write,
    start: Instant,
}

impl<'a> Story<'a> {
    fn begin(controller: &Running, json: bool, out: &'a mut dyn Write) -> anyhow::Result<Self> {
        let target = Target {
            ovsdb: controller.ovsdb,
            openflow: Some(controller.openflow),
        };
        let settings = Settings {
            detail: Detail::None,
            ..Settings::new(1)
        };
        let live = Live::start(target, move || World::without_controller(settings))?;
        let operator = Client::new(controller.api.into());
        let mut story = Self {
            live,
            tenant: operator.networking(),
            operator,
            json,
            out,
            start: Instant::now(),
        };
        story.say(&format!(
            "a controller serves the Networking API at http://{}",
            controller.api
        ))?;
        Ok(story)
    }

    async fn tell(&mut self, args: &Args) -> anyhow::Result<()> {
        self.hypervisors(args.hypervisors).await?;
        let mut guests = Vec::new();
        for (number, tenant) in ["blue", "red"].into_iter().enumerate() {
            let network = self.network(tenant).await?;
            for (guest, address) in [(1, 11), (2, 12)] {
                let hypervisor = (number + guest) % usize::from(args.hypervisors);
                let name = format!("{tenant}-{guest}");
                let guest = self.guest(&network, tenant, name, address, hypervisor);
                guests.push(guest.await?);
            }
        }
        let [blue_1, blue_2, red_1, red_2] = &mut guests[..] else {
            bail!("a story of four guests");
        };
        self.pings(blue_1, blue_2).await?;
        self.pings(red_1, red_2).await?;
        self.isolation([blue_1, blue_2], [red_1, red_2]).await?;
        self.migration(blue_1, blue_2, args.hypervisors).await?;
        self.forbidden(red_1, red_2).await?;
        if !args.once {
            let more = [
                "the cloud stays until Ctrl-C; from another terminal, try",
                "  weft switches; weft ports; weft topology",
                "  weft trace --from blue-1 --to blue-2 --proto tcp --dport 80",
                "  weft why blue-1 red-1",
            ];
            for line in more {
                self.print(line)?;
            }
        }
        Ok(())
    }

    /// Hypervisors connect and are programmed.
    async fn hypervisors(&mut self, count: u16) -> anyhow::Result<()> {
        let added = self.live.with(move |world| {
            (0..count).try_for_each(|number| {
                let [high, low] = (number + 1).to_be_bytes();
                let address = Ipv4Addr::new(172, 31, high, low);
                let name = format!("hv{}", number + 1);
                world.add_hypervisor(&name, address.into()).map(|_| ())
            })
        });
        added.await.ok_or_else(gone)??;
        let wanted = usize::from(count);
        let operator = self.operator.clone();
        let switches = until("the hypervisors to be in order", async || {
            let Switches { switches } = operator.get("/switches").await?;
            let ready = switches.iter().filter(|switch| switch.state == "in order");
            Ok((ready.count() == wanted).then_some(switches))
        })
        .await?;
        let flows: usize = switches.iter().map(|switch| switch.flows).sum();
        self.say(&format!(
            "{count} hypervisors have connected, got their bridges and tunnels by OVSDB and {flows} flows by OpenFlow {}",
            switches.first().and_then(|switch| switch.openflow.as_deref()).unwrap_or("-"),
        ))
    }

    /// A tenant makes a network.
    async fn network(&mut self, tenant: &str) -> anyhow::Result<String> {
        let network = json!({"network": {"name": tenant, "project_id": tenant}});
        let network: Value = self.tenant.post("/networks", &network).await?;
        let id = text(&network["network"]["id"])?;
        let subnet = json!({"subnet": {
            "network_id": id, "project_id": tenant, "ip_version": 4, "cidr": "10.0.0.0/24",
        }});
        let _: Value = self.tenant.post("/subnets", &subnet).await?;
        self.say(&format!("tenant {tenant} has a network with 10.0.0.0/24"))?;
        Ok(id)
    }

    /// A guest is plugged in, and asks for its address.
    async fn guest(
        &mut self,
        network: &str,
        tenant: &str,
        name: String,
        address: u8,
        hypervisor: usize,
    ) -> anyhow::Result<Guest> {
        let address = Ipv4Addr::new(10, 0, 0, address);
        let port = json!({"port": {
            "network_id": network, "project_id": tenant, "name": name,
            "fixed_ips": [{"ip_address": address.to_string()}],
        }});
        let port: Value = self.tenant.post("/ports", &port).await?;
        let (id, mac) = (
            text(&port["port"]["id"])?,
            text(&port["port"]["mac_address"])?,
        );
        let mac: MacAddr = mac.parse()?;
        let tap = format!("tap{}", &id[..11]);
        let plugged = Instant::now();
        let (iface, tap_there) = (id.clone(), tap.clone());
        let hypervisor = self.live.with(move |world| {
            let hypervisor = world.hypervisors().nth(hypervisor);
            let hypervisor = hypervisor.ok_or_else(|| anyhow!("no such hypervisor"))?;
            let mut host = Host::new(mac, world.random().bits());
            host.capture(KEPT);
            world.plug(hypervisor, &tap_there, &iface, Box::new(host))?;
            anyhow::Ok((hypervisor, world.name(hypervisor).to_owned()))
        });
        let (hypervisor, where_it_is) = hypervisor.await.ok_or_else(gone)??;
        let guest = Guest {
            name,
            mac,
            port: id,
            hypervisor,
            tap,
            address,
        };
        let (tenant, path) = (self.tenant.clone(), format!("/ports/{}", guest.port));
        until("the port to be ACTIVE", async || {
            let port: Value = tenant.get(&path).await?;
            Ok((port["port"]["status"] == "ACTIVE").then_some(()))
        })
        .await?;
        let active = plugged.elapsed().as_millis();
        self.with(&guest, |host, now| host.boot(&Addressing::Automatic, now))
            .await?;
        let booted = Instant::now();
        let leased = |what| match what {
            Observation::Leased {
                address, server, ..
            } => Some((address.addr(), server)),
            _ => None,
        };
        let (address, server) = self.observe(&guest, leased).await?;
        self.say(&format!(
            "{} is plugged in on {where_it_is}, ACTIVE after {active} ms; it boots, and {} ms later it has {address} \
             by DHCP from {server}",
            guest.name,
            booted.elapsed().as_millis()
        ))?;
        Ok(guest)
    }

    /// One pings the other.
    async fn pings(&mut self, from: &Guest, to: &Guest) -> anyhow::Result<()> {
        const COUNT: u64 = 5;
        let report = self.ping(from, to.address.into(), COUNT, 20_000).await?;
        let ms = |us: Option<u64>| us.map_or(0.0, |us| us as f64 / 1_000.0);
        if report.received == 0 {
            bail!("{} does not reach {}", from.name, to.name);
        }
        self.say(&format!(
            "{} pings {} ({}): {} of {COUNT} come back, in {:.1} ms on average",
            from.name,
            to.name,
            to.address,
            report.received,
            ms(report.round_trips.mean()),
        ))
    }

    /// Nothing that a tenant sends reaches the other, though their addresses are the same.
    async fn isolation(&mut self, one: [&Guest; 2], other: [&Guest; 2]) -> anyhow::Result<()> {
        let mut got = 0;
        for (hearing, sending) in [(one, other), (other, one)] {
            for guest in hearing {
                let frames = self.with(guest, |host, _| host.captured()).await?;
                let from = |frame: &[u8]| frame.get(6..12).map(<[u8]>::to_vec);
                let is_theirs = |frame: &[u8]| {
                    let from = from(frame);
                    sending
                        .iter()
                        .any(|guest| from.as_deref() == Some(&guest.mac.0))
                };
                if frames.iter().any(|(_, frame)| is_theirs(frame)) {
                    bail!("{} got a frame of the other tenant", guest.name);
                }
                got += frames.len();
            }
        }
        self.say(&format!(
            "{} and {} have the same address, {}: of {got} frames that the guests have got, none is the other tenant's",
            one[1].name, other[1].name, one[1].address
        ))
    }

    async fn ping(
        &self,
        from: &Guest,
        to: IpAddr,
        count: u64,
        interval: u64,
    ) -> anyhow::Result<weft_simulations::host::PingReport> {
        let program = self
            .with(from, move |host, now| host.ping(to, count, interval, now))
            .await?;
        self.observe(from, |what| {
            (what == Observation::Finished { program }).then_some(())
        })
        .await?;
        let report = self.with(from, move |host, _| host.report(program)).await?;
        match report {
            Some(Report::Ping(report)) => Ok(report),
            other => bail!("a ping has a report, not {other:?}"),
        }
    }

    /// A guest moves to another hypervisor while it is pinged.
    async fn migration(
        &mut self,
        from: &Guest,
        moving: &mut Guest,
        hypervisors: u16,
    ) -> anyhow::Result<()> {
        const COUNT: u64 = 100;
        let (old, port, tap) = (moving.hypervisor, moving.port.clone(), moving.tap.clone());
        let taken = [old, from.hypervisor];
        let planned = self.live.with(move |world| {
            let new = world.hypervisors().find(|id| !taken.contains(id));
            // With two hypervisors it goes where the other is.
            let new = new.or_else(|| world.hypervisors().find(|id| *id != old));
            let new = new.ok_or_else(|| anyhow!("there are {hypervisors} hypervisors"))?;
            world.plug(new, &tap, &port, Box::new(Recorder::default()))?;
            let names = [old, new].map(|id| world.name(id).to_owned());
            anyhow::Ok((new, names))
        });
        let (new, [old_name, new_name]) = planned.await.ok_or_else(gone)??;
        let program = {
            let to = IpAddr::from(moving.address);
            self.with(from, move |host, now| host.ping(to, COUNT, 10_000, now))
                .await?
        };
        let (operator, id) = (self.operator.clone(), moving.port.clone());
        until("both hypervisors to be ready for the guest", async || {
            let Ports { ports } = operator.get("/ports").await?;
            let port = ports.into_iter().find(|port| port.id == id);
            let both = port.filter(|port| {
                port.ready && port.also_on.as_ref().is_some_and(|place| place.ready)
            });
            Ok(both)
        })
        .await?;
        let tap = moving.tap.clone();
        let moved = self.live.with(move |world| {
            world.swap((old, &tap), (new, &tap))?;
            let arrive = |host: &mut Host, now| host.arrive(Announcement::Hypervisor, now);
            world.with_attachment(new, &tap, arrive);
            world
                .unplug(old, &tap)
                .map(|left| drop::<Box<dyn Any>>(left))
        });
        moved.await.ok_or_else(gone)??;
        moving.hypervisor = new;
        self.observe(from, |what| {
            (what == Observation::Finished { program }).then_some(())
        })
        .await?;
        let report = self.with(from, move |host, _| host.report(program)).await?;
        let Some(Report::Ping(report)) = report else {
            bail!("a ping has a report");
        };
        self.say(&format!(
            "{} moves from {old_name} to {new_name} while {} pings it 100 times a second: {} of {COUNT} are lost",
            moving.name, from.name, report.missing.count,
        ))
    }

    /// A guest sends from an address that is not its own; the packet's trace says what becomes of it.
    async fn forbidden(&mut self, from: &Guest, to: &Guest) -> anyhow::Result<()> {
        let stranger = Ipv4Addr::new(10, 0, 0, 99);
        let asked = Asked {
            from: from.port.clone(),
            to: Some(to.port.clone()),
            packet: format!("icmp,nw_src={stranger}"),
        };
        let trace: Trace = self.operator.post("/trace", &asked).await?;
        let before = self.with(to, |host, _| host.counters().received).await?;
        let frame = trace.frame.clone();
        self.with(from, move |host, _| host.send_raw(frame)).await?;
        // What was sent before has arrived when what is sent after it has.
        let report = self.ping(from, to.address.into(), 1, 1_000).await?;
        let after = self.with(to, |host, _| host.counters().received).await?;
        let (got, answered) = (after - before, report.received);
        if !trace.deliveries.is_empty() || got > answered + 1 {
            bail!("{} got {got} frames", to.name);
        }
        self.say(&format!(
            "{} sends to {} from {stranger}, which is not its address: nothing arrives, and the trace says why",
            from.name, to.name
        ))?;
        for line in trace.to_string().lines() {
            self.print(&format!("    {line}"))?;
        }
        Ok(())
    }

    /// Does something with a guest's machine.
    async fn with<T: Send + 'static>(
        &self,
        guest: &Guest,
        does: impl FnOnce(&mut Host, u64) -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        let (hypervisor, tap) = (guest.hypervisor, guest.tap.clone());
        let done = self
            .live
            .with(move |world| world.with_attachment(hypervisor, &tap, does));
        let done = done.await.ok_or_else(gone)?;
        done.ok_or_else(|| anyhow!("{} is not where it was", guest.name))
    }

    /// Waits until a guest observes something.
    async fn observe<T>(
        &self,
        guest: &Guest,
        mut seen: impl FnMut(Observation) -> Option<T>,
    ) -> anyhow::Result<T> {
        until("a guest to observe something", async || {
            while let Some(event) = self.with(guest, |host, _| host.next_event()).await? {
                if let Some(found) = seen(event.what) {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Tells what was observed.
    fn say(&mut self, observed: &str) -> anyhow::Result<()> {
        let at_ms = self.start.elapsed().as_millis();
        if self.json {
            serde_json::to_writer(&mut *self.out, &Line { at_ms, observed })?;
            writeln!(self.out)?;
        } else {
            writeln!(self.out, "{at_ms:>6} ms  {observed}")?;
        }
        Ok(self.out.flush()?)
    }

    /// Adds a line for people.
    fn print(&mut self, line: &str) -> anyhow::Result<()> {
        if !self.json {
            writeln!(self.out, "           {line}")?;
            self.out.flush()?;
        }
        Ok(())
    }
}

/// Looks again and again until there is something.
async fn until<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let looking = async {
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            tokio::time::sleep(GLANCE).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, looking).await;
    found.unwrap_or_else(|_| bail!("waited {} s for {what}", PATIENCE.as_secs()))
}

fn text(value: &Value) -> anyhow::Result<String> {
    let text = value.as_str().context("the API gives an id")?;
    Ok(text.to_owned())
}

fn gone() -> anyhow::Error {
    anyhow!("the simulated world has ended")
}

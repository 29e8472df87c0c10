//! The keys of a scenario's file: every table, with what each key means and what it is by default.
//!
//! `docs/scenarios.md` is written from these rows. Whether names name something is checked by [`super::cast`].

use std::net::IpAddr;

use ipnet::IpNet;
use rust_openflow::MacAddr;

use super::read::{choice, keys};
use super::value::{
    Attributes, Bytes, Count, Creation, Degrees, Elements, Encapsulation, Ends, Executor, Figure,
    Health, Hypervisors, Machines, Message, Parent, Placement, Processes, Racks, Rate, Rows, Share,
    Short, Span, Tier, Time, Workloads,
};

keys! {
    /// The file itself.
    "(top)" File {
        /// The scenario's name.
        name: String,
        /// What it shows, in a sentence or two.
        description: String = "",
        /// What everything random follows from; the same seed gives the same run.
        seed: u64 = 1,
        /// How long it lasts; without it, until a while after the last event, workload or expectation.
        duration: Option<Time>,
        /// The network below the network.
        underlay: Underlay = { shape = "leaf-spine" },
        /// Where machines run.
        hypervisors: Cloud = {},
        /// The controller.
        controller: Controller = {},
        /// Who has networks.
        tenant: Vec<Tenant>,
        /// What machines do.
        workload: Vec<Workload>,
        /// What happens.
        event: Vec<Event>,
        /// What must hold.
        expect: Vec<Expect>,
    }
}

keys! {
    /// The network below the network: it carries tunnels between hypervisors.
    "[underlay]" Underlay {
        /// How long a link between devices takes, where the shape does not say.
        delay: Time = "5us",
        /// How much a link between devices carries; without it, as much as comes.
        rate: Option<Rate>,
        /// The share of packets that a link between devices loses.
        loss: Share = 0.0,
        /// How long a hypervisor's link takes.
        access_delay: Time = "1us",
        /// How much a hypervisor's link carries; without it, as much as comes.
        access_rate: Option<Rate>,
        /// How long a packet may wait for a link that has a rate.
        queue: Time = "10ms",
        /// How long the underlay's own routing takes to notice a failure. Until then, what goes there is lost.
        convergence: Time = "200ms",
        /// What its paths are short in. Of equal ones, a flow's hash chooses.
        shortest: Short = "delay",
    }
    /// What it looks like.
    one of shape: Shape
}

choice! {
    /// What an underlay looks like.
    Shape by Some("shape");
    /// Every leaf is linked to every spine. Each leaf is a rack.
    "leaf-spine" => LeafSpine {
        /// Switches of the lower tier, `leaf1` and so on.
        leaves: Count = 4,
        /// Switches of the upper tier, `spine1` and so on.
        spines: Count = 2,
        /// Leaves that a hypervisor is plugged into; so many are a rack.
        homes: Count = 1,
    }
    /// The fat-tree of switches with k ports: k pods, room for k * k * k / 4 hypervisors. Devices are `core1`,
    /// `pod1-agg1`, `pod1-edge1`; each edge switch is a rack.
    "fat-tree" => FatTree {
        /// Ports of a switch, even.
        k: Count = 4,
    }
    /// Core, aggregation and access switches: `core1`, `pod1-agg1`, `pod1-access1`; each access switch is a rack.
    "three-tier" => ThreeTier {
        /// Core switches.
        cores: Count = 2,
        /// Groups of aggregation and access switches.
        pods: Count = 2,
        /// Aggregation switches of a pod.
        aggregations: Count = 2,
        /// Access switches of a pod.
        accesses: Count = 4,
    }
    /// Sites `site1` and so on, each linked to the next. Each is a rack.
    "ring" => Ring {
        /// How many.
        sites: Count = 6,
    }
    /// Sites, each linked to each.
    "mesh" => Mesh {
        /// How many.
        sites: Count = 4,
    }
    /// Sites, each linked to as many others, by chance.
    "random-regular" => RandomRegular {
        /// How many.
        sites: Count = 10,
        /// How many links each has.
        degree: Count = 3,
    }
    /// Cities and lines of a GraphML file as the Internet Topology Zoo has them. Each city is a rack; delays are
    /// those of light in fibre.
    "wan" => Wan {
        /// The file, relative to the scenario's.
        file: String,
    }
    /// Devices and links, one by one.
    "list" => List {
        /// The devices.
        devices: Vec<Device>,
        /// The links.
        links: Vec<Line>,
    }
}

keys! {
    /// A device of a list. Leaves and routers are racks of the same name.
    "[[underlay.devices]]" Device {
        /// Its name.
        name: String,
        /// What it is.
        tier: Tier = "router",
        /// Degrees north, for the picture.
        latitude: Option<Degrees>,
        /// Degrees east, for the picture.
        longitude: Option<Degrees>,
    }
}

keys! {
    /// A link of a list; what it does not say is as for all links.
    "[[underlay.links]]" Line {
        /// What it joins.
        ends: Ends,
        /// How long it takes.
        delay: Option<Time>,
        /// How much it carries.
        rate: Option<Rate>,
        /// The share of packets that it loses.
        loss: Option<Share>,
    }
}

keys! {
    /// Where machines run.
    "[hypervisors]" Cloud {
        /// How many.
        count: Count = 4,
        /// Their names; `{}` is the number.
        name: String = "hv{}",
        /// The racks they are in; without it, all.
        racks: Option<Racks>,
        /// How many a rack gets before the next one is begun; without it, they are spread evenly.
        per_rack: Option<Count>,
        /// What runs in the place of a switch.
        executor: Executor = "full",
        /// How long a message between hypervisor and controller takes.
        control_delay: Span = "100us..300us",
    }
}

keys! {
    /// The controller.
    "[controller]" Controller {
        /// How long its database takes for a commit.
        database_delay: Span = "500us..1500us",
        /// The encapsulation of networks that do not ask for one.
        network_type: Encapsulation = "geneve",
        /// From how many hypervisors on a network's floods are passed on in two steps.
        flood_direct: Count = 256,
    }
}

keys! {
    /// Somebody who has networks. Tenants may use the same addresses.
    "[[tenant]]" Tenant {
        /// Its name; `{}` is the number when there are several.
        name: String,
        /// How many alike.
        count: Count = 1,
        /// Its networks.
        network: Vec<Network>,
    }
}

keys! {
    /// A network of a tenant.
    "[[tenant.network]]" Network {
        /// Its name; `{}` is the number when there are several.
        name: String = "net{}",
        /// How many alike.
        count: Count = 1,
        /// Its subnets' prefixes; they are named `subnet1` and so on.
        subnets: Vec<IpNet> = ["10.0.0.0/24"],
        /// Whether machines get their addresses by DHCP; else they know them.
        dhcp: bool = true,
        /// How many machines it has, named `vm1` and so on, besides those that are listed.
        machines: Count = 0,
        /// How these are put on hypervisors.
        placement: Placement = "spread",
        /// Machines with something of their own.
        machine: Vec<Machine>,
        /// Further attributes of the network.
        attributes: Attributes = {},
    }
}

keys! {
    /// A machine, with one port.
    "[[tenant.network.machine]]" Machine {
        /// Its name; `{}` is the number when there are several.
        name: String = "vm{}",
        /// How many alike.
        count: Count = 1,
        /// The hypervisors that it may be on; without it, all.
        on: Option<Hypervisors>,
        /// How several are put on them.
        placement: Placement = "spread",
        /// The addresses that it asks for; without it, the API chooses.
        addresses: Vec<IpAddr>,
        /// The Ethernet address that it asks for.
        mac: Option<MacAddr>,
        /// Whether it runs from the beginning.
        boot: bool = true,
        /// Further attributes of its port.
        attributes: Attributes = {},
    }
}

keys! {
    /// What machines do. Each table has one of the keys further below, whose value says which machines. Only
    /// machines of one network have a way to each other; other pairs are left out.
    "[[workload]]" Workload {
        /// Its name, for expectations; without it, its key and a number: `ping1`.
        name: Option<String>,
        /// When it begins.
        at: Time = "1s",
        /// How long it goes on; without it, to the end.
        r#for: Option<Time>,
    }
    /// What it is.
    one of what: Task
}

choice! {
    /// What machines do.
    Task by None;
    /// Each sends echo requests to each.
    "ping": Machines => Ping {
        /// To whom; without it, to one another.
        to: Option<Machines>,
        /// How often.
        every: Time = "100ms",
        /// Only so many pairs, drawn by the seed.
        pairs: Option<Count>,
    }
    /// Each sends datagrams with sequence numbers to each.
    "stream": Machines => Stream {
        /// To whom; without it, to one another.
        to: Option<Machines>,
        /// How often.
        every: Time = "10ms",
        /// How long a datagram is.
        size: Bytes = "200B",
        /// Only so many pairs, drawn by the seed.
        pairs: Option<Count>,
    }
    /// Each sends bytes over a TCP connection to each, once.
    "tcp": Machines => Tcp {
        /// To whom; without it, to one another.
        to: Option<Machines>,
        /// How much.
        bytes: Bytes = "1MB",
        /// Only so many pairs, drawn by the seed.
        pairs: Option<Count>,
    }
}

keys! {
    /// What happens, from when all that there is at the beginning stands. Each table has one of the keys further
    /// below, whose value says to whom.
    "[[event]]" Event {
        /// When.
        at: Time,
        /// How long after that it happens again.
        every: Option<Time>,
        /// How often it happens.
        times: Count = 1,
        /// A random time up to this comes on top, each time.
        jitter: Time = "0s",
        /// Only so many of those that are named, each time drawn by the seed.
        any: Option<Count>,
    }
    /// What it is.
    one of what: Action
}

choice! {
    /// What happens.
    Action by None;
    /// Machines start.
    "boot": Machines => Boot {}
    /// Machines stop; their ports stay.
    "stop": Machines => Stop {}
    /// Machines move to another hypervisor while they run.
    "migrate": Machines => Migrate {
        /// Where to, one after the other; without it, to another one by chance.
        to: Option<Hypervisors>,
        /// How long it runs in neither place.
        downtime: Time = "20ms",
    }
    /// Devices, links, hypervisors or racks fail. A hypervisor takes its machines with it.
    "down": Elements => Down {
        /// After that, they come back; without it, they do not.
        r#for: Option<Time>,
    }
    /// What was down comes back.
    "up": Elements => Up {}
    /// The controller, or a hypervisor's switch, ends and is started again. A switch has lost its flows then.
    "crash": Processes => Crash {
        /// How long it is away.
        r#for: Time = "1s",
    }
    /// The controller's database fails or becomes slow.
    "database": Health => Database {
        /// For how long.
        r#for: Time = "2s",
        /// How long a commit takes when it is slow.
        delay: Span = "500ms",
    }
    /// Hypervisors' connections to the controller break; they connect again.
    "cut": Hypervisors => Cut {}
    /// Nothing goes over hypervisors' connections to the controller, though they stay.
    "stall": Hypervisors => Stall {
        /// For how long.
        r#for: Time = "5s",
    }
    /// Something is created by the API.
    "create": Creation => Create {
        /// The tenant of a network; the network of a subnet, port or machine.
        r#in: Parent,
        /// Its name; `{}` is the number when there are several.
        name: String = "new{}",
        /// How many at once, in one request when the API can.
        count: Count = 1,
        /// Its attributes.
        attributes: Attributes = {},
    }
    /// Attributes are changed by the API.
    "update": Rows => Update {
        /// What they are to be.
        attributes: Attributes,
    }
    /// Rows are deleted by the API; a machine whose port is deleted stops.
    "delete": Rows => Delete {}
}

keys! {
    /// What must hold. Each table has one of the keys further below.
    "[[expect]]" Expect {
        /// What to call it in reports; without it, it is described by its keys.
        name: Option<String>,
    }
    /// What it is.
    one of what: Demand
}

choice! {
    /// What must hold.
    Demand by None;
    /// Machines reach each other, both ways, as far as they are of one network: a datagram from each comes to each.
    "reach": Machines => Reach {
        /// Whom; without it, one another.
        to: Option<Machines>,
        /// When; without it, at the end.
        at: Option<Time>,
    }
    /// Nothing that one side sends comes to the other.
    "isolated": Machines => Isolated {
        /// From whom, and they from these.
        from: Machines,
    }
    /// From the API's answer until every switch has acknowledged what follows from it.
    "convergence": Figure => Convergence {
        /// How long at most.
        below: Time,
    }
    /// Datagrams of a stream, or echo requests of a ping, that got lost.
    "lost": Workloads => Lost {
        /// How many at most, all pairs together.
        most: Count = 0,
    }
    /// The longest time without anything of a stream or a ping, of all its pairs.
    "gap": Workloads => Gap {
        /// How long at most.
        below: Time,
    }
    /// Transfers that have come to their end.
    "finished": Workloads => Finished {}
    /// Flows of a switch.
    "flows": Hypervisors => Flows {
        /// How many at most, on each.
        most: Count,
    }
    /// What the controller sends to switches.
    "messages": Message => Messages {
        /// How many at most.
        most: Count = 0,
        /// Counted from then.
        after: Time = "0s",
        /// Counted until then; without it, to the end.
        until: Option<Time>,
    }
    /// Ports of machines that run are ACTIVE.
    "active": Machines => Active {
        /// When; without it, at the end.
        at: Option<Time>,
    }
}

//! The network as Weft sees it: ids and numbers, the logical model (what tenants asked for), the
//! inventory of hypervisors (what was observed), and the indexes that tell what a change touches.
//!
//! Nothing here does I/O or knows of OpenFlow tables, the API or the database. Start with
//! [`ids`], then [`entities`] for what there is, [`model`] for how it hangs together and changes,
//! [`physical`] for the graph of hypervisors, bridges, ports and tunnels.

pub mod entities;
pub mod ids;
pub mod model;
pub mod physical;

pub use entities::{
    AddressPair, Change, Chassis, Encap, FixedAddress, HostRoute, Interface, Network, Port, Role,
    Segment, Subnet, eui64, link_local,
};
pub use ids::{
    ChassisId, DatapathKey, InterfaceId, NetworkId, PortId, PortKey, SubnetId, TunnelKind,
};
pub use model::{
    Cell, Effects, Element, FLOOD_DIRECT, FloodClass, Index, IndexDelta, Location, Model,
    flood_chunk,
};
pub use physical::{Link, Physical, Place};

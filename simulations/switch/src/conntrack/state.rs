//! The bits of `ct_state` (ovs-fields(7)).

/// The connection is not remembered, or nobody answered yet.
pub(crate) const NEW: u8 = 1;
/// Packets of both directions were seen.
pub(crate) const ESTABLISHED: u8 = 2;
/// An ICMP error about a packet of the connection.
pub(crate) const RELATED: u8 = 4;
/// It goes to who began.
pub(crate) const REPLY: u8 = 8;
/// It belongs to no connection, and can begin none.
pub(crate) const INVALID: u8 = 16;
/// It was tracked.
pub(crate) const TRACKED: u8 = 32;
/// Its source was translated.
pub(crate) const SOURCE: u8 = 64;
/// Its destination was translated.
pub(crate) const DESTINATION: u8 = 128;
/// Either.
pub(crate) const TRANSLATED: u8 = SOURCE | DESTINATION;

//! Bundles: messages that take effect together or not at all (OpenFlow 1.5.1, 7.3.9; EXT-230 for 1.3).
//!
//! As Open vSwitch does: whoever breaks the rules of a bundle loses it; what cannot be read is refused when it is
//! added, what cannot be done when the bundle is committed, and then nothing of it is.

use bytes::Bytes;
use rust_openflow::message::{
    BundleAdd, BundleControl, BundleControlType, BundleFlags, GroupMod, Message, PacketOut,
};

use super::connection::Connection;
use super::refused::Refused;
use super::{Agent, ConnectionId};
use crate::execute::Output;
use crate::executor::Executor;

/// Bundles of a connection.
const MAX_BUNDLES: usize = 64;
/// Bytes in the bundles of a connection.
const MAX_BYTES: usize = 64 << 20;
/// Milliseconds without a message about a bundle after which it is forgotten.
const IDLE: u64 = 10_000;

/// What waits to be done together.
#[derive(Debug)]
pub(super) struct Bundle {
    flags: BundleFlags,
    closed: bool,
    /// The messages that added them.
    messages: Vec<Bytes>,
    bytes: usize,
    used: u64,
}

impl Bundle {
    fn new(flags: BundleFlags, now: u64) -> Self {
        Self {
            flags,
            closed: false,
            messages: Vec::new(),
            bytes: 0,
            used: now,
        }
    }
}

impl Connection {
    /// Forgets bundles that nobody speaks of; gives their numbers.
    pub(super) fn expire_bundles(&mut self, now: u64) {
        self.bundles
            .retain(|_, bundle| now.saturating_sub(bundle.used) < IDLE);
    }

    /// When the first bundle is forgotten.
    pub(super) fn bundles_expire(&self) -> Option<u64> {
        let used = self.bundles.values().map(|bundle| bundle.used).min();
        used.map(|used| used.saturating_add(IDLE))
    }

    /// The bundle, which is as it is said to be; else it is lost.
    fn bundle(&mut self, id: u32, flags: BundleFlags, now: u64) -> Result<&mut Bundle, Refused> {
        let bundle = self.bundles.get_mut(&id).ok_or("OFPBFC_BAD_ID")?;
        let wrong = match bundle {
            Bundle { closed: true, .. } => Some("OFPBFC_BUNDLE_CLOSED"),
            _ if bundle.flags != flags => Some("OFPBFC_BAD_FLAGS"),
            _ => None,
        };
        if let Some(wrong) = wrong {
            self.bundles.remove(&id);
            return Err(wrong.into());
        }
        let bundle = self.bundles.get_mut(&id).ok_or("OFPBFC_BAD_ID")?;
        bundle.used = now;
        Ok(bundle)
    }

    fn open_bundle(&mut self, id: u32, flags: BundleFlags, now: u64) -> Result<(), Refused> {
        if self.bundles.remove(&id).is_some() {
            return Err("OFPBFC_BAD_ID".into());
        }
        if self.bundles.len() >= MAX_BUNDLES {
            return Err("OFPBFC_OUT_OF_BUNDLES".into());
        }
        self.bundles.insert(id, Bundle::new(flags, now));
        Ok(())
    }
}

/// What a bundle can hold.
enum Bundled {
    Change(Message),
    Packet(PacketOut),
}

fn bundled(add: &BundleAdd) -> Result<Bundled, Refused> {
    match add.message.decode() {
        Ok((_, Message::PacketOut(packet))) => Ok(Bundled::Packet(packet)),
        Ok((
            _,
            message @ (Message::FlowMod(_)
            | Message::NxFlowMod(_)
            | Message::GroupMod(_)
            | Message::PortMod(_)),
        )) => Ok(Bundled::Change(message)),
        Ok(_) => Err("OFPBFC_MSG_UNSUP".into()),
        Err(error) => Err(Refused::Answer(error.answer)),
    }
}

impl<E: Executor> Agent<E> {
    pub(super) fn bundle_control(
        &mut self,
        id: ConnectionId,
        xid: u32,
        control: BundleControl,
    ) -> Result<(), Refused> {
        let now = self.now;
        let known = BundleFlags::ATOMIC | BundleFlags::ORDERED;
        if !known.contains(control.flags) {
            return Err("OFPBFC_BAD_FLAGS".into());
        }
        let connection = self.connection(id)?;
        let bundle = control.bundle_id;
        match control.kind {
            BundleControlType::OPEN_REQUEST => {
                connection.open_bundle(bundle, control.flags, now)?
            }
            BundleControlType::CLOSE_REQUEST => {
                connection.bundle(bundle, control.flags, now)?.closed = true;
            }
            BundleControlType::DISCARD_REQUEST => {
                connection.bundles.remove(&bundle).ok_or("OFPBFC_BAD_ID")?;
            }
            BundleControlType::COMMIT_REQUEST => {
                let there = connection.bundles.remove(&bundle).ok_or("OFPBFC_BAD_ID")?;
                if there.flags != control.flags {
                    return Err("OFPBFC_BAD_FLAGS".into());
                }
                self.commit(id, there)?;
            }
            _ => return Err("OFPBFC_BAD_TYPE".into()),
        }
        let reply = BundleControl {
            bundle_id: control.bundle_id,
            kind: BundleControlType(control.kind.0 + 1),
            // As Open vSwitch says it.
            flags: BundleFlags::default(),
            properties: Vec::new(),
        };
        self.reply(id, xid, &Message::BundleControl(reply));
        Ok(())
    }

    pub(super) fn bundle_add(
        &mut self,
        id: ConnectionId,
        xid: u32,
        add: &BundleAdd,
        bytes: &Bytes,
    ) -> Result<(), Refused> {
        let now = self.now;
        let (header, _) = add
            .message
            .decode()
            .map_err(|error| Refused::Answer(error.answer))?;
        let version = self.connection(id)?.version();
        if header.version != version.wire() {
            return Err("OFPBFC_BAD_VERSION".into());
        }
        if header.xid != xid {
            return Err("OFPBFC_MSG_BAD_XID".into());
        }
        if let Bundled::Change(message) = bundled(add)? {
            self.check(id, message)?;
        }
        let connection = self.connection(id)?;
        if !connection.bundles.contains_key(&add.bundle_id) {
            connection.open_bundle(add.bundle_id, add.flags, now)?;
        }
        let held: usize = connection.bundles.values().map(|bundle| bundle.bytes).sum();
        let bundle = connection.bundle(add.bundle_id, add.flags, now)?;
        if held.saturating_add(bytes.len()) > MAX_BYTES {
            return Err("OFPBFC_MSG_TOO_MANY".into());
        }
        bundle.bytes += bytes.len();
        bundle.messages.push(bytes.clone());
        Ok(())
    }

    /// Does all of a bundle, or nothing of it and says which message is why.
    fn commit(&mut self, id: ConnectionId, bundle: Bundle) -> Result<(), Refused> {
        self.executor.begin();
        let mut outputs = Vec::new();
        let mut groups = Vec::new();
        for bytes in bundle.messages {
            if let Err(refused) =
                self.commit_message(id, &bytes, &mut outputs, &mut groups, bundle.flags)
            {
                self.executor.roll_back();
                let xid =
                    rust_openflow::message::Header::peek(&bytes).map_or(0, |header| header.xid);
                self.refuse(id, xid, &refused, &bytes);
                return Err("OFPBFC_MSG_FAILED".into());
            }
        }
        self.executor.commit();
        for (xid, group) in groups {
            self.forward_group(id, xid, &group);
        }
        let frames = self.deliver(outputs);
        self.queue(frames);
        Ok(())
    }

    fn commit_message(
        &mut self,
        id: ConnectionId,
        bytes: &Bytes,
        outputs: &mut Vec<Output>,
        groups: &mut Vec<(u32, GroupMod)>,
        flags: BundleFlags,
    ) -> Result<(), Refused> {
        let (header, message) =
            Message::decode(bytes).map_err(|error| Refused::Answer(error.answer))?;
        let Message::BundleAdd(add) = message else {
            return Err("OFPBFC_MSG_UNSUP".into());
        };
        match bundled(&add)? {
            Bundled::Packet(packet) => outputs.extend(self.executor.send(&packet)?),
            Bundled::Change(Message::GroupMod(group)) => {
                groups.push((header.xid, self.group_mod(id, group)?));
            }
            Bundled::Change(Message::PortMod(_)) if flags.contains(BundleFlags::ATOMIC) => {
                return Err("OFPBFC_MSG_FAILED".into());
            }
            Bundled::Change(Message::PortMod(port)) => self.port_mod(&port)?,
            Bundled::Change(Message::FlowMod(flow)) => self.flow_mod(id, flow)?,
            Bundled::Change(Message::NxFlowMod(flow)) => self.flow_mod(id, flow.into())?,
            Bundled::Change(_) => return Err("OFPBFC_MSG_UNSUP".into()),
        }
        Ok(())
    }
}

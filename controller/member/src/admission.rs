//! Which hypervisors there are: how many may be known, and how one is forgotten.
//!
//! Whoever reaches the OVSDB port can say to be a hypervisor that was never seen, and every hypervisor costs
//! a row and flows on all the others for as long as it is known. So there is a limit, and what has gone
//! for good is forgotten by an operator. How one is taken in that may come is [`crate::member`]'s.

use std::collections::BTreeSet;
use std::net::IpAddr;

use weft_schema::observation::{ChassisRow, InterfaceRow};
use weft_schema::{Actor, Body, RowChange, RowKey, WriteSet};
use weft_topology::ChassisId;

use crate::member::{Effect, HypervisorId, Member};
use crate::notice::Notice;

/// Why a hypervisor is not forgotten.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It would be there again at once.
    #[error(
        "hypervisor {0} is connected and would be there again at once: when it is taken out of service, \
         `ovs-vsctl del-manager -- --if-exists del-br br-int` on it goes first"
    )]
    Connected(ChassisId),
    /// Nobody knows it.
    #[error("hypervisor {0} is not known")]
    Unknown(ChassisId),
}

impl Member {
    /// Whether there is no room for a hypervisor: it is a new one, and there are enough.
    pub(crate) fn is_full_for(&self, system_id: &str) -> bool {
        let recorded = |id: &str| {
            let known = self.observations.get(id);
            known.is_some_and(|known| known.chassis.is_some())
        };
        if recorded(system_id) || self.by_system_id.contains_key(system_id) {
            return false;
        }
        let rows = self.observations.iter();
        let rows = rows.filter(|(_, known)| known.chassis.is_some()).count();
        let fresh = self.by_system_id.keys().filter(|id| !recorded(id)).count();
        rows + fresh >= self.max_hypervisors
    }

    /// Ends the connection of a hypervisor for which there is no room.
    pub(crate) fn refuse(&mut self, link: HypervisorId, system_id: &str, peer: IpAddr) {
        let notice = Notice::HypervisorRefused {
            chassis: ChassisId::from(system_id),
            peer,
            limit: self.max_hypervisors,
        };
        self.effects
            .push(Effect::CloseHypervisor(link, notice.to_string()));
        self.notice(notice);
    }

    /// The write that forgets a hypervisor and its interfaces; what was made for them goes with their rows.
    ///
    /// # Errors
    ///
    /// [`Error::Connected`] when it or its switch is connected, [`Error::Unknown`].
    pub fn forget(&self, chassis: &ChassisId, user: String) -> Result<WriteSet, Error> {
        let unknown = || Error::Unknown(chassis.clone());
        let known = self.observations.get(&chassis.0).ok_or_else(unknown)?;
        let (row, _) = known.chassis.as_ref().ok_or_else(unknown)?;
        if self.by_system_id.contains_key(&*chassis.0) || self.by_chassis.contains_key(chassis) {
            return Err(Error::Connected(chassis.clone()));
        }
        let gone = |key: RowKey, body: &Body| RowChange {
            key,
            before: Some(body.clone()),
            after: None,
        };
        let interfaces = known.interfaces.iter();
        let interfaces =
            interfaces.map(|(name, (row, _))| gone(InterfaceRow::key(&chassis.0, name), row));
        Ok(WriteSet {
            based_on: self.revision,
            actor: Actor {
                user,
                ..Actor::default()
            },
            rows: interfaces
                .chain([gone(ChassisRow::key(&chassis.0), row)])
                .collect(),
            claims: Vec::new(),
            reads: BTreeSet::new(),
        })
    }
}

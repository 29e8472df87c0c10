//! Roles of controllers: who may write, and what masterships there were (OpenFlow 1.5.1, 6.3.6).

use rust_openflow::message::{Message, NxRoleMessage, Role, RoleMessage, RoleReason, RoleStatus};
use rust_openflow::record::Form;

use super::refused::Refused;
use super::{Agent, ConnectionId};
use crate::executor::Executor;

impl<E: Executor> Agent<E> {
    pub(super) fn role_request(
        &mut self,
        id: ConnectionId,
        xid: u32,
        asked: RoleMessage,
    ) -> Result<(), Refused> {
        if matches!(asked.role, Role::MASTER | Role::SLAVE) {
            self.new_generation(asked.generation_id)?;
        }
        let role = self.set_role(id, asked.role)?;
        // All ones while there was no mastership.
        let generation = self.generation.unwrap_or(u64::MAX);
        let reply = RoleMessage::new(role, generation);
        self.reply(id, xid, &Message::RoleReply(reply));
        Ok(())
    }

    pub(super) fn nx_role_request(
        &mut self,
        id: ConnectionId,
        xid: u32,
        asked: NxRoleMessage,
    ) -> Result<(), Refused> {
        let role = self.set_role(id, RoleMessage::from(asked).role)?;
        let version = self.connection(id)?.version();
        let reply = NxRoleMessage::of(&RoleMessage::new(role, 0), version);
        let reply = reply.map_err(|_| "OFPRRFC_BAD_ROLE")?;
        self.reply(id, xid, &Message::NxRoleReply(reply));
        Ok(())
    }

    /// Takes note of a mastership; an older one than the latest is stale, by a distance that may wrap.
    fn new_generation(&mut self, generation: u64) -> Result<(), Refused> {
        let stale = |latest: u64| generation.wrapping_sub(latest) > i64::MAX as u64;
        if self.generation.is_some_and(stale) {
            return Err("OFPRRFC_STALE".into());
        }
        self.generation = Some(generation);
        Ok(())
    }

    /// Gives a connection a role; a new master makes the old one a slave, and that is told.
    fn set_role(&mut self, id: ConnectionId, role: Role) -> Result<Role, Refused> {
        let own = self.connection(id)?;
        match role {
            Role::NO_CHANGE => return Ok(own.role),
            Role::EQUAL | Role::SLAVE => {
                own.role = role;
                return Ok(role);
            }
            Role::MASTER => own.role = role,
            _ => return Err("OFPRRFC_BAD_ROLE".into()),
        }
        let status = Message::RoleStatus(RoleStatus {
            role: Role::SLAVE,
            reason: RoleReason::MASTER_REQUEST,
            generation_id: self.generation.unwrap_or(u64::MAX),
            properties: Vec::new(),
        });
        for (other, connection) in &mut self.connections {
            if *other != id && connection.role == Role::MASTER {
                connection.role = Role::SLAVE;
                connection.tell(&status);
            }
        }
        Ok(role)
    }
}

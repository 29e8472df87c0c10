//! What programs are made of: flows, groups and meters, named by their content.
//!
//! A flow's cookie is a keyed hash of all that it says, so that comparing a switch with its program
//! is a set difference of cookies. Its key is a hash of what makes it one flow to the switch:
//! stage, priority and match. Both are computed over the OpenFlow 1.5 form, whatever version the
//! switch speaks, and under a secret of the installation, so that no tenant can make two collide.

use std::hash::Hasher;
use std::sync::Arc;

use bytes::Bytes;
use rust_openflow::message::{FlowMod, GroupMod, Message, MeterMod};
use rust_openflow::session::push::bundle_add;
use rust_openflow::{
    Action, EncodeError, GroupId, Instruction, Match, MeterId, TableId, Version, instruction,
    message,
};
use siphasher::{sip, sip128};
use smallvec::SmallVec;

use crate::pipeline::Stage;

/// The key of the hashes: a secret of the installation.
#[derive(Clone)]
pub struct Secret([u8; 16]);

impl Secret {
    /// The secret as the database keeps it.
    #[must_use]
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl Secret {
    /// A number that only this installation comes to, for a purpose.
    pub(crate) fn number(&self, purpose: &[u8]) -> u64 {
        let mut hasher = sip::SipHasher24::new_with_key(&self.0);
        hasher.write(purpose);
        cookie(hasher.finish())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What makes two things on a switch one: the later takes the earlier one's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A meter's number.
    Meter(MeterId),
    /// A group's number.
    Group(GroupId),
    /// A hash of a flow's stage, priority and match.
    Flow(u128),
}

/// A flow, encoded once and shared by every switch that has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Flow {
    /// Its stage.
    pub stage: Stage,
    /// Its priority in the stage.
    pub priority: u16,
    /// The hash of its content; never zero or all ones.
    pub cookie: u64,
    /// The hash of its stage, priority and match.
    pub key: u128,
    /// The message that adds it in a bundle, in OpenFlow 1.5.
    pub message: Bytes,
}

impl Flow {
    /// Encodes a flow.
    pub fn new(
        secret: &Secret,
        stage: Stage,
        priority: u16,
        mut matches: Match,
        instructions: Vec<Instruction>,
    ) -> Result<Self, EncodeError> {
        matches.sort();
        let (key, cookie) = hashes(secret, stage.table(), priority, &matches, &instructions)?;
        let flow_mod = FlowMod::add(stage.table(), priority, matches, instructions, cookie);
        Ok(Self {
            stage,
            priority,
            cookie,
            key,
            message: bundle_add(Version::V1_5, &Message::FlowMod(flow_mod))?,
        })
    }

    /// What the flow says.
    #[must_use]
    pub fn decode(&self) -> FlowMod {
        let inner = message::bundled(&self.message).map(|inner| self.message.slice_ref(inner));
        match inner.map(|inner| Message::decode(&inner)) {
            Some(Ok((_, Message::FlowMod(flow_mod)))) => flow_mod,
            other => unreachable!("a flow is made from a flow_mod, not {other:?}"),
        }
    }
}

/// The key and the cookie that a flow with this content has; the match is sorted.
pub fn hashes(
    secret: &Secret,
    table: TableId,
    priority: u16,
    matches: &Match,
    instructions: &[Instruction],
) -> Result<(u128, u64), EncodeError> {
    let mut identity = sip128::SipHasher24::new_with_key(&secret.0);
    identity.write_u8(table.0);
    identity.write_u16(priority);
    identity.write(&matches.to_bytes(Version::V1_5)?);
    let key = sip128::Hasher128::finish128(&identity).as_u128();
    let mut content = sip::SipHasher24::new_with_key(&secret.0);
    content.write_u128(key);
    content.write(&instruction::to_bytes(instructions, Version::V1_5)?);
    Ok((key, cookie(content.finish())))
}

/// A hash as a cookie: zero and all ones mean "no cookie" in requests and in errors.
fn cookie(hash: u64) -> u64 {
    match hash {
        0 | u64::MAX => 1,
        hash => hash,
    }
}

/// One piece of what an item puts out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A flow of its own.
    Flow(Arc<Flow>),
    /// A share of a flow that several items make together: all clauses of conjunctions on one match.
    Clause(Arc<Clause>),
    /// A group.
    Group(Arc<GroupMod>),
    /// A meter.
    Meter(Arc<MeterMod>),
}

/// A share of a merged flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// The flow's stage.
    pub stage: Stage,
    /// The flow's priority.
    pub priority: u16,
    /// The flow's match, sorted.
    pub matches: Match,
    /// The flow's key.
    pub key: u128,
    /// This share's action.
    pub action: Action,
}

/// Something that a switch has or is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A meter.
    Meter(Arc<MeterMod>),
    /// A group.
    Group(Arc<GroupMod>),
    /// A flow.
    Flow(Arc<Flow>),
}

impl Body {
    /// What it is one with.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Flow(flow) => Key::Flow(flow.key),
            Self::Clause(clause) => Key::Flow(clause.key),
            Self::Group(group) => Key::Group(group.group),
            Self::Meter(meter) => Key::Meter(meter.meter),
        }
    }
}

impl Content {
    /// What it is one with.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Flow(flow) => Key::Flow(flow.key),
            Self::Group(group) => Key::Group(group.group),
            Self::Meter(meter) => Key::Meter(meter.meter),
        }
    }
}

/// Two items give one key different contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict;

/// What several bodies of one key are together. The order of the bodies does not matter.
pub fn merge<'a>(
    secret: &Secret,
    bodies: impl IntoIterator<Item = &'a Body>,
) -> (Option<Content>, Option<Conflict>) {
    let mut contents: SmallVec<[Content; 1]> = SmallVec::new();
    let mut clauses: Vec<&Clause> = Vec::new();
    for body in bodies {
        let content = match body {
            Body::Clause(clause) => {
                clauses.push(clause);
                continue;
            }
            Body::Flow(flow) => Content::Flow(flow.clone()),
            Body::Group(group) => Content::Group(group.clone()),
            Body::Meter(meter) => Content::Meter(meter.clone()),
        };
        if !contents.contains(&content) {
            contents.push(content);
        }
    }
    if let Some(flow) = conjunctive_flow(secret, clauses) {
        contents.push(Content::Flow(Arc::new(flow)));
    }
    let conflict = (contents.len() > 1).then_some(Conflict);
    if conflict.is_some() {
        // Which one wins must not depend on the order; none is right.
        contents.sort_by_key(rank);
    }
    (contents.into_iter().next(), conflict)
}

fn rank(content: &Content) -> (u64, String) {
    match content {
        Content::Flow(flow) => (flow.cookie, String::new()),
        Content::Group(group) => (0, format!("{group:?}")),
        Content::Meter(meter) => (0, format!("{meter:?}")),
    }
}

/// The one flow that carries every clause on a match.
fn conjunctive_flow(secret: &Secret, mut clauses: Vec<&Clause>) -> Option<Flow> {
    let first = *clauses.first()?;
    clauses.sort_by_key(|clause| match clause.action {
        Action::Conjunction {
            id,
            clause,
            n_clauses,
        } => (id, clause, n_clauses),
        _ => (0, 0, 0),
    });
    let mut actions: Vec<Action> = clauses.iter().map(|clause| clause.action.clone()).collect();
    actions.dedup();
    // Each clause was encoded when it was emitted; together they can only be too long.
    Flow::new(
        secret,
        first.stage,
        first.priority,
        first.matches.clone(),
        vec![Instruction::apply(actions)],
    )
    .ok()
}

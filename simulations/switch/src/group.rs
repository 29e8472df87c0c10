//! Groups: their buckets as action sets, what messages do to them, and which bucket a packet goes to.
//!
//! A bucket is alive while the port and the group that it watches are (OpenFlow 1.5.1, 6.5); one that watches
//! nothing is always alive. A group of type select gives a packet to the living bucket with the highest random
//! weight for a hash of what tells its connection, so that both directions and all packets of a connection go
//! the same way ([`crate::hash`]).

use rust_openflow::message::{
    Bucket, BucketId, BucketProperty, Counter, GroupCommand, GroupMod, GroupProperty, GroupStats,
    GroupType,
};
use rust_openflow::{GroupId, PortNo};

use crate::hash;
use crate::meter::clock;
use crate::packet::Packet;
use crate::program::{Checker, Step, Turn, ordered};
use crate::refusal::Refusal;
use crate::switch::Anything;

/// A group, with what its buckets do.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// What was told, as a new group.
    pub(crate) told: GroupMod,
    /// The steps of each bucket.
    pub(crate) steps: Vec<Vec<Step>>,
    /// When it was made, in milliseconds.
    pub(crate) made: u64,
}

/// What a group has to know of the switch to choose.
pub(crate) trait Alive {
    fn port_is_alive(&self, port: PortNo) -> bool;
    fn group_is_alive(&self, group: GroupId) -> bool;
}

impl Group {
    /// A group as it was told.
    pub(crate) fn new(told: &GroupMod, made: u64) -> Result<Self, Refusal> {
        let steps = told.buckets.iter().map(|bucket| {
            // A group may use one that comes later; until then its packets go nowhere.
            let steps = Checker::unknown(&Anything).bucket(&bucket.actions)?;
            let steps: Vec<&Step> = steps.iter().collect();
            // As of every action set nothing comes of one that leads nowhere.
            if !steps
                .iter()
                .any(|step| matches!(step.turn(), Some(Turn::Last(_))))
            {
                return Ok(Vec::new());
            }
            Ok(ordered(&steps).into_iter().cloned().collect())
        });
        // Actions are looked at first, as Open vSwitch reads them.
        let steps = steps.collect::<Result<_, _>>()?;
        check(told)?;
        Ok(Self {
            steps,
            made,
            told: GroupMod {
                command: GroupCommand::ADD,
                command_bucket: BucketId::ALL,
                ..told.clone()
            },
        })
    }

    /// What is said of the group when it is asked for, and `users` flows use it.
    pub(crate) fn stats(&self, users: usize, now: u64) -> GroupStats {
        let (duration_sec, duration_nsec) = clock(now.saturating_sub(self.made));
        let none = Counter {
            packet_count: 0,
            byte_count: 0,
        };
        GroupStats {
            group: self.told.group,
            ref_count: u32::try_from(users).unwrap_or(u32::MAX),
            packet_count: none.packet_count,
            byte_count: none.byte_count,
            duration_sec,
            duration_nsec,
            bucket_stats: vec![none; self.told.buckets.len()],
        }
    }

    /// What becomes of the group when buckets are inserted or removed (OpenFlow 1.5.1, 7.3.4.3).
    pub(crate) fn with_buckets(&self, message: &GroupMod) -> Result<GroupMod, Refusal> {
        let mut told = self.told.clone();
        let place = |id: u32| told.buckets.iter().position(|bucket| bucket.id == id);
        let at = match message.command_bucket {
            BucketId::FIRST => Some(0),
            BucketId::LAST | BucketId::ALL => None,
            BucketId(id) => Some(place(id).ok_or(Refusal::UnknownBucket(id))?),
        };
        if message.command == GroupCommand::REMOVE_BUCKET {
            match (message.command_bucket, at) {
                (BucketId::ALL, _) => told.buckets.clear(),
                (_, Some(at)) if at < told.buckets.len() => _ = told.buckets.remove(at),
                _ => _ = told.buckets.pop(),
            }
            return Ok(told);
        }
        let there = message
            .buckets
            .iter()
            .find(|bucket| place(bucket.id).is_some());
        if let Some(bucket) = there {
            return Err(Refusal::BucketExists(bucket.id));
        }
        // Behind the bucket that is named.
        let behind = usize::from(message.command_bucket != BucketId::FIRST);
        let at = at.map_or(told.buckets.len(), |at| at + behind);
        told.buckets.splice(at..at, message.buckets.iter().cloned());
        Ok(told)
    }

    /// The buckets that a packet goes to, each with its number.
    pub(crate) fn chosen(&self, packet: &Packet, switch: &impl Alive) -> Vec<&[Step]> {
        let buckets = || self.told.buckets.iter().zip(&self.steps);
        let mut alive = buckets().filter(|(bucket, _)| is_alive(bucket, switch));
        match self.told.kind {
            GroupType::ALL => buckets().map(|(_, steps)| &steps[..]).collect(),
            GroupType::SELECT => {
                let hash = hash::packet(packet, hash::CONNECTION, 0).unwrap_or(0);
                let candidates = (0..)
                    .zip(buckets())
                    .filter(|(_, (bucket, _))| is_alive(bucket, switch));
                let weight =
                    |(at, (bucket, _)): (u32, (&Bucket, _))| (at, bucket.weight().unwrap_or(1));
                let chosen = hash::heaviest(hash, candidates.map(weight));
                let steps = chosen.and_then(|at| self.steps.get(at as usize));
                steps.map(|steps| &steps[..]).into_iter().collect()
            }
            // The only one, or the first that is alive.
            GroupType::INDIRECT => buckets().map(|(_, steps)| &steps[..]).take(1).collect(),
            _ => alive
                .next()
                .map(|(_, steps)| &steps[..])
                .into_iter()
                .collect(),
        }
    }

    /// Whether a packet would go to any bucket.
    pub(crate) fn is_alive(&self, switch: &impl Alive) -> bool {
        self.told
            .buckets
            .iter()
            .any(|bucket| is_alive(bucket, switch))
    }
}

fn is_alive(bucket: &Bucket, switch: &impl Alive) -> bool {
    let port = bucket.watch_port().filter(|port| *port != PortNo::ANY);
    let group = bucket.watch_group().filter(|group| *group != GroupId::ANY);
    port.is_none_or(|port| switch.port_is_alive(port))
        && group.is_none_or(|group| switch.group_is_alive(group))
}

/// Refuses a group that cannot be (`check_group` in `lib/ofp-group.c` of Open vSwitch).
fn check(told: &GroupMod) -> Result<(), Refusal> {
    let invalid = |what| Err(Refusal::InvalidGroup(told.group.0, what));
    if told.group > GroupId(0xffff_ff00) {
        return invalid("it has a number that is kept for others");
    }
    if told.kind > GroupType::FAST_FAILOVER {
        return Err(Refusal::GroupType(told.kind.0));
    }
    for (at, bucket) in told.buckets.iter().enumerate() {
        if bucket.id != 0 && told.buckets[..at].iter().any(|other| other.id == bucket.id) {
            return Err(Refusal::BucketExists(bucket.id));
        }
        let weighs = bucket
            .properties
            .iter()
            .any(|property| matches!(property, BucketProperty::Weight { weight } if *weight != 0));
        if weighs && told.kind != GroupType::SELECT {
            return invalid("only groups that select have weights");
        }
        let watches = bucket.watch_port().is_some() || bucket.watch_group().is_some();
        if !watches && told.kind == GroupType::FAST_FAILOVER {
            return invalid("a bucket for fast failover watches nothing");
        }
    }
    if told.kind == GroupType::INDIRECT && told.buckets.len() != 1 {
        return invalid("an indirect group has one bucket");
    }
    for property in &told.properties {
        match property {
            // The ways to choose are the switch's own; the plain one is as good as another.
            GroupProperty::SelectionMethod { method, fields, .. }
                if ["", "dp_hash"].contains(&&*method.to_text()) && fields.0.entries.is_empty() => {
            }
            GroupProperty::SelectionMethod { .. } => {
                return Err(Refusal::GroupProperty("selection method"));
            }
            _ => return Err(Refusal::GroupProperty("property")),
        }
    }
    Ok(())
}

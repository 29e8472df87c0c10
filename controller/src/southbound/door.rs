//! The door of a listener: how many connections may be inside, who has to go for a newcomer, and how
//! much is said of those that went badly.
//!
//! Who has not said yet who he is, is a stranger. There is room for few strangers, and the one that has
//! been there longest goes when another comes: so connections that are opened and left alone,
//! however many and from wherever, never keep a hypervisor out. The same holds for the memory that what
//! they said takes, of which all strangers have one share. What is spoken inside is not known
//! here; see [`super::connection`].

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Connections of one kind at the same time, when there are files enough.
const CONNECTIONS: usize = 16_384;
/// Strangers among them.
const STRANGERS: usize = 1_024;
/// Bytes that what strangers said may take, together.
const STRANGERS_MEMORY: usize = 256 << 20;
/// Addresses of which it is known when they were complained of.
const COMPLAINTS: usize = 1_024;
/// What is said of one source in a burst, and how long, in milliseconds, until one thing more may
/// be said.
const BURST: u32 = 8;
const PAUSE: u64 = 60_000;

/// How many connections are borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections.
    connections: usize,
    /// Connections from one address.
    per_address: usize,
    /// Connections that have not said who they are.
    strangers: usize,
    /// Bytes that what these said may take.
    strangers_memory: usize,
}

impl Limits {
    /// The limits of each of two listeners in a process that may have that many files open.
    #[must_use]
    pub fn for_files(files: u64) -> Self {
        let third = usize::try_from(files / 3).unwrap_or(usize::MAX);
        let connections = CONNECTIONS.min(third).max(4);
        Self {
            connections,
            per_address: connections / 2,
            strangers: STRANGERS.min(connections / 4),
            strangers_memory: STRANGERS_MEMORY,
        }
    }
}

/// The door.
#[derive(Debug)]
pub(super) struct Door {
    limits: Limits,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    connections: usize,
    by_address: HashMap<IpAddr, usize>,
    /// By the order in which they came.
    strangers: BTreeMap<u64, Stranger>,
    /// Bytes that what strangers said takes.
    held: usize,
    next: u64,
    complaints: HashMap<IpAddr, Throttle>,
}

#[derive(Debug)]
struct Stranger {
    leave: CancellationToken,
    /// Bytes that what he said takes.
    held: usize,
}

impl Inside {
    /// He is no stranger any more: he said who he is, or goes.
    fn forget_stranger(&mut self, number: u64) -> Option<Stranger> {
        let stranger = self.strangers.remove(&number)?;
        self.held -= stranger.held;
        Some(stranger)
    }

    /// Sends a stranger away.
    fn send_away(&mut self, number: u64) {
        if let Some(stranger) = self.forget_stranger(number) {
            stranger.leave.cancel();
        }
    }
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// Too many are inside.
    Everywhere,
    /// Too many of that address are inside.
    Address,
}

impl Full {
    /// In a word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Everywhere => "connections",
            Self::Address => "connections of one address",
        }
    }
}

impl Door {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            inside: Mutex::default(),
        })
    }

    /// Lets a stranger in, if need be in the place of another.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr) -> Result<Place, Full> {
        let mut inside = self.inside();
        if inside.strangers.len() >= self.limits.strangers
            && let Some(oldest) = inside.strangers.keys().next().copied()
        {
            inside.send_away(oldest);
        }
        if inside.connections >= self.limits.connections {
            return Err(Full::Everywhere);
        }
        let of_address = inside.by_address.entry(peer).or_default();
        if *of_address >= self.limits.per_address {
            return Err(Full::Address);
        }
        *of_address += 1;
        inside.connections += 1;
        let number = inside.next;
        inside.next += 1;
        let leave = CancellationToken::new();
        let stranger = Stranger {
            leave: leave.clone(),
            held: 0,
        };
        inside.strangers.insert(number, stranger);
        Ok(Place {
            door: self.clone(),
            peer,
            number,
            leave,
        })
    }

    /// Whether something may be said of an address at `now`, and how much was left unsaid before.
    pub(super) fn complain(&self, peer: IpAddr, now: u64) -> Option<u64> {
        let mut inside = self.inside();
        let complaints = &mut inside.complaints;
        if complaints.len() >= COMPLAINTS {
            complaints.retain(|_, throttle| !throttle.is_rested(now));
        }
        if complaints.len() >= COMPLAINTS && !complaints.contains_key(&peer) {
            return None;
        }
        complaints
            .entry(peer)
            .or_insert_with(|| Throttle::new(now))
            .say(now)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Nothing panics while it holds the lock; what is inside is whole in any case.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place inside; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    door: Arc<Door>,
    peer: IpAddr,
    number: u64,
    leave: CancellationToken,
}

impl Place {
    /// He said who he is: he may stay.
    pub(super) fn introduced(&self) {
        self.door.inside().forget_stranger(self.number);
    }

    /// What he said takes so many bytes now. When that is too much for all strangers together, those
    /// who came first go of whose words anything is kept.
    pub(super) fn holds(&self, bytes: usize) {
        let inside = &mut *self.door.inside();
        let Some(stranger) = inside.strangers.get_mut(&self.number) else {
            return;
        };
        inside.held = inside.held - stranger.held + bytes;
        stranger.held = bytes;
        while inside.held > self.door.limits.strangers_memory {
            let mut holders = inside.strangers.iter();
            let Some((oldest, _)) = holders.find(|(_, stranger)| stranger.held > 0) else {
                return;
            };
            let oldest = *oldest;
            inside.send_away(oldest);
        }
    }

    /// Waits until the place is needed for somebody else.
    pub(super) async fn needed(&self) {
        self.leave.cancelled().await;
    }

    /// The door.
    pub(super) fn door(&self) -> &Door {
        &self.door
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.door.inside();
        inside.forget_stranger(self.number);
        inside.connections -= 1;
        if let Some(count) = inside.by_address.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                inside.by_address.remove(&self.peer);
            }
        }
    }
}

/// How much of one source is said: a burst, then a little now and then.
#[derive(Debug)]
pub(super) struct Throttle {
    left: u32,
    since: u64,
    unsaid: u64,
}

impl Throttle {
    /// Nothing was said at `now`, in milliseconds.
    pub(super) fn new(now: u64) -> Self {
        Self {
            left: BURST,
            since: now,
            unsaid: 0,
        }
    }

    /// Whether something may be said at `now`, and how much was left unsaid before.
    pub(super) fn say(&mut self, now: u64) -> Option<u64> {
        let pauses = now.saturating_sub(self.since) / PAUSE;
        self.since += pauses * PAUSE;
        let earned = u32::try_from(pauses).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(earned).min(BURST);
        if self.left == 0 {
            self.unsaid += 1;
            return None;
        }
        self.left -= 1;
        Some(std::mem::take(&mut self.unsaid))
    }

    /// Whether it has nothing to remember any more.
    fn is_rested(&self, now: u64) -> bool {
        now.saturating_sub(self.since) >= PAUSE * u64::from(BURST)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    fn door() -> Arc<Door> {
        Door::new(Limits {
            connections: 4,
            per_address: 3,
            strangers: 2,
            strangers_memory: 100,
        })
    }

    #[test]
    fn strangers_share_their_memory_and_who_came_first_goes() {
        let door = door();
        let [first, second] = [HERE, THERE].map(|peer| door.enter(peer).unwrap());
        let gone = || [&first, &second].map(|place| place.leave.is_cancelled());
        first.holds(60);
        second.holds(40);
        first.holds(50);
        second.holds(50);
        assert_eq!(gone(), [false, false]);
        second.holds(51);
        assert_eq!(gone(), [true, false]);
        // What went before it is free again, and who goes for others takes nothing with him.
        first.holds(1_000);
        second.holds(100);
        assert_eq!(gone(), [true, false]);
        drop(second);
        assert_eq!(door.inside().held, 0);
    }

    #[test]
    fn who_said_nothing_does_not_go_for_memory_and_who_is_known_has_his_own() {
        let door = door();
        let [quiet, loud] = [HERE, THERE].map(|peer| door.enter(peer).unwrap());
        loud.holds(90);
        loud.introduced();
        loud.holds(1_000);
        assert_eq!(door.inside().held, 0);
        let other = door.enter(THERE).unwrap();
        other.holds(101);
        let gone = [&quiet, &loud, &other].map(|place| place.leave.is_cancelled());
        assert_eq!(gone, [false, false, true]);
    }

    #[test]
    fn the_stranger_who_came_first_goes_for_a_newcomer() {
        let door = door();
        let places = [HERE, HERE, THERE].map(|peer| door.enter(peer).unwrap());
        let asked = places.each_ref().map(|place| place.leave.is_cancelled());
        assert_eq!(asked, [true, false, false]);
    }

    #[test]
    fn who_said_who_he_is_stays() {
        let door = door();
        let known = door.enter(HERE).unwrap();
        known.introduced();
        let strangers = [THERE, THERE, THERE].map(|peer| door.enter(peer).unwrap());
        assert!(!known.leave.is_cancelled());
        assert!(strangers[0].leave.is_cancelled());
    }

    #[test]
    fn an_address_has_no_more_than_its_share() {
        let door = door();
        let mut places = Vec::from([HERE; 3].map(|peer| door.enter(peer).unwrap()));
        assert_eq!(door.enter(HERE).unwrap_err(), Full::Address);
        places.push(door.enter(THERE).unwrap());
        assert_eq!(door.enter(THERE).unwrap_err(), Full::Everywhere);
        places.pop();
        places.pop();
        door.enter(HERE).unwrap();
    }

    #[test]
    fn few_files_make_few_places() {
        let limits = Limits::for_files(1_024);
        assert_eq!((limits.connections, limits.strangers), (341, 85));
        assert_eq!(Limits::for_files(1 << 20).connections, CONNECTIONS);
    }

    #[test]
    fn after_a_burst_little_is_said_and_what_was_not_is_counted() {
        let mut throttle = Throttle::new(0);
        assert!((0..BURST).all(|_| throttle.say(1) == Some(0)));
        assert_eq!([throttle.say(2), throttle.say(PAUSE - 1)], [None, None]);
        assert_eq!([throttle.say(PAUSE), throttle.say(PAUSE)], [Some(2), None]);
    }

    #[test]
    fn complaints_of_ever_new_addresses_are_forgotten() {
        let door = door();
        for number in 0..3 * COMPLAINTS as u32 {
            door.complain(IpAddr::V4(Ipv4Addr::from_bits(number)), 0);
        }
        assert_eq!(door.inside().complaints.len(), COMPLAINTS);
        assert_eq!(door.complain(HERE, 0), None);
        assert_eq!(door.complain(HERE, PAUSE * u64::from(BURST)), Some(0));
    }
}

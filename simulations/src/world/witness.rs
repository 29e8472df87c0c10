//! Who sees OpenFlow connections from the wire alone: which destinations switches are told of, and when they
//! acknowledge it.
//!
//! A destination is an Ethernet address that a flow matches exactly; a flow that goes is known by its cookie, or by what it
//! matches. It is acknowledged with the bundle that its flow came in, or with the barrier after it. What switches make of messages is not known here.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use rust_openflow::message::{BundleControlType, FlowCommand, FlowMod, Header, Message};
use rust_openflow::{Field, MacAddr};

use super::connection::{ConnectionId, Side};
use super::hypervisor::HypervisorId;

/// How many commits and barriers of a connection may be unanswered; of more, the oldest are forgotten.
const UNANSWERED: usize = 1_024;

/// How many cookies of flows are remembered; of more, all are forgotten.
const COOKIES: usize = 1 << 20;

/// The destinations of flows by their cookies, which are the same on all switches: Weft makes them from what a flow says.
type Cookies = HashMap<u64, MacAddr>;

/// A destination that a switch was told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Destination {
    /// It has a flow for it.
    Known(MacAddr),
    /// A flow for it was removed.
    Removed(MacAddr),
}

/// What a switch acknowledges at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// The hypervisor whose switch it is.
    pub hypervisor: HypervisorId,
    /// What it was told of.
    pub destinations: Vec<Destination>,
}

/// A connection as it is seen.
#[derive(Debug, Default)]
struct Conversation {
    /// In bundles that are not committed.
    bundled: Vec<Destination>,
    /// Since the last barrier.
    plain: Vec<Destination>,
    /// The commits and barriers that are not answered, by their numbers.
    asked: VecDeque<(u32, Vec<Destination>)>,
}

/// Who sees.
#[derive(Debug, Default)]
pub(super) struct Witness {
    conversations: HashMap<ConnectionId, Conversation>,
    cookies: Cookies,
    acknowledged: Vec<Acknowledged>,
}

impl Witness {
    /// A message is said by a side.
    pub(super) fn see(
        &mut self,
        id: ConnectionId,
        hypervisor: HypervisorId,
        side: Side,
        message: &Bytes,
    ) {
        let conversation = self.conversations.entry(id).or_default();
        match side {
            Side::Controller => conversation.asks(message, &mut self.cookies),
            Side::Hypervisor => {
                if let Some(destinations) = conversation.answers(message) {
                    self.acknowledged.push(Acknowledged {
                        hypervisor,
                        destinations,
                    });
                }
            }
        }
    }

    /// A connection has ended.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        self.conversations.remove(&id);
    }

    /// What was acknowledged since this was last asked.
    pub(super) fn take(&mut self) -> Vec<Acknowledged> {
        std::mem::take(&mut self.acknowledged)
    }
}

impl Conversation {
    /// The controller says something.
    fn asks(&mut self, message: &Bytes, cookies: &mut Cookies) {
        // What cannot be read, the switch refuses.
        let Ok((header, message)) = Message::decode(message) else {
            return;
        };
        match message {
            Message::BundleAdd(add) => {
                let inner = add.message.decode().map(|(_, inner)| inner);
                let inner = inner.ok().and_then(flow_mod);
                self.bundled
                    .extend(inner.and_then(|flow| destination(&flow, cookies)));
            }
            Message::BundleControl(control) => match control.kind {
                BundleControlType::COMMIT_REQUEST => {
                    let destinations = std::mem::take(&mut self.bundled);
                    self.wait(header, destinations);
                }
                BundleControlType::DISCARD_REQUEST => self.bundled.clear(),
                _ => {}
            },
            Message::BarrierRequest => {
                let destinations = std::mem::take(&mut self.plain);
                self.wait(header, destinations);
            }
            other => {
                let flow = flow_mod(other);
                self.plain
                    .extend(flow.and_then(|flow| destination(&flow, cookies)));
            }
        }
    }

    fn wait(&mut self, header: Header, destinations: Vec<Destination>) {
        if destinations.is_empty() {
            return;
        }
        if self.asked.len() >= UNANSWERED {
            self.asked.pop_front();
        }
        self.asked.push_back((header.xid, destinations));
    }

    /// The switch says something; what it acknowledges by that.
    fn answers(&mut self, message: &Bytes) -> Option<Vec<Destination>> {
        let xid = Header::peek(message)?.xid;
        let at = self.asked.iter().position(|(asked, _)| *asked == xid)?;
        let (_, destinations) = self.asked.remove(at)?;
        match Message::decode(message) {
            Ok((_, Message::BundleControl(_) | Message::BarrierReply)) => Some(destinations),
            // It was refused.
            _ => None,
        }
    }
}

fn flow_mod(message: Message) -> Option<FlowMod> {
    match message {
        Message::FlowMod(flow) => Some(flow),
        Message::NxFlowMod(flow) => Some(flow.into()),
        _ => None,
    }
}

/// The destination that a flow-mod is about, if it is about one.
fn destination(flow: &FlowMod, cookies: &mut Cookies) -> Option<Destination> {
    let told = exact_destination(flow);
    if [FlowCommand::DELETE, FlowCommand::DELETE_STRICT].contains(&flow.command) {
        let by_cookie = || {
            cookies
                .get(&flow.cookie)
                .filter(|_| flow.cookie_mask == u64::MAX)
        };
        return told
            .or_else(|| by_cookie().copied())
            .map(Destination::Removed);
    }
    let address = told?;
    if cookies.len() >= COOKIES {
        cookies.clear();
    }
    cookies.insert(flow.cookie, address);
    Some(Destination::Known(address))
}

/// The address that a flow's match asks for.
fn exact_destination(flow: &FlowMod) -> Option<MacAddr> {
    let field = flow.matches.get(Field::EthDst)?;
    let [.., a, b, c, d, e, f] = field.value.to_be_bytes();
    let exact = field.significant() == Field::EthDst.full_mask();
    exact.then_some(MacAddr([a, b, c, d, e, f]))
}

#[cfg(test)]
mod tests {
    use rust_openflow::message::{BundleAdd, BundleControl, BundleFlags, Nested};
    use rust_openflow::{Match, TableId, Version};

    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
    const WHERE: HypervisorId = HypervisorId(3);

    fn flow(command: FlowCommand) -> Message {
        let matches = Match::any().with(Field::EthDst, MAC);
        let flow = FlowMod::add(TableId(4), 7, matches, Vec::new(), 1);
        Message::FlowMod(FlowMod { command, ..flow })
    }

    fn encoded(message: &Message, xid: u32) -> Bytes {
        message.encode(Version::V1_5, xid).unwrap()
    }

    fn control(kind: BundleControlType, xid: u32) -> Bytes {
        let control = BundleControl {
            bundle_id: 1,
            kind,
            flags: BundleFlags::ATOMIC,
            properties: Vec::new(),
        };
        encoded(&Message::BundleControl(control), xid)
    }

    fn add(command: FlowCommand, xid: u32) -> Bytes {
        let add = BundleAdd {
            bundle_id: 1,
            flags: BundleFlags::ATOMIC,
            message: Nested(encoded(&flow(command), xid)),
            properties: Vec::new(),
        };
        encoded(&Message::BundleAdd(add), xid)
    }

    /// What is acknowledged when these are said one after the other.
    fn seen(said: &[(Side, Bytes)]) -> Vec<Destination> {
        let mut witness = Witness::default();
        for (side, message) in said {
            witness.see(1, WHERE, *side, message);
        }
        let acknowledged = witness.take();
        assert!(acknowledged.iter().all(|one| one.hypervisor == WHERE));
        acknowledged
            .into_iter()
            .flat_map(|one| one.destinations)
            .collect()
    }

    #[test]
    fn a_bundle_is_acknowledged_by_the_answer_to_its_commit() {
        use Side::{Controller, Hypervisor};
        let mut said = vec![
            (Controller, add(FlowCommand::ADD, 1)),
            (Controller, encoded(&Message::BarrierRequest, 2)),
            (Hypervisor, encoded(&Message::BarrierReply, 2)),
            (Controller, control(BundleControlType::COMMIT_REQUEST, 3)),
        ];
        assert_eq!(seen(&said), []);
        said.push((Hypervisor, control(BundleControlType::COMMIT_REPLY, 3)));
        assert_eq!(seen(&said), [Destination::Known(MAC)]);
    }

    #[test]
    fn what_is_told_without_a_bundle_is_acknowledged_by_the_next_barrier() {
        use Side::{Controller, Hypervisor};
        let mut said = vec![
            (Controller, encoded(&flow(FlowCommand::DELETE_STRICT), 1)),
            (Controller, encoded(&Message::BarrierRequest, 2)),
        ];
        assert_eq!(seen(&said), []);
        said.push((Hypervisor, encoded(&Message::BarrierReply, 2)));
        assert_eq!(seen(&said), [Destination::Removed(MAC)]);
    }

    #[test]
    fn a_flow_that_is_removed_by_its_cookie_is_known_by_it() {
        use Side::{Controller, Hypervisor};
        let delete = FlowMod {
            cookie_mask: u64::MAX,
            ..FlowMod::delete(TableId::ALL, Match::any(), 1)
        };
        let said = [
            (Controller, encoded(&flow(FlowCommand::ADD), 1)),
            (Controller, encoded(&Message::FlowMod(delete), 2)),
            (Controller, encoded(&Message::BarrierRequest, 3)),
            (Hypervisor, encoded(&Message::BarrierReply, 3)),
        ];
        let both = [Destination::Known(MAC), Destination::Removed(MAC)];
        assert_eq!(seen(&said), both);
    }

    #[test]
    fn what_is_discarded_or_refused_is_not_acknowledged() {
        use Side::{Controller, Hypervisor};
        let discarded = [
            (Controller, add(FlowCommand::ADD, 1)),
            (Controller, control(BundleControlType::DISCARD_REQUEST, 2)),
            (Controller, control(BundleControlType::COMMIT_REQUEST, 3)),
            (Hypervisor, control(BundleControlType::COMMIT_REPLY, 3)),
        ];
        assert_eq!(seen(&discarded), []);
        let refused = [
            (Controller, add(FlowCommand::ADD, 1)),
            (Controller, control(BundleControlType::COMMIT_REQUEST, 2)),
            (
                Hypervisor,
                Bytes::from_static(&[6, 1, 0, 12, 0, 0, 0, 2, 0, 1, 0, 0]),
            ),
            (Hypervisor, control(BundleControlType::COMMIT_REPLY, 2)),
        ];
        assert_eq!(seen(&refused), []);
    }
}

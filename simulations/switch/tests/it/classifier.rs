//! The flow that is found is the one that a search through all flows finds.

use proptest::prelude::*;
use rust_openflow::{Field, Match, PortNo};
use weft_switch::classifier::{Classifier, Clause, Key};
use weft_switch::{Packet, Tunnel};

use crate::frame;

/// A flow by its parts, the way it is looked for in a list of all.
#[derive(Debug, Clone)]
struct Listed {
    matches: Match,
    priority: u16,
    clauses: Vec<Clause>,
}

impl Listed {
    fn agrees(&self, packet: &Packet) -> bool {
        self.matches.fields().all(|asked| packet.agrees(asked))
    }

    fn is_same(&self, other: &Self) -> bool {
        self.matches == other.matches
    }
}

/// The priority of the flow for a packet, by what the documentation says; the clauses of a conjunction hide what
/// has the same match.
fn listed(flows: &[Listed], packet: &mut Packet, conjunctions: bool) -> Option<u16> {
    let found: Vec<&Listed> = flows.iter().filter(|flow| flow.agrees(packet)).collect();
    let hidden = |flow: &Listed| {
        let mut better = found.iter().filter(|other| other.priority > flow.priority);
        !conjunctions && better.any(|other| other.is_same(flow) && !other.clauses.is_empty())
    };
    let mut priorities: Vec<u16> = found.iter().map(|flow| flow.priority).collect();
    priorities.sort_unstable();
    priorities.dedup();
    for priority in priorities.into_iter().rev() {
        let own: Vec<&&Listed> = found
            .iter()
            .filter(|flow| flow.priority == priority)
            .collect();
        if own
            .iter()
            .any(|flow| flow.clauses.is_empty() && !hidden(flow))
        {
            return Some(priority);
        }
        for id in (1..4).filter(|_| conjunctions) {
            let of_id = own
                .iter()
                .flat_map(|flow| &flow.clauses)
                .filter(|clause| clause.id == id);
            let clauses: Vec<&Clause> = of_id.collect();
            let has = |n| clauses.iter().any(|clause| clause.clause == n);
            if !clauses.is_empty() && has(0) && has(1) {
                set_conjunction(packet, id);
                let inner = listed(flows, packet, false);
                set_conjunction(packet, 0);
                if inner.is_some() {
                    return inner;
                }
            }
        }
    }
    None
}

/// Sets what no action can set.
fn set_conjunction(packet: &mut Packet, id: u32) {
    packet.set(Field::ConjId, u128::from(id), u128::from(u32::MAX));
}

/// Matches of few values, so that they meet.
fn matches() -> impl Strategy<Value = Match> {
    let part = |field: Field, masks: &'static [u64]| {
        prop::option::of((0..4_u64, prop::sample::select(masks)))
            .prop_map(move |asked| asked.map(|(value, mask)| (field, value & mask, mask)))
    };
    (
        part(Field::Reg0, &[0xffff_ffff, 1]),
        part(Field::Reg1, &[0xffff_ffff, 2, 3]),
        part(Field::Xreg1, &[3, 0x3_0000_0000]),
        part(Field::EthDst, &[1 << 40, 0xffff_ffff_ffff]),
    )
        .prop_map(|(a, b, c, d)| {
            let parts = [a, b, c, d].into_iter().flatten();
            parts.fold(Match::any(), |matches, (field, value, mask)| {
                matches.with_masked(field, value, mask)
            })
        })
}

fn flow() -> impl Strategy<Value = Listed> {
    let clause = (1..4_u32, 0..2_u8).prop_map(|(id, clause)| Clause { id, clause, of: 2 });
    let kind = prop_oneof![
        4 => Just((None, Vec::new())),
        2 => prop::collection::vec(clause, 1..3).prop_map(|clauses| (None, clauses)),
        1 => (1..4_u32).prop_map(|id| (Some(id), Vec::new())),
    ];
    (matches(), 0..6_u16, kind).prop_map(|(matches, priority, (conjunction, clauses))| Listed {
        matches: match conjunction {
            Some(id) => matches.with(Field::ConjId, id),
            None => matches,
        },
        priority,
        clauses,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn the_search_by_shapes_finds_what_a_search_through_all_flows_finds(
        flows in prop::collection::vec((flow(), any::<bool>()), 0..40),
        registers in prop::collection::vec((0..4_u64, 0..4_u64, 0..4_u64, 0..4_u64), 8),
    ) {
        let mut classifier = Classifier::default();
        let mut list: Vec<Listed> = Vec::new();
        for (flow, stays) in flows {
            let key = Key::of(&flow.matches);
            let same = |other: &Listed| other.is_same(&flow) && other.priority == flow.priority;
            let before = list.iter().position(same);
            let found = classifier.find(&key, flow.priority);
            prop_assert_eq!(found.is_some(), before.is_some());
            if let Some(at) = before {
                list.remove(at);
            }
            if stays {
                let clauses = flow.clauses.clone().into();
                let replaced = classifier.insert(key, flow.priority, clauses, flow.priority);
                prop_assert_eq!(replaced.is_some(), before.is_some());
                list.push(flow);
            } else {
                prop_assert_eq!(classifier.remove(&key, flow.priority).is_some(), before.is_some());
            }
        }
        for (a, b, c, d) in registers {
            let mut packet = Packet::new(PortNo(1), Tunnel::default(), &frame());
            let values = [(Field::Reg0, a), (Field::Reg1, b), (Field::Reg2, c), (Field::Reg3, d)];
            for (field, value) in values {
                packet.set(field, u128::from(value), field.full_mask());
            }
            let wanted = listed(&list, &mut packet, true);
            prop_assert_eq!(classifier.lookup(&mut packet), wanted);
        }
    }

    #[test]
    fn what_a_match_covers_and_overlaps_is_what_a_search_through_all_flows_finds(
        flows in prop::collection::vec((matches(), 0..3_u16), 0..30),
        asked in matches(),
        priority in 0..3_u16,
    ) {
        let mut classifier = Classifier::default();
        let mut list: Vec<(Key, u16)> = Vec::new();
        for (matches, priority) in &flows {
            let key = Key::of(matches);
            if classifier.insert(key.clone(), *priority, [].into(), list.len()).is_none() {
                list.push((key, *priority));
            } else {
                // The same again: its first number is to be found.
                let at = list.iter().position(|other| *other == (key.clone(), *priority));
                classifier.insert(key, *priority, [].into(), at.expect("the first"));
            }
        }
        let key = Key::of(&asked);
        let mut found = classifier.covered(&key);
        found.sort_unstable();
        let covered = (0..list.len()).filter(|at| key.covers(&list[*at].0));
        prop_assert_eq!(found, covered.collect::<Vec<_>>());
        let overlaps = |other: &(Key, u16)| other.1 == priority && other.0 != key && key.overlaps(&other.0);
        prop_assert_eq!(classifier.overlaps(&key, priority), list.iter().any(overlaps));
    }
}

#[test]
fn flows_of_one_shape_are_one_table_and_none_when_they_are_gone() {
    let mut classifier = Classifier::default();
    let key = |n: u32| Key::of(&Match::any().with(Field::Reg0, n));
    for n in 0..10_000_u32 {
        classifier.insert(key(n), (n % 7) as u16, [].into(), n);
    }
    assert_eq!(classifier.shapes(), 1);
    let mut packet = Packet::new(PortNo(1), Tunnel::default(), &frame());
    packet.set(Field::Reg0, 1234, u128::MAX);
    assert_eq!(classifier.lookup(&mut packet), Some(1234));
    for n in 0..10_000 {
        assert_eq!(classifier.remove(&key(n), (n % 7) as u16), Some(n));
    }
    assert_eq!(classifier.shapes(), 0);
    assert_eq!(classifier.lookup(&mut packet), None);
}

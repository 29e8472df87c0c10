//! How packets are spread: what of a packet is hashed, and how a hash chooses one of several.
//!
//! The hash is this switch's own and fixed, so that the same history gives the same results; the ways to choose
//! are those of ovs-actions(7), `multipath` and `bundle`. It knows nothing of what is chosen among.

use std::hash::Hasher;

use rust_openflow::action::{HashFields, LinkAlgorithm};
use rust_openflow::field::Field;

use crate::classifier::Mixer;
use crate::packet::Packet;

/// The two ends of a packet's addresses and ports.
const ENDS: &[(Field, Field, bool)] = &[
    (Field::EthSrc, Field::EthDst, false),
    (Field::Ipv4Src, Field::Ipv4Dst, false),
    (Field::Ipv6Src, Field::Ipv6Dst, false),
    (Field::TcpSrc, Field::TcpDst, true),
    (Field::SctpSrc, Field::SctpDst, true),
    (Field::UdpSrc, Field::UdpDst, true),
];

/// What a packet is hashed by when nothing else is said: everything that tells its connection.
pub(crate) const CONNECTION: HashFields = HashFields::SYMMETRIC_L4;

/// A hash of numbers.
pub(crate) fn numbers(parts: &[u128]) -> u32 {
    let mut mixer = Mixer::default();
    for part in parts {
        mixer.write_u64(*part as u64);
        mixer.write_u64((*part >> 64) as u64);
    }
    (mixer.finish() >> 32) as u32
}

/// The hash of what is said of a packet, and of a number; none for fields that are not known.
pub(crate) fn packet(packet: &Packet, fields: HashFields, basis: u32) -> Option<u32> {
    let value = |field| packet.get(field).unwrap_or(0);
    // Of ends only what they have in common, so that both directions have the same.
    let mut parts = vec![u128::from(basis)];
    let mut ends = |wanted: fn(Field, bool) -> bool| {
        let wanted = ENDS
            .iter()
            .filter(|(source, _, port)| wanted(*source, *port));
        parts.extend(wanted.map(|(source, destination, _)| value(*source) ^ value(*destination)));
    };
    match fields {
        HashFields::ETH_SRC => parts.push(value(Field::EthSrc)),
        HashFields::NW_SRC => parts.extend([value(Field::Ipv4Src), value(Field::Ipv6Src)]),
        HashFields::NW_DST => parts.extend([value(Field::Ipv4Dst), value(Field::Ipv6Dst)]),
        HashFields::SYMMETRIC_L4 => ends(|source, _| source != Field::UdpSrc),
        HashFields::SYMMETRIC_L3L4 => {
            ends(|source, _| source != Field::EthSrc && source != Field::UdpSrc);
        }
        HashFields::SYMMETRIC_L3L4_UDP => ends(|source, _| source != Field::EthSrc),
        HashFields::SYMMETRIC_L3 => ends(|source, port| source != Field::EthSrc && !port),
        _ => return None,
    }
    if fields == HashFields::SYMMETRIC_L4 {
        let more = [Field::VlanVid, Field::EthType, Field::IpProto];
        parts.extend(more.map(value));
    }
    Some(numbers(&parts))
}

/// Which of `count` things a hash chooses; none for an algorithm that is not known, or when there are none.
pub(crate) fn link(algorithm: LinkAlgorithm, hash: u32, count: u32, argument: u32) -> Option<u32> {
    let last = count.checked_sub(1)?;
    Some(match algorithm {
        LinkAlgorithm::MODULO_N => hash % count,
        LinkAlgorithm::HASH_THRESHOLD => {
            let share = u64::from(u32::MAX) / u64::from(count) + 1;
            (u64::from(hash) / share) as u32
        }
        LinkAlgorithm::HRW => heaviest(hash, (0..count).map(|link| (link, 1)))?,
        LinkAlgorithm::ITER_HASH => {
            // Each round leaves at least half of the links; after many, one is taken.
            let mask = (last | argument)
                .checked_next_power_of_two()
                .map_or(u32::MAX, |size| (size | (size - 1)).max(last));
            let round = |n| numbers(&[u128::from(hash), n]) & mask;
            (0..64)
                .map(round)
                .find(|link| *link < count)
                .unwrap_or(hash % count)
        }
        _ => return None,
    })
}

/// The candidate with the highest random weight (RFC 2991, 2.2), by its number and share. Those that stay keep
/// their packets when others come and go.
pub(crate) fn heaviest(hash: u32, candidates: impl Iterator<Item = (u32, u16)>) -> Option<u32> {
    let weight = |(candidate, share): &(u32, u16)| {
        let random = numbers(&[u128::from(hash), u128::from(*candidate)]) & 0xffff;
        u64::from(random + 1) * u64::from(*share)
    };
    candidates
        .filter(|(_, share)| *share > 0)
        .max_by_key(|candidate| (weight(candidate), std::cmp::Reverse(candidate.0)))
        .map(|(candidate, _)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_choose_reaches_every_link_and_no_other() {
        use LinkAlgorithm as L;
        for algorithm in [L::MODULO_N, L::HASH_THRESHOLD, L::HRW, L::ITER_HASH] {
            for count in [1, 2, 5, 16] {
                let hashes = (0..4000_u128).map(|n| numbers(&[n]));
                let mut seen: Vec<u32> = hashes
                    .filter_map(|hash| link(algorithm, hash, count, 0))
                    .collect();
                assert_eq!(seen.len(), 4000);
                seen.sort_unstable();
                seen.dedup();
                assert_eq!(seen, (0..count).collect::<Vec<_>>(), "{algorithm}");
            }
        }
        assert_eq!(link(LinkAlgorithm(77), 1, 2, 0), None);
    }

    #[test]
    fn who_stays_keeps_his_packets_when_another_goes() {
        for hash in (0..1000_u128).map(|n| numbers(&[n])) {
            let all = heaviest(hash, [(1, 1), (2, 1), (3, 1)].into_iter());
            let fewer = heaviest(hash, [(1, 1), (3, 1)].into_iter());
            assert!(all == fewer || all == Some(2));
        }
        assert_eq!(heaviest(1, [(1, 0)].into_iter()), None);
    }
}

//! Meters: which packets pass (OpenFlow 1.5.1, 5.7), as `dpif_netdev_run_meter` of Open vSwitch counts them.
//!
//! Each band is a bucket of tokens that fills at its rate up to its burst; a packet that a band has no tokens for
//! has exceeded it. Time is an argument.

use rust_openflow::message::{Band, BandCounter, MeterMod, MeterStats};

use crate::refusal::Refusal;

/// A meter.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    /// What was told, as a new meter.
    pub(crate) told: MeterMod,
    buckets: Vec<Bucket>,
    /// When it was last filled, in milliseconds.
    filled: u64,
    /// When it was made, in milliseconds.
    made: u64,
    /// Packets and bytes that came.
    packets: u64,
    bytes: u64,
}

/// The tokens of a band: bits, or thousandths of packets.
#[derive(Debug, Clone)]
struct Bucket {
    /// Tokens a millisecond: kilobits, or packets, a second.
    rate: u64,
    limit: u64,
    tokens: u64,
    /// The packets that exceeded it, and their bytes.
    exceeded: BandCounter,
}

impl Meter {
    /// A meter as it was told, with full buckets.
    pub(crate) fn new(told: &MeterMod, now: u64) -> Result<Self, Refusal> {
        const KNOWN: u16 = MeterMod::KBPS | MeterMod::PKTPS | MeterMod::BURST | MeterMod::STATS;
        const UNITS: u16 = MeterMod::KBPS | MeterMod::PKTPS;
        // One unit, and only one.
        if told.flags & !KNOWN != 0 || (told.flags & UNITS).count_ones() != 1 {
            return Err(Refusal::MeterFlags(told.flags));
        }
        let buckets = told.bands.iter().map(|band| match band {
            Band::Drop { rate, burst } => {
                let bursts = told.flags & MeterMod::BURST != 0;
                let limit = 1000 * u64::from(if bursts { *burst } else { *rate });
                Ok(Bucket {
                    rate: u64::from(*rate),
                    limit,
                    tokens: limit,
                    exceeded: BandCounter {
                        packets: 0,
                        bytes: 0,
                    },
                })
            }
            other => Err(Refusal::Band(format!("{other:?}"))),
        });
        Ok(Self {
            told: told.clone(),
            buckets: buckets.collect::<Result<_, _>>()?,
            filled: now,
            made: now,
            packets: 0,
            bytes: 0,
        })
    }

    /// Whether a packet passes: no band is exceeded.
    pub(crate) fn passes(&mut self, bytes: usize, now: u64) -> bool {
        let elapsed = now.saturating_sub(self.filled);
        self.filled = self.filled.max(now);
        self.packets += 1;
        self.bytes += bytes as u64;
        let cost = match self.told.flags & MeterMod::PKTPS != 0 {
            true => 1000,
            false => 8 * bytes as u64,
        };
        let mut passes = true;
        let mut exceeded: Option<&mut Bucket> = None;
        for bucket in &mut self.buckets {
            let more = elapsed.saturating_mul(bucket.rate);
            bucket.tokens = bucket.tokens.saturating_add(more).min(bucket.limit);
            if bucket.tokens >= cost {
                bucket.tokens -= cost;
                continue;
            }
            passes = false;
            // Of several bands the one with the highest rate counts.
            if exceeded
                .as_ref()
                .is_none_or(|other| other.rate < bucket.rate)
            {
                exceeded = Some(bucket);
            }
        }
        if let Some(bucket) = exceeded {
            bucket.exceeded.packets += 1;
            bucket.exceeded.bytes += bytes as u64;
        }
        passes
    }

    /// What is said of the meter when it is asked for, and `users` flows use it.
    pub(crate) fn stats(&self, users: usize, now: u64) -> MeterStats {
        let (duration_sec, duration_nsec) = clock(now.saturating_sub(self.made));
        MeterStats {
            meter: self.told.meter,
            ref_count: u32::try_from(users).unwrap_or(u32::MAX),
            packet_in_count: self.packets,
            byte_in_count: self.bytes,
            duration_sec,
            duration_nsec,
            band_stats: self.buckets.iter().map(|bucket| bucket.exceeded).collect(),
        }
    }
}

/// Milliseconds as seconds, as many as 32 bits hold, and nanoseconds.
pub(crate) fn clock(milliseconds: u64) -> (u32, u32) {
    let seconds = u32::try_from(milliseconds / 1000).unwrap_or(u32::MAX);
    (seconds, (milliseconds % 1000) as u32 * 1_000_000)
}

#[cfg(test)]
mod tests {
    use rust_openflow::MeterId;

    use super::*;

    fn meter(flags: u16, bands: &[(u32, u32)]) -> Meter {
        let bands = bands.iter().map(|(rate, burst)| Band::Drop {
            rate: *rate,
            burst: *burst,
        });
        let told = MeterMod::add(MeterId(1), flags, bands.collect());
        Meter::new(&told, 0).expect("a meter")
    }

    fn exceeded(meter: &Meter) -> Vec<u64> {
        let bands = meter.stats(0, 0).band_stats.into_iter();
        bands.map(|band| band.packets).collect()
    }

    fn passed(meter: &mut Meter, bytes: usize, times: impl IntoIterator<Item = u64>) -> usize {
        let times = times.into_iter();
        times.filter(|now| meter.passes(bytes, *now)).count()
    }

    #[test]
    fn packets_pass_at_their_rate_after_a_burst() {
        let mut packets = meter(MeterMod::PKTPS | MeterMod::BURST, &[(10, 3)]);
        assert_eq!(passed(&mut packets, 1500, [0; 9]), 3);
        // Ten a second for nine seconds, one more each 100 ms.
        assert_eq!(passed(&mut packets, 1500, 1..=9_000), 90);
        assert_eq!(
            (packets.packets, exceeded(&packets)),
            (9_009, vec![9_009 - 93])
        );
        let mut plain = meter(MeterMod::PKTPS, &[(10, 0)]);
        assert_eq!(
            passed(&mut plain, 1500, [0; 99]),
            10,
            "without bursts a second's worth"
        );
    }

    #[test]
    fn kilobits_pass_at_their_rate() {
        let mut bits = meter(MeterMod::KBPS | MeterMod::BURST, &[(8, 8)]);
        // A thousand bytes a second, a hundred at a time.
        assert_eq!(passed(&mut bits, 100, [0; 20]), 10);
        assert_eq!(passed(&mut bits, 100, (1..=50).map(|n| n * 100)), 50);
    }

    #[test]
    fn of_several_bands_the_highest_that_is_exceeded_counts() {
        let mut both = meter(MeterMod::PKTPS, &[(2, 0), (5, 0)]);
        assert_eq!(passed(&mut both, 100, [0; 10]), 2);
        assert_eq!(exceeded(&both), [3, 5]);
    }

    #[test]
    fn what_is_no_meter_is_refused() {
        let refused = |flags, bands| {
            let told = MeterMod::add(MeterId(1), flags, bands);
            Meter::new(&told, 0).expect_err("no meter").answer()
        };
        let remark = Band::DscpRemark {
            rate: 1,
            burst: 1,
            levels: 1,
        };
        assert_eq!(refused(MeterMod::PKTPS, vec![remark]).code, 8);
        for flags in [0, MeterMod::PKTPS | MeterMod::KBPS, 0x100 | MeterMod::PKTPS] {
            assert_eq!(refused(flags, vec![]).code, 5);
        }
    }
}

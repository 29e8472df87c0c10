//! Checksums: the Internet's, brought up to date for bytes that changed, and SCTP's.
//!
//! They know nothing of headers; which bytes they cover is said in [`crate::rewrite`].

/// The Internet checksum after `old` bytes became `new` ones (RFC 1624), `odd` when they begin in the
/// middle of a word. A wrong checksum stays as wrong as it was.
pub(crate) fn updated(sum: u16, odd: bool, old: &[u8], new: &[u8]) -> u16 {
    let weight = |n: usize| if (n % 2 == 1) == odd { 256 } else { 1 };
    let mut total = u64::from(!sum);
    for (n, (old, new)) in old.iter().zip(new).enumerate() {
        // The complement of the old word and the new word, byte by byte.
        total += weight(n) * (u64::from(!*old) + u64::from(*new));
    }
    // At both ends, the complement of the bytes of whole words that did not change: 0xff each, which
    // together with themselves are nothing in one's complement.
    let before = if odd { 0xff00 } else { 0 };
    let after = if odd == (old.len() % 2 == 1) {
        0
    } else {
        0x00ff
    };
    !folded(total + before + after)
}

/// The Internet checksum of parts, each of which begins with a word (RFC 1071).
pub(crate) fn computed(parts: &[&[u8]]) -> u16 {
    let word = |word: &[u8]| u64::from(word[0]) << 8 | word.get(1).map_or(0, |low| u64::from(*low));
    !folded(parts.iter().flat_map(|part| part.chunks(2)).map(word).sum())
}

/// A sum of words in one's complement.
fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// The remainders of CRC-32C for each byte (RFC 9260, Appendix A).
static CRC32C: [u32; 256] = {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ POLYNOMIAL
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// SCTP's checksum of parts, in the order in which its bytes stand in the header.
pub(crate) fn crc32c(parts: &[&[u8]]) -> [u8; 4] {
    let step = |crc: u32, byte: &u8| CRC32C[usize::from(crc as u8 ^ byte)] ^ crc >> 8;
    let bytes = parts.iter().copied().flatten();
    (!bytes.fold(u32::MAX, step)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_what_computing_anew_gives() {
        let bytes: Vec<u8> = (0..40_u8)
            .map(|n| n.wrapping_mul(37).wrapping_add(11))
            .collect();
        let sum = computed(&[&bytes]);
        for at in 0..bytes.len() {
            for length in 1..=bytes.len() - at {
                let mut changed = bytes.clone();
                for byte in &mut changed[at..at + length] {
                    *byte = byte.wrapping_mul(91).wrapping_add(5);
                }
                let old = &bytes[at..at + length];
                let new = &changed[at..at + length];
                let after = updated(sum, at % 2 == 1, old, new);
                assert_eq!(after, computed(&[&changed]), "{length} bytes at {at}");
            }
        }
    }

    #[test]
    fn sums_are_those_of_the_specifications() {
        // The example of RFC 1071, 3, and the usual check value of CRC-32C.
        let words = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(computed(&[&words]), !0xddf2);
        assert_eq!(crc32c(&[b"1234", b"56789"]), 0xe306_9283_u32.to_le_bytes());
    }
}

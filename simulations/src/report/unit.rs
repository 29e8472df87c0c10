//! Numbers as people read them: times, bytes, counts, with their units.

/// A duration in microseconds.
#[must_use]
pub fn time(microseconds: u64) -> String {
    let value = microseconds as f64;
    match microseconds {
        0 => "0".to_owned(),
        1..1_000 => format!("{microseconds} µs"),
        1_000..1_000_000 => format!("{} ms", short(value / 1e3)),
        1_000_000..120_000_000 => format!("{} s", short(value / 1e6)),
        _ => format!("{} min", short(value / 60e6)),
    }
}

/// A number of bytes.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    prefixed(bytes as f64, "B")
}

/// A number of things.
#[must_use]
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A share, in per cent.
#[must_use]
pub fn share(part: u64, whole: u64) -> String {
    match whole {
        0 => "0 %".to_owned(),
        _ => format!("{} %", short(part as f64 / whole as f64 * 100.0)),
    }
}

/// A number with a prefix of its unit.
pub(super) fn prefixed(value: f64, unit: &str) -> String {
    let (value, prefix) = match value {
        value if value >= 1e12 => (value / 1e12, "T"),
        value if value >= 1e9 => (value / 1e9, "G"),
        value if value >= 1e6 => (value / 1e6, "M"),
        value if value >= 1e3 => (value / 1e3, "k"),
        value => (value, ""),
    };
    format!("{} {prefix}{unit}", short(value))
        .trim_end()
        .to_owned()
}

/// A number with as many decimals as say something.
pub(super) fn short(value: f64) -> String {
    let text = match value.abs() {
        value if value >= 99.95 => format!("{value:.0}"),
        value if value >= 9.995 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    };
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    if value < 0.0 {
        format!("-{text}")
    } else {
        text.to_owned()
    }
}

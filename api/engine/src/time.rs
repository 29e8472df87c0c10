//! Times as the API writes and reads them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Microseconds since 1970-01-01 UTC as `YYYY-MM-DDTHH:MM:SSZ`.
#[must_use]
pub(crate) fn text(time_us: i64) -> String {
    let time = Timestamp::from_microsecond(time_us).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The same form of an ISO 8601 time with or without an offset; none when it is no time.
#[must_use]
pub(crate) fn canonical(given: &str) -> Option<String> {
    let time = given.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = given.parse().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })?;
    Some(text(time.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_to_the_second() {
        assert_eq!(text(1_700_000_000_999_999), "2023-11-14T22:13:20Z");
        assert_eq!(text(i64::MAX), "1970-01-01T00:00:00Z");
        let rows = [
            ("2023-11-14T22:13:20Z", Some("2023-11-14T22:13:20Z")),
            ("2023-11-14T23:13:20+01:00", Some("2023-11-14T22:13:20Z")),
            ("2023-11-14T22:13:20", Some("2023-11-14T22:13:20Z")),
            ("2023-11-14", Some("2023-11-14T00:00:00Z")),
            ("soon", None),
        ];
        for (given, expected) in rows {
            assert_eq!(canonical(given).as_deref(), expected, "{given}");
        }
    }
}

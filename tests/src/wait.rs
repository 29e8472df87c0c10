//! Waiting for a condition: the only place of the tests that may pause a thread.
//!
//! A test never waits for a time, always for something it can name. The limit is there against
//! hanging and says nothing about how long a thing should take.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long [`until`] waits.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Polls `condition` until it is `Ok`, and returns what it holds. `Err` is what was seen instead.
///
/// # Panics
/// After [`LIMIT`], with `what` and the last state seen.
#[track_caller]
pub fn until<T, S: Debug>(what: &str, condition: impl FnMut() -> Result<T, S>) -> T {
    until_within(LIMIT, what, condition)
}

/// [`until`] with a limit of its own.
///
/// # Panics
/// After `limit`, with `what` and the last state seen.
#[track_caller]
pub fn until_within<T, S: Debug>(
    limit: Duration,
    what: &str,
    mut condition: impl FnMut() -> Result<T, S>,
) -> T {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match condition() {
            Ok(value) => return value,
            Err(state) => assert!(
                start.elapsed() < limit,
                "waited {limit:?} in vain: {what}; last seen: {state:?}"
            ),
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// One short pause, for cleaning up, where nothing may panic.
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_comes_true_ends_the_wait_with_its_value() {
        let mut tries = 0;
        let value = until("three tries", || {
            tries += 1;
            if tries == 3 { Ok("there") } else { Err(tries) }
        });
        assert_eq!((value, tries), ("there", 3));
    }

    #[test]
    #[should_panic(expected = "in vain: pigs fly; last seen: \"on the ground\"")]
    fn a_condition_that_never_comes_true_says_what_was_seen_last() {
        until_within(Duration::ZERO, "pigs fly", || Err::<(), _>("on the ground"));
    }
}

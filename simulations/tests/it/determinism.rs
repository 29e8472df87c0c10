//! The same seed gives the same history, byte for byte.

use weft_simulations::world::{Detail, SECOND};

use crate::cloud::{cloud, settings, troubled};

#[test]
fn the_same_seed_gives_the_same_history_byte_for_byte() {
    for seed in 0..4 {
        let (mut one, mut two) = (troubled(seed, 30), troubled(seed, 30));
        assert_eq!(one.history().lines(), two.history().lines(), "seed {seed}");
        assert_eq!(
            one.history().digest(),
            two.history().digest(),
            "seed {seed}"
        );
        one.run_for(30 * SECOND);
        two.run_for(30 * SECOND);
        assert_eq!(
            one.history().digest(),
            two.history().digest(),
            "seed {seed}"
        );
        assert_eq!(one.counts(), two.counts());
    }
}

#[test]
fn another_seed_gives_another_history() {
    let digest = |seed| cloud(settings(seed), 1).history().digest();
    assert_ne!(digest(2), digest(4));
}

#[test]
fn how_much_is_kept_changes_nothing() {
    let digest = |detail| {
        let mut settings = settings(1);
        settings.detail = detail;
        cloud(settings, 2).history().digest()
    };
    assert_eq!(digest(Detail::None), digest(Detail::Everything));
}

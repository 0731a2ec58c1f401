//! Unit tests of the module.

use super::*;

/// The first 32 referent IDs may have any order. Each later referent ID must be higher than the previous referent
/// ID.
#[test]
fn first_32_referent_ids_may_have_any_order_and_repeated_referent_ids_are_refused() {
    for remembered in [31_u32, 32] {
        let mut referents = Referents::default();
        assert!((0..remembered).all(|number| referents.are_new(1000 - 10 * number)), "{remembered}");
        let lowest = 1000 - 10 * (remembered - 1);
        for again in [1000, 990, lowest] {
            assert!(!referents.clone().are_new(again), "{again}");
        }
        assert_eq!(referents.clone().are_new(lowest - 1), remembered < 32);
        assert!(referents.clone().are_new(lowest + 1) && referents.clone().are_new(1001));
    }
    let mut rising = Referents::default();
    assert!((1..=1000).all(|number| rising.are_new(number)));
    assert!(!rising.clone().are_new(1000) && rising.are_new(1001) && !rising.are_new(1001));
}

//! What every [`Policy`] must do: the same question has the same answer, and nobody is overtaken by a later, no more urgent task.

use debbuild_core::clock::Timestamp;

use super::Policy;

/// Ranks are stable, a later task of the same priority never comes first, and more priority never means later.
///
/// # Panics
/// When the policy does not conform.
pub fn ranks(policy: &dyn Policy) {
    assert!(!policy.name().is_empty());
    let times = [0, 1, 1000, 1_700_000_000, 1_700_000_001].map(Timestamp::from_seconds);
    for priority in [-100, -1, 0, 1, 100] {
        for pair in times.windows(2) {
            let (first, second) = (policy.rank(priority, pair[0]), policy.rank(priority, pair[1]));
            assert_eq!(first, policy.rank(priority, pair[0]), "the same question has the same answer");
            assert!(first < second, "{priority}: who came later is served later");
            assert!(policy.rank(priority + 1, pair[0]) <= first, "more priority never means later");
        }
    }
}

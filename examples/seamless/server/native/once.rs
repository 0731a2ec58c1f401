//! The assertions that clients redeemed. If one node has accepted an assertion, no node accepts it again.

use super::assertion::{LIFETIME, Verified, instant};
use crate::store::{Kind, Records, SingleUses, StoreError, Use};
use kerberos_sso::UnixTime;

/// The identifiers of used assertions, in the store.
pub(crate) struct UsedAssertions(SingleUses);

impl UsedAssertions {
    pub(crate) fn new(records: Records) -> Self {
        Self(SingleUses::new(records, Kind::UsedAssertion, KEPT, MAX_OF_TENANT))
    }

    /// Records the use of an assertion. An assertion that was issued at the store's epoch or before is refused.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(super) async fn take(&self, tenant: &str, assertion: &Verified, now: UnixTime) -> Result<Use, StoreError> {
        let is_newer = |epoch| assertion.issued > instant(epoch);
        self.0.take(tenant, &[b"assertion", assertion.id.as_bytes()], is_newer, now).await
    }
}

/// The largest number of uses of one tenant in the store. This number is enough for about 150 sign-ins a second.
const MAX_OF_TENANT: u32 = 100_000;

/// The time for which the store keeps the record of a use, in seconds.
const KEPT: i64 = LIFETIME + MARGIN;

/// The time for which the store keeps the record after the assertion has expired, in seconds. A node whose clock is
/// slow may still accept the assertion in this time.
const MARGIN: i64 = 60;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::native::assertion::tests::sign_in;
    use crate::store::{Memory, Outage, Secret, epoch};
    use std::sync::Arc;

    const NOW: UnixTime = UnixTime::from_seconds(1_000);

    fn assertion(id: &str, issued: UnixTime) -> Verified {
        Verified { id: id.into(), issued: instant(issued), sign_in: sign_in() }
    }

    fn records(store: &Arc<Memory>) -> Records {
        Records::new(store.clone(), Secret::new([1; 32]))
    }

    #[tokio::test]
    async fn second_use_of_an_assertion_is_refused_at_every_node() {
        let store = Arc::new(Memory::new(|| NOW));
        let nodes = [1, 2].map(|_| UsedAssertions::new(records(&store)));
        epoch(&records(&store), UnixTime::from_seconds(10)).await.unwrap();
        for (node, id, expected) in
            [(0, "_1", Use::First), (1, "_2", Use::First), (1, "_1", Use::Again), (0, "_1", Use::Again)]
        {
            let used = nodes[node].take("contoso.test", &assertion(id, NOW), NOW).await;
            assert_eq!(used, Ok(expected), "{id} at node {node}");
        }
    }

    #[tokio::test]
    async fn assertion_from_before_the_loss_of_the_stores_data_is_refused() {
        let used = UsedAssertions::new(records(&Arc::new(Memory::new(|| NOW))));
        for (seconds, expected) in [(-1, Use::Again), (0, Use::Again), (1, Use::First)] {
            let issued = NOW.saturating_add_seconds(seconds);
            let verdict = used.take("contoso.test", &assertion(&seconds.to_string(), issued), NOW).await;
            assert_eq!(verdict, Ok(expected), "{seconds}");
        }
    }

    #[tokio::test]
    async fn use_that_no_replica_confirms_is_an_error_and_the_next_use_counts_as_the_second() {
        let outage = Arc::new(Outage::new(|| NOW));
        let records = Records::new(outage.clone(), Secret::new([1; 32]));
        epoch(&records, UnixTime::from_seconds(10)).await.unwrap();
        let used = UsedAssertions::new(records);
        outage.set_unconfirmed(true);
        assert_eq!(used.take("a.test", &assertion("_1", NOW), NOW).await, Err(StoreError::Unconfirmed));
        outage.set_unconfirmed(false);
        assert_eq!(used.take("a.test", &assertion("_1", NOW), NOW).await, Ok(Use::Again));
        assert_eq!(used.take("a.test", &assertion("_2", NOW), NOW).await, Ok(Use::First));
    }

    #[tokio::test]
    async fn tenant_with_too_many_uses_gets_full_until_its_uses_end_and_another_tenant_does_not() {
        let records = records(&Arc::new(Memory::new(|| NOW)));
        epoch(&records, UnixTime::from_seconds(10)).await.unwrap();
        let used = UsedAssertions(SingleUses::new(records, Kind::UsedAssertion, KEPT, 16));
        let (mut first, mut full) = (0, 0);
        for number in 0..200 {
            let verdict = used.take("a.test", &assertion(&format!("_{number}"), NOW), NOW).await.unwrap();
            first += usize::from(verdict == Use::First);
            full += usize::from(verdict == Use::Full);
        }
        assert_eq!((first, full), (16, 184));
        let refused = assertion("_199", NOW);
        assert_eq!(used.take("a.test", &refused, NOW).await, Ok(Use::Full), "a refused use is not recorded");
        assert_eq!(used.take("b.test", &refused, NOW).await, Ok(Use::First));
        let later = NOW.saturating_add_seconds(2 * KEPT);
        assert_eq!(used.take("a.test", &assertion("_201", NOW), later).await, Ok(Use::First));
    }
}

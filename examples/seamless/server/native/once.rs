//! The assertions that clients redeemed. All nodes together accept each assertion once.

use super::assertion::{LIFETIME, Verified, instant};
use crate::store::{Key, Kind, Records, StoreError, When, epoch};
use kerberos_sso::UnixTime;

/// The identifiers of used assertions, in the store.
pub(crate) struct UsedAssertions(Records);

impl UsedAssertions {
    pub(crate) const fn new(records: Records) -> Self {
        Self(records)
    }

    /// Records the use of an assertion and returns whether it was the first use. An assertion that was issued at the
    /// store's epoch or before is refused, because the store may have forgotten its use.
    ///
    /// # Errors
    /// Returns an error if the store cannot be asked.
    pub(super) async fn take(&self, assertion: &Verified, now: UnixTime) -> Result<bool, StoreError> {
        let key = Key::new(Kind::UsedAssertion, &self.0.secret().name(&[b"assertion", assertion.id.as_bytes()]));
        let end = now.saturating_add_seconds(LIFETIME).saturating_add_seconds(MARGIN);
        let is_first = self.0.put(&key, &(), end, When::Absent).await?;
        // If the store lost its data since the assertion was used, the store has no epoch or a later epoch.
        Ok(is_first && assertion.issued > instant(epoch(&self.0, now).await?))
    }
}

/// The time that the store keeps an entry after the assertion has expired, in seconds, in case the clocks of the nodes
/// differ.
const MARGIN: i64 = 60;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::native::assertion::tests::subject;
    use crate::store::{Memory, Secret};
    use std::sync::Arc;

    const NOW: UnixTime = UnixTime::from_seconds(1_000);

    fn assertion(id: &str, issued: UnixTime) -> Verified {
        Verified { id: id.into(), issued: instant(issued), authenticated: issued, subject: subject() }
    }

    fn records(store: &Arc<Memory>) -> Records {
        Records::new(store.clone(), Secret::new([1; 32]))
    }

    #[tokio::test]
    async fn second_use_of_an_assertion_is_refused_at_every_node() {
        let store = Arc::new(Memory::new(|| NOW));
        let nodes = [1, 2].map(|_| UsedAssertions::new(records(&store)));
        epoch(&nodes[0].0, UnixTime::from_seconds(10)).await.unwrap();
        for (node, id, expected) in [(0, "_1", true), (1, "_2", true), (1, "_1", false), (0, "_1", false)] {
            assert_eq!(nodes[node].take(&assertion(id, NOW), NOW).await, Ok(expected), "{id} at node {node}");
        }
    }

    #[tokio::test]
    async fn assertion_from_before_the_loss_of_the_stores_data_is_refused() {
        let used = UsedAssertions::new(records(&Arc::new(Memory::new(|| NOW))));
        for (seconds, expected) in [(-1, false), (0, false), (1, true)] {
            let issued = NOW.saturating_add_seconds(seconds);
            assert_eq!(used.take(&assertion(&seconds.to_string(), issued), NOW).await, Ok(expected), "{seconds}");
        }
    }
}

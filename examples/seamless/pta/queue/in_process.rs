//! The queue of a server with one node: it calls the gateway in the same process.

use super::{Claim, Gateway, Lost, NoClaim, Offer, Pending, Queue, Turns};
use crate::message::{Answer, Job};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use tokio::time::{Instant, sleep_until, timeout};

/// A queue within one process.
#[derive(Debug, Default)]
pub struct InProcess {
    gateway: OnceLock<Arc<Gateway>>,
    turns: Turns,
}

impl InProcess {
    /// Waits until an agent is free. Offers of one tenant beyond [`MAX_WAITING`](super::MAX_WAITING) do not wait.
    async fn claim(&self, offer: &Offer) -> Result<Claim, NoClaim> {
        let gateway = self.gateway.get().ok_or(NoClaim::NoAgent)?;
        let _turn = self.turns.take(&offer.tenant).ok_or(NoClaim::Busy)?;
        let wait = async {
            loop {
                // This line comes before the claim, so that the wait below notices every change after it.
                let mut changed = pin!(gateway.changes());
                changed.as_mut().enable();
                if let Some(claim) = gateway.claim(offer) {
                    return Ok(claim);
                }
                if !gateway.is_present(offer) {
                    return Err(NoClaim::NoAgent);
                }
                match gateway.next_release() {
                    Some(release) => tokio::select! {
                        () = changed => {}
                        () = sleep_until(release.max(Instant::now())) => {}
                    },
                    None => changed.await,
                }
            }
        };
        timeout(offer.wait, wait).await.unwrap_or(Err(NoClaim::Busy))
    }
}

impl Queue for InProcess {
    fn offer<'a>(&'a self, offer: &'a Offer) -> Pending<'a, Result<Claim, NoClaim>> {
        Box::pin(self.claim(offer))
    }

    fn send(&self, _claim: Claim, job: Job) -> Pending<'_, Result<Answer, Lost>> {
        Box::pin(async move { self.gateway.get().ok_or(Lost)?.send(job).await })
    }

    /// Uses the first gateway only, because a process has one gateway.
    fn serve(&self, gateway: Arc<Gateway>) {
        let _ = self.gateway.set(gateway);
    }
}

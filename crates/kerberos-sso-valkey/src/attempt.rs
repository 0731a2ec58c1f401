//! Runs one attempt at a time. All requests that waited for the attempt share its outcome.

use crate::error::StoreError;
use std::time::Instant;
use tokio::sync::Mutex;

/// The lock of an attempt, with the outcome of the latest attempt.
///
/// Without the shared outcome, each request that waits for an unresponsive node would try again, one request after
/// another. The last of these requests would wait for the sum of all time-outs.
#[derive(Debug)]
pub(crate) struct Attempt<T> {
    latest: Mutex<Option<(Instant, Result<T, StoreError>)>>,
}

impl<T> Default for Attempt<T> {
    fn default() -> Self {
        Self { latest: Mutex::default() }
    }
}

impl<T: Clone> Attempt<T> {
    /// Waits for the attempt that is running, and returns its outcome. If no attempt is running, runs `attempt` and
    /// returns its outcome.
    pub(crate) async fn share(&self, attempt: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let came = Instant::now();
        let mut latest = self.latest.lock().await;
        if let Some((ended, outcome)) = &*latest
            && *ended > came
        {
            return outcome.clone();
        }
        let outcome = attempt.await;
        *latest = Some((Instant::now(), outcome.clone()));
        outcome
    }
}

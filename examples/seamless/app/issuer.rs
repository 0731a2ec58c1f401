//! The issuer's metadata: its endpoints and the keys of its ID tokens (OpenID Connect Discovery 1.0).

use crate::http_client::{HttpClient, HttpError};
use openidconnect::{DiscoveryError, IssuerUrl, ProviderMetadataWithLogout};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// The issuer. The issuer and the application may start at the same time, so the application does not ask the issuer at
/// its own start. The application does not store a failed request, so the next sign-in asks the issuer again.
pub(crate) struct Issuer {
    identifier: IssuerUrl,
    found: Mutex<Option<Found>>,
}

struct Found {
    metadata: Arc<ProviderMetadataWithLogout>,
    at: SystemTime,
}

pub(crate) type IssuerError = DiscoveryError<HttpError>;

impl Issuer {
    pub(crate) fn new(identifier: IssuerUrl) -> Self {
        Self { identifier, found: Mutex::new(None) }
    }

    /// Returns metadata that is not older than [`LIFETIME`].
    pub(crate) async fn metadata(
        &self,
        http: &HttpClient,
        now: SystemTime,
    ) -> Result<Arc<ProviderMetadataWithLogout>, IssuerError> {
        self.not_older(LIFETIME, http, now).await
    }

    /// Returns metadata that is not older than [`RETRY`], for a token whose key is unknown. With this limit, forged
    /// tokens cannot make the application ask the issuer again and again.
    pub(crate) async fn metadata_with_new_keys(
        &self,
        http: &HttpClient,
        now: SystemTime,
    ) -> Result<Arc<ProviderMetadataWithLogout>, IssuerError> {
        self.not_older(RETRY, http, now).await
    }

    async fn not_older(
        &self,
        age: Duration,
        http: &HttpClient,
        now: SystemTime,
    ) -> Result<Arc<ProviderMetadataWithLogout>, IssuerError> {
        // The task holds the lock until the issuer has answered, so simultaneous requests ask the issuer only once.
        let mut found = self.found.lock().await;
        if let Some(found) = found.as_ref().filter(|found| is_younger(found.at, age, now)) {
            return Ok(Arc::clone(&found.metadata));
        }
        let metadata = Arc::new(ProviderMetadataWithLogout::discover_async(self.identifier.clone(), http).await?);
        *found = Some(Found { metadata: Arc::clone(&metadata), at: now });
        Ok(metadata)
    }
}

/// Returns whether `time` is before `now` by less than `age`. After the clock was set back, `time` can be later than
/// `now`: the function then returns false.
pub(crate) fn is_younger(time: SystemTime, age: Duration, now: SystemTime) -> bool {
    now.duration_since(time).is_ok_and(|since| since < age)
}

const LIFETIME: Duration = Duration::from_mins(10);
/// The shortest time between two requests for keys.
pub(crate) const RETRY: Duration = Duration::from_mins(1);

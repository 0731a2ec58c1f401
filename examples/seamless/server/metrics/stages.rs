//! The times of the stages of a sign-in. The library's stages and the stages of this server are spans of `tracing`.

use super::Metrics;
use std::sync::Arc;
use std::time::Instant;
use tracing::span::{Attributes, Id};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Measures each stage from the beginning of its span to the end. The span of a stage that awaits an answer lasts as
/// long as the wait.
pub(crate) struct StageTimes(pub(crate) Arc<Metrics>);

impl StageTimes {
    /// Returns whether a span or an event is a stage.
    pub(crate) fn measures(metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && matches!(metadata.target(), "kerberos_sso" | STAGE)
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for StageTimes {
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Instant::now());
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        if let Some(began) = span.extensions().get::<Instant>() {
            self.0.stage(span.name(), began.elapsed());
        }
    }
}

/// The target of the spans that are stages of this server.
pub(crate) const STAGE: &str = "seamless::stage";

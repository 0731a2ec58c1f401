//! The log: one line for each decision, on standard error.

use crate::metrics::{Metrics, StageTimes};
use std::str::FromStr;
use std::sync::Arc;
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::{FilterFn, Targets};
use tracing_subscriber::fmt::{self, MakeWriter, format::FmtSpan};
use tracing_subscriber::prelude::*;

/// The format of the lines in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Text,
    /// One JSON object, for a program that collects logs.
    Json,
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("--log: text or json"),
        }
    }
}

/// Begins to log. `RUST_LOG=kerberos_sso=debug` also shows the events and spans of the library.
pub(crate) fn begin(format: Format, metrics: &Arc<Metrics>) {
    let wanted = std::env::var("RUST_LOG").ok().and_then(|targets| targets.parse::<Targets>().ok());
    subscriber(format, wanted, metrics, std::io::stderr).init();
}

fn subscriber<W>(
    format: Format,
    wanted: Option<Targets>,
    metrics: &Arc<Metrics>,
    to: W,
) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // The log has a line for the end of a span only if the administrator set `RUST_LOG`. Otherwise each request would cause a
    // further line.
    let ends = if wanted.is_some() { FmtSpan::CLOSE } else { FmtSpan::NONE };
    let shown = wanted.unwrap_or_default().with_target("seamless", Level::INFO);
    let lines = fmt::layer().with_writer(to).with_target(false).with_ansi(false).with_span_events(ends);
    let lines = match format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
    };
    let stages = StageTimes(Arc::clone(metrics)).with_filter(FilterFn::new(StageTimes::measures));
    tracing_subscriber::registry().with(lines.with_filter(shown)).with(stages)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::app::App;
    use crate::{browser, limits};
    use axum::body::Body;
    use axum::http::Request;
    use serde_json::Value;
    use std::io::{Result, Write};
    use std::sync::Mutex;
    use tower::ServiceExt as _;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, octets: &[u8]) -> Result<usize> {
            self.0.lock().unwrap().extend(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    /// Signs in with a test ticket. Returns the lines of the log, and the id of the request.
    async fn log(format: Format) -> (String, String) {
        let (written, metrics) = (Written::default(), Metrics::new());
        let to = written.clone();
        let routes = limits::around(browser::routes(), Arc::new(App::for_tests(None).await));
        let _guard = tracing::subscriber::set_default(subscriber(format, None, &metrics, move || to.clone()));
        let request = Request::post("/test-ticket").header("host", "sso.test");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = routes.oneshot(request.body(Body::from("name=alice")).unwrap()).await.unwrap();
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        (text, id)
    }

    #[tokio::test]
    async fn every_json_line_of_a_request_has_the_id_of_the_response() {
        let (text, id) = log(Format::Json).await;
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(
            lines.iter().any(|line| line["message"] == "signed in by Kerberos" && line["tenant"] == "contoso.test")
        );
        assert!(lines.iter().all(|line| line["spans"][0]["id"] == id.as_str()), "{text}");
    }

    #[tokio::test]
    async fn text_line_of_a_request_has_the_id_of_the_response() {
        let (text, id) = log(Format::Text).await;
        let line = text.lines().find(|line| line.contains("signed in by Kerberos")).unwrap();
        assert!(line.contains(&id), "{line}");
    }
}

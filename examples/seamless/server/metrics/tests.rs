//! Tests of the metrics: a sign-in changes them, and the dashboard shows each metric.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::agents::tests::with_one_agent;
use crate::browser;
use crate::forwarded::Proxies;
use crate::limits;
use crate::store::{Measured, Memory, Records, Secret};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::Value;
use std::collections::BTreeSet;
use tower::ServiceExt as _;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::prelude::*;

/// Returns the metrics of a server that has counted a test ticket, a password and a refused token.
async fn figures() -> String {
    let metrics = Metrics::new();
    let stages = StageTimes(Arc::clone(&metrics)).with_filter(FilterFn::new(StageTimes::measures));
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(stages));
    let store = Measured::new(Arc::new(Memory::new(clock::now)), Arc::clone(&metrics));
    let records = Records::new(Arc::new(store), Secret::new([1; 32]));
    crate::store::epoch(&records, kerberos_sso::UnixTime::from_seconds(0)).await.unwrap();
    let agents = Some(with_one_agent(&records).await);
    let app = Arc::new(App { metrics: Arc::clone(&metrics), agents, ..App::on(records, None).await });
    app.sealing.keys(clock::now()).await.unwrap();
    let routes = limits::around(browser::routes(), Arc::clone(&app));
    for (path, authorization, form) in [
        ("/test-ticket", "", "name=alice"),
        ("/contoso.test/password", "", "name=alice&password=x"),
        ("/contoso.test/winauth/sso", "Negotiate TlRMTVNTUAABAAAA", ""),
    ] {
        let request = Request::builder().method(if form.is_empty() { "GET" } else { "POST" }).uri(path);
        let request = request.header("host", "sso.test").header("authorization", authorization);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        routes.clone().oneshot(request.body(Body::from(form)).unwrap()).await.unwrap();
    }
    let connections = Connections::new(1, 1, Proxies::default(), Arc::clone(&metrics));
    // No sign-in of the test realm has an RC4 key, so the test itself counts such a sign-in.
    metrics.rc4.get_or_create(&[("tenant", "contoso.test".into()), ("key", "ticket".into())]).inc();
    let _open = connections.admit("192.0.2.1".parse().unwrap()).unwrap();
    let shown = crate::operators::routes(app, connections)
        .oneshot(Request::get("/metrics").body(Body::empty()).unwrap())
        .await
        .unwrap();
    String::from_utf8(to_bytes(shown.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn requests_change_the_metrics_of_sign_ins_and_stages_and_store_and_keys_and_connections_and_agents() {
    let text = figures().await;
    for line in [
        "seamless_sign_ins_total{method=\"test-ticket\",code=\"accepted\"} 1\n",
        "seamless_sign_ins_total{method=\"password\",code=\"not-configured\"} 1\n",
        "seamless_sign_ins_total{method=\"ticket\",code=\"ntlm\"} 1\n",
        "seamless_stage_seconds_count{stage=\"verify\"} 1\n",
        "seamless_stage_seconds_count{stage=\"session\"} 1\n",
        "seamless_store_operations_total{operation=\"put\",outcome=\"done\"} ",
        "seamless_store_seconds_count{operation=\"get\"} ",
        "seamless_key_age_seconds{key=\"continuation\"} ",
        "seamless_sessions_begun_total{method=\"test-ticket\"} 1\n",
        "seamless_connections_total{fate=\"accepted\"} 1\n",
        "seamless_open_connections 1\n",
        "seamless_responses_total{status=\"403\"} ",
        "seamless_agents{tenant=\"contoso.test\",state=\"active\"} 1\n",
        "seamless_agents{tenant=\"contoso.test\",state=\"revoked\"} 0\n",
        "seamless_agent_silence_seconds{tenant=\"contoso.test\",agent=\"",
        "\",outcome=\"ticket\"} 1\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[tokio::test]
async fn dashboard_shows_every_metric_and_no_other() {
    let board: Value = serde_json::from_str(include_str!("../../deploy/grafana.json")).unwrap();
    let shown: BTreeSet<String> = expressions(&board).iter().flat_map(|text| names(text)).collect();
    let text = figures().await;
    let described = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next().map(str::to_owned));
    assert_eq!(shown, described.collect());
}

/// Returns the Prometheus expressions of a dashboard.
fn expressions(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("expr").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(fields.values().flat_map(expressions)).collect()
        }
        Value::Array(values) => values.iter().flat_map(expressions).collect(),
        _ => Vec::new(),
    }
}

/// Returns the names of the metrics in an expression, without the suffixes of counters and histograms.
fn names(expression: &str) -> Vec<String> {
    let words = expression.split(|one: char| !one.is_ascii_alphanumeric() && one != '_');
    let figures = words.filter(|word| word.starts_with("seamless_"));
    let bare = |word: &str| {
        ["_total", "_bucket", "_count", "_sum"].iter().find_map(|end| word.strip_suffix(end).map(str::to_owned))
    };
    figures.map(|word| bare(word).unwrap_or_else(|| word.to_owned())).collect()
}

//! Tests of the layer for `tower` with a store that answers late. The inner service runs only after the admission.

use super::store::{Server, Store, poll};
use crate::common::NOW;
use crate::common::dialogue::random;
use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{Request, Response};
use kerberos_sso::Identity;
use kerberos_sso::tower::NegotiateLayer;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use tower::{Layer as _, Service};

/// A service that counts its calls. A call panics unless the caller has polled the service until it is ready. A clone
/// must be polled again.
struct Counted {
    runs: Arc<AtomicUsize>,
    is_ready: bool,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self { runs: Arc::clone(&self.runs), is_ready: false }
    }
}

impl Service<Request<Body>> for Counted {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "the service is ready before it is called");
        self.runs.fetch_add(1, Ordering::Relaxed);
        let user = request.extensions().get::<Identity>().map(|user| user.name.clone()).unwrap_or_default();
        ready(Ok(Response::new(Body::from(user))))
    }
}

/// A server and its layer, with the number of runs of the inner service and the number of users that have signed in.
struct Layered {
    server: Server,
    layer: NegotiateLayer,
    runs: Arc<AtomicUsize>,
    signed_in: Arc<AtomicUsize>,
}

impl Layered {
    fn new(store: Store) -> Self {
        let (server, signed_in) = (Server::new(store), Arc::<AtomicUsize>::default());
        let count = Arc::clone(&signed_in);
        let layer = NegotiateLayer::new(server.validator.clone(), || NOW, || random(1));
        let layer = layer.on_signed_in(move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        Self { server, layer, runs: Arc::default(), signed_in }
    }

    fn service(
        &self,
    ) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: std::fmt::Debug> {
        self.layer.layer(Counted { runs: Arc::clone(&self.runs), is_ready: false })
    }

    fn counts(&self) -> (usize, usize) {
        (self.runs.load(Ordering::Relaxed), self.signed_in.load(Ordering::Relaxed))
    }

    /// Polls the future until it is ready, and returns the status of the response.
    fn status(&self, authorization: &str) -> u16 {
        let mut future = Box::pin(called(&mut self.service(), Some(authorization)));
        loop {
            if let Poll::Ready(response) = poll(&mut future) {
                return response.unwrap().status().as_u16();
            }
        }
    }
}

fn request(authorization: Option<&str>) -> Request<Body> {
    let request = Request::get("/");
    authorization
        .into_iter()
        .fold(request, |request, value| request.header(AUTHORIZATION, value))
        .body(Body::empty())
        .unwrap()
}

fn called<S: Service<Request<Body>>>(service: &mut S, authorization: Option<&str>) -> S::Future {
    assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
    service.call(request(authorization))
}

#[test]
fn inner_service_runs_after_the_admission_and_does_not_run_for_a_replay() {
    for pending in 0..4 {
        let layered = Layered::new(Store::new(pending, 0));
        let header = layered.server.good().header();
        let mut future = Box::pin(called(&mut layered.service(), Some(&header)));
        for _ in 0..pending {
            assert!(poll(&mut future).is_pending());
            assert_eq!(layered.counts(), (0, 0));
        }
        let Poll::Ready(Ok(response)) = poll(&mut future) else { panic!("the response is pending") };
        assert_eq!((response.status().as_u16(), layered.counts()), (200, (1, 1)));
        assert_eq!((layered.status(&header), layered.counts()), (403, (1, 1)));
    }
}

#[test]
fn inner_service_does_not_run_when_the_future_of_the_decision_is_dropped() {
    for (takes_at, polls) in (0..=3).flat_map(|takes_at| (0..=3).map(move |polls| (takes_at, polls))) {
        let layered = Layered::new(Store::new(3, takes_at));
        let header = layered.server.good().header();
        let mut future = Box::pin(called(&mut layered.service(), Some(&header)));
        assert!((0..polls).all(|_| poll(&mut future).is_pending()));
        drop(future);
        assert_eq!(layered.counts(), (0, 0), "dropped after {polls}");
        let (status, runs) = if polls > takes_at { (403, 0) } else { (200, 1) };
        assert_eq!((layered.status(&header), layered.counts()), (status, (runs, runs)), "{takes_at}, {polls}");
    }
}

#[test]
fn exactly_one_of_two_requests_with_one_authenticator_runs_the_service() {
    for first in [0, 1] {
        let layered = Layered::new(Store::new(2, 1));
        let header = layered.server.good().header();
        let mut service = layered.service();
        let mut futures = [(); 2].map(|()| Box::pin(called(&mut service, Some(&header))));
        let mut statuses = [None, None];
        for turn in [first, 1 - first, 1 - first, first, first, 1 - first] {
            if let Poll::Ready(response) = poll(&mut futures[turn]) {
                statuses[turn] = Some(response.unwrap().status().as_u16());
            }
        }
        // The store records the authenticator of a request when the request is polled for the second time. The request
        // `1 - first` is polled for the second time before the request `first` is.
        assert_eq!((statuses[1 - first], statuses[first]), (Some(200), Some(403)));
        assert_eq!(layered.counts(), (1, 1));
    }
}

/// For a request without a token, the layer does not ask the store, and allocates no boxed future.
#[test]
fn request_without_a_token_is_decided_before_its_future_is_polled() {
    let layered = Layered::new(Store::new(3, 0));
    let optional = layered.layer.clone().optional();
    let mut optional = optional.layer(Counted { runs: Arc::clone(&layered.runs), is_ready: false });
    for authorization in [None, Some("Basic YWxpY2U6c2VjcmV0"), Some("Negotiate"), Some("NTLM TlRMTVNTUAABAAAA")] {
        let future = called(&mut layered.service(), authorization);
        assert_eq!(format!("{future:?}"), r#"NegotiateFuture("answered")"#);
        let future = called(&mut optional, authorization);
        assert_eq!(format!("{future:?}"), r#"NegotiateFuture("running")"#);
    }
    let future = called(&mut layered.service(), Some(&layered.server.good().header()));
    assert_eq!(format!("{future:?}"), r#"NegotiateFuture("deciding")"#);
    assert_eq!(layered.counts(), (4, 0));
}

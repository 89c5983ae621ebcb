//! What each request passes, outermost first: its number, the trace, a net for panics, the limit of
//! requests at a time, the limit of its body, its deadline, the Host check, the header that every POST
//! must have, the token. There are no CORS headers: no page of another origin reads an answer.
//!
//! A limit refuses, and never queues: a probe that waits in a queue is no probe.

use crate::app::{Access, App, MAX_REQUESTS, MAX_TASKS};
use crate::refusal::Refusal;
use crate::task::{self, Until};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use http_body_util::Limited;
use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestId, RequestId, SetRequestIdLayer};
use tower_http::trace::TraceLayer;

/// Without it no POST is taken: a form or an image of a foreign page can't send it.
pub(crate) const OWN_HEADER: HeaderName = HeaderName::from_static("x-ringwork");
/// The number of a request, in its answer and in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Most bytes of a body that is no task's.
const MAX_BODY: usize = 64 << 10;
/// A request without a deadline of its own is over after this.
const DEADLINE: Duration = Duration::from_secs(10);
/// How much longer a task's answer may take: the task itself ends at its deadline, and says so.
const GRACE: Duration = Duration::from_secs(1);

/// Lays the checks around the routes.
pub(crate) fn around(routes: Router, app: &Arc<App>) -> Router {
    // Each layer is laid around those before it: the first one here is the innermost.
    routes
        .layer(from_fn_with_state(Arc::clone(app), token))
        .layer(from_fn(own_header))
        .layer(from_fn_with_state(Arc::clone(app), host))
        .layer(from_fn(deadline))
        .layer(from_fn_with_state(Arc::clone(app), body))
        .layer(from_fn_with_state(Arc::clone(app), crowd))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(
            // An answer of 5xx is a client's business, or the pool's, and both are told elsewhere:
            // a line for each would fill the log just when the pool is flooded.
            TraceLayer::new_for_http().on_failure(()),
        )
        .layer(from_fn(tell_id))
        .layer(SetRequestIdLayer::new(REQUEST_ID, Numbers::default()))
}

/// Numbers of requests, from 1.
#[derive(Debug, Clone, Default)]
struct Numbers(Arc<AtomicU64>);

impl MakeRequestId for Numbers {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Some(RequestId::new(HeaderValue::from(number)))
    }
}

/// Gives the answer its request's number, and what no answer may be without.
async fn tell_id(request: Request, next: Next) -> Response<Body> {
    let id = request.headers().get(&REQUEST_ID).cloned();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Some(id) = id {
        headers.insert(REQUEST_ID, id);
    }
    let fixed = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> Response<Body> {
    Refusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "a bug: the answer to this request panicked",
        "the pool is not touched by it; the log of `ringwork serve` has the panic, please report it",
    )
    .into_response()
}

async fn crowd(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    let (places, most, what) = match is_task(&request) {
        true => (&app.posts, MAX_TASKS, "tasks are under way"),
        false => (&app.requests, MAX_REQUESTS, "requests are being answered"),
    };
    let Ok(_place) = places.try_acquire() else {
        return Refusal::busy(
            format!("{most} {what}, which is the limit"),
            "ask again in a second, and less often",
        )
        .into_response();
    };
    next.run(request).await
}

/// Whether a request submits a task.
fn is_task(request: &Request) -> bool {
    *request.method() == Method::POST && request.uri().path().starts_with("/tasks/")
}

async fn body(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    let task = app.submitter.as_ref().filter(|_| is_task(&request));
    let most = task.map_or(MAX_BODY, |submitter| submitter.max_body());
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length: Option<u64> = length.and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length| length > most as u64) {
        return Refusal::too_large(most).into_response();
    }
    match task {
        // It counts for itself, and tells what is too much by the same words.
        Some(_) => next.run(request).await,
        // One without a length is cut where it becomes too long.
        None => {
            let cut = request.map(|body| Body::new(Limited::new(body, MAX_BODY)));
            next.run(cut).await
        }
    }
}

async fn deadline(mut request: Request, next: Next) -> Response<Body> {
    let is_task = is_task(&request);
    let asked = match task::deadline(request.headers()) {
        Ok(asked) => asked.filter(|_| is_task).unwrap_or(DEADLINE),
        Err(_) if !is_task => DEADLINE,
        Err(bad) => return Refusal::from(bad).into_response(),
    };
    request
        .extensions_mut()
        .insert(Until(Instant::now() + asked));
    let limit = if is_task { asked + GRACE } else { asked };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let late = Refusal::new(
                StatusCode::GATEWAY_TIMEOUT,
                format!("no answer within {limit:?}"),
                "look whether the machine is overloaded",
            );
            let late = if is_task { late.after_submit() } else { late };
            late.into_response()
        }
    }
}

async fn host(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    match check_hosts(&app.access, &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// All names under which a request asks for this server: its Host header, of which there may be one, and
/// the address that it asks for where that is written in full.
fn check_hosts<B>(access: &Access, request: &axum::http::Request<B>) -> Result<(), Refusal> {
    let named = request.headers().get_all(header::HOST);
    if named.iter().nth(1).is_some() {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "the request has more than one Host header",
            "send one, as HTTP/1.1 demands",
        ));
    }
    check_host(access, named.iter().next())?;
    let Some(authority) = request.uri().authority() else {
        return Ok(());
    };
    let authority = HeaderValue::from_str(authority.as_str());
    check_host(access, authority.ok().as_ref())
}

/// A page of another origin can have its own name lead here (DNS rebinding): then the browser sends that
/// name.
fn check_host(access: &Access, named: Option<&HeaderValue>) -> Result<(), Refusal> {
    if access.any_host {
        return Ok(());
    }
    let Some(named) = named.and_then(|named| named.to_str().ok()) else {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "the request has no Host header",
            "send one, as HTTP/1.1 demands",
        ));
    };
    let name = match named.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => named,
    };
    let inner = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let is_address = inner.unwrap_or(name).parse::<IpAddr>().is_ok();
    let is_known = name.eq_ignore_ascii_case("localhost")
        || access
            .hosts
            .iter()
            .any(|host| name.eq_ignore_ascii_case(host));
    if is_address || is_known {
        return Ok(());
    }
    let shown: String = name.chars().take(80).collect();
    Err(Refusal::new(
        StatusCode::MISDIRECTED_REQUEST,
        format!("the request is for the host {shown:?}, which this pool does not go by"),
        format!("call it by its address or as localhost, or serve it with --http-host {shown}"),
    ))
}

async fn own_header(request: Request, next: Next) -> Response<Body> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads || request.headers().contains_key(&OWN_HEADER) {
        return next.run(request).await;
    }
    Refusal::new(
        StatusCode::FORBIDDEN,
        "a request that changes something needs the header X-Ringwork, which no form of a page can send",
        "send `X-Ringwork: 1`",
    )
    .into_response()
}

async fn token(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    let Some(token) = &app.access.token else {
        return next.run(request).await;
    };
    let is_probe = matches!(request.uri().path(), "/healthz" | "/readyz");
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|given| given.to_str().ok()?.strip_prefix("Bearer "));
    if is_probe || given.is_some_and(|given| is_same(given.as_bytes(), token.as_bytes())) {
        return next.run(request).await;
    }
    let error = match given {
        Some(_) => "the token is not this pool's",
        None => "the request has no token",
    };
    Refusal::new(
        StatusCode::UNAUTHORIZED,
        error,
        "send `Authorization: Bearer TOKEN` with the token of --http-token-file",
    )
    .into_response()
}

/// Compares in a time that tells nothing of where they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differ = |sum, (a, b): (&u8, &u8)| sum | (a ^ b);
    let differences = one.iter().zip(other).fold(0, differ);
    one.len() == other.len() && std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_foreign_page_chose_is_refused() {
        let access = Access {
            hosts: vec!["pool.example.org".into()],
            ..Access::default()
        };
        let check = |host: &str| check_host(&access, HeaderValue::from_str(host).ok().as_ref());
        for good in [
            "127.0.0.1:9464",
            "127.0.0.1",
            "[::1]:1",
            "[::1]",
            "LOCALHOST:80",
            "10.1.2.3",
            "pool.example.org:80",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "evil.example",
            "evil.example:9464",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            ":",
            "127.0.0.1:x",
            "a:b:c",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check_host(&access, None).is_err());
        let open = Access {
            any_host: true,
            ..access
        };
        assert_eq!(check_host(&open, None), Ok(()));
    }

    #[test]
    fn each_name_in_a_request_is_checked() {
        let access = Access::default();
        let asks = |uri: &str, hosts: &[&str]| {
            let request = axum::http::Request::builder().uri(uri);
            let request = hosts
                .iter()
                .fold(request, |request, host| request.header("host", *host));
            check_hosts(&access, &request.body(()).unwrap()).map_err(|refusal| refusal.status)
        };
        assert_eq!(asks("/stat", &["localhost"]), Ok(()));
        assert_eq!(asks("http://localhost:1/stat", &["localhost"]), Ok(()));
        let misdirected = Err(StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(
            asks("http://evil.example/stat", &["localhost"]),
            misdirected
        );
        let twice = asks("/stat", &["localhost", "evil.example"]);
        assert_eq!(twice, Err(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn tokens_are_the_same_or_not() {
        assert!(is_same(b"abc", b"abc") && is_same(b"", b""));
        for other in [&b"abd"[..], b"ab", b"abcd", b""] {
            assert!(!is_same(b"abc", other));
        }
    }
}

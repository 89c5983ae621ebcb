//! The answers.

use crate::MetricsFormat;
use crate::app::{App, MAX_VIEWERS};
use crate::follow::{Wanted, follow};
use crate::live::{KEEP_ALIVE, view};
use crate::post::post;
use crate::refusal::Refusal;
use crate::{Readiness, Unreadable};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::routing::post as posted;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

const PATHS: &str = "there are /, /healthz, /readyz, /metrics, /stat, /tasks, /live, /events, and POST /tasks/HANDLER";
const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All routes, without the checks before them.
pub(crate) fn routes(app: &Arc<App>) -> Router {
    Router::new()
        .route("/", get(dashboard))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/stat", get(stat))
        .route("/tasks", get(tasks))
        .route("/tasks/{handler}", posted(post))
        .route("/live", get(live))
        .route("/events", get(events))
        .method_not_allowed_fallback(no_method)
        .fallback(no_path)
        .with_state(Arc::clone(app))
}

fn text(kind: &'static str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn unreadable(error: &Unreadable) -> Refusal {
    Refusal::busy(
        format!("the pool can't be looked at: {error}"),
        "`ringwork doctor` tells more",
    )
}

/// The whole page: it loads nothing else, and the browser is told so.
async fn dashboard() -> Response {
    const PAGE: &str = include_str!("dashboard.html");
    const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
        connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let mut response = text("text/html; charset=utf-8", PAGE);
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response
}

/// Whether this process lives: it answers, so it does. What the pool is like is another question.
async fn healthz() -> Response {
    text(PLAIN, "ok\n")
}

async fn readyz(State(app): State<Arc<App>>) -> Response {
    if *app.stop.borrow() {
        return Refusal::busy("the endpoint stops", "ask its successor").into_response();
    }
    match app.source.readiness() {
        Err(error) => unreadable(&error).into_response(),
        Ok(Readiness { ready: true, .. }) => text(PLAIN, "ready\n"),
        Ok(Readiness { state, reason, .. }) => {
            let what = match state {
                "serving" => "not ready",
                state => state,
            };
            let reason = match reason.as_str() {
                "" => what.to_owned(),
                reason => format!("{what}: {reason}"),
            };
            Refusal::busy(reason, "send tasks elsewhere until this is 200 again").into_response()
        }
    }
}

async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let format = wanted(&headers);
    let (cached, kind) = match format {
        MetricsFormat::Text => (&app.text, METRICS),
        MetricsFormat::OpenMetrics => (&app.open_metrics, OPEN_METRICS),
    };
    page(kind, cached.get(|| app.source.metrics(format)))
}

/// OpenMetrics where it is asked for, as Prometheus does.
fn wanted(headers: &HeaderMap) -> MetricsFormat {
    let mut accepted = headers.get_all(header::ACCEPT).into_iter();
    let asks = |value: &HeaderValue| {
        let value = value.to_str().unwrap_or_default();
        value
            .split(',')
            .any(|kind| kind.trim().starts_with("application/openmetrics-text"))
    };
    match accepted.any(asks) {
        true => MetricsFormat::OpenMetrics,
        false => MetricsFormat::Text,
    }
}

async fn stat(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    match wants_text(&headers) {
        true => page(PLAIN, app.stat_page.get(|| app.source.stat_page())),
        false => page(JSON, app.stat.get(|| app.source.stat())),
    }
}

async fn tasks(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    match wants_text(&headers) {
        true => page(PLAIN, app.tasks_page.get(|| app.source.tasks_page())),
        false => page(JSON, app.tasks.get(|| app.source.tasks())),
    }
}

fn page(kind: &'static str, page: Result<Arc<str>, Unreadable>) -> Response {
    match page {
        Ok(page) => text(kind, page.to_string()),
        Err(error) => unreadable(&error).into_response(),
    }
}

/// Whether text is the first of what is named: a browser names HTML before it, and has JSON.
fn wants_text(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.trim_start().starts_with("text/plain"))
}

/// A place among those that look and listen.
fn place(app: &App) -> Result<OwnedSemaphorePermit, Refusal> {
    let place = Arc::clone(&app.viewers).try_acquire_owned();
    place.map_err(|_| {
        Refusal::busy(
            format!("{MAX_VIEWERS} streams are open already, which is the limit"),
            "close a dashboard, or read /stat now and then",
        )
    })
}

async fn events(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    let stream = place(&app).and_then(|place| {
        let wanted = Wanted::of(uri.query().unwrap_or_default(), &headers)?;
        follow(&app, &wanted, place)
    });
    match stream {
        Ok(stream) => Sse::new(stream)
            .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
            .into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn live(State(app): State<Arc<App>>) -> Response {
    let place = match place(&app) {
        Ok(place) => place,
        Err(refusal) => return refusal.into_response(),
    };
    Sse::new(view(&app, place))
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}

async fn no_method(uri: Uri) -> Refusal {
    let path = uri.path();
    let (what, method) = match path.starts_with("/tasks/") {
        true => ("takes tasks with POST", "send POST"),
        false => ("is read with GET", "send GET"),
    };
    let refused = StatusCode::METHOD_NOT_ALLOWED;
    Refusal::new(refused, format!("{path} {what}"), method)
}

async fn no_path() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing here", PATHS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_one_that_is_asked_for() {
        let of = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            wanted(&headers)
        };
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;q=0.5";
        assert_eq!(of(prometheus), MetricsFormat::OpenMetrics);
        assert_eq!(of("text/html, */*"), MetricsFormat::Text);
        assert_eq!(wanted(&HeaderMap::new()), MetricsFormat::Text);
    }
}

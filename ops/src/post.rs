//! `POST /tasks/{handler}`: the body is read, within its bounds and its time, and the task is run.
//!
//! Invariant: what all requests and results together hold is bounded by [`MAX_HELD`]; a body holds its
//! share from the moment when it comes, a result until it was written.

use crate::app::{App, MAX_HELD};
use crate::refusal::Refusal;
use crate::task::{Submitter, TaskHead, TaskResult, Until};
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// A result up to this size is passed on without a share: so many connections hold little.
const SMALL: usize = 64 << 10;

/// Bytes with their share of what may be held.
struct Held {
    bytes: Vec<u8>,
    _share: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

pub(crate) async fn post(
    State(app): State<Arc<App>>,
    Extension(Until(until)): Extension<Until>,
    handler: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let Some(submitter) = &app.submitter else {
        return Refusal::new(
            StatusCode::FORBIDDEN,
            "tasks are not taken here",
            "serve the pool with --http-submit, or start `ringwork ops` with --submit",
        )
        .into_response();
    };
    let run = run(&app, submitter.as_ref(), until, handler, request);
    run.await.unwrap_or_else(IntoResponse::into_response)
}

async fn run(
    app: &App,
    submitter: &dyn Submitter,
    until: Instant,
    handler: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let Ok(Path(handler)) = handler else {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "the path is no text",
            "write the handler's name in UTF-8, with % before what is none of a path",
        ));
    };
    let head = TaskHead::read(&handler, request.headers())?;
    let most = submitter.max_body();
    let body = timeout_at(until, read(&app.held, request.into_body(), most));
    let (body, share) = body.await.map_err(|_| {
        Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body has not come within the task's time",
            "send it faster, or a longer X-Ringwork-Deadline",
        )
    })??;
    let left = until.saturating_duration_since(Instant::now());
    let end = submitter.submit(head.with(body, left));
    // The task has a copy of it in the pool.
    drop(share);
    let result = end.await?;
    let share = match result.bytes.len() > SMALL {
        true => Some(take(&app.held, result.bytes.len(), until).await?),
        false => None,
    };
    Ok(answer(result, share))
}

fn answer(result: TaskResult, share: Option<OwnedSemaphorePermit>) -> Response {
    let held = Held {
        bytes: result.bytes,
        _share: share,
    };
    let mut response = Body::from(Bytes::from_owner(held)).into_response();
    let kind = HeaderValue::from_static(result.content_type);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Waits for a share of what results may hold: others are written, or cut off, meanwhile.
async fn take(
    held: &Arc<Semaphore>,
    bytes: usize,
    until: Instant,
) -> Result<OwnedSemaphorePermit, Refusal> {
    let share = u32::try_from(bytes.min(MAX_HELD)).unwrap_or(u32::MAX);
    match timeout_at(until, Arc::clone(held).acquire_many_owned(share)).await {
        Ok(Ok(share)) => Ok(share),
        _ => Err(Refusal::busy(
            format!("results of {MAX_HELD} bytes are being read by others, which is the limit"),
            "read results faster; large ones go through shared memory, by a client library",
        )
        .after_submit()),
    }
}

/// The body, and its share of what may be held.
async fn read(
    held: &Arc<Semaphore>,
    mut body: Body,
    most: usize,
) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Refusal> {
    let mut bytes = Vec::new();
    let mut share: Option<OwnedSemaphorePermit> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                format!("the body has ended too soon: {error}"),
                "send it whole",
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue; // trailers
        };
        if bytes.len() + data.len() > most {
            return Err(Refusal::too_large(most));
        }
        let more = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let Ok(more) = Arc::clone(held).try_acquire_many_owned(more) else {
            return Err(Refusal::busy(
                format!("bodies of {MAX_HELD} bytes are being read, which is the limit"),
                "send it again in a second; large requests go through shared memory, by a client library",
            ));
        };
        match &mut share {
            None => share = Some(more),
            Some(share) => share.merge(more),
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, share))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_within(held: &Arc<Semaphore>, body: &[u8], most: usize) -> Result<Vec<u8>, Refusal> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let read = runtime.block_on(read(held, Body::from(body.to_vec()), most));
        read.map(|(bytes, _)| bytes)
    }

    #[test]
    fn a_body_has_its_share_of_what_all_may_hold_and_gives_it_back() {
        let held = Arc::new(Semaphore::new(10));
        assert_eq!(
            read_within(&held, b"0123456789", 10).unwrap(),
            b"0123456789"
        );
        assert_eq!(held.available_permits(), 10);
        let other = held.try_acquire_many(3).unwrap();
        let refused = read_within(&held, b"01234567", 10).unwrap_err();
        assert_eq!(
            refused.into_response().status(),
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(held.available_permits(), 7);
        drop(other);
        let refused = read_within(&held, b"0123456789a", 10).unwrap_err();
        assert_eq!(
            refused.into_response().status(),
            StatusCode::PAYLOAD_TOO_LARGE
        );
        assert_eq!(held.available_permits(), 10);
    }

    #[test]
    fn a_large_result_holds_its_share_until_it_is_gone() {
        let held = Arc::new(Semaphore::new(100));
        let share = Arc::clone(&held).try_acquire_many_owned(60).unwrap();
        let result = TaskResult {
            content_type: "text/plain",
            bytes: vec![1; 60],
        };
        let answer = answer(result, Some(share));
        assert_eq!(held.available_permits(), 40);
        drop(answer);
        assert_eq!(held.available_permits(), 100);
    }
}

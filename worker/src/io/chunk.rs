//! Chunks of an async handler.

use super::context::AsyncContext;
use super::handler::IoHandler;
use super::outcome::{Outcome, Running};
use super::poll::{Found, failure_of};
use super::shard::Shared;
use crate::ending::{end, end_panicked};
use crate::panics;
use ringwork_ring::Codec;
use ringwork_ring::lane::claimed::Claimed;
use std::sync::Arc;
use std::task::Poll;

/// The requests of a chunk, one after the other: each ends by itself.
pub(super) async fn run_chunk(context: AsyncContext, handler: Arc<IoHandler>) -> Outcome {
    let shared = Arc::clone(&context.0);
    loop {
        let next = shared.with_claim(|claim| claim.step(|task| task.next_request()));
        if next != Some(Some(true)) {
            break;
        }
        if let Some(why) = shared.why() {
            let mut failure = failure_of(why);
            failure.not_run = true;
            failure.message = "the chunk was given up before the turn of this request";
            step(&shared, |task| task.fail_request(&failure));
            continue;
        }
        let begun = panics::catch(handler.name, || handler.start_by_itself(context.clone()));
        let begun = match begun {
            Ok(begun) => begun,
            Err(panic) => {
                step(&shared, |task| end_panicked(task, handler.name, &panic));
                continue;
            }
        };
        let outcome = match begun {
            Ok(running) => poll_request(&shared, running).await,
            Err(ended) => Found::Outcome(Err(ended)),
        };
        step(&shared, |task| match outcome {
            Found::Outcome(Ok((bytes, codec))) => task.complete_request(&bytes, codec),
            Found::Outcome(Err(ended)) => end(task, ended),
            Found::Panicked(panic) => end_panicked(task, shared.handler, &panic),
            Found::Stopped(why) => task.fail_request(&failure_of(why)),
        });
    }
    // One that could not be read has ended the task already.
    step(&shared, |task| {
        task.end_chunk();
    });
    Ok((Vec::new(), Codec::Bytes))
}

/// Waits for the handler of one request. A chunk that is given up is woken as a whole: then the
/// future of the request at hand is dropped here, and the rest of them are not started.
async fn poll_request(shared: &Shared, mut running: Running) -> Found {
    std::future::poll_fn(|context| {
        if let Some(why) = shared.why() {
            return Poll::Ready(Found::Stopped(why));
        }
        match panics::catch(shared.handler, || running.as_mut().poll(context)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(outcome)) => Poll::Ready(Found::Outcome(outcome)),
            Err(panic) => Poll::Ready(Found::Panicked(panic)),
        }
    })
    .await
}

fn step(shared: &Shared, step: impl FnOnce(&mut Claimed<'_>)) {
    shared.with_claim(|claim| claim.step(step));
}

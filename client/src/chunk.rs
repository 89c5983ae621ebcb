//! Many small requests for one handler, as one task.

use crate::codec::{FromResult, ToRequest};
use crate::error::{Error, Result};
use crate::pending::{Pending, ended, result_of};
use crate::pool::Pool;
use crate::task_type::TaskType;
use ringwork_ring::client::{Ended, Outcome, TaskOptions};
use ringwork_ring::format::chunk::PartEnd;
use ringwork_ring::format::layout::{CHUNK_MAX, MAX_ATTEMPTS};
use ringwork_ring::format::{chunk, failure};
use ringwork_ring::{Cause, Codec, RingError, Status};
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Bytes that are kept for each result, if [`Chunk::room`] does not say so.
const ROOM: usize = 256;

/// A chunk that is about to be submitted: awaited, or by [`Self::wait`]. Its requests run one after
/// the other on one lane, and each has its own result or error. A worker that dies costs one of
/// them. One without requests has no results, and sends nothing.
#[must_use = "nothing is sent before the chunk is awaited or waited for"]
#[derive(Debug)]
pub struct Chunk<'c, R> {
    pool: &'c Arc<Pool>,
    handler: &'static str,
    requests: Result<(Codec, Vec<Vec<u8>>)>,
    options: TaskOptions,
    attempts: u8,
    room: usize,
    result: PhantomData<fn() -> R>,
}

impl<'c, R: FromResult> Chunk<'c, R> {
    pub(crate) fn new<'q, Q: ToRequest + ?Sized + 'q>(
        pool: &'c Arc<Pool>,
        task: TaskType<Q, R>,
        requests: impl IntoIterator<Item = &'q Q>,
    ) -> Self {
        let mut codec = Codec::Bytes;
        let encode = |request: &Q| {
            let mut buffer = Vec::new();
            codec = request.codec();
            let bytes = request.bytes(&mut buffer).map(<[u8]>::to_vec);
            bytes.map_err(Error::Unwritable)
        };
        let requests: Result<Vec<_>> = requests.into_iter().map(encode).collect();
        Self {
            pool,
            handler: task.name(),
            requests: requests.map(|requests| (codec, requests)),
            options: TaskOptions::default(),
            attempts: 1,
            room: ROOM,
            result: PhantomData,
        }
    }

    /// The whole chunk ends as [`Error::Timeout`] when it has not ended so long after its submit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Priority, 0 the most urgent, 2 the least (default 1); else the chunk is rejected.
    pub fn priority(mut self, priority: u8) -> Self {
        self.options.priority = priority;
        self
    }

    /// Most attempts of each request when workers die of it, 1 to 3 (default 1); else the chunk is
    /// rejected.
    pub fn attempts(mut self, attempts: u8) -> Self {
        self.attempts = attempts;
        self
    }

    /// Bytes that are kept for each result (default 256). What others leave may be taken.
    pub fn room(mut self, room: usize) -> Self {
        self.room = room;
        self
    }

    /// Submits it; `None`: it has no requests, and nothing is to be waited for.
    fn send(self) -> Result<Option<(Pending, usize)>> {
        let (codec, requests) = self.requests?;
        let count = requests.len();
        if count == 0 {
            return Ok(None);
        }
        if count > CHUNK_MAX as usize {
            let why =
                format!("a chunk of {count} requests: it has at most {CHUNK_MAX}, so send several");
            return Err(Error::Unwritable(why));
        }
        if !(1..=MAX_ATTEMPTS).contains(&self.attempts.into()) {
            return Err(Error::of_submit(RingError::OutOfRange {
                option: "attempts",
                value: self.attempts.into(),
                least: 1,
                most: MAX_ATTEMPTS,
            }));
        }
        let all: usize = requests
            .iter()
            .map(|request| request.len() + 16 + self.room)
            .sum();
        if all > u32::MAX as usize {
            let why = format!("a chunk of {all} bytes: send fewer requests, or keep less room");
            return Err(Error::Unwritable(why));
        }
        let requests: Vec<&[u8]> = requests.iter().map(Vec::as_slice).collect();
        let bytes = chunk::encode(&requests, codec, self.attempts, self.room);
        let options = self
            .options
            .codec(Codec::Chunk)
            .attempts(MAX_ATTEMPTS as u8);
        self.pool.check_open()?;
        let submitted = self.pool.table().submit(self.handler, &bytes, &options);
        let submitted = submitted.map_err(Error::of_submit)?;
        let pending = Pending::new(Arc::clone(self.pool), submitted, true);
        Ok(Some((pending, count)))
    }

    /// Submits the chunk and waits on this thread.
    ///
    /// # Errors
    /// When it was not submitted, or ended before any of its requests began; else each request has
    /// its own.
    pub fn wait(self) -> Result<Vec<Result<R>>> {
        let Some((mut pending, count)) = self.send()? else {
            return Ok(Vec::new());
        };
        parts(ended(pending.wait_to_end(None)?), count)
    }
}

impl<R: FromResult> IntoFuture for Chunk<'_, R> {
    type Output = Result<Vec<Result<R>>>;
    type IntoFuture = ChunkFuture<R>;

    fn into_future(self) -> ChunkFuture<R> {
        ChunkFuture {
            sent: Some(self.send()),
            result: PhantomData,
        }
    }
}

/// The future of a [`Chunk`]. **Dropped, the chunk is cancelled.**
#[must_use = "a chunk that is dropped is cancelled"]
#[derive(Debug)]
pub struct ChunkFuture<R> {
    sent: Option<Result<Option<(Pending, usize)>>>,
    result: PhantomData<fn() -> R>,
}

impl<R: FromResult> Future for ChunkFuture<R> {
    type Output = Result<Vec<Result<R>>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(Ok(Some((pending, count)))) = &mut self.sent {
            let count = *count;
            return pending
                .poll_end(context)
                .map(|end| parts(ended(end), count));
        }
        let sent = self.sent.take();
        match sent.expect("a future of a chunk is polled after its end") {
            Err(error) => Poll::Ready(Err(error)),
            Ok(None) => Poll::Ready(Ok(Vec::new())),
            Ok(Some(_)) => unreachable!("looked at before"),
        }
    }
}

/// The ends of a chunk's requests: those that it has itself, and for the others how the chunk
/// ended. An error when none of them has begun, as far as it is known.
fn parts<R: FromResult>(chunk: Ended, count: usize) -> Result<Vec<Result<R>>> {
    let found = chunk.chunk.as_deref().map(chunk::parts);
    let whole = result_of(chunk.outcome);
    let found = match (found, &whole) {
        (Some(Ok(found)), _) if !found.ended.is_empty() || found.attempt > 0 => found,
        (Some(Err(error)), Ok(_)) => return Err(Error::Unreadable(error.to_string())),
        _ => {
            let lost = "the chunk has ended without its results".to_owned();
            return Err(whole.err().unwrap_or(Error::Unreadable(lost)));
        }
    };
    let (attempt, attempts) = (found.attempt.min(found.attempts), found.attempts);
    let read = |end| part(end, attempts);
    let mut parts: Vec<Result<R>> = found.ended.into_iter().take(count).map(read).collect();
    if parts.len() < count {
        let whole = match whole {
            Err(error) => error,
            Ok(_) => Error::Unreadable("the chunk has fewer results than requests".to_owned()),
        };
        let why =
            format!("the chunk of this request ended before its turn; submit it again. {whole}");
        if attempt > 0 {
            // This one may have run.
            parts.push(Err(match whole {
                Error::Crashed { cause, .. } => Error::Crashed {
                    cause,
                    attempts: attempt,
                },
                whole => whole,
            }));
        }
        parts.resize_with(count, || {
            Err(Error::Remote {
                code: "chunk.ended".to_owned(),
                location: String::new(),
                message: why.clone(),
                status: Status::Cancelled,
                may_have_run: false,
            })
        });
    }
    Ok(parts)
}

/// How one request has ended.
fn part<R: FromResult>(end: PartEnd, attempts: u32) -> Result<R> {
    let PartEnd {
        ending,
        codec,
        bytes,
    } = end;
    match ending.status {
        Status::Ok => R::from_result(codec, bytes).map_err(Error::Unreadable),
        // The lane that went on knows that the one before has died, and not why.
        Status::Crashed => Err(Error::Crashed {
            cause: Cause::Unknown,
            attempts,
        }),
        Status::Expired => Err(Error::Timeout {
            may_have_run: !ending.not_run,
        }),
        status => {
            let [code, location, message] = failure::decode(&bytes);
            let outcome = Outcome::Failed {
                status,
                may_have_run: !ending.not_run,
                code,
                location,
                message,
            };
            result_of(outcome).and_then(|_| Err(Error::Unreadable("no failure".to_owned())))
        }
    }
}

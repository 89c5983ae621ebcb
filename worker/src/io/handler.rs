//! An async handler with its types, behind one that has none.

use super::context::AsyncContext;
use super::function::AsyncHandler;
use super::layer::{AsyncLayer, around};
use super::outcome::{Outcome, Running};
use crate::codec::{FromRequest, IntoResult, request_error};
use crate::context::{Scopes, TaskContext};
use crate::ending::Ended;
use crate::error::{CANCELLED, TaskError};
use crate::handler::Returned;
use crate::state::LaneStates;
use pin_project_lite::pin_project;
use ringwork_ring::lane::claimed::Claimed;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// A handler whose first polls take longer in the mean loses the privilege of being polled by the
/// lane: that would hold up the next task.
const EAGER: Duration = Duration::from_micros(50);

/// How many first polls must have been timed before the lane of an I/O worker polls a handler: while it
/// is in one that blocks, no task of the worker is begun.
const ENOUGH: u32 = 8;

/// A future whose first poll is timed.
struct TimedFirst {
    running: Running,
    // Until then.
    handler: Option<Arc<IoHandler>>,
}

impl Future for TimedFirst {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let Some(handler) = self.handler.take() else {
            return self.running.as_mut().poll(context);
        };
        let began = Instant::now();
        let polled = self.running.as_mut().poll(context);
        handler.polled_first(began.elapsed());
        polled
    }
}

/// Makes the future of a request.
trait Start: Send + Sync {
    /// Decodes the request, takes the arguments and calls the function that makes the future.
    fn start(
        &self,
        task: &TaskContext<'_>,
        context: &AsyncContext,
        claimed: &Claimed<'_>,
    ) -> Result<Running, Ended>;
}

/// A handler, with what its arguments have found.
struct Typed<M, H: AsyncHandler<M>> {
    handler: H,
    found: H::Found,
    arguments: PhantomData<fn() -> M>,
}

pin_project! {
    /// A handler's future whose value becomes bytes. It holds the future once: an `async` block that
    /// awaits one has room for it twice.
    struct Encoded<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future<Output: Returned>> Future for Encoded<F> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        self.project().future.poll(context).map(encode)
    }
}

/// The bytes of what a handler has returned.
fn encode<R: Returned>(returned: R) -> Outcome {
    let result = returned
        .into_result()
        .map_err(|error| Ended::Failed(TaskError::returned(error)))?;
    let mut written = (Vec::new(), R::Value::RESULT_CODEC);
    result
        .encode(&mut |codec, bytes| written = (bytes.to_vec(), codec))
        .map_err(Ended::Unencodable)?;
    Ok(written)
}

impl<M, H: AsyncHandler<M>> Start for Typed<M, H> {
    fn start(
        &self,
        task: &TaskContext<'_>,
        context: &AsyncContext,
        claimed: &Claimed<'_>,
    ) -> Result<Running, Ended> {
        let request = claimed.request().map_err(|error| {
            Ended::Undecodable(TaskError::new("segment.corrupt", error.to_string()))
        })?;
        let request = H::Request::from_request(claimed.request_codec(), request)
            .map_err(|why| Ended::Undecodable(request_error(why)))?;
        let running = (self.handler)
            .call(&self.found, task, context, request)
            .map_err(Ended::Failed)?;
        Ok(Box::pin(Encoded { future: running }))
    }
}

/// An async handler.
pub(crate) struct IoHandler {
    pub(crate) name: &'static str,
    pub(crate) layers: Arc<[AsyncLayer]>,
    start: Box<dyn Start>,
    // How long its first polls take, smoothed, in nanoseconds.
    first_poll: AtomicU32,
    // How many of them were timed; not counted beyond those that are enough.
    timed: AtomicU32,
}

impl IoHandler {
    pub(crate) fn new<M, H>(name: &'static str, handler: H, found: H::Found) -> Self
    where
        M: 'static,
        H: AsyncHandler<M>,
    {
        Self {
            name,
            layers: Arc::default(),
            start: Box::new(Typed {
                handler,
                found,
                arguments: PhantomData,
            }),
            first_poll: AtomicU32::new(0),
            timed: AtomicU32::new(0),
        }
    }

    /// Whether its first poll is the lane's.
    pub(crate) fn is_quick(&self) -> bool {
        // Relaxed: a guess.
        u128::from(self.first_poll.load(Ordering::Relaxed)) < EAGER.as_nanos()
    }

    /// Whether enough of its first polls were timed to judge the next one by them.
    pub(crate) fn is_known(&self) -> bool {
        // Relaxed: a guess.
        self.timed.load(Ordering::Relaxed) >= ENOUGH
    }

    /// The future of a task whose first poll is timed, wherever that is.
    pub(super) fn timed(self: &Arc<Self>, running: Running) -> Running {
        Box::pin(TimedFirst {
            running,
            handler: Some(Arc::clone(self)),
        })
    }

    /// Notes how long a first poll took. A lost update is one sample less.
    pub(crate) fn polled_first(&self, took: Duration) {
        let took = u32::try_from(took.as_nanos()).unwrap_or(u32::MAX);
        let before = self.first_poll.load(Ordering::Relaxed);
        let after = before - before / 8 + took / 8;
        self.first_poll.store(after, Ordering::Relaxed);
        if !self.is_known() {
            self.timed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Makes the future of a task that a lane has.
    pub(super) fn start_on_lane(
        &self,
        claimed: &Claimed<'_>,
        context: &AsyncContext,
        scopes: &Scopes<'_>,
    ) -> Result<Running, Ended> {
        let task = TaskContext::new(claimed, scopes, self.name);
        self.start.start(&task, context, claimed)
    }

    /// Makes the future of a task that goes on by itself, or of the request of its chunk at hand,
    /// with the layers around it.
    pub(super) fn start_by_itself(
        self: &Arc<Self>,
        context: AsyncContext,
    ) -> Result<Running, Ended> {
        if self.layers.is_empty() {
            return self.start_claim(&context);
        }
        let (handler, inner) = (Arc::clone(self), context.clone());
        let begin = move || handler.start_claim(&inner);
        Ok(around(&self.layers, context, begin))
    }

    fn start_claim(&self, context: &AsyncContext) -> Result<Running, Ended> {
        let shared = &context.0;
        let lane = LaneStates::default(); // nothing that an async handler takes is a lane's
        let scopes = Scopes {
            states: &shared.shard.common.states,
            lane: &lane,
        };
        let started = shared.with_task(|claimed| self.start_on_lane(claimed, context, &scopes));
        started.unwrap_or_else(|| {
            let gone = TaskError::new(CANCELLED, "the task has ended already");
            Err(Ended::Failed(gone.at("")))
        })
    }
}

//! An async handler with its types, behind one that has none.

use super::context::AsyncContext;
use crate::codec::{FromRequest, IntoResult, request_error};
use crate::ending::Ended;
use crate::error::TaskError;
use ringwork_ring::Codec;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The bytes of a result and their codec, or why there are none.
pub(crate) type Outcome = Result<(Vec<u8>, Codec), Ended>;

/// A handler at work.
pub(crate) type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A handler whose first polls take longer in the mean loses the privilege of being polled by the
/// lane: that would hold up the next task.
const EAGER: Duration = Duration::from_micros(50);

/// Makes the future of a request.
pub(crate) trait Start: Send + Sync {
    /// Decodes the request; nothing of the handler's own runs but the call that makes the future.
    fn start(&self, context: AsyncContext, codec: Codec, request: &[u8]) -> Result<Running, Ended>;
}

struct Typed<Q, R, E, F>(F, PhantomData<fn(Q) -> (R, E)>);

impl<Q, R, E, F, Fut> Start for Typed<Q, R, E, F>
where
    Q: FromRequest,
    R: IntoResult,
    E: Into<TaskError>,
    F: Fn(AsyncContext, Q) -> Fut + Send + Sync,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
{
    fn start(&self, context: AsyncContext, codec: Codec, request: &[u8]) -> Result<Running, Ended> {
        let request = Q::from_request(codec, request)
            .map_err(|why| Ended::Undecodable(request_error(why)))?;
        let running = (self.0)(context, request);
        Ok(Box::pin(async move {
            let result = running
                .await
                .map_err(|error| Ended::Failed(TaskError::returned(error)))?;
            let mut written = (Vec::new(), R::RESULT_CODEC);
            result
                .encode(&mut |codec, bytes| written = (bytes.to_vec(), codec))
                .map_err(Ended::Unencodable)?;
            Ok(written)
        }))
    }
}

/// An async handler.
pub(crate) struct AsyncHandler {
    pub(crate) name: &'static str,
    pub(crate) start: Box<dyn Start>,
    // How long its first polls take, smoothed, in nanoseconds.
    first_poll: AtomicU32,
}

impl AsyncHandler {
    pub(crate) fn new<Q, R, E, F, Fut>(name: &'static str, handler: F) -> Self
    where
        Q: FromRequest + 'static,
        R: IntoResult + 'static,
        E: Into<TaskError> + 'static,
        F: Fn(AsyncContext, Q) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        Self {
            name,
            start: Box::new(Typed(handler, PhantomData)),
            first_poll: AtomicU32::new(0),
        }
    }

    /// Whether its first poll is the lane's.
    pub(crate) fn is_quick(&self) -> bool {
        // Relaxed: a guess.
        u128::from(self.first_poll.load(Ordering::Relaxed)) < EAGER.as_nanos()
    }

    /// Notes how long a first poll took. A lost update is one sample less.
    pub(crate) fn polled_first(&self, took: Duration) {
        let took = u32::try_from(took.as_nanos()).unwrap_or(u32::MAX);
        let before = self.first_poll.load(Ordering::Relaxed);
        let after = before - before / 8 + took / 8;
        self.first_poll.store(after, Ordering::Relaxed);
    }
}

//! Layers around async handlers: futures around futures.
//!
//! Invariant, as of other layers: only the handler answers; a layer lets its answer through, or fails
//! the task.

use super::context::AsyncContext;
use super::outcome::Running;
use crate::ending::Ended;
use crate::error::TaskError;
use crate::layer::Done;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A layer, without its type.
pub(crate) type AsyncLayer = Box<dyn Fn(AsyncContext, AsyncNext) -> Around + Send + Sync>;

/// A layer at work.
pub(crate) type Around = Pin<Box<dyn Future<Output = Result<Done, TaskError>> + Send>>;

/// Decodes the request and calls the handler.
type Begin = Box<dyn FnOnce() -> Result<Running, Ended> + Send>;

/// The layers below an [async layer](crate::Builder::async_layer), and at last the handler.
#[must_use = "the handler does not run unless the layers below it do"]
pub struct AsyncNext {
    layers: Arc<[AsyncLayer]>,
    // How many of them are above.
    above: usize,
    context: AsyncContext,
    begin: Begin,
    ran: Arc<AtomicBool>,
}

impl AsyncNext {
    /// Runs them.
    ///
    /// # Errors
    /// The handler's own error, or that of a layer below. Let it through, or fail the task with
    /// another one.
    pub async fn run(mut self) -> Result<Done, TaskError> {
        if self.above < self.layers.len() {
            let layers = Arc::clone(&self.layers);
            let context = self.context.clone();
            self.above += 1;
            return layers[self.above - 1](context, self).await;
        }
        self.ran.store(true, Ordering::Relaxed); // the same task reads it
        let outcome = match (self.begin)() {
            Ok(running) => running.await,
            Err(ended) => Err(ended),
        };
        match outcome {
            Ok((bytes, codec)) => Ok(Done(Err(Ended::Elsewhere { bytes, codec }.into()))),
            Err(Ended::Failed(error)) => Err(error),
            Err(other) => Ok(Done(Err(other.into()))),
        }
    }
}

impl fmt::Debug for AsyncNext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncNext")
            .field("layers", &(self.layers.len() - self.above))
            .finish_non_exhaustive()
    }
}

/// A handler within its layers: `begin` is called when they let it.
pub(super) fn around(
    layers: &Arc<[AsyncLayer]>,
    context: AsyncContext,
    begin: impl FnOnce() -> Result<Running, Ended> + Send + 'static,
) -> Running {
    let ran = Arc::new(AtomicBool::new(false));
    let next = AsyncNext {
        layers: Arc::clone(layers),
        above: 0,
        context,
        begin: Box::new(begin),
        ran: Arc::clone(&ran),
    };
    Box::pin(async move {
        match next.run().await {
            Ok(Done(Err(ended))) => match *ended {
                Ended::Elsewhere { bytes, codec } => Ok((bytes, codec)),
                other => Err(other),
            },
            Ok(Done(Ok(()))) => Err(Ended::Failed(not_its_own())),
            Err(error) if ran.load(Ordering::Relaxed) => Err(Ended::Failed(error)),
            Err(error) => Err(Ended::Refused(error)),
        }
    })
}

/// A layer has returned the answer of a task that is a lane's.
#[cold]
fn not_its_own() -> TaskError {
    let why = "a layer returned the answer of another task: return what AsyncNext::run gives";
    TaskError::new("worker.layer", why).at("")
}

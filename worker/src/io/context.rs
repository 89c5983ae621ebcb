//! What an async handler may know of its task, and do beside it.

use super::shard::{Shared, WhyCancelled};
use super::watched::Watched;
use crate::codec::IntoResult;
use crate::context::{TaskClient, published};
use crate::error::{CANCELLED, TaskError};
use crate::panics::Panic;
use ringwork_ring::PoolDir;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// The task of an async handler, as that sees it. A clone is of the same task; one that outlives it
/// does nothing any more.
///
/// ```no_run
/// use ringwork_worker::{AsyncContext, TaskError, Worker};
/// use std::time::Duration;
///
/// async fn later(context: AsyncContext, text: String) -> Result<String, TaskError> {
///     tokio::time::sleep(Duration::from_millis(50)).await;
///     context.check_cancelled()?;
///     Ok(text)
/// }
///
/// # fn main() -> Result<(), ringwork_worker::WorkerError> {
/// Worker::builder().async_task("later", later).run()
/// # }
/// ```
#[derive(Clone)]
pub struct AsyncContext(pub(super) Arc<Shared>);

impl AsyncContext {
    /// The id that the client gave the task.
    #[must_use]
    pub fn task_id(&self) -> u64 {
        self.0.task_id
    }

    /// Which attempt this is, counted from 1; above 1 a worker has died beside the task before.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.attempt.into()
    }

    /// Its priority, 0 the most urgent.
    #[must_use]
    pub fn priority(&self) -> u32 {
        self.0.priority.into()
    }

    /// The client whose task it is.
    #[must_use]
    pub fn client(&self) -> TaskClient {
        self.0.client
    }

    /// The name of the handler.
    #[must_use]
    pub fn handler(&self) -> &'static str {
        self.0.handler
    }

    /// The pool that the worker serves: for a client of it. An async handler may wait for tasks of its
    /// own pool, since it holds no lane; a handler of a lane must not.
    ///
    /// ```
    /// # use ringwork_worker::{AsyncContext, TaskError};
    /// use ringwork_worker::ring::client::Client;
    ///
    /// fn connect(task: &AsyncContext) -> Result<Client, TaskError> {
    ///     // Or `Ringwork::builder("own").dir(task.pool().clone())` of the crate `ringwork`.
    ///     let client = Client::connect(task.pool());
    ///     client.map_err(|error| TaskError::new("pool.unreachable", error.to_string()))
    /// }
    /// ```
    #[must_use]
    pub fn pool(&self) -> &PoolDir {
        self.0.shard.common.segment.dir()
    }

    /// When the task's time is over; `None` without a deadline. At that time its future is dropped.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    /// Time left until the deadline (zero when it has passed); `None` without one.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.0.remaining()
    }

    /// Why the task is to be given up, if it is.
    #[must_use]
    pub fn why_cancelled(&self) -> Option<WhyCancelled> {
        self.0.why()
    }

    /// Waits until the task is to be given up, and says why. A task whose handler has asked for this
    /// is not dropped when it is cancelled, or its deadline passes: it has a second to end by itself.
    /// Of a worker that leaves it is told in the last second of `--io-drain`.
    ///
    /// ```
    /// # use ringwork_worker::{AsyncContext, TaskError};
    /// # async fn rows() -> u64 { 1 }
    /// # async fn roll_back() {}
    /// async fn copy(context: AsyncContext, _: ()) -> Result<u64, TaskError> {
    ///     tokio::select! {
    ///         copied = rows() => Ok(copied),
    ///         why = context.cancelled() => {
    ///             roll_back().await;
    ///             Err(TaskError::new("task.cancelled", why.to_string()))
    ///         }
    ///     }
    /// }
    /// ```
    pub fn cancelled(&self) -> Cancelled {
        self.0.listen();
        Cancelled(Arc::clone(&self.0))
    }

    /// Waits until the worker is to leave (a reload, `ringwork restart`, `--max-tasks`), or its pool to
    /// stop. Tasks have `--io-drain` to end then, at a stop no longer than `--drain-timeout`. For a
    /// handler that runs for long and may end early with what it has; the others need not know.
    ///
    /// ```
    /// # use ringwork_worker::{AsyncContext, TaskError};
    /// # async fn next_line() -> Option<String> { None }
    /// async fn follow(context: AsyncContext, _: ()) -> Result<u64, TaskError> {
    ///     let mut lines = 0;
    ///     loop {
    ///         tokio::select! {
    ///             line = next_line() => match line {
    ///                 Some(_) => lines += 1,
    ///                 None => return Ok(lines),
    ///             },
    ///             () = context.leaving() => return Ok(lines),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn leaving(&self) -> Leaving {
        Leaving(Arc::clone(&self.0))
    }

    /// Whether [`Self::leaving`] has come.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.0.shard.common.is_leaving()
    }

    /// `?` on this ends a handler whose task is to be given up.
    ///
    /// # Errors
    /// `task.cancelled` with the reason.
    #[track_caller]
    pub fn check_cancelled(&self) -> Result<(), TaskError> {
        match self.0.why() {
            Some(why) => Err(TaskError::new(CANCELLED, why.to_string())),
            None => Ok(()),
        }
    }

    /// Reports that `done` of `total` steps are done, for `ringwork stat`.
    pub fn progress(&self, done: u32, total: u32) {
        let reported = u64::from(done) << 32 | u64::from(total);
        self.0.progress.store(reported, Ordering::Relaxed);
        self.0.with_claim(|claim| claim.progress(done, total));
    }

    /// Publishes an event to all that listen in the pool, as [`TaskContext::publish`].
    ///
    /// # Errors
    /// As there.
    ///
    /// [`TaskContext::publish`]: crate::TaskContext::publish
    #[track_caller]
    pub fn publish(&self, topic: &str, event: impl IntoResult) -> Result<(), TaskError> {
        published(event, |codec, bytes| {
            self.0.shard.books.publish(topic, codec, bytes)
        })
    }

    /// The caller's W3C traceparent (version, trace id, parent id, flags), if it sent one.
    #[must_use]
    pub fn traceparent(&self) -> Option<[u8; 26]> {
        self.0.inner().traceparent.as_deref().copied()
    }

    /// The value of type `T` that the worker has: from [`Builder::state`](crate::Builder::state) or
    /// [`Builder::singleton`](crate::Builder::singleton). A handler that takes it as an argument
    /// ([`Arc<T>`](Arc)), or says that it [needs](crate::Builder::needs) it, finds out at the start
    /// that it is missing.
    ///
    /// # Panics
    /// When there is none; the task fails with a message that says so.
    #[must_use]
    #[track_caller]
    pub fn state<T: Send + Sync + 'static>(&self) -> &T {
        match self.try_state() {
            Some(value) => value,
            None => {
                let states = &self.0.shard.common.states;
                panic!("{}", states.why_absent::<T>("Arc"))
            }
        }
    }

    /// The value of type `T` that the worker has, if it has one.
    #[must_use]
    pub fn try_state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.shard.common.states.get()
    }

    /// Runs what blocks (a file, a driver without async, a long computation) on a thread for such
    /// work, so that the thread of the other tasks goes on. There are a few such threads and a short
    /// queue before them. What has begun runs to its end, also when the task ends before.
    ///
    /// # Errors
    /// [`Busy`] when the queue is full, or the work has panicked. By `?` the task fails as
    /// `handler.busy`, or as if its handler had panicked there.
    pub async fn blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Busy> {
        let Some(room) = self.0.shard.common.blocking_room() else {
            return Err(Busy(Lack::Full));
        };
        let shared = Arc::clone(&self.0);
        let done = self.0.shard.handle.spawn_blocking(move || {
            let _room = room;
            shared.elsewhere(work)
        });
        match done.await {
            Ok(done) => done.map_err(|panic| Busy(Lack::Panicked(panic))),
            Err(_) => Err(Busy(Lack::Ended)),
        }
    }

    /// Runs a future beside the task, on its thread. It ends with the task at the latest: whatever
    /// has not ended by then is dropped. A panic in it is logged; the task ends of it by a `?` on what
    /// the child gives.
    pub fn spawn<F>(&self, future: F) -> Child<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let watched = Watched::new(Arc::clone(&self.0), future);
        let handle = self.0.shard.handle.spawn(watched);
        let mut inner = self.0.inner();
        if inner.over {
            handle.abort();
        } else {
            let children = &mut inner.beside().children;
            if children.len() == children.capacity() {
                children.retain(|child| !child.is_finished());
            }
            children.push(handle.abort_handle());
        }
        Child(handle)
    }
}

impl fmt::Debug for AsyncContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncContext")
            .field("handler", &self.0.handler)
            .field("task_id", &self.0.task_id)
            .finish_non_exhaustive()
    }
}

/// The future of [`AsyncContext::cancelled`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct Cancelled(Arc<Shared>);

impl Future for Cancelled {
    type Output = WhyCancelled;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<WhyCancelled> {
        if let Some(why) = self.0.why() {
            return Poll::Ready(why);
        }
        let mut inner = self.0.inner();
        // Under the lock: `cancel` stores the reason before it takes the listeners.
        if let Some(why) = self.0.why() {
            return Poll::Ready(why);
        }
        inner.beside().listen(context.waker());
        Poll::Pending
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancelled").finish_non_exhaustive()
    }
}

/// The future of [`AsyncContext::leaving`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct Leaving(Arc<Shared>);

impl Future for Leaving {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let common = &self.0.shard.common;
        if common.is_leaving() {
            return Poll::Ready(());
        }
        let mut inner = self.0.inner();
        // Under the lock: the watch sees that it leaves before it takes the listeners.
        if common.is_leaving() {
            return Poll::Ready(());
        }
        inner.beside().listen(context.waker());
        Poll::Pending
    }
}

impl fmt::Debug for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaving").finish_non_exhaustive()
    }
}

/// A future that runs beside its task: [`AsyncContext::spawn`]. Awaited, it gives the result.
#[derive(Debug)]
pub struct Child<T>(JoinHandle<Result<T, Box<Panic>>>);

impl<T> Child<T> {
    /// Drops the future, wherever it waits.
    pub fn abort(&self) {
        self.0.abort();
    }
}

impl<T> Future for Child<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|ended| match ended {
                Ok(done) => done.map_err(|panic| TaskError::of_panic(&panic)),
                Err(_) => {
                    let why = "a part of the task was dropped before it had a result";
                    Err(TaskError::new(CANCELLED, why).at(""))
                }
            })
    }
}

/// Why [`AsyncContext::blocking`] has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busy(Lack);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Lack {
    Full,
    Panicked(Box<Panic>),
    Ended,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Lack::Full => f.write_str(
                "too much blocking work waits in this worker already: try again later, or start more workers",
            ),
            Lack::Panicked(panic) => write!(f, "the blocking work has panicked at {panic}"),
            Lack::Ended => f.write_str("the blocking work was not begun before its worker left"),
        }
    }
}

impl std::error::Error for Busy {}

impl From<Busy> for TaskError {
    #[track_caller]
    fn from(busy: Busy) -> Self {
        let code = match &busy.0 {
            Lack::Full => "handler.busy",
            Lack::Panicked(panic) => return Self::of_panic(panic),
            Lack::Ended => "worker.draining",
        };
        Self::new(code, busy.to_string())
    }
}

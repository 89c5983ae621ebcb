//! What a worker's description says of its async handlers.

use super::context::AsyncContext;
use super::host::launch;
use super::options::Options;
use super::parts::Launch;
use crate::codec::{FromRequest, IntoResult};
use crate::dispatch::Handler;
use crate::error::TaskError;
use crate::worker::{Builder, WorkerError, number};
use std::future::Future;
use std::time::Duration;

impl Builder {
    /// Adds an async handler: a function of the context and a typed request that returns a future.
    /// Its tasks wait without a lane, any number at a time up to [`Self::io_tasks`]; each runs on a
    /// `current_thread` runtime of Tokio, so its parts must not block (else
    /// [`AsyncContext::blocking`]). Needs the feature `io`.
    ///
    /// A task whose caller gives it up, or whose deadline passes, has its future dropped, unless the
    /// handler waits for [`AsyncContext::cancelled`].
    ///
    /// ```no_run
    /// use ringwork_worker::{AsyncContext, TaskError, Worker};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), ringwork_worker::WorkerError> {
    /// Worker::builder()
    ///     .async_task("later", |_: AsyncContext, ms: u64| async move {
    ///         tokio::time::sleep(Duration::from_millis(ms)).await;
    ///         Ok::<_, TaskError>(ms)
    ///     })
    ///     .run()
    /// # }
    /// ```
    #[must_use]
    pub fn async_task<Q, R, E, F, Fut>(mut self, name: &str, handler: F) -> Self
    where
        Q: FromRequest + 'static,
        R: IntoResult + 'static,
        E: Into<TaskError> + 'static,
        F: Fn(AsyncContext, Q) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        self.handlers.push(Handler::asynchronous(name, handler));
        self.io = Some(launch);
        self
    }

    /// Threads for async handlers. Default: what the supervisor says, else 1.
    #[must_use]
    pub fn io_threads(mut self, threads: u32) -> Self {
        self.io_options.threads = Some(threads);
        self
    }

    /// Most async tasks in flight in this worker. While there are as many, a lane that has claimed
    /// one more waits. Default: what the supervisor says, else 65,536.
    #[must_use]
    pub fn io_tasks(mut self, tasks: usize) -> Self {
        self.io_options.tasks = Some(tasks);
        self
    }

    /// A poll that takes longer is warned of, with handler and task, and new tasks go to other
    /// threads. Default: what the supervisor says, else 100 ms.
    #[must_use]
    pub fn io_stall(mut self, stall: Duration) -> Self {
        self.io_options.stall = Some(stall);
        self
    }

    /// How long a worker that leaves waits for its async tasks; those that are left fail as
    /// `worker.draining`. Default: what the supervisor says, else 10 s.
    #[must_use]
    pub fn io_drain(mut self, drain: Duration) -> Self {
        self.io_options.drain = Some(drain);
        self
    }

    /// The options, and what starts the shards; `None` without an async handler.
    pub(crate) fn io_settled(&self) -> Result<Option<(Options, Launch)>, WorkerError> {
        let Some(launch) = self.io else {
            return Ok(None);
        };
        let number = |variable: &str| number(variable).map_err(|error| error.to_string());
        let options = self.io_options.settled(number);
        let options = options.map_err(WorkerError::Setup)?;
        Ok(Some((options, launch)))
    }
}

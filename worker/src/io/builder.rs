//! What a worker's description says of its async handlers.

use super::context::AsyncContext;
use super::function::AsyncHandler;
use super::home::home;
use super::host::launch;
use super::layer::{Around, AsyncNext};
use super::options::Options;
use super::parts::Launch;
use crate::dispatch::Handler;
use crate::error::TaskError;
use crate::layer::Done;
use crate::state::{MakeAsync, Scope, async_per_thread, async_singleton};
use crate::worker::{Builder, WorkerError, number};
use std::future::Future;
use std::time::Duration;

impl Builder {
    /// Adds an async handler: a function of arguments, if any, and a request that returns a future
    /// ([`AsyncHandler`](crate::AsyncHandler) has examples). Its tasks wait without a lane, any
    /// number at a time up to [`Self::io_tasks`]; each runs on a `current_thread` runtime of Tokio,
    /// so its parts must not block (else [`AsyncContext::blocking`]). Needs the feature `io`.
    ///
    /// A task whose caller gives it up, or whose deadline passes, has its future dropped, unless the
    /// handler waits for [`AsyncContext::cancelled`].
    ///
    /// ```no_run
    /// use ringwork_worker::Worker;
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), ringwork_worker::WorkerError> {
    /// Worker::builder()
    ///     .async_task("later", |ms: u64| async move {
    ///         tokio::time::sleep(Duration::from_millis(ms)).await;
    ///         ms
    ///     })
    ///     .run()
    /// # }
    /// ```
    #[must_use]
    pub fn async_task<M: 'static, H: AsyncHandler<M>>(mut self, name: &str, handler: H) -> Self {
        self.handlers.push(Handler::asynchronous(name, handler));
        self.io = Some(launch);
        self
    }

    /// Adds a value that an async function makes, once, before the worker is ready and before it is
    /// confined: a connection, a table that is fetched. All that is said of
    /// [`singleton`](Self::singleton) holds. The value lives on the runtime of the first I/O thread,
    /// which drives its connections from then on; so a worker with such a value has that thread, with
    /// or without async handlers.
    ///
    /// ```
    /// use ringwork_worker::{Config, State, Worker, testing};
    /// use serde::Deserialize;
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// #[derive(Deserialize)]
    /// struct Address {
    ///     url: String,
    /// }
    /// struct Rates(Vec<f64>);
    ///
    /// async fn fetch(address: Config<Address>) -> Result<Rates, String> {
    ///     tokio::time::sleep(Duration::from_millis(5)).await;
    ///     match address.url.as_str() {
    ///         "" => Err("url is empty: name the server".into()),
    ///         _ => Ok(Rates(vec![1.0, 1.17])),
    ///     }
    /// }
    ///
    /// let worker = Worker::builder()
    ///     .config(r#"{"state": {"rates": {"url": "rates.example"}}}"#)
    ///     .async_singleton("rates", fetch)
    ///     .task("count", |State(rates): State<Rates>, (): ()| rates.0.len())
    ///     .async_task("first", |rates: Arc<Rates>, (): ()| async move { rates.0[0].to_string() });
    /// let pool = testing::Pool::start(worker).unwrap();
    /// assert_eq!(pool.call("count").run().result::<u64>(), Ok(2));
    /// assert_eq!(pool.call("first").run().text(), Ok("1".into()));
    /// ```
    #[must_use]
    pub fn async_singleton<M: 'static, F: MakeAsync<M>>(mut self, name: &str, make: F) -> Self {
        self.io = Some(launch);
        self.home = Some(home);
        self.declare::<F::Value>(Scope::Singleton, Some(name), async_singleton(make))
    }

    /// Adds a value that each I/O thread makes for itself, by an async function on its own runtime,
    /// before the worker is ready; handlers take it as [`PerThread<T>`](crate::PerThread). It is for
    /// what is better not shared by threads: a client with its connections, a cache behind a lock that
    /// no other thread takes. The function takes what one of a [singleton](Self::singleton) does, and
    /// runs in the sandbox. A thread drops its values after its last task, in the reverse order of
    /// their making.
    ///
    /// ```
    /// use ringwork_worker::{PerThread, Worker, testing};
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// #[derive(Default)]
    /// struct Served(AtomicU64);
    ///
    /// let worker = Worker::builder()
    ///     .async_per_thread("served", async || Ok::<_, String>(Served::default()))
    ///     .async_task("serve", |served: PerThread<Served>, (): ()| async move {
    ///         1 + served.0.fetch_add(1, Ordering::Relaxed)
    ///     });
    /// let pool = testing::Pool::start(worker).unwrap();
    /// assert_eq!(pool.call("serve").run().result::<u64>(), Ok(1));
    /// assert_eq!(pool.call("serve").run().result::<u64>(), Ok(2));
    /// ```
    #[must_use]
    pub fn async_per_thread<M: 'static, F: MakeAsync<M>>(mut self, name: &str, make: F) -> Self {
        self.io = Some(launch);
        self.declare::<F::Value>(Scope::Thread, Some(name), async_per_thread(make))
    }

    /// Puts a layer around all async handlers, as [`Self::layer`] does around the others. The first
    /// one is the outermost. It may wait, before the handler is called and after it has ended; what
    /// it awaits is dropped with the task. It runs for each request, those of a chunk included, before
    /// the request is decoded. A task that goes through a layer is begun by its I/O thread, which
    /// costs a wake.
    ///
    /// ```
    /// use ringwork_worker::{AsyncContext, AsyncNext, TaskError, Worker, testing};
    /// use std::sync::{Arc, Mutex};
    /// use std::time::Duration;
    ///
    /// let timed = Arc::new(Mutex::new(Vec::new()));
    /// let times = Arc::clone(&timed);
    /// let worker = Worker::builder()
    ///     .async_layer(move |task: AsyncContext, next: AsyncNext| {
    ///         let (times, begun) = (Arc::clone(&times), std::time::Instant::now());
    ///         async move {
    ///             let done = next.run().await;
    ///             times.lock().unwrap().push((task.handler(), begun.elapsed()));
    ///             done
    ///         }
    ///     })
    ///     .async_layer(|task: AsyncContext, next: AsyncNext| async move {
    ///         match task.task_id() {
    ///             13 => Err(TaskError::new("access.denied", "13 is no good id: take another")),
    ///             _ => next.run().await,
    ///         }
    ///     })
    ///     .async_task("later", |ms: u64| async move {
    ///         tokio::time::sleep(Duration::from_millis(ms)).await;
    ///         ms
    ///     });
    /// let pool = testing::Pool::start(worker).unwrap();
    /// assert_eq!(pool.call("later").request(2_i64).run().result::<u64>(), Ok(2));
    /// assert_eq!(pool.call("later").request(2_i64).task_id(13).run().code(), Some("access.denied"));
    /// assert_eq!(timed.lock().unwrap().len(), 2);
    /// ```
    #[must_use]
    pub fn async_layer<F, Fut>(mut self, layer: F) -> Self
    where
        F: Fn(AsyncContext, AsyncNext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Done, TaskError>> + Send + 'static,
    {
        let layer = move |context, next| Box::pin(layer(context, next)) as Around;
        self.async_layers.push(Box::new(layer));
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

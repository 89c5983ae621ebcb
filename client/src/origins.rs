//! The verbs of the runtime that Ringwork descends from, under their names, thin over Tokio.
//!
//! For programs that were written for it, and as an executor for [`crate::Ringwork`]'s futures
//! where a program has none. Feature `origins`.
//!
//! ```
//! use ringwork::origins::{AsyncError, AsyncExecutor, Promise, Task, VelaFuture};
//! use ringwork::origins::{join_all, select_first, with_timeout};
//! use std::time::Duration;
//!
//! let executor = AsyncExecutor::new()?;
//! assert_eq!(executor.block_on(async { 6 * 7 }), 42);
//!
//! let few = AsyncExecutor::with_workers(2)?;
//! let task = few.spawn(async { "spawned" });
//! assert_eq!(few.block_on(task.await_task())?, "spawned");
//! let hash = few.spawn_blocking(|| (1..=20_u64).product::<u64>());
//! assert_eq!(few.block_on(hash.await_task())?, 2_432_902_008_176_640_000);
//!
//! let future = VelaFuture::new(async { 5 });
//! assert_eq!(future.await_blocking(), 5);
//! let later = VelaFuture::new(async { tokio::time::sleep(Duration::from_millis(1)).await });
//! later.await_blocking(); // on a thread without a runtime, too
//!
//! // The promise first, as the origins have it; `ringwork::promise` gives the sender first, as channels do.
//! let (promise, sender) = Promise::new();
//! sender.resolve("kept");
//! assert_eq!(executor.block_on(promise)?, "kept");
//! let (promise, sender) = Promise::<u8>::new();
//! sender.reject("no tea");
//! assert_eq!(executor.block_on(promise).unwrap_err().to_string(), "no tea");
//!
//! executor.block_on(async {
//!     let task = Task::spawn(async { 1 })?;
//!     assert_eq!(task.await_task().await?, 1);
//!     let endless = Task::spawn(std::future::pending::<u8>())?;
//!     endless.cancel();
//!     assert!(matches!(endless.await_task().await, Err(AsyncError::JoinError(_))));
//!     let panics = Task::spawn(async { panic!("spilt") })?;
//!     let told: Result<(), _> = panics.await_task().await;
//!     assert!(matches!(told, Err(AsyncError::TaskPanic(why)) if why == "spilt"));
//!
//!     let late = with_timeout(Duration::from_millis(5), std::future::pending::<u8>()).await;
//!     assert!(matches!(late, Err(AsyncError::Timeout)));
//!     let wait = |ms| async move {
//!         tokio::time::sleep(Duration::from_millis(ms)).await;
//!         ms
//!     };
//!     assert_eq!(select_first([wait(60_000), wait(1)]).await, 1);
//!     assert_eq!(join_all([wait(2), wait(1)]).await, [2, 1]);
//!     Ok::<(), AsyncError>(())
//! })?;
//! # Ok::<(), AsyncError>(())
//! ```

use crate::error::Error;
use crate::park::block_on;
use crate::promise::{self, promise};
use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AsyncError {
    /// The task panicked; with what it said.
    #[error("the task panicked: {0}")]
    TaskPanic(String),
    /// The time was over first.
    #[error("the time was over first")]
    Timeout,
    /// There is no runtime here.
    #[error(
        "there is no runtime here: {0}; make an AsyncExecutor and spawn by it, or within its block_on"
    )]
    RuntimeNotInitialized(String),
    /// The task was cancelled, or what it waited for is gone.
    #[error("{0}")]
    JoinError(String),
    /// A promise was rejected.
    #[error("{0}")]
    Rejected(String),
}

fn panic_text(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => match panic.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(_) => "no text".to_owned(),
        },
    }
}

fn joined<T>(result: Result<T, tokio::task::JoinError>) -> Result<T, AsyncError> {
    result.map_err(|error| match error.try_into_panic() {
        Ok(panic) => AsyncError::TaskPanic(panic_text(panic)),
        Err(error) => AsyncError::JoinError(error.to_string()),
    })
}

/// An executor: a Tokio runtime with its threads.
#[derive(Debug)]
pub struct AsyncExecutor {
    runtime: Runtime,
}

impl AsyncExecutor {
    /// With a thread for each core.
    ///
    /// # Errors
    /// [`AsyncError::RuntimeNotInitialized`] when the threads can't be started.
    pub fn new() -> Result<Self, AsyncError> {
        let cores = std::thread::available_parallelism();
        Self::with_workers(cores.map_or(1, usize::from))
    }

    /// With so many threads, at least one.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_workers(workers: usize) -> Result<Self, AsyncError> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(workers.max(1)).enable_all().build();
        match runtime {
            Ok(runtime) => Ok(Self { runtime }),
            Err(error) => Err(AsyncError::RuntimeNotInitialized(error.to_string())),
        }
    }

    /// Runs a future beside the others.
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Task(self.runtime.spawn(future))
    }

    /// Runs a function that blocks, on a thread for such.
    pub fn spawn_blocking<T: Send + 'static>(
        &self,
        function: impl FnOnce() -> T + Send + 'static,
    ) -> Task<T> {
        Task(self.runtime.spawn_blocking(function))
    }

    /// Runs a future on this thread.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

/// A spawned future. Dropped, it runs on.
#[derive(Debug)]
pub struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    /// Spawns on the executor of this thread.
    ///
    /// # Errors
    /// [`AsyncError::RuntimeNotInitialized`] on a thread that has none.
    pub fn spawn(future: impl Future<Output = T> + Send + 'static) -> Result<Self, AsyncError> {
        match Handle::try_current() {
            Ok(handle) => Ok(Self(handle.spawn(future))),
            Err(error) => Err(AsyncError::RuntimeNotInitialized(error.to_string())),
        }
    }

    /// Its value.
    ///
    /// # Errors
    /// [`AsyncError::TaskPanic`], or [`AsyncError::JoinError`] after [`Self::cancel`].
    pub async fn await_task(self) -> Result<T, AsyncError> {
        joined(self.0.await)
    }

    /// Ends it where it waits next.
    pub fn cancel(&self) {
        self.0.abort();
    }
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A future of any kind, which a thread may wait for.
pub struct VelaFuture<T>(Mutex<Boxed<T>>);

impl<T> fmt::Debug for VelaFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VelaFuture").finish_non_exhaustive()
    }
}

impl<T> VelaFuture<T> {
    /// Of any future.
    pub fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Mutex::new(Box::pin(future)))
    }

    /// Waits on this thread, which must not be one that polls futures. Where it has no runtime, timers and
    /// sockets of the future are those of a runtime that is made for it.
    pub fn await_blocking(self) -> T {
        let own = match Handle::try_current() {
            Ok(_) => None,
            Err(_) => tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .ok(),
        };
        match own {
            Some(runtime) => runtime.block_on(self),
            // Without one it may do: not every future waits for timers.
            None => block_on(self),
        }
    }
}

impl<T> Future for VelaFuture<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let future = self.0.get_mut();
        let future = future.unwrap_or_else(std::sync::PoisonError::into_inner);
        future.as_mut().poll(context)
    }
}

/// A value that a [`PromiseSender`] gives.
#[derive(Debug)]
pub struct Promise<T>(promise::Promise<T>);

impl<T> Promise<T> {
    /// A promise, and the sender that keeps it.
    #[allow(clippy::new_ret_no_self, reason = "as the origins have it")]
    pub fn new() -> (Self, PromiseSender<T>) {
        let (sender, promised) = promise();
        (Self(promised), PromiseSender(sender))
    }
}

impl<T> Future for Promise<T> {
    type Output = Result<T, AsyncError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|value| {
            value.map_err(|error| match error {
                Error::Promise(why) => AsyncError::Rejected(why),
                error => AsyncError::JoinError(error.to_string()),
            })
        })
    }
}

/// Keeps a [`Promise`], once.
#[derive(Debug)]
pub struct PromiseSender<T>(promise::PromiseSender<T>);

impl<T> PromiseSender<T> {
    /// The promise ends with this value.
    pub fn resolve(self, value: T) {
        self.0.resolve(value);
    }

    /// The promise ends as [`AsyncError::Rejected`].
    pub fn reject(self, why: impl Into<String>) {
        self.0.reject(why);
    }
}

/// The future's value, or [`AsyncError::Timeout`] after so long; then it is dropped.
///
/// # Errors
/// [`AsyncError::Timeout`].
pub async fn with_timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, AsyncError> {
    let limited = tokio::time::timeout(limit, future).await;
    limited.map_err(|_| AsyncError::Timeout)
}

/// The first that ends; the others are dropped.
///
/// # Panics
/// Of no futures.
pub async fn select_first<F: Future>(futures: impl IntoIterator<Item = F>) -> F::Output {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    assert!(!futures.is_empty(), "select_first of no futures never ends");
    poll_fn(move |context| {
        let polled = futures
            .iter_mut()
            .map(|future| future.as_mut().poll(context));
        polled
            .into_iter()
            .find(Poll::is_ready)
            .unwrap_or(Poll::Pending)
    })
    .await
}

/// The values of all, in their order.
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    enum Part<F: Future> {
        Runs(Pin<Box<F>>),
        Ended(Option<F::Output>),
    }
    let mut parts: Vec<Part<F>> = futures
        .into_iter()
        .map(|future| Part::Runs(Box::pin(future)))
        .collect();
    poll_fn(|context| {
        let mut waits = false;
        for part in &mut parts {
            if let Part::Runs(future) = part {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *part = Part::Ended(Some(value)),
                    Poll::Pending => waits = true,
                }
            }
        }
        if waits {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    let value = |part| match part {
        Part::Ended(value) => value,
        Part::Runs(_) => None,
    };
    parts.into_iter().filter_map(value).collect()
}

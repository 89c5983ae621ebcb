//! A task before it is submitted: its request, its options, and the ways to submit it.

use crate::codec::{FromResult, ToRequest};
use crate::error::{Error, Result};
use crate::pending::Pending;
use crate::pool::Pool;
use crate::task::{Task, read};
use ringwork_ring::RingError;
use ringwork_ring::client::{OnFailure, Reservation, Submitted, TaskOptions};
use std::cell::Cell;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// A buffer with more room than this is not kept by its thread.
const KEPT_BUFFER: usize = 64 << 10;

thread_local! {
    /// Requests that are encoded go by way of it.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Sends the bytes of a request, which are written into this thread's buffer if they must be.
pub(crate) fn encoded<Q: ToRequest + ?Sized, T>(
    request: &Q,
    send: impl FnOnce(&[u8]) -> std::result::Result<T, RingError>,
) -> Result<T> {
    let mut buffer = BUFFER.take();
    buffer.clear();
    let sent = match request.bytes(&mut buffer) {
        Ok(bytes) => send(bytes).map_err(Error::of_submit),
        Err(why) => Err(Error::Unwritable(why)),
    };
    if buffer.capacity() <= KEPT_BUFFER {
        BUFFER.set(buffer);
    }
    sent
}

/// A task that is about to be submitted: awaited ([`CallFuture`]), or by [`Self::submit`], or by
/// [`Self::wait`]. Dropped before, nothing is sent.
///
/// ```no_run
/// # use ringwork::{Ringwork, TaskType};
/// # use std::time::Duration;
/// # async fn upper(rw: Ringwork) -> ringwork::Result<()> {
/// const UPPER: TaskType<str, String> = TaskType::new("upper");
///
/// let upper = rw.call(UPPER, "tea").timeout(Duration::from_millis(500)).attempts(2).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent before the call is awaited, submitted or waited for"]
pub struct Call<'c, Q: ?Sized, R> {
    pool: &'c Arc<Pool>,
    handler: &'c str,
    request: &'c Q,
    options: TaskOptions,
    deadline: Option<Instant>,
    slot: Option<Reservation>,
    result: PhantomData<fn() -> R>,
}

impl<Q: ?Sized, R> fmt::Debug for Call<'_, Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("handler", &self.handler)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<'c, Q: ToRequest + ?Sized, R: FromResult> Call<'c, Q, R> {
    pub(crate) fn new(pool: &'c Arc<Pool>, handler: &'c str, request: &'c Q) -> Self {
        Self {
            pool,
            handler,
            request,
            options: TaskOptions::default(),
            deadline: None,
            slot: None,
            result: PhantomData,
        }
    }

    /// The call takes a slot that was kept for it.
    #[cfg(feature = "tower")]
    pub(crate) fn in_slot(mut self, slot: Option<Reservation>) -> Self {
        self.slot = slot;
        self
    }

    /// All options at once; the codec is the request's all the same.
    pub fn options(mut self, options: TaskOptions) -> Self {
        self.options = options;
        self
    }

    /// The task ends as [`Error::Timeout`] when it has not ended so long after its submit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self.deadline = None;
        self
    }

    /// The same at a point of time.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Priority, 0 the most urgent, 2 the least (default 1); else the call is rejected.
    pub fn priority(mut self, priority: u8) -> Self {
        self.options.priority = priority;
        self
    }

    /// Most attempts when workers die of it, 1 to 3 (default 1: at most once); else the call is
    /// rejected.
    pub fn attempts(mut self, attempts: u8) -> Self {
        self.options.attempts = attempts;
        self
    }

    /// An id for logs.
    pub fn task_id(mut self, task_id: u64) -> Self {
        self.options.task_id = task_id;
        self
    }

    /// W3C traceparent in binary.
    pub fn traceparent(mut self, traceparent: [u8; 26]) -> Self {
        self.options.traceparent = Some(traceparent);
        self
    }

    /// Most tasks of this handler that this client has in the pool: beyond, the call is rejected.
    pub fn max_in_flight(mut self, max: u32) -> Self {
        self.options.max_in_flight = Some(max);
        self
    }

    /// Tasks of one key of this client run in the order of their submits, and no two tasks of one
    /// key run at a time, whichever client they are of. A key has 1 to 1024 bytes.
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.options = self.options.key(key);
        self
    }

    /// What becomes of the tasks of its key that are queued behind it, if it fails (default: they
    /// run).
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.options.on_failure = on_failure;
        self
    }

    /// The task is submitted although what is queued before it will take longer than it has time.
    pub fn admit_late(mut self) -> Self {
        self.options.admit_late = true;
        self
    }

    fn send(mut self) -> Result<Submitted> {
        if let Some(deadline) = self.deadline {
            self.options.timeout = Some(deadline.saturating_duration_since(Instant::now()));
        }
        self.options.codec = self.request.codec();
        self.pool.check_open()?;
        let (handler, options, slot) = (self.handler, &self.options, self.slot.take());
        encoded(self.request, |bytes| match slot {
            None => self.pool.table().submit(handler, bytes, options),
            Some(slot) => {
                let submitted = slot.submit(handler, bytes, options);
                if submitted.is_err() {
                    self.pool.released(); // the slot
                }
                submitted
            }
        })
    }

    /// Submits the task, which runs on its own from then on.
    ///
    /// # Errors
    /// [`Error::Rejected`], [`Error::Closed`] or [`Error::Unwritable`]: nothing was sent.
    pub fn submit(self) -> Result<Task<R>> {
        let pool = Arc::clone(self.pool);
        let submitted = self.send()?;
        Ok(Task::new(Pending::new(pool, submitted, false)))
    }

    /// Submits the task and waits on this thread, which spins a little and then sleeps. For threads
    /// without a runtime: an async task must not call it.
    ///
    /// # Errors
    /// As the future.
    pub fn wait(self) -> Result<R> {
        let pool = Arc::clone(self.pool);
        // Before the task is there: nothing that is done later costs time while a lane works.
        let helper = (pool.budget().spins > 1)
            .then(|| pool.table().help())
            .flatten();
        let submitted = self.send()?;
        let mut pending = Pending::new(Arc::clone(&pool), submitted, true);
        pending.wait_to_end(helper).and_then(read)
    }
}

impl<Q: ToRequest + ?Sized, R: FromResult> IntoFuture for Call<'_, Q, R> {
    type Output = Result<R>;
    type IntoFuture = CallFuture<R>;

    fn into_future(self) -> CallFuture<R> {
        let pool = Arc::clone(self.pool);
        let state = match self.send() {
            Ok(submitted) => State::Sent(Pending::new(pool, submitted, true)),
            Err(error) => State::Refused(Some(error)),
        };
        CallFuture {
            state,
            result: PhantomData,
        }
    }
}

#[derive(Debug)]
enum State {
    Sent(Pending),
    Refused(Option<Error>),
}

/// The future of a [`Call`]. **Dropped, its task is cancelled**: taken out of the queue, or its
/// handler asked to stop.
#[must_use = "a call that is dropped is cancelled"]
#[derive(Debug)]
pub struct CallFuture<R> {
    state: State,
    result: PhantomData<fn() -> R>,
}

impl<R: FromResult> Future for CallFuture<R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            State::Sent(pending) => pending.poll_end(context).map(read),
            State::Refused(error) => Poll::Ready(Err(error
                .take()
                .expect("a future of a call is polled after its end"))),
        }
    }
}

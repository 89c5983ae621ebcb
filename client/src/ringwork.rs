//! The handle on a pool.

use crate::call::{Call, encoded};
use crate::chunk::Chunk;
use crate::codec::{FromResult, ToRequest};
use crate::error::{Error, Result};
use crate::pending::Pending;
use crate::pool::{Pool, Settings};
use crate::promise::promise;
use crate::raw::RawTask;
use crate::sync::start;
use crate::task::Task;
use crate::task_type::TaskType;
use ringwork_codec::Encoded;
use ringwork_ring::client::TaskOptions;
use ringwork_ring::{PoolDir, Segment, WaitStrategy};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Tasks whose hints go together.
const BATCH: usize = 64;

/// How often a client that waits for its pool looks for it.
const LOOK_FOR_IT_EVERY: Duration = Duration::from_millis(20);

/// A pool of worker processes, attached: submits tasks, from any thread and any executor.
///
/// A clone is the same client. There is one poller thread for all clones, from the first task on,
/// unless the program polls by itself ([`Builder::own_poll`]). The client leaves the pool when the last clone, and the last
/// future of a task, is dropped.
///
/// ```no_run
/// use ringwork::{Ringwork, TaskType};
///
/// const UPPER: TaskType<str, String> = TaskType::new("upper");
///
/// # async fn run() -> ringwork::Result<()> {
/// let rw = Ringwork::connect("shop").await?;
/// assert_eq!(rw.call(UPPER, "tea").await?, "TEA");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Ringwork {
    pool: Arc<Pool>,
}

impl Ringwork {
    /// Attaches to the pool of this name, of the same user.
    ///
    /// # Errors
    /// [`Error::NotConnected`]: there is no such pool, or all its client entries are taken.
    pub async fn connect(name: &str) -> Result<Self> {
        Self::builder(name).connect().await
    }

    /// As [`Self::connect`], on this thread, which it may block for some milliseconds.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_blocking(name: &str) -> Result<Self> {
        Self::builder(name).connect_blocking()
    }

    /// A client of the pool of this name, with options.
    pub fn builder(name: &str) -> Builder {
        Builder {
            dir: PoolDir::new(name).map_err(Error::NotConnected),
            settings: Settings::default(),
            patience: Duration::ZERO,
        }
    }

    /// A task for a handler: await it, [`submit`](Call::submit) it, or [`wait`](Call::wait) for it.
    pub fn call<'c, Q, R>(&'c self, task: TaskType<Q, R>, request: &'c Q) -> Call<'c, Q, R>
    where
        Q: ToRequest + ?Sized,
        R: FromResult,
    {
        Call::new(&self.pool, task.name(), request)
    }

    /// A task for a handler that is named at run time; bytes and codec go as they are.
    pub fn call_encoded<'c>(
        &'c self,
        handler: &'c str,
        request: &'c Encoded,
    ) -> Call<'c, Encoded, Encoded> {
        Call::new(&self.pool, handler, request)
    }

    /// Submits a task with default options, which runs on its own from then on.
    ///
    /// # Errors
    /// As [`Call::submit`].
    pub fn submit<Q, R>(&self, task: TaskType<Q, R>, request: &Q) -> Result<Task<R>>
    where
        Q: ToRequest + ?Sized,
        R: FromResult,
    {
        self.call(task, request).submit()
    }

    /// Many small requests for one handler as one task: several times as many a second. Each has
    /// its own result or error.
    ///
    /// ```no_run
    /// # use ringwork::{Ringwork, TaskType};
    /// # async fn run(rw: Ringwork) -> ringwork::Result<()> {
    /// const DOUBLE: TaskType<i64, i64> = TaskType::new("double");
    /// for doubled in rw.chunk(DOUBLE, &[1, 2, 3]).await? {
    ///     println!("{}", doubled?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn chunk<'c, 'q, Q, R>(
        &'c self,
        task: TaskType<Q, R>,
        requests: impl IntoIterator<Item = &'q Q>,
    ) -> Chunk<'c, R>
    where
        Q: ToRequest + ?Sized + 'q,
        R: FromResult,
    {
        Chunk::new(&self.pool, task, requests)
    }

    /// Submits a task for each request; what is rejected says so in its place. Their hints go
    /// together, some dozens at a time: that is one wake of a lane, and not one for each.
    pub fn submit_all<'q, Q, R>(
        &self,
        task: TaskType<Q, R>,
        requests: impl IntoIterator<Item = &'q Q>,
    ) -> Vec<Result<Task<R>>>
    where
        Q: ToRequest + ?Sized + 'q,
        R: FromResult,
    {
        self.submit_all_with(task, requests, &TaskOptions::default())
    }

    /// As [`Self::submit_all`], with options; the codec is the requests' all the same.
    pub fn submit_all_with<'q, Q, R>(
        &self,
        task: TaskType<Q, R>,
        requests: impl IntoIterator<Item = &'q Q>,
        options: &TaskOptions,
    ) -> Vec<Result<Task<R>>>
    where
        Q: ToRequest + ?Sized + 'q,
        R: FromResult,
    {
        let mut requests = requests.into_iter().peekable();
        let mut tasks = Vec::with_capacity(requests.size_hint().0);
        while requests.peek().is_some() {
            let some = requests.by_ref().take(BATCH);
            submit_some(&self.pool, task.name(), some, options, &mut tasks);
        }
        tasks
    }

    /// A slot and room for a request of `size` bytes in shared memory, to be written in place. The
    /// result is read in place, too.
    ///
    /// # Errors
    /// As [`Call::submit`].
    pub fn claim(&self, handler: &str, size: usize) -> Result<RawTask> {
        self.claim_with(handler, size, TaskOptions::default())
    }

    /// As [`Self::claim`], with options.
    ///
    /// # Errors
    /// As [`Call::submit`].
    pub fn claim_with(&self, handler: &str, size: usize, options: TaskOptions) -> Result<RawTask> {
        RawTask::claim(&self.pool, handler, size, options)
    }

    /// Waits until a slot is free: backpressure for a caller that submits as fast as the pool goes.
    /// Another caller may be faster to take it.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn ready(&self) -> Result<()> {
        poll_fn(|context| self.poll_ready(context)).await
    }

    /// As [`Self::ready`], for futures that are written by hand.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let table = self.pool.table();
        (self.pool).poll_room(context, || table.has_room(1).then_some(()))
    }

    /// Whether tasks are still taken, as far as this client has seen: within 50 ms of the end of a
    /// pool while tasks are in flight, and within 100 ms otherwise, it is `false`.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.pool.why_ended().is_none()
    }

    /// Waits until the pool has ended, or this client was closed; why. What is submitted then ends
    /// as [`Error::Closed`]: [`Builder::reconnecting`] has a handle that goes on.
    pub async fn closed(&self) -> Error {
        poll_fn(|context| self.pool.poll_ended(context)).await
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Takes in what has ended, after a sleep of at most `limit` if nothing has: for clients that
    /// poll by themselves ([`Builder::own_poll`]). Futures are woken by it.
    pub fn poll(&self, limit: Duration) {
        self.pool.poll(limit);
    }

    /// How many slots hold tasks of this client: in the pool, or ended and not taken.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.pool.table().in_use()
    }

    /// The most tasks that this client may have at a time.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.pool.table().slots()
    }

    /// The segment, for programs that look at a pool.
    #[doc(hidden)]
    #[must_use]
    pub fn segment(&self) -> &Segment {
        self.pool.table().segment()
    }

    /// Takes no more tasks, and ends the futures of those that are pending as [`Error::Closed`].
    /// The entry in the pool is given back when the last clone is dropped.
    pub fn close(&self) {
        self.pool.close();
    }
}

/// Submits tasks whose hints go together.
fn submit_some<'q, Q: ToRequest + ?Sized + 'q, R: FromResult>(
    pool: &Arc<Pool>,
    handler: &str,
    requests: impl Iterator<Item = &'q Q>,
    options: &TaskOptions,
    tasks: &mut Vec<Result<Task<R>>>,
) {
    let mut batch = pool.table().batch();
    // Where the tasks of the batch go: until they are hinted something else stands there.
    let mut places = Vec::with_capacity(BATCH);
    let mut options = options.clone();
    for request in requests {
        options.codec = request.codec();
        let added = pool.check_open();
        let added =
            added.and_then(|()| encoded(request, |bytes| batch.add(handler, bytes, &options)));
        let added = added.and_then(|_| {
            places.push(tasks.len());
            Err(Error::Join("a task of a batch without its hint".to_owned()))
        });
        tasks.push(added);
    }
    for (place, submitted) in places.into_iter().zip(batch.finish()) {
        let submitted = submitted.map_err(Error::of_submit);
        tasks[place] = submitted.map(|task| Task::new(Pending::new(Arc::clone(pool), task, false)));
    }
}

/// How a client attaches to a pool.
#[must_use = "nothing is attached before `connect`"]
#[derive(Debug)]
pub struct Builder {
    pub(crate) dir: Result<PoolDir>,
    pub(crate) settings: Settings,
    patience: Duration,
}

impl Builder {
    /// How threads wait (default: adaptive). `Spin`: the poller's thread and blocking callers never
    /// sleep while tasks are in flight, for the lowest latency and a core each; `Park`: they sleep
    /// at once.
    pub fn wait(mut self, wait: WaitStrategy) -> Self {
        self.settings.wait = wait;
        self
    }

    /// No poller thread: the program calls [`Ringwork::poll`] again and again, or waits with
    /// blocking calls only, which poll for all.
    pub fn own_poll(mut self) -> Self {
        self.settings.own_poll = true;
        self
    }

    /// What `ringwork stat` calls this client (default: the name of the program); of no use to the
    /// pool itself. Of a longer one than 64 bytes the rest is left out.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.settings.client_name = Some(name.into());
        self
    }

    /// The pool of this directory, instead of the user's one of the name.
    pub fn dir(mut self, dir: PoolDir) -> Self {
        self.dir = Ok(dir);
        self
    }

    /// `connect` waits at most so long until the pool is there and takes tasks (default: not at
    /// all).
    pub fn wait_for(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Attaches, on a thread of its own.
    ///
    /// # Errors
    /// As [`Ringwork::connect`].
    pub async fn connect(self) -> Result<Ringwork> {
        let (sender, attached) = promise();
        let connects = move || match self.connect_blocking() {
            Ok(ringwork) => sender.resolve(ringwork),
            Err(error) => sender.fail(error),
        };
        start("ringwork-connect", "a thread that connects", connects)?;
        attached.await
    }

    /// Attaches, on this thread.
    ///
    /// # Errors
    /// As [`Ringwork::connect`].
    pub fn connect_blocking(self) -> Result<Ringwork> {
        let dir = self.dir?;
        attach(&dir, &self.settings, self.patience)
    }
}

/// Attaches to a pool, once it is there.
pub(crate) fn attach(dir: &PoolDir, settings: &Settings, patience: Duration) -> Result<Ringwork> {
    let start = Instant::now();
    loop {
        match Pool::connect(dir, settings) {
            Ok(pool) => {
                let pool = Arc::new(pool);
                return Ok(Ringwork { pool });
            }
            Err(error) if start.elapsed() >= patience || !may_be_there_soon(&error) => {
                return Err(error);
            }
            Err(_) => std::thread::sleep(LOOK_FOR_IT_EVERY),
        }
    }
}

/// Whether a pool of the name may be there a moment later.
fn may_be_there_soon(error: &Error) -> bool {
    use ringwork_ring::RingError as Why;
    let Error::NotConnected(why) = error else {
        return false;
    };
    matches!(
        why,
        Why::NotFound { .. } | Why::NotReady { .. } | Why::Closed { .. } | Why::TableFull { .. }
    )
}

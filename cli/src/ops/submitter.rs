//! Tasks that come over HTTP, submitted as any client of the pool does.

use super::problem::problem;
use super::request::{encode, shown};
use crate::submit::unknown_handler;
use ringwork::{Codec, Error, Ringwork, Status, TaskOptions};
use ringwork_ops::{Submitter, TaskEnd, TaskProblem, TaskRequest};
use ringwork_ring::segment::tables;
use std::future::IntoFuture;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the thread that takes in what has ended sleeps at most.
const SLEEP: Duration = Duration::from_millis(100);

/// A client of the pool that HTTP submits by.
pub(super) struct PoolClient {
    ringwork: Ringwork,
    max_body: usize,
    ends: Arc<AtomicBool>,
}

impl PoolClient {
    /// Attaches. What has ended is taken in by [`Self::poller`].
    pub(super) fn connect(pool: &str) -> ringwork::Result<Self> {
        let ringwork = Ringwork::builder(pool).own_poll().connect_blocking()?;
        Ok(Self {
            max_body: ringwork.segment().geometry().largest_payload(),
            ringwork,
            ends: Arc::default(),
        })
    }

    /// What is to run beside it.
    pub(super) fn poller(&self) -> Poller {
        Poller {
            ringwork: self.ringwork.clone(),
            ends: Arc::clone(&self.ends),
        }
    }

    /// What the handler's request is, as far as the pool says so.
    fn codec_of(&self, handler: &str) -> Option<Codec> {
        let mut all = tables::handlers(self.ringwork.segment()).into_iter();
        Some(all.find(|known| known.name == handler)?.request_codec)
    }
}

/// The name is said here: a worker is told its hash alone.
fn unknown(ringwork: &Ringwork, handler: &str) -> TaskProblem {
    let segment = ringwork.segment();
    let known = tables::handlers(segment).into_iter();
    let known: Vec<String> = known.map(|handler| handler.name).collect();
    let why = unknown_handler(segment.dir().name(), handler, &known);
    let (cause, known) = why.split_once(": ").unwrap_or((&why, ""));
    TaskProblem {
        status: 404,
        code: "handler.unknown".to_owned(),
        cause: cause.to_owned(),
        remedy: known.to_owned(),
        may_have_run: false,
    }
}

/// Takes in what has ended, on a thread of its own.
pub(super) struct Poller {
    ringwork: Ringwork,
    ends: Arc<AtomicBool>,
}

impl Poller {
    /// Starts the thread: once this process is confined, since a thread that was there before is not.
    /// It ends with the client.
    pub(super) fn start(self) -> io::Result<JoinHandle<()>> {
        let thread = std::thread::Builder::new().name("ringwork-poller".to_owned());
        thread.spawn(move || {
            while !self.ends.load(Ordering::Acquire) {
                self.ringwork.poll(SLEEP);
            }
        })
    }
}

impl Drop for PoolClient {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        self.ringwork.close(); // which wakes the thread
    }
}

/// Why there is no client of the pool.
pub(super) struct NoClient(pub(super) String);

impl Submitter for NoClient {
    fn max_body(&self) -> usize {
        0
    }

    fn submit(&self, _: TaskRequest) -> TaskEnd {
        let problem = TaskProblem {
            status: 503,
            code: "pool.not_connected".to_owned(),
            cause: self.0.clone(),
            remedy: "end the process `ringwork ops`, which is started again and tries it again"
                .to_owned(),
            may_have_run: false,
        };
        Box::pin(async { Err(problem) })
    }
}

impl Submitter for PoolClient {
    fn max_body(&self) -> usize {
        self.max_body
    }

    fn submit(&self, task: TaskRequest) -> TaskEnd {
        let of_handler = self.codec_of(&task.handler);
        let request = encode(task.kind, of_handler, task.params.as_deref(), task.body);
        let request = match request {
            Ok(request) => request,
            Err(problem) => return Box::pin(async { Err(problem) }),
        };
        let options = TaskOptions::default()
            .timeout(task.timeout)
            .priority(task.priority)
            .attempts(task.attempts)
            .traceparent(task.traceparent);
        let options = match &task.key {
            Some(key) => options.key(key),
            None => options,
        };
        let call = self.ringwork.call_encoded(&task.handler, &request);
        // It is sent here, so the request need not live on.
        let call = call.options(options).into_future();
        let ringwork = self.ringwork.clone();
        let (handler, wants_json) = (task.handler, task.wants_json);
        Box::pin(async move {
            match call.await {
                Ok(result) => Ok(shown(result, wants_json)),
                Err(Error::Remote {
                    status: Status::UnknownHandler,
                    ..
                }) => Err(unknown(&ringwork, &handler)),
                Err(error) => Err(problem(&error)),
            }
        })
    }
}

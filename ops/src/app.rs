//! What all requests share.

use crate::Source;
use crate::sampler::Cached;
use crate::task::Submitter;
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::{Semaphore, watch};

/// Most requests that are answered at a time; streams are counted by themselves.
pub(crate) const MAX_REQUESTS: usize = 64;
/// Most viewers at a time.
pub(crate) const MAX_VIEWERS: usize = 32;
/// Most bytes of all bodies and results of tasks at a time.
pub(crate) const MAX_HELD: usize = 64 << 20;
/// Most tasks at a time, so that they take no place of a probe.
pub(crate) const MAX_TASKS: usize = 128;

/// Who gets an answer.
#[derive(Clone, Default)]
pub struct Access {
    /// Whether requests may call this machine as they like.
    pub any_host: bool,
    /// Names by which they may call it, besides its addresses and `localhost`.
    pub hosts: Vec<String>,
    /// The token that they must carry, but for probes.
    pub token: Option<String>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("any_host", &self.any_host)
            .field("hosts", &self.hosts)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .finish()
    }
}

/// What all requests share.
pub(crate) struct App {
    pub(crate) source: Box<dyn Source>,
    /// None: no tasks are taken.
    pub(crate) submitter: Option<Box<dyn Submitter>>,
    pub(crate) access: Access,
    pub(crate) requests: Semaphore,
    pub(crate) posts: Semaphore,
    /// Bytes of bodies and results that may still be held.
    pub(crate) held: Arc<Semaphore>,
    pub(crate) viewers: Arc<Semaphore>,
    pub(crate) live: Live,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) stat: Cached,
    pub(crate) stat_page: Cached,
    pub(crate) tasks: Cached,
    pub(crate) tasks_page: Cached,
    pub(crate) text: Cached,
    pub(crate) open_metrics: Cached,
}

impl App {
    pub(crate) fn new(
        source: Box<dyn Source>,
        submitter: Option<Box<dyn Submitter>>,
        access: Access,
    ) -> Arc<Self> {
        Arc::new(Self {
            source,
            submitter,
            access,
            requests: Semaphore::new(MAX_REQUESTS),
            posts: Semaphore::new(MAX_TASKS),
            held: Arc::new(Semaphore::new(MAX_HELD)),
            viewers: Arc::new(Semaphore::new(MAX_VIEWERS)),
            live: Live::default(),
            stop: watch::Sender::new(false),
            stat: Cached::default(),
            stat_page: Cached::default(),
            tasks: Cached::default(),
            tasks_page: Cached::default(),
            text: Cached::default(),
            open_metrics: Cached::default(),
        })
    }
}

/// What the viewers look at.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) newest: watch::Sender<Arc<Map<String, Value>>>,
    pub(crate) looking: AtomicBool,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            newest: watch::Sender::new(Arc::default()),
            looking: AtomicBool::new(false),
        }
    }
}

//! A handle that outlives its pool.

#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::pool::Settings;
use crate::promise::promise;
use crate::ringwork::{Builder, Ringwork, attach};
use crate::sync::{lock, start};
use ringwork_ring::PoolDir;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The pool of a name, whichever one it is: made by
/// [`Builder::reconnecting`](crate::Builder::reconnecting).
///
/// A [`Ringwork`] ends with its pool. This gives the one that lives, and attaches to the next when
/// that has ended. What was pending has ended as [`Error::Closed`]: whether a task is submitted
/// again is the caller's decision, by [`Error::may_have_run`].
///
/// ```no_run
/// # use ringwork::{Error, Ringwork, TaskType};
/// # use std::time::Duration;
/// # async fn run() -> ringwork::Result<()> {
/// const UPPER: TaskType<str, String> = TaskType::new("upper");
///
/// let shop = Ringwork::builder("shop").reconnecting()?;
/// let tea = loop {
///     let rw = shop.ready(Duration::from_secs(30)).await?;
///     match rw.call(UPPER, "tea").await {
///         Err(error @ Error::Closed { .. }) if !error.may_have_run() => {} // the next pool
///         ended => break ended?,
///     }
/// };
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Reconnecting {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    dir: PoolDir,
    settings: Settings,
    current: Mutex<Option<Ringwork>>,
    /// Held by the thread that attaches: the others wait for what it finds.
    attaching: Mutex<()>,
}

impl Builder {
    /// A handle that outlives its pool: it attaches to the next one of the same name.
    ///
    /// # Errors
    /// [`Error::NotConnected`] when no pool can have that name. None need be there yet.
    pub fn reconnecting(self) -> Result<Reconnecting> {
        Ok(Reconnecting::new(self.dir?, self.settings))
    }
}

impl Reconnecting {
    fn new(dir: PoolDir, settings: Settings) -> Self {
        let shared = Shared {
            dir,
            settings,
            current: Mutex::default(),
            attaching: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The client of the pool that there is now.
    ///
    /// # Errors
    /// [`Error::NotConnected`] when there is none.
    pub fn get(&self) -> Result<Ringwork> {
        self.get_within(Duration::ZERO)
    }

    /// As [`Self::get`], on this thread, which waits at most so long for a pool.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn get_within(&self, patience: Duration) -> Result<Ringwork> {
        if let Some(current) = self.living() {
            return Ok(current);
        }
        let shared = &*self.shared;
        let _attaching = lock(&shared.attaching);
        if let Some(current) = self.living() {
            return Ok(current);
        }
        let next = attach(&shared.dir, &shared.settings, patience)?;
        // The one before is dropped outside the lock: its poller ends first.
        let before = lock(&shared.current).replace(next.clone());
        drop(before);
        Ok(next)
    }

    /// As [`Self::get_within`], on a thread of its own if no client lives.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn ready(&self, patience: Duration) -> Result<Ringwork> {
        if let Some(current) = self.living() {
            return Ok(current);
        }
        let (sender, attached) = promise();
        let own = self.clone();
        let attaches = move || match own.get_within(patience) {
            Ok(ringwork) => sender.resolve(ringwork),
            Err(error) => sender.fail(error),
        };
        start("ringwork-connect", "a thread that connects", attaches)?;
        attached.await
    }

    fn living(&self) -> Option<Ringwork> {
        let current = lock(&self.shared.current);
        current.as_ref().filter(|client| client.is_open()).cloned()
    }
}

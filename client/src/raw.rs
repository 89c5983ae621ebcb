//! Requests that are written, and results that are read, where they are: in shared memory.

use crate::codec::FromResult;
use crate::error::{Error, Result};
use crate::pending::{Pending, result_of};
use crate::pool::Pool;
use ringwork_ring::Codec;
use ringwork_ring::client::{InPlace, Lease, RoomClaim, TaskOptions};
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A slot, and the room for a request, which is written in place: made by
/// [`Ringwork::claim`](crate::Ringwork::claim). Dropped, both are given back and nothing is sent.
///
/// ```no_run
/// # use ringwork::{Codec, Ringwork};
/// # async fn run(rw: Ringwork, photo: impl std::io::Read) -> Result<(), Box<dyn std::error::Error>> {
/// # let mut photo = photo;
/// let mut task = rw.claim("thumbnail", 1 << 20)?;
/// let len = photo.read(task.request())?;
/// let small = task.length(len).submit()?.await?;
/// println!("{} bytes", small.len());
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent before the task is submitted"]
pub struct RawTask {
    pool: Arc<Pool>,
    // None when it was submitted.
    claim: Option<RoomClaim>,
    length: usize,
    codec: Codec,
}

impl fmt::Debug for RawTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawTask")
            .field("length", &self.length)
            .field("codec", &self.codec)
            .finish_non_exhaustive()
    }
}

impl RawTask {
    pub(crate) fn claim(
        pool: &Arc<Pool>,
        handler: &str,
        size: usize,
        options: TaskOptions,
    ) -> Result<Self> {
        pool.check_open()?;
        let codec = options.codec;
        let claim = pool.table().claim(handler, size, options);
        Ok(Self {
            claim: Some(claim.map_err(Error::of_submit)?),
            pool: Arc::clone(pool),
            length: size,
            codec,
        })
    }

    /// The room for the request, as large as was asked for. What is in it at first is arbitrary.
    pub fn request(&mut self) -> &mut [u8] {
        self.claim.as_mut().map_or(&mut [], RoomClaim::request)
    }

    /// The request is the first bytes of the room (default: all of them).
    ///
    /// # Panics
    /// At the submit, when that is more than the room.
    pub fn length(mut self, length: usize) -> Self {
        self.length = length;
        self
    }

    /// The codec that travels with the request (default: that of its options, raw bytes).
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Submits the request. Its time, if it has any, begins now.
    ///
    /// # Errors
    /// As [`Call::submit`](crate::Call::submit); nothing was sent then.
    pub fn submit(mut self) -> Result<LeaseFuture> {
        self.pool.check_open()?;
        let Some(claim) = self.claim.take() else {
            unreachable!("it is taken here and by the drop only");
        };
        let submitted = claim.submit(self.length, self.codec);
        let submitted = submitted.map_err(Error::of_submit)?;
        let pool = Arc::clone(&self.pool);
        let pending = Pending::new(pool, submitted, true).in_place();
        Ok(LeaseFuture(pending))
    }
}

impl Drop for RawTask {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            drop(claim);
            self.pool.released();
        }
    }
}

/// The future of a [`RawTask`]. **Dropped, the task is cancelled.**
#[must_use = "a task that is dropped is cancelled"]
#[derive(Debug)]
pub struct LeaseFuture(Pending);

impl LeaseFuture {
    /// Waits on this thread.
    ///
    /// # Errors
    /// As the future.
    pub fn wait(mut self) -> Result<ResultLease> {
        let ended = self.0.wait_to_end(None)?;
        ResultLease::of(&self.0, ended)
    }
}

impl Future for LeaseFuture {
    type Output = Result<ResultLease>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = self.0.poll_end(context);
        ended.map(|ended| ResultLease::of(&self.0, ended))
    }
}

enum Held {
    InPlace(Lease),
    Copied(Codec, Vec<u8>),
}

/// A result that stays in shared memory, and is read there. It holds the task's slot, and its block
/// if it is larger than 88 bytes, until it is dropped: drop it soon.
pub struct ResultLease {
    pool: Arc<Pool>,
    // None only while it is dropped.
    held: Option<Held>,
}

impl ResultLease {
    fn of(pending: &Pending, ended: InPlace) -> Result<Self> {
        let held = match ended {
            InPlace::Leased(lease) => Held::InPlace(lease),
            InPlace::Ended(ended) => {
                let (codec, bytes) = result_of(ended.outcome)?;
                Held::Copied(codec, bytes)
            }
        };
        Ok(Self {
            pool: pending.pool(),
            held: Some(held),
        })
    }

    /// Codec of the bytes.
    #[must_use]
    pub fn codec(&self) -> Codec {
        match &self.held {
            Some(Held::InPlace(lease)) => lease.codec(),
            Some(Held::Copied(codec, _)) => *codec,
            None => Codec::Bytes,
        }
    }

    /// A copy of the result as a value.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn read<R: FromResult>(&self) -> Result<R> {
        R::from_result(self.codec(), self.to_vec()).map_err(Error::Unreadable)
    }
}

impl Deref for ResultLease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.held {
            Some(Held::InPlace(lease)) => lease.bytes(),
            Some(Held::Copied(_, bytes)) => bytes,
            None => &[],
        }
    }
}

impl fmt::Debug for ResultLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultLease")
            .field("codec", &self.codec())
            .field("len", &self.len())
            .finish()
    }
}

impl Drop for ResultLease {
    fn drop(&mut self) {
        self.held = None;
        self.pool.released();
    }
}

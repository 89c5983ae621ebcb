//! Channels: messages between any two processes of a pool, through a bounded ring in its memory.

use crate::channel_hub::ChannelState;
use crate::codec::{FromResult, ToRequest};
use crate::error::{Error, Result};
use crate::pool::Pool;
use crate::ringwork::Ringwork;
use ringwork_ring::Codec;
use ringwork_ring::queue::channels::{ChannelRing, NotSent, Taken};
use ringwork_ring::records::ChannelSide;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// How often a thread that waits at a channel looks whether the pool has ended.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A channel of a pool: any process that is attached sends, and each message goes to one of those
/// that receive.
///
/// A clone is the same channel. The messages of one sender come in their order. One that was
/// received holds its cell until the [`Message`] is dropped: if the receiver dies before, the message
/// comes again, marked as an [attempt](Message::attempt), unless the channel delivers at most once.
///
/// ```no_run
/// use ringwork::{Channel, Ringwork};
///
/// # async fn run() -> ringwork::Result<()> {
/// let rw = Ringwork::connect("shop").await?; // ringwork serve --name shop --channel ticks
/// let ticks: Channel<String> = rw.channel("ticks")?;
/// ticks.send(&"ACME 4711".to_owned()).await?;
/// let tick = ticks.receive().await?;
/// println!("{}", *tick);
/// # Ok(())
/// # }
/// ```
pub struct Channel<T> {
    at: At,
    value: PhantomData<fn(T) -> T>,
}

/// A channel as this client has it.
#[derive(Debug, Clone)]
struct At {
    pool: Arc<Pool>,
    state: Arc<ChannelState>,
}

impl<T> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Self {
            at: self.at.clone(),
            value: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// A message that was received. Its cell is held until this is dropped.
pub struct Message<T> {
    value: T,
    held: Held,
}

/// A cell that this process has taken.
#[derive(Debug)]
struct Held {
    at: At,
    taken: Option<Taken>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take() {
            self.at.ring().release(self.at.own(), taken);
        }
    }
}

impl<T> Message<T> {
    /// How often a receiver died that had it; 3 stands for more, too. One of 1 and more may have
    /// been acted on before.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.held.taken.map_or(0, |taken| taken.attempt)
    }

    /// The value; the message is over.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Puts the message back: the next receiver has it, with one attempt more.
    pub fn put_back(mut self) {
        if let Some(taken) = self.held.taken.take() {
            self.held.at.ring().put_back(self.held.at.own(), taken);
        }
    }
}

impl<T> Deref for Message<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Message<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("value", &self.value)
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}

impl Ringwork {
    /// The channel of this name. Channels are made with the pool: `ringwork serve --channel ticks`, or
    /// `[channel.ticks]` in its file.
    ///
    /// ```no_run
    /// # fn main() -> ringwork::Result<()> {
    /// let rw = ringwork::Ringwork::connect_blocking("shop")?;
    /// let ticks = rw.channel::<i64>("ticks")?;
    /// ticks.try_send(&4711)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoChannel`] when the pool has none of this name.
    pub fn channel<T>(&self, name: &str) -> Result<Channel<T>> {
        let pool = Arc::clone(self.pool());
        let segment = pool.table().segment();
        let found = segment
            .channels()
            .position(|ring| ring.config().name == name);
        let Some(index) = found else {
            let names = segment.channels().map(|ring| ring.config().name.clone());
            return Err(Error::NoChannel {
                name: name.to_owned(),
                known: names.collect(),
            });
        };
        let state = pool.channels().state(index);
        Ok(Channel {
            at: At { pool, state },
            value: PhantomData,
        })
    }
}

impl At {
    fn ring(&self) -> ChannelRing<'_> {
        self.state.ring(self.pool.table())
    }

    fn own(&self) -> ringwork_ring::format::words::Publisher {
        self.pool.table().publisher()
    }

    /// Sends if there is room; `false` when there is none.
    fn send(&self, codec: Codec, bytes: &[u8]) -> Result<bool> {
        if let Some(ended) = self.pool.why_ended() {
            return Err(ended);
        }
        match self.ring().try_send(self.own(), codec, bytes) {
            Ok(()) => Ok(true),
            Err(NotSent::Full) => Ok(false),
            Err(error) => Err(Error::NotSent(error)),
        }
    }

    fn take(&self) -> Result<Option<Taken>> {
        let taken = self.ring().try_take(self.own(), &self.state.patience);
        taken.map_err(|_| Error::NotSent(NotSent::Refused))
    }

    /// Has this thread do something until it gives something, spins first, and sleeps in between;
    /// `None` when the time is over.
    fn within<R>(
        &self,
        side: ChannelSide,
        limit: Duration,
        mut step: impl FnMut() -> Result<Option<R>>,
    ) -> Result<Option<R>> {
        let budget = self.pool.budget();
        let mut start = None;
        let mut round = 0_u32;
        loop {
            if let Some(done) = step()? {
                return Ok(Some(done));
            }
            round = round.wrapping_add(1);
            // Not each time: a look at the clock takes longer than one at the cell.
            let looks = round.is_multiple_of(64);
            let spins = round <= budget.spins;
            let yields = !spins && round <= budget.spins.saturating_add(budget.yields);
            if (spins || yields) && !looks && !limit.is_zero() {
                if spins {
                    std::hint::spin_loop();
                } else {
                    std::thread::yield_now();
                }
                continue;
            }
            let start = *start.get_or_insert_with(Instant::now);
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            if let Some(ended) = self.pool.why_ended() {
                return step()?.map_or(Err(ended), |done| Ok(Some(done)));
            }
            if !spins && !yields {
                let table = self.pool.table();
                self.state.sleep(table, side, left.min(LOOK_EVERY));
            }
        }
    }

    /// The same for a future: `id` is that of its waker.
    fn poll<R>(
        &self,
        side: ChannelSide,
        (id, context): (&mut Option<u64>, &mut Context<'_>),
        mut step: impl FnMut() -> Result<Option<R>>,
    ) -> Poll<Result<R>> {
        match step() {
            Ok(None) => {}
            Ok(Some(done)) => return Poll::Ready(Ok(done)),
            Err(error) => return Poll::Ready(Err(error)),
        }
        if let Err(error) = self.keep(side, id, context.waker()) {
            return Poll::Ready(Err(error));
        }
        let ended = self.pool.poll_ended(context);
        // What came before the waker was there would not have woken.
        match (step(), ended) {
            (Ok(Some(done)), _) => Poll::Ready(Ok(done)),
            (Err(error), _) | (Ok(None), Poll::Ready(error)) => Poll::Ready(Err(error)),
            (Ok(None), Poll::Pending) => Poll::Pending,
        }
    }

    fn keep(&self, side: ChannelSide, id: &mut Option<u64>, waker: &Waker) -> Result<()> {
        self.state.keep(self.pool.table(), side, (id, waker))
    }

    /// A future that waited is gone.
    fn forget(&self, side: ChannelSide, id: Option<u64>) {
        if let Some(id) = id {
            self.state.forget(self.pool.table(), side, id);
        }
    }
}

impl<T> Channel<T> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.at.ring().config().name
    }

    /// How many messages it holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.at.ring().config().capacity as usize
    }

    /// About how many messages wait in it.
    #[must_use]
    pub fn depth(&self) -> usize {
        usize::try_from(self.at.ring().depth()).unwrap_or(usize::MAX)
    }
}

impl<T: ToRequest> Channel<T> {
    /// Sends a message, if there is room.
    ///
    /// # Errors
    /// [`Error::NotSent`]: the channel is full, the message larger than the channel's size, or its
    /// messages have another codec. [`Error::Unwritable`] when the value can't be written,
    /// [`Error::Closed`] when the pool is over.
    pub fn try_send(&self, value: &T) -> Result<()> {
        let mut buffer = Vec::new();
        let bytes = value.bytes(&mut buffer).map_err(Error::Unwritable)?;
        match self.at.send(value.codec(), bytes)? {
            true => Ok(()),
            false => Err(Error::NotSent(NotSent::Full)),
        }
    }

    /// Sends a message, for threads: waits for room, for `limit` at most.
    ///
    /// # Errors
    /// As [`Self::try_send`].
    pub fn send_within(&self, value: &T, limit: Duration) -> Result<()> {
        let mut buffer = Vec::new();
        let bytes = value.bytes(&mut buffer).map_err(Error::Unwritable)?;
        let codec = value.codec();
        let step = || Ok(self.at.send(codec, bytes)?.then_some(()));
        let sent = self.at.within(ChannelSide::Senders, limit, step)?;
        sent.ok_or(Error::NotSent(NotSent::Full))
    }

    /// Sends a message once there is room. A future that is dropped before has sent nothing.
    ///
    /// # Errors
    /// As [`Self::try_send`], but for the channel that is full.
    pub async fn send(&self, value: &T) -> Result<()> {
        let mut buffer = Vec::new();
        let bytes = match value.bytes(&mut buffer) {
            Ok(bytes) => bytes.to_vec(),
            Err(why) => return Err(Error::Unwritable(why)),
        };
        let sending = Sending {
            at: self.at.clone(),
            message: (value.codec(), bytes),
            id: None,
        };
        sending.await
    }
}

/// A message that waits for room.
struct Sending {
    at: At,
    message: (Codec, Vec<u8>),
    id: Option<u64>,
}

impl Future for Sending {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let this = &mut *self;
        let (at, (codec, bytes)) = (&this.at, &this.message);
        let step = || Ok(at.send(*codec, bytes)?.then_some(()));
        at.poll(ChannelSide::Senders, (&mut this.id, context), step)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.at.forget(ChannelSide::Senders, self.id);
    }
}

impl<T: FromResult> Channel<T> {
    fn message(at: &At, taken: Taken) -> Result<Message<T>> {
        let held = Held {
            at: at.clone(),
            taken: Some(taken),
        };
        let ring = at.ring();
        let unreadable = |why: String| {
            let name = &ring.config().name;
            Error::Unreadable(format!("a message of the channel {name}: {why}"))
        };
        let codec = Codec::from_word(taken.codec).map_err(|why| unreadable(why.to_string()))?;
        let mut bytes = Vec::new();
        ring.read(&taken, &mut bytes);
        let value = T::from_result(codec, bytes).map_err(unreadable)?;
        Ok(Message { value, held })
    }

    /// The next message, if there is one now.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when it is no such value; it is over then. [`Error::NotSent`] when the
    /// pool has taken this process for dead.
    pub fn try_receive(&self) -> Result<Option<Message<T>>> {
        let taken = self.at.take()?;
        taken
            .map(|taken| Self::message(&self.at, taken))
            .transpose()
    }

    /// The next message, for threads: `None` when none comes within `limit`.
    ///
    /// # Errors
    /// As [`Self::try_receive`], and [`Error::Closed`] when the pool is over and no message is left.
    pub fn receive_within(&self, limit: Duration) -> Result<Option<Message<T>>> {
        self.at
            .within(ChannelSide::Receivers, limit, || self.try_receive())
    }

    /// The next message. A future that is dropped before has received none.
    ///
    /// # Errors
    /// As [`Self::receive_within`].
    pub async fn receive(&self) -> Result<Message<T>> {
        let mut messages = self.messages();
        std::future::poll_fn(|context| messages.poll_next(context)).await
    }

    /// The messages as they come: a `Stream`, with the crate's feature `stream`.
    #[must_use]
    pub fn messages(&self) -> Messages<T> {
        Messages {
            channel: self.clone(),
            id: None,
        }
    }
}

/// The messages of a channel as they come.
#[derive(Debug)]
pub struct Messages<T> {
    channel: Channel<T>,
    id: Option<u64>,
}

impl<T: FromResult> Messages<T> {
    /// The next message, for futures that are written by hand.
    ///
    /// # Errors
    /// As [`Channel::receive_within`].
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Message<T>>> {
        let channel = &self.channel;
        let side = ChannelSide::Receivers;
        let step = || channel.try_receive();
        channel.at.poll(side, (&mut self.id, context), step)
    }
}

impl<T> Drop for Messages<T> {
    fn drop(&mut self) {
        self.channel.at.forget(ChannelSide::Receivers, self.id);
    }
}

#[cfg(feature = "stream")]
impl<T: FromResult> futures_core::Stream for Messages<T> {
    type Item = Result<Message<T>>;

    /// Ends with the pool, after its last message.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Messages::poll_next(&mut self, context).map(|next| match next {
            Err(Error::Closed { .. }) => None,
            other => Some(other),
        })
    }
}

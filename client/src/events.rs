//! Events: what happens in a pool, told to all that listen and held up by none.

use crate::codec::{FromResult, ToRequest};
use crate::error::{Error, Result};
use crate::pool::Pool;
use crate::ringwork::Ringwork;
use ringwork_ring::Codec;
use ringwork_ring::format::words::Publisher;
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::queue::events::{EventReader, EventRing, NotPublished, Passed, RawEvent};
use ringwork_ring::queue::topics::{self, TopicFilter};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// How often a thread that waits for events looks whether the pool has ended.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// An event of a pool.
#[derive(Debug, Clone)]
pub struct Event {
    topic: Arc<str>,
    raw: RawEvent,
}

impl Event {
    /// Its topic, such as `worker.died`.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Its number: one more than that of the event before it, of whatever topic.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.raw.position
    }

    /// How long ago it was published.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_nanos(now_ns().saturating_sub(self.raw.time_ns))
    }

    /// The process that published it.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.raw.publisher
    }

    /// What was published, as it is.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.raw.bytes()
    }

    /// What was published, as a value.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when it was published in another codec, or is no such value.
    pub fn read<T: FromResult>(&self) -> Result<T> {
        let codec = Codec::from_word(self.raw.codec).map_err(|word| {
            Error::Unreadable(format!("the event has an unknown codec ({word})"))
        })?;
        T::from_result(codec, self.bytes().to_vec()).map_err(Error::Unreadable)
    }
}

/// The events of some topics, from when [`Ringwork::events`] was called.
///
/// Nobody waits for a subscriber. One that is more than the pool's `--events` behind has lost some:
/// [`Events::passed`] tells how many.
#[derive(Debug)]
pub struct Events {
    pool: Arc<Pool>,
    filter: TopicFilter,
    reader: EventReader,
}

impl Ringwork {
    /// Publishes an event to all that listen in the pool. It waits for nobody.
    ///
    /// ```no_run
    /// # fn main() -> ringwork::Result<()> {
    /// let rw = ringwork::Ringwork::connect_blocking("shop")?;
    /// rw.publish("order.paid", "4711")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotPublished`]: it has more than 224 bytes, the topic's name is none, the table of
    /// topics is full, or the pool keeps no events. [`Error::Unwritable`] when the value can't be
    /// written in its codec, [`Error::Closed`] when the pool is over.
    pub fn publish<T: ToRequest + ?Sized>(&self, topic: &str, value: &T) -> Result<()> {
        let pool = self.pool();
        if let Some(ended) = pool.why_ended() {
            return Err(ended);
        }
        let mut buffer = Vec::new();
        let bytes = value.bytes(&mut buffer).map_err(Error::Unwritable)?;
        let table = pool.table();
        topics::publish(
            table.segment(),
            table.publisher(),
            topic,
            value.codec(),
            bytes,
        )
        .map(drop)
        .map_err(Error::NotPublished)
    }

    /// The events of the topics that `pattern` names, from now on. `*` stands for one part of a
    /// name, and as the last part for all that follow: `worker.*`, or `*` for all events.
    ///
    /// ```no_run
    /// # async fn run() -> ringwork::Result<()> {
    /// let rw = ringwork::Ringwork::connect("shop").await?;
    /// let mut deaths = rw.events("worker.died")?;
    /// loop {
    ///     let event = deaths.next().await?;
    ///     println!("{}: {}", event.topic(), event.read::<String>()?);
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Unwritable`] when the pattern is none, [`Error::NotPublished`] when the pool keeps no
    /// events.
    pub fn events(&self, pattern: &str) -> Result<Events> {
        self.subscribe(pattern, EventReader::from_now)
    }

    /// As [`Self::events`], after those that the pool still keeps.
    ///
    /// # Errors
    /// As [`Self::events`].
    pub fn events_kept(&self, pattern: &str) -> Result<Events> {
        self.subscribe(pattern, EventReader::from_oldest)
    }

    fn subscribe(&self, pattern: &str, at: fn(EventRing<'_>) -> EventReader) -> Result<Events> {
        let pool = Arc::clone(self.pool());
        let filter = TopicFilter::new(pattern).map_err(Error::Unwritable)?;
        let ring = pool.table().segment().events();
        let reader = at(ring.ok_or(Error::NotPublished(NotPublished::NoEvents))?);
        Ok(Events {
            pool,
            filter,
            reader,
        })
    }
}

impl Events {
    /// The next event, if there is one now.
    pub fn try_next(&mut self) -> Option<Event> {
        let segment = self.pool.table().segment();
        let ring = segment.events()?;
        while let Some(raw) = self.reader.next(ring) {
            if let Some(topic) = self.filter.wanted(segment, raw.topic) {
                return Some(Event { topic, raw });
            }
        }
        None
    }

    /// The next event, for threads: `None` when none comes within `limit`.
    ///
    /// # Errors
    /// [`Error::Closed`] when the pool is over, and all events before were given.
    pub fn next_within(&mut self, limit: Duration) -> Result<Option<Event>> {
        let start = Instant::now();
        loop {
            if let Some(event) = self.try_next() {
                return Ok(Some(event));
            }
            if let Some(ended) = self.pool.why_ended() {
                return Err(ended);
            }
            let left = limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            let segment = self.pool.table().segment();
            if let Some(ring) = segment.events() {
                ring.wait(&self.reader, left.min(LOOK_EVERY));
            }
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// As [`Self::next_within`].
    pub async fn next(&mut self) -> Result<Event> {
        poll_fn(|context| self.poll_event(context)).await
    }

    /// As [`Self::next`], for futures that are written by hand.
    ///
    /// # Errors
    /// As [`Self::next_within`].
    pub fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Result<Event>> {
        if let Some(event) = self.try_next() {
            return Poll::Ready(Ok(event));
        }
        if let Err(error) = self.pool.keep_event_waker(context.waker()) {
            return Poll::Ready(Err(error));
        }
        let ended = self.pool.poll_ended(context);
        // One that came before the waker was there would not have woken.
        match (self.try_next(), ended) {
            (Some(event), _) => Poll::Ready(Ok(event)),
            (None, Poll::Ready(error)) => Poll::Ready(Err(error)),
            (None, Poll::Pending) => Poll::Pending,
        }
    }

    /// How many events this subscriber was given, of whatever topic, how many it lost, and how many
    /// positions had none since a publisher died or was stopped there.
    #[must_use]
    pub fn passed(&self) -> Passed {
        self.reader.passed()
    }
}

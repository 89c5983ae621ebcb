//! Several futures as one: the first, all, or no later than a time.

use crate::call::{Call, CallFuture};
use crate::codec::{FromResult, ToRequest};
use crate::error::{Error, Result};
use crate::promise::Promise;
use crate::raw::{LeaseFuture, ResultLease};
use crate::task::{AbortOnDrop, Task};
use crate::timeout;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// What can be selected from, joined, and given a time: calls, tasks, promises, and boxed futures.
///
/// Sealed: other futures take part as `Box::pin(future)`.
pub trait Work: sealed::Sealed {
    /// What it ends with.
    type Output;
    /// Its future, which is cancelled when it is dropped.
    type Future: Future<Output = Self::Output> + Unpin;
    /// Whether it goes on without being polled, as a task in the pool does.
    #[doc(hidden)]
    const GOES_ON: bool;

    /// Begins it. A task is aborted when the future is dropped, as a call is cancelled.
    fn begin(self) -> Self::Future;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! work {
    ([$($generics:tt)*] $kind:ty => $output:ty, $future:ty, $goes_on:literal, $this:ident, $begin:expr) => {
        impl<$($generics)*> sealed::Sealed for $kind {}
        impl<$($generics)*> Work for $kind {
            type Output = $output;
            type Future = $future;
            const GOES_ON: bool = $goes_on;
            fn begin(self) -> Self::Future {
                let $this = self;
                $begin
            }
        }
    };
}

work!(['c, Q: ToRequest + ?Sized, R: FromResult] Call<'c, Q, R> => Result<R>, CallFuture<R>, true, this, this.into_future());
work!([R: FromResult] CallFuture<R> => Result<R>, Self, true, this, this);
work!([R: FromResult] Task<R> => Result<R>, AbortOnDrop<R>, true, this, this.abort_on_drop());
work!([R: FromResult] AbortOnDrop<R> => Result<R>, Self, true, this, this);
work!([] LeaseFuture => Result<ResultLease>, Self, true, this, this);
work!([T] Promise<T> => Result<T>, Self, true, this, this);
work!(['f, T] Pin<Box<dyn Future<Output = T> + Send + 'f>> => T, Self, false, this, this);

/// The first that ends, be it with a result or an error. The others are cancelled: calls and tasks
/// are taken out of the queue, or their handlers asked to stop.
///
/// ```no_run
/// # use ringwork::{Ringwork, TaskType, select_first};
/// # async fn run(rw: Ringwork, q: String) -> ringwork::Result<()> {
/// const NEAR: TaskType<str, String> = TaskType::new("near");
/// const FAR: TaskType<str, String> = TaskType::new("far");
/// let fastest = select_first([rw.call(NEAR, &q), rw.call(FAR, &q)]).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Panics
/// Of no futures.
pub fn select_first<W: Work>(futures: impl IntoIterator<Item = W>) -> SelectFirst<W> {
    let futures: Vec<W::Future> = futures.into_iter().map(Work::begin).collect();
    assert!(!futures.is_empty(), "select_first of no futures never ends");
    SelectFirst { futures }
}

/// The future of [`select_first`].
#[must_use = "what is dropped is cancelled"]
pub struct SelectFirst<W: Work> {
    futures: Vec<W::Future>,
}

impl<W: Work> fmt::Debug for SelectFirst<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectFirst")
            .field("futures", &self.futures.len())
            .finish()
    }
}

impl<W: Work> Future for SelectFirst<W> {
    type Output = W::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        for future in &mut self.futures {
            if let Poll::Ready(output) = Pin::new(future).poll(context) {
                // The losers now, and not with the future: it may be kept.
                self.futures.clear();
                return Poll::Ready(output);
            }
        }
        Poll::Pending
    }
}

/// The ends of all, in their order. An error ends none of the others. Dropped before, all are
/// cancelled.
///
/// ```no_run
/// # use ringwork::{Ringwork, TaskType, join_all};
/// # async fn run(rw: Ringwork, photos: Vec<Vec<u8>>) -> ringwork::Result<()> {
/// const THUMBNAIL: TaskType<[u8], Vec<u8>> = TaskType::new("thumbnail");
/// let calls = photos.iter().map(|photo| rw.call(THUMBNAIL, &photo[..]));
/// let small: Vec<Vec<u8>> = join_all(calls).await.into_iter().collect::<Result<_, _>>()?;
/// # Ok(())
/// # }
/// ```
pub fn join_all<W: Work>(futures: impl IntoIterator<Item = W>) -> JoinAll<W> {
    let futures: Vec<Part<W>> = futures
        .into_iter()
        .map(|work| Part::Runs(work.begin()))
        .collect();
    JoinAll { first: 0, futures }
}

enum Part<W: Work> {
    Runs(W::Future),
    Ended(W::Output),
    Taken,
}

/// The future of [`join_all`].
#[must_use = "what is dropped is cancelled"]
pub struct JoinAll<W: Work> {
    /// All before it have ended.
    first: usize,
    futures: Vec<Part<W>>,
}

impl<W: Work> fmt::Debug for JoinAll<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinAll")
            .field("futures", &self.futures.len())
            .field("ended", &self.first)
            .finish()
    }
}

// Nothing is pinned in it: the futures are `Unpin`.
impl<W: Work> Unpin for JoinAll<W> {}

impl<W: Work> Future for JoinAll<W> {
    type Output = Vec<W::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waits = false;
        let first = self.first;
        for part in &mut self.futures[first..] {
            if let Part::Runs(future) = part {
                match Pin::new(future).poll(context) {
                    Poll::Ready(output) => *part = Part::Ended(output),
                    // What goes on by itself is looked at when those before it have ended: a look
                    // at each at every wake would take the square of their number.
                    Poll::Pending if W::GOES_ON => {
                        waits = true;
                        break;
                    }
                    Poll::Pending => waits = true,
                }
            }
        }
        while matches!(self.futures.get(self.first), Some(Part::Ended(_))) {
            self.first += 1;
        }
        if waits {
            return Poll::Pending;
        }
        let take = |part: &mut Part<W>| match std::mem::replace(part, Part::Taken) {
            Part::Ended(output) => output,
            _ => panic!("a future of several is polled after its end"),
        };
        Poll::Ready(self.futures.iter_mut().map(take).collect())
    }
}

/// The future, or [`Error::Timeout`] after so long; then it is cancelled. A call has this itself,
/// by [`Call::timeout`], and its worker knows of it, too.
///
/// ```
/// use ringwork::{Error, block_on, promise, with_timeout};
/// use std::time::Duration;
///
/// let (_sender, promised) = promise::<u32>();
/// let late = block_on(with_timeout(Duration::from_millis(5), promised));
/// assert!(matches!(late, Err(Error::Timeout { .. })));
/// ```
pub fn with_timeout<T, W: Work<Output = Result<T>>>(limit: Duration, future: W) -> WithTimeout<W> {
    WithTimeout {
        alarm: timeout::Alarm::after(limit),
        future: Some(future.begin()),
    }
}

/// The future of [`with_timeout`].
#[must_use = "what is dropped is cancelled"]
pub struct WithTimeout<W: Work> {
    alarm: timeout::Alarm,
    future: Option<W::Future>,
}

impl<W: Work> fmt::Debug for WithTimeout<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithTimeout").finish_non_exhaustive()
    }
}

impl<T, W: Work<Output = Result<T>>> Future for WithTimeout<W> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.future.as_mut();
        let future = future.expect("a future with a time is polled after its end");
        if let Poll::Ready(output) = Pin::new(future).poll(context) {
            self.future = None;
            return Poll::Ready(output);
        }
        if self.alarm.poll(context).is_ready() {
            self.future = None;
            return Poll::Ready(Err(Error::Timeout { may_have_run: true }));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::park::block_on;
    use crate::promise::{PromiseSender, promise};

    type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

    fn promises(count: usize) -> (Vec<PromiseSender<usize>>, Vec<Promise<usize>>) {
        (0..count).map(|_| promise()).unzip()
    }

    #[test]
    fn the_first_is_selected_and_the_losers_are_dropped() {
        let (mut senders, promised) = promises(3);
        senders.remove(1).resolve(1);
        assert_eq!(block_on(select_first(promised)).unwrap(), 1);
        let boxed: Vec<Boxed<u8>> = vec![Box::pin(std::future::pending()), Box::pin(async { 7 })];
        assert_eq!(block_on(select_first(boxed)), 7);
    }

    #[test]
    fn all_are_joined_in_their_order_whatever_ends_first() {
        let (senders, promised) = promises(1000);
        let thread = std::thread::spawn(move || {
            for (n, sender) in senders.into_iter().enumerate().rev() {
                match n {
                    500 => sender.reject("no tea"),
                    n => sender.resolve(n),
                }
            }
        });
        let found = block_on(join_all(promised));
        thread.join().unwrap();
        assert_eq!(found.len(), 1000);
        for (n, found) in found.into_iter().enumerate() {
            match n {
                500 => assert_eq!(found.unwrap_err().to_string(), "no tea"),
                n => assert_eq!(found.unwrap(), n),
            }
        }
        let none: Vec<Promise<u8>> = Vec::new();
        assert!(block_on(join_all(none)).is_empty());
    }

    #[test]
    fn futures_that_go_on_only_when_polled_are_all_polled() {
        let (senders, mut promised) = promises(2);
        let (first, second) = (promised.remove(0), promised.remove(0));
        let mut senders = senders.into_iter();
        let (one, two) = (senders.next().unwrap(), senders.next().unwrap());
        // The first waits for what the second does.
        let boxed: Vec<Boxed<usize>> = vec![
            Box::pin(async move { first.await.unwrap() }),
            Box::pin(async move {
                one.resolve(5);
                second.await.unwrap()
            }),
        ];
        two.resolve(6);
        assert_eq!(block_on(join_all(boxed)), [5, 6]);
    }

    #[test]
    fn what_is_in_time_keeps_its_end() {
        let (sender, promised) = promise();
        sender.resolve(3);
        let hour = Duration::from_secs(3600);
        assert_eq!(block_on(with_timeout(hour, promised)).unwrap(), 3);
        let (sender, promised) = promise::<u8>();
        let late = block_on(with_timeout(Duration::ZERO, promised));
        assert!(matches!(late, Err(Error::Timeout { .. })));
        drop(sender);
    }
}

//! How the tasks in flight end when their worker leaves, or its pool stops: told twice, then dropped.
//!
//! The watch's thread looks. Invariant: a handler that listens for its cancel is told before its future
//! is dropped, and all are dropped at the end that `Common::end_of_tasks` says.

use super::common::Common;
use super::shard::{IoShard, Shared, WhyCancelled};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long handlers that listen for their cancel have to end by themselves.
pub(super) const GRACE: Duration = Duration::from_secs(1);
/// The same when the pool is over, whose supervisor kills what has not left after a second.
const LAST_GRACE: Duration = Duration::from_millis(500);

/// How far it has come.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    // Whether those were told that ask for it at once.
    told: bool,
    // When the pool was seen to be over.
    over: Option<Instant>,
    // Whether what was left was dropped.
    dropped: bool,
}

impl Leaving {
    /// One look; says how soon there is something to do.
    pub(super) fn look(&mut self, shards: &[Arc<IoShard>]) -> Option<Duration> {
        let common = &shards[0].common;
        let mut end = common.end_of_tasks()?;
        if !std::mem::replace(&mut self.told, true) {
            all(shards).for_each(|task| task.wake_listeners());
        }
        let now = Instant::now();
        if common.segment.is_over() {
            // Callers are told already: a handler that does not listen has nothing to wait for.
            let since = *self.over.get_or_insert(now);
            end = end.min(since + LAST_GRACE);
            all(shards).for_each(|task| task.cancel(WhyCancelled::Draining));
        }
        if now >= end {
            self.drop_the_rest(common, shards);
            return None;
        }
        let left = end - now;
        if left > GRACE {
            return Some(left - GRACE);
        }
        // Those that begin to listen meanwhile, too.
        let listening = all(shards).filter(|task| task.listens() && task.why().is_none());
        listening.for_each(|task| task.cancel(WhyCancelled::Draining));
        Some(left)
    }

    fn drop_the_rest(&mut self, common: &Common, shards: &[Arc<IoShard>]) {
        // Before the look at all: one that is added after it finds this.
        common.pass_end();
        let left = common.in_flight();
        if left > 0 && !std::mem::replace(&mut self.dropped, true) {
            tracing::warn!(
                event = "io.dropped",
                "{left} async tasks have not ended in the time that they had since the worker was to leave, or its \
                 pool to stop: --io-drain ({:?}), at a stop no longer than --drain-timeout. They are dropped",
                common.options.drain
            );
        }
        all(shards).for_each(|task| task.cancel(WhyCancelled::Draining));
    }
}

/// The tasks in flight.
fn all(shards: &[Arc<IoShard>]) -> impl Iterator<Item = Arc<Shared>> {
    shards.iter().flat_map(|shard| shard.all())
}

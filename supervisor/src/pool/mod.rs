//! The pool's files and words: made at the start, ended and removed at the end.
//!
//! Invariant: a `Pool` that is dropped leaves no file, and any process that is still attached has
//! been told why it ended.

pub(crate) mod guard;
pub mod heartbeat;
pub(crate) mod limit_table;
pub(crate) mod refusing_lane;

use crate::config::{Memory, ServeConfig};
use crate::lifecycle::{self, Topic};
use ringwork_ring::format::bytes::Bytes;
use ringwork_ring::format::counted;
use ringwork_ring::format::layout::{ClientCounter, HEADER_SIZE};
use ringwork_ring::format::states::PoolState;
use ringwork_ring::format::words::{EntryWord, Kind};
use ringwork_ring::queue::wait::{wake_all_lanes, wake_client_after_publish};
use ringwork_ring::reaper::DeadOwners;
use ringwork_ring::segment::SupervisorLocks;
use ringwork_ring::segment::room;
use ringwork_ring::segment::tables;
use ringwork_ring::{Backing, Geometry, PoolConfig, PoolDir, RingError, Segment, segment};
use std::cell::Cell;

/// The supervisor's own segment.
#[derive(Debug)]
pub(crate) struct Pool {
    segment: Segment,
    // Whether the reason was given; the state in the segment may be a peer's doing.
    ended: Cell<bool>,
    // Held until the files are gone: no other supervisor can take the name before.
    locks: SupervisorLocks,
    /// The lock files of the entries.
    pub(crate) dead_owners: DeadOwners,
}

/// What goes wrong here is no reason not to start.
fn clear_litter(dir: &PoolDir) {
    let Some(base) = dir.path().parent() else {
        return;
    };
    for (name, how) in segment::clear_litter(base) {
        match how {
            Ok(()) => tracing::info!(
                event = "pool.cleaned",
                "removed what the dead pool {name} had left"
            ),
            Err(error) => tracing::warn!(
                event = "pool.not_cleaned",
                "can't remove what the dead pool {name} has left: {error}; `ringwork clean` tries \
                 again"
            ),
        }
    }
}

/// Says how far a pool of the default size is from taking [`PHOTOS`] pictures at a time.
fn tell_what_is_missing(geometry: &Geometry, backing: Backing, dir: &PoolDir) {
    let (requests, _) = geometry.requests_of(PHOTO);
    if requests >= PHOTOS {
        return;
    }
    let what = match backing {
        Backing::File => format!(
            "{} has too little free: enlarge it (container: --shm-size=512m, or emptyDir with medium \
             Memory and sizeLimit: 512Mi)",
            dir.path().display()
        ),
        Backing::Memfd => "the memory that is left, or the cgroup's limit, is too small".to_owned(),
    };
    tracing::info!(
        event = "segment.few_large",
        "the segment of {} takes {} of 8 MB at a time: {what}, or choose a size with \
         --segment-size",
        Bytes(geometry.segment_size),
        counted(requests, "request")
    );
}

/// A picture of 8 MB, in bytes, with its parameters; and how many of them a pool should take that
/// no person has sized.
pub const PHOTO: usize = (8 << 20) + 4096;
/// See [`PHOTO`].
pub const PHOTOS: u32 = 16;

/// Tasks of the living clients that are not over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Open {
    /// Queued or running.
    pub(crate) unfinished: u64,
    /// Ended, but their client has not read the result.
    pub(crate) uncollected: u64,
}

impl Pool {
    /// Makes the segment, in the kind of memory that was asked for, or that can be. Before that it
    /// clears away what dead pools have left without any use: their memory is free then.
    pub(crate) fn of(config: &ServeConfig, dir: &PoolDir) -> ringwork_ring::Result<Self> {
        clear_litter(dir);
        let of = |backing| {
            let chosen = config.pool();
            let options = room::default_segment(&chosen, backing, dir.path())?;
            let pool = Self::create(backing, dir, &options)?;
            if chosen.segment_size.is_none() && chosen.arena.is_none() {
                tell_what_is_missing(pool.segment().geometry(), backing, dir);
            }
            Ok(pool)
        };
        let instead = |why: &str| {
            tracing::warn!(
                event = "segment.is_file",
                "the segment is a file in {}, which its user can truncate, and no sealed memfd: {why}",
                dir.path().display()
            );
            of(Backing::File)
        };
        match config.segment.memory {
            Memory::File => of(Backing::File),
            Memory::Auto if !config.embedded => of(Backing::File),
            // The owner is in another PID namespace, where our id means another process, or none.
            Memory::Auto if rustix::process::getppid().is_none() => {
                instead("the parent process is in another PID namespace")
            }
            Memory::Auto => match of(Backing::Memfd) {
                Err(RingError::NoMemfd { why }) => instead(&why),
                other => other,
            },
            Memory::Memfd => of(Backing::Memfd),
        }
    }

    pub(crate) fn create(
        backing: Backing,
        dir: &PoolDir,
        config: &PoolConfig,
    ) -> ringwork_ring::Result<Self> {
        let (segment, locks) = Segment::create_in(backing, dir, config)?;
        for refused in segment.prepare() {
            tracing::warn!(event = "segment.pages_refused", "{refused}");
        }
        let dead_owners = DeadOwners::new(&segment)?;
        Ok(Self {
            segment,
            ended: Cell::new(false),
            locks,
            dead_owners,
        })
    }

    pub(crate) fn segment(&self) -> &Segment {
        &self.segment
    }

    /// What has become of the pool's files, if they are not there any more, or not its own.
    pub(crate) fn lost(&self) -> Option<String> {
        self.locks
            .lost(&self.segment)
            .or_else(|| self.dead_owners.lost(&self.segment))
    }

    /// The same, but of the files that prove deaths a tenth at each call.
    pub(crate) fn lost_in_turn(&self) -> Option<String> {
        self.locks
            .lost(&self.segment)
            .or_else(|| self.dead_owners.lost_in_turn(&self.segment))
    }

    /// Ends the pool for all processes: reason, state, and a wake for all sleepers.
    pub(crate) fn end(&self, state: PoolState, reason: &str) {
        let size = self.segment.file_size();
        if size < HEADER_SIZE as u64 {
            return; // Truncated: an access is a SIGBUS. The lock, given up soon, tells all.
        }
        let whole = size >= self.segment.geometry().segment_size;
        if !self.ended.replace(true) {
            self.segment.set_reason(reason);
            ringwork_ring::failpoint!("serve.reasoned");
            if whole {
                // Before the state: a subscriber that sees the end finds the last event there.
                let why = Some(("why", reason));
                lifecycle::publish(&self.segment, Topic::PoolClosed, &[], why);
            }
            self.segment.set_pool_state(state);
            ringwork_ring::failpoint!("serve.closed");
        }
        if !whole {
            return;
        }
        wake_all_lanes(&self.segment);
        for client in 0..self.segment.geometry().max_clients {
            wake_client_after_publish(&self.segment, client);
        }
    }

    /// What the living clients still wait for.
    pub(crate) fn open_tasks(&self) -> Open {
        let mut open = Open::default();
        let active = self.client_words().filter(|(_, word)| word.is_active());
        for (client, _) in active {
            let mut unfinished = 0;
            for slot in self.segment.geometry().slots_of(client) {
                let kind = self.segment.word(slot).kind();
                unfinished += u64::from(matches!(kind, Kind::Queued | Kind::Claimed));
            }
            // A client stores nothing where it takes a result: its counters tell, each task being
            // submitted once and ended once.
            let pending = self.segment.client(client).pending();
            open.unfinished += unfinished;
            open.uncollected += pending.saturating_sub(unfinished);
        }
        open
    }

    /// Whether any client entry is in use, also by the tasks of a dead one.
    pub(crate) fn has_clients(&self) -> bool {
        self.client_words().any(|(_, word)| !word.is_free())
    }

    fn client_words(&self) -> impl Iterator<Item = (u32, EntryWord)> {
        (0..self.segment.geometry().max_clients)
            .map(|client| (client, self.segment.client(client).word_acquire()))
    }

    /// A number that changes when tasks are submitted, for the pace of the tick.
    pub(crate) fn submitted(&self) -> u64 {
        (0..self.segment.geometry().max_clients)
            .map(|client| self.segment.client(client))
            .map(|client| client.counter(ClientCounter::Submitted).get())
            .fold(0, u64::wrapping_add)
    }

    /// Whether hints wait in any ring.
    pub(crate) fn has_backlog(&self) -> bool {
        ringwork_ring::reaper::has_backlog(&self.segment)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.end(PoolState::Failed, "its supervisor failed; see its log");
        let dir = self.segment.dir();
        let removed = if self.locks.hold_name(dir) {
            self.segment.remove()
        } else if dir.is_pool() {
            self.segment.remove_rest()
        } else {
            Ok(())
        };
        if let Err(error) = removed {
            tracing::warn!(
                event = "pool.files_left",
                "the pool's files could not be removed: {error}"
            );
        }
    }
}

/// The name of a handler that is known by its id.
#[must_use]
pub fn handler_name(segment: &Segment, id: u64) -> String {
    tables::handler_name(segment, id).unwrap_or_else(|| format!("an unknown handler ({id:#018x})"))
}

/// The handler that a lane runs now, by id.
#[must_use]
pub fn running_handler(segment: &Segment, lane: u32) -> Option<u64> {
    let (slot, _) = segment.running(lane)?;
    Some(segment.slot(slot).handler())
}

/// What the task that a lane runs now has reported: steps done and in all; none if it did not.
#[must_use]
pub fn running_progress(segment: &Segment, lane: u32) -> Option<(u32, u32)> {
    let (slot, _) = segment.running(lane)?;
    Some(segment.slot(slot).progress()).filter(|progress| *progress != (0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_that_is_dropped_in_a_panic_leaves_no_file_and_says_so() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let config = PoolConfig::default().segment_size(8 << 20);
        let pool = Pool::create(Backing::File, &dir, &config).unwrap();
        let client = Segment::attach(&dir).unwrap();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _pool = pool;
            panic!("a bug in the supervisor");
        }));
        assert!(panicked.is_err());
        assert!(!dir.path().exists());
        assert_eq!(client.pool_state(), Ok(PoolState::Failed));
        assert!(client.reason().contains("supervisor failed"));
    }

    #[test]
    fn the_first_reason_stays() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let pool = Pool::create(Backing::Memfd, &dir, &PoolConfig::default()).unwrap();
        let client = Segment::attach(&dir).unwrap();
        pool.end(PoolState::Closed, "asked to stop");
        drop(pool);
        assert_eq!(
            (client.pool_state(), client.reason().as_str()),
            (Ok(PoolState::Closed), "asked to stop")
        );
    }
}

//! What was read of the tasks of each handler ten seconds and a minute ago, so that a reader that comes
//! just now can tell what was done since then.
//!
//! The counts and histograms of the segment only grow. The supervisor reads them every five seconds, keeps
//! what it read for a minute (`Keeper`), and writes two of these looks to a file of the pool's
//! directory; a reader ([`History`]) subtracts them from what it reads itself. Nothing of that is in
//! shared memory. Invariant: a pool serves whatever becomes of the file, and a reader that finds none,
//! or one of another pool or version, shows what the segment alone says.

use crate::published;
use ringwork_ring::Segment;
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::segment::handler_totals::{CountedTasks, HandlerTotals, handler_totals};
use ringwork_ring::segment::running::running_task;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the supervisor looks.
const PERIOD: Duration = Duration::from_secs(5);
/// A look is for at least so long ago: the shorter of the two times, and the longer one.
const TEN_SECONDS: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);
/// Looks of a minute, one more since none is exactly so old, and the one at hand.
const KEPT: usize = (MINUTE.as_secs() / PERIOD.as_secs()) as usize + 2;
/// The file is no longer: 128 handlers that use each bucket of their histograms take 2 MiB.
const MAX_SIZE: u64 = 8 << 20;

/// What was read at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// CLOCK_MONOTONIC nanoseconds.
    pub at_ns: u64,
    /// What each handler had done by then.
    pub totals: Arc<Vec<HandlerTotals>>,
    /// For how long the tasks had run by then that lanes were at, nanoseconds by handler id: their
    /// time is in `totals` only when they have ended.
    pub running: BTreeMap<u64, u64>,
}

impl Look {
    /// Reads the segment.
    #[must_use]
    pub fn now(segment: &Segment) -> Self {
        let totals = Arc::new(handler_totals(segment));
        let at_ns = now_ns();
        let mut running = BTreeMap::new();
        for lane in 0..segment.geometry().max_lanes {
            if let Some(task) = running_task(segment, lane) {
                let ns = at_ns.saturating_sub(task.since_ns.unwrap_or(at_ns));
                *running.entry(task.handler).or_default() += ns;
            }
        }
        Self {
            at_ns,
            totals,
            running,
        }
    }

    /// For how long lanes have run tasks of a handler between an earlier look and this one, in
    /// nanoseconds; `ended` is what it did in that time.
    #[must_use]
    pub fn busy_ns_since(&self, before: &Self, handler: u64, ended: &HandlerTotals) -> u64 {
        let running = |look: &Self| look.running.get(&handler).copied().unwrap_or(0);
        // Of a task that has ended since, the time up to the earlier look is in `ended`, too.
        (ended.busy_ns() + running(self)).saturating_sub(running(before))
    }

    /// What was read before there was any task.
    fn at_start(segment: &Segment) -> Self {
        Self {
            totals: Arc::default(),
            running: BTreeMap::new(),
            at_ns: segment.header().created_ns(),
        }
    }
}

/// The looks of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    kept: VecDeque<Look>,
    looked: Option<Instant>,
    /// Whether a failure to write the file was logged.
    told: bool,
}

impl Keeper {
    /// Looks when it is time to.
    pub(crate) fn tick(&mut self, segment: &Segment) {
        if self.looked.is_some_and(|at| at.elapsed() < PERIOD) {
            return;
        }
        self.looked = Some(Instant::now());
        let published = self
            .look(segment)
            .text(segment)
            .map_err(io::Error::from)
            .and_then(|text| {
                let dir = segment.dir();
                published::replace(&dir.looks(), &dir.new_looks(), &text)
            });
        match published {
            Err(error) if !self.told => {
                self.told = true;
                tracing::warn!(
                    event = "pool.times_untold",
                    "`ringwork stat` can't tell the times of the last minute: {error}"
                );
            }
            _ => {}
        }
    }

    fn look(&mut self, segment: &Segment) -> &Self {
        if self.kept.is_empty() {
            self.kept.push_back(Look::at_start(segment));
        }
        let mut look = Look::now(segment);
        // A pool at rest keeps one copy.
        if let Some(last) = self.kept.back().filter(|last| last.totals == look.totals) {
            look.totals = Arc::clone(&last.totals);
        }
        self.kept.push_back(look);
        while self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        self
    }

    /// The latest look that is so old; in a younger pool its start.
    fn before(&self, age: Duration) -> Option<&Look> {
        let last = self.kept.back()?;
        let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        // A look comes a little late.
        let slack = 50_000_000;
        let old = |look: &&Look| last.at_ns.saturating_sub(look.at_ns) + slack >= age;
        self.kept.iter().rev().find(old).or(self.kept.front())
    }

    fn text(&self, segment: &Segment) -> serde_json::Result<Vec<u8>> {
        let looks = [TEN_SECONDS, MINUTE].map(|age| self.before(age));
        serde_json::to_vec(&Published {
            epoch: segment.epoch(),
            looks: looks.into_iter().flatten().map(WrittenLook::of).collect(),
        })
    }
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
struct Published {
    epoch: u64,
    looks: Vec<WrittenLook>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrittenLook {
    at_ns: u64,
    running: BTreeMap<u64, u64>,
    totals: Vec<WrittenTotals>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Whose {
    Handler(String),
    Unlisted,
    Rest,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrittenTotals {
    of: Whose,
    /// How many words there are.
    words: u32,
    /// Place and value of each that is not 0.
    set: Vec<(u32, u64)>,
}

/// No version has more words.
const MAX_WORDS: u32 = 4096;

impl WrittenLook {
    fn of(look: &Look) -> Self {
        let totals = look.totals.iter().map(|totals| {
            let of = match &totals.tasks {
                CountedTasks::Of(name) => Whose::Handler(name.clone()),
                CountedTasks::Unlisted => Whose::Unlisted,
                CountedTasks::Rest => Whose::Rest,
            };
            let words = (0..).zip(totals.words());
            WrittenTotals {
                of,
                words: u32::try_from(totals.words().count()).unwrap_or(u32::MAX),
                set: words.filter(|(_, word)| *word > 0).collect(),
            }
        });
        Self {
            at_ns: look.at_ns,
            running: look.running.clone(),
            totals: totals.collect(),
        }
    }

    fn read(self) -> Option<Look> {
        let totals = self.totals.into_iter().map(|written| {
            let tasks = match written.of {
                Whose::Handler(name) => CountedTasks::Of(name),
                Whose::Unlisted => CountedTasks::Unlisted,
                Whose::Rest => CountedTasks::Rest,
            };
            let mut words = vec![0; written.words.min(MAX_WORDS) as usize];
            for (place, word) in written.set {
                *words.get_mut(place as usize)? = word;
            }
            HandlerTotals::of_words(tasks, words)
        });
        Some(Look {
            at_ns: self.at_ns,
            running: self.running,
            totals: Arc::new(totals.collect::<Option<_>>()?),
        })
    }
}

/// What a pool had done a while ago.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// 10 to 15 seconds ago; the start of a pool that is younger.
    pub ten_seconds: Option<Look>,
    /// 60 to 65 seconds ago; the start of a pool that is younger.
    pub minute: Option<Look>,
}

/// Reads what a supervisor has published, again when it has published something else.
#[derive(Debug, Default)]
pub struct History {
    /// Which file was read last.
    seen: Option<(u64, i64, i64)>,
    past: Past,
}

impl History {
    /// What there is now; nothing for a pool that has published nothing, and for one whose file says
    /// what this version does not know.
    pub fn past(&mut self, segment: &Segment) -> &Past {
        let file = published::open(&segment.dir().looks());
        let stamp = file.as_ref().ok().and_then(|file| {
            let meta: fs::Metadata = file.metadata().ok()?;
            Some((meta.ino(), meta.mtime(), meta.mtime_nsec()))
        });
        if stamp != self.seen || stamp.is_none() {
            self.seen = stamp;
            self.past = file
                .and_then(|file| published::read(file, MAX_SIZE))
                .ok()
                .and_then(|text| serde_json::from_slice::<Published>(&text).ok())
                .filter(|published| published.epoch == segment.epoch())
                .map(|published| {
                    let mut looks = published.looks.into_iter().map(WrittenLook::read);
                    Past {
                        ten_seconds: looks.next().flatten(),
                        minute: looks.next().flatten(),
                    }
                })
                .unwrap_or_default();
        }
        &self.past
    }

    /// Reads it once.
    #[must_use]
    pub fn of(segment: &Segment) -> Past {
        Self::default().past(segment).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwork_ring::format::layout::HandlerCounter;
    use ringwork_ring::{PoolConfig, PoolDir};

    const S: u64 = 1_000_000_000;

    fn look(at_s: u64, completed: u64) -> Look {
        let tasks = CountedTasks::Of("echo".into());
        let mut words: Vec<u64> = HandlerTotals::new(tasks.clone()).words().collect();
        let mut all = HandlerCounter::ALL.iter();
        let at = all
            .position(|one| *one == HandlerCounter::Completed)
            .unwrap();
        words[at] = completed;
        Look {
            at_ns: at_s * S,
            running: [(7, at_s * S)].into(),
            totals: Arc::new(vec![HandlerTotals::of_words(tasks, words).unwrap()]),
        }
    }

    #[test]
    fn a_task_is_busy_while_it_runs_and_is_not_counted_twice_when_it_has_ended() {
        let at = |ran_s: u64| Look {
            running: [(7, ran_s * S)].into(),
            ..look(0, 0)
        };
        let none = HandlerTotals::new(CountedTasks::Of("echo".into()));
        let mut words: Vec<u64> = none.words().collect();
        for (counter, word) in HandlerCounter::ALL.iter().zip(&mut words) {
            *word = match counter {
                HandlerCounter::Completed | HandlerCounter::Sampled => 1,
                HandlerCounter::SampledNs => 5 * S,
                _ => 0,
            };
        }
        let ended = HandlerTotals::of_words(none.tasks.clone(), words).unwrap();
        // It begins, goes on, and ends after 5 s, a second after the last look.
        assert_eq!(at(1).busy_ns_since(&at(0), 7, &none), S);
        assert_eq!(at(4).busy_ns_since(&at(1), 7, &none), 3 * S);
        assert_eq!(at(0).busy_ns_since(&at(4), 7, &ended), S);
        assert_eq!(at(4).busy_ns_since(&at(1), 8, &none), 0);
    }

    #[test]
    fn looks_of_ten_seconds_and_a_minute_are_kept() {
        let mut keeper = Keeper::default();
        let ages = |keeper: &Keeper| {
            let last = keeper.kept.back().unwrap().at_ns;
            [TEN_SECONDS, MINUTE].map(|age| (last - keeper.before(age).unwrap().at_ns) / S)
        };
        for at in 0..40 {
            keeper.kept.push_back(look(100 + 5 * at, at));
            if keeper.kept.len() > KEPT {
                keeper.kept.pop_front();
            }
            let young = 5 * at;
            assert_eq!(ages(&keeper), [young.min(10), young.min(60)], "{at}");
        }
        // One that comes late is for the longer time.
        keeper.kept.push_back(look(100 + 5 * 40 + 3, 41));
        assert_eq!(ages(&keeper), [13, 63]);
    }

    #[test]
    fn what_is_published_is_read_and_what_is_of_another_pool_is_not() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let (segment, _locks) = Segment::create(&dir, &PoolConfig::default()).unwrap();
        assert_eq!(History::of(&segment), Past::default());
        let mut keeper = Keeper::default();
        keeper.tick(&segment);
        let mut history = History::default();
        let start = history.past(&segment).clone();
        let first = start.ten_seconds.unwrap();
        assert_eq!(first.at_ns, segment.header().created_ns());
        assert!(first.totals.is_empty() && start.minute == Some(first));
        keeper.kept = [look(0, 3), look(30, 5), look(60, 9)].into();
        let write = |epoch| {
            let mut all: Published =
                serde_json::from_slice(&keeper.text(&segment).unwrap()).unwrap();
            all.epoch = epoch;
            let text = serde_json::to_vec(&all).unwrap();
            published::replace(&dir.looks(), &dir.new_looks(), &text).unwrap();
        };
        write(segment.epoch());
        let past = history.past(&segment).clone();
        assert_eq!(
            (past.ten_seconds, past.minute),
            (Some(look(30, 5)), Some(look(0, 3)))
        );
        write(segment.epoch() ^ 1);
        assert_eq!(*history.past(&segment), Past::default());
        for broken in ["", "{}", "{\"epoch\":1,\"looks\":7}"] {
            fs::write(dir.looks(), broken).unwrap();
            assert_eq!(*history.past(&segment), Past::default(), "{broken}");
        }
        // One that names words that there are not is of another version.
        let beyond = WrittenTotals {
            of: Whose::Rest,
            words: 2,
            set: vec![(7, 1)],
        };
        let look = WrittenLook {
            at_ns: 1,
            running: BTreeMap::new(),
            totals: vec![beyond],
        };
        assert_eq!(look.read(), None);
    }
}

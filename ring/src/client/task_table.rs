//! The tasks of a client that any thread submits, ends and takes in, without a lock around them.
//!
//! Used by crate `ringwork`, whose futures name their tasks by a [`TaskKey`]. Each slot has one
//! atomic word here, private to the process: `generation(40) | flags(8) | phase(8)`. Every
//! transition is a compare-and-swap of it, so a key that comes late, or twice, does nothing.
//!
//! | phase | the slot is | its next step is made by |
//! | --- | --- | --- |
//! | FREE | on the free list; the generation is that of its last task | the thread that takes it |
//! | FILLING | in the hands of a submitter | that thread |
//! | PENDING | published, and its result is wanted | the thread that sees its end, or gives it up |
//! | ABANDONED, GIVEN_UP | published, and no result is wanted; the latter is counted already | the thread that sees its end |
//! | ENDED | over, for its owner to take | the owner; the poller may put the result aside |
//! | TAKING | in the hands of a thread that reads its result | that thread |
//! | KEPT | over; the result was put aside | the owner |
//! | LEASED | over; its owner reads the result in place | the owner |
//! | LOST | damaged, and never used again | none |
//!
//! Invariant: payloads of a slot are touched only in FILLING and TAKING, which one thread enters by
//! a compare-and-swap, or by the free list.

pub mod batch;
pub mod in_place;

use crate::client::attachment::{Attachment, Counting, SUPERVISOR_DIED, TakenBack, closed};
use crate::client::backlog::Backlog;
use crate::client::free_list::FreeList;
use crate::client::helping::Helping;
use crate::client::key_chains::{KeyChains, Keyed};
use crate::client::outcome::{Outcome, TaskOptions};
use crate::error::{Result, RingError};
use crate::format::layout::{ClientCounter, GENERATION_MASK, id_of};
use crate::format::states::{Codec, LaneKind};
use crate::format::words::{Kind, Published, Publisher, Word, after};
use crate::os::clock::now_ns;
use crate::os::sync::{AtomicU64, Ordering};
use crate::queue::wait::wake_after_publish;
use crate::segment::Segment;
use crate::segment::paths::PoolDir;
use crate::segment::slices::Slices;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// A task of a [`TaskTable`]: the number of its slot in the client's entry, and its generation
/// there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskKey {
    local: u32,
    generation: u64,
}

impl TaskKey {
    /// The number of its slot, from 0 to [`TaskTable::slots`].
    #[must_use]
    pub fn slot(self) -> usize {
        self.local as usize
    }
}

/// What a submit came to.
#[derive(Debug, Clone, Copy)]
pub struct Submitted {
    /// The task.
    pub key: TaskKey,
    /// Its deadline in CLOCK_MONOTONIC nanoseconds.
    pub deadline_ns: Option<u64>,
    /// The lanes that it is for.
    pub(crate) kind: LaneKind,
}

/// How a task ended, with its chunk if it was one.
#[derive(Debug)]
pub struct Ended {
    /// The task's end.
    pub outcome: Outcome,
    /// A copy of the block of a task in [`Codec::Chunk`], which holds the results of its requests.
    pub chunk: Option<Vec<u8>>,
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            chunk: None,
        }
    }
}

/// Why a task is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUp {
    /// Its caller has cancelled it.
    Cancelled,
    /// Its deadline has passed.
    TimedOut,
}

const FREE: u64 = 0;
const FILLING: u64 = 1;
/// As PENDING, for the thread that publishes it: a look at the slot may find it unpublished yet.
const PUBLISHING: u64 = 2;
const PENDING: u64 = 3;
const ABANDONED: u64 = 4;
const GIVEN_UP: u64 = 5;
const ENDED: u64 = 6;
const TAKING: u64 = 7;
/// As TAKING, by the poller; the owner has dropped the task meanwhile.
const DISCARDED: u64 = 8;
const KEPT: u64 = 9;
const LOST: u64 = 10;
/// Never used by this client: the generation is unknown.
const UNTRIED: u64 = 11;
/// Over; its owner reads the result in place.
const LEASED: u64 = 12;

const PHASE: u64 = 0xff;
const FLAGS: u64 = 0xff00;
const GENERATION_SHIFT: u32 = 16;

/// The task was let in since it seemed to be in time behind what is queued.
const WEIGHED: u64 = 1 << 8;
/// The task counts towards `max_in_flight` of its handler.
const COUNTED: u64 = 1 << 9;
/// Damaged: the slot is lost when its outcome is taken.
const BROKEN: u64 = 1 << 10;
/// The result is read in place, so it is not put aside.
const IN_PLACE: u64 = 1 << 11;
/// The task has a key.
const KEYED: u64 = 1 << 12;

/// The word of a slot, and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SlotWord(u64);

impl SlotWord {
    fn new(generation: u64, phase: u64) -> Self {
        Self(generation << GENERATION_SHIFT | phase)
    }

    fn generation(self) -> u64 {
        self.0 >> GENERATION_SHIFT & GENERATION_MASK
    }

    fn phase(self) -> u64 {
        self.0 & PHASE
    }

    fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }

    /// The same task in another phase.
    fn to(self, phase: u64) -> Self {
        Self(self.0 & !PHASE | phase)
    }
}

/// A slot whose task is being made.
#[derive(Debug)]
struct Filling {
    local: u32,
    before: SlotWord,
    word: SlotWord,
    key: Option<Keyed>,
}

/// A task that is filled in, and published by its word.
#[derive(Debug)]
struct Filled {
    local: u32,
    word: SlotWord,
    published: Published,
    deadline_ns: Option<u64>,
    key: Option<Keyed>,
    // Its hint is written, or the task before it leads to one.
    hinted: bool,
}

impl Filled {
    fn key(&self) -> TaskKey {
        TaskKey {
            local: self.local,
            generation: self.word.generation(),
        }
    }
}

/// How many tasks count towards `max_in_flight`, by the handler's id, and for which each slot does.
#[derive(Debug, Default)]
struct InFlight {
    tasks: HashMap<u64, u32>,
    handlers: HashMap<u32, u64>,
}

/// A task that has ended, in the hands of one thread.
enum Taking {
    /// In TAKING; how it ended.
    Ended(SlotWord, Word),
    /// It was put aside; the slot is free.
    Kept(Ended),
}

type OnEnd = Box<dyn Fn(usize) -> bool + Send + Sync>;

/// The tasks of one client entry, for any number of threads.
pub struct TaskTable {
    at: Attachment,
    words: Box<[AtomicU64]>,
    free: FreeList,
    helping: Helping,
    submitted: AtomicU64,
    /// Which slots the next look without a hint takes in.
    slices: Mutex<Slices>,
    backlog: Mutex<Backlog>,
    in_flight: Mutex<InFlight>,
    keys: Mutex<KeyChains>,
    /// Results that were put aside, by their slots.
    kept: Mutex<HashMap<u32, Ended>>,
    /// Why the pool has ended, once that was seen.
    over: OnceLock<RingError>,
    on_end: OnEnd,
}

impl fmt::Debug for TaskTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTable")
            .field("pool", &self.at.segment.dir().name())
            .field("in_use", &self.in_use())
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves what it guards consistent: each change is one call of a map.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TaskTable {
    /// Attaches to a pool and takes a client entry, by this name (up to 64 bytes of it, up to a NUL),
    /// or else the program's.
    ///
    /// `on_end` makes what it needs for so many slots and returns what is called when the task of a
    /// slot has ended: it wakes the task's owner, and says whether that waits. It is called by any
    /// thread, must not block, and may be called once too often.
    ///
    /// # Errors
    /// When there is no such pool, it serves no more, or all its entries are taken.
    pub fn connect<F>(
        dir: &PoolDir,
        name: Option<&str>,
        on_end: impl FnOnce(usize) -> F,
    ) -> Result<Self>
    where
        F: Fn(usize) -> bool + Send + Sync + 'static,
    {
        Attachment::connect(dir, name).map(|at| Self::attached(at, on_end))
    }

    /// As [`Self::connect`], of an attached segment.
    #[cfg(ringwork_model)]
    pub(crate) fn register<F>(segment: Segment, on_end: impl FnOnce(usize) -> F) -> Result<Self>
    where
        F: Fn(usize) -> bool + Send + Sync + 'static,
    {
        Attachment::register(segment, None).map(|at| Self::attached(at, on_end))
    }

    fn attached<F>(at: Attachment, on_end: impl FnOnce(usize) -> F) -> Self
    where
        F: Fn(usize) -> bool + Send + Sync + 'static,
    {
        let slots = at.slots;
        let untried = || AtomicU64::new(SlotWord::new(0, UNTRIED).0);
        Self {
            words: (0..slots).map(|_| untried()).collect(),
            free: FreeList::new(slots),
            helping: Helping::default(),
            submitted: AtomicU64::new(0),
            slices: Mutex::new(Slices::of_a_client()),
            backlog: Mutex::default(),
            in_flight: Mutex::default(),
            keys: Mutex::default(),
            kept: Mutex::default(),
            over: OnceLock::new(),
            on_end: Box::new(on_end(slots as usize)),
            at,
        }
    }

    /// The words of its own, for the models.
    #[cfg(ringwork_model)]
    pub(crate) fn model_words(&self) -> Vec<crate::model::Place> {
        let words = self.words.iter().map(AtomicU64::place);
        words
            .chain(self.free.words())
            .chain(self.helping.words())
            .collect()
    }

    /// The index of this client's entry.
    #[must_use]
    pub fn client(&self) -> u32 {
        self.at.index
    }

    /// This client as a publisher of events.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.at.publisher()
    }

    /// The segment.
    #[must_use]
    pub fn segment(&self) -> &Segment {
        &self.at.segment
    }

    /// How many slots the client has: the most tasks that it has at a time.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.words.len()
    }

    /// How many slots are taken: by tasks in the pool, and by results that were not taken yet.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.free.in_use() as usize
    }

    /// Whether a task of this priority finds a slot now.
    #[must_use]
    pub fn has_room(&self, priority: u8) -> bool {
        self.slots() - self.in_use() > self.kept_from(priority) as usize
    }

    /// How many slots are left to tasks of priority 0: a sixteenth.
    fn kept_from(&self, priority: u8) -> u32 {
        if priority == 0 { 0 } else { self.at.slots / 16 }
    }

    /// Why the pool has ended, once that was seen by [`Self::look_at_pool`].
    #[must_use]
    pub fn over(&self) -> Option<&RingError> {
        self.over.get()
    }

    fn word(&self, local: u32) -> &AtomicU64 {
        &self.words[local as usize]
    }

    /// The word of a key's slot, if the slot is still that task's.
    fn of(&self, key: TaskKey) -> Option<SlotWord> {
        // pairs with the release of each change.
        let word = SlotWord(self.word(key.local).load(Ordering::Acquire));
        (word.generation() == key.generation && word.phase() != FREE).then_some(word)
    }

    /// Changes a slot's word; `false` when it is another by now.
    fn step(&self, local: u32, from: SlotWord, to: SlotWord) -> bool {
        self.word(local)
            .compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    fn slot(&self, local: u32) -> u32 {
        self.at.first_slot + local
    }

    fn count(&self, counter: ClientCounter) {
        self.at.count(counter, Counting::Shared);
    }

    /// Submits a task; returns at once.
    ///
    /// # Errors
    /// When it is rejected: no slot, block or place in the queue is free, its deadline is out of
    /// reach, too many of its handler are in flight, or the pool takes no tasks. Nothing was sent
    /// then.
    pub fn submit(
        &self,
        handler: &str,
        request: &[u8],
        options: &TaskOptions,
    ) -> Result<Submitted> {
        let task = (handler, id_of(handler));
        let sent = self
            .admit(task, options)
            .and_then(|flags| Ok((self.pop(options.priority)?, flags)));
        let (local, flags) = sent.inspect_err(|error| self.refuse(error, task.1))?;
        self.send(local, (task, request), options, flags)
    }

    /// Submits the task of a slot that was taken off the list.
    fn send(
        &self,
        local: u32,
        task: ((&str, u64), &[u8]),
        options: &TaskOptions,
        flags: u64,
    ) -> Result<Submitted> {
        let submitted = self
            .fill(local, task, options, flags)
            .and_then(|filled| self.publish(filled))
            .and_then(|filled| self.hint(filled));
        self.tell(&submitted, task.0.1);
        submitted
    }

    fn tell(&self, submitted: &Result<Submitted>, handler: u64) {
        match submitted {
            Ok(submitted) => self.announce(submitted.kind),
            Err(error) => self.refuse(error, handler),
        }
    }

    /// After what was published and hinted: wakes a lane, and has lanes wake the poller.
    fn announce(&self, kind: LaneKind) {
        // After the hint, since it may be a system call.
        wake_after_publish(&self.at.segment, kind);
        self.helping.submitted(&self.at);
    }

    /// Counts a task for this handler that was not submitted.
    fn refuse(&self, error: &RingError, handler: u64) {
        self.at.count_rejected(error, handler, Counting::Shared);
    }

    fn check_open(&self) -> Result<()> {
        if self.over.get().is_some() {
            return Err(closed(&self.at.segment, SUPERVISOR_DIED));
        }
        self.at.check_open()
    }

    /// Whether a task may be submitted now; the flag of one that was let in since it seemed to be
    /// in time.
    fn admit(&self, (handler, id): (&str, u64), options: &TaskOptions) -> Result<u64> {
        self.check_open()?;
        let weighed = self.check_deadline(handler, id, options)?;
        Ok(if weighed { WEIGHED } else { 0 })
    }

    /// Takes a slot off the list.
    fn pop(&self, priority: u8) -> Result<u32> {
        let kept = self.kept_from(priority);
        let slots = self.at.slots;
        (self.free.pop(kept)).ok_or(RingError::SlotsTaken { slots, kept })
    }

    /// Begins with the task of a slot that was taken off the list; an error gives the slot back.
    fn begin(
        &self,
        local: u32,
        (handler, id): (&str, u64),
        options: &TaskOptions,
        flags: u64,
    ) -> Result<Filling> {
        let checked = self.at.check(options);
        let key = checked.and_then(|()| Keyed::of(options, &self.at));
        let key = key.inspect_err(|_| self.free.push(local))?;
        let keyed = if key.is_some() { KEYED } else { 0 };
        let counted = self.check_in_flight(local, handler, id, options);
        let counted = counted.inspect_err(|_| self.free.push(local))?;
        // Relaxed: the list's acquire orders it, and the slot is in this thread's hands.
        let mut before = SlotWord(self.word(local).load(Ordering::Relaxed));
        if before.phase() == UNTRIED {
            let found = self.at.generation_at_rest(self.slot(local));
            let found = found.inspect_err(|_| {
                self.uncount(local, counted);
                self.set(local, SlotWord::new(0, LOST));
            })?;
            before = SlotWord::new(found, FREE);
        }
        let generation = after(before.generation());
        let word = SlotWord(SlotWord::new(generation, FILLING).0 | flags | counted | keyed);
        self.set(local, word);
        Ok(Filling {
            local,
            before,
            word,
            key,
        })
    }

    /// Gives a slot back whose task was not published.
    fn give_back(&self, filling: &Filling) {
        self.uncount(filling.local, filling.word.0 & FLAGS);
        self.set(filling.local, filling.before);
        self.free.push(filling.local);
    }

    /// Fills in the task of a slot that was taken off the list; an error gives the slot back.
    fn fill(
        &self,
        local: u32,
        (task, request): ((&str, u64), &[u8]),
        options: &TaskOptions,
        flags: u64,
    ) -> Result<Filled> {
        let filling = self.begin(local, task, options, flags)?;
        let (slot, generation) = (self.slot(local), filling.word.generation());
        let numbered = self.at.numbered(slot);
        let filled = (self.at).fill(
            numbered,
            generation,
            (task.1, request),
            options,
            self.samples(),
        );
        match filled {
            Ok((published, deadline_ns)) => Ok(Filled {
                local,
                word: filling.word,
                published,
                deadline_ns,
                key: filling.key,
                hinted: false,
            }),
            Err(error) => {
                self.give_back(&filling);
                Err(error)
            }
        }
    }

    /// Whether the next task is timed: the first ones are, and then one in eight.
    fn samples(&self) -> bool {
        let nth = self.submitted.fetch_add(1, Ordering::Relaxed);
        nth < 1024 || nth.is_multiple_of(8)
    }

    /// Publishes a task; its hint follows, unless it has a key.
    fn publish(&self, filled: Filled) -> Result<Filled> {
        if filled.key.is_some() {
            return self.publish_keyed(filled);
        }
        // Before the task is published: its end may be announced at once.
        self.set(filled.local, filled.word.to(PUBLISHING));
        let (_, fields) = self.at.numbered(self.slot(filled.local));
        self.at.publish(fields, filled.published);
        Ok(filled)
    }

    /// Publishes a task that has a key, and writes its hint if it is its turn.
    #[cold]
    fn publish_keyed(&self, mut filled: Filled) -> Result<Filled> {
        let Some(key) = filled.key else {
            unreachable!("its caller has looked");
        };
        let local = filled.local;
        let (slot, fields) = self.at.numbered(self.slot(local));
        let task = (slot, filled.word.generation());
        filled.published = filled.published.with_key();
        let mut chains = lock(&self.keys);
        let hints = chains.publish(&self.at, task, key, || {
            self.set(local, filled.word.to(PUBLISHING));
            self.at.publish(fields, filled.published);
        });
        // Under the lock: a task that is taken back has none behind it.
        if hints && !self.at.hint((slot, fields), filled.published) {
            chains.forget(slot);
            drop(chains);
            self.release(local, filled.word);
            return Err(RingError::QueueFull);
        }
        filled.hinted = true;
        Ok(filled)
    }

    /// Puts a task's hint into its ring.
    fn hint(&self, filled: Filled) -> Result<Submitted> {
        let Filled { local, word, .. } = filled;
        let numbered = self.at.numbered(self.slot(local));
        if !filled.hinted && !self.at.hint(numbered, filled.published) {
            self.release(local, word);
            return Err(RingError::QueueFull);
        }
        // In vain if it has ended.
        self.step(local, word.to(PUBLISHING), word.to(PENDING));
        self.count(ClientCounter::Submitted);
        Ok(Submitted {
            key: filled.key(),
            deadline_ns: filled.deadline_ns,
            kind: filled.published.lane_kind(),
        })
    }

    /// Writes the word of a slot that is in this thread's hands.
    fn set(&self, local: u32, word: SlotWord) {
        // pairs with the acquire of `of`, or of the free list.
        self.word(local).store(word.0, Ordering::Release);
    }

    /// Refuses a task that would wait beyond its deadline. Returns whether it was let in since it
    /// seemed to be in time behind what is queued.
    fn check_deadline(&self, handler: &str, id: u64, options: &TaskOptions) -> Result<bool> {
        let Some(left) = options.timeout.filter(|_| !options.admit_late) else {
            return Ok(false);
        };
        let mut backlog = lock(&self.backlog);
        (self.at).weigh(&mut backlog, (handler, id), options, left)
    }

    /// Refuses a task of a handler that has as many in flight as it may; the flag of a slot that
    /// counts.
    fn check_in_flight(
        &self,
        local: u32,
        handler: &str,
        id: u64,
        options: &TaskOptions,
    ) -> Result<u64> {
        let Some(max) = options.max_in_flight else {
            return Ok(0);
        };
        let mut in_flight = lock(&self.in_flight);
        let now = in_flight.tasks.entry(id).or_default();
        if *now >= max {
            return Err(RingError::TooManyInFlight {
                handler: handler.to_owned(),
                max,
            });
        }
        *now += 1;
        in_flight.handlers.insert(local, id);
        Ok(COUNTED)
    }

    fn uncount(&self, local: u32, flags: u64) {
        if flags & COUNTED == 0 {
            return;
        }
        let mut in_flight = lock(&self.in_flight);
        if let Some(id) = in_flight.handlers.remove(&local)
            && let Some(now) = in_flight.tasks.get_mut(&id)
        {
            *now -= 1;
            if *now == 0 {
                in_flight.tasks.remove(&id);
            }
        }
    }

    /// How the task of a slot ended, if it has.
    fn end_of(&self, local: u32, generation: u64) -> Option<Word> {
        self.at.end_of(self.slot(local), generation)
    }

    /// Reads the result of a task that this thread has brought into TAKING, and frees its blocks.
    fn read(&self, local: u32, word: SlotWord, end: Word, counted: bool) -> Ended {
        let slot = self.slot(local);
        let published = self.at.segment.slot(slot).published();
        let chunk = (published.codec() == Ok(Codec::Chunk))
            .then(|| self.at.copy_request(slot, end))
            .flatten();
        if let Some((handler, ran)) = self.at.run_time(slot, end) {
            lock(&self.backlog).run_times.ran(handler, ran);
        }
        let outcome = self.at.outcome(slot, end, counted, Counting::Shared);
        if !counted {
            match outcome {
                Outcome::Completed { .. } => self.judge(local, word, true),
                Outcome::TimedOut { .. } => self.judge(local, word, false),
                _ => {}
            }
        }
        Ended { outcome, chunk }
    }

    /// Takes in whether a task came in time, if it was let in since it seemed to.
    fn judge(&self, local: u32, word: SlotWord, in_time: bool) {
        if word.has(WEIGHED) {
            let handler = self.at.segment.slot(self.slot(local)).handler();
            let mut backlog = lock(&self.backlog);
            backlog.run_times.ended(handler, in_time, now_ns());
        }
    }

    /// The slot of a task that is over has no owner any more.
    fn release(&self, local: u32, word: SlotWord) {
        if word.has(KEYED) {
            lock(&self.keys).ended(&self.at, self.slot(local));
        }
        self.uncount(local, word.0 & FLAGS);
        if word.has(BROKEN) {
            self.set(local, SlotWord::new(word.generation(), LOST));
        } else {
            self.set(local, SlotWord::new(word.generation(), FREE));
            self.free.push(local);
        }
    }

    /// Whether a task has not ended as far as this client has seen.
    #[must_use]
    pub fn is_pending(&self, key: TaskKey) -> bool {
        self.of(key)
            .is_some_and(|word| matches!(word.phase(), PUBLISHING | PENDING | TAKING))
    }

    /// How a task ended, once: its slot is free then. `None` while it has not, and when it was
    /// taken.
    #[must_use]
    pub fn take(&self, key: TaskKey) -> Option<Ended> {
        match self.begin_taking(key)? {
            Taking::Ended(word, end) => {
                let ended = self.read(key.local, word, end, false);
                self.release(key.local, word);
                Some(ended)
            }
            Taking::Kept(ended) => Some(ended),
        }
    }

    /// Brings a task that has ended into the hands of this thread.
    fn begin_taking(&self, key: TaskKey) -> Option<Taking> {
        let local = key.local;
        loop {
            let word = self.of(key)?;
            let taking = word.to(TAKING);
            match word.phase() {
                PUBLISHING | PENDING | ENDED => {
                    let end = self.end_of(local, key.generation)?;
                    if self.step(local, word, taking) {
                        return Some(Taking::Ended(taking, end));
                    }
                }
                KEPT => {
                    if self.step(local, word, taking) {
                        let ended = lock(&self.kept).remove(&local);
                        self.release(local, taking);
                        return ended.map(Taking::Kept);
                    }
                }
                _ => return None,
            }
        }
    }

    /// Ends the wait for a task: takes it out of the queue, or tells its handler to stop. `None`
    /// when it had ended already, and may be taken.
    #[must_use]
    pub fn give_up(&self, key: TaskKey, why: GiveUp) -> Option<Outcome> {
        let local = key.local;
        let slot = self.slot(local);
        let word = loop {
            let word = self.of(key)?;
            if !matches!(word.phase(), PUBLISHING | PENDING)
                || self.end_of(local, key.generation).is_some()
            {
                return None;
            }
            if self.step(local, word, word.to(GIVEN_UP)) {
                break word.to(GIVEN_UP);
            }
        };
        let outcome = |may_have_run| match why {
            GiveUp::Cancelled => Outcome::Cancelled { may_have_run },
            GiveUp::TimedOut => Outcome::TimedOut { may_have_run },
        };
        let counter = match why {
            GiveUp::Cancelled => ClientCounter::Cancelled,
            GiveUp::TimedOut => ClientCounter::TimedOut,
        };
        if why == GiveUp::TimedOut {
            self.judge(local, word, false);
        }
        let taken_back = (self.at).take_back(slot, key.generation, counter, Counting::Shared);
        let may_have_run = match taken_back {
            TakenBack::Free { may_have_run } => {
                self.release(local, word);
                may_have_run
            }
            TakenBack::Asked { may_have_run } => {
                self.settle(local);
                may_have_run
            }
        };
        Some(outcome(may_have_run))
    }

    /// The task runs on, and its result is dropped.
    pub fn abandon(&self, key: TaskKey) {
        let local = key.local;
        while let Some(word) = self.of(key) {
            let next = match word.phase() {
                PUBLISHING | PENDING => word.to(ABANDONED),
                TAKING => word.to(DISCARDED),
                ENDED | KEPT => {
                    drop(self.take(key));
                    continue;
                }
                _ => return,
            };
            if self.step(local, word, next) {
                return;
            }
        }
    }

    /// The pool has ended, and so has the wait for this task. What it has left is found first.
    #[must_use]
    pub fn close(&self, key: TaskKey) -> Option<Ended> {
        if let Some(ended) = self.take(key) {
            return Some(ended);
        }
        let over = self.over.get()?;
        let word = self.of(key)?;
        let pending = matches!(word.phase(), PUBLISHING | PENDING | TAKING);
        if !pending || !self.step(key.local, word, word.to(LOST)) {
            return None;
        }
        self.uncount(key.local, word.0 & FLAGS);
        let reason = over.to_string();
        Some(Outcome::Closed { reason }.into())
    }

    /// Takes in what lanes have announced: wakes the owners of what has ended, and frees the slots
    /// that have none.
    pub fn collect(&self) {
        self.at.take_announced(|local| self.settle(local));
    }

    /// Takes in the end of a slot's task, if it has ended. A hint may be stale.
    fn settle(&self, local: u32) {
        let Some(cell) = self.words.get(local as usize) else {
            return;
        };
        loop {
            // pairs with the release of `set` and of each step.
            let word = SlotWord(cell.load(Ordering::Acquire));
            let wanted = match word.phase() {
                PUBLISHING | PENDING => true,
                ABANDONED | GIVEN_UP => false,
                _ => return,
            };
            let Some(end) = self.end_of(local, word.generation()) else {
                return;
            };
            if wanted && self.step(local, word, word.to(ENDED)) {
                if !(self.on_end)(local as usize) {
                    self.keep(local, word.to(ENDED), end);
                }
                return;
            }
            if !wanted && self.step(local, word, word.to(TAKING)) {
                drop(self.read(local, word, end, word.phase() == GIVEN_UP));
                self.release(local, word.to(TAKING));
                return;
            }
        }
    }

    /// Puts a result aside that has a block, and whose owner does not wait: blocks are for all
    /// clients.
    fn keep(&self, local: u32, word: SlotWord, end: Word) {
        let fields = self.at.segment.slot(self.slot(local));
        let inline = fields.request().reference() == 0
            && (end.kind() == Kind::Crashed || fields.result().reference() == 0);
        if inline || word.has(IN_PLACE) || !self.step(local, word, word.to(TAKING)) {
            return;
        }
        let ended = self.read(local, word, end, false);
        self.put_aside(local, word, ended);
    }

    /// Keeps an end for the owner of a slot that this thread has in TAKING.
    fn put_aside(&self, local: u32, word: SlotWord, ended: Ended) {
        lock(&self.kept).insert(local, ended);
        if self.step(local, word.to(TAKING), word.to(KEPT)) {
            // The owner may have come meanwhile, and not found it.
            (self.on_end)(local as usize);
        } else {
            lock(&self.kept).remove(&local);
            self.release(local, word);
        }
    }

    /// Looks at a part of the slots, and whether the pool still lives; the caller does so each 50
    /// ms or so. Takes in what has ended without a hint, and ends the tasks whose slots are no
    /// longer theirs. When the pool has ended, the owners of all pending tasks are woken, and
    /// [`Self::close`] ends them.
    pub fn look_at_pool(&self) {
        let slots = self.at.slots;
        let slice = lock(&self.slices).of(slots);
        for local in slice {
            self.settle(local);
            self.end_if_damaged(local);
        }
        if self.over.get().is_none()
            && let Some(reason) = self.at.why_over()
        {
            self.collect();
            let _ = self.over.set(reason);
            for local in 0..slots as usize {
                (self.on_end)(local);
            }
        }
    }

    fn end_if_damaged(&self, local: u32) {
        // pairs with the release of `set` and of each step.
        let word = SlotWord(self.word(local).load(Ordering::Acquire));
        let wanted = match word.phase() {
            PENDING => true,
            ABANDONED | GIVEN_UP => false,
            _ => return,
        };
        let found = self.at.segment.word(self.slot(local));
        let impossible = found.generation() != word.generation()
            || found.kind() == Kind::Corrupt
            // A task that was given up may be about to be taken back.
            || found.kind() == Kind::Free && word.phase() != GIVEN_UP;
        // If the word is the same still, the slot was this task's all the time.
        if !impossible || !self.step(local, word, word.to(TAKING)) {
            return;
        }
        let outcome = self.at.impossible(found);
        let broken = SlotWord(word.0 | BROKEN);
        self.set(local, broken.to(TAKING));
        if !wanted {
            self.release(local, broken);
            return;
        }
        self.count(ClientCounter::Failed);
        self.put_aside(local, broken, outcome.into());
    }

    /// How often the poller was woken; for [`Self::park`].
    #[must_use]
    pub fn wakes(&self) -> u32 {
        self.at.wakes()
    }

    /// The poller, the one thread of the client that does so, sleeps until a lane has ended a task,
    /// at most for `limit`. A wake since it asked for `seen` ([`Self::wakes`]), before it
    /// collected, keeps it awake.
    pub fn park(&self, seen: u32, limit: Duration) {
        self.helping.park(&self.at, seen, limit);
    }

    /// Ends the poller's sleep, or the next one.
    pub fn wake_poller(&self) {
        self.at.wake_poller();
    }

    /// Has this thread take in what ends, in the poller's place, until the guard is dropped; it
    /// must not sleep meanwhile. `None` when another thread does.
    #[must_use]
    pub fn help(&self) -> Option<Helper<'_>> {
        self.helping.begin(&self.at).then_some(Helper(self))
    }
}

/// A thread that takes completions in while it spins for its own task.
#[derive(Debug)]
pub struct Helper<'t>(&'t TaskTable);

impl Drop for Helper<'_> {
    fn drop(&mut self) {
        let table = self.0;
        table.helping.end(&table.at, || table.free.in_use() > 0);
    }
}

impl Drop for TaskTable {
    fn drop(&mut self) {
        self.collect();
        // By what this client has taken in, and not by the slots: a task that ends just now has
        // blocks that are still to be freed.
        let idle = self.words.iter().all(|word| {
            let phase = SlotWord(word.load(Ordering::Relaxed)).phase();
            matches!(phase, FREE | UNTRIED | KEPT)
        });
        self.at.leave(idle);
    }
}

//! A low-level client: submit, wait, cancel from Rust.
//!
//! One per process and pool is enough; it is `Sync`. There is no poller thread: a thread that waits
//! drains the completion ring for all (one at a time), the others sleep on a condition variable.
//! Invariant: a slot is in exactly one place: on the free list, or in the table as pending,
//! abandoned or ready; it is freed once, by the thread that finds it DONE or CRASHED under the
//! table's lock.

mod backlog;
mod lane_pace;
mod queue_ahead;
mod run_times;

use crate::client::backlog::{Backlog, Verdict};
use crate::error::{Result, RingError};
use crate::format::cause::Cause;
use crate::format::failure;
use crate::format::layout::{ClientCounter, INLINE, PUBLISHED_STAMPED, id_of};
use crate::format::states::{ClientKind, Codec, Ending, EntryState, Status};
use crate::format::words::{EntryWord, Kind, Owner, Place, Published, Word, after};
use crate::lane::entry::{command_entries, take_entry};
use crate::os::clock::now_ns;
use crate::os::program::program_name;
use crate::os::sync::{self, Instant, Ordering, fence};
use crate::queue::arena::{self, ArenaView, BlockRef, Role};
use crate::queue::wait::{futex_wait, wake_after_publish};
use crate::records::CORRUPT_AFTER;
use crate::records::{ClientRecord, Request, Slot};
use crate::segment::liveness::LivenessLock;
use crate::segment::paths::PoolDir;
use crate::segment::tables::log_error;
use crate::segment::{Segment, SupervisorProbe};
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::Duration;

/// How often a waiter looks whether the supervisor still lives.
const LIVENESS_INTERVAL: Duration = Duration::from_millis(50);

/// How often a command that waits for an entry tries again.
const ENTRY_INTERVAL: Duration = Duration::from_millis(5);

/// Why a pool has ended whose header does not say it.
const SUPERVISOR_DIED: &str = "its supervisor died";

/// No generation.
const UNKNOWN: u64 = u64::MAX;

/// Looks at the own slot before a waiter helps or sleeps.
const SPINS: u32 = if cfg!(ringwork_model) { 1 } else { 200 };

/// Options of one task: the defaults, and what is set on them.
///
/// ```
/// use ringwork_ring::{Codec, client::TaskOptions};
/// use std::time::Duration;
///
/// let options = TaskOptions::default()
///     .codec(Codec::Utf8)
///     .timeout(Duration::from_secs(2))
///     .attempts(2);
/// assert_eq!(options.timeout, Some(Duration::from_secs(2)));
/// assert_eq!(options.priority, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskOptions {
    /// Time from now after which the task is given up (default: none).
    pub timeout: Option<Duration>,
    /// Priority, 0 the most urgent (default 1).
    pub priority: u8,
    /// Most attempts when workers die of it, 1 to 3 (default 1: at most once).
    pub attempts: u8,
    /// Codec of the request (default: raw bytes).
    pub codec: Codec,
    /// An id for logs (default 0: the pool's own, which no other task has).
    pub task_id: u64,
    /// W3C traceparent in binary (default: none).
    pub traceparent: Option<[u8; 26]>,
    /// Most tasks of this handler that this client has in the pool, queued or running, of those
    /// that are submitted with such a number (default: none). A task counts until its slot is free
    /// again.
    pub max_in_flight: Option<u32>,
    /// Whether a task is submitted although what is queued before it will take longer than
    /// `timeout` (default: no, it is refused with [`RingError::DeadlineUnreachable`]).
    pub admit_late: bool,
}

impl Default for TaskOptions {
    fn default() -> Self {
        Self {
            timeout: None,
            priority: 1,
            attempts: 1,
            codec: Codec::Bytes,
            task_id: 0,
            traceparent: None,
            max_in_flight: None,
            admit_late: false,
        }
    }
}

impl TaskOptions {
    /// The task is given up after so long; `None`: never.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// Priority, 0 the most urgent.
    #[must_use]
    pub const fn priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }

    /// Most attempts when workers die of it, 1 to 3.
    #[must_use]
    pub const fn attempts(mut self, attempts: u8) -> Self {
        self.attempts = attempts;
        self
    }

    /// Codec of the request.
    #[must_use]
    pub const fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// An id for logs.
    #[must_use]
    pub const fn task_id(mut self, task_id: u64) -> Self {
        self.task_id = task_id;
        self
    }

    /// W3C traceparent in binary.
    #[must_use]
    pub fn traceparent(mut self, traceparent: impl Into<Option<[u8; 26]>>) -> Self {
        self.traceparent = traceparent.into();
        self
    }

    /// Most tasks of this handler that this client has in the pool.
    #[must_use]
    pub const fn max_in_flight(mut self, max_in_flight: u32) -> Self {
        self.max_in_flight = Some(max_in_flight);
        self
    }

    /// Whether a task is submitted although it will wait past its timeout.
    #[must_use]
    pub const fn admit_late(mut self, admit_late: bool) -> Self {
        self.admit_late = admit_late;
        self
    }
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The handler's result.
    Completed {
        /// Codec of the bytes.
        codec: Codec,
        /// The result.
        bytes: Vec<u8>,
    },
    /// The task failed in the worker.
    Failed {
        /// How it has failed.
        status: Status,
        /// Whether the handler may have run.
        may_have_run: bool,
        /// Stable code.
        code: String,
        /// `file:line` in the worker's source, or empty.
        location: String,
        /// Cause and remedy.
        message: String,
    },
    /// Its worker died, and no attempt was left.
    Crashed {
        /// Why the worker died.
        cause: Cause,
        /// Attempts made.
        attempts: u32,
    },
    /// The deadline passed first.
    TimedOut {
        /// Whether the handler may have run, or still does.
        may_have_run: bool,
    },
    /// Cancelled.
    Cancelled {
        /// Whether the handler may have run, or still does.
        may_have_run: bool,
    },
    /// The pool ended first.
    Closed {
        /// Why.
        reason: String,
    },
}

/// A submitted task. Dropping it abandons the task: it runs, and its result is dropped.
#[derive(Debug)]
pub struct Ticket<'c> {
    client: &'c Client,
    slot: u32,
    word: Word,
    deadline_ns: Option<u64>,
}

#[derive(Debug)]
enum SlotUse {
    Free,
    Pending(Word),
    /// Its ticket was dropped: the outcome is not wanted.
    Abandoned(Word),
    /// Cancelled or timed out, and counted as such, while its handler ran.
    GivenUp(Word),
    Ready(Word, Outcome),
    /// As `Ready`, of a slot whose word was damaged: it is not used again.
    Broken(Word, Outcome),
    /// Damaged, and its outcome was taken.
    Lost,
}

#[derive(Debug)]
struct Table {
    free: Vec<u32>,
    places: Vec<SlotUse>,
    /// The generation of the next task of each slot; [`UNKNOWN`] until this client has used it.
    next: Vec<u64>,
    submitted: u64,
    /// How many slots have tasks that count towards `max_in_flight`, by the handler's id.
    in_flight: HashMap<u64, u32>,
    /// The handler that each slot counts for; 0 for none.
    counted: Vec<u64>,
    /// Whether each slot's task was let in since it seemed to be in time behind what was queued.
    weighed: Vec<bool>,
    backlog: Backlog,
}

impl Table {
    /// How many slots are left to tasks of priority 0: a sixteenth.
    fn reserve(&self) -> usize {
        self.places.len() / 16
    }

    /// A slot for a task, off the free list and counted.
    fn take(&mut self, handler: &str, options: &TaskOptions) -> Result<u32> {
        let id = id_of(handler);
        let max = options.max_in_flight.unwrap_or(u32::MAX);
        if max != u32::MAX && self.in_flight.get(&id).is_some_and(|now| *now >= max) || max == 0 {
            return Err(RingError::TooManyInFlight {
                handler: handler.to_owned(),
                max,
            });
        }
        let kept = if options.priority == 0 {
            0
        } else {
            self.reserve()
        };
        if self.free.len() <= kept {
            return Err(RingError::SlotsTaken {
                slots: self.places.len() as u32,
                kept: kept as u32,
            });
        }
        let Some(local) = self.free.pop() else {
            unreachable!("more are free than are kept");
        };
        if max != u32::MAX {
            *self.in_flight.entry(id).or_default() += 1;
            self.counted[local as usize] = id;
        }
        Ok(local)
    }

    /// Counts a task; whether it is one of those whose times are stamped.
    #[inline]
    fn samples(&mut self, handler: u64) -> bool {
        let sampled = self.submitted < 1024
            || self.submitted.is_multiple_of(8)
            || self.backlog.run_times.wants(handler);
        self.submitted += 1;
        sampled
    }

    /// The slot has no owner any more.
    fn bring_home(&mut self, local: u32) {
        self.uncount(local);
        self.places[local as usize] = SlotUse::Free;
        self.free.push(local);
    }

    /// The slot's task no longer counts: the slot comes home, or is lost for good.
    fn uncount(&mut self, local: u32) {
        let id = std::mem::take(&mut self.counted[local as usize]);
        if id != 0
            && let Some(now) = self.in_flight.get_mut(&id)
        {
            *now -= 1;
            if *now == 0 {
                self.in_flight.remove(&id);
            }
        }
    }
}

/// A client of a pool.
#[derive(Debug)]
pub struct Client {
    segment: Segment,
    index: u32,
    word: EntryWord,
    first_slot: u32,
    arena: ArenaView,
    table: Mutex<Table>,
    polling: Mutex<Instant>,
    changed: Condvar,
    // Why the pool has ended, once a waiter has seen it: the others need no look of their own.
    ended: OnceLock<RingError>,
    supervisor: SupervisorProbe,
    _lock: LivenessLock,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic of another waiter leaves the table consistent: each change is one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Client {
    /// Attaches to a pool and takes a client entry.
    pub fn connect(dir: &PoolDir) -> Result<Self> {
        let segment = Segment::attach(dir)?;
        let _ = segment.prepare(); // the supervisor has warned
        Self::register(segment)
    }

    /// Attaches as the `ringwork` command does: with one of the entries that are kept for it, or
    /// else any other. When all are taken it waits for one, at most for `limit` (default: as long
    /// as it takes).
    ///
    /// # Errors
    /// As [`Self::connect`]; [`RingError::TableFull`] after `limit`, and [`RingError::Closed`] when
    /// the pool ends, or takes no more tasks, meanwhile.
    pub fn connect_as_command(dir: &PoolDir, limit: Option<Duration>) -> Result<Self> {
        let mut segment = Segment::attach(dir)?;
        let _ = segment.prepare(); // the supervisor has warned
        let start = Instant::now();
        let entries = segment.geometry().max_clients;
        let kept = entries - command_entries(entries);
        loop {
            let order = (kept..entries).chain(0..kept);
            segment = match Self::take(segment, order)? {
                Ok(client) => return Ok(client),
                Err(segment) => segment,
            };
            if !segment.takes_tasks() {
                return Err(closed(&segment, "it takes no more tasks"));
            }
            if limit.is_some_and(|limit| start.elapsed() >= limit) {
                return Err(all_taken(entries));
            }
            std::thread::sleep(ENTRY_INTERVAL);
        }
    }

    /// Takes a client entry of an attached segment.
    pub(crate) fn register(segment: Segment) -> Result<Self> {
        let entries = segment.geometry().max_clients;
        let own = entries - command_entries(entries);
        Self::take(segment, 0..own)?.map_err(|_| all_taken(own))
    }

    /// Takes the first of these entries that is free; the segment comes back when none is.
    fn take(
        segment: Segment,
        entries: impl IntoIterator<Item = u32>,
    ) -> Result<std::result::Result<Self, Segment>> {
        if !segment.supervisor_lives()? {
            return Err(closed(
                &segment,
                "its supervisor is dead; `ringwork clean` removes what it left",
            ));
        }
        let supervisor = SupervisorProbe::open(&segment)?;
        for index in entries {
            let path = segment.dir().client_lock(segment.epoch(), index);
            if let Some((held, word)) = take_entry(segment.client(index).life(), &path)? {
                return Self::activate(segment, supervisor, index, held, word).map(Ok);
            }
        }
        Ok(Err(segment))
    }

    /// Fills an entry whose lock is held, and makes it ACTIVE.
    fn activate(
        segment: Segment,
        supervisor: SupervisorProbe,
        index: u32,
        held: LivenessLock,
        word: EntryWord,
    ) -> Result<Self> {
        let record = segment.client(index);
        record.fill(
            std::process::id(),
            ClientKind::Rust,
            &program_name(),
            now_ns(),
        );
        failpoint!("client.filled");
        record.store_word_release(word);
        failpoint!("client.active");
        let slots = segment.geometry().slots_per_client;
        let mut own = index * slots..(index + 1) * slots;
        if let Some(slot) = own.find(|slot| !segment.word(*slot).is_at_rest()) {
            return Err(RingError::Corrupt(format!(
                "slot {slot} of a free client entry is in use"
            )));
        }
        let table = Table {
            free: (0..slots).rev().collect(),
            places: (0..slots).map(|_| SlotUse::Free).collect(),
            next: vec![UNKNOWN; slots as usize],
            submitted: 0,
            in_flight: HashMap::new(),
            counted: vec![0; slots as usize],
            weighed: vec![false; slots as usize],
            backlog: Backlog::default(),
        };
        Ok(Self {
            supervisor,
            index,
            word,
            first_slot: index * slots,
            arena: ArenaView::new(&segment),
            table: Mutex::new(table),
            polling: Mutex::new(Instant::now()),
            changed: Condvar::new(),
            ended: OnceLock::new(),
            segment,
            _lock: held,
        })
    }

    /// The segment.
    #[must_use]
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    /// What the waits of a handler's tasks are multiplied by.
    #[cfg(test)]
    pub(crate) fn margin(&self, handler: &str) -> Option<f64> {
        let table = lock(&self.table);
        let known = table.backlog.run_times.known(id_of(handler));
        known.map(|handler| handler.margin(now_ns()))
    }

    fn entry(&self) -> ClientRecord<'_> {
        self.segment.client(self.index)
    }

    /// Submits a task; returns at once.
    pub fn submit(
        &self,
        handler: &str,
        request: &[u8],
        options: &TaskOptions,
    ) -> Result<Ticket<'_>> {
        if self.ended.get().is_some() {
            return Err(closed(&self.segment, SUPERVISOR_DIED));
        }
        if !self.segment.takes_tasks() {
            return Err(closed(&self.segment, "it takes no more tasks"));
        }
        let mut table = lock(&self.table);
        let weighed = self.check_deadline(&mut table, handler, options)?;
        let mut result = self.submit_locked(&mut table, handler, request, options);
        if matches!(
            result,
            Err(RingError::SlotsTaken { .. }
                | RingError::TooManyInFlight { .. }
                | RingError::ArenaExhausted { .. })
        ) {
            // Tasks without a waiter may have ended: then there is room.
            drop(table);
            self.collect();
            table = lock(&self.table);
            result = self.submit_locked(&mut table, handler, request, options);
        }
        if let Some(why) = result.as_ref().err().and_then(rejected_by) {
            self.entry().count_rejected(why);
        }
        if let Ok((slot, ..)) = &result {
            table.weighed[(slot - self.first_slot) as usize] = weighed;
        }
        drop(table);
        let (slot, word, deadline_ns) = result?;
        // After the hint; outside the lock, since it may be a system call.
        wake_after_publish(&self.segment);
        failpoint!("submit.woken");
        Ok(Ticket {
            client: self,
            slot,
            word,
            deadline_ns,
        })
    }

    /// Refuses a task that would wait beyond its deadline. Returns whether it was let in since it
    /// seemed to be in time behind what is queued.
    fn check_deadline(
        &self,
        table: &mut Table,
        handler: &str,
        options: &TaskOptions,
    ) -> Result<bool> {
        let Some(left) = options.timeout else {
            return Ok(false);
        };
        // The models look at one task after the other, and not at numbers.
        if options.admit_late || cfg!(ringwork_model) {
            return Ok(false);
        }
        let priority = u32::from(options.priority);
        let id = id_of(handler);
        match table.backlog.weigh(&self.segment, id, priority, left) {
            Verdict::Unweighed => Ok(false),
            Verdict::InTime => Ok(true),
            Verdict::TooLate(late) => {
                self.entry().count_rejected(ClientCounter::RejectedDeadline);
                Err(RingError::DeadlineUnreachable {
                    handler: handler.to_owned(),
                    wait: late.wait,
                    run: late.run,
                    ahead: late.ahead,
                    lanes: late.lanes,
                    left,
                })
            }
        }
    }

    /// Submits a task while the table is locked: its slot, its word and its deadline.
    fn submit_locked(
        &self,
        table: &mut Table,
        handler: &str,
        request: &[u8],
        options: &TaskOptions,
    ) -> Result<(u32, Word, Option<u64>)> {
        let segment = &self.segment;
        let local = table.take(handler, options)?;
        let slot = self.first_slot + local;
        let fields = segment.slot(slot);
        if table.next[local as usize] == UNKNOWN {
            let before = fields.word();
            if !before.is_at_rest() {
                return Err(lose(table, local, slot, before));
            }
            table.next[local as usize] = after(before.generation());
        }
        let generation = table.next[local as usize];
        failpoint!("submit.slot");
        let block = if request.len() > INLINE {
            Some(self.take_block(table, local, generation, request.len())?)
        } else {
            None
        };
        self.write_request(fields, block, request);
        failpoint!("submit.written");
        let deadline_ns = options
            .timeout
            .map(|timeout| now_ns().saturating_add(timeout.as_nanos() as u64).max(1));
        let id = id_of(handler);
        let sampled = table.samples(id);
        let priority = u32::from(options.priority).min(segment.geometry().priorities - 1);
        let reference = block.map_or(0, BlockRef::reference);
        let published = fields.fill(
            generation,
            &Request {
                deadline_ns,
                handler: id,
                place: Place::new(reference, request.len() as u32),
                attempts: options.attempts,
                priority: priority as u8,
                codec: options.codec,
                task_id: options.task_id,
                submitted_ns: sampled.then(now_ns),
                traceparent: options.traceparent.as_ref(),
            },
        );
        failpoint!("submit.filled");
        if !self.publish(table, local, fields, published) {
            return Err(RingError::QueueFull);
        }
        Ok((slot, Word::queued(generation, 0), deadline_ns))
    }

    /// A block for a request that its slot has no room for; without one the slot goes home.
    fn take_block(
        &self,
        table: &mut Table,
        local: u32,
        generation: u64,
        len: usize,
    ) -> Result<BlockRef> {
        let owner = Owner::request(self.first_slot + local, generation);
        let taken = self.arena.take(&self.segment, len, Role::Request, owner);
        taken.inspect_err(|_| table.bring_home(local))
    }

    /// Copies the request into its block, or into its slot.
    #[inline(always)]
    fn write_request(&self, fields: Slot<'_>, block: Option<BlockRef>, request: &[u8]) {
        let segment = &self.segment;
        let room = block.map_or(fields.inline_request(), |block| {
            arena::offset(segment, block)
        });
        let start = segment.bytes_at(room, request.len());
        sync::writes(start, request.len());
        // SAFETY: in bounds by `bytes_at`; the slot is on no list but in our hands, and the block
        // is ours by its owner word, so no other thread touches these bytes until it is published.
        unsafe { std::ptr::copy_nonoverlapping(request.as_ptr(), start, request.len()) };
    }

    /// Publishes the task, and its hint; `false` when the ring is full and the task was taken back.
    #[inline(always)]
    fn publish(
        &self,
        table: &mut Table,
        local: u32,
        fields: Slot<'_>,
        published: Published,
    ) -> bool {
        let segment = &self.segment;
        let slot = self.first_slot + local;
        let queued = Word::queued(published.generation(), 0);
        table.places[local as usize] = SlotUse::Pending(queued);
        table.next[local as usize] = after(published.generation());
        fields.publish_release(published);
        failpoint!("submit.queued");
        if segment
            .injector(published.priority())
            .enqueue(slot)
            .is_err()
            && fields.withdraw(queued)
        {
            failpoint!("submit.withdrawn");
            self.free_blocks(slot, queued);
            table.bring_home(local);
            return false;
        }
        failpoint!("submit.hinted");
        self.entry().counter(ClientCounter::Submitted).bump();
        failpoint!("submit.counted");
        true
    }

    fn free_blocks(&self, slot: u32, word: Word) {
        let reference = self.segment.slot(slot).request().reference();
        if reference != 0
            && let Ok(block) = arena::check_ref(&self.segment, reference, 0)
        {
            arena::free(
                &self.segment,
                block,
                Owner::request(slot, word.generation()),
            );
        }
    }

    /// Submits and waits.
    pub fn call(&self, handler: &str, request: &[u8], options: &TaskOptions) -> Result<Outcome> {
        self.submit(handler, request, options)?.wait(None)
    }

    /// Takes in what has ended, without waiting: the results of tasks that are
    /// waited for, the slots and blocks of those that are not. Every wait does so, and
    /// every submit that finds no room; a client that does neither for long may call it.
    pub fn collect(&self) {
        // The thread that has the role is at it.
        if let Ok(_role) = self.polling.try_lock() {
            self.drain();
        }
    }

    /// Takes completions out of the ring (and, after an overflow, from all slots). The caller holds
    /// `polling`.
    fn drain(&self) {
        let ring = self.segment.completion_ring(self.index);
        let mut table = lock(&self.table);
        let mut any = false;
        // Bounded: a ring that a broken peer keeps filling must not hold the table for ever.
        for slot in std::iter::from_fn(|| ring.dequeue()).take(4 * table.places.len()) {
            any |= self.settle(&mut table, slot.wrapping_sub(self.first_slot));
        }
        if self.entry().take_overflow() {
            failpoint!("poll.overflow");
            for local in 0..table.places.len() as u32 {
                any |= self.settle(&mut table, local);
            }
        }
        if any {
            self.changed.notify_all();
        }
    }

    /// Takes in a slot that is DONE or CRASHED in the generation awaited and keeps its outcome.
    fn settle(&self, table: &mut Table, local: u32) -> bool {
        let (awaited, wanted, counted) = match table.places.get(local as usize) {
            Some(SlotUse::Pending(word)) => (*word, true, false),
            Some(SlotUse::Abandoned(word)) => (*word, false, false),
            Some(SlotUse::GivenUp(word)) => (*word, false, true),
            _ => return false, // a stale hint
        };
        let slot = self.first_slot + local;
        let word = self.segment.slot(slot).ended_acquire();
        if word.generation() != awaited.generation()
            || !matches!(word.kind(), Kind::Done | Kind::Crashed)
        {
            return false;
        }
        let outcome = if word.kind() == Kind::Crashed {
            Outcome::Crashed {
                cause: word.cause(),
                attempts: word.attempt() + 1,
            }
        } else {
            self.note_run(table, slot, word);
            self.read_result(slot, word)
        };
        match outcome {
            Outcome::Completed { .. } if wanted => self.judge(table, local, true),
            Outcome::TimedOut { .. } if wanted => self.judge(table, local, false),
            _ => {}
        }
        failpoint!("poll.read");
        self.free_blocks(slot, word);
        failpoint!("poll.blocks_freed");
        // Each task is counted as submitted once, and under one of its ends once.
        if !counted {
            self.entry().counter(counter_of(&outcome)).bump();
        }
        failpoint!("poll.counted");
        if wanted {
            table.places[local as usize] = SlotUse::Ready(awaited, outcome);
        } else {
            table.bring_home(local);
        }
        true
    }

    /// Takes in what has ended without a hint, and ends the tasks whose slots are no longer theirs:
    /// a broken peer must not keep a wait from ending.
    fn check_pending(&self) {
        let mut table = lock(&self.table);
        let mut any = false;
        for local in 0..table.places.len() as u32 {
            any |= self.settle(&mut table, local) || self.give_up_if_damaged(&mut table, local);
        }
        if any {
            self.changed.notify_all();
        }
    }

    /// Looks at the own slots, and whether the pool still lives. The verdict is kept: however many
    /// tasks are pending, they all end by one look.
    fn look_at_pool(&self) {
        self.check_pending();
        let over = self.segment.is_over()
            || self
                .supervisor
                .lives(&self.segment)
                .is_ok_and(|lives| !lives);
        if over {
            let reason = closed(&self.segment, SUPERVISOR_DIED);
            // Under the lock, so that a waiter either sees the verdict before it sleeps, or is
            // woken.
            let _table = lock(&self.table);
            let _ = self.ended.set(reason);
            self.changed.notify_all();
        }
    }

    fn give_up_if_damaged(&self, table: &mut Table, local: u32) -> bool {
        let (awaited, abandoned) = match table.places[local as usize] {
            SlotUse::Pending(word) => (word, false),
            SlotUse::Abandoned(word) | SlotUse::GivenUp(word) => (word, true),
            _ => return false,
        };
        let slot = self.first_slot + local;
        let word = self.segment.word(slot);
        // From QUEUED on only this client frees the slot, and it does so under the table's lock.
        let possible = word.generation() == awaited.generation()
            && !matches!(word.kind(), Kind::Free | Kind::Corrupt);
        if possible {
            return false;
        }
        let what = format!("a slot in use has the impossible state {:#x}", word.0);
        log_error(&self.segment, "a slot in use has an impossible state");
        table.uncount(local);
        table.places[local as usize] = if abandoned {
            SlotUse::Lost
        } else {
            let what = RingError::Corrupt(what).to_string();
            SlotUse::Broken(awaited, failed(Status::Failed, "segment.corrupt", what))
        };
        true
    }

    /// How long a task took that has a result, if it was stamped; what a chunk took is no run time.
    fn note_run(&self, table: &mut Table, slot: u32, word: Word) {
        if cfg!(ringwork_model) {
            return; // as in `check_deadline`
        }
        let fields = self.segment.slot(slot);
        let published = fields.published();
        if published.has(PUBLISHED_STAMPED)
            && word.ending() == Ok(Status::Ok.into())
            && published.codec() != Ok(Codec::Chunk)
        {
            let (claimed, submitted) = (fields.claimed_ns(), fields.submitted_ns());
            // 0, which counts nothing, where a peer is wrong.
            let ran = if claimed < submitted {
                0
            } else {
                now_ns().saturating_sub(claimed)
            };
            table.backlog.run_times.ran(fields.handler(), ran);
        }
    }

    /// Takes in whether a task came in time, if it was let in since it seemed to.
    fn judge(&self, table: &mut Table, local: u32, in_time: bool) {
        if std::mem::take(&mut table.weighed[local as usize]) {
            let handler = self.segment.slot(self.first_slot + local).handler();
            let times = &mut table.backlog.run_times;
            times.ended(handler, in_time, now_ns());
        }
    }

    fn read_result(&self, slot: u32, word: Word) -> Outcome {
        let segment = &self.segment;
        let fields = segment.slot(slot);
        let (place, ending, codec) = (fields.result(), word.ending(), word.result_codec());
        let len = place.len();
        let owner = Owner::result(slot, word);
        let block = match arena::check_place(segment, place, owner, "result") {
            Ok(block) => block,
            Err(error) => return failed(Status::Failed, "segment.corrupt", error.to_string()),
        };
        let from = block.map_or(fields.inline_result(), |block| {
            arena::offset(segment, block)
        });
        let mut bytes = Vec::with_capacity(len);
        sync::reads(segment.bytes_at(from, len), len);
        // SAFETY: in bounds by `bytes_at`; DONE gives the result to this client alone. The vector
        // has room for `len` bytes, and has them before its length says so.
        unsafe {
            std::ptr::copy_nonoverlapping(
                segment.bytes_at(from, len).cast_const(),
                bytes.as_mut_ptr(),
                len,
            );
            bytes.set_len(len);
        };
        if let Some(block) = block {
            arena::free(segment, block, Owner::result(slot, word));
        }
        let Ending { status, not_run } = match ending {
            Ok(ending) => ending,
            Err(unknown) => return failed(Status::Failed, "segment.corrupt", unknown.to_string()),
        };
        let may_have_run = !not_run;
        match status {
            Status::Ok => match codec {
                Ok(codec) => Outcome::Completed { codec, bytes },
                Err(unknown) => failed(Status::Failed, "segment.corrupt", unknown.to_string()),
            },
            Status::Expired => Outcome::TimedOut { may_have_run },
            status => {
                let [code, location, message] = failure::decode(&bytes);
                Outcome::Failed {
                    status,
                    may_have_run,
                    code,
                    location,
                    message,
                }
            }
        }
    }

    /// Waits for something to happen, as the one poller; at most `limit`.
    fn park(&self, limit: Duration) {
        let entry = self.entry();
        let wake = entry.wake();
        let seen = wake.load(Ordering::Acquire);
        entry.set_waiting(true);
        failpoint!("poll.waiting");
        // pairs with the fence in `wake_client_after_publish`.
        fence(Ordering::SeqCst);
        let nothing = self.segment.completion_ring(self.index).is_empty()
            && !entry.has_overflow()
            && !self.segment.is_over();
        if nothing {
            failpoint!("poll.parking");
            futex_wait(wake, seen, limit);
            failpoint!("poll.awake");
        }
        entry.set_waiting(false);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.collect();
        // By what this client has taken in, and not by the slots: a task that ends just now has
        // blocks that are still to be freed.
        let idle = lock(&self.table)
            .places
            .iter()
            .all(|place| matches!(place, SlotUse::Free | SlotUse::Ready(..)));
        failpoint!("client.leaving");
        let end = if idle {
            EntryState::Free
        } else {
            EntryState::Leaving
        };
        self.entry().store_word_release(self.word.with(end));
        failpoint!("client.left");
        // If it is not free, the lock, dropped now, tells the reaper to clear the rest.
    }
}

impl Ticket<'_> {
    /// Waits until the task has ended, at most for `limit`.
    ///
    /// # Errors
    /// [`RingError::Timeout`] after `limit`; the task goes on and can be waited for again.
    pub fn wait(&self, limit: Option<Duration>) -> Result<Outcome> {
        let start = Instant::now();
        let mut spins = 0_u32;
        // With one processor the lane can't run while this thread spins.
        let spins_most = if sync::cores() > 1 { SPINS } else { 0 };
        loop {
            if let Some(outcome) = self.try_take().or_else(|| self.closed()) {
                return Ok(outcome);
            }
            if self
                .deadline_ns
                .is_some_and(|deadline| now_ns() >= deadline)
            {
                if let Some(outcome) = self.give_up(
                    |may_have_run| Outcome::TimedOut { may_have_run },
                    ClientCounter::TimedOut,
                ) {
                    return Ok(outcome);
                }
                continue;
            }
            let mut pause = LIVENESS_INTERVAL;
            if let Some(limit) = limit {
                let spent = start.elapsed();
                if spent >= limit {
                    return Err(RingError::Timeout(limit));
                }
                pause = pause.min(limit - spent);
            }
            if let Some(deadline) = self.deadline_ns {
                pause = pause.min(Duration::from_nanos(
                    deadline.saturating_sub(now_ns()).max(1),
                ));
            }
            if spins < spins_most {
                spins += 1;
                sync::spin_loop();
                let ended = self.client.segment.slot(self.slot).ended_acquire();
                if ended.generation() != self.word.generation() {
                    continue;
                }
            }
            self.help_or_sleep(pause);
        }
    }

    fn help_or_sleep(&self, pause: Duration) {
        let client = self.client;
        let role = match client.polling.try_lock() {
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Poisoned(role)) => Some(role.into_inner()),
            Ok(role) => Some(role),
        };
        match role {
            Some(mut checked) => {
                client.drain();
                if self.is_ready() {
                    return;
                }
                client.park(pause);
                client.drain();
                if checked.elapsed() >= LIVENESS_INTERVAL || client.segment.is_over() {
                    *checked = Instant::now();
                    client.look_at_pool();
                }
            }
            None => {
                let table = lock(&client.table);
                if matches!(table.places[self.local()], SlotUse::Pending(_))
                    && client.ended.get().is_none()
                {
                    // The poller notifies; the bound is for the case that it has just left.
                    let _unused = client
                        .changed
                        .wait_timeout(table, pause.min(Duration::from_millis(2)));
                }
            }
        }
    }

    /// The outcome of a task whose pool has ended. What the task itself has left is found first.
    fn closed(&self) -> Option<Outcome> {
        let client = self.client;
        let reason = client.ended.get()?;
        client.settle(&mut lock(&client.table), self.local() as u32);
        Some(self.try_take().unwrap_or_else(|| Outcome::Closed {
            reason: reason.to_string(),
        }))
    }

    fn local(&self) -> usize {
        (self.slot - self.client.first_slot) as usize
    }

    fn is_ready(&self) -> bool {
        matches!(lock(&self.client.table).places[self.local()],
            SlotUse::Ready(word, _) | SlotUse::Broken(word, _) if word == self.word)
    }

    /// The outcome, if it is there.
    fn try_take(&self) -> Option<Outcome> {
        let mut table = lock(&self.client.table);
        let local = self.local();
        match &table.places[local] {
            SlotUse::Ready(word, _) | SlotUse::Broken(word, _) if *word == self.word => {}
            _ => return None,
        }
        match std::mem::replace(&mut table.places[local], SlotUse::Lost) {
            SlotUse::Ready(_, outcome) => {
                table.bring_home(local as u32);
                Some(outcome)
            }
            SlotUse::Broken(_, outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Ends the wait: takes the task out of the queue, or tells the handler to stop.
    /// `None` when it had ended already.
    fn give_up(
        &self,
        outcome: impl Fn(bool) -> Outcome,
        counter: ClientCounter,
    ) -> Option<Outcome> {
        let client = self.client;
        let mut table = lock(&client.table);
        let local = self.local();
        client.settle(&mut table, local as u32);
        if !matches!(&table.places[local], SlotUse::Pending(word) if *word == self.word) {
            return None;
        }
        if counter == ClientCounter::TimedOut {
            client.judge(&mut table, local as u32, false);
        }
        client.entry().counter(counter).bump();
        failpoint!("cancel.counted");
        // Two rounds do where peers are honest: a claim or the reaper may come between, or a retry.
        for _ in 0..CORRUPT_AFTER {
            let word = client.segment.word(self.slot);
            match word.kind() {
                Kind::Queued if word.generation() == self.word.generation() => {
                    if client.segment.slot(self.slot).withdraw(word) {
                        failpoint!("cancel.withdrawn");
                        client.free_blocks(self.slot, word);
                        table.bring_home(local as u32);
                        return Some(outcome(word.attempt() > 0));
                    }
                }
                Kind::Done | Kind::Crashed if client.settle(&mut table, local as u32) => {
                    return None;
                }
                // It runs, or it has a state that no peer of ours gives it (an end of another
                // generation): waiting longer would not help.
                _ => {
                    client
                        .segment
                        .slot(self.slot)
                        .request_cancel(word.generation());
                    failpoint!("cancel.asked");
                    table.places[local] = SlotUse::GivenUp(self.word);
                    return Some(outcome(true));
                }
            }
        }
        table.places[local] = SlotUse::GivenUp(self.word);
        Some(outcome(true))
    }

    /// Cancels the task. The outcome says whether it may have run; a task that had ended keeps its
    /// result.
    #[must_use]
    pub fn cancel(self) -> Outcome {
        match self.give_up(
            |may_have_run| Outcome::Cancelled { may_have_run },
            ClientCounter::Cancelled,
        ) {
            Some(outcome) => outcome,
            None => self
                .try_take()
                .unwrap_or(Outcome::Cancelled { may_have_run: true }),
        }
    }

    /// The slot, for tests and logs.
    #[must_use]
    pub fn slot(&self) -> u32 {
        self.slot
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut table = lock(&self.client.table);
        let local = self.local();
        match &table.places[local] {
            SlotUse::Pending(word) if *word == self.word => {
                table.places[local] = SlotUse::Abandoned(self.word)
            }
            SlotUse::Ready(word, _) if *word == self.word => {
                table.bring_home(local as u32);
            }
            SlotUse::Broken(word, _) if *word == self.word => table.places[local] = SlotUse::Lost,
            _ => {}
        }
    }
}

/// The counter of the client's entry that an outcome goes under.
/// The counter of the reason why a task is rejected; none for what is no rejection.
fn rejected_by(error: &RingError) -> Option<ClientCounter> {
    Some(match error {
        RingError::SlotsTaken { .. } => ClientCounter::RejectedNoSlot,
        RingError::TooManyInFlight { .. } => ClientCounter::RejectedInFlight,
        RingError::QueueFull => ClientCounter::RejectedRing,
        RingError::ArenaExhausted { .. } => ClientCounter::RejectedArena,
        RingError::TooLarge { .. } => ClientCounter::RejectedTooLarge,
        _ => return None,
    })
}

fn counter_of(outcome: &Outcome) -> ClientCounter {
    match outcome {
        Outcome::Completed { .. } => ClientCounter::Completed,
        Outcome::TimedOut { .. } => ClientCounter::TimedOut,
        Outcome::Failed { status, .. } if *status == Status::Cancelled => ClientCounter::Cancelled,
        _ => ClientCounter::Failed,
    }
}

fn all_taken(count: u32) -> RingError {
    RingError::TableFull {
        what: "client",
        count,
        option: "--clients",
    }
}

/// A slot of the free list that is not FREE is never used again.
#[cold]
fn lose(table: &mut Table, local: u32, slot: u32, word: Word) -> RingError {
    table.uncount(local);
    table.places[local as usize] = SlotUse::Lost;
    RingError::Corrupt(format!("the free slot {slot} has the state {:#x}", word.0))
}

fn closed(segment: &Segment, default: &str) -> RingError {
    let reason = segment.reason();
    let why = if reason.is_empty() {
        default.to_owned()
    } else {
        reason
    };
    RingError::Closed {
        name: segment.dir().name().to_owned(),
        why,
    }
}

fn failed(status: Status, code: &str, message: String) -> Outcome {
    Outcome::Failed {
        status,
        may_have_run: true,
        code: code.to_owned(),
        location: String::new(),
        message,
    }
}

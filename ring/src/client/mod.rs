//! A low-level client: submit, wait, cancel from Rust.
//!
//! One per process and pool is enough; it is `Sync`. There is no poller thread: a thread that waits
//! drains the completion ring for all (one at a time), the others sleep on a condition variable.
//! Invariant: a slot is in exactly one place: on the free list, or in the table as pending,
//! abandoned or ready; it is freed once, by the thread that finds it DONE or CRASHED under the
//! table's lock.

mod attachment;
mod backlog;
mod free_list;
mod handler_kinds;
mod helping;
mod key_chains;
mod lane_pace;
mod outcome;
mod queue_ahead;
mod run_times;
mod task_table;

#[cfg(ringwork_model)]
pub(crate) use free_list::FreeList;
pub use outcome::{OnFailure, Outcome, TaskOptions};
#[doc(hidden)]
pub use task_table::batch::{Batch, Reservation};
#[doc(hidden)]
pub use task_table::in_place::{InPlace, Lease, RoomClaim};
#[doc(hidden)]
pub use task_table::{Ended, GiveUp, Helper, Submitted, TaskKey, TaskTable};

use crate::client::attachment::{
    Attachment, Counting, Numbered, SUPERVISOR_DIED, TakenBack, closed,
};
use crate::client::backlog::Backlog;
use crate::client::key_chains::{KeyChains, Keyed};
use crate::error::{Result, RingError};
use crate::format::layout::{ClientCounter, id_of};
use crate::format::states::LaneKind;
use crate::format::words::{Kind, Published, Publisher, Word, after};
use crate::os::clock::now_ns;
use crate::os::sync::{self, Instant};
use crate::queue::wait::wake_after_publish;
use crate::segment::Segment;
use crate::segment::paths::PoolDir;
use crate::segment::slices::Slices;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::Duration;

/// How often a waiter looks whether the supervisor still lives.
const LIVENESS_INTERVAL: Duration = Duration::from_millis(50);

/// No generation.
const UNKNOWN: u64 = u64::MAX;

/// Looks at the own slot before a waiter helps or sleeps.
const SPINS: u32 = if cfg!(ringwork_model) { 1 } else { 200 };

/// A submitted task. Dropping it abandons the task: it runs, and its result is dropped.
#[derive(Debug)]
pub struct Ticket<'c> {
    client: &'c Client,
    slot: u32,
    word: Word,
    deadline_ns: Option<u64>,
    // Its lane writes no hint unless this ticket asks for one.
    watched: bool,
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
    keys: KeyChains,
    /// Which slots the next look without a hint takes in.
    slices: Slices,
}

impl Table {
    /// How many slots are left to tasks of priority 0: a sixteenth.
    fn reserve(&self) -> usize {
        self.places.len() / 16
    }

    /// How many slots a task with these options must leave.
    fn kept_from(&self, options: &TaskOptions) -> usize {
        match options.priority {
            0 => 0,
            _ => self.reserve(),
        }
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
        let kept = self.kept_from(options);
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
    #[inline(always)]
    fn bring_home(&mut self, local: u32, at: &Attachment) {
        self.keys.ended(at, at.first_slot + local);
        self.uncount(local);
        self.places[local as usize] = SlotUse::Free;
        self.free.push(local);
    }

    /// The slot is damaged, and never used again.
    #[cold]
    fn lose(&mut self, local: u32) {
        self.uncount(local);
        self.places[local as usize] = SlotUse::Lost;
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
    at: Attachment,
    table: Mutex<Table>,
    polling: Mutex<Instant>,
    changed: Condvar,
    // Why the pool has ended, once a waiter has seen it: the others need no look of their own.
    ended: OnceLock<RingError>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic of another waiter leaves the table consistent: each change is one assignment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Client {
    /// Attaches to a pool and takes a client entry.
    pub fn connect(dir: &PoolDir) -> Result<Self> {
        Attachment::connect(dir, None).map(Self::of)
    }

    /// Attaches as the `ringwork` command does: with one of the entries that are kept for it, or
    /// else any other. When all are taken it waits for one, at most for `limit` (default: as long
    /// as it takes).
    ///
    /// # Errors
    /// As [`Self::connect`]; [`RingError::TableFull`] after `limit`, and [`RingError::Closed`] when
    /// the pool ends, or takes no more tasks, meanwhile.
    pub fn connect_as_command(dir: &PoolDir, limit: Option<Duration>) -> Result<Self> {
        Attachment::connect_as_command(dir, limit).map(Self::of)
    }

    /// Takes a client entry of an attached segment.
    #[cfg(ringwork_model)]
    pub(crate) fn register(segment: Segment) -> Result<Self> {
        Attachment::register(segment, None).map(Self::of)
    }

    fn of(at: Attachment) -> Self {
        let slots = at.slots;
        let table = Table {
            free: (0..slots).rev().collect(),
            places: (0..slots).map(|_| SlotUse::Free).collect(),
            next: vec![UNKNOWN; slots as usize],
            submitted: 0,
            in_flight: HashMap::new(),
            counted: vec![0; slots as usize],
            weighed: vec![false; slots as usize],
            backlog: Backlog::default(),
            keys: KeyChains::default(),
            slices: Slices::of_a_client(),
        };
        Self {
            at,
            table: Mutex::new(table),
            polling: Mutex::new(Instant::now()),
            changed: Condvar::new(),
            ended: OnceLock::new(),
        }
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

    /// What the waits of a handler's tasks are multiplied by.
    #[cfg(test)]
    pub(crate) fn margin(&self, handler: &str) -> Option<f64> {
        let table = lock(&self.table);
        let known = table.backlog.run_times.known(id_of(handler));
        known.map(|handler| handler.margin(now_ns()))
    }

    /// Whether a slot is free for a task with these options. A caller that waits for room asks first:
    /// each submit that finds none counts as rejected.
    #[must_use]
    pub fn has_slot(&self, options: &TaskOptions) -> bool {
        let has = || {
            let table = lock(&self.table);
            table.free.len() > table.kept_from(options)
        };
        has() || {
            // Tasks without a waiter may have ended: then there is room.
            self.collect();
            has()
        }
    }

    /// Submits a task; returns at once.
    pub fn submit(
        &self,
        handler: &str,
        request: &[u8],
        options: &TaskOptions,
    ) -> Result<Ticket<'_>> {
        self.submit_as(handler, request, options, false)
    }

    /// As [`Self::submit`]; of a task that is `watched` the thread looks for the end itself, so that
    /// its lane writes no hint unless the ticket asks for one.
    pub(crate) fn submit_as(
        &self,
        handler: &str,
        request: &[u8],
        options: &TaskOptions,
        watched: bool,
    ) -> Result<Ticket<'_>> {
        if let Err(error) = self.check_open() {
            let _table = lock(&self.table); // whose holder counts
            self.refuse(&error, handler);
            return Err(error);
        }
        let mut table = lock(&self.table);
        let weighed = self.check_deadline(&mut table, handler, options)?;
        let mut result = self.submit_locked(&mut table, handler, request, options, watched);
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
            result = self.submit_locked(&mut table, handler, request, options, watched);
        }
        if let Err(error) = &result {
            self.refuse(error, handler);
        }
        if let Ok((slot, ..)) = &result {
            table.weighed[(slot - self.at.first_slot) as usize] = weighed;
        }
        drop(table);
        let (slot, word, deadline_ns, kind) = result?;
        // After the hint; outside the lock, since it may be a system call.
        wake_after_publish(&self.at.segment, kind);
        failpoint!("submit.woken");
        Ok(Ticket {
            client: self,
            slot,
            word,
            deadline_ns,
            watched,
        })
    }

    fn check_open(&self) -> Result<()> {
        if self.ended.get().is_some() {
            return Err(closed(&self.at.segment, SUPERVISOR_DIED));
        }
        self.at.check_open()
    }

    /// Counts a task that was not submitted; the table is locked.
    fn refuse(&self, error: &RingError, handler: &str) {
        let id = id_of(handler);
        self.at.count_rejected(error, id, Counting::Locked);
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
        let handler = (handler, id_of(handler));
        (self.at.weigh(&mut table.backlog, handler, options, left))
            .inspect_err(|error| self.refuse(error, handler.0))
    }

    /// Submits a task while the table is locked: its slot, its word, its deadline, and the lanes that
    /// it is for.
    fn submit_locked(
        &self,
        table: &mut Table,
        handler: &str,
        request: &[u8],
        options: &TaskOptions,
        watched: bool,
    ) -> Result<(u32, Word, Option<u64>, LaneKind)> {
        self.at.check(options)?;
        let key = Keyed::of(options, &self.at)?;
        let local = table.take(handler, options)?;
        let slot = self.at.first_slot + local;
        if table.next[local as usize] == UNKNOWN {
            let before = self.at.generation_at_rest(slot);
            let before = before.inspect_err(|_| table.lose(local))?;
            table.next[local as usize] = after(before);
        }
        let generation = table.next[local as usize];
        let id = id_of(handler);
        let sampled = table.samples(id);
        let numbered = self.at.numbered(slot);
        let filled = (self.at).fill(numbered, generation, (id, request), options, sampled);
        let (published, deadline_ns) = filled.inspect_err(|_| table.bring_home(local, &self.at))?;
        let published = published.with_watched(watched);
        let queued = Word::queued(generation, 0);
        table.places[local as usize] = SlotUse::Pending(queued);
        table.next[local as usize] = after(generation);
        let hints = self.publish(table, numbered, published, key);
        if hints && !self.at.hint(numbered, published) {
            table.keys.forget(slot);
            table.bring_home(local, &self.at);
            return Err(RingError::QueueFull);
        }
        self.at.count(ClientCounter::Submitted, Counting::Locked);
        failpoint!("submit.counted");
        Ok((slot, queued, deadline_ns, published.lane_kind()))
    }

    /// Publishes a task; whether its hint is to be written here.
    #[inline(always)]
    fn publish(
        &self,
        table: &mut Table,
        (slot, fields): Numbered<'_>,
        published: Published,
        key: Option<Keyed>,
    ) -> bool {
        let Some(key) = key else {
            self.at.publish(fields, published);
            return true;
        };
        let task = (slot, published.generation());
        table.keys.publish(&self.at, task, key, || {
            self.at.publish(fields, published.with_key());
        })
    }

    /// Submits and waits.
    pub fn call(&self, handler: &str, request: &[u8], options: &TaskOptions) -> Result<Outcome> {
        // A process with one processor does not look, but sleeps at once.
        let watched = sync::cores() > 1;
        self.submit_as(handler, request, options, watched)?
            .wait(None)
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
        let mut table = lock(&self.table);
        let mut any = false;
        (self.at).take_announced(|local| any |= self.settle(&mut table, local));
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
        let slot = self.at.first_slot + local;
        let Some(end) = self.at.end_of(slot, awaited.generation()) else {
            return false;
        };
        if let Some((handler, ran)) = self.at.run_time(slot, end) {
            table.backlog.run_times.ran(handler, ran);
        }
        let outcome = self.at.outcome(slot, end, counted, Counting::Locked);
        match outcome {
            Outcome::Completed { .. } if wanted => self.judge(table, local, true),
            Outcome::TimedOut { .. } if wanted => self.judge(table, local, false),
            _ => {}
        }
        if wanted {
            table.places[local as usize] = SlotUse::Ready(awaited, outcome);
        } else {
            table.bring_home(local, &self.at);
        }
        true
    }

    /// Takes in what has ended without a hint, and ends the tasks whose slots are no longer theirs:
    /// a broken peer must not keep a wait from ending. A slice of the slots at each look.
    fn check_pending(&self) {
        let mut table = lock(&self.table);
        let mut any = false;
        let slots = table.places.len() as u32;
        for local in table.slices.of(slots) {
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
        if let Some(reason) = self.at.why_over() {
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
        let slot = self.at.first_slot + local;
        let word = self.at.segment.word(slot);
        // From QUEUED on only this client frees the slot, and it does so under the table's lock.
        let possible = word.generation() == awaited.generation()
            && !matches!(word.kind(), Kind::Free | Kind::Corrupt);
        if possible {
            return false;
        }
        let outcome = self.at.impossible(word);
        table.lose(local);
        if !abandoned {
            table.places[local as usize] = SlotUse::Broken(awaited, outcome);
        }
        true
    }

    /// Takes in whether a task came in time, if it was let in since it seemed to.
    fn judge(&self, table: &mut Table, local: u32, in_time: bool) {
        if std::mem::take(&mut table.weighed[local as usize]) {
            let handler = self.at.segment.slot(self.at.first_slot + local).handler();
            let times = &mut table.backlog.run_times;
            times.ended(handler, in_time, now_ns());
        }
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
        self.at.leave(idle);
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
        let mut watches = self.watched;
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
                let ended = self.client.at.segment.slot(self.slot).ended_acquire();
                if ended.generation() != self.word.generation() {
                    continue;
                }
                if watches {
                    self.settle();
                    continue;
                }
            }
            if watches {
                watches = false;
                self.stop_watching();
                continue;
            }
            self.help_or_sleep(pause);
        }
    }

    /// The thread is going to sleep, or to leave: from now on it counts on the hint.
    fn stop_watching(&self) {
        let slot = self.client.at.segment.slot(self.slot);
        slot.request_hint(self.word.generation());
        failpoint!("watch.asked");
        self.settle(); // it may have ended before its lane could see that
    }

    /// Takes the outcome in if the task has ended.
    fn settle(&self) {
        let client = self.client;
        client.settle(&mut lock(&client.table), self.local() as u32);
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
                client.at.park(pause);
                client.drain();
                if checked.elapsed() >= LIVENESS_INTERVAL || client.at.segment.is_over() {
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
        (self.slot - self.client.at.first_slot) as usize
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
                table.bring_home(local as u32, &self.client.at);
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
        // From here on an end that comes meanwhile is not counted again.
        table.places[local] = SlotUse::GivenUp(self.word);
        let generation = self.word.generation();
        let taken_back = (client.at).take_back(self.slot, generation, counter, Counting::Locked);
        let may_have_run = match taken_back {
            TakenBack::Free { may_have_run } => {
                table.bring_home(local as u32, &client.at);
                may_have_run
            }
            TakenBack::Asked { may_have_run } => {
                // A lane that had ended it before writes no hint for that.
                client.settle(&mut table, local as u32);
                may_have_run
            }
        };
        Some(outcome(may_have_run))
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
                table.places[local] = SlotUse::Abandoned(self.word);
                if self.watched {
                    drop(table);
                    self.stop_watching();
                }
            }
            SlotUse::Ready(word, _) if *word == self.word => {
                table.bring_home(local as u32, &self.client.at);
            }
            SlotUse::Broken(word, _) if *word == self.word => table.places[local] = SlotUse::Lost,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;

//! A client's entry in a pool, and what is done to slots: the protocol of a client, without a
//! table.
//!
//! Used by [`crate::client::Client`] and [`crate::client::TaskTable`], which know what has become
//! of each slot. Invariant: a slot that is filled, and a result that is read, is in the hands of
//! one thread, by their tables.

use crate::client::backlog::{Backlog, Verdict};
use crate::client::handler_kinds::HandlerKinds;
use crate::client::outcome::{Outcome, TaskOptions, counter_of, failed, rejected_by};
use crate::error::{Result, RingError};
use crate::format::failure;
use crate::format::layout::{ClientCounter, HandlerLoss, INLINE, MAX_ATTEMPTS, PUBLISHED_STAMPED};
use crate::format::states::{ClientKind, Codec, Ending, EntryState, LaneKind, Status};
use crate::format::words::{EntryWord, Kind, Owner, Place, Published, Publisher, Word};
use crate::lane::entry::{command_entries, take_entry};
use crate::os::clock::now_ns;
use crate::os::program::program_name;
use crate::os::sync::{self, Instant, Ordering, fence};
use crate::queue::arena::{self, ArenaView, BlockRef, Role};
use crate::queue::wait::{futex_wait, ring_bell, wake_word};
use crate::records::{CORRUPT_AFTER, ClientRecord, Request, Slot};
use crate::segment::handler_totals::count_loss;
use crate::segment::liveness::LivenessLock;
use crate::segment::paths::PoolDir;
use crate::segment::tables::log_error;
use crate::segment::{Segment, SupervisorProbe};
use std::time::Duration;

/// The least urgent priority of a task; a pool with fewer takes it for its last one.
const LEAST_URGENT: u32 = 2;

/// How often a command that waits for an entry tries again.
const ENTRY_INTERVAL: Duration = Duration::from_millis(5);

/// Why a pool has ended whose header does not say it.
pub(super) const SUPERVISOR_DIED: &str = "its supervisor died";

#[cold]
fn out_of_range(attempts: u32, priority: u32, last: u32) -> RingError {
    let (option, value, least, most) = match (1..=MAX_ATTEMPTS).contains(&attempts) {
        false => ("attempts", attempts, 1, MAX_ATTEMPTS),
        true => ("priority", priority, 0, last),
    };
    RingError::OutOfRange {
        option,
        value,
        least,
        most,
    }
}

/// An ACTIVE entry, held by its lock.
#[derive(Debug)]
pub(super) struct Attachment {
    pub(super) segment: Segment,
    pub(super) index: u32,
    word: EntryWord,
    /// The first of its slots, and how many there are.
    pub(super) first_slot: u32,
    pub(super) slots: u32,
    arena: ArenaView,
    kinds: HandlerKinds,
    supervisor: SupervisorProbe,
    _lock: LivenessLock,
}

/// A slot by its number, and what is in it.
pub(super) type Numbered<'s> = (u32, Slot<'s>);

/// What has become of a task that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TakenBack {
    /// No lane has it, and its slot is free.
    Free { may_have_run: bool },
    /// Its lane was asked to stop, or to leave it out, or it has ended: a lane that had ended it
    /// before may write no hint for that.
    Asked { may_have_run: bool },
}

/// How a client's threads count: one at a time, under a lock, or all at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    Locked,
    Shared,
}

impl Attachment {
    /// Attaches to a pool and takes a client entry, by this name, or else the program's.
    pub(super) fn connect(dir: &PoolDir, name: Option<&str>) -> Result<Self> {
        let segment = Segment::attach(dir)?;
        let _ = segment.prepare(); // the supervisor has warned
        Self::register(segment, name)
    }

    /// Attaches as the `ringwork` command does: with one of the entries that are kept for it, or
    /// else any other. When all are taken it waits for one, at most for `limit` (default: as long
    /// as it takes).
    ///
    /// # Errors
    /// As [`Self::connect`]; [`RingError::TableFull`] after `limit`, and [`RingError::Closed`] when
    /// the pool ends, or takes no more tasks, meanwhile.
    pub(super) fn connect_as_command(dir: &PoolDir, limit: Option<Duration>) -> Result<Self> {
        let mut segment = Segment::attach(dir)?;
        let _ = segment.prepare(); // the supervisor has warned
        let start = Instant::now();
        let entries = segment.geometry().max_clients;
        let kept = entries - command_entries(entries);
        loop {
            let order = (kept..entries).chain(0..kept);
            segment = match Self::take(segment, order, None)? {
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
    pub(super) fn register(segment: Segment, name: Option<&str>) -> Result<Self> {
        let entries = segment.geometry().max_clients;
        let own = entries - command_entries(entries);
        Self::take(segment, 0..own, name)?.map_err(|_| all_taken(own))
    }

    /// Takes the first of these entries that is free; the segment comes back when none is.
    fn take(
        segment: Segment,
        entries: impl IntoIterator<Item = u32>,
        name: Option<&str>,
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
                return Self::activate(segment, supervisor, name, index, (held, word)).map(Ok);
            }
        }
        Ok(Err(segment))
    }

    /// Fills an entry whose lock is held, and makes it ACTIVE.
    fn activate(
        segment: Segment,
        supervisor: SupervisorProbe,
        name: Option<&str>,
        index: u32,
        (held, word): (LivenessLock, EntryWord),
    ) -> Result<Self> {
        let record = segment.client(index);
        let name = name.map_or_else(program_name, str::to_owned);
        let name = name.split('\0').next().unwrap_or_default();
        record.fill(std::process::id(), ClientKind::Rust, name, now_ns());
        failpoint!("client.filled");
        record.store_word_release(word);
        failpoint!("client.active");
        let own = segment.geometry().slots_of(index);
        if let Some(slot) = own.clone().find(|slot| !segment.word(*slot).is_at_rest()) {
            return Err(RingError::Corrupt(format!(
                "slot {slot} of a free client entry is in use"
            )));
        }
        Ok(Self {
            supervisor,
            index,
            word,
            first_slot: own.start,
            slots: own.end - own.start,
            arena: ArenaView::new(&segment),
            kinds: HandlerKinds::new(),
            segment,
            _lock: held,
        })
    }

    /// The client's entry.
    pub(super) fn record(&self) -> ClientRecord<'_> {
        self.segment.client(self.index)
    }

    /// This client as a publisher of events.
    pub(super) fn publisher(&self) -> Publisher {
        Publisher::Client(self.index)
    }

    /// Refuses a submit when the pool takes no tasks.
    #[inline]
    pub(super) fn check_open(&self) -> Result<()> {
        if self.segment.takes_tasks() {
            Ok(())
        } else {
            Err(closed(&self.segment, "it takes no more tasks"))
        }
    }

    /// Why the pool has ended, if it has.
    pub(super) fn why_over(&self) -> Option<RingError> {
        let lives = || self.supervisor.lives(&self.segment);
        let over = self.segment.is_over() || lives().is_ok_and(|lives| !lives);
        over.then(|| closed(&self.segment, SUPERVISOR_DIED))
    }

    /// The slot of a number.
    #[inline(always)]
    pub(super) fn numbered(&self, slot: u32) -> Numbered<'_> {
        (slot, self.segment.slot(slot))
    }

    /// Counts a task once.
    #[inline(always)]
    pub(super) fn count(&self, counter: ClientCounter, counting: Counting) {
        let shared = counting == Counting::Shared;
        self.record().counter(counter).count(1, shared);
    }

    /// Counts a task for this handler that was not submitted, if it was rejected.
    #[cold]
    pub(super) fn count_rejected(&self, error: &RingError, handler: u64, counting: Counting) {
        if let Some((why, of_handler)) = rejected_by(error) {
            self.count(why, counting);
            self.count(ClientCounter::Rejected, counting);
            count_loss(&self.segment, handler, of_handler);
        }
    }

    /// Refuses options that no task can have.
    #[inline]
    pub(super) fn check(&self, options: &TaskOptions) -> Result<()> {
        let last = (self.segment.geometry().priorities - 1).max(LEAST_URGENT);
        let (attempts, priority) = (options.attempts.into(), options.priority.into());
        if (1..=MAX_ATTEMPTS).contains(&attempts) && priority <= last {
            return Ok(());
        }
        Err(out_of_range(attempts, priority, last))
    }

    /// Refuses a task that would wait beyond its deadline. Returns whether it was let in since it
    /// seemed to be in time behind what is queued.
    pub(super) fn weigh(
        &self,
        backlog: &mut Backlog,
        (handler, id): (&str, u64),
        options: &TaskOptions,
        left: Duration,
    ) -> Result<bool> {
        if self.kind_of(id) == LaneKind::Io {
            return Ok(false); // no I/O lane runs a task to its end: nothing waits for those before it
        }
        let priority = u32::from(options.priority);
        match backlog.weigh(&self.segment, id, priority, left) {
            Verdict::Unweighed => Ok(false),
            Verdict::InTime => Ok(true),
            Verdict::TooLate(late) => Err(RingError::DeadlineUnreachable {
                handler: handler.to_owned(),
                wait: late.wait,
                run: late.run,
                ahead: late.ahead,
                lanes: late.lanes,
                left,
            }),
        }
    }

    /// Which lanes the tasks of a handler are for.
    #[inline]
    fn kind_of(&self, handler: u64) -> LaneKind {
        match self.segment.geometry().has_io_lanes() {
            true => self.kinds.of(&self.segment, handler),
            false => LaneKind::Cpu,
        }
    }

    /// The generation of the last task of a slot that this client has not used yet.
    ///
    /// # Errors
    /// When the slot is in use: it is never to be used then.
    pub(super) fn generation_at_rest(&self, slot: u32) -> Result<u64> {
        (self.segment.slot(slot).last_generation()).map_err(|found| {
            let what = format!("the free slot {slot} has the state {:#x}", found.0);
            RingError::Corrupt(what)
        })
    }

    /// Writes a task into a slot at rest that is in the caller's hands: the word that publishes it,
    /// and its deadline.
    #[inline(always)]
    pub(super) fn fill(
        &self,
        (slot, fields): Numbered<'_>,
        generation: u64,
        (handler, request): (u64, &[u8]),
        options: &TaskOptions,
        sampled: bool,
    ) -> Result<(Published, Option<u64>)> {
        let block = self.take_room(slot, generation, request.len())?;
        self.write_request(fields, block, request);
        failpoint!("submit.written");
        let request = (handler, block, request.len());
        Ok(self.fill_in(fields, generation, request, options, sampled))
    }

    /// The block of a request of so many bytes, if it needs one; the slot is in the caller's hands.
    #[inline(always)]
    pub(super) fn take_room(
        &self,
        slot: u32,
        generation: u64,
        len: usize,
    ) -> Result<Option<BlockRef>> {
        failpoint!("submit.slot");
        if len <= INLINE {
            return Ok(None);
        }
        let owner = Owner::request(slot, generation);
        let taken = (self.arena).take(&self.segment, len, Role::Request, owner);
        taken.map(Some)
    }

    /// Gives the room of a request back that was not submitted.
    pub(super) fn give_room_back(&self, slot: u32, generation: u64, block: Option<BlockRef>) {
        if let Some(block) = block {
            arena::free(&self.segment, block, Owner::request(slot, generation));
        }
    }

    /// The room of a request of so many bytes.
    ///
    /// # Safety
    /// The slot, and its block of [`Self::take_room`] for as many bytes or more, are in the
    /// caller's hands for as long as the slice lives, and so is the segment; there is no other
    /// slice of it.
    pub(super) unsafe fn room<'t>(
        &self,
        slot: u32,
        block: Option<BlockRef>,
        len: usize,
    ) -> &'t mut [u8] {
        let start = self.room_at(self.segment.slot(slot), block, len);
        sync::writes(start, len);
        // SAFETY: in bounds by `bytes_at`, and initialised, since the file was allocated in full;
        // the slot is on no list, and the block is the caller's by its owner word.
        unsafe { std::slice::from_raw_parts_mut(start, len) }
    }

    #[inline(always)]
    fn room_at(&self, fields: Slot<'_>, block: Option<BlockRef>, len: usize) -> *mut u8 {
        let room = block.map_or(fields.inline_request(), |block| {
            arena::offset(&self.segment, block)
        });
        self.segment.bytes_at(room, len)
    }

    /// As [`Self::fill`], of a request that is written: in a block, or in the slot.
    #[inline(always)]
    pub(super) fn fill_in(
        &self,
        fields: Slot<'_>,
        generation: u64,
        (handler, block, len): (u64, Option<BlockRef>, usize),
        options: &TaskOptions,
        sampled: bool,
    ) -> (Published, Option<u64>) {
        let segment = &self.segment;
        let deadline_ns = options
            .timeout
            .map(|timeout| now_ns().saturating_add(timeout.as_nanos() as u64).max(1));
        let priority = u32::from(options.priority).min(segment.geometry().priorities - 1);
        let reference = block.map_or(0, BlockRef::reference);
        let published = fields.fill(
            generation,
            &Request {
                deadline_ns,
                handler,
                place: Place::new(reference, len as u32),
                attempts: options.attempts,
                priority: priority as u8,
                kind: self.kind_of(handler),
                codec: options.codec,
                task_id: options.task_id,
                submitted_ns: sampled.then(now_ns),
                traceparent: options.traceparent.as_ref(),
            },
        );
        failpoint!("submit.filled");
        (published, deadline_ns)
    }

    /// Publishes what was filled in; [`Self::hint`] follows.
    #[inline(always)]
    pub(super) fn publish(&self, fields: Slot<'_>, published: Published) {
        fields.publish_release(published);
        failpoint!("submit.queued");
    }

    /// Puts the hint of what was published into its ring; `false` when that is full and the task
    /// was taken back.
    #[inline(always)]
    pub(super) fn hint(&self, (slot, fields): Numbered<'_>, published: Published) -> bool {
        let segment = &self.segment;
        let queued = Word::queued(published.generation(), 0);
        let queue = segment.queue_of(published);
        if queue.enqueue(slot).is_err() && fields.withdraw(queued) {
            failpoint!("submit.withdrawn");
            self.free_blocks(slot, queued);
            return false;
        }
        failpoint!("submit.hinted");
        true
    }

    /// Copies the request into its block, or into its slot.
    #[inline(always)]
    fn write_request(&self, fields: Slot<'_>, block: Option<BlockRef>, request: &[u8]) {
        let start = self.room_at(fields, block, request.len());
        sync::writes(start, request.len());
        // SAFETY: in bounds by `bytes_at`; the slot is on no list but in our hands, and the block
        // is ours by its owner word, so no other thread touches these bytes until it is published.
        unsafe { std::ptr::copy_nonoverlapping(request.as_ptr(), start, request.len()) };
    }

    /// Frees the block of a task's request, if it has one.
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

    /// A copy of the request's block of a task that has ended, for the results of a chunk; `None`
    /// when it has none.
    pub(super) fn copy_request(&self, slot: u32, end: Word) -> Option<Vec<u8>> {
        let segment = &self.segment;
        let place = segment.slot(slot).request();
        let owner = Owner::request(slot, end.generation());
        let block = arena::check_place(segment, place, owner, "request").ok()??;
        // pairs with the release of the cursor, by a lane that may have died since.
        fence(Ordering::Acquire);
        Some(self.copy(arena::offset(segment, block), place.len()))
    }

    /// A copy of bytes of the segment that no other process writes.
    #[inline(always)]
    fn copy(&self, from: usize, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len);
        let start = self.segment.bytes_at(from, len);
        sync::reads(start, len);
        // SAFETY: in bounds by `bytes_at`; the task has ended, so its payloads are this client's
        // alone. The vector has room for `len` bytes, and has them before its length says so.
        unsafe {
            std::ptr::copy_nonoverlapping(start.cast_const(), bytes.as_mut_ptr(), len);
            bytes.set_len(len);
        };
        bytes
    }

    /// How the task of a slot has ended that had this generation, if it has.
    #[inline(always)]
    pub(super) fn end_of(&self, slot: u32, generation: u64) -> Option<Word> {
        let word = self.segment.slot(slot).ended_acquire();
        let over = matches!(word.kind(), Kind::Done | Kind::Crashed);
        (word.generation() == generation && over).then_some(word)
    }

    /// The outcome of a task that has ended, whose blocks are freed then. It is counted under its
    /// end, unless it `is_counted`. The caller alone reads it.
    #[inline(always)]
    pub(super) fn outcome(
        &self,
        slot: u32,
        end: Word,
        is_counted: bool,
        counting: Counting,
    ) -> Outcome {
        let outcome = if end.kind() == Kind::Crashed {
            Outcome::Crashed {
                cause: end.cause(),
                attempts: end.attempt() + 1,
            }
        } else {
            self.read_result(slot, end)
        };
        failpoint!("poll.read");
        self.free_blocks(slot, end);
        failpoint!("poll.blocks_freed");
        // Each task is counted as submitted once, and under one of its ends once.
        if !is_counted {
            self.count(counter_of(&outcome), counting);
        }
        failpoint!("poll.counted");
        outcome
    }

    /// How long a task took that has a result, if it was stamped, with its handler; what a chunk
    /// took is no run time.
    #[inline(always)]
    pub(super) fn run_time(&self, slot: u32, end: Word) -> Option<(u64, u64)> {
        if cfg!(ringwork_model) {
            return None; // the models look at one task after the other, and not at numbers
        }
        let fields = self.segment.slot(slot);
        let published = fields.published();
        if !published.has(PUBLISHED_STAMPED)
            || end.ending() != Ok(Status::Ok.into())
            || published.codec() == Ok(Codec::Chunk)
        {
            return None;
        }
        let (claimed, submitted) = (fields.claimed_ns(), fields.submitted_ns());
        // Not where a peer is wrong.
        (claimed >= submitted).then(|| (fields.handler(), now_ns().saturating_sub(claimed)))
    }

    /// Takes a task that is given up, and that is counted under `counter`, out of the queue, or asks
    /// its lane to stop. One that has a key is never taken out: others may be queued behind it.
    pub(super) fn take_back(
        &self,
        slot: u32,
        generation: u64,
        counter: ClientCounter,
        counting: Counting,
    ) -> TakenBack {
        self.count(counter, counting);
        failpoint!("cancel.counted");
        let fields = self.segment.slot(slot);
        // Two rounds do where peers are honest: a claim or the reaper may come between, or a retry.
        for _ in 0..CORRUPT_AFTER {
            let word = self.segment.word(slot);
            let own = word.generation() == generation;
            match word.kind() {
                Kind::Queued if own && fields.published().is_keyed() => {
                    fields.request_cancel(generation);
                    failpoint!("cancel.key_asked");
                    // pairs with the fence behind a claim in `LaneCore::claim_keyed`: queued still,
                    // it is claimed by a lane that sees what was asked.
                    let may_have_run = fields.queued() != Some(word) || word.attempt() > 0;
                    ring_bell(&self.segment, slot);
                    return TakenBack::Asked { may_have_run };
                }
                Kind::Queued if own => {
                    let handler = fields.handler();
                    if fields.withdraw(word) {
                        failpoint!("cancel.withdrawn");
                        let loss = match counter {
                            ClientCounter::TimedOut => HandlerLoss::Expired,
                            _ => HandlerLoss::Cancelled,
                        };
                        count_loss(&self.segment, handler, loss);
                        // No lane has it, so nothing but this thread ends it.
                        self.free_blocks(slot, word);
                        let may_have_run = word.attempt() > 0;
                        return TakenBack::Free { may_have_run };
                    }
                }
                Kind::Done | Kind::Crashed if own => break,
                // It runs, or it has a state that no peer of ours gives it (an end of another
                // generation): waiting longer would not help.
                _ => {
                    fields.request_cancel(word.generation());
                    failpoint!("cancel.asked");
                    ring_bell(&self.segment, slot);
                    break;
                }
            }
        }
        TakenBack::Asked { may_have_run: true }
    }

    /// The outcome of a task whose slot has a state that is impossible; it is logged, too.
    #[cold]
    pub(super) fn impossible(&self, found: Word) -> Outcome {
        log_error(&self.segment, "a slot in use has an impossible state");
        let what = format!("a slot in use has the impossible state {:#x}", found.0);
        let what = RingError::Corrupt(what).to_string();
        failed(Status::Failed, "segment.corrupt", what)
    }

    /// Calls `settle` with the number of each slot that lanes have announced, and after an overflow
    /// with all. A number may be stale, and too large.
    pub(super) fn take_announced(&self, mut settle: impl FnMut(u32)) {
        let ring = self.segment.completion_ring(self.index);
        // Bounded: a ring that a broken peer keeps filling must not hold a thread for ever.
        for slot in std::iter::from_fn(|| ring.dequeue()).take(4 * self.slots as usize) {
            settle(slot.wrapping_sub(self.first_slot));
        }
        if self.record().take_overflow() {
            failpoint!("poll.overflow");
            (0..self.slots).for_each(settle);
        }
    }

    /// The result of a task that is DONE. The caller alone reads it.
    #[inline]
    fn read_result(&self, slot: u32, word: Word) -> Outcome {
        let segment = &self.segment;
        let (ending, codec) = (word.ending(), word.result_codec());
        let (block, from, len) = match self.find_result(slot, word) {
            Ok(found) => found,
            Err(error) => return failed(Status::Failed, "segment.corrupt", error.to_string()),
        };
        let bytes = self.copy(from, len);
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

    /// Where the result of a task is that is DONE: its block, if it has one, offset and length.
    #[inline(always)]
    fn find_result(&self, slot: u32, end: Word) -> Result<(Option<BlockRef>, usize, usize)> {
        let segment = &self.segment;
        let fields = segment.slot(slot);
        let place = fields.result();
        let block = arena::check_place(segment, place, Owner::result(slot, end), "result")?;
        let from = block.map_or(fields.inline_result(), |block| {
            arena::offset(segment, block)
        });
        Ok((block, from, place.len()))
    }

    /// The result of a task that has one, to be read in place until [`Self::release`]; it is
    /// counted. `None` when the task has failed, or its result can't be read so.
    pub(super) fn lease(
        &self,
        slot: u32,
        end: Word,
        counting: Counting,
    ) -> Option<(Codec, usize, usize)> {
        if end.kind() != Kind::Done || end.ending() != Ok(Status::Ok.into()) {
            return None;
        }
        let codec = end.result_codec().ok()?;
        let (_, from, len) = self.find_result(slot, end).ok()?;
        self.count(ClientCounter::Completed, counting);
        failpoint!("lease.counted");
        Some((codec, from, len))
    }

    /// The bytes of a result that is leased.
    ///
    /// # Safety
    /// The place is one of [`Self::lease`], and for as long as the slice lives the segment does,
    /// and [`Self::release`] is not called.
    pub(super) unsafe fn leased<'t>(&self, from: usize, len: usize) -> &'t [u8] {
        let start = self.segment.bytes_at(from, len);
        sync::reads(start, len);
        // SAFETY: in bounds by `bytes_at`, and initialised, since the file was allocated in full;
        // the task has ended, so by the protocol no process writes them.
        unsafe { std::slice::from_raw_parts(start.cast_const(), len) }
    }

    /// Ends a lease: both blocks of the task are free.
    pub(super) fn release(&self, slot: u32, end: Word) {
        if let Ok((Some(block), ..)) = self.find_result(slot, end) {
            arena::free(&self.segment, block, Owner::result(slot, end));
        }
        failpoint!("lease.freed");
        self.free_blocks(slot, end);
        failpoint!("lease.released");
    }

    /// Waits for something to happen, as the one poller; at most `limit`.
    pub(super) fn park(&self, limit: Duration) {
        self.park_since(self.wakes(), limit);
    }

    /// How often the poller was woken.
    pub(super) fn wakes(&self) -> u32 {
        self.record().wake().load(Ordering::Acquire)
    }

    /// As [`Self::park`]; a wake since `seen` was asked for ends it at once.
    pub(super) fn park_since(&self, seen: u32, limit: Duration) {
        let entry = self.record();
        entry.set_waiting(true);
        failpoint!("poll.waiting");
        // pairs with the fence in `wake_client_after_publish`.
        fence(Ordering::SeqCst);
        let nothing = self.segment.completion_ring(self.index).is_empty()
            && !entry.has_overflow()
            && !self.segment.is_over();
        if nothing {
            failpoint!("poll.parking");
            self.sleep(seen, limit);
            failpoint!("poll.awake");
        }
        entry.set_waiting(false);
    }

    /// Sleeps until a wake since `seen`, without asking lanes for one.
    pub(super) fn sleep(&self, seen: u32, limit: Duration) {
        futex_wait(self.record().wake(), seen, limit);
    }

    /// Whether lanes have announced something.
    pub(super) fn has_completions(&self) -> bool {
        !self.segment.completion_ring(self.index).is_empty() || self.record().has_overflow()
    }

    /// Ends the poller's sleep, or the next one.
    pub(super) fn wake_poller(&self) {
        wake_word(self.record().wake());
    }

    /// Gives the entry up: FREE when no task is in its slots, else LEAVING, for the reaper. The
    /// lock is dropped after it.
    pub(super) fn leave(&self, idle: bool) {
        failpoint!("client.leaving");
        let end = if idle {
            EntryState::Free
        } else {
            EntryState::Leaving
        };
        self.record().store_word_release(self.word.with(end));
        failpoint!("client.left");
        // If it is not free, the lock tells the reaper to clear the rest.
    }
}

fn all_taken(count: u32) -> RingError {
    RingError::TableFull {
        what: "client",
        count,
        option: "--clients",
    }
}

/// The error of a pool that has ended, or takes no more tasks; `default` where its header does not
/// say why.
pub(super) fn closed(segment: &Segment, default: &str) -> RingError {
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

//! The packed words: a slot's published, claim and ended words, an arena block's owner, an entry's
//! life. No access.

use crate::format::cause::Cause;
use crate::format::layout::*;
use crate::format::names::UnknownWord;
use crate::format::states::{Codec, Ending, EntryState, LaneKind, Status};

/// Where a task stands: generation, owner, attempt and kind in one u64. A slot's claim word and its
/// ended word have this form, and so has what [`Slot::word`](crate::records::Slot::word) makes of
/// its three words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word(pub u64);

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is none: no task yet, or it was taken back before a lane claimed it.
    Free,
    /// May be claimed.
    Queued,
    /// Runs on the owner lane.
    Claimed,
    /// Ended; the result fields are valid. The slot may be used again.
    Done,
    /// Ended by the death of its worker. The slot may be used again.
    Crashed,
    /// No value that this version writes.
    Corrupt,
}

impl Word {
    const fn pack(generation: u64, owner: u16, attempt: u32, kind: u64) -> Self {
        Self(
            (generation & GENERATION_MASK) << STATE_GENERATION_SHIFT
                | (owner as u64) << STATE_OWNER_SHIFT
                | (attempt as u64 & STATE_ATTEMPT_MASK) << STATE_ATTEMPT_SHIFT
                | kind,
        )
    }

    /// FREE in `generation`; as a claim word, WITHDRAWN.
    #[must_use]
    pub const fn free(generation: u64) -> Self {
        Self::pack(generation, 0, 0, KIND_WITHDRAWN)
    }

    /// QUEUED for its `attempt`, counted from 0; as a claim word, REQUEUED.
    #[must_use]
    pub const fn queued(generation: u64, attempt: u32) -> Self {
        Self::pack(generation, 0, attempt, KIND_REQUEUED)
    }

    /// The word after this QUEUED one when `lane` claims it.
    #[must_use]
    pub const fn claimed_by(self, lane: u16) -> Self {
        Self::pack(self.generation(), lane, self.attempt(), KIND_CLAIMED)
    }

    /// The word after this CLAIMED one when its lane is done.
    #[must_use]
    pub const fn done(self, ending: Ending, codec: Codec) -> Self {
        let mut status = ending.status.word() as u16;
        if ending.not_run {
            status |= ENDED_NOT_RUN as u16;
        }
        let owner = (codec.word() as u16) << ENDED_CODEC_SHIFT | status;
        Self::pack(self.generation(), owner, self.attempt(), KIND_DONE)
    }

    /// The word after this CLAIMED one when its lane died and an attempt is left.
    #[must_use]
    pub const fn retried(self) -> Self {
        Self::queued(self.generation(), self.attempt() + 1)
    }

    /// The word after this CLAIMED one when its lane died of `cause` for good.
    #[must_use]
    pub const fn crashed(self, cause: Cause) -> Self {
        Self::pack(
            self.generation(),
            cause.word(),
            self.attempt(),
            KIND_CRASHED,
        )
    }

    /// The word after this QUEUED one when it is taken back.
    #[must_use]
    pub const fn withdrawn(self) -> Self {
        Self::free(self.generation())
    }

    /// The kind.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self.0 & STATE_KIND_MASK {
            KIND_WITHDRAWN => Kind::Free,
            KIND_REQUEUED => Kind::Queued,
            KIND_CLAIMED => Kind::Claimed,
            KIND_DONE => Kind::Done,
            KIND_CRASHED => Kind::Crashed,
            _ => Kind::Corrupt,
        }
    }

    /// Whether its slot may be used for another task, by its client.
    #[must_use]
    pub const fn is_at_rest(self) -> bool {
        matches!(self.kind(), Kind::Free | Kind::Done | Kind::Crashed)
    }

    /// The generation: how often the slot was used.
    #[must_use]
    pub const fn generation(self) -> u64 {
        self.0 >> STATE_GENERATION_SHIFT & GENERATION_MASK
    }

    /// The attempt, counted from 0.
    #[must_use]
    pub const fn attempt(self) -> u32 {
        (self.0 >> STATE_ATTEMPT_SHIFT & STATE_ATTEMPT_MASK) as u32
    }

    /// The owner lane (CLAIMED); of a CRASHED word, the bits of its cause; of a DONE one, those of
    /// its ending and codec.
    #[must_use]
    pub const fn owner(self) -> u16 {
        (self.0 >> STATE_OWNER_SHIFT & STATE_OWNER_MASK) as u16
    }

    /// Why the worker of this CRASHED word died.
    #[must_use]
    pub const fn cause(self) -> Cause {
        Cause::from_word(self.owner())
    }

    /// How the task of this DONE word has ended.
    ///
    /// # Errors
    /// When a worker has written no status that this version knows.
    pub const fn ending(self) -> Result<Ending, UnknownWord> {
        let bits = self.owner() as u32 & 0xff;
        match Status::from_word(bits & !ENDED_NOT_RUN) {
            Ok(status) => Ok(Ending {
                status,
                not_run: bits & ENDED_NOT_RUN != 0,
            }),
            Err(unknown) => Err(unknown),
        }
    }

    /// Codec of the result of this DONE word.
    ///
    /// # Errors
    /// When a worker has written none that this version knows.
    pub fn result_codec(self) -> Result<Codec, UnknownWord> {
        Codec::from_word((self.owner() >> ENDED_CODEC_SHIFT) as u8)
    }
}

/// The generation after this one; they count modulo [`GENERATION_MASK`] + 1.
#[must_use]
pub const fn after(generation: u64) -> u64 {
    generation.wrapping_add(1) & GENERATION_MASK
}

/// Whether a generation came before another one: by less than half a round of all of them.
#[must_use]
pub const fn is_older(generation: u64, than: u64) -> bool {
    // By one less, so that one comparison leaves out the same generation, too.
    than.wrapping_sub(generation).wrapping_sub(1) & GENERATION_MASK < GENERATION_MASK / 2
}

/// The id of a task that was given none: no other task of the pool has it.
#[must_use]
pub const fn derived_task_id(generation: u64, slot: u32) -> u64 {
    generation << STATE_GENERATION_SHIFT | slot as u64
}

/// A process that publishes events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publisher {
    /// The pool's supervisor.
    Supervisor,
    /// The client with this index.
    Client(u32),
    /// The worker with this index.
    Worker(u32),
}

impl Publisher {
    const fn word(self) -> u64 {
        match self {
            Self::Supervisor => 0,
            Self::Client(index) => (EVENT_CLIENTS + index) as u64 & EVENT_PUBLISHER_MASK,
            Self::Worker(index) => (EVENT_WORKERS + index) as u64 & EVENT_PUBLISHER_MASK,
        }
    }

    const fn from_word(word: u32) -> Self {
        match word {
            0 => Self::Supervisor,
            EVENT_WORKERS.. => Self::Worker(word - EVENT_WORKERS),
            _ => Self::Client(word - EVENT_CLIENTS),
        }
    }
}

/// What a cell of the event ring is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventState {
    /// There was no event yet.
    Unused,
    /// Its publisher writes it.
    Busy,
    /// It may be read.
    Ready,
    /// Its publisher died before it was written.
    Void,
}

/// The word of a cell of the event ring: position, publisher and state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventWord(pub(crate) u64);

impl EventWord {
    /// BUSY at a position.
    pub(crate) const fn busy(position: u64, publisher: Publisher) -> Self {
        Self(
            (position & EVENT_POSITION_MASK) << EVENT_POSITION_SHIFT
                | publisher.word() << EVENT_PUBLISHER_SHIFT
                | EVENT_BUSY,
        )
    }

    const fn with(self, state: u64) -> Self {
        Self(self.0 & !EVENT_STATE_MASK | state)
    }

    /// The word after this BUSY one when the event is written.
    pub(crate) const fn ready(self) -> Self {
        self.with(EVENT_READY)
    }

    /// The word after this BUSY one when its publisher died.
    pub(crate) const fn void(self) -> Self {
        self.with(EVENT_VOID)
    }

    /// What the cell is; `None` for a word that no process of ours stores.
    pub(crate) const fn state(self) -> Option<EventState> {
        match self.0 & EVENT_STATE_MASK {
            0 if self.0 == 0 => Some(EventState::Unused),
            EVENT_BUSY => Some(EventState::Busy),
            EVENT_READY => Some(EventState::Ready),
            EVENT_VOID => Some(EventState::Void),
            _ => None,
        }
    }

    /// The publisher.
    pub(crate) const fn publisher(self) -> Publisher {
        Publisher::from_word((self.0 >> EVENT_PUBLISHER_SHIFT & EVENT_PUBLISHER_MASK) as u32)
    }

    /// Where this word's position is as seen from another one; a cell that was never used is behind
    /// all of them.
    pub(crate) const fn seen_from(self, position: u64) -> Lap {
        let own = self.0 >> EVENT_POSITION_SHIFT;
        let ahead = own.wrapping_sub(position) & EVENT_POSITION_MASK;
        match ahead {
            _ if self.0 == 0 => Lap::Before,
            0 => Lap::Same,
            _ if ahead <= EVENT_POSITION_MASK / 2 => Lap::Beyond,
            _ => Lap::Before,
        }
    }
}

/// What a cell of a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellKind {
    /// Open for the message of its position.
    Empty,
    /// Its sender writes the message.
    Filling,
    /// The message may be taken.
    Full,
    /// Its receiver has the message.
    Taken,
    /// Receivers have gone on while its sender was writing.
    Passed,
    /// Its message will not come.
    Void,
}

impl CellKind {
    const fn word(self) -> u64 {
        match self {
            Self::Empty => CELL_EMPTY,
            Self::Filling => CELL_FILLING,
            Self::Full => CELL_FULL,
            Self::Taken => CELL_TAKEN,
            Self::Passed => CELL_PASSED,
            Self::Void => CELL_VOID,
        }
    }
}

/// The word of a cell of a channel: position, process, attempt and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellWord(pub(crate) u64);

impl CellWord {
    /// EMPTY at a position.
    pub(crate) const fn empty(position: u64) -> Self {
        Self((position & EVENT_POSITION_MASK) << EVENT_POSITION_SHIFT)
    }

    /// FILLING at a position.
    pub(crate) const fn filling(position: u64, sender: Publisher) -> Self {
        Self(Self::empty(position).0 | sender.word() << EVENT_PUBLISHER_SHIFT | CELL_FILLING)
    }

    /// The word after this one when the cell becomes another kind.
    pub(crate) const fn with(self, kind: CellKind) -> Self {
        Self(self.0 & !CELL_KIND_MASK | kind.word())
    }

    /// The word after this FULL one when a receiver takes the message.
    pub(crate) const fn taken_by(self, receiver: Publisher) -> Self {
        let others = self.0 & !(EVENT_PUBLISHER_MASK << EVENT_PUBLISHER_SHIFT);
        Self(others | receiver.word() << EVENT_PUBLISHER_SHIFT).with(CellKind::Taken)
    }

    /// The word after this TAKEN one when its receiver died, or gives the message back.
    pub(crate) const fn again(self) -> Self {
        let attempt = self.attempt() as u64 + 1;
        let attempt = if attempt > CELL_ATTEMPT_MASK {
            CELL_ATTEMPT_MASK
        } else {
            attempt
        };
        let others = self.0 & !(CELL_ATTEMPT_MASK << CELL_ATTEMPT_SHIFT);
        Self(others | attempt << CELL_ATTEMPT_SHIFT).with(CellKind::Full)
    }

    /// The same of a later position.
    pub(crate) const fn at(self, position: u64) -> Self {
        let others = self.0 & !(EVENT_POSITION_MASK << EVENT_POSITION_SHIFT);
        Self(others | Self::empty(position).0)
    }

    /// What the cell is; `None` for a word that no process of ours stores.
    pub(crate) const fn kind(self) -> Option<CellKind> {
        match self.0 & CELL_KIND_MASK {
            CELL_EMPTY => Some(CellKind::Empty),
            CELL_FILLING => Some(CellKind::Filling),
            CELL_FULL => Some(CellKind::Full),
            CELL_TAKEN => Some(CellKind::Taken),
            CELL_PASSED => Some(CellKind::Passed),
            CELL_VOID => Some(CellKind::Void),
            _ => None,
        }
    }

    /// Whether bits are set that stand for nothing.
    pub(crate) const fn has_unused_bits(self) -> bool {
        let used = CELL_KIND_MASK | CELL_ATTEMPT_MASK << CELL_ATTEMPT_SHIFT;
        let all = (1 << EVENT_PUBLISHER_SHIFT) - 1;
        self.0 & (all & !used) != 0
    }

    /// The process that has it, or had it last.
    pub(crate) const fn process(self) -> Publisher {
        Publisher::from_word((self.0 >> EVENT_PUBLISHER_SHIFT & EVENT_PUBLISHER_MASK) as u32)
    }

    /// How often a receiver died that had the message; 3 stands for more, too.
    pub(crate) const fn attempt(self) -> u32 {
        (self.0 >> CELL_ATTEMPT_SHIFT & CELL_ATTEMPT_MASK) as u32
    }

    /// Its position.
    pub(crate) const fn position(self) -> u64 {
        self.0 >> EVENT_POSITION_SHIFT
    }

    /// Where this word's position is as seen from another one.
    pub(crate) const fn seen_from(self, position: u64) -> Lap {
        match self.position().wrapping_sub(position) & EVENT_POSITION_MASK {
            0 => Lap::Same,
            ahead if ahead <= EVENT_POSITION_MASK / 2 => Lap::Beyond,
            _ => Lap::Before,
        }
    }
}

/// A task by its slot and which use of it, as the key line of another one names it; 0: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskWord(pub(crate) u64);

impl TaskWord {
    /// No task.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn new(slot: u32, generation: u64) -> Self {
        Self(generation << KEY_GENERATION_SHIFT | (slot as u64 + 1))
    }

    /// Its slot; `None` for no task.
    pub(crate) const fn slot(self) -> Option<u32> {
        ((self.0 & KEY_SLOT_MASK) as u32).checked_sub(1)
    }

    /// Its generation.
    pub(crate) const fn generation(self) -> u64 {
        self.0 >> KEY_GENERATION_SHIFT
    }
}

/// What a key line says of the task behind its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// There is none yet.
    Open,
    /// The task of this slot.
    Slot(u32),
    /// Its own task has ended, and another has taken what was here.
    Taken,
}

/// The word of it: generation of the line's own task, and the slot of the one behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NextWord(pub(crate) u64);

impl NextWord {
    pub(crate) const fn new(generation: u64, next: Next) -> Self {
        let next = match next {
            Next::Open => 0,
            Next::Slot(slot) => slot as u64 + 1,
            Next::Taken => KEY_NEXT_TAKEN,
        };
        Self(generation << KEY_GENERATION_SHIFT | next)
    }

    /// What it says, if it is of the task of this generation.
    pub(crate) const fn of(self, generation: u64) -> Option<Next> {
        if self.0 >> KEY_GENERATION_SHIFT != generation & GENERATION_MASK {
            return None;
        }
        Some(match self.0 & KEY_SLOT_MASK {
            0 => Next::Open,
            KEY_NEXT_TAKEN => Next::Taken,
            slot => Next::Slot(slot as u32 - 1),
        })
    }
}

/// A permit of a key: which lane has claimed, or is about to claim, the task of which slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyPermitWord(pub(crate) u64);

impl KeyPermitWord {
    pub(crate) const fn new(slot: u32, lane: u32, generation: u64) -> Self {
        Self(
            (generation & 0xffff_ffff) << 32
                | (lane as u64) << PERMIT_LANE_SHIFT
                | (slot as u64 + 1),
        )
    }

    /// The slot; `None` for no permit, and for a word that no process of ours stores.
    pub(crate) const fn slot(self) -> Option<u32> {
        ((self.0 & PERMIT_SLOT_MASK) as u32).checked_sub(1)
    }

    /// The lane.
    pub(crate) const fn lane(self) -> u32 {
        (self.0 as u32) >> PERMIT_LANE_SHIFT
    }

    /// Whether it belongs to this life of the lane.
    pub(crate) const fn is_of(self, lane: u32, generation: u64) -> bool {
        self.0 & PERMIT_SLOT_MASK != 0
            && self.lane() == lane
            && self.0 >> 32 == generation & 0xffff_ffff
    }
}

/// Where a position is as seen from another one in the same cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lap {
    /// In an earlier lap.
    Before,
    /// It is the same.
    Same,
    /// In a later lap.
    Beyond,
}

/// A slot's published word: the generation, and what a lane needs to know of each task. The client
/// stores it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published(pub u64);

impl Published {
    /// The generation of the task.
    #[must_use]
    pub const fn generation(self) -> u64 {
        self.0 >> STATE_GENERATION_SHIFT & GENERATION_MASK
    }

    /// A word of `generation` that says nothing else: no task.
    pub(crate) const fn nothing(generation: u64) -> Self {
        Self((generation & GENERATION_MASK) << STATE_GENERATION_SHIFT)
    }

    /// Whether a flag (`PUBLISHED_STAMPED` and the others) is set.
    #[inline(always)]
    pub(crate) const fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }

    /// The word of a task that its client watches, or not.
    #[must_use]
    pub(crate) const fn with_watched(self, watched: bool) -> Self {
        Self(self.0 | if watched { PUBLISHED_WATCHED } else { 0 })
    }

    /// The word of a task that has a key.
    #[must_use]
    pub(crate) const fn with_key(self) -> Self {
        Self(self.0 | PUBLISHED_KEYED)
    }

    /// Whether the task has a key.
    #[must_use]
    #[inline(always)]
    pub const fn is_keyed(self) -> bool {
        self.has(PUBLISHED_KEYED)
    }

    /// The most attempts of the task, 1 to 3.
    #[must_use]
    pub fn attempts(self) -> u32 {
        ((self.0 >> PUBLISHED_ATTEMPTS_SHIFT) as u32 & 3).clamp(1, MAX_ATTEMPTS)
    }

    /// The injector ring that the task is queued in, to be clamped.
    #[must_use]
    pub const fn priority(self) -> u32 {
        (self.0 >> PUBLISHED_PRIORITY_SHIFT) as u32 & PUBLISHED_PRIORITY_MASK
    }

    /// The lanes that the task is for.
    #[must_use]
    #[inline(always)]
    pub const fn lane_kind(self) -> LaneKind {
        if self.has(PUBLISHED_IO) {
            LaneKind::Io
        } else {
            LaneKind::Cpu
        }
    }

    /// Codec of the request.
    ///
    /// # Errors
    /// When a client has written none that this version knows.
    #[inline(always)]
    pub const fn codec(self) -> Result<Codec, UnknownWord> {
        Codec::from_word((self.0 & PUBLISHED_CODEC_MASK) as u8)
    }
}

/// The place of a payload: in the slot itself, or in a block of the arena, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(pub u64);

impl Place {
    /// `len` bytes at a reference: 0 for the slot itself, or that of a block.
    #[must_use]
    pub const fn new(reference: u32, len: u32) -> Self {
        Self((reference as u64) << PLACE_REFERENCE_SHIFT | len as u64)
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        (self.0 & PLACE_LENGTH_MASK) as usize
    }

    /// Whether the payload has no bytes.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The reference: 0 for the slot itself, or that of a block, to be checked.
    #[must_use]
    pub const fn reference(self) -> u32 {
        (self.0 >> PLACE_REFERENCE_SHIFT) as u32
    }
}

/// The owner word of an arena block: the task, attempt and role that it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner(pub u64);

impl Owner {
    /// The request of a task.
    #[must_use]
    pub const fn request(slot: u32, generation: u64) -> Self {
        Self(OWNER_TAKEN | (slot as u64) << OWNER_SLOT_SHIFT | generation & GENERATION_MASK)
    }

    /// The result of one attempt of a task.
    #[must_use]
    pub const fn result(slot: u32, word: Word) -> Self {
        Self(
            Self::request(slot, word.generation()).0
                | OWNER_RESULT
                | (word.attempt() as u64) << OWNER_ATTEMPT_SHIFT,
        )
    }

    /// Whether the block is free.
    #[must_use]
    pub const fn is_free(self) -> bool {
        self.0 == 0
    }

    /// The slot of the task.
    #[must_use]
    pub const fn slot(self) -> u32 {
        (self.0 >> OWNER_SLOT_SHIFT) as u32 & (MAX_SLOTS - 1)
    }

    /// Whether no process will free the block: its task's slot, now in state `word`, has gone on to
    /// a later generation or (results) to a later attempt, or it is CRASHED: then a result half
    /// written has no owner, for the client does not know the block and the lane is dead. A block of
    /// a generation to come belongs to a request that its client is about to publish.
    #[must_use]
    pub const fn is_orphan(self, word: Word) -> bool {
        let generation = self.0 & GENERATION_MASK;
        let attempt = (self.0 >> OWNER_ATTEMPT_SHIFT & STATE_ATTEMPT_MASK) as u32;
        is_older(generation, word.generation())
            || (self.0 & OWNER_RESULT != 0
                && generation == word.generation()
                && (attempt < word.attempt() || matches!(word.kind(), Kind::Crashed)))
    }
}

/// The word of a client's or worker's entry: which life of the entry, and its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryWord(pub u64);

impl EntryWord {
    pub(crate) const fn new(generation: u64, state: EntryState) -> Self {
        Self(generation << 8 | state.word() as u64)
    }

    /// The state.
    ///
    /// # Errors
    /// [`UnknownWord`] for one that no process of ours stores.
    #[inline]
    pub const fn state(self) -> Result<EntryState, UnknownWord> {
        EntryState::from_word(self.0 as u32 & 0xff)
    }

    /// Whether the entry is unused.
    #[must_use]
    #[inline]
    pub const fn is_free(self) -> bool {
        matches!(self.state(), Ok(EntryState::Free))
    }

    /// Whether a process has the entry.
    #[must_use]
    #[inline]
    pub const fn is_active(self) -> bool {
        matches!(self.state(), Ok(EntryState::Active))
    }

    /// How often the entry was taken.
    #[must_use]
    #[inline]
    pub const fn generation(self) -> u64 {
        self.0 >> 8
    }

    /// The same life in another state.
    pub(crate) const fn with(self, state: EntryState) -> Self {
        Self::new(self.generation(), state)
    }
}

/// The word of a lane's entry: which life of the lane, its worker, its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneWord(pub u64);

impl LaneWord {
    pub(crate) const fn new(generation: u64, worker: u32, state: EntryState) -> Self {
        Self(generation << 24 | (worker as u64 & 0xffff) << 8 | state.word() as u64)
    }

    /// The state.
    ///
    /// # Errors
    /// [`UnknownWord`] for one that no process of ours stores.
    #[inline]
    pub const fn state(self) -> Result<EntryState, UnknownWord> {
        EntryWord(self.0).state()
    }

    /// Whether the lane is unused.
    #[must_use]
    #[inline]
    pub const fn is_free(self) -> bool {
        EntryWord(self.0).is_free()
    }

    /// Whether a worker runs the lane.
    #[must_use]
    #[inline]
    pub const fn is_active(self) -> bool {
        EntryWord(self.0).is_active()
    }

    /// The worker whose lane it is.
    #[must_use]
    #[inline]
    pub const fn worker(self) -> u32 {
        (self.0 >> 8) as u32 & 0xffff
    }

    /// How often the lane was taken.
    #[must_use]
    #[inline]
    pub const fn generation(self) -> u64 {
        self.0 >> 24
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_carry_their_parts_through_a_life() {
        let queued = Word::queued(GENERATION_MASK, 0);
        let claimed = queued.claimed_by(0xfffe);
        assert_eq!(
            (claimed.kind(), claimed.owner(), claimed.generation()),
            (Kind::Claimed, 0xfffe, GENERATION_MASK)
        );
        let again = claimed.retried();
        assert_eq!(
            (again.kind(), again.attempt(), again.owner()),
            (Kind::Queued, 1, 0)
        );
        let crashed = again.claimed_by(3).crashed(Cause::signal(11));
        assert_eq!(
            (crashed.kind(), crashed.owner(), crashed.attempt()),
            (Kind::Crashed, 0x10b, 1)
        );
        assert!(crashed.is_at_rest());
    }

    #[test]
    fn a_done_word_tells_ending_and_codec() {
        for status in Status::ALL {
            for not_run in [false, true] {
                let ending = Ending {
                    status: *status,
                    not_run,
                };
                for codec in Codec::ALL {
                    let done = Word::queued(5, 2).claimed_by(7).done(ending, *codec);
                    assert_eq!(done.ending(), Ok(ending));
                    assert_eq!(done.result_codec(), Ok(*codec));
                    assert_eq!((done.generation(), done.attempt()), (5, 2));
                }
            }
        }
    }

    #[test]
    fn generations_wrap() {
        assert_eq!(after(GENERATION_MASK), 0);
        assert!(is_older(GENERATION_MASK, 0));
        assert!(is_older(0, GENERATION_MASK / 2));
        assert!(!is_older(0, GENERATION_MASK), "one step back");
        assert!(!is_older(4, 4));
    }

    #[test]
    fn orphans_are_told_by_generation_and_attempt() {
        let word = Word::queued(7, 0).claimed_by(1);
        assert!(!Owner::request(9, 7).is_orphan(word));
        assert!(!Owner::request(9, 8).is_orphan(word), "not published yet");
        assert!(Owner::request(9, 6).is_orphan(word));
        assert!(!Owner::result(9, word).is_orphan(word));
        assert!(Owner::result(9, word).is_orphan(word.retried()));
        assert!(!Owner::request(9, 7).is_orphan(word.retried()));
        let done = word.done(Status::Ok.into(), Codec::Bytes);
        assert!(!Owner::result(9, word).is_orphan(done));
        assert!(Owner::result(9, word).is_orphan(word.crashed(Cause::signal(9))));
        assert!(!Owner::request(9, 7).is_orphan(word.crashed(Cause::signal(9))));
        assert!(Owner::request(9, 7).is_orphan(Word::free(8)));
        assert_eq!(Owner::request(MAX_SLOTS - 1, 7).slot(), MAX_SLOTS - 1);
    }
}

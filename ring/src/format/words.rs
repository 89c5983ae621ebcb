//! The packed words: a slot's state, an arena block's owner, an entry's life. No access.

use crate::format::cause::Cause;
use crate::format::layout::*;
use crate::format::names::UnknownWord;
use crate::format::states::EntryState;

/// A slot's state word: generation, owner, attempt, kind in one u64, so that
/// every transition is one compare-and-swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word(pub u64);

/// The kinds of a state word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// On the client's free list, or being filled.
    Free,
    /// May be claimed.
    Queued,
    /// Runs on the owner lane.
    Claimed,
    /// Ended; the result fields are valid.
    Done,
    /// Ended by the death of its worker.
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

    /// FREE in `generation`.
    #[must_use]
    pub const fn free(generation: u64) -> Self {
        Self::pack(generation, 0, 0, KIND_FREE)
    }

    /// QUEUED for its `attempt`, counted from 0.
    #[must_use]
    pub const fn queued(generation: u64, attempt: u32) -> Self {
        Self::pack(generation, 0, attempt, KIND_QUEUED)
    }

    /// The word after this QUEUED one when `lane` claims it.
    #[must_use]
    pub const fn claimed_by(self, lane: u16) -> Self {
        Self::pack(self.generation(), lane, self.attempt(), KIND_CLAIMED)
    }

    /// The word after this CLAIMED one when its lane is done.
    #[must_use]
    pub const fn done(self) -> Self {
        Self::pack(self.generation(), self.owner(), self.attempt(), KIND_DONE)
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

    /// FREE in the next generation.
    #[must_use]
    pub const fn freed(self) -> Self {
        Self::free(self.generation().wrapping_add(1))
    }

    /// The kind.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self.0 & STATE_KIND_MASK {
            KIND_FREE => Kind::Free,
            KIND_QUEUED => Kind::Queued,
            KIND_CLAIMED => Kind::Claimed,
            KIND_DONE => Kind::Done,
            KIND_CRASHED => Kind::Crashed,
            _ => Kind::Corrupt,
        }
    }

    /// The generation: how often the slot was reused.
    #[must_use]
    pub const fn generation(self) -> u64 {
        self.0 >> STATE_GENERATION_SHIFT & GENERATION_MASK
    }

    /// The attempt, counted from 0.
    #[must_use]
    pub const fn attempt(self) -> u32 {
        (self.0 >> STATE_ATTEMPT_SHIFT & STATE_ATTEMPT_MASK) as u32
    }

    /// The owner lane (CLAIMED, DONE); of a CRASHED word, the bits of its cause.
    #[must_use]
    pub const fn owner(self) -> u16 {
        (self.0 >> STATE_OWNER_SHIFT & STATE_OWNER_MASK) as u16
    }

    /// Why the worker of this CRASHED word died.
    #[must_use]
    pub const fn cause(self) -> Cause {
        Cause::from_word(self.owner())
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
    /// another generation or (results) to a later attempt, or it is CRASHED: then a result half
    /// written has no owner, for the client does not know the block and the lane is dead.
    #[must_use]
    pub const fn is_orphan(self, word: Word) -> bool {
        let attempt = (self.0 >> OWNER_ATTEMPT_SHIFT & STATE_ATTEMPT_MASK) as u32;
        self.0 & GENERATION_MASK != word.generation()
            || (self.0 & OWNER_RESULT != 0
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
        assert_eq!(crashed.freed(), Word::free(0), "generations wrap");
    }

    #[test]
    fn orphans_are_told_by_generation_and_attempt() {
        let word = Word::queued(7, 0).claimed_by(1);
        assert!(!Owner::request(9, 7).is_orphan(word));
        assert!(!Owner::result(9, word).is_orphan(word));
        assert!(Owner::result(9, word).is_orphan(word.retried()));
        assert!(!Owner::request(9, 7).is_orphan(word.retried()));
        assert!(!Owner::result(9, word).is_orphan(word.done()));
        assert!(Owner::result(9, word).is_orphan(word.crashed(Cause::signal(9))));
        assert!(!Owner::request(9, 7).is_orphan(word.crashed(Cause::signal(9))));
        assert!(Owner::request(9, 7).is_orphan(word.done().freed()));
        assert_eq!(Owner::request(MAX_SLOTS - 1, 7).slot(), MAX_SLOTS - 1);
    }
}

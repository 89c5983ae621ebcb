//! The payload arena: blocks by size class, each with an owner word.
//!
//! Invariant: a block is used by nobody, or by the one task (slot, generation,
//! role, attempt) that its owner word names. The owner word is the only truth;
//! where to look for a free block is a private guess. A block whose task has
//! gone on is an orphan and is freed by whoever notices (the reaper), with a
//! CAS on the word that was judged.

use crate::config::{BIG, CLASSES_TRIED, ClassPlace};
use crate::error::{Result, RingError};
use crate::segment::Segment;
use crate::state::Owner;
use crate::sync::{AtomicU32, Ordering};

/// A block, by class and index; as a u64 in a slot's reference field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRef {
    class: u32,
    index: u32,
}

impl BlockRef {
    /// The reference as it stands in a slot (0 means inline).
    #[must_use]
    pub fn to_word(self) -> u64 {
        u64::from(self.class + 1) << 32 | u64::from(self.index)
    }
}

/// Who asks for a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A client, for a request: never the blocks reserved for results.
    Request,
    /// A lane, for a result: the reserved blocks first.
    Result,
}

impl Role {
    /// How many blocks of a class it may take from, the first ones.
    fn blocks(self, place: &ClassPlace) -> u32 {
        match self {
            Self::Request => place.class.for_requests(),
            Self::Result => place.class.count,
        }
    }
}

/// A process's view of the arena, with its private guesses.
#[derive(Debug)]
pub struct ArenaView {
    // Where the last search in each class ended.
    guesses: Vec<AtomicU32>,
}

impl ArenaView {
    /// A view with fresh guesses.
    #[must_use]
    pub fn new(segment: &Segment) -> Self {
        Self {
            guesses: segment
                .geometry()
                .classes
                .iter()
                .map(|_| AtomicU32::new(0))
                .collect(),
        }
    }

    /// Takes a block of at least `size` bytes for `owner`: from the smallest
    /// class that holds it, or from the next larger one.
    pub fn take(
        &self,
        segment: &Segment,
        size: usize,
        role: Role,
        owner: Owner,
    ) -> Result<BlockRef> {
        let classes = &segment.geometry().classes;
        let first = classes
            .iter()
            .position(|place| place.class.size >= size)
            .ok_or(RingError::TooLarge {
                size,
                largest: segment.geometry().largest_payload(),
            })?;
        for class in first..classes.len().min(first + CLASSES_TRIED) {
            if let Some(block) = self.take_in(segment, class, role, owner) {
                return Ok(block);
            }
        }
        let blocks = classes[first..].iter().take(CLASSES_TRIED);
        let blocks = blocks.map(|place| role.blocks(place)).sum();
        Err(RingError::ArenaExhausted { size, blocks })
    }

    fn take_in(
        &self,
        segment: &Segment,
        class: usize,
        role: Role,
        owner: Owner,
    ) -> Option<BlockRef> {
        let place = segment.geometry().classes[class];
        let limit = role.blocks(&place);
        let big = place.class.size >= BIG;
        // Big blocks from the low end: each that is touched for the first time costs memory.
        let guess = if big {
            0
        } else {
            self.guesses[class].load(Ordering::Relaxed)
        };
        for step in 0..limit {
            let index = match role {
                Role::Request => (guess + step) % limit,
                // The reserved end first: the rest stays for requests while it can.
                Role::Result if !big => (limit - 1).wrapping_sub((guess + step) % limit),
                // The same, each part from its low end.
                Role::Result => (limit - place.class.reserved + step) % limit,
            };
            let word = segment.u64_at(place.owners + 8 * index as usize);
            if word.load(Ordering::Relaxed) == 0
                // pairs with the release in `free`: the last user is done with the bytes.
                && word.compare_exchange(0, owner.0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
            {
                failpoint!("arena.taken");
                self.guesses[class].store((guess + step) % limit, Ordering::Relaxed);
                return Some(BlockRef {
                    class: class as u32,
                    index,
                });
            }
        }
        None
    }
}

/// Checks a reference that a peer wrote, together with the length it claims.
pub fn check_ref(segment: &Segment, word: u64, len: usize) -> Result<BlockRef> {
    let block = BlockRef {
        class: ((word >> 32) as u32).wrapping_sub(1),
        index: word as u32,
    };
    match segment.geometry().classes.get(block.class as usize) {
        Some(place) if block.index < place.class.count && len <= place.class.size => Ok(block),
        _ => Err(RingError::Corrupt(format!(
            "a reference {word:#x} to {len} bytes is outside the arena"
        ))),
    }
}

/// Checks that a block serves the task that refers to it.
pub fn check_owner(segment: &Segment, block: BlockRef, owner: Owner) -> Result<BlockRef> {
    let place = segment.geometry().classes[block.class as usize];
    let found = segment
        .u64_at(place.owners + 8 * block.index as usize)
        .load(Ordering::Relaxed);
    if found == owner.0 {
        Ok(block)
    } else {
        Err(RingError::Corrupt(format!(
            "a task refers to a block of another ({found:#x})"
        )))
    }
}

/// Offset of a block's first byte.
#[must_use]
pub fn offset(segment: &Segment, block: BlockRef) -> usize {
    let place = segment.geometry().classes[block.class as usize];
    place.blocks + place.class.size * block.index as usize
}

/// Size of a block in bytes.
#[must_use]
pub fn capacity(segment: &Segment, block: BlockRef) -> usize {
    segment.geometry().classes[block.class as usize].class.size
}

/// Frees a block of `owner`; does nothing when it belongs to another by now.
pub fn free(segment: &Segment, block: BlockRef, owner: Owner) -> bool {
    let place = segment.geometry().classes[block.class as usize];
    failpoint!("arena.freeing");
    segment
        .u64_at(place.owners + 8 * block.index as usize)
        // pairs with the acquire CAS in `take_in`.
        .compare_exchange(owner.0, 0, Ordering::AcqRel, Ordering::Relaxed)
        .is_ok()
}

/// Frees every orphan; returns how many.
pub fn free_orphans(segment: &Segment) -> u64 {
    let mut freed = 0;
    for place in &segment.geometry().classes {
        for index in 0..place.class.count {
            let word = segment.u64_at(place.owners + 8 * index as usize);
            let owner = Owner(word.load(Ordering::Acquire));
            if owner.is_free() {
                continue;
            }
            // A slot that does not exist: no process of ours wrote that; it is an orphan, too.
            let orphan = owner.slot() >= segment.geometry().total_slots()
                || owner.is_orphan(segment.word(owner.slot()));
            if orphan
                && word
                    .compare_exchange(owner.0, 0, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
            {
                freed += 1;
                failpoint!("reap.orphan_freed");
            }
        }
    }
    freed
}

/// Blocks taken in each class, for people and tests.
#[must_use]
pub fn taken(segment: &Segment) -> Vec<u32> {
    let count = |place: &crate::config::ClassPlace| {
        (0..place.class.count)
            .filter(|index| {
                segment
                    .u64_at(place.owners + 8 * *index as usize)
                    .load(Ordering::Relaxed)
                    != 0
            })
            .count() as u32
    };
    segment.geometry().classes.iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ArenaClass, PoolConfig};
    use crate::paths::PoolDir;
    use crate::segment::Backing;
    use crate::state::Word;

    fn with_arena(check: impl Fn(&Segment, &ArenaView)) {
        let temp = tempfile::tempdir().unwrap();
        let arena = Some(vec![ArenaClass::new(128, 4), ArenaClass::new(1024, 2)]);
        let config = PoolConfig {
            clients: 1,
            slots: 8,
            arena,
            ..PoolConfig::default()
        };
        let dir = PoolDir::below(&temp.path().join("b"), "p").unwrap();
        let (segment, _locks) = Segment::create(&dir, &config).unwrap();
        check(&segment, &ArenaView::new(&segment));
    }

    #[test]
    fn requests_overflow_one_class_up_and_leave_room_for_results() {
        with_arena(|segment, arena| {
            let mut blocks = Vec::new();
            for slot in 0..4 {
                blocks.push(
                    arena
                        .take(segment, 100, Role::Request, Owner::request(slot, 0))
                        .unwrap(),
                );
            }
            assert_eq!(taken(segment), [3, 1]);
            let full = arena.take(segment, 100, Role::Request, Owner::request(5, 0));
            assert!(matches!(
                full,
                Err(RingError::ArenaExhausted {
                    size: 100,
                    blocks: 4
                })
            ));
            let result = Owner::result(0, Word::queued(0, 0));
            arena.take(segment, 100, Role::Result, result).unwrap();
            arena.take(segment, 1000, Role::Result, result).unwrap();
            assert!(matches!(
                arena.take(segment, 2000, Role::Result, result),
                Err(RingError::TooLarge { largest: 1024, .. })
            ));
            assert!(free(segment, blocks[0], Owner::request(0, 0)));
            assert!(
                !free(segment, blocks[0], Owner::request(0, 0)),
                "freed once"
            );
        });
    }

    #[test]
    fn big_blocks_that_were_used_are_used_again() {
        let temp = tempfile::tempdir().unwrap();
        let config = PoolConfig {
            clients: 1,
            slots: 16,
            arena: Some(vec![ArenaClass::new(BIG, 8)]),
            ..PoolConfig::default()
        };
        let dir = PoolDir::below(&temp.path().join("b"), "p").unwrap();
        let (segment, _locks) = Segment::create_in(Backing::Memfd, &dir, &config).unwrap();
        let before = segment.allocated();
        assert!(before < BIG as u64, "{before}");
        let arena = ArenaView::new(&segment);
        for round in 0..20 {
            let (request, result) = (
                Owner::request(1, round),
                Owner::result(1, Word::queued(round, 0)),
            );
            for (role, owner) in [(Role::Request, request), (Role::Result, result)] {
                let block = arena.take(&segment, BIG, role, owner).unwrap();
                // SAFETY: in bounds by `bytes_at`; nobody else has this segment.
                unsafe {
                    segment
                        .bytes_at(offset(&segment, block), BIG)
                        .write_bytes(1, BIG)
                };
                assert!(free(&segment, block, owner));
            }
        }
        // One block each way, and not eight.
        let now = segment.allocated();
        assert!(now <= before + 3 * BIG as u64, "{now} after {before}");
    }

    #[test]
    fn orphans_are_freed_and_others_kept() {
        with_arena(|segment, arena| {
            arena
                .take(segment, 1, Role::Request, Owner::request(1, 0))
                .unwrap();
            arena
                .take(segment, 1, Role::Request, Owner::request(2, 0))
                .unwrap();
            segment.state(1).store(Word::free(1).0, Ordering::Release);
            assert_eq!(free_orphans(segment), 1);
            assert_eq!(free_orphans(segment), 0);
            assert_eq!(taken(segment), [1, 0]);
        });
    }

    #[test]
    fn references_of_peers_are_checked() {
        with_arena(|segment, _| {
            for bad in [0, 1, 3 << 32, 1 << 32 | 4, u64::MAX] {
                assert!(check_ref(segment, bad, 1).is_err(), "{bad:#x}");
            }
            assert!(check_ref(segment, 1 << 32 | 3, 128).is_ok());
            assert!(check_ref(segment, 1 << 32 | 3, 129).is_err());
        });
    }
}

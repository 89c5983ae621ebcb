//! The payload arena: blocks by size class, each with an owner word.
//!
//! Invariant: a block is free, or used by the one task (slot, generation, role, attempt) that its
//! owner word names. The owner word is the only truth; where to look for a free block is a private
//! guess. A block whose task has gone on is an orphan and is freed by the reaper, with a CAS on the
//! word that was judged.

use crate::error::{Result, RingError};
use crate::format::config::{ArenaClass, BIG, Near, segment_for};
use crate::format::counted;
use crate::format::layout::{INLINE, REFERENCE_CLASS_SHIFT};
use crate::format::words::{Owner, Place};
use crate::os::sync::{AtomicU32, Ordering};
use crate::segment::Segment;

/// A block, by class and index; as a u64 in a slot's reference field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRef {
    class: u32,
    index: u32,
}

impl BlockRef {
    /// The reference as it stands in the place of a payload (0 means inline).
    #[must_use]
    pub fn reference(self) -> u32 {
        (self.class + 1) << REFERENCE_CLASS_SHIFT | self.index
    }
}

/// What a block is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A client, for a request: never the blocks reserved for results.
    Request,
    /// A lane, for a result: the reserved blocks first.
    Result,
}

impl Role {
    /// How many blocks of a class it may take: of the first ones, and of those that are reserved
    /// for results.
    fn blocks(self, class: &ArenaClass, near: Near) -> (u32, u32) {
        let (requests, reserved) = class.share(near);
        match self {
            Self::Request => (requests, 0),
            Self::Result => (requests, reserved),
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

    /// Takes a block of at least `size` bytes for `owner`: from the smallest class that holds it,
    /// or from a larger one of those that are open to it (`Geometry::classes_for`).
    pub fn take(
        &self,
        segment: &Segment,
        size: usize,
        role: Role,
        owner: Owner,
    ) -> Result<BlockRef> {
        let geometry = segment.geometry();
        for (class, near) in geometry.classes_for(size) {
            if let Some(block) = self.take_in(segment, class, near, role, owner) {
                return Ok(block);
            }
        }
        let largest = geometry.largest_payload();
        if geometry.classes_for(size).next().is_none() {
            let segment = segment_for(size);
            return Err(RingError::TooLarge {
                size,
                largest,
                segment,
            });
        }
        let blocks = geometry.classes_for(size).map(|(class, near)| {
            let (first, reserved) = role.blocks(&geometry.classes[class].class, near);
            first + reserved
        });
        let blocks = blocks.sum();
        Err(RingError::ArenaExhausted { size, blocks })
    }

    fn take_in(
        &self,
        segment: &Segment,
        class: usize,
        near: Near,
        role: Role,
        owner: Owner,
    ) -> Option<BlockRef> {
        let place = segment.geometry().classes[class];
        let (first, reserved) = role.blocks(&place.class, near);
        let all = first + reserved;
        let big = place.class.size >= BIG;
        // Big blocks from the low end: each that is touched for the first time costs memory.
        let guess = if big {
            0
        } else {
            self.guesses[class].load(Ordering::Relaxed)
        };
        for step in 0..all {
            let turn = (guess.wrapping_add(step)) % all;
            let index = match role {
                Role::Request => turn,
                // The reserved ones first: the rest stays for requests while it can.
                Role::Result if turn < reserved && big => place.class.for_requests() + turn,
                Role::Result if turn < reserved => place.class.count - 1 - turn,
                Role::Result if big => turn - reserved,
                Role::Result => all - 1 - turn,
            };
            let word = segment.owner(&place, index);
            if word.get().is_free() && word.take(owner) {
                failpoint!("arena.taken");
                self.guesses[class].store(turn, Ordering::Relaxed);
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
pub fn check_ref(segment: &Segment, reference: u32, len: usize) -> Result<BlockRef> {
    let block = BlockRef {
        class: (reference >> REFERENCE_CLASS_SHIFT).wrapping_sub(1),
        index: reference & ((1 << REFERENCE_CLASS_SHIFT) - 1),
    };
    match segment.geometry().classes.get(block.class as usize) {
        Some(place) if block.index < place.class.count && len <= place.class.size => Ok(block),
        _ => Err(RingError::Corrupt(format!(
            "a reference {reference:#x} to {len} bytes is outside the arena"
        ))),
    }
}

/// The block of a payload whose place a peer wrote, checked; `None` for one in the slot itself.
///
/// # Errors
/// When it is longer than its place, outside of the arena, or a block of another owner; `what` it
/// is stands in the text.
#[inline(always)]
pub fn check_place(
    segment: &Segment,
    place: Place,
    owner: Owner,
    what: &str,
) -> Result<Option<BlockRef>> {
    let len = place.len();
    match place.reference() {
        0 if len <= INLINE => Ok(None),
        0 => Err(too_long_inline(len, what)),
        reference => check_ref(segment, reference, len)
            .and_then(|block| check_owner(segment, block, owner))
            .map(Some),
    }
}

#[cold]
fn too_long_inline(len: usize, what: &str) -> RingError {
    RingError::Corrupt(format!("an inline {what} of {}", counted(len, "byte")))
}

/// Checks that a block serves the task that refers to it.
pub fn check_owner(segment: &Segment, block: BlockRef, owner: Owner) -> Result<BlockRef> {
    let place = segment.geometry().classes[block.class as usize];
    let found = segment.owner(&place, block.index).get();
    if found == owner {
        Ok(block)
    } else {
        Err(RingError::Corrupt(format!(
            "a task refers to a block of another ({:#x})",
            found.0
        )))
    }
}

/// Offset of a block's first byte.
#[must_use]
pub fn offset(segment: &Segment, block: BlockRef) -> usize {
    let place = segment.geometry().classes[block.class as usize];
    place.block_at(block.index)
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
    segment.owner(&place, block.index).free(owner)
}

/// Frees every orphan; returns how many.
pub fn free_orphans(segment: &Segment) -> u64 {
    let mut freed = 0;
    for place in &segment.geometry().classes {
        for index in 0..place.class.count {
            let word = segment.owner(place, index);
            let owner = word.get_acquire();
            if owner.is_free() {
                continue;
            }
            // A slot that does not exist: no process of ours wrote that; it is an orphan, too.
            let orphan = owner.slot() >= segment.geometry().total_slots()
                || owner.is_orphan(segment.word(owner.slot()));
            if orphan && word.free(owner) {
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
    let count = |place: &crate::format::config::ClassPlace| {
        (0..place.class.count)
            .filter(|index| !segment.owner(place, *index).get().is_free())
            .count() as u32
    };
    segment.geometry().classes.iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::config::{ArenaClass, PoolConfig};
    use crate::format::words::Word;
    use crate::segment::Backing;
    use crate::segment::paths::PoolDir;

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
            events: Some(64),
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
                // SAFETY: in bounds by `bytes_at`; no other thread has this segment.
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

    /// A pool of the default size, where there is memory for it.
    fn sized_for_photos() -> (tempfile::TempDir, Segment, crate::segment::SupervisorLocks) {
        let temp = tempfile::tempdir().unwrap();
        let config = PoolConfig {
            segment_size: Some(PoolConfig::default().size_for_photos().unwrap()),
            ..PoolConfig::default()
        };
        let dir = PoolDir::below(&temp.path().join("b"), "p").unwrap();
        let (segment, locks) = Segment::create_in(Backing::Memfd, &dir, &config).unwrap();
        (temp, segment, locks)
    }

    #[test]
    fn sixteen_pictures_of_any_sizes_find_blocks_and_their_results_too() {
        let (_temp, segment, _locks) = sized_for_photos();
        let arena = ArenaView::new(&segment);
        let sizes = [100, 130, 300, 600, 1100, 1900, 2100, 4000, 5200, 8192].map(|kb| kb * 1024);
        // Each size alone, then mixtures: the seed is the round.
        for round in 0..200_usize {
            let mut seed = round as u32;
            let mut size = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let any = sizes[seed as usize / 7 % sizes.len()];
                *sizes.get(round).unwrap_or(&any)
            };
            let mut taken = Vec::new();
            for slot in 0..16 {
                let (size, owner) = (size(), Owner::request(slot, round as u64));
                let block = arena.take(&segment, size, Role::Request, owner);
                taken.push((block.unwrap_or_else(|e| panic!("{round}: {e}")), owner));
            }
            // While all of them are in flight, their results come and go.
            for slot in 0..16 {
                let owner = Owner::result(slot, Word::queued(round as u64, 0));
                let pair = [size(), size()].map(|size| {
                    let block = arena.take(&segment, size, Role::Result, owner);
                    block.unwrap_or_else(|e| panic!("{round}: {e}"))
                });
                assert!(pair.iter().all(|block| free(&segment, *block, owner)));
            }
            assert!(
                taken
                    .iter()
                    .all(|(block, owner)| free(&segment, *block, *owner))
            );
        }
    }

    #[test]
    fn a_flood_of_smaller_payloads_leaves_half_of_the_large_blocks() {
        let (_temp, segment, _locks) = sized_for_photos();
        let arena = ArenaView::new(&segment);
        for size in [100, 10_000, 70_000, 200_000] {
            let owner = Owner::request(1, 0);
            while arena.take(&segment, size, Role::Request, owner).is_ok() {}
            let result = Owner::result(1, Word::queued(0, 0));
            while arena.take(&segment, size, Role::Result, result).is_ok() {}
        }
        let photos = (0..32).map(|slot| {
            let owner = Owner::request(slot, 1);
            arena.take(&segment, 8 << 20, Role::Request, owner)
        });
        let photos = photos.take_while(Result::is_ok).count();
        assert!(photos >= 9, "{photos}");
        let result = Owner::result(2, Word::queued(0, 0));
        let results = (0..3).map(|_| arena.take(&segment, 8 << 20, Role::Result, result));
        assert!(results.into_iter().all(|block| block.is_ok()));
    }

    #[test]
    fn each_block_can_be_taken_by_somebody_and_reserved_ones_by_results_only() {
        let (_temp, segment, _locks) = sized_for_photos();
        let arena = ArenaView::new(&segment);
        let geometry = segment.geometry();
        for (class, place) in geometry.classes.iter().enumerate() {
            for (role, most) in [
                (Role::Request, place.class.for_requests()),
                (Role::Result, place.class.count),
            ] {
                let owner = Owner::request(7, 7);
                let mut indices: Vec<u32> = (0..most)
                    .map(|_| {
                        arena
                            .take_in(&segment, class, Near::Near, role, owner)
                            .unwrap()
                            .index
                    })
                    .collect();
                assert_eq!(
                    arena.take_in(&segment, class, Near::Near, role, owner),
                    None
                );
                indices.sort_unstable();
                assert_eq!(indices, (0..most).collect::<Vec<_>>());
                for index in indices {
                    let class = class as u32;
                    assert!(free(&segment, BlockRef { class, index }, owner));
                }
            }
            let (requests, reserved) = place.class.share(Near::Far);
            let owner = Owner::request(7, 7);
            let far = |role| {
                std::iter::from_fn(|| arena.take_in(&segment, class, Near::Far, role, owner))
                    .map(|block| block.index)
                    .collect::<Vec<_>>()
            };
            let first = far(Role::Request);
            assert!(first.len() == requests as usize && first.iter().all(|i| *i < requests));
            let rest = far(Role::Result);
            let from = place.class.for_requests();
            assert!(rest.len() == reserved as usize && rest.iter().all(|i| *i >= from));
        }
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
            segment.slot(1).retire();
            assert_eq!(free_orphans(segment), 1);
            assert_eq!(free_orphans(segment), 0);
            assert_eq!(taken(segment), [1, 0]);
        });
    }

    #[test]
    fn references_of_peers_are_checked() {
        with_arena(|segment, _| {
            for bad in [0, 1, 3 << 24, 1 << 24 | 4, u32::MAX] {
                assert!(check_ref(segment, bad, 1).is_err(), "{bad:#x}");
            }
            assert!(check_ref(segment, 1 << 24 | 3, 128).is_ok());
            assert!(check_ref(segment, 1 << 24 | 3, 129).is_err());
        });
    }
}

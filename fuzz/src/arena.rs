//! Arena references: any reference, length and owner word is refused, or names bytes of exactly one
//! block; what is freed was an orphan, and what is taken was free.

use crate::patch::{self, Record};
use crate::rig::Rig;
use ringwork_ring::format::config::ClassPlace;
use ringwork_ring::format::words::Owner;
use ringwork_ring::queue::arena::{self, ArenaView, BlockRef, Role};
use ringwork_ring::testing::RawWords;
use ringwork_ring::{RingError, Segment};
use std::sync::atomic::Ordering;

thread_local! {
    static RIGS: Vec<Rig> = Rig::all();
}

/// What a step does, by the low two bits of its argument.
const CHECK: u64 = 0;
const TAKE: u64 = 1;
const FREE: u64 = 2;
const ORPHANS: u64 = 3;

/// Writes owner words and slots' words, and checks, takes and frees blocks.
///
/// # Panics
/// When a block is judged otherwise than the words say.
pub fn run(data: &[u8]) {
    let (shape, mut records) = patch::parse(data);
    records.push(Record::step(ORPHANS));
    RIGS.with(|rigs| {
        let rig = Rig::of(rigs, shape);
        rig.restore();
        let view = ArenaView::new(rig.segment());
        for record in records {
            match record.as_step() {
                None => rig.write(record),
                Some(step) => act(rig.segment(), &view, step & 3, step >> 2, record),
            }
        }
    });
}

fn act(segment: &Segment, view: &ArenaView, what: u64, argument: u64, record: Record) {
    let slot = u32::from(record.index) % segment.geometry().total_slots();
    let word = segment.word(slot);
    match what {
        CHECK => {
            let len = usize::from(record.offset) << (record.index >> 3);
            check(segment, argument as u32, len, slot);
        }
        TAKE => take(segment, view, (argument & 0x1fff) as usize, argument, slot),
        FREE => {
            let owner = Owner::request(slot, word.generation());
            if let Ok(block) = arena::check_ref(segment, argument as u32, 0) {
                let before = owner_of(segment, block);
                assert_eq!(arena::free(segment, block, owner), before == owner.0);
                let after = if before == owner.0 { 0 } else { before };
                assert_eq!(owner_of(segment, block), after);
            }
        }
        _ => orphans(segment),
    }
}

/// A reference against what the geometry says, in wide numbers.
fn check(segment: &Segment, reference: u32, len: usize, slot: u32) {
    let classes = &segment.geometry().classes;
    let (class, index) = (reference >> 24, reference & 0xff_ffff);
    let place = usize::try_from(class)
        .ok()
        .and_then(|class| classes.get(class.checked_sub(1)?));
    let good = place.is_some_and(|place| index < place.class.count && len <= place.class.size);
    match arena::check_ref(segment, reference, len) {
        Ok(block) => {
            let place = place.expect("a class");
            assert!(good, "{reference:#x} to {len} bytes was taken");
            assert_eq!(block.reference(), reference);
            let start = arena::offset(segment, block);
            assert!(start >= place.blocks && arena::capacity(segment, block) == place.class.size);
            assert!(start + len <= place.blocks + place.class.size * place.class.count as usize);
            assert!(start + len <= segment.geometry().segment_size as usize);
            let owner = Owner::request(slot, segment.word(slot).generation());
            let ours = arena::check_owner(segment, block, owner).is_ok();
            assert_eq!(ours, owner_of(segment, block) == owner.0);
        }
        Err(error) => {
            assert!(!good, "{error}");
            assert!(matches!(error, RingError::Corrupt(_)));
        }
    }
}

fn take(segment: &Segment, view: &ArenaView, size: usize, argument: u64, slot: u32) {
    let (role, owner) = if argument & 1 << 20 == 0 {
        (
            Role::Request,
            Owner::request(slot, segment.word(slot).generation()),
        )
    } else {
        (Role::Result, Owner::result(slot, segment.word(slot)))
    };
    let before = owners(segment);
    match view.take(segment, size, role, owner) {
        Ok(block) => {
            assert!(arena::capacity(segment, block) >= size);
            assert_eq!(owner_of(segment, block), owner.0);
            let changed = owners(segment)
                .iter()
                .zip(&before)
                .filter(|(a, b)| a != b)
                .count();
            assert_eq!(changed, 1, "one block, and it was free");
        }
        Err(RingError::TooLarge { largest, .. }) => assert!(size > largest),
        Err(error) => {
            assert!(matches!(error, RingError::ArenaExhausted { .. }), "{error}");
            assert_eq!(owners(segment), before);
        }
    }
}

/// Every word that is freed was an orphan, and no orphan stays.
fn orphans(segment: &Segment) {
    let orphan = |owner: u64| {
        let slot = (owner >> 40 & 0xf_ffff) as u32;
        owner != 0
            && (slot >= segment.geometry().total_slots()
                || Owner(owner).is_orphan(segment.word(slot)))
    };
    let before = owners(segment);
    let freed = arena::free_orphans(segment);
    let expected: Vec<u64> = before
        .iter()
        .map(|owner| if orphan(*owner) { 0 } else { *owner })
        .collect();
    assert_eq!(owners(segment), expected);
    assert_eq!(
        freed,
        before.iter().filter(|owner| orphan(**owner)).count() as u64
    );
    let taken: u32 = arena::taken(segment).iter().sum();
    assert_eq!(
        taken as usize,
        expected.iter().filter(|owner| **owner != 0).count()
    );
}

fn owners(segment: &Segment) -> Vec<u64> {
    let of = |place: &ClassPlace| {
        let (start, count) = (place.owners, place.class.count as usize);
        (0..count).map(move |index| start + 8 * index)
    };
    let places = segment.geometry().classes.iter().flat_map(of);
    places
        .map(|at| segment.raw64(at).load(Ordering::Relaxed))
        .collect()
}

fn owner_of(segment: &Segment, block: BlockRef) -> u64 {
    let reference = block.reference();
    let place = &segment.geometry().classes[(reference >> 24) as usize - 1];
    let at = place.owners + 8 * (reference & 0xff_ffff) as usize;
    segment.raw64(at).load(Ordering::Relaxed)
}

//! Segments to damage: made once in a process, restored before each input.
//!
//! Owns a directory under $RINGWORK_FUZZ_DIR (default /dev/shm) with one small pool a shape;
//! dropped with the thread that made it. The words are written through [`Segment`]'s own atomics,
//! as a broken or hostile peer would write them.

use crate::patch::Record;
use ringwork_ring::format::layout::{H_READY, READY};
use ringwork_ring::format::states::PoolState;
use ringwork_ring::segment::SupervisorLocks;
use ringwork_ring::testing::RawWords;
use ringwork_ring::{ArenaClass, PoolConfig, PoolDir, Segment};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// A pool without any process but this one.
#[derive(Debug)]
pub struct Rig {
    segment: Segment,
    dir: PoolDir,
    fresh: Vec<u64>,
    image: Vec<u8>,
    _locks: SupervisorLocks,
    _base: tempfile::TempDir,
}

/// The shapes: small, so that a random index hits, and odd, so that a wrong stride shows. One has
/// rings of I/O lanes, and keys.
#[must_use]
pub fn shapes() -> [PoolConfig; 3] {
    let config = |clients, slots, max_workers, max_lanes, priorities, arena| {
        PoolConfig::default()
            .clients(clients)
            .slots(slots)
            .max_workers(max_workers)
            .max_lanes(max_lanes)
            .priorities(priorities)
            .limits(0)
            .keys(false)
            .arena(arena)
    };
    [
        config(1, 4, 1, 2, 2, vec![ArenaClass::new(128, 4)]),
        config(
            2,
            3,
            2,
            2,
            3,
            vec![ArenaClass::new(64, 3), ArenaClass::new(1024, 2)],
        )
        .io_lanes(true)
        .keys(true),
        config(
            3,
            1,
            1,
            65,
            4,
            vec![
                ArenaClass::new(192, 2),
                ArenaClass::new(256, 5),
                ArenaClass::new(4096, 2),
            ],
        ),
    ]
}

/// `make fuzz` gives one that it removes, since libFuzzer ends without any destructor.
fn base_dir() -> PathBuf {
    std::env::var_os("RINGWORK_FUZZ_DIR").map_or_else(|| "/dev/shm".into(), PathBuf::from)
}

impl Rig {
    /// A pool of each shape.
    ///
    /// # Panics
    /// When /dev/shm can't be written to.
    #[must_use]
    pub fn all() -> Vec<Self> {
        shapes().iter().map(Self::new).collect()
    }

    fn new(config: &PoolConfig) -> Self {
        let base = tempfile::Builder::new()
            .prefix("ringwork-fuzz-")
            .tempdir_in(base_dir())
            .expect("a directory on a tmpfs");
        let dir = PoolDir::below(&base.path().join("pools"), "fuzz").expect("a good name");
        let (segment, locks) = Segment::create(&dir, config).expect("a segment");
        segment.set_pool_state(PoolState::Serving);
        let words = segment.geometry().segment_size as usize / 8;
        let fresh: Vec<u64> = (0..words)
            .map(|word| segment.raw64(8 * word).load(Ordering::Relaxed))
            .collect();
        Self {
            segment,
            dir,
            image: fresh.iter().flat_map(|word| word.to_le_bytes()).collect(),
            fresh,
            _locks: locks,
            _base: base,
        }
    }

    /// The rig of an input's shape.
    #[must_use]
    pub fn of(rigs: &[Self], shape: u8) -> &Self {
        &rigs[usize::from(shape) % rigs.len()]
    }

    /// The segment as it was made.
    pub fn restore(&self) {
        for (word, value) in self.fresh.iter().enumerate() {
            let at = self.segment.raw64(8 * word);
            if at.load(Ordering::Relaxed) != *value {
                at.store(*value, Ordering::Relaxed);
            }
        }
        debug_assert_eq!(self.segment.raw32(H_READY).load(Ordering::Acquire), READY);
    }

    /// The segment as it was made, as the bytes of its file.
    #[must_use]
    pub fn image(&self) -> &[u8] {
        &self.image
    }

    /// The supervisor's own mapping.
    #[must_use]
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &PoolDir {
        &self.dir
    }

    /// Writes a record.
    pub fn write(&self, record: Record) {
        let (at, width) = record.place(self.segment.geometry());
        for (step, byte) in record.bytes(width).into_iter().enumerate() {
            self.segment.raw8(at + step).store(byte, Ordering::Relaxed);
        }
    }
}

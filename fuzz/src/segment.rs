//! Segment header and attach: a damaged file is refused with a reason, or everything that reads
//! and repairs a segment goes over it unharmed.

use crate::patch::{self, Record};
use crate::rig::Rig;
use ringwork_ring::client::TaskOptions;
use ringwork_ring::format::layout::HEADER_SIZE;
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::queue::arena;
use ringwork_ring::reaper::{DeadOwners, LostWakeCheck, Sweeper, reap_client};
use ringwork_ring::testing::reap_worker;
use ringwork_ring::{Cause, Codec};
use ringwork_ring::{Client, PoolDir, Segment, WaitStrategy, WorkerEntry};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

thread_local! {
    static RIGS: Vec<Rig> = Rig::all();
}

/// Writes the file that the input describes and attaches to it.
///
/// Steps of the input cut the file, or lengthen it, by their argument's low 16 bits (signed).
///
/// # Panics
/// When a good header is refused, or a bad one is taken.
pub fn run(data: &[u8]) {
    RIGS.with(|rigs| attach(rigs, data));
}

fn attach(rigs: &[Rig], data: &[u8]) {
    let (shape, records) = patch::parse(data);
    let rig = Rig::of(rigs, shape);
    let mut file = rig.image().to_vec();
    let mut len = file.len();
    let mut header_is_whole = true;
    for record in records {
        if let Some(change) = record.as_step() {
            len = len.saturating_add_signed(isize::from(change as i16));
        } else {
            header_is_whole &= !damage(&mut file, rig, record);
        }
    }
    let is_good = header_is_whole && len == file.len();
    file.resize(len, 0);
    write(rig.dir(), &file);
    match Segment::attach(rig.dir()) {
        Ok(segment) => {
            let g = segment.geometry();
            assert_eq!(g.segment_size, len as u64);
            assert_eq!(g.config().geometry().expect("laid out before"), *g);
            use_everything(Arc::new(segment), rig.dir());
        }
        Err(error) => {
            assert!(!is_good, "refused: {error}");
            assert!(error.to_string().len() > 20, "{error}");
        }
    }
}

/// Whether it hit the header.
fn damage(file: &mut [u8], rig: &Rig, record: Record) -> bool {
    let (at, width) = record.place(rig.segment().geometry());
    file[at..at + width].copy_from_slice(&record.bytes(width));
    at < HEADER_SIZE
}

fn write(dir: &PoolDir, bytes: &[u8]) {
    // A new file: no mapping, this process's least of all, is cut short while it is in use.
    let _ = std::fs::remove_file(dir.segment());
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(dir.segment())
        .and_then(|mut file| file.write_all(bytes))
        .expect("room on the tmpfs");
}

/// All that a process may do with a segment that it has attached to.
fn use_everything(segment: Arc<Segment>, dir: &PoolDir) {
    let view = ringwork_cli::fuzz::stat(&segment);
    assert!(view.is_err() || view.is_ok_and(|json| json.starts_with('{')));
    let _ = arena::taken(&segment);
    if let Ok(dead_owners) = DeadOwners::new(&segment) {
        let _ = (
            dead_owners.dead_clients(&segment),
            dead_owners.dead_workers(&segment),
        );
    }
    let mut lost_wakes = LostWakeCheck::default();
    lost_wakes.look(&segment);
    lost_wakes.look(&segment);
    let mut sweeper = Sweeper::default();
    sweeper.sweep(&segment, now_ns());
    for late in sweeper.sweep(&segment, u64::MAX) {
        assert!(late.lane < segment.geometry().max_lanes);
    }
    for kind in segment.geometry().lane_kinds() {
        let Ok(entry) = WorkerEntry::register(Arc::clone(&segment), None) else {
            continue;
        };
        let lane = entry.lane(*kind, WaitStrategy::Park);
        if let Some(mut lane) = lane.ok().and_then(|mut lanes| lanes.pop()) {
            for _ in 0..8 {
                let Some(claimed) = lane.try_next() else {
                    break;
                };
                let _ = (claimed.request().map(<[u8]>::len), claimed.traceparent());
                claimed.complete(b"done", Codec::Bytes);
            }
        }
        entry.leave();
    }
    if let Ok(client) = Client::connect(dir) {
        client.collect();
        let _ = client.submit("echo", b"request", &Default::default());
        for _ in 0..2 {
            let _ = client.submit("echo", b"request", &TaskOptions::default().key("k"));
        }
    }
    for worker in 0..segment.geometry().max_workers {
        reap_worker(&segment, worker, Cause::signal(9));
    }
    for client in 0..segment.geometry().max_clients {
        reap_client(&segment, client);
    }
    arena::free_orphans(&segment);
}

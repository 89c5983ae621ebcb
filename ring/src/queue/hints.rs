//! Hints that are written anew: of a queued slot, and of one that is done.
//!
//! Called by lanes and by the reaper. A hint may be doubled, never lost: what finds no room is
//! seen by the sweep, or by the client through its overflow word.

use crate::os::sync::{Ordering, fence};
use crate::segment::Segment;

/// Puts a queued slot's hint into the ring of its priority; `false` when that is full.
pub(crate) fn restore_hint(segment: &Segment, slot: u32) -> bool {
    let published = segment.slot(slot).published();
    segment.queue_of(published).enqueue(slot).is_ok()
}

/// Puts a completion hint in the client's ring; full: sets its overflow word instead.
pub(crate) fn publish_completion(segment: &Segment, client: u32, slot: u32) {
    let mut head_seen = segment.completion_ring(client).head();
    publish_completion_knowing(segment, client, slot, &mut head_seen);
}

/// As [`publish_completion`], with the head of the ring as it was seen last.
#[inline]
pub(crate) fn publish_completion_knowing(
    segment: &Segment,
    client: u32,
    slot: u32,
    head_seen: &mut u64,
) {
    let ring = segment.completion_ring(client);
    if ring.enqueue_knowing(slot, head_seen).is_err() {
        segment.client(client).set_overflow_release();
        // pairs with the fence of the poller before its look at the word: no CAS publishes it.
        fence(Ordering::SeqCst);
        failpoint!("complete.overflow");
    }
}

//! The look at the buckets of keys, and at the key lines of queued tasks.

use crate::format::words::Word;
use crate::reaper::audit::slice::Slice;
use crate::segment::Segment;

/// The buckets that one look takes in.
const BUCKETS_A_LOOK: usize = 512;

/// Looks at some buckets from one on; where the next look begins.
pub(super) fn look_at_buckets(segment: &Segment, next: usize) -> Result<usize, String> {
    let Some(keys) = segment.keys() else {
        return Ok(0);
    };
    let mut slice = Slice::new(next, BUCKETS_A_LOOK);
    for bucket in slice.of(keys.bucket_count() as usize) {
        if let Some(what) = keys.problem_of_bucket(bucket as u32) {
            return Err(format!("bucket {bucket} of keys: {what}"));
        }
    }
    Ok(slice.next())
}

/// What is wrong with the key line of a task that was seen queued in this state.
pub(super) fn problem_of_queued(
    segment: &Segment,
    slot: u32,
    queued: Word,
) -> Option<&'static str> {
    let fields = segment.slot(slot);
    if !fields.published().is_keyed() {
        return None;
    }
    let Some(keys) = segment.keys() else {
        return Some("it has a key, and the pool takes none");
    };
    // Its line was the task's all the time if the word is the same still.
    keys.problem_of_line(slot)
        .filter(|_| fields.queued() == Some(queued))
}

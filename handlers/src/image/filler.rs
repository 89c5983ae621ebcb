//! Filler: equal bytes that stand where the rest of a file was cut off.

use std::ops::Range;

/// How many equal bytes at the end of pixels' data are looked into.
const SHORTEST: usize = 8;
/// How many of them are changed.
const MAX_CHANGED: usize = 16;

/// With how many equal bytes `data` ends.
pub(super) fn run(data: &[u8]) -> usize {
    let last = data.last();
    let same = data.iter().rev().take_while(|byte| Some(*byte) == last);
    same.count()
}

/// `body` with the last bytes of `data`, a part of it, changed; `None` if those are no filler.
///
/// Filler alone is no sign of a cut: the data of flat pictures ends in hundreds of zeros, which
/// stand for pixels. In a whole file the change shows in pixels, or the file can't be decoded any
/// more, since an encoder writes no byte without need. Behind a cut the decoder finds a picture in a
/// part of the filler, and what the rest of it is does not matter. What it takes the filler for to
/// the last byte can't be told.
pub(super) fn changed(body: &[u8], data: Range<usize>) -> Option<Vec<u8>> {
    let run = run(&body[data.clone()]);
    if run < SHORTEST {
        return None;
    }
    let mut other = body.to_vec();
    for byte in &mut other[data.end - run.min(MAX_CHANGED)..data.end] {
        *byte ^= 0x5a;
    }
    Some(other)
}

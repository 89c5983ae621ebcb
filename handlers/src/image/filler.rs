//! Filler: equal bytes that stand where the rest of a file was cut off.

/// A file, or a part of it, seldom ends in as many equal bytes by chance.
pub(super) const SHORTEST: usize = 8;

/// With how many equal bytes `data` ends.
pub(super) fn run(data: &[u8]) -> usize {
    let last = data.last();
    let same = data.iter().rev().take_while(|byte| Some(*byte) == last);
    same.count()
}

/// Where the filler begins that `data` ends in; its end if there is none.
pub(super) fn start(data: &[u8]) -> usize {
    let run = run(data);
    data.len() - if run < SHORTEST { 0 } else { run }
}

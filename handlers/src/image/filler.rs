//! Filler: equal bytes that stand where the rest of a file was cut off.

/// So many equal bytes are seldom by chance what a file, or a part of it, ends in.
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

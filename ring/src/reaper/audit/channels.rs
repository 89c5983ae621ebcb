//! The look at the channels.

use super::slice::{CELLS_A_LOOK, Slice};
use crate::segment::Segment;

/// What is remembered between two looks.
#[derive(Debug, Default)]
pub(super) struct SeenChannels {
    tails: Vec<u64>,
    next_cell: usize,
}

impl SeenChannels {
    /// For a segment that was just made.
    pub(super) fn new(segment: &Segment) -> Self {
        Self {
            tails: segment.channels().map(|channel| channel.tail()).collect(),
            next_cell: 0,
        }
    }

    pub(super) fn look(&mut self, segment: &Segment, steps: u64) -> Result<(), String> {
        let mut slice = Slice::new(self.next_cell, CELLS_A_LOOK);
        for (channel, tail) in segment.channels().zip(&mut self.tails) {
            let name = &channel.config().name;
            if let Some(what) = channel.problem(*tail, steps) {
                return Err(format!("the channel {name}: {what}"));
            }
            *tail = channel.tail();
            for cell in slice.of(channel.config().capacity as usize) {
                if !channel.cell_is_possible(cell as u64) {
                    return Err(format!(
                        "the channel {name}: cell {cell} is none that a process of ours writes"
                    ));
                }
            }
        }
        self.next_cell = slice.next();
        Ok(())
    }
}

//! The look at the event ring and its topics.

use super::slice::{CELLS_A_LOOK, Slice};
use crate::segment::Segment;

/// What is remembered between two looks.
#[derive(Debug, Default)]
pub(super) struct SeenEvents {
    tail: u64,
    next_cell: usize,
}

impl SeenEvents {
    /// For a segment that was just made.
    pub(super) fn new(segment: &Segment) -> Self {
        Self {
            tail: segment.events().map_or(0, |ring| ring.tail()),
            next_cell: 0,
        }
    }

    pub(super) fn look(&mut self, segment: &Segment, steps: u64) -> Result<(), String> {
        let Some(ring) = segment.events() else {
            return Ok(());
        };
        let bad = |what: String| -> Result<(), String> { Err(format!("the event ring: {what}")) };
        let tail = ring.tail();
        if tail.wrapping_sub(self.tail) > steps {
            return bad("its tail has moved further than any process can move it, or back".into());
        }
        self.tail = tail;
        if !ring.is_asked_possibly() {
            return bad("the word by which subscribers ask for a wake is impossible".into());
        }
        let mut slice = Slice::new(self.next_cell, CELLS_A_LOOK);
        for cell in slice.of(ring.capacity() as usize) {
            if !ring.cell_is_possible(cell as u64) {
                return bad(format!("cell {cell} is none that a publisher writes"));
            }
        }
        self.next_cell = slice.next();
        match (0..)
            .zip(segment.topic_records())
            .find(|(_, topic)| topic.is_impossible())
        {
            Some((index, _)) => bad(format!("topic {index} was overwritten")),
            None => Ok(()),
        }
    }
}

//! What is held in a segment, and which processes live.
//!
//! Called by all suites that look into a pool's segment.

use ringwork_ring::Segment;
use ringwork_ring::lane::permits;
use ringwork_ring::queue::arena;

/// Slots, blocks and permits that are held; empty: none.
#[must_use]
pub fn held(segment: &Segment) -> String {
    let mut held = String::new();
    let slots: Vec<String> = (0..segment.geometry().total_slots())
        .map(|slot| (slot, segment.word(slot)))
        .filter(|(_, word)| !word.is_at_rest())
        .map(|(slot, word)| format!("{slot}: {:?}", word.kind()))
        .collect();
    if !slots.is_empty() {
        held.push_str(&format!("slots [{}] ", slots.join(", ")));
    }
    let blocks = arena::taken(segment);
    if blocks.iter().any(|count| *count > 0) {
        held.push_str(&format!("blocks by class {blocks:?} "));
    }
    let permits: u32 = permits::usage(segment)
        .iter()
        .map(|limit| limit.running)
        .sum();
    if permits > 0 {
        held.push_str(&format!("{permits} permits "));
    }
    held
}

/// Entries of clients that are in use.
#[must_use]
pub fn clients(segment: &Segment) -> usize {
    (0..segment.geometry().max_clients)
        .filter(|index| !segment.client(*index).word_acquire().is_free())
        .count()
}

/// Entries of workers that are in use.
#[must_use]
pub fn workers(segment: &Segment) -> usize {
    (0..segment.geometry().max_workers)
        .filter(|index| !segment.worker(*index).word_acquire().is_free())
        .count()
}

/// Entries of lanes that are in use.
#[must_use]
pub fn lanes(segment: &Segment) -> usize {
    let words = segment.lanes().map(|lane| lane.word_acquire());
    words.filter(|word| !word.is_free()).count()
}

/// Whether a process runs or is stopped: not gone, and no zombie.
#[must_use]
pub fn is_alive(pid: i32) -> bool {
    stat(pid).is_some_and(|(state, ..)| state != 'Z' && state != 'X')
}

/// State, parent and start time of a process; the latter tells it from a successor of its id.
#[must_use]
pub fn stat(pid: i32) -> Option<(char, i32, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text[text.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    Some((state, parent, fields.nth(17)?.parse().ok()?))
}

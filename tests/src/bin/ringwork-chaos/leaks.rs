//! What is still taken in a pool without clients: slots, blocks, entries, files, processes.

use ringwork_ring::Segment;
use ringwork_ring::queue::arena;
use std::path::Path;

/// Everything in the segment that is taken though no client is attached, one line each.
pub fn in_segment(segment: &Segment) -> Vec<String> {
    let geometry = segment.geometry();
    let mut found: Vec<String> = (0..geometry.total_slots())
        .map(|slot| (slot, segment.word(slot)))
        .filter(|(_, word)| !word.is_at_rest())
        .map(|(slot, word)| format!("slot {slot} is {:?}", word.kind()))
        .collect();
    let sizes = geometry.classes.iter().map(|place| place.class.size);
    for (size, count) in sizes.zip(arena::taken(segment)) {
        found.extend((0..count).map(|_| format!("a block of {size} bytes is taken")));
    }
    for client in 0..geometry.max_clients {
        if !segment.client(client).word_acquire().is_free() {
            found.push(format!("client entry {client} is taken"));
        }
    }
    found
}

/// What stands in a directory where nothing should be.
pub fn in_directory(path: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(path) else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| format!("{} is left", entry.path().display()))
        .collect()
}

/// Children of this process that still live.
pub fn in_processes() -> Vec<String> {
    let me = std::process::id().to_string();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let (_, rest) = stat.rsplit_once(')')?;
            let mut fields = rest.split_whitespace();
            let (state, parent) = (fields.next()?, fields.next()?);
            (parent == me && !matches!(state, "Z" | "X")).then(|| {
                format!(
                    "process {} is left",
                    stat.split(' ').take(2).collect::<Vec<_>>().join(" ")
                )
            })
        })
        .collect()
}

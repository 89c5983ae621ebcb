//! The entries of handlers in the segment's table of limits: those with a limit of concurrency from
//! the start, and those that were paused since.
//!
//! Called by the supervisor alone. Invariant: an entry stays its handler's for the life of the
//! pool; what changes is its number, 0 where any number may run.

use crate::policy::HandlerLimits;
use ringwork_ring::Segment;
use ringwork_ring::lane::permits;
use std::collections::BTreeSet;

/// The names behind the entries, in their order.
#[derive(Debug, Default)]
pub(crate) struct LimitTable {
    names: Vec<String>,
    paused: BTreeSet<String>,
}

impl LimitTable {
    /// Those with a limit of concurrency, before any worker starts.
    pub(crate) fn new(limits: &HandlerLimits) -> Self {
        let limited = limits
            .iter()
            .filter(|(_, limit)| limit.concurrency.is_some());
        Self {
            names: limited.map(|(name, _)| name.clone()).collect(),
            paused: BTreeSet::new(),
        }
    }

    /// Whether the handler has an entry.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// The handlers that are paused.
    pub(crate) fn paused(&self) -> impl Iterator<Item = &String> {
        self.paused.iter()
    }

    /// Writes the numbers of these limits; a paused handler stays so.
    pub(crate) fn write(&self, segment: &Segment, limits: &HandlerLimits) {
        let number = |name: &String| match limits.get(name).and_then(|limit| limit.concurrency) {
            _ if self.paused.contains(name) => permits::PAUSED,
            max => max.unwrap_or(0),
        };
        let all: Vec<(&str, u32)> = self
            .names
            .iter()
            .map(|name| (name.as_str(), number(name)))
            .collect();
        permits::set(segment, &all);
    }

    /// Pauses a handler once the numbers are written; `true` when its entry is new: workers that
    /// serve do not know of it. `None`: no entry is left.
    pub(crate) fn pause(&mut self, segment: &Segment, name: &str) -> Option<bool> {
        let new = !self.has(name);
        if new && self.names.len() >= segment.geometry().limit_count as usize {
            return None;
        }
        if new {
            self.names.push(name.to_owned());
        }
        self.paused.insert(name.to_owned());
        Some(new)
    }

    /// Lets a handler run again once the numbers are written; `false` when it was not paused.
    pub(crate) fn resume(&mut self, name: &str) -> bool {
        self.paused.remove(name)
    }
}

//! The reloads that were asked for, by number, for commands that wait for one.

use crate::control::Reloaded;

/// What was asked for, and what has become of it.
#[derive(Debug, Default)]
pub(crate) struct Reloads {
    /// How many were asked for: the number of the last one.
    pub(crate) number: u64,
    /// How the last one that has ended did so.
    pub(crate) last: Option<Reloaded>,
}

impl Reloads {
    /// All that were asked for have ended.
    pub(crate) fn end(&mut self, done: bool, text: &str) {
        self.last = Some(Reloaded {
            number: self.number,
            done,
            text: text.to_owned(),
        });
    }
}

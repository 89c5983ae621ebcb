//! Which handlers the pool has: through a reload, and against the limits of the configuration.
//!
//! Called by the supervisor when it is ready, and around a reload.

use super::Supervisor;
use ringwork_ring::segment::tables;

impl Supervisor<'_> {
    /// Before workers are replaced.
    pub(crate) fn renew_handlers(&mut self) {
        let segment = self.pool.segment();
        // After two reloads in a row: those from before the first.
        self.former_handlers.get_or_insert_with(|| names(segment));
        tables::renew_handlers(segment);
    }

    /// After a reload: what it has removed and added, in words; empty when nothing.
    pub(crate) fn take_up_handlers(&mut self) -> String {
        let segment = self.pool.segment();
        let before = self.former_handlers.take().unwrap_or_default();
        if self.has_guests() {
            // What workers that joined by themselves have was registered before.
            let now = names(segment);
            tables::keep_former_handlers(segment, &now);
        } else {
            tables::drop_former_handlers(segment);
        }
        let now = names(segment);
        let without = |all: &[String], those: &[String]| -> Vec<String> {
            let rest = all.iter().filter(|name| !those.contains(name));
            rest.cloned().collect()
        };
        let parts = [
            ("removed", without(&before, &now)),
            ("added", without(&now, &before)),
        ];
        parts
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| format!("; handlers {what}: {}", names.join(", ")))
            .collect()
    }

    /// After a reload that came to nothing.
    pub(crate) fn keep_handlers(&mut self) {
        if let Some(before) = self.former_handlers.take() {
            tables::keep_former_handlers(self.pool.segment(), &before);
        }
    }

    /// A limit of a handler that no worker has is mostly a name that is misspelt.
    pub(crate) fn warn_of_vain_limits(&self) {
        let segment = self.pool.segment();
        let there = names(segment);
        let limits = self.config.limits();
        for name in limits.keys().filter(|name| !there.contains(name)) {
            let why = format!(
                "the limit of {name:?} has no effect: no worker has a handler of this name"
            );
            tracing::warn!(
                event = "handler.vain_limit",
                handler = name,
                "{why}; there are: {}",
                there.join(", ")
            );
            tables::log_error(segment, &why);
        }
    }
}

fn names(segment: &ringwork_ring::Segment) -> Vec<String> {
    let handlers = tables::handlers(segment);
    handlers.into_iter().map(|handler| handler.name).collect()
}

//! A file through which a handler tells a test how far it is.

use crate::wait_until;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The path of a file that does not exist yet.
#[derive(Debug, Clone)]
pub struct Marker(PathBuf);

impl Marker {
    /// A fresh one in `directory`; its path is longer than what travels inline,
    /// so that the request takes an arena block.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(directory.join(format!(
            "a-marker-that-a-handler-writes-its-progress-to-{number}"
        )))
    }

    /// The path, as a request.
    ///
    /// # Panics
    /// When it is not UTF-8; ours are.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }

    /// What the file holds; empty while it does not exist.
    #[must_use]
    pub fn contents(&self) -> String {
        std::fs::read_to_string(&self.0).unwrap_or_default()
    }

    /// Waits for the first line.
    pub fn wait_started(&self) {
        wait_until("a handler has started", || self.contents().contains('\n'));
    }

    /// Waits until the file holds this.
    pub fn wait_contents(&self, text: &str) {
        wait_until(&format!("a marker says {text:?}"), || {
            self.contents() == text
        });
    }
}

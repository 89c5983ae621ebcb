//! The name of the program that runs.

use std::path::{Path, PathBuf};

/// The file name of the program that runs, for people.
pub(crate) fn program_name() -> String {
    let called = || std::env::args_os().next().map(PathBuf::from);
    let path = std::env::current_exe().ok().or_else(called);
    let name = path.as_deref().and_then(Path::file_name);
    let name = name.unwrap_or_default().to_string_lossy();
    // What the kernel adds where the file was replaced while the program runs.
    name.trim_end_matches(" (deleted)").to_owned()
}

//! Writes what is generated from the format below the repository's top, which is the current folder:
//! the Java files, and the golden list that both languages' tests compare with. See `make layout`.

use std::{fs, process::ExitCode};

fn main() -> ExitCode {
    let mut files = ringwork_ring::format::export::files();
    files.push((
        "ring/layout.txt".to_owned(),
        ringwork_ring::format::export::golden(),
    ));
    for (path, text) in files {
        // An unchanged file keeps its time, so that nothing is built anew for it.
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if let Err(error) = fs::write(&path, text) {
            eprintln!("layout_java: {path}: {error}; call it at the top of the repository");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

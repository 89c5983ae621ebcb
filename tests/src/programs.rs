//! Where the programs under test are: those of the same build, unless told otherwise.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The `ringwork` command: `$RINGWORK_BINARY`, or the one of this target directory.
#[must_use]
pub fn ringwork_program() -> PathBuf {
    program("RINGWORK_BINARY", "ringwork")
}

/// The misbehaving worker: `$RINGWORK_TEST_WORKER`, or the one of this target directory.
#[must_use]
pub fn worker_program() -> PathBuf {
    program("RINGWORK_TEST_WORKER", "ringwork-test-worker")
}

/// The worker with async handlers.
#[must_use]
pub fn io_worker_program() -> PathBuf {
    program("RINGWORK_TEST_IO_WORKER", "ringwork-test-io-worker")
}

/// The client process that tests kill.
#[must_use]
pub fn client_program() -> PathBuf {
    program("RINGWORK_TEST_CLIENT", "ringwork-test-client")
}

fn program(variable: &str, name: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    // target/PROFILE/deps/TEST-HASH: the programs are two levels up.
    let own = std::env::current_exe().expect("the path of this test");
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| {
        let release = if own.components().any(|part| part.as_os_str() == "release") {
            " --release"
        } else {
            ""
        };
        panic!(
            "no program {name} beside {}: build it with `cargo build{release} -p ringwork-worker -p ringwork-tests`, or name it in {variable}",
            own.display()
        )
    })
}

/// Replaces a program by another file of the same path, as an installation does.
///
/// # Panics
/// If it can't be written.
pub fn install(path: &Path, script: &str) {
    let new = path.with_extension("new");
    // By another process: while one that a test beside this one starts had our descriptor of the
    // file for a moment, too, no process could execute it.
    let written = Command::new("/bin/sh")
        .args([
            "-c",
            r#"printf %s "$1" >"$2" && chmod 755 "$2""#,
            "sh",
            script,
        ])
        .arg(&new)
        .status()
        .unwrap();
    assert!(written.success());
    std::fs::rename(&new, path).unwrap();
}

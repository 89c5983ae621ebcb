//! Other users can't open, read or find a segment; what they could have put in its place is
//! refused.
//!
//! As root, `nobody` (65534) is the other user; without root the tests of another user say so and
//! pass.

#![forbid(unsafe_code)]

use nix::sys::stat::Mode;
use nix::unistd::{Uid, User, geteuid, mkfifo};
use ringwork_ring::client::Client;
use ringwork_ring::{PoolDir, RingError};
use ringwork_tests::{Base, Pool, Serve, call, options, ringwork_program};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

const NOBODY: u32 = 65534;

/// Whether there is another user to be; says so if not.
fn can_be_nobody() -> bool {
    let can = geteuid().is_root() && User::from_uid(Uid::from_raw(NOBODY)).is_ok();
    if !can {
        eprintln!("skipped: only root can try what another user could do");
    }
    can
}

/// Runs a program as nobody, with the pools of this test.
fn as_nobody(base: &Base, program: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .env("RINGWORK_DIR", base.pools())
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .expect("started as nobody")
}

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

fn serve(memory: &str) -> Pool {
    let pool = Serve::new("secret").option("memory", memory).start();
    // Only the pools' own directory is to protect them.
    fs::set_permissions(pool.files(), Permissions::from_mode(0o755)).expect("own directory");
    pool
}

#[test]
fn another_user_can_not_open_list_or_attach() {
    if !can_be_nobody() {
        return;
    }
    for memory in ["memfd", "file"] {
        let pool = serve(memory);
        let program = pool.files().join("ringwork");
        // By another process: see `install` in reload.rs.
        let copied = Command::new("cp")
            .arg(ringwork_program())
            .arg(&program)
            .status();
        assert!(copied.expect("cp").success());
        fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("its mode");
        for arguments in [
            &["stat", "secret"][..],
            &["list"],
            &["submit", "secret", "echo", "--data", "x"],
            &["clean", "secret"],
            &["serve", "--name", "secret"],
        ] {
            let output = as_nobody(pool.base(), &program, arguments);
            let said = text(&output);
            assert!(!output.status.success(), "{arguments:?}: {said}");
            assert!(
                said.contains("ermission denied") || said.contains("belongs to user"),
                "{arguments:?}: {said}"
            );
        }
        let segment = pool.segment().path().display().to_string();
        let directory = pool.dir().path().display().to_string();
        for script in [
            format!("head -c 8 {segment}"),
            format!("exec 3<>{segment}"),
            format!("ls {directory}"),
            format!("ls {}", pool.base().pools().display()),
            format!("cat {directory}/segment.memfd"),
            format!("ls /proc/{}/fd", pool.pid()),
            format!("cat /proc/{}/mem", pool.pid()),
        ] {
            let output = as_nobody(pool.base(), Path::new("/bin/sh"), &["-c", &script]);
            let said = text(&output);
            assert!(
                !output.status.success() && said.contains("denied"),
                "{script}: {said}"
            );
        }
        assert_eq!(call(&pool.client(), "echo", b"mine", &options()), b"mine");
    }
}

fn refused(dir: &PoolDir, part: &str) {
    let error = Client::connect(dir).expect_err("refused");
    assert!(error.to_string().contains(part), "{part}: {error}");
}

/// A directory of a pool without a segment.
fn empty(base: &Base, name: &str) -> PoolDir {
    let dir = PoolDir::below(&base.pools(), name).expect("a name");
    dir.create().expect("made");
    dir
}

#[test]
fn links_fifos_and_open_directories_are_refused() {
    let pool = Serve::new("real").start();
    let base = pool.base();
    let dir = PoolDir::below(&base.pools(), "link").unwrap();
    symlink(pool.dir().path(), dir.path()).unwrap();
    refused(&dir, "it is a link, which is not followed");

    for (name, at) in [
        ("segment-link", PoolDir::segment as fn(&PoolDir) -> _),
        ("pointer-link", PoolDir::pointer),
    ] {
        let dir = empty(base, name);
        symlink(pool.segment().path(), at(&dir)).unwrap();
        refused(&dir, "it is a link");
    }
    for (name, at) in [
        ("segment-fifo", PoolDir::segment as fn(&PoolDir) -> _),
        ("pointer-fifo", PoolDir::pointer),
    ] {
        let dir = empty(base, name);
        mkfifo(&at(&dir), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        refused(&dir, "no plain file");
    }
    let dir = empty(base, "group");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o770)).unwrap();
    refused(&dir, "chmod 700");

    // A pointer of another pool's: the epoch and the lock files are not this directory's.
    let dir = empty(base, "borrowed");
    fs::copy(pool.dir().pointer(), dir.pointer()).unwrap();
    fs::set_permissions(dir.pointer(), Permissions::from_mode(0o600)).unwrap();
    refused(&dir, "supervisor is dead");
    assert_eq!(call(&pool.client(), "echo", b"x", &options()), b"x");
}

#[test]
fn links_and_fifos_in_place_of_a_lock_are_refused() {
    for fifo in [false, true] {
        let pool = Serve::new("locks").start();
        let lock = pool.dir().client_lock(pool.segment().epoch(), 0);
        let elsewhere = pool.files().join("elsewhere");
        File::create(&elsewhere).unwrap();
        fs::remove_file(&lock).unwrap();
        if fifo {
            mkfifo(&lock, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        } else {
            symlink(&elsewhere, &lock).unwrap();
        }
        refused(pool.dir(), "client.");
    }
}

#[test]
fn files_and_directories_of_others_are_refused() {
    if !can_be_nobody() {
        return;
    }
    let base = Base::new();
    let dir = empty(&base, "file");
    fs::write(dir.segment(), [0; 8192]).unwrap();
    fs::set_permissions(dir.segment(), Permissions::from_mode(0o600)).unwrap();
    chown(dir.segment(), Some(NOBODY), None).unwrap();
    refused(&dir, "belongs to user 65534");
    let dir = empty(&base, "pointer");
    fs::write(dir.pointer(), "ringwork-memfd-1 1 2 3 4 5").unwrap();
    fs::set_permissions(dir.pointer(), Permissions::from_mode(0o600)).unwrap();
    chown(dir.pointer(), Some(NOBODY), None).unwrap();
    refused(&dir, "belongs to user 65534");
    let dir = empty(&base, "directory");
    chown(dir.path(), Some(NOBODY), None).unwrap();
    refused(&dir, "belongs to user 65534");
    chown(base.pools(), Some(NOBODY), None).unwrap();
    assert!(matches!(
        Client::connect(&dir),
        Err(RingError::Foreign { .. })
    ));
}

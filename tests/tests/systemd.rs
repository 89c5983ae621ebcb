//! What a service manager is told, on a socket as systemd gives one.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use ringwork_tests::{Base, LIMIT, Serve, wait_for};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;

fn until(socket: &UnixDatagram, wanted: &str) -> String {
    wait_for(wanted, || {
        let mut buffer = [0; 4096];
        let count = socket.recv(&mut buffer).ok()?;
        let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
        text.lines().any(|line| line == wanted).then_some(text)
    })
}

#[test]
fn it_hears_of_readiness_reloads_life_and_the_end() {
    let base = Arc::new(Base::new());
    let path = base.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let mut pool = Serve::in_base(&base, "unit")
        .daemon()
        .env("NOTIFY_SOCKET", &path.display().to_string())
        .env("WATCHDOG_USEC", "400000")
        .start();
    let ready = until(&socket, "READY=1");
    assert!(ready.contains("STATUS=serving unit"), "{ready}");
    // A pool at rest beats as well, again and again.
    until(&socket, "WATCHDOG=1");
    until(&socket, "WATCHDOG=1");
    pool.signal(Signal::SIGHUP);
    let reloading = until(&socket, "RELOADING=1");
    let time = reloading
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(
        time.is_some_and(|time| time.parse::<u64>().is_ok()),
        "{reloading}"
    );
    until(&socket, "READY=1");
    pool.signal(Signal::SIGTERM);
    until(&socket, "STOPPING=1");
    assert!(pool.wait_exit().success());
}

#[test]
fn an_embedded_pool_is_silent_for_its_owner_is_the_service() {
    let base = Arc::new(Base::new());
    let path = base.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut pool = Serve::in_base(&base, "part")
        .env("NOTIFY_SOCKET", &path.display().to_string())
        .start();
    pool.let_go();
    pool.wait_exit();
    assert!(socket.recv(&mut [0; 64]).is_err(), "nothing was sent");
}

/// The unit of the examples, as the oldest systemd that is supported reads it: 252.
#[test]
fn the_example_unit_has_no_directive_that_systemd_does_not_know() {
    let unit = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/systemd/ringwork@.service"
    );
    let unit = std::fs::read_to_string(unit).unwrap();
    assert!(
        unit.contains("\nType=notify\n"),
        "notify-reload came with 253"
    );
    assert!(unit.contains("\nKillMode=mixed\n"));
    let base = Base::new();
    let path = base.path().join("ringwork@pool.service");
    // What need not be on this machine: the program and the user.
    let here = unit
        .replace("/usr/local/bin/ringwork", "/bin/true")
        .replace("User=app\n", "");
    std::fs::write(&path, here).unwrap();
    let verified = std::process::Command::new("systemd-analyze")
        .arg("verify")
        .arg(&path)
        .output();
    let Ok(verified) = verified else {
        eprintln!("SKIPPED: there is no systemd-analyze here");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(
        verified.status.success() && !said.contains("ringwork@pool.service:"),
        "{said}"
    );
}

//! `ringwork serve --sandbox`: what handlers are refused, what they are not, and
//! what becomes of it on kernels that have less.

#![forbid(unsafe_code)]

use ringwork_ring::client::{Client, Outcome};
use ringwork_ring::format::layout::*;
use ringwork_ring::os::probes;
use ringwork_ring::{Codec, Status};
use ringwork_tests::{Pool, Refused, Serve, call, end, options, utf8, wait_until};
use seccompiler::{SeccompAction, SeccompFilter, apply_filter};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;

/// Whether this machine has it all; where it has not, there is nothing to try.
fn is_complete() -> bool {
    let complete = probes::landlock_abi().is_some() && probes::has_seccomp_filter();
    if !complete {
        println!("this kernel has no landlock or no seccomp: not tried");
    }
    complete
}

fn serve(name: &str) -> Serve {
    Serve::new(name).option("workers", "1")
}

fn attempt(client: &Client, request: &str) -> Outcome {
    let ticket = client
        .submit("test.forbidden", request.as_bytes(), &utf8())
        .expect("a slot");
    end(&ticket)
}

fn allowed(client: &Client, request: &str) -> String {
    match attempt(client, request) {
        Outcome::Completed { bytes, .. } => String::from_utf8(bytes).expect("a text"),
        other => panic!("{request}: {other:?}"),
    }
}

fn refused(client: &Client, request: &str) {
    match attempt(client, request) {
        Outcome::Failed {
            status,
            code,
            message,
            location,
            ..
        } => {
            // The handler's own error, with its code and place, and the likely cause before its
            // words.
            assert_eq!((status, code.as_str()), (Status::Failed, "test.refused"));
            assert!(
                message.starts_with("refused by the sandbox (--sandbox), most likely: ")
                    && message.contains(request),
                "{message}"
            );
            assert!(location.contains("forbidden.rs:"), "{location}");
        }
        other => panic!("{request}: {other:?}"),
    }
}

/// Things to reach for: two files, a directory, servers.
struct Bait {
    files: Vec<String>,
    tcp: TcpListener,
    _unix: UnixListener,
}

impl Bait {
    fn lay(pool: &Pool) -> Self {
        let path = |name: &str| pool.files().join(name).display().to_string();
        let files: Vec<String> = ["secret", "new", "dir", "socket", "other", "third"]
            .map(path)
            .to_vec();
        for existing in [0, 4, 5] {
            std::fs::write(&files[existing], "secret").expect("a file");
        }
        Self {
            tcp: TcpListener::bind("127.0.0.1:0").expect("a port"),
            _unix: UnixListener::bind(&files[3]).expect("a socket"),
            files,
        }
    }

    fn attempts(&self) -> Vec<String> {
        let [secret, new, dir, socket, other, third] = &self.files[..] else {
            unreachable!()
        };
        let address = self.tcp.local_addr().expect("its port");
        // In an order in which each works where it is allowed.
        vec![
            format!("read {secret}"),
            "read /etc/passwd".to_owned(),
            "list /".to_owned(),
            format!("write {new}"),
            format!("append {secret}"),
            format!("chmod {secret}"),
            format!("truncate {other}"),
            format!("rename {other}"),
            format!("remove {third}"),
            format!("mkdir {dir}"),
            format!("tcp {address}"),
            "listen".to_owned(),
            "udp".to_owned(),
            format!("unix {socket}"),
            "datagram".to_owned(),
            "exec".to_owned(),
            format!("kill {}", std::process::id()),
            "limits".to_owned(),
            "outlive".to_owned(),
        ]
    }
}

#[test]
fn everything_that_is_refused_in_a_sandbox_works_outside() {
    let pool = serve("free").start();
    let bait = Bait::lay(&pool);
    let client = pool.client();
    for request in bait.attempts() {
        allowed(&client, &request);
    }
}

#[test]
fn a_sandboxed_handler_is_refused_with_a_clear_error_and_its_worker_lives_on() {
    if !is_complete() {
        return;
    }
    let pool = serve("confined")
        .flag("sandbox=require")
        .option("workers", "2")
        .option("lanes", "2")
        .start();
    let bait = Bait::lay(&pool);
    let client = pool.client();
    let workers = pool.wait_workers(2);
    for request in bait.attempts() {
        refused(&client, &request);
    }
    for (request, answer) in [("thread", "done"), ("pair", "done"), ("memory", "67108864")] {
        assert_eq!(allowed(&client, request), answer);
    }
    assert_eq!(allowed(&client, &format!("stat {}", bait.files[0])), "6");
    // An unwrap says it, too.
    let ticket = client
        .submit("test.unwraps", b"/etc/passwd", &utf8())
        .expect("a slot");
    match end(&ticket) {
        Outcome::Failed {
            status, message, ..
        } => {
            assert_eq!(status, Status::Panicked);
            assert!(message.contains("refused by the sandbox"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.workers(), workers, "nobody died of it");
    assert_eq!(std::fs::read(&bait.files[0]).expect("the file"), b"secret");
    pool.wait_logged("sandbox: files: landlock ABI");
    drop(ticket);
    pool.wait_nothing_held(&[&client]);
}

#[test]
fn the_successor_of_a_dead_worker_is_confined_as_well() {
    if !is_complete() {
        return;
    }
    let pool = serve("again").flag("sandbox").start();
    let client = pool.client();
    let workers = pool.wait_workers(1);
    for handler in ["test.abort", "test.segv", "test.overflow"] {
        let ticket = client.submit(handler, b"", &options()).expect("a slot");
        assert!(matches!(end(&ticket), Outcome::Crashed { .. }));
        refused(&client, "read /etc/passwd");
    }
    assert_ne!(pool.workers(), workers);
    assert_eq!(pool.counter(PoolCounter::WorkersCrashed), 3);
}

#[test]
fn listed_paths_can_be_read_and_nothing_else() {
    if !is_complete() {
        return;
    }
    let base = std::sync::Arc::new(ringwork_tests::Base::new());
    let dir = base.path().join("models");
    std::fs::create_dir(&dir).expect("a directory");
    std::fs::write(dir.join("a"), "weights").expect("a file");
    let pool = Serve::in_base(&base, "readable")
        .option("workers", "1")
        .flag("sandbox=require")
        .option("sandbox-read", &dir.display().to_string())
        .start();
    let client = pool.client();
    let file = dir.join("a").display().to_string();
    assert_eq!(allowed(&client, &format!("read {file}")), "weights");
    assert_eq!(allowed(&client, &format!("list {}", dir.display())), "1");
    for request in ["append", "truncate", "remove", "chmod"] {
        refused(&client, &format!("{request} {file}"));
    }
    refused(&client, "read /etc/passwd");
    assert_eq!(std::fs::read(&file).expect("the file"), b"weights");
}

/// A pixel: PNG in, JPEG out, and that JPEG in again.
#[test]
fn all_stock_handlers_work_in_a_sandbox() {
    if !is_complete() {
        return;
    }
    let pool = serve("stock").without("worker").flag("sandbox").start();
    let client = pool.client();
    let sent = |handler: &str, parameters: &str, body: &[u8]| {
        let mut request = (parameters.len() as u32).to_le_bytes().to_vec();
        request.extend_from_slice(parameters.as_bytes());
        request.extend_from_slice(body);
        let params = options().codec(Codec::Params);
        call(&client, handler, &request, &params)
    };
    let jpeg = sent(
        "image.resize",
        r#"{"width":300,"height":200,"fit":"fill","format":"jpeg"}"#,
        PIXEL,
    );
    assert!(!sent("image.thumbnail", r#"{"size":64}"#, &jpeg).is_empty());
    let webp = sent("image.resize", r#"{"width":40,"format":"webp"}"#, &jpeg);
    assert!(!sent("image.thumbnail", r#"{"size":16}"#, &webp).is_empty());
    for cheap in [
        r#"{"algorithm":"argon2id","memory_kib":64}"#,
        r#"{"algorithm":"bcrypt","cost":4}"#,
    ] {
        let hash = String::from_utf8(sent("password.hash", cheap, b"secret")).expect("a text");
        let check = format!(r#"{{"hash":"{hash}"}}"#);
        assert_eq!(sent("password.verify", &check, b"secret"), b"true");
    }
    for (hash, body) in [
        (
            "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$bEaCAiyRYDARuNXGlQE7Plyz+/JVlfoIQ0KBQ3KtPwI",
            b"password",
        ),
        (
            "$pbkdf2-sha256$29000$8PHy8/T19vf4.fr7/P3./w$YEsryuQeLpX.S7h/44VEsbkSPUZOYT9iuY71Ms.KDi0",
            b"password",
        ),
    ] {
        let stored = format!(r#"{{"hash":"{hash}"}}"#);
        assert_eq!(sent("password.verify", &stored, body), b"true");
        assert_eq!(sent("password.needs_rehash", &stored, b""), b"true");
    }
    assert_eq!(sent("digest", "", b"x").len(), 64);
    let keyed = r#"{"algorithm":"hmac-sha512","key_base64":"a2V5"}"#;
    assert_eq!(sent("digest", keyed, b"x").len(), 128);
    for how in [r#"{"level":19}"#, r#"{"format":"gzip"}"#] {
        let zipped = sent("compress", how, &jpeg);
        assert_eq!(sent("decompress", "", &zipped), jpeg);
    }
    assert_eq!(call(&client, "echo", &[1; 5000], &options()), [1; 5000]);
    let slept = call(
        &client,
        "sleep",
        &1_i64.to_le_bytes(),
        &ringwork_tests::i64(),
    );
    assert_eq!(slept.len(), 8);
    assert_eq!(pool.counter(PoolCounter::WorkersCrashed), 0);
}

const PIXEL: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

/// Serves as on a kernel that has not these calls: a filter of this thread, which its
/// children inherit, hides them.
fn without<R: Send>(calls: &[libc::c_long], work: impl FnOnce() -> R + Send) -> R {
    let hide = SeccompFilter::new(
        calls.iter().map(|call| (*call, Vec::new())).collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
        std::env::consts::ARCH.try_into().expect("a known machine"),
    );
    let hide: seccompiler::BpfProgram = hide.and_then(TryInto::try_into).expect("a filter");
    std::thread::scope(|scope| {
        let confined = scope.spawn(move || {
            apply_filter(&hide).expect("the filter is installed");
            work()
        });
        confined.join().expect("it ends")
    })
}

const LANDLOCK: &[libc::c_long] = &[
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_restrict_self,
];

#[test]
fn ports_that_are_listed_are_connected_to_and_nothing_else_is() {
    if !is_complete() || probes::landlock_abi() < Some(4) {
        return;
    }
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("its port");
    let peer = format!("*:{}", address.port());
    let pool = serve("net")
        .flag("sandbox=require")
        .option("sandbox-net", &peer)
        .start();
    pool.wait_logged(&format!("connections to {peer}"));
    let bait = Bait::lay(&pool);
    let client = pool.client();
    assert_eq!(allowed(&client, &format!("tcp {address}")), "done");
    server.accept().expect("it has come");
    for request in bait.attempts() {
        refused(&client, &request);
    }
    refused(&client, "mptcp");
    refused(&client, &format!("first {address}"));
}

/// Without what it takes to hold a worker to some ports nothing is served: no mode of the sandbox is
/// content with less.
#[test]
fn ports_that_can_not_be_told_apart_are_refused_with_the_remedy() {
    if !is_complete() {
        return;
    }
    let serve = |mode| {
        let serve = serve("no-net").flag(mode);
        serve.option("sandbox-net", "*:443")
    };
    for (mode, calls, lack) in [
        ("sandbox", LANDLOCK, "sandbox-net needs landlock"),
        ("sandbox", &[libc::SYS_seccomp], "sandbox-net needs seccomp"),
        ("sandbox=require", LANDLOCK, "sandbox-net needs landlock"),
    ] {
        let refused = without(calls, || serve(mode).try_start());
        let error = refused.expect_err("it is refused").error;
        assert!(error.contains(lack), "{error}");
        assert!(error.contains("leave --sandbox-net out"), "{error}");
    }
}

#[test]
fn without_landlock_all_files_are_refused_by_seccomp() {
    if !is_complete() {
        return;
    }
    // Even "require" is content: nothing is left open.
    let pool = without(LANDLOCK, || {
        serve("no-landlock").flag("sandbox=require").start()
    });
    let bait = Bait::lay(&pool);
    let client = pool.client();
    for request in bait.attempts() {
        refused(&client, &request);
    }
    assert_eq!(allowed(&client, "thread"), "done");
    pool.wait_logged("files: seccomp, since there is no landlock");
}

#[test]
fn what_a_kernel_can_not_confine_is_said_or_refused() {
    if !is_complete() {
        return;
    }
    // Readable paths need landlock: without it files are open, and that is said.
    let pool = without(LANDLOCK, || {
        let some = serve("some").flag("sandbox").option("sandbox-read", "/etc");
        some.start()
    });
    pool.wait_logged("sandbox: not confined are files");
    let client = pool.client();
    assert!(!allowed(&client, "read /etc/passwd").is_empty());
    refused(&client, "udp");
    // Without seccomp the network is open but for TCP, where landlock can.
    let pool = without(&[libc::SYS_seccomp], || {
        serve("half").flag("sandbox").start()
    });
    pool.wait_logged("not confined are network");
    let client = pool.client();
    refused(&client, "read /etc/passwd");
    refused(&client, "exec");
    assert_eq!(allowed(&client, "udp"), "done");
    // With "require" neither is served.
    let strict = |serve: Serve, calls: &[libc::c_long]| -> Refused {
        without(calls, || serve.flag("sandbox=require").try_start()).expect_err("it is refused")
    };
    let error = strict(serve("strict").option("sandbox-read", "/etc"), LANDLOCK);
    assert!(error.error.contains("not confined are files"), "{error:?}");
    let error = strict(serve("strict"), &[libc::SYS_seccomp]);
    assert!(
        error.error.contains("not confined are network"),
        "{error:?}"
    );
    assert!(!error.left, "nothing is left behind");
}

/// A thread that a worker starts before it joins is not covered by landlock, before its version 8.
#[test]
fn threads_from_before_are_told() {
    if !is_complete() || probes::landlock_abi() >= Some(8) {
        return;
    }
    let early = |name| serve(name).env("RINGWORK_TEST_BOOT", "thread");
    let pool = early("early").flag("sandbox").start();
    wait_until("it is said", || {
        pool.log().contains("not confined are files for 1 thread")
    });
    refused(&pool.client(), "read /etc/passwd");
    let error = early("early-strict").flag("sandbox=require").try_start();
    let error = error.expect_err("it is refused");
    assert!(error.error.contains("files for 1 thread "), "{error:?}");
}

#[test]
fn core_dumps_are_off_in_a_sandbox() {
    let pool = serve("core").flag("sandbox").start();
    let (_, pid) = pool.wait_workers(1)[0];
    let limits = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("limits"));
    let limits = limits.expect("its limits");
    let core = limits.lines().find(|line| line.starts_with("Max core"));
    let fields: Vec<&str> = core.expect("a line").split_whitespace().collect();
    assert_eq!(fields[4..6], ["0", "0"]);
}

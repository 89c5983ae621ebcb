//! What a pool of the default size takes at a time, and what it says where that is little.

#![forbid(unsafe_code)]

use nix::unistd::geteuid;
use ringwork_tests::{Base, Serve, i64, options, result, ringwork_program};
use std::process::{Command, Stdio};

#[test]
fn a_default_pool_takes_sixteen_pictures_of_8_mb_at_a_time() {
    for memory in ["file", "memfd"] {
        let pool = Serve::new("photos")
            .without("segment-size")
            .without("slots")
            .without("clients")
            .option("memory", memory)
            .start();
        let client = pool.client();
        let geometry = client.segment().geometry();
        if geometry.segment_size < 300 << 20 {
            println!("skipped: this machine has room for {geometry:?}");
            continue;
        }
        let photo = vec![7; (8 << 20) + 200];
        for _ in 0..3 {
            let submit = |_| client.submit("echo", &photo, &options());
            let all: Vec<_> = (0..16)
                .map(|n| submit(n).unwrap_or_else(|error| panic!("{n}: {error}")))
                .collect();
            for ticket in &all {
                assert_eq!(result(ticket).len(), photo.len());
            }
        }
        // Sixteen of any size, and of all sizes at once.
        let sizes = [100, 130, 300, 600, 1100, 1900, 2100, 4000, 8000].map(|kb| kb * 1000);
        let mixed: Vec<usize> = sizes.iter().copied().cycle().skip(4).take(16).collect();
        let rounds = sizes.map(|size| vec![size; 16]).into_iter().chain([mixed]);
        for round in rounds {
            let submit = |(n, size): (usize, &usize)| {
                let ticket = client.submit("echo", &photo[..*size], &options());
                let at = format!("{n} of {round:?}");
                (
                    ticket.unwrap_or_else(|error| panic!("{at}: {error}")),
                    *size,
                )
            };
            // The lanes are kept busy: a result that was not taken in holds blocks, too.
            let asleep = (0..64).map(|_| client.submit("sleep", &60_000_i64.to_le_bytes(), &i64()));
            let asleep: Vec<_> = asleep.map(|ticket| ticket.expect("a slot")).collect();
            let all: Vec<_> = round.iter().enumerate().map(submit).collect();
            for ticket in asleep {
                let _ = ticket.cancel();
            }
            for (ticket, size) in &all {
                assert_eq!(result(ticket).len(), *size);
            }
        }
        let uploads = (0..6).map(|_| client.submit("echo", &vec![7; 1_100_000], &options()));
        let uploads: Vec<_> = uploads.map(|ticket| ticket.expect("room")).collect();
        for ticket in &uploads {
            assert_eq!(result(ticket).len(), 1_100_000);
        }
        drop(uploads);
        pool.wait_nothing_held(&[&client]);
    }
}

/// Runs a script in a mount namespace where `$RINGWORK_DIR` lies on a tmpfs of 64 MiB, as in a
/// container. `None` where that can't be had.
fn in_small_tmpfs(script: &str) -> Option<(String, Option<i32>)> {
    if !geteuid().is_root() {
        println!("skipped: only root mounts a tmpfs");
        return None;
    }
    let base = Base::new();
    std::fs::create_dir(base.path().join("shm")).expect("a directory");
    let script = format!("mount -t tmpfs -o size=64m,mode=700 tmpfs \"$1\" || exit 99\n{script}");
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script, "sh"])
        .arg(base.path().join("shm"))
        .env("RINGWORK_DIR", base.path().join("shm/pools"))
        .env("RINGWORK", ringwork_program())
        .stdin(Stdio::null())
        .output();
    let output = match output {
        Ok(output) if output.status.code() != Some(99) => output,
        other => {
            println!("skipped: no mount namespace: {other:?}");
            return None;
        }
    };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    Some((text, output.status.code()))
}

#[test]
fn the_dev_shm_of_a_container_serves_and_what_is_missing_is_said() {
    let script = r#"mkdir -m 700 "$RINGWORK_DIR"
        "$RINGWORK" serve --name small --workers 1 2>&1 &
        serve=$!
        until "$RINGWORK" stat small --ready 2>/dev/null; do
            kill -0 $serve || exit 1
            sleep 0.05
        done
        "$RINGWORK" doctor | grep -A1 " served "
        kill $serve
        wait $serve"#;
    let Some((text, code)) = in_small_tmpfs(script) else {
        return;
    };
    assert_eq!(code, Some(0), "{text}");
    for part in [
        "takes 1 request of 8 MB at a time",
        "--shm-size=512m",
        "sizeLimit: 512Mi",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let finding = text.lines().find(|line| line.contains(" served "));
    assert!(
        finding.is_some_and(|line| line.starts_with("WARN")),
        "{text}"
    );
}

#[test]
fn a_second_default_pool_in_the_dev_shm_of_a_container_is_refused_with_both_figures() {
    let script = r#"mkdir -m 700 "$RINGWORK_DIR"
        head -c 20000000 /dev/zero > "$1/taken"
        "$RINGWORK" serve --name second --workers 1 2>&1"#;
    let Some((text, code)) = in_small_tmpfs(script) else {
        return;
    };
    assert_eq!(code, Some(1), "{text}");
    for part in ["bytes free", "--shm-size", "--segment-size"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

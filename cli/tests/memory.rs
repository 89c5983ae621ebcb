//! `--huge-pages` and `--prefault`: what each process's mapping is then, by the kernel's own count.

mod common;

use common::*;
use std::fs;

/// Kilobytes of a field of the segment's mapping in a process: `Size`, `Rss`, `ShmemPmdMapped`.
fn mapped(pid: u32, field: &str) -> u64 {
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let lines = smaps
        .lines()
        .skip_while(|line| !line.contains("rw-s") || !line.ends_with("/p/segment"));
    let value = lines
        .skip(1)
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .unwrap_or_else(|| panic!("no {field} of the segment in {pid}"));
    value.trim().trim_end_matches(" kB").parse().unwrap()
}

fn supervisor_and_worker(home: &Home) -> [u32; 2] {
    let stat = home.stat("p");
    let supervisor = stat["supervisor_pid"].as_u64().unwrap();
    [u32::try_from(supervisor).unwrap(), workers(&stat)[0]]
}

#[test]
fn prefault_maps_every_page_in_supervisor_and_worker() {
    let home = Home::new();
    let serve = home.serve("p", &["--workers", "1", "--prefault"]);
    assert_eq!(home.stat("p")["prefault"], true);
    for pid in supervisor_and_worker(&home) {
        assert_eq!(mapped(pid, "Rss"), mapped(pid, "Size"), "process {pid}");
    }
    drop(serve);
}

#[test]
fn without_it_pages_are_mapped_when_they_are_used() {
    let home = Home::new();
    let serve = home.serve("p", &["--workers", "1"]);
    let stat = home.stat("p");
    assert_eq!(
        (&stat["prefault"], &stat["huge_pages"]),
        (&false.into(), &false.into())
    );
    for pid in supervisor_and_worker(&home) {
        assert!(
            mapped(pid, "Rss") < mapped(pid, "Size") / 2,
            "process {pid}"
        );
    }
    drop(serve);
}

#[test]
fn huge_pages_are_used_or_one_line_says_why_not() {
    let home = Home::new();
    let serve = home.serve("p", &["--workers", "1", "--huge-pages", "--prefault"]);
    assert_eq!(home.stat("p")["huge_pages"], true);
    let why_not = ringwork_ring::segment::why_no_huge_pages(false, home.path());
    let [supervisor, _] = supervisor_and_worker(&home);
    match why_not {
        Some(why) => {
            serve.until_logged(&format!("huge pages: ordinary ones instead: {why}"));
            assert_eq!(mapped(supervisor, "ShmemPmdMapped"), 0);
        }
        // What the kernel has left of them, it says: nothing is certain here.
        None => assert!(!serve.log().contains("huge pages:"), "{}", serve.log()),
    }
    let echoed = home.run(&["submit", "p", "echo", "--data", "hello"]);
    assert_eq!((echoed.code, echoed.stdout.trim()), (0, "hello"));
}

#[test]
fn a_configuration_file_may_name_them() {
    let home = Home::new();
    let printed = home.run(&[
        "serve",
        "--huge-pages",
        "--prefault=false",
        "--print-config",
    ]);
    for line in ["huge-pages = true ", "prefault = false "] {
        assert!(printed.stdout.contains(line), "{printed:?}");
    }
    let file = home.path().join("serve.toml");
    fs::write(&file, &printed.stdout).unwrap();
    let path = file.to_str().unwrap();
    let again = home.run(&["serve", "--config", path, "--print-config"]);
    assert_eq!(again.stdout, printed.stdout);
}

//! `make bench`: runs the suites and writes `target/bench/summary.json`.
//!
//! Every claim is a ratio of two cases measured in the same run, in turn; see
//! benches/README.md for the method and for what each case is.

#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a program, not a library; nanoseconds of a run fit a double"
)]

mod case;
mod hdr;
mod html;
mod limits;
mod machine;
mod party;
mod programs;
mod report;
mod scratch;
mod suites;
mod targets;
mod uds;

use programs::Programs;
use report::Summary;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "usage: ringwork-bench [SUITE ...]   suites: rtt throughput tail payload cpu10k idle
scale recovery allocation start handlers (default: all); quick: parts of some; limits: those alone;
structures, jmh: by `make bench SUITE=…` only; report: target/bench/index.html anew from the summary there
needs JAVA_HOME (a JDK >= 22), `cargo build --release` and `mvn package`; `make bench` sees to that";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [what, dir] = &arguments[..]
        && what == "peer"
    {
        return match limits::serve(Path::new(dir)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.to_string()),
        };
    }
    if let [what, path, size] = &arguments[..]
        && what == "uds-echo"
    {
        let size = size.parse().unwrap_or_default();
        return match uds::serve(Path::new(path), size) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.to_string()),
        };
    }
    if let [what] = &arguments[..]
        && what == "handlers-party"
    {
        return match party::serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.to_string()),
        };
    }
    if let [what] = &arguments[..]
        && what == "limits"
    {
        return match suites::limits() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.to_string()),
        };
    }
    if let [what] = &arguments[..]
        && what == "report"
    {
        return match report() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.to_string()),
        };
    }
    let suites: Vec<&str> = match &arguments[..] {
        [] => suites::NAMES.to_vec(),
        [quick] if quick == suites::QUICK => vec![suites::QUICK],
        some if some.iter().all(|s| suites::NAMES.contains(&s.as_str())) => {
            some.iter().map(String::as_str).collect()
        }
        _ => return fail(USAGE),
    };
    match run(&suites) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(broken) => fail(&format!(
            "{broken} case(s) could not be measured, see above"
        )),
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(why: &str) -> ExitCode {
    eprintln!("ringwork-bench: {why}");
    ExitCode::FAILURE
}

/// Runs the suites; the number of cases that should have run and did not.
fn run(names: &[&str]) -> Result<usize, Box<dyn Error>> {
    let programs = find_programs()?;
    std::fs::create_dir_all(&programs.out)?;
    let mut summary = Summary::new(machine::environment(&programs));
    summary.environment.quick = names == [suites::QUICK];
    summary.details.load = machine::load();
    let mut broken = 0;
    let _ = std::fs::remove_dir_all(programs.out.join("hdr"));
    let mut before = machine::in_use();
    for name in names {
        let start = Instant::now();
        let (first, stolen) = (summary.details.ratios.len(), machine::stolen());
        broken += suites::run(name, &programs, &mut summary)?;
        let took = start.elapsed().as_secs_f64();
        let stolen = (machine::stolen() - stolen) / took;
        let after = machine::in_use();
        summary.conditions(first, before.max(after).max(stolen));
        before = after;
        summary.details.took.push(((*name).to_owned(), took));
    }
    summary.write(&programs.out)?;
    html::write(&summary, &programs.out)?;
    println!("{}", summary.table());
    for name in ["summary.json", "index.html"] {
        println!("written: {}", programs.out.join(name).display());
    }
    Ok(broken)
}

/// Makes the page and the pictures anew from what an earlier run has measured.
fn report() -> Result<(), Box<dyn Error>> {
    let out = find_programs()?.out;
    html::write(&Summary::read(&out)?, &out)?;
    println!("written: {}", out.join("index.html").display());
    Ok(())
}

fn find_programs() -> Result<Programs, Box<dyn Error>> {
    let here = std::env::current_exe()?;
    let bin = here.parent().ok_or("no directory of this program")?;
    let root = bin
        .ancestors()
        .find(|dir| dir.join("java-panama/pom.xml").exists())
        .ok_or("this program is not below the repository's target directory")?;
    let java = match std::env::var_os("JAVA_HOME") {
        Some(home) => PathBuf::from(home).join("bin/java"),
        None => PathBuf::from("java"),
    };
    let need = |path: PathBuf| {
        if path.exists() {
            Ok(path)
        } else {
            Err(format!("{} is missing: {USAGE}", path.display()))
        }
    };
    Ok(Programs {
        root: root.to_owned(),
        java,
        jar: programs::find_jar(root),
        ringwork: need(bin.join("ringwork"))?,
        worker: need(bin.join("ringwork-bench-worker"))?,
        out: root.join("target/bench"),
        scratch: scratch::Scratch::new(),
    })
}

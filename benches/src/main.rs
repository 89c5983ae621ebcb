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
mod cases;
mod hdr;
mod html;
mod limits;
mod machine;
mod numbers;
mod party;
mod programs;
mod report;
mod scratch;
mod suites;
mod summary;
mod targets;
mod uds;
mod verdicts;
mod watch;

use clap::{Parser, Subcommand};
use programs::Programs;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use suites::Suite;
use summary::Summary;

/// Measures Ringwork: `make bench` builds what it needs and calls it. Without a suite all run.
///
/// Needs JAVA_HOME (a JDK >= 22), `cargo build --release` and `mvn package`. The suites structures and jmh
/// are programs of their own: `make bench SUITE=…`.
#[derive(Debug, Parser)]
#[command(name = "ringwork-bench", args_conflicts_with_subcommands = true)]
struct Arguments {
    /// The suites to run.
    #[arg(value_enum)]
    suites: Vec<Suite>,
    #[command(subcommand)]
    command: Option<Work>,
}

#[derive(Debug, Subcommand)]
enum Work {
    /// Shows what the machine can do now, a few times over
    Limits,
    /// Makes target/bench/index.html anew from the summary there
    Report,
    /// The other side of the limits, in a process of its own
    #[command(hide = true)]
    Peer { directory: PathBuf },
    /// Answers on a socket of this path with requests of this size
    #[command(hide = true)]
    UdsEcho { socket: PathBuf, size: usize },
    /// A client whose tasks only wait, for the suite client
    #[command(hide = true)]
    ClientWaits { directory: PathBuf },
    /// Our party of the suite handlers
    #[command(hide = true)]
    HandlersParty,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match arguments.command {
        Some(Work::Limits) => suites::limits(),
        Some(Work::Report) => make_report(),
        Some(Work::Peer { directory }) => limits::serve(&directory),
        Some(Work::UdsEcho { socket, size }) => uds::serve(&socket, size).map_err(Into::into),
        Some(Work::ClientWaits { directory }) => suites::client_waits(&directory),
        Some(Work::HandlersParty) => party::serve(),
        None => chosen(&arguments.suites).and_then(|suites| match run(&suites)? {
            0 => Ok(()),
            broken => Err(format!("{broken} case(s) could not be measured, see above").into()),
        }),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn chosen(suites: &[Suite]) -> Result<Vec<Suite>, Box<dyn Error>> {
    match suites {
        [] => Ok(Suite::all()),
        [_] => Ok(suites.to_vec()),
        several if several.contains(&Suite::Quick) => {
            Err("quick has parts of some suites: it runs alone".into())
        }
        several => Ok(several.to_vec()),
    }
}

fn fail(why: &str) -> ExitCode {
    eprintln!("ringwork-bench: {why}");
    ExitCode::FAILURE
}

/// Runs the suites; the number of cases that should have run and did not.
fn run(chosen: &[Suite]) -> Result<usize, Box<dyn Error>> {
    let programs = find_programs()?;
    std::fs::create_dir_all(&programs.out)?;
    let mut summary = Summary::new(machine::environment(&programs));
    summary.environment.quick = chosen == [Suite::Quick];
    summary.details.load = machine::load();
    let mut broken = 0;
    let _ = std::fs::remove_dir_all(programs.out.join("hdr"));
    let mut before = machine::in_use();
    for suite in chosen {
        let start = Instant::now();
        let (first, stolen) = (summary.details.ratios.len(), machine::stolen());
        broken += suites::run(*suite, &programs, &mut summary)?;
        let took = start.elapsed().as_secs_f64();
        let stolen = (machine::stolen() - stolen) / took;
        let after = machine::in_use();
        summary.conditions(first, before.max(after).max(stolen));
        before = after;
        summary.details.took.push((suite.name(), took));
        // Each time: a suite that fails must not cost what those before it have measured.
        report::write(&summary, &programs.out)?;
        html::write(&summary, &programs.out)?;
    }
    println!("{}", report::table(&summary));
    for name in ["summary.json", "index.html"] {
        println!("written: {}", programs.out.join(name).display());
    }
    Ok(broken)
}

/// Makes the page and the pictures anew from what an earlier run has measured.
fn make_report() -> Result<(), Box<dyn Error>> {
    let out = find_programs()?.out;
    html::write(&report::read(&out)?, &out)?;
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
            Err(format!(
                "{} is missing: run `make bench`, which builds it",
                path.display()
            ))
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

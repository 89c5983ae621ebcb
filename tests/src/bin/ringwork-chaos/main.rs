//! `make chaos`: a pool under load whose processes are killed, stopped and recycled at random.
//!
//! The driver (`run`) starts a supervisor, two JVMs and a Rust client in a pool of its own,
//! harms them, and then proves from what they wrote down that no task was lost, none that may
//! run once ran twice, and nothing leaked. Exit code 0 only if so.
//! See docs/reference/reliability.md.

#![forbid(unsafe_code)]

mod cleaner;
mod client;
mod driver;
mod fault;
mod keys;
mod leaks;
mod ledger;
mod processes;
mod recovery;
mod report;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Harms a pool and proves that nothing is lost.
#[derive(Debug, Parser)]
#[command(name = "ringwork-chaos")]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run it.
    Run(driver::Options),
    /// The Rust client; started by `run`.
    #[command(hide = true)]
    Client(client::Options),
    /// Ends what a driver that was killed has left; started by `run`.
    #[command(hide = true)]
    Cleaner(cleaner::Options),
}

fn main() -> ExitCode {
    let result = match Line::parse().command {
        Command::Run(options) => driver::run(&options),
        Command::Client(options) => client::run(&options).map(|()| true),
        Command::Cleaner(options) => cleaner::run(&options).map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ringwork-chaos: {error}");
            ExitCode::from(2)
        }
    }
}

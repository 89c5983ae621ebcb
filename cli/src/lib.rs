//! The `ringwork` command: what it understands, and its exit codes.
//!
//! Each subcommand is a file; results go to standard output, everything else to
//! standard error. A reader that has closed the pipe ends the command quietly.

mod bench;
mod by_handler;
mod cbor;
mod channels;
mod clean;
mod completions;
mod config;
mod doctor;
mod effective;
mod events;
mod exit;
#[doc(hidden)]
pub mod fuzz;
mod handlers;
mod line;
mod list;
mod log;
#[cfg(feature = "ops")]
mod ops;
mod options;
mod payload;
mod place;
mod process;
mod prometheus;
mod quarantine;
#[cfg(feature = "ops")]
mod remote;
mod restart;
mod serve;
mod shown;
mod stat;
mod steer;
mod stop;
mod submit;
mod table;
mod tasks;
#[cfg(test)]
mod testing;
mod top;
mod units;
mod view;

use clap::{CommandFactory as _, Parser, Subcommand};
use exit::Failure;
use std::process::ExitCode;

/// What the root help says about exit codes.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the task, the pool or a check failed
  2  wrong usage: options, configuration, request
  3  no such pool, or it is closed
  4  timed out, or cancelled
  5  the worker crashed
  6  rejected: the pool is full or draining, or the request too large

Pools are found below $RINGWORK_DIR (default /dev/shm/ringwork-UID).";

#[derive(Debug, Parser)]
// The name is given, since a natives jar unpacks the program under another one.
#[command(name = "ringwork", bin_name = "ringwork", version, after_help = EXIT_CODES, max_term_width = 100)]
/// Ringwork: run tasks of Java programs in Rust worker processes, over shared memory.
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::Serve>),
    Stat(stat::Stat),
    Top(top::Top),
    Tasks(tasks::Tasks),
    Submit(Box<submit::Submit>),
    Bench(Box<bench::BenchArgs>),
    Handlers(handlers::Handlers),
    List(list::List),
    Events(events::Events),
    Channels(channels::Channels),
    Clean(clean::Clean),
    Config(config::Config),
    Doctor(doctor::Doctor),
    Stop(stop::Stop),
    Drain(steer::Drain),
    Resume(steer::Resume),
    Pause(steer::Pause),
    Quarantine(quarantine::Quarantine),
    Scale(steer::Scale),
    Reload(stop::Reload),
    Restart(restart::Restart),
    Completions(completions::Completions),
    Man(completions::Man),
    #[cfg(feature = "ops")]
    Ops(ops::Ops),
    /// The stock worker, started by `serve`.
    #[command(hide = true)]
    Worker,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let beside = |line: &Cli, names| match &line.command {
        Command::Serve(serve) => serve::wrong_beside(serve, names),
        _ => Vec::new(),
    };
    let line = match line::parse(std::env::args_os().collect(), beside) {
        Ok(line) => line,
        Err(wrong) => return wrong.report(),
    };
    let result = match line.command {
        Command::Serve(serve) => serve::run(*serve),
        Command::Stat(stat) => stat::run(&stat),
        Command::Top(top) => top::run(&top),
        Command::Tasks(tasks) => tasks::run(&tasks),
        Command::Submit(submit) => submit::run(&submit),
        Command::Bench(bench) => bench::run(&bench),
        Command::Handlers(handlers) => handlers::run(&handlers),
        Command::List(list) => list::run(&list),
        Command::Events(events) => events::run(events),
        Command::Channels(channels) => channels::run(&channels),
        Command::Clean(clean) => clean::run(&clean),
        Command::Config(config) => config::run(&config),
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Stop(stop) => stop::stop(&stop),
        Command::Drain(drain) => steer::drain(&drain),
        Command::Resume(resume) => steer::resume(&resume),
        Command::Pause(pause) => steer::pause(&pause),
        Command::Quarantine(command) => quarantine::run(&command),
        Command::Scale(scale) => steer::scale(&scale),
        Command::Reload(reload) => match reload.wait {
            Some(limit) => steer::reload(&reload.name, limit),
            None => stop::reload(&reload),
        },
        Command::Restart(restart) => restart::run(&restart),
        Command::Completions(shell) => completions::print(&shell, Cli::command()),
        Command::Man(man) => completions::man(&man, Cli::command()),
        #[cfg(feature = "ops")]
        Command::Ops(ops) => ops::run(ops),
        Command::Worker => worker(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn worker() -> Result<(), Failure> {
    ringwork_handlers::stock_worker()
        .run()
        .map_err(|error| Failure::new(exit::FAILED, error))
}

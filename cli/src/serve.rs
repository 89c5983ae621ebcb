//! `ringwork serve`: options to configuration, then the supervisor.

use super::effective;
use super::exit::{FAILED, Failure};
use super::log::Sink;
use super::options::{self, Given, Wrong};
use super::units::Size;
use clap::Args;
use ringwork_ring::format::counted;
use ringwork_ring::segment::room;
#[cfg(feature = "ops")]
use ringwork_supervisor::WorkerCommand;
use ringwork_supervisor::{Console, LogFormat, LogLevel, Ready, ServeConfig};
use ringwork_worker::log;
use serde::Serialize;
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
Signals: SIGTERM or SIGINT drains (no new tasks, the others are finished within --drain-timeout), \
a second one, or SIGQUIT, stops at once. SIGHUP reloads: the configuration file and the worker \
program are read again, and workers are replaced one by one; what is wrong with them is logged, and \
nothing changes. How it ended is logged at each level. An embedded pool leaves all of them to its owner.

Exit codes: 0 stopped as asked; 1 the pool failed (no worker gets ready, the name is taken, no room \
for the segment ...); 2 wrong options or configuration.

The configuration file has the same keys as the long options (`segment-size = \"256MiB\"`); options \
on the command line win.";

/// Serve a pool: make its segment, start its workers, watch over them.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Serve {
    /// Read options from this TOML file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Live as long as standard input: its end stops the pool at once. One JSON line on standard
    /// output tells when the pool is ready.
    #[arg(long)]
    embedded: bool,

    /// Print the effective configuration and the sizes that follow from it, and exit.
    #[arg(long)]
    print_config: bool,

    /// Print the table of all options with their defaults, in Markdown, and exit.
    #[arg(long)]
    print_options: bool,

    #[command(flatten)]
    given: Given,
}

/// Runs the subcommand.
pub(super) fn run(serve: Serve) -> Result<(), Failure> {
    let embedded = serve.embedded;
    let mut ready = false;
    let result = configure(&serve).and_then(|config| match config {
        Some(config) => supervise(&config, &serve, &mut ready),
        None => Ok(()),
    });
    if embedded
        && !ready
        && let Err(failure) = &result
    {
        print_line(&failed_line(failure.text()));
    }
    result
}

/// The configuration to serve; `None` when it was only to be printed.
fn configure(serve: &Serve) -> Result<Option<ServeConfig>, Failure> {
    if serve.print_options {
        write!(io::stdout(), "{}", effective::page())?;
        return Ok(None);
    }
    let config = resolve(serve)?;
    config.validate()?;
    if serve.print_config {
        let place = ringwork_ring::segment::paths::base_dir();
        let sized = room::default_segment(&config.pool(), config.backing(), &place)?;
        let geometry = sized.geometry()?;
        let printed = effective::printed(&config, &geometry).map_err(Failure::usage)?;
        write!(io::stdout(), "{printed}")?;
        return Ok(None);
    }
    Ok(Some(config))
}

/// Command line and file as they are now, not validated.
///
/// # Errors
/// When something can't be read: with all else that is wrong, too.
fn resolve(serve: &Serve) -> Result<ServeConfig, Failure> {
    let (config, wrong) = read(serve).map_err(Failure::usage)?;
    match wrong.texts.is_empty() {
        true => Ok(config),
        false => Err(Failure::usage(wrong.and_of(&config).join("; "))),
    }
}

/// What can be read of command line and file, and what can't.
fn read(serve: &Serve) -> Result<(ServeConfig, Wrong), String> {
    let (file, wrong) = match &serve.config {
        Some(path) => options::read(path)?,
        None => (ServeConfig::default(), Wrong::default()),
    };
    let origins = serve.given.origins(&file.origins);
    let mut config = serve.given.over(file)?;
    config.origins = origins;
    config.embedded = serve.embedded;
    Ok((config, wrong))
}

/// What is wrong beside options, of these names, whose values could not be read.
pub(super) fn wrong_beside(serve: &Serve, names: Vec<String>) -> Vec<String> {
    match read(serve) {
        Ok((config, mut wrong)) => {
            wrong.names.extend(names);
            wrong.and_of(&config)
        }
        Err(error) => vec![error],
    }
}

fn supervise(config: &ServeConfig, serve: &Serve, ready: &mut bool) -> Result<(), Failure> {
    let (sink, _flush) = Sink::start().map_err(|error| Failure::new(FAILED, error))?;
    log::name_pool(&config.name);
    log::init(config.log_level, config.log_format, sink.clone());
    let mut console = Terminal {
        config,
        serve,
        sink,
        ready,
    };
    Ok(ringwork_supervisor::run(config, &mut console)?)
}

struct Terminal<'a> {
    config: &'a ServeConfig,
    serve: &'a Serve,
    sink: Sink,
    ready: &'a mut bool,
}

impl Console for Terminal<'_> {
    fn ready(&mut self, ready: &Ready) {
        *self.ready = true;
        if self.config.embedded {
            print_line(&ready_line(ready));
            return;
        }
        print_line(&format!(
            "serving {}: {} x {}, segment {} ({})",
            ready.name,
            counted(self.config.workers(), "worker"),
            counted(self.config.lanes, "lane"),
            ready.segment.display(),
            Size(ready.size)
        ));
        if let Some(http) = &ready.http {
            print_line(&format!("http at {http}"));
        }
    }

    fn worker_line(&mut self, worker: u32, line: &str) {
        // A JSON log stays one of JSON, whatever a library prints.
        if self.config.log_format == LogFormat::Json && !line.starts_with('{') {
            tracing::info!(event = "worker.output", worker, "{line}");
        } else {
            self.sink.line(format!("{line}\n").into_bytes());
        }
    }

    fn http_line(&mut self, line: &str) {
        self.sink.line(format!("{line}\n").into_bytes());
    }

    #[cfg(feature = "ops")]
    fn http_program(&self) -> Option<WorkerCommand> {
        Some(super::ops::program())
    }

    fn log_level(&mut self, level: LogLevel) {
        log::set_level(level);
    }

    /// The same command line once more, with the file as it is now.
    fn reload(&mut self) -> Result<ServeConfig, String> {
        resolve(self.serve).map_err(|failure| failure.text().to_owned())
    }
}

/// The line that tells the owner of an embedded pool where it is.
#[derive(Serialize)]
struct ReadyLine<'a> {
    ready: bool,
    name: &'a str,
    dir: &'a Path,
    segment: &'a Path,
    pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<&'a str>,
}

fn ready_line(ready: &Ready) -> String {
    let line = ReadyLine {
        ready: true,
        name: &ready.name,
        dir: &ready.dir,
        segment: &ready.segment,
        pid: std::process::id(),
        http: ready.http.as_deref(),
    };
    serde_json::to_string(&line).unwrap_or_else(|error| failed_line(&error.to_string()))
}

/// The line that tells the owner why there is no pool.
fn failed_line(error: &str) -> String {
    format!("{{\"ready\":false,\"error\":{}}}", json!(error))
}

/// A line that may find no reader: the pool serves all the same.
fn print_line(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

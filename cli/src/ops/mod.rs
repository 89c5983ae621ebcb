//! `ringwork ops`: HTTP for a pool, in a process of its own; `serve --http` starts it.
//!
//! The segment is mapped for reading only, but for the client that `--http-submit` asks for. The process confines itself before it answers: it can
//! read the pool's directory and /proc, accept connections, and little else.

mod openmetrics;
mod pool;
mod problem;
pub(crate) mod request;
mod submitter;

use super::exit::{FAILED, Failure, NO_POOL};
use clap::Args;
use pool::WatchedPool;
use ringwork_ops::{Access, End, Listener, Submitter};
use ringwork_ring::{PoolDir, Segment};
use ringwork_supervisor::{HttpAddress, HttpOptions, WorkerCommand};
use ringwork_worker::{confine, log};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use submitter::{NoClient, Poller, PoolClient};

const AFTER_HELP: &str = "\
`serve --http ADDR` starts it beside the pool, and starts it again when it dies. Started by hand it answers for a pool \
that serves already, such as an embedded one, until that is over.

Paths: /healthz (this process lives), /readyz (503 with the reason while the pool takes no tasks), /metrics \
(Prometheus), /stat (the JSON of `ringwork stat --json`), /tasks (what runs and waits), /live and /events (server-sent events), \
/ (the dashboard); with --submit POST /tasks/HANDLER, which runs a task and answers with its result.

Exit codes: 0 stopped by SIGTERM or SIGINT; 1 the address can't be had; 3 there is no such pool, or it is over.";

/// The address of one that is started by hand.
const ADDRESS: &str = "127.0.0.1:9464";

/// Answer HTTP for a pool: probes, metrics, its state.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Ops {
    /// Name of the pool.
    #[arg(default_value = "default")]
    name: String,

    /// The socket is standard input: the supervisor listens there, and lives longer than this process.
    #[arg(long, hide = true)]
    inherited: bool,

    /// Take tasks, too: as --http-submit.
    #[arg(long)]
    submit: bool,

    #[command(flatten)]
    options: HttpOptions,
}

/// The command that a supervisor starts.
pub(super) fn program() -> WorkerCommand {
    WorkerCommand {
        program: "/proc/self/exe".into(),
        args: vec!["ops".into()],
    }
}

/// Runs the subcommand.
pub(super) fn run(ops: Ops) -> Result<(), Failure> {
    log::init_worker();
    log::name_pool(&ops.name);
    if ops.inherited {
        die_with_parent()?;
    }
    let mut options = ops.options;
    options.http_submit |= ops.submit;
    if options.http_submit
        && let Some(why) = options.open_to_all()
    {
        return Err(Failure::usage(why));
    }
    let address = match options.http.clone() {
        Some(address) => address,
        None => ADDRESS.parse().map_err(Failure::usage)?,
    };
    let token = options.token().map_err(Failure::usage)?;
    let dir = PoolDir::new(&ops.name)?;
    let segment = Segment::attach_to_read(&dir)?;
    let access = Access {
        // Elsewhere a name leads here that this process can't know.
        any_host: !is_loopback(&address) && options.http_host.is_empty(),
        hosts: options.http_host.clone(),
        token,
    };
    // Held for as long as this process answers: its file goes with it.
    let listening = match ops.inherited {
        true => None,
        false => {
            let listening = ringwork_supervisor::listen(&address);
            Some(listening.map_err(|error| Failure::new(FAILED, error))?)
        }
    };
    let socket = match &listening {
        Some(listening) => listening.socket.try_clone()?,
        None => io::stdin().as_fd().try_clone_to_owned()?,
    };
    if let Some(listening) = &listening {
        println!("http at {}", listening.shown);
        if !address.is_local() && access.token.is_none() {
            tracing::warn!(
                event = "http.open_to_all",
                "each program that reaches this machine can look at the pool; --http-token-file lets only those do \
                 so that know the token"
            );
        }
    }
    let pool = WatchedPool::new(segment);
    // Before this process is confined: then it can open no lock file, and map nothing for writing.
    let (client, poller) = match options.http_submit.then(|| PoolClient::connect(&ops.name)) {
        None => (None, None),
        Some(Ok(client)) => {
            let poller = client.poller();
            (Some(Box::new(client) as Box<dyn Submitter>), Some(poller))
        }
        // Probes and metrics matter more than that.
        Some(Err(why)) => {
            tracing::error!(
                event = "http.no_client",
                "no tasks are taken over HTTP: {why}"
            );
            (Some(Box::new(NoClient(why.to_string())) as _), None)
        }
    };
    let readable = [dir.path().to_path_buf(), PathBuf::from("/proc")];
    let mut thread = None;
    let end = ringwork_ops::run(
        listener(&address, socket),
        Box::new(pool),
        client,
        access,
        || {
            confine_to(&readable)?;
            thread = poller.map(Poller::start).transpose()?;
            Ok(())
        },
    );
    if let Some(thread) = thread {
        // It has the last handle on the client's entry, and gives it back.
        let _ = thread.join();
    }
    let end = end?;
    match end {
        End::PoolOver if !ops.inherited => Err(Failure::new(
            NO_POOL,
            format!("the pool {} is over", ops.name),
        )),
        _ => Ok(()),
    }
}

/// Whether only this machine's own processes reach it, by a name that they know.
fn is_loopback(address: &HttpAddress) -> bool {
    matches!(address, HttpAddress::Tcp(address) if address.ip().is_loopback())
}

fn listener(address: &HttpAddress, socket: OwnedFd) -> Listener {
    match address {
        HttpAddress::Unix(_) => Listener::Unix(socket.into()),
        _ => Listener::Tcp(socket.into()),
    }
}

/// A supervisor that is killed takes this process along.
fn die_with_parent() -> Result<(), Failure> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)?;
    // It may have died before.
    match getppid() {
        Some(pid) if pid.is_init() => Err(Failure::new(FAILED, "the supervisor has died")),
        _ => Ok(()),
    }
}

fn confine_to(readable: &[PathBuf]) -> io::Result<()> {
    let there = readable.iter().filter(|path| Path::exists(path));
    let there: Vec<PathBuf> = there.cloned().collect();
    let gaps = confine::confine_endpoint(&there).map_err(io::Error::other)?;
    for gap in gaps {
        tracing::debug!(
            event = "sandbox.gap",
            "sandbox of HTTP: not confined are {gap}"
        );
    }
    Ok(())
}

//! The process that answers HTTP for a pool: started, watched, and started again when it dies.
//!
//! The supervisor's loop calls it. The supervisor binds the socket and hands it over as standard input,
//! so the address is the same before and after a restart, and connections that come meanwhile wait in
//! the kernel. Invariant: whatever happens to this process, or in it, costs the pool a log line.

use crate::config::{HttpAddress, ServeConfig, WorkerCommand};
use crate::console::Console;
use crate::error::SupervisorError;
use crate::process::Process;
use crate::process::kept_program::KeptProgram;
use ringwork_ring::PoolDir;
use ringwork_worker::log::{FORMAT_VARIABLE, LEVEL_VARIABLE};
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One that lived as long is replaced at once.
const SERVED: Duration = Duration::from_secs(1);
/// The first pause after one that did not, which doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// How long it may take to say farewell to those that watch.
const FAREWELL: Duration = Duration::from_millis(500);

/// A socket that listens.
#[derive(Debug)]
pub struct Listening {
    /// For the process that accepts.
    pub socket: OwnedFd,
    /// As people write it: `http://127.0.0.1:9464`, or `unix:PATH`.
    pub shown: String,
    /// As the options have it, with the port that was taken.
    pub address: HttpAddress,
    // Removed with it.
    _file: Option<SocketFile>,
}

/// The file of a socket, removed when it is dropped.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Listens at an address.
///
/// # Errors
/// Why it can't be had, and what to do.
pub fn listen(address: &HttpAddress) -> Result<Listening, String> {
    match address {
        HttpAddress::Tcp(address) => {
            let failed = |error: io::Error| {
                let remedy = match error.kind() {
                    io::ErrorKind::AddrInUse => {
                        "another program listens there: choose another port, or 0 for one that is free"
                    }
                    io::ErrorKind::PermissionDenied => {
                        "ports below 1024 are the system's: choose another"
                    }
                    io::ErrorKind::AddrNotAvailable => "no interface of this machine has it",
                    _ => "choose another address",
                };
                format!("cannot listen at {address}: {error}; {remedy}")
            };
            let listener = TcpListener::bind(address).map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            Ok(Listening {
                socket: listener.into(),
                shown: format!("http://{address}"),
                address: HttpAddress::Tcp(address),
                _file: None,
            })
        }
        HttpAddress::Unix(path) => {
            let socket = listen_in_file(path)
                .map_err(|error| format!("cannot listen at unix:{}: {error}", path.display()))?;
            Ok(Listening {
                socket: socket.into(),
                shown: address.to_string(),
                address: address.clone(),
                _file: Some(SocketFile(path.clone())),
            })
        }
    }
}

/// A socket in the file system; one that a dead process has left is replaced.
fn listen_in_file(path: &Path) -> io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if !meta.file_type().is_socket() => {
            return Err(io::Error::other("there is a file that is no socket"));
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(io::Error::other(
                "another program listens there: choose another path",
            ));
        }
        Ok(_) => std::fs::remove_file(path)?,
        Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600))?;
    Ok(listener)
}

/// The process, and all that is needed to start it again.
#[derive(Debug)]
pub(crate) struct Endpoint {
    listening: Listening,
    command: WorkerCommand,
    program: KeptProgram,
    environment: Vec<(&'static str, String)>,
    process: Option<Process>,
    /// When it is started, if there is none.
    due: Instant,
    deaths: u32,
}

impl Endpoint {
    /// Listens, and starts nothing yet; `None` when the configuration asks for no HTTP.
    pub(crate) fn new(
        config: &ServeConfig,
        dir: &PoolDir,
        program: Option<WorkerCommand>,
    ) -> Result<Option<Self>, SupervisorError> {
        let Some(address) = &config.http.http else {
            return Ok(None);
        };
        let mut command = program.ok_or_else(|| {
            SupervisorError::Config(
                "http is given, but this program was built without HTTP (cargo feature `ops`): leave it out, or take \
                 the program `ringwork` as it is released"
                    .to_owned(),
            )
        })?;
        let listening = listen(address).map_err(SupervisorError::Http)?;
        if !listening.address.is_local() && config.http.http_token_file.is_none() {
            tracing::warn!(
                event = "http.open_to_all",
                "{} is open to all that reach this machine: they see names of handlers and clients, and all counts; \
                 --http-token-file asks them for a token",
                listening.shown
            );
        }
        command.args.push(config.name.clone().into());
        command.args.push("--inherited".into());
        command.args.push("--http".into());
        command.args.push(listening.address.to_string().into());
        let options = config.http.arguments();
        command.args.extend(options.into_iter().map(Into::into));
        let base = dir.path().parent().unwrap_or(Path::new("/"));
        Ok(Some(Self {
            listening,
            program: KeptProgram::open(&command.program),
            command,
            environment: vec![
                ("RINGWORK_DIR", base.display().to_string()),
                (LEVEL_VARIABLE, config.log_level.name().to_owned()),
                (FORMAT_VARIABLE, config.log_format.name().to_owned()),
            ],
            process: None,
            due: Instant::now(),
            deaths: 0,
        }))
    }

    /// Where it is.
    pub(crate) fn shown(&self) -> &str {
        &self.listening.shown
    }

    /// The process, for the descriptors to sleep on.
    pub(crate) fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// When it is to be started.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.process.is_none().then_some(self.due)
    }

    /// Starts it when it is time.
    pub(crate) fn fill(&mut self) {
        if self.process.is_some() || Instant::now() < self.due {
            return;
        }
        let started = self.listening.socket.try_clone().and_then(|socket| {
            let program = self.program.path();
            Process::spawn_with(&self.command, &program, &self.environment, socket.into())
        });
        match started {
            Ok(process) => {
                tracing::debug!(
                    event = "http.started",
                    pid = process.id(),
                    "started: HTTP at {}",
                    self.shown()
                );
                self.process = Some(process);
            }
            Err(error) => {
                let pause = self.pause(Duration::ZERO);
                tracing::error!(
                    event = "http.not_started",
                    "HTTP at {} can't be started: {error}; the next attempt is in {pause:?}",
                    self.shown()
                );
            }
        }
    }

    /// Passes on what it has written, and sees whether it is dead.
    pub(crate) fn look(&mut self, console: &mut dyn Console) {
        let Some(process) = &mut self.process else {
            return;
        };
        process.pass_output(&mut |line| console.http_line(line));
        let Some(cause) = process.exit() else { return };
        process.last_lines(&mut |line| console.http_line(line));
        let (pid, ran) = (process.id(), process.started.elapsed());
        self.process = None;
        let pause = self.pause(ran);
        tracing::error!(
            event = "http.died",
            pid,
            "the process that answers HTTP at {} {cause}: it is started again{}; the pool goes on",
            self.shown(),
            match pause {
                Duration::ZERO => " at once".to_owned(),
                pause => format!(" in {pause:?}"),
            }
        );
    }

    /// Appoints the next start after a life of this length.
    fn pause(&mut self, ran: Duration) -> Duration {
        if ran >= SERVED {
            self.deaths = 0;
        }
        let pause = match (self.deaths, ran >= SERVED) {
            (0, true) => Duration::ZERO,
            (deaths, _) => (FIRST_PAUSE * (1 << deaths.min(10))).min(LAST_PAUSE),
        };
        self.deaths = self.deaths.saturating_add(1);
        self.due = Instant::now() + pause;
        pause
    }

    /// Tells it to end; [`Endpoint::see_off`] follows.
    pub(crate) fn terminate(&mut self) {
        if let Some(process) = &mut self.process {
            process.terminate();
        }
    }

    /// Waits a moment for its end, and kills it then.
    pub(crate) fn see_off(mut self, console: &mut dyn Console) {
        if let Some(mut process) = self.process.take() {
            process.wait(FAREWELL);
            process.last_lines(&mut |line| console.http_line(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn endpoint(script: &str) -> Endpoint {
        let mut config = ServeConfig::default();
        config.http.http = Some("127.0.0.1:0".parse().unwrap());
        let dir = PoolDir::below(Path::new("/nowhere"), "p").unwrap();
        let shell = WorkerCommand {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
        };
        Endpoint::new(&config, &dir, Some(shell)).unwrap().unwrap()
    }

    struct Lines(BTreeSet<String>);

    impl Console for Lines {
        fn ready(&mut self, _: &crate::Ready) {}
        fn worker_line(&mut self, _: u32, _: &str) {}
        fn http_line(&mut self, line: &str) {
            self.0.insert(line.to_owned());
        }
    }

    #[test]
    fn it_is_started_again_after_pauses_that_grow_and_its_lines_come_through() {
        let mut endpoint = endpoint("echo $0 $1 $RINGWORK_DIR; exit 3");
        let mut lines = Lines(BTreeSet::new());
        let mut pauses = Vec::new();
        for _ in 0..3 {
            endpoint.due = Instant::now();
            endpoint.fill();
            endpoint
                .process
                .as_mut()
                .unwrap()
                .wait(Duration::from_secs(60));
            endpoint.look(&mut lines);
            assert!(endpoint.process().is_none());
            pauses.push(endpoint.due.saturating_duration_since(Instant::now()));
        }
        assert!(pauses.is_sorted(), "{pauses:?}");
        assert_eq!(
            lines.0.into_iter().collect::<Vec<_>>(),
            ["default --inherited /nowhere"]
        );
        assert_eq!(
            endpoint.pause(SERVED),
            Duration::ZERO,
            "that one had served"
        );
        assert_eq!(endpoint.pause(Duration::ZERO), FIRST_PAUSE * 2);
        for _ in 0..100 {
            assert!(endpoint.pause(Duration::ZERO) <= LAST_PAUSE);
        }
    }

    #[test]
    fn a_port_that_is_taken_is_told_with_what_to_do() {
        let taken = listen(&"127.0.0.1:0".parse().unwrap()).unwrap();
        let error = listen(&taken.address).unwrap_err();
        assert!(error.contains("or 0 for one that is free"), "{error}");
    }

    #[test]
    fn a_socket_that_was_left_is_replaced_and_any_other_file_kept() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("s");
        let address = HttpAddress::Unix(path.clone());
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "left behind");
        let listening = listen(&address).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(listen(&address).unwrap_err().contains("another program"));
        drop(listening);
        assert!(!path.exists());
        std::fs::write(&path, "notes").unwrap();
        assert!(listen(&address).unwrap_err().contains("no socket"));
        assert_eq!(std::fs::read(&path).unwrap(), b"notes");
    }

    #[test]
    fn a_program_without_http_refuses_the_option() {
        let mut config = ServeConfig::default();
        config.http.http = Some("127.0.0.1:0".parse().unwrap());
        let dir = PoolDir::below(Path::new("/nowhere"), "p").unwrap();
        let error = Endpoint::new(&config, &dir, None).unwrap_err();
        assert!(error.to_string().contains("feature `ops`"), "{error}");
        config.http.http = None;
        assert!(Endpoint::new(&config, &dir, None).unwrap().is_none());
    }
}

//! The supervisor's end of the control socket: callers come, say one line, and get one.
//!
//! The loop of [`crate::serve`] polls its [`sources`](Desk::sources) and then takes the
//! [`calls`](Desk::calls). Invariant: no caller is waited for, whatever it says or leaves out, and
//! there are never more than [`CALLERS`] of them.

use super::{Answer, LINE_MAX, Request, address};
use ringwork_ring::PoolDir;
use rustix::net::sockopt::socket_peercred;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

/// Most callers at a time: with one more the oldest has to go.
const CALLERS: usize = 16;
/// A caller that has not said its line by then has to go.
const PATIENCE: Duration = Duration::from_secs(2);
/// After a caller that could not be let in, such as for want of a descriptor, nobody is for so long:
/// the caller waits there still, and the loop would not sleep.
const DEAF: Duration = Duration::from_secs(1);

/// Where commands call.
#[derive(Debug)]
pub(crate) struct Desk {
    listener: UnixListener,
    callers: Vec<Caller>,
    deaf_since: Option<Instant>,
}

#[derive(Debug)]
struct Caller {
    stream: UnixStream,
    line: Vec<u8>,
    since: Instant,
}

/// A request that is to be answered.
#[derive(Debug)]
pub(crate) struct Call {
    /// What is asked, or what is wrong with it.
    pub(crate) request: Result<Request, String>,
    stream: UnixStream,
}

impl Call {
    /// Answers. A caller that is gone has its answer by the log.
    pub(crate) fn answer(mut self, answer: &Answer) {
        let text = serde_json::to_vec(answer).map_err(io::Error::from);
        // The socket's buffer takes it at once.
        let written = text.and_then(|mut text| {
            text.push(b'\n');
            self.stream.write_all(&text)
        });
        if let Err(error) = written {
            tracing::debug!(
                event = "control.untaken",
                "a command has not taken its answer: {error}"
            );
        }
    }
}

/// What became of a caller.
enum Heard {
    /// Its line is not whole yet.
    Part,
    Line,
    Gone,
}

impl Caller {
    fn hear(&mut self) -> Heard {
        let mut part = [0; 1024];
        loop {
            match self.stream.read(&mut part) {
                Ok(0) => return Heard::Gone,
                Ok(length) => self.line.extend_from_slice(&part[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Heard::Part,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Heard::Gone,
            }
            if self.line.contains(&b'\n') || self.line.len() > LINE_MAX {
                return Heard::Line;
            }
        }
    }

    fn call(self) -> Call {
        let line = self.line.split(|byte| *byte == b'\n').next();
        let request = match line.unwrap_or_default() {
            line if line.len() > LINE_MAX => Err("the request is too long".to_owned()),
            line => serde_json::from_slice(line)
                .map_err(|error| format!("this supervisor does not know the request: {error}")),
        };
        Call {
            request,
            stream: self.stream,
        }
    }
}

impl Desk {
    /// Listens in the pool's directory.
    pub(crate) fn open(dir: &PoolDir) -> io::Result<Self> {
        let (_folder, path) = address(dir)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            callers: Vec::new(),
            deaf_since: None,
        })
    }

    /// What to sleep on.
    pub(crate) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let callers = self.callers.iter().map(|caller| caller.stream.as_fd());
        let listener = (!self.is_deaf()).then(|| self.listener.as_fd());
        listener.into_iter().chain(callers)
    }

    /// Lets in all that call, hears all, and gives those whose line is whole.
    pub(crate) fn calls(&mut self) -> Vec<Call> {
        self.let_in();
        let mut calls = Vec::new();
        for mut caller in std::mem::take(&mut self.callers) {
            match caller.hear() {
                Heard::Line => calls.push(caller.call()),
                Heard::Part if caller.since.elapsed() < PATIENCE => self.callers.push(caller),
                Heard::Part | Heard::Gone => {}
            }
        }
        calls
    }

    fn is_deaf(&self) -> bool {
        self.deaf_since.is_some_and(|since| since.elapsed() < DEAF)
    }

    /// Notes why a caller could not be let in, if it is more than that there is none.
    fn note(&mut self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
        if !matches!(error.kind(), WouldBlock | Interrupted | ConnectionAborted) {
            tracing::warn!(
                event = "control.deaf",
                "a command can't be heard: {error}; more open files (ulimit -n) help"
            );
            self.deaf_since = Some(Instant::now());
        }
    }

    fn let_in(&mut self) {
        while !self.is_deaf() {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) => return self.note(&error),
            };
            if !is_of_this_user(&stream) || stream.set_nonblocking(true).is_err() {
                continue;
            }
            if self.callers.len() >= CALLERS {
                self.callers.remove(0);
            }
            self.callers.push(Caller {
                stream,
                line: Vec::new(),
                since: Instant::now(),
            });
        }
    }
}

/// Whether the caller is this user, or root. The directory keeps others away; should it ever be
/// opened to them, this does.
fn is_of_this_user(stream: &UnixStream) -> bool {
    socket_peercred(stream)
        .is_ok_and(|peer| peer.uid.is_root() || peer.uid == rustix::process::geteuid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{AskError, ask};

    fn pool() -> (tempfile::TempDir, PoolDir) {
        let temp = tempfile::tempdir().unwrap();
        // Longer than the address of a socket may be.
        let long = temp.path().join("d".repeat(120));
        fs::create_dir(&long).unwrap();
        let dir = PoolDir::below(&long, "p").unwrap();
        fs::create_dir(dir.path()).unwrap();
        (temp, dir)
    }

    fn call(desk: &mut Desk) -> Call {
        loop {
            if let Some(call) = desk.calls().pop() {
                return call;
            }
            std::thread::yield_now();
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_caller_that_can_not_be_let_in_is_not_slept_on_for_a_while() {
        let (_temp, dir) = pool();
        let mut desk = Desk::open(&dir).unwrap();
        for kind in [io::ErrorKind::WouldBlock, io::ErrorKind::ConnectionAborted] {
            desk.note(&kind.into());
            assert_eq!(desk.sources().count(), 1, "{kind:?}");
        }
        desk.note(&io::Error::from_raw_os_error(24)); // EMFILE
        let (_folder, path) = address(&dir).unwrap();
        let _caller = UnixStream::connect(&path).unwrap();
        assert!(desk.calls().is_empty());
        assert_eq!((desk.sources().count(), desk.callers.len()), (0, 0));
        desk.deaf_since = desk.deaf_since.and_then(|since| since.checked_sub(DEAF));
        assert!(desk.calls().is_empty());
        assert_eq!((desk.sources().count(), desk.callers.len()), (2, 1));
    }

    #[test]
    fn a_request_is_answered_beside_callers_that_say_nothing_or_nonsense() {
        let (_temp, dir) = pool();
        let mut desk = Desk::open(&dir).unwrap();
        let (_folder, path) = address(&dir).unwrap();
        let silent: Vec<UnixStream> = (0..3 * CALLERS)
            .map(|_| UnixStream::connect(&path).unwrap())
            .collect();
        assert!(desk.calls().is_empty());
        assert_eq!(desk.callers.len(), CALLERS);
        drop(silent);
        assert!(desk.calls().is_empty());
        assert_eq!(desk.callers.len(), 0);
        for wrong in [
            "nonsense\n",
            "{\"do\":\"fly\"}\n",
            &"x".repeat(LINE_MAX + 1),
        ] {
            let mut stream = UnixStream::connect(&path).unwrap();
            stream.write_all(wrong.as_bytes()).unwrap();
            let call = call(&mut desk);
            let why = call.request.clone().unwrap_err();
            call.answer(&Answer::Refused(why));
            let mut text = String::new();
            let _ = stream.read_to_string(&mut text);
            assert!(text.starts_with("{\"refused\":"), "{text}");
        }
        let asked = std::thread::spawn({
            let dir = dir.clone();
            move || ask(&dir, &Request::Scale { workers: 3 }, LONG)
        });
        let call = call(&mut desk);
        assert_eq!(call.request, Ok(Request::Scale { workers: 3 }));
        call.answer(&Answer::Refused("no".to_owned()));
        let answer = asked.join().unwrap().unwrap();
        assert_eq!(answer, Answer::Refused("no".to_owned()));
    }

    #[test]
    fn a_supervisor_that_is_stopped_or_dead_is_told() {
        let (_temp, dir) = pool();
        let asked = || ask(&dir, &Request::Status, Duration::from_millis(1));
        assert!(matches!(asked(), Err(AskError::NoSocket)));
        let desk = Desk::open(&dir).unwrap();
        assert!(matches!(asked(), Err(AskError::Silent)));
        drop(desk);
        assert!(matches!(asked(), Err(AskError::Dead)));
        // One that comes after it takes its place.
        let _desk = Desk::open(&dir).unwrap();
        assert!(matches!(asked(), Err(AskError::Silent)));
    }
}

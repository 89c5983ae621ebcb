//! What the supervisor sleeps on: signals, the owner's pipe, its workers, commands that call.

use crate::control::{Call, Desk};
use crate::process::Process;
use ringwork_ring::PoolDir;
use ringwork_ring::os::signals;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::low_level::{pipe, unregister};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// What the owner of an embedded pool writes before it closes the pipe, where it means to.
const CLOSE: &[u8] = b"close\n";

/// What woke the supervisor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wake {
    /// How many requests to stop have come.
    pub(crate) stops: usize,
    /// Whether a reload is asked for.
    pub(crate) reload: bool,
    /// Whether the owner of an embedded pool is gone.
    pub(crate) owner_gone: bool,
    /// Whether that owner has closed the pool: it said so before it went.
    pub(crate) owner_closed: bool,
    /// Whether a worker, or the process that answers HTTP, has died or written something.
    pub(crate) workers: bool,
    /// Whether a client that can't call the futex has submitted while lanes slept.
    pub(crate) nudged: bool,
    /// Whether a command calls.
    pub(crate) called: bool,
}

impl Wake {
    /// Whether nothing but nudges has come.
    pub(crate) fn is_nudge_only(self) -> bool {
        let only = Self {
            nudged: true,
            ..Self::default()
        };
        self == only
    }
}

/// The sources of events other than workers.
#[derive(Debug)]
pub(crate) struct Events {
    stops: UnixStream,
    reloads: UnixStream,
    // Held also where no signal writes to them: a stream whose other end is closed is always
    // readable.
    _senders: [UnixStream; 2],
    registered: Vec<SigId>,
    embedded: bool,
    /// Whether the owner has said that it closes the pool.
    told_to_close: bool,
    nudges: Option<OwnedFd>,
    desk: Option<Desk>,
}

impl Events {
    /// Takes all signals over, whatever mask and actions this process was started with.
    ///
    /// SIGTERM and SIGINT ask to stop, SIGQUIT to stop at once. An embedded pool lives as long as
    /// its owner: that gets the signals of a terminal or a unit as well and may survive them, or
    /// has work to do before its end. There they are noted only.
    /// SIGHUP asks for a reload, also where it was ignored by `nohup`: a
    /// terminal that hangs up then costs a reload, and the pool lives on.
    pub(crate) fn new(embedded: bool) -> io::Result<Self> {
        let (stops, sender) = UnixStream::pair()?;
        stops.set_nonblocking(true)?;
        let (reloads, hangup) = UnixStream::pair()?;
        reloads.set_nonblocking(true)?;
        let ignored = signals::own_supervisor(embedded);
        let mut registered = Vec::new();
        let mut register = |signal, target: &UnixStream| -> io::Result<()> {
            registered.push(pipe::register(signal, target.try_clone()?)?);
            Ok(())
        };
        if !embedded {
            register(SIGTERM, &sender)?;
            // Background jobs of a shell leave these two ignored: so it stays.
            if !ignored.contains(&SIGINT) {
                register(SIGINT, &sender)?;
            }
            if !ignored.contains(&SIGQUIT) {
                // As two requests.
                register(SIGQUIT, &sender)?;
                register(SIGQUIT, &sender)?;
            }
            register(SIGHUP, &hangup)?;
        }
        Ok(Self {
            stops,
            reloads,
            _senders: [sender, hangup],
            registered,
            embedded,
            told_to_close: false,
            nudges: None,
            desk: None,
        })
    }

    /// Is woken from now on by clients that can't wake a lane: a JVM without native access sets the
    /// length of this file, the supervisor's lock, which stays empty. Without inotify such a task
    /// waits for the tick.
    pub(crate) fn watch_nudges(&mut self, lock: &Path) {
        let watched = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)
            .and_then(|nudges| {
                inotify::add_watch(&nudges, lock, inotify::WatchFlags::MODIFY).map(|_| nudges)
            });
        match watched {
            Ok(nudges) => self.nudges = Some(nudges),
            Err(error) => tracing::debug!(
                event = "pool.no_inotify",
                "no inotify ({error}): tasks of JVMs without native access wait for the tick while lanes sleep"
            ),
        }
    }

    /// Hears commands from now on, but for an embedded pool, which its owner alone steers.
    pub(crate) fn hear_commands(&mut self, dir: &PoolDir) {
        if self.embedded {
            return;
        }
        match Desk::open(dir) {
            Ok(desk) => self.desk = Some(desk),
            Err(error) => tracing::warn!(
                event = "pool.no_control_socket",
                "no control socket in {} ({error}): drain, resume, pause, scale and reload --wait can't reach this \
                 pool; signals do",
                dir.path().display()
            ),
        }
    }

    /// What commands have asked since the last call.
    pub(crate) fn calls(&mut self) -> Vec<Call> {
        self.desk.as_mut().map(Desk::calls).unwrap_or_default()
    }

    /// Sleeps until something happens, at most for `limit`.
    pub(crate) fn wait<'p>(
        &mut self,
        processes: impl Iterator<Item = &'p Process>,
        limit: Duration,
    ) -> io::Result<Wake> {
        let stdin = rustix::stdio::stdin();
        let mut fds = vec![
            PollFd::new(&self.stops, PollFlags::IN),
            PollFd::new(&self.reloads, PollFlags::IN),
        ];
        if self.embedded {
            fds.push(PollFd::from_borrowed_fd(stdin, PollFlags::IN));
        }
        let nudges = self.nudges.as_ref().map(|nudges| {
            fds.push(PollFd::new(nudges, PollFlags::IN));
            fds.len() - 1
        });
        let callers = fds.len();
        if let Some(desk) = &self.desk {
            fds.extend((desk.sources()).map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        }
        let others = fds.len();
        // Where the kernel gives no pidfd, only asking tells.
        let mut workers = false;
        for process in processes {
            workers |= process.pidfd().is_none();
            let sources = [process.pidfd(), process.output()];
            fds.extend(
                sources
                    .into_iter()
                    .flatten()
                    .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)),
            );
        }
        let time = Timespec {
            tv_sec: limit.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        };
        match poll(&mut fds, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let asked = !fds[0].revents().is_empty();
        workers |= fds[others..].iter().any(|fd| !fd.revents().is_empty());
        let called = fds[callers..others]
            .iter()
            .any(|fd| !fd.revents().is_empty());
        let reload = !fds[1].revents().is_empty();
        let owner_wrote = self.embedded && !fds[2].revents().is_empty();
        let mut said = [0; 512];
        let said = match owner_wrote.then(|| rustix::io::read(stdin.as_fd(), &mut said)) {
            Some(Ok(length @ 1..)) => Some(&said[..length]),
            _ => None,
        };
        let owner_gone = owner_wrote && said.is_none();
        self.told_to_close |= said == Some(CLOSE);
        let nudged = nudges.is_some_and(|at| !fds[at].revents().is_empty());
        if let (true, Some(nudges)) = (nudged, &self.nudges) {
            // All of them: events of the same kind come as one until they are read.
            let _ = rustix::io::read(nudges, &mut [0; 4096]);
        }
        Ok(Wake {
            stops: if asked { taken(&mut self.stops) } else { 0 },
            reload: reload && taken(&mut self.reloads) > 0,
            owner_gone,
            owner_closed: owner_gone && self.told_to_close,
            workers,
            nudged,
            called,
        })
    }
}

fn taken(signals: &mut UnixStream) -> usize {
    signals.read(&mut [0; 16]).unwrap_or(0)
}

impl Drop for Events {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            unregister(id);
        }
    }
}

/// Says which signals have come that do nothing here, each once.
pub(crate) fn tell_ignored() {
    for signal in signals::take_noted() {
        match signal.as_str() {
            "SIGHUP" | "SIGINT" | "SIGQUIT" | "SIGTERM" => tracing::info!(
                event = "signal.owners",
                "{signal} is left to the owner of this embedded pool: the pool ends when its owner \
                 closes it, or ends"
            ),
            _ => tracing::info!(
                event = "signal.ignored",
                "{signal} means nothing to a supervisor: it is ignored"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nudge_ends_the_sleep_once() {
        let lock = tempfile::NamedTempFile::new().unwrap();
        let mut events = Events::new(true).unwrap();
        events.watch_nudges(lock.path());
        let poll_now = |events: &mut Events| {
            let fd = events.nudges.as_ref().expect("this system has inotify");
            let mut fds = [PollFd::new(fd, PollFlags::IN)];
            let now = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let ready = poll(&mut fds, Some(&now)).unwrap() > 0;
            let _ = rustix::io::read(fd, &mut [0; 4096]);
            ready
        };
        assert!(!poll_now(&mut events));
        // As java.io.RandomAccessFile.setLength(0) does: the file is empty before and after.
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(lock.path())
            .unwrap();
        for _ in 0..3 {
            file.set_len(0).unwrap();
        }
        assert!(poll_now(&mut events));
        assert!(!poll_now(&mut events), "it would never sleep again");
    }

    #[test]
    fn only_a_nudge_is_only_a_nudge() {
        let nudge = Wake {
            nudged: true,
            ..Wake::default()
        };
        assert!(nudge.is_nudge_only() && !Wake::default().is_nudge_only());
        assert!(!Wake { stops: 1, ..nudge }.is_nudge_only());
    }

    /// Else the supervisor never sleeps and takes a core.
    #[test]
    fn nothing_is_there_to_be_read_before_a_signal() {
        for embedded in [false, true] {
            let events = Events::new(embedded).unwrap();
            let mut fds = [
                PollFd::new(&events.stops, PollFlags::IN),
                PollFd::new(&events.reloads, PollFlags::IN),
            ];
            let now = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            assert_eq!(
                poll(&mut fds, Some(&now)).unwrap(),
                0,
                "{embedded}: {fds:?}"
            );
        }
    }
}

//! The signals that a supervisor or a worker was started with, and what is done about them.
//!
//! A supervisor calls [`own_supervisor`] first: nothing that it was started with, be it a blocked
//! mask or an ignored signal, holds for it or for the workers that it starts. A worker calls
//! [`own_worker`], then installs [`crate::lane::leave::LeaveOnSignal`].

// Private to the process: no model checker need see them.
use std::sync::atomic::{AtomicU64, Ordering};

/// Bit n - 1: signal n has come.
static NOTED: AtomicU64 = AtomicU64::new(0);
/// Bit n - 1: signal n was returned by [`take_noted`].
static TOLD: AtomicU64 = AtomicU64::new(0);

/// Signals that keep their default action: the kernel's own word on a fault, job control, and what
/// is ignored by default. SIGKILL and SIGSTOP can't be changed.
const DEFAULT: [i32; 16] = [
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGSEGV,
    libc::SIGSYS,
    libc::SIGCHLD,
    libc::SIGCONT,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGURG,
    libc::SIGWINCH,
    libc::SIGKILL,
    libc::SIGSTOP,
];

/// The signals that ask a process to end, or to reload: of a terminal, a unit or an operator.
const REQUESTS: [i32; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];

extern "C" fn note(signal: libc::c_int) {
    // Relaxed: a flag and nothing else.
    NOTED.fetch_or(1 << (signal - 1), Ordering::Relaxed);
}

extern "C" fn nothing(_signal: libc::c_int) {}

/// The signals that end a process by default and mean nothing here.
fn meaningless() -> impl Iterator<Item = i32> {
    // Between the two ranges are the signals that the C library uses itself.
    (1..=31)
        .chain(libc::SIGRTMIN()..=libc::SIGRTMAX())
        .filter(|signal| {
            !DEFAULT.contains(signal) && !REQUESTS.contains(signal) && *signal != libc::SIGPIPE
        })
}

/// Gives a supervisor signals of its own, whatever it was started with.
///
/// - No signal is blocked, in this thread and those that it starts.
/// - What ends a process by default and means nothing to a supervisor (SIGUSR1, SIGALRM, real-time
///   signals and the like) is noted, for [`take_noted`], and so are SIGHUP, SIGINT, SIGQUIT and
///   SIGTERM if the pool is embedded: they are its owner's.
/// - Of a pool that is not embedded the four do nothing, if they were ignored, until they are
///   taken over. SIGPIPE is ignored.
///
/// What is noted is caught by a handler and not ignored: a program that this process starts has
/// the default action of every signal. Returns which of the four were ignored before.
pub fn own_supervisor(embedded: bool) -> Vec<i32> {
    let ignored: Vec<i32> = REQUESTS
        .into_iter()
        .filter(|signal| action_of(*signal) == libc::SIG_IGN)
        .collect();
    if embedded {
        for signal in REQUESTS {
            act(signal, handler(note));
        }
    }
    // One that was ignored would be so in the workers, too.
    for signal in &ignored {
        act(*signal, handler(if embedded { note } else { nothing }));
    }
    own_rest(note);
    // After the handlers: what was pending finds them.
    unblock(None);
    ignored
}

/// Gives a worker signals of its own, before [`crate::lane::leave::LeaveOnSignal::install`].
///
/// What ends a process by default and means nothing to a worker does nothing, unless its program
/// has a handler for it; the four that ask a worker to leave are not blocked. SIGXCPU keeps its
/// meaning, since a worker may have a limit of processor time.
pub fn own_worker() {
    own_rest(nothing);
    if action_of(libc::SIGXCPU) == handler(nothing) {
        act(libc::SIGXCPU, libc::SIG_DFL);
    }
    // A program may have blocked others for a thread of its own that waits for them.
    unblock(Some(&REQUESTS));
}

/// All but the four requests.
fn own_rest(what: extern "C" fn(libc::c_int)) {
    for signal in DEFAULT {
        // Above all SIGCHLD: ignored, it would take the exit status of every child away.
        if action_of(signal) == libc::SIG_IGN {
            act(signal, libc::SIG_DFL);
        }
    }
    for signal in meaningless() {
        let action = action_of(signal);
        if action == libc::SIG_IGN || action == libc::SIG_DFL {
            act(signal, handler(what));
        }
    }
    if action_of(libc::SIGPIPE) == libc::SIG_DFL {
        act(libc::SIGPIPE, libc::SIG_IGN);
    }
}

/// Unblocks these signals, or all, in this thread.
fn unblock(signals: Option<&[i32]>) {
    // SAFETY: the set lives on this stack and is filled before it is used; the numbers are signals.
    unsafe {
        let mut set = std::mem::zeroed::<libc::sigset_t>();
        match signals {
            None => {
                libc::sigfillset(&raw mut set);
            }
            Some(signals) => {
                libc::sigemptyset(&raw mut set);
                for signal in signals {
                    libc::sigaddset(&raw mut set, *signal);
                }
            }
        }
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
    }
}

/// The noted signals that have come and were not returned before, by name.
pub fn take_noted() -> Vec<String> {
    // Relaxed: flags and nothing else; one thread asks.
    let noted = NOTED.load(Ordering::Relaxed) & !TOLD.load(Ordering::Relaxed);
    if noted == 0 {
        return Vec::new();
    }
    TOLD.fetch_or(noted, Ordering::Relaxed);
    (1..=64)
        .filter(|signal| noted & 1 << (signal - 1) != 0)
        .map(name_of)
        .collect()
}

fn name_of(signal: i32) -> String {
    match nix::sys::signal::Signal::try_from(signal) {
        Ok(known) => known.as_str().to_owned(),
        Err(_) => format!("SIGRTMIN+{}", signal - libc::SIGRTMIN()),
    }
}

fn handler(handler: extern "C" fn(libc::c_int)) -> libc::sighandler_t {
    handler as *const () as libc::sighandler_t
}

fn action_of(signal: i32) -> libc::sighandler_t {
    // SAFETY: a null action changes nothing, and the former one is written to this stack; it is
    // plain data for which zeroes are a value.
    unsafe {
        let mut action = std::mem::zeroed::<libc::sigaction>();
        libc::sigaction(signal, std::ptr::null(), &raw mut action);
        action.sa_sigaction
    }
}

fn act(signal: i32, action: libc::sighandler_t) {
    // SAFETY: the action is plain data on this stack. Its handler is one of the two above, which
    // do nothing but an atomic operation, or one of the kernel's own two.
    unsafe {
        let mut new = std::mem::zeroed::<libc::sigaction>();
        new.sa_sigaction = action;
        new.sa_flags = libc::SA_RESTART;
        libc::sigemptyset(&raw mut new.sa_mask);
        libc::sigaction(signal, &raw const new, std::ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_is_noted_and_faults_keep_their_meaning() {
        let all: Vec<i32> = meaningless().collect();
        for signal in [libc::SIGUSR1, libc::SIGXFSZ, libc::SIGSTKFLT, libc::SIGALRM] {
            assert!(all.contains(&signal), "{signal}");
        }
        for signal in [libc::SIGSEGV, libc::SIGCHLD, libc::SIGTERM, libc::SIGKILL] {
            assert!(!all.contains(&signal), "{signal}");
        }
        assert!(all.contains(&libc::SIGRTMIN()) && all.contains(&libc::SIGRTMAX()));
        assert_eq!(name_of(libc::SIGUSR2), "SIGUSR2");
        assert_eq!(name_of(libc::SIGRTMIN() + 3), "SIGRTMIN+3");
    }
}

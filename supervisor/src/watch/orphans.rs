//! What a supervisor that is the first process of a container owes to those that are not its own.
//!
//! Called at the tick. A process whose parent has ended becomes a child of the first process of its
//! PID namespace; what that one does not wait for stays in the table of processes for ever.
//! Invariant: the exit of a worker is taken by its [`Process`](crate::process::Process) alone.

use crate::crew::Crew;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};

/// More at a time wait for the next look.
const MAX_TAKEN: usize = 256;

/// Takes the exits of children that are no workers, if this process is the first of its namespace.
pub(crate) fn reap(crew: &Crew) {
    if std::process::id() == 1 {
        reap_others(|pid| crew.ids().any(|(_, id)| i32::try_from(id) == Ok(pid)));
    }
}

/// Takes the exits of all children but these, until one of them is the first in line: it is
/// waited for soon.
fn reap_others(is_own: impl Fn(i32) -> bool) {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
    for _ in 0..MAX_TAKEN {
        // A look only: taken, the exit of a worker would be lost.
        let dead = waitid(Id::All, look | WaitPidFlag::WNOWAIT);
        let Some(pid) = dead.ok().as_ref().and_then(WaitStatus::pid) else {
            return;
        };
        if is_own(pid.as_raw()) {
            return;
        }
        let _ = waitid(Id::Pid(pid), look);
    }
}

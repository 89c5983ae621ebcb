//! Failpoints: places where a test makes a process kill or stop itself.
//!
//! Each step that another process can see is followed by a point, so that a test can have the
//! process end exactly there: `failpoint!("submit.queued")`. Without the cargo feature
//! `failpoints` the macro is nothing at all, not even a branch. With it, the environment arms one
//! point, read once:
//!
//! - `RINGWORK_FAILPOINT=worker:claim.claimed=kill@3`: the third time that a process with the
//!   role `worker` comes to the point, it sends itself SIGKILL (`stop`: SIGSTOP).
//! - `RINGWORK_FAILPOINT_MARK=PATH`: the file that names the process, made just before. A process
//!   that finds it made goes on unharmed, so that one process of many, and no successor, is hit.
//!
//! `POINTS` is the one list of them all; a test holds it against the sources.

/// Kills or stops this process here, if a test asks for it; nothing without the feature
/// `failpoints`.
#[cfg(feature = "failpoints")]
#[doc(hidden)]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        $crate::os::failpoint::hit($name)
    };
}

/// Kills or stops this process here, if a test asks for it; nothing without the feature
/// `failpoints`.
#[cfg(not(feature = "failpoints"))]
#[doc(hidden)]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {};
}

/// A kind of process, by the points that it comes to.
#[cfg(any(test, feature = "failpoints"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Runs tasks.
    Worker,
    /// Makes the segment, starts workers, reaps.
    Supervisor,
    /// Submits tasks through [`crate::client`].
    Client,
}

#[cfg(any(test, feature = "failpoints"))]
impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Worker, Self::Supervisor, Self::Client];

    /// As it stands in `RINGWORK_FAILPOINT`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Supervisor => "supervisor",
            Self::Client => "client",
        }
    }
}

/// Every point, with the processes that come to it: W a worker, S the supervisor, C a client.
#[cfg(any(test, feature = "failpoints"))]
pub const POINTS: &[(&str, &str)] = &[
    ("create.named", "S"),
    ("create.cleared", "S"),
    ("create.locked", "S"),
    ("create.opened", "S"),
    ("create.written", "S"),
    ("create.pointed", "S"),
    ("create.renamed", "S"),
    ("create.ready", "S"),
    ("attach.mapped", "WC"),
    ("attach.checked", "WC"),
    ("remove.file", "S"),
    ("remove.unnamed", "S"),
    ("handler.claimed", "W"),
    ("handler.named", "W"),
    ("handler.kind_told", "W"),
    ("entry.locked", "WC"),
    ("worker.active", "W"),
    ("worker.filled", "W"),
    ("worker.ready", "W"),
    ("lane.registered", "W"),
    ("lane.held", "W"),
    ("lane.taken", "W"),
    ("lane.hint_returned", "W"),
    ("lane.searching", "W"),
    ("lane.idle", "W"),
    ("lane.parking", "W"),
    ("lane.woken", "W"),
    ("lane.awake", "W"),
    ("claim.seen", "W"),
    ("claim.claimed", "W"),
    ("claim.unheld", "W"),
    ("claim.stolen", "W"),
    ("claim.current", "W"),
    ("claim.opened", "W"),
    ("claim.closed", "W"),
    ("claim.read", "W"),
    ("chunk.opened", "W"),
    ("counts.taken", "W"),
    ("chunk.written", "W"),
    ("chunk.ended", "W"),
    ("run.before", "W"),
    ("run.after", "W"),
    ("arena.taken", "WC"),
    ("arena.freeing", "WC"),
    ("ring.cell_written", "WSC"),
    ("ring.tail_moved", "WSC"),
    ("ring.enqueuing", "WSC"),
    ("complete.hinted", "W"),
    ("complete.asked", "W"),
    ("complete.overflow", "W"),
    ("complete.written", "W"),
    ("complete.current", "W"),
    ("complete.done", "W"),
    ("wake.taken", "WSC"),
    ("wake.bumped", "WSC"),
    ("wake.done", "WSC"),
    ("submit.woken", "C"),
    ("submit.slot", "C"),
    ("submit.written", "C"),
    ("submit.filled", "C"),
    ("submit.queued", "C"),
    ("submit.counted", "C"),
    ("submit.withdrawn", "C"),
    ("submit.hinted", "C"),
    ("poll.overflow", "C"),
    ("poll.read", "C"),
    ("poll.blocks_freed", "C"),
    ("poll.counted", "C"),
    ("lease.counted", "C"),
    ("lease.freed", "C"),
    ("lease.released", "C"),
    ("help.begun", "C"),
    ("help.ended", "C"),
    ("help.armed", "C"),
    ("poll.waiting", "C"),
    ("poll.parking", "C"),
    ("poll.awake", "C"),
    ("cancel.counted", "C"),
    ("cancel.withdrawn", "C"),
    ("cancel.asked", "C"),
    ("watch.asked", "C"),
    ("client.active", "C"),
    ("client.filled", "C"),
    ("client.leaving", "C"),
    ("client.left", "C"),
    ("reap.orphan_freed", "S"),
    ("reap.locked", "S"),
    ("reap.worker_begun", "S"),
    ("reap.lane_marked", "S"),
    ("reap.held_restored", "S"),
    ("reap.slots_done", "S"),
    ("reap.blocks_freed", "S"),
    ("reap.woken", "S"),
    ("reap.held_cleared", "S"),
    ("reap.lane_free", "S"),
    ("reap.unlocked", "S"),
    ("reap.worker_free", "S"),
    ("reap.client_free", "S"),
    ("reap.requeued", "S"),
    ("reap.crashing", "S"),
    ("reap.crashed", "S"),
    ("reap.announced", "S"),
    ("reap.client_begun", "S"),
    ("reap.client_cancelled", "S"),
    ("reap.client_dropped", "S"),
    ("reap.client_withdrawn", "S"),
    ("reap.client_slots", "S"),
    ("reap.client_blocks", "S"),
    ("sweep.hinted", "S"),
    ("reap.permit_freed", "S"),
    ("limit.permit_taken", "W"),
    ("limit.permit_freed", "W"),
    ("limit.hinted", "W"),
    ("limit.marked", "W"),
    ("limit.held", "W"),
    ("limit.unmarked", "W"),
    ("limit.taken", "W"),
    ("key.filled", "C"),
    ("key.linked", "C"),
    ("key.poisoned", "C"),
    ("key.next_taken", "C"),
    ("cancel.key_asked", "C"),
    ("key.permit_taken", "W"),
    ("key.permit_freed", "W"),
    ("key.waiting", "W"),
    ("key.skipping", "W"),
    ("key.held", "W"),
    ("key.taken", "W"),
    ("key.hinted", "W"),
    ("key.next_hinted", "S"),
    ("reap.key_freed", "S"),
    ("reap.key_hinted", "S"),
    ("reap.key_cancelled", "S"),
    ("reap.key_dropped", "S"),
    ("error.claimed", "S"),
    ("topic.claimed", "WSC"),
    ("event.claimed", "WSC"),
    ("event.tail_moved", "WSC"),
    ("event.written", "WSC"),
    ("event.ready", "WSC"),
    ("event.asked", "WSC"),
    ("event.bumped", "WSC"),
    ("event.woken", "WSC"),
    ("event.asking", "C"),
    ("reap.events_void", "S"),
    ("channel.claimed", "C"),
    ("channel.tail_moved", "C"),
    ("channel.moved_up", "C"),
    ("channel.written", "C"),
    ("channel.full", "C"),
    ("channel.passed_on", "C"),
    ("channel.passed", "C"),
    ("channel.taken", "C"),
    ("channel.head_moved", "C"),
    ("channel.released", "C"),
    ("channel.waking", "SC"),
    ("channel.bumped", "SC"),
    ("channel.asking", "C"),
    ("reap.channel_cell", "S"),
    ("reap.channel_back", "S"),
    ("serve.reasoned", "S"),
    ("serve.closed", "S"),
    ("serve.serving", "S"),
    ("serve.draining", "S"),
    ("serve.worker_started", "S"),
    ("serve.exit_seen", "S"),
    ("serve.told_to_leave", "S"),
    ("leave.quota", "W"),
    ("leave.lane_free", "W"),
    ("leave.lane_cleared", "W"),
    ("leave.worker_free", "W"),
];

/// The processes that come to a point.
#[cfg(any(test, feature = "failpoints"))]
#[must_use]
pub fn roles(letters: &str) -> Vec<Role> {
    let of = |letter| match letter {
        'W' => Role::Worker,
        'S' => Role::Supervisor,
        _ => Role::Client,
    };
    letters.chars().map(of).collect()
}

#[cfg(feature = "failpoints")]
pub use armed::{hit, role};

#[cfg(feature = "failpoints")]
mod armed {
    use super::Role;
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::path::PathBuf;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Environment variable: `[role:]point=kill|stop[@n]`.
    const VARIABLE: &str = "RINGWORK_FAILPOINT";
    /// Environment variable: the file that tells that the point was hit.
    const MARK_VARIABLE: &str = "RINGWORK_FAILPOINT_MARK";

    struct Armed {
        role: Option<String>,
        point: String,
        signal: i32,
        // Comes left until the signal.
        left: AtomicU64,
        mark: Option<PathBuf>,
    }

    static ROLE: OnceLock<Role> = OnceLock::new();
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

    /// Says what kind of process this is; once, at its start.
    pub fn role(role: Role) {
        let _ = ROLE.set(role);
    }

    /// Comes to a point.
    ///
    /// # Panics
    /// When the environment asks for something that can't be understood: a test that
    /// arms nothing would pass for nothing.
    pub fn hit(name: &str) {
        let Some(armed) = ARMED.get_or_init(read) else {
            return;
        };
        if armed.point != name || !is_mine(armed) {
            return;
        }
        // Relaxed: a count of comes, which orders nothing.
        if armed.left.fetch_sub(1, Ordering::Relaxed) == 1 && mark(armed) {
            strike(armed.signal);
        }
    }

    fn is_mine(armed: &Armed) -> bool {
        let mine = ROLE.get().map(|role| role.name());
        armed.role.is_none() || armed.role.as_deref() == mine
    }

    fn read() -> Option<Armed> {
        let text = std::env::var(VARIABLE)
            .ok()
            .filter(|text| !text.is_empty())?;
        let mark = std::env::var_os(MARK_VARIABLE).map(PathBuf::from);
        let armed = parse(&text, mark);
        assert!(
            armed.is_some(),
            "{VARIABLE}={text:?}: not [ROLE:]POINT=kill|stop[@N]"
        );
        armed
    }

    fn parse(text: &str, mark: Option<PathBuf>) -> Option<Armed> {
        let (point, action) = text.split_once('=')?;
        let (role, point) = match point.split_once(':') {
            Some((role, point)) => (Some(role.to_owned()), point),
            None => (None, point),
        };
        let (action, count) = action.split_once('@').unwrap_or((action, "1"));
        let signal = match action {
            "kill" => libc::SIGKILL,
            "stop" => libc::SIGSTOP,
            _ => return None,
        };
        let left = AtomicU64::new(count.parse().ok().filter(|count| *count > 0)?);
        super::POINTS.iter().find(|(known, _)| *known == point)?;
        Some(Armed {
            role,
            point: point.to_owned(),
            signal,
            left,
            mark,
        })
    }

    /// `true` when the mark was not made before.
    fn mark(armed: &Armed) -> bool {
        let Some(path) = &armed.mark else {
            return true;
        };
        let made = OpenOptions::new().write(true).create_new(true).open(path);
        // By one write, so that a reader that sees the line sees all of it.
        made.is_ok_and(|mut file| {
            file.write_all(format!("{} {}\n", std::process::id(), armed.point).as_bytes())
                .is_ok()
        })
    }

    /// To this very thread, so that it goes no instruction further: a signal to the process could
    /// be taken by another thread, and this one would run on for a while.
    fn strike(signal: i32) {
        // SAFETY: system calls on plain numbers.
        unsafe {
            let thread = libc::syscall(libc::SYS_gettid);
            libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }

    #[test]
    fn the_list_and_the_sources_agree() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        sources(&root.join("src"), &mut files);
        // Absent where this crate is tested alone, as from a package.
        let others = ["../worker/src", "../supervisor/src"].map(|crate_of| root.join(crate_of));
        let whole = others.iter().all(|dir| dir.is_dir());
        if whole {
            for dir in &others {
                sources(dir, &mut files);
            }
        }
        let mut used = BTreeSet::new();
        for file in files.iter().filter(|file| !file.ends_with("failpoint.rs")) {
            let text = std::fs::read_to_string(file).unwrap();
            for rest in text.split("failpoint!(\"").skip(1) {
                let name = rest.split('"').next().unwrap().to_owned();
                assert!(
                    used.insert(name.clone()),
                    "{name} stands twice, again in {}",
                    file.display()
                );
            }
        }
        let listed: BTreeSet<String> = POINTS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(listed.len(), POINTS.len(), "a name is listed twice");
        let unlisted: Vec<_> = used.difference(&listed).collect();
        assert!(unlisted.is_empty(), "used but not listed: {unlisted:?}");
        let unused: Vec<_> = listed.difference(&used).collect();
        assert!(
            !whole || unused.is_empty(),
            "listed but not used: {unused:?}"
        );
    }

    #[test]
    fn every_point_has_its_processes() {
        for (name, letters) in POINTS {
            assert!(!letters.is_empty(), "{name}");
            assert!(
                letters.chars().all(|letter| "WSC".contains(letter)),
                "{name}: {letters}"
            );
        }
    }
}

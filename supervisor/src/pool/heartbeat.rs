//! The supervisor's heartbeat, and how a process that is stopped is told.
//!
//! The supervisor sets the time of its name lock's last modification each second; nothing else
//! does. The command looks at its age, which is the same in each container. A worker has no
//! heartbeat: the kernel says whether it is stopped.

use ringwork_ring::Segment;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, utimensat};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// How often the heart beats.
const INTERVAL: Duration = Duration::from_secs(1);
/// A supervisor that has not looked for so long is told to be stopped, or starved.
const LATE: Duration = Duration::from_secs(5);

/// The supervisor's side.
#[derive(Debug, Default)]
pub(crate) struct Heart {
    beaten: Option<Instant>,
}

impl Heart {
    /// One beat, when it is time.
    pub(crate) fn beat(&mut self, segment: &Segment) {
        if self.beaten.is_some_and(|last| last.elapsed() < INTERVAL) {
            return;
        }
        self.beaten = Some(Instant::now());
        let time = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
        let times = Timestamps {
            last_access: time(UTIME_OMIT),
            last_modification: time(UTIME_NOW),
        };
        let lock = segment.dir().name_lock();
        if let Err(error) = utimensat(CWD, &lock, &times, AtFlags::SYMLINK_NOFOLLOW) {
            tracing::debug!(
                event = "pool.no_heartbeat",
                "no heartbeat at {}: {error}",
                lock.display()
            );
        }
    }
}

/// How long ago the supervisor of a pool has looked last; `None` when that can't be told.
pub fn age(segment: &Segment) -> Option<Duration> {
    let beaten = segment.dir().name_lock().metadata().ok()?.modified().ok()?;
    // In the future after a step of the clock: now, then.
    Some(SystemTime::now().duration_since(beaten).unwrap_or_default())
}

/// What is wrong with a supervisor that lives and does not look.
pub fn supervisor_problem(segment: &Segment, pid: u32) -> Option<String> {
    let age = age(segment)?;
    let lock = segment.dir().supervisor_lock(segment.epoch());
    let seconds = age.as_secs();
    if is_stopped(pid, &lock) {
        return Some(format!(
            "its supervisor (process {pid}) is stopped and has not looked for {seconds} s: `kill -CONT {pid}` \
             lets it go on"
        ));
    }
    (age >= LATE).then(|| {
        format!(
            "its supervisor (process {pid}) has not looked for {seconds} s: is it stopped, its container frozen, \
             or the machine overloaded?"
        )
    })
}

/// Whether the process that holds this lock is stopped (SIGSTOP, SIGTSTP, a debugger).
pub fn is_stopped(pid: u32, lock: &Path) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // Behind the name, which may have any characters.
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    if !matches!(state, Some('T' | 't')) {
        return false;
    }
    // In another PID namespace the number is another process's: a lock's file is mapped by its
    // holder.
    match (
        std::fs::read_to_string(format!("/proc/{pid}/maps")),
        lock.file_name(),
    ) {
        (Ok(maps), Some(name)) => maps.contains(&*name.to_string_lossy()),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwork_ring::{PoolConfig, PoolDir};

    #[test]
    fn an_old_heartbeat_is_told_by_its_age() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let config = PoolConfig::default().segment_size(8 << 20);
        let (segment, _locks) = Segment::create(&dir, &config).unwrap();
        let set = |time: SystemTime| {
            let file = std::fs::File::open(dir.name_lock()).unwrap();
            file.set_modified(time).unwrap();
        };
        let me = std::process::id();
        set(SystemTime::now() - Duration::from_secs(100));
        let problem = supervisor_problem(&segment, me).unwrap();
        assert!(problem.contains("has not looked for 10"), "{problem}");
        let mut heart = Heart::default();
        heart.beat(&segment);
        assert!(age(&segment).unwrap() < Duration::from_secs(90));
        // A clock that was set back.
        set(SystemTime::now() + Duration::from_secs(100));
        assert_eq!(age(&segment).unwrap(), Duration::ZERO);
        assert_eq!(supervisor_problem(&segment, me), None);
    }
}

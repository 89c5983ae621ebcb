//! The one error type of the crate: each message names the cause and the remedy.

use crate::format::counted;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// What can go wrong with a segment, an entry or a task.
///
/// `Debug` is the same text as `Display`, since it is what a `main` that returns the error prints.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RingError {
    /// An operating system call failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the path where there is one.
        what: String,
        /// The system's error.
        source: io::Error,
    },
    /// The configuration contradicts itself or a limit.
    #[error("invalid configuration: {0}")]
    Config(String),
    /// The file system has not the room for the segment.
    #[error(
        "{dir} has {free} bytes free, but the segment takes {needed}: enlarge it (container: \
         --shm-size, or emptyDir with medium Memory and a sizeLimit; host: mount -o remount,size=) \
         or make the segment smaller with --segment-size"
    )]
    NoSpace {
        /// The directory of the pool.
        dir: PathBuf,
        /// Bytes free there.
        free: u64,
        /// Bytes needed.
        needed: u64,
    },
    /// There is not so much memory left, for a segment that is no file.
    #[error(
        "the segment takes {needed} bytes of memory, but {free} are left to this machine or cgroup: raise \
         the memory limit, or make the segment smaller with --segment-size"
    )]
    NoMemory {
        /// Bytes needed.
        needed: u64,
        /// Bytes left.
        free: u64,
    },
    /// The process may not make a file that large.
    #[error(
        "the segment takes {needed} bytes, but this process may make files of at most {limit} bytes: raise \
         that limit (shell: ulimit -f; systemd: LimitFSIZE=), or make the segment smaller with \
         --segment-size"
    )]
    FileLimit {
        /// Bytes needed.
        needed: u64,
        /// The limit in bytes (RLIMIT_FSIZE).
        limit: u64,
    },
    /// A sealed memfd is impossible here, or no other process could open it.
    #[error("the segment can't be a sealed memfd here: {why}")]
    NoMemfd {
        /// Why.
        why: String,
    },
    /// No pool of that name is being served.
    #[error(
        "no pool at {path}: start it with `ringwork serve --name NAME`, or see `ringwork list`"
    )]
    NotFound {
        /// The segment looked for.
        path: PathBuf,
    },
    /// The file is not a segment that may be trusted.
    #[error("{path} is refused: {why}; {remedy}")]
    Foreign {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        why: String,
        /// What helps against that.
        remedy: String,
    },
    /// A segment of another version.
    #[error(
        "{path} has another layout ({found}), this is a client of layout version {expected}: use the same Ringwork version on both sides"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// What the header says.
        found: String,
        /// What this build understands.
        expected: u32,
    },
    /// The creator has not finished, or died before it did.
    #[error(
        "{path} is not ready yet: its supervisor is starting: try again in a moment; or it died before it was done: `ringwork clean` removes it then"
    )]
    NotReady {
        /// The file.
        path: PathBuf,
    },
    /// Another supervisor serves this name.
    #[error("a pool named {name} is being served already{by}: stop it, or choose another --name")]
    NameTaken {
        /// The pool's name.
        name: String,
        /// " by process N" when known.
        by: String,
    },
    /// Every entry of a table is in use.
    #[error(
        "{} of the pool {}: close one, or serve the pool with a larger {option}",
        if *.count == 1 { format!("the one {} entry", .what) } else { format!("all {} {} entries", .count, .what) },
        if *.count == 1 { "is taken" } else { "are taken" }
    )]
    TableFull {
        /// "client", "worker" or "lane".
        what: &'static str,
        /// Size of the table.
        count: u32,
        /// The option that enlarges it.
        option: &'static str,
    },
    /// All slots of this client are in use, but for those that are kept for priority 0.
    #[error(
        "{} unfinished tasks{}: wait for some, or serve the pool with more --slots",
        all_slots(*.slots), but_for(*.kept)
    )]
    SlotsTaken {
        /// The slots of the client.
        slots: u32,
        /// How many of them only tasks of priority 0 may take; 0 where the task was one.
        kept: u32,
    },
    /// What is queued before the task takes longer than it has time; it was not submitted.
    #[error(
        "{handler} would wait about {wait:.1?} for {} queued before it on {}, then run for {run:.1?} or so; with the margin of such an estimate, which grows while tasks come late, that is more than the {left:.1?} until its deadline: submit fewer tasks, give it priority 0, more time, or the pool more lanes; admit_late lets it in all the same",
        counted(*.ahead, "task"), counted(*.lanes, "lane")
    )]
    DeadlineUnreachable {
        /// The handler's name.
        handler: String,
        /// How long it would wait, by the run times of late.
        wait: std::time::Duration,
        /// How long it would run, by the run times of its handler of late if there are some, else by
        /// the shortest run time of all.
        run: std::time::Duration,
        /// How many tasks are queued before it.
        ahead: u64,
        /// The lanes that take them.
        lanes: u64,
        /// The time that it has.
        left: std::time::Duration,
    },
    /// As many tasks of the handler are in flight as the client lets itself have.
    #[error(
        "{} of {handler} {} in flight, as many as max_in_flight lets this client have: wait for some, or raise the limit",
        counted(*.max, "task"),
        if *.max == 1 { "is" } else { "are" }
    )]
    TooManyInFlight {
        /// The handler's name.
        handler: String,
        /// The limit.
        max: u32,
    },
    /// The injector ring is full.
    #[error("the queue of the pool is full: the workers do not keep up; wait, or add workers")]
    QueueFull,
    /// An option of a task has a value that no task can have.
    #[error("{option} {value} is out of range: a task of this pool has {least} to {most}")]
    OutOfRange {
        /// The option's name.
        option: &'static str,
        /// Its value.
        value: u32,
        /// The least that it can be.
        least: u32,
        /// And the most.
        most: u32,
    },
    /// A key has no bytes, or too many.
    #[error(
        "a key of {} can't order tasks: it has 1 to {} bytes; of something longer take a hash, and of nothing no key",
        counted(*.len, "byte"), crate::format::layout::KEY_BYTES_MAX
    )]
    BadKey {
        /// Its length in bytes.
        len: usize,
    },
    /// The pool takes no tasks with keys.
    #[error(
        "this pool takes no tasks with keys: serve it with --keys true, or with a --segment-size of 512MiB or more"
    )]
    NoKeys,
    /// The request is larger than the largest block.
    #[error(
        "a request of {size} bytes is larger than the largest arena block ({largest} bytes): {}",
        larger_blocks(*.segment)
    )]
    TooLarge {
        /// The request's size in bytes.
        size: usize,
        /// The largest block in bytes.
        largest: usize,
        /// The smallest size of a segment, in bytes, that has such blocks by default; `None`: no size
        /// has.
        segment: Option<u64>,
    },
    /// No block is free now.
    #[error(
        "no arena block of {} is free: the pool has {blocks} that may hold one, all of them \
         taken; wait for tasks to finish, or serve the pool with a larger --segment-size (embedded: \
         LaunchConfig.segmentSize) or more blocks in --arena",
        counted(*.size, "byte")
    )]
    ArenaExhausted {
        /// The size wanted, in bytes.
        size: usize,
        /// How many blocks may hold it, be they free or taken: for a request, without those that
        /// are kept for results.
        blocks: u32,
    },
    /// The results of a chunk have filled its room.
    #[error(
        "a result of {} for request {request} of a chunk, which has room for {left} more: give the chunk more room for results, or fewer requests",
        counted(*.size, "byte")
    )]
    ChunkFull {
        /// The result's size in bytes.
        size: usize,
        /// The room that is left, in bytes.
        left: usize,
        /// Which request, counted from 0.
        request: u32,
    },
    /// The pool takes no tasks any more.
    #[error("the pool {name} is closed: {why}")]
    Closed {
        /// The pool's name.
        name: String,
        /// Why.
        why: String,
    },
    /// A word in the segment makes no sense.
    #[error("the segment is corrupt: {0}; restart the pool")]
    Corrupt(String),
    /// A wait ended first.
    #[error("timed out after {0:?}")]
    Timeout(std::time::Duration),
}

fn all_slots(slots: u32) -> String {
    match slots {
        1 => "the one slot of this client holds".to_owned(),
        slots => format!("all {slots} slots of this client hold"),
    }
}

fn but_for(kept: u32) -> String {
    match kept {
        0 => String::new(),
        kept => format!(" (but for the last {kept}, which are kept for priority 0)"),
    }
}

impl fmt::Debug for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl RingError {
    /// Wraps an operating system error with what was being done.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// The same for `nix` error numbers.
    pub fn errno(what: impl Into<String>) -> impl FnOnce(nix::errno::Errno) -> Self {
        let what = what.into();
        move |errno| Self::Io {
            what,
            source: errno.into(),
        }
    }
}

/// What gives a pool blocks that are large enough.
fn larger_blocks(segment: Option<u64>) -> String {
    match segment {
        Some(segment) => format!(
            "serve the pool with --segment-size {}MiB or more (embedded: LaunchConfig.segmentSize), \
             or with a larger class in --arena",
            segment >> 20
        ),
        None => "no segment size has such blocks, --arena has up to 1GiB: send it in parts".into(),
    }
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, RingError>;

//! Making a segment, and removing what pools have left: the name, the locks, the files.

use super::backing::{Access, Backing};
use super::liveness::{self, LivenessLock};
use super::memfd::{self, Pointer};
use super::{Declared, Segment, map};
use crate::error::{Result, RingError};
use crate::format::config::{Geometry, PoolConfig};
use crate::format::layout::HEADER_SIZE;
use crate::format::states::PoolState;
use crate::os::clock::now_ns;
use crate::segment::paths::{PoolDir, is_file_of_a_pool};
use std::fs;
use std::path::Path;

/// The locks that a supervisor holds: the name's, and that of this segment.
#[derive(Debug)]
pub struct SupervisorLocks {
    name: LivenessLock,
    epoch: LivenessLock,
}

impl SupervisorLocks {
    /// Whether the pool's name is still this supervisor's: what stands under it else is not its
    /// own.
    #[must_use]
    pub fn hold_name(&self, dir: &PoolDir) -> bool {
        self.name.is_of(&dir.name_lock())
    }

    /// What has become of the files by which others find the pool and know that it lives, if they
    /// are not there any more, or not this pool's.
    #[must_use]
    pub fn lost(&self, segment: &Segment) -> Option<String> {
        let dir = segment.dir();
        self.name
            .lost(&dir.name_lock())
            .or_else(|| self.epoch.lost(&dir.supervisor_lock(segment.epoch())))
            .or_else(|| segment.lost_file())
    }
}

impl Segment {
    /// Removes the segment and its lock files; attached processes keep their mappings.
    pub fn remove(&self) -> Result<()> {
        remove_pool_files(&self.dir, CLEANED)
    }

    /// Removes what is left of the pool, unless a successor has its name. For its creator, when it
    /// does not hold that any more.
    ///
    /// # Errors
    /// When a file can't be removed.
    pub fn remove_rest(&self) -> Result<()> {
        remove_unless_named(&self.dir).map(drop)
    }

    /// Takes the pool's name, removes what a dead predecessor left, and writes
    /// a new segment. It is visible when this returns, in state STARTING.
    ///
    /// # Errors
    /// [`RingError::NoMemfd`] where a memfd is impossible: a file may be, then.
    pub fn create_in(
        backing: Backing,
        dir: &PoolDir,
        config: &PoolConfig,
    ) -> Result<(Self, SupervisorLocks)> {
        let geometry = config.geometry()?;
        let name_lock = make_and_take_name(dir)?;
        failpoint!("create.named");
        remove_leftovers(dir, REPLACED)?;
        failpoint!("create.cleared");
        Self::write(backing, dir, geometry, config).map_or_else(
            |error| {
                // Nothing of a failed attempt stays behind; the name is still ours here.
                let _ = remove_pool_files(dir, "it could not be started");
                Err(error)
            },
            |(segment, epoch_lock)| {
                Ok((
                    segment,
                    SupervisorLocks {
                        name: name_lock,
                        epoch: epoch_lock,
                    },
                ))
            },
        )
    }

    /// [`Segment::create_in`] a file.
    pub fn create(dir: &PoolDir, config: &PoolConfig) -> Result<(Self, SupervisorLocks)> {
        Self::create_in(Backing::File, dir, config)
    }

    fn write(
        backing: Backing,
        dir: &PoolDir,
        geometry: Geometry,
        config: &PoolConfig,
    ) -> Result<(Self, LivenessLock)> {
        let epoch = random_epoch()?;
        let lock = make_locks(dir, epoch, &geometry)?;
        failpoint!("create.locked");
        let (file, pointer) = backing.make(dir, &geometry, epoch, config)?;
        failpoint!("create.opened");
        let mut segment = Self {
            map: map(&file, geometry.segment_size, Access::Write)?,
            file: Some(file.into()),
            place: pointer.map_or_else(|| dir.segment(), Pointer::path),
            geometry,
            channels: Vec::new(),
            dir: dir.clone(),
            epoch,
            declared: Declared::default(),
        };
        segment.channels = segment.places_of(config.channels.clone());
        segment.fill_channels();
        let header = segment.header();
        header.fill(&segment.geometry, epoch, now_ns(), dir.name());
        header.set_mapping(config.prefault, config.huge_pages);
        failpoint!("create.written");
        match pointer {
            Some(pointer) => pointer.write(dir)?,
            None => fs::rename(dir.new_segment(), dir.segment()).map_err(RingError::io(
                format!("cannot rename to {}", dir.segment().display()),
            ))?,
        }
        failpoint!("create.renamed");
        header.set_ready_release();
        failpoint!("create.ready");
        Ok((segment, lock))
    }
}

/// Creates the directories and takes the name, again when a pool that leaves removes them in
/// between.
fn make_and_take_name(dir: &PoolDir) -> Result<LivenessLock> {
    let attempt = || dir.create().and_then(|()| take_name(dir));
    let start = std::time::Instant::now();
    while start.elapsed() < NAME_PATIENCE {
        match attempt() {
            Err(RingError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(RingError::NotFound { .. }) => {} // between making it and looking at it
            other => return other,
        }
    }
    attempt()
}

fn supervisor_pid(dir: &PoolDir) -> Option<u32> {
    let segment = Segment::attach(dir).ok()?;
    Some(segment.header().supervisor_pid())
}

/// Whether the process that made the segment is to be seen and no zombie.
fn supervisor_runs(dir: &PoolDir) -> bool {
    supervisor_pid(dir)
        .and_then(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok())
        .and_then(|stat| {
            Some(
                !stat
                    .rsplit_once(')')?
                    .1
                    .trim_start()
                    .starts_with(['Z', 'X']),
            )
        })
        .unwrap_or(false)
}

/// How long the lock of a supervisor that is gone is waited for.
const NAME_PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

fn take_name(dir: &PoolDir) -> Result<LivenessLock> {
    let path = dir.name_lock();
    let start = std::time::Instant::now();
    loop {
        liveness::open_lock_file(&path, true)?;
        match LivenessLock::try_acquire(&path)? {
            Some(held) if held.is_of(&path) => return Ok(held),
            // A pool that is being removed unlinks its name lock; then the lock of the unlinked
            // file means nothing.
            Some(_) if start.elapsed() < NAME_PATIENCE => {}
            // A supervisor that was killed amid starting a worker: until that child has executed
            // its program it holds a copy of the lock. Only a reason to wait, and no proof of
            // anything.
            None if start.elapsed() < NAME_PATIENCE && !supervisor_runs(dir) => {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            _ => break,
        }
    }
    let by = supervisor_pid(dir)
        .map(|pid| format!(" by process {pid}"))
        .unwrap_or_default();
    Err(RingError::NameTaken {
        name: dir.name().to_owned(),
        by,
    })
}

/// What clients of a dead pool are told by a supervisor that takes its name. Those that reconnect
/// by themselves read it, too.
pub(super) const REPLACED: &str =
    "its supervisor died, and another one has taken the name: a new connection reaches that";

/// What they are told when its files are removed.
pub(super) const CLEANED: &str = "its supervisor died, and what it left was removed";

/// Removes what a dead supervisor left, and tells clients why; its name lock is held by the caller.
fn remove_leftovers(dir: &PoolDir, why: &str) -> Result<()> {
    if let Ok(old) = Segment::attach(dir)
        && !old.is_over()
    {
        // Clients that are still attached to it learn that it is over.
        old.set_reason(why);
        old.set_pool_state(PoolState::Failed);
    }
    for entry in fs::read_dir(dir.path())
        .map_err(RingError::io("cannot list the pool's directory"))?
        .flatten()
    {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if is_file_of_a_pool(&name) && name != "name.lock" {
            if let Err(error) = fs::remove_file(entry.path())
                && error.kind() != std::io::ErrorKind::NotFound
            {
                let what = format!("cannot remove {}", entry.path().display());
                return Err(RingError::io(what)(error));
            }
            failpoint!("remove.file");
        }
    }
    Ok(())
}

/// Removes a pool's files and directory. The caller holds the name's lock.
fn remove_pool_files(dir: &PoolDir, why: &str) -> Result<()> {
    remove_leftovers(dir, why)?;
    let _ = fs::remove_file(dir.name_lock());
    failpoint!("remove.unnamed");
    match fs::remove_dir(dir.path()) {
        Ok(()) => Ok(()),
        // Gone already, or a successor has taken the name.
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::DirectoryNotEmpty
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(RingError::io(format!(
            "cannot remove {}",
            dir.path().display()
        ))(error)),
    }
}

/// Whether a segment can be a sealed memfd here.
///
/// # Errors
/// [`RingError::NoMemfd`] says why not.
pub fn probe_memfd() -> Result<()> {
    let dir = PoolDir::below(Path::new("/"), "probe")?;
    memfd::create(&dir, HEADER_SIZE as u64, HEADER_SIZE as u64, false).map(drop)
}

/// Removes what a pool has left if its supervisor is proved dead, whatever stage it died in; `false`
/// when it lives. An empty directory goes, too: a supervisor that is just making it tries again.
/// What is not of a pool stays, and the directory with it.
///
/// # Errors
/// [`RingError::NotFound`] where no directory is, [`RingError::Foreign`] where it is not this user's
/// alone, and when a file can't be removed.
pub fn clean(dir: &PoolDir) -> Result<bool> {
    dir.check()?;
    // Without a name's lock there may still be a supervisor, which will soon see that it misses it.
    if serves(dir)? {
        return Ok(false);
    }
    match fs::remove_dir(dir.path()) {
        Ok(()) => Ok(true),
        Err(_) if dir.is_pool() => remove_unless_named(dir),
        Err(error) => Err(RingError::io(format!(
            "{} has nothing of a pool, and is left alone",
            dir.path().display()
        ))(error)),
    }
}

/// Whether the lock of a supervisor is held, where that of the name is gone.
fn serves(dir: &PoolDir) -> Result<bool> {
    if dir.name_lock().symlink_metadata().is_ok() {
        return Ok(false); // it is what tells
    }
    let entries =
        fs::read_dir(dir.path()).map_err(RingError::io("cannot list the pool's directory"))?;
    let locks = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        is_file_of_a_pool(&name) && name.starts_with("supervisor.")
    });
    Ok(locks.map(|entry| entry.path()).any(|lock| {
        liveness::open_lock_file(&lock, false)
            .and_then(|file| liveness::is_held(&file))
            .unwrap_or(false)
    }))
}

/// Removes the pool's files if the lock of its name can be had.
fn remove_unless_named(dir: &PoolDir) -> Result<bool> {
    match take_name(dir) {
        Ok(_held) => remove_pool_files(dir, CLEANED).map(|()| true),
        Err(RingError::NameTaken { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes what dead pools below `base` have left that is of no use: pools whose memory has gone
/// with them (an embedded one whose whole process group was killed leaves only its lock files), and
/// those that a JVM has launched under a name that is never used again (an empty directory of such a
/// name goes, too). A served pool stays for `ringwork stat`, `ringwork clean` and the next supervisor
/// of its name.
///
/// Safe beside pools that come up: only a pool is removed whose name's lock can be taken, while it
/// is held. A supervisor that finds the lock taken by this, or its directory gone, tries again.
///
/// Returns the names, each with how it went.
pub fn clear_litter(base: &Path) -> Vec<(String, Result<()>)> {
    let pools = PoolDir::list(base).unwrap_or_default();
    let cleared = |dir: PoolDir| {
        if dir.check().is_err() {
            return None;
        }
        // Killed before it had locked the name, or after it had removed all else.
        if dir.is_of_a_jvm() && fs::remove_dir(dir.path()).is_ok() {
            return Some((dir.name().to_owned(), Ok(())));
        }
        if !is_litter(&dir) {
            return None;
        }
        // Not waited for: what is locked has an owner.
        let _held = LivenessLock::try_acquire(&dir.name_lock())
            .ok()
            .flatten()
            .filter(|held| held.is_of(&dir.name_lock()))?;
        is_litter(&dir).then(|| (dir.name().to_owned(), remove_pool_files(&dir, CLEANED)))
    };
    pools.into_iter().filter_map(cleared).collect()
}

/// Whether the pool is of no use any more, if it is dead.
fn is_litter(dir: &PoolDir) -> bool {
    let exists = |path: &Path| path.symlink_metadata().is_ok();
    exists(&dir.name_lock()) && (!exists(&dir.segment()) || dir.is_of_a_jvm())
}

fn make_locks(dir: &PoolDir, epoch: u64, geometry: &Geometry) -> Result<LivenessLock> {
    for index in 0..geometry.max_clients {
        liveness::open_lock_file(&dir.client_lock(epoch, index), true)?;
    }
    for index in 0..geometry.max_workers {
        liveness::open_lock_file(&dir.worker_lock(epoch, index), true)?;
    }
    let path = dir.supervisor_lock(epoch);
    liveness::open_lock_file(&path, true)?;
    LivenessLock::try_acquire(&path)?.ok_or_else(|| RingError::Foreign {
        path,
        why: "somebody else has locked it".into(),
        remedy: "start the pool again".into(),
    })
}

fn random_epoch() -> Result<u64> {
    let mut bytes = [0; 8];
    crate::os::random::random(&mut bytes).map_err(RingError::io("cannot draw an epoch"))?;
    Ok((u64::from_le_bytes(bytes) >> 1).max(1))
}

//! How large a segment is by default, and how much memory there is for it.
//!
//! Called by the supervisor before it makes a segment, and by `ringwork doctor`. Only looks; what
//! it finds may have changed a moment later, so the code that makes the segment checks again.

use crate::error::{Result, RingError};
use crate::format::config::PoolConfig;
use crate::segment::backing::Backing;
use std::fs;
use std::path::Path;

const MIB: u64 = 1 << 20;

/// Most that a sealed memfd takes unasked, in bytes. Its large blocks cost nothing before they are
/// used.
pub const MAX_IN_MEMFD: u64 = 1024 * MIB;

/// What the choice of a size depends on, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Memory that could be taken now: of the machine, and of the cgroup.
    pub memory: u64,
    /// Free in the file system, if the segment is a file.
    pub free: Option<u64>,
    /// Largest file that this process may make.
    pub file_limit: u64,
}

impl Room {
    /// What there is for a segment of a kind, in a directory that need not exist yet.
    #[must_use]
    pub fn look(backing: Backing, dir: &Path) -> Self {
        let free = match backing {
            Backing::File => dir
                .ancestors()
                .find_map(|dir| nix::sys::statvfs::statvfs(dir).ok())
                .map(|stat| stat.blocks_available() * stat.fragment_size()),
            Backing::Memfd => None,
        };
        let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_FSIZE);
        Self {
            memory: available_memory(),
            free,
            file_limit: limit.map_or(u64::MAX, |(soft, _)| soft),
        }
    }

    /// Whether there is room for a segment of this many bytes. A file system that is full is seen
    /// when the file is made.
    fn check(&self, needed: u64, in_memory: bool) -> Result<()> {
        if self.file_limit < needed {
            let limit = self.file_limit;
            return Err(RingError::FileLimit { needed, limit });
        }
        let fits = self.free.is_none_or(|free| free >= needed);
        if in_memory && fits && self.memory < needed {
            let free = self.memory;
            return Err(RingError::NoMemory { needed, free });
        }
        Ok(())
    }

    /// The default size of a segment, in bytes.
    ///
    /// A file is allocated in full, so it takes what sixteen pictures of 8 MB need, but no more
    /// than three quarters of what is free and an eighth of the memory. A memfd takes a sixth of
    /// the memory and at most [`MAX_IN_MEMFD`], of which it uses what payloads use; if all of it
    /// is allocated at once (`in_full`) it is as a file. Never less than the
    /// [smallest](PoolConfig::smallest_default): if even that does not fit, making it says so.
    ///
    /// # Errors
    /// When the other options contradict each other.
    pub fn default_size(&self, config: &PoolConfig, in_full: bool) -> Result<u64> {
        let smallest = config.smallest_default()?;
        let wanted = match self.free {
            Some(free) => config
                .size_for_photos()?
                .min(free / 4 * 3)
                .min(self.memory / 8),
            None if in_full => config.size_for_photos()?.min(self.memory / 8),
            None => (self.memory / 6).min(MAX_IN_MEMFD),
        };
        Ok((wanted.min(self.file_limit) / MIB * MIB).max(smallest))
    }
}

/// The options with a size, if neither that nor the arena was chosen.
///
/// # Errors
/// When the other options contradict each other.
pub fn default_segment(config: &PoolConfig, backing: Backing, dir: &Path) -> Result<PoolConfig> {
    if config.segment_size.is_some() || config.arena.is_some() {
        return Ok(config.clone());
    }
    let size = Room::look(backing, dir).default_size(config, in_full(config))?;
    Ok(PoolConfig {
        segment_size: Some(size),
        ..config.clone()
    })
}

/// Whether even a memfd is allocated in full at the start: where the options ask for every page,
/// and where the kernel counts memory strictly, so that a page that can't be had later is a SIGBUS.
pub(crate) fn in_full(config: &PoolConfig) -> bool {
    let policy = fs::read_to_string("/proc/sys/vm/overcommit_memory").unwrap_or_default();
    config.prefault || config.huge_pages || policy.trim() == "2"
}

/// Refuses a segment that this process, its cgroup or the machine could not hold.
///
/// # Errors
/// [`RingError::FileLimit`] or [`RingError::NoMemory`], with both figures.
pub(crate) fn check(needed: u64, backing: Backing, dir: &Path) -> Result<()> {
    // On a disk it is page cache, which gives way.
    let in_memory = backing == Backing::Memfd || is_tmpfs(dir);
    Room::look(backing, dir).check(needed, in_memory)
}

fn is_tmpfs(dir: &Path) -> bool {
    nix::sys::statfs::statfs(dir)
        .is_ok_and(|stat| stat.filesystem_type() == nix::sys::statfs::TMPFS_MAGIC)
}

/// Memory that could be taken now, in bytes: of the machine and of the own cgroups.
#[must_use]
pub fn available_memory() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let machine = info
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(u64::MAX, |kib| kib * 1024);
    // Only the limit: what is used of it may be page cache that gives way.
    machine.min(memory_limit().unwrap_or(u64::MAX))
}

/// The memory limit of this process's cgroup, the least of the group and all above it, in bytes;
/// `None`: no limit.
#[must_use]
pub fn memory_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    limit_below(Path::new("/sys/fs/cgroup"), &groups)
}

fn limit_below(root: &Path, groups: &str) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let (mount, file) = if controllers.is_empty() {
            (root.to_path_buf(), "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            (root.join("memory"), "memory.limit_in_bytes")
        } else {
            return None;
        };
        crate::os::cpus::up_from(&mount, path, |dir| {
            let limit = fs::read_to_string(dir.join(file)).ok()?;
            // Version 1 says "unlimited" as a number near 2^63.
            limit.trim().parse::<u64>().ok().filter(|n| *n < 1 << 60)
        })
        .min()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn size(memory: u64, free: Option<u64>) -> u64 {
        let room = Room {
            memory,
            free,
            file_limit: u64::MAX,
        };
        room.default_size(&PoolConfig::default(), false).unwrap()
    }

    fn photos(size: u64) -> u32 {
        let config = PoolConfig {
            segment_size: Some(size),
            ..PoolConfig::default()
        };
        config.geometry().unwrap().requests_of(8 << 20).0
    }

    #[test]
    fn a_memfd_takes_a_share_of_the_memory_and_sixteen_pictures_fit_in_two_gib() {
        assert_eq!(size(24 * GIB, None), MAX_IN_MEMFD);
        assert_eq!(size(3 * GIB, None), GIB / 2);
        assert!(photos(size(2 * GIB, None)) >= 16);
        let smallest = PoolConfig::default().smallest_default().unwrap();
        assert_eq!(size(100 * MIB, None), smallest);
    }

    #[test]
    fn a_file_takes_what_sixteen_pictures_need_where_there_is_room() {
        let whole = PoolConfig::default().size_for_photos().unwrap();
        let smallest = PoolConfig::default().smallest_default().unwrap();
        assert_eq!(size(24 * GIB, Some(12 * GIB)), whole);
        assert_eq!(size(24 * GIB, Some(512 * MIB)), whole, "--shm-size=512m");
        assert!(photos(whole) >= 16);
        assert_eq!(size(24 * GIB, Some(64 * MIB)), smallest, "a container");
        assert_eq!(size(GIB, Some(GIB / 2)), 128 * MIB);
        assert_eq!(size(24 * GIB, Some(MIB)), smallest, "which is refused then");
    }

    #[test]
    fn limits_of_files_and_full_allocation_count() {
        let config = PoolConfig::default();
        let room = Room {
            memory: 24 * GIB,
            free: None,
            file_limit: 100 * MIB + 1,
        };
        assert_eq!(room.default_size(&config, false).unwrap(), 100 * MIB);
        let room = Room {
            file_limit: u64::MAX,
            ..room
        };
        let whole = config.size_for_photos().unwrap();
        assert_eq!(room.default_size(&config, true).unwrap(), whole);
    }

    #[test]
    fn what_a_limit_forbids_is_refused_with_both_figures() {
        let room = Room {
            memory: 220 * MIB,
            free: Some(GIB),
            file_limit: 300 * MIB,
        };
        let refusal = |needed: u64, in_memory| {
            let refused = room.check(needed, in_memory).unwrap_err();
            (refused.to_string(), needed.to_string())
        };
        room.check(200 * MIB, true).unwrap();
        room.check(250 * MIB, false).unwrap();
        let (text, needed) = refusal(250 * MIB, true);
        assert!(text.contains(&needed) && text.contains(&(220 * MIB).to_string()));
        assert!(text.contains("cgroup"), "{text}");
        let (text, needed) = refusal(400 * MIB, true);
        assert!(text.contains(&needed) && text.contains(&(300 * MIB).to_string()));
        assert!(text.contains("ulimit -f"), "{text}");
    }

    #[test]
    fn what_a_person_has_chosen_stays() {
        let config = PoolConfig {
            segment_size: Some(9 << 20),
            ..PoolConfig::default()
        };
        let same = default_segment(&config, Backing::File, Path::new("/")).unwrap();
        assert_eq!(same, config);
        let none = Path::new("/nonexistent/a/b");
        let sized = default_segment(&PoolConfig::default(), Backing::File, none).unwrap();
        assert!(sized.segment_size.unwrap() >= 60 << 20);
    }

    #[test]
    fn the_least_limit_of_all_groups_counts() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path();
        let write = |file: &str, text: &str| {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/b/memory.max", "max\n");
        assert_eq!(limit_below(root, "0::/a/b\n"), None);
        write("a/memory.max", "1000000\n");
        assert_eq!(limit_below(root, "0::/a/b\n"), Some(1_000_000));
        write("memory/x/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(limit_below(root, "4:memory:/x\n"), None);
        write("memory/x/memory.limit_in_bytes", "4096\n");
        assert_eq!(limit_below(root, "4:memory:/x\n0::/\n"), Some(4096));
        assert_eq!(limit_below(root, ""), None);
    }
}

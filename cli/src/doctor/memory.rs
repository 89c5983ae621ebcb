//! Where the segment would be: file system, room, permissions, memory limit.

use super::finding::Finding;
use crate::units::Size;
use ringwork_ring::format::counted;
use ringwork_ring::segment::paths::{DIR_VARIABLE, Fault, base_dir, fault_of_base};
use ringwork_ring::segment::room::{self, Room};
use ringwork_ring::{Backing, PoolConfig, RingError};
use ringwork_supervisor::pool::{PHOTO, PHOTOS};
use rustix::fs::{Access, access, statfs, statvfs};
use rustix::process::{Resource, getrlimit};
use std::fs;
use std::path::Path;

/// `statfs` type of tmpfs, from linux/magic.h.
const TMPFS_MAGIC: rustix::fs::FsWord = 0x0102_1994;

pub(super) fn findings() -> Result<Vec<Finding>, RingError> {
    let base = base_dir();
    let config = PoolConfig::default();
    let needed = taken(&config, config.smallest_default()?)?;
    // What exists of it: the base itself, or the directory in which it would be made.
    let place = if base.exists() {
        base.as_path()
    } else {
        base.parent().unwrap_or(Path::new("/"))
    };
    let mut found = vec![room(place, needed), directory(&base, place)];
    let file = Room::look(Backing::File, place);
    found.push(pictures("served", &file, &config)?);
    let memfd = Room::look(Backing::Memfd, place);
    found.push(pictures("embedded", &memfd, &config)?);
    found.push(memory_limit(needed));
    found.push(sealed());
    found.push(huge_pages(place));
    if let Some(limit) = getrlimit(Resource::Fsize)
        .current
        .filter(|limit| *limit < needed)
    {
        found.push(Finding::fail(
            "limits",
            format!(
                "files may have {} at most, the default segment has {}",
                Size(limit),
                Size(needed)
            ),
            "ulimit -f unlimited, or serve with a smaller --segment-size",
        ));
    }
    Ok(found)
}

fn room(place: &Path, needed: u64) -> Finding {
    let shown = place.display();
    let (Ok(kind), Ok(stat)) = (statfs(place), statvfs(place)) else {
        return Finding::fail(
            "shm",
            format!("{shown} can't be looked at"),
            format!("mount a tmpfs at /dev/shm, or set {DIR_VARIABLE} to a directory on one"),
        );
    };
    let free = stat.f_bavail * stat.f_frsize;
    let whole = stat.f_blocks * stat.f_frsize;
    let text = format!(
        "{shown}: {} free of {}; a default segment takes at least {}",
        Size(free),
        Size(whole),
        Size(needed)
    );
    let remedy = "enlarge it (container: --shm-size=512m, or emptyDir with medium Memory; host: mount -o \
                  remount,size=512m /dev/shm), or serve with a smaller --segment-size";
    if whole < needed {
        return Finding::fail("shm", text, remedy);
    }
    if free < needed {
        // A pool that runs well may be what takes the rest.
        let text = format!("{text}: another pool of that size has no room beside what is there");
        return Finding::warn("shm", text, format!("see `ringwork list`, {remedy}"));
    }
    if kind.f_type != TMPFS_MAGIC {
        let text = format!("{text}; it is no tmpfs, so the kernel writes the segment to disk");
        return Finding::warn(
            "shm",
            text,
            format!("set {DIR_VARIABLE} to a directory on a tmpfs"),
        );
    }
    Finding::ok("shm", text)
}

/// What a segment takes that is to have this size, in bytes: blocks are whole, so it is mostly
/// less.
fn taken(config: &PoolConfig, size: u64) -> Result<u64, RingError> {
    Ok(sized(config, size).geometry()?.segment_size)
}

fn sized(config: &PoolConfig, size: u64) -> PoolConfig {
    config.clone().segment_size(size)
}

/// How many pictures of 8 MB a pool of the default size takes at a time, and what is missing.
fn pictures(pool: &'static str, room: &Room, config: &PoolConfig) -> Result<Finding, RingError> {
    let size = room.default_size(config, false)?;
    let geometry = sized(config, size).geometry()?;
    let (requests, _) = geometry.requests_of(PHOTO);
    let text = format!(
        "a segment of {} by default: {} of 8 MB at a time",
        Size(geometry.segment_size),
        counted(requests, "request")
    );
    if requests >= PHOTOS {
        return Ok(Finding::ok(pool, text));
    }
    let wanted = config.size_for_photos()?;
    let mut remedies = Vec::new();
    if room.free.is_some_and(|free| free / 4 * 3 < wanted) {
        remedies.push(
            "/dev/shm of 512 MiB (container: --shm-size=512m, or emptyDir with medium Memory and \
             sizeLimit: 512Mi; host: mount -o remount,size=512m /dev/shm)"
                .to_owned(),
        );
    }
    let share = if room.free.is_some() { 8 } else { 6 };
    if room.memory / share < wanted {
        remedies.push(format!(
            "{} of free memory, of the machine and below the cgroup's limit",
            Size((share * wanted).next_multiple_of(1 << 30))
        ));
    }
    if room.file_limit < wanted {
        remedies.push("ulimit -f unlimited".to_owned());
    }
    let remedy = format!(
        "for {PHOTOS} of them: {}; or choose a size yourself: --segment-size {}MiB (embedded: \
         LaunchConfig.segmentSize), where there is room for it",
        remedies.join(", and "),
        wanted >> 20
    );
    Ok(Finding::warn(pool, text, remedy))
}

fn directory(base: &Path, place: &Path) -> Finding {
    let shown = base.display();
    let Ok(meta) = fs::symlink_metadata(base) else {
        return if access(place, Access::WRITE_OK | Access::EXEC_OK).is_ok() {
            Finding::ok("directory", format!("{shown} will be made, mode 700"))
        } else {
            Finding::fail(
                "directory",
                format!("{shown} can't be made: {} is not writable", place.display()),
                format!("set {DIR_VARIABLE} to a directory below one of yours"),
            )
        };
    };
    if let Some(Fault { why, remedy }) = fault_of_base(base, &meta) {
        return Finding::fail("directory", format!("{shown} is refused: {why}"), remedy);
    }
    Finding::ok("directory", format!("{shown} is yours alone (mode 700)"))
}

/// Only --huge-pages asks for them: without them nothing is wrong.
fn huge_pages(place: &Path) -> Finding {
    let told = |sealed| match ringwork_ring::segment::why_no_huge_pages(sealed, place) {
        None => "yes".to_owned(),
        Some(why) => format!("no ({why})"),
    };
    let text = format!(
        "for --huge-pages, in a file: {}; in a sealed memfd: {}",
        told(false),
        told(true)
    );
    Finding::ok("huge pages", text)
}

/// Embedded pools are sealed memfds, which need no room in /dev/shm.
fn sealed() -> Finding {
    match ringwork_ring::segment::probe_memfd() {
        Ok(()) => Finding::ok(
            "memfd",
            "embedded pools get a sealed memfd: no room in the directory, only memory",
        ),
        Err(error) => Finding::warn(
            "memfd",
            format!("embedded pools are files, which can be truncated: {error}"),
            "mount /proc, and use Linux 3.17 or newer",
        ),
    }
}

/// A tmpfs counts against the memory of the cgroup that fills it.
fn memory_limit(needed: u64) -> Finding {
    let limit = room::memory_limit();
    match limit {
        Some(limit) if limit < needed.saturating_mul(2) => Finding::warn(
            "memory",
            format!(
                "the cgroup may use {}; the segment alone takes {} of it",
                Size(limit),
                Size(needed)
            ),
            "raise the memory limit, or serve with a smaller --segment-size",
        ),
        Some(limit) => Finding::ok("memory", format!("the cgroup may use {}", Size(limit))),
        None => Finding::ok("memory", "no cgroup limit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;
    use std::os::unix::fs::PermissionsExt;

    /// It was told as what was asked for, 1024 MiB of which 974 are taken.
    #[test]
    fn sizes_are_those_that_a_pool_takes() {
        let config = PoolConfig::default();
        let rich = Room {
            memory: 64 << 30,
            free: None,
            file_limit: u64::MAX,
        };
        let chosen = rich.default_size(&config, false).unwrap();
        let takes = Size(taken(&config, chosen).unwrap());
        let told = pictures("embedded", &rich, &config).unwrap().text;
        assert!(
            told.starts_with(&format!("a segment of {takes} by")),
            "{told}"
        );
    }

    #[test]
    fn too_little_room_fails_and_a_disk_warns() {
        assert_eq!(room(Path::new("/proc"), 1).level, Level::Fail);
        assert_eq!(room(Path::new("/nonexistent"), 1).level, Level::Fail);
        assert_eq!(room(Path::new("/"), u64::MAX).level, Level::Fail);
    }

    #[test]
    fn what_is_missing_for_sixteen_pictures_is_told_with_what_helps() {
        let container = Room {
            memory: 8 << 30,
            free: Some(64 << 20),
            file_limit: u64::MAX,
        };
        let config = PoolConfig::default();
        let small = pictures("served", &container, &config).unwrap();
        assert_eq!(small.level, Level::Warn);
        assert!(small.text.contains(": 1 request of 8 MB"), "{small:?}");
        assert!(small.remedy.unwrap().contains("--shm-size=512m"));
        let helped = Room {
            free: Some(512 << 20),
            ..container
        };
        let whole = pictures("served", &helped, &config).unwrap();
        assert_eq!(whole.level, Level::Ok, "{whole:?}");
        let poor = Room {
            memory: 1 << 30,
            ..helped
        };
        let remedy = pictures("served", &poor, &config).unwrap().remedy.unwrap();
        assert!(remedy.contains("3 GiB of free memory"), "{remedy}");
        assert!(!remedy.contains("--shm-size"), "{remedy}");
    }

    #[test]
    fn an_open_directory_fails_with_the_command_that_helps() {
        let temp = tempfile::tempdir().unwrap();
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let finding = directory(temp.path(), temp.path());
        assert_eq!(finding.level, Level::Fail);
        assert!(finding.remedy.unwrap().starts_with("chmod 700"));
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(directory(temp.path(), temp.path()).level, Level::Ok);
        assert_eq!(
            directory(&temp.path().join("new"), temp.path()).level,
            Level::Ok
        );
    }
}

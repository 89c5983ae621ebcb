//! The segment as a sealed memfd: memory that can't be truncated, with no name in any file system.
//!
//! Called by [`crate::segment`]. The supervisor keeps the descriptor; a *pointer file* in the
//! pool's directory says which one it is, and others open it through `/proc/PID/fd/N`, which the
//! kernel allows to the same user only. Invariant: what [`Pointer::open`] returns is a memfd of
//! this user, sealed against any change of size, and the very one that the supervisor wrote down
//! (its inode and the epoch tell it from another that came to the same numbers). See
//! docs/decisions/0006.

use crate::error::{Result, RingError};
use crate::segment::backing::Access;
use crate::segment::liveness;
use crate::segment::paths::{PoolDir, check_plain_file, no_plain_file, remove_file_of};
use crate::segment::room::available_memory;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::time::Duration;

/// `MFD_NOEXEC_SEAL`, Linux 6.3: the memory can never become a program.
const NO_EXEC: u32 = 0x8;

/// A pointer file is one short line.
const POINTER_MAX: u64 = 512;

/// What stands first in a pointer file.
const MARK: &str = "ringwork-memfd-1";

fn seals() -> SealFlag {
    SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL
}

/// Makes the memory, sealed; [`RingError::NoMemfd`] where that is impossible, or where no other
/// process could open it. Its first `full` bytes are allocated at once, the others when they are
/// touched.
pub(crate) fn create(dir: &PoolDir, size: u64, full: u64, huge_pages: bool) -> Result<File> {
    let no = |why: String| RingError::NoMemfd { why };
    check_memory(size)?;
    let file = anonymous(dir).map_err(|errno| no(format!("memfd_create: {errno}")))?;
    file.set_permissions(fs::Permissions::from_mode(0o600))
        .map_err(RingError::io("cannot set the mode of the segment"))?;
    if huge_pages {
        crate::segment::pages::fill_with_huge_pages(&file, size, true, dir.path());
    }
    file.set_len(size)
        .map_err(RingError::io("cannot set the size of the segment"))?;
    nix::fcntl::posix_fallocate(&file, 0, full as libc::off_t).map_err(|errno| match errno {
        Errno::ENOSPC | Errno::ENOMEM => RingError::NoMemory {
            needed: size,
            free: available_memory(),
        },
        other => RingError::errno("cannot allocate the segment")(other),
    })?;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals()))
        .map_err(|errno| no(format!("it can't be sealed: {errno}")))?;
    // Others open it through /proc, which shows the descriptors of a dumpable process only.
    if !nix::sys::prctl::get_dumpable().unwrap_or(false) {
        return Err(no(
            "this process is not dumpable, so /proc hides its descriptors (is \
             its program unreadable, or has it capabilities?)"
                .into(),
        ));
    }
    let own = own_pid().ok_or_else(|| no("/proc is not mounted".into()))?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(descriptor(own, file.as_raw_fd()))
        .map_err(|error| no(format!("/proc can't open its descriptor: {error}")))?;
    Ok(file)
}

fn anonymous(dir: &PoolDir) -> std::result::Result<File, Errno> {
    // The name is for people who look at /proc/PID/maps.
    let name = format!("ringwork:{}", dir.name());
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    match memfd_create(name.as_str(), flags | MFdFlags::from_bits_retain(NO_EXEC)) {
        Err(Errno::EINVAL) => memfd_create(name.as_str(), flags), // an older kernel
        other => other,
    }
    .map(File::from)
}

fn check_memory(needed: u64) -> Result<()> {
    let free = available_memory();
    if free < needed {
        return Err(RingError::NoMemory { needed, free });
    }
    Ok(())
}

/// The own process id as /proc counts, which may be that of another PID namespace than `getpid`.
fn own_pid() -> Option<u32> {
    let target = fs::read_link("/proc/self").ok()?;
    target.to_str()?.parse().ok()
}

fn descriptor(pid: u32, fd: i32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/fd/{fd}"))
}

/// What a pointer file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pointer {
    pid: u32,
    fd: i32,
    dev: u64,
    ino: u64,
    epoch: u64,
}

impl Pointer {
    /// To memory of this process.
    pub(crate) fn to(file: &File, epoch: u64) -> Result<Self> {
        let meta = file
            .metadata()
            .map_err(RingError::io("cannot look at the segment"))?;
        Ok(Self {
            pid: own_pid().ok_or_else(|| RingError::NoMemfd {
                why: "/proc is not mounted".into(),
            })?,
            fd: file.as_raw_fd(),
            dev: meta.dev(),
            ino: meta.ino(),
            epoch,
        })
    }

    /// Writes the pointer file; whole, or not at all.
    pub(crate) fn write(self, dir: &PoolDir) -> Result<()> {
        let (new, path) = (dir.new_pointer(), dir.pointer());
        let Self {
            pid,
            fd,
            dev,
            ino,
            epoch,
        } = self;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&new)
            .and_then(|mut file| {
                let line = format!("{MARK} {pid} {fd} {dev} {ino} {epoch:016x}\n");
                file.write_all(line.as_bytes())
            })
            .inspect(|()| {
                failpoint!("create.pointed");
            })
            .and_then(|()| fs::rename(&new, &path))
            .map_err(RingError::io(format!("cannot write {}", path.display())))
    }

    /// Reads the pointer file; `None` when there is none.
    pub(crate) fn read(dir: &PoolDir) -> Result<Option<Self>> {
        let path = dir.pointer();
        let refuse = |why: &str| RingError::Foreign {
            path: path.clone(),
            why: why.into(),
            remedy: remove_file_of(&path),
        };
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(&path);
        let file = match file {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(no_plain_file(&path, &error).unwrap_or_else(|| {
                    RingError::io(format!("cannot open {}", path.display()))(error)
                }));
            }
        };
        let meta = file
            .metadata()
            .map_err(RingError::io("cannot look at the pointer file"))?;
        check_plain_file(&path, &meta)?;
        let mut text = String::new();
        file.take(POINTER_MAX)
            .read_to_string(&mut text)
            .map_err(|error| {
                no_plain_file(&path, &error)
                    .unwrap_or_else(|| refuse("it is no pointer to a segment"))
            })?;
        Self::parse(&text)
            .map(Some)
            .ok_or_else(|| refuse("it is no pointer to a segment"))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split_ascii_whitespace();
        if fields.next()? != MARK {
            return None;
        }
        Some(Self {
            pid: fields.next()?.parse().ok()?,
            fd: fields.next()?.parse().ok()?,
            dev: fields.next()?.parse().ok()?,
            ino: fields.next()?.parse().ok()?,
            epoch: u64::from_str_radix(fields.next()?, 16).ok()?,
        })
    }

    /// The epoch of the segment.
    pub(crate) fn epoch(self) -> u64 {
        self.epoch
    }

    /// Where the memory can be opened.
    pub(crate) fn path(self) -> PathBuf {
        descriptor(self.pid, self.fd)
    }

    /// Opens the memory, and refuses any but the one that was written down.
    pub(crate) fn open(self, dir: &PoolDir, access: Access) -> Result<File> {
        let path = self.path();
        let file = access.options().open(&path);
        let found = file.and_then(|file| file.metadata().map(|meta| (file, meta)));
        let (file, meta) = match found {
            Ok((file, meta)) if (meta.dev(), meta.ino()) == (self.dev, self.ino) => (file, meta),
            Ok(_) => return Err(self.unreachable(dir, "another file has that number")),
            Err(error) => return Err(self.unreachable(dir, &error.to_string())),
        };
        check_plain_file(&path, &meta)?;
        let found = fcntl(&file, FcntlArg::F_GET_SEALS).map_or(0, |bits| bits);
        if SealFlag::from_bits_retain(found).contains(seals()) {
            Ok(file)
        } else {
            Err(RingError::Foreign {
                remedy: remove_file_of(&path),
                path,
                why: "it is not sealed against a change of its size".into(),
            })
        }
    }

    /// Why it can't be opened: its supervisor is dead, or is out of sight.
    fn unreachable(self, dir: &PoolDir, error: &str) -> RingError {
        let lock = dir.supervisor_lock(self.epoch);
        // A process that ends closes its descriptors one by one: for a moment its lock outlives its
        // memory.
        let lives = (0..20).all(|_| {
            let held = liveness::open_to_probe(&lock).and_then(|file| liveness::is_held(&file));
            let lives = held.unwrap_or(false);
            if lives {
                std::thread::sleep(Duration::from_millis(5));
            }
            lives
        });
        if lives {
            return RingError::Foreign {
                path: self.path(),
                why: format!(
                    "the pool's memory is a descriptor of process {}, which can't be opened from \
                     here ({error})",
                    self.pid
                ),
                remedy: "for another PID namespace, or without /proc, serve it with --memory file"
                    .into(),
            };
        }
        RingError::Closed {
            name: dir.name().to_owned(),
            why: "its supervisor is dead; `ringwork clean` removes what it left".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn pool(temp: &tempfile::TempDir) -> PoolDir {
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        dir.create().unwrap();
        dir
    }

    #[test]
    fn the_size_can_not_be_changed_by_anybody() {
        let temp = tempfile::tempdir().unwrap();
        let dir = pool(&temp);
        let file = create(&dir, 8192, 4096, false).unwrap();
        for size in [0, 4096, 16384] {
            let error = file.set_len(size).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{size}");
        }
        assert!(fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_WRITE)).is_err());
        let pointer = Pointer::to(&file, 7).unwrap();
        pointer.write(&dir).unwrap();
        assert_eq!(Pointer::read(&dir).unwrap(), Some(pointer));
        let other = pointer.open(&dir, Access::Write).unwrap();
        assert!(other.set_len(0).is_err());
        assert!(
            OpenOptions::new()
                .write(true)
                .truncate(true)
                .open(pointer.path())
                .is_err()
        );
        assert_eq!(other.metadata().unwrap().len(), 8192);
    }

    #[test]
    fn other_memory_and_other_files_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        let dir = pool(&temp);
        let right = create(&dir, 4096, 4096, false).unwrap();
        let pointer = Pointer::to(&right, 7).unwrap();
        // Another file by the same number: its supervisor's lock is not held here.
        let wrong = Pointer {
            ino: pointer.ino + 1,
            ..pointer
        };
        assert!(matches!(
            wrong.open(&dir, Access::Write),
            Err(RingError::Closed { .. })
        ));
        // The right numbers, but not sealed.
        let loose = File::from(memfd_create("loose", MFdFlags::MFD_CLOEXEC).unwrap());
        loose
            .set_permissions(fs::Permissions::from_mode(0o600))
            .unwrap();
        let error = Pointer::to(&loose, 7)
            .unwrap()
            .open(&dir, Access::Write)
            .unwrap_err();
        assert!(error.to_string().contains("not sealed"), "{error}");
        // Open to others.
        right
            .set_permissions(fs::Permissions::from_mode(0o666))
            .unwrap();
        assert!(matches!(
            pointer.open(&dir, Access::Write),
            Err(RingError::Foreign { .. })
        ));
    }

    #[test]
    fn pointers_that_others_could_have_made_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        let dir = pool(&temp);
        assert_eq!(Pointer::read(&dir).unwrap(), None);
        let refused = || {
            let error = Pointer::read(&dir).unwrap_err();
            assert!(matches!(error, RingError::Foreign { .. }), "{error}");
            fs::remove_file(dir.pointer()).unwrap();
        };
        let secret = |text: &str| {
            fs::write(dir.pointer(), text).unwrap();
            fs::set_permissions(dir.pointer(), fs::Permissions::from_mode(0o600)).unwrap();
        };
        for text in [
            "",
            "ringwork-memfd-1 1 2",
            "ringwork-memfd-9 1 2 3 4 5",
            "\u{ff}",
        ] {
            secret(text);
            refused();
        }
        secret("x");
        fs::set_permissions(dir.pointer(), fs::Permissions::from_mode(0o644)).unwrap();
        refused();
        symlink("/etc/passwd", dir.pointer()).unwrap();
        refused();
        nix::unistd::mkfifo(&dir.pointer(), nix::sys::stat::Mode::S_IRWXU).unwrap();
        refused();
    }
}

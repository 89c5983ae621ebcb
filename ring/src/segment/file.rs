//! The segment's memory as a file: made in full, opened only if it is this user's alone.

use crate::error::{Result, RingError};
use crate::format::config::{Geometry, PoolConfig};
use crate::format::counted;
use crate::format::layout::HEADER_SIZE;
use crate::segment::backing::{Access, Backing};
use crate::segment::memfd::{self, Pointer};
use crate::segment::paths::{PoolDir, check_plain_file, no_plain_file, remove_file_of};
use crate::segment::room;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

impl Backing {
    /// New memory for a segment, with a pointer to it when it has no name. A file is allocated in
    /// full: its file system may be full later, and then an access is a SIGBUS. A memfd has no file
    /// system that could be: its big blocks come when they are touched (docs/decisions/0008).
    pub(super) fn make(
        self,
        dir: &PoolDir,
        geometry: &Geometry,
        epoch: u64,
        config: &PoolConfig,
    ) -> Result<(File, Option<Pointer>)> {
        let (size, huge_pages) = (geometry.segment_size, config.huge_pages);
        // Before anything is allocated: beyond either limit the kernel kills without a word.
        room::check(size, self, dir.path())?;
        match self {
            Self::File => new_file(dir, size, huge_pages).map(|file| (file, None)),
            Self::Memfd => {
                let full = if room::in_full(config) {
                    size
                } else {
                    geometry.small_part()
                };
                let file = memfd::create(dir, size, full, huge_pages)?;
                let pointer = Pointer::to(&file, epoch)?;
                Ok((file, Some(pointer)))
            }
        }
    }
}

fn new_file(dir: &PoolDir, size: u64, huge_pages: bool) -> Result<File> {
    let free = free_bytes(dir)?;
    let no_space = || RingError::NoSpace {
        dir: dir.path().to_path_buf(),
        free,
        needed: size,
    };
    if free < size {
        return Err(no_space());
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(dir.new_segment())
        .map_err(RingError::io(format!(
            "cannot create {}",
            dir.new_segment().display()
        )))?;
    if huge_pages {
        crate::segment::pages::fill_with_huge_pages(&file, size, false, dir.path());
    }
    // Allocated in full: a full tmpfs is an error here and not a SIGBUS later.
    nix::fcntl::posix_fallocate(&file, 0, size as libc::off_t).map_err(|errno| match errno {
        nix::errno::Errno::ENOSPC => no_space(),
        other => RingError::errno("cannot allocate the segment")(other),
    })?;
    Ok(file)
}

fn free_bytes(dir: &PoolDir) -> Result<u64> {
    let stat = nix::sys::statvfs::statvfs(dir.path())
        .map_err(RingError::errno("cannot ask for free space"))?;
    Ok(stat.blocks_available() * stat.fragment_size())
}

/// Memory that was opened, and what is known of it before its header is read.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) size: u64,
    /// Where it was opened.
    pub(super) path: PathBuf,
    /// The epoch that the pointer promises.
    pub(super) epoch: Option<u64>,
}

/// Opens the memory of a pool, of either kind, after checking its directory and itself.
pub(super) fn open(dir: &PoolDir, access: Access) -> Result<Opened> {
    dir.check()?;
    let (file, path, epoch) = match open_file(dir, access)? {
        Some(file) => (file, dir.segment(), None),
        None => {
            let pointer = Pointer::read(dir)?.ok_or_else(|| RingError::NotFound {
                path: dir.segment(),
            })?;
            (
                pointer.open(dir, access)?,
                pointer.path(),
                Some(pointer.epoch()),
            )
        }
    };
    let meta = file
        .metadata()
        .map_err(RingError::io("cannot look at the segment"))?;
    check_plain_file(&path, &meta)?;
    let size = meta.len();
    if size < HEADER_SIZE as u64 {
        return Err(RingError::Foreign {
            remedy: remove_file_of(&path),
            path,
            why: format!(
                "it has {}, a segment's header alone has {HEADER_SIZE}",
                counted(size, "byte")
            ),
        });
    }
    Ok(Opened {
        file,
        size,
        path,
        epoch,
    })
}

fn open_file(dir: &PoolDir, access: Access) -> Result<Option<File>> {
    let path = dir.segment();
    access
        .options()
        // A FIFO or device is opened, not waited for; what it is is looked at then.
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(&path)
        .map(Some)
        .or_else(|error| match error.raw_os_error() {
            Some(libc::ENOENT) => Ok(None),
            _ => Err(no_plain_file(&path, &error).unwrap_or_else(|| {
                RingError::io(format!("cannot open {}", path.display()))(error)
            })),
        })
}

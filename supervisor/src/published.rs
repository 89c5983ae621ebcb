//! Small files of a pool's directory that the supervisor writes for readers and not for the pool.
//!
//! Invariant: a reader finds a whole file or none, and follows no link to a file of another.

use rustix::fs::{CWD, Mode, OFlags, openat};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// Puts a file with this text in the place of the one that is there.
pub(crate) fn replace(path: &Path, new: &Path, text: &[u8]) -> io::Result<()> {
    match fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = openat(CWD, new, flags, Mode::RUSR | Mode::WUSR)?;
    File::from(file).write_all(text)?;
    fs::rename(new, path)
}

/// Opens one, and nothing else that has its name.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(CWD, path, flags, Mode::empty())?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no plain file")),
    }
}

/// What it says, in at most `max` bytes.
pub(crate) fn read(file: File, max: u64) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.take(max).read_to_end(&mut text)?;
    Ok(text)
}

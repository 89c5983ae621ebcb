//! The requests of quarantined tasks, kept as files of the pool's directory: written by the supervisor,
//! read by `ringwork quarantine`, and gone with the pool.
//!
//! Invariant: a file is whole or is not there, and the newest ones stay within a number and a size.

use ringwork_ring::PoolDir;
use rustix::fs::{CWD, Mode, OFlags, openat};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;

/// Most bytes of all that are kept.
const MOST: u64 = 64 << 20;
/// Longest line about a request.
const ABOUT_MAX: u64 = 4096;

/// What is known of a task whose request is kept: the first line of its file, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its handler.
    pub handler: String,
    /// The codec of the request, by name.
    pub codec: String,
    /// At how many attempts it has lost its worker.
    pub attempts: u32,
    /// When the last one died, in milliseconds since 1970.
    pub unix_ms: u64,
    /// Bytes of the request.
    pub size: u64,
    /// The request's SHA-256 in hexadecimal.
    pub sha256: String,
}

/// A request that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its number.
    pub number: u64,
    /// What is known of it.
    #[serde(flatten)]
    pub about: About,
}

/// Whether a request of so many bytes may be kept, where all of them may take this share.
pub(crate) fn fits(size: u64, share: u64) -> bool {
    size <= MOST.min(share)
}

/// Keeps a request. Older ones make room; `false` where it is larger than all that may be kept.
pub(crate) fn keep(
    dir: &PoolDir,
    about: &About,
    request: &[u8],
    (most, share): (u32, u64),
) -> io::Result<bool> {
    let room = MOST.min(share);
    if most == 0 || !fits(about.size, share) {
        return Ok(false);
    }
    let mut there = all(dir)?;
    let next = there.last().map_or(1, |last| last.number + 1);
    let taken = |there: &[Kept]| there.iter().map(|kept| kept.about.size).sum::<u64>();
    while !there.is_empty() && (there.len() >= most as usize || taken(&there) + about.size > room) {
        forget(dir, there.remove(0).number)?;
    }
    let new = dir.path().join(PoolDir::NEW_QUARANTINED);
    let _ = fs::remove_file(&new);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let written = || {
        let mut file = File::from(openat(CWD, &new, flags, Mode::RUSR | Mode::WUSR)?);
        let mut line = serde_json::to_vec(about)?;
        line.push(b'\n');
        file.write_all(&line)?;
        file.write_all(request)?;
        fs::rename(&new, dir.quarantined(next))
    };
    written().inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })?;
    Ok(true)
}

/// All that are kept, the oldest first. A file that is none is left out.
///
/// # Errors
/// When the pool's directory can't be read.
pub fn all(dir: &PoolDir) -> io::Result<Vec<Kept>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir.path())?.flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(PoolDir::quarantine_number);
        if let Some(number) = number
            && let Ok((about, _)) = open(&entry.path())
        {
            all.push(Kept { number, about });
        }
    }
    all.sort_by_key(|kept| kept.number);
    Ok(all)
}

/// What is known of a request, and its bytes.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] when there is none of this number; any other when it can't be read.
pub fn read(dir: &PoolDir, number: u64) -> io::Result<(About, Vec<u8>)> {
    let (about, mut rest) = open(&dir.quarantined(number))?;
    let mut request = Vec::new();
    rest.by_ref().take(MOST + 1).read_to_end(&mut request)?;
    match request.len() as u64 == about.size {
        true => Ok((about, request)),
        false => Err(io::Error::other("it was cut")),
    }
}

/// Forgets a request.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] when there is none of this number.
pub fn forget(dir: &PoolDir, number: u64) -> io::Result<()> {
    fs::remove_file(dir.quarantined(number))
}

fn open(path: &Path) -> io::Result<(About, BufReader<File>)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(CWD, path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    reader
        .by_ref()
        .take(ABOUT_MAX)
        .read_until(b'\n', &mut line)?;
    Ok((serde_json::from_slice(&line)?, reader))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(request: &[u8]) -> About {
        About {
            handler: "echo".to_owned(),
            codec: "bytes".to_owned(),
            attempts: 2,
            unix_ms: 1,
            size: request.len() as u64,
            sha256: "00".to_owned(),
        }
    }

    #[test]
    fn the_newest_are_kept_within_a_number_and_a_size() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(temp.path(), "p").unwrap();
        fs::create_dir(dir.path()).unwrap();
        let keep = |request: &[u8], most, share| {
            super::keep(&dir, &about(request), request, (most, share)).unwrap()
        };
        let numbers = || {
            all(&dir)
                .unwrap()
                .iter()
                .map(|kept| kept.number)
                .collect::<Vec<_>>()
        };
        assert!(!keep(b"x", 0, 100), "none are to be kept");
        assert!(!keep(&[0; 101], 3, 100), "it is larger than all together");
        for text in ["one", "two", "three\n\0", "four"] {
            assert!(keep(text.as_bytes(), 3, 100));
        }
        assert_eq!(numbers(), [2, 3, 4]);
        assert_eq!(read(&dir, 3).unwrap().1, b"three\n\0");
        assert!(keep(&[7; 95], 3, 100));
        assert_eq!(numbers(), [4, 5]);
        forget(&dir, 5).unwrap();
        assert_eq!(forget(&dir, 5).unwrap_err().kind(), io::ErrorKind::NotFound);
        // What is none, and what was cut.
        fs::write(dir.quarantined(8), "nonsense").unwrap();
        fs::write(dir.path().join("quarantine.x"), "").unwrap();
        assert_eq!(numbers(), [4]);
        let whole = fs::read(dir.quarantined(4)).unwrap();
        fs::write(dir.quarantined(4), &whole[..whole.len() - 1]).unwrap();
        assert!(read(&dir, 4).is_err());
    }
}

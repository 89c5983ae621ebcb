//! What there is in the directory of the pools: pools, what dead ones have left, and what is no
//! pool's. For commands that show it or clear it away; nothing is changed here but by
//! [`remove_dead_link`].

use crate::error::{Result, RingError};
use crate::segment::paths::PoolDir;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What there is under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// A pool, alive or dead.
    Pool(PoolDir),
    /// An empty directory of this user alone: a pool that died has left it, or one is just making
    /// it.
    Empty(PoolDir),
    /// A symbolic link to what is not there. No pool is behind a link, they are not followed.
    DeadLink(PoolDir),
    /// What is no pool's, and is left alone.
    Other {
        /// Where.
        path: PathBuf,
        /// What it is, in words.
        what: String,
    },
}

/// What there is below `base`, sorted by name, without hidden files; nothing if it does not exist.
///
/// # Errors
/// When it can't be read.
pub fn survey(base: &Path) -> Result<Vec<Found>> {
    let entries = match fs::read_dir(base) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(RingError::io(format!("cannot list {}", base.display())))?,
    };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.retain(|name| !name.as_encoded_bytes().starts_with(b"."));
    names.sort();
    Ok(names.iter().filter_map(|name| look(base, name)).collect())
}

/// What there is under a name below `base`; `None` when nothing is.
#[must_use]
pub fn look(base: &Path, name: &OsStr) -> Option<Found> {
    let path = base.join(name);
    let meta = fs::symlink_metadata(&path).ok()?;
    let other = |what: String| Found::Other {
        path: path.clone(),
        what,
    };
    let Some(dir) = name
        .to_str()
        .and_then(|name| PoolDir::below(base, name).ok())
    else {
        return Some(other("its name can't be a pool's".into()));
    };
    if meta.is_symlink() {
        let target = fs::read_link(&path).unwrap_or_default();
        let gone = fs::metadata(&path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
        return Some(if gone {
            Found::DeadLink(dir)
        } else {
            other(format!(
                "a link to {}, which is not followed",
                target.display()
            ))
        });
    }
    if !meta.is_dir() {
        return Some(other("no directory".into()));
    }
    if dir.is_pool() {
        return Some(Found::Pool(dir));
    }
    let private = meta.mode() & 0o777 == 0o700 && meta.uid() == nix::unistd::geteuid().as_raw();
    let held = match fs::read_dir(&path) {
        Ok(mut entries) => entries.next().is_some(),
        // A directory that can't be read is not called empty.
        Err(_) => true,
    };
    Some(if private && !held {
        Found::Empty(dir)
    } else {
        other("a directory without any file of a pool".into())
    })
}

/// Removes a link to nothing; `false` when it is none any more.
///
/// # Errors
/// [`RingError::Foreign`] when the directory of the pools is not this user's alone, and when it can't
/// be removed.
pub fn remove_dead_link(dir: &PoolDir) -> Result<bool> {
    dir.check_base()?;
    let base = dir.path().parent().unwrap_or(Path::new("/"));
    if !matches!(look(base, OsStr::new(dir.name())), Some(Found::DeadLink(_))) {
        return Ok(false);
    }
    fs::remove_file(dir.path())
        .map(|()| true)
        .map_err(RingError::io(format!(
            "cannot remove {}",
            dir.path().display()
        )))
}

/// The names of what is in a pool's directory and is no pool's, sorted.
#[must_use]
pub fn strange_files(dir: &PoolDir) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir.path()) else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let mut strange: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| !super::paths::is_file_of_a_pool(name))
        .collect();
    strange.sort();
    strange
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn each_kind_of_thing_is_told_by_what_it_is() {
        let temp = tempfile::tempdir().unwrap();
        let base = temp.path().join("base");
        assert_eq!(survey(&base).unwrap(), [], "there is none yet");
        let made = |name: &str| {
            let dir = PoolDir::below(&base, name).unwrap();
            dir.create().unwrap();
            dir
        };
        let (empty, pool, half) = (made("empty"), made("pool"), made("half"));
        fs::write(pool.name_lock(), "").unwrap();
        fs::write(half.client_lock(7, 0), "").unwrap();
        let photos = made("photos");
        fs::set_permissions(photos.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let notes = made("with-notes");
        fs::write(notes.path().join("Cargo.lock"), "").unwrap();
        symlink("/nonexistent/pool", base.join("dead-link")).unwrap();
        symlink(pool.path(), base.join("link")).unwrap();
        symlink("loop", base.join("loop")).unwrap();
        fs::write(base.join("a file"), "").unwrap();
        fs::write(base.join("file"), "").unwrap();
        fs::write(base.join(".hidden"), "").unwrap();
        let dead_link = PoolDir::below(&base, "dead-link").unwrap();
        let found = survey(&base).unwrap();
        let other = |name: &str, what: &str| Found::Other {
            path: base.join(name),
            what: what.to_owned(),
        };
        assert_eq!(
            found,
            [
                other("a file", "its name can't be a pool's"),
                Found::DeadLink(dead_link.clone()),
                Found::Empty(empty),
                other("file", "no directory"),
                Found::Pool(half),
                other(
                    "link",
                    &format!("a link to {}, which is not followed", pool.path().display())
                ),
                other("loop", "a link to loop, which is not followed"),
                other("photos", "a directory without any file of a pool"),
                Found::Pool(pool.clone()),
                other("with-notes", "a directory without any file of a pool"),
            ]
        );
        assert_eq!(strange_files(&notes), ["Cargo.lock"]);
        assert!(strange_files(&pool).is_empty());
        // Only links to nothing are removed, and nowhere where others could have put them.
        let link = PoolDir::below(&base, "link").unwrap();
        for kept in [&link, &pool, &photos] {
            assert!(!remove_dead_link(kept).unwrap());
        }
        fs::set_permissions(&base, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(
            remove_dead_link(&dead_link),
            Err(RingError::Foreign { .. })
        ));
        fs::set_permissions(&base, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(remove_dead_link(&dead_link).unwrap());
        assert!(!remove_dead_link(&dead_link).unwrap());
        assert!(link.path().symlink_metadata().is_ok() && pool.is_pool());
    }
}

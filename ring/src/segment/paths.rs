//! Where a pool's files are, and the refusal of directories that others could have made.

use crate::error::{Result, RingError};
use crate::format::layout::NAME_SIZE;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Environment variable that replaces the base directory.
pub const DIR_VARIABLE: &str = "RINGWORK_DIR";

/// The directory of one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolDir {
    path: PathBuf,
    name: String,
}

/// The directory of all pools of this user: `$RINGWORK_DIR`, or `/dev/shm/ringwork-<uid>`.
#[must_use]
pub fn base_dir() -> PathBuf {
    std::env::var_os(DIR_VARIABLE)
        .filter(|dir| !dir.is_empty())
        .map_or_else(
            || PathBuf::from(format!("/dev/shm/ringwork-{}", nix::unistd::geteuid())),
            PathBuf::from,
        )
}

impl PoolDir {
    /// The directory of the pool `name` below [`base_dir`]; nothing is created.
    pub fn new(name: &str) -> Result<Self> {
        Self::below(&base_dir(), name)
    }

    /// The directory of the pool `name` below `base`.
    pub fn below(base: &Path, name: &str) -> Result<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty()
            || name.len() >= NAME_SIZE
            || name.starts_with('.')
            || !name.chars().all(allowed)
        {
            return Err(RingError::Config(format!(
                "pool name {name:?}: use 1 to {} letters, digits, '-', '_' or '.', not starting with '.'",
                NAME_SIZE - 1
            )));
        }
        Ok(Self {
            path: base.join(name),
            name: name.to_owned(),
        })
    }

    /// The pool of an existing directory, as its supervisor passes it to workers.
    pub fn at(path: &Path) -> Result<Self> {
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        Self::below(path.parent().unwrap_or(Path::new("/")), name)
    }

    /// The names of all pool directories below `base`, sorted; none if it does not exist.
    pub fn list(base: &Path) -> Result<Vec<Self>> {
        let entries = match fs::read_dir(base) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(RingError::io(format!("cannot list {}", base.display()))(
                    error,
                ));
            }
        };
        let mut pools: Vec<Self> = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| Self::below(base, entry.file_name().to_str()?).ok())
            .collect();
        pools.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(pools)
    }

    /// Creates the base and pool directories (0700) where missing and checks both.
    pub fn create(&self) -> Result<()> {
        for dir in [self.path.parent().unwrap_or(&self.path), &self.path] {
            match DirBuilder::new().mode(0o700).create(dir) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(RingError::io(format!("cannot create {}", dir.display()))(
                        error,
                    ));
                }
            }
            // Before anything is made in it.
            self.check_one(dir)?;
        }
        Ok(())
    }

    /// Refuses directories that are links, belong to others or are open to others.
    pub fn check(&self) -> Result<()> {
        self.check_base()?;
        self.check_one(&self.path)
    }

    /// The same for the directory of all pools alone.
    pub(crate) fn check_base(&self) -> Result<()> {
        self.check_one(self.path.parent().unwrap_or(&self.path))
    }

    fn check_one(&self, dir: &Path) -> Result<()> {
        let meta = match fs::symlink_metadata(dir) {
            Ok(meta) => meta,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(RingError::NotFound {
                    path: self.segment(),
                });
            }
            Err(error) => {
                return Err(RingError::io(format!("cannot look at {}", dir.display()))(
                    error,
                ));
            }
        };
        let refuse = |why: String| {
            Err(RingError::Foreign {
                path: dir.to_path_buf(),
                why,
            })
        };
        if !meta.is_dir() {
            return refuse("it is no directory (a link is not followed)".into());
        }
        if meta.uid() != nix::unistd::geteuid().as_raw() {
            return refuse(format!("it belongs to user {}, not to you", meta.uid()));
        }
        if meta.mode() & 0o077 != 0 {
            return refuse(format!(
                "its mode is {:o}: others could reach it; chmod 700",
                meta.mode() & 0o777
            ));
        }
        Ok(())
    }

    /// The pool's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The segment.
    #[must_use]
    pub fn segment(&self) -> PathBuf {
        self.path.join("segment")
    }

    /// The segment while it is being written.
    #[must_use]
    pub fn new_segment(&self) -> PathBuf {
        self.path.join("segment.new")
    }

    /// Where a segment is that is no file: see [`crate::Backing::Memfd`].
    #[must_use]
    pub fn pointer(&self) -> PathBuf {
        self.path.join("segment.memfd")
    }

    /// The pointer while it is being written.
    #[must_use]
    pub fn new_pointer(&self) -> PathBuf {
        self.path.join("segment.memfd.new")
    }

    /// Whether there is anything of a pool in the directory: a lock, a segment, or a part of one.
    #[must_use]
    pub fn is_pool(&self) -> bool {
        fs::read_dir(&self.path).is_ok_and(|entries| {
            entries
                .flatten()
                .any(|entry| entry.file_name().to_str().is_some_and(is_file_of_a_pool))
        })
    }

    /// Whether the name is one that a Java client has made up for a pool of its own:
    /// `jvm-PID-N-` and half a UUID. It is never used again.
    pub(crate) fn is_of_a_jvm(&self) -> bool {
        let Some(rest) = self.name.strip_prefix("jvm-") else {
            return false;
        };
        let parts: Vec<&str> = rest.split('-').collect();
        let number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
        let hex =
            |text: &str, len| text.len() == len && text.chars().all(|c| c.is_ascii_hexdigit());
        matches!(parts[..], [pid, count, a, b, c]
            if number(pid) && number(count) && hex(a, 8) && hex(b, 4) && hex(c, 4))
    }

    /// The lock of the name, held by its supervisor.
    #[must_use]
    pub fn name_lock(&self) -> PathBuf {
        self.path.join("name.lock")
    }

    /// The supervisor's lock for one segment.
    #[must_use]
    pub fn supervisor_lock(&self, epoch: u64) -> PathBuf {
        self.path.join(format!("supervisor.{epoch:016x}.lock"))
    }

    /// The lock of client entry `index`.
    #[must_use]
    pub fn client_lock(&self, epoch: u64, index: u32) -> PathBuf {
        self.path.join(format!("client.{epoch:016x}.{index}.lock"))
    }

    /// The lock of worker entry `index`.
    #[must_use]
    pub fn worker_lock(&self, epoch: u64, index: u32) -> PathBuf {
        self.path.join(format!("worker.{epoch:016x}.{index}.lock"))
    }
}

/// Whether a file of this name in a pool's directory is the pool's: all that ever is, and no more,
/// since it is removed with the pool.
pub(crate) fn is_file_of_a_pool(name: &str) -> bool {
    let own = [
        "name.lock",
        "segment",
        "segment.new",
        "segment.memfd",
        "segment.memfd.new",
    ];
    own.contains(&name) || is_lock_of_an_entry(name)
}

/// `supervisor.EPOCH.lock`, `client.EPOCH.N.lock` or `worker.EPOCH.N.lock`.
fn is_lock_of_an_entry(name: &str) -> bool {
    let epoch = |text: &str| text.len() == 16 && text.chars().all(|c| c.is_ascii_hexdigit());
    let index = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match name.split('.').collect::<Vec<_>>()[..] {
        ["supervisor", e, "lock"] => epoch(e),
        ["client" | "worker", e, n, "lock"] => epoch(e) && index(n),
        _ => false,
    }
}

/// Refuses what is no plain file of this user alone.
pub(crate) fn check_plain_file(path: &Path, meta: &fs::Metadata) -> Result<()> {
    let why = if !meta.is_file() {
        "it is no plain file".to_owned()
    } else if meta.uid() != nix::unistd::geteuid().as_raw() {
        format!("it belongs to user {}, not to you", meta.uid())
    } else if meta.mode() & 0o077 != 0 {
        format!(
            "its mode is {:o}: others could reach it; it must be mode 600",
            meta.mode() & 0o777
        )
    } else {
        return Ok(());
    };
    Err(RingError::Foreign {
        path: path.to_path_buf(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn nothing_is_made_in_a_base_that_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let base = temp.path().join("base");
        fs::create_dir(&base).unwrap();
        fs::set_permissions(&base, fs::Permissions::from_mode(0o777)).unwrap();
        let dir = PoolDir::below(&base, "p").unwrap();
        assert!(matches!(dir.create(), Err(RingError::Foreign { .. })));
        assert!(!dir.path().exists());
    }

    #[test]
    fn names_can_not_leave_the_directory() {
        for bad in ["", ".", "..", ".hidden", "a/b", "a b", "ü", &"x".repeat(64)] {
            assert!(PoolDir::new(bad).is_err(), "{bad}");
        }
        assert_eq!(
            PoolDir::below(Path::new("/x"), "a-1._").unwrap().segment(),
            Path::new("/x/a-1._/segment")
        );
    }

    #[test]
    fn the_files_of_a_pool_are_told_from_those_of_others() {
        let dir = PoolDir::below(Path::new("/x"), "p").unwrap();
        for path in [
            dir.name_lock(),
            dir.segment(),
            dir.new_segment(),
            dir.pointer(),
            dir.new_pointer(),
            dir.supervisor_lock(7),
            dir.client_lock(u64::MAX >> 1, 0),
            dir.worker_lock(1, 1023),
        ] {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(is_file_of_a_pool(name), "{name}");
        }
        for name in [
            "Cargo.lock",
            "composer.lock",
            "client.lock",
            "client.7.0.lock",
            "worker.0000000000000007..lock",
            "supervisor.000000000000000x.lock",
            "segment.txt",
            "name",
        ] {
            assert!(!is_file_of_a_pool(name), "{name}");
        }
    }

    #[test]
    fn names_that_a_jvm_makes_up_are_told_from_those_of_people() {
        let of = |name| PoolDir::new(name).unwrap().is_of_a_jvm();
        assert!(of("jvm-4711-1-0f8fad5b-d9cb-469f"));
        for name in [
            "jvm-4711-1",
            "jvm-images",
            "jvm-4711-1-0f8fad5b-d9cb",
            "jvm-4711-1-0f8fad5b-d9cb-469f-a165",
            "jvm-a-1-0f8fad5b-d9cb-469f",
            "jvm-4711-1-0f8fad5x-d9cb-469f",
            "4711-1-0f8fad5b-d9cb-469f",
        ] {
            assert!(!of(name), "{name}");
        }
    }

    #[test]
    fn open_or_linked_directories_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        let base = temp.path().join("base");
        let pool = PoolDir::below(&base, "p").unwrap();
        assert!(matches!(pool.check(), Err(RingError::NotFound { .. })));
        pool.create().unwrap();
        fs::set_permissions(pool.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(pool.check().unwrap_err().to_string().contains("chmod 700"));
        let link = PoolDir::below(&base, "link").unwrap();
        symlink(pool.path(), link.path()).unwrap();
        assert!(link.check().unwrap_err().to_string().contains("link"));
    }
}

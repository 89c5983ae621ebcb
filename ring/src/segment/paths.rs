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
        let fault = if dir == self.path {
            fault_of_pool(dir, &meta)
        } else {
            fault_of_base(dir, &meta)
        };
        fault.map_or(Ok(()), |Fault { why, remedy }| {
            Err(RingError::Foreign {
                path: dir.to_path_buf(),
                why,
                remedy,
            })
        })
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

    /// The options that are in effect, as the supervisor publishes them.
    #[must_use]
    pub fn options(&self) -> PathBuf {
        self.path.join("options.json")
    }

    /// What the supervisor read of the tasks' times a while ago, as it publishes it.
    #[must_use]
    pub fn looks(&self) -> PathBuf {
        self.path.join("looks.json")
    }

    /// The same while it is being written.
    #[must_use]
    pub fn new_looks(&self) -> PathBuf {
        self.path.join("looks.json.new")
    }

    /// Name of the socket in the pool's directory on which the supervisor hears commands.
    pub const CONTROL: &'static str = "control";

    /// Name of a quarantined request while it is being written.
    pub const NEW_QUARANTINED: &'static str = "quarantine.new";

    /// The request of a quarantined task, by its number.
    #[must_use]
    pub fn quarantined(&self, number: u64) -> PathBuf {
        self.path.join(format!("quarantine.{number}"))
    }

    /// The number in the name of such a file.
    #[must_use]
    pub fn quarantine_number(name: &str) -> Option<u64> {
        let number = name.strip_prefix("quarantine.")?;
        let plain = !number.starts_with('0') && number.chars().all(|c| c.is_ascii_digit());
        number.parse().ok().filter(|_| plain)
    }

    /// The options while they are being written.
    #[must_use]
    pub fn new_options(&self) -> PathBuf {
        self.path.join("options.json.new")
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
/// since it is removed with the pool. `Leftovers.java` has the same list.
pub(crate) fn is_file_of_a_pool(name: &str) -> bool {
    let own = [
        "name.lock",
        "segment",
        "segment.new",
        "segment.memfd",
        "segment.memfd.new",
        "options.json",
        "options.json.new",
        "looks.json",
        "looks.json.new",
        PoolDir::CONTROL,
        PoolDir::NEW_QUARANTINED,
    ];
    own.contains(&name) || PoolDir::quarantine_number(name).is_some() || is_lock_of_an_entry(name)
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

/// Why something is refused, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Why, as the end of a sentence that begins with the path: "it is no directory".
    pub why: String,
    /// What helps, as an order.
    pub remedy: String,
}

/// What is wrong with the directory of all pools; `None` when nothing is.
#[must_use]
pub fn fault_of_base(base: &Path, meta: &fs::Metadata) -> Option<Fault> {
    let shown = base.display();
    let (why, remedy) = if meta.is_symlink() {
        (
            "it is a link, which is not followed".into(),
            format!("set {DIR_VARIABLE} to the directory that it leads to, or remove it"),
        )
    } else if !meta.is_dir() {
        (
            "it is no directory".into(),
            format!("remove it, or set {DIR_VARIABLE} to another place"),
        )
    } else if let Some(why) = of_another(meta) {
        let remedy = format!(
            "set {DIR_VARIABLE} to a directory of yours; if somebody put it there to trap you, tell \
             your admin"
        );
        (why, remedy)
    } else if meta.mode() & 0o1000 != 0 {
        // A place for all, as /tmp: it would break others to close it.
        (
            open_to_others(meta)?,
            format!("set {DIR_VARIABLE} to a directory of yours below it, which need not exist"),
        )
    } else {
        (open_to_others(meta)?, format!("chmod 700 {shown}"))
    };
    Some(Fault { why, remedy })
}

fn fault_of_pool(dir: &Path, meta: &fs::Metadata) -> Option<Fault> {
    let shown = dir.display();
    let (why, remedy) = if meta.is_symlink() {
        (
            "it is a link, which is not followed".into(),
            "remove the link, or choose another name".into(),
        )
    } else if !meta.is_dir() {
        (
            "it is no directory".into(),
            "remove it, or choose another name".into(),
        )
    } else if let Some(why) = of_another(meta) {
        let remedy = format!(
            "choose another name, or remove it as user {} or root",
            meta.uid()
        );
        (why, remedy)
    } else {
        (open_to_others(meta)?, format!("chmod 700 {shown}"))
    };
    Some(Fault { why, remedy })
}

fn of_another(meta: &fs::Metadata) -> Option<String> {
    let own = nix::unistd::geteuid().as_raw();
    (meta.uid() != own).then(|| format!("it belongs to user {}, not to you ({own})", meta.uid()))
}

fn open_to_others(meta: &fs::Metadata) -> Option<String> {
    let mode = meta.mode() & 0o777;
    (mode & 0o077 != 0).then(|| format!("its mode is {mode:o}: others could reach it"))
}

/// What helps against a file in a pool's directory that is not what a pool has written.
pub(crate) fn remove_file_of(path: &Path) -> String {
    if path.starts_with("/proc") {
        return "stop that pool, and serve it again".into();
    }
    let name = path.file_name().unwrap_or_default();
    if name == "name.lock" {
        // What `clean` has to lock before it removes anything.
        return format!(
            "no pool has made it: remove it yourself (rm {})",
            path.display()
        );
    }
    let pool = path.parent().and_then(Path::file_name).unwrap_or_default();
    format!(
        "when no process serves the pool, `ringwork clean {}` removes it",
        pool.display()
    )
}

/// Refuses what is no plain file of this user alone.
pub(crate) fn check_plain_file(path: &Path, meta: &fs::Metadata) -> Result<()> {
    let (why, remedy) = if !meta.is_file() {
        ("it is no plain file".to_owned(), remove_file_of(path))
    } else if let Some(why) = of_another(meta) {
        (why, remove_file_of(path))
    } else if let Some(why) = open_to_others(meta) {
        (why, format!("chmod 600 {}", path.display()))
    } else {
        return Ok(());
    };
    Err(RingError::Foreign {
        path: path.to_path_buf(),
        why,
        remedy,
    })
}

/// What a file that could not be opened for what it is, is refused with; `None` for other causes.
pub(crate) fn no_plain_file(path: &Path, error: &std::io::Error) -> Option<RingError> {
    let (why, remedy) = match error.raw_os_error()? {
        libc::ELOOP => ("it is a link, which is not followed", remove_file_of(path)),
        libc::ENXIO => ("it is no plain file", remove_file_of(path)),
        libc::EISDIR => (
            "it is a directory",
            format!(
                "no pool has made it: remove it yourself (rm -r {})",
                path.display()
            ),
        ),
        _ => return None,
    };
    Some(RingError::Foreign {
        path: path.to_path_buf(),
        why: why.into(),
        remedy,
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
            dir.options(),
            dir.new_options(),
            dir.looks(),
            dir.new_looks(),
            dir.path().join(PoolDir::CONTROL),
            dir.path().join(PoolDir::NEW_QUARANTINED),
            dir.quarantined(17),
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
            "options.toml",
            "quarantine.",
            "quarantine.01",
            "quarantine.1.old",
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

    /// Each cause has a remedy that helps against it, and no other's.
    #[test]
    fn each_refusal_has_a_remedy_of_its_own() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let check = |base: &Path, why: &str, remedy: &str| {
            let error = PoolDir::below(base, "p").unwrap().check().unwrap_err();
            let text = error.to_string();
            assert!(text.contains(why) && text.ends_with(remedy), "{text}");
            assert!(!text.contains("ringwork clean"), "{text}");
        };
        let base = at("open");
        PoolDir::below(&base, "p").unwrap().create().unwrap();
        for bits in [0o777, 0o750, 0o701] {
            mode(&base, bits);
            check(
                &base,
                "others could reach it",
                &format!("; chmod 700 {}", base.display()),
            );
        }
        mode(&base, 0o1777);
        check(
            &base,
            "mode is 777",
            "a directory of yours below it, which need not exist",
        );
        mode(&base, 0o700);
        symlink(&base, at("link")).unwrap();
        check(
            &at("link"),
            "it is a link",
            "that it leads to, or remove it",
        );
        symlink("/nonexistent", at("dead-link")).unwrap();
        check(
            &at("dead-link"),
            "it is a link",
            "that it leads to, or remove it",
        );
        fs::write(at("file"), "").unwrap();
        check(
            &at("file"),
            "no directory",
            "set RINGWORK_DIR to another place",
        );
        // The pool's own directory.
        let pool = base.join("p");
        mode(&pool, 0o777);
        check(
            &base,
            "mode is 777",
            &format!("; chmod 700 {}", pool.display()),
        );
        fs::remove_dir(&pool).unwrap();
        fs::write(&pool, "").unwrap();
        check(&base, "no directory", "remove it, or choose another name");
        fs::remove_file(&pool).unwrap();
        symlink(at("open"), &pool).unwrap();
        check(
            &base,
            "it is a link",
            "remove the link, or choose another name",
        );
        if nix::unistd::geteuid().is_root() {
            fs::remove_file(&pool).unwrap();
            fs::create_dir(&pool).unwrap();
            mode(&pool, 0o700);
            std::os::unix::fs::chown(&pool, Some(65534), None).unwrap();
            check(&base, "user 65534", "remove it as user 65534 or root");
            std::os::unix::fs::chown(&base, Some(65534), None).unwrap();
            check(&base, "user 65534", "tell your admin");
        }
    }

    #[test]
    fn each_refused_file_has_a_remedy_that_helps() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let refused = |path: &Path| {
            let opened = super::super::liveness::open_lock_file(path, true);
            opened.unwrap_err().to_string()
        };
        type Leave = fn(&Path);
        let kinds: [(&str, Leave); 5] = [
            ("it is a link", |path| {
                symlink("/nonexistent", path).unwrap()
            }),
            ("no plain file", |path| {
                nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
            }),
            ("no plain file", |path| {
                std::os::unix::net::UnixListener::bind(path)
                    .map(drop)
                    .unwrap();
            }),
            ("it is a directory", |path| fs::create_dir(path).unwrap()),
            ("others could reach it", |path| {
                fs::write(path, "").unwrap();
                fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
            }),
        ];
        for (why, leave) in kinds {
            for path in [dir.name_lock(), dir.client_lock(7, 0)] {
                dir.create().unwrap();
                leave(&path);
                let text = refused(&path);
                assert!(text.contains(why), "{text}");
                // What is advised is done.
                let (_, remedy) = text.rsplit_once("; ").unwrap();
                let command = |text: &str| {
                    let mut words = text.split(' ');
                    let mut command = std::process::Command::new(words.next().unwrap());
                    assert!(command.args(words).status().unwrap().success(), "{text}");
                };
                if let Some((_, rm)) = remedy.split_once("remove it yourself (") {
                    command(rm.trim_end_matches(')'));
                } else if remedy.ends_with("`ringwork clean p` removes it") {
                    assert!(super::super::clean(&dir).unwrap(), "{text}");
                    dir.create().unwrap();
                } else {
                    command(remedy);
                }
                super::super::liveness::open_lock_file(&path, true).unwrap();
                assert!(super::super::clean(&dir).unwrap());
            }
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

//! Which JDKs are here: JAVA_HOME, the PATH, the usual folders.

use super::finding::Finding;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest release that runs the client; one that builds it must be 22 or later.
const NEEDED: u32 = 21;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Jdk {
    home: PathBuf,
    release: u32,
}

pub(super) fn finding() -> Finding {
    let java_home = env::var_os("JAVA_HOME")
        .filter(|home| !home.is_empty())
        .map(PathBuf::from);
    let in_path = env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .map(|dir| dir.join("java"))
        .find(|java| java.is_file())
        .and_then(|java| {
            Some(
                fs::canonicalize(java)
                    .ok()?
                    .parent()?
                    .parent()?
                    .to_path_buf(),
            )
        });
    let chosen = java_home.or(in_path).and_then(|home| jdk(&home, true));
    let mut others: Vec<Jdk> = usual_homes()
        .iter()
        .filter_map(|home| jdk(home, false))
        .collect();
    others.sort_by_key(|jdk| std::cmp::Reverse(jdk.release));
    judge(chosen.as_ref(), others.first())
}

fn judge(chosen: Option<&Jdk>, newest: Option<&Jdk>) -> Finding {
    let fit = |jdk: &&Jdk| jdk.release >= NEEDED;
    if let Some(jdk) = chosen.filter(fit) {
        return Finding::ok(
            "jdk",
            format!("Java {} in {}", jdk.release, jdk.home.display()),
        );
    }
    let now = match chosen {
        Some(jdk) => format!(
            "JAVA_HOME or PATH gives Java {} in {}",
            jdk.release,
            jdk.home.display()
        ),
        None => "no Java in JAVA_HOME or PATH".to_owned(),
    };
    match newest.filter(fit) {
        Some(jdk) => Finding::warn(
            "jdk",
            format!(
                "{now}; the Java client needs {NEEDED} or later, and Java {} is here",
                jdk.release
            ),
            format!("export JAVA_HOME={}", jdk.home.display()),
        ),
        None => Finding::warn(
            "jdk",
            format!(
                "{now}; the Java client needs {NEEDED} or later (workers and this command need none)"
            ),
            format!(
                "install a JDK, {NEEDED} or later: your distribution's package, or `sdk install java`"
            ),
        ),
    }
}

fn usual_homes() -> Vec<PathBuf> {
    let mut parents = vec![
        PathBuf::from("/usr/lib/jvm"),
        PathBuf::from("/opt"),
        PathBuf::from("/opt/java"),
    ];
    if let Some(home) = env::var_os("HOME").map(PathBuf::from) {
        parents.push(home.join(".sdkman/candidates/java"));
        parents.push(home.join(".jdks"));
    }
    let children = |parent: PathBuf| {
        fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    };
    parents
        .into_iter()
        .flat_map(children)
        .filter(|home| home.join("bin/java").is_file())
        .collect()
}

/// What its `release` file says; only a JDK that the user has chosen is asked itself.
fn jdk(home: &Path, may_run: bool) -> Option<Jdk> {
    let file = fs::read_to_string(home.join("release")).ok();
    let said = file.as_deref().and_then(|text| {
        let version = text
            .lines()
            .find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
        release(version.trim_matches('"'))
    });
    let asked = || {
        let output = Command::new(home.join("bin/java"))
            .arg("-version")
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        release(text.split('"').nth(1)?)
    };
    let release = said.or_else(|| if may_run { asked() } else { None })?;
    Some(Jdk {
        home: home.to_path_buf(),
        release,
    })
}

/// The feature release of a version such as `25.0.1`, `1.8.0_402` or `23-ea`.
fn release(version: &str) -> Option<u32> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    match numbers.next()?.parse().ok()? {
        1 => numbers.next()?.parse().ok(),
        release => Some(release),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn versions_of_all_ages_are_read() {
        let read = ["25.0.1", "1.8.0_402", "23-ea", "17", ""].map(release);
        assert_eq!(read, [Some(25), Some(8), Some(23), Some(17), None]);
    }

    #[test]
    fn a_jdk_is_known_by_its_release_file() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(
            temp.path().join("release"),
            "IMPLEMENTOR=\"X\"\nJAVA_VERSION=\"22.0.2\"\n",
        )
        .unwrap();
        assert_eq!(jdk(temp.path(), false).map(|jdk| jdk.release), Some(22));
    }

    #[test]
    fn an_old_choice_names_the_newer_one_that_is_here() {
        let jdk = |release| Jdk {
            home: format!("/jdk-{release}").into(),
            release,
        };
        assert_eq!(judge(Some(&jdk(25)), None).level, Level::Ok);
        assert_eq!(judge(Some(&jdk(21)), None).level, Level::Ok);
        assert_eq!(judge(Some(&jdk(20)), None).level, Level::Warn);
        let finding = judge(Some(&jdk(17)), Some(&jdk(25)));
        assert_eq!(
            (finding.level, finding.remedy.as_deref()),
            (Level::Warn, Some("export JAVA_HOME=/jdk-25"))
        );
        assert!(
            judge(None, Some(&jdk(17)))
                .remedy
                .unwrap()
                .starts_with("install")
        );
    }
}

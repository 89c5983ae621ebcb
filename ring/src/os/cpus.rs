//! How many processors this process may use: the affinity mask, and the quota of its cgroup.
//!
//! Called where threads that spin, or workers, are counted. A quota of 1.5 processors counts as 1:
//! two spinners for it would both be throttled.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// Processors that this process may use, at least 1. Asked once: the answer takes some ten files,
/// which a sandbox keeps away later, and callers come at each tick.
#[must_use]
pub fn usable() -> usize {
    static USABLE: OnceLock<usize> = OnceLock::new();
    *USABLE.get_or_init(ask)
}

fn ask() -> usize {
    let affinity = std::thread::available_parallelism().map_or(1, usize::from);
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    match quota(Path::new("/sys/fs/cgroup"), &groups) {
        Some(quota) => affinity.min((quota as usize).max(1)),
        None => affinity,
    }
}

/// The quota in processors, from the cgroup file system at `root` and the lines of
/// `/proc/self/cgroup`; the least of the group and all above it. `None`: no quota.
#[must_use]
pub fn quota(root: &Path, groups: &str) -> Option<f64> {
    let least = |quotas: &mut dyn Iterator<Item = f64>| quotas.reduce(f64::min);
    let lines = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let all = lines.filter_map(|(controllers, path)| {
        if controllers.is_empty() {
            // Version 2: one hierarchy.
            return least(&mut up_from(root, path, |dir| {
                let text = fs::read_to_string(dir.join("cpu.max")).ok()?;
                let (quota, period) = text.trim().split_once(' ')?;
                ratio(quota, period)
            }));
        }
        if !controllers.split(',').any(|name| name == "cpu") {
            return None;
        }
        // Version 1: a hierarchy of its own, mounted by the names of its controllers.
        let mount = [controllers, "cpu"].map(|name| root.join(name));
        let mount = mount.into_iter().find(|dir| dir.is_dir())?;
        least(&mut up_from(&mount, path, |dir| {
            let read = |name: &str| fs::read_to_string(dir.join(name)).ok();
            ratio(&read("cpu.cfs_quota_us")?, &read("cpu.cfs_period_us")?)
        }))
    });
    all.reduce(f64::min)
}

/// What `read` finds in a group and in all above it. In a container the path may be one of the
/// host's, of which nothing is mounted; then the root is the container's own group.
pub(crate) fn up_from<'a, T: 'a>(
    root: &'a Path,
    path: &'a str,
    read: impl Fn(&Path) -> Option<T> + 'a,
) -> impl Iterator<Item = T> + 'a {
    let path = Path::new(path.trim_start_matches('/'));
    // A path that leads out of the root is no group of ours.
    let inside = !path.components().any(|part| part.as_os_str() == "..");
    let groups = path.ancestors().filter(move |_| inside);
    let groups = groups.chain(std::iter::once(Path::new("")));
    groups.filter_map(move |group| read(&root.join(group)))
}

fn ratio(quota: &str, period: &str) -> Option<f64> {
    // "max", and -1 in version 1, are no numbers of microseconds above 0: no quota.
    let quota: f64 = quota.trim().parse().ok()?;
    let period: f64 = period.trim().parse().ok()?;
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn version_2_takes_the_least_of_the_group_and_those_above() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path();
        write(root, "a/b/cpu.max", "max 100000\n");
        assert_eq!(quota(root, "0::/a/b\n"), None);
        write(root, "a/cpu.max", "150000 100000\n");
        assert_eq!(quota(root, "0::/a/b\n"), Some(1.5));
        write(root, "a/b/cpu.max", "50000 100000\n");
        assert_eq!(quota(root, "0::/a/b\n"), Some(0.5));
    }

    #[test]
    fn in_a_container_the_mounted_root_is_the_own_group() {
        let temp = tempfile::tempdir().unwrap();
        write(temp.path(), "cpu.max", "200000 100000\n");
        assert_eq!(quota(temp.path(), "0::/\n"), Some(2.0));
        let host = "0::/kubepods/burstable/pod1/abc\n";
        assert_eq!(quota(temp.path(), host), Some(2.0));
        assert_eq!(quota(temp.path(), "0::/../other\n"), Some(2.0));
    }

    #[test]
    fn version_1_is_read_from_the_hierarchy_of_the_cpu_controller() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path();
        let groups = "5:memory:/m\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/\n";
        write(root, "cpu,cpuacct/docker/x/cpu.cfs_quota_us", "300000\n");
        write(root, "cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n");
        assert_eq!(quota(root, groups), Some(3.0));
        write(root, "cpu,cpuacct/docker/x/cpu.cfs_quota_us", "-1\n");
        assert_eq!(quota(root, groups), None);
    }

    #[test]
    fn nothing_readable_is_no_quota() {
        let temp = tempfile::tempdir().unwrap();
        for groups in ["", "garbage", "0::", "0::/gone\n", "7:cpu:/x\n"] {
            assert_eq!(quota(temp.path(), groups), None, "{groups:?}");
        }
        assert!(usable() >= 1);
    }
}

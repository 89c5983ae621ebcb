//! The pages behind the segment: huge ones, and all touched beforehand, if the pool is served so.
//!
//! Called by [`super::Segment::prepare`], in each process for its own mapping, and before the
//! memory is allocated. Invariant: only advice to the kernel; whatever it refuses, the segment
//! works.

use memmap2::{Advice, MmapOptions, MmapRaw};
use std::fs::{self, File};
use std::path::Path;

const POLICY: &str = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";

/// Touches all pages, asks for huge ones; what was refused.
pub(super) fn prepare(
    map: &MmapRaw,
    touch: bool,
    huge: bool,
    sealed: bool,
    dir: &Path,
) -> Vec<String> {
    let mut refused = Vec::new();
    if huge {
        let why = why_no_huge_pages(sealed, dir)
            .or_else(|| Some(map.advise(Advice::HugePage).err()?.to_string()));
        refused.extend(why.map(|why| format!("huge pages: ordinary ones instead: {why}")));
    }
    // `MADV_POPULATE_WRITE`, Linux 5.14: it writes nothing, but every page is there for writing.
    if touch && let Err(error) = map.advise(Advice::PopulateWrite) {
        refused.push(format!(
            "pre-fault: pages are touched when they are used: {error}"
        ));
    }
    refused
}

/// Allocates a new file in huge pages, as far as the kernel has them now. The mapping must be there
/// first: an allocation without one takes ordinary pages where the kernel only listens to advice.
pub(crate) fn fill_with_huge_pages(file: &File, size: u64, sealed: bool, dir: &Path) {
    if why_no_huge_pages(sealed, dir).is_some() || file.set_len(size).is_err() {
        return;
    }
    let Ok(len) = usize::try_from(size) else {
        return;
    };
    if let Ok(map) = MmapOptions::new().len(len).map_raw(file)
        && map.advise(Advice::HugePage).is_ok()
    {
        // A lack of memory is told by the allocation that follows.
        let _ = map.advise(Advice::PopulateWrite);
    }
}

/// Why a segment in a directory, or one that is a sealed memfd, can't be made of huge pages;
/// `None` if it can.
#[must_use]
pub fn why_no_huge_pages(sealed: bool, dir: &Path) -> Option<String> {
    let Ok(policy) = fs::read_to_string(POLICY) else {
        return Some(format!("this kernel has no {POLICY}"));
    };
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    why_not(&policy, (!sealed).then(|| mount_options(&mounts, dir)))
}

/// The kernel's policy, as `always within_size advise [never] deny force`, and the options of the
/// file system of a file.
fn why_not(policy: &str, mount: Option<&str>) -> Option<String> {
    let chosen = policy.split(['[', ']']).nth(1).unwrap_or("never");
    let is_huge = |option: &str| ["always", "within_size", "advise"].contains(&option);
    match (chosen, mount) {
        ("force", _) => None,
        ("deny", _) => Some(format!("{POLICY} is deny")),
        (_, Some(options)) => {
            let huge = options.split(',').find_map(|one| one.strip_prefix("huge="));
            let refused = !huge.is_some_and(is_huge);
            refused.then(|| "its file system is not mounted with huge=advise".to_owned())
        }
        (chosen, None) => {
            (!is_huge(chosen)).then(|| format!("{POLICY} is {chosen}, advise would do"))
        }
    }
}

/// The options of the file system that holds a path: the last field of the line of mountinfo with
/// the longest mount point that the path begins with.
fn mount_options<'a>(mounts: &'a str, path: &Path) -> &'a str {
    let points = mounts.lines().filter_map(|line| {
        let point = line.split(' ').nth(4)?;
        path.starts_with(point).then_some((point.len(), line))
    });
    let line = points
        .max_by_key(|(length, _)| *length)
        .map(|(_, line)| line);
    line.and_then(|line| line.rsplit(' ').next())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "22 1 8:1 / / rw shared:1 - ext4 /dev/vda rw\n\
        30 22 0:24 / /dev/shm rw shared:2 - tmpfs tmpfs rw,size=1024k,huge=advise\n\
        31 22 0:25 / /dev rw - devtmpfs dev rw\n";

    #[test]
    fn the_kernel_s_policy_and_the_mount_decide() {
        let policy = |chosen: &str| format!("always within_size [{chosen}] deny");
        assert_eq!(why_not(&policy("advise"), None), None);
        assert!(
            why_not(&policy("never"), None)
                .unwrap()
                .contains("is never")
        );
        let shm = mount_options(MOUNTS, Path::new("/dev/shm/ringwork-0/p"));
        assert_eq!(shm, "rw,size=1024k,huge=advise");
        assert_eq!(why_not(&policy("never"), Some(shm)), None);
        assert!(why_not(&policy("deny"), Some(shm)).is_some());
        assert!(
            why_not(&policy("never"), Some("rw"))
                .unwrap()
                .contains("huge=advise")
        );
        assert_eq!(why_not(&policy("force"), Some("rw")), None);
        assert_eq!(mount_options(MOUNTS, Path::new("/home/x")), "rw");
    }
}

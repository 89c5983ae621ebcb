//! Kernel, cores and limits.

use super::finding::Finding;
use ringwork_worker::confine::sandbox::{Offer, Plan};
use rustix::process::{PidfdFlags, Resource, getpid, getrlimit, pidfd_open};
use std::fs;

pub(super) fn findings() -> Vec<Finding> {
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let mut found = vec![kernel(&release), sandbox(), cores()];
    found.extend(limits());
    found
}

/// Major and minor of a kernel release such as `6.8.0-45-generic`.
fn version(release: &str) -> (u32, u32) {
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn kernel(release: &str) -> Finding {
    // Asked, not looked up: sandboxes such as gVisor name a version and have less.
    let pidfd = pidfd_open(getpid(), PidfdFlags::empty()).is_ok();
    if version(release) < (3, 15) {
        return Finding::fail(
            "kernel",
            format!(
                "Linux {release} has no open-file-description locks (3.15), by which a death is proved"
            ),
            "use a kernel of 5.3 or later",
        );
    }
    if !pidfd {
        return Finding::warn(
            "kernel",
            format!(
                "Linux {release} gives no pidfd (5.3): a worker's death is noticed at the next tick, up to 0.1 s later"
            ),
            "use a kernel of 5.3 or later, or allow pidfd_open in the sandbox",
        );
    }
    Finding::ok(
        "kernel",
        format!("Linux {release}: open-file-description locks, pidfd"),
    )
}

/// What `ringwork serve --sandbox` would be here.
fn sandbox() -> Finding {
    let plan = Plan::new(Offer::of_this_kernel(), &[]);
    match plan.gaps().as_slice() {
        [] => Finding::ok("sandbox", plan.to_string()),
        gaps => Finding::warn(
            "sandbox",
            plan.to_string(),
            format!("--sandbox would not confine {}", gaps.join("; ")),
        ),
    }
}

fn cores() -> Finding {
    let usable = ringwork_ring::os::cpus::usable();
    let online = fs::read_to_string("/sys/devices/system/cpu/online")
        .map_or(usable, |list| count_cpus(&list));
    let text = if usable < online {
        format!("{usable} usable of {online}: an affinity mask or a cgroup quota takes the others")
    } else {
        format!("{usable} usable")
    };
    if usable == 1 {
        let remedy = "give it two cores for low latency; with one, neither side spins and each call costs two context switches";
        Finding::warn("cores", text, remedy)
    } else {
        Finding::ok("cores", text)
    }
}

/// The number of CPUs in a list such as `0-3,8`.
fn count_cpus(list: &str) -> usize {
    let range = |part: &str| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        Some(
            high.trim()
                .parse::<usize>()
                .ok()?
                .saturating_sub(low.trim().parse().ok()?)
                + 1,
        )
    };
    list.split(',').filter_map(range).sum::<usize>().max(1)
}

fn limits() -> Vec<Finding> {
    // A supervisor has two descriptors for each worker and one for each client and worker entry.
    let needed = 128;
    let files = getrlimit(Resource::Nofile).current;
    let processes = getrlimit(Resource::Nproc).current;
    let memory = getrlimit(Resource::As).current;
    let locked = getrlimit(Resource::Memlock).current;
    let show = |limit: Option<u64>| {
        limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
    };
    let mut found = vec![match files {
        Some(limit) if limit < needed => Finding::warn(
            "limits",
            format!("{limit} open files are few for a pool of the default size"),
            format!("ulimit -n {}", needed * 8),
        ),
        _ => Finding::ok(
            "limits",
            format!(
                "open files {}, processes {}, locked memory {} (not needed)",
                show(files),
                show(processes),
                show(locked)
            ),
        ),
    }];
    if let Some(limit) = memory {
        found.push(Finding::warn(
            "limits",
            format!(
                "the address space is limited to {limit} bytes: each process maps the whole segment"
            ),
            "ulimit -v unlimited",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn releases_and_cpu_lists_are_read() {
        assert_eq!(version("6.8.0-45-generic"), (6, 8));
        assert_eq!(version("5.15.167.4-microsoft"), (5, 15));
        assert_eq!(version("odd"), (0, 0));
        assert_eq!(
            [count_cpus("0-3,8\n"), count_cpus("0\n"), count_cpus("")],
            [5, 1, 1]
        );
    }

    #[test]
    fn an_old_kernel_fails_with_a_remedy() {
        let finding = kernel("3.10.0-1160.el7");
        assert_eq!(finding.level, Level::Fail);
        assert!(finding.remedy.is_some());
    }
}

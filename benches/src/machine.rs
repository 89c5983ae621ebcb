//! What machine this is, and what its processes cost: read from /proc.

use crate::programs::Programs;
use crate::summary::Environment;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The environment that goes with every figure.
pub fn environment(programs: &Programs) -> Environment {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .and_then(|rest| rest.split_once(':'))
        .map_or("unknown", |(_, name)| name.trim());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let root = programs.root.to_string_lossy();
    let commit = first_line("git", &["-C", &root, "rev-parse", "--short=12", "HEAD"]);
    let changed = Command::new("git")
        .args(["-C", &root, "status", "--porcelain", "--untracked-files=no"])
        .output()
        .is_ok_and(|output| !output.stdout.is_empty());
    Environment {
        cpu: model.to_owned(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        kernel: kernel.trim().to_owned(),
        jdk: jdk(&programs.java),
        rustc: first_line("rustc", &["--version"]),
        commit: if changed {
            format!("{commit}+changes")
        } else {
            commit
        },
        quick: false,
    }
}

/// The load average of the last minute.
pub fn load() -> f64 {
    fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(0.0)
}

/// Cores in use while this program and its cases do nothing: by others.
pub fn in_use() -> f64 {
    let span = Duration::from_millis(500);
    let (start, (before, _)) = (Instant::now(), cpu_seconds());
    std::thread::sleep(span);
    (cpu_seconds().0 - before) / start.elapsed().as_secs_f64()
}

/// Seconds, all cores added up, that the hypervisor gave to others since the start.
pub fn stolen() -> f64 {
    cpu_seconds().1
}

/// Seconds that all cores worked, or could not, and of these the stolen ones: `cpu` in /proc/stat
/// counts user, nice, system, idle, iowait, irq, softirq and steal in hundredths.
fn cpu_seconds() -> (f64, f64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line
        .split_whitespace()
        .skip(1)
        .map_while(|word| word.parse().ok())
        .collect();
    let at = |field: usize| ticks.get(field).copied().unwrap_or(0.0) / 100.0;
    let busy = [0, 1, 2, 5, 6, 7].map(at).iter().sum();
    (busy, at(7))
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    Command::new(program)
        .args(arguments)
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| {
            let text = String::from_utf8(output.stdout).ok()?;
            Some(text.lines().next()?.trim().to_owned())
        })
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The version that the JVM itself says.
fn jdk(java: &Path) -> String {
    let properties = Command::new(java)
        .args(["-XshowSettings:properties", "-version"])
        .output()
        .map(|output| String::from_utf8_lossy(&output.stderr).into_owned())
        .unwrap_or_default();
    let property = |name: &str| {
        properties
            .lines()
            .find_map(|line| line.trim().strip_prefix(name)?.trim().strip_prefix('='))
            .map(|value| value.trim().to_owned())
    };
    match (property("java.vm.version"), property("java.vm.vendor")) {
        (Some(version), Some(vendor)) => format!("{version} ({vendor})"),
        _ => "unknown".to_owned(),
    }
}

/// CPU time of a process and of all its descendants, in nanoseconds, by process name.
///
/// Summed over the threads alive (`schedstat` counts nanoseconds, `stat` only ticks).
pub fn cpu_time_of_tree(root: u32) -> HashMap<u32, (String, u64)> {
    let mut parents: HashMap<u32, (u32, String)> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        if let Some(found) = parent_and_name(pid) {
            parents.insert(pid, found);
        }
    }
    let in_tree = |mut pid: u32| {
        for _ in 0..64 {
            if pid == root {
                return true;
            }
            match parents.get(&pid) {
                Some((parent, _)) => pid = *parent,
                None => return false,
            }
        }
        false
    };
    parents
        .iter()
        .filter(|(pid, _)| in_tree(**pid))
        .map(|(pid, (_, name))| (*pid, (name.clone(), thread_time(*pid))))
        .collect()
}

fn parent_and_name(pid: u32) -> Option<(u32, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may hold anything.
    let (open, close) = (stat.find('(')?, stat.rfind(')')?);
    let parent = stat[close + 1..].split_whitespace().nth(1)?.parse().ok()?;
    Some((parent, stat[open + 1..close].to_owned()))
}

fn thread_time(pid: u32) -> u64 {
    fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_seen_as_seconds_of_the_cores() {
        // Work until it is seen: how soon is unknown on a machine that others use.
        let (start, (before, _)) = (Instant::now(), cpu_seconds());
        while cpu_seconds().0 - before < 0.05 {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "work is not seen"
            );
        }
        assert!(in_use() >= 0.0 && stolen() >= 0.0);
    }

    #[test]
    fn this_process_has_a_name_and_has_used_time() {
        let me = std::process::id();
        let tree = cpu_time_of_tree(me);
        let (name, time) = &tree[&me];
        assert!(!name.is_empty());
        assert!(*time > 0);
    }
}

//! The bound on a worker's threads.
//!
//! RLIMIT_NPROC would not do: it counts all processes of the user, the JVM's
//! threads included, and does not hold for root; a cgroup needs its owner's leave.
//! So the supervisor counts, at its tick, and kills: that works everywhere. Between
//! two counts a handler can start some thousands of threads, and no more.

use crate::crew::Crew;
use ringwork_ring::CauseDetail;

/// Kills the workers that have more than `max` threads; 0: any number is fine.
pub(crate) fn kill_crowded(crew: &mut Crew, max: u32) {
    if max == 0 {
        return;
    }
    let crowded: Vec<(u32, u32)> = crew
        .ids()
        .filter_map(|(entry, pid)| threads_of(pid).map(|threads| (entry, threads)))
        .filter(|(_, threads)| *threads > max)
        .collect();
    for (worker, threads) in crowded {
        let why = format!("it had {threads} threads, more than --worker-threads ({max})");
        if crew.kill(worker, &why, CauseDetail::Threads) {
            tracing::error!(
                event = "worker.too_many_threads",
                worker,
                threads,
                "killing worker {worker}: {why}"
            );
        }
    }
}

/// The number of threads of a child that is not reaped yet.
fn threads_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; the state is the first field after it, and
    // num_threads the eighteenth.
    let fields = &stat[stat.rfind(')')? + 1..];
    fields.split_whitespace().nth(17)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn threads_are_counted() {
        let before = super::threads_of(std::process::id()).unwrap();
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || receiver.recv());
        // Other tests start and end threads meanwhile.
        assert!(before >= 1 && super::threads_of(std::process::id()).unwrap() >= 2);
        drop(sender);
        let _ = thread.join();
    }
}

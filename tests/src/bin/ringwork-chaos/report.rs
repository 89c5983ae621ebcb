//! What is told at the end.

use crate::ledger::Verdict;
use crate::processes::{LANES, WORKERS};
use crate::recovery::Recoveries;
use ringwork_ring::Segment;
use ringwork_ring::format::layout::*;
use ringwork_tests::chaos::End;
use std::fmt;
use std::time::Duration;

/// Faults told by name.
const TOLD: usize = 30;

/// What was done to which process, and what the pools counted.
#[derive(Debug, Default)]
pub struct Tally {
    pub killed_workers: u64,
    pub stopped_workers: u64,
    pub recycled_workers: u64,
    pub killed_clients: u64,
    pub stopped_clients: u64,
    pub recycled_clients: u64,
    pub killed_supervisors: u64,
    pub stopped_supervisors: u64,
    pub recycled_supervisors: u64,
    requeued: u64,
    crashed: u64,
    dropped: u64,
    blocks: u64,
}

impl Tally {
    /// Adds the counters of a pool that has ended.
    pub fn add(&mut self, segment: &Segment) {
        let count = |counter| segment.header().counter(counter).get();
        self.requeued += count(PoolCounter::TasksRequeued);
        self.crashed += count(PoolCounter::TasksCrashed);
        self.dropped += count(PoolCounter::TasksDropped);
        self.blocks += count(PoolCounter::BlocksRecovered);
    }
}

/// What was not given back.
#[derive(Debug, Default)]
pub struct Leaks(Vec<String>);

impl Leaks {
    pub fn add(&mut self, found: Vec<String>) {
        self.0.extend(found);
    }
}

/// The whole result.
#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    pub time: Duration,
    pub jvms: usize,
    /// Tasks that the JVMs submitted.
    pub by_jvms: u64,
    pub verdict: Verdict,
    pub tally: Tally,
    pub leaks: Leaks,
    pub recoveries: Recoveries,
    pub faults: Vec<String>,
}

impl Report {
    /// Whether nothing was lost, duplicated, leaked or otherwise at fault.
    pub fn is_good(&self) -> bool {
        let Verdict {
            lost,
            duplicated,
            disordered,
            overlapping,
            wrong,
            ..
        } = self.verdict;
        lost + duplicated + disordered + overlapping + wrong == 0
            && self.leaks.0.is_empty()
            && self.faults.is_empty()
    }

    fn wrong(&self) -> u64 {
        self.verdict.wrong + self.faults.len() as u64
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, value: u64, more: &str) -> fmt::Result {
    writeln!(f, "{name:<18}{:>12}  {more}", grouped(value))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.faults.iter().chain(&self.verdict.faults);
        for fault in faults.chain(&self.leaks.0).take(TOLD) {
            writeln!(f, "fault: {fault}")?;
        }
        self.write_tasks(f)?;
        self.write_faults_made(f)?;
        self.write_findings(f)?;
        self.write_times(f)?;
        self.write_verdict(f)
    }
}

impl Report {
    /// How long, and how many tasks ended how.
    fn write_tasks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = &self.verdict;
        let end = |end: End| grouped(verdict.ends[end as usize]);
        row(
            f,
            "seconds",
            self.time.as_secs_f64().round() as u64,
            &format!(
                "seed {}, {} JVMs and a Rust client, {WORKERS} workers of {LANES} lanes",
                self.seed, self.jvms
            ),
        )?;
        row(
            f,
            "tasks",
            verdict.tasks,
            &format!(
                "{} by JVMs; {} completed, {} failed as asked, {} crashed, {} timed out, {} cancelled, {} rejected, {} closed, {} abandoned; {} of killed clients",
                grouped(self.by_jvms),
                end(End::Completed),
                end(End::Failed),
                end(End::Crashed),
                end(End::TimedOut),
                end(End::Cancelled),
                end(End::Rejected),
                end(End::Closed),
                end(End::Abandoned),
                grouped(verdict.orphaned)
            ),
        )
    }

    /// What was done to the processes, and what came of it.
    fn write_faults_made(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, tally, .. } = self;
        row(
            f,
            "kills",
            tally.killed_workers + tally.killed_clients + tally.killed_supervisors,
            &format!(
                "{} workers ({:.1} a second), {} clients, {} supervisors",
                grouped(tally.killed_workers),
                tally.killed_workers as f64 / self.time.as_secs_f64(),
                tally.killed_clients,
                tally.killed_supervisors
            ),
        )?;
        row(
            f,
            "stops",
            tally.stopped_workers + tally.stopped_clients + tally.stopped_supervisors,
            &format!(
                "{} workers, {} clients, {} supervisors, up to 0.8 s each",
                grouped(tally.stopped_workers),
                tally.stopped_clients,
                tally.stopped_supervisors
            ),
        )?;
        row(
            f,
            "recycled",
            tally.recycled_workers + tally.recycled_clients + tally.recycled_supervisors,
            &format!(
                "{} workers, {} connections, {} pools",
                grouped(tally.recycled_workers),
                tally.recycled_clients,
                tally.recycled_supervisors
            ),
        )?;
        row(
            f,
            "retries",
            tally.requeued,
            &format!(
                "tasks queued again; {} started a second or third time; {} ended as crashed, {} dropped and {} blocks freed for the dead",
                grouped(verdict.retried),
                grouped(tally.crashed),
                grouped(tally.dropped),
                grouped(tally.blocks)
            ),
        )
    }

    /// What must be nothing.
    fn write_findings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = &self.verdict;
        row(f, "lost", verdict.lost, "")?;
        let starts = format!("of {} starts of handlers", grouped(verdict.starts));
        row(f, "duplicated", verdict.duplicated, &starts)?;
        let keyed = format!("of {} starts of tasks with keys", grouped(verdict.keyed));
        row(f, "disordered", verdict.disordered, &keyed)?;
        let overlap = "handlers that ran on while another one of their key ran";
        row(f, "overlapping", verdict.overlapping, overlap)?;
        let leaks = self.leaks.0.len() as u64;
        row(
            f,
            "leaked",
            leaks,
            "slots, blocks, entries, files, processes",
        )?;
        let wrong = "results, promises, processes that ended by themselves";
        row(f, "wrong", self.wrong(), wrong)
    }

    /// How long recoveries took, and the slowest task.
    fn write_times(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = [
            (
                "slowest recovery",
                self.recoveries.worker(),
                "worker killed: all that it held is queued again or ended",
            ),
            (
                "  of a client",
                self.recoveries.client(),
                "client killed: its slots and blocks are free",
            ),
            (
                "  of a pool",
                &self.recoveries.supervisor,
                "supervisor killed: its successor has been started and has served a task",
            ),
        ];
        for (name, took, what) in times {
            let mut took = took.to_vec();
            took.sort_unstable();
            let millis = |at: f64| {
                let index =
                    ((took.len() as f64 * at).ceil() as usize).clamp(1, took.len().max(1)) - 1;
                took.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e3)
            };
            writeln!(
                f,
                "{name:<18}{:>9.1} ms  {what} (p50 {:.1}, p99 {:.1}, of {})",
                millis(1.0),
                millis(0.5),
                millis(0.99),
                took.len()
            )?;
        }
        writeln!(
            f,
            "{:<18}{:>9.1} ms  from a submit to its end, stops of its client included",
            "slowest task",
            f64::from(self.verdict.slowest_micros) / 1e3
        )
    }

    /// The last line.
    fn write_verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.tally;
        let verdict = if self.is_good() { "passed" } else { "FAILED" };
        write!(
            f,
            "chaos: {verdict}: {} tasks, {} kills, {} lost, {} duplicated, {} disordered, {} overlapping, {} leaked, {} wrong",
            grouped(self.verdict.tasks),
            grouped(tally.killed_workers + tally.killed_clients + tally.killed_supervisors),
            self.verdict.lost,
            self.verdict.duplicated,
            self.verdict.disordered,
            self.verdict.overlapping,
            self.leaks.0.len(),
            self.wrong()
        )
    }
}

/// 1234567 as `1,234,567`.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

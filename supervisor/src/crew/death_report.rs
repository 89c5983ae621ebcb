//! What is said, and given back, when a worker has died.

use crate::config::WorkerCommand;
use crate::crew::quarantine::{self, describe};
use crate::lifecycle::{self, Topic};
use crate::pool::{handler_name, running_handler};
use crate::process::Process;
use crate::process::cause;
use ringwork_ring::Cause;
use ringwork_ring::Segment;
use ringwork_ring::format::layout::PoolCounter;
use ringwork_ring::reaper::crashing_task::CrashingTask;
use ringwork_ring::reaper::{Reaped, reap_worker_noting};
use ringwork_ring::segment::tables::log_error;
use std::collections::BTreeSet;
use std::time::Duration;

/// What is said of a worker that its own supervisor has killed, before the reason.
const KILLED: &str = "was killed by the supervisor";

/// One death.
#[derive(Debug)]
pub(crate) struct DeathReport {
    who: String,
    /// Its process, if it was one.
    pid: Option<u32>,
    entry: u32,
    cause: String,
    clean: bool,
    was_ready: bool,
    /// By its own supervisor: then the cause says whether it was ready.
    killed: bool,
    running: Vec<String>,
    reaped: Reaped,
    last_lines: Vec<String>,
}

impl DeathReport {
    /// Reaps a child that has exited and collects what there is to say.
    pub(crate) fn write(
        segment: &Segment,
        entry: u32,
        process: &Process,
        exit: Cause,
        last_lines: Vec<String>,
        quarantine_keep: u32,
    ) -> Self {
        let running = running_in(segment, entry);
        let cause = cause::with_detail(exit, process.killed_for, &last_lines);
        let reaped = if is_entry_of(segment, entry, process) {
            let mut note = |task: &CrashingTask<'_>| describe(segment, quarantine_keep, task);
            reap_worker_noting(segment, entry, cause, &mut note)
        } else {
            Reaped::default()
        };
        let cause = match &process.killed {
            Some(why) if process.ready.is_none() => format!("{KILLED} before it was ready: {why}"),
            Some(why) => format!("{KILLED}: {why}"),
            None => cause.to_string(),
        };
        Self {
            who: format!("worker {entry} (process {})", process.id()),
            pid: Some(process.id()),
            entry,
            cause,
            // A handler that calls exit(0) takes its task along: that is no orderly leave.
            clean: exit.is_clean()
                && process.ready.is_some()
                && reaped.requeued == 0
                && reaped.crashed.is_empty(),
            was_ready: process.ready.is_some(),
            killed: process.killed.is_some(),
            running,
            reaped,
            last_lines,
        }
    }

    /// Reaps a worker that was not our child and whose lock is free.
    pub(crate) fn of_joined(segment: &Segment, entry: u32, quarantine_keep: u32) -> Self {
        let mut note = |task: &CrashingTask<'_>| describe(segment, quarantine_keep, task);
        let running = running_in(segment, entry);
        let pid = segment.worker(entry).pid();
        Self {
            who: format!("worker {entry} (process {pid}, started by somebody else)"),
            pid: Some(pid),
            entry,
            cause: Cause::Unknown.to_string(),
            clean: false,
            was_ready: true,
            killed: false,
            running,
            reaped: reap_worker_noting(segment, entry, Cause::Unknown, &mut note),
            last_lines: Vec::new(),
        }
    }

    /// A child that could not even be started.
    pub(crate) fn not_started(command: &WorkerCommand, cause: String) -> Self {
        Self {
            who: format!("worker {}", command.program.display()),
            pid: None,
            entry: u32::MAX,
            cause,
            clean: false,
            was_ready: false,
            killed: false,
            running: Vec::new(),
            reaped: Reaped::default(),
            last_lines: Vec::new(),
        }
    }

    /// Why it died.
    pub(crate) fn cause(&self) -> String {
        self.cause.clone()
    }

    /// Whether it left in order.
    pub(crate) fn is_clean(&self) -> bool {
        self.clean
    }

    /// Says that it left in order, and why if that is known.
    pub(crate) fn tell_leave(&self, segment: &Segment, why: Option<&str>) {
        let text = Some(("why", why.unwrap_or("by itself")));
        lifecycle::publish(
            segment,
            Topic::WorkerLeft,
            &[("worker", self.entry.into())],
            text,
        );
        match why {
            Some(why) => tracing::info!(
                event = "worker.left",
                worker = self.entry,
                pid = self.pid,
                "{} has left: {why}",
                self.who
            ),
            None => tracing::info!(
                event = "worker.left",
                worker = self.entry,
                pid = self.pid,
                "{} left by itself; another takes its place",
                self.who
            ),
        }
    }

    /// Its last words, indented; or that there were none.
    pub(crate) fn output(&self) -> String {
        if self.last_lines.is_empty() {
            return "It wrote nothing.".to_owned();
        }
        let lines: String = self
            .last_lines
            .iter()
            .map(|line| format!("\n  | {line}"))
            .collect();
        format!("Its last output:{lines}")
    }

    /// Logs the death, counts it, and keeps it in the segment's error log.
    pub(crate) fn announce(&self, segment: &Segment, pause: Option<Duration>) {
        segment.count(PoolCounter::WorkersCrashed, 1);
        let mut text = String::new();
        if !self.was_ready {
            if !self.killed {
                text.push_str(" before it was ready");
            }
        } else if !self.running.is_empty() {
            text.push_str(&format!(" while it ran {}", self.running.join(", ")));
        }
        // Without ids, so that the same death counts up one entry.
        log_error(segment, &format!("a worker {}{text}", self.cause));
        let Reaped {
            requeued,
            crashed,
            blocks,
        } = &self.reaped;
        if *requeued > 0 {
            text.push_str(&format!("; {requeued} of its tasks will be tried again"));
        }
        if !crashed.is_empty() {
            let handlers: BTreeSet<String> = crashed
                .iter()
                .map(|crash| {
                    let handler = handler_name(segment, crash.handler);
                    format!("{handler} ({})", crash.note)
                })
                .collect();
            let handlers: Vec<String> = handlers.into_iter().collect();
            text.push_str(&format!(
                "; {} failed as crashed: {}",
                crashed.len(),
                handlers.join(", ")
            ));
        }
        let fields = [
            ("worker", self.entry.into()),
            ("requeued", *requeued),
            ("crashed", crashed.len() as u64),
        ];
        let cause = Some(("cause", self.cause.as_str()));
        lifecycle::publish(segment, Topic::WorkerDied, &fields, cause);
        tracing::error!(
            event = "worker.died",
            worker = self.entry,
            pid = self.pid,
            requeued,
            crashed = crashed.len(),
            blocks,
            "{} {}{text}{}",
            self.who,
            self.cause,
            pause.map(successor).unwrap_or_default()
        );
        for crash in crashed {
            quarantine::report(segment, crash, (self.entry, self.pid), &self.cause);
        }
    }
}

/// When another worker takes the place of a dead one.
fn successor(pause: Duration) -> String {
    match pause.as_millis() {
        0 => "; another is started at once".to_owned(),
        _ => format!("; another is started in {pause:.1?}"),
    }
}

/// Whether what stands in the entry is this child's registration: not a free
/// entry, nor that of another worker that took it after the child had left.
fn is_entry_of(segment: &Segment, entry: u32, process: &Process) -> bool {
    let record = segment.worker(entry);
    let (word, pid) = (record.word_acquire(), record.pid());
    !word.is_free()
        && process
            .word
            .map_or(pid == process.id(), |seen| seen == word)
}

/// The handlers that a worker's lanes run, by name.
fn running_in(segment: &Segment, entry: u32) -> Vec<String> {
    let names: BTreeSet<String> = (0..segment.geometry().max_lanes)
        .filter(|lane| {
            let word = segment.lane(*lane).word_acquire();
            !word.is_free() && word.worker() == entry
        })
        .filter_map(|lane| running_handler(segment, lane))
        .map(|id| handler_name(segment, id))
        .collect();
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_in_words_or_with_its_unit() {
        let told = |micros| successor(Duration::from_micros(micros));
        assert_eq!(told(0), "; another is started at once");
        assert_eq!(told(999), "; another is started at once");
        assert_eq!(told(12_345), "; another is started in 12.3ms");
        assert_eq!(told(4_960_000), "; another is started in 5.0s");
    }
}

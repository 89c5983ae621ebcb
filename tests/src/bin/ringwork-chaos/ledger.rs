//! The driver's ledger: what every client says it submitted and got, and what workers started.
//!
//! Reads the records as they are appended. The verdict is passed at the end,
//! over every task: one end each, at most as many starts as were allowed, no
//! start of what was said not to have run. Invariant: nothing here is believed on one side's word.

use crate::keys::KeyRuns;
use ringwork_tests::chaos::{End, RECORD, Record};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Faults told by name; the others are only counted.
const TOLD: usize = 20;
/// Set in [`Task::end`] when the client was told that it may have run.
const MAY_HAVE_RUN: u8 = 0x80;

/// What is known of one task.
#[derive(Debug, Clone, Copy, Default)]
struct Task {
    submits: u8,
    attempts: u8,
    starts: u8,
    retries: u8,
    ends: u8,
    end: u8,
    /// The byte of its id that says of which key it is.
    key: u8,
}

#[derive(Debug)]
struct Source {
    file: File,
    rest: Vec<u8>,
}

/// All records of a run.
#[derive(Debug, Default)]
pub struct Ledger {
    sources: Vec<Source>,
    tasks: HashMap<u64, Vec<Task>>,
    keys: KeyRuns,
    slowest_micros: u32,
    unreadable: u64,
}

/// What the ledger says.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Tasks that clients were about to submit.
    pub tasks: u64,
    /// Tasks by end, in the order of [`End::ALL`].
    pub ends: [u64; End::ALL.len()],
    /// Tasks whose client was killed before it knew the end.
    pub orphaned: u64,
    /// Handlers started.
    pub starts: u64,
    /// Of these, for a second or third attempt.
    pub retried: u64,
    /// Tasks without an end, or completed without ever having been started.
    pub lost: u64,
    /// Tasks that ended twice, or were started more often than allowed.
    pub duplicated: u64,
    /// Wrong results, and tasks that ran although their client was told that they had not.
    pub wrong: u64,
    /// Of the starts, those of tasks that have keys.
    pub keyed: u64,
    /// Tasks that were started after one of their key and thread that was submitted later.
    pub disordered: u64,
    /// Handlers that ran on while another one of their key had been started.
    pub overlapping: u64,
    /// The longest time from a submit to its end, in microseconds.
    pub slowest_micros: u32,
    /// The first faults, in words.
    pub faults: Vec<String>,
}

impl Ledger {
    /// Adds a file that exists; its records are read from now on.
    pub fn open(&mut self, path: &Path) -> io::Result<()> {
        self.sources.push(Source {
            file: File::open(path)?,
            rest: Vec::new(),
        });
        Ok(())
    }

    /// Reads what has been appended.
    pub fn read(&mut self) -> io::Result<()> {
        let mut sources = std::mem::take(&mut self.sources);
        for source in &mut sources {
            source.file.read_to_end(&mut source.rest)?;
            let rest = std::mem::take(&mut source.rest);
            let (records, part) = rest.as_chunks::<RECORD>();
            for record in records {
                match Record::read(record) {
                    Some(record) => self.enter(record),
                    None => self.unreadable += 1,
                }
            }
            source.rest = part.to_vec();
        }
        self.sources = sources;
        Ok(())
    }

    fn enter(&mut self, record: Record) {
        let (Record::Submit(id, _)
        | Record::Ended(id, ..)
        | Record::Start(id, ..)
        | Record::Finish(id, ..)) = record;
        let number = id & 0xffff_ffff;
        // An invented id must not make the driver take all memory.
        if number >= 1 << 28 {
            self.unreadable += 1;
            return;
        }
        let tasks = self.tasks.entry(id >> 40).or_default();
        let index = number as usize;
        if tasks.len() <= index {
            tasks.resize(index + 1, Task::default());
        }
        let task = &mut tasks[index];
        task.key = (id >> 32) as u8;
        match record {
            Record::Submit(_, attempts) => {
                task.submits = task.submits.saturating_add(1);
                task.attempts = attempts;
            }
            Record::Ended(_, end, may_have_run, micros) => {
                task.ends = task.ends.saturating_add(1);
                task.end = end as u8 | if may_have_run { MAY_HAVE_RUN } else { 0 };
                self.slowest_micros = self.slowest_micros.max(micros);
            }
            Record::Start(_, attempt, pool) => {
                task.starts = task.starts.saturating_add(1);
                task.retries += u8::from(attempt > 1);
                self.keys.start(id, attempt, pool);
            }
            Record::Finish(_, attempt, pool) => self.keys.finish(id, attempt, pool),
        }
    }

    /// How many tasks of these clients are known by now.
    pub fn tasks_of(&self, is_meant: impl Fn(u64) -> bool) -> u64 {
        let meant = self.tasks.iter().filter(|(client, _)| is_meant(**client));
        meant
            .flat_map(|(_, tasks)| tasks)
            .map(|task| u64::from(task.submits > 0))
            .sum()
    }

    /// The verdict; `killed` says whether the client of that number was killed.
    pub fn verdict(&self, killed: impl Fn(u64) -> bool) -> Verdict {
        let mut verdict = Verdict {
            slowest_micros: self.slowest_micros,
            wrong: self.unreadable,
            keyed: self.keys.starts,
            disordered: self.keys.disordered,
            overlapping: self.keys.overlapping,
            faults: self.keys.faults.clone(),
            ..Verdict::default()
        };
        if self.unreadable > 0 {
            verdict
                .faults
                .push(format!("{} records can't be read", self.unreadable));
        }
        for (client, tasks) in &self.tasks {
            let killed = killed(*client);
            for (number, task) in (0_u64..).zip(tasks) {
                let id = client << 40 | u64::from(task.key) << 32 | number;
                verdict.judge(id, task, killed);
            }
        }
        verdict
    }
}

impl Verdict {
    fn judge(&mut self, id: u64, task: &Task, killed: bool) {
        if task.submits == 0 && task.starts == 0 && task.ends == 0 {
            return; // a number that its client drew and died before it wrote it down
        }
        self.tasks += 1;
        self.starts += u64::from(task.starts);
        self.retried += u64::from(task.retries);
        let end = (task.ends > 0).then(|| End::ALL[usize::from(task.end & !MAY_HAVE_RUN)]);
        match end {
            Some(end) => self.ends[end as usize] += 1,
            None if killed => self.orphaned += 1,
            None => self.lost += 1,
        }
        let completed = end == Some(End::Completed) && task.attempts > 0;
        let fault = if task.submits != 1 {
            self.wrong += 1;
            "was not submitted once"
        } else if end.is_none() && !killed {
            "never ended"
        } else if completed && task.starts == 0 {
            self.lost += 1;
            "completed without having been started"
        } else if task.ends > 1 {
            self.duplicated += 1;
            "ended more than once"
        } else if task.starts > task.attempts.max(1) {
            self.duplicated += 1;
            "was started more often than allowed"
        } else if end == Some(End::Wrong) {
            self.wrong += 1;
            "ended wrongly, see its client's log"
        } else if end.is_some() && task.end & MAY_HAVE_RUN == 0 && task.starts > 0 {
            self.wrong += 1;
            "ran, but its client was told that it had not"
        } else {
            return;
        };
        if self.faults.len() < TOLD {
            self.faults
                .push(format!("task {id:#x} {fault}: {task:?}, end {end:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(records: &[Record], killed: bool) -> Verdict {
        let mut ledger = Ledger::default();
        records.iter().for_each(|record| ledger.enter(*record));
        ledger.verdict(|_| killed)
    }

    fn ended(end: End, may_have_run: bool) -> Record {
        Record::Ended(5, end, may_have_run, 1)
    }

    const ONCE: Record = Record::Submit(5, 1);
    const START: Record = Record::Start(5, 1, 7);

    /// Lost, duplicated, wrong.
    fn faults(records: &[Record]) -> [u64; 3] {
        let verdict = verdict(records, false);
        assert_eq!(
            verdict.faults.len(),
            usize::from(verdict.lost + verdict.duplicated + verdict.wrong > 0)
        );
        [verdict.lost, verdict.duplicated, verdict.wrong]
    }

    #[test]
    fn ends_that_are_allowed() {
        assert_eq!(
            faults(&[ONCE, START, ended(End::Completed, true)]),
            [0, 0, 0]
        );
        assert_eq!(faults(&[ONCE, ended(End::Cancelled, false)]), [0, 0, 0]);
        assert_eq!(faults(&[ONCE, ended(End::Crashed, true)]), [0, 0, 0]);
        let retried = [
            Record::Submit(5, 2),
            START,
            Record::Start(5, 2, 7),
            ended(End::Completed, true),
        ];
        assert_eq!(faults(&retried), [0, 0, 0]);
        assert_eq!(verdict(&retried, false).retried, 1);
        assert_eq!(
            faults(&[Record::Submit(5, 0), ended(End::Completed, true)]),
            [0, 0, 0]
        );
    }

    #[test]
    fn what_is_lost_doubled_or_wrong_is_seen() {
        assert_eq!(faults(&[ONCE, START]), [1, 0, 0]);
        assert_eq!(faults(&[ONCE, ended(End::Completed, true)]), [1, 0, 0]);
        assert_eq!(
            faults(&[ONCE, START, START, ended(End::Crashed, true)]),
            [0, 1, 0]
        );
        let twice = ended(End::Completed, true);
        assert_eq!(faults(&[ONCE, START, twice, twice]), [0, 1, 0]);
        assert_eq!(
            faults(&[ONCE, START, ended(End::TimedOut, false)]),
            [0, 0, 1]
        );
        assert_eq!(faults(&[ONCE, START, ended(End::Wrong, true)]), [0, 0, 1]);
        assert_eq!(faults(&[START, ended(End::Completed, true)]), [0, 0, 1]);
    }

    #[test]
    fn a_killed_client_s_tasks_need_no_end_but_run_once_all_the_same() {
        let orphan = verdict(&[ONCE, START], true);
        assert_eq!((orphan.orphaned, orphan.lost, orphan.duplicated), (1, 0, 0));
        assert_eq!(verdict(&[ONCE, START, START], true).duplicated, 1);
    }
}

//! What the records of workers say of keys: in which order tasks of one queue were started, and
//! whether two of one key ran at a time.
//!
//! All workers append to one file, so its order is that of their writes. A start is written before
//! its handler does anything and a finish after it has done all, so a run that finishes after
//! another one of its key has started has overlapped it. One that never finishes has died with its
//! worker. Used by the ledger, which hands over each record as it stands there.

use ringwork_tests::chaos::key;
use std::collections::HashMap;

/// Faults told by name; the others are only counted.
const TOLD: usize = 10;

/// A handler that was started: its task, and for which attempt.
type Run = (u64, u8);

/// The runs of keys.
#[derive(Debug, Default)]
pub struct KeyRuns {
    /// Number of the task that each queue has started last.
    last: HashMap<u64, u32>,
    /// By pool and key, the runs that have not finished: the last one runs, or has died; the others
    /// have died, or else they overlap.
    open: HashMap<(u32, u64), Vec<Run>>,
    pub starts: u64,
    /// Tasks that were started after one that was submitted later.
    pub disordered: u64,
    /// Runs that went on while another one of their key had been started.
    pub overlapping: u64,
    pub faults: Vec<String>,
}

impl KeyRuns {
    /// A handler was started in a pool.
    pub fn start(&mut self, id: u64, attempt: u8, pool: u32) {
        let Some(keyed) = key(id) else { return };
        self.starts += 1;
        let number = id as u32;
        let last = self.last.entry(keyed.queue).or_insert(number);
        if number < *last {
            let fault = format!("task {id:#x} was started after {last:#x} of its queue");
            self.disordered += 1;
            self.tell(fault);
        } else {
            *last = number;
        }
        let open = self.open.entry((pool, keyed.key)).or_default();
        open.push((id, attempt));
    }

    /// It is over.
    pub fn finish(&mut self, id: u64, attempt: u8, pool: u32) {
        let Some(keyed) = key(id) else { return };
        let open = self.open.entry((pool, keyed.key)).or_default();
        let run = (id, attempt);
        let Some(at) = open.iter().rposition(|started| *started == run) else {
            return; // what was never started is the ledger's to tell
        };
        open.remove(at);
        if let Some((other, _)) = open.get(at).copied() {
            self.overlapping += 1;
            self.tell(format!(
                "task {id:#x} ran on while {other:#x} of its key ran"
            ));
        }
    }

    fn tell(&mut self, fault: String) {
        if self.faults.len() < TOLD {
            self.faults.push(fault);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwork_tests::chaos::{KeyOf, id};

    fn own(number: u64) -> u64 {
        id(1, number, KeyOf::Thread, 0, 0)
    }

    fn faults(runs: &KeyRuns) -> [u64; 2] {
        [runs.disordered, runs.overlapping]
    }

    #[test]
    fn runs_one_after_the_other_are_in_order_though_workers_die() {
        let mut runs = KeyRuns::default();
        runs.start(own(1), 1, 7);
        runs.finish(own(1), 1, 7);
        runs.start(own(2), 1, 7); // its worker dies
        runs.start(own(2), 2, 7);
        runs.start(own(5), 1, 7); // the second one has died, too
        runs.finish(own(5), 1, 7);
        runs.start(id(1, 3, KeyOf::Nobody, 0, 0), 1, 7);
        assert_eq!((faults(&runs), runs.starts), ([0, 0], 4));
        // Another thread's, another connection's.
        runs.start(id(1, 4, KeyOf::Thread, 0, 1), 1, 7);
        runs.start(id(1, 4, KeyOf::Thread, 1, 0), 1, 7);
        assert_eq!(faults(&runs), [0, 0]);
    }

    #[test]
    fn a_start_out_of_turn_is_seen() {
        let mut runs = KeyRuns::default();
        for number in [1, 3, 2, 4] {
            runs.start(own(number), 1, 7);
            runs.finish(own(number), 1, 7);
        }
        assert_eq!(faults(&runs), [1, 0]);
        assert!(
            runs.faults[0].contains("was started after"),
            "{:?}",
            runs.faults
        );
    }

    #[test]
    fn two_runs_of_a_key_at_a_time_are_seen() {
        let mut runs = KeyRuns::default();
        let shared = |client| id(client, 4, KeyOf::All, 0, 0);
        runs.start(shared(1), 1, 7);
        runs.start(shared(2), 1, 7);
        runs.finish(shared(2), 1, 7);
        assert_eq!(faults(&runs), [0, 0]); // the first one may be dead
        runs.start(shared(3), 1, 7);
        runs.finish(shared(1), 1, 7);
        assert_eq!(faults(&runs), [0, 1]);
        // In two pools they may.
        runs.start(shared(4), 1, 8);
        runs.finish(shared(3), 1, 7);
        assert_eq!(faults(&runs), [0, 1]);
    }
}

//! Warnings of tasks that run for long: each task once, while it still runs.
//!
//! Called at the supervisor's tick. The times are those of [`running_task`]: a task that no lane has
//! timed is warned of a tick later.

use crate::pool::handler_name;
use crate::watch::task_of_line::{pid_of, task_of};
use ringwork_ring::Segment;
use ringwork_ring::format::words::Word;
use ringwork_ring::segment::running::running_task;
use ringwork_worker::log_of_task;
use std::collections::HashMap;
use std::time::Duration;

/// The tasks that were told.
#[derive(Debug, Default)]
pub(crate) struct SlowTasks {
    /// By lane, the last one.
    told: HashMap<u32, (u32, Word)>,
}

impl SlowTasks {
    /// Warns of the tasks that have run for `limit` by now; gives how many.
    pub(crate) fn look(&mut self, segment: &Segment, limit: Duration, now_ns: u64) -> usize {
        let mut new = 0;
        for lane in 0..segment.geometry().max_lanes {
            let (Some(task), Some(running)) = (running_task(segment, lane), segment.running(lane))
            else {
                continue;
            };
            let ran = task.since_ns.map(|since| now_ns.saturating_sub(since));
            let ran = Duration::from_nanos(ran.unwrap_or(0));
            if ran < limit || self.told.insert(lane, running) == Some(running) {
                continue;
            }
            new += 1;
            let handler = handler_name(segment, task.handler);
            let worker = segment.lane(lane).word_acquire().worker();
            log_of_task!(
                warn,
                "task.slow",
                task_of(segment, (worker, lane), running, &handler),
                pid = pid_of(segment, worker),
                "{handler} has run for {ran:.1?} on worker {worker}, lane {lane}, and goes on: `ringwork tasks {}` \
                 shows it; a soft or hard limit of --limit bounds it",
                segment.dir().name()
            );
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwork_ring::client::{Client, TaskOptions};
    use ringwork_ring::os::clock::now_ns;
    use ringwork_ring::{PoolConfig, PoolDir};

    #[test]
    fn nothing_is_told_where_nothing_runs() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let config = PoolConfig::default().segment_size(8 << 20);
        let (segment, _locks) = Segment::create(&dir, &config).unwrap();
        segment.set_pool_state(ringwork_ring::format::states::PoolState::Serving);
        let client = Client::connect(&dir).unwrap();
        let _waits = client.submit("x", b"", &TaskOptions::default()).unwrap();
        let mut slow = SlowTasks::default();
        assert_eq!(slow.look(&segment, Duration::ZERO, now_ns()), 0);
    }
}

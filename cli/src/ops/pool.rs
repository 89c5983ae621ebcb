//! The pool as HTTP shows it.

use super::openmetrics;
use crate::by_handler::Look;
use crate::prometheus;
use crate::view::{self, PoolView};
use ringwork_ops::{MetricsFormat, Readiness, Source, Unreadable};
use ringwork_ring::Segment;
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::segment::running::running_task;
use ringwork_supervisor::pool::handler_name;
use serde_json::{Map, Value, json};

/// Most waiting tasks that are shown of a priority.
const MAX_WAITING: usize = 64;

/// A pool that is looked at.
#[derive(Debug)]
pub(super) struct WatchedPool {
    segment: Segment,
}

impl WatchedPool {
    pub(super) fn new(segment: Segment) -> Self {
        Self { segment }
    }

    fn view(&self, look: &Look) -> Result<PoolView, Unreadable> {
        view::pool_since(&self.segment, look, None).map_err(unreadable)
    }
}

/// The tasks that lanes run.
fn running(segment: &Segment) -> Vec<Value> {
    let now = now_ns();
    let task = |lane: u32| {
        let task = running_task(segment, lane)?;
        let runs_s = task.since_ns.map(|since| view::seconds(now, since));
        Some(json!({
            "handler": handler_name(segment, task.handler),
            "lane": lane,
            "client": task.client,
            "client_pid": segment.client(task.client).pid(),
            "task_id": task.task_id,
            "attempt": task.attempt,
            "runs_s": runs_s,
        }))
    };
    (0..segment.geometry().max_lanes).filter_map(task).collect()
}

/// The first tasks of each queue, the most urgent first. A hint may be stale: only those are shown whose
/// slot still waits.
fn waiting(segment: &Segment) -> Vec<Value> {
    let geometry = segment.geometry();
    let now = now_ns();
    let all_slots = geometry
        .max_clients
        .saturating_mul(geometry.slots_per_client);
    let mut tasks = Vec::new();
    for priority in 0..geometry.priorities {
        let mut hints = [0; MAX_WAITING];
        let count = segment.injector(priority).peek(&mut hints).count;
        for slot in hints[..count].iter().filter(|slot| **slot < all_slots) {
            let fields = segment.slot(*slot);
            let Some(word) = fields.queued() else {
                continue;
            };
            let client = slot / geometry.slots_per_client;
            let deadline = fields.deadline_ns();
            let task = json!({
                "handler": handler_name(segment, fields.handler()),
                "priority": priority,
                "client": client,
                "client_pid": segment.client(client).pid(),
                "attempt": word.attempt() + 1,
                "deadline_in_s": deadline.map(|at| view::seconds(at, now)),
            });
            // What was read is that task's only if it still waits.
            if fields.queued() == Some(word) {
                tasks.push(task);
            }
        }
    }
    tasks
}

fn unreadable(error: impl std::fmt::Display) -> Unreadable {
    Unreadable(error.to_string())
}

impl Source for WatchedPool {
    fn readiness(&self) -> Result<Readiness, Unreadable> {
        let now = view::condition(&self.segment).map_err(unreadable)?;
        Ok(Readiness {
            state: now.state,
            ready: now.ready,
            over: view::is_over(now.state),
            reason: now.reason,
        })
    }

    fn stat(&self) -> Result<String, Unreadable> {
        let view = self.view(&Look::now(&self.segment))?;
        serde_json::to_string_pretty(&view)
            .map(|text| text + "\n")
            .map_err(unreadable)
    }

    fn metrics(&self, format: MetricsFormat) -> Result<String, Unreadable> {
        let look = Look::now(&self.segment);
        let page = prometheus::page(&self.view(&look)?, &look);
        match format {
            MetricsFormat::Text => Ok(page.text()),
            MetricsFormat::OpenMetrics => openmetrics::page(page).map_err(unreadable),
        }
    }

    fn tasks(&self) -> Result<String, Unreadable> {
        let page = json!({
            "running": running(&self.segment),
            "waiting": waiting(&self.segment),
        });
        serde_json::to_string_pretty(&page)
            .map(|text| text + "\n")
            .map_err(unreadable)
    }

    fn live(&self) -> Result<Map<String, Value>, Unreadable> {
        let view = self.view(&Look::now(&self.segment))?;
        match serde_json::to_value(&view).map_err(unreadable)? {
            Value::Object(parts) => Ok(parts),
            other => Ok(Map::from_iter([("pool".to_owned(), other)])),
        }
    }
}

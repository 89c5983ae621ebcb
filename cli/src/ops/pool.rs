//! The pool as HTTP shows it.

use super::openmetrics;
use crate::by_handler::Look;
use crate::prometheus;
use crate::stat;
use crate::tasks::{self, TaskList};
use crate::view::{self, PoolView, Slots};
use ringwork_ops::{MetricsFormat, Readiness, Source, Unreadable};
use ringwork_ring::Segment;
use serde_json::{Map, Value};

/// A pool that is looked at.
#[derive(Debug)]
pub(super) struct WatchedPool {
    segment: Segment,
}

impl WatchedPool {
    pub(super) fn new(segment: Segment) -> Self {
        Self { segment }
    }

    fn view(&self, look: &Look, slots: Slots) -> Result<PoolView, Unreadable> {
        view::pool_since(&self.segment, look, None, slots).map_err(unreadable)
    }
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
        let view = self.view(&Look::now(&self.segment), Slots::Each)?;
        serde_json::to_string_pretty(&view)
            .map(|text| text + "\n")
            .map_err(unreadable)
    }

    fn stat_page(&self) -> Result<String, Unreadable> {
        let view = self.view(&Look::now(&self.segment), Slots::Each)?;
        Ok(stat::text(&view, None, None))
    }

    fn tasks_page(&self) -> Result<String, Unreadable> {
        Ok(tasks::text(&TaskList::of(&self.segment)))
    }

    fn metrics(&self, format: MetricsFormat) -> Result<String, Unreadable> {
        let look = Look::now(&self.segment);
        let page = prometheus::page(&self.view(&look, Slots::Counted)?, &look);
        match format {
            MetricsFormat::Text => Ok(page.text()),
            MetricsFormat::OpenMetrics => openmetrics::page(page).map_err(unreadable),
        }
    }

    fn tasks(&self) -> Result<String, Unreadable> {
        serde_json::to_string_pretty(&TaskList::of(&self.segment))
            .map(|text| text + "\n")
            .map_err(unreadable)
    }

    fn live(&self) -> Result<Map<String, Value>, Unreadable> {
        let view = self.view(&Look::now(&self.segment), Slots::Each)?;
        match serde_json::to_value(&view).map_err(unreadable)? {
            Value::Object(parts) => Ok(parts),
            other => Ok(Map::from_iter([("pool".to_owned(), other)])),
        }
    }
}

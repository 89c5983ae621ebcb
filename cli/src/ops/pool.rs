//! The pool as HTTP shows it.

use super::openmetrics;
use crate::by_handler::Look;
use crate::prometheus;
use crate::view::{self, PoolView};
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

    fn view(&self, look: &Look) -> Result<PoolView, Unreadable> {
        view::pool_since(&self.segment, look, None).map_err(unreadable)
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
        Err(Unreadable("not yet".to_owned()))
    }

    fn live(&self) -> Result<Map<String, Value>, Unreadable> {
        let view = self.view(&Look::now(&self.segment))?;
        match serde_json::to_value(&view).map_err(unreadable)? {
            Value::Object(parts) => Ok(parts),
            other => Ok(Map::from_iter([("pool".to_owned(), other)])),
        }
    }
}

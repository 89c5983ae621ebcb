//! The pool as HTTP shows it.

use super::openmetrics;
use crate::by_handler::Look;
use crate::events::as_json;
use crate::prometheus;
use crate::stat;
use crate::tasks::{self, TaskList};
use crate::view::{self, PoolView, Slots};
use ringwork_ops::{Feed, MetricsFormat, News, NoFeed, Readiness, Since, Source, Unreadable};
use ringwork_ring::Segment;
use ringwork_ring::queue::events::{EventReader, Passed};
use ringwork_ring::queue::topics::TopicFilter;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Most events of one look.
const AT_A_TIME: usize = 256;

/// A pool that is looked at.
#[derive(Debug)]
pub(super) struct WatchedPool {
    segment: Arc<Segment>,
}

impl WatchedPool {
    pub(super) fn new(segment: Segment) -> Self {
        Self {
            segment: Arc::new(segment),
        }
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

    fn follow(&self, topic: &str, since: Since) -> Result<Box<dyn Feed>, NoFeed> {
        let topic = TopicFilter::new(topic).map_err(NoFeed::Pattern)?;
        let ring = self.segment.events().ok_or(NoFeed::NoEvents)?;
        let mut missed = 0;
        let reader = match since {
            Since::Now => EventReader::from_now(ring),
            Since::Kept => EventReader::from_oldest(ring),
            Since::After(last) => {
                let reader = EventReader::from_oldest(ring);
                missed = reader.position().saturating_sub(last.saturating_add(1));
                reader
            }
        };
        Ok(Box::new(WatchedEvents {
            segment: Arc::clone(&self.segment),
            reader,
            topic,
            behind: match since {
                Since::After(last) => Some(last),
                _ => None,
            },
            missed,
            told: Passed::default(),
        }))
    }
}

/// The events of a pool that one listener hears.
struct WatchedEvents {
    segment: Arc<Segment>,
    reader: EventReader,
    topic: TopicFilter,
    /// The number of the last event that it has heard already.
    behind: Option<u64>,
    /// Events that were overwritten before it came, and are to be told.
    missed: u64,
    /// What was told of those that it has passed.
    told: Passed,
}

impl Feed for WatchedEvents {
    fn news(&mut self) -> News {
        let Some(ring) = self.segment.events() else {
            return News::default();
        };
        let mut events = Vec::new();
        while events.len() < AT_A_TIME
            && let Some(event) = self.reader.next(ring)
        {
            if self.behind.is_some_and(|last| event.position <= last) {
                continue;
            }
            if let Some(topic) = self.topic.wanted(&self.segment, event.topic) {
                let object = as_json(&self.segment, &topic, &event);
                events.push((event.position, object.to_string()));
            }
        }
        let passed = self.reader.passed();
        let news = News {
            events,
            lost: passed.lost - self.told.lost + std::mem::take(&mut self.missed),
            skipped: passed.skipped - self.told.skipped,
        };
        self.told = passed;
        news
    }
}

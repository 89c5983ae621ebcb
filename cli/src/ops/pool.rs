//! The pool as HTTP shows it.

use super::openmetrics;
use crate::events::as_json;
use crate::prometheus;
use crate::stat;
use crate::tasks::{self, TaskList};
use crate::view::{self, PoolView, Slots};
use ringwork_ops::{Feed, MetricsFormat, News, NoFeed, Readiness, Since, Source, Unreadable};
use ringwork_ring::Segment;
use ringwork_ring::queue::events::{EventReader, EventRing, Passed};
use ringwork_ring::queue::topics::TopicFilter;
use ringwork_supervisor::looks::{History, Look, Past};
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Most events of one look.
const AT_A_TIME: usize = 256;

/// Most events that the dashboard shows.
const SHOWN: usize = 40;
/// Most events that it passes over at a look; with more of them it goes on at the newest.
const PASSED: usize = 4096;

/// A pool that is looked at.
#[derive(Debug)]
pub(super) struct WatchedPool {
    segment: Arc<Segment>,
    history: Mutex<History>,
    latest: Mutex<Option<Latest>>,
}

impl WatchedPool {
    pub(super) fn new(segment: Segment) -> Self {
        Self {
            segment: Arc::new(segment),
            history: Mutex::default(),
            latest: Mutex::default(),
        }
    }

    fn view(&self, look: &Look, slots: Slots) -> Result<PoolView, Unreadable> {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let none = Past::default();
        let past = match slots {
            Slots::Each => history.past(&self.segment),
            Slots::Counted => &none, // metrics have no windows: Prometheus makes its own
        };
        view::pool_since(&self.segment, look, None, past, slots).map_err(unreadable)
    }
}

fn unreadable(error: impl std::fmt::Display) -> Unreadable {
    Unreadable(error.to_string())
}

/// The latest events, for all viewers of the dashboard.
#[derive(Debug)]
struct Latest {
    reader: EventReader,
    topics: TopicFilter,
    events: VecDeque<Value>,
    /// Events that came and were not shown.
    missed: u64,
}

impl Latest {
    /// Takes in what has come since the look before.
    fn look(&mut self, segment: &Segment, ring: EventRing<'_>) {
        let before = self.reader.passed();
        let mut newest = VecDeque::new();
        for _ in 0..PASSED {
            let Some(event) = self.reader.next(ring) else {
                break;
            };
            newest.push_back(event);
            if newest.len() > SHOWN {
                newest.pop_front();
                self.missed += 1;
            }
        }
        let passed = self.reader.passed();
        self.missed += passed.lost - before.lost + passed.skipped - before.skipped;
        for event in newest {
            if let Some(topic) = self.topics.wanted(segment, event.topic) {
                self.events.push_back(as_json(segment, &topic, &event));
            }
        }
        let beyond = self.events.len().saturating_sub(SHOWN);
        self.events.drain(..beyond);
        let waiting = ring.tail().saturating_sub(self.reader.position());
        if waiting > PASSED as u64 {
            self.missed += waiting;
            self.reader = EventReader::from_now(ring);
        }
    }
}

impl WatchedPool {
    /// Null for a pool that keeps none.
    fn events(&self) -> Value {
        let Some(ring) = self.segment.events() else {
            return Value::Null;
        };
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.is_none() {
            *latest = TopicFilter::new("*").ok().map(|topics| Latest {
                reader: EventReader::from_oldest(ring),
                topics,
                events: VecDeque::new(),
                missed: 0,
            });
        }
        let Some(latest) = latest.as_mut() else {
            return Value::Null;
        };
        latest.look(&self.segment, ring);
        json!({"latest": latest.events, "missed": latest.missed})
    }
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
        let mut parts = match serde_json::to_value(&view).map_err(unreadable)? {
            Value::Object(parts) => parts,
            other => Map::from_iter([("pool".to_owned(), other)]),
        };
        parts.insert("events".to_owned(), self.events());
        Ok(parts)
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

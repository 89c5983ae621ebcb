//! The events that the supervisor publishes: what happens to the pool, its workers and clients.
//!
//! Each is a JSON object of at most [`EVENT_BYTES_MAX`] bytes. A text that does not fit is cut; the
//! log has all of it.

use ringwork_ring::format::layout::EVENT_BYTES_MAX;
use ringwork_ring::format::words::Publisher;
use ringwork_ring::queue::topics;
use ringwork_ring::{Codec, Segment};
use serde_json::{Map, Value};

/// A topic of the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// A worker process was started: `worker`, `pid`.
    WorkerStarted,
    /// It takes tasks: `worker`, `pid`, `lanes`.
    WorkerReady,
    /// It has left in order: `worker`, `why`.
    WorkerLeft,
    /// It died: `worker`, `requeued`, `crashed`, `cause`.
    WorkerDied,
    /// A task has lost its worker at each attempt: `attempts`, `why`.
    TaskQuarantined,
    /// A client has gone without closing: `client`, `name`.
    ClientDied,
    /// The pool takes tasks.
    PoolServing,
    /// A reload has been done.
    PoolReloaded,
    /// The pool takes no more tasks: it stops, or was drained.
    PoolDraining,
    /// Workers that die are not replaced: `why`.
    PoolStorm,
    /// They are again.
    PoolRecovered,
    /// The pool is over: `why`.
    PoolClosed,
    /// It has another number of workers: `workers`.
    PoolScaled,
    /// The tasks of a handler wait: `handler`.
    HandlerPaused,
    /// They run again: `handler`.
    HandlerResumed,
}

impl Topic {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 15] = [
        Self::WorkerStarted,
        Self::WorkerReady,
        Self::WorkerLeft,
        Self::WorkerDied,
        Self::TaskQuarantined,
        Self::ClientDied,
        Self::PoolServing,
        Self::PoolReloaded,
        Self::PoolDraining,
        Self::PoolStorm,
        Self::PoolRecovered,
        Self::PoolClosed,
        Self::PoolScaled,
        Self::HandlerPaused,
        Self::HandlerResumed,
    ];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::WorkerStarted => "worker.started",
            Self::WorkerReady => "worker.ready",
            Self::WorkerLeft => "worker.left",
            Self::WorkerDied => "worker.died",
            Self::TaskQuarantined => "task.quarantined",
            Self::ClientDied => "client.died",
            Self::PoolServing => "pool.serving",
            Self::PoolReloaded => "pool.reloaded",
            Self::PoolDraining => "pool.draining",
            Self::PoolStorm => "pool.storm",
            Self::PoolRecovered => "pool.recovered",
            Self::PoolClosed => "pool.closed",
            Self::PoolScaled => "pool.scaled",
            Self::HandlerPaused => "handler.paused",
            Self::HandlerResumed => "handler.resumed",
        }
    }
}

/// Publishes an event with these fields, and with a text as its last one.
pub(crate) fn publish(
    segment: &Segment,
    topic: Topic,
    fields: &[(&str, u64)],
    text: Option<(&str, &str)>,
) {
    let event = written(fields, text);
    // Where it has no place there is none: the pool keeps no events, or the applications' topics
    // fill the table.
    let _ = topics::publish(
        segment,
        Publisher::Supervisor,
        topic.name(),
        Codec::Utf8,
        event.as_bytes(),
    );
}

fn written(fields: &[(&str, u64)], text: Option<(&str, &str)>) -> String {
    let object = |text: Option<(&str, &str)>| {
        let numbers = fields
            .iter()
            .map(|(name, value)| (*name, Value::from(*value)));
        let texts = text
            .into_iter()
            .map(|(name, value)| (name, Value::from(value)));
        let all = numbers
            .chain(texts)
            .map(|(name, value)| (name.to_owned(), value));
        Value::Object(all.collect::<Map<_, _>>()).to_string()
    };
    let whole = object(text);
    let Some((name, text)) = text.filter(|_| whole.len() > EVENT_BYTES_MAX) else {
        return whole;
    };
    // The longest part that fits, as it is written: an escaped character is longer.
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let cut = |end: usize| object(Some((name, &text[..end])));
    let fitting = ends.partition_point(|end| cut(*end).len() <= EVENT_BYTES_MAX);
    cut(fitting.checked_sub(1).map_or(0, |last| ends[last]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_json_of_a_size_that_fits() {
        let short = written(&[("worker", 2)], Some(("cause", "was killed by SIGKILL")));
        assert_eq!(short, r#"{"cause":"was killed by SIGKILL","worker":2}"#);
        for text in ["ä\n\"".repeat(200), "x".repeat(225), "\u{1}".repeat(100)] {
            let cut = written(
                &[("worker", 2), ("crashed", u64::MAX)],
                Some(("cause", &text)),
            );
            assert!(
                (EVENT_BYTES_MAX - 8..=EVENT_BYTES_MAX).contains(&cut.len()),
                "{cut}"
            );
            let read: Value = serde_json::from_str(&cut).unwrap();
            assert!(text.starts_with(read["cause"].as_str().unwrap()));
        }
    }

    #[test]
    fn the_guide_tells_of_each_topic() {
        let guide = include_str!("../../docs/guide/events.md");
        for topic in Topic::ALL {
            let row = format!("| `{}` |", topic.name());
            assert!(guide.contains(&row), "docs/guide/events.md misses {row}");
        }
    }
}

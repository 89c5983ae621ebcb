//! The topics of events: a table of names that publishers fill, and patterns of names.
//!
//! Filled as the handler table is: by CAS on an id, so a record whose writer died half-way is
//! written again, to the same text, by the next.

use crate::format::layout::{TOPIC_NAME_MAX, id_of};
use crate::format::states::Codec;
use crate::format::words::Publisher;
use crate::queue::events::NotPublished;
use crate::segment::Segment;
use std::sync::Arc;

/// Publishes an event of a topic, which is entered in the table if it is new; its position.
///
/// # Errors
/// [`NotPublished`].
pub fn publish(
    segment: &Segment,
    publisher: Publisher,
    topic: &str,
    codec: Codec,
    bytes: &[u8],
) -> Result<u64, NotPublished> {
    let ring = segment.events().ok_or(NotPublished::NoEvents)?;
    let place = topic_place(segment, topic)?;
    ring.publish(publisher, (place, codec), bytes)
}

/// As [`publish`], by the worker of a lane.
///
/// # Errors
/// [`NotPublished`].
pub(crate) fn publish_by_lane(
    segment: &Segment,
    lane: u32,
    topic: &str,
    codec: Codec,
    bytes: &[u8],
) -> Result<(), NotPublished> {
    let worker = Publisher::Worker(segment.lane(lane).word_acquire().worker());
    publish(segment, worker, topic, codec, bytes).map(drop)
}

/// Whether a name is one that a topic may have: parts of letters, digits, `-` and `_`, with dots
/// between them.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    name.len() <= TOPIC_NAME_MAX
        && name
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(plain))
}

/// The place of a topic in the table; it is entered there if it is new.
///
/// # Errors
/// [`NotPublished::BadTopic`], [`NotPublished::NoTopic`] when the table is full, and
/// [`NotPublished::NoEvents`] when there is none.
pub fn topic_place(segment: &Segment, name: &str) -> Result<u32, NotPublished> {
    if !is_name(name) {
        return Err(NotPublished::BadTopic);
    }
    let id = id_of(name);
    let mut any = false;
    for (place, record) in (0..).zip(segment.topic_records()) {
        any = true;
        let found = record.id();
        if found != id && (found != 0 || !record.take(id)) {
            continue;
        }
        failpoint!("topic.claimed");
        if record.name_acquire().is_none() {
            record.set_name(name);
        }
        return Ok(place);
    }
    Err(if any {
        NotPublished::NoTopic
    } else {
        NotPublished::NoEvents
    })
}

/// The name of the topic at a place of the table.
#[must_use]
pub fn topic_name(segment: &Segment, place: u32) -> Option<String> {
    let record = segment.topic_records().nth(place as usize)?;
    record.name_acquire()
}

/// The topics that a pattern names. `*` stands for one part of a name, and as the last part for
/// all that follow.
#[derive(Debug, Clone)]
pub struct TopicFilter {
    pattern: String,
    // By the place in the table: what is known of the topic there, and its name if it is wanted.
    known: Vec<Option<Option<Arc<str>>>>,
}

impl TopicFilter {
    /// A filter by this pattern.
    ///
    /// # Errors
    /// When no name of a topic can be as the pattern says, with the remedy.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let possible = pattern.split('.').all(|part| part == "*" || is_name(part));
        if !possible || pattern.len() > TOPIC_NAME_MAX {
            return Err(format!(
                "{pattern:?} is no pattern of topics: it has parts of letters, digits, - and _ with dots between \
                 them, such as worker.died, and * in place of any, such as worker.*"
            ));
        }
        Ok(Self {
            pattern: pattern.to_owned(),
            known: Vec::new(),
        })
    }

    /// Whether a name is as the pattern says.
    ///
    /// ```
    /// use ringwork_ring::queue::topics::TopicFilter;
    ///
    /// let filter = TopicFilter::new("worker.*").unwrap();
    /// assert!(filter.matches("worker.died") && filter.matches("worker.lane.idle"));
    /// assert!(!filter.matches("worker") && !filter.matches("pool.closed"));
    /// ```
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut names = name.split('.');
        let mut parts = self.pattern.split('.').peekable();
        while let Some(part) = parts.next() {
            let Some(name) = names.next() else {
                return false;
            };
            if part == "*" && parts.peek().is_none() {
                return true;
            }
            if part != "*" && part != name {
                return false;
            }
        }
        names.next().is_none()
    }

    /// The name of the topic at a place of the table, if it is wanted. The name of a topic never
    /// changes, so each is looked at once.
    pub fn wanted(&mut self, segment: &Segment, place: u32) -> Option<Arc<str>> {
        let index = place as usize;
        if let Some(Some(known)) = self.known.get(index) {
            return known.clone();
        }
        let name = topic_name(segment, place)?;
        let wanted = self.matches(&name).then(|| Arc::from(name));
        if self.known.len() <= index {
            self.known.resize(index + 1, None);
        }
        self.known[index] = Some(wanted.clone());
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, wanted) in [
            ("*", "a", true),
            ("*", "a.b.c", true),
            ("a.b", "a.b", true),
            ("a.b", "a.b.c", false),
            ("a.b", "a", false),
            ("a.*", "a.b.c", true),
            ("a.*", "a", false),
            ("a.*.c", "a.b.c", true),
            ("a.*.c", "a.b.d", false),
            ("a.*.c", "a.b", false),
            ("*.c", "b.c", true),
            ("*.c", "b.c.d", false),
            ("größe", "größe", true),
        ] {
            let filter = TopicFilter::new(pattern).unwrap();
            assert_eq!(filter.matches(name), wanted, "{pattern} {name}");
        }
        for pattern in ["", ".", "a.", "a*", "a b", "**", "a\n", &"x".repeat(113)] {
            let refused = TopicFilter::new(pattern).unwrap_err();
            assert!(refused.contains("worker.*"), "{refused}");
        }
    }
}

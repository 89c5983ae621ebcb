//! The stream of `/events`: what happens in the pool, as server-sent events.
//!
//! Each event has its number as its id, so a browser that has lost its connection goes on behind the
//! last one that it got. What was overwritten before this stream came to it is counted and told. At the
//! end of the server the stream says `bye` and closes.

use crate::app::App;
use crate::refusal::Refusal;
use crate::{Feed, News, NoFeed, Since};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::Event;
use futures_util::stream::{Stream, unfold};
use serde_json::json;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// How often it looks: no publisher is asked for a wake.
const LOOK: Duration = Duration::from_millis(50);

/// What a request wants to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    topic: String,
    since: Since,
}

impl Wanted {
    /// By the query (`topic=PATTERN`, `kept`), and by what a browser says that comes again.
    pub(crate) fn of(query: &str, headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut wanted = Self {
            topic: "*".to_owned(),
            since: Since::Now,
        };
        for part in query.split('&').filter(|part| !part.is_empty()) {
            match part.split_once('=').unwrap_or((part, "")) {
                // The star is the only one of its characters that some clients encode.
                ("topic", pattern) => {
                    wanted.topic = pattern.replace("%2A", "*").replace("%2a", "*")
                }
                ("kept", "" | "1" | "true") => wanted.since = Since::Kept,
                (name, _) => {
                    return Err(Refusal::new(
                        StatusCode::BAD_REQUEST,
                        format!("/events has no parameter {name:?} with such a value"),
                        "there are topic=PATTERN, such as worker.*, and kept",
                    ));
                }
            }
        }
        let last = headers.get("last-event-id");
        let last = last.and_then(|id| id.to_str().ok()?.parse().ok());
        if let Some(last) = last {
            wanted.since = Since::After(last);
        }
        Ok(wanted)
    }
}

/// What one listener has got.
struct Listener {
    feed: Box<dyn Feed>,
    waiting: VecDeque<Event>,
    stop: watch::Receiver<bool>,
    over: bool,
    _place: OwnedSemaphorePermit,
}

/// The stream of a listener.
pub(crate) fn follow(
    app: &Arc<App>,
    wanted: &Wanted,
    place: OwnedSemaphorePermit,
) -> Result<impl Stream<Item = Result<Event, Infallible>> + use<>, Refusal> {
    let feed = app.source.follow(&wanted.topic, wanted.since);
    let feed = feed.map_err(|error| match error {
        NoFeed::Pattern(why) => Refusal::new(StatusCode::BAD_REQUEST, why, "correct `topic`"),
        NoFeed::NoEvents => Refusal::new(
            StatusCode::NOT_FOUND,
            "the pool keeps no events",
            "serve it without --events 0",
        ),
    })?;
    let listener = Listener {
        feed,
        waiting: VecDeque::new(),
        stop: app.stop.subscribe(),
        over: false,
        _place: place,
    };
    Ok(unfold(listener, |mut listener| async move {
        if listener.over {
            return None;
        }
        let event = listener.next().await;
        Some((Ok(event), listener))
    }))
}

impl Listener {
    async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return event;
            }
            let over = *self.stop.borrow();
            // After that: what was published before the end is told before `bye`.
            let news = self.feed.news();
            self.take(news);
            if !self.waiting.is_empty() {
                continue;
            }
            if over {
                self.over = true;
                return Event::default().event("bye").data("the endpoint stops");
            }
            tokio::select! {
                _ = self.stop.wait_for(|stop| *stop) => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    fn take(&mut self, news: News) {
        let News {
            events,
            lost,
            skipped,
        } = news;
        if lost + skipped > 0 {
            let told = json!({"lost": lost, "skipped": skipped}).to_string();
            self.waiting
                .push_back(Event::default().event("lost").data(told));
        }
        let events = events.into_iter();
        self.waiting
            .extend(events.map(|(id, text)| Event::default().id(id.to_string()).data(text)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_read_and_what_is_not_known_refused() {
        let of = |query: &str, last: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(last) = last {
                headers.insert("last-event-id", last.parse().unwrap());
            }
            Wanted::of(query, &headers).map(|wanted| (wanted.topic, wanted.since))
        };
        let wanted = |topic: &str, since| Ok((topic.to_owned(), since));
        assert_eq!(of("", None), wanted("*", Since::Now));
        assert_eq!(of("topic=a.%2A&kept", None), wanted("a.*", Since::Kept));
        assert_eq!(of("kept=1", Some("7")), wanted("*", Since::After(7)));
        assert_eq!(of("", Some("x")), wanted("*", Since::Now));
        for wrong in ["topics=a", "kept=never", "a=b"] {
            assert!(of(wrong, None).is_err(), "{wrong}");
        }
    }
}

//! The stream of `/live`: server-sent events, four a second while any viewer looks, none otherwise.
//!
//! The first event has all parts, each later one those that have changed since the last that this viewer
//! got: a slow viewer skips states and misses none of their parts. At the end of the server the stream
//! says `bye` and closes.

use crate::app::App;
use crate::sampler::FRESH;
use axum::response::sse::Event;
use futures_util::stream::{Stream, unfold};
use serde_json::{Map, Value};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// A viewer that gets nothing for so long is told so, which finds out whether it is still there.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(15);

fn look(app: &App) {
    let parts = app.source.live().unwrap_or_else(|error| {
        let told = Value::from(error.to_string());
        Map::from_iter([("unreadable".to_owned(), told)])
    });
    app.live.newest.send_replace(Arc::new(parts));
}

/// Looks as long as any viewer does; one such task at a time.
async fn keep_looking(app: Arc<App>) {
    loop {
        tokio::time::sleep(FRESH).await;
        if app.live.newest.receiver_count() == 0 {
            app.live.looking.store(false, Ordering::Release);
            // One that has come since then has not started another task.
            if app.live.newest.receiver_count() == 0
                || app.live.looking.swap(true, Ordering::AcqRel)
            {
                return;
            }
        }
        look(&app);
    }
}

/// What one viewer has got.
struct Viewer {
    newest: watch::Receiver<Arc<Map<String, Value>>>,
    got: Arc<Map<String, Value>>,
    stop: watch::Receiver<bool>,
    first: bool,
    over: bool,
    _place: OwnedSemaphorePermit,
}

/// The stream of a viewer.
pub(crate) fn view(
    app: &Arc<App>,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    let mut newest = app.live.newest.subscribe();
    if !app.live.looking.swap(true, Ordering::AcqRel) {
        look(app);
        tokio::spawn(keep_looking(Arc::clone(app)));
    }
    newest.mark_changed();
    let viewer = Viewer {
        newest,
        got: Arc::default(),
        stop: app.stop.subscribe(),
        first: true,
        over: false,
        _place: place,
    };
    unfold(viewer, |mut viewer| async move {
        if viewer.over {
            return None;
        }
        let event = viewer.next().await;
        Some((Ok(event), viewer))
    })
}

impl Viewer {
    async fn next(&mut self) -> Event {
        loop {
            tokio::select! {
                biased;
                _ = self.stop.wait_for(|stop| *stop) => {
                    self.over = true;
                    return Event::default().event("bye").data("the endpoint stops");
                }
                changed = self.newest.changed() => if changed.is_err() {
                    self.over = true;
                    return Event::default().event("bye").data("the endpoint stops");
                },
            }
            let now = Arc::clone(&self.newest.borrow_and_update());
            let change = difference(&self.got, &now);
            self.got = now;
            let name = if self.first { "all" } else { "change" };
            if self.first || !change.is_empty() {
                self.first = false;
                let text = Value::Object(change).to_string();
                return Event::default().event(name).data(text);
            }
        }
    }
}

/// The parts that are not as they were; null for those that are no more.
fn difference(before: &Map<String, Value>, now: &Map<String, Value>) -> Map<String, Value> {
    let changed = now
        .iter()
        .filter(|(part, value)| before.get(*part) != Some(value))
        .map(|(part, value)| (part.clone(), value.clone()));
    let gone = before.keys().filter(|part| !now.contains_key(*part));
    changed
        .chain(gone.map(|part| (part.clone(), Value::Null)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_has_changed_is_sent_and_what_is_gone_is_told() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let before = map(json!({"a": 1, "b": [1, 2], "c": {}}));
        let now = map(json!({"a": 1, "b": [1, 3], "d": "x"}));
        let change = Value::Object(difference(&before, &now));
        assert_eq!(change, json!({"b": [1, 3], "d": "x", "c": null}));
        assert!(difference(&now, &now).is_empty());
    }
}

//! `ringwork events`: what happens in a pool, as it happens.

use super::exit::{Failure, NO_POOL, TIMED_OUT};
use super::payload::{self, Shown};
use super::units::Span;
use clap::Args;
use ringwork_ring::format::words::Publisher;
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::queue::events::{EventReader, EventRing, Passed, RawEvent};
use ringwork_ring::queue::topics::TopicFilter;
use ringwork_ring::{Codec, PoolDir, Segment};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How often it looks. It asks no publisher for a wake, so that it may be anybody's and any number.
const LOOK: Duration = Duration::from_millis(50);

const AFTER_HELP: &str = "\
The pool publishes worker.started, worker.ready, worker.left, worker.died, task.quarantined, client.died, \
pool.serving, pool.reloaded, pool.draining, pool.scaled, pool.storm, pool.recovered, pool.closed, handler.paused and \
handler.resumed; applications publish what they like. A line has the time (UTC), the topic, the publisher and what was published. What was lost or \
skipped is told on standard error.

  ringwork events images                          from now on, until the pool is over
  ringwork events images --kept --topic 'worker.*'
  ringwork events images --topic order.paid --count 1 --timeout 10s && echo paid

Exit codes: 0 --count events have come, or, without --count, the pool is over; 2 wrong options; 3 no such pool, it \
keeps no events, or it is over before --count of them have come; 4 --timeout is over.";

/// Print the events of a pool as they come.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Events {
    /// Name of the pool.
    name: String,

    /// Only topics like this one; `*` stands for one part of a name, and as the last part for all
    /// that follow.
    #[arg(long, value_name = "PATTERN", default_value = "*", value_parser = TopicFilter::new)]
    topic: TopicFilter,

    /// First those that the pool still keeps.
    #[arg(long)]
    kept: bool,

    /// End after so many.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// End after this time.
    #[arg(long, value_name = "TIME")]
    timeout: Option<Span>,

    /// Print a JSON object for each: `time`, `sequence`, `topic`, `publisher`, and `data`, which is
    /// JSON where JSON, CBOR or a number was published; bytes are `data_base64`.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub(super) fn run(mut events: Events) -> Result<(), Failure> {
    let start = Instant::now();
    let segment = Segment::attach_to_read(&PoolDir::new(&events.name)?)?;
    let Some(ring) = segment.events() else {
        let text = format!(
            "the pool {} keeps no events: it is served with --events 0",
            events.name
        );
        return Err(Failure::new(NO_POOL, text));
    };
    let mut reader = if events.kept {
        EventReader::from_oldest(ring)
    } else {
        EventReader::from_now(ring)
    };
    let mut told = Passed::default();
    let mut left = events.count;
    loop {
        // Before the look: what was published before the end is there at the look behind it.
        let over = segment.is_over() || !segment.supervisor_lives()?;
        let went_on = print_all(&mut events, &segment, ring, &mut reader, &mut left)?;
        tell_missing(&mut told, reader.passed());
        if !went_on {
            return Ok(());
        }
        if over {
            return match (events.count, left) {
                (Some(count), Some(left)) => {
                    let text = format!(
                        "the pool {} is over, and {} of {count} events have come",
                        events.name,
                        count - left
                    );
                    Err(Failure::new(NO_POOL, text))
                }
                _ => Ok(()),
            };
        }
        let limit = events.timeout.map(|limit| limit.0);
        if limit.is_some_and(|limit| start.elapsed() >= limit) {
            return Err(Failure::new(TIMED_OUT, "the time of --timeout is over"));
        }
        std::thread::sleep(LOOK);
    }
}

/// Prints what has come; `false` when it was the last one that was asked for.
fn print_all(
    events: &mut Events,
    segment: &Segment,
    ring: EventRing<'_>,
    reader: &mut EventReader,
    left: &mut Option<u64>,
) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    while let Some(event) = reader.next(ring) {
        let Some(topic) = events.topic.wanted(segment, event.topic) else {
            continue;
        };
        let line = if events.json {
            as_json(segment, &topic, &event).to_string()
        } else {
            as_text(segment, &topic, &event)
        };
        writeln!(out, "{line}")?;
        if let Some(left) = left {
            *left -= 1;
            if *left == 0 {
                out.flush()?;
                return Ok(false);
            }
        }
    }
    out.flush()?;
    Ok(true)
}

/// Says how many events were not printed, once for each that is new.
fn tell_missing(told: &mut Passed, passed: Passed) {
    let lost = passed.lost - told.lost;
    let skipped = passed.skipped - told.skipped;
    if lost > 0 {
        eprintln!(
            "ringwork events: {lost} lost: they were overwritten before this command came to them"
        );
    }
    if skipped > 0 {
        eprintln!("ringwork events: {skipped} skipped: their publishers died or were stopped");
    }
    *told = passed;
}

/// When it was published, in UTC.
fn time_of(event: &RawEvent) -> String {
    let age = Duration::from_nanos(now_ns().saturating_sub(event.time_ns));
    let time = OffsetDateTime::now_utc() - age;
    let time = time.replace_millisecond(time.millisecond()).unwrap_or(time);
    time.format(&Rfc3339).unwrap_or_default()
}

fn publisher_of(segment: &Segment, event: &RawEvent) -> String {
    match event.publisher {
        Publisher::Supervisor => "supervisor".to_owned(),
        Publisher::Worker(index) => format!("worker {index}"),
        Publisher::Client(index) if index < segment.geometry().max_clients => {
            let name = segment.client(index).name();
            format!("client {index} {name}").trim_end().to_owned()
        }
        Publisher::Client(index) => format!("client {index}"),
    }
}

/// What was published, as `submit` shows a result of this codec; bytes are no text, whatever is in them.
fn text_of(event: &RawEvent) -> Option<String> {
    let codec = Codec::from_word(event.codec).ok()?;
    match payload::decode(codec, event.bytes().to_vec()) {
        Shown::Line(text) => Some(text),
        Shown::Raw(_) => None,
    }
}

fn as_text(segment: &Segment, topic: &str, event: &RawEvent) -> String {
    let data = match text_of(event) {
        // What could command a terminal is shown escaped.
        Some(text) => text.escape_debug().to_string().replace("\\\"", "\""),
        None => base64(event.bytes()),
    };
    let publisher = publisher_of(segment, event);
    format!("{}  {topic:<18}  {publisher:<12}  {data}", time_of(event))
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub(super) fn as_json(segment: &Segment, topic: &str, event: &RawEvent) -> Value {
    let mut object = json!({
        "time": time_of(event),
        "sequence": event.position,
        "topic": topic,
        "publisher": publisher_of(segment, event),
    });
    let (name, data) = match text_of(event) {
        Some(text) => {
            let value = serde_json::from_str(&text);
            ("data", value.unwrap_or_else(|_| Value::from(text)))
        }
        None => ("data_base64", base64(event.bytes()).into()),
    };
    object[name] = data;
    object
}

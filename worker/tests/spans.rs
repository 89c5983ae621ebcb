//! A program's own subscriber sees each task's lines in the task's span, also those of an async task that
//! goes on elsewhere.

#![forbid(unsafe_code)]

use ringwork_worker::{Worker, testing::Pool};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// The message of each line with the fields of its spans, outermost first.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!(" {}={value:?}", field.name());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut text = Text(String::new());
        attributes.record(&mut text);
        let span = context.span(id).expect("it is new");
        span.extensions_mut().insert(text);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !event.metadata().target().starts_with("spans") {
            return;
        }
        let mut line = Text(String::new());
        event.record(&mut line);
        for span in context.event_scope(event).into_iter().flatten() {
            let fields = span.extensions();
            let fields = &fields.get::<Text>().expect("as made").0;
            line.0 += &format!(" in {}{fields}", span.name());
        }
        self.0.lock().unwrap().push(line.0);
    }
}

#[test]
fn lines_of_a_task_are_in_its_span() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::registry().with(lines.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let worker = Worker::builder().task("lane", |(): ()| tracing::info!("runs"));
    #[cfg(feature = "io")]
    let worker = worker.async_task(
        "io",
        |task: ringwork_worker::AsyncContext, (): ()| async move {
            tracing::info!("begins");
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            let child = task.spawn(async { tracing::info!("beside") });
            child.await?;
            tracing::info!("goes on");
            Ok::<_, ringwork_worker::TaskError>(())
        },
    );
    let pool = Pool::start(worker).unwrap();
    let traced = |handler| pool.call(handler).task_id(7).traceparent([1; 26]).run();
    assert_eq!(traced("lane").code(), None);
    #[cfg(feature = "io")]
    assert_eq!(traced("io").code(), None);
    drop(pool);
    let expected = |message: &str, handler: &str| {
        let name = match cfg!(feature = "opentelemetry") {
            true => format!(" otel.name={handler:?}"),
            false => String::new(),
        };
        format!(
            " message={message} in task{name} handler={handler:?} task_id=7 attempt=1 traceparent=\"{}\"",
            "01-01010101010101010101010101010101-0101010101010101-01"
        )
    };
    let lines = lines.0.lock().unwrap();
    assert!(lines.contains(&expected("runs", "lane")), "{lines:#?}");
    if cfg!(feature = "io") {
        for message in ["begins", "beside", "goes on"] {
            assert!(lines.contains(&expected(message, "io")), "{lines:#?}");
        }
        assert_eq!(lines.len(), 4, "{lines:#?}");
    }
}

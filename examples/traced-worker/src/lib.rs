//! Handlers whose spans go on the trace of their caller.

#![forbid(unsafe_code)]

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanExporter};
use ringwork_worker::{AsyncContext, Builder, TaskError, Worker};
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::layer::SubscriberExt as _;

/// Sends the spans of this process to an exporter from now on. The provider is shut down when the
/// worker has ended.
///
/// # Errors
///
/// The program has a subscriber already.
pub fn trace_to(
    exporter: impl SpanExporter + 'static,
) -> Result<SdkTracerProvider, SetGlobalDefaultError> {
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
    Ok(provider)
}

/// The worker: a handler that computes, and one that waits.
#[must_use]
pub fn worker() -> Builder {
    Worker::builder()
        .task("upper", upper)
        .async_task("lower", lower)
}

fn upper(text: &str) -> String {
    tracing::info_span!("compute").in_scope(|| text.to_uppercase())
}

async fn lower(_: AsyncContext, text: String) -> Result<String, TaskError> {
    let text = tracing::info_span!("compute").in_scope(|| text.to_lowercase());
    Ok(text)
}

//! The span of a task as a part of its caller's trace: feature `opentelemetry`.
//!
//! It is called when the span is made, by lanes and by the threads of async tasks alike. Nothing is sent
//! from here: the program's subscriber and its exporter do that.

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The caller's span, from the binary traceparent: version, trace, span, flags. Zeros are none.
fn context_of(binary: &[u8; 26]) -> Option<SpanContext> {
    let trace = TraceId::from_bytes(binary[1..17].try_into().ok()?);
    let span = SpanId::from_bytes(binary[17..25].try_into().ok()?);
    let flags = TraceFlags::new(binary[25]);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

/// Makes the caller's span the parent of this one. Without the layer of tracing-opentelemetry nothing
/// comes of it.
pub(crate) fn adopt(span: &Span, traceparent: &[u8; 26]) {
    if let Some(context) = context_of(traceparent) {
        let parent = Context::new().with_remote_span_context(context);
        let _ = span.set_parent(parent);
    }
}

//! Spans of tasks go on the trace of their caller, those of async tasks as well.

#![forbid(unsafe_code)]

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use ringwork_worker::testing::Pool;
use std::time::{Duration, Instant};

/// Version 0, a trace of sevens, a parent of nines, sampled.
fn traceparent() -> [u8; 26] {
    let mut binary = [0; 26];
    binary[1..17].fill(7);
    binary[17..25].fill(9);
    binary[25] = 1;
    binary
}

/// The span of the task, which may end after its result came, and its child.
fn two_spans(
    provider: &SdkTracerProvider,
    exporter: &InMemorySpanExporter,
    handler: &str,
) -> [SpanData; 2] {
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        provider.force_flush().unwrap();
        let spans = exporter.get_finished_spans().unwrap();
        let named = |name: &str| spans.iter().find(|span| span.name == name).cloned();
        if let (Some(task), Some(child)) = (named(handler), named("compute")) {
            assert_eq!(spans.len(), 2, "{spans:?}");
            exporter.reset();
            return [task, child];
        }
        assert!(Instant::now() < until, "{handler}: {spans:?}");
        std::thread::yield_now();
    }
}

#[test]
fn the_spans_of_a_handler_go_on_the_callers_trace() {
    let exporter = InMemorySpanExporter::default();
    let provider = traced_worker::trace_to(exporter.clone()).unwrap();
    let pool = Pool::start(traced_worker::worker()).unwrap();
    for handler in ["upper", "lower"] {
        let call = || pool.call(handler).request("Tea");
        let ended = call().traceparent(traceparent()).run();
        assert_eq!(ended.code(), None, "{handler}: {}", ended.message());
        let [task, child] = two_spans(&provider, &exporter, handler);
        assert_eq!(task.span_context.trace_id(), TraceId::from_bytes([7; 16]));
        assert_eq!(task.parent_span_id, SpanId::from_bytes([9; 8]));
        assert!(task.parent_span_is_remote);
        assert_eq!(child.span_context.trace_id(), TraceId::from_bytes([7; 16]));
        assert_eq!(child.parent_span_id, task.span_context.span_id());
        // A caller without a trace, or with zeros for one: the task begins its own.
        for call in [call(), call().traceparent([0; 26])] {
            assert_eq!(call.run().code(), None, "{handler}");
            let [task, child] = two_spans(&provider, &exporter, handler);
            assert_eq!(task.parent_span_id, SpanId::INVALID);
            assert_ne!(task.span_context.trace_id(), TraceId::from_bytes([7; 16]));
            assert_eq!(child.parent_span_id, task.span_context.span_id());
        }
    }
    // The caller asked for no record of this one.
    let mut unsampled = traceparent();
    unsampled[25] = 0;
    let ended = pool
        .call("upper")
        .request("Tea")
        .traceparent(unsampled)
        .run();
    assert_eq!(ended.code(), None);
    assert_eq!(pool.call("upper").request("Tea").run().code(), None);
    let [task, _] = two_spans(&provider, &exporter, "upper");
    assert_eq!(task.parent_span_id, SpanId::INVALID);
    provider.shutdown().unwrap();
}

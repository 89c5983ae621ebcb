//! The worker of this example: see README.md.

#![forbid(unsafe_code)]

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let provider = traced_worker::trace_to(opentelemetry_stdout::SpanExporter::default())?;
    traced_worker::worker().run()?;
    provider.shutdown()?; // sends what it still has
    Ok(())
}

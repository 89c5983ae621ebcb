//! Stock handlers and one more in one worker, word for word as in docs/guide/getting-started.md.

#[rustfmt::skip] // as narrow as it stands in the guide
fn main() -> Result<(), ringwork_worker::WorkerError> {
    ringwork_handlers::stock_worker()
        .task("upper", |text: &str| text.to_uppercase())
        .run()
}

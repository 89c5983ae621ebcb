//! Stock handlers and one more in one worker, word for word as in docs/guide/getting-started.md.

use ringwork_worker::{TaskContext, TaskError};

#[rustfmt::skip] // as narrow as it stands in the guide
fn main() -> Result<(), ringwork_worker::WorkerError> {
    ringwork_handlers::stock_worker()
        .task("upper", |_: &TaskContext<'_>, text: String| Ok::<_, TaskError>(text.to_uppercase()))
        .run()
}

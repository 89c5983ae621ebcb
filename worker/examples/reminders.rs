//! A worker with an async handler beside an ordinary one, as docs/guide/async.md has it.
//!
//! ```sh
//! cargo build --release -p ringwork-worker --features io --example reminders
//! ringwork serve --name reminders --worker target/release/examples/reminders
//! ringwork submit reminders remind --data "tea is ready"
//! ```

use ringwork_worker::{AsyncContext, TaskContext, TaskError, Worker, WorkerError};
use std::time::Duration;

async fn remind(_: AsyncContext, text: String) -> Result<String, TaskError> {
    tokio::time::sleep(Duration::from_secs(30)).await;
    Ok(text)
}

#[rustfmt::skip] // as the guide has it
fn main() -> Result<(), WorkerError> {
    Worker::builder()
        .async_task("remind", remind)
        .task("upper", |_: &TaskContext<'_>, text: String| Ok::<_, TaskError>(text.to_uppercase()))
        .io_threads(2)
        .run()
}

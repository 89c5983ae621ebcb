//! Async handlers whose work blocks, as docs/guide/async.md has it: a few at a time, the others wait for
//! their turn without a thread.
//!
//! ```sh
//! cargo build --release -p ringwork-worker --features io --example turns
//! ringwork serve --name turns --worker target/release/examples/turns
//! ringwork submit turns lines --data /etc/services
//! ```

use ringwork_worker::{AsyncContext, TaskError, Worker, WorkerError};
use std::sync::Arc;
use tokio::sync::Semaphore;

struct Turns(Semaphore);

impl Turns {
    /// Runs what blocks when it is this task's turn.
    async fn run<R: Send + 'static>(
        &self,
        task: &AsyncContext,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, TaskError> {
        let turn = self.0.acquire().await;
        let _turn = turn.map_err(|closed| TaskError::new("turns.closed", closed.to_string()))?;
        Ok(task.blocking(work).await?)
    }
}

/// Counts the lines of a file.
async fn lines(task: AsyncContext, turns: Arc<Turns>, path: String) -> Result<u64, TaskError> {
    let read = move || std::fs::read_to_string(path);
    let text = turns.run(&task, read).await??;
    Ok(text.lines().count() as u64)
}

fn main() -> Result<(), WorkerError> {
    Worker::builder()
        .state(Turns(Semaphore::new(2)))
        .async_task("lines", lines)
        .run()
}

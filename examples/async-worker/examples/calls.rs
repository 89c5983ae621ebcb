//! An async handler that calls handlers of its own pool, as docs/guide/async.md has it.

#![forbid(unsafe_code)]

use ringwork::{Ringwork, TaskType, join_all};
use ringwork_worker::{AsyncContext, Cbor, TaskError, Worker, WorkerError};
use std::sync::Arc;
use tokio::sync::OnceCell;

const LINES: TaskType<str, u64> = TaskType::new("lines");

fn failed(error: ringwork::Error) -> TaskError {
    TaskError::new("lines.failed", error.to_string())
}

/// A client of the worker's own pool, since the first task that has asked for it.
#[derive(Default)]
struct OwnPool(OnceCell<Ringwork>);

/// Counts the lines of several files, each by a task of its own: in this worker or another one.
async fn all_lines(
    task: AsyncContext,
    pool: Arc<OwnPool>,
    Cbor(paths): Cbor<Vec<String>>,
) -> Result<u64, TaskError> {
    let connect = || Ringwork::builder("own").dir(task.pool().clone()).connect();
    let rw = pool.0.get_or_try_init(connect).await.map_err(failed)?;
    let counts = join_all(paths.iter().map(|path| rw.call(LINES, path.as_str()))).await;
    let sum: ringwork::Result<u64> = counts.into_iter().sum();
    sum.map_err(failed)
}

fn lines(path: String) -> Result<u64, TaskError> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.lines().count() as u64)
}

fn main() -> Result<(), WorkerError> {
    Worker::builder()
        .state(OwnPool::default())
        .task("lines", lines)
        .async_task("lines.all", all_lines)
        .run()
}

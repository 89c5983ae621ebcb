//! The stock worker: `echo`, `sleep` and the handlers whose features are on.

use ringwork_ring::format::states::Codec;
use ringwork_worker::{
    Answer, Builder, FromRequest, RawTask, TaskContext, TaskError, Worker, request_error,
};
use std::time::{Duration, Instant};

/// How often `sleep` looks whether its caller has given up.
const SLEEP_SLICE: Duration = Duration::from_millis(5);

/// The worker that `ringwork serve` starts when no other is named. A worker of your own that has
/// the stock handlers, too, begins with it:
///
/// ```no_run
/// fn main() -> Result<(), ringwork_worker::WorkerError> {
///     ringwork_handlers::stock_worker()
///         .task("upper", |text: &str| text.to_uppercase())
///         .run()
/// }
/// ```
#[must_use]
pub fn stock_worker() -> Builder {
    let worker = Worker::builder()
        .raw_task("echo", Codec::Bytes, Codec::Bytes, echo)
        .raw_task("sleep", Codec::I64, Codec::I64, |task| {
            sleep(&task.context(), &milliseconds(task)?)
        });
    crate::register::all(worker)
}

/// The request as it is, in its own codec.
fn echo(task: &mut RawTask<'_, '_>) -> Result<Answer, TaskError> {
    let (codec, len) = (task.codec(), task.request()?.len());
    let (request, room) = task.request_and_reserve(len)?;
    room.copy_from_slice(request);
    Ok(Answer::InPlace { len, codec })
}

fn milliseconds(task: &RawTask<'_, '_>) -> Result<u64, TaskError> {
    u64::from_request(task.codec(), task.request()?).map_err(request_error)
}

/// Sleeps for the milliseconds asked for; ends early when the caller gives up.
fn sleep(context: &TaskContext<'_>, milliseconds: &u64) -> Result<Answer, TaskError> {
    let start = Instant::now();
    let whole = Duration::from_millis(*milliseconds);
    while let Some(left) = whole
        .checked_sub(start.elapsed())
        .filter(|left| !left.is_zero())
    {
        context.check_cancelled()?;
        std::thread::sleep(left.min(SLEEP_SLICE));
    }
    let slept = i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX);
    Ok(Answer::Bytes {
        bytes: slept.to_le_bytes().to_vec(),
        codec: Codec::I64,
    })
}

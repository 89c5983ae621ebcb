//! The stock worker: the handlers of [`crate::stock`], registered.

use crate::codec::request_error;
use crate::error::TaskError;
use crate::raw::{Answer, RawTask};
use crate::stock::{compress, digest, image, password};
use crate::worker::{Builder, Worker};
use crate::{FromRequest, TaskContext};
use ringwork_ring::layout::{CODEC_BYTES, CODEC_I64, CODEC_PARAMS, CODEC_UTF8};
use serde::de::DeserializeOwned;
use std::time::{Duration, Instant};

/// How often `sleep` looks whether its caller has given up.
const SLEEP_SLICE: Duration = Duration::from_millis(5);

/// The worker that `ringwork serve` starts when no other is named.
#[must_use]
pub fn stock_worker() -> Builder {
    let worker = Worker::builder()
        .raw_task("echo", CODEC_BYTES, CODEC_BYTES, echo)
        .raw_task("sleep", CODEC_I64, CODEC_I64, |task| {
            sleep(&task.context(), &milliseconds(task)?)
        });
    let worker = with_body(worker, "password.hash", CODEC_UTF8, |params, body| {
        password::hash(params, body).map(text)
    });
    let worker = with_body(worker, "password.verify", CODEC_UTF8, |params, body| {
        password::verify(params, body).map(|right| text(right.to_string()))
    });
    let worker = with_body(worker, "image.resize", CODEC_BYTES, |params, body| {
        image::resize(params, body).map(|image| bytes(image.bytes))
    });
    let worker = with_body(worker, "image.thumbnail", CODEC_BYTES, |params, body| {
        image::thumbnail(params, body).map(|image| bytes(image.bytes))
    });
    let worker = with_body(worker, "digest", CODEC_UTF8, |params, body| {
        digest::digest(params, body).map(|digest| match digest {
            digest::DigestOutput::Hex(hex) => text(hex),
            digest::DigestOutput::Raw(raw) => bytes(raw.to_vec()),
        })
    });
    let worker = with_body(worker, "compress", CODEC_BYTES, |params, body| {
        compress::compress(params, body).map(bytes)
    });
    with_body(worker, "decompress", CODEC_BYTES, |params, body| {
        compress::decompress(params, body).map(bytes)
    })
}

fn bytes(bytes: Vec<u8>) -> Answer {
    Answer::Bytes {
        bytes,
        codec: CODEC_BYTES,
    }
}

fn text(text: String) -> Answer {
    Answer::Bytes {
        bytes: text.into_bytes(),
        codec: CODEC_UTF8,
    }
}

/// Registers a stock function: parameters decoded, the body read in place.
fn with_body<P, F>(worker: Builder, name: &str, result_codec: u32, run: F) -> Builder
where
    P: DeserializeOwned + Default + 'static,
    F: Fn(&P, &[u8]) -> Result<Answer, TaskError> + Send + Sync + 'static,
{
    worker.raw_task(
        name,
        CODEC_PARAMS,
        result_codec,
        move |task: &mut RawTask<'_, '_>| {
            if task.codec() != CODEC_PARAMS && task.codec() != CODEC_BYTES {
                return Err(request_error(
                    "the handler takes params: a JSON object and a body".to_owned(),
                ));
            }
            let (params, body) = task.params::<P>()?;
            run(&params, body)
        },
    )
}

/// The request as it is, in its own codec.
fn echo(task: &mut RawTask<'_, '_>) -> Result<Answer, TaskError> {
    let (codec, len) = (task.codec(), task.request()?.len());
    let (request, room) = task.request_and_reserve(len)?;
    room.copy_from_slice(request);
    Ok(Answer::InPlace { len, codec })
}

fn milliseconds(task: &RawTask<'_, '_>) -> Result<u64, TaskError> {
    u64::from_request(task.codec() as u8, task.request()?).map_err(request_error)
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
        codec: CODEC_I64,
    })
}

//! The stock handlers under their names, for [`crate::stock_worker`].
#![allow(dead_code, reason = "each feature uses its part")]

#[cfg(feature = "compress")]
use crate::compress;
#[cfg(feature = "digest")]
use crate::digest;
#[cfg(feature = "image")]
use crate::image;
#[cfg(feature = "password")]
use crate::password;
use ringwork_ring::format::states::Codec;
use ringwork_worker::{Answer, Builder, RawTask, TaskError, request_error};
use serde::de::DeserializeOwned;

/// Adds all of them to a worker.
pub(crate) fn all(worker: Builder) -> Builder {
    #[cfg(feature = "password")]
    let worker = passwords(worker);
    #[cfg(feature = "image")]
    let worker = images(worker);
    #[cfg(feature = "digest")]
    let worker = with_body(worker, "digest", Codec::Utf8, |params, body| {
        digest::digest(params, body).map(|digest| match digest {
            digest::DigestOutput::Hex(hex) => text(hex),
            digest::DigestOutput::Raw(raw) => bytes(raw),
        })
    });
    #[cfg(feature = "compress")]
    let worker = compression(worker);
    worker
}

#[cfg(feature = "password")]
fn passwords(worker: Builder) -> Builder {
    let worker = with_body(worker, "password.hash", Codec::Utf8, |params, body| {
        password::hash(params, body).map(text)
    });
    let worker = with_body(worker, "password.verify", Codec::Utf8, |params, body| {
        password::verify(params, body).map(|right| text(right.to_string()))
    });
    with_body(
        worker,
        "password.needs_rehash",
        Codec::Utf8,
        |params, _body| password::needs_rehash(params).map(|weaker| text(weaker.to_string())),
    )
}

#[cfg(feature = "image")]
fn images(worker: Builder) -> Builder {
    let worker = in_pool(
        worker,
        "image.resize",
        Codec::Bytes,
        |params, body, task| {
            let go_on = || task.context().check_cancelled();
            let mut out = Vec::new();
            image::resize_while(params, body, &go_on, &mut out).map(|_| bytes(out))
        },
    );
    let worker = in_pool(
        worker,
        "image.thumbnail",
        Codec::Bytes,
        |params, body, task| {
            let go_on = || task.context().check_cancelled();
            let mut out = Vec::new();
            image::thumbnail_while(params, body, &go_on, &mut out).map(|_| bytes(out))
        },
    );
    with_body(worker, "image.info", Codec::Utf8, |params, body| {
        let description = image::info(params, body)?;
        serde_json::to_string(&description)
            .map(text)
            .map_err(|error| {
                TaskError::new(
                    "image.failed",
                    format!("the description has no JSON: {error}"),
                )
            })
    })
}

#[cfg(feature = "compress")]
fn compression(worker: Builder) -> Builder {
    let worker = with_body(worker, "compress", Codec::Bytes, |params, body| {
        compress::compress(params, body).map(bytes)
    });
    in_pool(worker, "decompress", Codec::Bytes, |params, body, task| {
        compress::decompress_within(params, body, task.largest_result() as u64).map(bytes)
    })
}

fn bytes(bytes: Vec<u8>) -> Answer {
    Answer::Bytes {
        bytes,
        codec: Codec::Bytes,
    }
}

fn text(text: String) -> Answer {
    Answer::Bytes {
        bytes: text.into_bytes(),
        codec: Codec::Utf8,
    }
}

/// Registers a stock function: parameters decoded, the body read in place.
fn with_body<P, F>(worker: Builder, name: &str, result_codec: Codec, run: F) -> Builder
where
    P: DeserializeOwned + Default + 'static,
    F: Fn(&P, &[u8]) -> Result<Answer, TaskError> + Send + Sync + 'static,
{
    in_pool(worker, name, result_codec, move |params, body, _task| {
        run(params, body)
    })
}

/// As [`with_body`], for a function that asks what the task and its pool are.
fn in_pool<P, F>(worker: Builder, name: &str, result_codec: Codec, run: F) -> Builder
where
    P: DeserializeOwned + Default + 'static,
    F: Fn(&P, &[u8], &RawTask<'_, '_>) -> Result<Answer, TaskError> + Send + Sync + 'static,
{
    let subject = name.split('.').next().unwrap_or(name).to_owned();
    worker.raw_task(
        name,
        Codec::Params,
        result_codec,
        move |task: &mut RawTask<'_, '_>| {
            if task.codec() != Codec::Params && task.codec() != Codec::Bytes {
                return Err(request_error(
                    "the handler takes params: a JSON object and a body".to_owned(),
                ));
            }
            let (params, body) = match task.params::<P>() {
                Ok(both) => both,
                Err(error) => return Err(of_parameters(&subject, task, error)),
            };
            run(&params, body, task)
        },
    )
}

/// A wrong parameter is `SUBJECT.invalid_params`, be it unknown, of a wrong type, or out of range.
/// What is no JSON object stays `request.undecodable`.
fn of_parameters(subject: &str, task: &RawTask<'_, '_>, error: TaskError) -> TaskError {
    let Ok((serde_json::Value::Object(_), _)) = task.params::<serde_json::Value>() else {
        return error;
    };
    TaskError::new(format!("{subject}.invalid_params"), error.message()).at("")
}

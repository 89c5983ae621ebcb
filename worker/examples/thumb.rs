//! A handler with state of each scope, and configuration: docs/guide/handlers.md. The photos, the
//! decoder and the database are stand-ins.

use ringwork_worker::{Config, PerLane, PerTask, State, TaskContext, TaskError, Worker};
use serde::Deserialize;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Deserialize)]
struct Address {
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct Limits {
    #[serde(default = "Limits::most")]
    most_bytes: usize,
}

impl Limits {
    fn most() -> usize {
        1 << 20
    }
}

/// Counts what it is told.
#[derive(Default)]
struct Db {
    url: String,
    thumbnails: AtomicU64,
}

impl Db {
    fn connect(url: &str) -> Result<Self, TaskError> {
        Ok(Self {
            url: url.to_owned(),
            ..Self::default()
        })
    }

    fn begin(&self) -> Result<Tx, TaskError> {
        Ok(Tx(self.thumbnails.fetch_add(1, Ordering::Relaxed)))
    }
}

struct Tx(u64);

/// Keeps its buffer from photo to photo.
#[derive(Default)]
struct Decoder(Vec<u8>);

impl Decoder {
    fn new() -> Result<Self, TaskError> {
        Ok(Self::default())
    }

    fn shrink(&mut self, photo: &[u8]) -> Vec<u8> {
        self.0.clear();
        self.0.extend(photo.iter().step_by(2));
        self.0.clone()
    }
}

/// `task`: id, attempt, deadline, cancellation, progress. `db` is one of the worker; `decoder` one of
/// each lane, which need not be Send; `tx` is made for this task; `limits` is `[handler.thumb]` of
/// the pool's file; `photo` is the request, in place.
fn thumbnail(
    task: &TaskContext<'_>,
    State(db): State<Db>,
    mut decoder: PerLane<Decoder>,
    PerTask(tx): PerTask<Tx>,
    limits: Config<Limits>,
    photo: &[u8],
) -> Result<Vec<u8>, TaskError> {
    if photo.len() > limits.most_bytes {
        return Err(TaskError::new("thumb.too_large", "send a smaller photo"));
    }
    task.check_cancelled()?;
    eprintln!("thumbnail {} for {:?}", tx.0, db.url);
    Ok(decoder.shrink(photo))
}

fn worker() -> ringwork_worker::Builder {
    Worker::builder()
        .singleton("db", |address: Config<Address>| Db::connect(&address.url))
        .per_lane("decoder", Decoder::new)
        .per_task("tx", |State(db): State<Db>| db.begin())
        .task("thumb", thumbnail)
}

fn main() -> Result<(), ringwork_worker::WorkerError> {
    worker().run()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwork_worker::{WorkerError, testing};
    use std::time::Duration;

    #[test]
    fn a_thumbnail_is_made_and_given_up() -> Result<(), WorkerError> {
        let (photo, small) = (b"photo".to_vec(), b"poo".to_vec());
        let worker = testing::Worker::new(worker())?; // finds what a worker finds at its start
        let call = || worker.call("thumb").request(photo.clone());
        let ended = call().deadline(Duration::from_secs(1)).run();
        assert_eq!(ended.bytes(), Ok(small));

        let given_up = call().cancel_after(Duration::ZERO).run();
        assert_eq!(given_up.code(), Some("task.cancelled"));
        let again = call().attempt(2).run(); // a worker has died of it before
        assert_eq!(again.code(), None);
        Ok(())
    }

    #[test]
    fn a_pool_has_lanes_of_its_own() -> Result<(), Box<dyn std::error::Error>> {
        let pool = testing::Pool::start(worker().lanes(2))?;
        let ended = pool.call("thumb").request(b"photo".to_vec()).run();
        assert_eq!(ended.bytes(), Ok(b"poo".to_vec()));
        Ok(())
    }
}

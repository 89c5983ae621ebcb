//! Serde types as request and result, word for word as the guide has them.

use ringwork_worker::{Cbor, TaskError, Worker};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Order {
    id: u64,
    cents: Vec<u64>,
}

#[derive(Serialize)]
struct Total {
    id: u64,
    cents: u64,
}

#[rustfmt::skip] // as it stands in the guide
fn total(Cbor(order): Cbor<Order>) -> Result<Cbor<Total>, TaskError> {
    Ok(Cbor(Total { id: order.id, cents: order.cents.iter().sum() }))
}

fn main() -> Result<(), ringwork_worker::WorkerError> {
    Worker::builder().task("order.total", total).run()
}

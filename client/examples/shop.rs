//! A client of examples/custom-worker: `ringwork serve --name shop --worker target/release/custom-worker`.

use ringwork::{Cbor, Ringwork, TaskType, block_on, join_all};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const UPPER: TaskType<str, String> = TaskType::new("upper");
const TOTAL: TaskType<Cbor<Order>, Cbor<Total>> = TaskType::new("order.total");

#[derive(Serialize)]
struct Order {
    id: u64,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    article: String,
    count: u32,
}

#[derive(Deserialize)]
struct Total {
    id: u64,
    cents: u64,
}

async fn shop(orders: &[Cbor<Order>]) -> ringwork::Result<()> {
    let rw = Ringwork::connect("shop").await?;
    let upper = rw.call(UPPER, "tea").timeout(Duration::from_millis(500));
    println!("{}", upper.await?);
    for total in join_all(orders.iter().map(|order| rw.call(TOTAL, order))).await {
        let Cbor(total) = total?;
        println!("order {}: {} cents", total.id, total.cents);
    }
    Ok(())
}

fn main() -> ringwork::Result<()> {
    let lines = vec![Line {
        article: "tea".to_owned(),
        count: 2,
    }];
    block_on(shop(&[Cbor(Order { id: 7, lines })]))
}

//! A program that goes on with the next pool when one has ended.
//!
//! Needs the worker of `examples/custom-worker`: `ringwork serve --name shop --worker custom-worker`.

use ringwork::{Ringwork, TaskType, block_on};
use std::time::Duration;

const UPPER: TaskType<str, String> = TaskType::new("upper");

async fn run() -> ringwork::Result<()> {
    let shop = Ringwork::builder("shop").reconnecting()?; // the pool need not be there yet
    let rw = shop.ready(Duration::from_secs(30)).await?; // the client of the pool that is there now
    println!("{}", rw.call(UPPER, "tea").await?);
    Ok(())
}

fn main() -> ringwork::Result<()> {
    block_on(run())
}

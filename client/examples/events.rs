//! Publishes an event and prints those of a pool, word for word as the guide has it.

use ringwork::Ringwork;
use std::time::Duration;

fn main() -> ringwork::Result<()> {
    let rw = Ringwork::connect_blocking("shop")?;
    let mut paid = rw.events("order.*")?;
    rw.publish("order.paid", "4711")?;
    while let Some(event) = paid.next_within(Duration::from_secs(1))? {
        println!("{} {}", event.topic(), event.read::<String>()?);
    }
    Ok(())
}

//! Sends and receives messages of a channel, word for word as the guide has it.

use ringwork::{Cbor, Ringwork};
use std::time::Duration;

fn main() -> ringwork::Result<()> {
    let rw = Ringwork::connect_blocking("shop")?;
    let ticks = rw.channel::<Cbor<(String, u32)>>("ticks")?;
    ticks.send_within(&Cbor(("ACME".to_owned(), 4711)), Duration::from_secs(1))?;
    while let Some(tick) = ticks.receive_within(Duration::from_secs(1))? {
        let Cbor((name, price)) = &*tick;
        println!("{name} {price}");
    }
    Ok(())
}

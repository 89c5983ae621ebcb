//! A worker of your own: three handlers, some state, an error, a panic.
//!
//! ```sh
//! cargo build --release -p custom-worker
//! ringwork serve --name shop --worker target/release/custom-worker
//! ringwork submit shop upper --data "hello"
//! ```

use ringwork_worker::{Cbor, State, TaskContext, TaskError};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What `order.total` takes: a CBOR map, from Java a record of the same fields.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    id: u64,
    lines: Vec<Line>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    article: String,
    count: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Total {
    id: u64,
    cents: u64,
}

/// State of the process, shared by all its lanes.
struct Prices(HashMap<String, u64>);

/// A typed handler: CBOR in, CBOR out, a state that the worker can't start without, an error of its
/// own.
fn order_total(
    State(Prices(prices)): State<Prices>,
    Cbor(order): Cbor<Order>,
) -> Result<Cbor<Total>, TaskError> {
    let mut cents = 0;
    for line in &order.lines {
        let price = prices.get(&line.article).ok_or_else(|| {
            TaskError::new(
                "order.unknown_article",
                format!("no article {:?}: see the price list", line.article),
            )
        })?;
        cents += price * u64::from(line.count);
    }
    Ok(Cbor(Total {
        id: order.id,
        cents,
    }))
}

/// A long handler looks now and then whether its caller still wants the result.
fn count_primes(context: &TaskContext<'_>, below: u32) -> Result<u32, TaskError> {
    let mut found = 0;
    for number in 2..below {
        if number % 1024 == 0 {
            context.check_cancelled()?;
            context.progress(number, below);
        }
        let divides = |divisor: &u32| number % divisor == 0;
        found += u32::from(!(2..).take_while(|d| d * d <= number).any(|d| divides(&d)));
    }
    Ok(found)
}

/// What the worker's own handlers are added to: the stock handlers (`--features stock`), or none.
fn beginning() -> ringwork_worker::Builder {
    #[cfg(feature = "stock")]
    let beginning = ringwork_handlers::stock_worker();
    #[cfg(not(feature = "stock"))]
    let beginning = ringwork_worker::Worker::builder();
    beginning
}

fn worker() -> ringwork_worker::Builder {
    beginning()
        .state(Prices(HashMap::from([
            ("tea".into(), 450),
            ("cup".into(), 1290),
        ])))
        .task("order.total", order_total)
        .task("primes.below", count_primes)
        .task("upper", |text: &str| text.to_uppercase())
}

fn main() -> Result<(), ringwork_worker::WorkerError> {
    worker().run()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwork_worker::testing::{Call, Worker};
    use std::time::Duration;

    fn called(
        name: &str,
        call: impl FnOnce(Call<'_>) -> Call<'_>,
    ) -> ringwork_worker::testing::Ended {
        let worker = Worker::new(worker()).expect("it has all that it needs");
        call(worker.call(name)).run()
    }

    #[test]
    fn an_order_is_added_up() {
        let order = |article: &str| {
            let article = article.to_owned();
            Cbor(Order {
                id: 7,
                lines: vec![Line { article, count: 2 }],
            })
        };
        let total = called("order.total", |call| call.request(order("tea")));
        let sum = Total { id: 7, cents: 900 };
        assert_eq!(
            total.result().map(|Cbor(total): Cbor<Total>| total),
            Ok(sum)
        );
        let unknown = called("order.total", |call| call.request(order("ink")));
        assert_eq!(unknown.code(), Some("order.unknown_article"));
    }

    #[test]
    fn primes_are_counted_until_the_caller_gives_up() {
        let counted = called("primes.below", |call| call.request(2000_u32));
        assert_eq!(
            (counted.result::<u32>(), counted.progress()),
            (Ok(303), (1024, 2000))
        );
        let given_up = called("primes.below", |call| {
            call.request(u32::MAX).cancel_after(Duration::ZERO)
        });
        assert_eq!(given_up.code(), Some("task.cancelled"));
    }
}

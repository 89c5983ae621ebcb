//! A handler that publishes an event, word for word as the guide has it.

use ringwork_worker::{TaskContext, TaskError, Worker};

fn pay(context: &TaskContext<'_>, order: String) -> Result<(), TaskError> {
    context.publish("order.paid", order)
}

fn main() -> Result<(), ringwork_worker::WorkerError> {
    Worker::builder().task("order.pay", pay).run()
}

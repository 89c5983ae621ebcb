//! The worker of the README, word for word: `ringwork serve --worker
//! target/release/examples/upper`.

use ringwork_worker::Worker;

#[rustfmt::skip] // as narrow as it stands in the README
fn main() -> Result<(), ringwork_worker::WorkerError> {
    Worker::builder()
        .task("upper", |text: &str| text.to_uppercase())
        .run()
}

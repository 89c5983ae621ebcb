//! A worker that fetches pages: an async handler with real sockets.
//!
//! ```sh
//! cargo build --release -p ringwork-worker --features io --example fetch
//! ringwork serve --name web --worker target/release/examples/fetch
//! ringwork submit web http.get --data "http://localhost:8000/"
//! ```

mod get;

fn main() -> Result<(), ringwork_worker::WorkerError> {
    ringwork_worker::Worker::builder()
        .async_task("http.get", get::get)
        .run()
}

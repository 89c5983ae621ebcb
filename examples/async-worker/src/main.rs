//! The worker of this example: see README.md.

#![forbid(unsafe_code)]

fn main() -> Result<(), ringwork_worker::WorkerError> {
    async_worker::worker().run()
}

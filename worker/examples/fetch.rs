//! A worker that fetches pages: an async handler with real sockets, one request a connection.
//!
//! ```sh
//! cargo build --release -p ringwork-worker --features io --example fetch
//! ringwork serve --name web --worker target/release/examples/fetch
//! ringwork submit web http.get --data "http://localhost:8000/"
//! ```

use ringwork_worker::{AsyncContext, TaskError, Worker, WorkerError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The largest answer that is taken.
const MAX: u64 = 1 << 20;

/// Fetches `http://HOST[:PORT]/PATH` and returns the body of the answer. While the server takes its
/// time no thread waits for it; when the caller gives the task up, the connection is closed.
pub async fn get(_: AsyncContext, url: String) -> Result<Vec<u8>, TaskError> {
    let wrong = |why: &str| TaskError::new("fetch.invalid_url", format!("{url:?} {why}"));
    let rest = url
        .strip_prefix("http://")
        .ok_or_else(|| wrong("does not begin with http://"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = match host.contains(':') {
        true => host.to_owned(),
        false => format!("{host}:80"),
    };
    let unreachable =
        |error: std::io::Error| TaskError::new("fetch.unreachable", format!("{address}: {error}"));
    let mut server = TcpStream::connect(&address).await.map_err(unreachable)?;
    let request = format!("GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    server
        .write_all(request.as_bytes())
        .await
        .map_err(unreachable)?;
    let mut answer = Vec::new();
    server
        .take(MAX)
        .read_to_end(&mut answer)
        .await
        .map_err(unreachable)?;
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n");
    let end = end.ok_or_else(|| TaskError::new("fetch.no_answer", "the answer has no head"))?;
    let status = String::from_utf8_lossy(&answer[..end]).into_owned();
    match status.split_whitespace().nth(1) {
        Some("200") => Ok(answer.split_off(end + 4)),
        _ => Err(TaskError::new(
            "fetch.refused",
            status.lines().next().unwrap_or_default().to_owned(),
        )),
    }
}

fn main() -> Result<(), WorkerError> {
    Worker::builder().async_task("http.get", get).run()
}

//! A client for one request at a time: what `ringwork stat http://…` asks a pool on another machine.
//!
//! Bounds: the time for all of it, and the size of the answer. No redirect is followed, since a token would
//! be sent along.

use axum::body::Body;
use axum::http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// The largest answer that is read.
const MAX_ANSWER: usize = 64 << 20;

/// Where a pool answers HTTP: `http://HOST:PORT` or `unix:PATH`.
///
/// ```
/// use ringwork_ops::client::Url;
///
/// let url: Url = "http://127.0.0.1:9464".parse()?;
/// assert_eq!(url.to_string(), "http://127.0.0.1:9464");
/// assert!("https://pool.example.org".parse::<Url>().is_err(), "put a proxy before it");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(Place);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Tcp { host: String, port: u16 },
    Unix(String),
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err("unix: without a path".to_owned()),
                path => Ok(Self(Place::Unix(path.to_owned()))),
            };
        }
        let bad = || {
            format!("{text:?} is no address of a pool: write http://127.0.0.1:9464 or unix:PATH")
        };
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(bad)?;
        let plain = uri.scheme_str() == Some("http")
            && matches!(uri.path(), "" | "/")
            && uri.query().is_none();
        let user = uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'));
        if !plain || user {
            return Err(bad());
        }
        Ok(Self(Place::Tcp {
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(80),
        }))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Tcp { host, port } => write!(f, "http://{host}:{port}"),
            Place::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, as text.
    pub body: String,
}

impl Answer {
    /// The cause and the remedy of a refusal, in a sentence; the body of any other answer.
    #[must_use]
    pub fn why(&self) -> String {
        let problem: Option<serde_json::Value> = serde_json::from_str(&self.body).ok();
        let part = |name: &str| Some(problem.as_ref()?.get(name)?.as_str()?.to_owned());
        match (part("detail"), part("remedy")) {
            (Some(detail), Some(remedy)) => format!("{detail}: {remedy}"),
            (Some(detail), None) => detail,
            _ => self.body.trim().to_owned(),
        }
    }
}

/// Asks for a path, in a format (`application/json`), with a token if there is one.
///
/// # Errors
/// Why there is no answer, and what to do.
pub fn get(
    url: &Url,
    path: &str,
    accept: &str,
    token: Option<&str>,
    patience: Duration,
) -> Result<Answer, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime for HTTP: {error}"))?;
    let asked = runtime
        .block_on(async { tokio::time::timeout(patience, ask(url, path, accept, token)).await });
    asked.map_err(|_| {
        format!("{url} does not answer within {patience:?}: `ringwork doctor` tells more there")
    })?
}

async fn ask(url: &Url, path: &str, accept: &str, token: Option<&str>) -> Result<Answer, String> {
    let none = |error: io::Error| {
        format!("{url} can't be reached: {error}; is the pool served with --http at this address?")
    };
    let mut request = Request::get(path).header(header::ACCEPT, accept);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    match &url.0 {
        Place::Tcp { host, port } => {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            let stream = TcpStream::connect((bare, *port)).await.map_err(none)?;
            exchange(
                url,
                stream,
                request.header(header::HOST, format!("{host}:{port}")),
            )
            .await
        }
        Place::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(none)?;
            exchange(url, stream, request.header(header::HOST, "localhost")).await
        }
    }
}

async fn exchange<S>(
    url: &Url,
    stream: S,
    request: axum::http::request::Builder,
) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: &dyn fmt::Display| format!("{url} does not answer as HTTP: {error}");
    let request = request
        .body(Body::empty())
        .map_err(|error| broken(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    // It ends with the answer.
    let connection = tokio::spawn(connection);
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| broken(&error))?;
    let status: StatusCode = answer.status();
    let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(|error| broken(&error))?.to_bytes();
    connection.abort();
    Ok(Answer {
        status: status.as_u16(),
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    #[test]
    fn addresses_are_those_of_pools() {
        for good in [
            "http://localhost:9464",
            "http://[::1]:1",
            "unix:/run/pool.sock",
        ] {
            assert_eq!(good.parse::<Url>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "pool",
            "https://a",
            "http://",
            "http://a/b",
            "http://a?x",
            "http://u@a",
            "unix:",
        ] {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }

    /// A server that gives this answer to one client, and tells what it was asked.
    fn once(answer: &'static str) -> (Url, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 4096];
            let read = stream.read(&mut asked).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&asked[..read]).into_owned()
        });
        (url, server)
    }

    #[test]
    fn an_answer_is_read_whole_and_a_refusal_tells_why() {
        let problem = "{\"detail\":\"it drains\",\"remedy\":\"ask another\"}";
        let (url, server) = once(
            "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n\
             2d\r\n{\"detail\":\"it drains\",\"remedy\":\"ask another\"}\r\n0\r\n\r\n",
        );
        let limit = Duration::from_secs(60);
        let answer = get(&url, "/readyz", "*/*", Some("secret"), limit).unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (503, problem));
        assert_eq!(answer.why(), "it drains: ask another");
        let asked = server.join().unwrap().to_lowercase();
        assert!(
            asked.starts_with("get /readyz http/1.1") && asked.contains("bearer secret"),
            "{asked}"
        );
    }

    #[test]
    fn what_is_no_answer_is_told() {
        let limit = Duration::from_secs(60);
        let (url, _server) = once("220 mail.example ESMTP\r\n");
        assert!(
            get(&url, "/stat", "*/*", None, limit)
                .unwrap_err()
                .contains("as HTTP")
        );
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent: Url = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let late = get(&silent, "/stat", "*/*", None, Duration::from_millis(20)).unwrap_err();
        assert!(late.contains("does not answer within"), "{late}");
        drop(listener);
        assert!(
            get(&silent, "/stat", "*/*", None, limit)
                .unwrap_err()
                .contains("can't be reached")
        );
    }
}

//! The server: it accepts connections, bounds what they can hold, and ends in order.
//!
//! One thread. Bounds: connections, requests, viewers, the time for a request's head, the size of head
//! and body, the life of a connection. A connection beyond the limit is told so and closed, so that a
//! probe gets an answer and never a silence.

use crate::Source;
use crate::app::{Access, App};
use crate::checks::around;
use crate::patient::Patient;
use crate::refusal::Refusal;
use crate::routes::routes;
use crate::task::Submitter;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Most connections at a time.
const MAX_CONNECTIONS: usize = 256;
/// Within it a request's head must have come, or the next one of a connection that is kept.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// The most of a request's head.
const MAX_HEAD: usize = 16 << 10;
const MAX_HEADERS: usize = 64;
/// A client that takes nothing of its answer for so long is let go.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// A connection is closed then, whatever it does; viewers come back by themselves.
const CONNECTION_LIFE: Duration = Duration::from_secs(900);
/// How long requests get when the server is told to stop.
const END_PATIENCE: Duration = Duration::from_millis(300);
/// After an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often it looks whether the pool is over.
const LOOK: Duration = Duration::from_secs(1);

/// A socket that listens.
#[derive(Debug)]
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A socket in the file system.
    Unix(UnixListener),
}

/// Why the server has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// SIGTERM or SIGINT.
    Asked,
    /// The pool is over.
    PoolOver,
}

/// Answers until SIGTERM or SIGINT comes, or the pool is over. Tasks are taken if there is a `submitter`.
/// `listening` is called once the signals
/// are taken over, before the first request is answered: there a process can confine itself.
///
/// # Errors
/// When the system refuses what a server can't do without, or `listening` does.
pub fn run(
    listener: Listener,
    source: Box<dyn Source>,
    submitter: Option<Box<dyn Submitter>>,
    access: Access,
    listening: impl FnOnce() -> io::Result<()>,
) -> io::Result<End> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let app = App::new(source, submitter, access);
    runtime.block_on(serve(listener, app, listening))
}

enum Accepting {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Accepting {
    fn new(listener: Listener) -> io::Result<Self> {
        Ok(match listener {
            Listener::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Self::Tcp(listener.try_into()?)
            }
            Listener::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Self::Unix(listener.try_into()?)
            }
        })
    }
}

async fn serve(
    listener: Listener,
    app: Arc<App>,
    listening: impl FnOnce() -> io::Result<()>,
) -> io::Result<End> {
    let accepting = Accepting::new(listener)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    listening()?;
    let service = around(routes(&app), &app);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut look = tokio::time::interval(LOOK);
    let end = loop {
        tokio::select! {
            _ = terminate.recv() => break End::Asked,
            _ = interrupt.recv() => break End::Asked,
            _ = look.tick() => if app.source.readiness().is_ok_and(|now| now.over) {
                break End::PoolOver;
            },
            // What has ended is let go of.
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = accept(&accepting) => match accepted {
                Ok(stream) => {
                    let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                        turn_away(&stream);
                        continue;
                    };
                    let connection = converse(stream, service.clone(), app.stop.subscribe());
                    connections.spawn(async move {
                        let _ = tokio::time::timeout(CONNECTION_LIFE, connection).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::debug!(event = "http.not_accepted", "no connection is accepted: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    };
    drop(accepting);
    app.stop.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(END_PATIENCE, all).await.is_err() {
        tracing::debug!(event = "http.cut", "connections were cut at the end");
    }
    Ok(end)
}

enum Stream {
    Tcp(tokio::net::TcpStream),
    Unix(tokio::net::UnixStream),
}

async fn accept(accepting: &Accepting) -> io::Result<Stream> {
    match accepting {
        Accepting::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
            // Events of the live stream are small, and must not wait for each other.
            let _ = stream.set_nodelay(true);
            Stream::Tcp(stream)
        }),
        Accepting::Unix(listener) => listener
            .accept()
            .await
            .map(|(stream, _)| Stream::Unix(stream)),
    }
}

/// Tells a connection beyond the limit so, as far as its buffer takes it at once.
fn turn_away(stream: &Stream) {
    let refusal = Refusal::busy(
        "too many connections are open",
        "close some, or ask again in a second",
    );
    let answer = refusal.last_words();
    let _ = match stream {
        Stream::Tcp(stream) => stream.try_write(answer.as_bytes()),
        Stream::Unix(stream) => stream.try_write(answer.as_bytes()),
    };
}

async fn converse(stream: Stream, service: Router, stop: watch::Receiver<bool>) {
    match stream {
        Stream::Tcp(stream) => talk(stream, service, stop).await,
        Stream::Unix(stream) => talk(stream, service, stop).await,
    }
}

/// Answers what comes over one connection, until it ends.
pub(crate) async fn talk<S>(stream: S, service: Router, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(
            TokioIo::new(Patient::new(stream, WRITE_PATIENCE)),
            TowerToHyperService::new(service),
        );
    tokio::pin!(connection);
    let stopped = async { drop(stop.wait_for(|stop| *stop).await) };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(event = "http.connection", "a connection ended: {error}");
    }
}

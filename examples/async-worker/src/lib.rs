//! Handlers that wait: for pages of the network, for files, for a database. No task of theirs holds a
//! thread while it waits, and thousands do so side by side.

#![forbid(unsafe_code)]

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, Uri, header::HOST};
use hyper_util::rt::TokioIo;
use ringwork::{Ringwork, TaskType, join_all};
use ringwork_worker::{AsyncContext, Builder, Cbor, Config, TaskError, Worker};
use rusqlite::Connection;
use serde::Deserialize;
use std::fmt::Display;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, Semaphore};

/// The largest page that is taken.
const MAX_PAGE: usize = 1 << 20;

/// The worker with all of them.
#[must_use]
pub fn worker() -> Builder {
    Worker::builder()
        .state(Turns(Semaphore::new(2)))
        .state(OwnPool::default())
        .singleton("notes", Notes::open)
        .async_task("page", page)
        .async_task("lines", lines)
        .async_task("lines.all", all_lines)
        .async_task("note", note)
        .async_task("notes", notes)
}

fn failed(code: &'static str) -> impl Fn(&dyn Display) -> TaskError {
    move |why| TaskError::new(code, why.to_string())
}

/// Fetches `http://HOST:PORT/PATH`. When the caller gives the task up, the connection is closed.
pub async fn page(task: AsyncContext, url: String) -> Result<Vec<u8>, TaskError> {
    let failed = failed("page.failed");
    let url: Uri = url.parse().map_err(|why| failed(&why))?;
    let host = url.authority().ok_or_else(|| failed(&"no host"))?.clone();
    let address = (host.host(), host.port_u16().unwrap_or(80));
    let connection = TcpStream::connect(address)
        .await
        .map_err(|why| failed(&why))?;
    let (mut server, connection) = hyper::client::conn::http1::handshake(TokioIo::new(connection))
        .await
        .map_err(|why| failed(&why))?;
    // What drives the connection ends with the task.
    task.spawn(connection);
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(HOST, host.as_str())
        .body(Empty::<Bytes>::new())
        .map_err(|why| failed(&why))?;
    let answer = server
        .send_request(request)
        .await
        .map_err(|why| failed(&why))?;
    if !answer.status().is_success() {
        return Err(failed(&answer.status()));
    }
    let body = Limited::new(answer.into_body(), MAX_PAGE).collect().await;
    Ok(body.map_err(|why| failed(&why))?.to_bytes().to_vec())
}

/// How much work that blocks is under way at a time. The tasks that wait for their turn hold no
/// thread, and are not refused as `handler.busy`.
pub struct Turns(Semaphore);

impl Turns {
    /// Runs what blocks when it is this task's turn.
    async fn run<R: Send + 'static>(
        &self,
        task: &AsyncContext,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, TaskError> {
        let closed = failed("turns.closed");
        let _turn = self.0.acquire().await.map_err(|why| closed(&why))?;
        Ok(task.blocking(work).await?)
    }
}

/// Counts the lines of a file.
pub async fn lines(task: AsyncContext, turns: Arc<Turns>, path: String) -> Result<u64, TaskError> {
    let count = move || -> std::io::Result<u64> {
        let file = BufReader::new(std::fs::File::open(path)?);
        file.lines()
            .try_fold(0, |count, line| Ok(count + u64::from(line.is_ok())))
    };
    let counted = turns.run(&task, count).await?;
    counted.map_err(|why| failed("file.unreadable")(&why))
}

/// A client of the worker's own pool, since the first task that has asked for it.
#[derive(Default)]
pub struct OwnPool(OnceCell<Ringwork>);

/// Counts the lines of several files, each by a task of its own: in this worker or another one.
pub async fn all_lines(
    task: AsyncContext,
    pool: Arc<OwnPool>,
    Cbor(paths): Cbor<Vec<String>>,
) -> Result<u64, TaskError> {
    const LINES: TaskType<str, u64> = TaskType::new("lines");
    let failed = failed("lines.failed");
    let connect = || Ringwork::builder("own").dir(task.pool().clone()).connect();
    let rw = pool.0.get_or_try_init(connect).await;
    let rw = rw.map_err(|why| failed(&why))?;
    let counts = join_all(paths.iter().map(|path| rw.call(LINES, path.as_str()))).await;
    let sum: ringwork::Result<u64> = counts.into_iter().sum();
    sum.map_err(|why| failed(&why))
}

/// Where the database is: `[state.notes]` of the pool's file.
#[derive(Deserialize)]
pub struct Place {
    /// Its file.
    file: PathBuf,
}

/// A database of notes.
pub struct Notes(Mutex<Connection>);

impl Notes {
    fn open(place: Config<Place>) -> rusqlite::Result<Self> {
        let database = Connection::open(&place.file)?;
        database.execute_batch("CREATE TABLE IF NOT EXISTS note (text TEXT NOT NULL)")?;
        Ok(Self(Mutex::new(database)))
    }

    /// Does something with the database, on a thread for what blocks.
    async fn query<R: Send + 'static>(
        self: &Arc<Self>,
        task: &AsyncContext,
        turns: &Turns,
        query: impl FnOnce(&Connection) -> rusqlite::Result<R> + Send + 'static,
    ) -> Result<R, TaskError> {
        let notes = Arc::clone(self);
        let work = move || query(&notes.0.lock().unwrap_or_else(PoisonError::into_inner));
        let found = turns.run(task, work).await?;
        found.map_err(|why| failed("notes.failed")(&why))
    }
}

/// Adds a note; gives its number.
pub async fn note(
    task: AsyncContext,
    notes: Arc<Notes>,
    turns: Arc<Turns>,
    text: String,
) -> Result<i64, TaskError> {
    let add = move |database: &Connection| {
        database.execute("INSERT INTO note VALUES (?1)", [text])?;
        Ok(database.last_insert_rowid())
    };
    notes.query(&task, &turns, add).await
}

/// The notes with a word in them, oldest first.
pub async fn notes(
    task: AsyncContext,
    notes: Arc<Notes>,
    turns: Arc<Turns>,
    word: String,
) -> Result<Cbor<Vec<String>>, TaskError> {
    let find = move |database: &Connection| {
        let mut found =
            database.prepare("SELECT text FROM note WHERE instr(text, ?1) > 0 ORDER BY rowid")?;
        found.query_map([word], |row| row.get(0))?.collect()
    };
    notes.query(&task, &turns, find).await.map(Cbor)
}

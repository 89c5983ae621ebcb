//! Log lines to standard error, without ever waiting for a reader.
//!
//! The supervisor is one thread that must notice deaths at once, so it must not block on a terminal
//! that is stopped or a pipe without a reader. A thread writes; when it falls behind, lines are
//! dropped and counted.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait for the reader of standard error.
const QUEUE: usize = 4096;
/// How long the last lines get at the end.
const FLUSH_PATIENCE: Duration = Duration::from_millis(500);

/// Lines on their way to standard error.
#[derive(Debug, Clone)]
pub(super) struct Sink {
    lines: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

/// Waits, within bounds, for the last lines when it is dropped.
#[derive(Debug)]
pub(super) struct Flush {
    sink: Sink,
    written: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Sink {
    /// Starts the writing thread.
    pub(super) fn start() -> io::Result<(Self, Flush)> {
        let (lines, queue) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&dropped);
        let thread = std::thread::Builder::new()
            .name("ringwork-log".into())
            .spawn(move || write_all(&queue, &count))?;
        let sink = Self { lines, dropped };
        Ok((
            sink.clone(),
            Flush {
                sink,
                written: Arc::new(Mutex::new(Some(thread))),
            },
        ))
    }

    /// Sends one line, with its line end; drops it when the queue is full.
    pub(super) fn line(&self, line: Vec<u8>) {
        if self.lines.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes until it gets the empty line that ends the log.
fn write_all(queue: &Receiver<Vec<u8>>, dropped: &AtomicU64) {
    loop {
        let line = match queue.recv_timeout(Duration::from_secs(3600)) {
            Ok(line) if line.is_empty() => return,
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut out = io::stderr().lock();
        // A closed standard error is no reason to stop serving.
        let _ = out.write_all(&line);
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(
                out,
                "ringwork: {lost} log lines dropped: standard error is not read fast enough"
            );
        }
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        self.sink.line(Vec::new());
        let give_up = Instant::now() + FLUSH_PATIENCE;
        let thread = self
            .written
            .lock()
            .ok()
            .and_then(|mut thread| thread.take());
        while thread.as_ref().is_some_and(|thread| !thread.is_finished())
            && Instant::now() < give_up
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// One event's writer: collects it and sends it when dropped.
#[derive(Debug)]
pub(super) struct Event {
    sink: Sink,
    bytes: Vec<u8>,
}

impl Write for Event {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.sink.line(std::mem::take(&mut self.bytes));
        }
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Event;

    fn make_writer(&'a self) -> Event {
        Event {
            sink: self.clone(),
            bytes: Vec::new(),
        }
    }
}

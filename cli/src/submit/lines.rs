//! `ringwork submit --lines`: a request from each line of a file or pipe, several under way at a time,
//! and their results in the same order.

use super::args::{Submit, choose_codec, read_of};
use super::failure::failure;
use super::json;
use crate::exit::{Failure, REJECTED, USAGE};
use crate::payload::{self, Data, Shown};
use ringwork_ring::client::{Client, Outcome, TaskOptions, Ticket};
use ringwork_ring::{Codec, RingError};
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that are read ahead, besides those whose tasks are under way.
const AHEAD: usize = 64;
/// While there is no line, the oldest task is waited for, and between two looks for a line at most so
/// long: the pause doubles while neither comes.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(16);

/// The lines of the input, read by a thread of their own: so results are shown as they come, however
/// slowly the lines do.
fn lines(submit: &Submit, longest: u64) -> Result<Receiver<io::Result<Vec<u8>>>, Failure> {
    let mut input = BufReader::new(read_of(submit)?);
    let (sender, lines) = sync_channel(AHEAD);
    thread::spawn(move || {
        loop {
            let mut line = Vec::new();
            let read = input
                .by_ref()
                .take(longest + 1)
                .read_until(b'\n', &mut line);
            if line.last() == Some(&b'\n') {
                line.pop();
            } else if line.len() as u64 > longest {
                let _ = sender.send(Err(io::Error::other(format!(
                    "a line is longer than {longest} bytes, the largest arena block of the pool"
                ))));
                return;
            }
            let message = match read {
                Ok(0) => return,
                Ok(_) => Ok(line),
                Err(error) => Err(error),
            };
            let last = message.is_err();
            if sender.send(message).is_err() || last {
                return; // the command has ended, or the file has
            }
        }
    });
    Ok(lines)
}

/// Why a line is no task, and the exit code for it.
struct Refused {
    why: String,
    code: u8,
}

/// The lines whose results are to be shown.
struct Run<'c> {
    submit: &'c Submit,
    client: &'c Client,
    options: TaskOptions,
    flying: VecDeque<(u64, Result<Ticket<'c>, Refused>)>,
    failed: u64,
    /// The exit code of the first failure.
    code: u8,
    /// The pool is over: no line is begun any more.
    closed: bool,
}

/// Runs all lines; the exit code is that of the first one that failed.
pub(super) fn run(submit: &Submit, client: &Client, options: TaskOptions) -> Result<(), Failure> {
    let codec = choose_codec(submit, client);
    let longest = client.segment().geometry().largest_payload() as u64;
    let lines = lines(submit, longest)?;
    let most = submit.in_flight as usize;
    let mut run = Run {
        submit,
        client,
        options: options.codec(codec),
        flying: VecDeque::new(),
        failed: 0,
        code: 0,
        closed: false,
    };
    let mut number = 0;
    // What is wrong with the input; the tasks of the lines before it are ended all the same.
    let mut broken = None;
    let mut pause = SHORTEST;
    while !run.closed {
        let line = match lines.try_recv() {
            Ok(line) => line,
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) if !run.flying.is_empty() => {
                pause = match run.end_oldest(Some(pause))? {
                    true => SHORTEST,
                    false => LONGEST.min(2 * pause),
                };
                continue;
            }
            Err(TryRecvError::Empty) => match lines.recv() {
                Ok(line) => line,
                Err(_) => break,
            },
        };
        pause = SHORTEST;
        number += 1;
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                broken = Some(format!("cannot read line {number}: {error}"));
                break;
            }
        };
        while run.flying.len() >= most {
            run.end_oldest(None)?;
        }
        let begun = run.begin(line, codec)?;
        run.flying.push_back((number, begun));
    }
    while run.end_oldest(None)? {}
    io::stdout().flush()?;
    if let Some(why) = broken {
        return Err(Failure::usage(why));
    }
    match run.failed {
        0 => Ok(()),
        failed => Err(Failure::new(
            run.code,
            format!("{failed} of {number} lines failed"),
        )),
    }
}

impl<'c> Run<'c> {
    /// Submits a line; what is wrong with it alone is told in its turn.
    fn begin(
        &mut self,
        line: Vec<u8>,
        codec: Codec,
    ) -> Result<Result<Ticket<'c>, Refused>, Failure> {
        let refused = |code| move |why| Refused { why, code };
        let data = match codec {
            Codec::Bytes => Ok(Data::Bytes(line)),
            _ => String::from_utf8(line)
                .map(Data::Text)
                .map_err(|error| format!("it is no UTF-8: {error}")),
        };
        let encoded =
            data.and_then(|data| payload::encode(codec, data, self.submit.params.as_deref()));
        let request = match encoded.map_err(refused(USAGE)) {
            Ok(request) => request,
            Err(refused) => return Ok(Err(refused)),
        };
        loop {
            // There is room again when tasks of this command have ended.
            if !self.client.has_slot(&self.options) && self.end_oldest(None)? {
                continue;
            }
            let submitted = self
                .client
                .submit(&self.submit.handler, &request, &self.options);
            match submitted {
                Ok(ticket) => return Ok(Ok(ticket)),
                Err(
                    RingError::SlotsTaken { .. }
                    | RingError::QueueFull
                    | RingError::ArenaExhausted { .. },
                ) if self.end_oldest(None)? => {}
                Err(
                    error @ (RingError::TooLarge { .. }
                    | RingError::ArenaExhausted { .. }
                    | RingError::DeadlineUnreachable { .. }),
                ) => return Ok(Err(refused(REJECTED)(error.to_string()))),
                Err(error) => {
                    // Of the lines before it each is told how it ended.
                    self.closed = true;
                    let why = Failure::from(error);
                    return Ok(Err(refused(why.code())(why.text().to_owned())));
                }
            }
        }
    }

    /// Waits for the oldest task, no longer than the `limit`, and shows its end; false if there is none,
    /// or it goes on. All in front of it in the file have been shown.
    fn end_oldest(&mut self, limit: Option<Duration>) -> Result<bool, Failure> {
        let Some((number, begun)) = self.flying.pop_front() else {
            return Ok(false);
        };
        match begun {
            Ok(ticket) => match ticket.wait(limit) {
                Ok(outcome) => self.show(number, outcome)?,
                Err(RingError::Timeout(_)) => {
                    self.flying.push_front((number, Ok(ticket)));
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            },
            Err(Refused { why, code }) => self.refuse(number, &why, code)?,
        }
        Ok(true)
    }

    fn show(&mut self, number: u64, outcome: Outcome) -> Result<(), Failure> {
        self.closed |= matches!(outcome, Outcome::Closed { .. });
        if self.submit.json {
            if !matches!(outcome, Outcome::Completed { .. }) {
                self.count(failure(outcome.clone()).code());
            }
            let object = json::of(outcome, Some(number));
            writeln!(io::stdout().lock(), "{object}")?;
            return Ok(());
        }
        let (codec, bytes) = match outcome {
            Outcome::Completed { codec, bytes } => (codec, bytes),
            failed => {
                let failed = failure(failed);
                return self.refuse(number, failed.text(), failed.code());
            }
        };
        let line = match payload::decode(codec, bytes) {
            Shown::Line(line) => line,
            Shown::Raw(bytes) => match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(_) => {
                    let why = "its result is no text: ask for --json";
                    return self.refuse(number, why, USAGE);
                }
            },
        };
        if line.contains('\n') {
            let why = "its result has several lines: ask for --json";
            return self.refuse(number, why, USAGE);
        }
        writeln!(io::stdout().lock(), "{line}")?;
        Ok(())
    }

    /// An empty line in the place of the result, so that results stand beside their requests, and the
    /// reason on standard error.
    fn refuse(&mut self, number: u64, why: &str, code: u8) -> Result<(), Failure> {
        self.count(code);
        if self.submit.json {
            writeln!(io::stdout().lock(), "{}", json::refused(why, number))?;
            return Ok(());
        }
        // There is nothing to write to if that fails.
        let _ = writeln!(io::stderr(), "ringwork: line {number}: {why}");
        writeln!(io::stdout().lock())?;
        Ok(())
    }

    /// Counts a line that failed.
    fn count(&mut self, code: u8) {
        self.failed += 1;
        if self.code == 0 {
            self.code = code;
        }
    }
}

//! What `ringwork submit` is told on its command line, and where its request comes from.

use crate::exit::Failure;
use crate::payload;
use crate::units::Span;
use clap::{Args, ValueEnum};
use ringwork_ring::Codec;
use ringwork_ring::client::Client;
use ringwork_ring::segment::tables;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const AFTER_HELP: &str = "\
Examples:
  ringwork submit images echo --data hello
  ringwork submit images image.thumbnail --file photo.jpg --params '{\"size\":200}' --out small.jpg
  date | ringwork submit images digest --file -
  ringwork submit images digest --lines --file words.txt

Results: utf8 and numbers as a line of text, CBOR in diagnostic notation (JSON where possible), bytes \
as they are; --out always gets the bytes as they are. With --lines the results come in the order of the \
lines, one a line: an empty one where a line failed, whose reason is on standard error. With --json each is \
an object: `ok`, and `codec` with `result` (or `result_base64`), or `error`.

Exit codes: 0 done; 1 the task failed; 2 wrong options or request; 3 no such pool, or it is closed; \
4 timed out or cancelled; 5 the worker crashed; 6 rejected (pool full or draining, request too large, no \
client entry free in time).";

/// Priorities by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Priority {
    High,
    Normal,
    Low,
}

/// Submit a task and wait for its result.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Submit {
    /// Name of the pool.
    pub(super) name: String,

    /// Name of the handler, see `ringwork handlers NAME`.
    pub(super) handler: String,

    /// The request, or its body.
    #[arg(
        long,
        value_name = "TEXT",
        conflicts_with = "file",
        allow_hyphen_values = true
    )]
    pub(super) data: Option<String>,

    /// Read the request, or its body, from a file; `-`: standard input.
    #[arg(long, value_name = "PATH")]
    pub(super) file: Option<PathBuf>,

    /// Parameters, a JSON object; the data is the body then.
    #[arg(long, value_name = "JSON")]
    pub(super) params: Option<String>,

    /// Codec of the request: the data as it is (bytes), which must be UTF-8 (utf8) or a decimal number
    /// (i64); JSON, which is converted, or a file that is CBOR already (cbor); or a JSON object, `--params`,
    /// with the data as its body (params) [default: what the handler says].
    #[arg(long, value_parser = payload::codecs(), value_name = "CODEC")]
    pub(super) codec: Option<Codec>,

    /// Give up after this time, such as 500ms or 30s; waiting for a free client entry of the pool
    /// counts [default: wait for ever].
    #[arg(long, value_name = "TIME")]
    pub(super) timeout: Option<Span>,

    /// Priority of the task.
    #[arg(long, value_enum, value_name = "PRIORITY", default_value = "normal")]
    pub(super) priority: Priority,

    /// Most attempts when workers die of the task, 1 to 3.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    pub(super) attempts: u8,

    /// Key of the task: no other task of this key runs at the same time, and with --lines they run in
    /// the order of the lines.
    #[arg(long, value_name = "TEXT")]
    pub(super) key: Option<String>,

    /// A request from each line of the file, or of standard input.
    #[arg(long, conflicts_with_all = ["data", "out"])]
    pub(super) lines: bool,

    /// With --lines: most tasks at a time.
    #[arg(long, value_name = "N", default_value_t = 64, requires = "lines", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) in_flight: u32,

    /// Print the result, or the failure, as JSON.
    #[arg(long, conflicts_with = "out")]
    pub(super) json: bool,

    /// Say on standard error how long the task was queued and ran, and where; with --json as `queued_ms`, `ran_ms` and
    /// `worker`.
    #[arg(long, short, conflicts_with = "lines")]
    pub(super) verbose: bool,

    /// Write the result to a file, as it is.
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

/// The file that is named, or standard input.
pub(super) fn read_of(submit: &Submit) -> Result<Box<dyn Read + Send>, Failure> {
    match submit.file.as_deref() {
        Some(path) if path != Path::new("-") => {
            let file = std::fs::File::open(path).map_err(|error| cannot_read(path, &error))?;
            Ok(Box::new(file))
        }
        _ => Ok(Box::new(io::stdin())),
    }
}

pub(super) fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {error}", path.display()))
}

/// What the user says; else parameters mean params; else what the handler says.
pub(super) fn choose_codec(submit: &Submit, client: &Client) -> Codec {
    let of_handler = || {
        let all = tables::handlers(client.segment());
        let known = all
            .into_iter()
            .find(|handler| handler.name == submit.handler)?;
        Some(known.request_codec)
    };
    let params = submit.params.as_ref().map(|_| Codec::Params);
    submit
        .codec
        .or(params)
        .or_else(of_handler)
        .unwrap_or(Codec::Bytes)
}

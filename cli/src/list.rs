//! `ringwork list`: the pools of this user, and what else stands where they do.

use super::exit::Failure;
use super::table::Table;
use super::units::Size;
use super::{shown, view};
use clap::Args;
use ringwork_ring::segment::liveness;
use ringwork_ring::segment::paths::base_dir;
use ringwork_ring::segment::survey::{Found, survey};
use ringwork_ring::{PoolDir, RingError, Segment};
use serde::Serialize;
use std::io::{self, Write};

const AFTER_HELP: &str = "\
A state is that of `stat`, or `unreadable`. What is no pool is shown, too: `leftover` is an empty \
directory or a symbolic link to nothing, which `ringwork clean` removes; `foreign` is what no pool \
has made, and is left alone.

Exit codes: 0, also when there are none; 1 when they can't be read.";

/// List the pools of this user, alive or dead.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct List {
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// The state of what a dead pool has left that is no pool any more.
pub(super) const LEFTOVER: &str = "leftover";

/// The state of what is no pool's.
pub(super) const FOREIGN: &str = "foreign";

/// One pool, in short, or what else there is under a name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    /// As in `stat`, or `unreadable`; what is no pool is a [`LEFTOVER`] or [`FOREIGN`].
    pub(super) state: &'static str,
    pub(super) alive: bool,
    /// As in `stat`: whether it takes tasks and replaces workers that die.
    pub(super) ready: bool,
    /// As in `stat`: why it closed, failed, or is not ready, or what is wrong; empty when nothing
    /// was said.
    pub(super) reason: String,
    pub(super) supervisor_pid: Option<u32>,
    pub(super) clients: u32,
    pub(super) workers: u32,
    pub(super) lanes: u32,
    pub(super) segment_bytes: Option<u64>,
    /// Why it can't be read.
    pub(super) problem: Option<String>,
    /// Its processes that do not run; `reason` has them, too.
    #[serde(skip)]
    pub(super) stopped: Vec<String>,
}

/// Runs the subcommand.
pub(super) fn run(list: &List) -> Result<(), Failure> {
    let rows = rows()?;
    let mut out = io::stdout().lock();
    if list.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)?;
    } else if rows.is_empty() {
        writeln!(out, "no pools in {}", base_dir().display())?;
    } else {
        write!(out, "{}", table(&rows))?;
    }
    out.flush()?;
    Ok(())
}

/// All pools of this user, and what else stands where they do.
///
/// # Errors
/// When the directory of the pools can't be read.
pub(super) fn rows() -> Result<Vec<Row>, RingError> {
    Ok(survey(&base_dir())?.iter().filter_map(found).collect())
}

fn found(found: &Found) -> Option<Row> {
    let leftover = |name: &str, what: &str| Row {
        problem: Some(format!("{what}: `ringwork clean` removes it")),
        ..Row::of(name, LEFTOVER)
    };
    Some(match found {
        Found::Pool(dir) => row(dir),
        Found::Empty(dir) => leftover(dir.name(), "a directory that a pool has left empty"),
        Found::DeadLink(dir) => leftover(dir.name(), "a link to nothing"),
        Found::Other { path, what } => Row {
            reason: format!("no pool: {what}"),
            ..Row::of(&path.file_name()?.to_string_lossy(), FOREIGN)
        },
        _ => return None,
    })
}

impl Row {
    /// Of what says nothing about itself.
    fn of(name: &str, state: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            state,
            alive: false,
            ready: false,
            reason: String::new(),
            supervisor_pid: None,
            clients: 0,
            workers: 0,
            lanes: 0,
            segment_bytes: None,
            problem: None,
            stopped: Vec::new(),
        }
    }

    /// Whether it is a pool, alive or dead.
    pub(super) fn is_pool(&self) -> bool {
        self.state != LEFTOVER && self.state != FOREIGN
    }
}

fn row(dir: &PoolDir) -> Row {
    let mut row = Row::of(dir.name(), "unreadable");
    match Segment::attach(dir) {
        Ok(segment) => {
            if let Err(error) = fill(&mut row, &segment) {
                row.problem = Some(error.to_string());
            }
        }
        Err(RingError::NotReady { .. } | RingError::NotFound { .. }) => {
            row.alive = is_served(dir);
            (row.state, row.reason) = match row.alive {
                true => (
                    shown::STARTING,
                    "starting: its segment is being made".to_owned(),
                ),
                false => (shown::DEAD, view::DEAD.to_owned()),
            };
        }
        Err(RingError::Closed { .. }) => {
            (row.state, row.reason) = (shown::DEAD, view::DEAD.to_owned());
        }
        Err(error) => row.problem = Some(error.to_string()),
    }
    if row.state == shown::DEAD {
        row.problem = Some(row.reason.clone());
    }
    row
}

/// Whether a process holds the pool's name, with or without a segment.
pub(super) fn is_served(dir: &PoolDir) -> bool {
    liveness::open_to_probe(&dir.name_lock())
        .and_then(|file| liveness::is_held(&file))
        .unwrap_or(false)
}

fn fill(row: &mut Row, segment: &Segment) -> Result<(), RingError> {
    let g = segment.geometry();
    let condition = view::condition(segment)?;
    (row.state, row.ready) = (condition.state, condition.ready);
    (row.reason, row.alive) = (condition.reason, condition.supervisor_alive);
    row.stopped = condition.stopped;
    row.supervisor_pid = Some(segment.header().supervisor_pid());
    let clients = (0..g.max_clients).map(|client| segment.client(client).word_acquire());
    row.clients = clients.filter(|word| word.is_active()).count() as u32;
    let workers: Vec<u32> = (0..g.max_workers)
        .filter(|worker| segment.worker(*worker).word_acquire().is_active())
        .filter(|worker| !view::is_stand_in(segment, *worker))
        .filter(|worker| view::worker_lives(segment, *worker))
        .collect();
    let lanes = segment.lanes().map(|lane| lane.word_acquire());
    let served = lanes.filter(|word| word.is_active() && workers.contains(&word.worker()));
    row.lanes = served.count() as u32;
    row.workers = workers.len() as u32;
    row.segment_bytes = Some(g.segment_size);
    Ok(())
}

/// What is wrong with it, in words.
pub(super) fn note(row: &Row) -> String {
    match &row.problem {
        Some(problem) => problem.clone(),
        None if row.state == shown::SERVING && !row.ready => format!("not ready: {}", row.reason),
        None => row.reason.clone(),
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        "NAME",
        "STATE",
        "SUPERVISOR",
        "CLIENTS",
        "WORKERS",
        "LANES",
        "SEGMENT",
        "NOTE",
    ]);
    for row in rows {
        table.row([
            row.name.clone(),
            row.state.to_owned(),
            row.supervisor_pid
                .map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            row.clients.to_string(),
            row.workers.to_string(),
            row.lanes.to_string(),
            row.segment_bytes
                .map_or_else(|| "-".to_owned(), |bytes| Size(bytes).to_string()),
            note(row),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwork_ring::PoolConfig;
    use ringwork_ring::format::states::{Health, PoolState};

    #[test]
    fn a_row_says_what_stat_says_in_each_state() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("pools"), "p").unwrap();
        let config = PoolConfig::default().segment_size(8 << 20);
        let (segment, locks) = Segment::create(&dir, &config).unwrap();
        let check = |state: &str, ready: bool, told: &str| {
            let (row, stat) = (row(&dir), view::pool(&segment).unwrap());
            assert_eq!((row.state, row.ready), (state, ready), "{row:?}");
            assert_eq!((row.state, row.ready), (stat.state, stat.ready));
            assert_eq!(row.reason, stat.reason);
            assert!(note(&row).contains(told), "{row:?}");
        };
        check("starting", false, "starting: no worker is ready yet");
        segment.set_pool_state(PoolState::Serving);
        check("serving", true, "");
        segment.set_reason("a crash storm");
        segment.set_health(Health::Storm);
        check("serving", false, "not ready: a crash storm");
        segment.set_reason("asked to stop");
        segment.set_health(Health::Full);
        segment.set_pool_state(PoolState::Draining);
        check("draining", false, "draining: it takes no new task");
        segment.set_pool_state(PoolState::Failed);
        check("failed", false, "asked to stop");
        segment.set_pool_state(PoolState::Closed);
        check("closed", false, "asked to stop");
        segment.set_pool_state(PoolState::Serving);
        drop(locks);
        check("dead", false, "its supervisor is dead: `ringwork clean`");
    }
}

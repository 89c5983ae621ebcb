//! Whether the segment can still be trusted: its files are there and whole, its words are possible.
//!
//! Called by the supervisor right after each sleep, before anything of the segment is touched.
//! What it finds ends the pool: the workers are killed first, for one of them is the likely
//! writer, then the clients are told. Nothing is repaired: a word that was overwritten may have
//! been believed already.

use crate::error::SupervisorError;
use crate::pool::Pool;
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::reaper::audit::Auditor;
use ringwork_ring::segment::tables::log_error;
use std::time::{Duration, Instant};

/// How often the header is looked at.
const HEADER_INTERVAL: Duration = Duration::from_millis(100);
/// How often everything is looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many of those looks are left out while no client is there.
const LAZY: u32 = 8;

/// The looks and when they were made last.
#[derive(Debug)]
pub(crate) struct Guard {
    auditor: Auditor,
    header: Instant,
    looked: Instant,
    left_out: u32,
    damaged: bool,
}

impl Guard {
    /// For a pool that was just made.
    pub(crate) fn new(pool: &Pool) -> Self {
        let now = Instant::now();
        Self {
            auditor: Auditor::new(pool.segment(), now_ns()),
            header: now,
            looked: now,
            left_out: 0,
            damaged: false,
        }
    }

    /// Looks whether the pool's files are there: without them no worker and no client finds it, and
    /// all take it for dead.
    ///
    /// # Errors
    /// [`SupervisorError::FilesGone`] names one that is not.
    pub(crate) fn check_files(&self, pool: &Pool) -> Result<(), SupervisorError> {
        found_lost(pool.lost())
    }

    /// Looks at what is due.
    ///
    /// # Errors
    /// [`SupervisorError::Corrupt`] and [`SupervisorError::FilesGone`] name what was found.
    pub(crate) fn check(&mut self, pool: &Pool) -> Result<(), SupervisorError> {
        if let Err(error) = pool.segment().check_file() {
            return self.found(error.to_string());
        }
        let found = if self.looked.elapsed() >= INTERVAL {
            self.looked = Instant::now();
            self.left_out += 1;
            found_lost(pool.lost_in_turn())?;
            if !pool.has_clients() && self.left_out < LAZY {
                return Ok(());
            }
            self.left_out = 0;
            self.auditor.look(pool.segment(), now_ns())
        } else if self.header.elapsed() >= HEADER_INTERVAL {
            self.header = Instant::now();
            found_lost(pool.lost_in_turn())?;
            self.auditor.look_at_header(pool.segment())
        } else {
            return Ok(());
        };
        match found {
            Ok(()) => Ok(()),
            Err(damage) => {
                log_error(pool.segment(), &format!("the segment is corrupt: {damage}"));
                self.found(damage)
            }
        }
    }

    fn found(&mut self, damage: String) -> Result<(), SupervisorError> {
        self.damaged = true;
        tracing::error!(
            event = "segment.corrupt",
            "the segment is corrupt: {damage}"
        );
        Err(SupervisorError::Corrupt(damage))
    }

    /// The likelier cause of an error: damage, if there is any.
    pub(crate) fn explain(&mut self, pool: &Pool, error: SupervisorError) -> SupervisorError {
        if self.damaged || pool.segment().check_file().is_err() {
            return error;
        }
        // A worker that could not start may have missed what is gone.
        if let Err(gone) = self.check_files(pool) {
            return gone;
        }
        match self.auditor.look_at_header(pool.segment()) {
            Ok(()) => error,
            Err(damage) => self.found(damage).err().unwrap_or(error),
        }
    }

    /// Whether something was found.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged
    }
}

fn found_lost(lost: Option<String>) -> Result<(), SupervisorError> {
    match lost {
        Some(what) => Err(SupervisorError::FilesGone(what)),
        None => Ok(()),
    }
}

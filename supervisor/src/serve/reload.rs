//! SIGHUP: the configuration and the worker program are read again, and workers
//! are replaced one by one, each after its successor is ready.
//!
//! Invariant: whatever is wrong with the new configuration or program, the
//! workers that serve go on; no task fails or is run again by a reload.

use super::{Phase, Supervisor, SupervisorError};
use crate::config::in_effect::{Cause, InEffect};
use crate::config::options::fixed_that_differ;
use crate::config::{LogLevel, ServeConfig, WorkerCommand};
use crate::crew::seat::Settings;
use crate::lifecycle::{self, Topic};
use ringwork_ring::format::counted;
use ringwork_ring::segment::tables::log_error;
use ringwork_worker::log::OUTCOME;

impl Supervisor<'_> {
    /// Begins a reload when one is asked for, and sees to the end of one that is under way.
    /// How it ended is logged at each level.
    pub(crate) fn reload_if_asked(&mut self, asked: bool) {
        self.reloads.number += u64::from(asked);
        if asked && self.phase != Phase::Serving {
            let now = match self.phase {
                Phase::Starting => "no worker of the pool is ready yet",
                Phase::Drained => "the pool is drained: `ringwork resume` comes before it",
                _ => "the pool is being stopped",
            };
            let text = format!("reload refused: {now}; nothing has changed");
            tracing::warn!(target: OUTCOME, event = "reload.incomplete", "{text}");
            self.reloads.end(false, &text);
        } else if asked {
            self.notifier.reloading();
            match self.new_config() {
                Ok((config, command)) => self.take_up(config, command),
                Err(why) => {
                    self.refuse(&format!("reload refused: {why}; nothing has changed"));
                    self.notifier.ready(&self.summary());
                }
            }
        }
        if let Some(why) = self.crew.take_reload_failure() {
            if let Some(former) = self.former_config.take() {
                self.set_log_level(former.log_level);
                self.config = former;
                self.watch.configure(&self.config);
                self.limits
                    .write(self.pool.segment(), &self.config.limits());
            }
            self.keep_handlers();
            self.refuse(&format!("reload failed: {why}"));
            self.notifier.ready(&self.summary());
        } else if self.former_config.is_some() && !self.crew.is_renewing() {
            self.former_config = None;
            let handlers = self.take_up_handlers();
            InEffect::publish(&self.config, Cause::Reload, self.pool.segment());
            let text = format!("reload done: {}{handlers}", self.summary());
            tracing::info!(target: OUTCOME, event = "reload.done", "{text}");
            self.reloads.end(true, &text);
            lifecycle::publish(self.pool.segment(), Topic::PoolReloaded, &[], None);
            self.warn_of_vain_limits();
            self.notifier.ready(&self.summary());
        }
    }

    /// Says that a reload under way has no end, for the pool ends before.
    pub(crate) fn give_up_reload(&mut self) {
        if self.former_config.take().is_some() {
            tracing::warn!(target: OUTCOME, event = "reload.incomplete", "reload not completed: the pool ends before");
        }
    }

    /// Says that nothing came of a reload.
    fn refuse(&mut self, why: &str) {
        tracing::error!(target: OUTCOME, event = "reload.refused", "{why}");
        self.reloads.end(false, why);
        log_error(self.pool.segment(), why);
    }

    /// Before the configuration is replaced; its workers have the level from their start.
    fn set_log_level(&mut self, level: LogLevel) {
        if level != self.config.log_level {
            self.console.log_level(level);
            tracing::info!(target: OUTCOME, event = "reload.log_level", "reload: the level of the log is {level} from now on");
        }
    }

    /// What to take up, or all that is wrong with it.
    fn new_config(&mut self) -> Result<(ServeConfig, WorkerCommand), String> {
        let mut config = self.console.reload()?.settled();
        config.embedded = self.config.embedded;
        let mut wrong = Vec::new();
        if let Err(problems) = config.checked() {
            wrong.push(SupervisorError::Config(problems.join("; ")).to_string());
        } else {
            wrong.extend(self.no_room_for(&config));
        }
        let newly = self.newly_limited(&config);
        if !newly.is_empty() {
            wrong.push(format!(
                "{} had no limit of concurrency when the pool was made, and can't get one while it \
                 is served: restart it for that",
                newly.join(", ")
            ));
        }
        let lanes = self.pool.segment().geometry().max_lanes;
        let fixed = fixed_that_differ(&self.config, &config, lanes);
        if !fixed.is_empty() {
            wrong.push(format!(
                "{} can't change while the pool is served: restart it for that",
                fixed.join(", ")
            ));
        }
        match command_of(&config) {
            Ok(command) if wrong.is_empty() => {
                return Ok((config, command));
            }
            Ok(_) => {}
            Err(why) => wrong.push(why),
        }
        Err(wrong.join("; "))
    }

    /// Whether the tables of the segment are too small for so many workers: one fewer would have to
    /// be made anew, too.
    pub(crate) fn no_room_for(&self, config: &ServeConfig) -> Option<String> {
        let geometry = self.pool.segment().geometry();
        let most = config.max_workers();
        let all = most.saturating_add(config.io.io_workers);
        let lanes = most.saturating_mul(config.lanes_of_a_worker());
        let lanes = lanes.saturating_add(config.io.worker_entries());
        (all > geometry.max_workers || lanes > geometry.max_lanes).then(|| {
            format!(
                "the tables of this pool ({}, {}) have no room for {} of {}: restart it for that",
                counted(geometry.max_workers, "worker"),
                counted(geometry.max_lanes, "lane"),
                counted(most, "worker"),
                counted(config.lanes, "lane")
            )
        })
    }

    /// Handlers that get a limit of concurrency and have no entry for one.
    fn newly_limited(&self, config: &ServeConfig) -> Vec<String> {
        let limits = config.limits();
        let limited = limits
            .iter()
            .filter(|(name, limit)| limit.concurrency.is_some() && !self.limits.has(name));
        limited.map(|(name, _)| name.clone()).collect()
    }

    fn take_up(&mut self, config: ServeConfig, command: WorkerCommand) {
        self.set_log_level(config.log_level);
        self.renew_handlers();
        let segment = self.pool.segment();
        let settings = Settings::new(&config, command, segment);
        tracing::info!(
            event = "reload.begins", program = %settings.command.program.display(),
            "reload: workers are replaced one by one"
        );
        let seats = (config.workers(), config.max_workers());
        self.crew.renew(settings, seats, segment, "reload");
        self.watch.configure(&config);
        self.limits.write(segment, &config.limits());
        let former = std::mem::replace(&mut self.config, config);
        self.former_config.get_or_insert(former);
    }
}

/// The worker's program, which must be there.
fn command_of(config: &ServeConfig) -> Result<WorkerCommand, String> {
    let command = match config.worker_command() {
        Some(command) => command,
        None => WorkerCommand::stock()
            .map(WorkerCommand::fresh)
            .map_err(|error| format!("cannot tell which program this is: {error}"))?,
    };
    command.check().map_err(|error| error.to_string())?;
    Ok(command)
}

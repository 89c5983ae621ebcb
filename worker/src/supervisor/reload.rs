//! SIGHUP: the configuration and the worker program are read again, and workers
//! are replaced one by one, each after its successor is ready.
//!
//! Invariant: whatever is wrong with the new configuration or program, the
//! workers that serve go on; no task fails or is run again by a reload.

use super::config::{ServeConfig, WorkerCommand};
use super::policy::HandlerLimits;
use super::seat::Settings;
use super::{Phase, Supervisor};
use ringwork_ring::stats::log_error;

impl Supervisor<'_> {
    /// Begins a reload when one is asked for, and sees to the end of one that is under way.
    pub(super) fn reload_if_asked(&mut self, asked: bool) {
        if asked && matches!(self.phase, Phase::Serving) {
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
                self.set_log_level(&former.log_level);
                self.config = former;
                self.watch.configure(&self.config);
                self.pool
                    .change_limits(&self.limited_from_start, &self.config.limits);
            }
            self.keep_handlers();
            self.refuse(&format!("reload failed: {why}"));
            self.notifier.ready(&self.summary());
        } else if self.former_config.is_some() && !self.crew.is_renewing() {
            self.former_config = None;
            let handlers = self.take_up_handlers();
            tracing::info!("reload done: {}{handlers}", self.summary());
            self.warn_of_vain_limits();
            self.notifier.ready(&self.summary());
        }
    }

    /// Says that nothing came of a reload.
    fn refuse(&self, why: &str) {
        tracing::error!("{why}");
        log_error(self.pool.segment(), why);
    }

    /// Before the configuration is replaced; its workers have the level from their start.
    fn set_log_level(&mut self, level: &str) {
        if level != self.config.log_level {
            let say = || tracing::info!("reload: the level of the log is {level} from now on");
            // At the level before, or else at the one after: one of them shows it mostly.
            let shown = tracing::enabled!(tracing::Level::INFO);
            if shown {
                say();
            }
            self.console.log_level(level);
            if !shown {
                say();
            }
        }
    }

    fn new_config(&mut self) -> Result<(ServeConfig, WorkerCommand), String> {
        let mut config = self.console.reload()?;
        config.embedded = self.config.embedded;
        config.validate().map_err(|error| error.to_string())?;
        let limited = |limits: &HandlerLimits, name: &String| {
            limits
                .get(name)
                .is_some_and(|limit| limit.concurrency.is_some())
        };
        let newly = config
            .limits
            .keys()
            .find(|name| limited(&config.limits, name) && !limited(&self.limited_from_start, name));
        if let Some(name) = newly {
            return Err(format!(
                "{name} had no limit of concurrency when the pool was made, and can't get one \
                 while it is served: restart it for that"
            ));
        }
        if let Some(fixed) = self.fixed(&config) {
            return Err(format!(
                "{fixed} can't change while the pool is served: restart it for that"
            ));
        }
        // Tables of more than one worker fewer would have to be made anew, too.
        let geometry = self.pool.segment().geometry();
        let most = config.most_workers();
        if most > geometry.max_workers || most * config.lanes > geometry.max_lanes {
            return Err(format!(
                "{most} workers of {} lanes do not fit the tables of this pool ({} workers, {} \
                 lanes): restart it for that",
                config.lanes, geometry.max_workers, geometry.max_lanes
            ));
        }
        let command = match config.worker.clone() {
            Some(command) => command,
            None => WorkerCommand::stock()
                .map_err(|error| format!("cannot tell which program this is: {error}"))?
                .fresh(),
        };
        command.check().map_err(|error| error.to_string())?;
        // What follows from workers and lanes may differ; the segment is what it is.
        config.pool = self.config.pool.clone();
        Ok((config, command))
    }

    /// The first option that can't change, if it does.
    fn fixed(&self, new: &ServeConfig) -> Option<&'static str> {
        let (old, new_pool, old_pool) = (&self.config, &new.pool, &self.config.pool);
        let differs = [
            ("name", new.name != old.name),
            ("clients", new_pool.clients != old_pool.clients),
            ("slots", new_pool.slots != old_pool.slots),
            ("priorities", new_pool.priorities != old_pool.priorities),
            (
                "segment-size",
                new_pool.segment_size != old_pool.segment_size,
            ),
            ("arena", new_pool.arena != old_pool.arena),
            ("huge-pages", new_pool.huge_pages != old_pool.huge_pages),
            ("prefault", new_pool.prefault != old_pool.prefault),
            ("memory", new.memory != old.memory),
            ("log-format", new.log_format != old.log_format),
        ];
        let first = differs.into_iter().find(|(_, differs)| *differs);
        first.map(|(name, _)| name)
    }

    fn take_up(&mut self, config: ServeConfig, command: WorkerCommand) {
        self.set_log_level(&config.log_level);
        self.renew_handlers();
        let segment = self.pool.segment();
        let settings = Settings::new(&config, command, segment);
        tracing::info!(
            program = %settings.command.program.display(),
            "reload: workers are replaced one by one"
        );
        self.crew
            .renew(settings, config.workers, config.most_workers(), segment);
        self.watch.configure(&config);
        self.pool
            .change_limits(&self.limited_from_start, &config.limits);
        let former = std::mem::replace(&mut self.config, config);
        self.former_config.get_or_insert(former);
    }
}

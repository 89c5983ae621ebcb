//! What a supervisor is told: every option with its default and unit, validated once.
//!
//! The command line and the configuration file (`cli::options`) both end here;
//! [`ServeConfig::validate`] is called before anything is created.

use super::SupervisorError;
use super::policy::{ElasticPolicy, HandlerLimits, RecyclePolicy, RestartPolicy};
use ringwork_ring::format::layout::IDLE_WORDS;
use ringwork_ring::os::kernel::Scheduling;
use ringwork_ring::{Backing, Geometry, PoolConfig, WaitStrategy};
use ringwork_worker::confine::Confinement;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Lanes that the segment's idle mask has bits for.
const MOST_LANES: u32 = (IDLE_WORDS * 64) as u32;

/// The running program, whatever has become of its file.
const SELF: &str = "/proc/self/exe";

/// The program that is started as a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerCommand {
    /// Path of the executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

/// The format of log lines on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people (the default).
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Its name, as on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
        }
    }
}

/// What the segment's memory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Memory {
    /// A sealed memfd for an embedded pool, where it can be; else a file.
    #[default]
    Auto,
    /// A file, which containers can share.
    File,
    /// A sealed memfd, or no pool.
    Memfd,
}

impl Memory {
    /// Its name, as on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::File => "file",
            Self::Memfd => "memfd",
        }
    }
}

/// The options of a supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeConfig {
    /// Name of the pool (default `default`).
    pub name: String,
    /// Worker processes (default: one for each core that this process may use, by affinity and
    /// quota).
    pub workers: u32,
    /// Lanes, the worker threads of each worker (default 1).
    pub lanes: u32,
    /// The segment: clients, slots, tables, priorities, arena.
    pub pool: PoolConfig,
    /// What the segment's memory is (default auto).
    pub memory: Memory,
    /// How lanes wait for work (default adaptive).
    pub wait: WaitStrategy,
    /// Which of the machine's threads have the processor before the lanes (default adaptive).
    pub scheduling: Scheduling,
    /// The worker program (default: none, the stock worker).
    pub worker: Option<WorkerCommand>,
    /// Whether the pool ends with the end of standard input (default no).
    pub embedded: bool,
    /// Time that running and queued tasks get when the pool is asked to stop (default 30 s).
    pub drain_timeout: Duration,
    /// Time after its deadline when a task's worker is killed; zero: never (default 10 s).
    pub overrun_grace: Duration,
    /// Time that a worker has to register its lanes (default 10 s).
    pub start_timeout: Duration,
    /// When dead workers are replaced.
    pub restart: RestartPolicy,
    /// What the workers are held to.
    pub confinement: Confinement,
    /// When workers that are well are replaced.
    pub recycle: RecyclePolicy,
    /// Fewest workers (default: none, as many as `workers`).
    pub min_workers: Option<u32>,
    /// Most workers (default: none, as many as `workers`).
    pub max_workers: Option<u32>,
    /// Places for lanes in the segment (default: none, as many as the most workers need).
    pub max_lanes: Option<u32>,
    /// When their number changes between the two.
    pub elastic: ElasticPolicy,
    /// What single handlers may take.
    pub limits: HandlerLimits,
    /// Time between SIGTERM and SIGKILL for a worker over a limit (default 2 s).
    pub kill_grace: Duration,
    /// Format of the log (default human).
    pub log_format: LogFormat,
    /// Least level of the log, passed on to the workers (default info).
    pub log_level: String,
}

impl Default for ServeConfig {
    fn default() -> Self {
        let cores = ringwork_ring::os::cpus::usable();
        Self {
            name: "default".to_owned(),
            workers: u32::try_from(cores).map_or(MOST_LANES, |cores| cores.min(MOST_LANES)),
            lanes: 1,
            pool: PoolConfig::default(),
            memory: Memory::Auto,
            wait: WaitStrategy::Adaptive,
            scheduling: Scheduling::Adaptive,
            worker: None,
            embedded: false,
            drain_timeout: Duration::from_secs(30),
            overrun_grace: Duration::from_secs(10),
            start_timeout: Duration::from_secs(10),
            restart: RestartPolicy::default(),
            confinement: Confinement::default(),
            recycle: RecyclePolicy::default(),
            min_workers: None,
            max_workers: None,
            max_lanes: None,
            elastic: ElasticPolicy::default(),
            limits: HandlerLimits::new(),
            kill_grace: Duration::from_secs(2),
            log_format: LogFormat::Human,
            log_level: "info".to_owned(),
        }
    }
}

impl ServeConfig {
    /// Checks the options against each other and lays the segment out.
    ///
    /// # Errors
    /// [`SupervisorError::Config`] names each option that is wrong and what would fit.
    pub fn validate(&self) -> Result<Geometry, SupervisorError> {
        let mut wrong = self.crowd_problems();
        if wrong.is_empty() {
            // Else the tables follow from numbers that are wrong already.
            match self.segment().geometry() {
                Ok(geometry) if self.other_problems().is_empty() => return Ok(geometry),
                Ok(_) => {}
                Err(error) if self.other_problems().is_empty() => return Err(error.into()),
                Err(error) => wrong.push(error.to_string()),
            }
        }
        wrong.extend(self.other_problems());
        Err(SupervisorError::Config(wrong.join("; ")))
    }

    /// What is wrong with the numbers of workers and lanes.
    fn crowd_problems(&self) -> Vec<String> {
        let pool = &self.pool;
        let (least, most) = (self.least_workers(), self.most_workers());
        let all_lanes = u64::from(most) * u64::from(self.lanes);
        let mut wrong = Vec::new();
        if self.workers == 0 {
            wrong.push("workers is 0: at least one worker is needed".to_owned());
        } else {
            if self.workers > most {
                wrong.push(format!(
                    "workers is {}, but max-workers is {most}: raise --max-workers",
                    self.workers
                ));
            }
            if self.workers < least || least == 0 {
                wrong.push(format!(
                    "min-workers is {least}: it must be 1 to workers, which is {}",
                    self.workers
                ));
            }
        }
        if self.lanes == 0 {
            wrong.push("lanes is 0: each worker needs at least one lane".to_owned());
        }
        if most > pool.max_workers {
            wrong.push(format!(
                "max-workers is {most}, but the pool has {} entries for workers",
                pool.max_workers
            ));
        } else if all_lanes > u64::from(MOST_LANES) {
            wrong.push(format!(
                "{most} workers of {} lanes are {all_lanes} lanes, a pool has at most {MOST_LANES}: \
                 lower --workers, --max-workers or --lanes",
                self.lanes
            ));
        } else if all_lanes > u64::from(pool.max_lanes) {
            wrong.push(format!(
                "{most} workers of {} lanes are {all_lanes} lanes, but max-lanes is {}: raise \
                 --max-lanes, or lower --workers or --lanes",
                self.lanes, pool.max_lanes
            ));
        }
        wrong
    }

    /// What is wrong with the other options, but for those of the segment.
    fn other_problems(&self) -> Vec<String> {
        let start = self
            .start_timeout
            .is_zero()
            .then(|| "start-timeout is 0: a worker needs some time to start".to_owned());
        let limits = self.limits.iter();
        start
            .into_iter()
            .chain(self.restart.problems())
            .chain(self.recycle.problems())
            .chain(limits.filter_map(|(handler, limit)| limit.problem(handler)))
            .chain(self.confinement.problems(self.lanes))
            .collect()
    }

    /// As many workers as there are cores, but no more than the pool has lanes for.
    pub fn default_workers(&mut self) {
        let cores = Self::default().workers;
        self.workers = cores.min((MOST_LANES / self.lanes.max(1)).max(1));
    }

    /// The segment's options, with room for the limits of handlers.
    #[must_use]
    pub fn segment(&self) -> PoolConfig {
        let limited = self
            .limits
            .values()
            .filter(|limit| limit.concurrency.is_some());
        PoolConfig {
            limits: limited.count().try_into().unwrap_or(u32::MAX),
            ..self.pool.clone()
        }
    }

    /// What the segment's memory is to be, if it can.
    #[must_use]
    pub fn backing(&self) -> Backing {
        match self.memory {
            Memory::Memfd => Backing::Memfd,
            Memory::Auto if self.embedded => Backing::Memfd,
            Memory::Auto | Memory::File => Backing::File,
        }
    }

    /// The fewest workers.
    #[must_use]
    pub fn least_workers(&self) -> u32 {
        self.min_workers.unwrap_or(self.workers)
    }

    /// The most workers.
    #[must_use]
    pub fn most_workers(&self) -> u32 {
        self.max_workers.unwrap_or(self.workers)
    }

    /// Sizes the tables so that the most workers fit, and one more of them, that may start before
    /// another leaves; the lanes only when their number was not chosen.
    pub fn raise_maxima(&mut self) {
        let most = self.most_workers();
        self.pool.max_workers = self.pool.max_workers.max(most.saturating_add(1));
        self.pool.max_lanes = self.max_lanes.unwrap_or_else(|| {
            let all = most.saturating_mul(self.lanes);
            let with_successor = all.saturating_add(self.lanes).min(MOST_LANES);
            self.pool.max_lanes.max(all).max(with_successor)
        });
    }
}

impl WorkerCommand {
    /// Refuses a program that can't be started, before anything is created for it.
    ///
    /// # Errors
    /// [`SupervisorError::Worker`] with the reason.
    pub fn check(&self) -> Result<(), SupervisorError> {
        let refuse = |why: String| {
            Err(SupervisorError::Worker {
                program: self.program.clone(),
                why,
            })
        };
        match std::fs::metadata(&self.program) {
            Err(error) => refuse(error.to_string()),
            Ok(meta) if !meta.is_file() => refuse("it is not a file".to_owned()),
            Ok(_) => match rustix::fs::access(&self.program, rustix::fs::Access::EXEC_OK) {
                Ok(()) => Ok(()),
                Err(error) => refuse(format!("it is not executable ({error}): chmod +x it")),
            },
        }
    }

    /// The same command, with the program that has its path now: for a reload.
    pub(super) fn fresh(self) -> Self {
        let deleted = " (deleted)";
        let path = match std::env::current_exe() {
            Ok(path) if self.program == Path::new(SELF) => path,
            _ => return self,
        };
        // The kernel's name for a file that is not there any more; another may be.
        let text = path.to_string_lossy();
        let program = PathBuf::from(text.strip_suffix(deleted).unwrap_or(&text));
        Self {
            program: if program.is_file() {
                program
            } else {
                self.program
            },
            ..self
        }
    }

    /// The stock worker: this very program with the hidden subcommand `worker`.
    ///
    /// # Errors
    /// When the system does not say which program this is.
    pub fn stock() -> std::io::Result<Self> {
        Ok(Self {
            program: own_program()?,
            args: vec!["worker".into()],
        })
    }
}

/// The path of this program; `/proc/self/exe` when the file there was replaced
/// or removed since it was started, so that restarts keep one version.
fn own_program() -> std::io::Result<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let path = std::env::current_exe()?;
    let file = |path: &Path| {
        std::fs::metadata(path)
            .map(|meta| (meta.dev(), meta.ino()))
            .ok()
    };
    if file(&path).is_some() && file(&path) == file(Path::new(SELF)) {
        Ok(path)
    } else {
        Ok(PathBuf::from(SELF))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::HandlerLimit;

    fn error(config: &ServeConfig) -> String {
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn defaults_are_valid() {
        let mut config = ServeConfig::default();
        config.raise_maxima();
        config.validate().unwrap();
    }

    #[test]
    fn more_workers_than_the_tables_hold_are_refused_with_the_option_to_raise() {
        let config = ServeConfig {
            workers: 17,
            max_workers: Some(16),
            ..ServeConfig::default()
        };
        assert!(error(&config).contains("--max-workers"));
        let config = ServeConfig {
            workers: 16,
            lanes: 5,
            ..ServeConfig::default()
        };
        assert!(error(&config).contains("80 lanes") && error(&config).contains("--max-lanes"));
        let config = ServeConfig {
            workers: 0,
            ..ServeConfig::default()
        };
        assert!(error(&config).contains("at least one worker"));
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let mut config = ServeConfig {
            workers: 3,
            max_workers: Some(2),
            lanes: 0,
            start_timeout: Duration::ZERO,
            ..ServeConfig::default()
        };
        config.restart.backoff_max = Duration::ZERO;
        config.recycle.rss = Some(1);
        config.confinement.open_files = Some(1);
        for handler in ["one", "two"] {
            config
                .limits
                .insert(handler.to_owned(), HandlerLimit::default());
        }
        let told = error(&config);
        for part in [
            "raise --max-workers",
            "lanes is 0",
            "start-timeout is 0",
            "restart-backoff-min",
            "max-rss",
            "worker-open-files",
            "limit of one",
            "limit of two",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        config = ServeConfig {
            start_timeout: Duration::ZERO,
            ..ServeConfig::default()
        };
        config.pool.slots = 0;
        let told = error(&config);
        assert!(
            told.contains("start-timeout") && told.contains("slots"),
            "{told}"
        );
    }

    #[test]
    fn maxima_that_were_not_chosen_follow() {
        let mut config = ServeConfig {
            workers: 40,
            lanes: 4,
            ..ServeConfig::default()
        };
        config.raise_maxima();
        assert_eq!((config.pool.max_workers, config.pool.max_lanes), (41, 164));
        config.validate().unwrap();
        config.lanes = 7;
        config.raise_maxima();
        assert!(error(&config).contains("280 lanes, a pool has at most 256"));
    }

    #[test]
    fn programs_that_can_not_start_are_told() {
        let check = |path: &str| {
            let command = WorkerCommand {
                program: path.into(),
                args: vec![],
            };
            command.check().unwrap_err().to_string()
        };
        assert!(check("/nonexistent/worker").contains("No such file"));
        assert!(check("/").contains("not a file"));
        assert!(check("/proc/version").contains("not executable"));
        WorkerCommand::stock().unwrap().check().unwrap();
    }
}

//! What a supervisor is told. Each option stands once: as a field of [`ServeConfig`] or of one of its
//! groups, with its name (the long option's, and the key's in the file), type, default, help and the
//! name of its value.
//!
//! The command line (`clap`), the configuration file (`serde`), the effective configuration and the
//! table of the documents ([`options`]) are made of these fields. [`ServeConfig::validate`] is called
//! before anything is created.

mod channels;
mod http;
#[doc(hidden)]
pub mod in_effect;
mod named;
#[doc(hidden)]
pub mod options;
mod sections;
pub mod text;

use crate::SupervisorError;
use crate::policy::{
    ElasticPolicy, HandlerLimits, IoPolicy, LimitPolicy, RecyclePolicy, RestartPolicy,
};
pub use channels::{ChannelOption, Delivery};
use clap::{ArgAction, ArgMatches, Args, Command, FromArgMatches};
pub use http::{HttpAddress, HttpOptions};
pub use in_effect::Origin;
use ringwork_ring::format::counted;
use ringwork_ring::format::layout::IDLE_WORDS;
use ringwork_ring::lane::entry::client_entries;
use ringwork_ring::os::scheduling::Scheduling;
use ringwork_ring::{Backing, Geometry, PoolConfig, PoolDir, RingError, WaitStrategy};
use ringwork_worker::SandboxMode;
use ringwork_worker::confine::Confinement;
use ringwork_worker::confine::Peer;
pub use ringwork_worker::log::{LogFormat, LogLevel};
pub use sections::WorkerSections;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use text::{Arena, Size, Span, choice};

/// Lanes that the segment's idle mask has bits for.
const MAX_LANES: u32 = (IDLE_WORDS * 64) as u32;

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

ringwork_ring::choices! {
    /// What the segment's memory is.
    Memory, "kind of memory", default Auto, {
        /// A sealed memfd for an embedded pool, where it can be; else a file.
        Auto = "auto";
        /// A file, which containers that share /dev/shm can share.
        File = "file";
        /// A sealed memfd, which can't be truncated; for one PID namespace.
        Memfd = "memfd";
    }
}

/// The options of a supervisor. What depends on the machine is an [`Option`]: its default is told in
/// the help's words, and worked out by the method of its name.
#[derive(Debug, Clone, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct ServeConfig {
    /// Name of the pool, by which clients find it.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub name: String,

    /// Worker processes [default: one for each core].
    #[arg(long, value_name = "N", help_heading = "Workers")]
    pub workers: Option<u32>,

    /// Lanes (worker threads) of each worker.
    #[arg(long, value_name = "N", default_value = "1", help_heading = "Workers")]
    pub lanes: u32,

    /// How lanes wait for work.
    #[arg(long, value_name = "HOW", value_parser = choice::<WaitStrategy>(), default_value = "adaptive", help_heading = "Workers")]
    #[serde(with = "named")]
    pub wait: WaitStrategy,

    /// Which threads have the processor first: adaptive lanes are as other threads, and nice once their tasks
    /// take 0.1 ms or more, so that an event loop that wakes need not wait for them; idle ones get
    /// only what no other thread wants.
    #[arg(long, value_name = "POLICY", value_parser = choice::<Scheduling>(), default_value = "adaptive", help_heading = "Workers")]
    #[serde(with = "named")]
    pub scheduling: Scheduling,

    /// Program to start as worker [default: the stock worker, see `ringwork handlers`].
    #[arg(long, value_name = "PATH", help_heading = "Workers")]
    pub worker: Option<PathBuf>,

    /// Arguments of the worker program, after `--`; the program may be named in the file
    /// [default: no arguments].
    #[arg(last = true, value_name = "WORKER-ARGS")]
    pub worker_args: Vec<String>,

    /// Time that a worker has to register its lanes.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10s",
        help_heading = "Workers"
    )]
    pub start_timeout: Span,

    /// Time after its deadline when the worker of a task that still runs is killed; 0: never.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "10s",
        help_heading = "Workers"
    )]
    pub overrun_grace: Span,

    /// Time that tasks get to finish when the pool is asked to stop; async tasks no longer than
    /// --io-drain.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        help_heading = "Workers"
    )]
    pub drain_timeout: Span,

    /// When dead workers are replaced.
    #[command(flatten, next_help_heading = "Supervision")]
    #[serde(flatten)]
    pub restart: RestartPolicy,

    /// When workers that are well are replaced.
    #[command(flatten, next_help_heading = "Supervision")]
    #[serde(flatten)]
    pub recycle: RecyclePolicy,

    /// When the number of workers changes.
    #[command(flatten, next_help_heading = "Supervision")]
    #[serde(flatten)]
    pub elastic: ElasticPolicy,

    /// What single handlers may take.
    #[command(flatten, next_help_heading = "Supervision")]
    #[serde(flatten)]
    pub limits: LimitPolicy,

    /// Async handlers.
    #[command(flatten, next_help_heading = "Async handlers")]
    #[serde(flatten)]
    pub io: IoPolicy,

    /// What the workers are held to.
    #[command(flatten, next_help_heading = "Confinement of workers")]
    #[serde(flatten)]
    pub confinement: ConfinementOptions,

    /// The segment: clients, slots, tables, priorities, arena.
    #[command(flatten, next_help_heading = "Segment")]
    #[serde(flatten)]
    pub segment: SegmentOptions,

    /// HTTP for probes, metrics, the dashboard and tasks.
    #[command(flatten, next_help_heading = "HTTP")]
    #[serde(flatten)]
    pub http: HttpOptions,

    /// Format of the log on standard error.
    #[arg(long, value_name = "FORMAT", value_parser = choice::<LogFormat>(), default_value = "human", help_heading = "Log")]
    #[serde(with = "named")]
    pub log_format: LogFormat,

    /// Least level of the log, also of the workers'.
    #[arg(long, value_name = "LEVEL", value_parser = choice::<LogLevel>(), default_value = "info", help_heading = "Log")]
    #[serde(with = "named")]
    pub log_level: LogLevel,

    /// What the worker's own handlers and states read of the file.
    #[arg(skip)]
    #[serde(flatten)]
    pub sections: WorkerSections,

    /// Whether the pool ends with the end of standard input (default no). No key of the file: its
    /// owner decides.
    #[arg(skip)]
    #[serde(skip)]
    pub embedded: bool,

    /// Where the options came from, by their keys; empty when the program does not tell. No key of
    /// the file.
    #[arg(skip)]
    #[serde(skip)]
    pub origins: BTreeMap<String, Origin>,
}

/// What every worker is held to; see [`Confinement`].
#[derive(Debug, Clone, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct ConfinementOptions {
    /// Keep files, network, programs and other processes away from handlers; `require`: refuse to
    /// serve where the kernel can't in full.
    #[arg(
        long,
        value_name = "on|require|off",
        value_parser = choice::<SandboxMode>(),
        default_value = "off",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "on"
    )]
    #[serde(with = "named")]
    pub sandbox: SandboxMode,

    /// File or directory that sandboxed handlers can read; may be repeated [default: no path].
    #[arg(long, value_name = "PATH")]
    pub sandbox_read: Vec<PathBuf>,

    /// Port of TCP that sandboxed handlers can connect to, on any host, such as `*:443`; may be
    /// repeated [default: no port].
    #[arg(long, value_name = "*:PORT")]
    pub sandbox_net: Vec<Peer>,

    /// Most private memory of a worker, thread stacks included; beyond it allocations fail
    /// [default: as inherited].
    #[arg(long, value_name = "SIZE")]
    pub worker_memory: Option<Size>,

    /// Most open files of a worker [default: as inherited].
    #[arg(long, value_name = "N")]
    pub worker_open_files: Option<u64>,

    /// Most threads of a worker; one that has more is killed; 0: any number.
    #[arg(long, value_name = "N", default_value = "1024")]
    pub worker_threads: u32,

    /// Largest core dump of a worker; 0: none [default: as inherited].
    #[arg(long, value_name = "SIZE")]
    pub worker_core_size: Option<Size>,
}

/// What a person chooses for the segment; see [`PoolConfig`]. None of it changes at a reload.
#[derive(Debug, Clone, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct SegmentOptions {
    /// Most that the whole segment takes; the default arena follows from it [default: for a file
    /// 327MiB, but at most three quarters of what its directory has free and an eighth of the free
    /// memory, and at least 62MiB; for a memfd a sixth of the free memory, at least 62MiB and at
    /// most 1GiB, used as payloads need it].
    #[arg(long, value_name = "SIZE")]
    pub segment_size: Option<Size>,

    /// What the segment's memory is.
    #[arg(long, value_name = "KIND", value_parser = choice::<Memory>(), default_value = "auto")]
    #[serde(with = "named")]
    pub memory: Memory,

    /// Ask the kernel for huge pages; ordinary ones, and a warning, where it has none.
    #[arg(long, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    pub huge_pages: bool,

    /// Touch every page at the start of the pool, of each worker and client, so that no task meets
    /// a page fault.
    #[arg(long, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    pub prefault: bool,

    /// Payload blocks by size: SIZE:BLOCKS[:BLOCKS FOR RESULTS ONLY],... [default: from 1 KiB to
    /// 16 MiB or more, the larger the segment; see --print-config].
    #[arg(long, value_name = "CLASSES")]
    pub arena: Option<Arena>,

    /// Most client processes at a time; beside them one entry for each four, at most two, is kept
    /// for `ringwork submit` and `ringwork bench` [default: 62, or 7 of an embedded pool].
    #[arg(long, value_name = "N")]
    pub clients: Option<u32>,

    /// Slots of each client: the most tasks that it has in flight [default: 256 with 62 clients, 2048
    /// with 7: together 16384, but each client has 64 to 2048].
    #[arg(long, value_name = "N")]
    pub slots: Option<u32>,

    /// Most lanes of all workers together, up to 256 [default: 64, or as many as the workers have].
    #[arg(long, value_name = "N")]
    pub max_lanes: Option<u32>,

    /// Number of priorities, 2 to 4: of 3 they are high, normal and low.
    #[arg(long, value_name = "N", default_value = "3")]
    pub priorities: u32,

    /// Events that the pool keeps, a power of two, 256 bytes each: a subscriber that is further
    /// behind loses some; 0: none can be published [default: 1024, or 64 in a segment of less than
    /// 32 MiB].
    #[arg(long, value_name = "N")]
    pub events: Option<u32>,

    /// Whether tasks may have keys, which takes 96 bytes a slot [default: false in a
    /// segment of less than 512 MiB, else true].
    #[arg(long, value_name = "BOOL")]
    pub keys: Option<bool>,

    /// A channel by its name: NAME:capacity=1024,size=256, each part optional, and
    /// delivery=at-most-once if what a dead receiver had is not to come again, codec=cbor if no other
    /// is to be sent; may be repeated. In the file also as a table [channel.NAME] [default: no
    /// channel].
    #[arg(long, value_name = "CHANNEL")]
    #[serde(deserialize_with = "channels::of_file")]
    pub channel: Vec<ChannelOption>,
}

/// Slots of all clients together, where their number is not chosen.
const ALL_SLOTS: u32 = 16_384;

/// The options of an empty command line: that is where the defaults stand.
fn unasked<T: Args>() -> T {
    let command = T::augment_args(Command::new("defaults").no_binary_name(true));
    let none: [&str; 0] = [];
    let matches = command.try_get_matches_from(none);
    matches
        .and_then(|matches| T::from_arg_matches(&matches))
        .expect("the defaults of the options are values of theirs")
}

macro_rules! default_is_unasked {
    ($($group:ident),+ $(,)?) => {$(
        impl Default for $group {
            fn default() -> Self {
                static UNASKED: LazyLock<$group> = LazyLock::new(unasked);
                UNASKED.clone()
            }
        }
    )+};
}
default_is_unasked!(
    ServeConfig,
    RestartPolicy,
    RecyclePolicy,
    ElasticPolicy,
    LimitPolicy,
    IoPolicy,
    ConfinementOptions,
    SegmentOptions,
    HttpOptions,
);

impl ServeConfig {
    /// This configuration, a file's, with the options of a command line laid over it. `given` are the
    /// matches of a command with the arguments of this type, but without their defaults
    /// ([`options::given`]).
    ///
    /// # Errors
    /// When the matches are those of another command.
    pub fn with(mut self, given: &ArgMatches) -> Result<Self, clap::Error> {
        self.limits.join_tables();
        let file = self.limits.limit.clone();
        self.update_from_arg_matches(given)?;
        // A limit that is given there replaces the file's of the same handler, and no other.
        self.limits.add_others(&file);
        Ok(self)
    }

    /// This configuration with what depends on where and when it is read: absolute paths, the worker
    /// program looked for in PATH, as a shell would, when it is a bare name, and the number of workers.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.workers = Some(self.workers());
        self.http = self.http.settled();
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        self.worker = self.worker.map(found);
        let read = self.confinement.sandbox_read.into_iter();
        self.confinement.sandbox_read = read.map(absolute).collect();
        self
    }

    /// What this configuration comes to: with what follows from the machine, and from other options,
    /// as if it had been asked for.
    #[must_use]
    pub fn effective(&self, geometry: &Geometry) -> Self {
        let mut all = self.clone();
        all.limits.join_tables();
        all.limits
            .limit
            .sort_by(|one, other| one.handler.cmp(&other.handler));
        all.workers = Some(self.workers());
        all.elastic.min_workers = Some(self.min_workers());
        all.elastic.max_workers = Some(self.max_workers());
        all.restart.restart_backoff_min = Some(Span(self.restart.shortest_pause()));
        let segment = &mut all.segment;
        segment.max_lanes = Some(self.pool().max_lanes);
        let (clients, slots) = self.clients_and_slots();
        (segment.clients, segment.slots) = (Some(clients), Some(slots));
        segment.segment_size = segment.segment_size.or(Some(Size(geometry.segment_size)));
        (segment.events, segment.keys) = (geometry.config().events, geometry.config().keys);
        let classes = geometry.classes.iter().map(|place| place.class);
        segment.arena = Some(Arena(classes.collect()));
        all
    }

    /// Checks the options against each other and lays the segment out.
    ///
    /// # Errors
    /// [`SupervisorError::Config`] names each option that is wrong and what would fit.
    pub fn validate(&self) -> Result<Geometry, SupervisorError> {
        self.checked().map_err(|mut wrong| {
            // One that can't be started is told of with them; alone, it is an error of its own.
            if let Some(Err(error)) = self.worker_command().map(|command| command.check()) {
                wrong.push(error.to_string());
            }
            SupervisorError::Config(wrong.join("; "))
        })
    }

    /// The layout of the segment, or each thing that is wrong.
    ///
    /// # Errors
    /// One text for each, which names its options.
    pub fn checked(&self) -> Result<Geometry, Vec<String>> {
        let mut wrong = text_of(PoolDir::below(Path::new("/"), &self.name));
        let crowd = self.crowd_problems();
        let mut pool = self.pool();
        if !crowd.is_empty() {
            // The tables follow from numbers that are wrong already: the others are looked at
            // with the usual ones.
            let usual = PoolConfig::default();
            pool.max_workers = usual.max_workers;
            pool.max_lanes = self.segment.max_lanes.unwrap_or(usual.max_lanes);
        }
        wrong.extend(crowd);
        let geometry = pool.geometry();
        if let Err(error) = &geometry {
            wrong.push(told(error));
        }
        wrong.extend(self.other_problems());
        match geometry {
            Ok(geometry) if wrong.is_empty() => Ok(geometry),
            _ => Err(wrong),
        }
    }

    /// What is wrong with the numbers of workers and lanes.
    fn crowd_problems(&self) -> Vec<String> {
        let (workers, lanes, max_lanes) = (self.workers(), self.lanes, self.pool().max_lanes);
        let (least, most) = (self.min_workers(), self.max_workers());
        let mut wrong = Vec::new();
        if workers == 0 {
            wrong.push("workers is 0: at least one worker is needed".to_owned());
        }
        if self.elastic.max_workers == Some(0) {
            wrong.push("max-workers is 0: at least one worker is needed".to_owned());
        } else if workers > most {
            wrong.push(format!(
                "workers is {workers}, but max-workers is {most}: raise --max-workers"
            ));
        }
        if self.elastic.min_workers == Some(0) || (workers > 0 && workers < least) {
            wrong.push(format!(
                "min-workers is {least}: it must be 1 to workers, which is {workers}"
            ));
        } else if self.elastic.min_workers.is_some() && least > most {
            wrong.push(format!(
                "min-workers is {least}, but max-workers is {most}: lower --min-workers"
            ));
        }
        if lanes == 0 {
            wrong.push("lanes is 0: each worker needs at least one lane".to_owned());
        }
        // The lanes may be too many for one worker alone, also when the number of workers is wrong.
        let most = most.max(workers).max(1);
        let io = self.io.worker_entries();
        let threads = self.io.entries();
        let all_lanes = u64::from(most) * u64::from(self.lanes_of_a_worker()) + u64::from(io);
        let mut crew = format!("{} of {}", counted(most, "worker"), counted(lanes, "lane"));
        if threads > 0 {
            crew.push_str(&format!(" and {}", counted(threads, "I/O thread")));
        }
        let lower = match threads + io {
            0 => "--workers, --max-workers or --lanes",
            _ => "--workers, --max-workers, --lanes, --io-threads or --io-workers",
        };
        if io > 0 {
            let io_workers = counted(self.io.io_workers, "I/O worker");
            crew.push_str(&format!(" and {io_workers} with {}", counted(io, "lane")));
        }
        if all_lanes > u64::from(MAX_LANES) {
            wrong.push(format!(
                "{crew} are {all_lanes} lanes, a pool has at most {MAX_LANES}: \
                 lower {lower}"
            ));
        } else if all_lanes > u64::from(max_lanes) {
            wrong.push(format!(
                "{crew} are {all_lanes} lanes, but max-lanes is {max_lanes}: raise \
                 --max-lanes, or lower --workers or --lanes"
            ));
        }
        wrong
    }

    /// What is wrong with the other options, but for those of the segment.
    fn other_problems(&self) -> Vec<String> {
        let start = (self.start_timeout.0.is_zero())
            .then(|| "start-timeout is 0: a worker needs some time to start".to_owned());
        let arguments = (self.worker.is_none() && !self.worker_args.is_empty()).then(|| {
            "arguments for a worker are given (after --, or as worker-args) without a worker: name \
             the program with --worker PATH, or by the key `worker` of the file"
                .to_owned()
        });
        (start.into_iter())
            .chain(arguments)
            .chain(self.restart.problems())
            .chain(self.recycle.problems())
            .chain(self.limits.problems())
            .chain(self.io.problems())
            .chain(self.sections.problems())
            .chain(self.confinement().problems(self.lanes))
            .chain(self.http.problems())
            .collect()
    }

    /// The workers: as many as chosen, else one for each core that this process may use, by affinity
    /// and quota, but no more than the pool has lanes for.
    #[must_use]
    pub fn workers(&self) -> u32 {
        let cores = u32::try_from(ringwork_ring::os::cpus::usable()).unwrap_or(MAX_LANES);
        let room = (MAX_LANES / self.lanes.max(1)).max(1);
        self.workers.unwrap_or(cores.min(room))
    }

    /// The fewest workers.
    #[must_use]
    pub fn min_workers(&self) -> u32 {
        self.elastic.min_workers.unwrap_or_else(|| self.workers())
    }

    /// The most workers.
    #[must_use]
    pub fn max_workers(&self) -> u32 {
        self.elastic.max_workers.unwrap_or_else(|| self.workers())
    }

    /// The program to start as worker; `None` for the stock one.
    #[must_use]
    pub fn worker_command(&self) -> Option<WorkerCommand> {
        let args = self.worker_args.iter().map(OsString::from);
        self.worker.clone().map(|program| WorkerCommand {
            program,
            args: args.collect(),
        })
    }

    /// What the workers are held to.
    #[must_use]
    pub fn confinement(&self) -> Confinement {
        let options = &self.confinement;
        let mut confinement = Confinement::default();
        confinement.memory = options.worker_memory.map(|size| size.0);
        confinement.open_files = options.worker_open_files;
        confinement.threads = options.worker_threads;
        confinement.core = options.worker_core_size.map(|size| size.0);
        confinement.sandbox = options.sandbox;
        confinement.sandbox_read.clone_from(&options.sandbox_read);
        confinement.sandbox_net.clone_from(&options.sandbox_net);
        confinement
    }

    /// What single handlers may take.
    #[must_use]
    pub fn limits(&self) -> HandlerLimits {
        self.limits.by_handler()
    }

    /// How many clients there may be, and how many slots each has.
    pub(crate) fn clients_and_slots(&self) -> (u32, u32) {
        // An embedded pool is that of one process, and of those that it starts.
        let usual = if self.embedded { 7 } else { 62 };
        let clients = self.segment.clients.unwrap_or(usual);
        let share = ALL_SLOTS / client_entries(clients).max(1);
        let slots = self.segment.slots.unwrap_or(share.clamp(64, 2048));
        (clients, slots)
    }

    /// Entries of the lane table that a worker takes which is for CPU tasks: it can run the async
    /// tasks of older clients, too.
    pub(crate) fn lanes_of_a_worker(&self) -> u32 {
        self.lanes.saturating_add(self.io.entries())
    }

    /// The segment's options, with tables in which the most workers fit, and one more of them, that
    /// may start before another leaves, and with room for the limits of handlers.
    #[must_use]
    pub fn pool(&self) -> PoolConfig {
        let (options, least) = (&self.segment, PoolConfig::default());
        let most = self.max_workers();
        // What async handlers take is no more than wished for: a worker may have none.
        let each = self.lanes_of_a_worker();
        let io = self.io.worker_entries();
        let all = most.saturating_mul(each).saturating_add(io).min(MAX_LANES);
        let all = all.max(most.saturating_mul(self.lanes).saturating_add(io));
        let with_successor = all.saturating_add(each).min(MAX_LANES);
        let limited = self.limits();
        let limited = limited.values().filter(|limit| limit.concurrency.is_some());
        // No command pauses a handler of an embedded pool.
        let spare = if self.embedded {
            0
        } else {
            crate::policy::PAUSABLE
        };
        let (clients, slots) = self.clients_and_slots();
        let mut config = PoolConfig::default()
            .clients(client_entries(clients))
            .slots(slots)
            .max_workers(
                (least.max_workers).max(most.saturating_add(self.io.io_workers).saturating_add(1)),
            )
            .io_lanes(self.io.io_workers > 0)
            .max_lanes(
                (options.max_lanes).unwrap_or_else(|| least.max_lanes.max(all).max(with_successor)),
            )
            .priorities(options.priorities)
            .limits(u32::try_from(limited.count()).map_or(u32::MAX, |limits| limits + spare))
            .arena(options.arena.clone().map(|arena| arena.0))
            .huge_pages(options.huge_pages)
            .prefault(options.prefault);
        config.segment_size = options.segment_size.map(|size| size.0);
        (config.events, config.keys) = (options.events, options.keys);
        let channels = options.channel.iter();
        config.channels = channels.map(|channel| channel.0.clone()).collect();
        config
    }

    /// What the segment's memory is to be, if it can.
    #[must_use]
    pub fn backing(&self) -> Backing {
        match self.segment.memory {
            Memory::Memfd => Backing::Memfd,
            Memory::Auto if self.embedded => Backing::Memfd,
            Memory::Auto | Memory::File => Backing::File,
        }
    }
}

/// The text of an error, as a part of a list of what is wrong.
fn told(error: &RingError) -> String {
    match error {
        RingError::Config(text) => text.clone(),
        other => other.to_string(),
    }
}

fn text_of<T>(result: ringwork_ring::Result<T>) -> Vec<String> {
    result.err().iter().map(told).collect()
}

/// A program given by its bare name is looked for in PATH, as a shell would.
fn found(program: PathBuf) -> PathBuf {
    if program.components().count() > 1 || program.exists() {
        return std::path::absolute(&program).unwrap_or(program);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let hit = std::env::split_paths(&path)
        .map(|dir| dir.join(&program))
        .find(|path| path.is_file());
    hit.unwrap_or(program)
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
    pub(crate) fn fresh(self) -> Self {
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
    use crate::policy::{HandlerLimit, Limit};
    use std::time::Duration;

    fn error(config: &ServeConfig) -> String {
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn defaults_are_valid_and_those_of_the_segment() {
        let config = ServeConfig::default();
        config.validate().unwrap();
        let config = ServeConfig {
            workers: Some(1),
            ..config
        };
        let served = PoolConfig::default().clients(64).slots(256);
        let served = served.limits(crate::policy::PAUSABLE);
        assert_eq!(config.pool(), served);
        let embedded = ServeConfig {
            embedded: true,
            ..config.clone()
        };
        assert_eq!(embedded.pool(), PoolConfig::default());
        // Few clients have more slots each, and many have few, unless they are chosen.
        let of = |clients, slots| {
            let mut config = config.clone();
            (config.segment.clients, config.segment.slots) = (clients, slots);
            let pool = config.pool();
            (pool.clients, pool.slots)
        };
        assert_eq!(of(Some(7), None), (8, 2048));
        assert_eq!(of(Some(1), None), (1, 2048));
        assert_eq!(of(Some(1000), None), (1002, 64));
        assert_eq!(of(None, Some(5)), (64, 5));
    }

    /// The figures of the help are those that the defaults lead to.
    #[test]
    fn the_help_tells_the_sizes_that_a_pool_takes_unasked() {
        let all = options::all();
        let told = |key: &str| {
            let option = all.iter().find(|option| option.key == key);
            option.unwrap().default.clone()
        };
        let pool = ServeConfig::default().pool();
        let file = pool.size_for_photos().unwrap() >> 20;
        let least = pool.smallest_default().unwrap() >> 20;
        let most = ringwork_ring::segment::room::MAX_IN_MEMFD >> 30;
        let size = told("segment-size");
        for part in [
            format!("for a file {file}MiB, but"),
            format!("memory, and at least {least}MiB; for a memfd"),
            format!("at least {least}MiB and at most {most}GiB"),
        ] {
            assert!(size.contains(&part), "{part}: {size}");
        }
        let pause = ServeConfig::default().restart.shortest_pause();
        let told = told("restart-backoff-min");
        assert!(told.starts_with(&Span(pause).to_string()), "{told}");
    }

    #[test]
    fn more_workers_than_the_tables_hold_are_refused_with_the_option_to_raise() {
        let of = |workers, lanes, max_workers, max_lanes| {
            let mut config = ServeConfig {
                workers: Some(workers),
                lanes,
                ..ServeConfig::default()
            };
            config.elastic.max_workers = max_workers;
            config.segment.max_lanes = max_lanes;
            error(&config)
        };
        assert!(of(17, 1, Some(16), None).contains("raise --max-workers"));
        let told = of(16, 5, None, Some(64));
        assert!(
            told.contains("80 lanes") && told.contains("--max-lanes"),
            "{told}"
        );
        assert!(of(0, 1, None, None).contains("at least one worker"));
        assert!(of(u32::MAX, u32::MAX, None, None).contains("at most 256"));
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let mut config = ServeConfig {
            workers: Some(3),
            lanes: 0,
            start_timeout: Span(Duration::ZERO),
            worker_args: vec!["-x".to_owned()],
            ..ServeConfig::default()
        };
        config.elastic.max_workers = Some(2);
        config.restart.restart_backoff_min = Some(Span(Duration::from_secs(9)));
        config.recycle.max_rss.0 = Some(Size(1));
        config.confinement.worker_open_files = Some(1);
        config.limits.limit = ["one", "two", "two"]
            .map(|handler| Limit {
                handler: handler.to_owned(),
                limit: HandlerLimit::default(),
            })
            .to_vec();
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
            "more than one limit is given for two:",
            "without a worker",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        config = ServeConfig {
            start_timeout: Span(Duration::ZERO),
            ..ServeConfig::default()
        };
        config.segment.slots = Some(0);
        let told = error(&config);
        assert!(
            told.contains("start-timeout") && told.contains("slots"),
            "{told}"
        );
    }

    /// Whatever else is wrong hides none of it.
    #[test]
    fn each_group_is_looked_at_whatever_another_says() {
        let mut config = ServeConfig {
            name: "a/b".to_owned(),
            workers: Some(0),
            lanes: 1000,
            worker: Some("/nonexistent/worker".into()),
            ..ServeConfig::default()
        };
        config.segment.slots = Some(0);
        config.segment.priorities = 9;
        config.segment.max_lanes = Some(300);
        config.segment.arena = Some("65B:2".parse().unwrap());
        config.elastic.min_workers = Some(3);
        config.elastic.max_workers = Some(2);
        let text = error(&config);
        for part in [
            "pool name \"a/b\"",
            "workers is 0",
            "workers of 1000 lanes are 2000 lanes, a pool has at most 256: lower",
            "slots is 0, it must be 1 to",
            "priorities is 9, it must be 2 to 4",
            "max-lanes is 300, it must be 1 to 256",
            "min-workers is 3, but max-workers is 2",
            "arena class of 65 bytes",
            "/nonexistent/worker can't be started",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(text.matches("invalid configuration").count(), 1, "{text}");
        assert!(!text.contains("max-workers is 1,"), "what follows: {text}");
    }

    #[test]
    fn io_threads_of_all_workers_count_as_lanes() {
        let mut config = ServeConfig {
            workers: Some(2),
            lanes: 2,
            ..ServeConfig::default()
        };
        config.io.io_workers = 1;
        config.io.io_threads = Some(100);
        let told = error(&config);
        for part in ["305 lanes, a pool has at most 256", "--io-threads"] {
            assert!(told.contains(part), "{part}: {told}");
        }
        config.io.io_threads = Some(80);
        config.validate().unwrap();
        // Room for a successor of each worker besides.
        assert!(config.pool().max_lanes >= 2 * 82 + 81);
    }

    #[test]
    fn maxima_that_were_not_chosen_follow() {
        let mut config = ServeConfig {
            workers: Some(40),
            lanes: 4,
            ..ServeConfig::default()
        };
        let pool = config.pool();
        assert_eq!((pool.max_workers, pool.max_lanes), (41, 164));
        config.validate().unwrap();
        config.lanes = 7;
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

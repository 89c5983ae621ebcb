//! The options of `ringwork serve` as they are given: flags, file, neither.
//!
//! Every field is optional here; flags win over the file, and what neither says
//! comes from the defaults of [`ServeConfig`]. The long option, the key in the
//! file and the field have one name.

mod choices;
mod confinement;
mod limits;
mod supervision;

use super::units::{Size, Span};
use choices::{Format, Level, Memory, Policy, Wait};
use clap::{Args, Command};
use confinement::ConfinementOptions;
pub(super) use limits::Limit;
use ringwork_ring::format::config::parse_arena;
use ringwork_ring::lane::entry::client_entries;
use ringwork_supervisor::{LogFormat, ServeConfig, WorkerCommand};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use supervision::SupervisionOptions;
pub(super) use supervision::{Quota, Storm};

/// The options as given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ServeOptions {
    /// Name of the pool, by which clients find it [default: default].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Worker processes [default: one for each core].
    #[arg(long, value_name = "N", help_heading = "Workers")]
    workers: Option<u32>,

    /// Lanes (worker threads) of each worker [default: 1].
    #[arg(long, value_name = "N", help_heading = "Workers")]
    lanes: Option<u32>,

    /// How lanes wait for work [default: adaptive].
    #[arg(long, value_name = "HOW", help_heading = "Workers")]
    wait: Option<Wait>,

    /// Which threads have the processor first: adaptive lanes are as other threads, and nice once their tasks
    /// take 0.1 ms or more, so that an event loop that wakes need not wait for them; idle ones get
    /// only what no other thread wants [default: adaptive].
    #[arg(long, value_name = "POLICY", help_heading = "Workers")]
    scheduling: Option<Policy>,

    /// Program to start as worker [default: the stock worker, see `ringwork handlers`].
    #[arg(long, value_name = "PATH", help_heading = "Workers")]
    worker: Option<PathBuf>,

    /// Arguments of the worker program, after `--`; the program may be named in the file.
    #[arg(last = true, value_name = "WORKER-ARGS")]
    worker_args: Option<Vec<String>>,

    /// Time that a worker has to register its lanes [default: 10s].
    #[arg(long, value_name = "TIME", help_heading = "Workers")]
    start_timeout: Option<Span>,

    /// Time after its deadline when the worker of a task that still runs is killed; 0: never
    /// [default: 10s].
    #[arg(long, value_name = "TIME", help_heading = "Workers")]
    overrun_grace: Option<Span>,

    /// Time that tasks get to finish when the pool is asked to stop [default: 30s].
    #[arg(long, value_name = "TIME", help_heading = "Workers")]
    drain_timeout: Option<Span>,

    #[command(flatten)]
    #[serde(flatten)]
    supervision: SupervisionOptions,

    #[command(flatten)]
    #[serde(flatten)]
    confinement: ConfinementOptions,

    /// Most that the whole segment takes; the default arena follows from it [default: for a file
    /// 323MiB, but at most three quarters of what its directory has free and an eighth of the free
    /// memory, and at least 61MiB; for a memfd a sixth of the free memory, at least 61MiB and at
    /// most 1GiB, used as payloads need it].
    #[arg(long, value_name = "SIZE", help_heading = "Segment")]
    segment_size: Option<Size>,

    /// What the segment's memory is [default: auto].
    #[arg(long, value_name = "KIND", help_heading = "Segment")]
    memory: Option<Memory>,

    /// Ask the kernel for huge pages; ordinary ones, and a warning, where it has none [default:
    /// false].
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Segment")]
    huge_pages: Option<bool>,

    /// Touch every page at the start of the pool, of each worker and client, so that no task meets
    /// a page fault [default: false].
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Segment")]
    prefault: Option<bool>,

    /// Payload blocks by size: SIZE:BLOCKS[:BLOCKS FOR RESULTS ONLY],... [default: from 1 KiB to
    /// 16 MiB or more, the larger the segment; see --print-config].
    #[arg(long, value_name = "CLASSES", help_heading = "Segment")]
    arena: Option<String>,

    /// Most client processes at a time; beside them one entry for each four, at most four, is kept
    /// for `ringwork submit` and `ringwork bench` [default: 7, and one for the command].
    #[arg(long, value_name = "N", help_heading = "Segment")]
    clients: Option<u32>,

    /// Slots of each client: the most tasks that it has in flight [default: 2048].
    #[arg(long, value_name = "N", help_heading = "Segment")]
    slots: Option<u32>,

    /// Most lanes of all workers together, up to 256 [default: 64, or as many as the workers have].
    #[arg(long, value_name = "N", help_heading = "Segment")]
    max_lanes: Option<u32>,

    /// Number of priorities, 2 to 4 [default: 3: high, normal, low].
    #[arg(long, value_name = "N", help_heading = "Segment")]
    priorities: Option<u32>,

    /// Format of the log on standard error [default: human].
    #[arg(long, value_name = "FORMAT", help_heading = "Log")]
    log_format: Option<Format>,

    /// Least level of the log, also of the workers' [default: info].
    #[arg(long, value_name = "LEVEL", help_heading = "Log")]
    log_level: Option<Level>,
}

impl ServeOptions {
    /// These options, and for those not given the other's.
    pub(super) fn or(self, other: Self) -> Self {
        macro_rules! each {
            ($($field:ident),* $(,)?) => {
                Self {
                    supervision: self.supervision.or(other.supervision),
                    confinement: self.confinement.or(other.confinement),
                    $($field: self.$field.or(other.$field)),*
                }
            };
        }
        each!(
            name,
            workers,
            lanes,
            wait,
            scheduling,
            worker,
            worker_args,
            start_timeout,
            overrun_grace,
            drain_timeout,
            segment_size,
            memory,
            huge_pages,
            prefault,
            arena,
            clients,
            slots,
            max_lanes,
            priorities,
            log_format,
            log_level,
        )
    }

    /// Reads a configuration file.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            format!("cannot read the configuration {}: {error}", path.display())
        })?;
        Self::parse(&text).map_err(|error| format!("configuration {}: {error}", path.display()))
    }

    /// Reads the text of a configuration file; the error names each key that is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| error.to_string().trim_end().to_owned())?;
        let mut known = Self::keys();
        known.push("handlers".to_owned());
        let is_known = |key: &String| known.contains(key);
        let (good, unknown): (Vec<_>, Vec<_>) = table.iter().partition(|(key, _)| is_known(key));
        let mut wrong = Vec::new();
        for (key, _) in &unknown {
            let nearest = known.iter().min_by_key(|name| distance(name, key));
            let hint = nearest.filter(|name| distance(name, key) <= 3);
            let hint = hint.map(|name| format!(" (did you mean {name:?}?)"));
            wrong.push(format!("unknown key {key:?}{}", hint.unwrap_or_default()));
        }
        if let Some(last) = wrong.last_mut() {
            last.push_str(&format!("; the keys are {}", known.join(", ")));
        }
        for (key, value) in good {
            for (place, part) in parts(value) {
                let alone = toml::Table::from_iter([(key.clone(), part)]);
                if let Err(error) = alone.try_into::<Self>() {
                    wrong.push(format!("{key}{place}: {}", error.message().trim_end()));
                }
            }
        }
        match wrong.as_slice() {
            [] | [_] if unknown.is_empty() => {
                // From the text once more: its errors show the line.
                toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
            }
            _ => Err(wrong.join("; ")),
        }
    }

    /// All keys, from the one definition above.
    pub(super) fn keys() -> Vec<String> {
        let command = Self::augment_args(Command::new("keys"));
        command
            .get_arguments()
            .filter(|argument| !argument.is_hide_set())
            .map(|argument| argument.get_id().as_str().replace('_', "-"))
            .collect()
    }

    /// Fills in the defaults. The result is still to be validated.
    pub(super) fn resolve(self) -> Result<ServeConfig, String> {
        let mut config = ServeConfig::default();
        set(&mut config.name, self.name);
        set(&mut config.lanes, self.lanes);
        config.default_workers();
        set(&mut config.workers, self.workers);
        set(&mut config.wait, self.wait.map(Wait::strategy));
        set(
            &mut config.scheduling,
            self.scheduling.map(Policy::scheduling),
        );
        set(
            &mut config.start_timeout,
            self.start_timeout.map(|span| span.0),
        );
        set(
            &mut config.overrun_grace,
            self.overrun_grace.map(|span| span.0),
        );
        set(
            &mut config.drain_timeout,
            self.drain_timeout.map(|span| span.0),
        );
        self.supervision.apply(&mut config)?;
        self.confinement.apply(&mut config);
        set(&mut config.log_level, self.log_level.map(Level::name));
        let json = self.log_format == Some(Format::Json);
        config.log_format = if json {
            LogFormat::Json
        } else {
            LogFormat::Human
        };
        set(&mut config.memory, self.memory.map(Memory::choice));
        let pool = &mut config.pool;
        set(&mut pool.clients, self.clients.map(client_entries));
        set(&mut pool.slots, self.slots);
        set(&mut pool.priorities, self.priorities);
        set(&mut pool.huge_pages, self.huge_pages);
        set(&mut pool.prefault, self.prefault);
        pool.segment_size = self.segment_size.map(|size| size.0);
        pool.arena = self
            .arena
            .map(|text| parse_arena(&text))
            .transpose()
            .map_err(|error| error.to_string())?;
        let args = self.worker_args.unwrap_or_default();
        config.worker = match self.worker {
            Some(program) => Some(WorkerCommand {
                program: found(program),
                args: args.into_iter().map(Into::into).collect(),
            }),
            None if args.is_empty() => None,
            None => {
                return Err(
                    "arguments for a worker are given (after --, or as worker-args) without a worker: name \
                     the program with --worker PATH, or by the key `worker` of the file"
                        .to_owned(),
                );
            }
        };
        config.max_lanes = self.max_lanes;
        config.raise_maxima();
        Ok(config)
    }
}

pub(crate) fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
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

/// The parts of a value that can be wrong each by itself: the names that lead there, and the value
/// with this part alone.
fn parts(value: &toml::Value) -> Vec<(String, toml::Value)> {
    match value {
        toml::Value::Array(elements) => elements
            .iter()
            .map(|element| (String::new(), toml::Value::Array(vec![element.clone()])))
            .collect(),
        toml::Value::Table(table) => {
            let named = |(name, value): (&String, &toml::Value)| {
                let name = name.clone();
                parts(value).into_iter().map(move |(place, part)| {
                    let alone = toml::Table::from_iter([(name.clone(), part)]);
                    (format!(".{name}{place}"), toml::Value::Table(alone))
                })
            };
            table.iter().flat_map(named).collect()
        }
        value => vec![(String::new(), value.clone())],
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let cost = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};
    use ringwork_ring::WaitStrategy;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: ServeOptions,
    }

    pub(crate) fn flags(line: &[&str]) -> ServeOptions {
        Line::try_parse_from(std::iter::once(&"serve").chain(line))
            .unwrap()
            .options
    }

    #[test]
    fn no_option_is_the_default() {
        let mut default = ServeConfig::default();
        default.raise_maxima();
        assert_eq!(flags(&[]).resolve().unwrap(), default);
    }

    /// The figures of the help are those that the defaults lead to.
    #[test]
    fn the_help_tells_the_sizes_that_a_pool_takes_unasked() {
        let mut command = Line::command();
        let help = command.render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let pool = ringwork_ring::PoolConfig::default();
        let file = pool.size_for_photos().unwrap() >> 20;
        let least = pool.smallest_default().unwrap() >> 20;
        let most = ringwork_ring::segment::room::MAX_IN_MEMFD >> 30;
        for told in [
            format!("for a file {file}MiB, but"),
            format!("memory, and at least {least}MiB; for a memfd"),
            format!("at least {least}MiB and at most {most}GiB"),
        ] {
            assert!(help.contains(&told), "{told}: {help}");
        }
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let file = ServeOptions::parse(
            "name = 'images'\nworkers = 3\nsegment-size = '32MiB'\ndrain-timeout = '5s'\nwait = 'park'\nlog-format = 'json'",
        );
        let config = flags(&["--workers", "5", "--overrun-grace", "0"])
            .or(file.unwrap())
            .resolve()
            .unwrap();
        assert_eq!(
            (config.name.as_str(), config.workers, config.lanes),
            ("images", 5, 1)
        );
        assert_eq!(config.pool.segment_size, Some(32 << 20));
        assert_eq!(
            (
                config.drain_timeout.as_secs(),
                config.overrun_grace.as_secs()
            ),
            (5, 0)
        );
        assert_eq!(
            (config.wait, config.log_format),
            (WaitStrategy::Park, LogFormat::Json)
        );
    }

    #[test]
    fn an_unknown_key_is_told_with_the_nearest_and_all_others() {
        let error = ServeOptions::parse("worker = 'x'\nslot = 5").unwrap_err();
        assert!(
            error.contains("\"slot\"") && error.contains("did you mean \"slots\""),
            "{error}"
        );
        assert!(
            error.contains("segment-size, memory, huge-pages, prefault, arena"),
            "{error}"
        );
        let error = ServeOptions::parse("elephants = 5").unwrap_err();
        assert!(!error.contains("did you mean"), "{error}");
        let several = "slot = 5\nlanes = 'many'\nelephants = 1\nwait = 'sleep'";
        let error = ServeOptions::parse(several).unwrap_err();
        for part in ["\"slot\"", "lanes: invalid type", "\"elephants\"", "wait: "] {
            assert!(error.contains(part), "{part}: {error}");
        }
        let deep = "limit = ['a', 'b']\n[handlers.'c.d']\nsoft = 'x'\n[handlers.e]\nhrd = 1";
        let error = ServeOptions::parse(deep).unwrap_err();
        for part in [
            "limit: \"a\" is no limit",
            "limit: \"b\" is no limit",
            "handlers.c.d.soft: \"x\" is no duration",
            "handlers.e.hrd: unknown field",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
        for bad in [
            "workers = 'two'",
            "wait = 'sleep'",
            "segment-size = 'big'",
            "drain-timeout = 'soon'",
            "= 3",
        ] {
            assert!(ServeOptions::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn maxima_follow_only_when_they_are_not_given() {
        let config = flags(&["--workers", "20", "--lanes", "5"])
            .resolve()
            .unwrap();
        assert_eq!((config.pool.max_workers, config.pool.max_lanes), (21, 105));
        let config = flags(&["--workers", "20", "--max-workers", "16"])
            .resolve()
            .unwrap();
        assert!(
            config
                .validate()
                .unwrap_err()
                .to_string()
                .contains("--max-workers")
        );
    }

    #[test]
    fn worker_arguments_follow_two_dashes() {
        let config = flags(&["--worker", "/bin/true", "--", "--flag", "x"])
            .resolve()
            .unwrap();
        assert_eq!(config.worker.unwrap().args, ["--flag", "x"]);
        let error = ServeOptions::parse("worker-args = ['x']")
            .unwrap()
            .resolve()
            .unwrap_err();
        assert!(error.contains("without a worker"));
        // The program from the file, the arguments from the line, and the other way round.
        let file =
            || ServeOptions::parse("worker = '/bin/true'\nworker-args = ['of', 'file']").unwrap();
        let args = |line: &[&str]| {
            let config = flags(line).or(file()).resolve().unwrap();
            config.worker.unwrap().args
        };
        assert_eq!(args(&["--", "-x"]), ["-x"]);
        assert_eq!(args(&["--worker", "/bin/false"]), ["of", "file"]);
        let error = flags(&["--", "-x"]).resolve().unwrap_err();
        assert!(error.contains("--worker PATH"), "{error}");
        let config = flags(&["--worker", "true"]).resolve().unwrap();
        assert!(
            config.worker.unwrap().program.is_absolute(),
            "found in PATH"
        );
    }

    #[test]
    fn distances() {
        assert_eq!(
            (
                distance("slots", "slot"),
                distance("", "abc"),
                distance("kitten", "sitting")
            ),
            (1, 3, 3)
        );
    }
}

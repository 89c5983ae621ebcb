//! The options of `ringwork serve` as they are given: the file's, and over them the command line's.
//!
//! What options there are, with their defaults, is [`ServeConfig`]'s matter.

use clap::{ArgMatches, Args, Command, FromArgMatches};
use ringwork_supervisor::ServeConfig;
use ringwork_supervisor::config::{Origin, options};
use std::collections::BTreeMap;
use std::path::Path;

/// The options that a command line gives, and nothing of those that it does not.
#[derive(Debug, Clone)]
pub(super) struct Given(ArgMatches);

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(matches.clone()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0 = matches.clone();
        Ok(())
    }
}

impl Args for Given {
    fn augment_args(command: Command) -> Command {
        options::given(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        options::given(command)
    }
}

impl Given {
    /// These options, and for those not given the file's, and the defaults. The result is still to be
    /// validated.
    pub(super) fn over(&self, file: ServeConfig) -> Result<ServeConfig, String> {
        file.with(&self.0)
            .map(ServeConfig::settled)
            .map_err(|error| error.to_string())
    }

    /// Where each option comes from, with those of the file.
    pub(super) fn origins(&self, file: &BTreeMap<String, Origin>) -> BTreeMap<String, Origin> {
        let origin = |key: &str| {
            let given = self.0.value_source(&key.replace('-', "_")).is_some();
            match (given, file.contains_key(key)) {
                // Limits of other handlers stay the file's.
                (true, true) if key == "limit" => Origin::FileAndCommandLine,
                (true, _) => Origin::CommandLine,
                (false, true) => Origin::File,
                (false, false) => Origin::Default,
            }
        };
        (options::all().into_iter())
            .map(|option| (option.key.clone(), origin(&option.key)))
            .collect()
    }
}

/// Keys and options whose values can't be read, in words.
#[derive(Debug, Default)]
pub(super) struct Wrong {
    /// What is wrong with them.
    pub(super) texts: Vec<String>,
    /// Their names, without `--`.
    pub(super) names: Vec<String>,
}

impl Wrong {
    /// All that refuses a configuration that was read without these: what else is wrong with it, too,
    /// but for what may follow from one of these.
    pub(super) fn and_of(mut self, config: &ServeConfig) -> Vec<String> {
        let others = config.checked().err().unwrap_or_default();
        let names = |text: &str, name: &String| {
            text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                .any(|word| word.trim_start_matches('-') == name)
        };
        let follows = |text: &String| self.names.iter().any(|name| names(text, name));
        let own = others.into_iter().filter(|text| !follows(text));
        self.texts.extend(own);
        self.texts
    }
}

/// Reads a configuration file: what can be read of it, and what can't.
///
/// # Errors
/// When it can't be read at all.
pub(super) fn read(path: &Path) -> Result<(ServeConfig, Wrong), String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read the configuration {}: {error}", path.display()))?;
    let of_file = |error: String| format!("configuration {}: {error}", path.display());
    let (mut config, mut wrong) = parts_of(&text).map_err(of_file)?;
    let table: toml::Table = text.parse().unwrap_or_default();
    let key = |key: &String| match key.as_str() {
        "handlers" => "limit".to_owned(),
        _ => key.clone(),
    };
    config.origins = (table.keys())
        .map(|name| (key(name), Origin::File))
        .collect();
    wrong.texts = wrong.texts.into_iter().map(of_file).collect();
    Ok((config, wrong))
}

/// Reads the text of a configuration file; the error names each key that is wrong.
pub(super) fn parse(text: &str) -> Result<ServeConfig, String> {
    match parts_of(text)? {
        (config, wrong) if wrong.texts.is_empty() => Ok(config),
        (_, wrong) => Err(wrong.texts.join("; ")),
    }
}

/// What can be read of a file's text, and one text of what can't.
fn parts_of(text: &str) -> Result<(ServeConfig, Wrong), String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let shown = error.to_string();
        format!(
            "{}\nit is no TOML: what else is wrong in the file is told once this is mended",
            shown.trim_end()
        )
    })?;
    let mut known: Vec<String> = (options::all().into_iter())
        .map(|option| option.key)
        .collect();
    known.extend(["handlers", "handler", "state"].map(str::to_owned));
    let is_known = |key: &String| known.contains(key);
    let (good, unknown): (Vec<_>, Vec<_>) = table.iter().partition(|(key, _)| is_known(key));
    let mut wrong = Vec::new();
    let mut names = Vec::new();
    for (key, _) in &unknown {
        let distance = |name: &String| strsim::levenshtein(name, key);
        let nearest = known.iter().min_by_key(|name| distance(name));
        let hint = nearest.filter(|name| distance(name) <= 3);
        // It may be meant by this one: nothing is said of it that it may have changed.
        names.extend(hint.cloned());
        let hint = hint.map(|name| format!(" (did you mean {name:?}?)"));
        wrong.push(format!("unknown key {key:?}{}", hint.unwrap_or_default()));
    }
    if let Some(last) = wrong.last_mut() {
        last.push_str(&format!("; the keys are {}", known.join(", ")));
    }
    let mut readable = toml::Table::new();
    for (key, value) in good {
        let before = wrong.len();
        for (place, part) in parts(value) {
            let alone = toml::Table::from_iter([(key.clone(), part)]);
            if let Err(error) = alone.try_into::<ServeConfig>() {
                wrong.push(format!("{key}{place}: {}", error.message().trim_end()));
            }
        }
        if wrong.len() == before {
            readable.insert(key.clone(), value.clone());
        } else {
            names.push(key.clone());
        }
    }
    let told = match wrong.as_slice() {
        [] | [_] if unknown.is_empty() => {
            // From the text once more: its errors show the line.
            match toml::from_str(text) {
                Ok(config) => return Ok((config, Wrong::default())),
                Err(error) => with_line(&error, wrong.first(), text),
            }
        }
        _ => wrong.join("; "),
    };
    let config = readable.try_into().map_err(|_| told.clone())?;
    let texts = vec![told];
    Ok((config, Wrong { texts, names }))
}

/// What is wrong with one key, with its line. The parser does not know that of a key in a group of
/// options, and shows the first one.
fn with_line(error: &toml::de::Error, wrong: Option<&String>, text: &str) -> String {
    let shown = error.to_string().trim_end().to_owned();
    let Some(wrong) = wrong else {
        return shown;
    };
    let key = wrong.split(['.', ':']).next().unwrap_or_default();
    if shown.contains(key) {
        return shown;
    }
    let at = (text.lines()).position(|line| line.trim_start().starts_with(key));
    match at {
        Some(at) => format!("line {}: {wrong}", at + 1),
        None => wrong.clone(),
    }
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use clap::Parser;
    use ringwork_ring::WaitStrategy;
    use ringwork_supervisor::LogFormat;
    use ringwork_supervisor::config::text::{OrOff, Span};
    use ringwork_supervisor::policy::{Limit, StormLimit, TaskQuota};
    use ringwork_worker::SandboxMode;
    use std::time::Duration;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        given: Given,
    }

    fn given(line: &[&str]) -> Given {
        Line::try_parse_from(std::iter::once(&"serve").chain(line))
            .unwrap()
            .given
    }

    /// A command line without a file.
    pub(crate) fn flags(line: &[&str]) -> ServeConfig {
        given(line).over(ServeConfig::default()).unwrap()
    }

    /// A command line with a file.
    fn both(line: &[&str], file: &str) -> ServeConfig {
        given(line).over(parse(file).unwrap()).unwrap()
    }

    fn file(text: &str) -> ServeConfig {
        both(&[], text)
    }

    fn refused(config: &ServeConfig) -> String {
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn no_option_is_the_default() {
        assert_eq!(flags(&[]), ServeConfig::default().settled());
        assert_eq!(file(""), ServeConfig::default().settled());
    }

    /// Each key of the file is an option of the same name, and the other way round.
    #[test]
    fn each_option_is_a_key() {
        let config = ServeConfig::default();
        let geometry = config.validate().unwrap();
        let table = toml::Table::try_from(config.effective(&geometry)).unwrap();
        let all = options::all();
        for key in table.keys() {
            assert!(all.iter().any(|option| option.key == *key), "{key}");
        }
        for option in all {
            // No option is a list of tables.
            let unknown = toml::Value::Array(vec![toml::Table::new().into()]);
            let alone = toml::Table::from_iter([(option.key.clone(), unknown)]);
            let read = alone.try_into::<ServeConfig>();
            assert!(read.is_err(), "{}: no key of the file", option.key);
        }
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let config = both(
            &["--workers", "5", "--overrun-grace", "0"],
            "name = 'images'\nworkers = 3\nsegment-size = '32MiB'\ndrain-timeout = '5s'\nwait = 'park'\nlog-format = 'json'",
        );
        assert_eq!(
            (config.name.as_str(), config.workers(), config.lanes),
            ("images", 5, 1)
        );
        assert_eq!(config.pool().segment_size, Some(32 << 20));
        let seconds = |span: Span| span.0.as_secs();
        assert_eq!(
            (seconds(config.drain_timeout), seconds(config.overrun_grace)),
            (5, 0)
        );
        assert_eq!(
            (config.wait, config.log_format),
            (WaitStrategy::Park, LogFormat::Json)
        );
        // What a flag gives is taken when it is the default, too.
        let config = both(
            &["--lanes", "1", "--huge-pages=false", "--sandbox=off"],
            "lanes = 3\nhuge-pages = true\nsandbox = 'on'",
        );
        assert_eq!((config.lanes, config.segment.huge_pages), (1, false));
        assert_eq!(config.confinement.sandbox, SandboxMode::Off);
    }

    #[test]
    fn an_unknown_key_is_told_with_the_nearest_and_all_others() {
        let error = parse("worker = 'x'\nslot = 5").unwrap_err();
        assert!(
            error.contains("\"slot\"") && error.contains("did you mean \"slots\""),
            "{error}"
        );
        assert!(
            error.contains("segment-size, memory, huge-pages, prefault, arena"),
            "{error}"
        );
        let error = parse("elephants = 5").unwrap_err();
        assert!(!error.contains("did you mean"), "{error}");
        let several = "slot = 5\nlanes = 'many'\nelephants = 1\nwait = 'sleep'";
        let error = parse(several).unwrap_err();
        for part in [
            "\"slot\"",
            "lanes: invalid type",
            "\"elephants\"",
            "wait: unknown wait strategy \"sleep\": use spin, adaptive or park",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
        let deep = "limit = ['a', 'b']\n[handlers.'c.d']\nsoft = 'x'\n[handlers.e]\nhrd = 1";
        let error = parse(deep).unwrap_err();
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
            assert!(parse(bad).is_err(), "{bad}");
        }
        let error = parse("name = 'p'\nlanes = 'many'").unwrap_err();
        assert!(error.contains("2 | lanes = 'many'"), "{error}");
        let error = parse("name = 'p'\nhuge-pages = 'yes'").unwrap_err();
        assert!(
            error.starts_with("line 2: huge-pages: invalid type"),
            "{error}"
        );
    }

    /// As [`super::super::serve`] does: what can't be read, and what else is wrong.
    #[test]
    fn keys_that_can_not_be_read_do_not_hide_the_others() {
        let (config, wrong) =
            parts_of("workers = 'two'\nmax-workers = 1\nslots = 0\npriorities = 9\nlanes = 1000")
                .unwrap();
        let all = given(&["--start-timeout", "0"]).over(config).unwrap();
        let told = wrong.and_of(&all).join("; ");
        for part in [
            "workers",
            "slots is 0",
            "priorities is 9",
            "start-timeout is 0",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        // These follow from workers, of which nothing is known.
        assert!(!told.contains("max-workers is 1"), "{told}");
        let (config, wrong) = parts_of("slot = 5\nname = 'a/b'").unwrap();
        let told = wrong.and_of(&config).join("; ");
        assert!(
            told.contains("\"slot\"") && told.contains("pool name \"a/b\""),
            "{told}"
        );
        let (config, wrong) =
            parts_of("workers = 0\nslots = 0\npriorities = 9\nlanes = 1000\nname = 'a/b'").unwrap();
        assert!(wrong.texts.is_empty());
        let told = refused(&config);
        for part in [
            "workers is 0",
            "slots is 0",
            "priorities is 9",
            "1000 lanes",
            "pool name",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[test]
    fn maxima_follow_only_when_they_are_not_given() {
        let pool = flags(&["--workers", "20", "--lanes", "5"]).pool();
        assert_eq!((pool.max_workers, pool.max_lanes), (21, 105));
        let config = flags(&["--workers", "20", "--max-workers", "16"]);
        assert!(refused(&config).contains("--max-workers"));
    }

    #[test]
    fn worker_arguments_follow_two_dashes() {
        let args = |config: ServeConfig| config.worker_command().unwrap().args;
        let config = flags(&["--worker", "/bin/true", "--", "--flag", "x"]);
        assert_eq!(args(config), ["--flag", "x"]);
        assert!(refused(&file("worker-args = ['x']")).contains("without a worker"));
        // The program from the file, the arguments from the line, and the other way round.
        let text = "worker = '/bin/true'\nworker-args = ['of', 'file']";
        assert_eq!(args(both(&["--", "-x"], text)), ["-x"]);
        assert_eq!(
            args(both(&["--worker", "/bin/false"], text)),
            ["of", "file"]
        );
        let error = refused(&flags(&["--", "-x"]));
        assert!(error.contains("--worker PATH"), "{error}");
        let config = flags(&["--worker", "true"]);
        let program = config.worker_command().unwrap().program;
        assert!(program.is_absolute(), "found in PATH");
    }

    #[test]
    fn a_sandbox_is_asked_for_in_each_way() {
        let of = |line: &[&str]| flags(line).confinement();
        assert_eq!(of(&[]).sandbox, SandboxMode::Off);
        assert_eq!(of(&["--sandbox"]).sandbox, SandboxMode::On);
        assert_eq!(of(&["--sandbox=require"]).sandbox, SandboxMode::Require);
        let both = of(&["--sandbox", "--sandbox-read", "/etc", "--sandbox-read", "x"]);
        assert_eq!(both.sandbox_read.len(), 2);
        assert!(both.sandbox_read[1].is_absolute());
        let net = of(&[
            "--sandbox",
            "--sandbox-net",
            "*:443",
            "--sandbox-net",
            "*:80",
        ]);
        let ports: Vec<u16> = net.sandbox_net.iter().map(|peer| peer.port()).collect();
        assert_eq!(ports, [443, 80]);
        assert!(parse("sandbox-net = ['db.example:5432']").is_err());
        let config = file("sandbox = 'require'\nsandbox-read = ['/etc']\nsandbox-net = ['*:443']");
        assert_eq!(config.confinement().sandbox_net, net.sandbox_net[..1]);
        assert_eq!(config.confinement().sandbox, SandboxMode::Require);
        assert!(parse("sandbox = 'maybe'").is_err());
    }

    #[test]
    fn what_can_not_be_confined_so_is_told() {
        let error = |line: &[&str]| refused(&flags(line));
        assert!(error(&["--sandbox-read", "/etc"]).contains("give --sandbox, too"));
        assert!(error(&["--sandbox-net", "*:443"]).contains("give --sandbox, too"));
        assert!(
            error(&["--sandbox", "--sandbox-read", "/none/such"]).contains("/none/such: No such")
        );
        assert!(error(&["--worker-memory", "1MiB"]).contains("worker-memory is 1 MiB"));
    }

    #[test]
    fn a_storm_is_read_from_the_line_and_from_the_file() {
        let config = flags(&["--crash-storm", "off", "--restart-backoff-max", "1ms"]);
        assert_eq!(config.restart.crash_storm, OrOff(None));
        let geometry = config.validate().unwrap();
        let one = Span(Duration::from_millis(1));
        let effective = config.effective(&geometry).restart;
        assert_eq!(
            (effective.restart_backoff_min, effective.restart_backoff_max),
            (Some(one), one)
        );
        let config = file("crash-storm = '5/2m'\nrestart-backoff-min = '1s'");
        let storm = config.restart.crash_storm;
        assert_eq!(storm.to_string(), "5/120s");
        let second = Span(Duration::from_secs(1));
        assert_eq!(config.restart.restart_backoff_min, Some(second));
        for bad in ["5", "x/1s", "5/soon", ""] {
            assert!(bad.parse::<OrOff<StormLimit>>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused_by_the_name_of_the_option() {
        for (bad, name) in [
            (&["--crash-storm", "0/1s"][..], "crash-storm"),
            (&["--restart-backoff-min", "6s"], "restart-backoff-min"),
            (
                &["--restart-backoff-min=10ms", "--restart-backoff-max=1ms"],
                "restart-backoff-min",
            ),
            (&["--max-tasks", "0"], "max-tasks"),
            (&["--max-tasks", "10±10"], "max-tasks"),
            (&["--max-rss", "1k"], "max-rss"),
            (&["--workers", "3", "--max-workers", "2"], "--max-workers"),
            (&["--workers", "3", "--min-workers", "4"], "min-workers"),
            (&["--min-workers", "0"], "min-workers"),
        ] {
            let error = refused(&flags(bad));
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn numbers_of_tasks_and_other_limits_of_a_worker() {
        let text = "max-tasks = 50\nmax-age = '1h'\nmax-rss = '200MiB'\nscale-up-after = '1s'";
        let config = file(text);
        let quota = |tasks, jitter| OrOff(Some(TaskQuota { tasks, jitter }));
        assert_eq!(config.recycle.max_tasks, quota(50, 0));
        let hour = Span(Duration::from_secs(3600));
        assert_eq!(config.recycle.max_age, OrOff(Some(hour)));
        assert_eq!(config.recycle.max_rss.0.map(|size| size.0), Some(200 << 20));
        assert_eq!(config.elastic.scale_up_after.0, Duration::from_secs(1));
        for number in ["1000±100", "1000+-100"] {
            let config = both(&["--max-tasks", number, "--max-age", "off"], text);
            assert_eq!(config.recycle.max_tasks, quota(1000, 100));
            assert_eq!(config.recycle.max_age, OrOff(None), "the flag wins");
        }
        let config = flags(&["--workers", "2", "--min-workers", "1", "--max-workers=40"]);
        assert_eq!((config.min_workers(), config.max_workers()), (1, 40));
        assert_eq!(
            config.pool().max_workers,
            41,
            "and one more for a successor"
        );
        config.validate().unwrap();
    }

    #[test]
    fn limits_come_from_the_line_and_from_tables_and_the_line_wins() {
        let config = both(
            &["--limit", "a:concurrency=3", "--limit", "x:y:hard=500ms"],
            "limit = ['a:hard=1s', 'b:soft=2s']\n\
             [handlers.\"image.resize\"]\nmax_concurrency = 2\nsoft-limit = '5s'\nhard-limit = 10",
        );
        config.validate().unwrap();
        let limits = config.limits();
        let names: Vec<&String> = limits.keys().collect();
        assert_eq!(names, ["a", "b", "image.resize", "x:y"]);
        let image = limits["image.resize"];
        assert_eq!(
            (image.concurrency, image.soft, image.hard),
            (
                Some(2),
                Some(Duration::from_secs(5)),
                Some(Duration::from_secs(10))
            )
        );
        assert_eq!(limits["a"].hard, None, "replaced whole");
        assert_eq!(limits["a"].concurrency, Some(3));
    }

    #[test]
    fn sections_of_the_workers_own_are_handed_on_as_they_are() {
        let text = "[handler.\"order.total\"]\nmost = 3\n[state.db]\nurl = 'u'\nsince = 2026-11-30";
        let config = both(&["--workers", "1"], text);
        let order = &config.sections.handler["order.total"];
        assert_eq!(order["most"], 3);
        assert_eq!(config.sections.state["db"]["url"], "u");
        let geometry = config.validate().unwrap();
        let printed = crate::effective::printed(&config, &geometry).unwrap();
        assert_eq!(
            parse(&printed).unwrap().sections,
            config.sections,
            "{printed}"
        );
        assert!(parse("handler = 3").is_err());
        assert!(parse("[state]\ndb = 'u'").unwrap_err().contains("map"));
    }

    #[test]
    fn a_handler_has_one_limit_in_each_place() {
        let told = refused(&flags(&["--limit", "a:soft=3s", "--limit", "a:hard=9s"]));
        assert!(
            told.contains("more than one limit is given for a:"),
            "{told}"
        );
        let twice = "limit = ['a:soft=3s', 'b:soft=1s', 'b:hard=1s']\n[handlers.a]\nhard = '9s'";
        let told = refused(&file(twice));
        assert!(told.contains("given for a, b:"), "{told}");
        let config = both(&["--limit", "a:hard=9s"], "[handlers.a]\nsoft = '1s'");
        assert_eq!(config.limits()["a"].soft, None, "the line wins");
    }

    #[test]
    fn what_is_written_is_read_again_and_the_rest_is_refused() {
        for text in ["a:concurrency=1", "b.c:concurrency=2,soft=5s,hard=10s"] {
            assert_eq!(text.parse::<Limit>().unwrap().to_string(), text);
        }
        for bad in [
            "a",
            "a:",
            ":hard=1s",
            "a:often=3",
            "a:concurrency=few",
            "a:soft=1y",
            "a:soft=1s,soft=2s",
        ] {
            assert!(bad.parse::<Limit>().is_err(), "{bad}");
        }
        assert!(parse("[handlers.a]\nslowness = 3").is_err());
        for wrong in ["a:concurrency=0", "a:soft=0", "a:soft=2s,hard=1s"] {
            let error = refused(&flags(&["--limit", wrong]));
            assert!(error.contains("limit of a"), "{error}");
        }
    }

    #[test]
    fn channels_are_tables_of_the_file_or_options() {
        let text = "[channel.ticks]\ncapacity = 8\n[channel.calls]\nsize = \"1KiB\"\n\
                    delivery = \"at-most-once\"\ncodec = \"cbor\"\n";
        let config = parse(text).unwrap();
        let shown: Vec<String> = (config.segment.channel.iter())
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            shown,
            [
                "calls:capacity=1024,size=1024,delivery=at-most-once,codec=cbor",
                "ticks:capacity=8,size=256"
            ]
        );
        let given = flags(&["--channel", &shown[0], "--channel", &shown[1]]);
        assert_eq!(given.segment.channel, config.segment.channel);
        assert_eq!(given.pool().channels.len(), 2);
        for (text, part) in [
            ("[channel.ticks]\ncapacity = 1000", "power of two"),
            ("[channel.ticks]\ncells = 8", "cells"),
            ("[channel.\"a b\"]", "no name of a channel"),
            ("channel = [\"a\", \"a\"]", "given twice"),
            ("[channel.a]\ndelivery = \"never\"", "at-most-once"),
        ] {
            let told = match parse(text) {
                Ok(config) => config.validate().unwrap_err().to_string(),
                Err(told) => told,
            };
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}

//! The options of `ringwork serve` as a list, made of the fields of [`ServeConfig`]: for the effective
//! configuration, the table of the documents, and a command line that tells which options it gives.

use super::ServeConfig;
use clap::{Arg, Args, Command};
use serde_json::Value;

/// One option.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServeOption {
    /// Its key in the file. The long option has the same name, but for a [positional](Self::last) one.
    pub key: String,
    /// What its value is called: `TIME`, `SIZE`, `N`.
    pub value: String,
    /// Its default, or in words how it is found.
    pub default: String,
    /// What it does.
    pub help: String,
    /// The part of the help that it stands in.
    pub group: String,
    /// The values that it can have, if they are few.
    pub values: Vec<String>,
    /// Whether it is given after `--` on the command line.
    pub last: bool,
}

/// The group whose options are laid down with the segment.
const SEGMENT: &str = "Segment";
/// The group of the process that answers HTTP, which lives as long as the pool.
const HTTP: &str = "HTTP";
/// Other options that a reload can't change.
const FIXED: [&str; 3] = ["name", "log-format", "io-workers"];

impl ServeOption {
    fn of(arg: &Arg) -> Self {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let (help, words) = match help.split_once(" [default: ") {
            Some((help, words)) => (help, words.trim_end_matches(']')),
            None => (&*help, ""),
        };
        let default = match arg.get_default_values() {
            [] => words.to_owned(),
            values => joined(values.iter().map(|value| value.to_string_lossy()), ","),
        };
        let values = arg.get_possible_values();
        let switch = ["true", "false"].map(str::to_owned);
        let mut values: Vec<String> = (values.iter())
            .map(|value| value.get_name().to_owned())
            .collect();
        if values.iter().all(|value| switch.contains(value)) {
            values.clear();
        }
        Self {
            key: arg.get_id().as_str().replace('_', "-"),
            value: joined(arg.get_value_names().unwrap_or_default(), " "),
            default,
            help: help.to_owned(),
            group: arg.get_help_heading().unwrap_or("Workers").to_owned(),
            values,
            last: arg.is_last_set(),
        }
    }

    /// Whether it stays what it was when the pool was made.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.group == SEGMENT || self.group == HTTP || FIXED.contains(&&*self.key)
    }

    /// The first words of its help: what it is.
    #[must_use]
    pub fn summary(&self) -> &str {
        let ends = [". ", ": ", "; ", " ("];
        let end = ends.iter().filter_map(|end| self.help.find(end)).min();
        &self.help[..end.unwrap_or(self.help.len())]
    }
}

fn joined<T: AsRef<str>>(parts: impl IntoIterator<Item = T>, separator: &str) -> String {
    let parts: Vec<String> = (parts.into_iter())
        .map(|part| part.as_ref().to_owned())
        .collect();
    parts.join(separator)
}

/// All options, in the order of the help.
#[must_use]
pub fn all() -> Vec<ServeOption> {
    let command = ServeConfig::augment_args(Command::new("options"));
    command.get_arguments().map(ServeOption::of).collect()
}

/// Adds the options to a command, without their defaults: these are told in the help all the same,
/// and the command's matches hold only what was given. See [`ServeConfig::with`].
#[must_use]
pub fn given(command: Command) -> Command {
    let options = ServeConfig::augment_args(Command::new("options"));
    options.get_arguments().fold(command, |command, arg| {
        let values = joined(
            (arg.get_default_values().iter()).map(|value| value.to_string_lossy()),
            ",",
        );
        let mut arg = arg.clone();
        if !values.is_empty() {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            arg = arg
                .help(format!("{help} [default: {values}]"))
                .default_value(clap::builder::Resettable::Reset);
        }
        command.arg(arg)
    })
}

/// The options that differ and can't, when `new` is to be taken up while `old` is served in a segment
/// of so many lanes.
pub(crate) fn fixed_that_differ(old: &ServeConfig, new: &ServeConfig, lanes: u32) -> Vec<String> {
    let mut new = new.clone();
    // Not chosen, it follows from workers that may change; the segment is what it is.
    if new.segment.max_lanes.is_none_or(|most| most == lanes) {
        new.segment.max_lanes = old.segment.max_lanes;
    }
    let [old, new] = [old, &new].map(|config| {
        let mut config = config.clone();
        let (clients, slots) = config.clients_and_slots();
        (config.segment.clients, config.segment.slots) = (Some(clients), Some(slots));
        // None of them is fixed, and paths may be none that can be written.
        config.worker = None;
        config.confinement.sandbox_read.clear();
        serde_json::to_value(config).unwrap_or_default()
    });
    let differs = |key: &str| -> bool {
        let of = |config: &Value| config.get(key).cloned();
        of(&old) != of(&new)
    };
    (all().into_iter())
        .filter(|option| option.is_fixed() && differs(&option.key))
        .map(|option| option.key)
        .collect()
}

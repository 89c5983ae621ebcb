//! `ringwork config`: the options that are in effect in a served pool, and where they come from.

use super::exit::{FAILED, Failure, NO_POOL};
use super::table::Table;
use super::units::seconds;
use super::view;
use clap::Args;
use ringwork_ring::{PoolDir, Segment};
use ringwork_supervisor::config::Origin;
use ringwork_supervisor::config::in_effect::{Cause, InEffect};
use ringwork_supervisor::config::options;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, Write as _};

const AFTER_HELP: &str = "\
An option that is not set is shown with what that means, in brackets. Sections of handlers and states are not told: they \
may hold secrets. A reload that is refused or fails changes nothing of it.

Exit codes: 0 done; 1 the pool has not told its options; 3 there is no such pool, or it is over.";

/// Show the options in effect in a pool, and where each comes from.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Config {
    /// Name of the pool.
    #[arg(default_value = "default")]
    name: String,

    /// Print JSON: one object.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub(super) fn run(config: &Config) -> Result<(), Failure> {
    let dir = PoolDir::new(&config.name)?;
    let segment = Segment::attach(&dir)?;
    let all = InEffect::read(&dir);
    // After it was read: it is the living pool's.
    if !segment.supervisor_lives()? {
        return Err(Failure::new(NO_POOL, view::DEAD));
    }
    let all = all.map_err(|error| {
        let text = format!(
            "the pool {} has not told its options in {}: {error}; the log of `ringwork serve` says why, and a \
             reload writes them again",
            config.name,
            dir.options().display()
        );
        Failure::new(FAILED, text)
    })?;
    let mut out = io::stdout().lock();
    match config.json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?,
        false => write!(out, "{}", text(&config.name, &all))?,
    }
    out.flush()?;
    Ok(())
}

/// The page for people.
fn text(name: &str, all: &InEffect) -> String {
    let cause = match all.cause {
        Cause::Start => "its start",
        Cause::Reload => "a reload",
        Cause::Scale => "a `ringwork scale`",
    };
    let age = seconds(all.age().as_secs_f64());
    let mut page = format!("pool {name}: in effect since {cause} {age} ago\n\n");
    let known = options::all();
    let mut table = Table::new(&["OPTION", "VALUE", "FROM"]);
    for setting in &all.options {
        let value = match &setting.value {
            Some(value) => shown(value),
            None => {
                let option = known.iter().find(|option| option.key == setting.key);
                let unset = option.map_or("", |option| &option.default);
                format!("({unset})")
            }
        };
        let from = match setting.from {
            None => "-",
            Some(Origin::Default) => "default",
            Some(Origin::File) => "file",
            Some(Origin::CommandLine) => "command line",
            Some(Origin::Scale) => "ringwork scale",
            Some(_) => "file, command line",
        };
        table.row([setting.key.clone(), value, from.to_owned()]);
    }
    // Writing to a String can't fail.
    let _ = write!(page, "{table}");
    page
}

/// A value as a command line would have it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(shown).collect::<Vec<_>>().join(" "),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwork_supervisor::config::in_effect::Setting;

    #[test]
    fn each_option_has_a_line_with_its_value_and_where_that_is_from() {
        let setting = |key: &str, value: Option<Value>, from| Setting {
            key: key.to_owned(),
            value,
            from,
        };
        let all = InEffect {
            since_unix_ms: u64::MAX >> 20,
            cause: Cause::Reload,
            options: vec![
                setting("lanes", Some(2.into()), Some(Origin::CommandLine)),
                setting("worker-memory", None, Some(Origin::Default)),
                setting("worker-args", Some(Value::from(vec!["a", "b"])), None),
            ],
        };
        let page = text("p", &all);
        assert_eq!(
            page,
            "pool p: in effect since a reload 0.0 s ago\n\n  \
             OPTION          VALUE            FROM\n  \
             lanes           2                command line\n  \
             worker-memory   (as inherited)   default\n  \
             worker-args     a b              -\n"
        );
    }
}

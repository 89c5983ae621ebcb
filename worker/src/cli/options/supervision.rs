//! The options that tell how workers are kept: restarts, recycling, numbers, limits.

use super::super::units::Span;
use super::set;
use crate::supervisor::ServeConfig;
use crate::supervisor::policy::StormLimit;
use clap::Args;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::str::FromStr;

/// The options as given; see [`super::ServeOptions`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct SupervisionOptions {
    /// Shortest pause before a dead worker is replaced; none after one that had served for a
    /// second or more [default: 10ms].
    #[arg(long, value_name = "TIME", help_heading = "Supervision")]
    restart_backoff_min: Option<Span>,

    /// Longest such pause: each death of a worker that was not healthy for 10 s doubles the bound
    /// below which it is drawn by lot [default: 5s].
    #[arg(long, value_name = "TIME", help_heading = "Supervision")]
    restart_backoff_max: Option<Span>,

    /// From this many deaths in this time on no worker is replaced any more; `off`: never
    /// [default: 20/30s].
    #[arg(long, value_name = "DEATHS/TIME", help_heading = "Supervision")]
    crash_storm: Option<Storm>,
}

impl SupervisionOptions {
    /// These options, and for those not given the other's.
    pub(super) fn or(self, other: Self) -> Self {
        macro_rules! each {
            ($($field:ident),* $(,)?) => { Self { $($field: self.$field.or(other.$field)),* } };
        }
        each!(restart_backoff_min, restart_backoff_max, crash_storm)
    }

    /// Puts what was given into the configuration.
    pub(super) fn apply(self, config: &mut ServeConfig) {
        let restart = &mut config.restart;
        set(
            &mut restart.backoff_max,
            self.restart_backoff_max.map(|span| span.0),
        );
        match self.restart_backoff_min {
            Some(span) => restart.backoff_min = span.0,
            // Whoever shortens the longest pause only means the shortest one, too.
            None => restart.backoff_min = restart.backoff_min.min(restart.backoff_max),
        }
        set(&mut restart.storm, self.crash_storm.map(|storm| storm.0));
    }
}

/// `20/30s`, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Storm(pub(in crate::cli) Option<StormLimit>);

impl FromStr for Storm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "off" {
            return Ok(Self(None));
        }
        let bad =
            || format!("{text:?} is no crash storm: write DEATHS/TIME, such as 20/30s, or off");
        let (deaths, window) = text.split_once('/').ok_or_else(bad)?;
        Ok(Self(Some(StormLimit {
            deaths: deaths.trim().parse().map_err(|_| bad())?,
            window: window.parse::<Span>()?.0,
        })))
    }
}

impl fmt::Display for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(limit) => write!(f, "{}/{}", limit.deaths, Span(limit.window)),
            None => f.write_str("off"),
        }
    }
}

impl<'de> Deserialize<'de> for Storm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ServeOptions;
    use super::super::tests::flags;
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_storm_is_read_from_the_line_and_from_the_file() {
        let config = flags(&["--crash-storm", "off", "--restart-backoff-max", "1ms"])
            .resolve()
            .unwrap();
        assert_eq!(config.restart.storm, None);
        let one = Duration::from_millis(1);
        assert_eq!(
            (config.restart.backoff_min, config.restart.backoff_max),
            (one, one)
        );
        config.validate().unwrap();
        let file = ServeOptions::parse("crash-storm = '5/2m'\nrestart-backoff-min = '1s'").unwrap();
        let config = file.resolve().unwrap();
        assert_eq!(Storm(config.restart.storm).to_string(), "5/120s");
        assert_eq!(config.restart.backoff_min, Duration::from_secs(1));
        for bad in ["5", "x/1s", "5/soon", ""] {
            assert!(bad.parse::<Storm>().is_err(), "{bad}");
        }
        for bad in [
            &["--crash-storm", "0/1s"][..],
            &["--restart-backoff-min", "6s"],
        ] {
            let error = flags(bad).resolve().unwrap().validate().unwrap_err();
            assert!(error.to_string().contains(&bad[0][2..11]), "{error}");
        }
    }
}

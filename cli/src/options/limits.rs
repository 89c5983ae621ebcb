//! Limits of handlers as they are written: `--limit NAME:concurrency=2,soft=5s,hard=10s`, or a
//! table of the file.

use super::super::units::Span;
use ringwork_supervisor::policy::HandlerLimit;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::str::FromStr;

/// One `--limit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) handler: String,
    pub(crate) limit: HandlerLimit,
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "{text:?} is no limit: write HANDLER:concurrency=N,soft=TIME,hard=TIME with one part or more"
            )
        };
        let (handler, parts) = text.rsplit_once(':').ok_or_else(bad)?;
        let mut limit = HandlerLimit::default();
        for part in parts.split(',') {
            let (key, value) = part.split_once('=').ok_or_else(bad)?;
            let time = || value.parse::<Span>().map(|span| span.0);
            let former = match key.trim() {
                "concurrency" => {
                    let most = value.trim().parse().map_err(|_| bad())?;
                    limit.concurrency.replace(most).is_some()
                }
                "soft" => limit.soft.replace(time()?).is_some(),
                "hard" => limit.hard.replace(time()?).is_some(),
                _ => return Err(bad()),
            };
            if former {
                return Err(format!("{text:?} has {} twice", key.trim()));
            }
        }
        let handler = handler.trim().to_owned();
        if handler.is_empty() {
            return Err(bad());
        }
        Ok(Self { handler, limit })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HandlerLimit {
            concurrency,
            soft,
            hard,
        } = self.limit;
        let time = |key, limit: Option<_>| limit.map(|limit| format!("{key}={}", Span(limit)));
        let parts = [
            concurrency.map(|most| format!("concurrency={most}")),
            time("soft", soft),
            time("hard", hard),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        write!(f, "{}:{}", self.handler, parts.join(","))
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// `[handlers."NAME"]` in the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct HandlerTable {
    #[serde(alias = "max_concurrency", alias = "concurrency")]
    max_concurrency: Option<u32>,
    #[serde(alias = "soft_limit", alias = "soft")]
    soft_limit: Option<Span>,
    #[serde(alias = "hard_limit", alias = "hard")]
    hard_limit: Option<Span>,
}

impl HandlerTable {
    pub(super) fn limit(self) -> HandlerLimit {
        HandlerLimit {
            concurrency: self.max_concurrency,
            soft: self.soft_limit.map(|span| span.0),
            hard: self.hard_limit.map(|span| span.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ServeOptions;
    use super::super::tests::flags;
    use super::*;
    use std::time::Duration;

    #[test]
    fn limits_come_from_the_line_and_from_tables_and_the_line_wins() {
        let file = ServeOptions::parse(
            "limit = ['a:hard=1s', 'b:soft=2s']\n\
             [handlers.\"image.resize\"]\nmax_concurrency = 2\nsoft-limit = '5s'\nhard-limit = 10",
        );
        let line = ["--limit", "a:concurrency=3", "--limit", "x:y:hard=500ms"];
        let config = flags(&line).or(file.unwrap()).resolve().unwrap();
        config.validate().unwrap();
        let names: Vec<&String> = config.limits.keys().collect();
        assert_eq!(names, ["a", "b", "image.resize", "x:y"]);
        let image = config.limits["image.resize"];
        assert_eq!(
            (image.concurrency, image.soft, image.hard),
            (
                Some(2),
                Some(Duration::from_secs(5)),
                Some(Duration::from_secs(10))
            )
        );
        assert_eq!(config.limits["a"].hard, None, "replaced whole");
        assert_eq!(config.limits["a"].concurrency, Some(3));
    }

    #[test]
    fn a_handler_has_one_limit_in_each_place() {
        let twice = ["--limit", "a:soft=3s", "--limit", "a:hard=9s"];
        let told = flags(&twice).resolve().unwrap_err();
        assert!(
            told.contains("more than one limit is given for a:"),
            "{told}"
        );
        let file = |text: &str| ServeOptions::parse(text).unwrap();
        let both = "limit = ['a:soft=3s', 'b:soft=1s', 'b:hard=1s']\n[handlers.a]\nhard = '9s'";
        let told = file(both).resolve().unwrap_err();
        assert!(told.contains("given for a, b:"), "{told}");
        let table = file("[handlers.a]\nsoft = '1s'");
        let config = flags(&["--limit", "a:hard=9s"])
            .or(table)
            .resolve()
            .unwrap();
        assert_eq!(config.limits["a"].soft, None, "the line wins");
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
        assert!(ServeOptions::parse("[handlers.a]\nslowness = 3").is_err());
        for wrong in ["a:concurrency=0", "a:soft=0", "a:soft=2s,hard=1s"] {
            let config = flags(&["--limit", wrong]).resolve().unwrap();
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains("limit of a"), "{error}");
        }
    }
}

//! The sections of the file that the worker's own handlers and states read: `[handler.NAME]` and
//! `[state.NAME]`.
//!
//! What is in them only the worker knows, so they are handed on as they are, in an environment
//! variable. A worker refuses a section that nothing reads, and one that is wrong, before it is
//! ready: then the pool does not start, or the reload is given up.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// As many bytes as an environment variable can be sure to hold: Linux takes 128 KiB.
const MAX_SECTIONS: usize = 120 << 10;

/// How TOML's parser hands a date on.
const DATE: &str = "$__toml_private_datetime";

/// The sections by name. No options of the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct WorkerSections {
    /// `[handler.NAME]`: the configuration of a handler, its `Config<T>`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub handler: BTreeMap<String, Map<String, Value>>,
    /// `[state.NAME]`: that of a state.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub state: BTreeMap<String, Map<String, Value>>,
}

impl WorkerSections {
    /// As a worker reads them.
    pub(crate) fn json(&self) -> String {
        let mut all = serde_json::to_value(self).unwrap_or_default();
        dates_as_text(&mut all);
        all.to_string()
    }

    /// What is wrong with them, as far as it is known here.
    pub(crate) fn problems(&self) -> Option<String> {
        let size = self.json().len();
        (size > MAX_SECTIONS).then(|| {
            format!(
                "the sections [handler.…] and [state.…] take {size} bytes, a worker's environment has room for \
                 {MAX_SECTIONS}: keep the larger part in a file of its own, and its path here"
            )
        })
    }
}

fn dates_as_text(value: &mut Value) {
    match value {
        Value::Object(map) => match map.get_mut(DATE) {
            Some(date) => *value = date.take(),
            None => map.values_mut().for_each(dates_as_text),
        },
        Value::Array(list) => list.iter_mut().for_each(dates_as_text),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_text_and_what_is_too_long_is_refused() {
        let json = r#"{"state": {"db": {"since": [{"$__toml_private_datetime": "2026-11-30"}]}}}"#;
        let mut sections: WorkerSections = serde_json::from_str(json).unwrap();
        assert_eq!(
            sections.json(),
            r#"{"state":{"db":{"since":["2026-11-30"]}}}"#
        );
        assert_eq!(sections.problems(), None);
        let db = sections.state.get_mut("db").unwrap();
        db.insert("text".to_owned(), "x".repeat(MAX_SECTIONS).into());
        assert!(sections.problems().unwrap().contains("a file of its own"));
        assert_eq!(WorkerSections::default().json(), "{}");
    }
}

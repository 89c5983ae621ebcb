//! The pools of this user that are not well: what `ringwork list` says of them, with a remedy.

use super::finding::Finding;
use crate::list::{self, Row};

/// One for each pool that is not well; one that all are, when there are pools.
pub(super) fn findings() -> Vec<Finding> {
    // A directory that can't be read is a finding of its own, in `memory`.
    let rows = list::rows().unwrap_or_default();
    let ill: Vec<Finding> = rows.iter().filter_map(finding).collect();
    match rows.len() {
        0 => ill,
        count if ill.is_empty() => {
            let text = format!("{count} served, all their processes run");
            vec![Finding::ok("pools", text)]
        }
        _ => ill,
    }
}

/// What is wrong with a pool; `None` when nothing is.
fn finding(row: &Row) -> Option<Finding> {
    let name = &row.name;
    let note = list::note(row);
    let well = row.problem.is_none() && (row.ready || row.state != "serving");
    let passing = matches!(row.state, "starting" | "draining") && row.stopped.is_empty();
    if well && (note.is_empty() || passing) {
        return None;
    }
    let remedy = if row.state == "dead" {
        format!("ringwork clean {name}")
    } else if row.problem.is_some() {
        format!("`ringwork clean {name}` if no process serves it any more")
    } else if !row.stopped.is_empty() {
        format!("let it go on, or see `ringwork stat {name}`")
    } else {
        format!("see the log of its `ringwork serve`, and `ringwork stat {name}`")
    };
    Some(Finding::warn("pools", format!("{name}: {note}"), remedy))
}

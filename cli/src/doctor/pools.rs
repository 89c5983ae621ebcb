//! The pools of this user that are not well: what `ringwork list` says of them, with a remedy.

use super::finding::Finding;
use crate::list::{self, Row};
use crate::shown;

/// One for each pool that is not well, and for what a dead one has left; one that all are, when there
/// are pools; one that names what is no pool.
pub(super) fn findings() -> Vec<Finding> {
    // A directory that can't be read is a finding of its own, in `memory`.
    let rows = list::rows().unwrap_or_default();
    let (foreign, rows): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|r| r.state == list::FOREIGN);
    let mut found: Vec<Finding> = rows.iter().filter_map(finding).collect();
    let pools = rows.iter().filter(|row| row.is_pool());
    match pools.count() {
        0 => {}
        count if found.is_empty() => {
            let text = format!("{count} served, all their processes run");
            found.push(Finding::ok("pools", text));
        }
        _ => {}
    }
    if !foreign.is_empty() {
        let told: Vec<String> = foreign
            .iter()
            .map(|row| format!("{} ({})", row.name, list::note(row)))
            .collect();
        let text = format!("left alone: {}", told.join(", "));
        found.push(Finding::ok("pools", text));
    }
    found
}

/// What is wrong with a pool; `None` when nothing is.
fn finding(row: &Row) -> Option<Finding> {
    let name = &row.name;
    let note = list::note(row);
    let well = row.problem.is_none() && (row.ready || row.state != shown::SERVING);
    let passing = matches!(row.state, shown::STARTING | shown::DRAINING) && row.stopped.is_empty();
    if well && (note.is_empty() || passing) {
        return None;
    }
    let remedy = if row.state == shown::DEAD || row.state == list::LEFTOVER {
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

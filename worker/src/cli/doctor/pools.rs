//! The pools of this user whose processes do not run.

use super::Finding;
use crate::cli::view;
use ringwork_ring::paths::base_dir;
use ringwork_ring::{PoolDir, Segment};

/// One for each stopped process; one that all is well, when there are pools.
pub(super) fn findings() -> Vec<Finding> {
    let dirs = PoolDir::list(&base_dir()).unwrap_or_default();
    let conditions: Vec<(String, view::Condition)> = dirs
        .iter()
        .filter_map(|dir| {
            let segment = Segment::attach(dir).ok()?;
            let condition = view::condition(&segment).ok()?;
            Some((dir.name().to_owned(), condition))
        })
        .filter(|(_, condition)| condition.supervisor_alive)
        .collect();
    let stopped: Vec<Finding> = conditions
        .iter()
        .flat_map(|(name, condition)| condition.stopped.iter().map(move |what| (name, what)))
        .map(|(name, what)| {
            let remedy = format!("let it go on, or see `ringwork stat {name}`");
            Finding::warn("pools", format!("{name}: {what}"), remedy)
        })
        .collect();
    match conditions.len() {
        0 => stopped,
        count if stopped.is_empty() => {
            vec![Finding::ok(
                "pools",
                format!("{count} served, all their processes run"),
            )]
        }
        _ => stopped,
    }
}

//! One pool, looked at closely: what is wrong with it, what soon may be, and the remedies.

use super::finding::Finding;
use crate::exit::Failure;
use crate::shown;
use crate::units::{Size, seconds};
use crate::view::{self, ClientView, PoolView, WorkerView};
use ringwork_ring::{PoolDir, Segment};

/// A task that has run so long is told.
const OLD_S: f64 = 60.0;
/// An error that was told so long ago is none of now.
const RECENT_S: f64 = 600.0;
/// Slots, blocks and cells of which this share is taken are nearly all taken.
const NEARLY: f64 = 0.9;

/// All of a pool of this name.
///
/// # Errors
/// When there is no such pool, or it can't be read.
pub(super) fn findings(name: &str) -> Result<Vec<Finding>, Failure> {
    let segment = Segment::attach(&PoolDir::new(name)?)?;
    Ok(of(&view::pool(&segment)?))
}

fn of(view: &PoolView) -> Vec<Finding> {
    let mut found = vec![state(view)];
    found.extend(versions(view));
    found.extend(view.workers.iter().flat_map(|worker| tasks(view, worker)));
    found.extend(view.clients.iter().filter_map(|client| slots(view, client)));
    found.extend(rings(view));
    found.extend(blocks(view));
    found.extend(limits(view));
    found.extend(errors(view));
    if found.len() == 1 {
        found.push(Finding::ok(
            "tasks",
            "none is old, and there is room for more",
        ));
    }
    found
}

fn state(view: &PoolView) -> Finding {
    let name = &view.name;
    let why = match view.reason.as_str() {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    match (view.state, view.ready) {
        (shown::SERVING, true) if why.is_empty() => {
            let looked = view.supervisor_looked_s_ago.unwrap_or(0.0);
            Finding::ok(
                "state",
                format!("serving, and its supervisor looked {looked:.1} s ago"),
            )
        }
        (shown::SERVING, true) => Finding::warn(
            "state",
            format!("serving{why}"),
            format!("see `ringwork stat {name}`"),
        ),
        (shown::SERVING, false) => Finding::fail(
            "state",
            format!("not ready{why}"),
            "see the log of its `ringwork serve`",
        ),
        (shown::STARTING | shown::DRAINING, _) => {
            Finding::warn("state", view.reason.clone(), "wait, or see its log")
        }
        (state, _) => Finding::fail(
            "state",
            format!("{state}{why}"),
            format!("`ringwork clean {name}`, then serve it anew"),
        ),
    }
}

/// Workers of other versions than this command's, or than each other's.
fn versions(view: &PoolView) -> Option<Finding> {
    // A program may have a version of its own (`Builder::version`): so they are held to each other.
    let is_odd = |worker: &&WorkerView| {
        let mut others = view.workers.iter();
        others.any(|other| other.program == worker.program && other.version != worker.version)
    };
    let odd = view.workers.iter().filter(is_odd).map(|worker| {
        format!(
            "worker {} is {} {}",
            worker.index, worker.program, worker.version
        )
    });
    let odd: Vec<String> = odd.collect();
    (!odd.is_empty()).then(|| {
        Finding::warn(
            "versions",
            odd.join(", "),
            "`ringwork reload` replaces them all by the program that is installed now",
        )
    })
}

/// Tasks that run for long.
fn tasks(view: &PoolView, worker: &WorkerView) -> Vec<Finding> {
    let tasks = worker.lanes.iter().filter_map(|lane| lane.task.as_ref());
    let old = tasks.filter(|task| task.runs_s.is_some_and(|runs| runs >= OLD_S));
    old.map(|task| {
        Finding::warn(
            "tasks",
            format!(
                "{} has run for {} on worker {} (process {}), attempt {}, for client {} (process {})",
                task.handler,
                seconds(task.runs_s.unwrap_or(0.0)),
                worker.index,
                worker.pid,
                task.attempt,
                task.client,
                task.client_pid
            ),
            format!(
                "give it a deadline, or serve {} with --limit {}:hard=TIME; `kill {}` ends it with its worker",
                view.name, task.handler, worker.pid
            ),
        )
    })
    .collect()
}

fn nearly(taken: f64, of: f64) -> bool {
    of > 0.0 && taken >= NEARLY * of
}

/// A client whose slots are nearly all taken.
fn slots(view: &PoolView, client: &ClientView) -> Option<Finding> {
    nearly(client.slots_in_use.into(), client.slots.into()).then(|| {
        Finding::warn(
            "slots",
            format!(
                "client {} (process {}) has {} of {} in use, {} queued: what it submits beyond them is refused",
                client.index, client.pid, client.slots_in_use, client.slots, client.queued
            ),
            format!(
                "more lanes if {} lags behind, else serve it with more --slots",
                view.name
            ),
        )
    })
}

/// Injector rings that are nearly full.
fn rings(view: &PoolView) -> Vec<Finding> {
    let full = |queue: &&view::QueueView| nearly(queue.depth as f64, queue.capacity.into());
    let finding = |queue: &view::QueueView| {
        Finding::warn(
            "queues",
            format!(
                "priority {} of {} lanes: {} of {} cells are taken",
                queue.priority, queue.lanes, queue.depth, queue.capacity
            ),
            "more lanes: see `ringwork top` for what they run",
        )
    };
    view.queues.iter().filter(full).map(finding).collect()
}

/// Classes of the arena that are nearly all taken. What is kept for results is not the clients'.
fn blocks(view: &PoolView) -> Vec<Finding> {
    let full = |class: &&view::ClassView| nearly(class.taken.into(), class.blocks.into());
    let finding = |class: &view::ClassView| {
        Finding::warn(
            "arena",
            format!(
                "{} of {} blocks of {} are taken",
                class.taken,
                class.blocks,
                Size(class.block_bytes as u64)
            ),
            "serve with a larger --segment-size, or close results sooner",
        )
    };
    view.arena.iter().filter(full).map(finding).collect()
}

/// Limits of handlers that no worker has.
fn limits(view: &PoolView) -> Vec<Finding> {
    let known = |limit: &&view::LimitView| {
        let mut listed = view.handlers.iter();
        listed.any(|handler| handler.info.request.is_some() && handler.info.name == limit.handler)
    };
    let vain = view.limits.iter().filter(|limit| !known(limit));
    vain.map(|limit| {
        Finding::warn(
            "limits",
            format!("one is for {}, which no worker knows", limit.handler),
            "correct the name of --limit, or [handlers.NAME] of its file",
        )
    })
    .collect()
}

/// What was told of late.
fn errors(view: &PoolView) -> Option<Finding> {
    let mut recent: Vec<_> = view
        .errors
        .iter()
        .filter(|error| error.last_s_ago <= RECENT_S)
        .collect();
    recent.sort_by(|a, b| a.last_s_ago.total_cmp(&b.last_s_ago));
    let last = recent.first()?;
    let times = match last.count {
        1 => String::new(),
        count => format!(", {count} times in all"),
    };
    Some(Finding::warn(
        "errors",
        format!("{} ago{times}: {}", seconds(last.last_s_ago), last.text),
        format!("`ringwork stat {}` has all of them", view.name),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;
    use ringwork_ring::PoolConfig;
    use ringwork_ring::client::{Client, TaskOptions};
    use ringwork_ring::format::states::PoolState;
    use ringwork_ring::segment::tables;

    fn about(view: &PoolView) -> Vec<(&'static str, Level)> {
        let found = of(view);
        found
            .iter()
            .map(|found| (found.about, found.level))
            .collect()
    }

    #[test]
    fn a_pool_that_is_well_has_two_good_findings_and_each_fault_one_of_its_own() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let config = PoolConfig::default().clients(2).slots(16);
        let (segment, locks) = Segment::create(&dir, &config).unwrap();
        segment.set_pool_state(PoolState::Serving);
        let seen = || view::pool(&segment).unwrap();
        assert_eq!(about(&seen()), [("state", Level::Ok), ("tasks", Level::Ok)]);

        let client = Client::connect(&dir).unwrap();
        let options = TaskOptions::default().priority(0);
        let tickets: Vec<_> = (0..16)
            .map(|_| client.submit("echo", b"", &options).unwrap())
            .collect();
        tables::log_error(&segment, "worker 0 was killed");
        let found = of(&seen());
        let slots = found.iter().find(|found| found.about == "slots").unwrap();
        assert!(
            slots.text.contains("16 of 16 in use, 16 queued"),
            "{slots:?}"
        );
        let errors = found.iter().find(|found| found.about == "errors").unwrap();
        assert!(errors.text.contains("worker 0 was killed"), "{errors:?}");

        let mut view = seen();
        view.limits.push(view::LimitView {
            handler: "ehco".to_owned(),
            max: 1,
            paused: false,
            running: 0,
            waiting: 0,
        });
        (view.arena[0].taken, view.arena[0].blocks) = (9, 10);
        view.queues[0].depth = view.queues[0].capacity.into();
        (view.ready, view.reason) = (false, "crash storm".to_owned());
        let expected = ["state", "slots", "queues", "arena", "limits", "errors"];
        let told: Vec<_> = of(&view).iter().map(|found| found.about).collect();
        assert_eq!(told, expected);
        assert_eq!(of(&view)[0].level, Level::Fail);
        drop(tickets);
        drop((client, locks));
        assert!(of(&seen())[0].text.contains("supervisor is dead"));
    }
}

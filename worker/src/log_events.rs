//! What the log of a pool can tell: each record of the supervisor, of workers and of the endpoint has an
//! id as its field `event`, and each id stands here once, with what helps.
//!
//! `docs/reference/log.md` is this table, and a test holds sources, table and page together.

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEvent {
    /// Its field `event`, which stays the same from version to version.
    pub id: &'static str,
    /// The level that it is logged at, or the levels.
    pub levels: &'static str,
    /// What has happened.
    pub what: &'static str,
    /// What helps, which is its field `remedy`; empty where nothing is wrong.
    pub remedy: &'static str,
}

const fn event(
    id: &'static str,
    levels: &'static str,
    what: &'static str,
    remedy: &'static str,
) -> LogEvent {
    LogEvent {
        id,
        levels,
        what,
        remedy,
    }
}

/// All of them, by id.
pub const LOG_EVENTS: &[LogEvent] = &[
    event(
        "client.died",
        "info",
        "a client has gone without closing; its tasks are dropped",
        "",
    ),
    event(
        "control.deaf",
        "warn",
        "a command that calls by the control socket can't be let in",
        "raise the number of open files of the supervisor (`ulimit -n`, `LimitNOFILE`)",
    ),
    event(
        "control.untaken",
        "debug",
        "a command went before it had its answer",
        "",
    ),
    event(
        "handler.drop_panicked",
        "error",
        "the future of an async handler panicked when it was dropped",
        "mend the destructor at the location that it names",
    ),
    event(
        "handler.panicked",
        "error",
        "a handler panicked, or a part of it that runs beside it; its worker goes on",
        "mend the handler at the location that it names",
    ),
    event(
        "handler.paused",
        "info",
        "`ringwork pause`: tasks of the handler wait",
        "",
    ),
    event(
        "handler.resumed",
        "info",
        "`ringwork resume`: they run again",
        "",
    ),
    event(
        "handler.vain_limit",
        "warn",
        "a limit names a handler that no worker has",
        "correct the name in `--limit`, and reload",
    ),
    event(
        "http.connection",
        "debug",
        "a connection of the endpoint ended with an error",
        "",
    ),
    event(
        "http.cut",
        "debug",
        "connections were cut at the end of the endpoint",
        "",
    ),
    event(
        "http.died",
        "error",
        "the process that answers HTTP has died; it is started again, the pool goes on",
        "read its last words, which follow",
    ),
    event(
        "http.no_client",
        "error",
        "the endpoint could not become a client of the pool: it takes no tasks, and answers the rest",
        "free a client's entry (`--clients`), then end the process `ringwork ops`, which is started again",
    ),
    event(
        "http.not_accepted",
        "debug",
        "a connection could not be accepted",
        "raise the number of open files",
    ),
    event(
        "http.not_started",
        "error",
        "the process that answers HTTP could not be started; it is tried again",
        "free memory or process ids; see the message",
    ),
    event(
        "http.open_to_all",
        "warn",
        "the endpoint listens on an address that others reach, without a token",
        "give `--http-token-file`, or an address of this machine alone",
    ),
    event(
        "http.started",
        "debug",
        "the process that answers HTTP was started",
        "",
    ),
    event(
        "io.dropped",
        "warn",
        "async tasks had not ended in the time that they had when their worker left, or the pool stopped: they are dropped",
        "a longer `--io-drain`, at a stop also `--drain-timeout`; or handlers that wait for `AsyncContext::leaving`",
    ),
    event(
        "io.stalled",
        "warn",
        "an async handler keeps its thread without a pause; the other tasks of that thread wait",
        "give what blocks to `AsyncContext::blocking`",
    ),
    event(
        "lane.nice",
        "debug",
        "the tasks of a lane are long: it gives way to others from now on",
        "",
    ),
    event(
        "lane.not_nice",
        "warn",
        "a lane could not give way to others",
        "allow the worker `setpriority`",
    ),
    event(
        "lane.not_scheduled",
        "warn",
        "lanes can't be scheduled as `--scheduling` says",
        "grant what the message names, or leave the option out",
    ),
    event(
        "pool.cleaned",
        "info",
        "what a dead pool had left was removed",
        "",
    ),
    event(
        "pool.drained",
        "info",
        "`ringwork drain`: no new task is taken",
        "",
    ),
    event(
        "pool.files_left",
        "warn",
        "files of the pool could not be removed at its end",
        "`ringwork clean`",
    ),
    event(
        "pool.grows",
        "info",
        "tasks have waited for `--scale-up-after`: another worker is started",
        "",
    ),
    event(
        "pool.manager_untold",
        "debug",
        "the service manager could not be told",
        "",
    ),
    event(
        "pool.no_control_socket",
        "warn",
        "the pool has no control socket: drain, resume, pause, scale and `reload --wait` can't reach it",
        "see the message for what the pool's directory lacks; signals reach it meanwhile",
    ),
    event(
        "pool.no_heartbeat",
        "debug",
        "the sign of life could not be written",
        "",
    ),
    event(
        "pool.no_inotify",
        "debug",
        "there is no inotify: tasks of JVMs without native access wait for the next look of the supervisor",
        "",
    ),
    event(
        "pool.not_cleaned",
        "warn",
        "what a dead pool has left could not be removed",
        "`ringwork clean`",
    ),
    event(
        "pool.options_untold",
        "warn",
        "`ringwork config` can't tell the options in effect",
        "free room in the file system of the pool's directory",
    ),
    event(
        "pool.recovered",
        "info",
        "a crash storm is over: workers that die are replaced again",
        "",
    ),
    event(
        "pool.refuses_late",
        "debug",
        "in a crash storm, no lane refuses tasks yet",
        "",
    ),
    event(
        "pool.resumed",
        "info",
        "`ringwork resume`: tasks are taken again",
        "",
    ),
    event(
        "pool.scaled",
        "info",
        "`ringwork scale`: another number of workers from now on",
        "",
    ),
    event("pool.stopped", "info", "the pool is over", ""),
    event(
        "pool.stopping",
        "info",
        "the supervisor was asked to stop",
        "",
    ),
    event(
        "pool.storm",
        "error",
        "a crash storm: workers that die are not replaced, tasks are refused",
        "find the handler under errors in `ringwork stat`; `ringwork pause` keeps its tasks; `ringwork reload` ends the storm",
    ),
    event(
        "pool.times_untold",
        "warn",
        "`ringwork stat` can't tell the times of the last minute",
        "free room in the file system of the pool's directory",
    ),
    event(
        "pool.unfinished",
        "warn",
        "the pool ended before these tasks were over",
        "a longer `--drain-timeout`",
    ),
    event(
        "quarantine.not_kept",
        "warn",
        "the request of a quarantined task could not be kept",
        "room in the pool's directory; a larger segment for large requests",
    ),
    event(
        "reload.begins",
        "info",
        "a reload: workers are replaced one by one",
        "",
    ),
    event("reload.done", "info", "a reload is done", ""),
    event(
        "reload.incomplete",
        "warn",
        "a reload has not come to its end",
        "see the message; reload again",
    ),
    event(
        "reload.log_level",
        "info",
        "a reload has changed the level of the log",
        "",
    ),
    event(
        "reload.refused",
        "error",
        "a reload was refused or has failed; the configuration of before is in effect",
        "correct what the message names, and reload again",
    ),
    event(
        "sandbox.gap",
        "warn, debug",
        "something is not confined, since the kernel can't",
        "a newer kernel; `--sandbox require` refuses to serve so",
    ),
    event(
        "sandbox.plan",
        "info, debug",
        "what handlers are kept from",
        "",
    ),
    event(
        "segment.corrupt",
        "error",
        "wrong words were found in the segment: the pool ends",
        "look at native code of handlers; start the pool again",
    ),
    event(
        "segment.few_large",
        "info",
        "the segment takes few requests of 8 MB at a time",
        "a larger `/dev/shm`, or `--segment-size`",
    ),
    event(
        "segment.is_file",
        "warn",
        "the segment is a file that its user can truncate, since a memfd can't be had",
        "see the message",
    ),
    event(
        "segment.pages_refused",
        "warn, debug",
        "the kernel refused huge pages or to touch all pages at the start",
        "see the message",
    ),
    event(
        "signal.ignored",
        "info",
        "a signal that means nothing here",
        "",
    ),
    event(
        "signal.owners",
        "info",
        "a signal to an embedded pool is left to its owner",
        "",
    ),
    event(
        "state.left_out",
        "debug",
        "a state of handlers was not made: no handler of this worker needs it",
        "",
    ),
    event("state.made", "debug", "a state of handlers was made", ""),
    event(
        "state.panicked",
        "error",
        "the destructor of a state panicked",
        "mend the destructor",
    ),
    event(
        "task.chunk_crashed",
        "error",
        "a request of a chunk has lost its worker at each attempt",
        "`ringwork quarantine` may have it",
    ),
    event(
        "task.hard_limit",
        "error",
        "a task has passed its hard limit: its worker is stopped",
        "a longer `hard=` of `--limit`, or a handler that looks at its deadline",
    ),
    event(
        "task.hard_limit_elsewhere",
        "error",
        "the same in a worker that is not the supervisor's",
        "stop that process by hand",
    ),
    event(
        "task.overdue",
        "error",
        "a task ran on after its deadline and `--overrun-grace`: its worker is stopped",
        "a handler that looks at its deadline",
    ),
    event(
        "task.overdue_elsewhere",
        "error",
        "the same in a worker that is not the supervisor's",
        "stop that process by hand",
    ),
    event(
        "task.quarantined",
        "error",
        "a task has lost its worker at each of several attempts, and is not tried again",
        "`ringwork quarantine` lists it and saves its request",
    ),
    event(
        "task.slow",
        "warn",
        "a task has run for `--slow-task`, and goes on",
        "`ringwork tasks` shows it; `--limit` bounds it",
    ),
    event(
        "task.soft_limit",
        "warn",
        "a task has passed its soft limit: it is told to give up",
        "a longer `soft=` of `--limit`, or a smaller request",
    ),
    event(
        "thread.panicked",
        "error",
        "a thread of a worker that runs no handler panicked",
        "mend it at the location that it names",
    ),
    event(
        "worker.died",
        "error",
        "a worker has died: the cause, what it ran, what becomes of its tasks",
        "look at the handlers that it names; `ringwork events --kept --topic 'worker.*'`",
    ),
    event(
        "worker.killed",
        "error",
        "a worker did not leave when it was asked to, and is killed",
        "a handler that looks at its deadline",
    ),
    event(
        "worker.lanes",
        "debug",
        "the lanes of a worker are registered",
        "",
    ),
    event("worker.leaves", "info", "a worker is to leave: why", ""),
    event("worker.left", "info", "a worker has left in order", ""),
    event(
        "worker.lost_descriptors",
        "error",
        "a handler has closed descriptors that the worker needs; it is replaced",
        "a handler that closes only what it opened",
    ),
    event(
        "worker.no_room",
        "error",
        "a seat stays empty: the tables of the segment have no room for another worker and its lanes",
        "a larger `--max-lanes` or `--max-workers`; fewer workers, lanes or I/O threads",
    ),
    event(
        "worker.output",
        "info",
        "a line that a worker wrote to its standard output or error",
        "",
    ),
    event("worker.ready", "info", "a worker is ready", ""),
    event(
        "worker.replaced",
        "info",
        "a worker is to be replaced: why",
        "",
    ),
    event(
        "worker.setup_failed",
        "error",
        "a worker can't start",
        "correct what the message names",
    ),
    event(
        "worker.started",
        "debug",
        "a worker process was started",
        "",
    ),
    event(
        "worker.too_many_threads",
        "error",
        "a worker has more threads than `--worker-threads`: it is killed",
        "a handler that starts fewer, or a larger bound",
    ),
];

/// What helps against it; empty for what is no event of ours.
pub(crate) fn remedy_of(id: &str) -> &'static str {
    let found = LOG_EVENTS.binary_search_by(|event| event.id.cmp(id));
    found.map_or("", |at| LOG_EVENTS[at].remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_is_there_once_and_what_warns_has_a_remedy() {
        assert!(LOG_EVENTS.is_sorted_by(|a, b| a.id < b.id));
        for event in LOG_EVENTS {
            let warns = event.levels.contains("error") || event.levels.contains("warn");
            assert!(!warns || !event.remedy.is_empty(), "{}", event.id);
            assert!(
                !event.what.is_empty() && !event.what.contains('|'),
                "{}",
                event.id
            );
            assert_eq!(remedy_of(event.id), event.remedy);
        }
        assert_eq!(remedy_of("none.such"), "");
    }
}

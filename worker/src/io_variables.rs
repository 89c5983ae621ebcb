//! What a supervisor tells a worker of its async handlers, whether that has any or not.

/// Environment variable: the threads for async handlers, set by the supervisor.
pub const IO_THREADS_VARIABLE: &str = "RINGWORK_IO_THREADS";
/// Environment variable: most async tasks in flight, set by the supervisor.
pub const IO_TASKS_VARIABLE: &str = "RINGWORK_IO_TASKS";
/// Environment variable: the milliseconds after which a poll is warned of, set by the supervisor.
pub const IO_STALL_VARIABLE: &str = "RINGWORK_IO_STALL_MS";
/// Environment variable: the milliseconds that a leaving worker waits for its async tasks, set by
/// the supervisor.
pub const IO_DRAIN_VARIABLE: &str = "RINGWORK_IO_DRAIN_MS";

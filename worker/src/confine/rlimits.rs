//! Resource limits of a worker.
//!
//! Memory is bounded by RLIMIT_DATA and not by RLIMIT_AS: the latter counts the
//! segment, which every worker maps in full, and the address space that malloc
//! reserves for each thread and never uses. RLIMIT_DATA counts what is private
//! and writable: heaps, anonymous maps and thread stacks. The kernel enforces it
//! for root, too, and it bounds the number of threads by their stacks.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Stack of a lane: image codecs and deep recursions of handlers need more than Rust's 2 MiB.
pub(crate) const LANE_STACK: usize = 8 << 20;

/// Sets the limits that are given: bytes of memory, open files, bytes of a core dump.
pub(super) fn apply(
    memory: Option<u64>,
    open_files: Option<u64>,
    core: Option<u64>,
) -> Result<(), String> {
    let limits = [
        (Resource::Data, memory, "worker-memory"),
        (Resource::Nofile, open_files, "worker-open-files"),
        (Resource::Core, core, "worker-core-size"),
    ];
    for (resource, limit, option) in limits {
        if let Some(limit) = limit {
            set(resource, limit).map_err(|error| format!("--{option}: {error}"))?;
        }
    }
    Ok(())
}

/// Lowers both limits; they can't be raised above what the supervisor was given.
fn set(resource: Resource, limit: u64) -> rustix::io::Result<()> {
    let inherited = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let limit = Some(limit.min(inherited));
    setrlimit(
        resource,
        Rlimit {
            current: limit,
            maximum: limit,
        },
    )
}

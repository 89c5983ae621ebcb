//! Resource limits of a worker.
//!
//! Memory is bounded by RLIMIT_DATA and not by RLIMIT_AS: the latter counts the
//! segment, which every worker maps in full, and the address space that malloc
//! reserves for each thread and never uses. RLIMIT_DATA counts what is private
//! and writable: heaps, anonymous maps and thread stacks. The kernel enforces it
//! for root, too, and it bounds the number of threads by their stacks.

use super::{Confinement, SandboxMode};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub(super) fn apply(confinement: &Confinement) -> Result<(), String> {
    // A core dump holds payloads, and is written where the sandbox would allow no write.
    let core = match confinement.sandbox {
        SandboxMode::Off => confinement.core,
        _ => confinement.core.or(Some(0)),
    };
    let limits = [
        (Resource::Data, confinement.memory, "worker-memory"),
        (
            Resource::Nofile,
            confinement.open_files,
            "worker-open-files",
        ),
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

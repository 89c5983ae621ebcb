//! What the kernel offers for confining a process, asked and not looked up by version.
//!
//! Called by the worker's sandbox and by `ringwork doctor`; nothing is changed.

/// The version of landlock's interface; `None` when the kernel has none, or has it switched off.
#[must_use]
pub fn landlock_abi() -> Option<u32> {
    const VERSION: libc::c_uint = 1; // LANDLOCK_CREATE_RULESET_VERSION
    // SAFETY: with this flag the call only returns a number; no memory is read or written.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<u8>(),
            0_usize,
            VERSION,
        )
    };
    u32::try_from(answer).ok().filter(|abi| *abi > 0)
}

/// Whether system calls can be filtered so that a refused one returns an error.
#[must_use]
pub fn has_seccomp_filter() -> bool {
    let action: u32 = libc::SECCOMP_RET_ERRNO;
    // SAFETY: the kernel reads four bytes from `action`, which lives.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_GET_ACTION_AVAIL,
            0,
            &raw const action,
        )
    };
    answer == 0
}

//! The library of the case `ffm_in_process`: what a Java program calls in its own process.
//!
//! Owns one C function, called by java-panama/ringwork-benches (`InProcess`). It keeps nothing.

/// Copies `length` bytes from `from` to `to`: the work of the handler `echo`.
///
/// # Safety
/// Both must be valid for `length` bytes and must not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ringwork_peer_copy(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: the caller's promise, handed on.
    unsafe { std::ptr::copy_nonoverlapping(from, to, length) }
}

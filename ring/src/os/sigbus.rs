//! A last word before SIGBUS: the segment's file was truncated under this process.
//!
//! Called once by supervisors and workers. An access to memory that is gone can't be answered with
//! anything true, so the process dies of the signal as it would without this; it only says why.
//! A sealed memfd ([`crate::Backing::Memfd`]) can't come to this.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

const LAST_WORD: &[u8] =
    b"ringwork: SIGBUS: memory that is mapped is gone. Somebody has truncated \
the segment's file while it was in use (or a handler's own file). Start the pool again; with \
--memory memfd it can't be truncated.\n";

extern "C" fn on_bus(_signal: libc::c_int) {
    // SAFETY: `write` and `raise` may be called in a signal handler; the text is static.
    unsafe {
        libc::write(
            libc::STDERR_FILENO,
            LAST_WORD.as_ptr().cast(),
            LAST_WORD.len(),
        );
        // Delivered when this returns, with the default action back in place: the process dies.
        libc::raise(libc::SIGBUS);
    }
}

/// Makes this process say why before it dies of SIGBUS. Nothing else changes.
pub fn explain_sigbus() {
    let action = SigAction::new(
        SigHandler::Handler(on_bus),
        SaFlags::SA_RESETHAND | SaFlags::SA_ONSTACK,
        SigSet::empty(),
    );
    // SAFETY: the handler calls async-signal-safe functions only. Were it refused, only the text is
    // lost.
    let _ = unsafe { sigaction(Signal::SIGBUS, &action) };
}

//! Where a panic happened: a hook notes message and place for the thread that catches it.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// A caught panic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panic {
    pub(crate) message: String,
    pub(crate) location: String,
}

thread_local! {
    static CATCHING: RefCell<bool> = const { RefCell::new(false) };
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// Installs the hook, once in a process; panics elsewhere go to the former hook.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let former = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !CATCHING.with(|catching| *catching.borrow()) {
                return former(info);
            }
            let message = info
                .payload_as_str()
                .unwrap_or("a panic without a text")
                .to_owned();
            let location = info
                .location()
                .map(|at| format!("{}:{}", at.file(), at.line()))
                .unwrap_or_default();
            LAST.with(|last| *last.borrow_mut() = Some(Panic { message, location }));
        }));
    });
}

/// Runs `work`; a panic comes back as a value.
pub(crate) fn catch<R>(work: impl FnOnce() -> R) -> Result<R, Panic> {
    CATCHING.with(|catching| *catching.borrow_mut() = true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    CATCHING.with(|catching| *catching.borrow_mut() = false);
    outcome.map_err(|payload| {
        // A payload whose own drop panics must not take the lane along.
        let _ = panic::catch_unwind(AssertUnwindSafe(move || drop(payload)));
        LAST.with(|last| last.borrow_mut().take())
            .unwrap_or_else(|| Panic {
                message: "a panic without a text".to_owned(),
                location: String::new(),
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_and_place_are_caught() {
        install_hook();
        assert_eq!(catch(|| 7), Ok(7));
        let caught = catch(|| panic!("number {}", 5)).unwrap_err();
        assert_eq!(caught.message, "number 5");
        assert!(
            caught.location.starts_with("worker/src/panics.rs:")
                || caught.location.contains("panics.rs:")
        );
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_survived() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("in drop");
            }
        }
        install_hook();
        assert!(catch(|| panic::panic_any(Bomb)).is_err());
    }
}

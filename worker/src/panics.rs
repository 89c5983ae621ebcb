//! Where a panic happened: a hook notes message and place for the thread that catches it.
//!
//! A caught panic is told to the caller and logged by [`crate::dispatch`], so the hook prints
//! nothing. Only a second panic while the first is on its way, which ends the process, is printed
//! at once: no code will run to tell it later. A panic of a thread that runs no handler is logged,
//! too, unless the program has a hook of its own.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// What stands for the message of `panic_any`.
const NO_TEXT: &str = "a panic without a text";
/// Panics that are remembered while one is caught.
const MAX_SEEN: usize = 8;

/// A caught panic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panic {
    pub(crate) message: String,
    pub(crate) location: String,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.message)
    }
}

thread_local! {
    // The handler that runs on this thread, whose panics are caught.
    static RUNNING: Cell<Option<&'static str>> = const { Cell::new(None) };
    // Whether SEEN may hold any: nearly never, and asking a Cell costs less than a RefCell with a
    // destructor.
    static ANY_SEEN: Cell<bool> = const { Cell::new(false) };
    // More than one when a handler catches panics itself, or one comes while another unwinds.
    static SEEN: RefCell<Vec<Panic>> = const { RefCell::new(Vec::new()) };
}

/// Installs the hook, once in a process. A panic where no handler runs goes to the program's own
/// hook; where the program has none to `log`; and to std's hook when `log` says that it is not
/// logged.
pub(crate) fn install_hook(log: fn(&Panic) -> bool) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let former = panic::take_hook();
        // None is set now, so this one is std's. If the former is std's, too, both are of one type
        // without data.
        let standard = panic::take_hook();
        let is_standard = std::ptr::eq(&raw const *former, &raw const *standard);
        panic::set_hook(Box::new(move |info| {
            let message = info.payload_as_str().unwrap_or(NO_TEXT).to_owned();
            let location = info
                .location()
                .map(|at| format!("{}:{}", at.file(), at.line()))
                .unwrap_or_default();
            let panic = Panic { message, location };
            if running().is_none() {
                if !(is_standard && log(&panic)) {
                    former(info);
                }
                return;
            }
            // `eprintln` panics when standard error is closed: not here.
            let say = |text: String| drop(writeln!(std::io::stderr(), "{text}"));
            ANY_SEEN.with(|any| any.set(true));
            SEEN.with(|seen| {
                let mut seen = seen.borrow_mut();
                if let Some(former) = seen.last() {
                    say(format!(
                        "a handler panicked at {panic}; before, at {former}"
                    ));
                } else if cfg!(panic = "abort") {
                    say(format!("a handler panicked at {panic}"));
                }
                seen.truncate(MAX_SEEN - 1);
                seen.push(panic);
            });
        }));
    });
}

/// Forgets the panics that a handler has caught itself.
#[inline]
pub(crate) fn forget() {
    if ANY_SEEN.with(|any| any.replace(false)) {
        SEEN.with(|seen| seen.borrow_mut().clear());
    }
}

/// The handler that runs on this thread.
#[inline]
pub(crate) fn running() -> Option<&'static str> {
    RUNNING.with(Cell::get)
}

/// Runs the `work` of a handler; a panic comes back as a value.
#[inline]
pub(crate) fn catch<R>(handler: &'static str, work: impl FnOnce() -> R) -> Result<R, Box<Panic>> {
    RUNNING.with(|running| running.set(Some(handler)));
    forget();
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    RUNNING.with(|running| running.set(None));
    outcome.map_err(panic_of)
}

#[cold]
fn panic_of(payload: Box<dyn Any + Send>) -> Box<Panic> {
    let message = text_of(payload.as_ref());
    // A payload whose own drop panics must not take the lane along.
    let _ = panic::catch_unwind(AssertUnwindSafe(move || drop(payload)));
    let seen = SEEN.with(|seen| std::mem::take(&mut *seen.borrow_mut()));
    let same = |panic: &&Panic| Some(&panic.message) == message.as_ref();
    let caught = seen.iter().rev().find(same).or(seen.last());
    Box::new(caught.cloned().unwrap_or_else(|| Panic {
        message: message.unwrap_or_else(|| NO_TEXT.to_owned()),
        location: String::new(),
    }))
}

pub(crate) fn text_of(payload: &(dyn Any + Send)) -> Option<String> {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_and_place_are_caught() {
        install_hook(|_| false);
        assert_eq!(catch("test", || 7), Ok(7));
        let caught = catch("test", || panic!("number {}", 5)).unwrap_err();
        assert_eq!(caught.message, "number 5");
        assert!(
            caught.location.starts_with("worker/src/panics.rs:")
                || caught.location.contains("panics.rs:")
        );
    }

    #[test]
    fn the_panic_that_got_out_is_told_and_not_one_that_was_caught_on_the_way() {
        struct Quiet;
        impl Drop for Quiet {
            fn drop(&mut self) {
                let _ = panic::catch_unwind(|| panic!("in between"));
            }
        }
        install_hook(|_| false);
        let caught = catch("test", || {
            let _ = panic::catch_unwind(|| panic!("before"));
            let _quiet = Quiet;
            panic!("the one");
        })
        .unwrap_err();
        assert_eq!(caught.message, "the one");
        assert_eq!(
            catch("test", || panic!("next")).unwrap_err().message,
            "next"
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
        install_hook(|_| false);
        assert!(catch("test", || panic::panic_any(Bomb)).is_err());
    }
}

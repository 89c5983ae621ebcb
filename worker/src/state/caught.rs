//! Panics of the code that makes and drops states.

use crate::panics::text_of;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A panic of a user's code that makes a state is its error.
pub(super) fn caught<T>(make: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|payload| {
        let text = text_of(payload.as_ref());
        Err(format!("it panicked: {}", text.unwrap_or_default()))
    })
}

/// A panic of a user's destructor costs the others nothing.
pub(super) fn drop_caught<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        let text = text_of(payload.as_ref()).unwrap_or_default();
        tracing::error!(
            event = "state.panicked",
            "the destructor of a state panicked: {text}"
        );
    }
}

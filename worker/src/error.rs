//! What a handler reports when its task fails.
//!
//! A [`TaskError`] crosses to the client as a structured remote failure: a
//! stable `code` that programs match on, a `message` for people, and the place
//! in the Rust source where the error was made.

use std::fmt;
use std::panic::Location;

/// The failure of one task, as the client will see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskError(Box<Parts>);

// In a box, so that a `Result` of a handler is small: moving it costs every task, failing none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    code: String,
    message: String,
    location: String,
}

impl TaskError {
    /// An error with a stable, machine-readable `code` (`area.problem`, for
    /// example `image.undecodable`) and a message that names cause and remedy.
    #[track_caller]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let place = Location::caller();
        Self(Box::new(Parts {
            code: code.into(),
            message: message.into(),
            location: format!("{}:{}", place.file(), place.line()),
        }))
    }

    /// The same error with another place (`file:line`), as panics report it.
    #[must_use]
    pub fn at(mut self, location: impl Into<String>) -> Self {
        self.0.location = location.into();
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The text for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where in the Rust source the error was made, as `file:line`.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.0.location
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} (at {})",
            self.0.code, self.0.message, self.0.location
        )
    }
}

impl std::error::Error for TaskError {}

/// `?` on foreign errors: `handler.failed` with the error's own text.
macro_rules! from_std_error {
    ($($kind:ty),*) => {$(
        impl From<$kind> for TaskError {
            #[track_caller]
            fn from(error: $kind) -> Self {
                Self::new("handler.failed", error.to_string())
            }
        }
    )*};
}
from_std_error!(
    String,
    &str,
    std::io::Error,
    std::fmt::Error,
    std::num::ParseIntError,
    std::num::ParseFloatError,
    std::string::FromUtf8Error,
    std::str::Utf8Error,
    Box<dyn std::error::Error>,
    Box<dyn std::error::Error + Send + Sync>
);

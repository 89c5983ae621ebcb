//! What a handler reports when its task fails.
//!
//! A [`TaskError`] crosses to the client as a structured remote failure: a
//! stable `code` that programs match on, a `message` for people, and the place
//! in the Rust source where the handler made the error. Invariant: a place is the handler's, or
//! there is none. An error that is converted after the handler has returned has no place.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::panic::Location;

/// Code of a task that its handler ended since the caller gave up.
pub(crate) const CANCELLED: &str = "task.cancelled";

/// Code of a task whose handler, or a part of it, has panicked.
pub(crate) const PANICKED: &str = "handler.panicked";

thread_local! {
    // Whether an error is converted that a handler has returned already.
    static RETURNED: Cell<bool> = const { Cell::new(false) };
}

/// The failure of one task, as the client will see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskError(Box<Parts>);

// In a box, so that a `Result` of a handler is small: moving it costs every task, failing none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    code: String,
    message: String,
    location: String,
    // Whether a part of the handler has panicked, which is logged already.
    panicked: bool,
}

impl TaskError {
    /// An error with a stable, machine-readable `code` (`area.problem`, for
    /// example `image.undecodable`) and a message that names cause and remedy.
    ///
    /// The place is that of the caller. An `impl From<MyError> for TaskError` is the caller of what
    /// it calls: write `#[track_caller]` on its `fn from`, or implement [`ErrorCode`] instead, and
    /// the place is that of the `?` in the handler.
    #[track_caller]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let place = Location::caller();
        let location = if RETURNED.get() {
            String::new()
        } else {
            format!("{}:{}", place.file(), place.line())
        };
        Self(Box::new(Parts {
            code: code.into(),
            message: message.into(),
            location,
            panicked: false,
        }))
    }

    /// That of a panic in a part of the handler, which was logged: the task ends as panicked.
    #[cfg(feature = "io")]
    pub(crate) fn of_panic(panic: &crate::panics::Panic) -> Self {
        Self(Box::new(Parts {
            code: PANICKED.to_owned(),
            message: panic.message.clone(),
            location: panic.location.clone(),
            panicked: true,
        }))
    }

    pub(crate) fn is_panic(&self) -> bool {
        self.0.panicked
    }

    /// The error that a handler has returned. Where it was made is known only to an error that was
    /// a `TaskError` before: what is converted here has no place.
    #[cold]
    pub(crate) fn returned(error: impl Into<Self>) -> Self {
        struct Reset;
        impl Drop for Reset {
            fn drop(&mut self) {
                RETURNED.set(false);
            }
        }
        // A conversion is the user's code, and may panic.
        let _reset = Reset;
        RETURNED.set(true);
        error.into()
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

    /// Where in the Rust source the error was made, as `file:line`; empty when it is not known.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.0.location
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)?;
        match self.0.location.as_str() {
            "" => Ok(()),
            place => write!(f, " (at {place})"),
        }
    }
}

impl Error for TaskError {}

/// An error type of your own that `?` turns into a [`TaskError`]: its code, its text with those of
/// its sources, and the place of the `?`.
///
/// ```
/// use ringwork_worker::{ErrorCode, TaskError};
///
/// #[derive(Debug)]
/// struct NoSuchArticle(u64);
/// impl std::fmt::Display for NoSuchArticle {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         write!(f, "there is no article {}: look it up in the catalogue", self.0)
///     }
/// }
/// impl std::error::Error for NoSuchArticle {}
/// impl ErrorCode for NoSuchArticle {
///     fn code(&self) -> &str {
///         "article.unknown"
///     }
/// }
///
/// fn price(article: u64) -> Result<u64, NoSuchArticle> {
///     Err(NoSuchArticle(article))
/// }
/// fn handler() -> Result<u64, TaskError> {
///     Ok(price(7)?)
/// }
/// assert_eq!(handler().unwrap_err().code(), "article.unknown");
/// ```
pub trait ErrorCode: Error + 'static {
    /// The stable, machine-readable code (`area.problem`).
    fn code(&self) -> &str;
}

impl<E: ErrorCode> From<E> for TaskError {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::new(error.code(), with_causes(&error))
    }
}

/// An error's text and those of its sources, from the outermost to the root: `a: b: c`. A source
/// whose text the error before it has quoted already is not said twice.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let said = match cause.downcast_ref::<TaskError>() {
            Some(error) => error.message().to_owned(),
            None => cause.to_string(),
        };
        if text.is_empty() {
            text = said;
        } else if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

/// `?` on [`anyhow::Error`], and handlers that return it: the whole chain of causes is the message.
/// The code is `handler.failed`, unless a [`TaskError`] is in the chain: then its code and place
/// hold.
#[cfg(feature = "anyhow")]
impl From<anyhow::Error> for TaskError {
    #[track_caller]
    fn from(error: anyhow::Error) -> Self {
        let message = with_causes(error.as_ref());
        match error.chain().find_map(|cause| cause.downcast_ref::<Self>()) {
            Some(inner) => Self::new(inner.code(), message).at(inner.location()),
            None => Self::new("handler.failed", message),
        }
    }
}

/// `?` on foreign errors: `handler.failed` with the error's own text.
///
/// Not for each [`Error`], since `TaskError` is one itself.
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
    Box<dyn Error>,
    Box<dyn Error + Send + Sync>
);

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::num::ParseIntError);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "the order has no number")
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    impl ErrorCode for Outer {
        fn code(&self) -> &str {
            "order.number"
        }
    }

    fn number() -> Result<u64, Outer> {
        "x".parse().map_err(Outer)
    }

    /// The line of the expression that failed, and its error.
    macro_rules! failed {
        ($ok:ty, $result:expr) => {{
            let run = || -> Result<$ok, TaskError> { Ok($result?) };
            (format!("{}:{}", file!(), line!()), run().unwrap_err())
        }};
    }

    #[test]
    fn the_place_is_that_of_the_question_mark() {
        let (place, error) = failed!(u64, "x".parse::<u64>());
        assert_eq!(error.location(), place);
        let (place, error) = failed!(String, std::fs::read_to_string("/nowhere/at all"));
        assert_eq!(error.location(), place);
        assert_eq!(error.code(), "handler.failed");
        let (place, error) = failed!(u64, number());
        assert_eq!((error.location(), error.code()), (&*place, "order.number"));
        assert_eq!(
            error.message(),
            "the order has no number: invalid digit found in string"
        );
    }

    #[test]
    fn what_is_converted_after_the_handler_has_returned_has_no_place() {
        let error = TaskError::returned(std::io::Error::other("no disk"));
        assert_eq!((error.message(), error.location()), ("no disk", ""));
        assert_eq!(error.to_string(), "handler.failed: no disk");
        assert_eq!(TaskError::returned(number().unwrap_err()).location(), "");
        // One that was made in the handler keeps its own.
        let made = TaskError::new("a.b", "c");
        assert_eq!(TaskError::returned(made.clone()), made);
        // A user's own conversion, which names itself as the place otherwise.
        struct Mine;
        impl From<Mine> for TaskError {
            fn from(_: Mine) -> Self {
                Self::new("mine", "of mine")
            }
        }
        assert_eq!(TaskError::returned(Mine).location(), "");
        assert!(!TaskError::from(Mine).location().is_empty());
        struct Bomb;
        impl From<Bomb> for TaskError {
            fn from(_: Bomb) -> Self {
                panic!("in a conversion")
            }
        }
        assert!(std::panic::catch_unwind(|| TaskError::returned(Bomb)).is_err());
        assert!(!TaskError::new("a.b", "c").location().is_empty());
    }

    #[cfg(feature = "anyhow")]
    #[test]
    fn an_anyhow_error_brings_its_chain_of_causes() {
        use anyhow::Context;
        let read = || -> anyhow::Result<u64> { "x".parse::<u64>().context("reading the price") };
        let (place, error) = failed!(u64, read().context("adding up the order"));
        assert_eq!(
            error.message(),
            "adding up the order: reading the price: invalid digit found in string"
        );
        assert_eq!(
            (error.code(), error.location()),
            ("handler.failed", &*place)
        );
        let returned = TaskError::returned(read().unwrap_err());
        assert_eq!(returned.location(), "");
        // A TaskError within keeps its code and its place.
        let made = TaskError::new("order.empty", "the order has no lines");
        let wrapped = Err::<(), _>(made.clone()).context("adding up").unwrap_err();
        let error = TaskError::returned(wrapped);
        assert_eq!(error.message(), "adding up: the order has no lines");
        assert_eq!(
            (error.code(), error.location()),
            (made.code(), made.location())
        );
        let bare = TaskError::returned(anyhow::Error::from(made.clone()));
        assert_eq!(bare, made);
    }
}

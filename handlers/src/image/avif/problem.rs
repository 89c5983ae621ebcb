//! What is wrong with an AVIF.

use std::borrow::Cow;

use super::super::header::{Kind, bad};
use ringwork_worker::TaskError;

/// What is wrong with a file.
pub(super) type Problem = Cow<'static, str>;

// Without #[track_caller]: as an argument of `map_err` it would name a place of the library.
pub(super) fn refused(problem: impl Into<Problem>) -> TaskError {
    bad(Kind::Avif, &problem.into())
}

//! What is wrong with a TIFF.

use std::borrow::Cow;

use super::super::header::{Kind, bad};
use ringwork_worker::TaskError;

/// What is wrong with a file.
pub(super) type Problem = Cow<'static, str>;

// Without #[track_caller]: as an argument of `map_err` it would name a place of the library.
pub(super) fn problem(reason: impl Into<Problem>) -> TaskError {
    bad(Kind::Tiff, &reason.into())
}

//! What is wrong with a TIFF.

use std::borrow::Cow;

use super::super::header::{Kind, bad};
use ringwork_worker::TaskError;

/// What is wrong with a file.
pub(super) type Problem = Cow<'static, str>;

#[track_caller]
pub(super) fn problem(reason: impl Into<Problem>) -> TaskError {
    bad(Kind::Tiff, &reason.into())
}

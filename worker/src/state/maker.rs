//! What makes a value for each task, its needs looked up.

use crate::context::TaskContext;
use crate::error::TaskError;

/// Makes a type's value for a task.
pub(super) struct Maker<T>(Box<MakeForTask<T>>);

type MakeForTask<T> = dyn for<'t> Fn(&'t TaskContext<'t>) -> Result<T, TaskError> + Send + Sync;

impl<T> Maker<T> {
    pub(super) fn new(
        make: impl for<'t> Fn(&'t TaskContext<'t>) -> Result<T, TaskError> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(make))
    }

    #[inline]
    pub(super) fn make<'t>(&self, task: &'t TaskContext<'t>) -> Result<T, TaskError> {
        (self.0)(task)
    }
}

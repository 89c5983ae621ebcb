//! A handler's name with the types of its request and result.

use std::fmt;
use std::marker::PhantomData;

/// A handler as its callers see it: its name, what it takes (`Q`), what it gives (`R`).
///
/// ```
/// use ringwork::{Cbor, TaskType};
///
/// const UPPER: TaskType<str, String> = TaskType::new("upper");
/// const TOTAL: TaskType<Cbor<Vec<i64>>, i64> = TaskType::new("order.total");
/// assert_eq!(UPPER.name(), "upper");
/// ```
pub struct TaskType<Q: ?Sized, R> {
    name: &'static str,
    types: PhantomData<fn(&Q) -> R>,
}

impl<Q: ?Sized, R> TaskType<Q, R> {
    /// The handler that workers have under this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            types: PhantomData,
        }
    }

    /// The handler's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<Q: ?Sized, R> Clone for TaskType<Q, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q: ?Sized, R> Copy for TaskType<Q, R> {}

impl<Q: ?Sized, R> fmt::Debug for TaskType<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskType").field(&self.name).finish()
    }
}

//! The arguments of handlers: what a task is given beside its request.

use super::config::Config;
use super::finder::Finder;
use super::maker::Maker;
use super::scope::Scope;
use crate::context::TaskContext;
use crate::error::TaskError;
use serde::de::DeserializeOwned;
use std::any::type_name;
use std::cell::RefMut;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// An argument of a handler beside its request: the context, a state, a configuration, or a type of
/// your own. What it needs is looked up before the worker is ready; a task only takes it.
///
/// An argument that borrows nothing ([`Item`](Self::Item) is the type itself) can be moved to
/// another thread or kept in a future, such as [`Arc<T>`](Arc) of a singleton.
///
/// ```
/// use ringwork_worker::{Extract, Finder, State, TaskContext, TaskError, Worker, testing};
///
/// struct Keys(Vec<u64>);
/// /// The task's id, for tasks whose id is one of the keys.
/// struct Permitted(u64);
///
/// impl Extract for Permitted {
///     type Item<'t> = Self;
///     type Found = <State<'static, Keys> as Extract>::Found;
///
///     fn find(finder: &mut Finder<'_>) -> Self::Found {
///         <State<'_, Keys>>::find(finder)
///     }
///     fn extract<'t>(found: &'t Self::Found, task: &'t TaskContext<'t>) -> Result<Self, TaskError> {
///         let State(Keys(keys)) = <State<'_, Keys>>::extract(found, task)?;
///         let id = task.task_id();
///         match keys.contains(&id) {
///             true => Ok(Self(id)),
///             false => Err(TaskError::new("access.denied", "the task's id is none of the keys")),
///         }
///     }
/// }
///
/// let worker = Worker::builder()
///     .state(Keys(vec![7]))
///     .task("open", |Permitted(id): Permitted, (): ()| id);
/// let worker = testing::Worker::new(worker).unwrap();
/// assert_eq!(worker.call("open").task_id(7).run().result::<u64>(), Ok(7));
/// assert_eq!(worker.call("open").task_id(8).run().code(), Some("access.denied"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no argument of a handler beside its request",
    label = "not an argument of a handler",
    note = "a handler takes `&TaskContext`, `State<T>`, `Arc<T>`, `PerLane<T>`, `PerTask<T>`, `Config<T>`, or a type that \
            implements `Extract`; its request comes last",
    note = "`AsyncContext` and `PerThread<T>` are those of async handlers"
)]
pub trait Extract {
    /// What the handler gets: the type itself, with the lifetime of the task's run.
    type Item<'t>;

    /// What was found at the start.
    type Found: Send + Sync + 'static;

    /// Looks up what it needs, before the worker is ready; [`Finder::refuse`] tells what is
    /// missing.
    fn find(finder: &mut Finder<'_>) -> Self::Found;

    /// Takes it for a task.
    ///
    /// # Errors
    /// Any: the task fails with it, and its handler is not run.
    fn extract<'t>(
        found: &'t Self::Found,
        task: &'t TaskContext<'t>,
    ) -> Result<Self::Item<'t>, TaskError>;
}

impl Extract for &TaskContext<'_> {
    type Item<'t> = &'t TaskContext<'t>;
    type Found = ();

    #[inline]
    fn find(_: &mut Finder<'_>) {}

    #[inline(always)]
    fn extract<'t>((): &'t (), task: &'t TaskContext<'t>) -> Result<Self::Item<'t>, TaskError> {
        Ok(task)
    }
}

/// A value that the whole worker has one of, borrowed: from
/// [`Builder::state`](crate::Builder::state) or [`Builder::singleton`](crate::Builder::singleton).
///
/// ```
/// use ringwork_worker::{State, Worker, testing};
///
/// struct Greeting(String);
///
/// let worker = Worker::builder()
///     .state(Greeting("Good day".into()))
///     .task("greet", |State(greeting): State<Greeting>, name: &str| format!("{}, {name}", greeting.0));
/// let worker = testing::Worker::new(worker).unwrap();
/// assert_eq!(worker.call("greet").request("Ada").run().text(), Ok("Good day, Ada".into()));
/// ```
#[derive(Debug)]
pub struct State<'t, T>(pub &'t T);

impl<T> Deref for State<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0
    }
}

/// An index that stands for a state which is there: the worker has not started otherwise.
#[cold]
#[track_caller]
fn absent<T>(what: &str) -> TaskError {
    let kind = type_name::<T>();
    TaskError::new("worker.no_state", format!("{what}<{kind}> is not there"))
}

impl<T: Send + Sync + 'static> Extract for State<'_, T> {
    type Item<'t> = State<'t, T>;
    type Found = usize;

    fn find(finder: &mut Finder<'_>) -> usize {
        finder.index_of::<T>(Scope::Singleton)
    }

    #[inline(always)]
    fn extract<'t>(
        found: &'t usize,
        task: &'t TaskContext<'t>,
    ) -> Result<Self::Item<'t>, TaskError> {
        let value = task.scopes().states.at(*found);
        value.map(State).ok_or_else(|| absent::<T>("State"))
    }
}

impl<T: Send + Sync + 'static> Extract for Arc<T> {
    type Item<'t> = Self;
    type Found = usize;

    fn find(finder: &mut Finder<'_>) -> usize {
        finder.index_of::<T>(Scope::Singleton)
    }

    #[inline]
    fn extract<'t>(found: &'t usize, task: &'t TaskContext<'t>) -> Result<Self, TaskError> {
        let value = task.scopes().states.shared_at(*found);
        value.ok_or_else(|| absent::<T>("Arc"))
    }
}

/// A value that each lane has for itself, to be changed at will: from
/// [`Builder::per_lane`](crate::Builder::per_lane). It need not be `Send`. After a panic of a
/// handler that has it the lane keeps it as it is.
///
/// ```
/// use ringwork_worker::{PerLane, Worker, testing};
///
/// struct Buffer(Vec<u8>);
///
/// let worker = Worker::builder()
///     .per_lane("buffer", || Ok::<_, String>(Buffer(Vec::with_capacity(1 << 20))))
///     .task("reverse", |mut buffer: PerLane<Buffer>, bytes: &[u8]| {
///         buffer.0.clear();
///         buffer.0.extend(bytes.iter().rev());
///         buffer.0.clone()
///     });
/// let worker = testing::Worker::new(worker).unwrap();
/// assert_eq!(worker.call("reverse").request("abc").run().bytes(), Ok(b"cba".to_vec()));
/// ```
#[derive(Debug)]
pub struct PerLane<'t, T>(RefMut<'t, T>);

impl<T> Deref for PerLane<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for PerLane<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: 'static> Extract for PerLane<'_, T> {
    type Item<'t> = PerLane<'t, T>;
    type Found = usize;

    fn find(finder: &mut Finder<'_>) -> usize {
        finder.index_of::<T>(Scope::Lane)
    }

    #[inline]
    fn extract<'t>(
        found: &'t usize,
        task: &'t TaskContext<'t>,
    ) -> Result<Self::Item<'t>, TaskError> {
        let cell = task.scopes().lane.at::<T>(*found);
        let cell = cell.ok_or_else(|| absent::<T>("PerLane"))?;
        // Taken already: by an argument that takes it on its way to another value.
        let value = cell.try_borrow_mut().map_err(|_| {
            let kind = type_name::<T>();
            TaskError::new(
                "worker.state_taken",
                format!(
                    "PerLane<{kind}> is taken by another argument of this handler: take it once"
                ),
            )
        })?;
        Ok(PerLane(value))
    }
}

/// A value that is made for the task and dropped before its result is told: from
/// [`Builder::per_task`](crate::Builder::per_task). The handler owns it.
///
/// ```
/// use ringwork_worker::{PerTask, State, TaskContext, TaskError, Worker, testing};
///
/// struct Prefix(&'static str);
/// struct Label(String);
///
/// let worker = Worker::builder()
///     .state(Prefix("task"))
///     .per_task("label", |task: &TaskContext<'_>, State(prefix): State<Prefix>| {
///         Ok::<_, TaskError>(Label(format!("{} {}", prefix.0, task.task_id())))
///     })
///     .task("label", |PerTask(label): PerTask<Label>, (): ()| label.0);
/// let worker = testing::Worker::new(worker).unwrap();
/// assert_eq!(worker.call("label").task_id(9).run().text(), Ok("task 9".into()));
/// ```
#[derive(Debug)]
pub struct PerTask<T>(pub T);

impl<T> Deref for PerTask<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for PerTask<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: 'static> Extract for PerTask<T> {
    type Item<'t> = Self;
    type Found = usize;

    fn find(finder: &mut Finder<'_>) -> usize {
        finder.index_of::<T>(Scope::Task)
    }

    #[inline]
    fn extract<'t>(found: &'t usize, task: &'t TaskContext<'t>) -> Result<Self, TaskError> {
        let maker: Option<&Maker<T>> = task.scopes().states.maker_at(*found);
        let maker = maker.ok_or_else(|| absent::<T>("PerTask"))?;
        maker.make(task).map(Self)
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Extract for Config<T> {
    type Item<'t> = Self;
    type Found = Option<Self>;

    fn find(finder: &mut Finder<'_>) -> Option<Self> {
        finder.config().map(Self::of)
    }

    #[inline]
    fn extract<'t>(found: &'t Option<Self>, _: &'t TaskContext<'t>) -> Result<Self, TaskError> {
        found.clone().ok_or_else(|| absent::<T>("Config"))
    }
}

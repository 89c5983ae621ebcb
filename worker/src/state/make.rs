//! Functions that make states: what they may take, and what they are bound to.

use super::config::Config;
use super::extract::Extract;
use super::finder::Finder;
use super::maker::Maker;
use super::scope::Scope;
use super::states::{Bound, States};
use crate::context::TaskContext;
use crate::error::{TaskError, with_causes};
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::error::Error;
use std::sync::Arc;

/// An argument of a function that makes a singleton or a lane's state: [`Arc<S>`](Arc) of a
/// singleton, or [`Config<T>`] from the section `[state.NAME]`.
#[diagnostic::on_unimplemented(
    message = "a state can't be made from `{Self}`",
    label = "not there before the first task",
    note = "a function that makes a singleton or a lane's state takes `Arc<S>` of a singleton and `Config<T>`"
)]
pub trait Provide: Sized {
    #[doc(hidden)]
    type Found: Send + Sync + 'static;

    #[doc(hidden)]
    fn find(finder: &mut Finder<'_>) -> Self::Found;

    #[doc(hidden)]
    fn provide(found: &Self::Found, states: &Made<'_>) -> Option<Self>;
}

/// The states that are made already.
#[doc(hidden)]
pub struct Made<'s>(pub(super) &'s States);

impl<T: Send + Sync + 'static> Provide for Arc<T> {
    type Found = usize;

    fn find(finder: &mut Finder<'_>) -> usize {
        finder.index_of::<T>(Scope::Singleton)
    }

    fn provide(found: &usize, states: &Made<'_>) -> Option<Self> {
        states.0.shared_at(*found)
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Provide for Config<T> {
    type Found = Option<Self>;

    fn find(finder: &mut Finder<'_>) -> Option<Self> {
        finder.config().map(Self::of)
    }

    fn provide(found: &Option<Self>, _: &Made<'_>) -> Option<Self> {
        found.clone()
    }
}

/// A function that makes a singleton or the state of a lane: of up to four arguments that are
/// [`Provide`], to a `Result`. Any error will do; its text and those of its causes are told.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not make a state",
    label = "not a function from singletons and configuration to a `Result`",
    note = "it takes up to four of `Arc<S>` and `Config<T>`, each with its type written out, and returns `Result<T, E>` \
            with any error"
)]
pub trait Make<Args>: Send + Sync + 'static {
    /// What it makes.
    type Value: 'static;

    #[doc(hidden)]
    type Found: Send + Sync + 'static;

    #[doc(hidden)]
    fn find(finder: &mut Finder<'_>) -> Self::Found;

    #[doc(hidden)]
    fn make(&self, found: &Self::Found, states: &Made<'_>) -> Result<Self::Value, String>;
}

/// A function that makes a value for each task: of up to four arguments that are [`Extract`], to a
/// `Result`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not make a task's state",
    label = "not a function from arguments of handlers to a `Result`",
    note = "it takes up to four arguments as a handler does, without a request, each with its type written out, and \
            returns `Result<T, E>` with an error that is a `TaskError` or becomes one"
)]
pub trait MakePerTask<Args>: Send + Sync + 'static {
    /// What it makes.
    type Value: 'static;

    #[doc(hidden)]
    type Found: Send + Sync + 'static;

    #[doc(hidden)]
    fn find(finder: &mut Finder<'_>) -> Self::Found;

    #[doc(hidden)]
    fn make<'t>(
        &self,
        found: &'t Self::Found,
        task: &'t TaskContext<'t>,
    ) -> Result<Self::Value, TaskError>;
}

/// Binds a function that makes a singleton.
pub(crate) fn singleton<M, F>(make: F) -> impl FnOnce(&mut Finder<'_>) -> Bound
where
    F: Make<M>,
    F::Value: Send + Sync,
{
    move |finder| {
        let found = F::find(finder);
        Bound::Singleton(Box::new(move |states, _| {
            Ok(Arc::new(make.make(&found, &Made(states))?) as _)
        }))
    }
}

/// Binds a function that makes the state of a lane.
pub(crate) fn per_lane<M, F: Make<M>>(make: F) -> impl FnOnce(&mut Finder<'_>) -> Bound {
    move |finder| {
        let found = F::find(finder);
        Bound::Lane(Box::new(move |states| {
            Ok(Box::new(RefCell::new(make.make(&found, &Made(states))?)) as _)
        }))
    }
}

/// Binds a function that makes a value for each task.
pub(crate) fn per_task<M, F: MakePerTask<M>>(make: F) -> impl FnOnce(&mut Finder<'_>) -> Bound {
    move |finder| {
        let found = Arc::new(F::find(finder));
        Bound::Task(Box::new(bound_maker::<M, F>(make, found)))
    }
}

fn bound_maker<M, F: MakePerTask<M>>(make: F, found: Arc<F::Found>) -> Maker<F::Value> {
    Maker::new(move |task| make.make(&found, task))
}

/// What it was asked for is not there, which the start has told already.
pub(super) fn gone() -> String {
    "what it needs is not there".to_owned()
}

macro_rules! functions {
    ($($argument:ident $found:tt),*) => {
        impl<Fun, T, E, $($argument),*> Make<fn($($argument),*) -> Result<T, E>> for Fun
        where
            Fun: Fn($($argument),*) -> Result<T, E> + Send + Sync + 'static,
            T: 'static,
            E: Into<Box<dyn Error + Send + Sync>>,
            $($argument: Provide,)*
        {
            type Value = T;
            type Found = ($($argument::Found,)*);

            #[allow(unused_variables, clippy::unused_unit)]
            fn find(finder: &mut Finder<'_>) -> Self::Found {
                ($($argument::find(finder),)*)
            }

            #[allow(unused_variables)]
            fn make(&self, found: &Self::Found, states: &Made<'_>) -> Result<T, String> {
                let made = self($($argument::provide(&found.$found, states).ok_or_else(gone)?),*);
                made.map_err(|error| with_causes(error.into().as_ref()))
            }
        }

        impl<Fun, T, E, $($argument),*> MakePerTask<fn($($argument),*) -> Result<T, E>> for Fun
        where
            for<'f> &'f Fun: Fn($($argument),*) -> Result<T, E>,
            for<'f, 't> &'f Fun: Fn($($argument::Item<'t>),*) -> Result<T, E>,
            Fun: Send + Sync + 'static,
            T: 'static,
            E: Into<TaskError>,
            $($argument: Extract,)*
        {
            type Value = T;
            type Found = ($($argument::Found,)*);

            #[allow(unused_variables, clippy::unused_unit)]
            fn find(finder: &mut Finder<'_>) -> Self::Found {
                ($($argument::find(finder),)*)
            }

            #[allow(unused_variables)]
            fn make<'t>(
                &self,
                found: &'t Self::Found,
                task: &'t TaskContext<'t>,
            ) -> Result<T, TaskError> {
                #[allow(non_snake_case)]
                fn call<$($argument,)* R>(
                    function: impl Fn($($argument),*) -> R,
                    $($argument: $argument),*
                ) -> R {
                    function($($argument),*)
                }
                call::<$($argument::Item<'t>,)* _>(self, $($argument::extract(&found.$found, task)?),*)
                    .map_err(TaskError::returned)
            }
        }
    };
}
functions!();
functions!(A 0);
functions!(A 0, B 1);
functions!(A 0, B 1, C 2);
functions!(A 0, B 1, C 2, D 3);

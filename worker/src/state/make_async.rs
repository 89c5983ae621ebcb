//! Async functions that make singletons, and the values of I/O threads.

use super::finder::Finder;
use super::make::{Made, Provide, gone};
use super::states::{Bound, Making};
use crate::error::with_causes;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;

/// A function that makes a singleton or the value of an I/O thread, of up to four arguments that are [`Provide`], to a future of a
/// `Result`. Any error will do; its text and those of its causes are told.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not make a state",
    label = "not a function from singletons and configuration to a future of a `Result`",
    note = "it takes up to four of `Arc<S>` and `Config<T>`, each with its type written out, and its future gives \
            `Result<T, E>` with any error"
)]
pub trait MakeAsync<Args>: Send + Sync + 'static {
    /// What it makes.
    type Value: Send + Sync + 'static;

    #[doc(hidden)]
    type Found: Send + Sync + 'static;

    #[doc(hidden)]
    fn find(finder: &mut Finder<'_>) -> Self::Found;

    #[doc(hidden)]
    fn make(
        &self,
        found: &Self::Found,
        states: &Made<'_>,
    ) -> Result<impl Future<Output = Result<Self::Value, String>> + 'static, String>;
}

/// Binds a function that makes a singleton.
pub(crate) fn async_singleton<M, F>(make: F) -> impl FnOnce(&mut Finder<'_>) -> Bound
where
    F: MakeAsync<M>,
{
    move |finder| {
        let found = F::find(finder);
        Bound::Singleton(Box::new(move |states, wait| {
            let made = make.make(&found, &Made(states))?;
            let making: Making = Box::pin(async move { Ok(Arc::new(made.await?) as _) });
            wait(making)
        }))
    }
}

/// Binds a function that makes the value of an I/O thread.
pub(crate) fn async_per_thread<M, F>(make: F) -> impl FnOnce(&mut Finder<'_>) -> Bound
where
    F: MakeAsync<M>,
{
    move |finder| {
        let found = F::find(finder);
        Bound::Thread(Box::new(move |states| {
            let made = make.make(&found, &Made(states))?;
            Ok(Box::pin(async move { Ok(Arc::new(made.await?) as _) }))
        }))
    }
}

macro_rules! functions {
    ($($argument:ident $found:tt),*) => {
        impl<Fun, Fut, T, E, $($argument),*> MakeAsync<fn($($argument),*) -> Fut> for Fun
        where
            Fun: Fn($($argument),*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Result<T, E>> + 'static,
            T: Send + Sync + 'static,
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
            fn make(
                &self,
                found: &Self::Found,
                states: &Made<'_>,
            ) -> Result<impl Future<Output = Result<T, String>> + 'static, String> {
                let making = self($($argument::provide(&found.$found, states).ok_or_else(gone)?),*);
                Ok(async move {
                    let made = making.await;
                    made.map_err(|error| with_causes(error.into().as_ref()))
                })
            }
        }
    };
}
functions!();
functions!(A 0);
functions!(A 0, B 1);
functions!(A 0, B 1, C 2);
functions!(A 0, B 1, C 2, D 3);

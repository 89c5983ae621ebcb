//! Functions as handlers: their arguments, their request, what they return.

use crate::codec::{IntoResult, Request};
use crate::context::TaskContext;
use crate::error::TaskError;
use crate::state::{Extract, Finder};
use std::convert::Infallible;

/// A function that runs tasks: up to eight arguments that are [`Extract`], then the request, to a
/// result or a `Result`.
///
/// ```
/// use ringwork_worker::{State, TaskContext, TaskError, Worker, testing};
///
/// struct Prices(Vec<u64>);
///
/// /// Borrowed request, plain result.
/// fn upper(text: &str) -> String {
///     text.to_uppercase()
/// }
/// /// A state, the context, an error.
/// fn price(State(prices): State<Prices>, task: &TaskContext<'_>, article: usize) -> Result<u64, TaskError> {
///     task.check_cancelled()?;
///     let price = prices.0.get(article).copied();
///     price.ok_or_else(|| TaskError::new("article.unknown", "see the price list"))
/// }
///
/// let worker = Worker::builder()
///     .state(Prices(vec![450, 1290]))
///     .task("upper", upper)
///     .task("price", price);
/// let worker = testing::Worker::new(worker).unwrap();
/// assert_eq!(worker.call("upper").request("tea").run().text(), Ok("TEA".into()));
/// assert_eq!(worker.call("price").request(1_i64).run().result::<u64>(), Ok(1290));
/// assert_eq!(worker.call("price").request(2_i64).run().code(), Some("article.unknown"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not a function from arguments and a request to a result",
    note = "a handler takes up to eight of `&TaskContext`, `State<T>`, `Arc<T>`, `PerLane<T>`, `PerTask<T>`, `Config<T>`, \
            then its request: `&[u8]`, `Vec<u8>`, `&str`, `String`, an integer, `Cbor<T>`, `Params<P>` or `()`",
    note = "it returns bytes, text, an integer, `Cbor<T>`, `Encoded` or `()`, or a `Result` of one with an error that is a \
            `TaskError` or becomes one (`ErrorCode`)",
    note = "the arguments of a closure need their types written out: `|task: &TaskContext<'_>, text: &str| ..`; an \
            `async fn` is one for `.async_task(..)`"
)]
pub trait Handler<Args>: Send + Sync + 'static {
    /// Its request.
    type Request: Request;

    /// What it returns.
    type Returned: Returned;

    #[doc(hidden)]
    type Found: Send + Sync + 'static;

    #[doc(hidden)]
    fn find(finder: &mut Finder<'_>) -> Self::Found;

    #[doc(hidden)]
    fn call<'t>(
        &self,
        found: &'t Self::Found,
        task: &'t TaskContext<'t>,
        request: <Self::Request as Request>::Item<'t>,
    ) -> Result<Self::Returned, TaskError>;
}

/// What a handler may return: a result by itself, or a `Result`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a handler may return",
    label = "neither a result nor a `Result` of one",
    note = "return bytes, text, an integer, `Cbor<T>`, `Encoded` or `()`, or a `Result` of one with an error that is a \
            `TaskError` or becomes one (`ErrorCode`)"
)]
pub trait Returned {
    /// The result.
    type Value: IntoResult;

    /// The error.
    type Error: Into<TaskError>;

    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Value, Self::Error>;
}

impl<R: IntoResult> Returned for R {
    type Value = R;
    type Error = Infallible;

    #[inline(always)]
    fn into_result(self) -> Result<R, Infallible> {
        Ok(self)
    }
}

impl<R: IntoResult, E: Into<TaskError>> Returned for Result<R, E> {
    type Value = R;
    type Error = E;

    #[inline(always)]
    fn into_result(self) -> Self {
        self
    }
}

impl From<Infallible> for TaskError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

macro_rules! functions {
    ($($argument:ident $found:tt),*) => {
        impl<Fun, Q, R, $($argument),*> Handler<fn($($argument,)* Q) -> R> for Fun
        where
            for<'f> &'f Fun: Fn($($argument,)* Q) -> R,
            for<'f, 't> &'f Fun: Fn($($argument::Item<'t>,)* Q::Item<'t>) -> R,
            Fun: Send + Sync + 'static,
            Q: Request,
            R: Returned,
            $($argument: Extract,)*
        {
            type Request = Q;
            type Returned = R;
            type Found = ($($argument::Found,)*);

            #[allow(unused_variables, clippy::unused_unit)]
            fn find(finder: &mut Finder<'_>) -> Self::Found {
                ($($argument::find(finder),)*)
            }

            #[inline(always)]
            #[allow(unused_variables)]
            fn call<'t>(
                &self,
                found: &'t Self::Found,
                task: &'t TaskContext<'t>,
                request: Q::Item<'t>,
            ) -> Result<R, TaskError> {
                // Says which of the two bounds is meant.
                #[inline(always)]
                #[allow(non_snake_case, clippy::too_many_arguments)]
                fn call<$($argument,)* Q, R>(
                    function: impl Fn($($argument,)* Q) -> R,
                    $($argument: $argument,)*
                    request: Q,
                ) -> R {
                    function($($argument,)* request)
                }
                Ok(call::<$($argument::Item<'t>,)* Q::Item<'t>, R>(
                    self,
                    $($argument::extract(&found.$found, task)?,)*
                    request,
                ))
            }
        }
    };
}
functions!();
functions!(A 0);
functions!(A 0, B 1);
functions!(A 0, B 1, C 2);
functions!(A 0, B 1, C 2, D 3);
functions!(A 0, B 1, C 2, D 3, E 4);
functions!(A 0, B 1, C 2, D 3, E 4, F 5);
functions!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
functions!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

//! Functions as async handlers: their arguments, their request, what their futures give.

use super::context::AsyncContext;
use crate::codec::FromRequest;
use crate::context::TaskContext;
use crate::error::TaskError;
use crate::handler::Returned;
use crate::state::{Extract, Finder};
use std::future::Future;

/// A function that runs async tasks: up to eight arguments that are [`AsyncExtract`], then the
/// request, to a future of a result or of a `Result`.
///
/// The arguments are those of other handlers, as far as they can be kept while the task waits:
/// [`Arc<T>`](std::sync::Arc) of a singleton in the place of [`State<T>`](crate::State),
/// [`PerThread<T>`](crate::PerThread) in that of [`PerLane<T>`](crate::PerLane), and [`AsyncContext`]
/// in that of the context.
///
/// ```
/// use ringwork_worker::{AsyncContext, Config, PerTask, TaskContext, TaskError, Worker, testing};
/// use serde::Deserialize;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// #[derive(Deserialize)]
/// struct Pace {
///     ms: u64,
/// }
/// struct Prices(Vec<u64>);
/// struct Label(String);
///
/// async fn price(prices: Arc<Prices>, pace: Config<Pace>, article: usize) -> Result<u64, TaskError> {
///     tokio::time::sleep(Duration::from_millis(pace.ms)).await;
///     let price = prices.0.get(article).copied();
///     price.ok_or_else(|| TaskError::new("article.unknown", "see the price list"))
/// }
/// async fn label(task: AsyncContext, PerTask(label): PerTask<Label>, (): ()) -> String {
///     format!("{} of {}", label.0, task.handler())
/// }
///
/// let worker = Worker::builder()
///     .config(r#"{"handler": {"price": {"ms": 1}}}"#)
///     .state(Prices(vec![450, 1290]))
///     .per_task("label", |task: &TaskContext<'_>| {
///         Ok::<_, TaskError>(Label(format!("task {}", task.task_id())))
///     })
///     .async_task("price", price)
///     .async_task("label", label)
///     .async_task("upper", |text: String| async move { text.to_uppercase() });
/// let pool = testing::Pool::start(worker).unwrap();
/// assert_eq!(pool.call("price").request(1_i64).run().result::<u64>(), Ok(1290));
/// assert_eq!(pool.call("price").request(2_i64).run().code(), Some("article.unknown"));
/// assert_eq!(pool.call("label").task_id(9).run().text(), Ok("task 9 of label".into()));
/// assert_eq!(pool.call("upper").request("tea").run().text(), Ok("TEA".into()));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an async handler",
    label = "not a function from arguments and a request to a future",
    note = "an async handler takes up to eight of `AsyncContext`, `Arc<T>`, `PerTask<T>`, `PerThread<T>`, `Config<T>`, then its request: \
            `Vec<u8>`, `String`, an integer, `Cbor<T>`, `Params<P>` or `()`. Nothing of it is borrowed",
    note = "its future is `Send` and gives bytes, text, an integer, `Cbor<T>`, `Encoded` or `()`, or a `Result` of one with \
            an error that is a `TaskError` or becomes one (`ErrorCode`)",
    note = "the arguments of a closure need their types written out: `|task: AsyncContext, text: String| async move ..`; \
            a function that is not async is one for `.task(..)`"
)]
pub trait AsyncHandler<Args>: Send + Sync + 'static {
    /// Its request.
    type Request: FromRequest;

    /// What its future gives.
    type Returned: Returned;

    #[doc(hidden)]
    type Future: Future<Output = Self::Returned> + Send + 'static;

    #[doc(hidden)]
    type Found: Send + Sync + 'static;

    #[doc(hidden)]
    fn find(finder: &mut Finder<'_>) -> Self::Found;

    #[doc(hidden)]
    fn call(
        &self,
        found: &Self::Found,
        task: &TaskContext<'_>,
        context: &AsyncContext,
        request: Self::Request,
    ) -> Result<Self::Future, TaskError>;
}

/// An argument of an async handler beside its request: [`AsyncContext`], or whatever is [`Extract`]
/// and borrows nothing. It is taken before the handler is called.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no argument of an async handler beside its request",
    label = "not an argument of an async handler",
    note = "an async handler takes `AsyncContext`, `Arc<T>` (where others take `State<T>`), `PerTask<T>`, `PerThread<T>` (where \
            others take `PerLane<T>`), `Config<T>`, or a \
            type that implements `Extract` and borrows nothing; its request comes last",
    note = "`PerLane<T>` is one lane's: in its place an async handler takes `PerThread<T>`"
)]
pub trait AsyncExtract: Sized + Send + 'static {
    #[doc(hidden)]
    type Found: Send + Sync + 'static;

    #[doc(hidden)]
    fn find(finder: &mut Finder<'_>) -> Self::Found;

    #[doc(hidden)]
    fn take(
        found: &Self::Found,
        task: &TaskContext<'_>,
        context: &AsyncContext,
    ) -> Result<Self, TaskError>;
}

impl AsyncExtract for AsyncContext {
    type Found = ();

    fn find(_: &mut Finder<'_>) {}

    fn take((): &(), _: &TaskContext<'_>, context: &AsyncContext) -> Result<Self, TaskError> {
        Ok(context.clone())
    }
}

impl<A> AsyncExtract for A
where
    A: for<'t> Extract<Item<'t> = A> + Send + 'static,
{
    type Found = <A as Extract>::Found;

    fn find(finder: &mut Finder<'_>) -> Self::Found {
        <A as Extract>::find(finder)
    }

    fn take(
        found: &Self::Found,
        task: &TaskContext<'_>,
        _: &AsyncContext,
    ) -> Result<Self, TaskError> {
        A::extract(found, task)
    }
}

macro_rules! functions {
    ($($argument:ident $found:tt),*) => {
        impl<Fun, Q, Fut, $($argument),*> AsyncHandler<fn($($argument,)* Q) -> Fut> for Fun
        where
            Fun: Fn($($argument,)* Q) -> Fut + Send + Sync + 'static,
            Q: FromRequest,
            Fut: Future<Output: Returned> + Send + 'static,
            $($argument: AsyncExtract,)*
        {
            type Request = Q;
            type Returned = Fut::Output;
            type Future = Fut;
            type Found = ($($argument::Found,)*);

            #[allow(unused_variables, clippy::unused_unit)]
            fn find(finder: &mut Finder<'_>) -> Self::Found {
                ($($argument::find(finder),)*)
            }

            #[allow(unused_variables)]
            fn call(
                &self,
                found: &Self::Found,
                task: &TaskContext<'_>,
                context: &AsyncContext,
                request: Q,
            ) -> Result<Fut, TaskError> {
                Ok(self($($argument::take(&found.$found, task, context)?,)* request))
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

//! State by scope: what a worker has one of, what each lane has, what each task gets.
//!
//! [`Registry`] has what the builder was told. It is bound before the worker joins its pool: what a
//! handler or another state asks for is looked up once, and whatever is missing, doubled or goes
//! round in a circle is told then. [`States`] has the singletons, [`LaneStates`] what one lane has.
//! Invariants: no code of the user runs before everything asked for has been found; states are
//! dropped in the reverse order of their making, after the last task.

mod caught;
pub(crate) mod config;
mod declared;
pub(crate) mod extract;
mod finder;
pub(crate) mod make;
#[cfg(feature = "io")]
mod make_async;
mod maker;
mod order;
mod registry;
mod scope;
mod states;

pub use extract::{Extract, PerLane, PerTask, State};
pub use finder::Finder;
pub use make::{Make, MakePerTask, Provide};
#[cfg(feature = "io")]
pub use make_async::MakeAsync;
#[cfg(feature = "io")]
pub(crate) use make_async::{async_per_thread, async_singleton};
pub(crate) use registry::{Plan, Registry};
pub(crate) use scope::Scope;
pub(crate) use states::{Bound, LaneStates, States};
#[cfg(feature = "io")]
pub(crate) use states::{Making, ThreadStates, Value};

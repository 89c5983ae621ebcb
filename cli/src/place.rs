//! Which pool a command looks at: by its name, or by where it answers HTTP.

use super::exit::{Failure, NO_POOL};
#[cfg(feature = "ops")]
use super::remote::RemotePool;
use super::view;
use clap::Args;
use ringwork_ring::{PoolDir, Segment};
#[cfg(feature = "ops")]
use std::path::PathBuf;

/// The pool, and what it asks of those that look.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Name of the pool, or where it answers HTTP: http://HOST:PORT or unix:PATH.
    #[arg(default_value = "default")]
    pub(super) name: String,

    /// File with the token that HTTP asks for.
    #[cfg(feature = "ops")]
    #[arg(long, value_name = "FILE")]
    http_token_file: Option<PathBuf>,
}

#[cfg(feature = "ops")]
impl Place {
    /// The pool over HTTP, if that is asked for.
    pub(super) fn remote(&self) -> Result<Option<RemotePool>, Failure> {
        RemotePool::named(&self.name, self.http_token_file.as_deref())
    }
}

/// The segment of a pool that is not over: what is left of another has the handlers and
/// the tasks of the past.
pub(super) fn live(name: &str) -> Result<Segment, Failure> {
    let segment = Segment::attach(&PoolDir::new(name)?)?;
    let condition = view::condition(&segment)?;
    match view::is_over(condition.state) {
        true => Err(Failure::new(
            NO_POOL,
            format!("the pool {name} is over: {}", condition.reason),
        )),
        false => Ok(segment),
    }
}

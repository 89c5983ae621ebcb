//! Layers: what runs around each handler, for timing, authorisation, spans.
//!
//! A worker without layers pays nothing for them: handlers are wrapped at the start, where there
//! are some. Invariant: only the handler answers; a layer lets its answer through, or fails the
//! task.

use crate::context::{Scopes, TaskContext};
use crate::ending::Ended;
use crate::error::TaskError;
use crate::run::{InPlace, Run};
use ringwork_ring::lane::claimed::Claimed;
use std::fmt;
use std::sync::Arc;

/// A layer, without its type.
pub(crate) type Layer =
    Box<dyn Fn(&mut Call<'_, '_>, Next<'_>) -> Result<Done, TaskError> + Send + Sync>;

/// A call of a handler, in the hands of a [layer](crate::Builder::layer).
pub struct Call<'c, 'l> {
    claimed: &'c mut Claimed<'l>,
    scopes: &'c Scopes<'c>,
    handler: &'static str,
}

impl Call<'_, '_> {
    /// The task: id, attempt, deadline, handler, states.
    #[must_use]
    pub fn task(&self) -> TaskContext<'_> {
        TaskContext::new(self.claimed, self.scopes, self.handler)
    }
}

/// The layers below, and at last the handler.
#[must_use = "the handler does not run unless the layers below it do"]
pub struct Next<'n> {
    layers: &'n [Layer],
    run: &'n dyn Run,
    answer: &'n mut InPlace,
    ran: &'n mut bool,
}

impl Next<'_> {
    /// Runs them.
    ///
    /// # Errors
    /// The handler's own error, or that of a layer below. Let it through, or fail the task with
    /// another one.
    pub fn run(self, call: &mut Call<'_, '_>) -> Result<Done, TaskError> {
        let Some((layer, layers)) = self.layers.split_first() else {
            *self.ran = true;
            return match self.run.one(call.claimed, call.scopes, self.answer) {
                Ok(()) => Ok(Done(Ok(()))),
                Err(ended) => match *ended {
                    Ended::Failed(error) => Err(error),
                    other => Ok(Done(Err(Box::new(other)))),
                },
            };
        };
        let Self {
            run, answer, ran, ..
        } = self;
        let next = Next {
            layers,
            run,
            answer,
            ran,
        };
        layer(call, next)
    }
}

/// A handler has run, and its answer is on its way: only [`Next::run`], and `run` of an async layer,
/// give one.
#[must_use = "return it, for it is the answer"]
pub struct Done(pub(crate) Result<(), Box<Ended>>);

impl Done {
    /// Whether there is a result. Else the request was not decodable, or the result found no room,
    /// and the caller is told so.
    #[must_use]
    pub fn has_result(&self) -> bool {
        matches!(&self.0, Ok(())) || matches!(&self.0, Err(ended) if ended.is_result())
    }
}

impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Done")
            .field("has_result", &self.has_result())
            .finish()
    }
}

/// A handler with layers around it.
pub(crate) struct Layered {
    pub(crate) name: &'static str,
    pub(crate) layers: Arc<[Layer]>,
    pub(crate) run: Box<dyn Run>,
}

impl Run for Layered {
    fn one(
        &self,
        claimed: &mut Claimed<'_>,
        scopes: &Scopes<'_>,
        answer: &mut InPlace,
    ) -> Result<(), Box<Ended>> {
        let mut ran = false;
        let mut call = Call {
            claimed,
            scopes,
            handler: self.name,
        };
        let next = Next {
            layers: &self.layers,
            run: self.run.as_ref(),
            answer,
            ran: &mut ran,
        };
        match next.run(&mut call) {
            Ok(Done(ended)) => ended,
            Err(error) if ran => Err(Ended::Failed(error).into()),
            Err(error) => Err(Ended::Refused(error).into()),
        }
    }
}

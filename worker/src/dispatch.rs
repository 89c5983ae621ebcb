//! One claimed task, from handler lookup to its end.
//!
//! Keeps the promise that each claimed task ends in exactly one way: result,
//! failure, panic, expiry, cancellation, unknown handler. A panic costs the task
//! and nothing else.

use crate::codec::{IntoResult, Request, request_error};
use crate::context::{Scopes, TaskContext};
use crate::ending::{Ended, end, end_panicked, log_crashed_request, not_run};
use crate::error::{CANCELLED, TaskError};
use crate::handler::{self, Returned};
#[cfg(feature = "io")]
use crate::io::{AsyncHandler, AsyncLayer, Host, IoHandler};
use crate::layer::{Layer, Layered};
use crate::log;
use crate::panics;
use crate::raw_task::{Answer, RawTask};
use crate::run::{InPlace, Run};
use crate::state::Finder;
use ringwork_ring::format::layout::{HANDLER_NAME_MAX, id_of};
use ringwork_ring::format::states::LaneKind;
use ringwork_ring::lane::claimed::Claimed;
use ringwork_ring::{Codec, Status};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;
#[cfg(feature = "io")]
use std::sync::OnceLock;
use tracing::Span;

/// A handler over typed requests, with what its arguments have found.
struct Typed<M, H: handler::Handler<M>> {
    name: &'static str,
    handler: H,
    found: H::Found,
    arguments: PhantomData<fn() -> M>,
}

impl<M, H: handler::Handler<M>> Run for Typed<M, H> {
    #[inline(never)]
    fn one(
        &self,
        claimed: &mut Claimed<'_>,
        scopes: &Scopes<'_>,
        answer: &mut InPlace,
    ) -> Result<(), Box<Ended>> {
        let bytes = claimed.request().map_err(|error| {
            Ended::Undecodable(TaskError::new("segment.corrupt", error.to_string()))
        })?;
        let request = H::Request::read(claimed.request_codec(), bytes)
            .map_err(|why| Ended::Undecodable(request_error(why)))?;
        let context = TaskContext::new(claimed, scopes, self.name);
        let result = (self.handler)
            .call(&self.found, &context, request)
            .map_err(Ended::Failed)?
            .into_result()
            .map_err(|error| Ended::Failed(TaskError::returned(error)))?;
        answer.set(0, <Value<M, H>>::RESULT_CODEC);
        let mut no_room = None;
        result
            .encode(&mut |codec, bytes| match claimed.reserve(bytes.len()) {
                Ok(room) => {
                    room.copy_from_slice(bytes);
                    answer.set(bytes.len(), codec);
                }
                Err(error) => no_room = Some(error),
            })
            .map_err(Ended::Unencodable)?;
        no_room.map_or(Ok(()), |error| Err(Ended::NoRoom(Box::new(error)).into()))
    }
}

/// The result of a handler.
type Value<M, H> = <<H as handler::Handler<M>>::Returned as Returned>::Value;

/// A zero-copy handler.
struct Raw<E, F> {
    name: &'static str,
    handler: F,
    error: PhantomData<fn() -> E>,
}

impl<E, F> Run for Raw<E, F>
where
    E: Into<TaskError>,
    F: Fn(&mut RawTask<'_, '_>) -> Result<Answer, E> + Send + Sync + 'static,
{
    #[inline(never)]
    fn one(
        &self,
        claimed: &mut Claimed<'_>,
        scopes: &Scopes<'_>,
        answer: &mut InPlace,
    ) -> Result<(), Box<Ended>> {
        let mut task = RawTask::new(claimed, scopes, self.name);
        let answered = (self.handler)(&mut task);
        let room_error = task.room_error.take();
        let ended = match answered {
            Ok(Answer::InPlace { len, codec }) => {
                answer.set(len, codec);
                return Ok(());
            }
            Ok(Answer::Bytes { bytes, codec }) => Ended::Elsewhere { bytes, codec },
            Err(error) => match (TaskError::returned(error), room_error) {
                (error, Some(room)) if error.code() == "result.no_room" => {
                    drop(error);
                    Ended::NoRoom(room)
                }
                (error, _) if error.code() == "request.undecodable" => Ended::Undecodable(error),
                (error, _) => Ended::Failed(error),
            },
        };
        Err(ended.into())
    }
}

/// Looks up what the arguments of a handler need.
type Bind = Box<dyn FnOnce(&mut Finder<'_>) -> Work + Send>;
/// Looks up a state that a handler says it needs.
type Need = fn(&mut Finder<'_>);

/// A handler with its name and codecs.
pub(crate) struct Handler {
    /// Leaked: it lives as long as the process, so the log can name it from any depth of a task.
    pub(crate) name: &'static str,
    pub(crate) request_codec: Codec,
    pub(crate) result_codec: Codec,
    /// The states that it asks for besides its arguments, as far as it has said so.
    pub(crate) needs: Vec<Need>,
    bind: Bind,
}

impl Handler {
    /// A handler over typed requests.
    pub(crate) fn typed<M: 'static, H: handler::Handler<M>>(name: &str, handler: H) -> Self {
        let name: &'static str = name.to_owned().leak();
        let bind = move |finder: &mut Finder<'_>| {
            let found = H::find(finder);
            Work::Lane(Box::new(Typed {
                name,
                handler,
                found,
                arguments: PhantomData,
            }))
        };
        Self {
            name,
            request_codec: H::Request::REQUEST_CODEC,
            result_codec: <Value<M, H>>::RESULT_CODEC,
            needs: Vec::new(),
            bind: Box::new(bind),
        }
    }

    /// A zero-copy handler.
    pub(crate) fn raw<E, F>(
        name: &str,
        request_codec: Codec,
        result_codec: Codec,
        handler: F,
    ) -> Self
    where
        E: Into<TaskError> + 'static,
        F: Fn(&mut RawTask<'_, '_>) -> Result<Answer, E> + Send + Sync + 'static,
    {
        let name: &'static str = name.to_owned().leak();
        let error = PhantomData;
        let raw = Raw {
            name,
            handler,
            error,
        };
        Self {
            name,
            request_codec,
            result_codec,
            needs: Vec::new(),
            bind: Box::new(move |_| Work::Lane(Box::new(raw))),
        }
    }

    /// Looks up what it needs; what is missing is told to the finder.
    fn bind(self, finder: &mut Finder<'_>) -> Ready {
        for need in &self.needs {
            need(finder);
        }
        Ready {
            name: self.name,
            request_codec: self.request_codec,
            result_codec: self.result_codec,
            work: (self.bind)(finder),
        }
    }
}

#[cfg(feature = "io")]
impl Handler {
    /// An async handler over typed requests.
    pub(crate) fn asynchronous<M: 'static, H: AsyncHandler<M>>(name: &str, handler: H) -> Self {
        let name: &'static str = name.to_owned().leak();
        let bind = move |finder: &mut Finder<'_>| {
            finder.is_async();
            let found = H::find(finder);
            Work::Io(Arc::new(IoHandler::new(name, handler, found)))
        };
        Self {
            name,
            request_codec: H::Request::REQUEST_CODEC,
            result_codec: <H::Returned as Returned>::Value::RESULT_CODEC,
            needs: Vec::new(),
            bind: Box::new(bind),
        }
    }
}

/// How a handler does its work.
enum Work {
    /// On the lane that has the task.
    Lane(Box<dyn Run>),
    /// As a future, beside the lanes.
    #[cfg(feature = "io")]
    Io(Arc<IoHandler>),
}

/// A handler all of whose needs were looked up.
pub(crate) struct Ready {
    pub(crate) name: &'static str,
    pub(crate) request_codec: Codec,
    pub(crate) result_codec: Codec,
    work: Work,
}

impl Ready {
    /// Whether its tasks wait without a lane.
    pub(crate) fn is_async(&self) -> bool {
        match self.work {
            Work::Lane(_) => false,
            #[cfg(feature = "io")]
            Work::Io(_) => true,
        }
    }

    /// The kind of lanes that it is for, where the pool has both.
    pub(crate) fn kind(&self) -> LaneKind {
        match self.is_async() {
            true => LaneKind::Io,
            false => LaneKind::Cpu,
        }
    }

    /// The handler with the layers of its kind around it, if there are any. A handler of a worker
    /// that has layers of the other kind only is refused: it would go through none.
    fn layered(mut self, layers: &Layers, finder: &mut Finder<'_>) -> Self {
        self.work = match self.work {
            Work::Lane(run) if layers.lane.is_empty() => {
                if layers.has_async() {
                    finder.refuse(
                        "is not async, and the worker has only an async layer, which it would not go through: add \
                         .layer(..), or put both into workers of their own",
                    );
                }
                Work::Lane(run)
            }
            Work::Lane(run) => Work::Lane(Box::new(Layered {
                name: self.name,
                layers: Arc::clone(&layers.lane),
                run,
            })),
            #[cfg(feature = "io")]
            Work::Io(mut handler) => {
                if layers.io.is_empty() && !layers.lane.is_empty() {
                    finder.refuse(
                        "is async, and the worker has a layer, which it would not go through: add .async_layer(..), or \
                         put both into workers of their own",
                    );
                }
                if let Some(handler) = Arc::get_mut(&mut handler) {
                    handler.layers = Arc::clone(&layers.io);
                }
                Work::Io(handler)
            }
        };
        self
    }
}

/// The layers of a worker, the outermost first.
pub(crate) struct Layers {
    pub(crate) lane: Arc<[Layer]>,
    #[cfg(feature = "io")]
    pub(crate) io: Arc<[AsyncLayer]>,
}

impl Layers {
    fn has_async(&self) -> bool {
        #[cfg(feature = "io")]
        return !self.io.is_empty();
        #[cfg(not(feature = "io"))]
        false
    }
}

/// Ids are hashes already: their bits are taken as they are.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }
}

/// The handlers of a worker, by id.
#[derive(Default)]
pub(crate) struct Handlers {
    by_id: HashMap<u64, Ready, BuildHasherDefault<IdHasher>>,
    /// What async handlers run on; set before the lanes start if there is such a handler.
    #[cfg(feature = "io")]
    pub(crate) host: OnceLock<Arc<dyn Host>>,
}

impl Handlers {
    /// Adds one, with what it needs looked up; says for which lanes it is. The error says which name
    /// stands in its way.
    pub(crate) fn add(
        &mut self,
        handler: Handler,
        finder: &mut Finder<'_>,
        layers: &Layers,
    ) -> Result<LaneKind, String> {
        let handler = handler.bind(finder).layered(layers, finder);
        let kind = handler.kind();
        if handler.name.is_empty() || handler.name.len() > HANDLER_NAME_MAX {
            return Err(format!(
                "handler name {:?}: use 1 to {HANDLER_NAME_MAX} bytes",
                handler.name
            ));
        }
        match self.by_id.insert(id_of(handler.name), handler) {
            None => Ok(kind),
            Some(former) => Err(format!(
                "two handlers have the name, or the id of the name, {:?}: rename one",
                former.name
            )),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Ready> {
        self.by_id.values()
    }

    fn names(&self) -> String {
        let mut names: Vec<&str> = self.by_id.values().map(|handler| handler.name).collect();
        names.sort_unstable();
        names.join(", ")
    }

    /// Whether the handler of this id is async.
    pub(crate) fn is_async(&self, handler: u64) -> bool {
        self.by_id.get(&handler).is_some_and(Ready::is_async)
    }

    /// Runs a claimed task to its end; returns how many requests that were: those of a chunk, or 1.
    pub(crate) fn run(&self, claimed: Claimed<'_>, scopes: &Scopes<'_>) -> u32 {
        if claimed.expired() {
            let message = "the deadline passed while the task was queued; it was not started";
            claimed.fail(&not_run(Status::Expired, "deadline.passed", message));
            return 1;
        }
        if claimed.cancelled() {
            let message = "the caller cancelled the task before it was started";
            claimed.fail(&not_run(Status::Cancelled, CANCELLED, message));
            return 1;
        }
        self.start(claimed, scopes)
    }

    /// As [`Self::run`], for a task of which it is known that its caller waits for it.
    #[inline(always)]
    pub(crate) fn start(&self, mut claimed: Claimed<'_>, scopes: &Scopes<'_>) -> u32 {
        let Some(handler) = self.by_id.get(&claimed.handler()) else {
            let message = format!(
                "no handler of that name; this pool's workers know: {}",
                self.names()
            );
            claimed.fail(&not_run(
                Status::UnknownHandler,
                "handler.unknown",
                &message,
            ));
            return 1;
        };
        let run = match &handler.work {
            Work::Lane(run) => run.as_ref(),
            #[cfg(feature = "io")]
            Work::Io(handler) => match self.host.get() {
                Some(host) => return host.begin(handler, claimed, scopes),
                None => return 1, // its drop fails the task; the worker has not launched its shards
            },
        };
        if claimed.is_chunk() {
            return run_chunk(handler.name, run, claimed, scopes);
        }
        ringwork_ring::failpoint!("run.before");
        let _span = log::span(&claimed, handler.name).map(Span::entered);
        let mut answer = InPlace::default();
        let ended = panics::catch(handler.name, || run.one(&mut claimed, scopes, &mut answer));
        ringwork_ring::failpoint!("run.after");
        match ended {
            Ok(Ok(())) => claimed.finish(answer.len, answer.codec),
            Ok(Err(ended)) => end(&mut claimed, *ended),
            Err(panic) => end_panicked(&mut claimed, handler.name, &panic),
        }
        1
    }
}

/// Runs the requests of a chunk one after the other; returns how many.
fn run_chunk(
    handler: &'static str,
    run: &dyn Run,
    mut claimed: Claimed<'_>,
    scopes: &Scopes<'_>,
) -> u32 {
    match claimed.open_chunk() {
        Ok(None) => {}
        Ok(Some(index)) => log_crashed_request(&claimed, handler, index),
        Err(error) => {
            let message = error.to_string();
            claimed.fail(&not_run(Status::Codec, "request.undecodable", &message));
            return 1;
        }
    }
    let _span = log::span(&claimed, handler).map(Span::entered);
    // Panics are caught around all of them: what costs as much as a short request is done once.
    while let Err(panic) = panics::catch(handler, || run.each(&mut claimed, scopes)) {
        end_panicked(&mut claimed, handler, &panic);
    }
    claimed.finish_chunk()
}

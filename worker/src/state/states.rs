//! The states that are there: the worker's, and those of each lane.

use super::caught::{caught, drop_caught};
use super::scope::Scope;
use std::any::{Any, TypeId, type_name};
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A singleton.
pub(crate) type Value = Arc<dyn Any + Send + Sync>;
/// A singleton that an async function makes.
pub(crate) type Making = Pin<Box<dyn Future<Output = Result<Value, String>>>>;
/// What waits for one.
pub(crate) type Wait<'w> = &'w dyn Fn(Making) -> Result<Value, String>;
/// Makes a singleton, from those that are made already.
type MakeSingleton = Box<dyn FnOnce(&States, Wait<'_>) -> Result<Value, String> + Send>;
/// Makes the value of a lane, in its thread: a `RefCell` of the type.
type MakeForLane = Box<dyn Fn(&States) -> Result<Box<dyn Any>, String> + Send + Sync>;

/// Begins to make the value of an I/O thread, in that thread.
#[cfg(feature = "io")]
type MakeForThread = Box<dyn Fn(&States) -> Result<Making, String> + Send + Sync>;

/// A way to make a value, all of whose needs were looked up.
pub(crate) enum Bound {
    Singleton(MakeSingleton),
    Lane(MakeForLane),
    /// A `Maker` of the type.
    Task(Box<dyn Any + Send + Sync>),
    #[cfg(feature = "io")]
    Thread(MakeForThread),
}

/// What all lanes of a worker share. Each state has the index of its telling in each of the lists.
#[derive(Default)]
pub(crate) struct States {
    pub(super) ids: Vec<(Scope, TypeId)>,
    pub(super) values: Vec<Option<Value>>,
    pub(super) lanes: Vec<Option<(String, MakeForLane)>>,
    pub(super) tasks: Vec<Option<Box<dyn Any + Send + Sync>>>,
    #[cfg(feature = "io")]
    pub(super) threads: Vec<Option<(String, MakeForThread)>>,
    /// That of their making.
    pub(super) order: Vec<usize>,
}

impl States {
    /// The singleton at an index that [`Finder`] has found.
    #[inline]
    pub(super) fn at<T: 'static>(&self, index: usize) -> Option<&T> {
        self.values.get(index)?.as_deref()?.downcast_ref()
    }

    #[inline]
    pub(super) fn shared_at<T: Send + Sync + 'static>(&self, index: usize) -> Option<Arc<T>> {
        let value = self.values.get(index)?.as_ref()?;
        Arc::clone(value).downcast().ok()
    }

    /// The singleton of a type.
    #[inline]
    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        let wanted = (Scope::Singleton, TypeId::of::<T>());
        self.at(self.ids.iter().position(|id| *id == wanted)?)
    }

    /// Why there is no singleton of a type; `argument`: by which a handler takes one.
    #[cold]
    pub(crate) fn why_absent<T: 'static>(&self, argument: &str) -> String {
        let (id, kind) = (TypeId::of::<T>(), type_name::<T>());
        match self.ids.contains(&(Scope::Singleton, id)) {
            true => format!(
                "the state of the type {kind} is not made in this worker: of the handlers that say that they need it \
                 none is one of those that it runs (--io-workers): put .needs::<{kind}>() behind this one"
            ),
            false => format!(
                "no state of the type {kind}: give it to Worker::builder().state(..); a handler that takes \
                 {argument}<{kind}> as an argument, or is followed by .needs::<{kind}>(), is checked when the worker \
                 starts"
            ),
        }
    }

    /// What makes a value for each task: a `Maker` of its type.
    #[inline]
    pub(super) fn maker_at<M: 'static>(&self, index: usize) -> Option<&M> {
        self.tasks.get(index)?.as_deref()?.downcast_ref()
    }

    /// Makes the states of a lane, in its thread; the error names the one that could not be made.
    pub(crate) fn for_lane(&self) -> Result<LaneStates, String> {
        let mut states = LaneStates::default();
        states.values.resize_with(self.lanes.len(), || None);
        for index in &self.order {
            if let Some((name, make)) = &self.lanes[*index] {
                let made = caught(|| make(self));
                let value =
                    made.map_err(|why| format!("{name} can't be made for a lane: {why}"))?;
                states.values[*index] = Some(value);
                states.order.push(*index);
            }
        }
        Ok(states)
    }
}

#[cfg(feature = "io")]
impl States {
    /// Makes the states of an I/O thread, in that thread, by `wait`; the error names the one that could
    /// not be made.
    pub(crate) fn for_thread(&self, wait: Wait<'_>) -> Result<ThreadStates, String> {
        let mut states = ThreadStates::default();
        states.values.resize_with(self.threads.len(), || None);
        for index in &self.order {
            if let Some((name, make)) = &self.threads[*index] {
                let made = caught(|| wait(make(self)?));
                let value =
                    made.map_err(|why| format!("{name} can't be made for an I/O thread: {why}"))?;
                states.values[*index] = Some(value);
                states.order.push(*index);
            }
        }
        Ok(states)
    }
}

/// What one I/O thread has for its tasks.
#[cfg(feature = "io")]
#[derive(Default)]
pub(crate) struct ThreadStates {
    /// By the index of their telling.
    values: Vec<Option<Value>>,
    order: Vec<usize>,
}

#[cfg(feature = "io")]
impl ThreadStates {
    pub(crate) fn shared_at<T: Send + Sync + 'static>(&self, index: usize) -> Option<Arc<T>> {
        let value = self.values.get(index)?.as_ref()?;
        Arc::clone(value).downcast().ok()
    }
}

#[cfg(feature = "io")]
impl Drop for ThreadStates {
    fn drop(&mut self) {
        for index in self.order.drain(..).rev() {
            drop_caught(self.values[index].take());
        }
    }
}

impl Drop for States {
    fn drop(&mut self) {
        for index in self.order.drain(..).rev() {
            drop_caught(self.values[index].take());
        }
    }
}

/// What one lane has for itself. It stays in the lane's thread.
#[derive(Default)]
pub(crate) struct LaneStates {
    /// `RefCell`s, by the index of their telling.
    values: Vec<Option<Box<dyn Any>>>,
    order: Vec<usize>,
}

impl LaneStates {
    #[inline]
    pub(super) fn at<T: 'static>(&self, index: usize) -> Option<&RefCell<T>> {
        self.values.get(index)?.as_deref()?.downcast_ref()
    }
}

impl Drop for LaneStates {
    fn drop(&mut self) {
        for index in self.order.drain(..).rev() {
            drop_caught(self.values[index].take());
        }
    }
}

//! State by scope: what a worker has one of, what each lane has, what each task gets.
//!
//! [`Registry`] has what the builder was told. It is bound before the worker joins its pool: what a
//! handler or another state asks for is looked up once, and whatever is missing, doubled or goes
//! round in a circle is told then. [`States`] has the singletons, [`LaneStates`] what one lane has.
//! Invariants: no code of the user runs before everything asked for has been found; states are
//! dropped in the reverse order of their making, after the last task.

pub(crate) mod config;
pub(crate) mod extract;
mod finder;
pub(crate) mod make;

pub use extract::{Extract, PerLane, PerTask, State};
pub use finder::Finder;
pub use make::{Make, MakePerTask, Provide};

use config::Sections;
use finder::{Owner, Wanted};
use std::any::{Any, TypeId, type_name};
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// How long a value lives, and which tasks share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Singleton,
    Lane,
    Task,
}

impl Scope {
    /// The method of the builder that gives one.
    fn method(self) -> &'static str {
        match self {
            Self::Singleton => ".singleton(..)",
            Self::Lane => ".per_lane(..)",
            Self::Task => ".per_task(..)",
        }
    }

    /// The argument by which a handler takes it.
    fn argument(self) -> &'static str {
        match self {
            Self::Singleton => "State",
            Self::Lane => "PerLane",
            Self::Task => "PerTask",
        }
    }
}

/// Makes a singleton, from those that are made already.
type MakeSingleton = Box<dyn FnOnce(&States) -> Result<Arc<dyn Any + Send + Sync>, String> + Send>;
/// Makes the value of a lane, in its thread: a `RefCell` of the type.
type MakeForLane = Box<dyn Fn(&States) -> Result<Box<dyn Any>, String> + Send + Sync>;

/// A way to make a value, all of whose needs were looked up.
pub(crate) enum Bound {
    Singleton(MakeSingleton),
    Lane(MakeForLane),
    /// A [`make::Maker`] of the type.
    Task(Box<dyn Any + Send + Sync>),
}

/// Looks up what a state needs.
type Bind = Box<dyn FnOnce(&mut Finder<'_>) -> Bound + Send>;

/// A state that the builder was told of.
struct Declared {
    /// Its name in the configuration and in messages; a value given as it is has none.
    name: Option<String>,
    scope: Scope,
    id: TypeId,
    kind: &'static str,
    bind: Option<Bind>,
}

impl fmt::Display for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "the state {name:?} ({})", self.kind),
            None => write!(f, "the state {}", self.kind),
        }
    }
}

/// The states that a builder was told of, in the order of telling.
#[derive(Default)]
pub(crate) struct Registry(Vec<Declared>);

impl Registry {
    /// Adds one; the error says which stands in its way.
    pub(crate) fn add<T: 'static>(
        &mut self,
        scope: Scope,
        name: Option<&str>,
        bind: impl FnOnce(&mut Finder<'_>) -> Bound + Send + 'static,
    ) -> Result<(), String> {
        let (id, kind) = (TypeId::of::<T>(), type_name::<T>());
        let doubled = if self.position(scope, id).is_some() {
            let how = match scope {
                Scope::Singleton => "are given",
                Scope::Lane => "are given for each lane",
                Scope::Task => "are given for each task",
            };
            let remedy = "wrap each in a type of its own";
            Err(format!("two states of the type {kind} {how}: {remedy}"))
        } else if name
            .is_some_and(|name| self.0.iter().any(|one| one.name.as_deref() == Some(name)))
        {
            let name = name.unwrap_or_default();
            Err(format!("two states have the name {name:?}: rename one"))
        } else {
            Ok(())
        };
        self.0.push(Declared {
            name: name.map(str::to_owned),
            scope,
            id,
            kind,
            bind: Some(Box::new(bind)),
        });
        doubled
    }

    fn position(&self, scope: Scope, id: TypeId) -> Option<usize> {
        let same = |one: &Declared| one.scope == scope && one.id == id;
        self.0.iter().position(same)
    }

    /// The scopes in which there is a value of this type.
    fn scopes(&self, id: TypeId) -> impl Iterator<Item = Scope> {
        let all = self.0.iter().filter(move |one| one.id == id);
        all.map(|one| one.scope)
    }

    /// Looks up what the states themselves ask for. What can't be had is added to `problems`.
    pub(crate) fn bind(&mut self, sections: &Sections, problems: &mut Vec<String>) -> Plan {
        let mut bound = Vec::new();
        let mut wanted = Vec::new();
        for index in 0..self.0.len() {
            let Some(bind) = self.0[index].bind.take() else {
                continue;
            };
            let owner = Owner::State(&self.0[index]);
            let mut finder = Finder::new(self, sections, owner, problems);
            bound.push(bind(&mut finder));
            wanted.push(finder.wanted());
        }
        match order(&wanted) {
            Ok(order) => Plan { bound, order },
            Err(circle) => {
                let names: Vec<String> = circle
                    .iter()
                    .map(|index| self.0[*index].to_string())
                    .collect();
                problems.push(format!(
                    "states need each other in a circle, so none can be made first: {}: take one of them apart",
                    names.join(" needs ")
                ));
                Plan::default()
            }
        }
    }

    /// Makes the singletons; the error names the one that could not be made, and drops the others.
    pub(crate) fn make(&self, plan: Plan) -> Result<States, String> {
        let mut states = States::default();
        let mut singletons = Vec::new();
        for (declared, bound) in self.0.iter().zip(plan.bound) {
            let (mut singleton, mut lane, mut task) = (None, None, None);
            match bound {
                Bound::Singleton(make) => singleton = Some(make),
                Bound::Lane(make) => lane = Some((declared.to_string(), make)),
                Bound::Task(make) => task = Some(make),
            }
            singletons.push(singleton);
            states.ids.push((declared.scope, declared.id));
            states.values.push(None);
            states.lanes.push(lane);
            states.tasks.push(task);
        }
        for index in plan.order {
            let declared = &self.0[index];
            if let Some(make) = singletons.get_mut(index).and_then(Option::take) {
                let made = caught(|| make(&states));
                let value = made.map_err(|why| format!("{declared} can't be made: {why}"))?;
                if declared.name.is_some() {
                    tracing::debug!("{declared} is made");
                }
                states.values[index] = Some(value);
            }
            states.order.push(index);
        }
        Ok(states)
    }
}

/// States whose needs are looked up, and the order in which they can be made.
#[derive(Default)]
pub(crate) struct Plan {
    bound: Vec<Bound>,
    order: Vec<usize>,
}

/// The order in which each comes after what it needs, else as told; or those of a circle, of which
/// the first one stands at the end, too.
fn order(wanted: &[Wanted]) -> Result<Vec<usize>, Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Under,
        Done,
    }
    fn visit(
        index: usize,
        wanted: &[Wanted],
        marks: &mut [Mark],
        path: &mut Vec<usize>,
        order: &mut Vec<usize>,
    ) -> Result<(), Vec<usize>> {
        path.push(index);
        match marks[index] {
            Mark::Done => {}
            Mark::Under => {
                let first = path.iter().position(|one| *one == index);
                return Err(path.split_off(first.unwrap_or(0)));
            }
            Mark::New => {
                marks[index] = Mark::Under;
                for need in &wanted[index] {
                    visit(*need, wanted, marks, path, order)?;
                }
                marks[index] = Mark::Done;
                order.push(index);
            }
        }
        path.pop();
        Ok(())
    }
    let mut marks = vec![Mark::New; wanted.len()];
    let (mut path, mut order) = (Vec::new(), Vec::new());
    for index in 0..wanted.len() {
        visit(index, wanted, &mut marks, &mut path, &mut order)?;
    }
    Ok(order)
}

/// A panic of a user's code that makes a state is its error.
fn caught<T>(make: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|payload| {
        let text = crate::panics::text_of(payload.as_ref());
        Err(format!("it panicked: {}", text.unwrap_or_default()))
    })
}

/// A panic of a user's destructor costs the others nothing.
fn drop_caught<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        let text = crate::panics::text_of(payload.as_ref()).unwrap_or_default();
        tracing::error!("the destructor of a state panicked: {text}");
    }
}

/// What all lanes of a worker share. Each state has the index of its telling in each of the lists.
#[derive(Default)]
pub(crate) struct States {
    ids: Vec<(Scope, TypeId)>,
    values: Vec<Option<Arc<dyn Any + Send + Sync>>>,
    lanes: Vec<Option<(String, MakeForLane)>>,
    tasks: Vec<Option<Box<dyn Any + Send + Sync>>>,
    /// That of their making.
    order: Vec<usize>,
}

impl States {
    /// The singleton at an index that [`Finder`] has found.
    #[inline]
    fn at<T: 'static>(&self, index: usize) -> Option<&T> {
        self.values.get(index)?.as_deref()?.downcast_ref()
    }

    #[inline]
    fn shared_at<T: Send + Sync + 'static>(&self, index: usize) -> Option<Arc<T>> {
        let value = self.values.get(index)?.as_ref()?;
        Arc::clone(value).downcast().ok()
    }

    /// The singleton of a type.
    #[inline]
    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        let wanted = (Scope::Singleton, TypeId::of::<T>());
        self.at(self.ids.iter().position(|id| *id == wanted)?)
    }

    #[inline]
    fn maker_at<T: 'static>(&self, index: usize) -> Option<&make::Maker<T>> {
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
    fn at<T: 'static>(&self, index: usize) -> Option<&RefCell<T>> {
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

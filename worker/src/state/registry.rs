//! What the builder was told of states: bound before the worker joins its pool, made after.

use super::caught::caught;
use super::config::Sections;
use super::declared::Declarations;
use super::finder::{Finder, Owner, Wanted};
use super::order::order;
use super::scope::Scope;
use super::states::{Bound, States, Wait};
use ringwork_ring::format::states::LaneKind;

/// Looks up what a state needs.
type Bind = Box<dyn FnOnce(&mut Finder<'_>) -> Bound + Send>;

/// The states that a builder was told of, and how each looks up what it needs.
#[derive(Default)]
pub(crate) struct Registry {
    declared: Declarations,
    /// One for each that is declared, until they are bound.
    binds: Vec<Bind>,
    /// What each needs, once they are bound.
    wanted: Vec<Wanted>,
    /// What the handlers for each kind of lanes ask for.
    asked: Vec<(LaneKind, Wanted)>,
}

impl Registry {
    /// Adds one; the error says which stands in its way.
    pub(crate) fn add<T: 'static>(
        &mut self,
        scope: Scope,
        name: Option<&str>,
        bind: impl FnOnce(&mut Finder<'_>) -> Bound + Send + 'static,
    ) -> Result<(), String> {
        self.binds.push(Box::new(bind));
        self.declared.add::<T>(scope, name)
    }

    /// What looks up the needs of a handler.
    pub(crate) fn finder<'r>(
        &'r self,
        sections: &'r Sections,
        handler: &'r str,
        problems: &'r mut Vec<String>,
    ) -> Finder<'r> {
        let owner = Owner::Handler(handler);
        Finder::new(&self.declared, &self.wanted, sections, owner, problems)
    }

    /// Notes what a handler for a kind of lanes asks for.
    pub(crate) fn ask(&mut self, kind: LaneKind, wanted: Wanted) {
        self.asked.push((kind, wanted));
    }

    /// Which states the handlers for some of the lanes need, those that these are made of included.
    fn needed_by(&self, is_one: impl Fn(LaneKind) -> bool) -> Vec<bool> {
        let mut needed = vec![false; self.wanted.len()];
        let asked = self.asked.iter().filter(|(kind, _)| is_one(*kind));
        let mut next: Wanted = asked.flat_map(|(_, wanted)| wanted).copied().collect();
        while let Some(index) = next.pop() {
            // Any number stands for one that is missing: then no worker starts.
            if needed.get(index) == Some(&false) {
                needed[index] = true;
                next.extend(&self.wanted[index]);
            }
        }
        needed
    }

    /// Which states a worker for one kind of lanes leaves out: those that only handlers of the other
    /// kind need. A handler that takes one without having said so finds the rest.
    fn left_out(&self, served: LaneKind) -> Vec<bool> {
        let own = self.needed_by(|kind| kind == served);
        let others = self.needed_by(|kind| kind != served);
        let of_others = |(own, other): (bool, bool)| other && !own;
        own.into_iter().zip(others).map(of_others).collect()
    }

    /// Looks up what the states themselves ask for. What can't be had is added to `problems`.
    pub(crate) fn bind(&mut self, sections: &Sections, problems: &mut Vec<String>) -> Plan {
        let mut bound = Vec::new();
        let mut wanted = Vec::new();
        for (declared, bind) in self.declared.iter().zip(self.binds.drain(..)) {
            let owner = Owner::State(declared);
            let mut finder = Finder::new(&self.declared, &[], sections, owner, problems);
            bound.push(bind(&mut finder));
            wanted.push(finder.wanted());
        }
        let order = order(&wanted);
        self.wanted = wanted;
        match order {
            Ok(order) => Plan { bound, order },
            Err(circle) => {
                let names: Vec<String> = circle
                    .iter()
                    .map(|index| self.declared[*index].to_string())
                    .collect();
                problems.push(format!(
                    "states need each other in a circle, so none can be made first: {}: take one of them apart",
                    names.join(" needs ")
                ));
                Plan::default()
            }
        }
    }

    /// Makes the singletons, async ones by `wait`, as far as a worker for one kind of lanes needs them;
    /// the error names the one that could not be made, and drops the others.
    pub(crate) fn make(
        &self,
        plan: Plan,
        served: Option<LaneKind>,
        wait: Wait<'_>,
    ) -> Result<States, String> {
        let left_out = served.map(|kind| self.left_out(kind)).unwrap_or_default();
        let is_left_out = |index: usize| left_out.get(index) == Some(&true);
        let mut states = States::default();
        let mut singletons = Vec::new();
        for (index, (declared, bound)) in self.declared.iter().zip(plan.bound).enumerate() {
            let (mut singleton, mut lane, mut task) = (None, None, None);
            #[cfg(feature = "io")]
            let mut thread = None;
            match bound {
                Bound::Singleton(make) => singleton = Some(make),
                Bound::Lane(_) if is_left_out(index) => {}
                Bound::Lane(make) => lane = Some((declared.to_string(), make)),
                Bound::Task(make) => task = Some(make),
                #[cfg(feature = "io")]
                Bound::Thread(_) if is_left_out(index) => {}
                #[cfg(feature = "io")]
                Bound::Thread(make) => thread = Some((declared.to_string(), make)),
            }
            singletons.push(singleton);
            states.ids.push((declared.scope, declared.id));
            states.values.push(None);
            states.lanes.push(lane);
            states.tasks.push(task);
            #[cfg(feature = "io")]
            states.threads.push(thread);
        }
        for index in plan.order {
            let declared = &self.declared[index];
            if is_left_out(index) && declared.name.is_some() {
                tracing::debug!(
                    event = "state.left_out",
                    "{declared} is not made: the handlers of this worker need none"
                );
                continue;
            }
            if let Some(make) = singletons.get_mut(index).and_then(Option::take) {
                let made = caught(|| make(&states, wait));
                let value = made.map_err(|why| format!("{declared} can't be made: {why}"))?;
                if declared.name.is_some() {
                    tracing::debug!(event = "state.made", "{declared} is made");
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

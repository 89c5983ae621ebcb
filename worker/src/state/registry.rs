//! What the builder was told of states: bound before the worker joins its pool, made after.

use super::caught::caught;
use super::config::Sections;
use super::declared::Declarations;
use super::finder::{Finder, Owner, Wanted};
use super::order::order;
use super::scope::Scope;
use super::states::{Bound, States, Wait};

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

    /// Makes the singletons, async ones by `wait`; the error names the one that could not be made, and drops the others.
    pub(crate) fn make(&self, plan: Plan, wait: Wait<'_>) -> Result<States, String> {
        let mut states = States::default();
        let mut singletons = Vec::new();
        for (declared, bound) in self.declared.iter().zip(plan.bound) {
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
            let declared = &self.declared[index];
            if let Some(make) = singletons.get_mut(index).and_then(Option::take) {
                let made = caught(|| make(&states, wait));
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

//! Looks up what a handler or a state asks for, once, at the start.

use super::config::{Kind, Sections};
use super::declared::{Declarations, Declared};
use super::scope::Scope;
use serde::de::DeserializeOwned;
use std::any::{TypeId, type_name};

/// Indices of the states that one of them needs.
pub(crate) type Wanted = Vec<usize>;

/// For whom something is looked up.
#[derive(Clone, Copy)]
pub(super) enum Owner<'r> {
    Handler(&'r str),
    State(&'r Declared),
}

/// Finds what an argument of a handler needs, before the worker is ready: what a type that
/// implements [`Extract`](crate::Extract) asks. What is missing ends the worker at its start.
pub struct Finder<'r> {
    declared: &'r Declarations,
    /// What each of the states needs; empty while they are bound themselves.
    needs: &'r [Wanted],
    sections: &'r Sections,
    owner: Owner<'r>,
    /// Whether it is an async handler: nothing of a lane's is its own.
    is_async: bool,
    problems: &'r mut Vec<String>,
    wanted: Wanted,
    /// The types that are taken exclusively, or made anew.
    once: Vec<(Scope, TypeId)>,
}

impl<'r> Finder<'r> {
    pub(super) fn new(
        declared: &'r Declarations,
        needs: &'r [Wanted],
        sections: &'r Sections,
        owner: Owner<'r>,
        problems: &'r mut Vec<String>,
    ) -> Self {
        Self {
            declared,
            needs,
            sections,
            owner,
            is_async: false,
            problems,
            wanted: Vec::new(),
            once: Vec::new(),
        }
    }

    /// Says that an async handler asks.
    #[cfg(feature = "io")]
    pub(crate) fn is_async(&mut self) {
        self.is_async = true;
    }

    /// Refuses an async handler what is a lane's, or is made of such a state.
    fn refuse_lanes(&mut self, index: usize) {
        let mut looked = vec![index];
        let mut next = 0;
        while let Some(index) = looked.get(next).copied() {
            next += 1;
            if self.declared[index].scope == Scope::Lane {
                self.refuse(&format!(
                    "is async, and takes {} of a lane or what is made of it, but its task goes from thread to thread: \
                     take Arc<..> of a singleton, or PerThread<..> of .async_per_thread(..)",
                    self.declared[index]
                ));
                return;
            }
            let needs = self.needs.get(index).into_iter().flatten();
            let new: Wanted = needs.copied().filter(|one| !looked.contains(one)).collect();
            looked.extend(new);
        }
    }

    pub(crate) fn wanted(self) -> Wanted {
        self.wanted
    }

    /// The name of the handler, or of the state, that asks.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.owner {
            Owner::Handler(name) => name,
            Owner::State(state) => state.name.as_deref().unwrap_or(state.kind),
        }
    }

    /// Says that something that is asked for can't be had: cause and remedy. The worker does not
    /// start, and its error has the text.
    pub fn refuse(&mut self, why: &str) {
        let who = match self.owner {
            Owner::Handler(name) => format!("the handler {name:?}"),
            Owner::State(state) => state.to_string(),
        };
        let text = format!("{who} {why}");
        if !self.problems.contains(&text) {
            self.problems.push(text);
        }
    }

    /// The index of a state; any number where there is none, for then the worker does not start.
    pub(crate) fn index_of<T: 'static>(&mut self, scope: Scope) -> usize {
        let (id, kind) = (TypeId::of::<T>(), type_name::<T>());
        if matches!(scope, Scope::Lane | Scope::Task) {
            if self.once.contains(&(scope, id)) {
                let argument = scope.argument();
                self.refuse(&format!(
                    "takes {argument}<{kind}> twice: one argument has it, take it once"
                ));
            }
            self.once.push((scope, id));
        }
        if let Some(index) = self.declared.position(scope, id) {
            self.wanted.push(index);
            if self.is_async {
                self.refuse_lanes(index);
            }
            return index;
        }
        let given = match scope {
            Scope::Singleton => ".state(..) or .singleton(..)",
            other => other.method(),
        };
        let others = self.declared.scopes(id);
        let others: Vec<String> = others
            .map(|other| {
                format!(
                    "{} has given one: {}<..> takes it",
                    other.method(),
                    other.argument()
                )
            })
            .collect();
        let else_taken = match others.is_empty() {
            true => String::new(),
            false => format!("; or ({})", others.join("; ")),
        };
        self.refuse(&format!(
            "needs a state of the type {kind} that the worker was not given: add {given} to \
             Worker::builder(){else_taken}"
        ));
        0
    }

    /// The section of the configuration that belongs to the one that asks.
    pub(super) fn config<T: DeserializeOwned>(&mut self) -> Option<T> {
        let (kind, name) = match self.owner {
            Owner::Handler(name) => (Kind::Handler, name),
            Owner::State(Declared {
                name: Some(name), ..
            }) => (Kind::State, name.as_str()),
            Owner::State(_) => return None,
        };
        match self.sections.read(kind, name) {
            Ok(value) => Some(value),
            Err(why) => {
                self.refuse(&format!("has no valid configuration: {why}"));
                None
            }
        }
    }
}

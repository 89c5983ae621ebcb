//! The states that a builder was told of.

use super::scope::Scope;
use std::any::{TypeId, type_name};
use std::fmt;
use std::ops::Index;

/// A state that the builder was told of.
pub(super) struct Declared {
    /// Its name in the configuration and in messages; a value given as it is has none.
    pub(super) name: Option<String>,
    pub(super) scope: Scope,
    pub(super) id: TypeId,
    pub(super) kind: &'static str,
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
pub(super) struct Declarations(Vec<Declared>);

impl Declarations {
    /// Adds one; the error says which stands in its way.
    pub(super) fn add<T: 'static>(
        &mut self,
        scope: Scope,
        name: Option<&str>,
    ) -> Result<(), String> {
        let (id, kind) = (TypeId::of::<T>(), type_name::<T>());
        let doubled = if self.position(scope, id).is_some() {
            let how = match scope {
                Scope::Singleton => "are given",
                Scope::Lane => "are given for each lane",
                Scope::Task => "are given for each task",
                #[cfg(feature = "io")]
                Scope::Thread => "are given for each I/O thread",
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
        });
        doubled
    }

    pub(super) fn position(&self, scope: Scope, id: TypeId) -> Option<usize> {
        let same = |one: &Declared| one.scope == scope && one.id == id;
        self.0.iter().position(same)
    }

    /// The scopes in which there is a value of this type.
    pub(super) fn scopes(&self, id: TypeId) -> impl Iterator<Item = Scope> {
        let all = self.0.iter().filter(move |one| one.id == id);
        all.map(|one| one.scope)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Declared> {
        self.0.iter()
    }
}

impl Index<usize> for Declarations {
    type Output = Declared;
    fn index(&self, index: usize) -> &Declared {
        &self.0[index]
    }
}

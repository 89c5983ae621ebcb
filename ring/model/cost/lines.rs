//! Which core has which cache line: modified at one core, shared by several, or nowhere; and what moving
//! it costs.
//!
//! Invariant: transfers of one line come one after the other, in the order in which they were asked
//! for. That is what makes a word that every task changes a bound of the whole pool: a transfer of
//! `t` ns a task lets at most `1 / t` tasks through.

use std::collections::{BTreeMap, HashMap};

/// Bytes of a line.
const LINE: usize = 64;

/// What the machine takes for what; nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    pub(crate) name: &'static str,
    /// A line from a core of the same node.
    pub(crate) near: u64,
    /// A line from another node.
    pub(crate) far: u64,
    /// Cores of a node.
    pub(crate) node: usize,
}

/// An access of a line that the core has.
pub(crate) const HIT: u64 = 1;
/// A read-modify-write of a line that the core has.
pub(crate) const LOCKED: u64 = 6;
/// A full fence, apart from the stores that it waits for.
pub(crate) const FENCE: u64 = 10;

/// What is done with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Load,
    /// Goes on at once; a read-modify-write or fence after it waits for its line.
    Store,
    Rmw,
    /// A prefetch.
    Ask,
    /// A prefetch to write.
    AskToWrite,
}

#[derive(Debug)]
struct Line {
    kind: &'static str,
    owner: Option<usize>,
    sharers: u128,
    free_at: u64,
    busy: u64,
    transfers: u64,
}

/// One core's view of time.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    pub(crate) now: u64,
    /// When the last of its stores will have its line.
    stored: u64,
    /// Lines on their way, and when they come.
    coming: Vec<(usize, u64)>,
}

impl Clock {
    /// A clock that stands at a time.
    pub(crate) fn at(now: u64) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }
}

/// What was counted of the lines of one kind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) transfers: u64,
    pub(crate) retries: u64,
    /// How long the busiest line of the kind was on its way.
    pub(crate) busiest: u64,
    /// Its transfers.
    pub(crate) most: u64,
}

/// All lines.
pub(crate) struct Lines {
    machine: Machine,
    lines: HashMap<usize, Line>,
    retries: BTreeMap<&'static str, u64>,
}

impl Lines {
    pub(crate) fn new(machine: Machine) -> Self {
        Self {
            machine,
            lines: HashMap::new(),
            retries: BTreeMap::new(),
        }
    }

    /// Forgets what was counted, not where the lines are.
    pub(crate) fn restart(&mut self) {
        self.retries.clear();
        for line in self.lines.values_mut() {
            (line.busy, line.transfers) = (0, 0);
        }
    }

    /// A core accesses the line of an address; its clock goes on. `kind` names a new line.
    pub(crate) fn access(
        &mut self,
        core: usize,
        clock: &mut Clock,
        addr: usize,
        access: Access,
        kind: impl FnOnce() -> &'static str,
    ) {
        let number = addr / LINE;
        let line = self.lines.entry(number).or_insert_with(|| Line {
            kind: kind(),
            owner: None,
            sharers: 0,
            free_at: 0,
            busy: 0,
            transfers: 0,
        });
        let writes = matches!(access, Access::Store | Access::Rmw | Access::AskToWrite);
        let has = if writes {
            line.owner == Some(core)
        } else {
            line.sharers >> core & 1 == 1
        };
        clock.coming.retain(|(_, at)| *at > clock.now);
        let mut ready = clock.now;
        if !has {
            ready = line.move_to(core, clock.now, writes, &self.machine);
            clock.coming.push((number, ready));
        } else if let Some((_, at)) = clock.coming.iter().rev().find(|(n, _)| *n == number) {
            ready = *at;
        }
        match access {
            Access::Load => clock.now = ready + HIT,
            Access::Store => {
                clock.stored = clock.stored.max(ready);
                clock.now += HIT;
            }
            Access::Rmw => clock.now = ready.max(clock.stored) + LOCKED,
            Access::Ask | Access::AskToWrite => clock.now += HIT,
        }
    }

    /// A full fence of a core.
    pub(crate) fn fence(clock: &mut Clock) {
        clock.now = clock.now.max(clock.stored) + FENCE;
    }

    /// A compare-and-swap found another value.
    pub(crate) fn failed(&mut self, addr: usize) {
        let kind = self.lines[&(addr / LINE)].kind;
        *self.retries.entry(kind).or_default() += 1;
    }

    /// The counts, by kind of line.
    pub(crate) fn tally(&self) -> BTreeMap<&'static str, Tally> {
        let mut tally: BTreeMap<&'static str, Tally> = BTreeMap::new();
        for line in self.lines.values() {
            let kind = tally.entry(line.kind).or_default();
            kind.transfers += line.transfers;
            kind.busiest = kind.busiest.max(line.busy);
            kind.most = kind.most.max(line.transfers);
        }
        for (kind, retries) in &self.retries {
            tally.entry(kind).or_default().retries = *retries;
        }
        tally
    }
}

impl Line {
    /// Brings the line to a core; when it is there.
    fn move_to(&mut self, core: usize, now: u64, writes: bool, machine: &Machine) -> u64 {
        let others = self.sharers & !(1 << core);
        let mine = |other: &usize| other / machine.node == core / machine.node;
        let holders = || (0..128).filter(|other| others >> other & 1 == 1);
        // A reader gets the nearest copy; a writer waits for the farthest to be given up.
        let near = if writes {
            holders().all(|other| mine(&other))
        } else {
            holders().any(|other| mine(&other))
        };
        let cost = if near { machine.near } else { machine.far };
        let start = now.max(self.free_at);
        let ready = start + cost;
        // Several cores may fetch a line that no core changes nearly at once.
        let occupied = if writes || self.owner.is_some() {
            cost
        } else {
            cost / 8
        };
        self.free_at = start + occupied;
        if writes {
            self.sharers = 0;
        }
        self.owner = writes.then_some(core);
        self.sharers |= 1 << core;
        if others != 0 {
            self.busy += occupied;
            self.transfers += 1;
        }
        ready
    }
}

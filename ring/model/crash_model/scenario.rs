//! What the processes of the crash model do, and which of them may die or stop.

use crate::model::pool::Tiny;
use crate::model::sim::Hazards;
use crate::queue::wait::WaitStrategy;

pub(super) const SMALL: &[u8] = b"small";
pub(super) const LARGE: &[u8] = &[7; 100];

/// What a client does with a task, once it is submitted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// Waits for it.
    Wait,
    /// Cancels it.
    Cancel,
    /// Drops its ticket.
    Abandon,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Task {
    pub(super) act: Act,
    pub(super) request: &'static [u8],
    pub(super) attempts: u8,
}

pub(super) const fn wait(request: &'static [u8], attempts: u8) -> Task {
    Task {
        act: Act::Wait,
        request,
        attempts,
    }
}

/// A scenario: what each client does, and which processes may die.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) tiny: Tiny,
    pub(super) clients: Vec<Vec<Task>>,
    /// All tasks of a client are submitted before the first is waited for.
    pub(super) at_once: bool,
    /// Whether the supervisor sweeps: without it the reaper alone must restore every hint.
    pub(super) sweeps: bool,
    pub(super) supervisors: u32,
    pub(super) strategy: WaitStrategy,
    pub(super) victims: Victims,
    /// Whether a worker's first lane detaches what it claims, two at a time, and its second one is
    /// the shard where they end.
    pub(super) detaches: bool,
}

/// What may happen to each kind of process.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Victims {
    pub(super) client: Hazards,
    pub(super) worker: Hazards,
    pub(super) supervisor: Hazards,
}

pub(super) const SAFE: Hazards = Hazards {
    dies: false,
    stops: false,
};
pub(super) const DIES: Hazards = Hazards {
    dies: true,
    stops: false,
};
pub(super) const STOPS: Hazards = Hazards {
    dies: false,
    stops: true,
};
pub(super) const BOTH: Hazards = Hazards {
    dies: true,
    stops: true,
};

pub(super) const fn victims(client: Hazards, worker: Hazards, supervisor: Hazards) -> Victims {
    Victims {
        client,
        worker,
        supervisor,
    }
}

impl Scenario {
    /// One client with one task, one worker of one lane, one supervisor.
    pub(super) fn small(victims: Victims) -> Self {
        Self {
            tiny: Tiny::default(),
            clients: vec![vec![wait(LARGE, 2)]],
            supervisors: 1,
            at_once: false,
            sweeps: false,
            strategy: WaitStrategy::Park,
            victims,
            detaches: false,
        }
    }

    /// A client that cancels, abandons and waits.
    pub(super) fn fickle(victims: Victims) -> Self {
        let task = |act, request| Task {
            act,
            request,
            attempts: 1,
        };
        Self {
            clients: vec![vec![
                task(Act::Cancel, LARGE),
                task(Act::Wait, LARGE),
                task(Act::Abandon, SMALL),
            ]],
            tiny: Tiny {
                slots: 2,
                ..Tiny::default()
            },
            ..Self::small(victims)
        }
    }

    /// Two tasks at once, and fewer cells than they could use.
    pub(super) fn crowded(victims: Victims) -> Self {
        Self {
            tiny: Tiny {
                slots: 2,
                injector: 2,
                completion: 1,
                blocks: 3,
                ..Tiny::default()
            },
            clients: vec![vec![wait(LARGE, 1), wait(LARGE, 2)]],
            at_once: true,
            ..Self::small(victims)
        }
    }

    /// Two clients one after the other in one entry: the second needs what the first leaves.
    pub(super) fn successor(victims: Victims) -> Self {
        Self {
            clients: vec![vec![wait(LARGE, 1)], vec![wait(LARGE, 1)]],
            ..Self::small(victims)
        }
    }

    /// Two lanes in one worker, two tasks at once.
    pub(super) fn lanes(victims: Victims) -> Self {
        Self {
            tiny: Tiny {
                slots: 2,
                lanes: 2,
                blocks: 3,
                ..Tiny::default()
            },
            clients: vec![vec![wait(SMALL, 2), wait(SMALL, 2)]],
            at_once: true,
            ..Self::small(victims)
        }
    }

    /// The handler is for I/O lanes, and the worker's lane is one.
    pub(super) fn io(victims: Victims) -> Self {
        let small = Self::small(victims);
        Self {
            tiny: Tiny {
                io: true,
                ..small.tiny
            },
            ..small
        }
    }

    /// Two tasks at once, both claimed before the first of them ends. The ring has room for the
    /// second hint of one that was held, and for both tasks that were claimed.
    pub(super) fn claims(victims: Victims) -> Self {
        let lanes = Self::lanes(victims);
        Self {
            detaches: true,
            tiny: Tiny {
                injector: 4,
                ..lanes.tiny
            },
            ..lanes
        }
    }

    /// Several of everything.
    pub(super) fn large(victims: Victims) -> Self {
        let task = |act, request, attempts| Task {
            act,
            request,
            attempts,
        };
        let tasks = vec![
            task(Act::Wait, LARGE, 3),
            task(Act::Cancel, SMALL, 1),
            task(Act::Wait, SMALL, 1),
            task(Act::Abandon, LARGE, 2),
            task(Act::Wait, LARGE, 2),
        ];
        Self {
            tiny: Tiny {
                clients: 2,
                slots: 3,
                workers: 2,
                lanes: 4,
                injector: 4,
                completion: 2,
                blocks: 4,
                events: 0,
                io: false,
                keys: false,
                channel: 0,
                once: false,
            },
            clients: vec![tasks.clone(), tasks.clone(), tasks],
            supervisors: 2,
            at_once: true,
            sweeps: true,
            strategy: WaitStrategy::Adaptive,
            victims,
            detaches: false,
        }
    }
}

//! Which process comes to which point, what leads it there, and which cases are run.

use crate::stage::Crew;
use ringwork_matrix::Random;
use ringwork_ring::os::failpoint::{POINTS, Role, roles};
use std::fmt;

/// The process that is hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    /// A Rust process.
    Rust(Role),
    /// The JVM client.
    Jvm,
}

/// What hits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blow {
    /// SIGKILL.
    Kill,
    /// SIGSTOP for longer than every timeout, then SIGCONT.
    Stop,
}

/// What the test does to bring the victim to its point, besides the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// Nothing: it is on the way of every start.
    Start,
    /// Nothing: it is on the way of every task.
    Load,
    /// Nothing, and the others begin only then: it is on the way of tasks that find all lanes
    /// asleep.
    Quiet,
    /// Workers are killed while they run tasks.
    KillWorkers,
    /// Workers are asked to leave.
    TellWorkersToLeave,
    /// Workers are asked to leave while they hold many hints.
    TellBusyWorkersToLeave,
    /// Many short tasks at once, some long ones among them.
    Bursts,
    /// Tasks whose handler has a limit, more than it lets run.
    Limited,
    /// Workers are killed while they run tasks whose handler has a limit.
    KillLimited,
    /// Tasks with the keys of another client's.
    Keyed,
    /// Workers are killed while they run tasks that others of their key wait for.
    KillKeyed,
    /// Workers grow old, and are replaced.
    Aged,
    /// Workers leave after a number of tasks.
    Quota,
    /// Clients with tasks in flight are killed.
    KillClients,
    /// The client's completion ring is full of stale hints.
    FullCompletionRing,
    /// The injector rings are full of stale hints.
    FullInjectors,
    /// Hints vanish.
    LoseHints,
    /// The supervisor is asked to stop.
    Stop,
}

impl Scene {
    /// Whether the pool is served: the scene asks it or its workers to stop by a signal.
    pub fn is_served(self) -> bool {
        let signals = [
            Self::TellWorkersToLeave,
            Self::TellBusyWorkersToLeave,
            Self::Stop,
        ];
        signals.contains(&self)
    }

    /// What the pool is served with, besides the usual.
    pub fn options(self) -> &'static [&'static str] {
        match self {
            Self::Limited | Self::KillLimited => &["--limit", "hold:concurrency=1"],
            Self::Aged => &["--max-age", "500ms"],
            Self::Quota => &["--max-tasks", "300"],
            _ => &[],
        }
    }
}

/// One case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub victim: Victim,
    pub point: String,
    pub blow: Blow,
    pub scene: Scene,
    /// The time that the victim comes to the point when it is hit.
    pub count: u64,
    /// Whether a half of the workers are I/O workers.
    pub io: bool,
}

impl Case {
    /// The workers of its pool: two in all; four where one of a kind may die that no supervisor
    /// replaces for a while, since tasks of that kind are to be served all the same.
    pub fn crew(&self) -> Crew {
        let stopped = self.victim == Victim::Rust(Role::Supervisor) && self.blow == Blow::Stop;
        match (self.io, stopped) {
            (false, _) => Crew::PLAIN,
            (true, false) => Crew { workers: 2, io: 1 },
            (true, true) => Crew { workers: 4, io: 2 },
        }
    }
}

impl Case {
    /// What arms the point in the processes of the case.
    pub fn armed(&self) -> String {
        let victim = match self.victim {
            Victim::Rust(role) => role.name(),
            Victim::Jvm => "jvm",
        };
        let blow = match self.blow {
            Blow::Kill => "kill",
            Blow::Stop => "stop",
        };
        format!("{victim}:{}={blow}@{}", self.point, self.count)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let io = if self.io { "+io" } else { "" };
        write!(f, "{}{io}", self.armed())
    }
}

/// All cases.
pub fn all(jvm_points: &[String], seed: u64) -> Vec<Case> {
    let mut random = Random::new(seed);
    let rust = POINTS.iter().flat_map(|(point, letters)| {
        roles(letters)
            .into_iter()
            .map(|role| (Victim::Rust(role), (*point).to_owned()))
    });
    let jvm = jvm_points
        .iter()
        .map(|point| (Victim::Jvm, point.to_owned()));
    let mut cases = Vec::new();
    for (victim, point) in rust.chain(jvm) {
        for blow in [Blow::Kill, Blow::Stop] {
            let scene = scene(victim, &point);
            let count = if is_hot(victim, &point, scene) {
                1 + random.below(6)
            } else {
                1
            };
            cases.push(Case {
                victim,
                point: point.clone(),
                blow,
                scene,
                count,
                io: false,
            });
        }
    }
    let beside_io: Vec<Case> = (cases.iter())
        .filter(|case| is_of_lanes(case))
        // While the one worker of a kind is stopped, the tasks for that kind wait for it.
        .filter(|case| case.blow == Blow::Kill || case.victim != Victim::Rust(Role::Worker))
        .map(|case| Case {
            io: true,
            ..case.clone()
        })
        .collect();
    cases.extend(beside_io);
    cases
}

/// Whether the point is on the way of every lane, of either kind, or of the reaper of its worker.
fn is_of_lanes(case: &Case) -> bool {
    let family = case.point.split('.').next().unwrap_or_default();
    match case.victim {
        Victim::Rust(Role::Worker) => {
            case.scene == Scene::Load && ["lane", "claim", "wake"].contains(&family)
        }
        Victim::Rust(Role::Supervisor) => {
            matches!(case.scene, Scene::KillWorkers | Scene::KillKeyed) && family == "reap"
        }
        _ => case.point == "submit.hinted",
    }
}

/// A sample: every point of every kind of process once, with one of the two blows.
pub fn sample(cases: &[Case], seed: u64) -> Vec<Case> {
    let mut random = Random::new(seed);
    cases
        .chunks(2)
        .map(|pair| pair[random.below(pair.len() as u64) as usize].clone())
        .collect()
}

/// Whether the load comes by often, so that some later time may be chosen.
fn is_hot(victim: Victim, point: &str, scene: Scene) -> bool {
    let once = ["handler.", "lane.registered", "error.", "serve.", "counts."];
    matches!(scene, Scene::Load | Scene::Limited | Scene::Keyed)
        && victim != Victim::Rust(Role::Supervisor)
        && !once.iter().any(|start| point.starts_with(start))
}

fn scene(victim: Victim, point: &str) -> Scene {
    let family = point.split('.').next().unwrap_or_default();
    match (victim, point) {
        (Victim::Rust(Role::Worker), "lane.registered") => Scene::Start,
        (Victim::Rust(Role::Worker), "lane.hint_returned") => Scene::TellBusyWorkersToLeave,
        (Victim::Rust(Role::Worker), "leave.quota") => Scene::Quota,
        (Victim::Rust(Role::Worker), "claim.stolen") => Scene::Bursts,
        (Victim::Rust(Role::Worker), "complete.overflow") => Scene::FullCompletionRing,
        (Victim::Rust(Role::Worker), _) => match family {
            "attach" | "entry" | "handler" | "worker" => Scene::Start,
            "leave" => Scene::TellWorkersToLeave,
            "limit" => Scene::Limited,
            "key" => Scene::Keyed,
            _ => Scene::Load,
        },
        (_, "submit.withdrawn") => Scene::FullInjectors,
        (Victim::Rust(Role::Client) | Victim::Jvm, _) if family == "wake" => Scene::Quiet,
        (Victim::Rust(Role::Client) | Victim::Jvm, _) => Scene::Load,
        (Victim::Rust(Role::Supervisor), "sweep.hinted") => Scene::LoseHints,
        (Victim::Rust(Role::Supervisor), "serve.serving" | "serve.worker_started") => Scene::Start,
        (Victim::Rust(Role::Supervisor), "serve.exit_seen") => Scene::KillWorkers,
        (Victim::Rust(Role::Supervisor), "serve.told_to_leave") => Scene::Aged,
        (Victim::Rust(Role::Supervisor), "reap.permit_freed") => Scene::KillLimited,
        (
            Victim::Rust(Role::Supervisor),
            "key.next_hinted" | "reap.key_freed" | "reap.key_hinted",
        ) => Scene::KillKeyed,
        (Victim::Rust(Role::Supervisor), _) => match family {
            "create" => Scene::Start,
            "remove" | "serve" => Scene::Stop,
            // What a client leaves at a channel: the successor keeps a message.
            "channel" => Scene::KillClients,
            _ if point.starts_with("reap.client")
                || point.starts_with("reap.channel")
                || [
                    "reap.orphan_freed",
                    "reap.key_cancelled",
                    "reap.key_dropped",
                ]
                .contains(&point) =>
            {
                Scene::KillClients
            }
            _ => Scene::KillWorkers,
        },
    }
}

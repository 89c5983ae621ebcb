//! How cost grows with cores: the lanes' real code and the Java client's accesses on a counted
//! machine of up to 64 cores and more. Built by `tools/model contention` with a cfg of its own,
//! under which nothing is scaled down; docs/lab/2026-11-contention-model.md has the results and
//! what is left out.

mod cores;
mod java;
mod lines;
mod table;

use super::pool::{Pool, Tiny};
use crate::Codec;
use crate::client::Client;
use crate::format::layout::*;
use crate::lane::entry::{WorkerEntry, client_entries};
use crate::queue::wait::WaitStrategy;
use cores::Cores;
use java::{Counters, Java};
use lines::{Machine, Tally};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a lane computes for a task besides the accesses that are counted and the handler itself.
const LANE_WORK: u64 = 40;
/// Tasks that a thread has in flight, at most.
const WINDOW: u64 = 64;

/// What submits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Threads of one JVM; its poller thread, on a core of its own, drains.
    Threads,
    /// As many JVMs, each with one thread that submits and drains.
    Clients,
}

#[derive(Debug, Clone, Copy)]
struct Scenario {
    machine: Machine,
    who: Who,
    producers: usize,
    lanes: usize,
    /// How long a handler runs.
    task_ns: u64,
    counters: Counters,
    /// Whether a thread that lost a race for a cell of the injector waits before it tries again.
    backs_off: bool,
    warm: u64,
    tasks: u64,
}

/// What came out.
#[derive(Debug)]
struct Outcome {
    tasks: u64,
    elapsed: u64,
    /// Part of the time that the poller was at work; 0 where there is none.
    poller: f64,
    tally: BTreeMap<&'static str, Tally>,
}

impl Outcome {
    /// Million tasks a second.
    fn rate(&self) -> f64 {
        self.tasks as f64 * 1e3 / self.elapsed as f64
    }

    fn each(&self, count: u64) -> f64 {
        count as f64 / self.tasks as f64
    }

    fn of(&self, kind: &str) -> Tally {
        self.tally.get(kind).copied().unwrap_or_default()
    }

    /// The line that was most on its way, and the part of the time that it was.
    fn hottest(&self) -> (&'static str, f64) {
        let (kind, tally) = self
            .tally
            .iter()
            .max_by_key(|(_, tally)| tally.busiest)
            .expect("lines");
        (kind, tally.busiest as f64 / self.elapsed as f64)
    }

    fn transfers(&self) -> f64 {
        self.each(self.tally.values().map(|tally| tally.transfers).sum())
    }

    fn retries(&self) -> f64 {
        self.each(self.tally.values().map(|tally| tally.retries).sum())
    }
}

/// The kind of the shared line at an offset of the segment.
fn kind(segment: &crate::Segment, offset: usize) -> &'static str {
    let g = segment.geometry();
    let ring = |within: usize, head, tail, cells| match within {
        0..RING_TAIL => head,
        RING_TAIL..RING_CELLS => tail,
        _ => cells,
    };
    if offset >= g.completions {
        let within = (offset - g.completions) % (RING_CELLS + 8 * g.completion_capacity as usize);
        return ring(
            within,
            "completion head",
            "completion tail",
            "completion cells",
        );
    }
    if offset >= g.slots {
        return match (offset - g.slots) % SLOT_STRIDE / 64 {
            0 => "slot: A",
            1 => "slot: B",
            2 => "slot: R",
            3 => "slot: R2",
            4 => "slot: S",
            _ => "slot: T",
        };
    }
    if offset >= g.injectors {
        return ring(
            offset - g.injectors,
            "injector head",
            "injector tail",
            "injector cells",
        );
    }
    if offset >= g.lanes {
        return match (offset - g.lanes) % LANE_STRIDE / 64 * 64 {
            LANE_HELD => "lane: held",
            384 => "lane: counters",
            _ => "lane: other",
        };
    }
    if offset >= g.clients && offset < g.workers {
        return match (offset - g.clients) % CLIENT_STRIDE / 64 * 64 {
            CLIENT_WAITING => "client: waiting",
            CLIENT_OVERFLOW => "client: overflow",
            384.. => "client: counters",
            _ => "client: other",
        };
    }
    match offset / 64 * 64 {
        H_IDLE => "idle and searching",
        _ => "header",
    }
}

struct Run {
    cores: Rc<Cores>,
    leave: Arc<AtomicBool>,
    ended: Cell<u64>,
    // Nanoseconds that drains took which found something.
    polled: Cell<u64>,
    scenario: Scenario,
    tally: RefCell<Option<Outcome>>,
}

impl Run {
    /// Counts tasks that have ended.
    fn count(&self, more: u64) {
        let (before, after) = (self.ended.get(), self.ended.get() + more);
        self.ended.set(after);
        let Scenario { warm, tasks, .. } = self.scenario;
        if before < warm && after >= warm {
            self.cores.warm();
            self.polled.set(0);
            // What this drain took beyond the start counts as the start, too.
            self.ended.set(warm);
        }
        if before < warm + tasks && after >= warm + tasks {
            self.cores.finish();
            *self.tally.borrow_mut() = Some(Outcome {
                tasks: after - warm,
                elapsed: self.cores.elapsed(),
                poller: self.polled.get() as f64 / self.cores.elapsed() as f64,
                tally: self.cores.lines().tally(),
            });
            self.leave.store(true, Ordering::Relaxed);
        }
    }

    fn over(&self) -> bool {
        self.leave.load(Ordering::Relaxed)
    }
}

/// Client processes of a scenario, and slots of each.
fn clients(scenario: &Scenario) -> (u32, u32) {
    match scenario.who {
        Who::Threads => (1, 1024),
        Who::Clients => (scenario.producers as u32, 128),
    }
}

/// A pool of the scenario's size.
fn pool(scenario: &Scenario) -> Pool {
    let (clients, slots) = clients(scenario);
    Tiny {
        clients: client_entries(clients),
        slots,
        lanes: scenario.lanes as u32,
        injector: (2 * client_entries(clients) * slots).next_power_of_two(),
        completion: 2 * slots,
        ..Tiny::default()
    }
    .pool()
}

/// The cores, which name each address by what it is of the pool or of a client.
fn cores(scenario: &Scenario, pool: &Pool, javas: &Rc<RefCell<Vec<Rc<Java>>>>) -> Rc<Cores> {
    let (named, segment, places) = (Rc::clone(javas), pool.segment(), pool.clone());
    Cores::new(
        scenario.machine,
        Box::new(move |addr| match places.offset(addr) {
            Some(offset) => kind(&segment, offset),
            None => {
                let javas = named.borrow();
                let name = javas.iter().find_map(|java| java.name(addr));
                name.unwrap_or("private")
            }
        }),
    )
}

/// Runs a scenario.
fn run(scenario: Scenario) -> Outcome {
    let pool = pool(&scenario);
    let javas: Rc<RefCell<Vec<Rc<Java>>>> = Rc::default();
    let cores = cores(&scenario, &pool, &javas);
    let run = Rc::new(Run {
        cores: Rc::clone(&cores),
        leave: Arc::default(),
        ended: Cell::new(0),
        polled: Cell::new(0),
        scenario,
        tally: RefCell::default(),
    });
    let threads = if scenario.who == Who::Threads {
        scenario.producers
    } else {
        1
    };
    for index in 0..clients(&scenario).0 {
        let client = Client::register(pool.segment()).expect("an entry");
        let java = Java::new(
            &cores,
            pool.segment(),
            client,
            threads,
            scenario.counters,
            scenario.backs_off,
            index,
        );
        javas.borrow_mut().push(Rc::new(java));
    }
    let entry = WorkerEntry::register(Arc::new(pool.segment()), None).expect("a worker entry");
    let lanes = entry.lanes(scenario.lanes as u32, WaitStrategy::Spin);
    for mut lane in lanes.expect("lanes") {
        let run = Rc::clone(&run);
        cores.start(move || {
            while let Some(mut task) = lane.next(&run.leave) {
                let _bytes = task.request().expect("a request");
                run.cores.work(LANE_WORK + run.scenario.task_ns);
                task.reserve(8).expect("room");
                task.finish(8, Codec::Bytes);
            }
        });
    }
    match scenario.who {
        Who::Threads => one_jvm(&cores, &run, &javas.borrow()[0]),
        Who::Clients => {
            for java in javas.borrow().iter() {
                alone(&cores, &run, java);
            }
        }
    }
    cores.run();
    javas.borrow_mut().clear();
    drop(entry);
    super::shim::set_engine(None);
    run.tally.borrow_mut().take().expect("it has ended")
}

/// Threads that submit, and a poller.
fn one_jvm(cores: &Rc<Cores>, run: &Rc<Run>, java: &Rc<Java>) {
    let window = WINDOW.min(1024 / run.scenario.producers as u64);
    for thread in 0..run.scenario.producers {
        let (run, java) = (Rc::clone(run), Rc::clone(java));
        cores.start(move || {
            while !run.over() {
                if java.awaited(thread).load(Ordering::Acquire) < window {
                    java.awaited(thread).fetch_add(1, Ordering::SeqCst);
                    assert!(java.submit(thread), "windows leave slots free");
                } else {
                    crate::os::sync::spin_loop();
                }
            }
        });
    }
    let (run, java) = (Rc::clone(run), Rc::clone(java));
    cores.start(move || {
        while !run.over() {
            let start = run.cores.now();
            let ended = java.drain();
            if ended > 0 {
                run.polled.set(run.polled.get() + run.cores.now() - start);
            }
            run.count(ended);
            if ended == 0 {
                crate::os::sync::spin_loop();
            }
        }
    });
}

/// A thread that submits half a window, then takes in what has ended.
fn alone(cores: &Rc<Cores>, run: &Rc<Run>, java: &Rc<Java>) {
    let (run, java) = (Rc::clone(run), Rc::clone(java));
    cores.start(move || {
        let mut in_flight = 0;
        while !run.over() {
            while in_flight < WINDOW && !run.over() {
                java.awaited(0).fetch_add(1, Ordering::SeqCst);
                assert!(java.submit(0), "the window leaves slots free");
                in_flight += 1;
            }
            while in_flight > WINDOW / 2 && !run.over() {
                let ended = java.drain();
                run.count(ended);
                in_flight -= ended;
                if ended == 0 {
                    crate::os::sync::spin_loop();
                }
            }
        }
    });
}

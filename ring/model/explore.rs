//! The engine of the crash model: processes that run one step at a time, and of which any may die,
//! or stop for long, before any step.
//!
//! A step is an access to a word of the protocol, a futex call or a lock call. Between two steps a
//! process runs alone, so an execution is the list of choices made: which process goes on, which
//! one dies. The exhaustive mode walks all lists within the [`Limits`], depth first, by running the
//! code again; the random mode draws them. Memory is sequentially consistent here; the orderings
//! are [`super::loom_engine`]'s subject.
//!
//! A dead process is unwound without effect: its stores go nowhere, its loads read 0. Its locks are
//! free at once, as the kernel does it.

use super::plan::Plan;
pub(crate) use super::plan::{Limits, Mode};
use super::pool::Pool;
use super::shim::{Engine, set_engine};
use super::sim::{Reused, Sim};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

/// What was explored.
#[derive(Debug, Default)]
struct Report {
    executions: u64,
    steps: u64,
    crashes: u64,
    timeouts: u64,
}

/// Explores a scenario: `setup` starts the processes of each execution, `check` looks at the
/// segment after its end (without an engine).
pub(crate) fn explore(
    name: &str,
    pool: &Pool,
    limits: Limits,
    mode: Mode,
    setup: impl Fn(&Rc<Sim>),
    check: impl Fn(&Sim),
) {
    super::shim::fail_fast();
    let start = std::time::Instant::now();
    let plan = Rc::new(RefCell::new(Plan::new(mode)));
    let reused = Rc::new(Reused::default());
    let mut report = Report::default();
    let execute = |trace: bool| {
        set_engine(None);
        pool.reset();
        let sim = Sim::new(pool, limits, &plan, &reused, trace);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            setup(&sim);
            set_engine(Some(Rc::clone(&sim) as Rc<dyn Engine>));
            sim.run();
            set_engine(None);
            check(&sim);
        }));
        set_engine(None);
        if ended.is_err() {
            // Coroutines in mid-flight are left as they are.
            std::mem::forget(Rc::clone(&sim));
        }
        (ended, sim)
    };
    loop {
        let (ended, sim) = execute(false);
        report.executions += 1;
        let (steps, timeouts) = sim.counts();
        report.steps += steps;
        report.crashes += u64::from(sim.crashes());
        report.timeouts += timeouts;
        if let Err(panic) = ended {
            eprintln!(
                "model {name}: execution {} fails; again, with all its steps:",
                report.executions
            );
            plan.borrow_mut().rewind();
            let (_, sim) = execute(true);
            std::mem::forget(sim);
            resume_unwind(panic);
        }
        if !plan.borrow_mut().advance(report.executions) {
            break;
        }
    }
    report.print(name, limits, mode, start.elapsed());
}

impl Report {
    fn print(&self, name: &str, limits: Limits, mode: Mode, took: std::time::Duration) {
        println!(
            "model {name}: {} executions, {} steps, {} deaths, {} time-outs needed; {} preemptions, {} crashes, {} pauses{}; {:.1} s",
            self.executions,
            self.steps,
            self.crashes,
            self.timeouts,
            limits.preemptions,
            limits.crashes,
            limits.pauses,
            match mode {
                Mode::Exhaustive => ", exhaustive".to_owned(),
                Mode::Random { seed, .. } => format!(", random from seed {seed}"),
            },
            took.as_secs_f64()
        );
    }
}

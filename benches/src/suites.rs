//! The suites: which cases, in which order, what is kept and what is compared.

mod async_tasks;
mod client;
mod cpu10k;
mod handlers;
mod idle;
mod keyed;
mod payload;
mod quick;
mod recovery;
mod rounds;
mod rtt;
mod small;
mod tail;
mod throughput;
mod waiting;

use crate::limits::Limits;
use crate::programs::Programs;
use crate::summary::Summary;
use crate::watch::{PROBE, Watch};
use clap::ValueEnum;
use rounds::{ROUNDS, percentiles};
use std::error::Error;
use std::path::Path;
use std::time::Duration;

/// The suites, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    Rtt,
    Throughput,
    Tail,
    Payload,
    #[value(name = "cpu10k")]
    Cpu10k,
    Idle,
    Scale,
    Recovery,
    Async,
    Keyed,
    Allocation,
    Start,
    Handlers,
    Client,
    /// Parts of some of the others, in short rounds; alone.
    Quick,
}

impl Suite {
    /// All but the quick one.
    pub fn all() -> Vec<Self> {
        let all = Self::value_variants().iter().copied();
        all.filter(|suite| *suite != Self::Quick).collect()
    }

    pub fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Works on one suite; the number of its cases that failed.
pub fn run(
    suite: Suite,
    programs: &Programs,
    summary: &mut Summary,
) -> Result<usize, Box<dyn Error>> {
    summary.watch = Watch::default(); // the former one's pool has the name that the next one takes
    summary.watch = Watch::start(&suite.name())?;
    match suite {
        Suite::Rtt => rtt::run(programs, summary),
        Suite::Throughput => throughput::run(programs, summary),
        Suite::Payload => Ok(payload::run(programs, summary)),
        Suite::Cpu10k => Ok(cpu10k::run(programs, summary)),
        Suite::Handlers => handlers::run(programs, summary),
        Suite::Recovery => recovery::run(programs, summary),
        Suite::Async => async_tasks::run(programs, summary),
        Suite::Keyed => keyed::run(programs, summary),
        Suite::Tail => tail::run(programs, summary),
        Suite::Scale => Ok(small::scale(programs, summary)),
        Suite::Allocation => Ok(small::allocation(programs, summary)),
        Suite::Start => Ok(small::start_up(programs, ROUNDS, summary)),
        Suite::Idle => Ok(idle::run(programs, summary)),
        Suite::Client => client::run(programs, summary),
        Suite::Quick => quick::run(programs, summary),
    }
}

/// A process of the suite client, whose tasks only wait.
pub fn client_waits(dir: &Path) -> Result<(), Box<dyn Error>> {
    client::waits(dir)
}

/// Shows what the machine can do now, a few times over.
pub fn limits() -> Result<(), Box<dyn Error>> {
    let mut limits = Limits::start()?;
    for _ in 0..ROUNDS {
        let probe = limits.probe(PROBE)?;
        let spin = percentiles(&limits.spin(Duration::from_millis(200))?);
        let slot = percentiles(&limits.slot(Duration::from_millis(200))?);
        let slots = limits.slots(Duration::from_millis(200))? / 1e6;
        let futex = percentiles(&limits.futex(Duration::from_millis(200))?);
        let uds = percentiles(&limits.uds(Duration::from_millis(200))?);
        println!(
            "probe {probe:.0} ns, limit_spin {spin:?}, limit_slot {slot:?}, limit_slots {slots:.1} M/s, limit_futex {futex:?}, limit_uds {uds:?}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::cases::CaseId;
    use crate::targets::TARGETS;

    /// The names of the cases that the suites run.
    fn run() -> Vec<String> {
        let rtt = super::rtt::cases();
        let throughput = super::throughput::CASES.into_iter();
        let cpu10k = super::cpu10k::CPU_WORK.into_iter().flat_map(|(_, ids)| ids);
        let ids = rtt
            .chain(throughput)
            .chain([super::throughput::LIMIT])
            .chain(cpu10k)
            .chain(super::idle::cases())
            .chain(super::small::ALLOCATION)
            .chain(super::recovery::CASES)
            .chain(super::client::CASES);
        let names = ids.map(|id| id.name().to_owned());
        names
            .chain(super::payload::cases())
            .chain(super::handlers::cases())
            .chain(super::tail::cases())
            .collect()
    }

    #[test]
    fn a_target_names_a_case_that_is_run() {
        let run = run();
        for (subject, ..) in TARGETS {
            for case in subject.cases() {
                assert!(
                    run.iter().any(|name| name == case.name()),
                    "{subject}: no suite runs {case}"
                );
            }
        }
    }

    #[test]
    fn a_case_is_run_by_a_suite() {
        let run = run();
        for case in CaseId::ALL {
            assert!(run.iter().any(|name| name == case.name()), "{case}");
        }
    }
}

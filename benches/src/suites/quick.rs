//! `make bench-quick`: the ratios that matter, in short rounds; never to judge a time by.

use super::rounds::{PERCENTILES, Series, keep, percentiles, round_of, say, start, values};
use super::{rtt, small, tail, throughput};
use crate::cases::CaseId::{self, *};
use crate::limits::Limits;
use crate::programs::Programs;
use crate::summary::Summary;
use std::error::Error;
use std::time::Duration;

const ROUNDS: usize = 3;
const RTT: [CaseId; 3] = [RingworkSpin, RingworkPark, ForkJoinPool];
const RTT_LIMITS: [CaseId; 2] = [LimitSpin, LimitFutex];
const THROUGHPUT: [CaseId; 2] = [Ringwork1P1L, ForkJoinPool];

pub fn run(programs: &Programs, summary: &mut Summary) -> Result<usize, Box<dyn Error>> {
    let skipped = summary.skipped.len();
    round_trips(programs, summary)?;
    throughputs(programs, summary);
    let tail_case = ["ringwork_adaptive_10k".to_owned()];
    tail::measure(programs, &tail_case, 10, (ROUNDS, 0.5), summary)?;
    small::start_up(programs, ROUNDS, summary);
    summary.note("quick: cores that moved apart in mid-run are not looked for");
    Ok(summary.skipped.len() - skipped)
}

fn round_trips(programs: &Programs, summary: &mut Summary) -> Result<(), Box<dyn Error>> {
    let mut limits = Limits::start()?;
    let mut cases = start(programs, &RTT.map(CaseId::name), summary);
    let mut series = Series::new();
    for round in 0..ROUNDS {
        say(&format!("quick rtt round {}", round + 1));
        let spin = percentiles(&limits.spin(Duration::from_millis(200))?);
        keep(&mut series, LimitSpin.name(), round, spin);
        let futex = percentiles(&limits.futex(Duration::from_millis(300))?);
        keep(&mut series, LimitFutex.name(), round, futex);
        cases.retain_mut(|case| round_of(case, (round, 0.3), &mut series, summary));
    }
    for case in RTT_LIMITS.into_iter().chain(RTT).map(CaseId::name) {
        for (metric, _) in PERCENTILES {
            summary.record("rtt", case, metric, &values(&series, case, metric));
        }
    }
    rtt::ratios(&series, summary);
    Ok(())
}

fn throughputs(programs: &Programs, summary: &mut Summary) {
    let names = THROUGHPUT.map(|case| format!("throughput/{case}"));
    let mut cases = start(programs, &names.each_ref().map(String::as_str), summary);
    let mut series = Series::new();
    for round in 0..ROUNDS {
        say(&format!("quick throughput round {}", round + 1));
        cases.retain_mut(|case| round_of(case, (round, 0.3), &mut series, summary));
    }
    for case in THROUGHPUT.map(CaseId::name) {
        let ops = values(&series, case, "ops_per_s");
        summary.record("throughput", case, "ops_per_s", &ops);
    }
    throughput::ratios(&series, summary);
}

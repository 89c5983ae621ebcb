//! `make bench-quick`: the ratios that matter, in short rounds; never to judge a time by.

use super::{
    PERCENTILES, Series, keep, percentiles, round_of, say, small, start, tail, throughput,
};
use super::{rtt, values};
use crate::limits::Limits;
use crate::programs::Programs;
use crate::report::Summary;
use std::error::Error;
use std::time::Duration;

const ROUNDS: usize = 3;
const RTT: [&str; 3] = ["ringwork_spin", "ringwork_park", "fork_join_pool"];
const RTT_LIMITS: [&str; 2] = ["limit_spin", "limit_futex"];
const THROUGHPUT: [&str; 2] = ["ringwork_1p1l", "fork_join_pool"];

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
    let mut cases = start(programs, &RTT, summary);
    let mut series = Series::new();
    for round in 0..ROUNDS {
        say(&format!("quick rtt round {}", round + 1));
        let spin = percentiles(&limits.spin(Duration::from_millis(200))?);
        keep(&mut series, "limit_spin", round, spin);
        let futex = percentiles(&limits.futex(Duration::from_millis(300))?);
        keep(&mut series, "limit_futex", round, futex);
        cases.retain_mut(|case| round_of(case, (round, 0.3), &mut series, summary));
    }
    for case in RTT_LIMITS.iter().chain(&RTT) {
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
    for case in THROUGHPUT {
        let ops = values(&series, case, "ops_per_s");
        summary.record("throughput", case, "ops_per_s", &ops);
    }
    throughput::ratios(&series, summary);
}

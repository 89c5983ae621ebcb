//! The suites: which cases, in which order, what is kept and what is compared.

mod cpu10k;
mod idle;
mod recovery;

use crate::java::{Case, Metrics, Programs};
use crate::limits::Limits;
use crate::report::{Summary, Target, median};
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

/// The suites that are built.
pub const NAMES: [&str; 4] = ["rtt", "cpu10k", "idle", "recovery"];

/// Rounds of each case.
const ROUNDS: usize = 5;
/// With cores that wander, at most so many rounds are tried to have [`ROUNDS`] of one kind.
const MOST_ROUNDS: usize = 12;
/// The raw probe before and after a spinning case.
const PROBE: Duration = Duration::from_millis(10);
/// A raw round trip so much longer than the shortest of the run is of another kind.
const FAR: f64 = 1.8;

const RTT_LIMITS: [&str; 2] = ["limit_spin", "limit_futex"];
const RTT_JAVA: [&str; 4] = [
    "ringwork_spin",
    "ringwork_park",
    "fork_join_pool",
    "thread_pool",
];
const RTT_LATER: [&str; 8] = [
    "limit_uds",
    "ringwork_future_executor",
    "agrona_rings",
    "aeron_ipc",
    "iceoryx2_reqres",
    "grpc_uds",
    "virtual_threads",
    "ffm_in_process",
];
const PERCENTILES: [(&str, f64); 3] = [("p50_ns", 0.5), ("p99_ns", 0.99), ("p999_ns", 0.999)];

/// Works on one suite; the number of its cases that failed.
pub fn run(
    name: &str,
    programs: &Programs,
    summary: &mut Summary,
) -> Result<usize, Box<dyn Error>> {
    match name {
        "rtt" => rtt(programs, summary),
        "cpu10k" => Ok(cpu10k::run(programs, summary)),
        "recovery" => recovery::run(programs, summary),
        _ => Ok(idle::run(programs, summary)),
    }
}

/// The metrics of one case, round by round.
type Series = BTreeMap<String, Vec<Metrics>>;

fn values(series: &Series, case: &str, metric: &str) -> Vec<f64> {
    let rounds = series.get(case).map(Vec::as_slice).unwrap_or_default();
    rounds
        .iter()
        .filter_map(|round| round.get(metric).copied())
        .collect()
}

fn percentiles(histogram: &Histogram<u64>) -> Metrics {
    PERCENTILES
        .iter()
        .map(|(name, quantile)| {
            let value = histogram.value_at_quantile(*quantile);
            ((*name).to_owned(), value as f64)
        })
        .collect()
}

pub fn say(text: &str) {
    eprintln!("bench: {text}");
}

/// Starts the JVMs of the cases; one that does not start is skipped, with the reason.
fn start(programs: &Programs, names: &[&str], summary: &mut Summary) -> Vec<Case> {
    let mut cases = Vec::new();
    for name in names {
        say(&format!("starting and warming up {name}"));
        match Case::start(programs, name) {
            Ok(case) => cases.push(case),
            Err(error) => summary.skip(name, error.to_string()),
        }
    }
    cases
}

/// One round of every case still alive; a case that fails leaves, with the reason.
fn round_of(case: &mut Case, seconds: f64, series: &mut Series, summary: &mut Summary) -> bool {
    match case.round(seconds) {
        Ok(metrics) => {
            series.entry(case.name.clone()).or_default().push(metrics);
            true
        }
        Err(error) => {
            summary.skip(&case.name, error.to_string());
            false
        }
    }
}

/// Shows what the machine can do now, a few times over.
pub fn limits() -> Result<(), Box<dyn Error>> {
    let mut limits = Limits::start()?;
    for _ in 0..ROUNDS {
        let probe = limits.probe(PROBE)?;
        let spin = percentiles(&limits.spin(Duration::from_millis(200))?);
        let futex = percentiles(&limits.futex(Duration::from_millis(200))?);
        println!("probe {probe:.0} ns, limit_spin {spin:?}, limit_futex {futex:?}");
    }
    Ok(())
}

// ---- rtt

/// A pair of spinning rounds and the raw probes before, between and after them.
struct SpinRound {
    limit: Metrics,
    ringwork: Option<Metrics>,
    probes: [f64; 3],
}

impl SpinRound {
    fn is_far(&self, nearest: f64) -> Option<bool> {
        let far = self.probes.map(|probe| probe > nearest * FAR);
        (far.iter().all(|f| *f == far[0])).then_some(far[0])
    }
}

fn rtt(programs: &Programs, summary: &mut Summary) -> Result<usize, Box<dyn Error>> {
    let mut limits = Limits::start()?;
    let skipped = summary.skipped.len();
    let mut cases = start(programs, &RTT_JAVA, summary);
    let mut spins: Vec<SpinRound> = Vec::new();
    let mut series = Series::new();
    for round in 1..=MOST_ROUNDS {
        say(&format!("rtt round {round}"));
        let mut probes = [limits.probe(PROBE)?; 3];
        let limit = percentiles(&limits.spin(Duration::from_millis(500))?);
        probes[1] = limits.probe(PROBE)?;
        let mut ringwork = None;
        if let Some(at) = cases.iter().position(|case| case.name == "ringwork_spin") {
            match cases[at].round(1.0) {
                Ok(metrics) => ringwork = Some(metrics),
                Err(error) => {
                    summary.skip("ringwork_spin", error.to_string());
                    cases.remove(at);
                }
            }
        }
        probes[2] = limits.probe(PROBE)?;
        spins.push(SpinRound {
            limit,
            ringwork,
            probes,
        });
        if round <= ROUNDS {
            let futex = percentiles(&limits.futex(Duration::from_millis(1000))?);
            series.entry("limit_futex".into()).or_default().push(futex);
            cases.retain_mut(|case| {
                case.name == "ringwork_spin" || round_of(case, 1.0, &mut series, summary)
            });
        }
        if round >= ROUNDS && kept(&spins).0.len() >= ROUNDS {
            break;
        }
    }
    keep_one_kind(spins, &mut series, summary);
    for case in RTT_LIMITS.iter().chain(&RTT_JAVA) {
        for (metric, _) in PERCENTILES {
            summary.record("rtt", case, metric, &values(&series, case, metric));
        }
        summary.record("rtt", case, "probe_ns", &values(&series, case, "probe_ns"));
    }
    rtt_ratios(&series, summary);
    let failed = summary.skipped.len() - skipped;
    for case in RTT_LATER {
        summary.skip(case, "not built yet: a later issue");
    }
    Ok(failed)
}

/// The rounds of the kind that most are of, and whether that is the far one.
fn kept(spins: &[SpinRound]) -> (Vec<usize>, bool) {
    let nearest = spins
        .iter()
        .flat_map(|round| round.probes)
        .fold(f64::INFINITY, f64::min);
    let of_kind = |far: bool| -> Vec<usize> {
        (0..spins.len())
            .filter(|at| spins[*at].is_far(nearest) == Some(far))
            .collect()
    };
    let (near, far) = (of_kind(false), of_kind(true));
    if far.len() > near.len() && near.len() < ROUNDS {
        (far, true)
    } else {
        (near, false)
    }
}

/// Puts the spinning rounds that are comparable into the series and says what was left out.
fn keep_one_kind(spins: Vec<SpinRound>, series: &mut Series, summary: &mut Summary) {
    let (keep, far) = kept(&spins);
    let all = spins.len();
    let probes: Vec<f64> = keep.iter().flat_map(|at| spins[*at].probes).collect();
    summary.notes.push(format!(
        "spinning rounds: {} of {all} kept, all with the cores in one place: a raw round trip without \
         a clock takes {:.0} ns ({}; median of 10 ms probes before, between and after each); \
         rounds at another distance, or with a change in mid-round, are left out",
        keep.len(),
        median(&probes),
        if far {
            "the cores are far, shorter ones were seen in this run"
        } else {
            "the shortest distance seen in this run"
        }
    ));
    for (at, round) in spins.into_iter().enumerate() {
        if !keep.contains(&at) {
            continue;
        }
        let [before, between, after] = round.probes;
        let mut limit = round.limit;
        limit.insert("probe_ns".into(), f64::midpoint(before, between));
        series.entry("limit_spin".into()).or_default().push(limit);
        if let Some(mut ringwork) = round.ringwork {
            ringwork.insert("probe_ns".into(), f64::midpoint(between, after));
            series
                .entry("ringwork_spin".into())
                .or_default()
                .push(ringwork);
        }
    }
}

fn rtt_ratios(series: &Series, summary: &mut Summary) {
    let p50 = |case: &str| values(series, case, "p50_ns");
    let ratios = [
        ("ringwork_spin", "limit_spin", Target::AtMost(2.5)),
        ("ringwork_park", "limit_futex", Target::AtMost(1.15)),
        ("fork_join_pool", "ringwork_spin", Target::AtLeast(100.0)),
    ];
    for (above, below, target) in ratios {
        let text = format!("{above} p50 / {below} p50");
        summary.ratio(&text, &p50(above), &p50(below), Some(target));
    }
    summary.notes.push(
        "every rtt is timed by itself and holds one reading of the clock (about 20 ns), limits \
         included; fork_join_pool, thread_pool, limit_futex and ringwork_park go from cores that went idle"
            .into(),
    );
}

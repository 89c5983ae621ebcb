//! Suite `rtt`: one task in flight; the machine's limits, Ringwork, every peer.
//!
//! Cases in which two sides spin are bracketed by raw probes, and judged one by one: each case
//! keeps the rounds in which the cores stood as in most rounds of `ringwork_spin`.

use super::rounds::{
    PERCENTILES, ROUNDS, Series, keep, pairs, percentiles, round_of, say, start, values,
};
use crate::case::{Case, Metrics};
use crate::cases::CaseId::{self, *};
use crate::hdr;
use crate::limits::Limits;
use crate::numbers::median;
use crate::programs::Programs;
use crate::summary::{Condition, Summary};
use crate::targets::Subject;
use crate::watch::{FAR, PROBE};
use hdrhistogram::Histogram;
use std::error::Error;
use std::time::Duration;

/// With cores that wander, at most so many rounds are tried to have [`ROUNDS`] of one kind.
const MAX_ROUNDS: usize = 12;

/// Cases of the suite rtt in which two sides spin, each for a core of its own.
const SPINNING: [CaseId; 7] = [
    LimitSpin,
    LimitSlot,
    RingworkSpin,
    RingworkSpinRaw,
    AgronaRings,
    AeronIpc,
    Iceoryx2Reqres,
];
/// The first of them are the machine's limits; where the others begin.
const LIMITED: usize = 2;
/// The other limits, and the other cases.
const LIMITS: [CaseId; 2] = [LimitFutex, LimitUds];
const OTHERS: [CaseId; 7] = [
    RingworkPark,
    RingworkFutureExecutor,
    GrpcUds,
    ForkJoinPool,
    ThreadPool,
    VirtualThreads,
    FfmInProcess,
];
/// A round of the spinning cases, with a raw probe before, between and after them.
struct SpinRound {
    results: Vec<Option<Metrics>>,
    limits: [Histogram<u64>; LIMITED],
    probes: Vec<f64>,
}

impl SpinRound {
    /// Whether the cores were far in the case at `at`; nothing if they moved in it.
    fn is_far(&self, at: usize, nearest: f64) -> Option<bool> {
        let far = |probe: f64| probe > nearest * FAR;
        let (before, after) = (far(self.probes[at]), far(self.probes[at + 1]));
        (before == after).then_some(before)
    }
}

/// All cases of the suite.
pub fn cases() -> impl Iterator<Item = CaseId> {
    SPINNING.into_iter().chain(LIMITS).chain(OTHERS)
}

pub fn run(programs: &Programs, summary: &mut Summary) -> Result<usize, Box<dyn Error>> {
    let mut limits = Limits::start()?;
    let skipped = summary.skipped.len();
    let mut spinning = start(
        programs,
        &SPINNING[LIMITED..]
            .iter()
            .map(|case| case.name())
            .collect::<Vec<_>>(),
        summary,
    );
    let mut others = start(programs, &OTHERS.map(CaseId::name), summary);
    let mut spins: Vec<SpinRound> = Vec::new();
    let mut series = Series::new();
    let mut sleeping = (Vec::new(), Vec::new());
    for round in 0..MAX_ROUNDS {
        say(&format!("rtt round {}", round + 1));
        spins.push(spin_round(&mut limits, &mut spinning, summary)?);
        if round < ROUNDS {
            let futex = limits.futex(Duration::from_secs(1))?;
            keep(&mut series, LimitFutex.name(), round, percentiles(&futex));
            let uds = limits.uds(Duration::from_secs(1))?;
            keep(&mut series, LimitUds.name(), round, percentiles(&uds));
            sleeping.0.push(futex);
            sleeping.1.push(uds);
            others.retain_mut(|case| round_of(case, (round, 1.0), &mut series, summary));
        }
        if round + 1 >= ROUNDS && enough(&spins) {
            break;
        }
    }
    for (at, limit) in SPINNING[..LIMITED].iter().enumerate() {
        let spun: Vec<_> = spins.iter().map(|spun| spun.limits[at].clone()).collect();
        hdr::write(&hdr::path(&programs.out, limit.name()), &spun)?;
    }
    hdr::write(&hdr::path(&programs.out, LimitFutex.name()), &sleeping.0)?;
    hdr::write(&hdr::path(&programs.out, LimitUds.name()), &sleeping.1)?;
    let raw = keep_one_kind(spins, &mut series, summary);
    for case in cases().map(CaseId::name) {
        for (metric, _) in PERCENTILES {
            summary.record("rtt", case, metric, &values(&series, case, metric));
        }
        summary.record("rtt", case, "probe_ns", &values(&series, case, "probe_ns"));
        let rounds = hdr::read(&hdr::path(&programs.out, case))?;
        let kept = |at: &usize| series.get(case).is_some_and(|kept| kept.contains_key(at));
        let rounds = rounds.into_iter().enumerate().filter(|(at, _)| kept(at));
        let rounds: Vec<_> = rounds.map(|(_, histogram)| histogram).collect();
        summary.curve("rtt", case, &rounds);
    }
    let first = summary.details.ratios.len();
    ratios(&series, summary);
    for ratio in &mut summary.details.ratios[first..] {
        ratio.condition = Some(Condition {
            others: 0.0,
            raw_ns: Some((raw, raw)),
        });
    }
    Ok(summary.skipped.len() - skipped)
}

/// The limit and every spinning case still alive, in turn.
fn spin_round(
    limits: &mut Limits,
    cases: &mut Vec<Case>,
    summary: &mut Summary,
) -> Result<SpinRound, Box<dyn Error>> {
    let mut probes = vec![limits.probe(PROBE)?];
    let spin = limits.spin(Duration::from_millis(500))?;
    probes.push(limits.probe(PROBE)?);
    let slot = limits.slot(Duration::from_millis(500))?;
    probes.push(limits.probe(PROBE)?);
    let mut results = vec![Some(percentiles(&spin)), Some(percentiles(&slot))];
    for name in &SPINNING[LIMITED..] {
        let mut result = None;
        if let Some(at) = cases.iter().position(|case| case.name == name.name()) {
            match cases[at].round(1.0) {
                Ok(metrics) => result = Some(metrics),
                Err(error) => {
                    summary.skip(name.name(), error.to_string());
                    cases.remove(at);
                }
            }
            probes.push(limits.probe(PROBE)?);
        } else {
            probes.push(probes[probes.len() - 1]);
        }
        results.push(result);
    }
    Ok(SpinRound {
        results,
        limits: [spin, slot],
        probes,
    })
}

/// The shortest raw round trip of the run, and whether the rounds to keep are those with far
/// cores: those of `ringwork_spin` that there are more of.
fn kind_to_keep(spins: &[SpinRound]) -> (f64, bool) {
    let probes = spins.iter().flat_map(|round| &round.probes);
    let nearest = probes.copied().fold(f64::INFINITY, f64::min);
    let count = |far: bool| {
        let of_kind = spins
            .iter()
            .filter(|round| round.is_far(LIMITED, nearest) == Some(far));
        of_kind.count()
    };
    (nearest, count(true) > count(false) && count(false) < ROUNDS)
}

/// Whether each spinning case has its rounds.
fn enough(spins: &[SpinRound]) -> bool {
    let (nearest, far) = kind_to_keep(spins);
    let Some(last) = spins.last() else {
        return false;
    };
    (0..SPINNING.len()).all(|at| {
        let of_kind = spins
            .iter()
            .filter(|round| round.is_far(at, nearest) == Some(far));
        last.results[at].is_none() || of_kind.count() >= ROUNDS
    })
}

/// Puts the spinning rounds that are comparable into the series and says what was left out; the
/// raw round trip in those kept.
fn keep_one_kind(spins: Vec<SpinRound>, series: &mut Series, summary: &mut Summary) -> f64 {
    let (nearest, far) = kind_to_keep(&spins);
    summary.nearest(nearest);
    let (mut all, mut kept, mut kept_probes) = (0, 0, Vec::new());
    for (round, spin) in spins.into_iter().enumerate() {
        for (at, case) in SPINNING.iter().enumerate() {
            let Some(mut metrics) = spin.results[at].clone() else {
                continue;
            };
            all += 1;
            if spin.is_far(at, nearest) != Some(far) {
                continue;
            }
            kept += 1;
            let probe = f64::midpoint(spin.probes[at], spin.probes[at + 1]);
            kept_probes.push(probe);
            metrics.insert("probe_ns".into(), probe);
            keep(series, case.name(), round, metrics);
        }
    }
    let raw = median(&kept_probes);
    summary.note(format!(
        "spinning rounds: {kept} of {all} kept, all with the cores in one place: a raw round trip without \
         a clock takes {raw:.0} ns ({}; median of the 10 ms probes before and after each); \
         rounds at another distance, or with a change in mid-round, are left out",
        if far {
            "the cores are far, shorter ones were seen in this run"
        } else {
            "the shortest distance seen in this run"
        }
    ));
    raw
}

pub fn ratios(series: &Series, summary: &mut Summary) {
    for (above, below) in [
        (RingworkSpin, LimitSpin),
        (LimitSlot, LimitSpin),
        (RingworkSpin, LimitSlot),
        (RingworkSpinRaw, RingworkSpin),
        (AeronIpc, RingworkSpin),
        (Iceoryx2Reqres, RingworkSpin),
        (ForkJoinPool, RingworkSpin),
        (RingworkPark, LimitFutex),
    ] {
        let (ours, theirs) = pairs(series, above.name(), below.name(), "p50_ns");
        summary.compare(Subject::RoundTrip(above, below), &ours, &theirs);
    }
    summary.note(
        "every rtt is timed by itself and holds one reading of the clock (about 20 ns), limits \
         included; the spinning cases are limit_spin, limit_slot, ringwork_spin, ringwork_spin_raw, agrona_rings, aeron_ipc and \
         iceoryx2_reqres; the others, but for ffm_in_process, go from cores that went idle",
    );
}

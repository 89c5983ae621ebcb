//! What the project wants to reach.

use crate::cases::CaseId::{self, *};
use crate::numbers::{number, three_digits};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a ratio, or a figure, should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    /// By three significant digits: the fourth is noise. Nothing but 0 is 0.
    pub fn met(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => three_digits(value) <= limit,
            Self::AtLeast(limit) => three_digits(value) >= limit,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "<= {}", number(*limit)),
            Self::AtLeast(limit) => write!(f, ">= {}", number(*limit)),
        }
    }
}

/// What must be so while a target is measured, or the verdict tells that it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// It counts things, whatever else runs.
    Exact,
    /// A machine that no other work uses.
    Quiet,
    /// That, and two cores near each other.
    Cores,
}

/// What is compared or measured, shown as the text that stands for it in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Medians of round trips, one by the other.
    RoundTrip(CaseId, CaseId),
    /// Tasks a second, one by the other.
    Rate(CaseId, CaseId),
    /// Millions of tasks a second.
    Millions(CaseId),
    /// A metric of the same work, one by the other.
    Work(CaseId, &'static str, CaseId),
    /// Processor time by that of the fastest of the others.
    CpuOfFastest(CaseId),
    /// How much better the pictures of the best of the others are at equal bytes.
    Psnr(CaseId),
    /// A figure of one case, by its name and unit.
    Figure(CaseId, &'static str),
}

impl Subject {
    /// The cases that it is about.
    #[cfg(test)]
    pub fn cases(self) -> Vec<CaseId> {
        match self {
            Self::RoundTrip(a, b) | Self::Rate(a, b) | Self::Work(a, _, b) => vec![a, b],
            Self::Millions(a) | Self::CpuOfFastest(a) | Self::Psnr(a) | Self::Figure(a, _) => {
                vec![a]
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoundTrip(above, below) => write!(f, "{above} p50 / {below} p50"),
            Self::Rate(above, below) => write!(f, "{above} ops / {below} ops"),
            Self::Millions(case) => write!(f, "{case} ops, M/s"),
            Self::Work(above, metric, below) => write!(f, "{above} {metric} / {below}"),
            Self::CpuOfFastest(case) => write!(f, "{case} cpu / the fastest other"),
            Self::Psnr(case) => {
                let contest = case.name().trim_start_matches("ringwork_");
                write!(
                    f,
                    "{contest} PSNR at equal bytes: best of the others less ours, dB"
                )
            }
            Self::Figure(case, what) => write!(f, "{case} {what}"),
        }
    }
}

use Needs::{Cores, Exact, Quiet};
use Subject::{CpuOfFastest, Figure, Millions, Psnr, Rate, RoundTrip, Work};
use Target::{AtLeast, AtMost};

/// The targets; those that a run did not measure are shown as such.
pub const TARGETS: [(Subject, Target, Needs); 52] = [
    (RoundTrip(RingworkSpin, LimitSpin), AtMost(1.9), Cores),
    (RoundTrip(RingworkSpinRaw, RingworkSpin), AtMost(1.1), Cores),
    (RoundTrip(AeronIpc, RingworkSpin), AtLeast(1.1), Cores),
    (RoundTrip(Iceoryx2Reqres, RingworkSpin), AtLeast(6.0), Cores),
    (RoundTrip(ForkJoinPool, RingworkSpin), AtLeast(100.0), Cores),
    (RoundTrip(RingworkPark, LimitFutex), AtMost(1.15), Quiet),
    (Millions(Ringwork1P1L), AtLeast(20.0), Cores),
    (Rate(Ringwork1P1L, ForkJoinPool), AtLeast(1.5), Cores),
    (Rate(Ringwork1P1L, LimitSlots), AtLeast(0.7), Cores),
    (Millions(RingworkBatch), AtLeast(40.0), Cores),
    (Rate(RingworkBatch, AeronIpc), AtLeast(1.3), Cores),
    (
        Work(RingworkSpin100k, "p99_ns", ThreadPool100k),
        AtMost(1.0),
        Quiet,
    ),
    (
        Work(RingworkAdaptive100k, "p99_ns", ThreadPool100k),
        AtMost(1.0),
        Quiet,
    ),
    (
        RoundTrip(RingworkZero1MiB, RingworkZero64),
        AtMost(1.5),
        Cores,
    ),
    (
        Work(RingworkImages, "wall_ms", JavaPoolImages),
        AtMost(0.333),
        Quiet,
    ), // three times as fast
    (
        Work(RingworkPbkdf2, "wall_ms", JavaPoolPbkdf2),
        AtMost(1.02),
        Quiet,
    ),
    (
        Work(RingworkBcrypt, "wall_ms", JavaPoolBcrypt),
        AtMost(1.02),
        Quiet,
    ),
    (
        Work(RingworkImages, "loop_stall_p99_us", JavaPoolImages),
        AtMost(1.0),
        Quiet,
    ),
    (
        Figure(RingworkImages, "loop_stall_p99, ms"),
        AtMost(1.0),
        Quiet,
    ),
    (
        Work(RingworkPbkdf2, "loop_stall_p99_us", JavaPoolPbkdf2),
        AtMost(1.0),
        Quiet,
    ),
    (
        Figure(RingworkPbkdf2, "loop_stall_p99, ms"),
        AtMost(1.0),
        Quiet,
    ),
    (
        Work(RingworkBcrypt, "loop_stall_p99_us", JavaPoolBcrypt),
        AtMost(1.0),
        Quiet,
    ),
    (
        Figure(RingworkBcrypt, "loop_stall_p99, ms"),
        AtMost(1.0),
        Quiet,
    ),
    (Figure(Idle, "cpu_percent"), AtMost(0.5), Quiet),
    (Figure(Waiting65536, "cpu_percent"), AtMost(1.0), Quiet),
    (Figure(Waiting65536, "bytes_per_task"), AtMost(640.0), Exact),
    (
        Figure(Kill, "detect_to_requeue_p99, ms"),
        AtMost(10.0),
        Quiet,
    ),
    (Figure(Kill, "lost"), AtMost(0.0), Exact),
    (Figure(Kill, "duplicated"), AtMost(0.0), Exact),
    (RoundTrip(ClientBlocking, TicketWait), AtMost(1.1), Cores),
    (
        Figure(ClientPending, "bytes_per_task"),
        AtMost(100.0),
        Exact,
    ),
    (Figure(ClientPending, "cpu_percent"), AtMost(0.2), Quiet),
    (Figure(ClientPending, "end_ms"), AtMost(100.0), Quiet),
    (Figure(RawApi, "bytes_per_op"), AtMost(0.0), Exact),
    (Figure(FutureApi, "objects_per_op"), AtMost(1.0), Exact),
    (CpuOfFastest(RingworkJpeg256), AtMost(1.0), Quiet),
    (Psnr(RingworkJpeg256), AtMost(0.2), Exact),
    (CpuOfFastest(RingworkJpeg1024), AtMost(1.0), Quiet),
    (Psnr(RingworkJpeg1024), AtMost(0.2), Exact),
    (CpuOfFastest(RingworkProgressive256), AtMost(1.0), Quiet),
    (Psnr(RingworkProgressive256), AtMost(0.2), Exact),
    (CpuOfFastest(RingworkProgressive1024), AtMost(1.0), Quiet),
    (Psnr(RingworkProgressive1024), AtMost(0.2), Exact),
    (CpuOfFastest(RingworkPng256), AtMost(1.0), Quiet),
    (Psnr(RingworkPng256), AtMost(0.2), Exact),
    (CpuOfFastest(RingworkPng1024), AtMost(1.0), Quiet),
    (Psnr(RingworkPng1024), AtMost(0.2), Exact),
    (CpuOfFastest(RingworkWebp256), AtMost(1.0), Quiet),
    (Psnr(RingworkWebp256), AtMost(0.2), Exact),
    (CpuOfFastest(RingworkWebp1024), AtMost(1.0), Quiet),
    (Psnr(RingworkWebp1024), AtMost(0.2), Exact),
    (CpuOfFastest(RingworkBcrypt12), AtMost(1.0), Quiet),
];

/// The target of a subject.
pub fn of(subject: Subject) -> Option<Target> {
    let found = TARGETS.iter().find(|(known, ..)| *known == subject);
    found.map(|(_, target, _)| *target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_judged_by_the_digits_that_are_shown() {
        assert!(Target::AtMost(1.0).met(1.0004));
        assert!(!Target::AtMost(1.0).met(1.006));
        assert!(Target::AtLeast(20.0).met(19.96));
        assert!(!Target::AtLeast(20.0).met(19.9));
        assert!(Target::AtMost(0.0).met(0.0));
        assert!(!Target::AtMost(0.0).met(0.0004), "small is not nothing");
    }

    #[test]
    fn each_subject_has_one_target() {
        for (at, (subject, ..)) in TARGETS.iter().enumerate() {
            let text = subject.to_string();
            let others = TARGETS[at + 1..].iter();
            assert!(
                others
                    .map(|(other, ..)| other.to_string())
                    .all(|other| other != text),
                "{text}"
            );
        }
    }
}

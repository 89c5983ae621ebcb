//! How long a seat stays empty after its worker died, and when deaths are too many.
//!
//! Arithmetic only: the crew tells how a life went and gets the pause before the
//! next; every unasked death is told to the storm detector, which says when to stop.

use crate::policy::{RestartPolicy, StormLimit};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A worker that lived this long was healthy: its predecessors' deaths are forgotten.
pub(crate) const HEALTHY: Duration = Duration::from_secs(10);
/// A worker that served this long is replaced at once, the first time.
const SERVED: Duration = Duration::from_secs(1);

/// The pauses of one seat.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    deaths: u32,
}

impl Backoff {
    /// The pause after a life that lasted `ran` since the worker was ready
    /// (`None`: it never was): anything from the shortest pause to a bound that
    /// doubles with each death, by `chance` (0 to 1), so that workers that died
    /// together do not come back together.
    pub(crate) fn after(
        &mut self,
        ran: Option<Duration>,
        policy: &RestartPolicy,
        chance: f64,
    ) -> Duration {
        if ran.is_some_and(|ran| ran >= HEALTHY) {
            self.deaths = 0;
        }
        let pause = if self.deaths == 0 && ran.is_some_and(|ran| ran > SERVED) {
            Duration::ZERO
        } else {
            // The first bound is twice the shortest pause: there, too, is room for chance.
            let (min, max) = (policy.shortest_pause(), policy.longest_pause());
            let bound = min.saturating_mul(2 << self.deaths.min(16)).clamp(min, max);
            min + (bound - min).mul_f64(chance.clamp(0.0, 1.0))
        };
        self.deaths = self.deaths.saturating_add(1);
        pause
    }
}

/// Counts deaths in a sliding window.
#[derive(Debug, Default)]
pub(crate) struct StormDetector {
    deaths: VecDeque<Instant>,
}

impl StormDetector {
    /// Notes a death; how many there were in the window when that is too many.
    pub(crate) fn note(&mut self, now: Instant, limit: Option<StormLimit>) -> Option<usize> {
        let limit = limit?;
        self.deaths.push_back(now);
        while self
            .deaths
            .front()
            .is_some_and(|death| now.saturating_duration_since(*death) > limit.window)
        {
            self.deaths.pop_front();
        }
        (self.deaths.len() >= limit.deaths as usize).then_some(self.deaths.len())
    }

    /// Forgets all deaths.
    pub(crate) fn calm(&mut self) {
        self.deaths.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::text::Span;

    fn policy() -> RestartPolicy {
        RestartPolicy::default()
    }

    #[test]
    fn deaths_at_start_double_the_bound_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u128> = (0..11)
            .map(|_| backoff.after(None, &policy(), 1.0).as_millis())
            .collect();
        assert_eq!(
            pauses,
            [20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000, 5000]
        );
    }

    #[test]
    fn chance_picks_anything_from_the_shortest_pause_to_the_bound() {
        let after_five = |chance| {
            let mut backoff = Backoff { deaths: 5 };
            backoff.after(None, &policy(), chance).as_millis()
        };
        assert_eq!(
            [after_five(0.0), after_five(0.5), after_five(1.0)],
            [10, 325, 640]
        );
    }

    #[test]
    fn a_worker_that_served_is_replaced_at_once_but_only_the_first_time() {
        let mut backoff = Backoff::default();
        let two = Some(Duration::from_secs(2));
        assert_eq!(backoff.after(two, &policy(), 1.0), Duration::ZERO);
        assert_eq!(
            backoff.after(two, &policy(), 1.0),
            Duration::from_millis(40)
        );
        let short = Some(Duration::from_millis(5));
        assert_eq!(
            backoff.after(short, &policy(), 1.0),
            Duration::from_millis(80)
        );
    }

    #[test]
    fn a_healthy_life_forgets_the_deaths_before_it() {
        let mut backoff = Backoff { deaths: 9 };
        assert_eq!(backoff.after(Some(HEALTHY), &policy(), 1.0), Duration::ZERO);
        assert_eq!(
            backoff.after(None, &policy(), 1.0),
            Duration::from_millis(40)
        );
    }

    #[test]
    fn no_number_of_deaths_overflows_and_a_low_maximum_holds() {
        let mut backoff = Backoff { deaths: u32::MAX };
        let longest = policy().longest_pause();
        assert_eq!(backoff.after(None, &policy(), 1.0), longest);
        let low = RestartPolicy {
            restart_backoff_min: Some(Span(Duration::ZERO)),
            restart_backoff_max: Span(Duration::from_millis(1)),
            ..policy()
        };
        assert!(backoff.after(None, &low, 1.0) <= low.longest_pause());
    }

    #[test]
    fn a_storm_is_so_many_deaths_within_the_window() {
        let limit = Some(StormLimit {
            deaths: 3,
            window: Duration::from_secs(10),
        });
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut storm = StormDetector::default();
        // Two within ten seconds at any time: none.
        assert!(
            [0, 6, 12, 18]
                .iter()
                .all(|s| storm.note(at(*s), limit).is_none())
        );
        assert_eq!(storm.note(at(19), limit), Some(3));
        storm.calm();
        assert_eq!(storm.note(at(20), limit), None);
        assert!((0..100).all(|_| storm.note(at(20), None).is_none()), "off");
    }
}

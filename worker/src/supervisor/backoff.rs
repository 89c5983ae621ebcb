//! How long a seat stays empty after its worker died.
//!
//! Pure arithmetic: the crew tells how a life went and gets the pause before the next.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(10);
/// The longest pause, unless told otherwise.
pub(super) const LONGEST: Duration = Duration::from_secs(5);
/// A worker that lived this long was healthy: its predecessors' deaths are forgotten.
const HEALTHY: Duration = Duration::from_secs(10);
/// A worker that served this long is replaced at once, the first time.
const SERVED: Duration = Duration::from_secs(1);

/// The pauses of one seat.
#[derive(Debug)]
pub(super) struct Backoff {
    deaths: u32,
    longest: Duration,
}

impl Backoff {
    pub(super) fn new(longest: Duration) -> Self {
        Self { deaths: 0, longest }
    }

    /// The longest pause.
    pub(super) fn longest(&self) -> Duration {
        self.longest
    }

    /// The pause after a life that lasted `ran` since the worker was ready
    /// (`None`: it never was).
    pub(super) fn after(&mut self, ran: Option<Duration>) -> Duration {
        if ran.is_some_and(|ran| ran >= HEALTHY) {
            self.deaths = 0;
        }
        let pause = if self.deaths == 0 && ran.is_some_and(|ran| ran > SERVED) {
            Duration::ZERO
        } else {
            FIRST
                .saturating_mul(1 << self.deaths.min(16))
                .min(self.longest)
        };
        self.deaths = self.deaths.saturating_add(1);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deaths_at_start_double_the_pause_up_to_the_longest() {
        let mut backoff = Backoff::new(LONGEST);
        let pauses: Vec<u128> = (0..12).map(|_| backoff.after(None).as_millis()).collect();
        assert_eq!(
            pauses,
            [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000, 5000]
        );
    }

    #[test]
    fn a_worker_that_served_is_replaced_at_once_but_only_the_first_time() {
        let mut backoff = Backoff::new(LONGEST);
        let two = Some(Duration::from_secs(2));
        assert_eq!(backoff.after(two), Duration::ZERO);
        assert_eq!(backoff.after(two), Duration::from_millis(20));
        assert_eq!(
            backoff.after(Some(Duration::from_millis(5))),
            Duration::from_millis(40)
        );
    }

    #[test]
    fn a_healthy_life_forgets_the_deaths_before_it() {
        let mut backoff = Backoff::new(LONGEST);
        for _ in 0..9 {
            backoff.after(None);
        }
        assert_eq!(backoff.after(Some(HEALTHY)), Duration::ZERO);
        assert_eq!(backoff.after(None), Duration::from_millis(20));
    }

    #[test]
    fn a_shorter_limit_holds() {
        let mut backoff = Backoff::new(Duration::from_millis(15));
        let pauses: Vec<u128> = (0..4).map(|_| backoff.after(None).as_millis()).collect();
        assert_eq!(pauses, [10, 15, 15, 15]);
    }

    #[test]
    fn no_number_of_deaths_overflows() {
        let mut backoff = Backoff {
            deaths: u32::MAX,
            longest: LONGEST,
        };
        assert_eq!(backoff.after(None), LONGEST);
    }
}

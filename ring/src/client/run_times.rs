//! How long the tasks of each handler took of late, as this client has seen them: from the claim,
//! which lanes note for tasks with time stamps, until the result was taken in.
//!
//! That is the run time and a little more; the shortest of several is the run time where a pool is
//! not overloaded. And whether those with deadlines came in time that were let in, by which the
//! next are judged. Owned by a [`crate::client::backlog::Backlog`]. Invariant: what is kept has a bound,
//! however many names of handlers there are.

/// The fewest run times by which a handler is known.
const ENOUGH: u64 = 3;
/// Shortest and longest are those of at least so many run times, and of at most twice as many.
const WINDOW: u64 = 32;
/// The lower quartile is that of so many run times.
const RECENT: usize = 16;
/// The handlers of which something is kept; what others take is not known.
const MOST: usize = 128;
const PLACES: usize = 2 * MOST;

/// What a wait is multiplied by, at least. In a flood the queue is always as long as it may be, so
/// one that is held just too long would have all of its tasks come just too late.
pub(crate) const LEAST_MARGIN: f64 = 1.1;
/// The same at most.
pub(crate) const MAX_MARGIN: f64 = 4.0;
/// The margin is changed by what became of so many tasks.
const JUDGED: u32 = 4;
/// A margin that was judged so long ago says nothing any more.
const STALE_AFTER: u64 = 10_000_000_000;

/// What is known of one handler; all times in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Handler {
    // 0 for none.
    id: u64,
    samples: u64,
    // Of this window, and of the one before it.
    lowest: [u64; 2],
    highest: [u64; 2],
    recent: [u64; RECENT],
    quarter: u64,
    mean: u64,
    margin: f64,
    ended: u32,
    late: u32,
    judged_at: u64,
    // What ends before was let in by an older margin.
    deaf_until: u64,
    // The time that the last one had of which `ended` will tell.
    time: u64,
}

impl Handler {
    fn is_known(&self) -> bool {
        self.samples >= ENOUGH
    }

    /// The shortest run time of late.
    pub(crate) fn shortest(&self) -> u64 {
        self.lowest[0].min(self.lowest[1])
    }

    /// The longest run time of late.
    fn longest(&self) -> u64 {
        self.highest[0].max(self.highest[1])
    }

    /// The run time than which a quarter of the last ones were shorter.
    pub(crate) fn quarter(&self) -> u64 {
        self.quarter
    }

    /// The mean of the last few run times.
    pub(crate) fn mean(&self) -> u64 {
        self.mean
    }

    /// What a wait is multiplied by before it is compared with the time that a task has left. It
    /// grows while tasks that were let in come too late, as where run times vary more than usual,
    /// and shrinks when they come in time.
    pub(crate) fn margin(&self, now: u64) -> f64 {
        if now.saturating_sub(self.judged_at) < STALE_AFTER {
            self.margin.max(LEAST_MARGIN)
        } else {
            LEAST_MARGIN
        }
    }

    /// Takes in what became of a task that was let in. After a change of the margin none is heeded
    /// for as long as tasks have: they were let in before.
    fn end(&mut self, in_time: bool, now: u64) {
        if now < self.deaf_until {
            return;
        }
        self.ended += 1;
        self.late += u32::from(!in_time);
        if self.ended < JUDGED {
            return;
        }
        let was = self.margin(now);
        self.margin = match self.late {
            0 => (was * 0.9).max(LEAST_MARGIN),
            1 => was,
            late => (was * (1.0 + f64::from(late) / f64::from(JUDGED))).min(MAX_MARGIN),
        };
        if self.margin != was {
            self.deaf_until = now.saturating_add(self.time);
        }
        self.judged_at = now;
        (self.ended, self.late) = (0, 0);
    }

    fn add(&mut self, ns: u64) {
        if self.samples.is_multiple_of(WINDOW) {
            let first = self.samples == 0;
            self.lowest = [ns, if first { ns } else { self.lowest[0] }];
            self.highest = [ns, if first { ns } else { self.highest[0] }];
        }
        self.lowest[0] = self.lowest[0].min(ns);
        self.highest[0] = self.highest[0].max(ns);
        self.mean = match self.mean {
            0 => ns,
            mean => mean - mean / 8 + ns / 8,
        };
        self.recent[self.samples as usize % RECENT] = ns;
        self.samples += 1;
        let count = RECENT.min(self.samples as usize);
        // Not each time, so that many short tasks cost little.
        if count < RECENT || self.samples.is_multiple_of(8) {
            let mut sorted = self.recent;
            sorted[..count].sort_unstable();
            self.quarter = sorted[count / 4];
        }
    }
}

/// What is known of all handlers.
#[derive(Debug, Default)]
pub(crate) struct RunTimes {
    // By the id, the next free place if that is taken. Empty until the first run time.
    places: Vec<Handler>,
    kept: usize,
    slowest: u64,
}

impl RunTimes {
    fn find(&self, id: u64) -> Option<usize> {
        let mask = PLACES - 1;
        let first = (id ^ id >> 32) as usize & mask;
        if self.places.is_empty() {
            return None;
        }
        (first..first + PLACES)
            .map(|place| place & mask)
            .find(|place| self.places[*place].id == id || self.places[*place].id == 0)
    }

    /// What is known of a handler; `None` if too little is.
    pub(crate) fn known(&self, id: u64) -> Option<&Handler> {
        let handler = &self.places[self.find(id)?];
        handler.is_known().then_some(handler)
    }

    /// A task of a handler was let in, since it seemed to be in time, that has so many nanoseconds.
    pub(crate) fn let_in(&mut self, id: u64, left: u64) {
        if let Some(handler) = self.kept_mut(id) {
            handler.time = left;
        }
    }

    /// Takes in what became of a task that was let in so.
    pub(crate) fn ended(&mut self, id: u64, in_time: bool, now: u64) {
        if let Some(handler) = self.kept_mut(id) {
            handler.end(in_time, now);
        }
    }

    fn kept_mut(&mut self, id: u64) -> Option<&mut Handler> {
        let place = self.find(id)?;
        let handler = &mut self.places[place];
        (id != 0 && handler.id == id).then_some(handler)
    }

    /// Whether another run time of a handler would make it known.
    pub(crate) fn wants(&self, id: u64) -> bool {
        match self.find(id).map(|place| &self.places[place]) {
            Some(handler) if handler.id == id => !handler.is_known(),
            _ => self.kept < MOST,
        }
    }

    /// The largest [`Handler::quarter`] of all handlers that are known.
    pub(crate) fn slowest(&self) -> u64 {
        self.slowest
    }

    /// Takes in how long a task of a handler took.
    pub(crate) fn ran(&mut self, id: u64, ns: u64) {
        // Not by a clock of ours, or of nothing.
        if ns == 0 || ns > i64::MAX as u64 || id == 0 {
            return;
        }
        if self.places.is_empty() {
            self.places.resize(PLACES, Handler::default());
        }
        let Some(place) = self.find(id) else { return };
        let handler = &mut self.places[place];
        if handler.id == 0 {
            if self.kept == MOST {
                return;
            }
            self.kept += 1;
            handler.id = id;
        }
        handler.add(ns);
        if handler.is_known() && handler.quarter > self.slowest {
            self.slowest = handler.quarter; // no other one has more
        } else if handler.samples.is_multiple_of(WINDOW) {
            let known = self.places.iter().filter(|handler| handler.is_known());
            self.slowest = known.map(Handler::quarter).max().unwrap_or(0);
        }
    }

    /// What a queued task delays the next by, in nanoseconds: the mean of all tasks, `each`, if
    /// that is known (not 0), but not less than the shortest run time of its handler, and not more
    /// than the longest; else what three quarters of its handler's tasks take. A chunk may take as
    /// long as it has requests.
    pub(crate) fn cost(&self, id: u64, each: f64, lanes: u64, chunk: bool) -> f64 {
        let lanes = lanes as f64;
        match self.known(id) {
            None => each,
            Some(handler) if each == 0.0 => handler.quarter as f64 / lanes,
            Some(handler) => {
                let most = if chunk {
                    each
                } else {
                    each.min(handler.longest() as f64 / lanes)
                };
                most.max(handler.shortest() as f64 / lanes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn after(times: impl IntoIterator<Item = u64>) -> RunTimes {
        let mut known = RunTimes::default();
        times.into_iter().for_each(|time| known.ran(1, time * MS));
        known
    }

    fn cost(known: &RunTimes, each_ms: u64) -> f64 {
        known.cost(1, (each_ms * MS) as f64, 2, false) / MS as f64
    }

    #[test]
    fn three_run_times_make_a_handler_known() {
        assert!(RunTimes::default().wants(1));
        let two = after([20, 20]);
        assert!(two.wants(1) && two.known(1).is_none() && cost(&two, 0) == 0.0);
        let three = after([20, 20, 20]);
        assert!(!three.wants(1));
        assert_eq!((cost(&three, 0), three.slowest()), (10.0, 20 * MS));
    }

    #[test]
    fn before_there_is_a_pace_three_quarters_take_longer() {
        let known = after((1..=16).rev());
        assert_eq!(cost(&known, 0), 2.5);
        // What was before says little: sixteen run times on, nothing.
        let known = after((0..100).map(|_| 50).chain((0..16).map(|_| 4)));
        assert_eq!(cost(&known, 0), 2.0);
        assert_eq!(cost(&after([20, 1, 20, 20]), 0), 10.0);
    }

    #[test]
    fn the_pace_holds_within_what_the_handlers_tasks_take() {
        let known = after([4, 8, 12, 16]);
        assert_eq!(cost(&known, 1), 2.0);
        assert_eq!(cost(&known, 5), 5.0);
        assert_eq!(cost(&known, 30), 8.0);
        assert_eq!(known.cost(1, 3e7, 2, true), 3e7);
        assert_eq!(known.cost(2, 3e7, 2, false), 3e7);
        // Both ends are forgotten after two windows.
        let known = after([1, 100].into_iter().chain((0..64).map(|_| 10)));
        assert_eq!((cost(&known, 1), cost(&known, 60)), (5.0, 5.0));
    }

    #[test]
    fn the_margin_grows_while_tasks_are_late_and_shrinks_when_they_are_not() {
        const SECOND: u64 = 1000 * MS;
        let mut known = after([20, 20, 20]);
        known.let_in(1, SECOND);
        let mut now = SECOND;
        let mut four = |known: &mut RunTimes, late: u32| {
            now += SECOND + 1;
            (0..4).for_each(|n| known.ended(1, n >= late, now));
            known.known(1).unwrap().margin(now)
        };
        assert_eq!(four(&mut known, 4), 2.0 * LEAST_MARGIN);
        // Those that were let in before the change are not heeded.
        let soon = 2 * SECOND + SECOND / 2;
        (0..100).for_each(|_| known.ended(1, false, soon));
        assert_eq!(known.known(1).unwrap().margin(soon), 2.0 * LEAST_MARGIN);
        assert_eq!(
            four(&mut known, 1),
            2.0 * LEAST_MARGIN,
            "one of four is no matter"
        );
        assert_eq!(four(&mut known, 2), 3.0 * LEAST_MARGIN);
        assert_eq!(four(&mut known, 3), MAX_MARGIN);
        assert!(four(&mut known, 0) < MAX_MARGIN);
        for _ in 0..20 {
            four(&mut known, 0);
        }
        assert_eq!(four(&mut known, 0), LEAST_MARGIN);
        assert!(four(&mut known, 4) > LEAST_MARGIN);
        let later = now + 2 * STALE_AFTER;
        assert_eq!(known.known(1).unwrap().margin(later), LEAST_MARGIN);
        known.ended(2, false, later); // nothing is kept of it
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let mut known = RunTimes::default();
        for id in 1..10_000 {
            (0..3).for_each(|_| known.ran(id * 256, MS));
        }
        let kept = (1..10_000).filter(|id| known.known(id * 256).is_some());
        assert_eq!(kept.count(), MOST);
        assert!(!known.wants(10_000 * 256) && !known.wants(256));
        known.ran(0, MS);
        known.ran(256, 0);
        known.ran(256, u64::MAX);
        assert_eq!(known.known(256).unwrap().longest(), MS);
    }
}

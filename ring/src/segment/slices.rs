//! Looks through many slots, a slice at a time.
//!
//! Used by whatever looks for what no hint tells: a client at its own slots, the supervisor at all.
//! A look that took in every slot would cost what they are worth together, however few of them have
//! anything to tell. Invariant: a slot is looked at once in each pass, and a pass takes at most so
//! many looks.

use std::ops::Range;

/// How many slots a look takes in.
#[derive(Debug, Clone, Copy)]
struct Share {
    /// The fewest, where there are as many.
    least: u32,
    /// Of more slots than so many such looks would take in, a look takes in its share.
    looks: u32,
}

/// Of the supervisor, which looks each second at the slots of all clients.
const SUPERVISOR: Share = Share {
    least: 4096,
    looks: 20,
};

/// Of a client, which looks at its own each 50 ms. A look at a waiting slot costs it some 45 ns, since
/// the slot's line is in the cache of no core: half as many a second are 0.2 % of one.
const CLIENT: Share = Share {
    least: 2048,
    looks: 32,
};

/// Where the next look begins.
#[derive(Debug)]
pub struct Slices {
    next: u32,
    share: Share,
}

/// Of the slots of all clients, for the supervisor.
impl Default for Slices {
    fn default() -> Self {
        Self {
            next: 0,
            share: SUPERVISOR,
        }
    }
}

impl Slices {
    /// Of the slots of a client, for itself.
    pub(crate) fn of_a_client() -> Self {
        Self {
            next: 0,
            share: CLIENT,
        }
    }

    /// How many of so many slots a look takes in.
    #[must_use]
    pub fn a_look(&self, slots: u32) -> u32 {
        let Share { least, looks } = self.share;
        least.max(slots.div_ceil(looks))
    }

    /// The slots of the next look, of so many. A pass begins with the first slot, and a slice ends
    /// with the last one.
    pub(crate) fn of(&mut self, slots: u32) -> Range<u32> {
        let start = self.next;
        let end = slots.min(start.saturating_add(self.a_look(slots)));
        self.next = if end < slots { end } else { 0 };
        start..end
    }

    /// Whether the next look begins a pass.
    pub(crate) fn at_start(&self) -> bool {
        self.next == 0
    }

    /// The slots of the next look: of so many clients, with so many slots each, those of the
    /// clients that are there. Others cost nothing.
    pub(crate) fn of_clients(
        &mut self,
        clients: u32,
        slots: u32,
        is_there: impl Fn(u32) -> bool,
    ) -> Vec<Range<u32>> {
        let all = clients * slots;
        let (mut left, mut passed) = (self.a_look(all), 0);
        let mut slices = Vec::new();
        while left > 0 && passed < all {
            let client = self.next / slots;
            let rest = ((client + 1) * slots - self.next).min(all - passed);
            let step = if is_there(client) {
                let step = rest.min(left);
                slices.push(self.next..self.next + step);
                left -= step;
                step
            } else {
                rest
            };
            passed += step;
            self.next = (self.next + step) % all;
        }
        slices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_takes_in_each_slot_once_by_few_looks() {
        let cases = [1, 256, 4096, 4097, 65_536, 1 << 20].into_iter();
        let cases = cases
            .flat_map(|slots| [Slices::of_a_client(), Slices::default()].map(|of| (slots, of)));
        for (slots, mut slices) in cases {
            let (mut next, mut looks) = (0, 0);
            while next < slots {
                assert_eq!(slices.at_start(), next == 0);
                let slice = slices.of(slots);
                assert_eq!(slice.start, next);
                assert!(slice.len() as u32 <= slices.a_look(slots));
                next = slice.end;
                looks += 1;
            }
            assert!(slices.at_start() && looks <= slices.share.looks, "{looks}");
        }
    }

    #[test]
    fn the_slots_of_clients_that_are_gone_are_passed_over() {
        // Of 64 clients with 1,024 slots each every third is there.
        let mut slices = Slices::default();
        let mut seen = vec![0; 65_536];
        let there = 65_536_u32.div_ceil(3 * 1024) * 1024;
        let looks = there.div_ceil(4096);
        for _ in 0..looks {
            let ranges = slices.of_clients(64, 1024, |client| client % 3 == 0);
            assert_eq!(
                ranges.iter().map(ExactSizeIterator::len).sum::<usize>(),
                4096
            );
            for slot in ranges.into_iter().flatten() {
                assert_eq!(slot / 1024 % 3, 0);
                seen[slot as usize] += 1;
            }
        }
        let missed = (0..65_536).filter(|slot| slot / 1024 % 3 == 0 && seen[*slot] == 0);
        assert_eq!(missed.count(), 0);
        assert_eq!(slices.of_clients(64, 1024, |_| false), []);
        let all = slices.of_clients(4, 256, |_| true);
        assert_eq!(all.iter().map(ExactSizeIterator::len).sum::<usize>(), 1024);
    }
}

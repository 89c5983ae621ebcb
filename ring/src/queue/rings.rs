//! The hint rings of a segment.

use super::hint_ring::HintRing;
use crate::format::states::LaneKind;
use crate::format::words::Published;
use crate::segment::Segment;

impl Segment {
    /// A hint ring at a checked offset.
    #[inline]
    fn ring_at(&self, offset: usize, capacity: u32) -> HintRing<'_> {
        let ring = self.ring(offset, capacity);
        let (head, tail) = ring.ends();
        HintRing::new(head, tail, ring.cells())
    }

    /// The injector ring of a priority (clamped to the lowest).
    #[must_use]
    #[inline]
    pub fn injector(&self, priority: u32) -> HintRing<'_> {
        let g = self.geometry();
        self.ring_at(g.injector_at(priority), g.injector_capacity)
    }

    /// The ring in which lanes of a kind look for tasks of a priority (clamped to the lowest).
    #[must_use]
    #[inline]
    pub fn queue(&self, kind: LaneKind, priority: u32) -> HintRing<'_> {
        let g = self.geometry();
        self.ring_at(g.queue_at(kind, priority), g.injector_capacity)
    }

    /// The ring that the hint of a published task belongs into.
    #[must_use]
    #[inline]
    pub fn queue_of(&self, published: Published) -> HintRing<'_> {
        self.queue(published.lane_kind(), published.priority())
    }

    /// The completion ring of a client.
    #[must_use]
    #[inline]
    pub fn completion_ring(&self, client: u32) -> HintRing<'_> {
        let g = self.geometry();
        self.ring_at(g.completion_ring_at(client), g.completion_capacity)
    }

    /// The ring of the hints that wait for a permit of a limit.
    #[must_use]
    #[inline]
    pub(crate) fn deferred_ring(&self, limit: u32) -> HintRing<'_> {
        let g = self.geometry();
        self.ring_at(g.deferred_ring_at(limit), g.injector_capacity)
    }
}

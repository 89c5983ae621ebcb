//! A structure of the segment whose place was checked once: a slot, an entry.
//!
//! [`Segment::u64_at`] checks each access; a lane makes some forty of them for a task. Here the
//! structure is checked as a whole, and a field at a constant offset needs no further check: the
//! assertions below are decided by the compiler.

use super::Segment;
use crate::os::sync::{AtomicU8, AtomicU32, AtomicU64};
use std::marker::PhantomData;

/// `SIZE` bytes of the mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'s, const SIZE: usize> {
    // Invariant: aligned to 8, and SIZE bytes from here on are in the mapping, which lives for 's.
    start: *const u8,
    mapping: PhantomData<&'s Segment>,
}

impl Segment {
    /// The structure at an offset; panics as [`Segment::u64_at`].
    #[inline(always)]
    pub(crate) fn part<const SIZE: usize>(&self, offset: usize) -> Part<'_, SIZE> {
        assert!(offset.is_multiple_of(8), "offset {offset}");
        Part {
            start: self.bytes_at(offset, SIZE),
            mapping: PhantomData,
        }
    }
}

impl<'s, const SIZE: usize> Part<'s, SIZE> {
    #[inline(always)]
    fn at(self, field: usize, size: usize) -> *const u8 {
        assert!(
            field.is_multiple_of(size) && field <= SIZE - size,
            "field {field}"
        );
        self.start.wrapping_add(field)
    }

    /// The atomic u64 at an offset within.
    #[inline(always)]
    pub(crate) fn u64_at(self, field: usize) -> &'s AtomicU64 {
        // SAFETY: in bounds and aligned by the invariant and the assertion in `at`; alive for 's;
        // every process only uses atomics on it.
        unsafe { &*self.at(field, 8).cast() }
    }

    /// The atomic u32 at an offset within.
    #[inline(always)]
    pub(crate) fn u32_at(self, field: usize) -> &'s AtomicU32 {
        // SAFETY: as in `u64_at`.
        unsafe { &*self.at(field, 4).cast() }
    }

    /// The atomic byte at an offset within.
    #[inline(always)]
    pub(crate) fn u8_at(self, field: usize) -> &'s AtomicU8 {
        // SAFETY: as in `u64_at`.
        unsafe { &*self.at(field, 1).cast() }
    }

    /// Asks for the cache line of a field, to read it soon. Only a hint.
    #[inline(always)]
    pub(crate) fn prefetch(self, field: usize) {
        let at = self.at(field, 1);
        crate::os::sync::asks(at, false);
        // SAFETY: a prefetch accesses nothing, and the address is one of the mapping's.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(at.cast());
        }
    }

    /// As [`Part::prefetch`], to write it soon: other cores lose their copies of the line.
    #[inline(always)]
    pub(crate) fn prefetch_to_write(self, field: usize) {
        let at = self.at(field, 1);
        crate::os::sync::asks(at, true);
        // SAFETY: as in `prefetch`; a processor of x86-64 without this instruction does nothing
        // for it. By hand, since the intrinsic becomes a read prefetch without a target feature.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            std::arch::asm!("prefetchw [{at}]", at = in(reg) at,
                options(nostack, preserves_flags, readonly));
        }
    }
}

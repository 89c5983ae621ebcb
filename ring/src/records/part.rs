//! A structure of the segment whose place was checked once: a slot, an entry.
//!
//! A lane makes some forty accesses for a task. Here the structure is checked as a whole, and a field
//! at a constant offset needs no further check: the assertions below are decided by the compiler.

use crate::os::sync::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::marker::PhantomData;

/// `SIZE` bytes of the mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'s, const SIZE: usize> {
    // Invariant: aligned to 8, and SIZE bytes from here on are in the mapping, which lives for 's.
    start: *const u8,
    mapping: PhantomData<&'s AtomicU64>,
}

impl<'s, const SIZE: usize> Part<'s, SIZE> {
    /// The structure at an address.
    ///
    /// # Safety
    /// The address is aligned to 8, and `SIZE` bytes from there on are in a mapping that lives for
    /// `'s` and that every process only accesses by atomics, or by the protocol of payloads.
    #[inline(always)]
    pub(crate) unsafe fn new(start: *const u8) -> Self {
        Self {
            start,
            mapping: PhantomData,
        }
    }

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
    pub(super) fn u64_at(self, field: usize) -> &'s AtomicU64 {
        // SAFETY: in bounds and aligned by the invariant and the assertion in `at`; alive for 's;
        // every process only uses atomics on it.
        unsafe { &*self.at(field, 8).cast() }
    }

    /// The atomic u32 at an offset within.
    #[inline(always)]
    pub(super) fn u32_at(self, field: usize) -> &'s AtomicU32 {
        // SAFETY: as in `u64_at`.
        unsafe { &*self.at(field, 4).cast() }
    }

    /// The atomic byte at an offset within.
    #[inline(always)]
    pub(super) fn u8_at(self, field: usize) -> &'s AtomicU8 {
        // SAFETY: as in `u64_at`.
        unsafe { &*self.at(field, 1).cast() }
    }

    /// A counter at an offset within.
    #[inline(always)]
    pub(super) fn counter(self, field: usize) -> Counter<'s> {
        Counter(self.u64_at(field))
    }

    /// Writes text byte by byte, cut at a character to `max` bytes; returns the length.
    pub(super) fn put_text(self, field: usize, text: &str, max: usize) -> usize {
        let len = text.floor_char_boundary(max);
        for (index, byte) in text.as_bytes()[..len].iter().enumerate() {
            self.u8_at(field + index).store(*byte, Ordering::Relaxed);
        }
        len
    }

    /// Writes text into a field of its own, cut to it, and NUL behind it.
    pub(super) fn put_padded(self, field: usize, text: &str, size: usize) {
        let len = self.put_text(field, text, size);
        for at in field + len..field + size {
            self.u8_at(at).store(0, Ordering::Relaxed);
        }
    }

    /// Reads text up to the first NUL, as [`Part::get_text`].
    pub(super) fn get_padded(self, field: usize, size: usize) -> String {
        let len = self.bytes(field, size).iter().position(|byte| *byte == 0);
        self.get_text(field, len.unwrap_or(size))
    }

    /// Whether a field holds UTF-8 text with nothing but NUL behind it.
    pub(super) fn is_padded_text(self, field: usize, size: usize) -> bool {
        let bytes = self.bytes(field, size);
        let len = bytes.iter().position(|byte| *byte == 0).unwrap_or(size);
        std::str::from_utf8(&bytes[..len]).is_ok() && bytes[len..].iter().all(|byte| *byte == 0)
    }

    /// The bytes of a field.
    pub(super) fn bytes(self, field: usize, len: usize) -> Vec<u8> {
        (field..field + len)
            .map(|at| self.u8_at(at).load(Ordering::Relaxed))
            .collect()
    }

    /// Reads text that a peer wrote; what is not UTF-8, or could command a terminal, is replaced.
    pub(super) fn get_text(self, field: usize, len: usize) -> String {
        let plain = |c: char| c == '\n' || c == '\t' || !c.is_control();
        String::from_utf8_lossy(&self.bytes(field, len))
            .chars()
            .map(|c| {
                if plain(c) {
                    c
                } else {
                    char::REPLACEMENT_CHARACTER
                }
            })
            .collect()
    }

    /// Asks for the cache line of a field, to read it soon. Only a hint.
    #[inline(always)]
    pub(super) fn prefetch(self, field: usize) {
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
    pub(super) fn prefetch_to_write(self, field: usize) {
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

/// A counter with one writer; readers may see it a little late.
#[derive(Debug, Clone, Copy)]
pub struct Counter<'s>(pub(super) &'s AtomicU64);

impl Counter<'_> {
    /// Its value.
    #[must_use]
    #[inline(always)]
    pub fn get(self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Its value, after which other words are read.
    #[must_use]
    #[inline(always)]
    pub fn get_acquire(self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Adds one; only the counter's writer may call it.
    #[inline(always)]
    pub(crate) fn bump(self) {
        self.bump_by(1);
    }

    /// Adds to it; only the counter's writer may call it.
    #[inline(always)]
    pub(crate) fn bump_by(self, by: u64) {
        // Wrapping: the number may be a peer's invention.
        self.0.store(self.get().wrapping_add(by), Ordering::Relaxed);
    }

    /// Adds to it, however many others do.
    pub(crate) fn add(self, by: u64) {
        if by > 0 {
            self.0.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Adds to it; `shared`: however many others do.
    #[inline(always)]
    pub(crate) fn count(self, by: u64, shared: bool) {
        if shared {
            self.add(by);
        } else {
            self.bump_by(by);
        }
    }
}

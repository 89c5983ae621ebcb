//! The entries of the handler table and of the error log. Each text carries its own check sum, the id.

use super::Part;
use crate::format::layout::*;
use crate::format::names::UnknownWord;
use crate::format::states::{Codec, LaneKind, Listing};
use crate::os::sync::{AtomicU32, AtomicU64, Ordering};

/// Takes an entry that is free, or has the same text; `None` when it has another. `Some(true)` when it
/// was free.
pub(super) fn take(word: &AtomicU64, id: u64) -> Option<bool> {
    match word.compare_exchange(0, id, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Some(true),
        Err(seen) => (seen == id).then_some(false),
    }
}

pub(super) fn is_text_of(bytes: &[u8], id: u64) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| id_of(text) == id)
}

/// An entry of the handler table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HandlerRecord<'s> {
    part: Part<'s, HANDLER_STRIDE>,
}

impl<'s> HandlerRecord<'s> {
    pub(crate) fn new(part: Part<'s, HANDLER_STRIDE>) -> Self {
        Self { part }
    }

    fn byte(self, field: usize) -> u8 {
        self.part.u8_at(field).load(Ordering::Relaxed)
    }

    /// Takes the entry for the handler with this id, unless another has it.
    pub(crate) fn take(self, id: u64) -> bool {
        take(self.part.u64_at(HANDLER_ID), id).is_some()
    }

    pub(crate) fn set_name(self, name: &str) {
        let len = self.part.put_text(HANDLER_NAME, name, HANDLER_NAME_MAX);
        failpoint!("handler.named");
        let name_len = self.part.u8_at(HANDLER_NAME_LEN);
        name_len.store(len as u8, Ordering::Relaxed);
    }

    pub(crate) fn set_codecs(self, request: Codec, result: Codec) {
        for (field, codec) in [
            (HANDLER_REQUEST_CODEC, request),
            (HANDLER_RESULT_CODEC, result),
        ] {
            self.part
                .u8_at(field)
                .store(codec.word(), Ordering::Relaxed);
        }
    }

    /// Says which lanes the handler's tasks are for. A later worker may say otherwise, in a reload:
    /// what is queued by then runs where it is.
    pub(crate) fn set_kind(self, kind: LaneKind) {
        self.part
            .u8_at(HANDLER_KIND)
            .store(kind.word() as u8, Ordering::Relaxed);
    }

    /// Which lanes the handler's tasks are for.
    ///
    /// # Errors
    /// [`UnknownWord`] for a word that no worker stores.
    #[inline]
    pub(crate) fn kind(self) -> Result<LaneKind, UnknownWord> {
        LaneKind::from_word(self.byte(HANDLER_KIND).into())
    }

    fn listing(self) -> &'s AtomicU32 {
        self.part.u32_at(HANDLER_READY)
    }

    /// What the entry holds.
    pub(crate) fn listing_acquire(self) -> Result<Listing, UnknownWord> {
        // pairs with the release store in `list_release`.
        Listing::from_word(self.listing().load(Ordering::Acquire))
    }

    /// Publishes the entry.
    pub(crate) fn list_release(self) {
        self.listing()
            .store(Listing::Listed.word(), Ordering::Release);
    }

    /// One listing for another. A worker that registers the handler at this moment wins, with either
    /// order. Relaxed: the fields are those that the first writer's release store has published.
    pub(crate) fn relist(self, from: Listing, to: Listing) {
        let _ = self.listing().compare_exchange(
            from.word(),
            to.word(),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// Whether the entry is written, for the handler with this id.
    pub(crate) fn is_listed_as(self, id: u64) -> bool {
        self.part.u64_at(HANDLER_ID).load(Ordering::Relaxed) == id
            && (self.listing_acquire()).is_ok_and(|listing| listing != Listing::Unwritten)
    }

    pub(crate) fn name(self) -> String {
        let len = usize::from(self.byte(HANDLER_NAME_LEN)).min(HANDLER_NAME_MAX);
        self.part.get_text(HANDLER_NAME, len)
    }

    pub(crate) fn request_codec(self) -> Result<Codec, UnknownWord> {
        Codec::from_word(self.byte(HANDLER_REQUEST_CODEC))
    }

    pub(crate) fn result_codec(self) -> Result<Codec, UnknownWord> {
        Codec::from_word(self.byte(HANDLER_RESULT_CODEC))
    }

    /// For the audit: whether it is what no process of ours leaves.
    pub(crate) fn is_impossible(self) -> bool {
        let listing = self.listing_acquire();
        let len = usize::from(self.byte(HANDLER_NAME_LEN));
        let id = self.part.u64_at(HANDLER_ID).load(Ordering::Relaxed);
        match listing {
            Err(_) => true,
            Ok(Listing::Unwritten) => false,
            Ok(_) if self.request_codec().is_err() || self.result_codec().is_err() => true,
            Ok(_) if self.kind().is_err() => true,
            Ok(_) => len > HANDLER_NAME_MAX || !is_text_of(&self.part.bytes(HANDLER_NAME, len), id),
        }
    }
}

/// An entry of the error log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorRecord<'s> {
    part: Part<'s, ERROR_STRIDE>,
}

impl<'s> ErrorRecord<'s> {
    pub(crate) fn new(part: Part<'s, ERROR_STRIDE>) -> Self {
        Self { part }
    }

    fn get(self, field: usize) -> u64 {
        self.part.u64_at(field).load(Ordering::Relaxed)
    }

    /// Takes the entry for the text with this id, unless another has it; `Some(true)` for the first.
    pub(crate) fn take(self, id: u64) -> Option<bool> {
        take(self.part.u64_at(ERROR_ID), id)
    }

    /// Counts the error once more, and writes its text, cut to [`ERROR_TEXT_MAX`].
    pub(crate) fn count(self, text: &str, first: bool, now_ns: u64) {
        let put = |field: usize| self.part.u64_at(field).store(now_ns, Ordering::Relaxed);
        // The writer that took the entry may have died before it could say when.
        if first || self.first_ns() == 0 {
            put(ERROR_FIRST_NS);
        }
        put(ERROR_LAST_NS);
        self.part
            .u64_at(ERROR_COUNT)
            .fetch_add(1, Ordering::Relaxed);
        let len = self.part.put_text(ERROR_TEXT, text, ERROR_TEXT_MAX);
        // pairs with the acquire load in `text_acquire`.
        self.part
            .u32_at(ERROR_LEN)
            .store(len as u32, Ordering::Release);
    }

    /// The text, once it is written.
    pub(crate) fn text_acquire(self) -> Option<String> {
        // pairs with the release store in `count`.
        let len = self.part.u32_at(ERROR_LEN).load(Ordering::Acquire) as usize;
        (len > 0).then(|| self.part.get_text(ERROR_TEXT, len.min(ERROR_TEXT_MAX)))
    }

    pub(crate) fn times(self) -> u64 {
        self.get(ERROR_COUNT)
    }

    pub(crate) fn first_ns(self) -> u64 {
        self.get(ERROR_FIRST_NS)
    }

    pub(crate) fn last_ns(self) -> u64 {
        self.get(ERROR_LAST_NS)
    }

    /// For the audit: whether it is what no process of ours leaves.
    pub(crate) fn is_impossible(self) -> bool {
        // pairs with the release store in `count`.
        let len = self.part.u32_at(ERROR_LEN).load(Ordering::Acquire) as usize;
        let id = self.get(ERROR_ID);
        len > ERROR_TEXT_MAX || len > 0 && !is_text_of(&self.part.bytes(ERROR_TEXT, len), id)
    }
}

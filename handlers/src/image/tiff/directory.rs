//! The first directory of a TIFF: its tags and their values.

use super::super::filler;
use super::Problem;

/// Bytes in front of everything that a file refers to.
pub(super) const HEADER: usize = 8;
/// Values of a tag: places of strips, bytes of a profile.
const MAX_VALUES: usize = 1 << 22;

/// The order of a number's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    fn number(self, bytes: &[u8]) -> u64 {
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        match self {
            Self::Little => bytes.iter().rev().fold(0, join),
            Self::Big => bytes.iter().fold(0, join),
        }
    }

    pub(super) fn read(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    pub(super) fn write(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

/// The tags, without their values.
pub(super) struct Directory<'a> {
    body: &'a [u8],
    pub(super) order: Order,
    entries: Vec<Entry>,
    /// Where the last entry's number and type end.
    named: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    tag: u16,
    /// Bytes of a value; 0 of a type that is not known.
    width: usize,
    numbers: Numbers,
    values: usize,
    /// Where the values are.
    place: usize,
    /// Whether they are in the entry itself.
    is_inside: bool,
}

/// What the values of a tag are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    Whole,
    /// Whole numbers that may have a sign. No tag has a meaning for one below 0.
    Signed,
    /// Text, fractions, or bytes of any kind.
    Other,
}

/// Bytes of a value of a tag's type, and what it is.
fn kind_of(number: usize) -> (usize, Numbers) {
    use Numbers::{Other, Signed, Whole};
    match number {
        1 => (1, Whole),
        6 => (1, Signed),
        2 | 7 => (1, Other),
        3 => (2, Whole),
        8 => (2, Signed),
        4 | 13 => (4, Whole),
        9 => (4, Signed),
        11 => (4, Other),
        16 | 18 => (8, Whole),
        17 => (8, Signed),
        5 | 10 | 12 => (8, Other),
        _ => (0, Other),
    }
}

impl<'a> Directory<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Problem> {
        const CUT: &str = "it is cut off in front of the end of its directory";
        let (order, large) = match body.first_chunk() {
            Some(b"II*\0") => (Order::Little, false),
            Some(b"MM\0*") => (Order::Big, false),
            Some(b"II+\0") => (Order::Little, true),
            Some(b"MM\0+") => (Order::Big, true),
            _ => return Err("its first bytes are damaged".into()),
        };
        let number = |at: usize, length: usize| {
            let bytes = body.get(at..at.checked_add(length)?)?;
            usize::try_from(order.number(bytes)).ok()
        };
        // Bytes of the number of entries, of an entry, of a place.
        let (start, [count, entry, word]) = if large {
            (number(8, 8).ok_or(CUT)?, [8, 20, 8])
        } else {
            (number(4, 4).ok_or(CUT)?, [2, 12, 4])
        };
        let entries = number(start, count).ok_or(CUT)?;
        if entries > 1 << 16 {
            return Err("its directory has too many tags".into());
        }
        let read = |index: usize| -> Option<Entry> {
            let at = start.checked_add(count + index * entry)?;
            let (width, numbers) = kind_of(number(at + 2, 2)?);
            let values = number(at + 4, word)?;
            let inside = at + 4 + word;
            number(inside, word)?;
            let is_inside = values.saturating_mul(width) <= word;
            let place = if is_inside {
                inside
            } else {
                number(inside, word)?
            };
            Some(Entry {
                tag: u16::try_from(number(at, 2)?).ok()?,
                width,
                numbers,
                values,
                place,
                is_inside,
            })
        };
        let last = start + count + entries.saturating_sub(1) * entry;
        let entries: Option<Vec<Entry>> = (0..entries).map(read).collect();
        let entries = entries.ok_or(CUT)?;
        let most = body.len().min(MAX_VALUES);
        if entries.iter().any(|entry| entry.values > most) {
            return Err("a tag announces more values than the file can hold".into());
        }
        Ok(Self {
            body,
            order,
            entries,
            named: last + 4,
        })
    }

    fn entry(&self, tag: u16) -> Option<Entry> {
        self.entries.iter().find(|entry| entry.tag == tag).copied()
    }

    /// Whether the file ends in filler that begins in front of the last entry's type.
    pub(super) fn is_filled_up(&self) -> bool {
        !self.entries.is_empty() && filler::start(self.body) < self.named
    }

    /// The first of `tags` whose values lie beyond the end of the file, wholly or in part, or in
    /// its first bytes, which is where filler of zeros points.
    pub(super) fn first_cut(&self, tags: &[u16]) -> Option<u16> {
        let is_cut = |tag: &&u16| {
            let entry = self.entry(**tag).filter(|entry| entry.width > 0);
            entry.is_some_and(|entry| {
                self.bytes(**tag).is_none() || !entry.is_inside && entry.place < HEADER
            })
        };
        tags.iter().find(is_cut).copied()
    }

    /// The first of `tags` that is there and has no whole number.
    pub(super) fn first_without_number(&self, tags: &[u16]) -> Option<u16> {
        let is_wrong = |tag: &&u16| {
            self.entry(**tag).is_some_and(|entry| {
                let is_there = self.bytes(**tag).is_some();
                entry.numbers == Numbers::Other || is_there && self.numbers(**tag).is_none()
            })
        };
        tags.iter().find(is_wrong).copied()
    }

    pub(super) fn has(&self, tag: u16) -> bool {
        self.entry(tag).is_some()
    }

    /// The values' bytes, as they stand. `None` if there is no such tag, or they are cut off.
    pub(super) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        let entry = self.entry(tag)?;
        let length = entry.values.checked_mul(entry.width)?;
        self.body.get(entry.place..entry.place.checked_add(length)?)
    }

    /// The values of a tag of whole numbers, at least one. `None` as in [`Self::bytes`], and if one
    /// of them is below 0.
    pub(super) fn numbers(&self, tag: u16) -> Option<Vec<u64>> {
        let entry = self.entry(tag)?;
        let values = self.bytes(tag)?.chunks_exact(entry.width.max(1));
        let values = values.map(|bytes| self.whole_number(entry, bytes));
        let values: Vec<u64> = values.collect::<Option<_>>()?;
        (!values.is_empty()).then_some(values)
    }

    /// The first value of a tag of whole numbers.
    pub(super) fn number(&self, tag: u16) -> Option<u64> {
        let entry = self.entry(tag).filter(|entry| entry.values > 0)?;
        let end = entry.place.checked_add(entry.width)?;
        self.whole_number(entry, self.body.get(entry.place..end)?)
    }

    /// A value of `entry`, if it is a whole number of 0 or more.
    fn whole_number(&self, entry: Entry, bytes: &[u8]) -> Option<u64> {
        let number = self.order.number(bytes);
        match entry.numbers {
            Numbers::Whole => Some(number),
            Numbers::Signed => (number >> (8 * entry.width - 1) == 0).then_some(number),
            Numbers::Other => None,
        }
    }
}

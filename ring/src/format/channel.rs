//! What a person chooses for a channel, what is wrong with it, and where its cells are.

use crate::format::counted;
use crate::format::layout::{
    CELL_BYTES, CHANNEL_NAME_MAX, CHANNEL_STRIDE, MAX_CHANNELS, MAX_SECTION_RECORDS, SECTION_ALIGN,
};
use crate::format::states::Codec;

/// Most cells of a channel.
const MAX_CAPACITY: u32 = 1 << 20;
/// Most bytes of a message.
const MAX_SIZE: u32 = 1 << 20;

/// A channel: its name, and what is fixed when the pool is made.
///
/// ```
/// use ringwork_ring::format::channel::ChannelConfig;
/// use ringwork_ring::PoolConfig;
///
/// let ticks = ChannelConfig::new("ticks", 1024, 256);
/// PoolConfig::default().channels(vec![ticks]).geometry()?;
/// # Ok::<(), ringwork_ring::RingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelConfig {
    /// Its name: parts of letters, digits, `-` and `_` with dots between them.
    pub name: String,
    /// Number of its cells, a power of two: the most messages that wait in it.
    pub capacity: u32,
    /// Most bytes of a message.
    pub size: u32,
    /// Whether what a dead receiver had taken is not delivered again (default no).
    pub once: bool,
    /// Codec of its messages; none: that of the first one.
    pub codec: Option<Codec>,
}

impl ChannelConfig {
    /// A channel of so many cells for messages of so many bytes, which delivers again what a dead
    /// receiver had taken.
    #[must_use]
    pub fn new(name: impl Into<String>, capacity: u32, size: u32) -> Self {
        Self {
            name: name.into(),
            capacity,
            size,
            once: false,
            codec: None,
        }
    }

    /// Whether what a dead receiver had taken is not delivered again.
    #[must_use]
    pub fn once(mut self, once: bool) -> Self {
        self.once = once;
        self
    }

    /// Codec of its messages.
    #[must_use]
    pub fn codec(mut self, codec: impl Into<Option<Codec>>) -> Self {
        self.codec = codec.into();
        self
    }

    /// What is wrong with it.
    fn problem(&self) -> Option<String> {
        let Self {
            name,
            capacity,
            size,
            ..
        } = self;
        if !is_name(name) {
            Some(format!(
                "{name:?} is no name of a channel: it has parts of letters, digits, - and _ with \
                 dots between them, such as ticks, and {CHANNEL_NAME_MAX} bytes at most"
            ))
        } else if !capacity.is_power_of_two() || !(2..=MAX_CAPACITY).contains(capacity) {
            let near = capacity.clamp(&2, &MAX_CAPACITY).next_power_of_two();
            Some(format!(
                "the capacity of channel {name} is {capacity}, it must be a power of two, 2 to \
                 {MAX_CAPACITY}, such as {near}"
            ))
        } else if !(1..=MAX_SIZE).contains(size) {
            Some(format!(
                "the size of channel {name} is {size}, it must be 1 to {MAX_SIZE}: larger messages \
                 go as tasks"
            ))
        } else {
            None
        }
    }
}

/// Whether a channel may have this name.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    name.len() <= CHANNEL_NAME_MAX
        && name
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(plain))
}

/// Where a channel is: a private copy of what its head says, checked once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelPlace {
    /// Its name, and what is fixed.
    pub config: ChannelConfig,
    /// Offset of its head.
    pub(crate) head: usize,
    /// Offset of its first cell.
    pub(crate) cells: usize,
    /// The record of the section of cells at which they begin.
    pub(crate) first: u32,
}

impl ChannelPlace {
    /// Bytes of a cell.
    #[inline(always)]
    pub(crate) const fn stride(&self) -> usize {
        stride(self.config.size)
    }

    /// Offset of the bytes of the message of a cell.
    #[inline(always)]
    pub(crate) const fn bytes_at(&self, index: u64) -> usize {
        self.cell_at(index) + CELL_BYTES
    }

    /// Offset of a cell.
    #[inline(always)]
    pub(crate) const fn cell_at(&self, index: u64) -> usize {
        self.cells + self.stride() * index as usize
    }
}

/// Bytes of a cell for messages of so many bytes.
const fn stride(size: u32) -> usize {
    (CELL_BYTES + size as usize).next_multiple_of(64)
}

/// Records of `SECTION_CHANNEL_CELLS` that the cells of one channel take.
fn lines_of(config: &ChannelConfig) -> u64 {
    let bytes = stride(config.size) as u64 * u64::from(config.capacity);
    bytes.div_ceil(SECTION_ALIGN as u64)
}

/// The record at which the cells of each channel begin.
pub(crate) fn firsts(channels: &[ChannelConfig]) -> impl Iterator<Item = u64> {
    let mut next = 0;
    channels.iter().map(move |channel| {
        let first = next;
        next += lines_of(channel);
        first
    })
}

/// Where the channels are whose heads and cells begin at these offsets.
pub(crate) fn places(
    channels: Vec<ChannelConfig>,
    (heads, cells): (usize, usize),
) -> Vec<ChannelPlace> {
    let firsts: Vec<u64> = firsts(&channels).collect();
    (0..)
        .zip(channels.into_iter().zip(firsts))
        .map(|(index, (config, first))| ChannelPlace {
            config,
            head: heads + CHANNEL_STRIDE * index,
            cells: cells + SECTION_ALIGN * first as usize,
            first: first as u32,
        })
        .collect()
}

/// Records that the cells of these channels take together.
pub(crate) fn lines(channels: &[ChannelConfig]) -> u64 {
    channels.iter().map(lines_of).sum()
}

/// What is wrong with these channels.
pub(crate) fn problems(channels: &[ChannelConfig]) -> Vec<String> {
    if channels.len() > MAX_CHANNELS as usize {
        return vec![format!(
            "{}, at most {MAX_CHANNELS} fit",
            counted(channels.len(), "channel")
        )];
    }
    let mut wrong: Vec<String> = channels.iter().filter_map(ChannelConfig::problem).collect();
    for (index, channel) in channels.iter().enumerate() {
        if channels[..index]
            .iter()
            .any(|other| other.name == channel.name)
        {
            wrong.push(format!(
                "the channel {} is given twice: each needs a name of its own",
                channel.name
            ));
        }
    }
    if wrong.is_empty() && lines(channels) > u64::from(MAX_SECTION_RECORDS) {
        let most = u64::from(MAX_SECTION_RECORDS) * SECTION_ALIGN as u64;
        wrong.push(format!(
            "the cells of all channels take {} bytes, at most {most} fit: lower a capacity or size",
            lines(channels) * SECTION_ALIGN as u64
        ));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_channels_is_told_with_what_would_fit() {
        let of = |name: &str, capacity, size| ChannelConfig::new(name, capacity, size);
        for (channel, parts) in [
            (of("a b", 8, 8), ["\"a b\"", "letters"]),
            (of("a", 1000, 8), ["power of two", "1024"]),
            (of("a", 1, 8), ["power of two", "such as 2"]),
            (of("a", u32::MAX, 8), ["1048576,", "such as 1048576"]),
            (of("a", 8, 0), ["size of channel a is 0", "1 to"]),
            (of("a", 8, MAX_SIZE + 1), ["1 to 1048576", "tasks"]),
        ] {
            let told = problems(&[channel]).join("; ");
            for part in parts {
                assert!(told.contains(part), "{part}: {told}");
            }
        }
        let two = problems(&[of("a", 8, 8), of("b.c-d_1", 8, 8), of("a", 8, 8)]);
        assert!(two.join(" ").contains("given twice"), "{two:?}");
        let large: Vec<_> = (0..4).map(|n| of(&n.to_string(), 1024, MAX_SIZE)).collect();
        assert!(problems(&large)[0].contains("lower"));
        let many: Vec<_> = (0..300).map(|n| of(&n.to_string(), 2, 1)).collect();
        assert!(problems(&many)[0].contains("at most 256"));
    }

    #[test]
    fn cells_of_two_channels_share_no_record() {
        let channels = [("a", 2, 1), ("b", 8, 100), ("c", 2, 48)]
            .map(|(name, capacity, size)| ChannelConfig::new(name, capacity, size));
        assert_eq!(firsts(&channels).collect::<Vec<_>>(), [0, 1, 9]);
        assert_eq!(lines(&channels), 10);
    }
}

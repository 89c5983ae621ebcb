//! A frame of an animation, and how often all of them are shown.

use super::raster::Raster;

/// A frame as it is seen, and for how long.
pub(super) struct Frame {
    pub(super) raster: Raster,
    pub(super) milliseconds: u32,
}

/// How often an animation is shown; `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plays(pub(super) Option<u32>);

impl Plays {
    pub(super) const ONCE: Self = Self(Some(1));
    pub(super) const FOR_EVER: Self = Self(None);

    pub(super) fn times(times: u32) -> Self {
        Self(Some(times))
    }
}

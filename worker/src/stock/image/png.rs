//! PNG in, by the `image` crate.

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::{ImageResult, Limits};

pub(super) fn open(body: &[u8], limits: Limits) -> ImageResult<PngDecoder<Cursor<&[u8]>>> {
    PngDecoder::with_limits(Cursor::new(body), limits)
}

/// The size in the first bytes, read without any decoder.
pub(super) fn announced_size(body: &[u8]) -> Option<(u32, u32)> {
    let size = body.get(16..24)?;
    let [w0, w1, w2, w3, h0, h1, h2, h3] = size.try_into().ok()?;
    Some((
        u32::from_be_bytes([w0, w1, w2, w3]),
        u32::from_be_bytes([h0, h1, h2, h3]),
    ))
}

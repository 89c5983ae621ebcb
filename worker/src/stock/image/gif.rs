//! GIF in, by the `image` crate.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::{ImageDecoder as _, ImageResult, Limits};

pub(super) fn open(body: &[u8], limits: Limits) -> ImageResult<GifDecoder<Cursor<&[u8]>>> {
    let mut decoder = GifDecoder::new(Cursor::new(body))?;
    decoder.set_limits(limits)?;
    Ok(decoder)
}

/// The screen's size in the first bytes, read without any decoder.
pub(super) fn announced_size(body: &[u8]) -> Option<(u32, u32)> {
    let [w0, w1, h0, h1] = body.get(6..10)?.try_into().ok()?;
    Some((
        u16::from_le_bytes([w0, w1]).into(),
        u16::from_le_bytes([h0, h1]).into(),
    ))
}

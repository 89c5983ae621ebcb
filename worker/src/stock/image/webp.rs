//! WebP in, by the `image` crate.

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::{ImageDecoder as _, ImageResult, Limits};

pub(super) fn open(body: &[u8], limits: Limits) -> ImageResult<WebPDecoder<Cursor<&[u8]>>> {
    let mut decoder = WebPDecoder::new(Cursor::new(body))?;
    decoder.set_limits(limits)?;
    Ok(decoder)
}

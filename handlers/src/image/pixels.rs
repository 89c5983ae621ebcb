//! What the decoders have in common: memory for pixels, the verdict on partial ones, and the way
//! from 16-bit samples to 8.

use ringwork_worker::TaskError;

/// Zeroed memory, or an error where an allocation would end the process.
pub(super) fn zeroed(bytes: Option<usize>) -> Result<Vec<u8>, TaskError> {
    let bytes = bytes.unwrap_or(usize::MAX);
    let mut data = Vec::new();
    data.try_reserve_exact(bytes).map_err(|_| {
        TaskError::new(
            "image.failed",
            format!(
                "no memory for {bytes} bytes of pixels; lower max_pixels or give the worker more"
            ),
        )
    })?;
    data.resize(bytes, 0);
    Ok(data)
}

/// What a decoder has made of `data`, which was zeroed: the picture, or with `lenient` the rows in
/// front of the damage, if there are any. The error otherwise.
pub(super) fn whole_or_in_part<T, E>(
    read: Result<T, E>,
    data: &[u8],
    lenient: bool,
) -> Result<(), E> {
    match read {
        Err(error) if !lenient || data.iter().all(|byte| *byte == 0) => Err(error),
        _ => Ok(()),
    }
}

/// A sample of 0 to `max`, rounded to 8 bits.
#[inline]
pub(super) fn scaled(value: u32, max: u32) -> u8 {
    u8::try_from((value * 255 + max / 2) / max).unwrap_or(u8::MAX)
}

/// 16-bit samples in the byte order of `sample`, rounded to 8 bits, in the same memory.
pub(super) fn to_8_bits(mut data: Vec<u8>, sample: fn([u8; 2]) -> u16) -> Vec<u8> {
    let half = data.len() / 2;
    for i in 0..half {
        let wide = u32::from(sample([data[2 * i], data[2 * i + 1]]));
        data[i] = scaled(wide, 65_535);
    }
    data.truncate(half);
    data
}

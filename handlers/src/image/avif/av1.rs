//! AV1 data (AV1 bitstream specification, section 5): what its sequence header says, whether it is
//! whole, and its decoder.

use re_rav1d::dav1d::{
    Decoder, InloopFilterType, Picture, PixelLayout, PlanarImageComponent, Plane, Settings,
};

use super::super::filler;
use super::Problem;
use super::container::Nclx;

const SEQUENCE_HEADER: u8 = 1;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;
/// A still picture is one frame; its layers, if there are any, are four at most.
const MAX_FRAMES: usize = 8;
/// Data that ends in so many zeros was cut and filled up: what a coder of symbols writes last ends
/// in a 1, and the rest of that byte (AV1 bitstream specification, 8.2.4).
const ZEROS: usize = 2;
/// Equal bytes that data ends in by chance in one of 65,536 files.
const FILLER: usize = 3;

/// What a sequence header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sequence {
    /// The most pixels that a frame has across and down.
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) colours: Nclx,
}

/// The sequence header in `data`, all of whose units are there.
pub(super) fn sequence(data: &[u8]) -> Result<Sequence, Problem> {
    let mut rest = data;
    let mut found = None;
    let mut frames = 0;
    while !rest.is_empty() {
        let (kind, content, after) = unit(rest).ok_or("its AV1 data is cut off or damaged")?;
        rest = after;
        match kind {
            SEQUENCE_HEADER if found.is_none() => {
                found = Some(header(content).ok_or("its AV1 sequence header is damaged")?);
            }
            FRAME_HEADER | FRAME => frames += 1,
            _ => {}
        }
    }
    if frames == 0 || frames > MAX_FRAMES {
        return Err(format!("its AV1 data has {frames} frames").into());
    }
    if data.ends_with(&[0; ZEROS]) {
        return Err("it is cut off and filled up with zeros".into());
    }
    if filler::run(data) >= filler::SHORTEST && !data.ends_with(&[0xff]) {
        return Err("it is cut off and filled up with equal bytes".into());
    }
    found.ok_or_else(|| "its AV1 data has no sequence header".into())
}

/// The kind and content of the first unit, and what is behind it.
fn unit(data: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&head, mut rest) = data.split_first()?;
    if head >> 7 == 1 {
        return None;
    }
    if head >> 2 & 1 == 1 {
        rest = rest.get(1..)?;
    }
    let size = if head >> 1 & 1 == 1 {
        let mut size = 0u64;
        let mut shift = 0;
        loop {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            size |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte >> 7 == 0 {
                break usize::try_from(size).ok()?;
            }
            if shift == 56 {
                return None;
            }
        }
    } else {
        rest.len()
    };
    let (content, rest) = rest.split_at_checked(size)?;
    Some((head >> 3 & 15, content, rest))
}

fn header(data: &[u8]) -> Option<Sequence> {
    let mut bits = Bits { data, at: 0 };
    let profile = bits.take(3)?;
    let _still = bits.take(1)?;
    let reduced = bits.flag()?;
    if reduced {
        bits.take(5)?;
    } else {
        bits.operating_points()?;
    }
    let (width_bits, height_bits) = (bits.take(4)? + 1, bits.take(4)? + 1);
    let (width, height) = (bits.take(width_bits)? + 1, bits.take(height_bits)? + 1);
    if !reduced && bits.flag()? {
        bits.take(7)?; // frame numbers
    }
    bits.take(3)?;
    if !reduced {
        bits.take(4)?;
        let order_hint = bits.flag()?;
        if order_hint {
            bits.take(2)?;
        }
        let screen_content = if bits.flag()? { 2 } else { bits.take(1)? };
        if screen_content > 0 && !bits.flag()? {
            bits.take(1)?;
        }
        if order_hint {
            bits.take(3)?;
        }
    }
    bits.take(3)?;
    let colours = bits.colours(profile)?;
    Some(Sequence {
        width,
        height,
        colours,
    })
}

struct Bits<'a> {
    data: &'a [u8],
    /// The next bit.
    at: usize,
}

impl Bits<'_> {
    /// A number of up to 32 bits.
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = *self.data.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.take(1)? == 1)
    }

    fn operating_points(&mut self) -> Option<()> {
        let mut delay_bits = None;
        if self.flag()? {
            self.take(32)?;
            self.take(32)?;
            if self.flag()? {
                let mut zeros = 0; // a number of unary length
                while !self.flag()? {
                    zeros += 1;
                }
                self.take((zeros < 32).then_some(zeros)?)?;
            }
            if self.flag()? {
                delay_bits = Some(self.take(5)? + 1);
                self.take(32)?;
                self.take(10)?;
            }
        }
        let display_delay = self.flag()?;
        for _ in 0..=self.take(5)? {
            self.take(12)?;
            if self.take(5)? > 7 {
                self.take(1)?;
            }
            if let Some(bits) = delay_bits
                && self.flag()?
            {
                self.take(bits)?;
                self.take(bits)?;
                self.take(1)?;
            }
            if display_delay && self.flag()? {
                self.take(4)?;
            }
        }
        Some(())
    }

    fn colours(&mut self, profile: u32) -> Option<Nclx> {
        let high = self.flag()?;
        if profile == 2 && high {
            self.take(1)?;
        }
        let grey = profile != 1 && self.flag()?;
        let (mut primaries, mut transfer, mut matrix) = (2, 2, 2);
        if self.flag()? {
            for value in [&mut primaries, &mut transfer, &mut matrix] {
                *value = u16::try_from(self.take(8)?).ok()?;
            }
        }
        let is_srgb = !grey && (primaries, transfer, matrix) == (1, 13, 0);
        Some(Nclx {
            primaries,
            transfer,
            matrix,
            full_range: is_srgb || self.flag()?,
        })
    }
}

/// How chroma is sampled: by how much coarser than luma, across and down, as a shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Grey,
    Coloured(u8, u8),
}

/// A decoded frame.
pub(super) struct Frame {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bits: u8,
    pub(super) layout: Layout,
    /// Y, and Cb and Cr where there are colours.
    pub(super) planes: Vec<(Plane, usize)>,
}

/// Decodes the one frame in `data`, on this thread. Data that ends in filler is refused if the
/// symbols of a tile do not end where the tile does.
///
/// That is what a strict decoder looks at: an encoder ends each tile with a 1 behind the bits that
/// its last symbol needs. Other faults that make it refuse a file show no cut, and browsers overlook
/// them.
pub(super) fn decode(data: Vec<u8>, operating_point: u8, pixels: u64) -> Result<Frame, Problem> {
    let is_filler = filler::run(&data) >= FILLER || data.ends_with(&[0]);
    if let Ok(frame) = decode_once(data.clone(), operating_point, pixels, true) {
        return Ok(frame);
    }
    let frame = decode_once(data, operating_point, pixels, false)?;
    if is_filler {
        return Err(
            "it is cut off and filled up: its last bytes are not the end of its pixels' data"
                .into(),
        );
    }
    Ok(frame)
}

fn decode_once(
    data: Vec<u8>,
    operating_point: u8,
    pixels: u64,
    strict: bool,
) -> Result<Frame, Problem> {
    let refused = |error| Problem::from(format!("the AV1 decoder says: {error}"));
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_operating_point(operating_point.into());
    settings.set_frame_size_limit(u32::try_from(pixels).unwrap_or(u32::MAX));
    settings.set_strict_std_compliance(strict);
    settings.set_inloop_filters(InloopFilterType::all());
    let mut decoder = Decoder::with_settings(&settings).map_err(refused)?;
    match decoder.send_data(data, None, None, None) {
        Ok(()) => {}
        Err(error) if error.is_again() => {}
        Err(error) => return Err(refused(error)),
    }
    let mut picture = None;
    // Each call takes in more of the data, until there is a picture and nothing is left.
    for _ in 0..=2 * MAX_FRAMES {
        match decoder.get_picture() {
            Ok(found) => picture = Some(found),
            Err(error) if error.is_again() => match decoder.send_pending_data() {
                Ok(()) if picture.is_some() => break,
                Ok(()) => {}
                Err(error) if error.is_again() => {}
                Err(error) => return Err(refused(error)),
            },
            Err(error) => return Err(refused(error)),
        }
    }
    frame(&picture.ok_or("its AV1 data has no picture")?)
}

fn frame(picture: &Picture) -> Result<Frame, Problem> {
    let layout = match picture.pixel_layout() {
        PixelLayout::I400 => Layout::Grey,
        PixelLayout::I420 => Layout::Coloured(1, 1),
        PixelLayout::I422 => Layout::Coloured(1, 0),
        PixelLayout::I444 => Layout::Coloured(0, 0),
    };
    let components: &[PlanarImageComponent] = match layout {
        Layout::Grey => &[PlanarImageComponent::Y],
        Layout::Coloured(..) => &[
            PlanarImageComponent::Y,
            PlanarImageComponent::U,
            PlanarImageComponent::V,
        ],
    };
    let planes = components
        .iter()
        .map(|&component| {
            let stride = usize::try_from(picture.stride(component)).unwrap_or(0);
            (picture.plane(component), stride)
        })
        .collect();
    Ok(Frame {
        width: picture.width(),
        height: picture.height(),
        bits: u8::try_from(picture.bit_depth()).map_err(|_| "its samples are too wide")?,
        layout,
        planes,
    })
}

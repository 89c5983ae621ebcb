//! The segments of a JPEG file (ITU-T T.81, annex B), found without decoding anything.
//!
//! libjpeg gets only what the pixels need (see [`File::stream`]). Metadata is read here, so that
//! an odd segment never makes a whole picture undecodable.

use std::borrow::Cow;
use std::ops::Range;

use image::metadata::Orientation;

use super::super::exif;

/// More scans than this are refused: a file of 40 kB with thousands of them costs seconds.
/// Encoders write 10 to 20; a script that sends each bit of each component by itself needs 84.
pub(super) const MAX_SCANS: usize = 100;

/// What XMP in a segment begins with.
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const SOI: &[u8] = &[0xff, 0xd8];
pub(super) const EOI: &[u8] = &[0xff, 0xd9];
/// An empty JFIF header: it says that three components are `YCbCr`.
const JFIF: &[u8] = b"\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0";

/// Why a file is refused: a clause for the error's text.
pub(super) type Problem = Cow<'static, str>;

/// One colour component of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) id: u8,
    /// How many blocks of it stand side by side in an interleaved unit.
    pub(super) across: u8,
    /// How many stand one below the other.
    pub(super) down: u8,
}

/// What the frame header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) progressive: bool,
    pub(super) arithmetic: bool,
    pub(super) components: Vec<Component>,
}

/// What a scan header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    /// Which components (by place in the frame), with their tables for DC and AC.
    pub(super) parts: Vec<(usize, u8, u8)>,
    /// The first and the last coefficient, in zigzag order.
    pub(super) band: (u8, u8),
    /// The bit that the scan before ended with; 0 in a coefficient's first scan.
    pub(super) high: u8,
    /// The bit that this scan ends with.
    pub(super) low: u8,
}

/// A segment with a length that libjpeg is given.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) marker: u8,
    /// Behind the length.
    pub(super) payload: Range<usize>,
    /// The entropy-coded data that follows a scan header.
    pub(super) data: Range<usize>,
    /// Of a scan header only.
    pub(super) scan: Option<Scan>,
}

/// A JPEG file as its markers show it.
#[derive(Debug)]
pub(super) struct File<'a> {
    pub(super) body: &'a [u8],
    pub(super) frame: Frame,
    pub(super) segments: Vec<Segment>,
    /// Whether the end-of-image marker was there.
    pub(super) has_end: bool,
    pub(super) orientation: Option<Orientation>,
    pub(super) profile: Option<Vec<u8>>,
    pub(super) has_jfif: bool,
    /// The colour transform of Adobe's segment.
    pub(super) adobe: Option<u8>,
}

impl<'a> File<'a> {
    /// Walks over the segments to the end of the (first) picture.
    pub(super) fn open(body: &'a [u8]) -> Result<Self, Problem> {
        let mut walk = Walk::default();
        walk.run(body)?;
        let (Some(frame), 1..) = (walk.frame, walk.scans) else {
            return Err(if walk.has_end {
                "it has no picture data".into()
            } else {
                "it is cut off before its picture data".into()
            });
        };
        Ok(Self {
            body,
            frame,
            segments: walk.segments,
            has_end: walk.has_end,
            orientation: walk.orientation.or(walk.in_xmp),
            profile: walk.profile.whole(),
            has_jfif: walk.has_jfif,
            adobe: walk.adobe,
        })
    }

    /// How much coarser than the finest component the coarsest is in a direction where libjpeg's
    /// scaled decoding does not make up for it.
    pub(super) fn coarseness(&self) -> u8 {
        let components = &self.frame.components;
        let ratio = |side: fn(&Component) -> u8| {
            let sides = components.iter().map(side);
            sides
                .clone()
                .max()
                .unwrap_or(1)
                .div_ceil(sides.min().unwrap_or(1))
        };
        ratio(|c| c.across).max(ratio(|c| c.down))
    }

    /// Whether each component was sent to the last bit or the one before it, as far as the scans'
    /// headers tell. The last bit is left out by some encoders on purpose; libjpeg-turbo and Pillow
    /// show such a file without a word.
    pub(super) fn has_all_scans(&self) -> bool {
        const UNSENT: u8 = u8::MAX;
        let mut lowest = vec![[UNSENT; 64]; self.frame.components.len()];
        for scan in self.segments.iter().filter_map(|s| s.scan.as_ref()) {
            let (first, last) = self.band(scan);
            for &(component, ..) in &scan.parts {
                for bit in &mut lowest[component][first..=last] {
                    *bit = if self.frame.progressive { scan.low } else { 0 };
                }
            }
        }
        lowest.iter().flatten().all(|&bit| bit <= 1)
    }

    /// The coefficients of a scan. A sequential scan has all of them, whatever its header says.
    pub(super) fn band(&self, scan: &Scan) -> (usize, usize) {
        if self.frame.progressive {
            (scan.band.0.into(), scan.band.1.into())
        } else {
            (0, 63)
        }
    }

    /// The file as libjpeg gets it: without metadata, without bytes between the segments, with an
    /// end, and with headers in whose odd values libjpeg would find a reason to warn put right.
    pub(super) fn stream(&self) -> Vec<Cow<'a, [u8]>> {
        let mut stream = vec![Cow::Borrowed(SOI)];
        if self.has_jfif {
            stream.push(Cow::Borrowed(JFIF));
        }
        if let Some(transform) = self.adobe {
            let mut segment = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0".to_vec();
            segment.push(match (transform, self.frame.components.len()) {
                (0..=2, _) => transform,
                (_, 4) => 2,
                _ => 1,
            });
            stream.push(Cow::Owned(segment));
        }
        for segment in &self.segments {
            let header = &self.body[segment.payload.start - 4..segment.payload.end];
            match &segment.scan {
                Some(_) if !self.frame.progressive => {
                    let mut header = header.to_vec();
                    if let Some(band) = header.last_chunk_mut::<3>() {
                        *band = [0, 63, 0];
                    }
                    stream.push(Cow::Owned(header));
                }
                _ => stream.push(Cow::Borrowed(header)),
            }
            if !segment.data.is_empty() {
                stream.push(Cow::Borrowed(&self.body[segment.data.clone()]));
            }
        }
        stream.push(Cow::Borrowed(EOI));
        stream
    }
}

#[derive(Default)]
struct Walk {
    frame: Option<Frame>,
    segments: Vec<Segment>,
    scans: usize,
    has_end: bool,
    orientation: Option<Orientation>,
    in_xmp: Option<Orientation>,
    profile: Profile,
    has_jfif: bool,
    adobe: Option<u8>,
}

impl Walk {
    fn run(&mut self, body: &[u8]) -> Result<(), Problem> {
        let mut at = 2;
        while let Some(start) = next_marker(body, at) {
            let marker = body[start + 1];
            at = start + 2;
            match marker {
                0xd9 => {
                    self.has_end = true;
                    return Ok(());
                }
                0x01 | 0xd0..=0xd7 => continue,
                // Another picture begins, or what follows is not of this format.
                0xd8 | 0x02..=0xbf if self.scans > 0 => return Ok(()),
                0xd8 | 0x02..=0xbf => {
                    return Err(format!("marker {marker:#04x} stands before its picture").into());
                }
                _ => {}
            }
            let length = match body.get(at..at + 2) {
                Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
                _ => return Ok(()),
            };
            let is_metadata = matches!(marker, 0xe0..=0xef | 0xfe);
            if length < 2 {
                if is_metadata {
                    continue;
                }
                return Err(format!("the length of segment {marker:#04x} is {length}").into());
            }
            let payload = at + 2..at + length;
            let Some(bytes) = body.get(payload.clone()) else {
                return Ok(()); // cut off
            };
            at = payload.end;
            if is_metadata {
                self.metadata(marker, bytes);
            } else {
                at = self.segment(body, marker, payload, bytes)?;
            }
        }
        Ok(())
    }

    /// Takes a segment that the pixels need; says where the next one may begin.
    fn segment(
        &mut self,
        body: &[u8],
        marker: u8,
        payload: Range<usize>,
        bytes: &[u8],
    ) -> Result<usize, Problem> {
        let mut data = payload.end..payload.end;
        let mut scan = None;
        match marker {
            0xc4 | 0xcc | 0xdb | 0xdd => {}
            0xc0..=0xcf | 0xf7 => {
                if self.frame.is_some() {
                    return Err("it has two frame headers".into());
                }
                self.frame = Some(frame(marker, bytes)?);
            }
            0xda => {
                let frame = self
                    .frame
                    .as_ref()
                    .ok_or("a scan stands before its frame")?;
                scan = Some(parse_scan(frame, bytes)?);
                self.scans += 1;
                if self.scans > MAX_SCANS {
                    return Err(format!("it has more than {MAX_SCANS} scans").into());
                }
                data.end = end_of_data(body, data.start);
            }
            0xde | 0xdf => return Err("it is hierarchical (DHP)".into()),
            // The number of lines after the first scan, and extensions that nothing writes.
            _ => return Ok(payload.end),
        }
        let end = data.end;
        self.segments.push(Segment {
            marker,
            payload,
            data,
            scan,
        });
        Ok(end)
    }

    fn metadata(&mut self, marker: u8, bytes: &[u8]) {
        match marker {
            0xe0 if bytes.starts_with(b"JFIF\0") => self.has_jfif = true,
            0xe1 => {
                let tiff = bytes.strip_prefix(b"Exif\0").and_then(|rest| rest.get(1..));
                let xmp = bytes.strip_prefix(XMP);
                self.orientation = self.orientation.or(tiff.and_then(exif::orientation));
                self.in_xmp = self.in_xmp.or(xmp.and_then(exif::orientation_in_xmp));
            }
            0xe2 => {
                if let Some([number, count, part @ ..]) = bytes.strip_prefix(b"ICC_PROFILE\0") {
                    self.profile.add(*number, *count, part);
                }
            }
            0xee => {
                if let Some([_, _, _, _, _, _, transform, ..]) = bytes.strip_prefix(b"Adobe") {
                    self.adobe = Some(*transform);
                }
            }
            _ => {}
        }
    }
}

/// A colour profile in parts of 64 KiB, each with its number and the count of all.
#[derive(Default)]
struct Profile {
    count: u8,
    parts: Vec<(u8, Vec<u8>)>,
}

impl Profile {
    fn add(&mut self, number: u8, count: u8, part: &[u8]) {
        if self.parts.is_empty() {
            self.count = count;
        }
        if self.parts.iter().all(|&(other, _)| other != number) {
            self.parts.push((number, part.to_vec()));
        }
    }

    /// `None` if a part is missing: then the picture has no profile.
    fn whole(mut self) -> Option<Vec<u8>> {
        self.parts.sort_by_key(|&(number, _)| number);
        let numbers = self.parts.iter().map(|&(number, _)| number);
        // Some writers begin at 0.
        let in_order = numbers.eq((self.parts.first()?.0..).take(self.parts.len()));
        let counted = self.parts.len() == usize::from(self.count);
        let bytes: Vec<u8> = self.parts.into_iter().flat_map(|(_, part)| part).collect();
        // The count is wrong in some files; a profile begins with its own length.
        let said = bytes
            .first_chunk::<4>()
            .map(|&length| u32::from_be_bytes(length));
        let complete = counted || said.and_then(|l| usize::try_from(l).ok()) == Some(bytes.len());
        (in_order && complete).then_some(bytes)
    }
}

/// Where the next marker begins, with its last 0xff and a byte that is neither 0xff nor 0.
pub(super) fn next_marker(body: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr(0xff, body.get(at..)?)?;
        match *body.get(at + 1)? {
            0xff => at += 1,
            0 => at += 2,
            _ => return Some(at),
        }
    }
}

/// Where the entropy-coded data from `at` ends: at a marker that is no restart, or with the file.
fn end_of_data(body: &[u8], mut at: usize) -> usize {
    while let Some(marker) = next_marker(body, at) {
        if !matches!(body[marker + 1], 0xd0..=0xd7) {
            return marker;
        }
        at = marker + 2;
    }
    body.len()
}

fn frame(marker: u8, bytes: &[u8]) -> Result<Frame, Problem> {
    match marker {
        0xc3 => return Err("it is lossless JPEG (SOF3), which is not supported".into()),
        0xcb => {
            return Err(
                "it is lossless JPEG with arithmetic coding (SOF11), which is not supported".into(),
            );
        }
        0xc5..=0xc7 | 0xcd..=0xcf => {
            return Err("it is hierarchical JPEG, which is not supported".into());
        }
        0xf7 => return Err("it is JPEG-LS (SOF55), which is not supported".into()),
        0xc8 => return Err("its frame header (JPG, 0xc8) is reserved for extensions".into()),
        _ => {}
    }
    let [precision, h1, h0, w1, w0, count, components @ ..] = bytes else {
        return Err("its frame header is too short".into());
    };
    if *precision != 8 {
        return Err(format!("it has {precision} bits a sample, and 8 are supported").into());
    }
    let count = usize::from(*count);
    if !matches!(count, 1 | 3 | 4) {
        return Err(format!("it has {count} colour components; 1, 3 and 4 are known").into());
    }
    let (components, _) = components.as_chunks::<3>();
    let components = components
        .get(..count)
        .ok_or("its frame header is too short")?;
    let height = u16::from_be_bytes([*h1, *h0]);
    if height == 0 {
        return Err("its height stands behind the picture (DNL), which is not supported".into());
    }
    let components = components.iter().map(|&[id, sampling, _]| {
        let (across, down) = (sampling >> 4, sampling & 15);
        if (1..=4).contains(&across) && (1..=4).contains(&down) {
            Ok(Component { id, across, down })
        } else {
            Err(format!(
                "a component is sampled {across} x {down} times; 1 to 4 are possible"
            ))
        }
    });
    Ok(Frame {
        width: u16::from_be_bytes([*w1, *w0]),
        height,
        progressive: matches!(marker, 0xc2 | 0xca),
        arithmetic: matches!(marker, 0xc9 | 0xca),
        components: components.collect::<Result<_, _>>()?,
    })
}

fn parse_scan(frame: &Frame, bytes: &[u8]) -> Result<Scan, Problem> {
    let malformed = || Problem::from("a scan header is malformed");
    let [count, rest @ ..] = bytes else {
        return Err(malformed());
    };
    let count = usize::from(*count);
    let parts = rest.as_chunks::<2>().0.get(..count).ok_or_else(malformed)?;
    let Some([first, last, bits]) = rest.get(2 * count..2 * count + 3) else {
        return Err(malformed());
    };
    if !(1..=4).contains(&count) || first > last || *last > 63 {
        return Err(malformed());
    }
    let mut found: Vec<(usize, u8, u8)> = Vec::with_capacity(count);
    for &[id, tables] in parts {
        // Components with one number among them are told apart by their order, as in libjpeg-turbo.
        let is_next = |place: usize| found.iter().all(|&(taken, ..)| taken != place);
        let mut places = (0..).zip(&frame.components);
        let place = places.find(|&(place, component)| component.id == id && is_next(place));
        let (place, _) = place.ok_or_else(malformed)?;
        found.push((place, tables >> 4, tables & 15));
    }
    Ok(Scan {
        parts: found,
        band: (*first, *last),
        high: bits >> 4,
        low: bits & 15,
    })
}

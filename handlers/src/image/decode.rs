//! From a file's bytes to pixels.
//!
//! [`Source::open`] reads the header only, and refuses an image with too many
//! pixels before memory is set aside for one of them; [`Source::decode`] then
//! decodes. Each format has a module of its own. All of it stays on the lane's thread.

use image::metadata::Orientation;
use ringwork_ring::format::counted;

use super::frame::{Frame, Plays};
use super::header::{ACCEPTED, Details, Kind, bad, check_pixels, undecodable};
use super::jpeg::Jpeg;
use super::raster::Raster;
use super::resize::{Plan, is_sideways};
use super::{avif, gif, png, tiff, webp};
use ringwork_worker::TaskError;

/// The kind of file that the first bytes announce.
fn recognise(body: &[u8]) -> Result<Kind, TaskError> {
    match body {
        [0xff, 0xd8, 0xff, ..] => Ok(Kind::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok(Kind::Png),
        [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => Ok(Kind::Tiff),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Kind::Gif),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Ok(Kind::Webp),
        _ if avif::is_avif(body) => Ok(Kind::Avif),
        _ => Err(TaskError::new(
            "image.undecodable",
            format!(
                "{}; {ACCEPTED}: send the bytes of such a file",
                describe_foreign(body)
            ),
        )),
    }
}

/// What the files of other formats begin with, at which place, and what they are called.
const FOREIGN: &[(usize, &[u8], &str)] = &[
    (0, b"BM", "BMP"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000 (a bare codestream)"),
    (0, b"II\xbc", "JPEG XR"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (4, b"ftypcrx ", "a camera's raw file (CR3)"),
    (4, b"ftyphe", "HEIC"),
    (
        4,
        b"ftypmif1",
        "HEIF of another kind than AVIF, such as HEIC",
    ),
    (
        4,
        b"ftypmsf1",
        "HEIF of another kind than AVIF, such as HEIC",
    ),
    (
        4,
        b"ftyp",
        "a video (MP4 or QuickTime), or HEIF of an unknown kind",
    ),
    (0, b"8BPS", "PSD (Photoshop)"),
    (0, b"qoif", "QOI"),
    (0, b"v/1\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"#?RGBE", "Radiance HDR"),
    (0, b"\0\0\x01\0", "ICO (an icon)"),
    (0, b"\0\0\x02\0", "CUR (a cursor)"),
    (0, b"icns", "ICNS (icons)"),
    (0, b"DDS ", "DDS"),
    (0, b"\xabKTX ", "KTX"),
    (0, b"%PDF", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript with a preview"),
    (0, b"\x0a\0\x01", "PCX"),
    (0, b"\x0a\x02\x01", "PCX"),
    (0, b"\x0a\x03\x01", "PCX"),
    (0, b"\x0a\x04\x01", "PCX"),
    (0, b"\x0a\x05\x01", "PCX"),
    (0, b"\x01\xda", "SGI"),
    (0, b"\x59\xa6\x6a\x95", "Sun raster"),
    (0, b"gimp xcf", "XCF (GIMP)"),
    (0, b"farbfeld", "farbfeld"),
    (0, b"BPG\xfb", "BPG"),
    (0, b"FLIF", "FLIF"),
    (0, b"AT&TFORM", "DjVu"),
    (0, b"\x8aMNG", "MNG"),
    (0, b"\x8bJNG", "JNG"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"/* XPM */", "XPM"),
    (0, b"\xd7\xcd\xc6\x9a", "WMF"),
    (40, b" EMF", "EMF"),
    (0, b"FUJIFILM", "a camera's raw file (RAF)"),
    (0, b"IIRO", "a camera's raw file (ORF)"),
    (0, b"IIU\0", "a camera's raw file (RW2)"),
    (0, b"RIFF", "a RIFF file other than WebP (a video or sound)"),
    (0, b"\x1aE\xdf\xa3", "a video (Matroska or WebM)"),
    (0, b"PK\x03\x04", "a ZIP archive, or a document in one"),
    (0, b"\x1f\x8b", "gzip; unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "zstd; unpack it first"),
    (0, b"{\\rtf", "RTF"),
];

/// The kinds of Netpbm, by the letter behind the P.
const NETPBM: &[(u8, &str)] = &[
    (b'1', "PBM"),
    (b'2', "PGM"),
    (b'3', "PPM"),
    (b'4', "PBM"),
    (b'5', "PGM"),
    (b'6', "PPM"),
    (b'7', "PAM"),
    (b'f', "PFM"),
    (b'F', "PFM"),
];

fn describe_foreign(body: &[u8]) -> String {
    if body.is_empty() {
        return "the body is empty".to_owned();
    }
    match name_of_foreign(body) {
        Some(name) => format!("the body looks like {name}, which is not supported"),
        None => format!(
            "the body of {} does not begin as any known image",
            counted(body.len(), "byte")
        ),
    }
}

fn name_of_foreign(body: &[u8]) -> Option<&'static str> {
    // A Targa file has nothing but its end to tell it, if that.
    if body.ends_with(b"TRUEVISION-XFILE.\0") {
        return Some("TGA");
    }
    let found = FOREIGN
        .iter()
        .find(|(at, first, _)| body.get(*at..).is_some_and(|rest| rest.starts_with(first)));
    if let Some((_, _, name)) = found {
        return Some(name);
    }
    if let &[b'P', kind, after, ..] = body
        && after.is_ascii_whitespace()
        && let Some((_, name)) = NETPBM.iter().find(|(known, _)| *known == kind)
    {
        return Some(name);
    }
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = text.trim_ascii_start();
    if !text.starts_with(b"<") {
        return None;
    }
    let start = &text[..text.len().min(4096)];
    let is_svg = memchr::memmem::find(start, b"<svg").is_some();
    Some(if is_svg {
        "SVG"
    } else {
        "markup text (XML or HTML)"
    })
}

/// An opened file, of which only the header has been read.
pub(super) struct Source<'a> {
    pub(super) kind: Kind,
    /// The stored size in pixels, before any turning; neither is 0.
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) orientation: Orientation,
    pub(super) profile: Option<Vec<u8>>,
    pub(super) details: Details,
    decoder: Decoder<'a>,
}

enum Decoder<'a> {
    Jpeg(Box<Jpeg<'a>>),
    Png(Box<png::File<'a>>),
    Webp(Box<webp::File<'a>>),
    Gif(Box<gif::File<'a>>),
    Tiff(Box<tiff::File<'a>>),
    Avif(Box<avif::File<'a>>),
}

/// The frames of an animation, decoded one by one.
pub(super) type Frames<'a> = Box<dyn Iterator<Item = Result<Frame, TaskError>> + 'a>;

/// The decoded pixels, and what is still to be done to them.
pub(super) struct Decoded {
    pub(super) raster: Raster,
    /// What of the stored size it has. The last pixel of a side may stand for less than a whole
    /// one.
    pub(super) scale: f64,
    pub(super) profile: Option<Vec<u8>>,
}

impl<'a> Source<'a> {
    /// For the header alone: an image of any size, also one that is cut off behind its header.
    pub(super) fn open_header(body: &'a [u8]) -> Result<Self, TaskError> {
        Self::open(body, u64::MAX, true)
    }

    /// `lenient`: what is cut or damaged behind the header is no reason to refuse.
    pub(super) fn open(body: &'a [u8], max_pixels: u64, lenient: bool) -> Result<Self, TaskError> {
        let kind = recognise(body)?;
        let (header, decoder) = match kind {
            Kind::Jpeg => return Self::open_jpeg(body, lenient)?.checked(max_pixels),
            Kind::Png => {
                let (header, file) = png::open(body, max_pixels, lenient)?;
                (header, Decoder::Png(Box::new(file)))
            }
            Kind::Webp => {
                let (header, file) = webp::open(body, max_pixels, lenient)?;
                (header, Decoder::Webp(Box::new(file)))
            }
            Kind::Gif => {
                let (header, file) = gif::open(body, max_pixels, lenient)?;
                (header, Decoder::Gif(Box::new(file)))
            }
            Kind::Tiff => {
                let (header, file) = tiff::open(body, max_pixels, lenient)?;
                (header, Decoder::Tiff(Box::new(file)))
            }
            Kind::Avif => {
                let (header, file) = avif::open(body, max_pixels)?;
                (header, Decoder::Avif(Box::new(file)))
            }
        };
        Self {
            kind,
            width: header.width,
            height: header.height,
            orientation: header.orientation,
            profile: header.profile,
            details: header.details,
            decoder,
        }
        .checked(max_pixels)
    }

    fn checked(self, max_pixels: u64) -> Result<Self, TaskError> {
        if self.width == 0 || self.height == 0 {
            return Err(undecodable(self.kind, &"its header says 0 pixels"));
        }
        check_pixels(self.width, self.height, max_pixels)?;
        Ok(self)
    }

    fn open_jpeg(body: &'a [u8], accept_damage: bool) -> Result<Self, TaskError> {
        let mut jpeg =
            Jpeg::open(body, accept_damage).map_err(|problem| bad(Kind::Jpeg, &problem))?;
        let (width, height) = jpeg.size();
        Ok(Self {
            kind: Kind::Jpeg,
            width,
            height,
            orientation: jpeg.orientation().unwrap_or(Orientation::NoTransforms),
            profile: jpeg.take_profile(),
            details: Details {
                alpha: false,
                bits: 8,
                frames: 1,
                palette: false,
                plays: Plays::ONCE,
            },
            decoder: Decoder::Jpeg(Box::new(jpeg)),
        })
    }

    /// Width and height as a viewer sees them.
    pub(super) fn upright_size(&self) -> (u32, u32) {
        if is_sideways(self.orientation) {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        }
    }

    /// Whether it is a GIF or WebP of several frames.
    pub(super) fn is_animation(&self) -> bool {
        self.details.frames > 1 && matches!(self.kind, Kind::Gif | Kind::Webp)
    }

    /// Whether it is an animation of a format of which only the first frame is read.
    pub(super) fn is_other_animation(&self) -> bool {
        self.details.frames > 1 && !self.is_animation()
    }

    /// The frames of a GIF or WebP, each as it is seen. `None` if the format has no animations.
    pub(super) fn frames(self, max_pixels: u64) -> Result<Option<Frames<'a>>, TaskError> {
        Ok(match self.decoder {
            Decoder::Gif(file) => Some(Box::new(file.frames(max_pixels)?)),
            Decoder::Webp(file) => Some(Box::new(file.frames()?)),
            Decoder::Jpeg(_) | Decoder::Png(_) | Decoder::Tiff(_) | Decoder::Avif(_) => None,
        })
    }

    /// Decodes at full size, or at a fraction that serves `plan` as well.
    pub(super) fn decode(self, plan: &Plan) -> Result<Decoded, TaskError> {
        let Self {
            profile, decoder, ..
        } = self;
        let mut eighths = 8;
        let raster = match decoder {
            Decoder::Jpeg(jpeg) => {
                eighths = plan.decode_eighths(jpeg.scaled_reserve());
                jpeg.decode(eighths)
                    .map_err(|problem| bad(Kind::Jpeg, &problem))?
            }
            Decoder::Png(file) => file.decode()?,
            Decoder::Webp(file) => file.decode()?,
            Decoder::Gif(file) => file.decode()?,
            Decoder::Tiff(file) => file.decode()?,
            Decoder::Avif(file) => file.decode()?,
        };
        Ok(Decoded {
            raster,
            scale: f64::from(eighths) / 8.0,
            profile,
        })
    }
}

//! The orientation in EXIF and XMP metadata, wherever a format keeps it. XMP counts where EXIF says
//! nothing, as for Pillow.

use image::metadata::Orientation;

use super::filler;

const TAG_ORIENTATION: u16 = 0x0112;
/// The types of whole numbers, by their bytes: without a sign, and with one.
const BYTE: [u16; 2] = [1, 6];
const SHORT: [u16; 2] = [3, 8];
const LONG: [u16; 2] = [4, 9];

/// The orientation in an EXIF block, with or without the prefix `Exif\0\0` that JPEG (and some
/// writers of other formats) put before it. The first directory counts; a damaged block has none.
/// The value may be of any type of whole numbers, since writers use them all.
pub(super) fn orientation(exif: &[u8]) -> Option<Orientation> {
    let block = Block::of(exif)?;
    let entry = block.entries()?.find_map(|at| match block.short(at) {
        Some(TAG_ORIENTATION) => Some(Some(at)),
        Some(_) => None,
        None => Some(None), // it is cut off
    })??;
    block.orientation_at(entry)
}

/// A block of EXIF, which is laid out as a TIFF.
struct Block<'a> {
    tiff: &'a [u8],
    little: bool,
}

impl<'a> Block<'a> {
    fn of(exif: &'a [u8]) -> Option<Self> {
        let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
        let little = match tiff.first_chunk::<4>()? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        Some(Self { tiff, little })
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = *self.tiff.get(at..)?.first_chunk()?;
        Some(if self.little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes = *self.tiff.get(at..)?.first_chunk()?;
        Some(if self.little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    }

    /// What the entry of an orientation says.
    fn orientation_at(&self, entry: usize) -> Option<Orientation> {
        let kind = self.short(entry + 2)?;
        let value = if BYTE.contains(&kind) {
            u32::from(*self.tiff.get(entry + 8)?)
        } else if SHORT.contains(&kind) {
            u32::from(self.short(entry + 8)?)
        } else if LONG.contains(&kind) {
            self.long(entry + 8)?
        } else {
            return None;
        };
        if self.long(entry + 4)? == 0 {
            return None; // no value is said to be there
        }
        Orientation::from_exif(u8::try_from(value).ok()?)
    }

    /// Where the entries of the first directory are, as many as it says, whether they are there or
    /// not.
    fn entries(&self) -> Option<impl Iterator<Item = usize>> {
        let directory = usize::try_from(self.long(4)?).ok()?;
        let entries = usize::from(self.short(directory)?);
        Some((0..entries).map(move |entry| directory.saturating_add(2 + 12 * entry)))
    }
}

/// Whether a block of EXIF that is the last part of a file ends in filler instead of a directory.
pub(super) fn is_filled_up(exif: &[u8]) -> bool {
    // The end of a directory, and of a number in it, are up to seven zeros of their own.
    let own = if exif.ends_with(&[0]) { 7 } else { 6 };
    filler::run(exif) > own && !is_sound(exif)
}

/// Whether the first directory has entries, each of a type that there is, and an orientation, if
/// there is one, has a value.
fn is_sound(exif: &[u8]) -> bool {
    let Some(block) = Block::of(exif) else {
        return false;
    };
    let is_sound = |at: usize| {
        let has_type = block
            .short(at + 2)
            .is_some_and(|kind| (1..=13).contains(&kind));
        let turns = block.short(at) != Some(TAG_ORIENTATION) || block.orientation_at(at).is_some();
        has_type && turns
    };
    let mut entries = block.entries().into_iter().flatten().peekable();
    entries.peek().is_some() && entries.all(is_sound)
}

/// Whether a block of XMP ends in filler instead of its last tag. What stands behind that may be
/// hundreds of blanks: room to grow in.
pub(super) fn is_filled_up_xmp(xmp: &[u8]) -> bool {
    const ENDS: [&[u8]; 3] = [b"</x:xmpmeta", b"</rdf:RDF", b"<?xpacket end"];
    let has = |end: &[u8]| memchr::memmem::find(xmp, end).is_some();
    filler::run(xmp) >= filler::SHORTEST && !ENDS.into_iter().any(has)
}

/// The orientation in a block of XMP: the first `tiff:Orientation`, as an attribute or an element.
pub(super) fn orientation_in_xmp(xmp: &[u8]) -> Option<Orientation> {
    const NAME: &[u8] = b"tiff:Orientation";
    let found = memchr::memmem::find_iter(xmp, NAME).find_map(|at| {
        let rest = xmp[at + NAME.len()..].trim_ascii_start();
        let value = match rest.split_first()? {
            (b'=', rest) => {
                let quoted = rest.trim_ascii_start();
                let double = quoted.strip_prefix(b"\"");
                double.or_else(|| quoted.strip_prefix(b"'"))?
            }
            (b'>', rest) => rest,
            _ => return None,
        };
        match value.trim_ascii_start() {
            // A number of two digits is none of them.
            [digit @ b'0'..=b'9', after, ..] if !after.is_ascii_digit() => Some(digit - b'0'),
            _ => None,
        }
    });
    Orientation::from_exif(found?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_integer_type_in_each_byte_order() {
        for (exif, what) in [
            (
                &b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"[..],
                "short",
            ),
            (
                b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x06",
                "long",
            ),
            (
                b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x01\0\0\0\x01\x06\0\0\0",
                "byte",
            ),
            (
                b"II*\0\x08\0\0\0\x01\0\x12\x01\x04\0\x01\0\0\0\x06\0\0\0",
                "little",
            ),
            (
                b"II*\0\x08\0\0\0\x01\0\x12\x01\x06\0\x01\0\0\0\x06\0\0\0",
                "byte with a sign",
            ),
            (
                b"II*\0\x08\0\0\0\x01\0\x12\x01\x08\0\x01\0\0\0\x06\0\0\0",
                "short with a sign",
            ),
            (
                b"II*\0\x08\0\0\0\x01\0\x12\x01\x09\0\x01\0\0\0\x06\0\0\0",
                "long with a sign",
            ),
            (
                b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0",
                "prefix",
            ),
        ] {
            assert_eq!(orientation(exif), Some(Orientation::Rotate90), "{what}");
        }
    }

    #[test]
    fn damaged_blocks_have_none() {
        for exif in [
            &b""[..],
            b"II*\0",
            b"II*\0\xff\xff\xff\xff",
            b"II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0\x01\0\0\0",
            b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0",
            b"II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x01\0\0\0\x06\0\0\0",
            b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\0\0\0\0\x06\0\0\0",
            b"II*\0\x08\0\0\0\x01\0\x12\x01\x09\0\x01\0\0\0\xff\xff\xff\xff",
        ] {
            assert_eq!(orientation(exif), None, "{exif:?}");
        }
    }

    #[test]
    fn xmp_says_it_in_an_attribute_or_an_element() {
        for (xmp, expected) in [
            (
                &b"<a tiff:Orientation=\"6\"/>"[..],
                Some(Orientation::Rotate90),
            ),
            (b"<a tiff:Orientation = '6' />", Some(Orientation::Rotate90)),
            (
                b"<tiff:Orientation>\n6</tiff:Orientation>",
                Some(Orientation::Rotate90),
            ),
            (
                b"<tiff:Orientation rdf:x='1'/><tiff:Orientation>3</tiff:Orientation>",
                Some(Orientation::Rotate180),
            ),
            (b"<a tiff:Orientation=\"9\"/>", None),
            (b"<a tiff:Orientation=\"16\"/>", None),
            (b"<a tiff:Orientation=\"6", None),
            (b"<a tiff:Orientation", None),
            (b"", None),
        ] {
            let text = String::from_utf8_lossy(xmp);
            assert_eq!(orientation_in_xmp(xmp), expected, "{text}");
        }
    }
}

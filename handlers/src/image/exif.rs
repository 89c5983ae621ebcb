//! The orientation in EXIF and XMP metadata, wherever a format keeps it. XMP counts where EXIF says
//! nothing, as for Pillow.

use image::metadata::Orientation;

const TAG_ORIENTATION: u16 = 0x0112;
const BYTE: u16 = 1;
const SHORT: u16 = 3;
const LONG: u16 = 4;

/// The orientation in an EXIF block, with or without the prefix `Exif\0\0` that JPEG (and some
/// writers of other formats) put before it. The first directory counts; a damaged block has none.
/// The value may be of any of the three integer types, since writers use them all.
pub(super) fn orientation(exif: &[u8]) -> Option<Orientation> {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let little = match tiff.first_chunk::<4>()? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk::<2>()?;
        Some(if little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    };
    let long = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk::<4>()?;
        Some(if little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    };
    let directory = usize::try_from(long(4)?).ok()?;
    let entries = usize::from(short(directory)?);
    for entry in 0..entries {
        let at = directory.checked_add(2 + 12 * entry)?;
        if short(at)? != TAG_ORIENTATION {
            continue;
        }
        let value = match short(at + 2)? {
            BYTE => u32::from(*tiff.get(at + 8)?),
            SHORT => u32::from(short(at + 8)?),
            LONG => long(at + 8)?,
            _ => return None,
        };
        return Orientation::from_exif(u8::try_from(value).ok()?);
    }
    None
}

/// Whether the first directory has entries, each of a type that there is, and an orientation, if
/// there is one, has a value.
pub(super) fn is_sound(exif: &[u8]) -> bool {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let number = |at: usize, length: usize| {
        let bytes = tiff.get(at..at.checked_add(length)?)?;
        let join = |number: usize, byte: &u8| number << 8 | usize::from(*byte);
        Some(match tiff.first() {
            Some(b'I') => bytes.iter().rev().fold(0, join),
            _ => bytes.iter().fold(0, join),
        })
    };
    let types = || {
        let directory = number(4, 4)?;
        let entries = number(directory, 2).filter(|entries| *entries > 0)?;
        (0..entries)
            .map(|entry| number(directory.checked_add(2 + 12 * entry + 2)?, 2))
            .collect::<Option<Vec<_>>>()
    };
    let turns = |tag: &[u8]| tag.get(8..).is_some_and(|value| value[..4] != [0; 4]);
    let tag = [TAG_ORIENTATION.to_be_bytes(), TAG_ORIENTATION.to_le_bytes()];
    let orientation = tag.iter().find_map(|tag| memchr::memmem::find(tiff, tag));
    types().is_some_and(|types| types.iter().all(|kind| (1..=13).contains(kind)))
        && orientation.is_none_or(|at| tiff.get(at..at + 12).is_some_and(turns))
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

//! CCITT's codes for pictures of one bit a pixel (ITU-T T.4 and T.6): modified Huffman, group 3 in
//! one and two dimensions, group 4. The tables of codes are those of the `fax` crate.

use super::super::filler;
use fax::maps::{Mode, black, mode, white};
use fax::{BitReader, Bits as Code};

/// Bytes that may be left when all rows are there: the six end-of-line codes of group 3 on whole
/// bytes, and padding.
const MAX_REST: usize = 16;

/// The four kinds, which differ in what stands between rows and whether a row may refer to the one
/// above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Rows without marks, each on whole units of so many bits.
    Huffman(usize),
    /// `true`: in two dimensions.
    Group3(bool),
    Group4,
}

/// Appends the rows to `out`, of which each has whole bytes: 1 is black. `Err` says what is wrong
/// behind the rows that were appended.
pub(super) fn unpack(
    kind: Kind,
    data: &[u8],
    (width, rows): (usize, usize),
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    const DAMAGED: &str = "its fax data is damaged or cut off";
    let mut bits = Bits { data, at: 0 };
    let mut above = Vec::new();
    for _ in 0..rows {
        let plain = match kind {
            Kind::Huffman(_) => true,
            Kind::Group4 => false,
            Kind::Group3(two_dimensions) => {
                let marked = bits.end_of_line();
                if marked && bits.is_end_of_line() {
                    return Err("its fax data ends in front of its last row");
                }
                !(two_dimensions && marked) || bits.take() == Some(true)
            }
        };
        let row = if plain {
            bits.plain_row(width)
        } else {
            bits.row_below(&above, width)
        };
        let row = row.ok_or(DAMAGED)?;
        paint(&row, width, out);
        above = row;
        if let Kind::Huffman(unit) = kind {
            bits.at = bits.at.next_multiple_of(unit);
        }
    }
    let rest = data.get(bits.at.div_ceil(8)..).unwrap_or_default();
    // Ones are codes of rows that are like the one above, so filler of them makes rows.
    let is_filler = rest.len() > 1 && filler::run(rest) == rest.len() && rest[0] != 0;
    if is_filler || rest.len() > MAX_REST && !bits.is_end_of_line() {
        return Err("its fax data goes on behind its last row, so some before it is damaged");
    }
    Ok(())
}

/// A row from the places where its colour changes, white first.
fn paint(changes: &[usize], width: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + width.div_ceil(8), 0);
    let row = &mut out[start..];
    for run in changes.chunks(2) {
        let end = run.get(1).copied().unwrap_or(width).min(width);
        for at in run[0].min(width)..end {
            row[at / 8] |= 0x80 >> (at % 8);
        }
    }
}

struct Bits<'a> {
    data: &'a [u8],
    /// The next bit.
    at: usize,
}

impl BitReader for Bits<'_> {
    type Error = ();

    /// Behind the end come zeros, which [`Self::consume`] does not take.
    fn peek(&self, bits: u8) -> Option<u16> {
        let byte = |index: usize| u32::from(self.data.get(index).copied().unwrap_or(0));
        let at = self.at / 8;
        let three = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
        let shifted = three << (self.at % 8) & 0xff_ffff;
        u16::try_from(shifted >> (24 - u32::from(bits))).ok()
    }

    fn consume(&mut self, bits: u8) -> Result<(), ()> {
        self.at += usize::from(bits);
        if self.at > 8 * self.data.len() {
            return Err(());
        }
        Ok(())
    }

    fn expect(&mut self, bits: Code) -> Result<(), Option<Code>> {
        let found = self.peek(bits.len);
        if found == Some(bits.data) {
            return Ok(());
        }
        Err(found.map(|data| Code {
            data,
            len: bits.len,
        }))
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        u8::try_from(self.at.next_multiple_of(8) - self.at).unwrap_or(0)
    }
}

impl Bits<'_> {
    fn take(&mut self) -> Option<bool> {
        let bit = self.peek(1)?;
        self.consume(1).ok()?;
        Some(bit == 1)
    }

    /// Steps behind an end-of-line code, eleven zeros or more and a one, if it comes next.
    fn end_of_line(&mut self) -> bool {
        let before = self.at;
        let mut zeros = 0;
        while let Some(bit) = self.take() {
            if bit {
                break;
            }
            zeros += 1;
        }
        let found = zeros >= 11 && self.at <= 8 * self.data.len();
        if !found {
            self.at = before;
        }
        found
    }

    fn is_end_of_line(&self) -> bool {
        Bits { ..*self }.end_of_line()
    }

    /// The length of the next run.
    fn run(&mut self, is_black: bool) -> Option<usize> {
        let mut length = 0;
        loop {
            let part = if is_black {
                black::decode(self)
            } else {
                white::decode(self)
            }?;
            length += usize::from(part);
            if part < 64 {
                return Some(length);
            }
        }
    }

    /// The changes of a row that is coded by itself.
    fn plain_row(&mut self, width: usize) -> Option<Vec<usize>> {
        let mut changes = Vec::new();
        let mut at = 0;
        while at < width {
            at += self.run(changes.len() % 2 == 1)?;
            changes.push(at);
        }
        (at == width).then_some(changes)
    }

    /// The changes of a row that is coded by its differences from the one above.
    fn row_below(&mut self, above: &[usize], width: usize) -> Option<Vec<usize>> {
        let mut changes: Vec<usize> = Vec::new();
        // Before the first pixel nothing has been coded.
        let mut at = None;
        let mut next = 0;
        while at.unwrap_or(0) < width || (width == 0 && at.is_none()) {
            let is_black = changes.len() % 2 == 1;
            let is_behind = |place: usize| at.is_none_or(|at| place > at);
            while next > 0 && is_behind(above[next - 1]) {
                next -= 1;
            }
            while next < above.len() && (!is_behind(above[next]) || (next % 2 == 1) != is_black) {
                next += 1;
            }
            let place = |index: usize| above.get(index).copied().unwrap_or(width).min(width);
            match mode::decode(self)? {
                Mode::Pass => at = Some(place(next + 1)),
                Mode::Horizontal => {
                    let first = at.unwrap_or(0) + self.run(is_black)?;
                    let second = first + self.run(!is_black)?;
                    if second > width {
                        return None;
                    }
                    changes.extend([first, second]);
                    at = Some(second);
                }
                Mode::Vertical(by) => {
                    let change = place(next).checked_add_signed(by.into())?;
                    if change > width || change < at.unwrap_or(0) {
                        return None;
                    }
                    changes.push(change);
                    at = Some(change);
                }
                Mode::Extension | Mode::EOF => return None,
            }
        }
        Some(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of both colours from a random walk, a white and a black one among them.
    fn rows(width: usize, count: usize) -> Vec<Vec<bool>> {
        let mut seed = 7u32;
        let mut row = vec![false; width];
        let mut rows = Vec::new();
        for number in 0..count {
            for pixel in &mut row {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if seed >> 28 == 0 {
                    *pixel = !*pixel;
                }
            }
            rows.push(match number % 7 {
                3 => vec![false; width],
                5 => vec![true; width],
                _ => row.clone(),
            });
        }
        rows
    }

    fn packed(rows: &[Vec<bool>]) -> Vec<u8> {
        let bytes = |row: &Vec<bool>| -> Vec<u8> {
            let byte = |bits: &[bool]| {
                let places = bits.iter().enumerate();
                places.fold(0, |byte, (at, bit)| byte | (u8::from(*bit) << (7 - at)))
            };
            row.chunks(8).map(byte).collect()
        };
        rows.iter().flat_map(bytes).collect()
    }

    #[test]
    fn group_4_comes_back_from_the_encoder_and_a_cut_gives_the_rows_before_it() {
        for width in [1, 7, 8, 63, 64, 200, 2600] {
            let rows = rows(width, 30);
            let mut encoder = fax::encoder::Encoder::new(fax::VecWriter::new());
            for row in &rows {
                let pixels = row.iter().map(|black| match black {
                    true => fax::Color::Black,
                    false => fax::Color::White,
                });
                encoder
                    .encode_line(pixels, width.try_into().unwrap())
                    .unwrap();
            }
            let data = encoder.finish().unwrap().finish();
            let mut out = Vec::new();
            unpack(Kind::Group4, &data, (width, 30), &mut out).unwrap();
            let expected = packed(&rows);
            assert!(out == expected, "{width}");
            let mut part = Vec::new();
            unpack(
                Kind::Group4,
                &data[..data.len() / 2],
                (width, 30),
                &mut part,
            )
            .unwrap_err();
            assert!(
                expected.starts_with(&part) && (width < 100 || part.len() > expected.len() / 3)
            );
            // Rows that the header does not announce.
            let fewer = unpack(Kind::Group4, &data, (width, 10), &mut Vec::new());
            assert!(width < 200 || fewer.is_err(), "{width}");
        }
    }

    /// Bits one after the other.
    #[derive(Default)]
    struct Written(Vec<bool>);

    impl fax::BitWriter for Written {
        type Error = std::convert::Infallible;
        fn write(&mut self, code: Code) -> Result<(), Self::Error> {
            self.0
                .extend((0..code.len).rev().map(|bit| code.data >> bit & 1 == 1));
            Ok(())
        }
    }

    /// The codes of all runs of a colour, found by the tables that read them.
    fn codes(is_black: bool) -> std::collections::HashMap<u16, Code> {
        let code = |pattern: u16| {
            let bytes = (pattern << 3).to_be_bytes();
            let data = [bytes[0], bytes[1], 0, 0];
            let mut bits = Bits { data: &data, at: 0 };
            let run = if is_black {
                black::decode(&mut bits)
            } else {
                white::decode(&mut bits)
            };
            let len = u8::try_from(bits.at).unwrap();
            run.filter(|_| len <= 13).map(|run| {
                let data = pattern >> (13 - len);
                (run, Code { data, len })
            })
        };
        (0..1 << 13).filter_map(code).collect()
    }

    /// A row that is coded by itself.
    fn plain(row: &[bool], out: &mut Written) {
        use fax::BitWriter as _;
        let tables = [codes(false), codes(true)];
        let (mut at, mut is_black) = (0, false);
        while at < row.len() {
            let run = row[at..].iter().take_while(|pixel| **pixel == is_black);
            let mut run = u16::try_from(run.count()).unwrap();
            at += usize::from(run);
            let table = &tables[usize::from(is_black)];
            while run >= 64 {
                let part = (run / 64 * 64).min(1728);
                out.write(table[&part]).unwrap();
                run -= part;
            }
            out.write(table[&run]).unwrap();
            is_black = !is_black;
        }
    }

    /// Each row as its difference from the one above it.
    fn differences(rows: &[Vec<bool>]) -> Vec<Vec<bool>> {
        struct Shared(std::rc::Rc<std::cell::RefCell<Written>>);
        impl fax::BitWriter for Shared {
            type Error = std::convert::Infallible;
            fn write(&mut self, code: Code) -> Result<(), Self::Error> {
                self.0.borrow_mut().write(code)
            }
        }
        let written = std::rc::Rc::new(std::cell::RefCell::new(Written::default()));
        let mut encoder = fax::encoder::Encoder::new(Shared(written.clone()));
        let coded = rows.iter().map(|row| {
            let pixels = row.iter().map(|black| match black {
                true => fax::Color::Black,
                false => fax::Color::White,
            });
            let width = row.len().try_into().unwrap();
            encoder.encode_line(pixels, width).unwrap();
            std::mem::take(&mut written.borrow_mut().0)
        });
        coded.collect()
    }

    fn bytes(bits: &[bool]) -> Vec<u8> {
        packed(&[bits.to_vec()])
    }

    const END_OF_LINE: Code = Code { data: 1, len: 12 };

    #[test]
    fn each_kind_is_read_by_its_own_rules() {
        use fax::BitWriter as _;
        for width in [40, 203, 2600] {
            let rows = rows(width, 20);
            let expected = packed(&rows);
            let check = |kind, data: &[u8], what: &str| {
                let mut out = Vec::new();
                unpack(kind, data, (width, 20), &mut out)
                    .unwrap_or_else(|error| panic!("{what}, {width}: {error}"));
                assert!(out == expected, "{what}, {width}");
            };
            for unit in [8, 16] {
                let mut out = Written::default();
                for row in &rows {
                    plain(row, &mut out);
                    let whole = out.0.len().next_multiple_of(unit);
                    out.0.resize(whole, false);
                }
                check(Kind::Huffman(unit), &bytes(&out.0), "modified Huffman");
            }
            let (mut one, mut two) = (Written::default(), Written::default());
            for (number, (row, below)) in rows.iter().zip(differences(&rows)).enumerate() {
                one.write(END_OF_LINE).unwrap();
                plain(row, &mut one);
                two.write(END_OF_LINE).unwrap();
                let alone = number % 4 == 0;
                two.0.push(alone);
                if alone {
                    plain(row, &mut two);
                } else {
                    two.0.extend(below);
                }
            }
            check(Kind::Group3(false), &bytes(&one.0), "group 3");
            check(
                Kind::Group3(true),
                &bytes(&two.0),
                "group 3 in two dimensions",
            );
            // Six ends of a line are the end of it all; in front of the last row it is cut.
            for _ in 0..6 {
                one.write(END_OF_LINE).unwrap();
            }
            let ended = bytes(&one.0);
            check(Kind::Group3(false), &ended, "group 3 with its end");
            let error = unpack(Kind::Group3(false), &ended, (width, 21), &mut Vec::new());
            assert_eq!(error, Err("its fax data ends in front of its last row"));
        }
    }

    #[test]
    fn each_number_has_its_kind() {
        use super::super::strips::Compression;
        for (number, options, more, kind) in [
            (2, 0, 0, Kind::Huffman(8)),
            (32_771, 0, 0, Kind::Huffman(16)),
            (3, 0, 0, Kind::Group3(false)),
            (3, 1, 0, Kind::Group3(true)),
            (3, 5, 0, Kind::Group3(true)),
            (4, 0, 0, Kind::Group4),
        ] {
            let found = Compression::of(number, options, more).unwrap();
            assert_eq!(found, Compression::Fax(kind), "{number}, {options}");
        }
    }
}

//! Whether the Huffman-coded data of a file is all there (ITU-T T.81, annexes F and G).
//!
//! libjpeg only says that it met something odd: data that ends too early, and padding in front of
//! a marker that harms nothing. [`check`] goes through the codes again, without any arithmetic on
//! pixels, and tells the two apart. It runs only for files that libjpeg found odd.

use super::segments::{Component, File, Problem, Scan, Segment, next_marker};

/// This many bytes may be left of a scan when its picture is complete, whatever they are. Padding
/// with one and the same value may be longer.
const MAX_SURPLUS: usize = 64;
/// A picture whose last units come out of a run of this many equal bytes, with more such bytes
/// behind it, was cut and filled up.
const FILLER: usize = 4;

/// A Huffman table in canonical form (T.81, F.2.2.3).
#[derive(Debug, Clone, Default)]
struct Table {
    /// How many codes there are of each length, 1 to 16.
    counts: [u8; 16],
    symbols: Vec<u8>,
}

/// `Err` says what is missing or wrong.
pub(super) fn check(file: &File<'_>) -> Result<(), Problem> {
    if file.frame.arithmetic {
        return Err("its arithmetic-coded data is damaged".into());
    }
    let mut walker = Walker::new(file);
    for segment in &file.segments {
        let payload = &file.body[segment.payload.clone()];
        match (segment.marker, &segment.scan) {
            (0xc4, _) => walker.define_tables(payload)?,
            (0xdd, _) => {
                let interval = payload
                    .first_chunk::<2>()
                    .ok_or("its restart interval is cut")?;
                walker.restart_interval = u16::from_be_bytes(*interval).into();
            }
            (_, Some(scan)) => walker.scan(scan, segment)?,
            _ => {}
        }
    }
    Ok(())
}

struct Walker<'a> {
    file: &'a File<'a>,
    dc: [Table; 4],
    ac: [Table; 4],
    restart_interval: usize,
    /// Per component: the bits of a block's coefficients that are not 0 yet, in zigzag order.
    /// Only a progressive picture needs them.
    blocks: Vec<Vec<u64>>,
    scans: usize,
}

/// How a component's blocks lie.
#[derive(Debug, Clone, Copy)]
struct Grid {
    /// Blocks in a row, with the padding to whole interleaved units.
    stride: usize,
    /// Blocks across and down without it: what a scan of this component alone has.
    across: usize,
    down: usize,
}

impl<'a> Walker<'a> {
    fn new(file: &'a File<'a>) -> Self {
        Self {
            file,
            dc: Default::default(),
            ac: Default::default(),
            restart_interval: 0,
            blocks: Vec::new(),
            scans: 0,
        }
    }

    fn define_tables(&mut self, mut payload: &[u8]) -> Result<(), Problem> {
        while let [head, rest @ ..] = payload {
            let (counts, rest) = rest.split_first_chunk().ok_or(BAD_TABLE)?;
            let length = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(length).ok_or(BAD_TABLE)?;
            let tables = if head >> 4 == 0 {
                &mut self.dc
            } else {
                &mut self.ac
            };
            *tables.get_mut(usize::from(head & 15)).ok_or(BAD_TABLE)? = Table {
                counts: *counts,
                symbols: symbols.to_vec(),
            };
            payload = rest;
        }
        Ok(())
    }

    /// The most blocks that a component has in an interleaved unit, across and down.
    fn max_sampling(&self) -> (usize, usize) {
        let components = &self.file.frame.components;
        (
            components
                .iter()
                .map(|c| c.across)
                .max()
                .unwrap_or(1)
                .into(),
            components.iter().map(|c| c.down).max().unwrap_or(1).into(),
        )
    }

    /// The interleaved units of the frame, across and down.
    fn units(&self) -> (usize, usize) {
        let (across, down) = self.max_sampling();
        (
            usize::from(self.file.frame.width).div_ceil(8 * across),
            usize::from(self.file.frame.height).div_ceil(8 * down),
        )
    }

    fn grid(&self, component: usize) -> Grid {
        let frame = &self.file.frame;
        let (max_across, max_down) = self.max_sampling();
        let Component { across, down, .. } = frame.components[component];
        let blocks = |side: u16, times: u8, most: usize| {
            (usize::from(side) * usize::from(times)).div_ceil(8 * most)
        };
        Grid {
            stride: self.units().0 * usize::from(across),
            across: blocks(frame.width, across, max_across),
            down: blocks(frame.height, down, max_down),
        }
    }

    fn scan(&mut self, scan: &Scan, segment: &Segment) -> Result<(), Problem> {
        self.scans += 1;
        let progressive = self.file.frame.progressive;
        if progressive && self.blocks.is_empty() {
            for component in 0..self.file.frame.components.len() {
                let rows = self.units().1 * usize::from(self.file.frame.components[component].down);
                self.blocks
                    .push(vec![0; self.grid(component).stride * rows]);
            }
        }
        let data = &self.file.body[segment.data.clone()];
        let mut bits = Bits::new(data);
        let alone = (scan.parts.len() == 1).then(|| self.grid(scan.parts[0].0));
        let (across, down) = alone.map_or_else(|| self.units(), |grid| (grid.across, grid.down));
        let mut blocks = std::mem::take(&mut self.blocks);
        let mut end_of_band = 0;
        let mut restart = 0;
        for unit in 0..across * down {
            if self.restart_interval > 0 && unit > 0 && unit % self.restart_interval == 0 {
                bits.restart(restart)
                    .ok_or_else(|| self.missing(unit, across * down))?;
                restart = (restart + 1) % 8;
                end_of_band = 0;
            }
            let (x, y) = (unit % across, unit / across);
            for &(component, dc, ac) in &scan.parts {
                let Component {
                    across: h, down: v, ..
                } = self.file.frame.components[component];
                let (h, v) = if alone.is_some() {
                    (1, 1)
                } else {
                    (h.into(), v.into())
                };
                for block in 0..h * v {
                    let mut nothing = 0;
                    let known = if progressive {
                        let (column, row) = (x * h + block % h, y * v + block / h);
                        &mut blocks[component][row * self.grid(component).stride + column]
                    } else {
                        &mut nothing
                    };
                    let tables = (&self.dc[usize::from(dc & 3)], &self.ac[usize::from(ac & 3)]);
                    self.block(scan, tables, &mut bits, known, &mut end_of_band)
                        .ok_or_else(|| self.missing(unit, across * down))?;
                }
            }
        }
        self.blocks = blocks;
        self.surplus(data, bits.at)
    }

    /// Steps over one block. `None`: the data ended, or is no code.
    fn block(
        &self,
        scan: &Scan,
        (dc, ac): (&Table, &Table),
        bits: &mut Bits<'_>,
        known: &mut u64,
        end_of_band: &mut u32,
    ) -> Option<()> {
        let (mut first, last) = self.file.band(scan);
        if first == 0 {
            if self.file.frame.progressive && scan.high > 0 {
                bits.bits(1)?;
            } else {
                let size = dc.symbol(bits)?;
                bits.bits((size <= 15).then_some(size)?)?;
            }
            first = 1;
        }
        if !self.file.frame.progressive {
            return sequential(ac, bits);
        }
        if first > last {
            return Some(()); // a progressive scan of DC has nothing else
        }
        if scan.high == 0 {
            first_bits(ac, bits, known, (first, last), end_of_band)
        } else {
            refinement(ac, bits, known, (first, last), end_of_band)
        }
    }

    fn missing(&self, unit: usize, units: usize) -> Problem {
        let percent = unit * 100 / units.max(1);
        format!(
            "the data of its scan {} is damaged or ends after {percent} % of the picture",
            self.scans
        )
        .into()
    }

    /// What is left of a scan's `data` behind byte `at`, where its picture was complete.
    fn surplus(&self, data: &[u8], at: usize) -> Result<(), Problem> {
        let (used, rest) = data.split_at(at.min(data.len()));
        let Some(&filler) = rest.last() else {
            return Ok(());
        };
        let is_uniform = rest.iter().all(|&byte| byte == filler);
        if !is_uniform && rest.len() > MAX_SURPLUS {
            return Err(format!(
                "{} bytes of its scan {} are left over, so some before them are damaged",
                rest.len(),
                self.scans
            )
            .into());
        }
        let run = used
            .iter()
            .rev()
            .take_while(|&&byte| byte == filler)
            .count();
        if is_uniform && rest.len() > 2 && run >= FILLER {
            return Err(format!(
                "it is cut off in its scan {} and filled up with bytes of {filler:#04x}",
                self.scans
            )
            .into());
        }
        Ok(())
    }
}

const BAD_TABLE: &str = "a Huffman table is malformed";

/// The coefficients 1 to 63 of a sequential block.
fn sequential(table: &Table, bits: &mut Bits<'_>) -> Option<()> {
    let mut at = 1;
    while at <= 63 {
        let symbol = table.symbol(bits)?;
        match (symbol >> 4, symbol & 15) {
            (15, 0) => at += 16,
            (_, 0) => return Some(()),
            (run, size) => {
                at += usize::from(run) + 1;
                bits.bits(size)?;
            }
        }
    }
    // A run beyond the last coefficient is no picture's.
    (at <= 64 || at == 79).then_some(())
}

/// The first bits of a band.
fn first_bits(
    table: &Table,
    bits: &mut Bits<'_>,
    known: &mut u64,
    (first, last): (usize, usize),
    end_of_band: &mut u32,
) -> Option<()> {
    if *end_of_band > 0 {
        *end_of_band -= 1;
        return Some(());
    }
    let mut at = first;
    while at <= last {
        let symbol = table.symbol(bits)?;
        match (symbol >> 4, symbol & 15) {
            (15, 0) => at += 16,
            (run, 0) => {
                *end_of_band = (1 << run) + bits.bits(run)? - 1;
                return Some(());
            }
            (run, size) => {
                at += usize::from(run);
                bits.bits(size)?;
                *known |= 1u64.checked_shl(u32::try_from(at).ok()?)?;
                at += 1;
            }
        }
    }
    Some(())
}

/// One more bit of a band's coefficients: of those that are known, and new ones between them.
fn refinement(
    table: &Table,
    bits: &mut Bits<'_>,
    known: &mut u64,
    (first, last): (usize, usize),
    end_of_band: &mut u32,
) -> Option<()> {
    let mut at = first;
    while at <= last && *end_of_band == 0 {
        let symbol = table.symbol(bits)?;
        let (run, size) = (symbol >> 4, symbol & 15);
        if size == 0 && run < 15 {
            *end_of_band = (1 << run) + bits.bits(run)?;
            break;
        }
        if size > 0 {
            bits.bits(1)?; // the sign of the new coefficient
        }
        let mut zeros = run;
        while at <= last {
            if *known >> at & 1 == 1 {
                bits.bits(1)?;
            } else if zeros == 0 {
                break;
            } else {
                zeros -= 1;
            }
            at += 1;
        }
        if size > 0 && at <= last {
            *known |= 1 << at;
        }
        at += 1;
    }
    if *end_of_band > 0 {
        *end_of_band -= 1;
        for coefficient in at..=last {
            if *known >> coefficient & 1 == 1 {
                bits.bits(1)?;
            }
        }
    }
    Some(())
}

impl Table {
    /// The next symbol. `None`: no code begins like this, or the data is over.
    fn symbol(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let (mut code, mut first, mut index) = (0u32, 0u32, 0u32);
        for &count in &self.counts {
            code = code << 1 | bits.bits(1)?;
            let count = u32::from(count);
            if code < first + count {
                let place = usize::try_from(index + code - first).ok()?;
                return self.symbols.get(place).copied();
            }
            index += count;
            first = (first + count) << 1;
        }
        None
    }
}

/// Entropy-coded data, bit by bit.
struct Bits<'a> {
    data: &'a [u8],
    /// The next byte.
    at: usize,
    current: u8,
    left: u32,
}

impl<'a> Bits<'a> {
    fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            at: 0,
            current: 0,
            left: 0,
        }
    }

    fn bits(&mut self, count: u8) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            if self.left == 0 {
                self.current = *self.data.get(self.at)?;
                self.at += 1;
                if self.current == 0xff {
                    while *self.data.get(self.at)? == 0xff {
                        self.at += 1;
                    }
                    if self.data[self.at] != 0 {
                        self.at -= 1; // a restart marker
                        return None;
                    }
                    self.at += 1;
                }
                self.left = 8;
            }
            self.left -= 1;
            value = value << 1 | u32::from(self.current >> self.left & 1);
        }
        Some(value)
    }

    /// Steps behind the restart marker with this number. `None`: it does not come next.
    fn restart(&mut self, number: u8) -> Option<()> {
        self.left = 0;
        self.at = next_marker(self.data, self.at)?;
        if self.data[self.at + 1] != 0xd0 + number {
            return None;
        }
        self.at += 2;
        Some(())
    }
}

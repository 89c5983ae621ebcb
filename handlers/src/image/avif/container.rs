//! The container of an AVIF file (ISO/IEC 14496-12, 23008-12 and the AV1 image format): which items
//! the picture is made of, where their bytes are and what is said of them.
//!
//! Every count and length is checked against the bytes that are there, so a file can't ask for more
//! memory than a few times its own size.

use std::collections::BTreeMap;

use super::Problem;

/// The most rows and columns of a grid, as one byte each says less one.
const MAX_CELLS: usize = 256 * 256;
/// The most pieces of an item that a writer could have reason to make.
const MAX_EXTENTS: usize = 256;
/// The most properties of an item, as one byte says.
const MAX_PROPERTIES: usize = 255;
/// The most items and properties of a file. A grid of photos has some hundred.
const MAX_ITEMS: usize = 100_000;

/// What a file holds.
pub(super) struct Container<'a> {
    body: &'a [u8],
    primary: u32,
    items: Vec<Item>,
    properties: Vec<Property<'a>>,
    /// Of one item to others: the type, from, to.
    references: Vec<([u8; 4], u32, Vec<u32>)>,
    /// The image with the opacity of each item that has one.
    alphas: BTreeMap<u32, Image>,
    idat: &'a [u8],
    /// The number of frames of the sequence, if there is one.
    pub(super) frames: u32,
}

struct Item {
    id: u32,
    kind: [u8; 4],
    /// 0: in the file, 1: in `idat`, 2: made from other items' bytes.
    method: u8,
    extents: Vec<(u64, u64)>,
    /// Numbers of properties from 1, and whether a reader has to know what they mean.
    properties: Vec<(usize, bool)>,
}

/// How the samples are to be read as colours (ITU-T H.273).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Nclx {
    pub(super) primaries: u16,
    pub(super) transfer: u16,
    pub(super) matrix: u16,
    pub(super) full_range: bool,
}

enum Property<'a> {
    Size(u32, u32),
    /// The second and third byte of the codec's configuration.
    Config([u8; 2]),
    Nclx(Nclx),
    Icc(&'a [u8]),
    /// Turns by a quarter, against the clock.
    Turn(u8),
    /// 0 exchanges top and bottom, 1 left and right.
    Mirror(u8),
    Crop([u32; 8]),
    Alpha,
    OperatingPoint(u8),
    /// Says something that the pixels don't need.
    Known,
    Unknown([u8; 4]),
}

/// An image item: AV1 data, or a grid of such items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Image {
    index: usize,
}

/// A grid of images of equal size.
pub(super) struct Grid {
    pub(super) columns: usize,
    pub(super) cells: Vec<Image>,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl<'a> Container<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Problem> {
        let mut meta = None;
        let mut frames = 0;
        let mut boxes = Reader(body);
        while !boxes.0.is_empty() {
            // What is behind the description may be cut off: its items say what is needed.
            let Some((kind, content)) = boxes.next_box(true)? else {
                break;
            };
            match &kind {
                b"meta" if meta.is_none() => meta = Some(content),
                b"moov" => frames = frames_of(content).unwrap_or(0),
                _ => {}
            }
        }
        let Some(mut meta) = meta else {
            return Err(if frames > 0 {
                SEQUENCE.into()
            } else {
                "the description of its items is missing, so it is cut off or damaged".into()
            });
        };
        let mut container = Self {
            body,
            primary: 0,
            items: Vec::new(),
            properties: Vec::new(),
            references: Vec::new(),
            alphas: BTreeMap::new(),
            idat: &[],
            frames,
        };
        container.meta(&mut meta).ok_or(DAMAGED)??;
        container.find_alphas();
        if container.primary_item().is_none() && frames > 0 {
            return Err(SEQUENCE.into());
        }
        if container.primary_item().is_none() {
            return Err("it has no primary item".into());
        }
        Ok(container)
    }

    fn meta(&mut self, meta: &mut Reader<'a>) -> Option<Result<(), Problem>> {
        meta.version()?;
        let mut parts = Vec::new();
        while !meta.0.is_empty() {
            match meta.next_box(false) {
                Ok(part) => parts.push(part?),
                Err(problem) => return Some(Err(problem)),
            }
        }
        // Items first: what else there is belongs to them.
        let part = |name: &[u8; 4]| parts.iter().find(|part| part.0 == *name).map(|part| part.1);
        self.primary = part(b"pitm").map_or(Some(0), |mut pitm| {
            if pitm.version()?.0 == 0 {
                pitm.u16().map(u32::from)
            } else {
                pitm.u32()
            }
        })?;
        self.infos(part(b"iinf")?)?;
        self.locations(part(b"iloc")?)?;
        self.idat = part(b"idat").map_or(&[], |idat| idat.0);
        if let Some(iref) = part(b"iref") {
            self.references(iref)?;
        }
        self.all_properties(part(b"iprp")?)?;
        Some(Ok(()))
    }

    fn infos(&mut self, mut iinf: Reader<'a>) -> Option<()> {
        let (version, _) = iinf.version()?;
        let count = iinf.number(if version == 0 { 2 } else { 4 })?;
        for _ in 0..count {
            let (kind, mut info) = iinf.next_box(false).ok()??;
            if kind != *b"infe" {
                continue;
            }
            let id = match info.version()?.0 {
                2 => info.u16()?.into(),
                3 => info.u32()?,
                _ => continue, // of no type
            };
            let _protection = info.u16()?;
            let kind = *info.take(4)?.first_chunk()?;
            if self.items.len() == MAX_ITEMS {
                return None;
            }
            self.items.push(Item {
                id,
                kind,
                method: 0,
                extents: Vec::new(),
                properties: Vec::new(),
            });
        }
        self.items.sort_by_key(|item| item.id);
        let count = self.items.len();
        self.items.dedup_by_key(|item| item.id);
        (self.items.len() == count).then_some(())
    }

    fn locations(&mut self, mut iloc: Reader<'a>) -> Option<()> {
        let (version, _) = iloc.version()?;
        let [sizes, more] = *iloc.take(2)?.first_chunk()?;
        let (offset_size, length_size) = (sizes >> 4, sizes & 15);
        let (base_size, index_size) = (more >> 4, if version == 0 { 0 } else { more & 15 });
        if version > 2 {
            return None;
        }
        let id_size = if version < 2 { 2 } else { 4 };
        let count = iloc.number(id_size)?;
        for _ in 0..count {
            let id = u32::try_from(iloc.number(id_size)?).ok()?;
            let method = if version == 0 { 0 } else { iloc.u16()? & 15 };
            let _other_file = iloc.u16()?;
            let base = iloc.number(base_size)?;
            let extents = iloc.u16()?;
            if usize::from(extents) > MAX_EXTENTS {
                return None;
            }
            let mut all = Vec::new();
            for _ in 0..extents {
                iloc.number(index_size)?;
                let offset = base.checked_add(iloc.number(offset_size)?)?;
                all.push((offset, iloc.number(length_size)?));
            }
            if let Some(item) = self.item_mut(id) {
                (item.method, item.extents) = (u8::try_from(method).ok()?, all);
            }
        }
        Some(())
    }

    fn references(&mut self, mut iref: Reader<'a>) -> Option<()> {
        let id_size = if iref.version()?.0 == 0 { 2 } else { 4 };
        while !iref.0.is_empty() {
            let (kind, mut reference) = iref.next_box(false).ok()??;
            let from = u32::try_from(reference.number(id_size)?).ok()?;
            let count = reference.u16()?;
            let to = (0..count).map(|_| u32::try_from(reference.number(id_size)?).ok());
            self.references
                .push((kind, from, to.collect::<Option<_>>()?));
        }
        Some(())
    }

    fn all_properties(&mut self, mut iprp: Reader<'a>) -> Option<()> {
        while !iprp.0.is_empty() {
            let (kind, mut content) = iprp.next_box(false).ok()??;
            match &kind {
                b"ipco" => {
                    while !content.0.is_empty() && self.properties.len() < MAX_ITEMS {
                        let (kind, property) = content.next_box(false).ok()??;
                        self.properties.push(property_of(kind, property)?);
                    }
                }
                b"ipma" => self.associations(content)?,
                _ => {}
            }
        }
        Some(())
    }

    fn associations(&mut self, mut ipma: Reader<'a>) -> Option<()> {
        let (version, flags) = ipma.version()?;
        let count = ipma.u32()?;
        for _ in 0..count {
            let id = u32::try_from(ipma.number(if version == 0 { 2 } else { 4 })?).ok()?;
            let mut all = Vec::new();
            for _ in 0..ipma.u8()? {
                all.push(if flags & 1 == 1 {
                    let value = ipma.u16()?;
                    (usize::from(value & 0x7fff), value >> 15 == 1)
                } else {
                    let value = ipma.u8()?;
                    (usize::from(value & 0x7f), value >> 7 == 1)
                });
            }
            if let Some(item) = self.item_mut(id) {
                item.properties.append(&mut all);
                if item.properties.len() > MAX_PROPERTIES {
                    return None;
                }
            }
        }
        Some(())
    }

    fn find_alphas(&mut self) {
        let mut alphas = BTreeMap::new();
        for (_, from, to) in self.references.iter().filter(|one| one.0 == *b"auxl") {
            let Some(image) = self.position(*from).map(|index| Image { index }) else {
                continue;
            };
            let mut properties = self.properties(image);
            if properties.any(|property| matches!(property, Property::Alpha)) {
                for id in to {
                    alphas.entry(*id).or_insert(image);
                }
            }
        }
        self.alphas = alphas;
    }

    fn position(&self, id: u32) -> Option<usize> {
        self.items.binary_search_by_key(&id, |item| item.id).ok()
    }

    fn item_mut(&mut self, id: u32) -> Option<&mut Item> {
        let index = self.position(id)?;
        self.items.get_mut(index)
    }

    fn primary_item(&self) -> Option<Image> {
        let index = self.position(self.primary)?;
        Some(Image { index })
    }

    /// The picture. `Err` if it is of a kind that can't be read.
    pub(super) fn primary(&self) -> Result<Image, Problem> {
        let image = self.primary_item().ok_or(DAMAGED)?;
        self.check(image)?;
        Ok(image)
    }

    fn item(&self, image: Image) -> &Item {
        &self.items[image.index]
    }

    fn properties(&self, image: Image) -> impl Iterator<Item = &Property<'a>> {
        let properties = &self.item(image).properties;
        properties
            .iter()
            .filter_map(|(number, _)| self.properties.get(number.checked_sub(1)?))
    }

    /// Whether everything is known that a reader of the item has to know.
    fn check(&self, image: Image) -> Result<(), Problem> {
        let item = self.item(image);
        match &item.kind {
            b"av01" | b"grid" => {}
            b"hvc1" => return Err("its picture is coded as HEVC, so it is a HEIC file".into()),
            kind => return Err(format!("its item is of the kind {}", name(kind)).into()),
        }
        for &(number, essential) in &item.properties {
            let property = number
                .checked_sub(1)
                .and_then(|index| self.properties.get(index));
            if let (Some(Property::Unknown(kind)), true) = (property, essential) {
                return Err(format!(
                    "it needs the property {}, which is not supported",
                    name(kind)
                )
                .into());
            }
        }
        Ok(())
    }

    /// Width and height as stored, before any crop and turn.
    pub(super) fn size(&self, image: Image) -> Result<(u32, u32), Problem> {
        let size = self.properties(image).find_map(|property| match property {
            Property::Size(width, height) => Some((*width, *height)),
            _ => None,
        });
        size.ok_or_else(|| "an item has no size".into())
    }

    /// Bits of a sample, and whether it is grey; of a grid, those of its first cell.
    pub(super) fn depth(&self, image: Image) -> Option<(u8, bool)> {
        let config = |image| {
            self.properties(image).find_map(|property| match property {
                Property::Config(config) => Some(*config),
                _ => None,
            })
        };
        let [_, flags] = config(image).or_else(|| config(self.first_cell(image)?))?;
        let bits = match (flags >> 6 & 1, flags >> 5 & 1) {
            (0, _) => 8,
            (_, 0) => 10,
            _ => 12,
        };
        Some((bits, flags >> 4 & 1 == 1))
    }

    pub(super) fn nclx(&self, image: Image) -> Option<Nclx> {
        self.properties(image).find_map(|property| match property {
            Property::Nclx(nclx) => Some(*nclx),
            _ => None,
        })
    }

    pub(super) fn icc(&self, image: Image) -> Option<&'a [u8]> {
        self.properties(image).find_map(|property| match property {
            Property::Icc(icc) => Some(*icc),
            _ => None,
        })
    }

    /// Turns by a quarter against the clock, and then the mirror's axis.
    pub(super) fn turn(&self, image: Image) -> (u8, Option<u8>) {
        let turn = self.properties(image).find_map(|property| match property {
            Property::Turn(turn) => Some(*turn),
            _ => None,
        });
        let mirror = self.properties(image).find_map(|property| match property {
            Property::Mirror(axis) => Some(*axis),
            _ => None,
        });
        (turn.unwrap_or(0), mirror)
    }

    pub(super) fn operating_point(&self, image: Image) -> u8 {
        let point = self.properties(image).find_map(|property| match property {
            Property::OperatingPoint(point) => Some(*point),
            _ => None,
        });
        point.unwrap_or(0)
    }

    /// The part of the picture that is shown: left, top, width, height. A crop that makes no sense
    /// is none, as for browsers.
    pub(super) fn crop(&self, image: Image) -> Option<(u32, u32, u32, u32)> {
        let crop = self.properties(image).find_map(|property| match property {
            Property::Crop(crop) => Some(crop),
            _ => None,
        })?;
        let (width, height) = self.size(image).ok()?;
        let [w_n, w_d, h_n, h_d, x_n, x_d, y_n, y_d] = *crop;
        let across = part(width, (w_n, w_d), (x_n, x_d))?;
        let down = part(height, (h_n, h_d), (y_n, y_d))?;
        Some((across.0, down.0, across.1, down.1))
    }

    fn targets(&self, image: Image, kind: [u8; 4]) -> impl Iterator<Item = Image> {
        let id = self.item(image).id;
        self.references
            .iter()
            .filter(move |reference| reference.0 == kind && reference.1 == id)
            .flat_map(|reference| &reference.2)
            .filter_map(|id| {
                let index = self.position(*id)?;
                Some(Image { index })
            })
    }

    /// The image with the opacity of `image`, and whether the colours are multiplied by it.
    pub(super) fn alpha(&self, image: Image) -> Result<Option<(Image, bool)>, Problem> {
        let alpha = self.alphas.get(&self.item(image).id).copied();
        let Some(alpha) = alpha else {
            return Ok(None);
        };
        self.check(alpha)?;
        let multiplied = self.targets(image, *b"prem").any(|found| found == alpha);
        Ok(Some((alpha, multiplied)))
    }

    /// The first image of the grid that `image` is, if it is one.
    pub(super) fn first_cell(&self, image: Image) -> Option<Image> {
        if self.item(image).kind != *b"grid" {
            return None;
        }
        self.targets(image, *b"dimg").next()
    }

    /// The grid that `image` is, if it is one.
    pub(super) fn grid(&self, image: Image) -> Result<Option<Grid>, Problem> {
        if self.item(image).kind != *b"grid" {
            return Ok(None);
        }
        let data = self.data(image)?;
        let mut reader = Reader(&data);
        let grid = (|| {
            let [version, flags, rows, columns] = *reader.take(4)?.first_chunk()?;
            let bytes = if flags & 1 == 1 { 4 } else { 2 };
            let side = |reader: &mut Reader<'_>| u32::try_from(reader.number(bytes)?).ok();
            let (width, height) = (side(&mut reader)?, side(&mut reader)?);
            let (rows, columns) = (usize::from(rows) + 1, usize::from(columns) + 1);
            (version == 0).then_some((rows, columns, width, height))
        })();
        let (rows, columns, width, height) = grid.ok_or(DAMAGED)?;
        let cells: Vec<Image> = self.targets(image, *b"dimg").take(MAX_CELLS + 1).collect();
        if cells.len() != rows * columns {
            return Err(
                format!("its grid of {columns} x {rows} has {} images", cells.len()).into(),
            );
        }
        for &cell in &cells {
            self.check(cell)?;
            if self.item(cell).kind != *b"av01" {
                return Err("its grid is made of other things than AV1 images".into());
            }
        }
        if self.size(image)? != (width, height) {
            return Err("its grid has two sizes".into());
        }
        Ok(Some(Grid {
            columns,
            cells,
            width,
            height,
        }))
    }

    /// The bytes of an item. `Err` if they are not all there.
    pub(super) fn data(&self, image: Image) -> Result<Vec<u8>, Problem> {
        let item = self.item(image);
        let from = match item.method {
            0 => self.body,
            1 => self.idat,
            _ => return Err("an item is made from bytes of others".into()),
        };
        let mut data = Vec::new();
        for &(offset, length) in &item.extents {
            let bytes = (|| {
                let start = usize::try_from(offset).ok()?;
                match usize::try_from(length).ok()? {
                    0 => from.get(start..), // all of it
                    length => from.get(start..start.checked_add(length)?),
                }
            })();
            let bytes = bytes.ok_or("it is cut off: data of its picture is missing")?;
            if data.len() + bytes.len() > self.body.len() {
                return Err("an item has more bytes than the file".into());
            }
            data.extend_from_slice(bytes);
        }
        if data.is_empty() {
            return Err("an item has no data".into());
        }
        Ok(data)
    }
}

const SEQUENCE: &str = "it is a sequence without a still picture";
const DAMAGED: &str = "the description of its items is damaged";

fn property_of<'a>(kind: [u8; 4], mut content: Reader<'a>) -> Option<Property<'a>> {
    Some(match &kind {
        b"ispe" => {
            content.version()?;
            Property::Size(content.u32()?, content.u32()?)
        }
        b"av1C" => {
            content.u8()?;
            Property::Config(*content.take(2)?.first_chunk()?)
        }
        b"colr" => match content.take(4)? {
            b"nclx" => Property::Nclx(Nclx {
                primaries: content.u16()?,
                transfer: content.u16()?,
                matrix: content.u16()?,
                full_range: content.u8()? >> 7 == 1,
            }),
            b"prof" | b"rICC" => Property::Icc(content.0),
            _ => Property::Known,
        },
        b"irot" => Property::Turn(content.u8()? & 3),
        b"imir" => Property::Mirror(content.u8()? & 1),
        b"clap" => {
            let mut numbers = [0; 8];
            for number in &mut numbers {
                *number = content.u32()?;
            }
            Property::Crop(numbers)
        }
        b"auxC" => {
            content.version()?;
            let name = content.0.split(|byte| *byte == 0).next()?;
            match name {
                b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha" | b"urn:mpeg:hevc:2015:auxid:1" => {
                    Property::Alpha
                }
                _ => Property::Known,
            }
        }
        b"a1op" => Property::OperatingPoint(content.u8()? & 31),
        b"pixi" | b"pasp" | b"a1lx" | b"clli" | b"mdcv" | b"cclv" | b"amve" | b"rloc" | b"udes" => {
            Property::Known
        }
        _ => Property::Unknown(kind),
    })
}

/// Where a part begins and how long it is, of a side of `full` pixels: of the length `size` around
/// a middle that is `offset` off the side's.
fn part(full: u32, size: (u32, u32), offset: (u32, u32)) -> Option<(u32, u32)> {
    let whole = |(over, under): (i64, i64)| (under > 0 && over % under == 0).then(|| over / under);
    let size = whole((size.0.into(), size.1.into()))?;
    let (over, under) = (i64::from(offset.0.cast_signed()), i64::from(offset.1));
    // The first pixel: (full - size) / 2 + offset.
    let twice = (i64::from(full) - size).checked_mul(under)? + over * 2;
    let start = whole((twice, under.checked_mul(2)?))?;
    let fits = size > 0 && start >= 0 && start + size <= i64::from(full);
    fits.then_some((u32::try_from(start).ok()?, u32::try_from(size).ok()?))
}

/// The number of samples of the first track of pictures.
fn frames_of(moov: Reader<'_>) -> Option<u32> {
    let mut moov = moov;
    while let Ok(Some((kind, mut track))) = moov.next_box(false) {
        if kind != *b"trak" {
            continue;
        }
        let mut media = track.inner(b"mdia")?;
        let mut handler = Reader(media.0).inner(b"hdlr")?;
        handler.take(8)?;
        if !matches!(handler.take(4)?, b"pict" | b"vide") {
            continue;
        }
        let mut sizes = media.inner(b"minf")?.inner(b"stbl")?.inner(b"stsz")?;
        sizes.take(8)?;
        return sizes.u32();
    }
    None
}

/// A four-letter name as text.
pub(super) fn name(kind: &[u8; 4]) -> String {
    kind.escape_ascii().to_string()
}

/// Bytes that are read from the front.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A big-endian number of 0, 1, 2, 4 or 8 bytes; without any it is 0.
    fn number(&mut self, bytes: u8) -> Option<u64> {
        if !matches!(bytes, 0 | 1 | 2 | 4 | 8) {
            return None;
        }
        let bytes = self.take(bytes.into())?;
        Some(
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        )
    }

    fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.take(2)?.first_chunk()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(*self.take(4)?.first_chunk()?))
    }

    /// Version and flags of a full box.
    fn version(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        Some(((word >> 24) as u8, word & 0xff_ffff))
    }

    /// The next box: its type and what is in it. `None`: its header is cut, or it is longer than
    /// what is there; with `cut_ok` it has what is there then.
    fn next_box(&mut self, cut_ok: bool) -> Result<Option<([u8; 4], Reader<'a>)>, Problem> {
        let header = (|| {
            let size = self.u32()?;
            let kind = *self.take(4)?.first_chunk()?;
            let size = match size {
                0 => Some(self.0.len() as u64),
                1 => self.number(8)?.checked_sub(16),
                size => u64::from(size).checked_sub(8),
            };
            Some((kind, size))
        })();
        let Some((kind, size)) = header else {
            return if cut_ok {
                Ok(None)
            } else {
                Err(DAMAGED.into())
            };
        };
        let size = size.ok_or(DAMAGED)?;
        match usize::try_from(size).ok().and_then(|size| self.take(size)) {
            Some(content) => Ok(Some((kind, Reader(content)))),
            // Only the items' data may be cut: their description is needed as a whole.
            None if cut_ok && kind != *b"meta" => {
                self.0 = &[];
                Ok(Some((kind, Reader(&[]))))
            }
            None => Err("it is cut off: the description of its items is not whole".into()),
        }
    }

    /// What is in the first box of this type.
    fn inner(&mut self, wanted: &[u8; 4]) -> Option<Reader<'a>> {
        while let Ok(Some((kind, content))) = self.next_box(false) {
            if kind == *wanted {
                return Some(content);
            }
        }
        None
    }
}

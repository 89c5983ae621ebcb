//! Pictures of at most 256 colours: found where there are no more, made where there are.
//!
//! Colours are reduced by splitting the box of all colours at the mean of its longest spread, the
//! box with the greatest error first, and by a few rounds of k-means after that. There is no
//! dithering: it costs the size that a palette is for. Colours are compared premultiplied, so
//! that transparent pixels of any colour are alike.

use super::raster::Raster;

/// The most colours of a palette.
pub(super) const MAX_COLOURS: usize = 256;
/// Rounds in which each colour goes to the nearest entry, and each entry to the mean of its
/// colours.
const ROUNDS: usize = 3;
/// With more distinct colours than this they are told apart by fewer bits.
const MANY: usize = 1 << 15;

/// Red, green, blue, opacity; not premultiplied.
type Colour = [u8; 4];

/// A picture as indices into a palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Indexed {
    /// 1 to 256 colours, those that are not opaque first.
    pub(super) palette: Vec<Colour>,
    /// An index a pixel.
    pub(super) indices: Vec<u8>,
}

impl Indexed {
    /// The same picture, if it has at most 256 colours.
    pub(super) fn exact(raster: &Raster) -> Option<Self> {
        let mut table = Table::new();
        let mut indices = Vec::new();
        for colour in raster.rgba_pixels() {
            let index = table.index_of(visible(colour));
            if table.colours.len() > MAX_COLOURS {
                return None;
            }
            indices.push(u8::try_from(index).ok()?);
        }
        Some(
            Self {
                palette: table.colours,
                indices,
            }
            .sorted(),
        )
    }

    /// The picture with its colours reduced to 256.
    pub(super) fn reduced(raster: &Raster) -> Self {
        Self::reduced_to(raster.rgba_pixels(), MAX_COLOURS)
    }

    /// The pixels with their colours reduced to `most`.
    pub(super) fn reduced_to(pixels: impl Iterator<Item = Colour> + Clone, most: usize) -> Self {
        // How many low bits don't count: none, unless there are very many colours.
        for dropped in 0..=4 {
            let mut table = Table::new();
            let mut counts: Vec<u32> = Vec::new();
            let mut indices = Vec::new();
            for colour in pixels.clone() {
                let index = table.index_of(coarse(visible(colour), dropped));
                if table.colours.len() > MANY && dropped < 4 {
                    break;
                }
                counts.resize(table.colours.len(), 0);
                counts[index] = counts[index].saturating_add(1);
                indices.push(one_more(index) - 1);
            }
            if table.colours.len() > MANY && dropped < 4 {
                continue;
            }
            let clear = table.colours.iter().position(|colour| colour[3] == 0);
            let points: Vec<Point> = table
                .colours
                .iter()
                .zip(&counts)
                .filter(|(colour, _)| colour[3] != 0)
                .map(|(colour, count)| Point::of(*colour, *count))
                .collect();
            // What is fully transparent has an entry of its own: nothing else becomes so.
            let (mut palette, mut nearest) = reduce(&points, most - usize::from(clear.is_some()));
            if let Some(clear) = clear {
                nearest.insert(clear, u8::try_from(palette.len()).unwrap_or(u8::MAX));
                palette.push([0; 4]);
            }
            let indices = indices.iter().map(|&index| nearest[index as usize]);
            return Self {
                indices: indices.collect(),
                palette,
            }
            .sorted();
        }
        // Not reached: the last round always returns.
        Self {
            palette: vec![[0; 4]],
            indices: pixels.map(|_| 0).collect(),
        }
    }

    /// With the colours that are not opaque first, so that a PNG lists the opacity of these only.
    fn sorted(self) -> Self {
        let mut order: Vec<usize> = (0..self.palette.len()).collect();
        order.sort_by_key(|&index| (self.palette[index][3] == 255, self.palette[index]));
        let mut place = [0u8; MAX_COLOURS];
        for (new, &old) in (0..=255).zip(&order) {
            place[old] = new;
        }
        Self {
            palette: order.iter().map(|&old| self.palette[old]).collect(),
            indices: self
                .indices
                .iter()
                .map(|&old| place[usize::from(old)])
                .collect(),
        }
    }
}

/// What is fully transparent has no colour.
fn visible(colour: Colour) -> Colour {
    if colour[3] == 0 { [0; 4] } else { colour }
}

/// Without the `dropped` lowest bits of each channel, which the next higher ones replace: black
/// stays black, and white white.
fn coarse(colour: Colour, dropped: u32) -> Colour {
    if dropped == 0 {
        return colour;
    }
    colour.map(|value| {
        let kept = value >> dropped << dropped;
        kept | kept >> (8 - dropped)
    })
}

/// Distinct colours in the order in which they came. Open addressing; grows by doubling.
struct Table {
    colours: Vec<Colour>,
    /// 0 is free; else the index of a colour, plus 1.
    places: Vec<u32>,
    /// Neighbouring pixels are often alike.
    last: Option<(Colour, usize)>,
}

impl Table {
    fn new() -> Self {
        Self {
            colours: Vec::new(),
            places: vec![0; 1024],
            last: None,
        }
    }

    fn index_of(&mut self, colour: Colour) -> usize {
        if let Some((last, index)) = self.last
            && last == colour
        {
            return index;
        }
        let index = self.find_or_add(colour);
        self.last = Some((colour, index));
        index
    }

    fn find_or_add(&mut self, colour: Colour) -> usize {
        if self.colours.len() * 2 > self.places.len() {
            self.places = vec![0; self.places.len() * 4];
            for index in 0..self.colours.len() {
                let place = self.place_of(self.colours[index]);
                self.places[place] = one_more(index);
            }
        }
        let place = self.place_of(colour);
        if self.places[place] == 0 {
            self.places[place] = one_more(self.colours.len());
            self.colours.push(colour);
        }
        self.places[place] as usize - 1
    }

    /// Where the colour is, or will be.
    fn place_of(&self, colour: Colour) -> usize {
        let hash = u32::from_le_bytes(colour).wrapping_mul(0x9e37_79b1);
        let mut place = (hash >> 7) as usize % self.places.len();
        while let Some(index) = self.places[place].checked_sub(1)
            && self.colours[index as usize] != colour
        {
            place = (place + 1) % self.places.len();
        }
        place
    }
}

fn one_more(index: usize) -> u32 {
    // Images have fewer than 2^32 pixels by far.
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// A colour, premultiplied, and how many pixels have it.
#[derive(Clone, Copy)]
struct Point {
    at: [f32; 4],
    weight: f32,
}

impl Point {
    fn of([r, g, b, a]: Colour, count: u32) -> Self {
        let opacity = f32::from(a) / 255.0;
        Self {
            at: [
                f32::from(r) * opacity,
                f32::from(g) * opacity,
                f32::from(b) * opacity,
                f32::from(a),
            ],
            weight: count as f32,
        }
    }
}

/// Points that will share an entry of the palette.
struct Cluster {
    members: Vec<usize>,
    mean: [f32; 4],
    /// The sum of squared distances from the mean, by channel.
    spread: [f32; 4],
}

impl Cluster {
    fn of(points: &[Point], members: Vec<usize>) -> Self {
        let mut weight = 0.0f64;
        let mut sum = [0.0f64; 4];
        let mut squares = [0.0f64; 4];
        for point in members.iter().map(|&member| &points[member]) {
            let each = f64::from(point.weight);
            weight += each;
            for channel in 0..4 {
                let value = f64::from(point.at[channel]);
                sum[channel] += each * value;
                squares[channel] += each * value * value;
            }
        }
        let mean = sum.map(|sum| sum / weight.max(1.0));
        let mut spread = [0.0; 4];
        for channel in 0..4 {
            spread[channel] = (squares[channel] - mean[channel] * sum[channel]).max(0.0) as f32;
        }
        Self {
            members,
            mean: mean.map(|mean| mean as f32),
            spread,
        }
    }

    fn error(&self) -> f32 {
        self.spread.iter().sum()
    }

    /// Two halves, apart where the spread is greatest. `None` if all members are alike.
    fn split(&self, points: &[Point]) -> Option<(Self, Self)> {
        let channel = (0..4).max_by(|&a, &b| self.spread[a].total_cmp(&self.spread[b]))?;
        let mean = self.mean[channel];
        let (low, high): (Vec<_>, Vec<_>) = self
            .members
            .iter()
            .partition(|&&member| points[member].at[channel] < mean);
        if low.is_empty() || high.is_empty() {
            return None;
        }
        Some((Self::of(points, low), Self::of(points, high)))
    }
}

/// The palette, and for each point the index of its entry.
fn reduce(points: &[Point], most: usize) -> (Vec<Colour>, Vec<u8>) {
    if points.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut clusters = vec![Cluster::of(points, (0..points.len()).collect())];
    while clusters.len() < most {
        let worst = (0..clusters.len())
            .max_by(|&a, &b| clusters[a].error().total_cmp(&clusters[b].error()));
        let Some(worst) = worst.filter(|&worst| clusters[worst].error() > 0.0) else {
            break;
        };
        match clusters[worst].split(points) {
            Some((low, high)) => {
                clusters[worst] = low;
                clusters.push(high);
            }
            // The rounding of sums; such a box is as good as one colour.
            None => clusters[worst].spread = [0.0; 4],
        }
    }
    let mut means: Vec<[f32; 4]> = clusters.iter().map(|cluster| cluster.mean).collect();
    let mut nearest = vec![0u8; points.len()];
    for round in 0..ROUNDS {
        assign(points, &means, &mut nearest);
        if round + 1 < ROUNDS {
            move_to_means(points, &nearest, &mut means);
        }
    }
    (means.into_iter().map(colour_of).collect(), nearest)
}

fn assign(points: &[Point], means: &[[f32; 4]], nearest: &mut [u8]) {
    for (point, nearest) in points.iter().zip(nearest) {
        let distance = |mean: &[f32; 4]| {
            let channels = point.at.iter().zip(mean);
            channels.map(|(a, b)| (a - b) * (a - b)).sum::<f32>()
        };
        let mut best = f32::INFINITY;
        for (index, mean) in (0..=255).zip(means) {
            let distance = distance(mean);
            if distance < best {
                best = distance;
                *nearest = index;
            }
        }
    }
}

fn move_to_means(points: &[Point], nearest: &[u8], means: &mut [[f32; 4]]) {
    let mut sums = vec![([0.0f64; 4], 0.0f64); means.len()];
    for (point, &index) in points.iter().zip(nearest) {
        let (sum, weight) = &mut sums[usize::from(index)];
        *weight += f64::from(point.weight);
        for (sum, value) in sum.iter_mut().zip(point.at) {
            *sum += f64::from(point.weight) * f64::from(value);
        }
    }
    for ((sum, weight), mean) in sums.into_iter().zip(means) {
        if weight > 0.0 {
            *mean = sum.map(|sum| (sum / weight) as f32);
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // within 0..=255
fn colour_of([r, g, b, a]: [f32; 4]) -> Colour {
    let opacity = (a / 255.0).max(1.0 / 512.0);
    let channel = |value: f32| (value / opacity).round().clamp(0.0, 255.0) as u8;
    visible([
        channel(r),
        channel(g),
        channel(b),
        a.round().clamp(0.0, 255.0) as u8,
    ])
}

#[cfg(test)]
mod tests {
    use super::super::raster::Channels;
    use super::*;

    fn raster(pixels: &[Colour]) -> Raster {
        let width = u32::try_from(pixels.len()).unwrap();
        Raster::new(width, 1, Channels::Rgba, pixels.concat()).unwrap()
    }

    fn colours(indexed: &Indexed) -> Vec<Colour> {
        let indices = indexed.indices.iter();
        indices
            .map(|&index| indexed.palette[usize::from(index)])
            .collect()
    }

    #[test]
    fn few_colours_are_kept_as_they_are() {
        let pixels: Vec<Colour> = (0..=255).map(|i| [i, 255 - i, 7, 255 - i % 3]).collect();
        let indexed = Indexed::exact(&raster(&pixels)).unwrap();
        assert_eq!(colours(&indexed), pixels);
        let opaque = indexed.palette.iter().map(|colour| colour[3] == 255);
        assert!(opaque.is_sorted(), "those that are not opaque come first");

        let mut one_more = pixels.clone();
        one_more.push([1, 2, 3, 255]);
        assert_eq!(Indexed::exact(&raster(&one_more)), None);
    }

    #[test]
    fn invisible_colours_are_one() {
        let pixels: Vec<Colour> = (0..1000u32)
            .map(|i| [i as u8, (i >> 3) as u8, 9, 0])
            .collect();
        let indexed = Indexed::exact(&raster(&pixels)).unwrap();
        assert_eq!(indexed.palette, [[0; 4]]);
    }

    #[test]
    fn many_colours_are_reduced_to_near_ones() {
        // 2^16 colours, which is more than are told apart at first.
        let pixels: Vec<Colour> = (0..1u32 << 16)
            .map(|i| [(i >> 8) as u8, i as u8, ((i >> 4) & 0xf0) as u8, 255])
            .collect();
        let indexed = Indexed::reduced(&raster(&pixels));
        assert_eq!(indexed.palette.len(), MAX_COLOURS);
        let squares: f64 = colours(&indexed)
            .iter()
            .zip(&pixels)
            .flat_map(|(found, wanted)| (0..3).map(|c| f64::from(found[c]) - f64::from(wanted[c])))
            .map(|apart| apart * apart)
            .sum();
        let error = (squares / (3.0 * pixels.len() as f64)).sqrt();
        // 256 equal cubes in the cube of all colours would have 11.6.
        assert!(error < 13.0, "{error}");
    }

    #[test]
    fn a_few_pixels_are_reduced_without_loss() {
        let pixels = [
            [1, 2, 3, 255],
            [200, 100, 50, 128],
            [0, 0, 0, 0],
            [1, 2, 3, 255],
        ];
        let indexed = Indexed::reduced(&raster(&pixels));
        for (found, wanted) in colours(&indexed).iter().zip(pixels) {
            assert!(
                (0..4).all(|c| found[c].abs_diff(wanted[c]) <= 1),
                "{found:?}"
            );
        }
    }
}

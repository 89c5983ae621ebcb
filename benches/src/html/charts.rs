//! The pictures of the report, drawn by plotters as SVG.
//!
//! Each is drawn twice, wide and narrow, so that its letters are legible on a phone too; the
//! page shows the one that fits. Ink, grid and hints have colours of their own that [`STYLE`]
//! turns round on a dark page.

use super::unit::Unit;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::error::Error;
use std::ops::Range;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

const INK: RGBColor = RGBColor(0x1c, 0x25, 0x30);
const GRID: RGBColor = RGBColor(0xd5, 0xda, 0xe0);
const FONT: (&str, u32) = ("sans-serif", 13);
const ROW: u32 = 26;
const LEGEND_ROW: u32 = 20;
const LETTER: usize = 8;
/// A dash and the gap after it, in pixels.
const DASH: (u32, u32) = (6, 3);

/// Ink and grid on a dark page.
pub const STYLE: &str = "@media (prefers-color-scheme: dark) {\
 svg [fill=\"#1C2530\"] { fill: #dfe5ec } svg [stroke=\"#1C2530\"] { stroke: #dfe5ec }\
 svg [stroke=\"#D5DAE0\"] { stroke: #3a444f } }";

/// Colours that differ by lightness too, on white and on black.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x1f, 0x83, 0xc4),
    RGBColor(0x0a, 0x9b, 0x72),
    RGBColor(0xc4, 0x6a, 0xa5),
    RGBColor(0xb8, 0x8a, 0x00),
    RGBColor(0x55, 0x7f, 0x2d),
    RGBColor(0x8a, 0x6f, 0xd1),
    RGBColor(0x86, 0x8e, 0x96),
];

/// For which screen a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Wide,
    Narrow,
}

impl Size {
    fn width(self) -> u32 {
        match self {
            Self::Wide => 760,
            Self::Narrow => 350,
        }
    }
}

/// A case in a bar chart.
#[derive(Debug, Clone)]
pub struct Bar {
    pub name: String,
    pub value: f64,
    pub min: f64,
    pub max: f64,
}

/// A point of a line; percentile curves have no spread.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub x: f64,
    pub y: f64,
    pub min: f64,
    pub max: f64,
}

/// A line of a chart.
#[derive(Debug, Clone)]
pub struct Line {
    pub name: String,
    pub points: Vec<Point>,
}

/// What is on the x axis of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Factors of ten of 1 / (1 - quantile).
    Percentile,
    /// Binary logarithm of a count.
    Count(&'static str),
    /// Binary logarithm of a size in bytes.
    Size,
}

impl Axis {
    fn name(self) -> &'static str {
        match self {
            Self::Percentile => "percentile",
            Self::Count(what) => what,
            Self::Size => "payload",
        }
    }

    fn label(self, x: f64) -> String {
        if (x - x.round()).abs() > 1e-6 {
            return String::new();
        }
        match self {
            Self::Percentile => match x.round() as i32 {
                0 => "0 %".to_owned(),
                1 => "90 %".to_owned(),
                2 => "99 %".to_owned(),
                n => format!("99.{} %", "9".repeat(n as usize - 2)),
            },
            Self::Count(_) => format!("{:.0}", x.exp2()),
            Self::Size => Unit::Bytes.show(x.exp2()),
        }
    }
}

fn draw(
    size: Size,
    height: u32,
    paint: impl FnOnce(&Area<'_>) -> Drawn,
) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (size.width(), height)).into_drawing_area();
        paint(&area)?;
        area.present()?;
    }
    Ok(svg)
}

/// So far apart that only a logarithm shows them all.
fn needs_log(low: f64, high: f64) -> bool {
    low > 0.0 && high / low > 20.0
}

/// A bar for each case, its spread as a whisker, its value beside it.
pub fn bars(size: Size, unit: Unit, bars: &[Bar]) -> Result<String, Box<dyn Error>> {
    let least = bars.iter().map(|bar| bar.min).fold(f64::INFINITY, f64::min);
    let most = bars.iter().map(|bar| bar.max).fold(0.0, f64::max);
    let room = match size {
        Size::Wide => 1.16,
        Size::Narrow => 1.45,
    };
    let height = ROW * bars.len() as u32 + 50;
    draw(size, height, |area| {
        if needs_log(least, most) {
            let start = least * 0.6;
            let end = start * (most / start).powf(room);
            bars_on(area, size, unit, bars, (start..end).log_scale(), start)
        } else {
            let end = if most > 0.0 { most * room } else { 1.0 };
            bars_on(area, size, unit, bars, 0.0..end, 0.0)
        }
    })
}

/// Room for the longest name, up to half of the chart.
fn width_of_names(bars: &[Bar], size: Size) -> u32 {
    let longest = bars.iter().map(|bar| bar.name.len()).max().unwrap_or(0);
    (longest * LETTER + 8).min(size.width() as usize / 2) as u32
}

fn bars_on<X>(area: &Area<'_>, size: Size, unit: Unit, bars: &[Bar], x: X, start: f64) -> Drawn
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
{
    let count = bars.len();
    let mut chart = ChartBuilder::on(area)
        .margin(4)
        .margin_right(14)
        .x_label_area_size(40)
        .y_label_area_size(width_of_names(bars, size))
        .build_cartesian_2d(x, (0..count - 1).into_segmented())?;
    let name = |at: &SegmentValue<usize>| match at {
        SegmentValue::CenterOf(row) => bars
            .get(count - 1 - row.min(&(count - 1)))
            .map_or_else(String::new, |bar| bar.name.clone()),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(GRID)
        .label_style(FONT.into_font().color(&INK))
        .x_labels(if size == Size::Wide { 7 } else { 4 })
        .y_labels(count)
        .x_label_formatter(&|value| unit.axis(*value))
        .y_label_formatter(&name)
        .draw()?;
    for (at, bar) in bars.iter().enumerate() {
        let row = count - 1 - at;
        let mut shape = Rectangle::new(
            [
                (start, SegmentValue::Exact(row)),
                (bar.value.max(start), SegmentValue::Exact(row + 1)),
            ],
            colour(&bar.name, at).mix(0.75).filled(),
        );
        shape.set_margin(5, 5, 0, 0);
        chart.draw_series(std::iter::once(shape))?;
        chart.draw_series(std::iter::once(ErrorBar::new_horizontal(
            SegmentValue::CenterOf(row),
            bar.min.max(start),
            bar.value,
            bar.max,
            INK.filled(),
            8,
        )))?;
        let text = FONT
            .into_font()
            .color(&INK)
            .pos(Pos::new(HPos::Left, VPos::Center));
        chart.draw_series(std::iter::once(
            EmptyElement::at((bar.max.max(start), SegmentValue::CenterOf(row)))
                + Text::new(unit.show(bar.value), (8, 0), text),
        ))?;
    }
    Ok(())
}

/// Ringwork's own cases stand out; the rest take what is left.
fn colour(name: &str, at: usize) -> RGBColor {
    if name.starts_with("ringwork") || name == "kill" {
        COLOURS[0]
    } else if name.starts_with("limit") {
        COLOURS[7]
    } else {
        COLOURS[1 + at % 6]
    }
}

/// Lines over a logarithmic x axis, the y axis logarithmic if it must.
pub fn lines(size: Size, axis: Axis, unit: Unit, all: &[Line]) -> Result<String, Box<dyn Error>> {
    let points = || all.iter().flat_map(|line| &line.points);
    let least = points()
        .map(|point| point.min)
        .fold(f64::INFINITY, f64::min);
    let most = points().map(|point| point.max).fold(0.0, f64::max);
    let last = points().map(|point| point.x).fold(1.0, f64::max);
    let first = points().map(|point| point.x).fold(last, f64::min).floor();
    let columns = legend_columns(size, all);
    let legend = LEGEND_ROW * all.len().div_ceil(columns) as u32 + 8;
    let height = if size == Size::Wide { 380 } else { 320 };
    draw(size, height + legend, |area| {
        let (chart, below) = area.split_vertically(height);
        if needs_log(least, most) || axis == Axis::Percentile {
            let y = (least.max(1e-3) * 0.8..most * 1.3).log_scale();
            lines_on(&chart, size, axis, unit, all, first..last, y)?;
        } else {
            lines_on(&chart, size, axis, unit, all, first..last, 0.0..most * 1.08)?;
        }
        draw_legend(&below, size, columns, all)
    })
}

fn lines_on<Y>(
    area: &Area<'_>,
    size: Size,
    axis: Axis,
    unit: Unit,
    all: &[Line],
    x: Range<f64>,
    y: Y,
) -> Drawn
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64> + Ranged<ValueType = f64>,
{
    let labels = (x.end - x.start).floor() as usize + 1;
    let mut chart = ChartBuilder::on(area)
        .margin(4)
        .margin_right(30)
        .margin_top(10)
        .x_label_area_size(44)
        .y_label_area_size(66)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(GRID)
        .label_style(FONT.into_font().color(&INK))
        .x_desc(axis.name())
        .x_labels(labels.min(if size == Size::Wide { 12 } else { 4 }))
        .y_labels(8)
        .x_label_formatter(&|value| axis.label(*value))
        .y_label_formatter(&|value| unit.axis(*value))
        .draw()?;
    for (at, line) in all.iter().enumerate() {
        let style = line_colour(at).stroke_width(2);
        let points = line.points.iter().map(|point| (point.x, point.y));
        if is_dashed(at) {
            chart.draw_series(DashedLineSeries::new(points.clone(), DASH.0, DASH.1, style))?;
        } else {
            chart.draw_series(LineSeries::new(points.clone(), style))?;
        }
        if axis != Axis::Percentile {
            chart.draw_series(points.map(|point| Circle::new(point, 3, style.filled())))?;
            chart.draw_series(line.points.iter().map(|point| {
                ErrorBar::new_vertical(point.x, point.min, point.y, point.max, style, 6)
            }))?;
        }
    }
    Ok(())
}

fn line_colour(at: usize) -> RGBColor {
    COLOURS[at % COLOURS.len()]
}

/// Lines beyond the colours have them once more.
fn is_dashed(at: usize) -> bool {
    at >= COLOURS.len()
}

fn legend_columns(size: Size, all: &[Line]) -> usize {
    let longest = all.iter().map(|line| line.name.len()).max().unwrap_or(1);
    (size.width() as usize / (longest * LETTER + 40)).max(1)
}

fn draw_legend(area: &Area<'_>, size: Size, columns: usize, all: &[Line]) -> Drawn {
    let width = (size.width() as usize / columns) as i32;
    for (at, line) in all.iter().enumerate() {
        let x = (at % columns) as i32 * width + 10;
        let y = (at / columns) as i32 * LEGEND_ROW as i32 + 10;
        let style = line_colour(at).stroke_width(3);
        let ends = [(x, y), (x + 20, y)];
        if is_dashed(at) {
            area.draw(&DashedPathElement::new(ends, DASH.0, DASH.1, style))?;
        } else {
            area.draw(&PathElement::new(ends, style))?;
        }
        let text = FONT
            .into_font()
            .color(&INK)
            .pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(line.name.clone(), (x + 26, y), text))?;
    }
    Ok(())
}

//! The pictures of the trials (inputs made from what people have reported of other software),
//! compared with reference decoders' pixels. They lie beside the project and not in it; where they
//! are missing the tests have nothing to do, and `src/image/tests/` has cases of the same
//! kinds of its own.
#![cfg(feature = "image")]

use std::path::PathBuf;

use image::RgbaImage;
use ringwork_handlers::image::{Damaged, Fit, Format, ResizeParams, resize};

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/trials/pictures");
    folder.is_dir().then_some(folder)
}

/// The mean difference per channel, of 255, premultiplied.
fn difference(left: &RgbaImage, right: &RgbaImage) -> f64 {
    assert_eq!(left.dimensions(), right.dimensions());
    let premultiplied = |pixel: &image::Rgba<u8>| {
        let [r, g, b, a] = pixel.0.map(f64::from);
        [r * a / 255.0, g * a / 255.0, b * a / 255.0, a]
    };
    let sum: f64 = left
        .pixels()
        .zip(right.pixels())
        .flat_map(|(l, r)| {
            let (l, r) = (premultiplied(l), premultiplied(r));
            (0..4).map(move |i| (l[i] - r[i]).abs())
        })
        .sum();
    sum / f64::from(left.width() * left.height() * 4)
}

#[test]
fn each_picture_is_as_the_reference_has_it() {
    let Some(folder) = folder() else { return };
    let mut problems = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(stem) = name.strip_suffix(".expected.png") else {
            continue;
        };
        let (source, most) = match stem.strip_suffix("-small") {
            Some(source) => (source, 4.0),
            None if stem == "edge-249" => (stem, 3.0),
            None if stem.starts_with("cmyk") => (stem, 6.0),
            None => (stem, 2.5),
        };
        let source = ["jpg", "png", "gif"]
            .map(|ending| folder.join(format!("{source}.{ending}")))
            .into_iter()
            .find(|path| path.exists())
            .unwrap();
        let expected = image::open(&path).unwrap().into_rgba8();
        let params = ResizeParams::default()
            .width(expected.width())
            .height(expected.height())
            .fit(Fit::Fill)
            .format(Format::Png)
            .damaged(Damaged::Accept);
        match resize(&params, &std::fs::read(&source).unwrap()) {
            Ok(made) => {
                let made = image::load_from_memory(&made.bytes).unwrap().into_rgba8();
                let difference = difference(&made, &expected);
                println!("{name}: {difference:.2}");
                if difference > most {
                    problems.push(format!("{name}: {difference:.2} of {most}"));
                }
            }
            Err(error) => problems.push(format!("{name}: {error}")),
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn a_refusal_names_what_the_file_is_at_every_size() {
    let Some(folder) = folder() else { return };
    for (name, expected) in [
        ("lossless-sof3.jpg", "lossless"),
        ("bomb-scans-3000.jpg", "scans"),
        ("no-eoi.jpg", "end-of-image"),
        ("no-eoi-progressive.jpg", "end-of-image"),
        ("samsung-trailer-no-eoi.jpg", "end-of-image"),
        ("cgbi.png", "CgBI"),
    ] {
        let body = std::fs::read(folder.join(name)).unwrap();
        for width in [8, 100, 1000] {
            let params = ResizeParams::default().width(width);
            let error = resize(&params, &body).unwrap_err();
            assert_eq!(error.code(), "image.undecodable", "{name}");
            assert!(error.to_string().contains(expected), "{name}: {error}");
        }
    }
}

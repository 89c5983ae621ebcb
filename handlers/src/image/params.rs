//! The parameters of `image.resize` and `image.thumbnail`, which share all but the box's square.

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use super::DEFAULT_THUMBNAIL_SIZE;
use super::{Animation, DEFAULT_MAX_PIXELS, Damaged, Filter, Fit, Format, Gravity, Palette};

/// Makes one of the two structs: its own fields, then those of both.
macro_rules! parameters {
    ($(#[$about:meta])* $name:ident { $($(#[$of:meta])* $field:ident: $kind:ty = $default:expr,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$of])* pub $field: $kind,)*
            /// The box's width in pixels. `image.resize` needs at least one of width and height.
            pub width: Option<u32>,
            /// The box's height in pixels.
            pub height: Option<u32>,
            /// How the image goes into the box; default `fit`. `image.resize` enlarges it if need
            /// be. For `image.thumbnail` a side that is shorter than the box stays as it is.
            pub fit: Fit,
            /// The output's format; default: the input's, WebP for an AVIF, PNG for a TIFF or a
            /// still GIF.
            pub format: Option<Format>,
            /// 1..=100, for JPEG and WebP; default 80. PNG has no quality.
            pub quality: u32,
            /// The resampling filter; default `lanczos3`.
            pub filter: Filter,
            /// The most pixels (width × height) of input and of output; default
            /// [`DEFAULT_MAX_PIXELS`]. Decoding takes 3 to 14 bytes a pixel, and 21 at most:
            /// docs/reference/handlers.md has what each format takes.
            pub max_pixels: u64,
            /// What shows through transparency in a JPEG and fills the box around a contained
            /// image, as `#rrggbb`, or `#rrggbbaa` with an opacity for the latter; default
            /// `#ffffff`.
            pub background: String,
            /// Which part a crop keeps, and where a contained image lies; default `centre`.
            pub gravity: Gravity,
            /// Whether a PNG is written with a palette; default `auto`.
            pub palette: Palette,
            /// WebP without loss; default false. PNG is lossless always, JPEG and GIF never.
            pub lossless: bool,
            /// Whether the colours stay in the input's ICC profile, which is then written to the
            /// output; default false: they are converted to sRGB. GIF carries no profile, so it is
            /// sRGB always.
            pub keep_profile: bool,
            /// What becomes of an animated GIF or WebP; default `first`.
            pub animation: Animation,
            /// Whether a JPEG is written in scans that show it ever sharper; default false. It is
            /// smaller by a few per cent and costs more processor time, here and where it is shown.
            pub progressive: bool,
            /// What becomes of a cut or damaged input; default `refuse`.
            pub damaged: Damaged,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($field: $default,)*
                    width: None,
                    height: None,
                    fit: Fit::Fit,
                    format: None,
                    quality: 80,
                    filter: Filter::Lanczos3,
                    max_pixels: DEFAULT_MAX_PIXELS,
                    background: "#ffffff".to_owned(),
                    gravity: Gravity::Centre,
                    palette: Palette::Auto,
                    lossless: false,
                    keep_profile: false,
                    animation: Animation::First,
                    progressive: false,
                    damaged: Damaged::Refuse,
                }
            }
        }

        crate::withers::withers! {
            $name {
                fit: Fit,
                quality: u32,
                filter: Filter,
                max_pixels: u64,
                background: String,
                gravity: Gravity,
                palette: Palette,
                lossless: bool,
                keep_profile: bool,
                animation: Animation,
                progressive: bool,
                damaged: Damaged;
                width?: u32,
                height?: u32,
                format?: Format,
            }
        }
    };
}

parameters! {
    /// The parameters of `image.resize`.
    ResizeParams {}
}

parameters! {
    /// The parameters of `image.thumbnail`.
    ThumbnailParams {
        /// The side of a square box in pixels; default [`DEFAULT_THUMBNAIL_SIZE`].
        /// Not together with width or height.
        size: Option<u32> = None,
    }
}

crate::withers::withers! {
    ThumbnailParams { ; size?: u32 }
}

impl ThumbnailParams {
    /// Those of a resize to a box of this size.
    pub(super) fn in_box(&self, width: Option<u32>, height: Option<u32>) -> ResizeParams {
        ResizeParams {
            width,
            height,
            fit: self.fit,
            format: self.format,
            quality: self.quality,
            filter: self.filter,
            max_pixels: self.max_pixels,
            background: self.background.clone(),
            gravity: self.gravity,
            palette: self.palette,
            lossless: self.lossless,
            keep_profile: self.keep_profile,
            animation: self.animation,
            progressive: self.progressive,
            damaged: self.damaged,
        }
    }
}

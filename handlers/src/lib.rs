//! The stock handlers: pure functions from parameters and a body to a result.
//!
//! Each takes `(&FooParams, &[u8])`, keeps no state that a result could depend
//! on, and reads the body where it lies. The parameters are a JSON object whose
//! fields all have defaults; an unknown field is an error that names the known
//! ones. [`stock_worker`] registers the functions
//! under the names in [`STOCK`]. Each subject is a cargo feature; all are on by default.
//!
//! In Rust, parameters are the defaults and what is set on them:
//!
//! ```
//! # #[cfg(feature = "compress")] {
//! use ringwork_handlers::compress::{self, CompressParams, DecompressParams};
//!
//! let params = CompressParams::default().format(compress::Format::Gzip).level(9);
//! let packed = compress::compress(&params, b"some text").unwrap();
//! let text = compress::decompress(&DecompressParams::default(), &packed).unwrap();
//! assert_eq!(text, b"some text");
//! # }
//! ```

#![forbid(unsafe_code)]

#[cfg(feature = "compress")]
pub mod compress;
#[cfg(feature = "digest")]
pub mod digest;
#[cfg(feature = "image")]
pub mod image;
#[cfg(feature = "password")]
pub mod password;
mod register;
mod stock_worker;
#[cfg(any(
    feature = "compress",
    feature = "digest",
    feature = "image",
    feature = "password"
))]
mod withers;

pub use stock_worker::stock_worker;

/// What the help and the documentation say about one stock handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockDoc {
    /// The name it is registered under.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The parameters, one a line: name, type, range and default, meaning.
    pub params: &'static str,
    /// What the body is.
    pub body: &'static str,
    /// What the result is.
    pub result: &'static str,
}

/// The parameters of `image.resize` and `image.thumbnail`: how the box's width (and square) is
/// described, then what both have.
#[cfg(feature = "image")]
macro_rules! picture_params {
    ($($width:literal),+) => {
        concat!($($width,)+ "\n", "\
height        pixels
fit           \"fit\" (whole, inside the box) | \"fill\" (stretch) | \"crop\" | \"contain\" (whole, padded); default \"fit\"
gravity       of crop and contain: \"centre\" | \"center\" | \"north\" | \"northeast\" | \"east\" | \"southeast\" | \"south\" | \"southwest\" | \"west\" | \"northwest\"; default \"centre\"
format        \"jpeg\" | \"png\" | \"webp\" | \"gif\"; default as the input; WebP for AVIF, PNG for TIFF, and for a GIF without kept animation
quality       JPEG and lossy WebP: 1..=100; default 80
lossless      WebP without loss; default false
palette       PNG: \"auto\" (where smaller, and for palette PNGs) | \"always\" | \"never\"; default \"auto\"
animation     \"first\" (its first frame) | \"keep\" (GIF and WebP, all frames); default \"first\"
filter        \"lanczos3\" | \"bilinear\" | \"catmullrom\" | \"box\"; default \"lanczos3\"
max_pixels    refuse larger images before decoding; default 100000000
background    under transparency in a JPEG and around \"contain\", \"#rrggbb\" or \"#rrggbbaa\"; default \"#ffffff\"
keep_profile  write the input's ICC profile instead of converting to sRGB; default false
progressive   JPEG: in scans that show it ever sharper; default false
damaged       of a cut or damaged file: \"refuse\" | \"accept\" what it has; default \"refuse\"")
    };
}

/// The stock handlers whose features are on, by name in the order of their subjects.
pub const STOCK: &[StockDoc] = &[
    #[cfg(feature = "password")]
    StockDoc {
        name: "password.hash",
        summary: "Hash a password with Argon2id or bcrypt",
        params: "\
algorithm    \"argon2id\" | \"bcrypt\"; default \"argon2id\"
memory_kib   Argon2: memory in KiB, 8..=1048576; default 19456
iterations   Argon2: passes, 1..; memory_kib x iterations <= 4194304; default 2
parallelism  Argon2: lanes, 1..=64; default 1
output_len   Argon2: bytes of output, 16..=128; default 32
cost         bcrypt: 4..=31, each step doubles the time; default 12
salt_base64  the salt, for known-answer tests only; default random",
        body: "the password's bytes; for bcrypt at most 72, without NUL",
        result: "text: a PHC string ($argon2id$...) or a bcrypt string ($2b$...)",
    },
    #[cfg(feature = "password")]
    StockDoc {
        name: "password.verify",
        summary: "Check a password against a stored hash: Argon2, bcrypt, scrypt, PBKDF2",
        params: "\
hash              the stored hash string; required
max_memory_kib    refuse Argon2 and scrypt hashes that need more, <= 1048576; default 1048576
max_cost          refuse bcrypt hashes of a higher cost, 4..=31; default 17
max_iterations    refuse PBKDF2 hashes of more, <= 4294967295; default 10000000
allow_truncation  bcrypt: count the first 72 bytes only, as the hash's maker did; default false",
        body: "the password's bytes; for bcrypt at most 72 unless truncated, without NUL",
        result: "boolean: whether the password is right",
    },
    #[cfg(feature = "password")]
    StockDoc {
        name: "password.needs_rehash",
        summary: "Tell whether a stored hash is weaker than password.hash would make it",
        params: "\
hash        the stored hash string; required
algorithm   \"argon2id\" | \"bcrypt\"; default \"argon2id\"
memory_kib  Argon2: memory in KiB; default 19456
iterations  Argon2: passes; default 2
output_len  Argon2: bytes of output; default 32
cost        bcrypt: the cost; default 12",
        body: "nothing",
        result: "boolean: true if of another algorithm, or lower in one of these",
    },
    #[cfg(feature = "image")]
    StockDoc {
        name: "image.resize",
        summary: "Resize an image and encode it anew, upright and in sRGB",
        params: picture_params!(
            "width         pixels; width, height or both are required"
        ),
        body: "a JPEG, PNG, WebP, AVIF, GIF or TIFF file",
        result: "bytes: the encoded image",
    },
    #[cfg(feature = "image")]
    StockDoc {
        name: "image.thumbnail",
        summary: "Shrink an image to fit a box; never enlarges",
        params: picture_params!(
            "size          the side of a square box in pixels; default 256\n",
            "width         pixels; width, height or both instead of size"
        ),
        body: "a JPEG, PNG, WebP, AVIF, GIF or TIFF file",
        result: "bytes: the encoded image",
    },
    #[cfg(feature = "image")]
    StockDoc {
        name: "image.info",
        summary: "Describe an image by its header, without decoding it",
        params: "",
        body: "a JPEG, PNG, WebP, AVIF, GIF or TIFF file",
        result: "text: JSON with format, width, height, orientation, alpha, bits, palette, frames and profile",
    },
    #[cfg(feature = "digest")]
    StockDoc {
        name: "digest",
        summary: "Compute a digest of the body (SHA-2, BLAKE3), or its HMAC",
        params: "\
algorithm   \"sha256\" | \"sha512\" | \"blake3\" | \"hmac-sha256\" | \"hmac-sha512\"; default \"sha256\"
encoding    \"hex\" | \"raw\"; default \"hex\"
key_base64  the key of an HMAC in Base64, at least one byte; required for an HMAC",
        body: "any bytes",
        result: "text: hexadecimal digits; or with \"raw\" 32 bytes, 64 of the 512-bit ones",
    },
    #[cfg(feature = "compress")]
    StockDoc {
        name: "compress",
        summary: "Compress the body with zstd or gzip",
        params: "\
format  \"zstd\" | \"gzip\"; default \"zstd\"
level   zstd: -7..=22, default 3; gzip: 0..=9, default 6; higher is smaller and slower",
        body: "any bytes",
        result: "bytes: one zstd frame with content size and checksum, or one gzip member",
    },
    #[cfg(feature = "compress")]
    StockDoc {
        name: "decompress",
        summary: "Decompress zstd frames or gzip members, up to a limit",
        params: "limit  the most bytes of output; default the pool's largest payload, at most 67108864 (64 MiB)",
        body: "one or more zstd frames, or gzip members",
        result: "bytes: the decompressed content",
    },
];

#[cfg(all(
    test,
    any(
        feature = "compress",
        feature = "digest",
        feature = "image",
        feature = "password"
    )
))]
mod tests {
    use super::STOCK;
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::Value;
    use std::collections::{BTreeMap, BTreeSet};

    /// The documented names, defaults and alternatives are those of the struct. `params` has a
    /// value in each field that is left out when it is not set.
    fn check<P: Serialize + DeserializeOwned + Default>(name: &str, params: &P) {
        let doc = STOCK.iter().find(|doc| doc.name == name).unwrap();
        let mut documented: Vec<&str> = Vec::new();
        let default = fields(&P::default());
        for line in doc.params.lines() {
            let (parameter, says) = line.split_once(' ').unwrap();
            let says = says.trim_start();
            documented.push(parameter);
            check_default(parameter, says, default.get(parameter));
            check_alternatives::<P>(parameter, says);
        }
        documented.sort_unstable();
        let known = fields(params);
        assert!(documented.iter().eq(known.keys()), "{name}: {known:?}");
    }

    fn fields(params: &impl Serialize) -> BTreeMap<String, Value> {
        serde_json::from_value(serde_json::to_value(params).unwrap()).unwrap()
    }

    fn check_default(parameter: &str, says: &str, default: Option<&Value>) {
        let told = says.rsplit_once("; default ").map(|(_, told)| told);
        match default {
            Some(Value::Null) | None => {}
            // What has to be given has no default.
            Some(Value::String(text)) if text.is_empty() => {
                assert!(says.ends_with("; required"), "{parameter}: {says}");
            }
            Some(value) => assert_eq!(told, Some(&*value.to_string()), "{parameter}: {says}"),
        }
    }

    /// serde's refusal of an unknown variant lists the known ones.
    fn check_alternatives<P: DeserializeOwned>(parameter: &str, says: &str) {
        let unknown = format!(r#"{{"{parameter}":"no such variant"}}"#);
        let refusal = match serde_json::from_str::<P>(&unknown) {
            Err(error) if error.to_string().contains("unknown variant") => error.to_string(),
            _ => return,
        };
        let quoted = |text: &str, quote: char| -> BTreeSet<String> {
            text.split(quote)
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        let known = quoted(refusal.split_once("expected").unwrap().1, '`');
        let first = says.split(';').next().unwrap_or_default();
        assert_eq!(quoted(first, '"'), known, "{parameter}: {says}");
    }

    type Checked = Vec<&'static str>;

    /// Checks the parameters of a handler, and notes that it did.
    fn also<P: Serialize + DeserializeOwned + Default>(
        checked: &mut Checked,
        name: &'static str,
        params: &P,
    ) {
        check(name, params);
        checked.push(name);
    }

    #[cfg(feature = "password")]
    fn passwords(checked: &mut Checked) {
        use super::password::{HashParams, RehashParams, VerifyParams};
        let hash = HashParams {
            salt_base64: Some(String::new()),
            ..Default::default()
        };
        also(checked, "password.hash", &hash);
        also(checked, "password.verify", &VerifyParams::default());
        also(checked, "password.needs_rehash", &RehashParams::default());
    }

    #[cfg(feature = "image")]
    fn images(checked: &mut Checked) {
        use super::image::{InfoParams, ResizeParams, ThumbnailParams};
        also(checked, "image.resize", &ResizeParams::default());
        also(checked, "image.thumbnail", &ThumbnailParams::default());
        also(checked, "image.info", &InfoParams::default());
    }

    #[cfg(feature = "digest")]
    fn digests(checked: &mut Checked) {
        let digest = super::digest::DigestParams {
            key_base64: Some(String::new()),
            ..Default::default()
        };
        also(checked, "digest", &digest);
    }

    #[cfg(feature = "compress")]
    fn compressions(checked: &mut Checked) {
        use super::compress::{CompressParams, DecompressParams};
        let compress = CompressParams {
            level: Some(0),
            ..Default::default()
        };
        also(checked, "compress", &compress);
        also(checked, "decompress", &DecompressParams { limit: Some(0) });
    }

    /// Of all handlers whose features are on: a handler with parameters that no line above checks is
    /// missed here.
    #[test]
    fn every_parameter_is_documented() {
        let mut checked = Checked::new();
        #[cfg(feature = "password")]
        passwords(&mut checked);
        #[cfg(feature = "image")]
        images(&mut checked);
        #[cfg(feature = "digest")]
        digests(&mut checked);
        #[cfg(feature = "compress")]
        compressions(&mut checked);
        let checked: BTreeSet<&str> = checked.into_iter().collect();
        let named = STOCK.iter().filter(|doc| !doc.params.is_empty());
        let missed: Vec<&str> = named
            .map(|doc| doc.name)
            .filter(|name| !checked.contains(name))
            .collect();
        assert!(missed.is_empty(), "no line above checks {missed:?}");
    }
}

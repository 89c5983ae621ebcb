//! The stock handlers: pure functions from parameters and a body to a result.
//!
//! Each takes `(&FooParams, &[u8])`, keeps no state that a result could depend
//! on, and reads the body where it lies. The parameters are a JSON object whose
//! fields all have defaults; an unknown field is an error that names the known
//! ones. The worker registers the functions under the names in [`STOCK`]. All of it is
//! there with the cargo feature `stock` only, which is on by default.

#[cfg(feature = "stock")]
pub mod compress;
#[cfg(feature = "stock")]
pub mod digest;
#[cfg(feature = "stock")]
pub mod image;
#[cfg(feature = "stock")]
pub mod password;
#[cfg(feature = "stock")]
pub(crate) mod register;

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

/// The stock handlers in this module, by name in the order of their subjects.
pub const STOCK: &[StockDoc] = if cfg!(feature = "stock") { ALL } else { &[] };

const ALL: &[StockDoc] = &[
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
    StockDoc {
        name: "password.verify",
        summary: "Check a password against a stored Argon2 or bcrypt hash",
        params: "\
hash            the stored hash string; required
max_memory_kib  refuse Argon2 hashes that need more, <= 1048576; default 1048576
max_cost        refuse bcrypt hashes of a higher cost, 4..=31; default 17",
        body: "the password's bytes; for bcrypt at most 72, without NUL",
        result: "boolean: whether the password is right",
    },
    StockDoc {
        name: "image.resize",
        summary: "Resize an image and encode it anew, upright and in sRGB",
        params: "\
width       pixels; width, height or both are required
height      pixels
fit         \"fit\" (whole, inside the box) | \"fill\" (stretch) | \"crop\"; default \"fit\"
format      \"jpeg\" | \"png\" | \"webp\" (lossy); default as the input, GIF to PNG
quality     JPEG and WebP: 1..=100; default 80
filter      \"lanczos3\" | \"bilinear\" | \"catmullrom\" | \"box\"; default \"lanczos3\"
max_pixels  refuse larger images before decoding; default 100000000
background  under transparency in a JPEG, \"#rrggbb\"; default \"#ffffff\"",
        body: "a JPEG, PNG, WebP or GIF file (the first frame of an animation)",
        result: "bytes: the encoded image",
    },
    StockDoc {
        name: "image.thumbnail",
        summary: "Shrink an image to fit a box; never enlarges",
        params: "\
size        the side of a square box in pixels; default 256
width       pixels; width, height or both instead of size
height      pixels
fit         \"fit\" (whole, inside the box) | \"fill\" (stretch) | \"crop\"; default \"fit\"
format      \"jpeg\" | \"png\" | \"webp\" (lossy); default as the input, GIF to PNG
quality     JPEG and WebP: 1..=100; default 80
filter      \"lanczos3\" | \"bilinear\" | \"catmullrom\" | \"box\"; default \"lanczos3\"
max_pixels  refuse larger images before decoding; default 100000000
background  under transparency in a JPEG, \"#rrggbb\"; default \"#ffffff\"",
        body: "a JPEG, PNG, WebP or GIF file (the first frame of an animation)",
        result: "bytes: the encoded image",
    },
    StockDoc {
        name: "digest",
        summary: "Compute the SHA-256 or BLAKE3 digest of the body",
        params: "\
algorithm  \"sha256\" | \"blake3\"; default \"sha256\"
encoding   \"hex\" | \"raw\"; default \"hex\"",
        body: "any bytes",
        result: "text: 64 hexadecimal digits; or 32 bytes with \"raw\"",
    },
    StockDoc {
        name: "compress",
        summary: "Compress the body with zstd",
        params: "level  -7..=22, higher is smaller and slower; default 3",
        body: "any bytes",
        result: "bytes: one zstd frame with content size and checksum",
    },
    StockDoc {
        name: "decompress",
        summary: "Decompress zstd frames, up to a limit",
        params: "limit  the largest output in bytes; default 67108864 (64 MiB), at most the pool's largest payload",
        body: "one or more zstd frames",
        result: "bytes: the decompressed content",
    },
];

#[cfg(all(test, feature = "stock"))]
mod tests {
    use super::STOCK;
    use serde::Serialize;
    use serde_json::Value;

    /// The documented parameter names are the fields of the struct.
    fn check(name: &str, mut fields: Vec<String>) {
        let doc = STOCK.iter().find(|doc| doc.name == name).unwrap();
        let mut documented: Vec<String> = doc
            .params
            .lines()
            .map(|line| line.split_whitespace().next().unwrap().to_owned())
            .collect();
        documented.sort();
        fields.sort();
        assert_eq!(documented, fields, "{name}");
    }

    fn fields(params: &impl Serialize) -> Vec<String> {
        match serde_json::to_value(params).unwrap() {
            Value::Object(object) => object.keys().cloned().collect(),
            other => panic!("not an object: {other}"),
        }
    }

    #[test]
    fn the_document_says_what_the_command_says() {
        let page = include_str!("../../../docs/handlers.md");
        for doc in STOCK {
            for line in [doc.summary, doc.body, doc.result]
                .into_iter()
                .chain(doc.params.lines())
            {
                assert!(
                    page.contains(line),
                    "docs/handlers.md lacks {line:?} of {}",
                    doc.name
                );
            }
        }
    }

    #[test]
    fn every_parameter_is_documented() {
        let hash = super::password::HashParams {
            salt_base64: Some(String::new()),
            ..Default::default()
        };
        check("password.hash", fields(&hash));
        check(
            "password.verify",
            fields(&super::password::VerifyParams::default()),
        );
        check(
            "image.resize",
            fields(&super::image::ResizeParams::default()),
        );
        check(
            "image.thumbnail",
            fields(&super::image::ThumbnailParams::default()),
        );
        check("digest", fields(&super::digest::DigestParams::default()));
        check(
            "compress",
            fields(&super::compress::CompressParams::default()),
        );
        check(
            "decompress",
            fields(&super::compress::DecompressParams::default()),
        );
    }
}

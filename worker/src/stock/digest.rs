//! `digest`: SHA-256 or BLAKE3 of the body.
//!
//! Pure; the body is read in place and never copied.

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::error::TaskError;

/// The hash function of [`digest`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// SHA-256 (FIPS 180-4), with the CPU's SHA instructions where it has them.
    #[default]
    Sha256,
    /// BLAKE3 with its default 32-byte output, on one thread.
    Blake3,
}

/// How [`digest`] writes the 32 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// 64 lower-case hexadecimal digits.
    #[default]
    Hex,
    /// The 32 bytes themselves.
    Raw,
}

/// The parameters of `digest`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DigestParams {
    /// The hash function; default `sha256`.
    pub algorithm: Algorithm,
    /// The form of the result; default `hex`.
    pub encoding: Encoding,
}

/// What [`digest`] returns: text or bytes, as [`DigestParams::encoding`] asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DigestOutput {
    /// 64 lower-case hexadecimal digits.
    Hex(String),
    /// The digest itself.
    Raw([u8; 32]),
}

impl DigestOutput {
    /// The result as it travels: the digits' ASCII bytes, or the 32 raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Hex(digits) => digits.as_bytes(),
            Self::Raw(bytes) => bytes,
        }
    }
}

/// The digest of `body`.
///
/// # Errors
///
/// None: every body, the empty one too, has a digest. The `Result` is there so
/// that all stock handlers have one shape.
#[allow(clippy::unnecessary_wraps)]
pub fn digest(params: &DigestParams, body: &[u8]) -> Result<DigestOutput, TaskError> {
    let bytes: [u8; 32] = match params.algorithm {
        Algorithm::Sha256 => sha2::Sha256::digest(body).into(),
        Algorithm::Blake3 => blake3::hash(body).into(),
    };
    Ok(match params.encoding {
        Encoding::Hex => DigestOutput::Hex(hex(&bytes)),
        Encoding::Raw => DigestOutput::Raw(bytes),
    })
}

fn hex(bytes: &[u8; 32]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(64);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex_of(algorithm: Algorithm, body: &[u8]) -> String {
        let params = DigestParams {
            algorithm,
            encoding: Encoding::Hex,
        };
        match digest(&params, body).unwrap() {
            DigestOutput::Hex(digits) => digits,
            DigestOutput::Raw(_) => panic!("asked for hex"),
        }
    }

    /// FIPS 180-4's examples as NIST publishes them, and the million 'a'.
    #[test]
    fn sha256_known_answers() {
        for (body, expected) in [
            (
                &b""[..],
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                b"abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ] {
            assert_eq!(hex_of(Algorithm::Sha256, body), expected);
        }
        assert_eq!(
            hex_of(Algorithm::Sha256, &vec![b'a'; 1_000_000]),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        );
    }

    /// From BLAKE3's `test_vectors.json`: the input is 0, 1, .. 250, 0, 1, ..
    #[test]
    fn blake3_known_answers() {
        let input: Vec<u8> = (0..=250u8).cycle().take(1024).collect();
        for (len, expected) in [
            (
                0,
                "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            ),
            (
                1,
                "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
            ),
            (
                1024,
                "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
            ),
        ] {
            assert_eq!(hex_of(Algorithm::Blake3, &input[..len]), expected);
        }
    }

    #[test]
    fn raw_is_the_same_digest_in_bytes() {
        let params: DigestParams = serde_json::from_str(r#"{"encoding":"raw"}"#).unwrap();
        let raw = digest(&params, b"abc").unwrap();
        let text: String = raw.as_bytes().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(raw.as_bytes().len(), 32);
        assert_eq!(text, hex_of(Algorithm::Sha256, b"abc"));
    }

    #[test]
    fn unknown_names_are_refused_with_the_known_ones() {
        let error = serde_json::from_str::<DigestParams>(r#"{"algo":"sha256"}"#).unwrap_err();
        assert!(error.to_string().contains("`algorithm`"), "{error}");
        let error = serde_json::from_str::<DigestParams>(r#"{"algorithm":"md5"}"#).unwrap_err();
        assert!(error.to_string().contains("`blake3`"), "{error}");
    }
}

//! `digest`: SHA-256, SHA-512 or BLAKE3 of the body, or its HMAC.
//!
//! Pure; the body is read in place and never copied. No error message and no `Debug` repeats a key.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::Hmac;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::Digest as _;

use ringwork_worker::TaskError;

/// The hash function of [`digest`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// SHA-256 (FIPS 180-4), with the CPU's SHA instructions where it has them; 32 bytes.
    #[default]
    Sha256,
    /// SHA-512 (FIPS 180-4); 64 bytes.
    Sha512,
    /// BLAKE3 with its default 32-byte output, on one thread.
    Blake3,
    /// HMAC (RFC 2104) with SHA-256; 32 bytes.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// HMAC (RFC 2104) with SHA-512; 64 bytes.
    #[serde(rename = "hmac-sha512")]
    HmacSha512,
}

/// How [`digest`] writes the bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Lower-case hexadecimal digits, two for each byte.
    #[default]
    Hex,
    /// The bytes themselves.
    Raw,
}

/// The parameters of `digest`.
///
/// `Debug` leaves the key out, as parameters end up in logs.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DigestParams {
    /// The hash function; default `sha256`.
    pub algorithm: Algorithm,
    /// The form of the result; default `hex`.
    pub encoding: Encoding,
    /// The key of an HMAC in Base64 of the standard alphabet, padded or not; at least one byte.
    /// Required for an HMAC, and refused otherwise.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "key_text")]
    pub key_base64: Option<String>,
}

crate::withers::withers! {
    DigestParams { algorithm: Algorithm, encoding: Encoding; key_base64?: String }
}

impl std::fmt::Debug for DigestParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DigestParams")
            .field("algorithm", &self.algorithm)
            .field("encoding", &self.encoding)
            .field("keyed", &self.key_base64.is_some())
            .finish()
    }
}

/// As serde reads it, but for the error, which would repeat a key that is a number or a list.
fn key_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    match serde_json::Value::deserialize(from)? {
        serde_json::Value::Null => Ok(None),
        serde_json::Value::String(text) => Ok(Some(text)),
        _ => Err(serde::de::Error::custom(
            "`key_base64` is not a text; write the key in Base64",
        )),
    }
}

/// What [`digest`] returns: text or bytes, as [`DigestParams::encoding`] asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DigestOutput {
    /// Lower-case hexadecimal digits.
    Hex(String),
    /// The digest itself, 32 or 64 bytes.
    Raw(Vec<u8>),
}

impl DigestOutput {
    /// The result as it travels: the digits' ASCII bytes, or the raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Hex(digits) => digits.as_bytes(),
            Self::Raw(bytes) => bytes,
        }
    }
}

/// The digest of `body`; every body, the empty one too, has one.
///
/// # Errors
///
/// `digest.invalid_params`: an HMAC without a key, a key that is empty or no Base64, or a key for
/// a digest that takes none.
pub fn digest(params: &DigestParams, body: &[u8]) -> Result<DigestOutput, TaskError> {
    let bytes = match params.algorithm {
        Algorithm::HmacSha256 => hmac::<Hmac<sha2::Sha256>>(&key(params)?, body),
        Algorithm::HmacSha512 => hmac::<Hmac<sha2::Sha512>>(&key(params)?, body),
        _ if params.key_base64.is_some() => {
            return Err(invalid_params(
                "`key_base64` is given and the algorithm takes no key; choose `hmac-sha256` or `hmac-sha512`, or leave it out",
            ));
        }
        Algorithm::Sha256 => sha2::Sha256::digest(body).to_vec(),
        Algorithm::Sha512 => sha2::Sha512::digest(body).to_vec(),
        Algorithm::Blake3 => blake3::hash(body).as_bytes().to_vec(),
    };
    Ok(match params.encoding {
        Encoding::Hex => DigestOutput::Hex(hex(&bytes)),
        Encoding::Raw => DigestOutput::Raw(bytes),
    })
}

fn key(params: &DigestParams) -> Result<Vec<u8>, TaskError> {
    let text = params.key_base64.as_deref().unwrap_or_default();
    if text.is_empty() {
        return Err(invalid_params(
            "an HMAC needs its key: set `key_base64` to at least one byte in Base64",
        ));
    }
    if text.ends_with('=') {
        STANDARD.decode(text)
    } else {
        STANDARD_NO_PAD.decode(text)
    }
    .map_err(|_| {
        invalid_params("`key_base64` is not Base64 of the standard alphabet (A-Z a-z 0-9 + /)")
    })
}

fn hmac<M: hmac::Mac + hmac::KeyInit>(key: &[u8], body: &[u8]) -> Vec<u8> {
    let mut mac = <M as hmac::KeyInit>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[track_caller]
fn invalid_params(problem: &str) -> TaskError {
    TaskError::new("digest.invalid_params", problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex_of(algorithm: Algorithm, body: &[u8]) -> String {
        let params = DigestParams {
            algorithm,
            ..DigestParams::default()
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

    /// FIPS 180-4's examples as NIST publishes them.
    #[test]
    fn sha512_known_answers() {
        for (body, expected) in [
            (
                &b""[..],
                "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
            ),
            (
                b"abc",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ] {
            assert_eq!(hex_of(Algorithm::Sha512, body), expected);
        }
    }

    fn hmac_of(algorithm: Algorithm, key: &[u8], body: &[u8]) -> String {
        let of = |key| {
            let params = DigestParams {
                algorithm,
                key_base64: Some(key),
                ..DigestParams::default()
            };
            digest(&params, body).unwrap()
        };
        let padded = of(STANDARD.encode(key));
        assert_eq!(of(STANDARD_NO_PAD.encode(key)), padded);
        String::from_utf8(padded.as_bytes().to_vec()).unwrap()
    }

    /// RFC 4231's test cases 1 to 4, 6 and 7.
    #[test]
    fn hmac_known_answers() {
        for (key, body, sha256, sha512) in [
            (
                vec![0x0b; 20],
                b"Hi There".to_vec(),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?".to_vec(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
            (
                vec![0xaa; 20],
                vec![0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
                "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
            ),
            (
                (1..=25).collect(),
                vec![0xcd; 50],
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
                "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
            ),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
            ),
        ] {
            assert_eq!(hmac_of(Algorithm::HmacSha256, &key, &body), sha256);
            assert_eq!(hmac_of(Algorithm::HmacSha512, &key, &body), sha512);
        }
    }

    #[test]
    fn keys_are_required_where_they_count_and_never_repeated() {
        let of = |json: &str| {
            let params: DigestParams = serde_json::from_str(json).unwrap();
            digest(&params, b"abc").unwrap_err()
        };
        for (json, clue) in [
            (r#"{"algorithm":"hmac-sha256"}"#, "needs its key"),
            (
                r#"{"algorithm":"hmac-sha512","key_base64":""}"#,
                "needs its key",
            ),
            (
                r#"{"algorithm":"hmac-sha256","key_base64":"c2Vjcm_0"}"#,
                "not Base64",
            ),
            (
                r#"{"algorithm":"hmac-sha256","key_base64":"c2Vjcm90="}"#,
                "not Base64",
            ),
            (r#"{"key_base64":"c2Vjcm90"}"#, "takes no key"),
        ] {
            let error = of(json);
            assert_eq!(error.code(), "digest.invalid_params", "{error}");
            assert!(error.message().contains(clue), "{error}");
            assert!(!error.message().contains("c2Vj"), "{error}");
        }
        for json in [r#"{"key_base64":4711}"#, r#"{"key_base64":["4711"]}"#] {
            let error = serde_json::from_str::<DigestParams>(json).unwrap_err();
            assert!(error.to_string().contains("not a text"), "{error}");
            assert!(!error.to_string().contains("4711"), "{error}");
        }
        let params: DigestParams =
            serde_json::from_str(r#"{"algorithm":"hmac-sha256","key_base64":"c2Vjcm90"}"#).unwrap();
        assert!(!format!("{params:?}").contains("c2Vj"), "{params:?}");
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

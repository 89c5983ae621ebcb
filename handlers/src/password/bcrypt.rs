//! bcrypt: its 60 characters, and the computation.

use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use ringwork_ring::format::counted;

use super::BCRYPT_MAX_PASSWORD;
use super::blowfish::Blowfish;
use ringwork_worker::TaskError;

/// The alphabet `./A-Za-z0-9`. Bits beyond the last byte are ignored, as passlib does: some
/// libraries used to set them in the salt.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);
/// What each bcrypt string has, in bytes.
const LENGTH: usize = 60;
const SALT_CHARS: usize = 22;
pub(super) const COSTS: std::ops::RangeInclusive<u32> = 4..=31;

/// A parsed `$2b$<cost>$<salt><hash>`.
pub(super) struct Bcrypt {
    pub(super) cost: u32,
    salt: [u8; 16],
    pub(super) hash: [u8; 23],
}

impl Bcrypt {
    /// Parses `text`, which begins with `$2a$`, `$2b$` or `$2y$`. The error says what was
    /// found, without the salt and the hash.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() != LENGTH || !text.is_ascii() {
            return Err(format!(
                "a bcrypt string of {} instead of {LENGTH} ASCII characters; it is cut off (a column of CHAR(60) is needed) or has text added",
                counted(text.len(), "byte")
            ));
        }
        let (cost, rest) = (&text[4..6], &text[6..]);
        let cost = cost
            .parse()
            .ok()
            .filter(|_| cost.bytes().all(|digit| digit.is_ascii_digit()))
            .filter(|cost| COSTS.contains(cost))
            .ok_or("a bcrypt string whose cost is not a number of two digits in 04..=31")?;
        let rest = rest
            .strip_prefix('$')
            .ok_or("a bcrypt string without `$` after its cost")?;
        let (salt, hash) = rest.split_at(SALT_CHARS);
        Ok(Self {
            cost,
            salt: decoded(salt).ok_or_else(|| foreign_character("salt"))?,
            hash: decoded(hash).ok_or_else(|| foreign_character("hash"))?,
        })
    }

    /// Computes the hash of `password`, of which bcrypt uses the first [`BCRYPT_MAX_PASSWORD`]
    /// bytes.
    pub(super) fn compute(cost: u32, salt: [u8; 16], password: &[u8]) -> Self {
        // The NUL at the end counts, if there is room for it.
        let mut key = [0; BCRYPT_MAX_PASSWORD];
        let used = password.len().min(BCRYPT_MAX_PASSWORD);
        key[..used].copy_from_slice(&password[..used]);
        let key = &key[..(used + 1).min(BCRYPT_MAX_PASSWORD)];
        let state = Blowfish::bcrypt_setup(cost, &salt, key);
        let mut text = *b"OrpheanBeholderScryDoubt";
        for block in text.chunks_exact_mut(8) {
            let half = |at: usize| u32::from_be_bytes(std::array::from_fn(|i| block[at + i]));
            let mut words = [half(0), half(4)];
            for _ in 0..64 {
                words = state.encrypt(words);
            }
            block[..4].copy_from_slice(&words[0].to_be_bytes());
            block[4..].copy_from_slice(&words[1].to_be_bytes());
        }
        Self {
            cost,
            salt,
            hash: std::array::from_fn(|i| text[i]),
        }
    }

    /// What [`Self::compute`] gives for another password with this cost and salt.
    pub(super) fn again(&self, password: &[u8]) -> Self {
        Self::compute(self.cost, self.salt, password)
    }
}

impl std::fmt::Display for Bcrypt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "$2b${:02}${}{}",
            self.cost,
            BASE64.encode(self.salt),
            BASE64.encode(self.hash)
        )
    }
}

fn decoded<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64.decode(text).ok()?.try_into().ok()
}

fn foreign_character(part: &str) -> String {
    format!("a bcrypt string whose {part} has characters other than ./A-Za-z0-9")
}

/// Refuses what C's bcrypt would ignore a part of.
pub(super) fn check_password(password: &[u8]) -> Result<(), TaskError> {
    if password.len() > BCRYPT_MAX_PASSWORD {
        return Err(TaskError::new(
            "password.too_long",
            format!(
                "the password has {} bytes and bcrypt uses only the first {BCRYPT_MAX_PASSWORD}; use argon2id, which has no such limit, or refuse longer passwords at sign-up; to verify a hash that a truncating library has made, set allow_truncation",
                password.len()
            ),
        ));
    }
    if password.contains(&0) {
        return Err(TaskError::new(
            "password.contains_nul",
            "the password contains a NUL byte, where other bcrypt implementations end it; use argon2id, or pass text instead of binary (a pre-hash in Base64)",
        ));
    }
    Ok(())
}

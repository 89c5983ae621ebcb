//! The parameters of the password handlers, with their bounds and defaults.

use ringwork_ring::format::counted;
use ringwork_worker::TaskError;
use serde::{Deserialize, Serialize};

/// The most memory one Argon2 hash may use, in KiB: 1 GiB.
pub const MAX_MEMORY_KIB: u32 = 1 << 20;
/// The most that one Argon2 hash may do, in KiB × iterations: four passes over
/// 1 GiB, some seconds of one core.
pub const MAX_WORK_KIB: u64 = 4 << 20;
/// The most lanes of one Argon2 hash. They are computed one after another, as
/// a handler has one thread.
pub const MAX_PARALLELISM: u32 = 64;
/// The default of [`VerifyParams::max_cost`]: about eight seconds of one core.
pub const DEFAULT_MAX_BCRYPT_COST: u32 = 17;
/// The most that one scrypt hash may do, in KiB of its memory × `p`: some seconds of one core.
pub const MAX_SCRYPT_WORK_KIB: u64 = 2 << 20;
/// The default of [`VerifyParams::max_iterations`]: some seconds of one core.
pub const DEFAULT_MAX_ITERATIONS: u32 = 10_000_000;
/// What bcrypt takes at most, in bytes; it would ignore the rest.
pub const BCRYPT_MAX_PASSWORD: usize = 72;

pub(super) const OUTPUT_LENS: std::ops::RangeInclusive<usize> = 16..=128;

pub(super) const SALT_LENS: std::ops::RangeInclusive<usize> = 8..=64;

/// The algorithm of [`hash`](super::hash).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Argon2id, version 1.3 (RFC 9106).
    #[default]
    Argon2id,
    /// bcrypt, written as `$2b$`.
    Bcrypt,
}

/// The parameters of `password.hash`.
///
/// The defaults for Argon2id (19 MiB, 2 iterations, 1 lane) are the first
/// choice of the OWASP Password Storage Cheat Sheet for interactive log-in
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HashParams {
    /// The algorithm; default `argon2id`.
    pub algorithm: Algorithm,
    /// Argon2's memory in KiB, from 8 × `parallelism` to 1 048 576; default 19 456.
    pub memory_kib: u32,
    /// Argon2's passes over the memory, at least 1; default 2. Memory times
    /// iterations may come to [`MAX_WORK_KIB`].
    pub iterations: u32,
    /// Argon2's lanes, 1..=64; default 1.
    pub parallelism: u32,
    /// The length of Argon2's output in bytes, 16..=128; default 32.
    pub output_len: usize,
    /// bcrypt's cost, 4..=31: each step doubles the time; default 12, about a
    /// quarter of a second. 31 takes days.
    pub cost: u32,
    /// The salt in Base64, for known-answer tests ONLY; default: fresh from
    /// the operating system. 8..=64 bytes for Argon2, 16 for bcrypt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salt_base64: Option<String>,
}

crate::withers::withers! {
    HashParams {
        algorithm: Algorithm,
        memory_kib: u32,
        iterations: u32,
        parallelism: u32,
        output_len: usize,
        cost: u32;
        salt_base64?: String,
    }
}

impl Default for HashParams {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Argon2id,
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
            output_len: 32,
            cost: 12,
            salt_base64: None,
        }
    }
}

impl HashParams {
    /// Refuses a parameter of the other algorithm: it would have no effect. Its default value may be
    /// given, as by programs that send all parameters.
    pub(super) fn check_algorithm(&self) -> Result<(), TaskError> {
        let default = Self::default();
        let set = [
            (
                "memory_kib",
                Algorithm::Argon2id,
                self.memory_kib != default.memory_kib,
            ),
            (
                "iterations",
                Algorithm::Argon2id,
                self.iterations != default.iterations,
            ),
            (
                "parallelism",
                Algorithm::Argon2id,
                self.parallelism != default.parallelism,
            ),
            (
                "output_len",
                Algorithm::Argon2id,
                self.output_len != default.output_len,
            ),
            ("cost", Algorithm::Bcrypt, self.cost != default.cost),
        ];
        let foreign = set
            .iter()
            .find(|(_, of, is_set)| *is_set && *of != self.algorithm);
        let Some((name, of, _)) = foreign else {
            return Ok(());
        };
        let name_of = |algorithm| match algorithm {
            Algorithm::Argon2id => "argon2id",
            Algorithm::Bcrypt => "bcrypt",
        };
        Err(invalid_params(&format!(
            "`{name}` is a parameter of {} and has no effect on {}; leave it out, or name the other algorithm",
            name_of(*of),
            name_of(self.algorithm)
        )))
    }
}

/// The parameters of `password.verify`.
///
/// `Debug` shows the length of the hash only, as parameters end up in logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct VerifyParams {
    /// The stored hash string to verify against; required.
    pub hash: String,
    /// The most memory in KiB that an Argon2 or scrypt hash may ask for; default and
    /// maximum [`MAX_MEMORY_KIB`]. [`MAX_WORK_KIB`] and [`MAX_SCRYPT_WORK_KIB`] bound the time.
    pub max_memory_kib: u32,
    /// The highest bcrypt cost that is computed; default
    /// [`DEFAULT_MAX_BCRYPT_COST`], at most 31.
    pub max_cost: u32,
    /// The most PBKDF2 iterations that are computed, over all blocks of the output; default
    /// [`DEFAULT_MAX_ITERATIONS`].
    pub max_iterations: u32,
    /// bcrypt: only the first 72 bytes of a longer password count, as in the library that made
    /// the hash; default: `password.too_long`.
    pub allow_truncation: bool,
}

crate::withers::withers! {
    VerifyParams {
        hash: String,
        max_memory_kib: u32,
        max_cost: u32,
        max_iterations: u32,
        allow_truncation: bool,
    }
}

impl Default for VerifyParams {
    fn default() -> Self {
        Self {
            hash: String::new(),
            max_memory_kib: MAX_MEMORY_KIB,
            max_cost: DEFAULT_MAX_BCRYPT_COST,
            max_iterations: DEFAULT_MAX_ITERATIONS,
            allow_truncation: false,
        }
    }
}

impl std::fmt::Debug for VerifyParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyParams")
            .field(
                "hash",
                &format_args!("[{}]", counted(self.hash.len(), "byte")),
            )
            .field("max_memory_kib", &self.max_memory_kib)
            .field("max_cost", &self.max_cost)
            .field("max_iterations", &self.max_iterations)
            .field("allow_truncation", &self.allow_truncation)
            .finish()
    }
}

/// The parameters of `password.needs_rehash`: those of `password.hash`, and the stored hash.
///
/// `Debug` shows the length of the hash only, as parameters end up in logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RehashParams {
    /// The stored hash string; required.
    pub hash: String,
    /// As in [`HashParams::algorithm`].
    pub algorithm: Algorithm,
    /// As in [`HashParams::memory_kib`].
    pub memory_kib: u32,
    /// As in [`HashParams::iterations`].
    pub iterations: u32,
    /// As in [`HashParams::output_len`].
    pub output_len: usize,
    /// As in [`HashParams::cost`].
    pub cost: u32,
}

crate::withers::withers! {
    RehashParams {
        hash: String,
        algorithm: Algorithm,
        memory_kib: u32,
        iterations: u32,
        output_len: usize,
        cost: u32,
    }
}

impl Default for RehashParams {
    fn default() -> Self {
        let HashParams {
            algorithm,
            memory_kib,
            iterations,
            output_len,
            cost,
            ..
        } = HashParams::default();
        Self {
            hash: String::new(),
            algorithm,
            memory_kib,
            iterations,
            output_len,
            cost,
        }
    }
}

impl std::fmt::Debug for RehashParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RehashParams")
            .field(
                "hash",
                &format_args!("[{}]", counted(self.hash.len(), "byte")),
            )
            .field("wanted", &self.wanted())
            .finish()
    }
}

impl RehashParams {
    pub(super) fn wanted(&self) -> HashParams {
        HashParams {
            algorithm: self.algorithm,
            memory_kib: self.memory_kib,
            iterations: self.iterations,
            output_len: self.output_len,
            cost: self.cost,
            ..HashParams::default()
        }
    }
}

#[track_caller]
pub(super) fn invalid_params(problem: &str) -> TaskError {
    TaskError::new("password.invalid_params", problem)
}

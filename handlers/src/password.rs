//! `password.hash`: Argon2 and bcrypt. `password.verify` and `password.needs_rehash`: these,
//! scrypt and PBKDF2.
//!
//! A hash string that comes in is parsed here, with a bound on what it may make
//! this worker spend, before any of it is computed. No error message repeats a
//! password, a salt or a hash.

mod bcrypt;
mod blowfish;
mod foreign;
mod kdf;
mod phc;
mod stored;

use argon2::{AssociatedData, Version};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ringwork_ring::format::counted;
use serde::{Deserialize, Serialize};

use self::bcrypt::Bcrypt;
use self::phc::{Argon2Cost, Argon2Input, argon2_into};
use self::stored::Stored;
use ringwork_worker::TaskError;

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
const OUTPUT_LENS: std::ops::RangeInclusive<usize> = 16..=128;
const SALT_LENS: std::ops::RangeInclusive<usize> = 8..=64;
const ACCEPTED: &str = "accepted are $argon2id$, $argon2i$ and $argon2d$ PHC strings \
     ($argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>), bcrypt strings of 60 characters ($2a$, $2b$ \
     or $2y$), $scrypt$ln=17,r=8,p=1$<salt>$<hash>, and PBKDF2 ($pbkdf2-sha256$ or \
     $pbkdf2-sha512$, with i=600000$<salt>$<hash> or passlib's 600000$<salt>$<hash>)";

/// The algorithm of [`hash`].
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
    fn check_algorithm(&self) -> Result<(), TaskError> {
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

/// Hashes the password in `body`: a PHC string (`$argon2id$v=19$…`) or a
/// bcrypt string (`$2b$…`), which other implementations verify as well.
///
/// The body is any bytes for Argon2, the empty password included. bcrypt takes
/// at most 72 bytes and no NUL byte: implementations in C would stop at either,
/// so that a hash made here would accept other passwords there.
///
/// # Errors
///
/// - `password.invalid_params`: a parameter out of range or of the other algorithm, or a bad salt.
/// - `password.too_long`: more than 72 bytes for bcrypt.
/// - `password.contains_nul`: a NUL byte for bcrypt.
/// - `password.failed`: the system has no random bytes or no memory.
pub fn hash(params: &HashParams, body: &[u8]) -> Result<String, TaskError> {
    params.check_algorithm()?;
    match params.algorithm {
        Algorithm::Argon2id => hash_argon2id(params, body),
        Algorithm::Bcrypt => hash_bcrypt(params, body),
    }
}

fn hash_argon2id(params: &HashParams, body: &[u8]) -> Result<String, TaskError> {
    let cost = Argon2Cost {
        memory_kib: params.memory_kib,
        iterations: params.iterations,
        parallelism: params.parallelism,
    };
    cost.check().map_err(|problem| invalid_params(&problem))?;
    if !OUTPUT_LENS.contains(&params.output_len) {
        return Err(invalid_params(&format!(
            "output_len {} is outside {}..={} bytes; 32 is the default",
            params.output_len,
            OUTPUT_LENS.start(),
            OUTPUT_LENS.end()
        )));
    }
    let salt = match &params.salt_base64 {
        Some(text) => given_salt(text, &SALT_LENS)?,
        None => random_salt()?.to_vec(),
    };
    let mut output = vec![0; params.output_len];
    let input = Argon2Input {
        algorithm: argon2::Algorithm::Argon2id,
        version: Version::V0x13,
        cost,
        data: AssociatedData::EMPTY,
        salt: &salt,
    };
    argon2_into(&input, body, &mut output)?;
    Ok(format!(
        "$argon2id$v=19$m={},t={},p={}${}${}",
        cost.memory_kib,
        cost.iterations,
        cost.parallelism,
        STANDARD_NO_PAD.encode(&salt),
        STANDARD_NO_PAD.encode(&output)
    ))
}

fn hash_bcrypt(params: &HashParams, body: &[u8]) -> Result<String, TaskError> {
    if !bcrypt::COSTS.contains(&params.cost) {
        return Err(invalid_params(&format!(
            "bcrypt's cost {} is outside 4..=31; 12 is the default, each step doubles the time",
            params.cost
        )));
    }
    bcrypt::check_password(body)?;
    let salt = match &params.salt_base64 {
        Some(text) => given_salt(text, &(16..=16))?
            .try_into()
            .unwrap_or_else(|_| unreachable!("the length was checked")),
        None => random_salt()?,
    };
    Ok(Bcrypt::compute(params.cost, salt, body).to_string())
}

/// Whether `body` is the password of [`VerifyParams::hash`], compared in
/// constant time. A wrong password is `Ok(false)`, never an error.
///
/// The hash string may be `$argon2id$`, `$argon2i$` or `$argon2d$` (a missing
/// `v=` means version 1.0, as in the reference implementation), bcrypt's
/// `$2a$`, `$2b$` or `$2y$`, `$scrypt$` (passlib, RustCrypto), or `$pbkdf2-sha256$` and
/// `$pbkdf2-sha512$` with their iterations as `i=600000` or as passlib's `600000`. For a bcrypt
/// hash the password is bound as in [`hash`], unless [`VerifyParams::allow_truncation`] is set.
///
/// # Errors
///
/// - `password.malformed_hash`: the hash string is not one of these.
/// - `password.cost_too_high`: it asks for more than the limits allow.
/// - `password.invalid_params`: a limit is itself out of range.
/// - `password.too_long`, `password.contains_nul`: as in [`hash`].
/// - `password.failed`: no memory.
pub fn verify(params: &VerifyParams, body: &[u8]) -> Result<bool, TaskError> {
    if params.max_memory_kib > MAX_MEMORY_KIB {
        return Err(invalid_params(&format!(
            "max_memory_kib {} is over {MAX_MEMORY_KIB} (1 GiB), this handler's own limit",
            params.max_memory_kib
        )));
    }
    if !bcrypt::COSTS.contains(&params.max_cost) {
        return Err(invalid_params(&format!(
            "max_cost {} is outside 4..=31, the costs that bcrypt has",
            params.max_cost
        )));
    }
    let stored = Stored::parse(&params.hash).map_err(|found| malformed(&found))?;
    stored.check_cost(params)?;
    stored.matches(body, params.allow_truncation)
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
    fn wanted(&self) -> HashParams {
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

/// Whether [`RehashParams::hash`] is of another algorithm than the one asked for, or weaker in
/// one of its parameters, so that the password should be hashed anew at its next log-in. Strings
/// of Argon2i, Argon2d, Argon2's version 1.0, scrypt and PBKDF2 always are. Lanes don't count,
/// as more of them make a hash no stronger. Nothing is computed, and there is no body.
///
/// # Errors
///
/// `password.malformed_hash`, as in [`verify`]; `password.invalid_params`: a parameter of another
/// algorithm than the one asked for.
pub fn needs_rehash(params: &RehashParams) -> Result<bool, TaskError> {
    params.wanted().check_algorithm()?;
    Stored::parse(&params.hash)
        .map(|stored| stored.is_weaker_than(&params.wanted()))
        .map_err(|found| malformed(&found))
}

fn random_salt() -> Result<[u8; 16], TaskError> {
    let mut salt = [0; 16];
    ringwork_ring::os::random::random(&mut salt).map_err(|error| {
        TaskError::new(
            "password.failed",
            format!("the operating system gave no random bytes for the salt: {error}; allow the worker getrandom(2)"),
        )
    })?;
    Ok(salt)
}

fn given_salt(text: &str, lens: &std::ops::RangeInclusive<usize>) -> Result<Vec<u8>, TaskError> {
    let salt = if text.ends_with('=') {
        STANDARD.decode(text)
    } else {
        STANDARD_NO_PAD.decode(text)
    }
    .map_err(|_| {
        invalid_params(
            "salt_base64 is not Base64 of the standard alphabet; leave it out for a random salt",
        )
    })?;
    if lens.contains(&salt.len()) {
        return Ok(salt);
    }
    Err(invalid_params(&format!(
        "salt_base64 holds {}, outside {}..={}; leave it out for a random salt",
        counted(salt.len(), "byte"),
        lens.start(),
        lens.end()
    )))
}

#[track_caller]
fn invalid_params(problem: &str) -> TaskError {
    TaskError::new("password.invalid_params", problem)
}

#[track_caller]
fn malformed(found: &str) -> TaskError {
    TaskError::new(
        "password.malformed_hash",
        format!("`hash` is {found}; {ACCEPTED}"),
    )
}

#[cfg(test)]
mod tests;

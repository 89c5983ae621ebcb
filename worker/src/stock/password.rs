//! `password.hash` and `password.verify`: Argon2 and bcrypt.
//!
//! A hash string that comes in is parsed here, with a bound on what it may make
//! this worker spend, before any of it is computed. No error message repeats a
//! password, a salt or a hash.

mod phc;

use argon2::Version;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use self::phc::{Argon2Cost, Argon2Phc, argon2_into};
use crate::error::TaskError;

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
/// What bcrypt takes at most, in bytes; it would ignore the rest.
pub const BCRYPT_MAX_PASSWORD: usize = 72;
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=31;
const OUTPUT_LENS: std::ops::RangeInclusive<usize> = 16..=128;
const SALT_LENS: std::ops::RangeInclusive<usize> = 8..=64;
const ACCEPTED: &str = "accepted are $argon2id$, $argon2i$ and $argon2d$ PHC strings \
     ($argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>) and bcrypt strings of 60 characters \
     ($2a$, $2b$ or $2y$)";

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

/// The parameters of `password.verify`.
///
/// `Debug` shows the length of the hash only, as parameters end up in logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifyParams {
    /// The stored hash string to verify against; required.
    pub hash: String,
    /// The most memory in KiB that an Argon2 hash may ask for; default and
    /// maximum [`MAX_MEMORY_KIB`].
    pub max_memory_kib: u32,
    /// The highest bcrypt cost that is computed; default
    /// [`DEFAULT_MAX_BCRYPT_COST`], at most 31.
    pub max_cost: u32,
}

impl Default for VerifyParams {
    fn default() -> Self {
        Self {
            hash: String::new(),
            max_memory_kib: MAX_MEMORY_KIB,
            max_cost: DEFAULT_MAX_BCRYPT_COST,
        }
    }
}

impl std::fmt::Debug for VerifyParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyParams")
            .field("hash", &format_args!("[{} bytes]", self.hash.len()))
            .field("max_memory_kib", &self.max_memory_kib)
            .field("max_cost", &self.max_cost)
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
/// - `password.invalid_params`: a parameter out of range, or a bad salt.
/// - `password.too_long`: more than 72 bytes for bcrypt.
/// - `password.contains_nul`: a NUL byte for bcrypt.
/// - `password.failed`: the system has no random bytes or no memory.
pub fn hash(params: &HashParams, body: &[u8]) -> Result<String, TaskError> {
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
    cost.check(MAX_MEMORY_KIB)
        .map_err(|problem| invalid_params(&problem))?;
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
    argon2_into(
        argon2::Algorithm::Argon2id,
        Version::V0x13,
        cost,
        body,
        &salt,
        &mut output,
    )?;
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
    if !BCRYPT_COSTS.contains(&params.cost) {
        return Err(invalid_params(&format!(
            "bcrypt's cost {} is outside 4..=31; 12 is the default, each step doubles the time",
            params.cost
        )));
    }
    check_bcrypt_password(body)?;
    let salt = match &params.salt_base64 {
        Some(text) => given_salt(text, &(16..=16))?
            .try_into()
            .unwrap_or_else(|_| unreachable!("the length was checked")),
        None => random_salt()?,
    };
    bcrypt::hash_with_salt(body, params.cost, salt)
        .map(|parts| parts.format_for_version(bcrypt::Version::TwoB))
        .map_err(|error| TaskError::new("password.failed", format!("bcrypt failed: {error}")))
}

/// Whether `body` is the password of [`VerifyParams::hash`], compared in
/// constant time. A wrong password is `Ok(false)`, never an error.
///
/// The hash string may be `$argon2id$`, `$argon2i$` or `$argon2d$` (a missing
/// `v=` means version 1.0, as in the reference implementation), or bcrypt's
/// `$2a$`, `$2b$` or `$2y$`. For a bcrypt hash the password is bound as in
/// [`hash`].
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
    if !BCRYPT_COSTS.contains(&params.max_cost) {
        return Err(invalid_params(&format!(
            "max_cost {} is outside 4..=31, the costs that bcrypt has",
            params.max_cost
        )));
    }
    let text = params.hash.as_str();
    match text.split('$').nth(1) {
        Some("argon2id") => verify_argon2(argon2::Algorithm::Argon2id, params, body),
        Some("argon2i") => verify_argon2(argon2::Algorithm::Argon2i, params, body),
        Some("argon2d") => verify_argon2(argon2::Algorithm::Argon2d, params, body),
        Some("2a" | "2b" | "2y") => verify_bcrypt(params, body),
        _ => Err(malformed(&describe_foreign(text))),
    }
}

fn verify_argon2(
    algorithm: argon2::Algorithm,
    params: &VerifyParams,
    body: &[u8],
) -> Result<bool, TaskError> {
    let phc = Argon2Phc::parse(&params.hash).map_err(|problem| malformed(&problem))?;
    phc.cost.check(params.max_memory_kib).map_err(|problem| {
        TaskError::new(
            "password.cost_too_high",
            format!(
                "the hash asks for more than this worker computes: {problem}; if the hash is your own, raise max_memory_kib or hash the password anew at its next log-in"
            ),
        )
    })?;
    let mut output = vec![0; phc.hash.len()];
    argon2_into(
        algorithm,
        phc.version,
        phc.cost,
        body,
        &phc.salt,
        &mut output,
    )?;
    Ok(output.ct_eq(&phc.hash).into())
}

fn verify_bcrypt(params: &VerifyParams, body: &[u8]) -> Result<bool, TaskError> {
    let text = params.hash.as_str();
    let parts: bcrypt::HashParts = text.parse().map_err(|error| {
        malformed(&format!(
            "a bcrypt string of {} bytes with {error}",
            text.len()
        ))
    })?;
    let cost = parts.get_cost();
    if !BCRYPT_COSTS.contains(&cost) {
        return Err(malformed(&format!(
            "a bcrypt string with cost {cost}, outside 4..=31"
        )));
    }
    if cost > params.max_cost {
        return Err(TaskError::new(
            "password.cost_too_high",
            format!(
                "the hash asks for bcrypt's cost {cost} and {} is allowed; if the hash is your own, raise max_cost (each step doubles the time)",
                params.max_cost
            ),
        ));
    }
    check_bcrypt_password(body)?;
    bcrypt::verify(body, text).map_err(|error| malformed(&format!("a bcrypt string with {error}")))
}

fn check_bcrypt_password(body: &[u8]) -> Result<(), TaskError> {
    if body.len() > BCRYPT_MAX_PASSWORD {
        return Err(TaskError::new(
            "password.too_long",
            format!(
                "the password has {} bytes and bcrypt uses only the first {BCRYPT_MAX_PASSWORD}; use argon2id, which has no such limit, or refuse longer passwords at sign-up",
                body.len()
            ),
        ));
    }
    if body.contains(&0) {
        return Err(TaskError::new(
            "password.contains_nul",
            "the password contains a NUL byte, where other bcrypt implementations end it; use argon2id, or pass text instead of binary (a pre-hash in Base64)",
        ));
    }
    Ok(())
}

fn random_salt() -> Result<[u8; 16], TaskError> {
    let mut salt = [0; 16];
    ringwork_ring::kernel::random(&mut salt).map_err(|error| {
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
        "salt_base64 holds {} bytes, outside {}..={}; leave it out for a random salt",
        salt.len(),
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

/// Names a string of a foreign kind by its first field, if that is harmless.
fn describe_foreign(text: &str) -> String {
    if text.is_empty() {
        return "empty or missing".to_owned();
    }
    let length = text.len();
    let Some(rest) = text.strip_prefix('$') else {
        return format!("a string of {length} bytes that does not begin with `$`");
    };
    let name = rest.split('$').next().unwrap_or_default();
    let harmless = (1..=16).contains(&name.len())
        && name.len() + 1 < length
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match name {
        "2x" => "a `$2x$` bcrypt string, made by a crypt_blowfish with a known bug".to_owned(),
        _ if harmless => format!("a string of the kind `${name}$`"),
        _ => format!("a string of {length} bytes without a known `$…$` prefix"),
    }
}

#[cfg(test)]
mod tests;

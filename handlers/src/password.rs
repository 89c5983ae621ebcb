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
mod params;
mod phc;
mod stored;

use argon2::{AssociatedData, Version};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

pub use self::params::{
    Algorithm, BCRYPT_MAX_PASSWORD, DEFAULT_MAX_BCRYPT_COST, DEFAULT_MAX_ITERATIONS, HashParams,
    MAX_MEMORY_KIB, MAX_PARALLELISM, MAX_SCRYPT_WORK_KIB, MAX_WORK_KIB, RehashParams, VerifyParams,
};

use self::bcrypt::Bcrypt;
use self::params::{OUTPUT_LENS, SALT_LENS, invalid_params};
use self::phc::{Argon2Cost, Argon2Input, argon2_into};
use self::stored::Stored;
use ringwork_ring::format::counted;
use ringwork_worker::TaskError;

const ACCEPTED: &str = "accepted are $argon2id$, $argon2i$ and $argon2d$ PHC strings \
     ($argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>), bcrypt strings of 60 characters ($2a$, $2b$ \
     or $2y$), $scrypt$ln=17,r=8,p=1$<salt>$<hash>, and PBKDF2 ($pbkdf2-sha256$ or \
     $pbkdf2-sha512$, with i=600000$<salt>$<hash> or passlib's 600000$<salt>$<hash>)";

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
fn malformed(found: &str) -> TaskError {
    TaskError::new(
        "password.malformed_hash",
        format!("`hash` is {found}; {ACCEPTED}"),
    )
}

#[cfg(test)]
mod tests;

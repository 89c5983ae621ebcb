//! A stored hash string of any accepted kind: parsed, bounded, computed again.

use argon2::Version;
use subtle::ConstantTimeEq as _;

use super::bcrypt::{self, Bcrypt};
use super::kdf::{Pbkdf2, Scrypt, Sha};
use super::phc::Argon2Phc;
use super::{Algorithm, BCRYPT_MAX_PASSWORD, HashParams, MAX_MEMORY_KIB, VerifyParams, foreign};
use ringwork_worker::TaskError;

/// A parsed hash string.
pub(super) enum Stored {
    Argon2(Argon2Phc),
    Bcrypt(Bcrypt),
    Scrypt(Scrypt),
    Pbkdf2(Pbkdf2),
}

type Parser = fn(&str) -> Result<Stored, String>;

fn parser(name: &str) -> Option<Parser> {
    use argon2::Algorithm::{Argon2d, Argon2i, Argon2id};
    Some(match name {
        "argon2id" => |text| Argon2Phc::parse(Argon2id, text).map(Stored::Argon2),
        "argon2i" => |text| Argon2Phc::parse(Argon2i, text).map(Stored::Argon2),
        "argon2d" => |text| Argon2Phc::parse(Argon2d, text).map(Stored::Argon2),
        "2a" | "2b" | "2y" => |text| Bcrypt::parse(text).map(Stored::Bcrypt),
        "scrypt" => |text| Scrypt::parse(text).map(Stored::Scrypt),
        "pbkdf2-sha256" => |text| Pbkdf2::parse(Sha::Sha256, text).map(Stored::Pbkdf2),
        "pbkdf2-sha512" => |text| Pbkdf2::parse(Sha::Sha512, text).map(Stored::Pbkdf2),
        _ => return None,
    })
}

impl Stored {
    /// The error says what was found, without the salt and the hash.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(found) = foreign::surroundings(text) {
            return Err(found);
        }
        match text.split('$').nth(1).and_then(parser) {
            Some(parse) => parse(text),
            None => Err(foreign::kind(text, |name| parser(name).is_some())),
        }
    }

    /// Refuses what would cost more than the limits allow.
    pub(super) fn check_cost(&self, limits: &VerifyParams) -> Result<(), TaskError> {
        let within_memory = |memory_kib: u64| {
            let most = limits.max_memory_kib;
            let raise = (most < MAX_MEMORY_KIB).then_some("max_memory_kib");
            within("its memory in KiB", memory_kib, most.into(), raise)
        };
        match self {
            Self::Argon2(phc) => {
                within_memory(phc.cost.memory_kib.into())?;
                phc.cost
                    .check_work()
                    .map_err(|problem| too_high(&problem, None))
            }
            Self::Scrypt(scrypt) => {
                within_memory(scrypt.memory_kib())?;
                scrypt
                    .check_work()
                    .map_err(|problem| too_high(&problem, None))
            }
            Self::Bcrypt(bcrypt) => within(
                "bcrypt's cost",
                bcrypt.cost.into(),
                limits.max_cost.into(),
                Some("max_cost (each step doubles the time)"),
            ),
            Self::Pbkdf2(pbkdf2) => within(
                "PBKDF2's iterations, over all blocks of its output,",
                pbkdf2.work(),
                limits.max_iterations.into(),
                Some("max_iterations"),
            ),
        }
    }

    /// Whether `password` gives this hash, compared in constant time.
    pub(super) fn matches(&self, password: &[u8], truncate: bool) -> Result<bool, TaskError> {
        Ok(match self {
            Self::Argon2(phc) => phc.again(password)?.ct_eq(&phc.hash).into(),
            Self::Scrypt(scrypt) => scrypt.again(password)?.ct_eq(&scrypt.hash).into(),
            Self::Pbkdf2(pbkdf2) => pbkdf2.again(password).ct_eq(&pbkdf2.hash).into(),
            Self::Bcrypt(bcrypt) => {
                let used = password.len().min(BCRYPT_MAX_PASSWORD);
                let password = if truncate {
                    &password[..used]
                } else {
                    password
                };
                bcrypt::check_password(password)?;
                bcrypt.again(password).hash.ct_eq(&bcrypt.hash).into()
            }
        })
    }

    /// Whether this is of another algorithm than `wanted`, or weaker in one of its parameters.
    pub(super) fn is_weaker_than(&self, wanted: &HashParams) -> bool {
        match (self, wanted.algorithm) {
            (Self::Argon2(phc), Algorithm::Argon2id) => {
                phc.algorithm != argon2::Algorithm::Argon2id
                    || phc.version != Version::V0x13
                    || phc.cost.memory_kib < wanted.memory_kib
                    || phc.cost.iterations < wanted.iterations
                    || phc.hash.len() < wanted.output_len
            }
            (Self::Bcrypt(bcrypt), Algorithm::Bcrypt) => bcrypt.cost < wanted.cost,
            _ => true,
        }
    }
}

/// `raise`: the parameter that allows more.
fn within(what: &str, asked: u64, most: u64, raise: Option<&str>) -> Result<(), TaskError> {
    if asked <= most {
        return Ok(());
    }
    let problem = format!("{what} would be {asked}, and {most} is allowed");
    Err(too_high(&problem, raise))
}

#[track_caller]
fn too_high(problem: &str, raise: Option<&str>) -> TaskError {
    let raise = raise.map_or_else(String::new, |parameter| format!("raise {parameter} or "));
    TaskError::new(
        "password.cost_too_high",
        format!(
            "the hash asks for more than this worker computes: {problem}; if the hash is your own, {raise}hash the password anew at its next log-in"
        ),
    )
}

//! Argon2: what a hash costs, its PHC string, and the computation.
//!
//! Argon2's working memory is kept per thread up to [`KEPT_MEMORY_KIB`]: above
//! 32 MiB glibc would map fresh pages for each hash, and zeroing them made
//! OWASP's 46 MiB with one pass cost 52 ms instead of 22 ms. (What is kept is
//! Argon2's own blocks, never the password; freed memory would hold the same.)

use std::cell::RefCell;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{MAX_PARALLELISM, MAX_WORK_KIB, OUTPUT_LENS, SALT_LENS};
use crate::error::TaskError;

/// A thread keeps this much Argon2 memory between tasks at most, in KiB.
const KEPT_MEMORY_KIB: usize = 64 << 10;

/// What one Argon2 hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Argon2Cost {
    pub(super) memory_kib: u32,
    pub(super) iterations: u32,
    pub(super) parallelism: u32,
}

impl Argon2Cost {
    /// Says what is out of range, with the range.
    pub(super) fn check(self, max_memory_kib: u32) -> Result<(), String> {
        let Self {
            memory_kib,
            iterations,
            parallelism,
        } = self;
        if !(1..=MAX_PARALLELISM).contains(&parallelism) {
            return Err(format!(
                "parallelism {parallelism} is outside 1..={MAX_PARALLELISM}"
            ));
        }
        let min = 8 * parallelism;
        if memory_kib < min || memory_kib > max_memory_kib {
            return Err(format!(
                "memory of {memory_kib} KiB is outside {min}..={max_memory_kib} KiB (at least 8 KiB per lane)"
            ));
        }
        if iterations == 0 {
            return Err("0 iterations, and at least 1 is needed".to_owned());
        }
        let work = u64::from(memory_kib) * u64::from(iterations);
        if work > MAX_WORK_KIB {
            return Err(format!(
                "{iterations} iterations over {memory_kib} KiB make {work} KiB of work, and {MAX_WORK_KIB} is the most"
            ));
        }
        Ok(())
    }
}

/// A parsed `$argon2..$[v=..$]m=..,t=..,p=..$salt$hash`.
pub(super) struct Argon2Phc {
    pub(super) version: Version,
    pub(super) cost: Argon2Cost,
    pub(super) salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

impl Argon2Phc {
    /// The error says what was found, without the salt and the hash.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut fields = text.split('$').skip(2).peekable();
        let version = match fields.next_if(|field| field.starts_with("v=")) {
            None | Some("v=16") => Version::V0x10,
            Some("v=19") => Version::V0x13,
            Some(_) => return Err("an Argon2 string of a version other than 16 and 19".to_owned()),
        };
        let cost = Self::parse_cost(fields.next().unwrap_or_default())?;
        let (Some(salt), Some(hash), None) = (fields.next(), fields.next(), fields.next()) else {
            return Err(format!(
                "an Argon2 string with {} of its `$` fields; it is cut off or has text added",
                text.split('$').count() - 1
            ));
        };
        Ok(Self {
            version,
            cost,
            salt: phc_bytes(salt, "salt", &SALT_LENS)?,
            hash: phc_bytes(hash, "hash", &(4..=*OUTPUT_LENS.end()))?,
        })
    }

    fn parse_cost(field: &str) -> Result<Argon2Cost, String> {
        let mut cost = Argon2Cost {
            memory_kib: 0,
            iterations: 0,
            parallelism: 0,
        };
        let mut seen = String::new();
        for pair in field.split(',') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let slot = match name {
                "m" => &mut cost.memory_kib,
                "t" => &mut cost.iterations,
                "p" => &mut cost.parallelism,
                "keyid" | "data" => {
                    return Err(
                        "an Argon2 string with `keyid` or `data`, which needs a secret that this handler does not have"
                            .to_owned(),
                    );
                }
                _ => {
                    return Err("an Argon2 string with parameters other than m, t and p".to_owned());
                }
            };
            let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            *slot =
                value.parse().ok().filter(|_| digits).ok_or_else(|| {
                    format!("an Argon2 string whose `{name}` is not a 32-bit number")
                })?;
            seen.push_str(name);
        }
        if seen.len() == 3 && ["m", "t", "p"].iter().all(|name| seen.contains(name)) {
            Ok(cost)
        } else {
            Err("an Argon2 string without each of m, t and p once".to_owned())
        }
    }
}

fn phc_bytes(
    text: &str,
    what: &str,
    lens: &std::ops::RangeInclusive<usize>,
) -> Result<Vec<u8>, String> {
    let bytes = STANDARD_NO_PAD
        .decode(text)
        .map_err(|_| format!("an Argon2 string whose {what} is not unpadded Base64"))?;
    if lens.contains(&bytes.len()) {
        Ok(bytes)
    } else {
        Err(format!(
            "an Argon2 string whose {what} has {} bytes, outside {}..={}",
            bytes.len(),
            lens.start(),
            lens.end()
        ))
    }
}

thread_local! {
    static BLOCKS: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// Computes into `output`; every argument has been checked.
pub(super) fn argon2_into(
    algorithm: Algorithm,
    version: Version,
    cost: Argon2Cost,
    password: &[u8],
    salt: &[u8],
    output: &mut [u8],
) -> Result<(), TaskError> {
    let failed = |problem: &dyn std::fmt::Display| {
        TaskError::new("password.failed", format!("Argon2 failed: {problem}"))
    };
    let params = Params::new(
        cost.memory_kib,
        cost.iterations,
        cost.parallelism,
        Some(output.len()),
    )
    .map_err(|error| failed(&error))?;
    let count = params.block_count();
    BLOCKS.with_borrow_mut(|blocks| {
        if blocks.len() < count {
            // Not grown in place: there is nothing in it worth copying.
            *blocks = Vec::new();
            blocks.try_reserve_exact(count).map_err(|_| {
                failed(&format_args!(
                    "no memory for {} KiB; lower memory_kib or give the worker more",
                    cost.memory_kib
                ))
            })?;
            blocks.resize(count, Block::new());
        }
        let result = Argon2::new(algorithm, version, params)
            .hash_password_into_with_memory(password, salt, output, &mut blocks[..count])
            .map_err(|error| failed(&error));
        if blocks.len() > KEPT_MEMORY_KIB {
            *blocks = Vec::new();
        }
        result
    })
}

//! Argon2: what a hash costs, its PHC string, and the computation; and the parts of a PHC string.
//!
//! Argon2's working memory is kept per thread up to [`KEPT_MEMORY_KIB`]: above
//! 32 MiB glibc would map fresh pages for each hash, and zeroing them made
//! OWASP's 46 MiB with one pass cost 52 ms instead of 22 ms. (What is kept is
//! Argon2's own blocks, never the password; freed memory would hold the same.)

use ringwork_ring::format::counted;
use std::cell::RefCell;

use argon2::{Algorithm, Argon2, AssociatedData, Block, ParamsBuilder, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{MAX_MEMORY_KIB, MAX_PARALLELISM, MAX_WORK_KIB, OUTPUT_LENS, SALT_LENS};
use ringwork_worker::TaskError;

/// A thread keeps this much Argon2 memory between tasks at most, in KiB.
const KEPT_MEMORY_KIB: usize = 64 << 10;
/// The most lanes that the algorithm has.
const MAX_LANES: u32 = (1 << 24) - 1;

/// What one Argon2 hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Argon2Cost {
    pub(super) memory_kib: u32,
    pub(super) iterations: u32,
    pub(super) parallelism: u32,
}

impl Argon2Cost {
    /// Says what is out of range for a new hash, with the range.
    pub(super) fn check(self) -> Result<(), String> {
        let parallelism = self.parallelism;
        if !(1..=MAX_PARALLELISM).contains(&parallelism) {
            return Err(format!(
                "parallelism {parallelism} is outside 1..={MAX_PARALLELISM}"
            ));
        }
        let (min, memory_kib) = (8 * parallelism, self.memory_kib);
        if memory_kib < min || memory_kib > MAX_MEMORY_KIB {
            return Err(format!(
                "memory of {memory_kib} KiB is outside {min}..={MAX_MEMORY_KIB} KiB (at least 8 KiB per lane)"
            ));
        }
        if self.iterations == 0 {
            return Err("0 iterations, and at least 1 is needed".to_owned());
        }
        self.check_work()
    }

    /// What no hash has: a parameter that the algorithm itself does not know (RFC 9106, 3.1).
    fn check_format(self, kind: &str) -> Result<(), String> {
        let Self {
            memory_kib,
            iterations,
            parallelism,
        } = self;
        if !(1..=MAX_LANES).contains(&parallelism) {
            return Err(format!(
                "{kind} whose p is {parallelism}, outside 1..={MAX_LANES}"
            ));
        }
        if iterations == 0 {
            return Err(format!("{kind} whose t is 0, and 1 is the least"));
        }
        if memory_kib < 8 * parallelism {
            return Err(format!(
                "{kind} whose m is {memory_kib}, and {} is the least for p={parallelism}",
                8 * parallelism
            ));
        }
        Ok(())
    }

    /// Says which bound is exceeded: [`MAX_WORK_KIB`].
    pub(super) fn check_work(self) -> Result<(), String> {
        let Self {
            memory_kib,
            iterations,
            ..
        } = self;
        let work = u64::from(memory_kib) * u64::from(iterations);
        if work > MAX_WORK_KIB {
            return Err(format!(
                "{iterations} iterations over {memory_kib} KiB make {work} KiB of work, and {MAX_WORK_KIB} is the most"
            ));
        }
        Ok(())
    }
}

/// A parsed `$argon2..$[v=..$]m=..,t=..,p=..[,data=..]$salt$hash`.
pub(super) struct Argon2Phc {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) cost: Argon2Cost,
    data: AssociatedData,
    salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

impl Argon2Phc {
    /// The error says what was found, without the salt and the hash.
    pub(super) fn parse(algorithm: Algorithm, text: &str) -> Result<Self, String> {
        const KIND: &str = "an Argon2 string";
        let mut fields = text.split('$').skip(2).peekable();
        let version = match fields.next_if(|field| field.starts_with("v=")) {
            None | Some("v=16") => Version::V0x10,
            Some("v=19") => Version::V0x13,
            Some(_) => return Err(format!("{KIND} of a version other than 16 and 19")),
        };
        let [m, t, p, keyid, data] = named(
            KIND,
            fields.next().unwrap_or_default(),
            ["m", "t", "p", "keyid", "data"],
        )?;
        if keyid.is_some() {
            return Err(format!(
                "{KIND} with `keyid`, which needs a secret that this handler does not have"
            ));
        }
        let (Some(m), Some(t), Some(p)) = (m, t, p) else {
            return Err(format!("{KIND} without each of m, t and p once"));
        };
        let data = match data {
            None => AssociatedData::EMPTY,
            Some(text) => {
                let bytes = base64(KIND, text, "data", &(0..=AssociatedData::MAX_LEN))?;
                AssociatedData::new(&bytes).map_err(|_| format!("{KIND} with too much `data`"))?
            }
        };
        let [salt, hash] = last_two(KIND, text, fields)?;
        let cost = Argon2Cost {
            memory_kib: number(KIND, "m", m)?,
            iterations: number(KIND, "t", t)?,
            parallelism: number(KIND, "p", p)?,
        };
        cost.check_format(KIND)?;
        Ok(Self {
            algorithm,
            version,
            cost,
            data,
            salt: base64(KIND, salt, "salt", &SALT_LENS)?,
            hash: base64(KIND, hash, "hash", &(4..=*OUTPUT_LENS.end()))?,
        })
    }

    /// The hash of `password` with this cost and salt; the cost has been checked.
    pub(super) fn again(&self, password: &[u8]) -> Result<Vec<u8>, TaskError> {
        let mut output = vec![0; self.hash.len()];
        let input = Argon2Input {
            algorithm: self.algorithm,
            version: self.version,
            cost: self.cost,
            data: self.data,
            salt: &self.salt,
        };
        argon2_into(&input, password, &mut output)?;
        Ok(output)
    }
}

/// The values of `name=value,name=value` by name, each at most once.
pub(super) fn named<'a, const N: usize>(
    kind: &str,
    field: &'a str,
    names: [&str; N],
) -> Result<[Option<&'a str>; N], String> {
    let mut values = [None; N];
    for pair in field.split(',') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !pair.contains('=') && names.contains(&name) {
            return Err(format!("{kind} with `{name}` and no value"));
        }
        let slot = names
            .iter()
            .position(|known| *known == name)
            .map(|at| &mut values[at])
            .ok_or_else(|| format!("{kind} with parameters other than {}", names.join(", ")))?;
        if slot.replace(value).is_some() {
            return Err(format!("{kind} with `{name}` twice"));
        }
    }
    Ok(values)
}

/// The two fields that a string ends with: salt and hash.
pub(super) fn last_two<'a>(
    kind: &str,
    text: &str,
    mut fields: impl Iterator<Item = &'a str>,
) -> Result<[&'a str; 2], String> {
    let (Some(salt), Some(hash), None) = (fields.next(), fields.next(), fields.next()) else {
        return Err(format!(
            "{kind} with {} of its `$` fields; it is cut off or has text added",
            text.split('$').count() - 1
        ));
    };
    Ok([salt, hash])
}

pub(super) fn number(kind: &str, name: &str, value: &str) -> Result<u32, String> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    if digits && value.len() > 1 && value.starts_with('0') {
        return Err(format!("{kind} whose `{name}` has a zero in front"));
    }
    value
        .parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| format!("{kind} whose `{name}` is not a 32-bit number"))
}

/// A salt or a hash in Base64 without padding.
pub(super) fn base64(
    kind: &str,
    text: &str,
    what: &str,
    lens: &std::ops::RangeInclusive<usize>,
) -> Result<Vec<u8>, String> {
    let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| {
        let found = if text.ends_with('=') {
            "padded with `=`; strip it, it"
        } else if text.contains(['-', '_']) {
            "in the URL-safe alphabet; write + for - and / for _, it"
        } else {
            "cut off or has other characters; it"
        };
        format!("{kind} whose {what} is {found} has to be unpadded Base64")
    })?;
    if lens.contains(&bytes.len()) {
        Ok(bytes)
    } else {
        Err(format!(
            "{kind} whose {what} has {}, outside {}..={}",
            counted(bytes.len(), "byte"),
            lens.start(),
            lens.end()
        ))
    }
}

thread_local! {
    static BLOCKS: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// What goes into a hash besides the password.
pub(super) struct Argon2Input<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) cost: Argon2Cost,
    pub(super) data: AssociatedData,
    pub(super) salt: &'a [u8],
}

/// Computes into `output`; every argument has been checked.
pub(super) fn argon2_into(
    input: &Argon2Input<'_>,
    password: &[u8],
    output: &mut [u8],
) -> Result<(), TaskError> {
    let cost = input.cost;
    let failed = |problem: &dyn std::fmt::Display| {
        TaskError::new("password.failed", format!("Argon2 failed: {problem}"))
    };
    let params = ParamsBuilder::new()
        .m_cost(cost.memory_kib)
        .t_cost(cost.iterations)
        .p_cost(cost.parallelism)
        .data(input.data)
        .output_len(output.len())
        .build()
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
        let result = Argon2::new(input.algorithm, input.version, params)
            .hash_password_into_with_memory(password, input.salt, output, &mut blocks[..count])
            .map_err(|error| failed(&error));
        if blocks.len() > KEPT_MEMORY_KIB {
            *blocks = Vec::new();
        }
        result
    })
}

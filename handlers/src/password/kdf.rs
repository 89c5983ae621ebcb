//! scrypt and PBKDF2: their strings, what they cost, and the computation. They are verified
//! only: new hashes are Argon2's or bcrypt's.

use ringwork_ring::format::counted;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use hmac::Hmac;

use super::MAX_SCRYPT_WORK_KIB;
use super::phc::{base64, last_two, named, number};
use ringwork_worker::TaskError;

/// passlib's salts have up to 1,024 bytes.
const SALT_LENS: RangeInclusive<usize> = 0..=1024;
const HASH_LENS: RangeInclusive<usize> = 10..=128;

/// A parsed `$scrypt$ln=..,r=..,p=..$salt$hash`.
pub(super) struct Scrypt {
    log_n: u32,
    r: u32,
    p: u32,
    salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

impl Scrypt {
    /// The error says what was found, without the salt and the hash.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        const KIND: &str = "a scrypt string";
        let mut fields = text.split('$').skip(2);
        let [ln, r, p] = named(KIND, fields.next().unwrap_or_default(), ["ln", "r", "p"])?;
        let (Some(ln), Some(r), Some(p)) = (ln, r, p) else {
            return Err(format!("{KIND} without each of ln, r and p once"));
        };
        let [salt, hash] = last_two(KIND, text, fields)?;
        let parsed = Self {
            log_n: number(KIND, "ln", ln)?,
            r: number(KIND, "r", r)?,
            p: number(KIND, "p", p)?,
            salt: base64(KIND, salt, "salt", &SALT_LENS)?,
            hash: base64(KIND, hash, "hash", &HASH_LENS)?,
        };
        if parsed.log_n == 0 || parsed.r == 0 || parsed.p == 0 {
            return Err(format!("{KIND} whose ln, r or p is 0"));
        }
        // RFC 7914, section 6.
        let (r, p) = (u64::from(parsed.r), u64::from(parsed.p));
        if u64::from(parsed.log_n) >= 16 * r || parsed.log_n > 63 {
            return Err(format!(
                "{KIND} whose ln is {}, where {} is the most for r={r}",
                parsed.log_n,
                (16 * r - 1).min(63)
            ));
        }
        if r * p >= 1 << 30 {
            return Err(format!(
                "{KIND} whose r times p is {}, where 1073741823 is the most",
                r * p
            ));
        }
        Ok(parsed)
    }

    /// N, which is 2^40 at most here: from there on, it alone is beyond every limit.
    fn n(&self) -> u128 {
        1 << self.log_n.min(40)
    }

    /// The memory that it takes: N blocks of 128 r bytes, p of them that are mixed, and one to mix
    /// with.
    pub(super) fn memory_kib(&self) -> u64 {
        let (r, p) = (u128::from(self.r), u128::from(self.p));
        u64::try_from((128 * r * (self.n() + p + 1)).div_ceil(1024)).unwrap_or(u64::MAX)
    }

    /// Says which bound is exceeded: [`MAX_SCRYPT_WORK_KIB`].
    pub(super) fn check_work(&self) -> Result<(), String> {
        let (r, p) = (u128::from(self.r), u128::from(self.p));
        let work_kib = (128 * r * self.n() * p).div_ceil(1024);
        if work_kib > u128::from(MAX_SCRYPT_WORK_KIB) {
            return Err(format!(
                "scrypt with ln={}, r={}, p={} makes {work_kib} KiB of work (memory times p), and {MAX_SCRYPT_WORK_KIB} is the most",
                self.log_n, self.r, self.p
            ));
        }
        Ok(())
    }

    /// The hash of `password` with this cost and salt; the cost has been checked.
    pub(super) fn again(&self, password: &[u8]) -> Result<Vec<u8>, TaskError> {
        let failed =
            |problem: &str| TaskError::new("password.failed", format!("scrypt failed: {problem}"));
        let params = u8::try_from(self.log_n)
            .ok()
            .and_then(|log_n| scrypt::Params::new(log_n, self.r, self.p).ok())
            .ok_or_else(|| failed("parameters that the algorithm does not have"))?;
        // The library would end the process when there is no memory.
        let memory = (128 * self.r as usize) << self.log_n;
        if Vec::<u8>::new().try_reserve_exact(memory).is_err() {
            return Err(failed(&format!(
                "no memory for {} KiB; give the worker more, or lower max_memory_kib",
                memory / 1024
            )));
        }
        let mut output = vec![0; self.hash.len()];
        scrypt::scrypt(password, &self.salt, &params, &mut output)
            .map_err(|_| failed("a length that the algorithm does not have"))?;
        Ok(output)
    }
}

/// The hash function of a [`Pbkdf2`].
#[derive(Clone, Copy)]
pub(super) enum Sha {
    Sha256,
    Sha512,
}

/// A parsed `$pbkdf2-sha256$i=..[,l=..]$salt$hash`, or passlib's `$pbkdf2-sha256$..$salt$hash`.
pub(super) struct Pbkdf2 {
    sha: Sha,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

impl Pbkdf2 {
    /// The error says what was found, without the salt and the hash.
    pub(super) fn parse(sha: Sha, text: &str) -> Result<Self, String> {
        const KIND: &str = "a PBKDF2 string";
        let mut fields = text.split('$').skip(2);
        let cost = fields.next().unwrap_or_default();
        let [salt, hash] = last_two(KIND, text, fields)?;
        // passlib writes the iterations as they are, and `.` for the `+` of Base64.
        let passlibs = !cost.is_empty() && cost.bytes().all(|b| b.is_ascii_digit());
        let (iterations, length, salt, hash) = if passlibs {
            (cost, None, salt.replace('.', "+"), hash.replace('.', "+"))
        } else {
            let [i, l] = named(KIND, cost, ["i", "l"])?;
            let i = i.ok_or_else(|| format!("{KIND} without its iterations, `i`"))?;
            (i, l, salt.to_owned(), hash.to_owned())
        };
        let hash = base64(KIND, &hash, "hash", &HASH_LENS)?;
        if let Some(length) = length
            && number(KIND, "l", length)? as usize != hash.len()
        {
            return Err(format!(
                "{KIND} whose hash has {} and not the `l` that it says; it is cut off",
                counted(hash.len(), "byte")
            ));
        }
        Ok(Self {
            sha,
            iterations: NonZeroU32::new(number(KIND, "i", iterations)?)
                .ok_or_else(|| format!("{KIND} with 0 iterations"))?,
            salt: base64(KIND, &salt, "salt", &SALT_LENS)?,
            hash,
        })
    }

    /// The iterations over all blocks of the output.
    pub(super) fn work(&self) -> u64 {
        let block = match self.sha {
            Sha::Sha256 => 32,
            Sha::Sha512 => 64,
        };
        u64::from(self.iterations.get()) * self.hash.len().div_ceil(block) as u64
    }

    /// The hash of `password` with this cost and salt; the cost has been checked.
    pub(super) fn again(&self, password: &[u8]) -> Vec<u8> {
        let mut output = vec![0; self.hash.len()];
        let iterations = self.iterations.get();
        let done = match self.sha {
            Sha::Sha256 => {
                pbkdf2::pbkdf2::<Hmac<sha2::Sha256>>(password, &self.salt, iterations, &mut output)
            }
            Sha::Sha512 => {
                pbkdf2::pbkdf2::<Hmac<sha2::Sha512>>(password, &self.salt, iterations, &mut output)
            }
        };
        done.unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        output
    }
}

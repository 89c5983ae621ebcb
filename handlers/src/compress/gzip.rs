//! gzip (RFC 1952): members around deflate.

use ringwork_ring::format::counted;
use std::cell::RefCell;

use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};

use super::refusal::{Limit, corrupt, no_memory, trailing};
use ringwork_worker::TaskError;

/// What each member begins with.
pub(super) const MAGIC: &[u8] = &[0x1f, 0x8b];
/// Magic, deflate, no flags, no time, no hint about the level, an unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// The checksum and the length of the content, both as little-endian u32.
const TRAILER: usize = 8;
/// Deflate's best ratio: 258 bytes for two bits.
const MAX_RATIO: usize = 1032;
const SMALLEST_ROOM: usize = 16 << 10;

thread_local! {
    /// Kept per thread: 40 KiB, and making one costs more than a small body.
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// `body` as one member; the level is one of 0..=9.
pub(super) fn compress(level: u32, body: &[u8]) -> Result<Vec<u8>, TaskError> {
    let failed = |problem: &dyn std::fmt::Display| {
        TaskError::new(
            "compress.failed",
            format!(
                "gzip could not compress {} at level {level}: {problem}; give the worker more memory",
                counted(body.len(), "byte")
            ),
        )
    };
    let mut deflate = Compress::new(Compression::new(level), false);
    let mut out = Vec::new();
    // What does not shrink grows by a few bytes in each 16 KiB.
    out.try_reserve_exact(HEADER.len() + body.len() + body.len() / 1024 + 64)
        .map_err(|error| failed(&error))?;
    out.extend(HEADER);
    loop {
        // All of the input goes in at once, and `total_in` is what has been taken.
        let rest = usize::try_from(deflate.total_in())
            .ok()
            .and_then(|taken| body.get(taken..))
            .unwrap_or_default();
        match deflate.compress_vec(rest, &mut out, FlushCompress::Finish) {
            Ok(Status::StreamEnd) => break,
            Ok(Status::Ok | Status::BufError) => {
                let more = out.capacity() / 8 + TRAILER;
                out.try_reserve(more).map_err(|error| failed(&error))?;
            }
            Err(error) => return Err(failed(&error)),
        }
    }
    let mut crc = Crc::new();
    crc.update(body);
    out.extend(crc.sum().to_le_bytes());
    out.extend(crc.amount().to_le_bytes());
    out.shrink_to_fit();
    Ok(out)
}

/// What the members in `body` hold; it begins with [`MAGIC`].
pub(super) fn decompress(limit: Limit, body: &[u8]) -> Result<Vec<u8>, TaskError> {
    let mut out = Vec::new();
    // The last four bytes are the content's length, if there is one member; a lie costs nothing.
    let told = body
        .last_chunk()
        .map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
    grow(
        &mut out,
        told.min(body.len().saturating_mul(MAX_RATIO)),
        limit,
    )?;
    let mut at = 0;
    let mut member = 0;
    INFLATE.with_borrow_mut(|inflate| {
        loop {
            member += 1;
            let place = Place { member, at };
            at += place.header(&body[at..])?;
            at += place.content(inflate, &body[at..], &mut out, limit)?;
            let rest = &body[at..];
            if rest.iter().all(|byte| *byte == 0) {
                break Ok(());
            }
            if !MAGIC.starts_with(&rest[..rest.len().min(MAGIC.len())]) {
                break Err(corrupt(&trailing(body, at, "gzip member")));
            }
        }
    })?;
    out.shrink_to_fit();
    Ok(out)
}

/// Makes room for `more` bytes, up to one beyond the limit, by which an excess is seen.
fn grow(out: &mut Vec<u8>, more: usize, limit: Limit) -> Result<(), TaskError> {
    let most = usize::try_from(limit.bytes)
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    let more = more.max(SMALLEST_ROOM).min(most - out.len());
    out.try_reserve_exact(more)
        .map_err(|_| no_memory(out.len().saturating_add(more)))
}

/// Which member, and where it begins: for messages.
#[derive(Clone, Copy)]
struct Place {
    member: usize,
    at: usize,
}

impl Place {
    #[track_caller]
    fn bad(self, problem: &str) -> TaskError {
        let Self { member, at } = self;
        corrupt(&format!(
            "gzip member {member}, from byte {at} on, {problem}"
        ))
    }

    #[track_caller]
    fn cut(self) -> TaskError {
        self.bad("is cut off")
    }

    /// The length of the header at the start of `bytes`.
    fn header(self, bytes: &[u8]) -> Result<usize, TaskError> {
        const CHECKED: u8 = 2;
        const EXTRA: u8 = 4;
        const NAME: u8 = 8;
        const COMMENT: u8 = 16;
        let (fixed, _) = bytes
            .split_first_chunk::<{ HEADER.len() }>()
            .ok_or_else(|| self.cut())?;
        let flags = fixed[3];
        if fixed[2] != HEADER[2] {
            return Err(self.bad("uses another method than deflate"));
        }
        if flags & 0xe0 != 0 {
            return Err(self.bad("has flags that gzip reserves: it is damaged"));
        }
        let mut len = fixed.len();
        if flags & EXTRA != 0 {
            let field = bytes[len..].first_chunk().ok_or_else(|| self.cut())?;
            len += field.len() + usize::from(u16::from_le_bytes(*field));
        }
        for flag in [NAME, COMMENT] {
            if flags & flag != 0 {
                let text = bytes.get(len..).ok_or_else(|| self.cut())?;
                let end = text.iter().position(|byte| *byte == 0);
                len += end.ok_or_else(|| self.cut())? + 1;
            }
        }
        let header = bytes.get(..len).ok_or_else(|| self.cut())?;
        if flags & CHECKED != 0 {
            let mut crc = Crc::new();
            crc.update(header);
            let told = bytes[len..].first_chunk().ok_or_else(|| self.cut())?;
            if crc.sum() as u16 != u16::from_le_bytes(*told) {
                return Err(self.bad("has a damaged header: its checksum is another"));
            }
            len += told.len();
        }
        Ok(len)
    }

    /// Appends the content to `out`; the length of the deflate stream and of the trailer.
    fn content(
        self,
        inflate: &mut Decompress,
        bytes: &[u8],
        out: &mut Vec<u8>,
        limit: Limit,
    ) -> Result<usize, TaskError> {
        inflate.reset(false);
        let start = out.len();
        let len = loop {
            let taken = usize::try_from(inflate.total_in()).unwrap_or(usize::MAX);
            let rest = bytes.get(taken..).unwrap_or_default();
            let before = (inflate.total_in(), inflate.total_out());
            let status = inflate
                .decompress_vec(rest, out, FlushDecompress::None)
                .map_err(|_| self.bad("is damaged: its deflate stream is wrong"))?;
            if out.len() as u64 > limit.bytes {
                return Err(limit.exceeded(announced(bytes, limit)));
            }
            if status == Status::StreamEnd {
                break usize::try_from(inflate.total_in()).unwrap_or(usize::MAX);
            }
            if out.len() == out.capacity() {
                grow(out, out.len(), limit)?;
            } else if before == (inflate.total_in(), inflate.total_out()) {
                return Err(self.cut());
            }
        };
        let trailer = bytes
            .get(len..)
            .and_then(<[u8]>::first_chunk::<TRAILER>)
            .ok_or_else(|| self.cut())?;
        let mut crc = Crc::new();
        crc.update(&out[start..]);
        let mut found = [0; TRAILER];
        found[..4].copy_from_slice(&crc.sum().to_le_bytes());
        found[4..].copy_from_slice(&crc.amount().to_le_bytes());
        if found != *trailer {
            return Err(self.bad("is damaged: the checksum of its content is another"));
        }
        Ok(len + TRAILER)
    }
}

/// What the last bytes say of the output's size, if that can be: RFC 1952 ends a member with its
/// size modulo 2^32, so a body of one member of less than 4 GiB tells it.
fn announced(bytes: &[u8], limit: Limit) -> Option<u64> {
    let end = bytes.last_chunk::<4>()?;
    Some(u64::from(u32::from_le_bytes(*end))).filter(|size| *size > limit.bytes)
}

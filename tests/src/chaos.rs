//! What the processes of `make chaos` share: payloads that prove themselves, and records.
//!
//! The driver, the Rust client and the worker use it; `ChaosPayload.java` and `ChaosJournal.java` are
//! its counterparts. Invariants: a payload follows from its task's id alone, so a result that
//! belongs to another task, or is damaged, is noticed by its reader; a record is appended by one
//! write, so it stands in its file whole or not at all, however its writer dies.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Bytes of a request before its body.
pub const HEADER: usize = 16;
/// Bytes of a record.
pub const RECORD: usize = 16;
/// The handler that does what a request orders and writes down that it was started.
pub const WORK: &str = "chaos.work";
/// The async handler that does the same, and waits where that one sleeps.
pub const WAIT: &str = "chaos.wait";
/// The handler for requests too short to carry an order: answers the request.
pub const ECHO: &str = "chaos.echo";
/// Code of the failure that a request can order.
pub const ASKED: &str = "chaos.asked";
/// Code of the failure when a request did not arrive as it was sent.
pub const DAMAGED: &str = "chaos.damaged";
/// Environment variable: the file to which workers append their records.
pub const STARTS_VARIABLE: &str = "RINGWORK_CHAOS_STARTS";

/// Word `index` of the stream `seed` (splitmix64).
fn word(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// Fills `out` with the stream `seed`, beginning with its word `from`.
pub fn fill(seed: u64, from: u64, out: &mut [u8]) {
    for (index, chunk) in (from..).zip(out.chunks_mut(8)) {
        chunk.copy_from_slice(&word(seed, index).to_le_bytes()[..chunk.len()]);
    }
}

/// Whether `bytes` are the beginning of the stream `seed`.
#[must_use]
pub fn matches(seed: u64, bytes: &[u8]) -> bool {
    (0..)
        .zip(bytes.chunks(8))
        .all(|(index, chunk)| *chunk == word(seed, index).to_le_bytes()[..chunk.len()])
}

/// The stream of the request's body, and that of the result.
#[must_use]
pub fn seeds(id: u64) -> (u64, u64) {
    (word(id, 1), word(id, 2))
}

/// Byte of a task's id that says of which key it is; 0: of none.
const KEY_SHIFT: u32 = 32;
/// The connections of a client whose keys differ: more than have tasks in a pool at a time.
const CONNECTIONS: u64 = 32;
/// Bit of the byte: the key is one that all clients share.
const SHARED: u8 = 0x80;
/// How many keys all clients share; which one it is the number of the task says.
const SHARED_KEYS: u64 = 4;

/// Which key a task has: that of the thread that submits it, or one that others have, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOf {
    /// None.
    Nobody,
    /// The thread's own, new with each connection: its tasks alone have it.
    Thread,
    /// One of a few that all clients have.
    All,
}

/// The id of a task: `client << 40 | which key << 32 | number`.
#[must_use]
pub fn id(client: u64, number: u64, key: KeyOf, connection: u64, thread: u64) -> u64 {
    let own = (thread * CONNECTIONS + connection % CONNECTIONS + 1) as u8;
    let byte = match key {
        KeyOf::Nobody => 0,
        KeyOf::Thread => own,
        KeyOf::All => own | SHARED,
    };
    client << 40 | u64::from(byte) << KEY_SHIFT | number & 0xffff_ffff
}

/// What the id of a task says of its key: tasks of one key never run at a time, and those of one
/// queue, which has one key, start in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Keyed {
    /// The key.
    pub key: u64,
    /// The tasks of one thread, connection and key.
    pub queue: u64,
}

/// The key of a task; `None` if it has none.
#[must_use]
pub fn key(id: u64) -> Option<Keyed> {
    let (client, byte) = (id >> 40, (id >> KEY_SHIFT) as u8);
    if byte == 0 {
        return None;
    }
    let shared = id & (SHARED_KEYS - 1);
    let own = client << 16 | u64::from(byte) << 8;
    Some(if byte & SHARED == 0 {
        Keyed {
            key: own,
            queue: own,
        }
    } else {
        Keyed {
            key: 1 << 63 | shared,
            queue: own | shared,
        }
    })
}

/// What the handler is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Answer.
    Answer,
    /// Fail with the code [`ASKED`].
    Fail,
    /// Panic.
    Panic,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The task: [`id`].
    pub id: u64,
    /// Length of the result in bytes.
    pub result: u32,
    /// How long the handler takes at least, in microseconds (less than 2^24).
    pub micros: u32,
    /// How it ends.
    pub mode: Mode,
}

impl Order {
    /// Writes the request: `id u64, result u32, mode << 24 | micros u32`, then the body.
    ///
    /// # Panics
    /// When `out` is shorter than [`HEADER`].
    pub fn write(&self, out: &mut [u8]) {
        out[..8].copy_from_slice(&self.id.to_le_bytes());
        out[8..12].copy_from_slice(&self.result.to_le_bytes());
        let mode = (self.mode as u32) << 24 | self.micros;
        out[12..16].copy_from_slice(&mode.to_le_bytes());
        fill(seeds(self.id).0, 0, &mut out[HEADER..]);
    }

    /// Reads a request; `None` when a byte of it is not as it was written.
    #[must_use]
    pub fn read(request: &[u8]) -> Option<Self> {
        let (header, body) = request.split_at_checked(HEADER)?;
        let id = u64::from_le_bytes(header[..8].try_into().ok()?);
        let mode = u32::from_le_bytes(header[12..].try_into().ok()?);
        let order = Self {
            id,
            result: u32::from_le_bytes(header[8..12].try_into().ok()?),
            micros: mode & 0xff_ffff,
            mode: match mode >> 24 {
                0 => Mode::Answer,
                1 => Mode::Fail,
                2 => Mode::Panic,
                _ => return None,
            },
        };
        matches(seeds(id).0, body).then_some(order)
    }
}

/// How a future ended, as its client saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum End {
    /// With the right result.
    Completed,
    /// As the request asked for.
    Failed,
    /// Its worker died.
    Crashed,
    /// At its deadline.
    TimedOut,
    /// Cancelled by its client.
    Cancelled,
    /// Not taken, or no room for its result.
    Rejected,
    /// The pool or the connection ended first.
    Closed,
    /// Its client let go of it on purpose.
    Abandoned,
    /// In an impossible way: a wrong result, an unknown error.
    Wrong,
}

impl End {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Completed,
        Self::Failed,
        Self::Crashed,
        Self::TimedOut,
        Self::Cancelled,
        Self::Rejected,
        Self::Closed,
        Self::Abandoned,
        Self::Wrong,
    ];
}

/// What is written down of a task, in 16 bytes: `id u64, kind u8, what u8, flag u8, 0, micros u32`.
/// Workers write the number of their pool where clients write a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// About to be submitted, for so many attempts; 0: to a handler that keeps no journal.
    Submit(u64, u8),
    /// Ended; whether it may have run; microseconds since the submit.
    Ended(u64, End, bool, u32),
    /// A handler was started, for this attempt, in a worker of this pool.
    Start(u64, u8, u32),
    /// That handler is over: it has returned, panicked, or its future was dropped. A handler whose
    /// worker has died leaves none.
    Finish(u64, u8, u32),
}

impl Record {
    fn to_bytes(self) -> [u8; RECORD] {
        let (id, kind, what, flag, micros) = match self {
            Self::Submit(id, attempts) => (id, 1, attempts, 0, 0),
            Self::Ended(id, end, may_have_run, micros) => {
                (id, 2, end as u8, u8::from(may_have_run), micros)
            }
            Self::Start(id, attempt, pool) => (id, 3, attempt, 0, pool),
            Self::Finish(id, attempt, pool) => (id, 4, attempt, 0, pool),
        };
        let mut bytes = [0; RECORD];
        bytes[..8].copy_from_slice(&id.to_le_bytes());
        bytes[8..11].copy_from_slice(&[kind, what, flag]);
        bytes[12..].copy_from_slice(&micros.to_le_bytes());
        bytes
    }

    /// Reads one; `None` when it is none.
    #[must_use]
    pub fn read(bytes: &[u8; RECORD]) -> Option<Self> {
        let id = u64::from_le_bytes(bytes[..8].try_into().ok()?);
        let micros = u32::from_le_bytes(bytes[12..].try_into().ok()?);
        Some(match (bytes[8], bytes[9]) {
            (1, attempts) => Self::Submit(id, attempts),
            (2, end) => Self::Ended(id, *End::ALL.get(usize::from(end))?, bytes[10] != 0, micros),
            (3, attempt) => Self::Start(id, attempt, micros),
            (4, attempt) => Self::Finish(id, attempt, micros),
            _ => return None,
        })
    }
}

/// A file of records; what was appended survives its writer.
#[derive(Debug)]
pub struct Journal(File);

impl Journal {
    /// Opens it to append.
    ///
    /// # Errors
    /// The system's.
    pub fn append(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self(file))
    }

    /// Writes a record down.
    ///
    /// # Errors
    /// The system's; then nothing may be taken for written.
    pub fn note(&self, record: Record) -> io::Result<()> {
        match (&self.0).write(&record.to_bytes())? {
            RECORD => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_come_back_and_a_changed_byte_is_noticed() {
        let order = Order {
            id: 3 << 40 | 77,
            result: 5000,
            micros: 1234,
            mode: Mode::Fail,
        };
        for len in [16, 17, 64, 1000] {
            let mut request = vec![0; len];
            order.write(&mut request);
            assert_eq!(Order::read(&request), Some(order));
            request[len - 1] ^= 1;
            assert_ne!(Order::read(&request), Some(order), "{len}");
        }
        assert_eq!(Order::read(&[0; 15]), None);
    }

    #[test]
    fn streams_continue_where_they_were_left() {
        let mut whole = vec![0; 100];
        fill(7, 0, &mut whole);
        let mut parts = vec![0; 100];
        let (first, second) = parts.split_at_mut(48);
        fill(7, 0, first);
        fill(7, 6, second);
        assert_eq!(whole, parts);
        assert!(matches(7, &whole) && !matches(8, &whole));
        // The same in Java: ChaosPayload.
        assert_eq!(word(1, 2), 0xf893_a2ee_fb32_555e);
    }

    #[test]
    fn an_id_says_which_key_its_task_has() {
        assert_eq!(key(id(5, 9, KeyOf::Nobody, 3, 2)), None);
        let own = |number, connection, thread| id(5, number, KeyOf::Thread, connection, thread);
        assert_eq!(key(own(1, 3, 2)), key(own(9, 3, 2)));
        assert_ne!(key(own(1, 3, 2)), key(own(1, 4, 2)));
        assert_ne!(key(own(1, 3, 2)), key(own(1, 3, 1)));
        let shared = |client, number| key(id(client, number, KeyOf::All, 3, 2)).expect("a key");
        assert_eq!(shared(5, 1).key, shared(6, 5).key);
        assert_ne!(shared(5, 1).queue, shared(6, 5).queue);
        assert_ne!(shared(5, 1).key, shared(5, 2).key);
        assert_ne!(shared(5, 1).queue, shared(5, 2).queue);
        // The same in Java: ChaosPayload.
        assert_eq!(id(5, 9, KeyOf::Thread, 35, 2), 5 << 40 | 68 << 32 | 9);
        assert_eq!(id(5, 9, KeyOf::All, 0, 0), 5 << 40 | 0x81 << 32 | 9);
    }

    #[test]
    fn records_come_back() {
        for record in [
            Record::Submit(1 << 40, 3),
            Record::Ended(u64::MAX >> 8, End::Closed, true, u32::MAX),
            Record::Start(9, 2, 77),
            Record::Finish(9, 2, 77),
        ] {
            assert_eq!(Record::read(&record.to_bytes()), Some(record));
        }
        assert_eq!(Record::read(&[0; RECORD]), None);
        for (number, end) in (0_u8..).zip(End::ALL) {
            assert_eq!(end as u8, number);
        }
    }
}

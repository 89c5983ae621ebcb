//! What a handler can do to its process, and where: the cells of the crash matrix.
//!
//! The handlers `test.misbehave` and `test.twice` of the test worker do the misbehaviour that
//! their request names at the place that it names: while the request is decoded,
//! in the handler's body, while the result is encoded, or when it is dropped.
//! `tests/handler_matrix.rs` and Java's `HandlerMatrixTest` try all of them.

use ringwork_ring::format::states::Codec;
use ringwork_worker::{Answer, Builder, Cbor, IntoResult, RawTask, TaskContext, TaskError};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

/// The misbehaviour, by the names that requests use.
pub const MISBEHAVIOURS: [&str; 13] = [
    "panic",
    "panic_while_panicking",
    "null_dereference",
    "abort",
    "exit_0",
    "exit_3",
    "stack_overflow",
    "endless_loop",
    "endless_sleep",
    "memory",
    "threads",
    "close_all",
    "twice",
];

/// The places.
pub const PLACES: [&str; 4] = ["decode", "run", "encode", "drop"];

/// Adds the handlers.
#[must_use]
pub fn handlers(worker: Builder) -> Builder {
    worker
        .task(
            "test.misbehave",
            |_: &TaskContext<'_>, errand: Cbor<Errand>| {
                let Cbor(Errand {
                    misbehaviour,
                    place,
                }) = errand;
                do_at("run", &misbehaviour, &place);
                Ok::<_, TaskError>(Cbor(Report {
                    misbehaviour,
                    place,
                }))
            },
        )
        .task("test.twice_encoded", |_: &TaskContext<'_>, (): ()| {
            Ok::<_, TaskError>(Twice)
        })
        .raw_task("test.twice", Codec::Bytes, Codec::Bytes, twice)
        .task("test.bystander", bystander)
}

/// The request of `test.misbehave`, the CBOR text `MISBEHAVE PLACE`.
#[derive(Debug)]
pub struct Errand {
    misbehaviour: String,
    place: String,
}

impl<'de> Deserialize<'de> for Errand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (misbehaviour, place) = text
            .split_once(' ')
            .ok_or_else(|| D::Error::custom("not a misbehaviour and a place"))?;
        // What follows only makes the request longer.
        let place = place.split(' ').next().unwrap_or_default();
        do_at("decode", misbehaviour, place);
        Ok(Self {
            misbehaviour: misbehaviour.to_owned(),
            place: place.to_owned(),
        })
    }
}

/// The result of `test.misbehave`, written as the text `done`.
#[derive(Debug)]
pub struct Report {
    misbehaviour: String,
    place: String,
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        do_at("encode", &self.misbehaviour, &self.place);
        serializer.serialize_str("done")
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // In a panic on the way it was not meant.
        if !std::thread::panicking() {
            do_at("drop", &self.misbehaviour, &self.place);
        }
    }
}

fn do_at(here: &str, misbehaviour: &str, place: &str) {
    if here == place {
        do_it(misbehaviour, place);
    }
}

fn do_it(misbehaviour: &str, place: &str) {
    match misbehaviour {
        "panic" => panic!("a misbehaviour at {place}"),
        "panic_while_panicking" => {
            let _bomb = Bomb;
            panic!("the first panic at {place}");
        }
        "null_dereference" => dereference_null(),
        "abort" => std::process::abort(),
        "exit_0" => std::process::exit(0),
        "exit_3" => std::process::exit(3),
        "stack_overflow" => drop(black_box(descend(0))),
        "endless_loop" => loop {
            black_box(place);
        },
        "endless_sleep" => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        "memory" => hoard(),
        "threads" => fork_bomb(),
        "close_all" => close_all(),
        _ => panic!("no such misbehaviour: {misbehaviour}"),
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the second panic");
    }
}

/// A real null pointer, without an unsafe block: the kernel writes it over a reference.
fn dereference_null() {
    let value = black_box(5_u64);
    let reference: &u64 = black_box(&value);
    let place = (&raw const reference).addr();
    let null = [0; size_of::<&u64>()];
    let mut memory = OpenOptions::new()
        .write(true)
        .open("/proc/self/mem")
        .expect("this process's memory");
    memory
        .seek(SeekFrom::Start(place as u64))
        .and_then(|_| memory.write_all(&null))
        .expect("the reference is overwritten");
    // Rust's handler of SIGSEGV sees that it is no stack overflow, steps aside, and the fault comes
    // again.
    black_box(**black_box(&reference));
}

/// Recursion without end, with a frame that can't be optimised away.
#[allow(unconditional_recursion, reason = "it is to overflow the stack")]
pub fn descend(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    descend(black_box(depth + 1)).wrapping_add(black_box(&frame)[0])
}

/// Allocates without end; untouched, so that only the limit is tried and not the machine.
fn hoard() {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(black_box(Vec::with_capacity(16 << 20)));
    }
}

/// Starts threads without end, and goes on when there is no room for another.
fn fork_bomb() {
    loop {
        let sleeper = std::thread::Builder::new().stack_size(16 << 10);
        let started = sleeper.spawn(|| {
            loop {
                std::thread::park();
            }
        });
        if started.is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Closes every descriptor of the process, those of Ringwork included.
fn close_all() {
    let open: Vec<i32> = std::fs::read_dir("/proc/self/fd")
        .expect("the list of descriptors")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for descriptor in open {
        let _ = nix::unistd::close(descriptor);
    }
}

/// Writes its result twice while it is encoded: the last counts.
struct Twice;

impl IntoResult for Twice {
    const RESULT_CODEC: Codec = Codec::Bytes;
    fn encode(self, write: &mut dyn FnMut(Codec, &[u8])) -> Result<(), String> {
        write(Self::RESULT_CODEC, &[1; 8000]);
        write(Self::RESULT_CODEC, &[2; 100]);
        Ok(())
    }
}

/// Writes its result twice: around the decoding of its request, in its body, or as a guard is
/// dropped.
fn twice(task: &mut RawTask<'_, '_>) -> Result<Answer, TaskError> {
    let place = String::from_utf8_lossy(task.request()?).into_owned();
    let in_place = |len| Answer::InPlace {
        len,
        codec: Codec::Bytes,
    };
    match place.as_str() {
        "decode" => {
            task.reserve(8000)?.fill(1);
            let again = task.request()?.len();
            task.reserve(100)?.fill(2);
            assert_eq!(again, place.len());
            Ok(in_place(100))
        }
        "run" => {
            for len in [64, 8000, 65, 100_000, 100] {
                task.reserve(len)?.fill((len == 100) as u8 + 1);
            }
            Ok(in_place(100))
        }
        _ => {
            task.reserve(8000)?.fill(1);
            drop(WritesWhenDropped(task));
            // What was answered is no longer there: the room is smaller than that.
            Ok(in_place(8000))
        }
    }
}

struct WritesWhenDropped<'g, 't, 'l>(&'g mut RawTask<'t, 'l>);

impl Drop for WritesWhenDropped<'_, '_, '_> {
    fn drop(&mut self) {
        if let Ok(room) = self.0.reserve(100) {
            room.fill(2);
        }
    }
}

/// A task that does no harm beside one that does. Its first attempt waits for the file
/// `PATH.go`; a later one answers at once. The result is the attempt.
fn bystander(context: &TaskContext<'_>, path: String) -> Result<u32, TaskError> {
    if context.attempt() == 1 {
        std::fs::write(&path, "started\n")?;
        let go = format!("{path}.go");
        while !Path::new(&go).exists() {
            context.check_cancelled()?;
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(context.attempt())
}

/// The request of `test.misbehave` as bytes, to be sent in [`errand_codec`].
#[must_use]
pub fn errand(misbehaviour: &str, place: &str) -> Vec<u8> {
    let text = format!("{misbehaviour} {place}");
    // A CBOR text of 24 to 255 bytes; a shorter one may be written so, too.
    let mut bytes = vec![0x78, text.len() as u8];
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// The codec of [`errand`].
#[must_use]
pub fn errand_codec() -> Codec {
    Codec::Cbor
}

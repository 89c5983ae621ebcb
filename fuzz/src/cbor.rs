//! CBOR requests: any bytes are refused with a reason, or give a value that, encoded, gives itself
//! again; and the other request types of the stock handlers, which are parameters and a body. Of
//! these the digests, the compressors and the checks of stored hashes do their work, too.

use ringwork_cli::fuzz::{cbor_from_json, cbor_text};
use ringwork_handlers::compress::{CompressParams, DecompressParams, compress, decompress};
use ringwork_handlers::digest::{DigestParams, digest};
use ringwork_handlers::image::{InfoParams, ResizeParams, ThumbnailParams};
use ringwork_handlers::password::{HashParams, RehashParams, VerifyParams, needs_rehash, verify};
use ringwork_worker::{Cbor, FromRequest, IntoResult, Params, TaskError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A request with what serde's derive makes of structs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    id: u64,
    cents: Vec<i64>,
    rate: f64,
    note: Option<String>,
    tags: BTreeMap<String, Option<i32>>,
    paid: bool,
    kind: Kind,
    place: (u8, i8, char),
    #[serde(default)]
    blob: Vec<u8>,
}

/// A request with what serde's derive makes of enums.
#[derive(Debug, Serialize, Deserialize)]
pub enum Kind {
    /// Nothing.
    Unit,
    /// One value.
    New(u32),
    /// Two.
    Pair(i16, f32),
    /// Named ones.
    Named {
        /// A name.
        x: Option<Box<Kind>>,
    },
}

/// A request as deep as its sender likes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tree {
    kids: Vec<Tree>,
}

/// Decodes the bytes after the first as a request of the type that the first byte chooses.
///
/// # Panics
/// When a value does not come back from its own encoding.
pub fn run(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else {
        return;
    };
    match choice % 32 {
        0 => round_trip::<Order>(bytes),
        1 => round_trip::<Kind>(bytes),
        2 => round_trip::<Tree>(bytes),
        3 => round_trip::<serde_json::Value>(bytes),
        4 => round_trip::<u64>(bytes),
        5 => round_trip::<i64>(bytes),
        6 => round_trip::<f64>(bytes),
        7 => round_trip::<f32>(bytes),
        8 => round_trip::<String>(bytes),
        9 => round_trip::<Vec<u8>>(bytes),
        10 => round_trip::<Vec<Option<bool>>>(bytes),
        11 => round_trip::<BTreeMap<i64, String>>(bytes),
        12 => round_trip::<Option<Option<()>>>(bytes),
        13 => round_trip::<(u8, char, String, ())>(bytes),
        14 => round_trip::<i8>(bytes),
        15 => shown(bytes),
        16 => from_json(bytes),
        17 => drop(params::<ResizeParams>(bytes)),
        18 => drop(params::<ThumbnailParams>(bytes)),
        19 => drop(params::<HashParams>(bytes)),
        20 => check_password(bytes),
        21 => digested(bytes),
        22 => compressed(bytes),
        23 | 24 => decompressed(bytes),
        25 | 26 => rehash(bytes),
        _ => drop(params::<InfoParams>(bytes)),
    }
}

fn encoded(value: impl IntoResult) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    value.encode(&mut |_, bytes| out = bytes.to_vec())?;
    Ok(out)
}

/// Compared as bytes: a NaN is not itself.
fn round_trip<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let value = match Cbor::<T>::decode(bytes) {
        Ok(value) => value,
        Err(why) => return assert!(why.contains("CBOR"), "{why}"),
    };
    let first = encoded(value).expect("what was decoded can be encoded");
    let again = Cbor::<T>::decode(&first)
        .unwrap_or_else(|why| panic!("{why}\nfrom its own encoding {first:x?}"));
    assert_eq!(encoded(again).expect("encoded before"), first);
}

/// What `ringwork submit` prints of a result.
fn shown(bytes: &[u8]) {
    if let Some(text) = cbor_text(bytes) {
        assert!(!text.is_empty());
    }
}

/// What `ringwork submit` makes of `--data`.
fn from_json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(item) = cbor_from_json(text) {
        let there = Cbor::<serde_json::Value>::decode(&item).expect("CBOR of JSON");
        let back: serde_json::Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(there.0, back);
        assert!(cbor_text(&item).is_some());
    }
}

fn params<P: DeserializeOwned + Default>(bytes: &[u8]) -> Option<(P, Vec<u8>)> {
    match Params::<P>::decode(bytes) {
        Ok(Params(params, body)) => {
            assert!(bytes.ends_with(&body));
            Some((params, body))
        }
        Err(why) => {
            let known = why.contains("params") || why.contains("parameters");
            assert!(known, "{why}");
            None
        }
    }
}

#[track_caller]
fn documented(error: &TaskError, codes: &[&str]) {
    assert!(codes.contains(&error.code()), "{error}");
}

/// Hashes that cost little only: what they cost is another matter than what they say.
fn check_password(bytes: &[u8]) {
    let Some((mut params, body)) = params::<VerifyParams>(bytes) else {
        return;
    };
    params.max_memory_kib = params.max_memory_kib.min(64);
    params.max_cost = params.max_cost.min(4);
    params.max_iterations = params.max_iterations.min(10);
    if let Err(error) = verify(&params, &body) {
        let codes = [
            "password.invalid_params",
            "password.malformed_hash",
            "password.cost_too_high",
            "password.too_long",
            "password.contains_nul",
        ];
        documented(&error, &codes);
        assert!(params.hash.len() < 12 || !error.to_string().contains(&params.hash));
    }
}

fn rehash(bytes: &[u8]) {
    if let Some((params, _)) = params::<RehashParams>(bytes)
        && let Err(error) = needs_rehash(&params)
    {
        documented(
            &error,
            &["password.invalid_params", "password.malformed_hash"],
        );
    }
}

fn digested(bytes: &[u8]) {
    let Some((params, body)) = params::<DigestParams>(bytes) else {
        return;
    };
    match digest(&params, &body) {
        Ok(output) => assert!(matches!(output.as_bytes().len(), 32 | 64 | 128)),
        Err(error) => documented(&error, &["digest.invalid_params"]),
    }
}

fn compressed(bytes: &[u8]) {
    let Some((params, body)) = params::<CompressParams>(bytes) else {
        return;
    };
    // Higher levels set hundreds of megabytes aside.
    let level = params.level.map(|level| if level > 9 { 40 } else { level });
    let params = params.level(level);
    match compress(&params, &body) {
        Ok(made) => {
            let limit = DecompressParams::default();
            assert_eq!(decompress(&limit, &made).expect("it was compressed"), body);
        }
        Err(error) => documented(&error, &["compress.invalid_params"]),
    }
}

fn decompressed(bytes: &[u8]) {
    let Some((params, body)) = params::<DecompressParams>(bytes) else {
        return;
    };
    let limit = params.limit.unwrap_or(1 << 20).min(1 << 20);
    match decompress(&DecompressParams::default().limit(limit), &body) {
        Ok(content) => assert!(content.len() as u64 <= limit),
        Err(error) => documented(
            &error,
            &[
                "decompress.corrupt",
                "decompress.limit_exceeded",
                "decompress.dictionary_needed",
                "decompress.invalid_params",
            ],
        ),
    }
}

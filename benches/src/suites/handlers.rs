//! Suite `handlers`: the stock handlers beside what others use for the same work.
//!
//! Processor time in one thread, the parties in turn. Pictures are compared at equal bytes: for
//! each of the others the quality is taken that makes a file as large as ours, and its picture must
//! not be nearer to the reference than ours by more than a fifth of a decibel.

use super::rounds::{ROUNDS, Series, keep, pairs, say, values};
use crate::case::Metrics;
use crate::cases::CaseId;
use crate::numbers::median;
use crate::party::{Answer, Party, Request};
use crate::programs::Programs;
use crate::summary::Summary;
use crate::targets::Subject;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

const SUITE: &str = "handlers";
const OURS: &str = "ringwork";
/// How long a party is busy in a round of a case, in seconds, if once is not longer.
const BUSY: f64 = 0.15;
/// The qualities of JPEG and WebP that the others are tried with, and the levels of PNG.
const QUALITIES: [i64; 6] = [50, 65, 75, 82, 88, 94];
const LEVELS: [i64; 6] = [1, 2, 3, 4, 6, 9];
const PHOTOS: usize = 2;
const INPUTS: [(&str, &str); 4] = [
    ("jpeg", "jpeg"),
    ("progressive", "jpeg"),
    ("png", "png"),
    ("webp", "webp"),
];
const SIZES: [u32; 2] = [256, 1024];
/// What is compressed and hashed: lines of a log.
const LINES: usize = 16 << 20;

/// One thing that several parties do.
struct Contest {
    name: String,
    handler: &'static str,
    paths: Vec<PathBuf>,
    /// The parties and the parameters of each; ours is the first.
    parties: Vec<(&'static str, Value)>,
}

pub fn run(programs: &Programs, summary: &mut Summary) -> Result<usize, Box<dyn Error>> {
    let skipped = summary.skipped.len();
    let mut parties = Parties::default();
    parties.start(OURS, programs, summary);
    if !parties.0.contains_key(OURS) {
        return Ok(1);
    }
    let scratch = programs.scratch.directory(SUITE)?;
    for name in PYTHON {
        parties.start(name, programs, summary);
    }
    let mut contests = words(&scratch)?;
    match photos(programs) {
        Ok(photos) => {
            say("handlers: looking for the qualities that make files of equal size");
            contests.extend(pictures(&mut parties, &photos, &scratch, summary)?);
        }
        Err(error) => summary.skip("handlers: images", error.to_string()),
    }
    let mut series = Series::new();
    let mut times = BTreeMap::new();
    for round in 1..=ROUNDS {
        say(&format!("handlers round {round}"));
        for contest in &mut contests {
            contest.parties.retain(|(name, params)| {
                let case = format!("{name}_{}", contest.name);
                let Some(party) = parties.0.get_mut(name) else {
                    return false; // its absence has been told
                };
                let times = times.entry(case.clone()).or_insert(0);
                match measure(party, contest.handler, &contest.paths, params, times) {
                    Ok(metrics) => keep(&mut series, &case, round, metrics),
                    Err(error) => {
                        summary.skip(&case, error.to_string());
                        return false;
                    }
                }
                true
            });
        }
    }
    for contest in &contests {
        report(contest, &series, summary);
    }
    summary.note(
        "handlers: processor time (user and system, all threads of the party) of one call in one thread, the handlers' functions without a ring; \
         two photos of 12 megapixels, the others' quality such that their files are as large as ours at 80; \
         PSNR against the full decode shrunk in floating point by Lanczos; benches/README.md",
    );
    if !has_jpeg_simd(&std::env::current_exe()?)? {
        summary.note(
            "handlers: libjpeg-turbo is built without its SIMD parts here, since nasm was missing; a JPEG takes up to 1.7 times as long so. \
             Install nasm, then: cargo clean --release -p mozjpeg-sys",
        );
    }
    // What a package index did not give is no fault of this run.
    let missing = PYTHON.iter().filter(|name| !parties.0.contains_key(*name));
    Ok((summary.skipped.len() - skipped).saturating_sub(missing.count()))
}

/// Whether a program has the assembler's functions of libjpeg-turbo. They are there if nasm was
/// there when that was compiled, which is not always when the program was.
fn has_jpeg_simd(program: &Path) -> Result<bool, Box<dyn Error>> {
    // Backwards, for this program must not find what it looks for in its own constants.
    let symbol = b"_4x4_tcdi_dmisj";
    let bytes = fs::read(program)?;
    let mut windows = bytes.windows(symbol.len());
    Ok(windows.any(|window| window.iter().rev().eq(symbol)))
}

const PYTHON: [&str; 10] = [
    "pyvips",
    "pillow",
    "argon2",
    "libxcrypt",
    "hashlib",
    "blake3",
    "zstandard",
    "zlib",
    "zstd_tool",
    "judge",
];

/// The parties that run, by name.
#[derive(Default)]
struct Parties(BTreeMap<&'static str, Party>);

impl Parties {
    fn start(&mut self, name: &'static str, programs: &Programs, summary: &mut Summary) {
        let log = programs.out.join(format!("handlers-{name}.log"));
        let command = programs.party(name);
        match command.and_then(|command| Party::start(name, command, log)) {
            Ok(party) => drop(self.0.insert(name, party)),
            Err(error) => summary.skip(&format!("handlers: {name}"), error.to_string()),
        }
    }

    fn get(&mut self, name: &str) -> Result<&mut Party, Box<dyn Error>> {
        let party = self.0.get_mut(name);
        Ok(party.ok_or_else(|| format!("{name} is missing, see above"))?)
    }
}

/// Passwords, digests and compression.
fn words(scratch: &Path) -> Result<Vec<Contest>, Box<dyn Error>> {
    let password = scratch.join("password");
    fs::write(&password, "correct horse battery staple")?;
    let lines = scratch.join("lines");
    fs::write(&lines, log_lines())?;
    let packed = scratch.join("lines.zst");
    let level = Deserialize::deserialize(json!({"level": 3}))?;
    let compressed = ringwork_handlers::compress::compress(&level, &log_lines())?;
    fs::write(&packed, compressed)?;
    let gzipped = scratch.join("lines.gz");
    let level = Deserialize::deserialize(json!({"format": "gzip", "level": 6}))?;
    let compressed = ringwork_handlers::compress::compress(&level, &log_lines())?;
    fs::write(&gzipped, compressed)?;

    let mut contests = passwords(&password);
    contests.extend(digests(&lines));
    contests.extend(compressions(&lines, &gzipped, &packed));
    Ok(contests)
}

/// A contest over one file. Every party has the same parameters.
fn contest(
    name: &str,
    handler: &'static str,
    path: &Path,
    params: &Value,
    others: &[&'static str],
) -> Contest {
    let parties = [OURS].iter().chain(others);
    Contest {
        name: name.to_owned(),
        handler,
        paths: vec![path.to_owned()],
        parties: parties.map(|party| (*party, params.clone())).collect(),
    }
}

fn passwords(password: &Path) -> Vec<Contest> {
    let argon2 = json!({"memory_kib": 19456, "iterations": 2});
    let bcrypt = |cost| json!({"algorithm": "bcrypt", "cost": cost});
    let hash =
        |name, params: &Value, other| contest(name, "password.hash", password, params, &[other]);
    vec![
        hash("argon2id", &argon2, "argon2"),
        hash("bcrypt_10", &bcrypt(10), "libxcrypt"),
        hash("bcrypt_12", &bcrypt(12), "libxcrypt"),
    ]
}

fn digests(lines: &Path) -> Vec<Contest> {
    let hmac = json!({"algorithm": "hmac-sha256", "key_base64": "a2V5IG9mIHRoZSBiZW5jaA=="});
    let plain = |algorithm: &str| json!({"algorithm": algorithm});
    let digest = |name, params: &Value, other| contest(name, "digest", lines, params, &[other]);
    vec![
        digest("sha256", &plain("sha256"), "hashlib"),
        digest("blake3", &plain("blake3"), "blake3"),
        digest("sha512", &plain("sha512"), "hashlib"),
        digest("hmac_sha256", &hmac, "hashlib"),
    ]
}

fn compressions(lines: &Path, gzipped: &Path, packed: &Path) -> Vec<Contest> {
    let gzip = json!({"format": "gzip", "level": 6});
    let (none, level) = (json!({}), json!({"level": 3}));
    let zstd = ["zstandard", "zstd_tool"];
    vec![
        contest("gzip_6", "compress", lines, &gzip, &["zlib"]),
        contest("gunzip", "decompress", gzipped, &none, &["zlib"]),
        contest("zstd_3", "compress", lines, &level, &zstd),
        contest("unzstd", "decompress", packed, &none, &zstd),
    ]
}

/// The same lines each time.
fn log_lines() -> Vec<u8> {
    const PATHS: [&str; 6] = [
        "orders",
        "users",
        "cart/items",
        "health",
        "search",
        "images/thumb",
    ];
    let mut random = fastrand::Rng::with_seed(7);
    let mut text = Vec::with_capacity(LINES + 200);
    let mut millis = 0;
    while text.len() < LINES {
        millis += random.u64(0..40);
        let line = format!(
            "2026-11-29T08:{:02}:{:02}.{:03}Z INFO http method=GET path=/v1/{}/{} status={} bytes={} took_us={} trace={:016x}\n",
            millis / 60_000 % 60,
            millis / 1000 % 60,
            millis % 1000,
            PATHS[random.usize(..PATHS.len())],
            random.u32(..5000),
            if random.u32(..20) == 0 { 404 } else { 200 },
            random.u32(100..20_000),
            random.u32(80..9000),
            random.u64(..),
        );
        text.extend(line.bytes());
    }
    text.truncate(LINES);
    text
}

/// The directory with the photos; makes them if need be, which takes half a minute.
fn photos(programs: &Programs) -> Result<PathBuf, Box<dyn Error>> {
    let (mut command, version) = programs.photos()?;
    let directory = programs.out.join(format!("photos-{version}"));
    if !directory.exists() {
        say("handlers: making the photos");
        let part = directory.with_extension(format!("part-{}", std::process::id()));
        let _ = fs::remove_dir_all(&part);
        let output = command.arg(&part).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout);
            let why = String::from_utf8_lossy(&output.stderr);
            let why = why.trim().lines().last().unwrap_or_default();
            return Err(format!("can't make the photos: {} {why}", said.trim()).into());
        }
        fs::rename(&part, &directory)?;
    }
    Ok(directory)
}

/// A file's size over all photos and its likeness to the reference, by the quality.
#[derive(Debug, Clone, Copy)]
struct Point {
    quality: i64,
    bytes: f64,
    psnr: f64,
}

#[derive(Deserialize)]
struct Judgement {
    psnr: f64,
}

/// What a party makes of the photos with a quality: the bytes of all, the mean PSNR.
fn judged(
    parties: &mut Parties,
    party: &str,
    photos: &[PathBuf],
    params: &Value,
    quality: i64,
    out: &Path,
) -> Result<Point, Box<dyn Error>> {
    let mut sum = Point {
        quality,
        bytes: 0.0,
        psnr: 0.0,
    };
    for path in photos {
        let request = Request {
            handler: "image.thumbnail".to_owned(),
            params: params.clone(),
            path: path.clone(),
            times: 1,
            out: Some(out.to_owned()),
        };
        let answer: Answer = parties.get(party)?.ask(&request)?;
        let judgement: Judgement = parties.get("judge")?.ask(&request)?;
        sum.bytes += answer.bytes as f64;
        sum.psnr += judgement.psnr / PHOTOS as f64;
    }
    Ok(sum)
}

/// The contests of images, each party with the quality that makes its files as large as ours.
fn pictures(
    parties: &mut Parties,
    photos: &Path,
    scratch: &Path,
    summary: &mut Summary,
) -> Result<Vec<Contest>, Box<dyn Error>> {
    let mut contests = Vec::new();
    let out = scratch.join("picture");
    for (input, format) in INPUTS {
        for size in SIZES {
            let paths: Vec<PathBuf> = (0..PHOTOS)
                .map(|number| photos.join(format!("{input}-{number}")))
                .collect();
            let params = |quality: i64| json!({"size": size, "format": format, "quality": quality});
            let name = format!("{input}_{size}");
            let mut point = |party: &str, quality| {
                judged(parties, party, &paths, &params(quality), quality, &out)
            };
            let ours = point(OURS, 80)?;
            summary.record(SUITE, &format!("{OURS}_{name}"), "psnr_db", &[ours.psnr]);
            let mut taking_part = vec![(OURS, params(80))];
            let mut behind = f64::NEG_INFINITY;
            for party in ["pyvips", "pillow"] {
                let tried = if format == "png" { LEVELS } else { QUALITIES };
                let points: Result<Vec<Point>, _> = tried
                    .into_iter()
                    .map(|quality| point(party, quality))
                    .collect();
                let points = match points {
                    Ok(points) => points,
                    Err(error) => {
                        summary.skip(&format!("{party}_{name}"), error.to_string());
                        continue;
                    }
                };
                let find = if format == "png" { cheapest } else { at_bytes };
                let (quality, psnr) = find(&points, ours.bytes);
                let case = format!("{party}_{name}");
                summary.record(SUITE, &case, "psnr_at_our_bytes_db", &[psnr]);
                summary.record(SUITE, &case, "quality_at_our_bytes", &[quality as f64]);
                behind = behind.max(psnr - ours.psnr);
                taking_part.push((party, params(quality)));
            }
            if behind.is_finite()
                && let Some(ours) = CaseId::named(&format!("{OURS}_{name}"))
            {
                summary.figure(Subject::Psnr(ours), &[behind]);
            }
            contests.push(Contest {
                name,
                handler: "image.thumbnail",
                paths,
                parties: taking_part,
            });
        }
    }
    Ok(contests)
}

/// The quality at which a party's files have `bytes`, and their PSNR there: between the points
/// by the logarithm of the size. Beyond them the last two are continued.
fn at_bytes(points: &[Point], bytes: f64) -> (i64, f64) {
    let above = points.iter().position(|point| point.bytes >= bytes);
    let above = above.unwrap_or(points.len() - 1).max(1);
    let (low, high) = (points[above - 1], points[above]);
    let part = (bytes / low.bytes).ln() / (high.bytes / low.bytes).ln();
    let quality = low.quality as f64 + part * (high.quality - low.quality) as f64;
    let psnr = low.psnr + part * (high.psnr - low.psnr);
    ((quality.round() as i64).clamp(1, 100), psnr)
}

/// Without a quality: the lowest level whose files are no larger than ours by more than a
/// hundredth, or that with the smallest ones.
fn cheapest(points: &[Point], bytes: f64) -> (i64, f64) {
    let fits = points.iter().find(|point| point.bytes <= bytes * 1.01);
    let smallest = || points.iter().min_by(|a, b| a.bytes.total_cmp(&b.bytes));
    fits.or_else(smallest)
        .map_or((6, f64::NAN), |point| (point.quality, point.psnr))
}

/// A round of one party: the processor time of a call, the mean of all inputs.
fn measure(
    party: &mut Party,
    handler: &str,
    paths: &[PathBuf],
    params: &Value,
    times: &mut u32,
) -> Result<Metrics, Box<dyn Error>> {
    let mut ask = |path: &PathBuf, times| -> Result<Answer, Box<dyn Error>> {
        party.ask(&Request {
            handler: handler.to_owned(),
            params: params.clone(),
            path: path.clone(),
            times,
            out: None,
        })
    };
    if *times == 0 {
        // The first call warms up, and says how many fill a round.
        let mut once = 0.0;
        for path in paths {
            once += ask(path, 1)?.cpu_s;
        }
        *times = (BUSY / once.max(1e-6)).ceil().clamp(1.0, 1000.0) as u32;
    }
    let (mut cpu, mut bytes) = (0.0, 0);
    for path in paths {
        let answer = ask(path, *times)?;
        cpu += answer.cpu_s / f64::from(*times);
        bytes += answer.bytes;
    }
    let count = paths.len() as f64;
    Ok([
        ("cpu_ms".to_owned(), cpu * 1e3 / count),
        ("bytes".to_owned(), bytes as f64 / count),
    ]
    .into())
}

fn report(contest: &Contest, series: &Series, summary: &mut Summary) {
    let case = |party: &str| format!("{party}_{}", contest.name);
    for (party, _) in &contest.parties {
        for metric in ["cpu_ms", "bytes"] {
            let case = case(party);
            summary.record(SUITE, &case, metric, &values(series, &case, metric));
        }
    }
    let mut others: Vec<(f64, &str)> = contest.parties[1..]
        .iter()
        .map(|(party, _)| (median(&values(series, &case(party), "cpu_ms")), *party))
        .filter(|(cpu, _)| cpu.is_finite())
        .collect();
    others.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (_, party) in &others {
        let (ours, theirs) = pairs(series, &case(OURS), &case(party), "cpu_ms");
        summary.ratio(
            &format!("{} cpu / {party}", case(OURS)),
            &ours,
            &theirs,
            None,
        );
    }
    if let Some((_, fastest)) = others.first() {
        let (ours, theirs) = pairs(series, &case(OURS), &case(fastest), "cpu_ms");
        match CaseId::named(&case(OURS)) {
            Some(id) => summary.compare(Subject::CpuOfFastest(id), &ours, &theirs),
            None => {
                let text = format!("{} cpu / the fastest other", case(OURS));
                summary.ratio(&text, &ours, &theirs, None);
            }
        }
    }
}

#[cfg(test)]
fn pictures_of_ours() -> impl Iterator<Item = String> {
    let inputs = INPUTS.into_iter();
    inputs.flat_map(|(input, _)| SIZES.map(|size| format!("{OURS}_{input}_{size}")))
}

/// Our cases of the suite.
#[cfg(test)]
pub fn cases() -> Vec<String> {
    let scratch = tempfile::tempdir().expect("a folder");
    let words = words(scratch.path()).expect("the contests of words");
    let words = words
        .into_iter()
        .map(|contest| format!("{OURS}_{}", contest.name));
    words.chain(pictures_of_ours()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points() -> [Point; 3] {
        [(50, 1000.0, 30.0), (75, 2000.0, 33.0), (90, 4000.0, 37.0)].map(
            |(quality, bytes, psnr)| Point {
                quality,
                bytes,
                psnr,
            },
        )
    }

    #[test]
    fn equal_bytes_lie_between_the_points() {
        let points = points();
        assert_eq!(at_bytes(&points, 2000.0), (75, 33.0));
        let (quality, psnr) = at_bytes(&points, 1000.0 * 2f64.sqrt());
        assert_eq!(quality, 63);
        assert!((psnr - 31.5).abs() < 1e-9);
        // Beyond both ends.
        assert_eq!(at_bytes(&points, 500.0), (25, 27.0));
        assert_eq!(at_bytes(&points, 8000.0), (100, 41.0));
    }

    #[test]
    fn a_level_is_the_first_that_is_small_enough() {
        let mut points = points();
        points.reverse(); // files of higher levels are smaller
        assert_eq!(cheapest(&points, 2000.0).0, 75);
        assert_eq!(cheapest(&points, 1985.0).0, 75);
        assert_eq!(cheapest(&points, 10.0).0, 50);
    }

    /// A picture's contest that is no case would have neither figure nor target.
    #[test]
    fn the_contests_of_pictures_are_cases() {
        for name in pictures_of_ours() {
            assert!(CaseId::named(&name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_log_is_the_same_each_time() {
        assert_eq!(log_lines().len(), LINES);
        assert!(log_lines() == log_lines());
    }
}

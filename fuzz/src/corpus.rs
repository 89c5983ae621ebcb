//! The corpora: one archive a target, `corpus/TARGET.tar`, read by the replay and by `tools/fuzz`.
//!
//! The archive is what `tar --format=ustar` makes of a flat folder, sorted by name and without times and
//! owners, so that the same inputs are the same bytes. `tools/fuzz --add` puts inputs into it.

use std::fs;
use std::path::{Path, PathBuf};

/// An input: its name and its bytes.
pub type Input = (String, Vec<u8>);

const BLOCK: usize = 512;
// Places in the header of an entry: octal numbers and texts, zeros behind them.
const NAME: std::ops::Range<usize> = 0..100;
const SIZE: std::ops::Range<usize> = 124..136;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const KIND: usize = 156;
const FILE: u8 = b'0';

/// Where the archive of a target is.
pub fn archive(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target)
        .with_extension("tar")
}

/// The inputs of a target, sorted by name.
///
/// # Panics
///
/// If the archive can't be read: a broken corpus must not pass for a short one.
pub fn read(target: &str) -> Vec<Input> {
    let path = archive(target);
    let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    unpack(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Replaces the archive of a target.
///
/// # Panics
///
/// If it can't be written, or an input's name is longer than 100 bytes.
pub fn write(target: &str, mut inputs: Vec<Input>) {
    inputs.sort();
    let path = archive(target);
    let fresh = path.with_extension("tar.new");
    fs::write(&fresh, pack(&inputs)).unwrap_or_else(|e| panic!("{}: {e}", fresh.display()));
    fs::rename(&fresh, &path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

fn unpack(bytes: &[u8]) -> Result<Vec<Input>, String> {
    let mut inputs = Vec::new();
    let mut at = 0;
    loop {
        let header = bytes.get(at..at + BLOCK).ok_or("it ends in a header")?;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(inputs);
        }
        let name = text(&header[NAME])?.to_owned();
        if header[KIND] != FILE || name.contains('/') {
            return Err(format!("{name}: not a file of a flat folder"));
        }
        if octal(&header[CHECKSUM])? != checksum(header) {
            return Err(format!("{name}: the header's checksum is wrong"));
        }
        let size = octal(&header[SIZE])?;
        at += BLOCK;
        let data = bytes
            .get(at..at + size)
            .ok_or_else(|| format!("{name}: it ends in the data"))?;
        inputs.push((name, data.to_vec()));
        at += size.next_multiple_of(BLOCK);
    }
}

fn pack(inputs: &[Input]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, data) in inputs {
        assert!(name.len() <= NAME.end, "{name}: longer than 100 bytes");
        let mut header = [0; BLOCK];
        header[..name.len()].copy_from_slice(name.as_bytes());
        // Mode, owner, group, size, time; the checksum counts as blanks in itself.
        header[100..148].copy_from_slice(
            format!(
                "0000644\0{0}\0{0}\0{1:011o}\0{2:011o}\0",
                "0000000",
                data.len(),
                0
            )
            .as_bytes(),
        );
        header[KIND] = FILE;
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[329..345].copy_from_slice(b"0000000\x000000000\0");
        let sum = checksum(&header);
        header[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    }
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}

/// The sum of a header's bytes, with blanks for the sum itself.
fn checksum(header: &[u8]) -> usize {
    let sum = |part: &[u8]| part.iter().map(|byte| usize::from(*byte)).sum::<usize>();
    sum(header) - sum(&header[CHECKSUM]) + CHECKSUM.len() * usize::from(b' ')
}

fn text(field: &[u8]) -> Result<&str, String> {
    let end = field.iter().position(|byte| *byte == 0);
    std::str::from_utf8(&field[..end.unwrap_or(field.len())]).map_err(|e| e.to_string())
}

fn octal(field: &[u8]) -> Result<usize, String> {
    let digits = text(field)?.trim();
    usize::from_str_radix(digits, 8).map_err(|e| format!("the number {digits:?}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<Input> {
        let inputs = [("a", 0), ("b", 1), ("c", 511), ("d", 512), ("e", 513)];
        inputs
            .map(|(name, size)| (name.to_owned(), vec![7; size]))
            .to_vec()
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        assert_eq!(unpack(&pack(&some())).unwrap(), some());
    }

    /// Else a corpus would change whenever the other of the two writes it.
    #[test]
    fn tar_packs_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        for (name, data) in some() {
            fs::write(folder.path().join(name), data).unwrap();
        }
        let archive = folder.path().with_extension("tar");
        let done =
            std::process::Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/corpus"))
                .arg("pack")
                .arg(folder.path())
                .arg(&archive)
                .status()
                .unwrap();
        assert!(done.success());
        let bytes = fs::read(&archive).unwrap();
        fs::remove_file(&archive).unwrap();
        assert!(bytes == pack(&some()));
    }

    #[test]
    fn broken_archives_are_refused() {
        let whole = pack(&some());
        for length in [0, 100, 512, 1024 + 1, whole.len() - 1024] {
            assert!(unpack(&whole[..length]).is_err(), "{length} bytes");
        }
        let mut other = whole;
        other[0] = b'x';
        assert!(unpack(&other).unwrap_err().contains("checksum"));
    }
}

//! The folders of `ring/src` stand on floors: a file uses what is on its own floor's folder or below.

use std::path::{Path, PathBuf};

/// From the ground up. What has no folder (`error.rs`) is used by all; `lib.rs` and `testing.rs` stand
/// above all.
const FLOORS: [&[&str]; 7] = [
    &["format"],
    &["os"],
    &["records"],
    &["segment"],
    &["queue"],
    &["lane"],
    &["reaper", "client"],
];

/// Named by any file: the errors, and the models, which stand in for atomics and clock when they are
/// compiled in.
const EVERYWHERE: [&str; 2] = ["error", "model"];

fn floor_of(folder: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&folder))
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules of this crate that a source names, but in its tests and comments.
fn named(text: &str) -> Vec<String> {
    let code: Vec<&str> = text
        .lines()
        .take_while(|line| !line.starts_with("mod tests {"))
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let after = code.split("crate::").skip(1);
    after
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            rest[..end.unwrap_or(rest.len())].to_owned()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn no_arrow_of_the_folders_points_up() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for file in files.iter().filter(|file| !file.ends_with("tests.rs")) {
        let relative = file.strip_prefix(&root).unwrap();
        let folder = relative.iter().next().unwrap().to_str().unwrap();
        let Some(own) = floor_of(folder) else {
            continue;
        };
        for name in named(&std::fs::read_to_string(file).unwrap()) {
            arrows += 1;
            let fits = match floor_of(&name) {
                Some(floor) => floor < own || name == folder,
                None => EVERYWHERE.contains(&name.as_str()),
            };
            if !fits {
                wrong.push(format!("{} uses crate::{name}", relative.display()));
            }
        }
    }
    assert!(arrows > 100, "only {arrows} arrows were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

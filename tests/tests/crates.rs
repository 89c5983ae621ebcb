//! The crates of the workspace: what each may depend on, and what their manifests say.

#![forbid(unsafe_code)]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Each crate that is handed to users, and the crates of ours that it may depend on: arrows point
/// down only.
const FLOORS: &[(&str, &[&str])] = &[
    ("ringwork-ring", &[]),
    ("ringwork-codec", &["ringwork-ring"]),
    ("ringwork", &["ringwork-codec", "ringwork-ring"]),
    ("ringwork-worker", &["ringwork-codec", "ringwork-ring"]),
    ("ringwork-resample", &[]),
    (
        "ringwork-handlers",
        &["ringwork-resample", "ringwork-ring", "ringwork-worker"],
    ),
    ("ringwork-supervisor", &["ringwork-ring", "ringwork-worker"]),
    ("ringwork-ops", &[]),
    (
        "ringwork-cli",
        &[
            "ringwork",
            "ringwork-handlers",
            "ringwork-ops",
            "ringwork-ring",
            "ringwork-supervisor",
            "ringwork-worker",
        ],
    ),
];

fn packages() -> BTreeMap<String, Value> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--locked",
            "--offline",
            "--no-deps",
            "--format-version",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            (
                package["name"].as_str().unwrap().to_owned(),
                package.clone(),
            )
        })
        .collect()
}

/// The crates of ours that a crate depends on, but for its tests.
fn ours(package: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = package["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|dependency| dependency["kind"].is_null())
        .map(|dependency| dependency["name"].as_str().unwrap())
        .filter(|name| name.starts_with("ringwork"))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn arrows_between_crates_point_down() {
    let packages = packages();
    for (name, allowed) in FLOORS {
        let found = ours(&packages[*name]);
        let upward: Vec<_> = found
            .iter()
            .filter(|name| !allowed.contains(name))
            .collect();
        assert!(upward.is_empty(), "{name} depends on {upward:?}");
    }
    // What is for tests and measurements only is nothing that users get.
    let inner = [
        "ringwork-tests",
        "ringwork-support",
        "ringwork-matrix",
        "ringwork-benches",
        "ringwork-fuzz",
        "custom-worker",
    ];
    for name in packages.keys() {
        let known = FLOORS.iter().any(|(floor, _)| floor == name) || inner.contains(&name.as_str());
        assert!(known, "{name}: say here what it may depend on");
    }
    for name in inner {
        assert_eq!(packages[name]["publish"], serde_json::json!([]), "{name}");
    }
}

#[test]
fn manifests_say_what_a_registry_shows() {
    let packages = packages();
    for (name, _) in FLOORS {
        let package = &packages[*name];
        for field in [
            "description",
            "documentation",
            "license",
            "repository",
            "readme",
        ] {
            assert!(package[field].is_string(), "{name} has no {field}");
        }
        for field in ["keywords", "categories"] {
            let words = package[field].as_array().unwrap();
            assert!((1..=5).contains(&words.len()), "{name}: {field} {words:?}");
        }
        assert_eq!(package["rust_version"], "1.91", "{name}");
    }
}

/// What `cargo tree` shows of a selection: each library of a registry, with its features; two sets of
/// them where macros and build scripts have other ones.
fn libraries(selection: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--prefix", "none"])
        .args(["--target", "x86_64-unknown-linux-gnu", "-f", "{p}|{f}"])
        .args(selection)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines
        .lines()
        .filter_map(|line| line.trim_end_matches(" (*)").split_once('|'))
        .filter(|(package, _)| !package.contains(" (/"));
    let mut libraries: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (package, features) in lines {
        let sets = libraries.entry(package.to_owned()).or_default();
        sets.insert(features.to_owned());
    }
    libraries
}

/// A feature that only the tests' crates ask for has that library, and all of ours above it, compiled
/// a second time: minutes.
#[test]
fn tests_take_the_libraries_that_the_build_has() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/selection");
    let script = std::fs::read_to_string(script).unwrap();
    let lines = script.lines().filter(|line| line.starts_with("  -p "));
    let mut selection: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    assert!(selection.contains(&"ringwork-handlers"), "{selection:?}");
    selection.extend(["--edges", "normal,build,dev"]);
    let build = libraries(&["--workspace", "--edges", "normal,build"]);
    let tests = libraries(&selection);
    for (library, features) in build {
        let of_tests = tests.get(&library).unwrap_or(&features);
        assert_eq!(
            *of_tests, features,
            "{library}: ask for these features in [dependencies], too"
        );
    }
}

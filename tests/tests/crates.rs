//! The crates of the workspace: what each may depend on, and what their manifests say.

#![forbid(unsafe_code)]

use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// Each crate that is handed to users, and the crates of ours that it may depend on: arrows point
/// down only.
const FLOORS: &[(&str, &[&str])] = &[
    ("ringwork-ring", &[]),
    ("ringwork-worker", &["ringwork-ring"]),
    ("ringwork-handlers", &["ringwork-ring", "ringwork-worker"]),
    ("ringwork-supervisor", &["ringwork-ring", "ringwork-worker"]),
    (
        "ringwork-cli",
        &[
            "ringwork-handlers",
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
        "ringwork-matrix",
        "ringwork-benches",
        "ringwork-fuzz",
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

//! The fuzz targets in `fuzz/` are not built with the rest, since they take a nightly compiler. That none of them is
//! missing, or stale, is checked here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn table(path: &str) -> toml::Table {
    read(path).parse().unwrap()
}

/// The bodies that `cargo test` runs as well.
fn bodies() -> BTreeSet<String> {
    let source = read("src/hostile/mod.rs");
    let (_, list) = source.split_once("\nbodies! {\n").expect("the list of bodies");
    let (list, _) = list.split_once("\n}").expect("its end");
    let names: BTreeSet<String> =
        list.lines().map(|line| line.trim().trim_end_matches(',').to_owned()).collect();
    assert!(names.len() > 15, "{names:?}");
    names
}

fn names_in(folder: &str) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(root().join(folder)) else { return BTreeSet::new() };
    entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_body_has_a_target_and_every_target_a_body() {
    let bodies = bodies();
    let manifest = table("fuzz/Cargo.toml");
    let mut targets = BTreeSet::new();
    for target in manifest["bin"].as_array().unwrap() {
        let (name, path) = (target["name"].as_str().unwrap(), target["path"].as_str().unwrap());
        let call = format!("wstap::hostile::{name}(bytes)");
        assert!(read(&format!("fuzz/{path}")).contains(&call), "{path} does not call {call}");
        targets.insert(name.to_owned());
    }
    assert_eq!(targets, bodies);
    assert_eq!(names_in("fuzz/fuzz_targets"), bodies);
    let readme = read("fuzz/README.md");
    for name in &bodies {
        assert!(
            readme.contains(&format!("| `{name}` |")),
            "fuzz/README.md does not say what {name} promises"
        );
    }
    let stale: Vec<_> = names_in("fuzz/regressions").difference(&bodies).cloned().collect();
    assert!(stale.is_empty(), "inputs of no body: {stale:?}");
}

#[test]
fn the_targets_are_a_workspace_of_their_own_with_the_same_dependencies() {
    let manifest = table("fuzz/Cargo.toml");
    assert!(manifest["workspace"].as_table().unwrap().is_empty());
    assert_eq!(manifest["package"]["publish"].as_bool(), Some(false));
    let versions = |path| -> BTreeSet<(String, String)> {
        let lock = table(path);
        let text = |package: &toml::Value, key| package[key].as_str().unwrap().to_owned();
        lock["package"]
            .as_array()
            .unwrap()
            .iter()
            .map(|each| (text(each, "name"), text(each, "version")))
            .collect()
    };
    // What is fuzzed is what is shipped. What tests alone need is not in both.
    let ours = versions("Cargo.lock");
    let shared: BTreeSet<&String> = ours.iter().map(|(name, _)| name).collect();
    let other: Vec<_> = versions("fuzz/Cargo.lock")
        .into_iter()
        .filter(|package| shared.contains(&package.0) && !ours.contains(package))
        .collect();
    assert!(other.is_empty(), "fuzz/Cargo.lock has other versions: {other:?}; copy Cargo.lock there");
}

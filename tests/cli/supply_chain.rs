//! What is built in from elsewhere: its licences, its versions and where it comes from, by the rules of `deny.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use toml::Table;

fn read(file: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(path).unwrap().parse().unwrap()
}

fn strings(value: &toml::Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// What cargo knows of the packages for this system: it needs no network, since they have been built.
fn metadata() -> Value {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let about = String::from_utf8(rustc.stdout).unwrap();
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", host])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Is an SPDX expression met by allowed licences alone? `/` is how `OR` used to be written.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    one_of(&mut words.as_slice(), allowed)
}

fn one_of(words: &mut &[&str], allowed: &[&str]) -> bool {
    let mut met = all_of(words, allowed);
    while words.first() == Some(&"OR") {
        *words = &words[1..];
        met |= all_of(words, allowed);
    }
    met
}

fn all_of(words: &mut &[&str], allowed: &[&str]) -> bool {
    let mut met = term(words, allowed);
    while words.first() == Some(&"AND") {
        *words = &words[1..];
        met &= term(words, allowed);
    }
    met
}

fn term(words: &mut &[&str], allowed: &[&str]) -> bool {
    let (first, rest) = words.split_first().expect("an expression is complete");
    *words = rest;
    if *first == "(" {
        let met = one_of(words, allowed);
        *words = &words[1..];
        return met;
    }
    if words.first() == Some(&"WITH") {
        let name = format!("{first} WITH {}", words[1]);
        *words = &words[2..];
        return allowed.contains(&name.as_str());
    }
    allowed.contains(first)
}

#[test]
fn expressions_of_licences_are_understood() {
    let allowed = |expression| is_allowed(expression, &["MIT", "ISC", "Zlib WITH x"]);
    for yes in [
        "MIT",
        "GPL-3.0 OR MIT",
        "MIT/GPL-3.0",
        "(GPL-3.0 OR MIT) AND ISC",
        "Zlib WITH x",
        "GPL AND X OR ISC",
    ] {
        assert!(allowed(yes), "{yes}");
    }
    for no in ["GPL-3.0", "MIT AND GPL-3.0", "Zlib", "MIT WITH x", "(MIT OR ISC) AND GPL-3.0", "MITX"] {
        assert!(!allowed(no), "{no}");
    }
}

#[test]
fn every_licence_is_one_that_is_allowed() {
    let rules = read("deny.toml");
    let allowed = strings(&rules["licenses"]["allow"]);
    let metadata = metadata();
    // A licence in the metadata of a package that is for other systems only is not looked at.
    let used: Vec<&str> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|n| n["id"].as_str().unwrap()).collect();
    let packages: Vec<&Value> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| used.contains(&p["id"].as_str().unwrap()))
        .collect();
    assert!(packages.len() > 50);
    let licence = |package: &Value| package["license"].as_str().unwrap_or_default().to_owned();
    for package in &packages {
        let licence = licence(package);
        assert!(!licence.is_empty() && is_allowed(&licence, &allowed), "{}: {licence:?}", package["name"]);
    }
    for name in allowed {
        assert!(packages.iter().any(|package| licence(package).contains(name)), "{name} is nobody's");
    }
}

#[test]
fn no_version_is_left_open() {
    assert_eq!(read("deny.toml")["bans"]["wildcards"].as_str(), Some("deny"));
    let manifest = read("Cargo.toml");
    for (name, wanted) in
        ["dependencies", "dev-dependencies"].iter().flat_map(|key| manifest[*key].as_table().unwrap())
    {
        let version = wanted.as_str().or_else(|| wanted.get("version")?.as_str());
        assert!(version.is_some_and(|version| !version.contains('*')), "{name}");
    }
}

/// For all systems, from the lock file.
#[test]
fn versions_beside_each_other_have_a_reason() {
    let (rules, lock) = (read("deny.toml"), read("Cargo.lock"));
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let text = |key| package[key].as_str().unwrap();
        versions.entry(text("name")).or_default().push(text("version"));
    }
    let mut skips: Vec<(&str, &str)> = Vec::new();
    for skip in rules["bans"]["skip"].as_array().unwrap() {
        assert!(skip["reason"].as_str().unwrap().len() > 20, "{skip}");
        skips.push(skip["crate"].as_str().unwrap().split_once(":^").unwrap());
    }
    let fits =
        |version: &str, from: &str| version.strip_prefix(from).is_some_and(|rest| rest.starts_with('.'));
    for (name, all) in &versions {
        let skipped = |version: &&&str| skips.iter().any(|(skip, from)| skip == name && fits(version, from));
        let left = all.iter().filter(|version| !skipped(version)).count();
        assert!(left == 1, "{name} is there as {all:?}: one version, or a reason in deny.toml");
    }
    for (name, from) in skips {
        let all = versions.get(name).map(Vec::as_slice).unwrap_or_default();
        assert!(
            all.len() > 1 && all.iter().any(|version| fits(version, from)),
            "{name} {from} needs no exception"
        );
    }
}

#[test]
fn everything_comes_from_the_registry_with_a_checksum() {
    let (rules, lock) = (read("deny.toml"), read("Cargo.lock"));
    let registries = strings(&rules["sources"]["allow-registry"]);
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let text = |key| package.get(key).and_then(toml::Value::as_str);
        let known = text("source")
            .and_then(|source| source.strip_prefix("registry+"))
            .is_some_and(|r| registries.contains(&r));
        assert!(name == env!("CARGO_PKG_NAME") || known && text("checksum").is_some(), "{name}");
    }
}

/// `forbid` cannot be taken back in the sources, other than `deny`.
#[test]
fn unsafe_code_is_forbidden() {
    assert_eq!(read("Cargo.toml")["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    assert!(read("Cargo.toml").get("build-dependencies").is_none());
    assert!(
        !Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs").exists(),
        "nothing runs while it is built"
    );
}

//! The cases that `cargo test` makes for the bodies: seeds, which are real messages and files, with some of them gone,
//! doubled or replaced; and whatever fuzzing once found.
//!
//! The cases are the same every time. `PROPTEST_RNG_SEED` asks for others, `PROPTEST_CASES` for more.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;
use serde_json::Value;

use super::seeds::seeds;

/// As many cases as take no time, of a fixed seed unless the environment has one.
pub(crate) fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let rng_seed = match default.rng_seed {
        RngSeed::Random => RngSeed::Fixed(6455),
        fixed => fixed,
    };
    ProptestConfig { rng_seed, failure_persistence: None, ..default }
}

/// Characters that mean something to a terminal, a parser or a counter of columns, and others.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let odd =
        "[\u{0}-\u{1f}\u{7f}-\u{9f}\u{200e}\u{202e}\u{2028}\u{fffd}é€𝄞\"\\\\{}\\[\\]:,./*#%=&?@~a1-]{0,24}";
    prop_oneof![odd, "\\PC{0,24}", any::<String>()]
}

/// Numbers as they are spelled: the first and the last of their kinds, and what is beyond them.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-1",
    "1e308",
    "1e999",
    "-1e999",
    "1e-999",
    "0.1",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
];

pub(crate) fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let key = prop_oneof!["type|event|data|id|action|topics|a", text()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// What a body is given: one of its seeds with some of it gone, doubled, or replaced, by others' parts as well; and,
/// now and then, anything.
pub(super) fn inputs(name: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let seeds = seeds(name);
    let piece = prop_oneof![
        text().prop_map(String::into_bytes),
        values().prop_map(|value| value.to_string().into_bytes()),
        prop::sample::select(NUMBERS).prop_map(|number| number.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
        prop::sample::select(seeds.clone()),
    ];
    let edit = (any::<Index>(), 0..12_usize, 0..4_u8, piece);
    let mutated =
        (prop::sample::select(seeds), prop::collection::vec(edit, 0..5)).prop_map(|(mut seed, edits)| {
            for (at, length, how, piece) in edits {
                edited(&mut seed, at, length, how, piece);
            }
            seed
        });
    prop_oneof![9 => mutated, 1 => any::<Vec<u8>>(), 1 => text().prop_map(String::into_bytes)]
}

fn edited(seed: &mut Vec<u8>, at: Index, length: usize, how: u8, piece: Vec<u8>) {
    let start = at.index(seed.len() + 1);
    let end = (start + length).min(seed.len());
    match how {
        0 => drop(seed.drain(start..end)),
        1 => drop(seed.splice(start..start, seed[start..end].to_vec())),
        2 => drop(seed.splice(start..end, piece)),
        _ => {
            let Some(from) = seed[start..].iter().position(u8::is_ascii_digit).map(|at| start + at) else {
                return;
            };
            let digits = seed[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            drop(seed.splice(from..from + digits, piece));
        }
    }
}

/// What fuzzing found once, file by file.
pub(super) fn regressions(name: &str) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(root().join("fuzz/regressions").join(name)) else { return Vec::new() };
    entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Fills the corpora of fuzzing, see `fuzz/README.md`.
#[test]
#[ignore = "writes to fuzz/corpus"]
fn seeds_for_fuzzing() {
    for name in super::NAMES {
        let folder = root().join("fuzz/corpus").join(name);
        fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds(name).into_iter().chain(regressions(name)).enumerate() {
            fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
        }
    }
}

/// Hostile depth: what reads JSON reads or refuses it within its stack, and in no time.
#[test]
fn depth_is_no_danger() {
    let deep = "[".repeat(100_000);
    let closed = format!("{deep}{}", "]".repeat(100_000));
    let fields = format!("{}1{}", "{\"data\":".repeat(100_000), "}".repeat(100_000));
    let begun = Instant::now();
    for text in [&deep, &closed, &fields] {
        let record = format!(
            r#"{{"v":1,"ts":"2026-01-01T00:00:00Z","type":"message","conn":1,"dir":"in","data":{text}}}"#
        );
        let har = format!(r#"{{"log":{{"entries":[],"x":{text}}}}}"#);
        assert!(crate::json::scan_str(text).is_err());
        for (dialect, _) in (0_u8..).zip(super::messages::known()) {
            super::dialects(&[&[dialect], text.as_bytes()].concat());
        }
        super::recording(text.as_bytes());
        super::recording(record.as_bytes());
        super::har(har.as_bytes());
        super::control(format!("{{\"data\":{text}}}").as_bytes());
    }
    // What is quadratic takes many times as long.
    assert!(begun.elapsed() < Duration::from_secs(60));
}

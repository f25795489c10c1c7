//! The tables of `format` against what the parsers take.

use std::collections::BTreeSet;

use super::format::{FileKey, FileTable, REQUIRED};

/// A parser: from a file to what was read of it, for comparisons, or to what is wrong.
pub(super) type ParseFile<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// The parser takes the keys of these tables and no others, with these defaults. `head` is the shortest file.
///
/// # Panics
/// If not.
pub(super) fn assert_parser_takes(tables: &[FileTable], head: &str, parse: ParseFile<'_>) {
    let headers = tables.iter().flat_map(|table| table.headers).copied();
    let paths: Vec<String> = headers.map(path_of).collect();
    let of_file = tables.iter().filter(|table| table.headers.is_empty()).flat_map(|table| table.keys);
    assert_eq!(keys_taken(parse, ""), keys_named(of_file, &paths, ""), "the file itself");
    for table in tables {
        for header in table.headers {
            let own = path_of(header);
            let start = start_of_table(head, header);
            let named = keys_named(table.keys.iter(), &paths, &own);
            if !named.contains("NAME") {
                assert_eq!(keys_taken(parse, &start), named, "{header}");
            }
            assert_values(table.keys, &start, parse);
        }
        if table.headers.is_empty() {
            assert_values(table.keys, "", parse);
        }
    }
}

/// Each key is taken with its example, and has its default if it is missing.
fn assert_values(keys: &[FileKey], start: &str, parse: ParseFile<'_>) {
    for key in keys {
        let others = keys.iter().filter(|other| other.default == REQUIRED && other.name != key.name);
        let start = others.fold(start.to_owned(), |text, other| text + &line(other, other.example));
        let with = |value: &str| parse(&(start.clone() + &line(key, value)));
        let read = with(key.example).unwrap_or_else(|why| panic!("{start}{}: {why}", key.name));
        assert!(is_of_kind(key), "{} is not of the kind {}", key.example, key.kind);
        let without = parse(&start);
        assert_eq!(without.is_err(), key.default == REQUIRED, "{start}{}: {without:?}", key.name);
        let Ok(without) = without else { continue };
        assert_ne!(read, without, "{start}{} has no effect", key.name);
        if value_of(key.default).is_some() {
            assert_eq!(with(key.default).unwrap(), without, "{start}{}: the default", key.name);
        }
    }
}

fn line(key: &FileKey, value: &str) -> String {
    format!("{} = {value}\n", key.name)
}

fn path_of(header: &str) -> String {
    header.trim_matches(['[', ']']).to_owned()
}

/// The beginning of a file up to the header of a table.
fn start_of_table(head: &str, header: &str) -> String {
    let before = match path_of(header).rsplit_once('.') {
        None if header == "[dialect]" => String::new(),
        Some(("on", _)) => format!("{head}\n[[on]]\n"),
        Some(("mock", _)) => format!("{head}\n[mock]\npath = '/'\n"),
        _ => format!("{head}\n"),
    };
    format!("{before}{header}\n").replace("CODE", "4000")
}

/// The keys that the tables name in the table of this path: its own, and the tables below it.
fn keys_named<'a>(keys: impl Iterator<Item = &'a FileKey>, paths: &[String], own: &str) -> BTreeSet<String> {
    let below = paths.iter().filter_map(|path| match own {
        "" => Some(path.as_str()),
        own => path.strip_prefix(own)?.strip_prefix('.'),
    });
    let first = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    keys.map(|key| key.name).chain(below).map(first).collect()
}

/// The keys that the parser takes there, which it names when it refuses another one.
fn keys_taken(parse: ParseFile<'_>, start: &str) -> BTreeSet<String> {
    let refused = parse(&format!("{start}no_such_key = 1\n")).unwrap_err();
    let expected = refused.split("expected").nth(1).unwrap_or_else(|| panic!("{start}: {refused}"));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn value_of(text: &str) -> Option<toml::Value> {
    format!("x = {text}").parse::<toml::Table>().ok()?.remove("x")
}

fn is_of_kind(key: &FileKey) -> bool {
    let value = value_of(key.example).unwrap();
    match key.kind {
        "boolean" => value.is_bool(),
        "integer" => value.is_integer(),
        "mask" => value.is_table(),
        "list of texts" | "list of masks" => value.is_array(),
        _ => value.is_str(),
    }
}

//! What is generated is committed, and as fresh as the code. `UPDATE=1 cargo test generated` writes it anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use wstap::testing::format::{self, FileTable};
use wstap::testing::{DIALECT_FILES, DIALECTS, EXIT_STATUSES, LIMITS, generate};

use crate::interop::works;
use crate::library::example;

const END: &str = "<!-- end -->";

#[test]
fn completions_and_manual_pages_are_fresh() {
    let fresh = tempfile::tempdir().unwrap();
    for (folder, write) in [
        ("completions", generate::write_completions as fn(&Path) -> std::io::Result<()>),
        ("man", generate::write_man_pages),
    ] {
        let committed = root().join(folder);
        if updating() {
            let _ = fs::remove_dir_all(&committed);
            write(&committed).unwrap();
        }
        write(&fresh.path().join(folder)).unwrap();
        assert_eq!(
            contents(&fresh.path().join(folder)),
            contents(&committed),
            "{folder}/ is stale: UPDATE=1 cargo test generated"
        );
    }
}

#[test]
fn manual_pages_are_valid_and_link_to_each_other() {
    let pages: Vec<PathBuf> =
        fs::read_dir(root().join("man")).unwrap().map(|page| page.unwrap().path()).collect();
    let texts: Vec<String> = pages.iter().map(|page| fs::read_to_string(page).unwrap()).collect();
    for page in &pages {
        let name = page.file_name().unwrap().to_str().unwrap();
        let (name, section) = name.rsplit_once('.').unwrap();
        let link = format!(".BR {} ({section})", name.replace('-', "\\-"));
        assert!(texts.iter().any(|text| text.contains(&link)), "no page refers to {name}({section})");
    }
    if works(Command::new("mandoc").args(["-T", "lint", "-W", "error", "/dev/null"]), "mandoc") {
        let lint =
            Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).args(&pages).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&lint.stdout), "");
    }
}

#[test]
fn the_exit_statuses_in_the_documents_are_fresh() {
    let mut table = String::from("| status | meaning |\n| --- | --- |\n");
    for (exit, meaning) in EXIT_STATUSES {
        table.push_str(&format!("| {} | {meaning} |\n", exit.code()));
    }
    for page in ["README.md", "docs/reference.md"] {
        is_fresh(page, "<!-- generated: exit statuses -->\n", &table);
    }
}

/// What stands after this line of a page is this table.
fn is_fresh(page: &str, start: &str, table: &str) {
    let path = root().join(page);
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(start).unwrap();
    let (committed, after) = rest.split_once(END).unwrap();
    if updating() {
        fs::write(&path, format!("{before}{start}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(committed, table, "{page} is stale: UPDATE=1 cargo test generated");
    }
}

#[test]
fn the_limits_in_the_reference_are_fresh() {
    let mut table = String::from("| what | limit | beyond it |\n| --- | --- | --- |\n");
    for limit in LIMITS {
        let bytes = match limit.bytes {
            bytes if bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
            bytes if bytes % (1 << 10) == 0 => format!("{} KiB", bytes >> 10),
            bytes => format!("{bytes} bytes"),
        };
        table.push_str(&format!("| {} | {bytes} | {} |\n", limit.what, limit.beyond));
    }
    is_fresh("docs/reference.md", "<!-- generated: limits in bytes -->\n", &table);
}

#[test]
fn the_format_of_dialects_in_the_reference_is_fresh() {
    let page = "docs/dialects.md";
    for (what, names) in
        [("variables", format::CLIENT_VARIABLES), ("variables of the mock", format::MOCK_VARIABLES)]
    {
        let rows: String =
            names.iter().map(|(name, meaning)| format!("| `${name}` | {meaning} |\n")).collect();
        let table = format!("| variable | value |\n| --- | --- |\n{rows}");
        is_fresh(page, &format!("<!-- generated: {what} -->\n"), &table);
    }
    for (version, tables) in [(2, format::VERSION_2), (1, format::VERSION_1)] {
        let text: String = tables.iter().map(keys_of_table).collect();
        is_fresh(page, &format!("<!-- generated: keys of version {version} -->\n"), &text);
    }
}

#[test]
fn the_list_of_built_in_dialect_files_is_fresh() {
    let mut text = String::new();
    for files in DIALECT_FILES.chunk_by(|one, next| one.group() == next.group()) {
        text.push_str(&format!("| {} | service | example |\n| --- | --- | --- |\n", files[0].group()));
        for file in files {
            let example = shlex::try_join(example(file.text).iter().map(String::as_str)).unwrap();
            // A bar in a cell is the end of the cell.
            let example = example.replace('|', "\\|");
            text.push_str(&format!("| `{}` | {} | `wstap {example}` |\n", file.name, file.summary()));
        }
        text.push('\n');
    }
    is_fresh("docs/dialects.md", "<!-- generated: built-in files -->\n", &text);
}

#[test]
fn the_fields_and_ids_of_a_report_are_fresh() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/schema/probe.schema.json")).unwrap();
    let fields = &schema["$defs"]["probe"]["properties"];
    let mut table = String::from("| field | content |\n| --- | --- |\n");
    for (name, field) in fields.as_object().unwrap() {
        table.push_str(&format!("| `{name}` | {} |\n", field["description"].as_str().unwrap()));
    }
    is_fresh("docs/probe.md", "<!-- generated: fields of a report -->\n", &table);

    let mut table = String::from("| in | which | ids |\n| --- | --- | --- |\n");
    for name in ["checks", "hints", "warnings"] {
        for group in fields[name]["items"]["properties"]["id"]["anyOf"].as_array().unwrap() {
            let ids = group["enum"].as_array().unwrap().iter().filter_map(Value::as_str);
            let ids: Vec<String> = ids.map(|id| format!("`{id}`")).collect();
            let which = group["description"].as_str().unwrap();
            table.push_str(&format!("| `{name}` | {which} | {} |\n", ids.join(", ")));
        }
    }
    is_fresh("docs/probe.md", "<!-- generated: ids of a report -->\n", &table);
}

/// A table of a dialect file in Markdown.
fn keys_of_table(table: &FileTable) -> String {
    let headers: Vec<String> = table.headers.iter().map(|header| format!("`{header}`")).collect();
    let start =
        if headers.is_empty() { "The file: ".to_owned() } else { format!("{}: ", headers.join(", ")) };
    let mut text = format!("{start}{}\n\n| key | value | default | meaning | example |\n", table.about);
    text.push_str("| --- | --- | --- | --- | --- |\n");
    for key in table.keys {
        let default = match key.default {
            "" | format::REQUIRED => key.default.to_owned(),
            default if default.contains(' ') => default.to_owned(),
            default => format!("`{default}`"),
        };
        text.push_str(&format!(
            "| `{}` | {} | {default} | {} | `{}` |\n",
            key.name, key.kind, key.meaning, key.example
        ));
    }
    text + "\n"
}

/// A limit that nothing asks for bounds nothing.
#[test]
fn every_limit_is_used_and_names_its_test() {
    let files: Vec<(PathBuf, String)> = ["src", "tests"]
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    for limit in LIMITS {
        let name = format!("limits::{}", limit.name);
        let uses = |code: &String| {
            let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            code.match_indices(&name).any(|(at, _)| {
                !code[at + name.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
            })
        };
        assert!(files.iter().any(|(_, code)| uses(code)), "{} is not used", limit.name);
        let (file, test) = limit.test.split_once("::").unwrap();
        let is_there = |(path, code): &(PathBuf, String)| {
            path.to_string_lossy().ends_with(&format!("/{file}.rs")) && code.contains(&format!("fn {test}()"))
        };
        assert!(files.iter().any(is_there), "{}: there is no test {}", limit.name, limit.test);
    }
}

#[test]
fn only_the_dialects_name_their_providers() {
    let own = root().join("src/dialect");
    for file in sources(&root().join("src")) {
        let text = fs::read_to_string(&file).unwrap().to_lowercase();
        // Tests are free to use a provider as their example.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let exempt = file.starts_with(&own) || file.to_string_lossy().ends_with("tests.rs");
        for dialect in DIALECTS.iter().filter(|dialect| dialect.name() != "plain") {
            assert!(exempt || !code.contains(dialect.name()), "{} names {}", file.display(), dialect.name());
        }
    }
}

#[test]
fn every_folder_of_sources_has_one_line_in_the_architecture() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let files = ["src", "tests/cli", "benches"].map(|folder| sources(&root().join(folder)));
    let folders = files.iter().flatten().map(|file| file.parent().unwrap().strip_prefix(root()).unwrap());
    let folders: BTreeSet<String> = folders.map(|folder| folder.display().to_string()).collect();
    let table = text.split("\n## ").find(|section| section.starts_with("Folders")).unwrap();
    let cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let named: Vec<&str> = cells.flat_map(|(cell, _)| cell.split("`, `")).collect();
    assert_eq!(named.len(), named.iter().collect::<BTreeSet<_>>().len(), "twice in the table");
    assert_eq!(
        named.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(),
        &folders - &BTreeSet::from(["benches".to_owned()])
    );
}

#[test]
fn every_promise_of_security_names_a_test_that_there_is() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let files: Vec<PathBuf> =
        ["src", "tests"].iter().flat_map(|folder| sources(&root().join(folder))).collect();
    let mut named = 0;
    for row in text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise")) {
        let tests: Vec<_> = row.split('`').filter_map(|code| code.split_once("::")).collect();
        assert!(!tests.is_empty() || row.starts_with("| --- "), "no test: {row}");
        for (file, test) in tests {
            let function = format!("fn {test}() {{");
            let of_name =
                files.iter().filter(|path| path.to_string_lossy().ends_with(&format!("/{file}.rs")));
            let code: String = of_name.map(|path| fs::read_to_string(path).unwrap()).collect();
            let before = code.split_once(&function).unwrap_or_else(|| panic!("no {file}::{test}")).0;
            let attribute = before.trim_end_matches("async ").trim_end().lines().next_back();
            assert!(
                attribute.is_some_and(|line| line.contains("test]") || line.contains("test(")),
                "{file}::{test} is no test"
            );
            named += 1;
        }
    }
    assert!(named > 30, "{named}");
}

fn updating() -> bool {
    std::env::var_os("UPDATE").is_some()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn contents(dir: &Path) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

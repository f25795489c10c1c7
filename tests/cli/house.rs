//! The structure of the sources: which way folders import each other, and how many types share a name. With
//! `just house`, or `cargo test --test cli house -- --nocapture`, the figures are printed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the crate, the lowest first: a module imports only those before it.
const LAYERS: &[&str] = &[
    "sys",
    "exit",
    "limits",
    "did_you_mean",
    "clock",
    "waiting",
    "text",
    "key",
    "rendezvous",
    "json",
    "secret",
    "file",
    "replace",
    "ring",
    "error",
    "pem",
    "message",
    "frames",
    "codec",
    "campaign",
    "event",
    "report",
    "handshake",
    "net",
    "pipeline",
    "har",
    "input",
    "provider",
    "mock",
    "dialect",
    "session",
    "sink",
    "share",
    "signals",
    "sessions",
    "repl",
    "watch",
    "probe",
    "cli",
    "config",
    "commands",
];

/// Names that mean more than one type, each private to one file, where a longer name would say less: what matters of a
/// message that is pushed into a mock, in three providers' words, and what a mock's made-up world does next. Add none.
const SHARED_NAMES: &[&str] = &["Pushed", "Task"];

/// Longer files are printed, since they may have two subjects.
const LONG_FILE: usize = 600;

/// A source file of the crate, without its tests.
struct SourceFile {
    /// Relative to `src`.
    name: String,
    lines: usize,
    code: String,
}

impl SourceFile {
    fn module(&self) -> &str {
        self.name.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// Lines that hold code.
    fn lines_of_code(&self) -> usize {
        self.code.lines().filter(|line| !line.trim().is_empty()).count()
    }

    /// What follows `crate::`, each name of a group in braces.
    fn imports(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (at, found) in self.code.match_indices("crate::") {
            let rest = &self.code[at + found.len()..];
            let Some(group) = rest.strip_prefix('{') else {
                names.insert(word(rest));
                continue;
            };
            let mut depth = 0;
            let is_own_comma = |c: char| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                depth == 0 && c == ','
            };
            let end = group.find(';').unwrap_or(group.len());
            names.extend(group[..end].split(is_own_comma).map(word));
        }
        names
    }

    fn types(&self) -> Vec<String> {
        let words: Vec<&str> = self.code.split_whitespace().collect();
        let is_keyword = |text: &str| matches!(text, "struct" | "enum" | "trait" | "union");
        let defined = words.windows(2).filter(|pair| is_keyword(pair[0])).map(|pair| word(pair[1]));
        defined.filter(|name| name.starts_with(char::is_uppercase)).collect()
    }
}

fn word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn sources() -> Vec<SourceFile> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![src.clone()];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let sources = files.into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(&src).unwrap().display().to_string();
        let own = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code: Vec<&str> = own.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
        SourceFile { name, lines: text.lines().count(), code: code.join("\n") }
    });
    // It defines the same names as unix.rs.
    let is_twin = |name: &str| name == "sys/windows.rs";
    let is_test = |name: &str| {
        name.ends_with("tests.rs") || name.ends_with("testing.rs") || name.starts_with("hostile/")
    };
    sources
        .filter(|file| file.name.ends_with(".rs") && !is_test(&file.name) && !is_twin(&file.name))
        .collect()
}

/// The imports between modules, as file and module.
fn imports(sources: &[SourceFile]) -> Vec<(&SourceFile, String)> {
    let modules: BTreeSet<&str> = sources.iter().map(SourceFile::module).collect();
    let of_file = |file| SourceFile::imports(file).into_iter().map(move |to| (file, to));
    let all = sources.iter().filter(|file| !matches!(file.module(), "main" | "lib")).flat_map(of_file);
    all.filter(|(file, to)| modules.contains(to.as_str()) && file.module() != to).collect()
}

#[test]
fn folders_import_in_one_direction() {
    let sources = sources();
    let layer = |module: &str| {
        let found = LAYERS.iter().position(|layer| *layer == module);
        found.unwrap_or_else(|| panic!("{module} has no place in LAYERS"))
    };
    let imports = imports(&sources);
    let is_upward = |(file, to): &&(&SourceFile, String)| layer(file.module()) < layer(to);
    let upward: Vec<_> = imports.iter().filter(is_upward).map(|(file, to)| (&file.name, to)).collect();
    assert!(upward.is_empty(), "imports of a module above: {upward:?}");
}

/// What depends on the system that the crate is built for. All of it is in `src/sys`.
const OF_A_SYSTEM: &[&str] = &[
    "cfg(unix",
    "cfg(windows",
    "cfg(not(unix",
    "cfg(not(windows",
    "target_os",
    "target_family",
    "rustix::",
    "console::",
    "std::os::",
    "signal::unix",
    "signal::windows",
    "signal::ctrl_c",
    "io::unix",
    "UnixStream",
    "UnixListener",
    "/dev/tty",
    "/bin/sh",
    "Command::new(\"sh\")",
];

#[test]
fn what_differs_between_systems_is_in_one_module() {
    let sources = sources();
    let others = sources.iter().filter(|file| file.module() != "sys");
    let found =
        |file: &&SourceFile| OF_A_SYSTEM.iter().filter(|name| file.code.contains(**name)).collect::<Vec<_>>();
    let found: Vec<_> =
        others.map(|file| (&file.name, found(&file))).filter(|(_, names)| !names.is_empty()).collect();
    assert!(found.is_empty(), "put these into src/sys: {found:?}");
}

#[test]
fn a_name_means_one_type() {
    let sources = sources();
    let mut files: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for file in &sources {
        file.types().into_iter().for_each(|name| files.entry(name).or_default().push(&file.name));
    }
    let types = files.len();
    let known: BTreeSet<&str> = SHARED_NAMES.iter().copied().collect();
    files.retain(|_, files| files.len() > 1);
    let gone: Vec<_> = known.iter().filter(|name| !files.contains_key(**name)).collect();
    print_figures(&sources, files.len(), types);
    files.retain(|name, _| !known.contains(name.as_str()));
    assert!(files.is_empty(), "names that another type has already: {files:#?}");
    assert!(gone.is_empty(), "these mean one type now, remove them from SHARED_NAMES: {gone:?}");
}

#[expect(clippy::print_stdout, reason = "for people, who ask for it with --nocapture")]
fn print_figures(sources: &[SourceFile], shared: usize, types: usize) {
    let code: usize = sources.iter().map(SourceFile::lines_of_code).sum();
    println!("lines of code in src: {code}, in {} files", sources.len());
    println!("type names that mean more than one type: {shared} of {types}, {} %", 100 * shared / types);
    let edges: BTreeSet<(String, String)> =
        imports(sources).into_iter().map(|(file, to)| (file.module().to_owned(), to)).collect();
    let mutual = edges.iter().filter(|(from, to)| from < to && edges.contains(&(to.clone(), from.clone())));
    let mutual: Vec<String> = mutual.map(|(one, other)| format!("{one} and {other}")).collect();
    println!("modules that import each other: {}", mutual.join(", "));
    let mut long: Vec<(usize, &str)> = sources
        .iter()
        .map(|file| (file.lines, file.name.as_str()))
        .filter(|(lines, _)| *lines > LONG_FILE)
        .collect();
    long.sort_unstable_by(|one, other| other.cmp(one));
    println!("files of more than {LONG_FILE} lines: {}", long.len());
    long.iter().for_each(|(lines, name)| println!("  {lines:>5} {name}"));
}

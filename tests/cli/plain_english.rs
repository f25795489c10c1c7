//! The texts that a user reads avoid phrases that are hard to understand, and fit their columns.

use std::fs;
use std::path::{Path, PathBuf};

use wstap::testing::manual::{self, ManualPage};

use crate::harness::wstap;
use crate::pty::on_pty;

const COMMANDS: [&str; 8] =
    ["", "connect", "subscribe", "watch-campaign", "probe-handshake", "serve-mock", "completions", "man"];

/// Phrases that make a reader look for what they refer to, or that are not idiomatic.
const HABITS: [&str; 27] = [
    " told",
    " is no ",
    " are none",
    " is none",
    "whoever",
    "whatever there is",
    "anew",
    "all the same",
    "leave it away",
    "away with",
    "in the place of",
    "goes before it",
    "what is",
    "what was",
    "what there is",
    "what it wants",
    "that of the",
    "those of",
    "of one's own",
    "wants to be",
    "is wanted",
    "has to be looked",
    "of itself",
    "by itself",
    "colour",
    "behaviour",
    "hint: is the",
];

#[test]
fn help_and_manual_pages_are_in_plain_english() {
    for command in COMMANDS {
        for help in ["-h", "--help"] {
            let words: Vec<&str> = [command, help].into_iter().filter(|word| !word.is_empty()).collect();
            let text = wstap(&words).run().exits(0).stdout.clone();
            is_plain(&words.join(" "), &text);
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{words:?} is wider than 80 columns: {line}");
            }
        }
    }
    for page in manual::pages().unwrap() {
        is_plain(&page.name, &String::from_utf8(page.text).unwrap().replace('\\', ""));
    }
}

#[test]
fn documents_are_in_plain_english() {
    for page in documents() {
        is_plain(&page.display().to_string(), &fs::read_to_string(&page).unwrap());
    }
}

#[test]
fn manual_pages_have_their_sections_and_refer_to_pages_that_exist() {
    let pages = manual::pages().unwrap();
    let names: Vec<&str> = pages.iter().map(|page| page.name.as_str()).collect();
    for ManualPage { name, section, text } in &pages {
        let text = String::from_utf8(text.clone()).unwrap().replace("\\-", "-");
        let sections = ["SEE ALSO", "ENVIRONMENT", "FILES", "EXIT STATUS"];
        for heading in &sections[..if *section == 1 { 4 } else { 1 }] {
            assert!(text.contains(&format!(".SH {heading:?}")), "{name} has no {heading}");
        }
        let helper = ["wstap-completions", "wstap-man"].contains(&name.as_str());
        assert!(helper || text.replace('"', "").contains(".SH EXAMPLES"), "{name} has no EXAMPLES");
        let title = text.lines().find(|line| line.starts_with(".TH ")).unwrap();
        assert!(title.split(['"', ' ']).any(|word| word.len() == 10 && word.starts_with("20")), "{title}");
        for verbatim in text.split("\n.nf\n").skip(1).map(|rest| rest.split("\n.fi").next().unwrap()) {
            // The page indents by 7 columns.
            let widest = verbatim.replace("\\(aq", "'").replace("\\(ga", "`").replace("\\e", "\\");
            for line in widest.lines() {
                assert!(line.trim_start_matches("\\&").chars().count() <= 71, "{name}: {line}");
            }
        }
        let words = text.split(|c: char| !c.is_alphanumeric() && !"-()".contains(c));
        let references = text.lines().filter_map(|line| line.strip_prefix(".BR ")?.split(' ').next());
        for page in
            references.chain(words.filter_map(|word| word.strip_suffix("(1)")).filter(|it| !it.is_empty()))
        {
            assert!(names.contains(&page), "{name} refers to {page}(1), which does not exist");
        }
    }
}

#[test]
fn a_manual_page_is_printed_into_a_pipe_and_shown_on_a_terminal() {
    let page = wstap(&["man", "connect"]).run().exits(0).stdout.clone();
    assert!(page.contains(".TH WSTAP-CONNECT 1"), "{page}");
    assert_eq!(wstap(&["man", "sub"]).run().exits(0).stdout, wstap(&["man", "subscribe"]).run().stdout);
    assert!(wstap(&["man", "records"]).run().exits(0).stdout.contains(".TH WSTAP-RECORDS 5"));
    wstap(&["man", "nosuch"]).run().exits(2).says("nosuch");
    let bin = tempfile::tempdir().unwrap();
    let man = bin.path().join("man");
    fs::write(&man, "#!/bin/sh\necho \"shown: ${1##*/}\"\n").unwrap();
    fs::set_permissions(&man, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap());
    let shown = on_pty(&["man", "connect"]).env("PATH", &path).spawn();
    shown.shows("shown: wstap-connect.1");
    shown.exits(0);
}

fn is_plain(name: &str, text: &str) {
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    // Code is no sentence; the names of tests in SECURITY.md are code.
    text = text.split('`').step_by(2).collect::<Vec<_>>().join("CODE");
    for habit in HABITS {
        let found = text.find(habit).map(|at| text[at..].chars().take(60).collect::<String>());
        assert!(found.is_none(), "{name}: rewrite {:?}", found.unwrap_or_default());
    }
}

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let named = ["README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md", "ARCHITECTURE.md"];
    pages.chain(named.map(|name| root.join(name))).collect()
}

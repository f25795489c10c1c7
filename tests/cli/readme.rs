//! Every command of README.md and docs/ is run, and prints what the page says.

use std::path::Path;
use std::process::Command;

/// One command of a console block: the line after `$ `, the exit status from a comment at its end, the lines it
/// prints to standard output.
struct Example {
    command: String,
    status: i32,
    output: String,
}

/// Runs all console blocks of a page in one folder, as a reader would who types one after the other, and writes the files
/// that the page shows between them.
fn holds(page: &str) {
    let dir = tempfile::tempdir().unwrap();
    for block in read(page).split("```").skip(1).step_by(2) {
        match block.split_once('\n') {
            Some(("console", block)) => run(&examples(block), dir.path()),
            Some(("toml", block)) => write_file(block, dir.path()),
            _ => {}
        }
    }
}

/// Writes a block whose first line is `# NAME.toml`, or appends one whose first line is `# NAME.toml, continued`.
fn write_file(block: &str, dir: &Path) {
    let Some(name) = block.lines().next().and_then(|line| line.strip_prefix("# ")) else { return };
    let (name, continues) = name.strip_suffix(", continued").map_or((name, false), |name| (name, true));
    if !name.ends_with(".toml") || name.contains('/') {
        return;
    }
    let path = dir.join(name);
    let before = if continues { std::fs::read_to_string(&path).unwrap() + "\n" } else { String::new() };
    std::fs::write(path, before + block).unwrap();
}

fn read(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A test for each page that has examples, so that they run side by side.
macro_rules! pages {
    ($($name:ident: $page:literal,)*) => {
        $(#[test]
        fn $name() {
            holds($page);
        })*

        #[test]
        fn every_page_with_examples_is_run() {
            for page in docs() {
                let run = [$($page),*].contains(&page.as_str());
                assert_eq!(run, read(&page).contains("```console\n"), "{page}");
            }
        }
    };
}

pages! {
    readme: "README.md",
    binary_and_compressed: "docs/binary-and-compressed.md",
    delivery: "docs/delivery.md",
    dialects: "docs/dialects.md",
    filters: "docs/filters.md",
    guide: "docs/guide.md",
    mock: "docs/mock.md",
    probe: "docs/probe.md",
    providers: "docs/providers.md",
    record_and_replay: "docs/record-and-replay.md",
    reference: "docs/reference.md",
}

#[test]
fn links_between_pages_lead_somewhere() {
    for page in ["README.md", "CONTRIBUTING.md"].map(str::to_owned).into_iter().chain(docs()) {
        let text = read(&page);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                page.clone()
            } else {
                let folder = Path::new(&page).parent().unwrap();
                folder.join(file).to_str().unwrap().to_owned()
            };
            let path = root().join(&target);
            assert!(path.exists(), "{page}: {link}");
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let found =
                anchor.is_empty() || text.lines().any(|line| line.starts_with('#') && slug(line) == anchor);
            assert!(found, "{page}: {link}");
        }
    }
}

#[test]
fn the_book_has_every_page_once() {
    let summary = read("docs/SUMMARY.md");
    for page in docs().filter(|page| page != "docs/SUMMARY.md") {
        let link = format!("]({})", page.strip_prefix("docs/").unwrap());
        assert_eq!(summary.matches(&link).count(), 1, "{page} in docs/SUMMARY.md");
    }
}

/// The pages under docs/.
fn docs() -> impl Iterator<Item = String> {
    let files = std::fs::read_dir(root().join("docs")).unwrap();
    let names = files.map(|file| format!("docs/{}", file.unwrap().file_name().to_str().unwrap()));
    names.filter(|name| name.ends_with(".md"))
}

/// The anchor of a heading, as GitHub makes it.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn the_readme_is_short() {
    let bytes = read("README.md").len();
    assert!(bytes <= 10 * 1024, "{bytes} bytes");
}

#[test]
fn the_first_command_prints_five_lines() {
    let readme = read("README.md");
    let block = blocks(&readme, "```sh\n").find(|block| block.starts_with("cargo run")).unwrap();
    let lines: Vec<&str> = block.lines().collect();
    assert_eq!(lines[1], "cargo test");
    let command = lines[0].strip_prefix("cargo run --release --").unwrap();
    let output = shell(&format!("wstap {command}"), &tempfile::tempdir().unwrap().path().join(""));
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 5);
}

/// The health check and the workflow step, against a mock that is there and one that is not.
#[test]
fn the_checks_for_containers_and_workflows_work() {
    let page = read("docs/probe.md");
    let dockerfile = blocks(&page, "```dockerfile\n").next().unwrap();
    let words: Vec<String> = serde_json::from_str(dockerfile.split_once("CMD ").unwrap().1).unwrap();
    let health = words.join(" ").replace("ws://127.0.0.1:8080/ws", "$(cat url)");
    let step = blocks(&page, "```yaml\n").next().unwrap().split_once("run: |\n").unwrap().1;
    let step = step.replace("wss://staging.example.com/ws --live", "$(cat url) --live -x hi");
    for (check, serve) in [(health, ""), (step, "--tls --ca-file ca.pem")] {
        assert!(check.contains("$(cat url)"), "{check}");
        let script = format!(
            "wstap serve-mock plain {serve} --port-file url > /dev/null 2>&1 & mock=$!\n\
             until [ -f url ]; do sleep 0.05; done\n\
             export SSL_CERT_FILE=ca.pem\n\
             (set -e\n{check}) > /dev/null\necho $?\nkill $mock; wait $mock\n({check}) > /dev/null\necho $?"
        );
        let dir = tempfile::tempdir().unwrap();
        let output = shell(&script, dir.path());
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(stdout, "0\n1\n", "{script}\n{stderr}");
        assert!(stderr.contains("check failed: --expect-status 101 (actual: no response)"), "{stderr}");
    }
}

/// Runs the commands of a block one after the other in one shell, as a reader would.
fn run(examples: &[Example], dir: &Path) {
    let mut script = String::from("trap 'kill $(jobs -p) 2>/dev/null' EXIT\n");
    for example in examples {
        script.push_str(&format!("{}\necho \"=== $?\"\n", example.command));
    }
    let output = shell(&script, dir);
    let expected: String =
        examples.iter().map(|example| format!("{}=== {}\n", example.output, example.status)).collect();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{script}\n{stderr}");
}

fn shell(script: &str, dir: &Path) -> std::process::Output {
    let binary = Path::new(env!("CARGO_BIN_EXE_wstap"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    Command::new("bash").args(["-c", script]).current_dir(dir).env("PATH", path).output().unwrap()
}

fn blocks<'a>(text: &'a str, fence: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default())
}

fn examples(block: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), examples.last_mut()) {
            (Some(command), _) => {
                let status =
                    command.rsplit_once(" # ").and_then(|(_, status)| status.parse().ok()).unwrap_or(0);
                examples.push(Example { command: command.to_owned(), status, output: String::new() });
            }
            (None, Some(example)) => example.output.push_str(&format!("{line}\n")),
            (None, None) => panic!("a console block starts with a command: {block}"),
        }
    }
    examples
}

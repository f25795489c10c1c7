//! What a release is made of: archives, the installer, the formula, and workflows that run only what they name.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sha2::{Digest as _, Sha256};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The target that the installer chooses on this machine.
fn target() -> String {
    let system = if cfg!(target_os = "macos") { "apple-darwin" } else { "unknown-linux-musl" };
    format!("{}-{system}", std::env::consts::ARCH)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// A folder of releases with one in it, whose "binary" is a script.
fn releases(folder: &Path, target: &str) -> PathBuf {
    let binary = folder.join(if target.contains("windows") { "wstap.exe" } else { "wstap" });
    fs::write(&binary, "#!/bin/sh\necho released\n").unwrap();
    let release = folder.join(format!("releases/download/v{VERSION}"));
    let packed = run(Command::new("sh").arg(root().join("packaging/archive.sh")).args([
        target,
        binary.to_str().unwrap(),
        release.to_str().unwrap(),
    ]));
    assert!(packed.status.success(), "{packed:?}");
    let archive = PathBuf::from(String::from_utf8(packed.stdout).unwrap().trim());
    let sum = Sha256::digest(fs::read(&archive).unwrap());
    let name = archive.file_name().unwrap().to_str().unwrap();
    let hex: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(release.join("SHA256SUMS"), format!("{hex}  {name}\n")).unwrap();
    folder.join("releases")
}

fn install(releases: &Path, into: &Path) -> Output {
    run(&mut installer(releases, into))
}

fn installer(releases: &Path, into: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg(root().join("packaging/install.sh")).arg(VERSION);
    command.env("WSTAP_RELEASES", format!("file://{}", releases.display())).env("WSTAP_INSTALL_DIR", into);
    command
}

#[test]
fn the_installer_takes_the_binary_out_of_an_archive_whose_checksum_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let releases = releases(folder.path(), &target());
    let bin = folder.path().join("a bin");
    let installed = install(&releases, &bin);
    assert!(installed.status.success(), "{installed:?}");
    let ran = run(&mut Command::new(bin.join("wstap")));
    assert_eq!(ran.stdout, b"released\n");
    // Nothing else is left in the folder.
    assert_eq!(fs::read_dir(&bin).unwrap().count(), 1);

    let sums = releases.join(format!("download/v{VERSION}/SHA256SUMS"));
    let right = fs::read_to_string(&sums).unwrap();
    fs::write(&sums, format!("{}{}", "0".repeat(64), &right[64..])).unwrap();
    let other = folder.path().join("other");
    let refused = install(&releases, &other);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("checksum"), "{refused:?}");
    assert!(!other.join("wstap").exists());
}

/// Git Bash on Windows, as on the runners of GitHub Actions, says so by `uname`.
#[test]
fn the_installer_takes_the_archive_for_windows_in_git_bash() {
    let tools = run(Command::new("sh").args(["-c", "command -v zip && command -v unzip"]));
    if !tools.status.success() {
        eprintln!("skipped: zip and unzip are not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let releases = releases(folder.path(), "x86_64-pc-windows-msvc");
    let tools = folder.path().join("tools");
    fs::create_dir(&tools).unwrap();
    fs::write(tools.join("uname"), "#!/bin/sh\necho MINGW64_NT-10.0-26100\n").unwrap();
    fs::set_permissions(tools.join("uname"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let bin = folder.path().join("bin");
    let installed = run(installer(&releases, &bin).env("PATH", path));
    assert!(installed.status.success(), "{installed:?}");
    assert_eq!(run(&mut Command::new(bin.join("wstap.exe"))).stdout, b"released\n");
}

#[test]
fn the_formula_names_the_archives_of_a_release() {
    let folder = tempfile::tempdir().unwrap();
    let sums = folder.path().join("SHA256SUMS");
    let workflow = fs::read_to_string(root().join(".github/workflows/release.yml")).unwrap();
    let targets: Vec<&str> =
        workflow.split("{ target: ").skip(1).filter_map(|rest| rest.split(',').next()).collect();
    assert!(targets.contains(&target().as_str()), "{targets:?}");
    let lines = targets.iter().map(|target| format!("{}  wstap-9.8.7-{target}.tar.gz\n", "a".repeat(64)));
    fs::write(&sums, lines.collect::<String>()).unwrap();
    let formula =
        run(Command::new("sh").arg(root().join("packaging/homebrew.sh")).arg("9.8.7").arg(&sums)).stdout;
    let formula = String::from_utf8(formula).unwrap();
    assert_eq!(formula.matches("/releases/download/v9.8.7/wstap-9.8.7-").count(), 4, "{formula}");
    assert_eq!(formula.matches(&"a".repeat(64)).count(), 4, "{formula}");
}

#[test]
fn the_notes_of_a_release_are_its_section_of_the_changelog() {
    let notes = |version| run(Command::new("sh").arg(root().join("packaging/notes.sh")).arg(version));
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let newest = changelog.lines().find_map(|line| line.strip_prefix("## ")).unwrap();
    let text = notes(newest.split(' ').next().unwrap()).stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("### ") && !text.contains("\n## "), "{text}");
    assert!(changelog.contains(text.trim()));
    assert!(!notes("9.8.7").status.success());
}

/// The most that a published crate may have, compressed.
const LARGEST_CRATE: usize = 2_000_000;

#[test]
fn the_published_crate_is_small_and_has_what_people_need() {
    let list = run(Command::new(env!("CARGO"))
        .args(["package", "--list", "--allow-dirty", "--offline", "--locked"])
        .current_dir(root()));
    assert!(list.status.success(), "{list:?}");
    let list = String::from_utf8(list.stdout).unwrap();
    let files: Vec<&str> = list.lines().collect();
    for needed in
        ["Cargo.lock", "LICENSE-MIT", "LICENSE-APACHE", "README.md", "man/wstap.1", "completions/_wstap"]
    {
        assert!(files.contains(&needed), "{needed} is not published");
    }
    let unneeded =
        |file: &&&str| file.starts_with(".git") || file.starts_with("fuzz/") || file.starts_with("target/");
    assert_eq!(files.iter().find(unneeded), None);
    let mut crate_file = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    // Cargo itself writes the others.
    for content in files.iter().filter_map(|file| fs::read(root().join(file)).ok()) {
        crate_file.write_all(&content).unwrap();
    }
    let bytes = crate_file.finish().unwrap().len();
    assert!(bytes < LARGEST_CRATE, "{bytes} bytes");
}

#[test]
fn workflows_run_other_peoples_actions_by_their_hash() {
    let files = fs::read_dir(root().join(".github/workflows")).unwrap();
    for file in files.map(|file| file.unwrap().path()).chain([root().join("action.yml")]) {
        let text = fs::read_to_string(&file).unwrap();
        for used in text.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses: "))
        {
            let (action, version) = used.split_once('@').unwrap_or((used, ""));
            let hash = version.split_whitespace().next().unwrap_or_default();
            let pinned = hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(pinned || action.starts_with("./"), "{}: {used}", file.display());
        }
    }
}

//! Files that are replaced as a whole, and what may be in their place.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::harness::{Output, wstap};

/// A folder with files of somebody else under every name that such a file could have beside it.
struct Shared(tempfile::TempDir);

impl Shared {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("victim"), "victim").unwrap();
        let stem = name.split('.').next().unwrap();
        for draft in [".partial", ".tmp", ".new", "~"] {
            fs::write(folder.path().join(format!("{name}{draft}")), "draft").unwrap();
            symlink("victim", folder.path().join(format!("{stem}{draft}"))).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Only this file has come.
    #[track_caller]
    fn has_only(&self, name: &str) {
        for entry in fs::read_dir(self.0.path()).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            match path.file_name().unwrap().to_str().unwrap() {
                found if found == name => assert!(text != "draft" && text != "victim", "{found}"),
                "victim" => assert_eq!(text, "victim"),
                found if path.is_symlink() => assert_eq!(text, "victim", "{found}"),
                found => assert_eq!(text, "draft", "{found}"),
            }
        }
        assert_eq!(fs::read_dir(self.0.path()).unwrap().count(), 10);
    }
}

fn mode(path: &str) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn mock(args: &[&str]) -> Output {
    wstap(&["serve-mock", "-q", "plain"]).args(args).args(&["--exec", "true"]).run()
}

fn record(har: &str) -> Output {
    wstap(&["connect", "--mock", "-q", "-x", "hi", "--count", "1", "--record", har]).run()
}

#[test]
fn no_file_of_somebody_else_is_written_to() {
    let shared = Shared::new("mock.url");
    mock(&["--port-file", &shared.path("mock.url")]).exits(0);
    shared.has_only("mock.url");
    let shared = Shared::new("ca.pem");
    mock(&["--tls", "--ca-file", &shared.path("ca.pem")]).exits(0);
    shared.has_only("ca.pem");
    let shared = Shared::new("s.har");
    record(&shared.path("s.har")).exits(0);
    shared.has_only("s.har");
    assert_eq!(mode(&shared.path("s.har")), 0o600);
    assert!(fs::read_to_string(shared.path("s.har")).unwrap().starts_with("{\"log\""));
    let shared = Shared::new("kadoa.cursor");
    let cursor = shared.path("kadoa.cursor");
    let run = wstap(&["subscribe", "--mock=--rate max --events 400", "-d", "kadoa", "-q", "--count", "300"]);
    run.args(&["--cursor-file", &cursor]).run().exits(0);
    shared.has_only("kadoa.cursor");
    assert_eq!(mode(&cursor), 0o600);
}

#[test]
fn links_stay_and_modes_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    for name in ["url", "har.har", "ca"] {
        fs::write(at(&format!("real-{name}")), "old").unwrap();
        fs::set_permissions(at(&format!("real-{name}")), fs::Permissions::from_mode(0o640)).unwrap();
        symlink(format!("real-{name}"), at(name)).unwrap();
    }
    mock(&["--port-file", &at("url"), "--tls", "--ca-file", &at("ca")]).exits(0);
    record(&at("har.har")).exits(0);
    for name in ["url", "har.har", "ca"] {
        assert!(Path::new(&at(name)).is_symlink(), "{name}");
        let real = at(&format!("real-{name}"));
        assert_ne!(fs::read_to_string(&real).unwrap(), "old");
        assert_eq!(mode(&real), 0o640, "{name}");
    }
}

#[test]
fn streams_are_written_to_and_stay_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let fifo = at("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let is_fifo = || fs::metadata(&fifo).unwrap().file_type().is_fifo();
    // Nobody reads it, and the mock runs all the same.
    mock(&["--port-file", &fifo]).exits(0);
    assert!(is_fifo());
    let mut running = wstap(&["serve-mock", "plain", "--port-file", &fifo]).spawn();
    let url = running.line();
    assert_eq!(fs::read_to_string(&fifo).unwrap(), url);
    assert!(is_fifo());
    assert!(mock(&["--port-file", "/dev/stdout"]).exits(0).stdout.starts_with("ws://"));
    mock(&["--port-file", "/dev/null"]).exits(0);
    mock(&["--port-file", "/dev/full"]).exits(30).says("/dev/full");
    for device in ["/dev/null", "/dev/full"] {
        assert!(fs::metadata(device).unwrap().file_type().is_char_device());
    }
}

#[test]
fn standard_output_in_a_file_has_all_that_is_written_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, path) in [("stdout", "/dev/stdout"), ("fd", "/dev/fd/1"), ("proc", "/proc/self/fd/1")] {
        let to = fs::File::create(at(name)).unwrap();
        let run = wstap(&["serve-mock", "-q", "plain", "--announce", "url", "--port-file", path]);
        run.args(&["--exec", "echo", "end"]).stdout(to).run().exits(0);
        let text = fs::read_to_string(at(name)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[2]), (3, lines[1], "end"), "{text}");
    }
}

#[test]
fn what_is_read_again_is_a_regular_file() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("pipe.har").display().to_string();
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    record(&fifo).exits(2).says("not a regular file");
    for path in [&fifo, "/dev/null", "/dev/full"] {
        let run = wstap(&["subscribe", "--mock", "-d", "kadoa", "--count", "1", "--cursor-file", path]);
        run.run().exits(2).says("not a regular file");
    }
}

/// Every option that names a file which is read whole, each with a file without an end.
#[test]
fn no_file_without_an_end_is_read() {
    const ENDLESS: &str = "/dev/zero";
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let cert = folder.path().join("cert.pem").display().to_string();
    fs::write(&cert, made.cert.pem()).unwrap();
    let url = "wss://127.0.0.1:1/";
    let cases: &[&[&str]] = &[
        &["connect", url, "--cacert", ENDLESS],
        &["connect", url, "--cert", ENDLESS],
        &["connect", url, "--cert", &cert, "--key", ENDLESS],
        &["connect", url, "-H", "@/dev/zero"],
        &["connect", url, "-u", "@/dev/zero"],
        &["connect", url, "--token-file", ENDLESS],
        &["probe-handshake", url, "--cacert", ENDLESS],
        &["subscribe", "-d", "voipbin", "--mock", "--topics-file", ENDLESS],
        &["subscribe", "-d", ENDLESS, "--url", url, "t"],
        &["subscribe", "-d", "kadoa", "--mock", "--cursor-file", ENDLESS],
        &["connect", "--mock", "--filter-file", ENDLESS],
        &["serve-mock", "--scenario", ENDLESS],
        &["serve-mock", "--control-token-file", ENDLESS],
        &["serve-mock", "--cert", ENDLESS],
        &["serve-mock", "--cert", &cert, "--key", ENDLESS],
    ];
    for args in cases {
        wstap(args).run().exits(2).says(ENDLESS);
    }
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        wstap(&["connect", url]).env(variable, ENDLESS).run().exits(2).says(ENDLESS);
    }
    let config = folder.path().join("wstap");
    fs::create_dir_all(config.join("dialects")).unwrap();
    let home = folder.path().to_str().unwrap();
    symlink(ENDLESS, config.join("dialects/z.toml")).unwrap();
    wstap(&["subscribe", "-d", "z", "t"]).env("XDG_CONFIG_HOME", home).run().exits(2).says("z");
    symlink(ENDLESS, config.join("config.toml")).unwrap();
    wstap(&["connect", "@p"]).env("XDG_CONFIG_HOME", home).run().exits(2).says("larger than");
}

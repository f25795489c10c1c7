//! The tap between other implementations: npm's `ws` and Python's `websockets`, as clients and as servers, and Chromium as
//! a client. Where they are not installed, the tests say so and check nothing; `.ci/run` installs the libraries.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::wstap;
use crate::interop::{Library, Peer, libraries, works};

/// The seed of the random messages.
const SEED: &str = "7";

/// How many messages there are; `WSTAP_TEST_ROUNDS` multiplies it.
fn count() -> String {
    let rounds = std::env::var("WSTAP_TEST_ROUNDS").map_or(1, |rounds| rounds.parse().expect("a number"));
    (60 * rounds).to_string()
}

/// A client sends random messages to this echo through a tap, and then to the recording. It gives a digest of what it got.
fn goes_through_the_tap_and_gets_the_same_again(
    name: &str,
    server: &Library,
    client: &dyn Fn(&str) -> String,
) {
    let folder = tempfile::tempdir().unwrap();
    let mut peer = Peer::any_length(server);
    let record = folder.path().join("record.ndjson").display().to_string();
    let upstream = format!("ws://127.0.0.1:{}", peer.line());
    let mut tap = wstap(&["serve-mock", "--upstream", &upstream, "--record", &record]).spawn();
    let digest = client(tap.line().trim());
    tap.signal("TERM");
    let out = tap.finish();
    assert!(!out.exits(0).stderr.contains("warning"), "{name}: {}", out.stderr);
    // The client sends the same again, and gets what it got then: the code of its close is its own.
    let mut replay = wstap(&["serve-mock", "--replay", &record, "--sync", "--speed", "max"]).spawn();
    assert_eq!(client(replay.line().trim()), digest, "{name}, replayed");
}

/// Random messages of all kinds to an echo and back, of up to 16 MiB.
#[test]
fn random_messages_come_back_as_they_were_through_the_tap_and_from_its_recording() {
    let libraries: Vec<_> = libraries().into_iter().filter(Library::is_here).collect();
    for server in &libraries {
        for client in &libraries {
            let name = format!("{} through the tap to {}", client.name, server.name);
            goes_through_the_tap_and_gets_the_same_again(&name, server, &|url| {
                // One pair is enough for the longest.
                let longest = if client.name == server.name { 16 << 20 } else { 1 << 20 };
                let args = [url, &count(), SEED, &longest.to_string()];
                let out = client.command("tap_client").args(args).output().unwrap();
                assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
                String::from_utf8(out.stdout).unwrap()
            });
        }
    }
}

#[test]
fn a_browser_gets_the_same_through_the_tap_and_from_its_recording() {
    let Some(server) = libraries().into_iter().find(|library| library.name == "ws" && library.is_here())
    else {
        return;
    };
    if works(Command::new("chromium").arg("--version"), "Chromium") {
        goes_through_the_tap_and_gets_the_same_again("Chromium", &server, &browse);
    }
}

/// The digest that a page in Chromium logs.
fn browse(url: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/tap_client.html");
    let query = format!("url={url}&count={}&seed={SEED}&longest={}", count(), 1 << 20);
    let mut browser = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"])
        .arg(format!("--user-data-dir={}", folder.path().display()))
        .arg(format!("file://{}?{query}", page.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(browser.stderr.take().unwrap()).lines().map_while(Result::ok);
    let logged = lines
        .filter(|line| line.contains(":CONSOLE"))
        .find(|line| line.contains("digest ") || line.contains("error "));
    let _ = browser.kill();
    let _ = browser.wait();
    let logged = logged.expect("the page logs something");
    let (_, digest) = logged.split_once("\"digest ").unwrap_or_else(|| panic!("{logged}"));
    digest.split('"').next().unwrap_or_default().to_owned()
}

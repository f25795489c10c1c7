//! The tap between other implementations: npm's `ws` and Python's `websockets`, as clients and as servers. Where they are
//! not installed, the tests say so and check nothing; `.ci/run` installs them.

use crate::harness::wstap;
use crate::interop::{Library, Peer, libraries};

/// Random messages of all kinds to an echo and back, of up to 16 MiB.
#[test]
fn random_messages_come_back_as_they_were_through_the_tap_and_from_its_recording() {
    let libraries: Vec<_> = libraries().into_iter().filter(Library::is_here).collect();
    let folder = tempfile::tempdir().unwrap();
    for server in &libraries {
        for client in &libraries {
            let mut peer = Peer::any_length(server);
            let record = folder.path().join("record.ndjson").display().to_string();
            let upstream = format!("ws://127.0.0.1:{}", peer.line());
            let mut tap = wstap(&["serve-mock", "--upstream", &upstream, "--record", &record]).spawn();
            let url = tap.line();
            let name = format!("{} through the tap to {}", client.name, server.name);
            let run = |url: &str| {
                // One pair is enough for the longest.
                let longest = if client.name == server.name { 16 << 20 } else { 1 << 20 };
                let args = [url, "60", "7", &longest.to_string()];
                let out = client.command("tap_client").args(args).output().unwrap();
                assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
                String::from_utf8(out.stdout).unwrap()
            };
            let digest = run(url.trim());
            tap.signal("TERM");
            let out = tap.finish();
            assert!(!out.exits(0).stderr.contains("warning"), "{name}: {}", out.stderr);
            // The client sends the same again, and gets what it got then: the code of its close is its own.
            let mut replay = wstap(&["serve-mock", "--replay", &record, "--sync", "--speed", "max"]).spawn();
            assert_eq!(run(replay.line().trim()), digest, "{name}, replayed");
        }
    }
}

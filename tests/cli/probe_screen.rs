//! `probe-handshake` on a terminal: what is seen while rounds are made, and pages at the widths that terminals have.

use std::fs::File;
use std::sync::mpsc::{Sender, channel};

use crate::harness::{Peer, Server};
use crate::pty::on_pty;

/// A server that lets in so many connections, each but the first only after word has come.
fn gated(count: usize) -> (Server, Sender<()>) {
    let (go, gate) = channel();
    let gate = std::sync::Arc::new(std::sync::Mutex::new(gate));
    let script = |index| {
        let gate = gate.clone();
        Box::new(move |mut peer: Peer| {
            if index > 0 {
                let _ = gate.lock().unwrap().recv();
            }
            peer.accept();
        }) as Box<dyn FnOnce(Peer) + Send>
    };
    (Server::scripts((0..count).map(script).collect()), go)
}

/// What was written, line by line, without colours.
fn plain(bytes: &str) -> Vec<String> {
    let mut parts = bytes.split('\u{1b}');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once('m').expect("nothing but colours");
        text.push_str(rest);
    }
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}

#[test]
fn every_round_is_seen_when_it_is_made() {
    let (server, go) = gated(3);
    let args = ["probe-handshake", &server.url(), "--repeat", "3", "--interval", "0s"];
    let pty = on_pty(&args).spawn();
    pty.shows("✔ 1/3");
    assert!(!pty.contents().contains("2/3"), "{}", pty.contents());
    go.send(()).unwrap();
    pty.shows("✔ 2/3");
    go.send(()).unwrap();
    pty.shows("3 rounds, 0 failed");
    pty.shows("total");
    assert!(pty.bytes().contains("\u{1b}[32m✔ \u{1b}[0m"), "{}", pty.bytes());
    pty.exits(0);
    server.join();
}

#[test]
fn rounds_whose_records_go_to_a_file_are_seen_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records");
    let (server, go) = gated(2);
    let args = ["probe-handshake", &server.url(), "--repeat", "2", "--interval", "0s"];
    let pty = on_pty(&args).stdout(File::create(&path).unwrap()).spawn();
    pty.shows("✔ 1/2");
    go.send(()).unwrap();
    pty.shows("✔ 2/2");
    pty.exits(0);
    server.join();
    assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 3);
}

#[test]
fn an_interrupt_shows_the_account_of_the_rounds_so_far() {
    let (server, _) = gated(1);
    let args = ["probe-handshake", &server.url(), "--repeat", "2", "--interval", "1h"];
    let mut pty = on_pty(&args).spawn();
    pty.shows("✔ 1/2");
    pty.keys("\u{3}");
    pty.shows("1 round, 0 failed");
    pty.exits(130);
    server.join();
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let origin = "https://a-rather-long-name-of-an-origin.example";
    let origins = format!("none,same,{origin}");
    let ways: [(&[&str], usize); 3] = [
        (&["--subprotocol", "chat.v1.example"], 1),
        (&["--origins", &origins, "-H", "Cookie: a=b"], 3),
        (&["--repeat", "2", "--interval", "0s"], 2),
    ];
    for (columns, vars) in [(60, ("NO_COLOR", "1")), (80, ("TERM", "dumb")), (200, ("LANG", "C.UTF-8"))] {
        for (args, connections) in ways {
            let (server, go) = gated(connections);
            (0..connections).for_each(|_| go.send(()).unwrap());
            let url = server.url();
            let args = [&["probe-handshake", &url], args].concat();
            let pty = on_pty(&args).size(50, columns).env(vars.0, vars.1).spawn();
            pty.wait("the end", |screen| {
                let text = screen.contents();
                ["6)", "alone", "total "].iter().any(|word| text.contains(word))
            });
            server.join();
            let bytes = pty.bytes();
            assert_eq!(bytes.contains('\u{1b}'), columns == 200, "{bytes}");
            for line in plain(&bytes) {
                assert!(line.chars().count() <= usize::from(columns), "{columns}: {line}");
            }
            pty.exits(0);
        }
    }
}

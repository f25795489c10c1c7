//! Credentials that change while a session runs.

use std::fs;

use tempfile::TempDir;

use crate::harness::{Output, Peer, Server, header, wstap};

const FAST: [&str; 5] = ["--reconnect", "--reconnect-delay", "10ms", "--reconnect-max-delay", "20ms"];

/// A folder with a file that holds this.
fn file(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    fs::write(&path, text).expect("a file");
    (folder, path.display().to_string())
}

/// Two connections, both of which are lost. Between them, the file gets other content. What the server asks of each.
fn twice(
    args: &[&str],
    path: &str,
    second: &'static str,
    asks: fn(&mut Peer, &str) -> String,
) -> Vec<String> {
    let (tell, told) = std::sync::mpsc::channel();
    let scripts = (0..2).map(|number| {
        let (tell, path) = (tell.clone(), path.to_owned());
        let script = move |mut peer: Peer| {
            let request = peer.accept();
            tell.send(asks(&mut peer, &request)).expect("the test listens");
            if number == 1 {
                return peer.close_well(1000);
            }
            fs::write(path, second).expect("the file can be written");
        };
        Box::new(script) as Box<dyn FnOnce(Peer) + Send>
    });
    let server = Server::scripts(scripts.collect());
    let args: Vec<String> = args.iter().map(|arg| arg.replace("FILE", path)).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let out = wstap(&[args[0], &server.url(), "--envelope", "-vv"]).args(&args[1..]).args(&FAST).run();
    out.exits(0);
    not_shown(&out, &["first-s3cr3t", "second-s3cr3t"]);
    server.join();
    told.try_iter().collect()
}

fn not_shown(out: &Output, secrets: &[&str]) {
    for secret in secrets {
        assert!(!out.stderr.contains(secret) && !out.stdout.contains(secret), "{}{}", out.stdout, out.stderr);
    }
}

fn authorization(_: &mut Peer, request: &str) -> String {
    header(request, "Authorization").unwrap_or_default().to_owned()
}

#[test]
fn what_is_in_files_is_read_for_every_connection() {
    let bearer = ["Bearer first-s3cr3t", "Bearer second-s3cr3t"];
    let basic = ["Basic dTpmaXJzdC1zM2NyM3Q=", "Basic dTpzZWNvbmQtczNjcjN0"];
    let cases: [(&[&str], &str, &'static str, [&str; 2]); 5] = [
        (&["connect", "--token-file", "FILE"], "first-s3cr3t\n", "second-s3cr3t\n", bearer),
        (&["subscribe", "-d", "plain", "--token-file", "FILE"], "first-s3cr3t\n", "second-s3cr3t\n", bearer),
        (&["connect", "--token-command", "cat 'FILE'"], "first-s3cr3t\n", "second-s3cr3t\n", bearer),
        (
            &["connect", "-H", "X-A: b", "-H", "@FILE"],
            "Authorization: Bearer first-s3cr3t\n",
            "Authorization: Bearer second-s3cr3t\n",
            bearer,
        ),
        (&["connect", "-u", "@FILE"], "u:first-s3cr3t\n", "u:second-s3cr3t\n", basic),
    ];
    for (args, first, second, expected) in cases {
        let (_folder, path) = file(first);
        assert_eq!(twice(args, &path, second, authorization), expected, "{args:?}");
    }
    let (_folder, path) = file("first-s3cr3t\n");
    let in_query = |_: &mut Peer, request: &str| request.lines().next().unwrap_or_default().to_owned();
    let args = ["connect", "--token-file", "FILE", "--token-in", "query"];
    let targets = twice(&args, &path, "second-s3cr3t\n", in_query);
    assert_eq!(targets, ["GET /?token=first-s3cr3t HTTP/1.1", "GET /?token=second-s3cr3t HTTP/1.1"]);
}

#[test]
fn the_credential_of_a_greeting_is_read_for_every_connection() {
    let dialect = "name = 'x'\n[credential]\nin = 'message'\nenv = 'X'\n[greeting]\nsend = '{token}'\n";
    let folder = tempfile::tempdir().expect("a folder");
    let toml = folder.path().join("x.toml");
    fs::write(&toml, dialect).expect("a dialect");
    let greeting = |peer: &mut Peer, _: &str| peer.read_text().unwrap_or_default();
    for source in [["--token-file", "FILE"], ["--token-command", "cat 'FILE'"]] {
        let (_folder, path) = file("first-s3cr3t\n");
        let toml = toml.display().to_string();
        let args = [&["subscribe", "-d", &toml][..], &source].concat();
        let greetings = twice(&args, &path, "second-s3cr3t\n", greeting);
        assert_eq!(greetings, ["first-s3cr3t", "second-s3cr3t"], "{source:?}");
    }
}

#[test]
fn a_file_that_is_gone_for_a_while_is_waited_for() {
    let (_folder, path) = file("first-s3cr3t\n");
    let first = path.clone();
    let scripts: Vec<Box<dyn FnOnce(Peer) + Send>> = vec![
        Box::new(move |mut peer| {
            peer.accept();
            fs::remove_file(first).expect("the file is there");
        }),
        Box::new(|mut peer| {
            assert_eq!(header(&peer.accept(), "Authorization"), Some("Bearer second-s3cr3t"));
            peer.close_well(1000);
        }),
    ];
    let server = Server::scripts(scripts);
    let mut run = wstap(&["connect", &server.url(), "--token-file", &path]).args(&FAST).spawn();
    run.notice("cannot read the file");
    // As a careful writer puts it in place.
    fs::write(format!("{path}.new"), "second-s3cr3t\n").expect("a file");
    fs::rename(format!("{path}.new"), &path).expect("it is moved");
    run.finish().exits(0);
    server.join();
}

#[test]
fn a_command_that_fails_is_tried_again_as_the_network_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let flag = folder.path().join("flag").display().to_string();
    let command = format!("test -e '{flag}' && echo t0ken || {{ touch '{flag}'; echo sealed >&2; exit 7; }}");
    let server = Server::once(|mut peer| {
        assert!(peer.accept().contains("Authorization: Bearer t0ken\r\n"));
        peer.close_well(1000);
    });
    let out = wstap(&["connect", &server.url(), "--token-command", &command]).args(&FAST).run();
    out.exits(0).says("--token-command failed with exit status: 7: sealed; retry 1 in");
    server.join();
    let out = wstap(&["connect", "ws://127.0.0.1:9/", "--token-command", "exit 7"]).run();
    out.exits(16)
        .says("wstap: error: --token-command failed with exit status: 7")
        .says("check the command in a shell");
    let out = wstap(&["connect", ":9", "--token-command", "x", "--token-file", "x"]).run();
    out.exits(2);
}

#[test]
fn a_command_takes_nothing_of_standard_input() {
    let server = Server::websocket(|peer| {
        assert_eq!(peer.read_text().as_deref(), Some("for the server"));
        peer.close_well(1000);
    });
    let args = ["connect", &server.url(), "--token-command", "cat; echo t0ken"];
    wstap(&args).stdin("for the server\n").run().exits(0);
    server.join();
}

#[test]
fn what_can_be_read_only_once_is_kept() {
    let scripts = (0..2).map(|number| {
        let script = move |mut peer: Peer| {
            assert!(peer.accept().contains("Authorization: Bearer t0ken\r\n"));
            if number == 1 {
                peer.close_well(1000);
            }
        };
        Box::new(script) as Box<dyn FnOnce(Peer) + Send>
    });
    let server = Server::scripts(scripts.collect());
    let shell = r#"echo t0ken | exec "$@""#;
    wstap(&["subscribe", "--url", &server.url(), "--token-file", "/dev/stdin"])
        .args(&FAST)
        .under(&["sh", "-c", shell, "sh"])
        .run()
        .exits(0);
    server.join();
}

#[test]
fn a_probe_reads_them_for_every_round() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = folder.path().join("count").display().to_string();
    let command = format!("echo x >> '{count}'; echo t0ken-$(wc -l < '{count}')");
    let scripts = (1..3).map(|number| {
        let script = move |mut peer: Peer| {
            let request = peer.accept();
            assert!(request.contains(&format!("Bearer t0ken-{number}\r\n")), "{request}");
            peer.read_close();
        };
        Box::new(script) as Box<dyn FnOnce(Peer) + Send>
    });
    let server = Server::scripts(scripts.collect());
    let rounds = ["--repeat", "2", "--interval", "0", "--token-command", &command];
    let out = wstap(&["probe-handshake", &server.url()]).args(&rounds).run();
    not_shown(out.exits(0), &["t0ken"]);
    server.join();
}

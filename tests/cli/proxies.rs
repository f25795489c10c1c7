//! Proxies, profiles and the environment.

use std::io::{Read as _, Write as _};
use std::sync::mpsc;

use crate::harness::{Output, Peer, Server, header, wstap};
use crate::servers::{closed_port, connect, greeted};

/// Runs `connect` with an HTTP proxy in the place of `PORT` that agrees and is the server itself. Returns what it
/// was asked for, and the request inside of the tunnel.
fn tunnelled(args: &[&str], env: &[(&str, &str)]) -> (String, String) {
    let (sender, seen) = mpsc::channel();
    let proxy = Server::once(move |mut peer| {
        let asked = peer.request();
        peer.write("HTTP/1.1 200 OK\r\n\r\n");
        let request = peer.accept();
        sender.send((asked, request)).expect("the test waits");
        peer.close_well(1000);
    });
    connect(args, env, proxy.port).exits(0);
    proxy.join();
    seen.recv().expect("the proxy was asked")
}

fn refused(answer: &'static str, args: &[&str]) -> Output {
    let proxy = Server::once(move |mut peer| {
        peer.request();
        peer.write(answer);
    });
    let out = connect(args, &[], proxy.port);
    proxy.join();
    out
}

#[test]
fn an_http_proxy_carries_the_link() {
    let (asked, request) = tunnelled(&["--proxy", "http://127.0.0.1:PORT", "ws://h.test/x"], &[]);
    assert!(asked.starts_with("CONNECT h.test:80 HTTP/1.1\r\nHost: h.test:80\r\n"), "{asked}");
    assert!(request.starts_with("GET /x HTTP/1.1\r\nHost: h.test\r\n"), "{request}");
    assert_eq!(header(&asked, "proxy-authorization"), None);
    let (asked, request) = tunnelled(&["--proxy", "http://u:p%40@127.0.0.1:PORT", "ws://h.test/"], &[]);
    assert_eq!(header(&asked, "proxy-authorization"), Some("Basic dTpwQA=="));
    assert_eq!(header(&request, "proxy-authorization"), None);
}

#[test]
fn a_proxy_that_refuses_is_12() {
    let want = "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n";
    let out = refused(want, &["--proxy", "127.0.0.1:PORT", "ws://h.test/"]);
    out.exits(12).says("407 Who").says("Proxy-Authenticate: Basic");
    refused("HTTP/1.1 502 Bad\r\n\r\n", &["--proxy", "127.0.0.1:PORT", "ws://h.test/"])
        .exits(12)
        .says("502 Bad");
    refused("", &["--proxy", "127.0.0.1:PORT", "ws://h.test/"]).exits(12);
    connect(&["--proxy", "127.0.0.1:PORT", "ws://h.test/"], &[], closed_port()).exits(12);
    connect(&["--proxy", "gopher://x", "ws://h.test/"], &[], 0).exits(2).says("socks5h");
}

#[test]
fn a_socks_proxy_gets_user_and_goal() {
    let (sender, seen) = mpsc::channel();
    let proxy = Server::once(move |mut peer| {
        let read = |peer: &mut Peer, length: usize| {
            let mut bytes = vec![0; length];
            peer.stream.read_exact(&mut bytes).expect("the client goes on");
            bytes
        };
        let hello = read(&mut peer, 2);
        assert!(read(&mut peer, usize::from(hello[1])).contains(&2), "user and password are offered");
        peer.write([5, 2]);
        assert_eq!(read(&mut peer, 5), b"\x01\x01u\x01p");
        peer.write([1, 0]);
        sender.send(read(&mut peer, 4 + 1 + 6 + 2)).expect("the test waits");
        peer.stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).expect("the client is there");
        peer.accept();
        peer.close_well(1000);
    });
    connect(&["--proxy", "socks5h://u:p@127.0.0.1:PORT", "ws://h.test/"], &[], proxy.port).exits(0);
    proxy.join();
    assert_eq!(seen.recv().unwrap(), b"\x05\x01\x00\x03\x06h.test\x00\x50");
}

#[test]
fn the_environment_names_a_proxy_and_its_exceptions() {
    let proxy = "http://127.0.0.1:PORT";
    for name in ["http_proxy", "all_proxy", "ALL_PROXY"] {
        let (asked, _) = tunnelled(&["ws://h.test/"], &[(name, proxy)]);
        assert!(asked.starts_with("CONNECT h.test:80 "), "{name}");
    }
    let (asked, _) = tunnelled(&["--proxy", proxy, "ws://h.test/"], &[("http_proxy", "http://127.0.0.1:1")]);
    assert!(asked.starts_with("CONNECT h.test:80 "));
    // The direct way: a proxy that would fail is not asked.
    let nowhere = ("all_proxy", "http://127.0.0.1:1");
    greeted(&["URL"], &[nowhere, ("NO_PROXY", "127.0.0.1")]);
    greeted(&["URL", "--noproxy", "127.0.0.1"], &[nowhere]);
    greeted(&["URL", "--noproxy", "*"], &[nowhere]);
    greeted(&["URL", "--proxy", ""], &[nowhere]);
    // Set by the client of a CGI program: never used.
    greeted(&["URL"], &[("HTTP_PROXY", "http://127.0.0.1:1")]);
    connect(&["URL"], &[nowhere, ("NO_PROXY", "other.test")], closed_port()).exits(12);
}

/// A folder for `XDG_CONFIG_HOME` with this configuration.
fn configured(text: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(home.path().join("wstap")).expect("a folder");
    std::fs::write(home.path().join("wstap/config.toml"), text).expect("a file");
    home
}

/// The request of a `connect` to a profile `@prod` that has these lines besides its URL.
fn with_profile(lines: &str, args: &[&str], env: &[(&str, &str)]) -> String {
    let (sender, seen) = mpsc::channel();
    let server = Server::once(move |mut peer| {
        sender.send(peer.accept()).expect("the test waits");
        peer.close_well(1000);
    });
    let home = configured(&format!("[profile.prod]\nurl = \"{}\"\n{lines}", server.url()));
    let run =
        wstap(&["connect", "@prod"]).args(args).env("XDG_CONFIG_HOME", &home.path().display().to_string());
    env.iter().fold(run, |run, (name, value)| run.env(name, value)).run().exits(0);
    server.join();
    seen.recv().expect("the server saw a request")
}

#[test]
fn a_profile_gives_url_and_options() {
    let lines = "header = ['X-A: 1', 'X-A: 2']\ntoken-env = 'MY'\norigin = 'https://o.test'\n";
    let request = with_profile(lines, &[], &[("MY", "tok")]);
    for line in ["X-A: 1\r\nX-A: 2\r\n", "Authorization: Bearer tok\r\n", "Origin: https://o.test\r\n"] {
        assert!(request.contains(line), "{request}");
    }
}

#[test]
fn a_flag_beats_the_environment_and_that_the_profile() {
    let origin = |args: &[&str], env: &[(&str, &str)]| {
        let request = with_profile("origin = 'profile'\n", args, env);
        header(&request, "origin").map(str::to_owned)
    };
    let env = [("WSTAP_ORIGIN", "environment")];
    assert_eq!(origin(&[], &[]).as_deref(), Some("profile"));
    assert_eq!(origin(&[], &env).as_deref(), Some("environment"));
    assert_eq!(origin(&["--origin", "flag"], &env).as_deref(), Some("flag"));
    // Different options for the same thing.
    let request = with_profile("token = 'profile'\n", &["--bearer", "flag"], &[]);
    assert_eq!(header(&request, "authorization"), Some("Bearer flag"));
}

#[test]
fn the_environment_gives_url_and_options() {
    let (_, request) = greeted(&[], &[("WSTAP_URL", "URL"), ("WSTAP_HEADER", "X-A: 1")]);
    assert_eq!(header(&request, "x-a"), Some("1"));
    greeted(&["URL"], &[("WSTAP_URL", "ws://127.0.0.1:1/")]);
    let out = connect(&["URL"], &[("WSTAP_CONNECT_TIMEOUT", "5 parsecs")], 1);
    out.exits(2).says("environment variable").says("parsecs");
}

#[test]
fn a_wrong_profile_is_named() {
    let home = configured("[profile.prod]\nurl = 'ws://h/'\nheadr = 1\n");
    let home = home.path().display().to_string();
    let run = |args: &[&str]| wstap(&["connect"]).args(args).env("XDG_CONFIG_HOME", &home).run();
    run(&["@prod"]).exits(2).says("\"headr\"").says("config.toml");
    run(&["@prd"]).exits(2).says("[profile.prd]").says("prod");
    let out = wstap(&["connect", "@prod"]).env("XDG_CONFIG_HOME", "/nonexistent").run();
    out.exits(2).says("@prod").says("/nonexistent/wstap/config.toml");
}

#[test]
fn no_detour_leads_to_the_mock() {
    let nowhere = "http://127.0.0.1:1";
    for (name, value) in [
        ("http_proxy", nowhere),
        ("WSTAP_PROXY", nowhere),
        ("WSTAP_UNIX_SOCKET", "/nonexistent/s"),
        ("WSTAP_CONNECT_TO", "::127.0.0.1:1"),
    ] {
        let out =
            wstap(&["connect", "--mock", "--count", "1"]).env(name, value).env("no_proxy", "").stdin("a\n");
        assert_eq!(out.run().exits(0).stdout, "\"a\"\n", "{name}");
    }
}

#[test]
fn only_a_typed_token_is_said_to_be_visible() {
    let said = |args: &[&str], env: &[(&str, &str)]| greeted(args, env).0.stderr.contains("process list");
    assert!(said(&["URL", "-v", "--token", "t0k3n"], &[]));
    assert!(said(&["URL", "-v", "--bearer", "t0k3n"], &[]));
    assert!(!said(&["URL", "-v"], &[("WSTAP_TOKEN", "t0k3n")]));
}

#[test]
fn there_is_one_credential() {
    let out = wstap(&["connect", "ws://127.0.0.1:1/", "--token", "a", "--bearer", "b"]).run();
    out.exits(2).says("--token").says("--bearer");
}

//! Credentials in every place that can hold one, for every command, against servers that repeat all they are told: none
//! shows on standard output, stderr, in a recording, in the history or in the process list.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::harness::{Output, Peer, Server, Wstap, upgrade, wstap};
use crate::pty::on_pty;

const TOKEN: &str = "s3cr3t.Tok/en";

/// What all spellings of the token have in common, the start of `user:TOKEN` in base64, and what is in base64 wherever
/// the token stands in what is encoded, depending on where.
const MARKS: [&str; 5] = ["s3cr3t", "dXNlcjpzM2NyM3", "czNjcjN0LlRva", "MzY3IzdC5Ub2", "zM2NyM3QuVG9r"];

/// What the server does with a request that it will repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Refuses with the request in the body and in a header.
    Refuses,
    /// Redirects to a place with the token in it.
    Redirects,
    /// Accepts, says the request as text, as JSON and not as text, and closes with the token as its reason.
    Talks,
    /// The same without an end; what it is told then comes back.
    Stays,
}

const ANSWERS: [Answer; 3] = [Answer::Refuses, Answer::Redirects, Answer::Talks];

/// A server for any number of connections. A proxy's tunnel it opens to itself.
fn server(answer: Answer) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut peer = Peer { stream: stream.unwrap() };
            peer.stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            thread::spawn(move || serve(&mut peer, answer));
        }
    });
    port
}

fn serve(peer: &mut Peer, answer: Answer) {
    let mut request = peer.request();
    if request.starts_with("CONNECT ") {
        if answer == Answer::Refuses {
            return peer.write(format!("HTTP/1.1 407 No\r\nX-Echo: {TOKEN}\r\n\r\n{request}"));
        }
        peer.write("HTTP/1.1 200 Go on\r\n\r\n");
        request.push_str(&peer.request());
    }
    match answer {
        Answer::Refuses => {
            peer.write(format!("HTTP/1.1 401 {TOKEN}\r\nX-Echo: {TOKEN}\r\n\r\n{TOKEN} {request}"));
        }
        Answer::Redirects => {
            peer.write(format!("HTTP/1.1 302 No\r\nLocation: /{TOKEN}?token={TOKEN}\r\n\r\n{request}"));
        }
        Answer::Talks | Answer::Stays => {
            peer.write(upgrade(&request, ""));
            let said = serde_json::json!({ "said": request, "token": TOKEN }).to_string();
            peer.text(&said);
            peer.text(&said.replace('/', "\\/"));
            peer.text(&request);
            peer.frame(2, &request);
            if answer == Answer::Stays {
                return repeat(peer);
            }
            peer.close(1008, &format!("bad {TOKEN}"));
            while peer.read_frame().is_some_and(|frame| frame.first & 15 != 8) {}
        }
    }
}

/// Sends messages and a close frame back.
fn repeat(peer: &mut Peer) {
    while let Some(frame) = peer.read_frame() {
        let opcode = frame.first & 15;
        if matches!(opcode, 1 | 8) {
            peer.frame(opcode, frame.payload);
        }
    }
}

/// A place for a credential. `PORT` in it is that of the server, `FOLDER` one with the token in files.
struct Place {
    name: &'static str,
    url: &'static str,
    args: &'static [&'static str],
    vars: &'static [(&'static str, &'static str)],
    /// Lines of a profile, which is then named instead of the URL.
    profile: Option<&'static str>,
    /// Is the token in the arguments, where only the user can keep it out of the process list?
    is_typed: bool,
}

const URL: &str = "ws://127.0.0.1:PORT/";

const fn typed(name: &'static str, args: &'static [&'static str]) -> Place {
    Place { name, url: URL, args, vars: &[], profile: None, is_typed: true }
}

const fn kept(
    name: &'static str,
    args: &'static [&'static str],
    vars: &'static [(&'static str, &'static str)],
) -> Place {
    Place { name, url: URL, args, vars, profile: None, is_typed: false }
}

const fn in_url(name: &'static str, url: &'static str) -> Place {
    Place { name, url, args: &[], vars: &[], profile: None, is_typed: true }
}

const fn in_profile(name: &'static str, lines: &'static str) -> Place {
    Place { name, url: URL, args: &[], vars: &[], profile: Some(lines), is_typed: false }
}

const PLACES: &[Place] = &[
    in_url("the query", "ws://127.0.0.1:PORT/?a=b&token=s3cr3t.Tok%2Fen"),
    in_url("a query with an encoded name", "ws://127.0.0.1:PORT/?to%6ben=s3cr3t.Tok%2Fen"),
    in_url("the user of the URL without a password", "ws://s3cr3t.Tok%2Fen@127.0.0.1:PORT/"),
    in_url("the user of the URL", "ws://user:s3cr3t.Tok%2Fen@127.0.0.1:PORT/"),
    typed("a header", &["-H", "X-API-Key: s3cr3t.Tok/en"]),
    typed("Authorization", &["-H", "Authorization: Bearer s3cr3t.Tok/en"]),
    typed("Authorization with two blanks", &["-H", "Authorization: Bearer  s3cr3t.Tok/en"]),
    typed("Authorization as a parameter", &["-H", "Authorization: Token token=\"s3cr3t.Tok/en\""]),
    typed("a header with a number", &["-H", "X-Api-Key-V2: s3cr3t.Tok/en"]),
    typed("a session", &["-H", "X-Session-Id: s3cr3t.Tok/en"]),
    typed("Cookie", &["-H", "Cookie: a=1; session=s3cr3t.Tok/en"]),
    typed("--bearer", &["--bearer", TOKEN]),
    typed("--user", &["-u", "user:s3cr3t.Tok/en"]),
    typed("--user without a password", &["-u", "s3cr3t.Tok/en:"]),
    typed("--token", &["--token", TOKEN]),
    typed("--token in the query", &["--token", TOKEN, "--token-in", "query:x"]),
    typed("a subprotocol", &["-s", "x-token-s3cr3t.Tok"]),
    typed("a subprotocol after its name", &["-s", "chat,access_token,s3cr3t.Tok"]),
    typed("a subprotocol with a name in it", &["-s", "realtime,openai-insecure-api-key.s3cr3t.Tok"]),
    typed("a header of subprotocols", &["-H", "Sec-WebSocket-Protocol: Authorization, s3cr3t.Tok"]),
    typed("--proxy", &["--proxy", "http://user:s3cr3t.Tok%2Fen@127.0.0.1:PORT"]),
    kept("a file of headers", &["-H", "@FOLDER/headers"], &[]),
    kept("a file with the user", &["-u", "@FOLDER/user"], &[]),
    kept("--token-file", &["--token-file", "FOLDER/token"], &[]),
    kept("--token-env", &["--token-env", "MINE"], &[("MINE", TOKEN)]),
    kept("WSTAP_TOKEN", &[], &[("WSTAP_TOKEN", TOKEN)]),
    kept("WSTAP_BEARER", &[], &[("WSTAP_BEARER", TOKEN)]),
    kept("WSTAP_USER", &[], &[("WSTAP_USER", "user:s3cr3t.Tok/en")]),
    kept("WSTAP_HEADER", &[], &[("WSTAP_HEADER", "X-Auth-Token: s3cr3t.Tok/en")]),
    kept("ALL_PROXY", &[], &[("ALL_PROXY", "http://user:s3cr3t.Tok%2Fen@127.0.0.1:PORT")]),
    in_profile("a profile's token", "token = 's3cr3t.Tok/en'"),
    in_profile("a profile's header", "header = ['Authorization: Basic dXNlcjpzM2NyM3QuVG9rL2Vu']"),
    in_profile("a profile's proxy", "proxy = 'http://user:s3cr3t.Tok%2Fen@127.0.0.1:PORT'"),
];

/// Files with the token in them, and the configuration.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("wstap")).unwrap();
        fs::write(folder.path().join("headers"), format!("X-Auth-Token: {TOKEN}\n")).unwrap();
        fs::write(folder.path().join("user"), format!("user:{TOKEN}\n")).unwrap();
        fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
        let dialect = "name = 'mine'\n[credential]\nin = 'message'\nenv = 'MINE'\n\
                       [greeting]\nsend = '{\"auth\":\"{token}\"}'\n[subscribe]\nsend = '{topic}'";
        fs::write(folder.path().join("mine.toml"), dialect).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    fn fill(&self, text: &str, port: u16) -> String {
        text.replace("PORT", &port.to_string()).replace("FOLDER", &self.path().display().to_string())
    }

    /// A command with the credential in a place.
    fn run(&self, command: &str, place: &Place, port: u16) -> Wstap {
        let mut url = self.fill(place.url, port);
        if let Some(lines) = place.profile {
            let lines = self.fill(lines, port);
            fs::write(
                self.path().join("wstap/config.toml"),
                format!("[profile.p]\nurl = '{url}'\n{lines}\n"),
            )
            .unwrap();
            "@p".clone_into(&mut url);
        }
        let record = self.path().join("record").display().to_string();
        let words: &[&str] = match command {
            "connect" => &["connect", &url, "--envelope", "--record", &record],
            "subscribe" => {
                &["subscribe", "-d", "burki", "--url", &url, "7", "--envelope", "--record", &record]
            }
            "watch-campaign" => &["watch-campaign", "--url", &url, "7", "--envelope", "--record", &record],
            other => &[other, &url],
        };
        let args: Vec<String> = place.args.iter().map(|arg| self.fill(arg, port)).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut run = wstap(words).args(&args).env("XDG_CONFIG_HOME", &self.path().display().to_string());
        for (name, value) in place.vars {
            run = run.env(name, &self.fill(value, port));
        }
        run
    }
}

#[track_caller]
fn clean(described: &str, texts: &[(&str, &str)]) {
    for (name, text) in texts {
        for mark in MARKS {
            assert!(!text.contains(mark), "{described}: {name} has the token:\n{text}");
        }
    }
}

#[track_caller]
fn keeps(out: &Output, folder: &Folder, described: &str) {
    assert!(out.code.is_some_and(|code| code != 2 && code != 101), "{described}: {}", out.stderr);
    let record = folder.text("record");
    clean(described, &[("stdout", &out.stdout), ("stderr", &out.stderr), ("the recording", &record)]);
    let _ = fs::remove_file(folder.path().join("record"));
}

/// Everything that a command does with credentials in every place.
fn every_place(command: &str, extras: &[&[&str]]) {
    let folder = Folder::new();
    let ports = ANSWERS.map(|answer| (answer, server(answer)));
    for place in PLACES {
        for (answer, port) in ports {
            for extra in extras {
                let described = format!("{command} with {}, {answer:?}, {extra:?}", place.name);
                let running = folder.run(command, place, port).args(extra).spawn();
                let list = fs::read_to_string(format!("/proc/{}/cmdline", running.child.id()));
                let out = running.finish();
                keeps(&out, &folder, &described);
                if !place.is_typed {
                    clean(&described, &[("the process list", &list.unwrap_or_default())]);
                }
            }
        }
    }
}

const ONCE: [&str; 2] = ["-vv", "--no-reconnect"];

#[test]
fn connect_shows_no_credential() {
    every_place("connect", &[&["-vv"], &["-v", "--log-format", "json", "-L", "--max-redirects", "2"]]);
}

#[test]
fn subscribe_shows_no_credential() {
    every_place("subscribe", &[&ONCE]);
}

#[test]
fn watch_campaign_shows_no_credential() {
    every_place("watch-campaign", &[&ONCE]);
}

#[test]
fn probe_handshake_shows_no_credential() {
    every_place(
        "probe-handshake",
        &[
            &["-vv", "--format", "json"],
            &["--format", "text", "--live"],
            &["--auth-matrix", "--format", "json"],
        ],
    );
}

#[test]
fn a_dialect_from_a_file_shows_no_credential_of_its_greeting() {
    let folder = Folder::new();
    let dialect = folder.path().join("mine.toml").display().to_string();
    let place = kept("a greeting", &[], &[("MINE", TOKEN)]);
    for answer in ANSWERS {
        let port = server(answer);
        let out = wstap(&["subscribe", "-d", &dialect, "--url", &folder.fill(URL, port), "a"])
            .args(&["--envelope", "--record", &folder.path().join("record").display().to_string()])
            .args(&ONCE)
            .env("MINE", TOKEN)
            .run();
        keeps(&out, &folder, place.name);
    }
}

/// An archive has the requests with their headers, beside the messages.
#[test]
fn an_archive_shows_no_credential() {
    let folder = Folder::new();
    let file = folder.path().join("x.har").display().to_string();
    for answer in ANSWERS {
        let port = server(answer);
        for (header, value) in [("X-API-Key", TOKEN), ("Authorization", "Bearer s3cr3t.Tok/en")] {
            let url = folder.fill("ws://127.0.0.1:PORT/?jwt=s3cr3t.Tok%2Fen", port);
            let header = format!("{header}: {value}");
            let out = wstap(&["connect", &url, "-H", &header, "--record", &file, "-vv"]).run();
            let archive = folder.text("x.har");
            assert!(archive.contains("\"log\""), "{}", out.stderr);
            clean("an archive", &[("the file", &archive), ("stderr", &out.stderr)]);
        }
    }
}

/// Each provider's own variable, with the place that it has there.
#[test]
fn a_providers_own_variable_is_not_shown() {
    let folder = Folder::new();
    let record = folder.path().join("record").display().to_string();
    let mut tried = 0;
    for dialect in wstap::testing::DIALECTS {
        let Some(credential) = dialect.credential() else { continue };
        for answer in ANSWERS {
            let url = folder.fill(URL, server(answer));
            let args = ["subscribe", "-d", dialect.name(), "--url", &url, "customer_id:1:call:*"];
            let out = wstap(&args)
                .args(&["--envelope", "--record", &record])
                .args(&ONCE)
                .env(credential.variable, TOKEN)
                .run();
            if out.code != Some(2) {
                keeps(&out, &folder, &format!("{} {answer:?}", credential.variable));
                tried += 1;
            }
        }
    }
    assert!(tried >= 6, "{tried}");
}

/// The key of an API, and the tokens that it gives out; and a mock that knows the key.
#[test]
fn a_credential_for_calls_beside_the_connection_is_not_shown() {
    let folder = Folder::new();
    for (key, exit) in [(TOKEN, 0), ("s3cr3t-but-another", 16)] {
        let mut mock = wstap(&["serve-mock", "kadoa", "--token", TOKEN, "-vv", "--announce", "json"]).spawn();
        let announced: serde_json::Value = serde_json::from_str(&mock.line()).unwrap();
        let url = format!("ws://127.0.0.1:{}/", announced["port"]);
        let out = wstap(&["subscribe", "-d", "kadoa", &url, "--until", ".type == \"message\"", "--envelope"])
            .args(&["--record", &folder.path().join("record").display().to_string()])
            .args(&ONCE)
            .env("KADOA_API_KEY", key)
            .run();
        out.exits(exit);
        keeps(&out, &folder, "the key of an API");
        mock.signal("INT");
        let mock = mock.finish();
        let said = format!("{announced}{}", mock.stdout);
        clean("the mock", &[("stdout", &said), ("stderr", &mock.stderr)]);
    }
}

#[test]
fn what_is_wrong_is_told_without_the_credential() {
    let wrong: &[&[&str]] = &[
        &["connect", "ws://user:s3cr3t@h:99999/"],
        &["connect", "ws://[::1?token=s3cr3t"],
        &["connect", "wss:/h/?token=s3cr3t"],
        &["connect", "wss://user:s3cr3t@/"],
        &["connect", "ftp://user:s3cr3t@h/?token=s3cr3t"],
        &["connect", "ws://h/", "-u", "s3cr3t"],
        &["connect", "ws://h/", "-H", "s3cr3t"],
        &["connect", "ws://h/", "-H", "Authorization: s3cr3t\nX: y"],
        &["connect", "ws://h/", "--token", "s3cr3t\n"],
        &["connect", "ws://h/", "--token", "s3cr3t", "--bearer", "s3cr3t"],
        &["connect", "ws://h/", "--tokn=s3cr3t"],
        &["connect", "ws://h/", "--token-env", "s3cr3t"],
        &["connect", "ws://h/", "--proxy", "http://user:s3cr3t@h:99999"],
        &["connect", "ws://h/", "-s", "x-token-s3cr3t, "],
        &["connect", "ws://h/", "-s", "access_token,s3cr3t/"],
        &["connect", "ws://h/", "-H", "Authorization:", "Bearer", "s3cr3t"],
        &["connect", "-H", "Authorization:", "Bearer", "s3cr3t", "ws://h/"],
        &["connect", "-H", "X-Api-Key:", "s3cr3t"],
        &["connect", "wss://h/x#access_token=s3cr3t"],
        &["connect", "ws://h/", "wss://h/x#access_token=s3cr3t"],
        &["connect", "wss://user:s3cr3t"],
        &["connect", "wss://user:s3cr3t/x"],
        &["connect", "ws://h/", "--token-in", "s3cr3t", "--token", "x"],
        &["connect", "ws://h/", "--token-in", "header:bad name s3cr3t", "--token", "abcdef"],
        &["connect", "ws://h/", "--token-env", "S3CR3T"],
        &["connect", "ws://h/", "--token-file", "s3cr3t"],
        &["connect", "ws://h/", "-u", "@s3cr3t"],
        &["connect", "ws://h/", "-H", "@s3cr3t"],
        &["connect", "-H", "Authorization", "Bearer", "s3cr3t", "ws://h/"],
        &["connect", "ws://h/", "-H", "Authorization Bearer s3cr3t: x"],
        &["connect", "--bearer", "ws://h/", "s3cr3t"],
        &["connect", "--token-S3CR3T", "ws://h/"],
        &["connect", "ws://127.0.0.1:1/", "--unix-socket", "ws://user:pa/s3cr3t@h/"],
        &["serve-mock", "--control-token-env", "s3cr3t"],
        &["serve-mock", "--host", "ws://h/#s3cr3t"],
    ];
    for args in wrong {
        let out = wstap(args).args(&["-vv"]).run();
        clean(&format!("{args:?}"), &[("stdout", &out.stdout), ("stderr", &out.stderr)]);
    }
}

/// Every place that a URL can be in by mistake, with every part of it that can be a credential.
#[test]
fn a_url_in_a_wrong_place_is_quoted_without_its_credentials() {
    for url in [
        "ws://user:s3cr3t@h/",
        "wss://s3cr3t@h/",
        "ws://user:pa/s3cr3t@h/",
        "ws://user:pa#s3cr3t@h/",
        "//user:s3cr3t@h/",
        "ws:user:s3cr3t@h/",
        "ws://h/#s3cr3t",
        "ws://h/?a=1;token=s3cr3t#x",
        "ws://h/?to%6ben=s3cr3t",
    ] {
        let joined = format!("--max-time={url}");
        let places: &[&[&str]] = &[
            &[url],
            &["conect", url],
            &["connect", "ws://h/", url],
            &["connect", "ws://h/", &joined],
            &["connect", "ws://h/", "--count", url],
            &["connect", "ws://h/", "--overflow", url],
            &["connect", "ws://h/", "-o", url],
            &["connect", "ws://h/", "--filter-file", url],
            &["subscribe", "-d", url, "t"],
            &["subscribe", "-d", "burki", "--url", "ws://127.0.0.1:1/", url],
            &["watch-campaign", "7", url],
            &["probe-handshake", "ws://h/", url],
            &["serve-mock", "--rate", url],
        ];
        for args in places {
            let out = wstap(args).run();
            assert_ne!(out.code, Some(0), "{args:?}");
            clean(&format!("{args:?}"), &[("stdout", &out.stdout), ("stderr", &out.stderr)]);
        }
    }
}

#[test]
fn what_is_wrong_in_a_profile_or_a_variable_is_told_without_the_credential() {
    let folder = Folder::new();
    let config = |text: &str| fs::write(folder.path().join("wstap/config.toml"), text).unwrap();
    let home = folder.path().display().to_string();
    for text in [
        "[profile.p]\nurl = 'ws://h/'\ntoken = ['s3cr3t']",
        "[profile.p]\nurl = 'ws://h/'\ntoken = 's3cr3t",
        "[profile.p]\nurl = 'ws://h/'\ntoken = { s3cr3t = 1 }",
        "[profile.p]\nurl = 'ws://h/'\nheader = ['s3cr3t']",
        "[profile.p]\nurl = 'ws://h/'\nuser = 's3cr3t'",
        "[profile.p]\nurl = 'ws://h/'\ntoken-file = '/none'\nbearer = 's3cr3t'",
        "[profile.p]\nurl = 'ws://user:s3cr3t@h:99999/'",
        "[profile.p]\nurl = 'wss://h/x#access_token=s3cr3t'",
        "[profile.p]\nurl = 'wss://user:s3cr3t'",
        "[profile.p]\nurl = 'ws://h/'\nmax-time = 'ws://user:pa/s3cr3t@h/'",
        "[profile.p]\nurl = 'ws://h/'\ntoken-file = 's3cr3t'",
    ] {
        config(text);
        let out = wstap(&["connect", "@p", "-vv"]).env("XDG_CONFIG_HOME", &home).run();
        clean(text, &[("stdout", &out.stdout), ("stderr", &out.stderr)]);
    }
    let variables = [
        ("WSTAP_USER", "s3cr3t"),
        ("WSTAP_HEADER", "s3cr3t"),
        ("WSTAP_TOKEN_ENV", "s3cr3t"),
        ("WSTAP_TOKEN_FILE", "s3cr3t"),
        ("WSTAP_INSECURE", "s3cr3t"),
        ("WSTAP_COUNT", "ws://user:pa/s3cr3t@h/"),
    ];
    for (name, value) in variables {
        let out = wstap(&["connect", "ws://h/"]).env(name, value).run();
        clean(name, &[("stdout", &out.stdout), ("stderr", &out.stderr)]);
    }
}

/// What somebody types shows where it is typed. It is not remembered, and what a server says about it is masked.
#[test]
fn a_prompt_does_not_remember_a_credential() {
    let folder = Folder::new();
    let url = folder.fill(URL, server(Answer::Stays));
    let record = folder.path().join("record").display().to_string();
    let args = ["connect", &url, "--token-env", "MINE", "--record", &record];
    let mut pty = on_pty(&args).env("MINE", TOKEN).spawn();
    pty.shows("← 4 ");
    clean("the screen", &[("what comes", &pty.contents())]);
    for line in [
        TOKEN,
        "{\"token\":\"s3cr3t.Tok/en\"}",
        "remembered",
        "/show 2",
        "/status",
        "/topics",
        "/grep Host",
        "/quit",
    ] {
        pty.line(line);
    }
    let (_, home) = pty.ends();
    let history = fs::read_to_string(home.path().join(".local/state/wstap/history/default")).unwrap();
    assert!(history.contains("remembered"), "{history}");
    clean("a prompt", &[("the recording", &folder.text("record")), ("the history", &history)]);
}

/// A token with characters that every writer spells in its own way.
const SPELLED: &str = "s3cr3t+Tok/en==";

/// As servers spell it: PHP, Gson, System.Text.Json, .NET, Python, mustache, JavaScript in JSON, twice in a URL.
const SPELLINGS: &[&str] = &[
    "s3cr3t+Tok/en==",
    r"s3cr3t+Tok\/en==",
    r"s3cr3t+Tok/en\u003d\u003d",
    r"s3cr3t\u002BTok/en==",
    "s3cr3t%2bTok%2fen%3d%3d",
    "s3cr3t%2BTok/en%3D%3D",
    "s3cr3t+Tok&#x2F;en&#x3D;&#x3D;",
    "s3cr3t&amp;#43;Tok/en&equals;=",
    r"s3cr3t\\u002BTok/en==",
    "s3cr3t%252BTok%252Fen%253D%253D",
    "s3cr3t Tok/en==",
];

/// Repeats a spelling in a refusal, or over an open connection: in a message, JSON or not, in control frames, which may
/// have room for its beginning only, and in the names of fields.
fn repeats(peer: &mut Peer, spelling: &str, opens: bool) {
    let request = peer.request();
    if !opens {
        let body = format!("{{\"error\":\"bad token {spelling}\"}}");
        let head = format!("HTTP/1.1 401 No\r\nX-Echo: {spelling}\r\nContent-Length: {}\r\n\r\n", body.len());
        return peer.write(head + &body);
    }
    peer.write(upgrade(&request, ""));
    peer.text(&format!("{{\"bad\":[\"{spelling}\"],\"{spelling}\":1}}"));
    peer.text(&format!("bad {spelling}"));
    peer.frame(2, format!("\u{0}bad {spelling}"));
    peer.frame(9, spelling);
    let cut = format!("{}{SPELLED}", "x".repeat(115));
    peer.frame(9, &cut[..125]);
    peer.frame(10, spelling);
    peer.close(1008, &cut[..123]);
    peer.read_close();
}

#[test]
fn a_credential_is_not_shown_in_whatever_spelling_a_server_repeats_it() {
    let folder = Folder::new();
    let record = folder.path().join("record").display().to_string();
    for spelling in SPELLINGS {
        for opens in [false, true] {
            let script = move |mut peer: Peer| repeats(&mut peer, spelling, opens);
            let server = Server::scripts(vec![Box::new(script), Box::new(script)]);
            let url = server.url();
            let described = format!("{spelling}, opens: {opens}");
            let args = ["connect", &url, "--token-env", "MINE", "--envelope", "--record", &record, "-vv"];
            let out = wstap(&args).env("MINE", SPELLED).run();
            assert_eq!(out.stdout.contains("\"type\":\"open\""), opens, "{described}: {}", out.stderr);
            keeps(&out, &folder, &described);
            let probe = ["probe-handshake", &url, "--token-env", "MINE", "--live", "--format", "json", "-vv"];
            let out = wstap(&probe).env("MINE", SPELLED).run();
            out.json();
            keeps(&out, &folder, &described);
            server.join();
        }
    }
}

/// Whatever the credential is, records are records, and what was not it comes back from a recording as it came.
#[test]
fn no_credential_breaks_a_record() {
    let folder = Folder::new();
    let record = folder.path().join("record").display().to_string();
    let messages = [
        r#"{"price":123456,"ok":true,"name":"a \" b\u0041"}"#,
        r#"{"type":[1234567890,null],"message":{"data":1}}"#,
        "not JSON",
    ];
    let words = [
        "123456",
        "1234",
        "2026",
        "true",
        "null",
        "type",
        "message",
        "data",
        "conn",
        "text",
        "open",
        "price",
        "\":\"",
        "\":1,\"",
        ",\"",
        "u0041",
        "\\u00",
        "{\"v\":",
        "127.0.0.1",
    ];
    for word in words {
        let script = move |peer: &mut Peer| {
            messages.iter().for_each(|text| peer.text(text));
            peer.frame(9, word);
            peer.close_well(1000);
        };
        let server = Server::websocket(script);
        let args = ["connect", &server.url(), "--token-env", "MINE", "--envelope", "--record", &record, "-q"];
        let out = wstap(&args).env("MINE", word).run();
        out.exits(0);
        server.join();
        let kinds = |text: &str| -> Vec<String> {
            let kind = |line: &str| {
                let record: serde_json::Value =
                    serde_json::from_str(line).unwrap_or_else(|e| panic!("{word}: {e}: {line}"));
                assert!(
                    ["v", "ts", "type", "conn"].iter().all(|name| record.get(name).is_some()),
                    "{word}: {line}"
                );
                record["type"].as_str().unwrap().to_owned()
            };
            text.lines().map(kind).collect()
        };
        let expected = ["open", "message", "message", "message", "ping", "close", "summary"];
        assert_eq!(kinds(&out.stdout), expected, "{word}");
        assert_eq!(kinds(&folder.text("record")), expected, "{word}");
        let back = wstap(&["connect", "-q", "--from", &record]).run();
        assert_eq!(back.lines(), [messages[0], messages[1], "\"not JSON\""], "{word}");
        fs::remove_file(&record).unwrap();
    }
}

/// What a session sends once it is open may be the credential; then no other server may be what it opens.
#[test]
fn a_credential_in_a_message_is_not_sent_to_another_origin() {
    let folder = Folder::new();
    let dialect = folder.path().join("mine.toml").display().to_string();
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = target.local_addr().unwrap();
    let sent = format!("login {TOKEN}");
    let runs: [&[&str]; 2] = [
        &["subscribe", "-d", &dialect, "-L", "a", "--no-reconnect", "--url"],
        &["connect", "-L", "--no-reconnect", "--token-env", "MINE", "--send", &sent],
    ];
    for args in runs {
        let script = move |mut peer: Peer| {
            peer.request();
            peer.write(format!("HTTP/1.1 302 Found\r\nLocation: ws://{to}/\r\nContent-Length: 0\r\n\r\n"));
        };
        let server = Server::once(script);
        let out = wstap(args).args(&[&server.url()]).env("MINE", TOKEN).run();
        out.exits(14).says("another origin, and the first message contains the credential").says("directly");
        keeps(&out, &folder, "a redirect");
        server.join();
    }
    target.set_nonblocking(true).unwrap();
    assert!(target.accept().is_err(), "the other origin was asked");
}

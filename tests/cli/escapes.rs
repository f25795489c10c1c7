//! Terminal escapes in everything that a server can say, on every screen: none of them reaches the terminal as such.

use serde_json::json;

use crate::harness::{Peer, Server, upgrade};
use crate::pty::{Pty, on_pty};

/// A colour (CSI), a title (OSC), a device string (DCS), both of C1's ways to start a sequence, and an override of the
/// direction of writing.
const EVIL: &str =
    "a\x1b[35;1mb\x1b]0;evil\x07c\x1bP1q\x1b\\d\u{9b}35;1me\u{9d}0;evil\u{9c}f\u{202e}g\x7f\x08h";

/// The same without what a header cannot hold.
const EVIL_HEADER: &str = "a\u{9b}35;1me\u{9d}0;evil\u{9c}f\u{202e}g";

/// Nothing of it came to the terminal in the whole run, which said `shown`.
#[track_caller]
fn harmless(pty: &mut Pty, shown: &str) {
    let bytes = pty.all_bytes();
    let status = pty.status();
    assert!(bytes.contains(shown), "no {shown}, {status}: {bytes}");
    for raw in
        ["\x1b[35;1m", "\x1b]0;evil", "\x1bP1q", "\u{9b}", "\u{9c}", "\u{9d}", "\u{202e}", "\x7f", "g\x08"]
    {
        assert!(!bytes.contains(raw), "{raw:?} is in {bytes:?}");
    }
}

/// What a server says in messages.
fn messages() -> [String; 4] {
    [
        EVIL.to_owned(),
        json!({ "text": EVIL, EVIL: 1 }).to_string(),
        json!(EVIL).to_string(),
        // As it may stand in JSON, where only C0 has to be escaped.
        format!("{{\"c1\":\"{EVIL_HEADER}\"}}"),
    ]
}

fn headers() -> String {
    format!("Server: {EVIL_HEADER}\r\nX-{0}: {EVIL_HEADER}\r\nSet-Cookie: a={EVIL_HEADER}\r\n", "Evil")
}

#[test]
fn on_the_prompt() {
    let server = Server::once(|mut peer| {
        peer.accept_with(&headers());
        messages().iter().for_each(|text| peer.text(text));
        peer.frame(2, EVIL);
        peer.frame(9, EVIL);
        while peer.read_text().is_some_and(|text| text != "end") {}
        peer.close(4001, EVIL);
        peer.read_close();
    });
    let mut pty = on_pty(&["connect", &server.url(), "-vv"]).spawn();
    pty.shows("← 5 ");
    for line in
        ["/show 1", "/show 2", "/show 4", "/show 5", "/grep b", "/last 5", "/status", "/filter .text", "end"]
    {
        pty.line(line);
    }
    // The prompt stays when the connection is lost.
    pty.prompts("lost> ");
    pty.keys("\x04");
    harmless(&mut pty, "4001");
}

#[test]
fn on_the_prompt_as_bare_text() {
    let server = Server::websocket(|peer| {
        messages().iter().for_each(|text| peer.text(text));
        while peer.read_text().is_some_and(|text| text != "end") {}
        peer.close(4001, EVIL);
        peer.read_close();
    });
    let mut pty = on_pty(&["connect", &server.url(), "-r", "-f", ".text? // ."]).spawn();
    pty.line("end");
    pty.prompts("lost> ");
    pty.keys("\x04");
    harmless(&mut pty, "4001");
}

#[test]
fn on_standard_output() {
    for extra in [&["-r"][..], &[], &["--envelope"], &["-r", "-f", "."], &["--color", "always"]] {
        let server = Server::once(|mut peer| {
            peer.accept_with(&headers());
            messages().iter().for_each(|text| peer.text(text));
            peer.close(4001, EVIL);
            peer.read_close();
        });
        let url = server.url();
        let args = ["subscribe", "-d", "plain", "--url", &url, "-vv", "--no-reconnect"];
        let mut pty = on_pty(&[&args, extra].concat()).spawn();
        harmless(&mut pty, "4001");
    }
}

#[test]
fn in_refusals_and_redirects() {
    let answers = [
        format!("HTTP/1.1 403 {EVIL_HEADER}\r\n{}\r\n{EVIL}", headers()),
        format!("HTTP/1.1 403 No\r\nContent-Type: application/json\r\n\r\n{}", json!({"error": EVIL})),
        format!("HTTP/1.1 403 No\r\nContent-Type: text/html\r\n\r\n<title>{EVIL}</title>"),
        format!("HTTP/1.1 302 No\r\nLocation: ws://{EVIL_HEADER}/\r\n\r\n"),
        format!("{EVIL}\r\n\r\n"),
    ];
    for command in ["connect", "probe-handshake"] {
        for answer in answers.clone() {
            for extra in [&["-vv"][..], &["-L"]] {
                let text = answer.clone();
                let server = Server::once(move |mut peer| {
                    peer.request();
                    peer.write(text);
                });
                let mut pty = on_pty(&[&[command, &server.url()], extra].concat()).spawn();
                harmless(&mut pty, if command == "connect" { "error" } else { "upgrade" });
            }
        }
    }
}

#[test]
fn on_the_page_of_a_probe() {
    let server = Server::once(|mut peer| {
        let request = peer.request();
        peer.write(upgrade(&request, &headers()));
        messages().iter().for_each(|text| peer.text(text));
        while peer.read_frame().is_some_and(|frame| frame.first & 15 != 8) {}
        peer.close(1000, EVIL);
        peer.read_close();
    });
    let mut pty = on_pty(&["probe-handshake", &server.url(), "--live", "-vv"]).size(60, 100).spawn();
    harmless(&mut pty, "close-handshake");
}

#[test]
fn on_the_screen_of_campaigns() {
    let progress = json!({"total_contacts": 9, "completed": 1, "failed": 1, "processing": 0, "pending": 7});
    let said = [
        json!({"type": "progress_update", "data": {"campaign_id": 42, "status": EVIL, "campaign_name": EVIL,
            "name": EVIL, "progress": progress}}),
        json!({"type": "contact_update", "campaign_id": 42, "contact_id": EVIL, "contact_phone": EVIL,
            "contact_status": "failed", "contact_error": EVIL}),
        json!({"type": EVIL, "campaign_id": 42, "message": EVIL}),
        json!({"type": "error", "message": EVIL, "campaign_id": 43}),
    ];
    let script = move |mut peer: Peer| {
        peer.accept_with(&headers());
        said.iter().for_each(|message| peer.text(&message.to_string()));
        messages().iter().for_each(|text| peer.text(text));
        peer.close(4001, EVIL);
        peer.read_close();
    };
    let server = Server::once(script);
    let args = ["watch-campaign", "42", "--url", &server.url(), "--token", "t", "-vv", "--no-reconnect"];
    let mut pty = on_pty(&args).spawn();
    harmless(&mut pty, "4001");
}

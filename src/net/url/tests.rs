//! URLs as values and as they are read.

use super::*;
use crate::exit::Exit;

fn url(text: &str) -> WsUrl {
    WsUrl::parse(text).unwrap()
}

fn parts(text: &str) -> (bool, String, u16, String) {
    let url = url(text);
    (url.is_tls(), url.host().to_owned(), url.port(), url.target().to_owned())
}

fn mistake(text: &str) -> (String, String, usize) {
    let failure = WsUrl::parse(text).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    let caret = failure.details[1].find('^').unwrap();
    (format!("{} | {}", failure.what, failure.hint.unwrap_or_default()), failure.details[0].clone(), caret)
}

#[test]
fn every_form_is_read() {
    type Parts<'a> = (bool, &'a str, u16, &'a str);
    let cases: &[(&str, Parts<'_>)] = &[
        ("ws://Example.com", (false, "example.com", 80, "/")),
        ("wss://h/a?b=c", (true, "h", 443, "/a?b=c")),
        ("WSS://h?b", (true, "h", 443, "/?b")),
        ("http://h:1/", (false, "h", 1, "/")),
        ("https://h", (true, "h", 443, "/")),
        (":8080/x", (false, "localhost", 8080, "/x")),
        ("host:9000", (false, "host", 9000, "/")),
        ("host:443/x", (true, "host", 443, "/x")),
        ("[::1]:8080/p", (false, "::1", 8080, "/p")),
        ("ws://[2001:DB8::1]/", (false, "2001:db8::1", 80, "/")),
        ("ws://[FE80::1%25Eth0]:81/", (false, "fe80::1%Eth0", 81, "/")),
        ("ws://[fe80::1%eth0]/", (false, "fe80::1%eth0", 80, "/")),
        ("ws://B\u{fc}cher.test/", (false, "xn--bcher-kva.test", 80, "/")),
        ("ws://h:/", (false, "h", 80, "/")),
        (" ws://h/a \n", (false, "h", 80, "/a")),
        ("ws://h/a b/\u{e9}?q=\"{}", (false, "h", 80, "/a%20b/%C3%A9?q=%22%7B%7D")),
        ("ws://h/%41", (false, "h", 80, "/%41")),
        ("h:1/?next=http://x", (false, "h", 1, "/?next=http://x")),
    ];
    for (text, (tls, host, port, target)) in cases {
        assert_eq!(parts(text), (*tls, (*host).to_owned(), *port, (*target).to_owned()), "{text}");
    }
}

#[test]
fn a_unix_socket_has_a_path_and_a_target() {
    let both = url("ws+unix:/run/a.sock:/ws?x=1");
    assert_eq!(both.socket(), Some(Path::new("/run/a.sock")));
    assert_eq!((both.target(), both.host_header().as_str()), ("/ws?x=1", "localhost"));
    assert_eq!(both.to_string(), "ws+unix:/run/a.sock:/ws?x=1");
    assert_eq!(url("ws+unix:///run/a.sock").socket(), Some(Path::new("/run/a.sock")));
    assert_eq!(url("ws+unix:/run/a.sock").target(), "/");
}

#[test]
fn the_host_header_has_the_port_only_when_needed() {
    assert_eq!(url("ws://h:80").host_header(), "h");
    assert_eq!(url("wss://h:80").host_header(), "h:80");
    assert_eq!(url("ws://[::1]:81").host_header(), "[::1]:81");
    assert_eq!(url("ws://[fe80::1%25eth0]:81").host_header(), "[fe80::1]:81");
    assert_eq!(url("ws://[fe80::1%eth0]:81/x").to_string(), "ws://[fe80::1%25eth0]:81/x");
}

#[test]
fn a_name_that_mixes_scripts_is_shown_in_both_forms() {
    let warning = url("wss://\u{430}pple.test/").look_alike().unwrap();
    assert!(warning.contains("\u{430}pple.test (xn--pple-43d.test)"), "{warning}");
    for one_script in ["wss://b\u{fc}cher.test", "wss://\u{65e5}\u{672c}\u{306e}.test", "wss://apple.test"] {
        assert_eq!(url(one_script).look_alike(), None, "{one_script}");
    }
}

#[test]
fn userinfo_is_decoded_and_never_shown() {
    let url = url("ws://us%40er:p%3Ass%%@h/x");
    let (user, password) = url.userinfo().unwrap();
    assert_eq!((user.as_str(), password.expose()), ("us@er", "p:ss%%"));
    assert_eq!(url.to_string(), "ws://h/x");
    assert!(!format!("{url:?}").contains("p:ss"));
    let url = WsUrl::parse("ws://h/?token=s3cr3t").unwrap();
    let url = url.with_secret_param("sesame", &Secret::new("hunter2"));
    assert_eq!(format!("{url:?}"), format!("WsUrl({url})"));
    assert!(!format!("{url:?}").contains("s3cr3t") && !format!("{url:?}").contains("hunter2"));
}

#[test]
fn mistakes_are_shown_with_a_caret_and_a_hint() {
    let cases: &[(&str, &str, usize)] = &[
        ("wss:/host/p", "write wss://host/p", 3),
        ("ws//host", "write ws://host", 2),
        ("ftp://host", "unknown scheme \"ftp\"", 0),
        ("example.com/ws", "wss://example.com/ws (with TLS)", 0),
        ("ws://ho st/", "a space in the host", 7),
        ("ws://h\u{f6} st/", "not a valid internationalized name", 5),
        ("ws://h:99999/", "1 to 65535", 7),
        ("ws://h:0", "1 to 65535", 7),
        ("ws://h:+1", "not a number", 7),
        ("ws://h:8x/", "not a number", 7),
        ("ws://::1:80/", "in brackets", 5),
        ("ws://[fe80::1%25]/", "missing zone", 13),
        ("ws://[::1/", "without ']'", 5),
        ("ws://h/a#b", "%23", 8),
        ("ws:///path", "missing host", 5),
        ("ws://h/a\rb", "control character", 8),
        ("ws://h]/", "invalid character ']'", 6),
    ];
    for (text, say, at) in cases {
        let (said, _, caret) = mistake(text);
        assert!(said.contains(say), "{text}: {said}");
        assert_eq!(caret, *at, "{text}");
    }
    assert_eq!(WsUrl::parse("").unwrap_err().exit, Exit::Usage);
}

#[test]
fn mistakes_show_no_secrets() {
    let (said, shown, caret) = mistake("ws://user:hunter2@ho st/?token=hunter2&a=1#x");
    assert_eq!(shown, "ws://***@ho st/?token=***&a=1#***");
    assert_eq!(caret, shown.find('#').unwrap());
    assert!(!said.contains("hunter2"));
    for text in [
        "ws://user:hun/ter2@host/",
        "wss:/u:hunter2@h",
        "wss//u:hunter2@h",
        "h/?token=hunter2",
        "wss:h?token=hunter2",
        "wss://user:hunter2",
        "wss:/user:hunter2/x",
        "wss://h/x#access_token=hunter2",
    ] {
        let failure = WsUrl::parse(text).unwrap_err();
        assert!(!format!("{failure:?}").contains("ter2"), "{failure:?}");
    }
}

#[test]
fn credentials_in_every_place_become_known() {
    for text in [
        "ws://h/?to%6ben=s3cr3t",
        "ws://h/?a=1;sig=s3cr3t",
        "ws://h/?auth[key]=s3cr3t",
        "ws://h/?next=%2Fx%3Ftoken%3Ds3cr3t%26a%3D1",
        "ws://user:s3cr3t@h/",
        "ws://s3cr3t@h/",
    ] {
        let secrets = Secrets::default();
        url(text).add_to(&secrets);
        assert_eq!(secrets.mask("bad s3cr3t"), "bad ***", "{text}");
    }
}

#[test]
fn parameters_are_added_encoded_and_secret_ones_masked() {
    let plain = url("ws://h/p").with_query_param("a b", "c&d=\u{e9}");
    assert_eq!(plain.target(), "/p?a%20b=c%26d%3D%C3%A9");
    let secret = plain.with_secret_param("sesame", &Secret::new("s3cr3t/"));
    assert_eq!(secret.target(), "/p?a%20b=c%26d%3D%C3%A9&sesame=s3cr3t%2F");
    assert_eq!(secret.to_string(), "ws://h/p?a%20b=c%26d%3D%C3%A9&sesame=***");
    let replaced = url("ws://h/p?token=old&b=1").with_secret_param("token", &Secret::new("new"));
    assert_eq!(replaced.target(), "/p?b=1&token=new");
    assert!(secret.has_query_param("a b") && !secret.has_query_param("c"));
    assert_eq!(url("ws://h/?token=x").to_string(), "ws://h/?token=***");
    assert!(secret.has_secret() && !plain.has_secret());
}

#[test]
fn targets_below_go_on_with_path_and_query() {
    for (base, target, expected) in [
        ("ws://h", "/", "/"),
        ("ws://h", "/a/b?c=d", "/a/b?c=d"),
        ("ws://h/v1/ws", "/", "/v1/ws"),
        ("ws://h/v1/", "/ws?x=%20", "/v1/ws?x=%20"),
        ("ws://h/v1?k=1", "/?x", "/v1?k=1&x"),
        ("ws://h/v1?k=1", "/y", "/v1/y?k=1"),
    ] {
        assert_eq!(url(base).below(target).unwrap().target(), expected, "{base} {target}");
    }
}

#[test]
fn redirects_lead_where_rfc_3986_says() {
    let base = url("wss://h:1/a/b/c?q=1");
    let cases = [
        ("https://other/x", "wss://other/x"),
        ("//other/x", "wss://other/x"),
        ("/x?y", "wss://h:1/x?y"),
        ("x", "wss://h:1/a/b/x"),
        ("../x", "wss://h:1/a/x"),
        ("../../../../x/.", "wss://h:1/x/"),
        ("?z", "wss://h:1/a/b/c?z"),
        ("/x#frag", "wss://h:1/x"),
        ("/x?u=http://y", "wss://h:1/x?u=http://y"),
        ("ws://u:p@h/", "ws://h/"),
    ];
    for (location, to) in cases {
        assert_eq!(base.join(location).unwrap().to_string(), to, "{location}");
    }
    assert_eq!(base.join("file:///etc/passwd").unwrap_err().exit, Exit::Usage);
    assert!(base.join("/a\r\nX: y").is_err());
    assert!(!base.same_origin(&base.join("//h/x").unwrap()));
    assert!(base.same_origin(&base.join("/x").unwrap()));
}

#[test]
fn arguments_that_are_urls_are_told_from_topics() {
    for yes in
        ["ws://x", "foo://x", "ws+unix:/x", ":8080", ":8080/x", "host:80", "host:80/x", "[::1]:80", "h:1?x"]
    {
        assert!(looks_like_url(yes), "{yes}");
    }
    for no in
        ["customer_id:1234-5:call:*", "42", "agent_id:42", "host", "a:b", ":", "host:99999", "[x]:80", "h:"]
    {
        assert!(!looks_like_url(no), "{no}");
    }
}

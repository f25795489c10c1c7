//! The judgement of a 101 answer, as a list of named findings rather than one error at the first.

use super::client::{EXTENSIONS, Offered, ResponseHead, list_items};
use super::extensions::Agreement;
use super::{accept_key, extensions};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As the RFC demands.
    Ok,
    /// Allowed, but odd enough to be told.
    Warn,
    /// A violation: the connection must be failed.
    Fail,
    /// There was nothing to judge.
    Skipped,
}

impl Verdict {
    /// The word used in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }
}

/// One check of a 101 answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of the check, stable.
    pub id: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What would have been right.
    pub expected: String,
    /// What was there.
    pub got: String,
    /// Where it is demanded.
    pub clause: &'static str,
}

/// Judges a 101 answer. Every check is in the outcome, in this order, whatever it says.
#[must_use]
pub fn examine(head: &ResponseHead, expectation: &Offered) -> Vec<Finding> {
    vec![
        http_version(head),
        upgrade_header(head),
        connection_token(head),
        accept(head, &expectation.key),
        subprotocol(head, &expectation.subprotocols),
        extensions(head, &expectation.extensions),
        no_body(head),
        duplicate_headers(head),
    ]
}

/// The same checks where there is no 101 answer to judge; `instead` is what there was.
#[must_use]
pub fn unexamined(expectation: &Offered, instead: &str) -> Vec<Finding> {
    let skip = |finding: Finding| Finding {
        verdict: Verdict::Skipped,
        got: instead.to_owned(),
        expected: if finding.id == ACCEPT { "the digest of the key".into() } else { finding.expected },
        ..finding
    };
    examine(&ResponseHead::default(), expectation).into_iter().map(skip).collect()
}

fn http_version(head: &ResponseHead) -> Finding {
    Finding {
        id: "http-version",
        verdict: fail_unless(head.version_minor >= 1),
        expected: "HTTP/1.1 or higher".into(),
        got: format!("HTTP/1.{}", head.version_minor),
        clause: "RFC 6455 §4.1, RFC 9110 §7.8",
    }
}

fn upgrade_header(head: &ResponseHead) -> Finding {
    let got = joined(head, "Upgrade");
    Finding {
        id: "upgrade-header",
        verdict: fail_unless(got.eq_ignore_ascii_case("websocket")),
        expected: "websocket".into(),
        got,
        clause: "RFC 6455 §4.1, response check 2",
    }
}

fn connection_token(head: &ResponseHead) -> Finding {
    let mut tokens = head.values("Connection").flat_map(list_items);
    Finding {
        id: "connection-token",
        verdict: fail_unless(tokens.any(|token| token.eq_ignore_ascii_case("upgrade"))),
        expected: "a list with the token Upgrade".into(),
        got: joined(head, "Connection"),
        clause: "RFC 6455 §4.1, response check 3",
    }
}

const ACCEPT: &str = "accept-key";

fn accept(head: &ResponseHead, key: &str) -> Finding {
    let expected = accept_key(key);
    let values: Vec<&str> = head.values("Sec-WebSocket-Accept").collect();
    Finding {
        id: ACCEPT,
        verdict: fail_unless(values == [expected.as_str()]),
        expected,
        got: joined(head, "Sec-WebSocket-Accept"),
        clause: "RFC 6455 §4.1, response check 4",
    }
}

fn subprotocol(head: &ResponseHead, offered: &[String]) -> Finding {
    let chosen = head.value("Sec-WebSocket-Protocol");
    let verdict = match chosen {
        None if offered.is_empty() => Verdict::Ok,
        None => Verdict::Warn,
        Some(chosen) => fail_unless(offered.iter().any(|offer| offer == chosen)),
    };
    let expected = if offered.is_empty() { "none".into() } else { format!("one of {}", offered.join(", ")) };
    Finding {
        id: "subprotocol",
        verdict,
        expected,
        got: chosen.map_or("none", visible).to_owned(),
        clause: "RFC 6455 §4.1, response check 6",
    }
}

fn extensions(head: &ResponseHead, offered: &str) -> Finding {
    let got = joined(head, EXTENSIONS);
    let objection = agreement(head, offered).err();
    Finding {
        id: "extensions",
        verdict: fail_unless(objection.is_none()),
        expected: match offered {
            "" => "none, as none was offered".into(),
            offered => format!("nothing but {offered}"),
        },
        got: objection.map_or(got.clone(), |objection| format!("{got}: {objection}")),
        clause: "RFC 6455 §4.1, response check 5",
    }
}

/// What an answer agrees to of the extensions that were offered.
///
/// # Errors
/// What is wrong with it.
pub fn agreement(head: &ResponseHead, offered: &str) -> Result<Option<Agreement>, String> {
    let accepted: Vec<&str> = head.values(EXTENSIONS).collect();
    extensions::agreed(offered, &accepted.join(", "))
}

fn no_body(head: &ResponseHead) -> Finding {
    let length = head.value("Content-Length").filter(|length| *length != "0");
    let coding = head.value("Transfer-Encoding");
    let got = match (length, coding) {
        (None, None) => "none".into(),
        (Some(length), _) => format!("Content-Length: {length}"),
        (None, Some(coding)) => format!("Transfer-Encoding: {coding}"),
    };
    Finding {
        id: "no-body",
        verdict: if got == "none" { Verdict::Ok } else { Verdict::Warn },
        expected: "none".into(),
        got,
        clause: "RFC 9110 §8.6, RFC 9112 §6.1",
    }
}

fn duplicate_headers(head: &ResponseHead) -> Finding {
    /// Headers that RFC 6455 §11.3 allows once in a response.
    const FATAL: &[&str] = &["Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"];
    /// Headers that HTTP defines with one value.
    const ODD: &[&str] = &["Content-Length", "Content-Type", "Date", "Location", "Retry-After", "Server"];
    let repeated = |names: &[&'static str]| -> Vec<&'static str> {
        names.iter().copied().filter(|name| head.values(name).nth(1).is_some()).collect()
    };
    let (fatal, odd) = (repeated(FATAL), repeated(ODD));
    let verdict = match (fatal.is_empty(), odd.is_empty()) {
        (false, _) => Verdict::Fail,
        (true, false) => Verdict::Warn,
        (true, true) => Verdict::Ok,
    };
    let names = [fatal, odd].concat();
    Finding {
        id: "duplicate-headers",
        verdict,
        expected: "headers with one value appear once".into(),
        got: if names.is_empty() {
            "none repeated".into()
        } else {
            format!("repeated: {}", names.join(", "))
        },
        clause: "RFC 6455 §11.3, RFC 9110 §5.3",
    }
}

/// All values of a header in one line; `none` if there is no such header.
fn joined(head: &ResponseHead, name: &str) -> String {
    let values: Vec<&str> = head.values(name).collect();
    if values.is_empty() { "none".into() } else { visible(&values.join(", ")).to_owned() }
}

/// A value as it is told.
fn visible(value: &str) -> &str {
    if value.is_empty() { "an empty value" } else { value }
}

fn fail_unless(right: bool) -> Verdict {
    if right { Verdict::Ok } else { Verdict::Fail }
}

#[cfg(test)]
mod tests {
    use super::super::client::parse_head;
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const GOOD: &str = "Upgrade: WebSocket|Connection: keep-alive, upgrade|Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn head(headers: &str) -> ResponseHead {
        let text = format!("HTTP/1.1 101 Switching Protocols\r\n{}\r\n\r\n", headers.replace('|', "\r\n"));
        parse_head(text.as_bytes()).unwrap().unwrap().0
    }

    /// The ids of all findings that are not ok, with their verdicts.
    fn faults(headers: &str, offered: &[&str]) -> Vec<(&'static str, Verdict)> {
        let subprotocols = offered.iter().map(|&offer| offer.to_owned()).collect();
        examine(&head(headers), &Offered { key: KEY.into(), subprotocols, ..Offered::default() })
            .into_iter()
            .filter(|finding| finding.verdict != Verdict::Ok)
            .map(|finding| (finding.id, finding.verdict))
            .collect()
    }

    #[test]
    fn a_good_answer_has_eight_findings_and_no_fault() {
        assert_eq!(faults(GOOD, &[]), []);
        let findings = examine(&head(GOOD), &Offered { key: KEY.into(), ..Offered::default() });
        assert_eq!(findings.len(), 8);
        let split = GOOD.replace("keep-alive, upgrade", "keep-alive|Connection: Upgrade");
        assert_eq!(faults(&split, &[]), []);
    }

    #[test]
    fn each_fault_is_found_by_its_own_check() {
        use Verdict::{Fail, Warn};
        let with = |more: &str| format!("{GOOD}|{more}");
        type Case<'a> = (String, &'a [&'a str], &'a [(&'a str, Verdict)]);
        let cases: &[Case<'_>] = &[
            (GOOD.replace("WebSocket|", "h2c|"), &[], &[("upgrade-header", Fail)]),
            (GOOD.replace(", upgrade", ", upgraded"), &[], &[("connection-token", Fail)]),
            (GOOD.replace("s3p", "S3p"), &[], &[("accept-key", Fail)]),
            (with("Sec-WebSocket-Accept: x"), &[], &[("accept-key", Fail), ("duplicate-headers", Fail)]),
            (GOOD.into(), &["a"], &[("subprotocol", Warn)]),
            (with("Sec-WebSocket-Protocol: a"), &[], &[("subprotocol", Fail)]),
            (with("Sec-WebSocket-Protocol: A"), &["a"], &[("subprotocol", Fail)]),
            (with("Sec-WebSocket-Protocol: a"), &["b", "a"], &[]),
            (with("Sec-WebSocket-Extensions: permessage-deflate"), &[], &[("extensions", Fail)]),
            (with("Content-Length: 5"), &[], &[("no-body", Warn)]),
            (with("Content-Length: 0"), &[], &[]),
            (with("Transfer-Encoding: chunked"), &[], &[("no-body", Warn)]),
            (with("Server: a|Server: b"), &[], &[("duplicate-headers", Warn)]),
        ];
        for (headers, offered, expected) in cases {
            assert_eq!(&faults(headers, offered), expected, "{headers}");
        }
        let old = ResponseHead { version_minor: 0, ..head(GOOD) };
        let findings = examine(&old, &Offered { key: KEY.into(), ..Offered::default() });
        assert_eq!((findings[0].id, findings[0].verdict), ("http-version", Fail));
    }
}

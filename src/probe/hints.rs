//! What explains what was seen, in plain words, each under a stable one: pure, from the record.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::record::{Note, ProbeRecord, SecretMask, Tls};
use crate::clock;
use crate::error::Failure;
use crate::net::certificate::Certificate;

/// A certificate that has fewer days left is worth a word, or a third of its life if that is less.
const SOON: i64 = 14;

/// Clocks that are further apart than this, in seconds, break tokens before they break certificates. `Date` counts
/// whole seconds, and answers take some time to come.
const SKEW: i64 = 60;

/// Everything worth saying about a record, first what explains the failure.
pub(super) fn hints(record: &ProbeRecord, failure: Option<&Failure>, mask: &SecretMask) -> Vec<Note> {
    let tls = record.tls.as_ref();
    let mut notes = Vec::new();
    notes.extend(tls.and_then(|tls| refused_certificate(tls, mask)));
    // More is known from the certificate than the failure knows.
    let told = tls.filter(|_| !notes.is_empty()).and_then(|tls| tls.verify_id);
    let is_told = |id| told == id || notes.iter().any(|note: &Note| id == Some(note.id));
    let failure = failure.filter(|failure| told.is_none() || !is_told(failure.hint_id));
    notes.extend(failure.and_then(|failure| of_failure(failure, record, mask)));
    notes.extend(tls.map(|tls| untold(tls, mask)).unwrap_or_default());
    notes.extend(tls.and_then(soon_over));
    notes.extend(tls.and_then(over_in_chain));
    // Go's servers tell in HTTP/1.0 that they want TLS.
    notes.extend(old_http(record).filter(|_| notes.iter().all(|note| note.id != "tls-port")));
    notes.extend(skew(record));
    notes
}

fn note(id: &'static str, text: impl Into<String>) -> Option<Note> {
    Some(Note { id, text: text.into() })
}

fn of_failure(failure: &Failure, record: &ProbeRecord, mask: &SecretMask) -> Option<Note> {
    let phase = record.failed.as_ref().map_or("upgrade", |failed| failed.phase);
    failure.hint.as_ref().and_then(|hint| note(failure.hint_id.unwrap_or(phase), mask.text(hint)))
}

fn refused_certificate(tls: &Tls, mask: &SecretMask) -> Option<Note> {
    let leaf = tls.chain.first()?;
    match tls.verify_id? {
        "expired" => Some(expired(leaf)),
        "not-yet-valid" => note(
            "not-yet-valid",
            format!(
                "the certificate is valid from {}: check the clock of this machine ({:.0})",
                day(&leaf.not_before),
                clock::now()
            ),
        ),
        "wrong-host" => Some(wrong_host(leaf, mask)),
        "ca-as-leaf" if leaf.self_signed => note(
            "self-signed",
            "the certificate is a self-signed CA certificate: use a certificate signed by it, or skip verification \
             with -k (insecure)",
        ),
        "unknown-issuer" => Some(unknown_issuer(&tls.chain, leaf, mask)),
        _ => None,
    }
}

/// What is wrong besides: a verification ends with the first fault.
fn untold(tls: &Tls, mask: &SecretMask) -> Vec<Note> {
    let Some(leaf) = tls.chain.first() else { return Vec::new() };
    let told = |id| tls.verify_id == Some(id);
    let over = leaf.days_left.is_some_and(|left| left < 0) && !told("expired");
    let other = tls.hostname_match == Some(false) && !told("wrong-host");
    let notes = [over.then(|| expired(leaf)), other.then(|| wrong_host(leaf, mask))];
    notes.into_iter().flatten().collect()
}

fn expired(leaf: &Certificate) -> Note {
    let text = format!(
        "the certificate expired at {}: renew it, or check the clock of this machine ({:.0})",
        day(&leaf.not_after),
        clock::now()
    );
    Note { id: "expired", text }
}

fn wrong_host(leaf: &Certificate, mask: &SecretMask) -> Note {
    let text = if leaf.sans.is_empty() {
        "the certificate has no subjectAltName: create one with the host name there; the common name is ignored \
         (RFC 9525)"
            .to_owned()
    } else {
        let names = leaf.sans.join(", ");
        format!(
            "the certificate is for {names}: connect with such a name, or check which virtual host answers"
        )
    };
    Note { id: "wrong-host", text: mask.text(&text) }
}

fn day(day: &Option<String>) -> String {
    day.clone().unwrap_or_else(|| "an unknown time".into())
}

fn unknown_issuer(chain: &[Certificate], leaf: &Certificate, mask: &SecretMask) -> Note {
    let (id, text) = if leaf.self_signed {
        ("self-signed", "the certificate is self-signed: trust it with --cacert FILE".to_owned())
    } else if chain.len() == 1 {
        let issuer = &leaf.issuer;
        let text = format!(
            "the intermediate certificate of {issuer} may be missing: configure the server to send it. If {issuer} is \
             your own root CA, trust it with --cacert FILE"
        );
        ("missing-intermediate", text)
    } else {
        (
            "unknown-issuer",
            "trust the CA of the certificate with --cacert FILE, or skip verification with -k (insecure)"
                .to_owned(),
        )
    };
    Note { id, text: mask.text(&text) }
}

fn soon_over(tls: &Tls) -> Option<Note> {
    let leaf = tls.chain.first()?;
    let left = leaf.days_left.filter(|left| *left >= 0)?;
    let soon = left < leaf.days_valid.map_or(SOON, |all| SOON.min(all / 3));
    let until = leaf.not_after.as_deref().unwrap_or_default();
    let left = match left {
        0 => "within a day".to_owned(),
        1 => "in 1 day".to_owned(),
        left => format!("in {left} days"),
    };
    soon.then(|| note("expires-soon", format!("the certificate expires {left}, at {until}")))?
}

fn over_in_chain(tls: &Tls) -> Option<Note> {
    // A root that is sent along is not looked at.
    let others = tls.chain.iter().skip(1).filter(|other| !other.self_signed);
    let over = others.into_iter().find(|other| other.days_left.is_some_and(|left| left < 0))?;
    note("chain-expired", format!("an expired certificate is in the chain: {}", over.subject))
}

/// RFC 9110 §7.8: there is no upgrade in HTTP/1.0.
fn old_http(record: &ProbeRecord) -> Option<Note> {
    let old = record.http.as_ref().is_some_and(|http| http.version == "1.0");
    old.then(|| {
        note(
            "http-1.0",
            "the response is HTTP/1.0, which has no upgrade: configure proxies in between to use HTTP/1.1 \
             (nginx: proxy_http_version 1.1)",
        )
    })?
}

fn skew(record: &ProbeRecord) -> Option<Note> {
    let date = record.http.as_ref()?.value("Date")?;
    let theirs = DateTimeParser::new().parse_timestamp(date).ok()?;
    let ours: Timestamp = record.ts.parse().ok()?;
    let apart = ours.as_second() - theirs.as_second();
    let (word, taken) = if apart > 0 { ("ahead of", "expired") } else { ("behind", "not yet valid") };
    let text = format!(
        "the clock of this machine is {} {word} the server's: tokens and certificates may look {taken}",
        humantime::format_duration(Duration::from_secs(apart.unsigned_abs()))
    );
    (apart.abs() > SKEW).then(|| note("clock-skew", text))?
}

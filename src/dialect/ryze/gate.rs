//! Who is let in: how often a credential may knock, and from which pages.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock;
use crate::handshake::server::Request;
use crate::key::BoundedKey;
use crate::limits;

/// "100/min on the upgrade". By the provider's page on limits it is counted per token.
const LIMIT: u32 = 100;

/// The minute of [`LIMIT`]. That it begins with the first request is a guess.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// About the bytes that the count of a token takes.
const COUNT: usize = 200;

/// How many tokens are kept count of. With more, the counts begin anew.
const TOKENS: usize = limits::MOCK_RATE_LIMITS / COUNT;

/// The rate limit.
#[derive(Debug)]
pub(super) struct RateLimit {
    minute: Duration,
    windows: Mutex<HashMap<BoundedKey, Window>>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    end: Instant,
    reset: i64,
    count: u32,
}

/// What is left of a token's minute; every response tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    /// The request is over the limit.
    pub(super) exceeded: bool,
    remaining: u32,
    /// Unix seconds.
    reset: i64,
}

impl RateLimit {
    /// A gate whose minute lasts this long.
    pub(super) fn new(minute: Duration) -> Self {
        Self { minute, windows: Mutex::default() }
    }

    /// Looks at the minute of a token, and counts a request if it is one that counts.
    pub(super) fn look(&self, token: &str, counts: bool) -> Allowance {
        let now = Instant::now();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let token = BoundedKey::of(token);
        if windows.len() >= TOKENS && !windows.contains_key(&token) {
            windows.clear();
        }
        let fresh = || Window { end: now + self.minute, reset: unix_after(self.minute), count: 0 };
        if !counts {
            let window = windows.get(&token).filter(|window| now < window.end);
            return window.copied().unwrap_or_else(fresh).allowance();
        }
        let window = windows.entry(token).or_insert_with(fresh);
        if now >= window.end {
            *window = fresh();
        }
        window.count = window.count.saturating_add(1);
        window.allowance()
    }
}

impl Window {
    fn allowance(self) -> Allowance {
        let Self { reset, count, .. } = self;
        Allowance { exceeded: count > LIMIT, remaining: LIMIT.saturating_sub(count), reset }
    }
}

impl Allowance {
    /// The headers "on all responses".
    pub(super) fn headers(self) -> [(&'static str, String); 3] {
        [
            ("X-RateLimit-Limit", LIMIT.to_string()),
            ("X-RateLimit-Remaining", self.remaining.to_string()),
            ("X-RateLimit-Reset", self.reset.to_string()),
        ]
    }
}

/// Rounded up: a client that waits until then must be let in.
fn unix_after(wait: Duration) -> i64 {
    let end =
        clock::now().as_millisecond().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
    end.saturating_add(999) / 1000
}

/// "Clients without an Origin header are always accepted"; without a list, only a page of the same host is.
pub(super) fn origin_is_fine(request: &Request, allowed: &[String]) -> bool {
    let Some(origin) = request.header("Origin") else { return true };
    if allowed.is_empty() {
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        return request.header("Host").is_some_and(|own| own.eq_ignore_ascii_case(host));
    }
    allowed.iter().flat_map(|list| list.split(',')).any(|one| one.trim().eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_hundred_a_minute_and_token() {
        let gate = RateLimit::new(MINUTE);
        for left in (0..LIMIT).rev() {
            let allowance = gate.look("a", true);
            assert_eq!((allowance.exceeded, allowance.remaining), (false, left));
        }
        assert!(gate.look("a", true).exceeded && gate.look("a", false).exceeded);
        assert!(!gate.look("b", true).exceeded && gate.look("c", false).remaining == LIMIT);
        tokio::time::advance(MINUTE).await;
        assert_eq!(gate.look("a", true).remaining, LIMIT - 1);
    }

    #[test]
    fn tokens_without_end_need_no_more_room() {
        let gate = RateLimit::new(MINUTE);
        for n in 0..3 * TOKENS {
            let long = if n % 100 == 0 { 15_000 } else { 20 };
            gate.look(&format!("{n:0long$}"), true);
        }
        let windows = gate.windows.lock().unwrap();
        let bytes: usize = windows.keys().map(|key| key.cost() + size_of::<Window>()).sum();
        assert!(windows.len() <= TOKENS && bytes <= limits::MOCK_RATE_LIMITS, "{bytes} bytes");
    }

    #[test]
    fn origins() {
        let fine = |origin: &str, allowed: &[&str]| {
            let head = format!("GET / HTTP/1.1\r\nHost: App.test:8080\r\n{origin}\r\n");
            let request = Request::parse(head.as_bytes()).unwrap().unwrap().0;
            let allowed: Vec<String> = allowed.iter().map(|one| (*one).to_owned()).collect();
            origin_is_fine(&request, &allowed)
        };
        assert!(fine("", &[]) && fine("", &["https://a.test"]));
        assert!(fine("Origin: http://app.test:8080\r\n", &[]) && !fine("Origin: http://app.test\r\n", &[]));
        assert!(!fine("Origin: null\r\n", &[]) && !fine("Origin: http://evil.test\r\n", &[]));
        assert!(fine("Origin: https://b.test\r\n", &["https://a.test, https://b.test"]));
        assert!(!fine("Origin: http://app.test:8080\r\n", &["https://a.test"]));
    }
}

//! The cookies of one attempt to connect (RFC 6265): a server that redirects may set some for where it leads.

use super::WsUrl;
use crate::handshake::client::ResponseHead;
use crate::secret::Secret;

/// The most cookies that are kept, as many as browsers keep for a site.
const MOST: usize = 50;

/// What redirects have set.
#[derive(Debug, Default)]
pub(super) struct Jar(Vec<Cookie>);

#[derive(Debug)]
struct Cookie {
    name: String,
    value: Secret,
    domain: String,
    /// May hosts below the domain have it too?
    for_subdomains: bool,
    path: String,
    secure: bool,
}

impl Jar {
    /// Takes what an answer from this URL sets, in place of what has the same name, domain and path.
    pub(super) fn store(&mut self, url: &WsUrl, head: &ResponseHead) {
        for text in head.values("Set-Cookie") {
            let Some((cookie, is_over)) = Cookie::read(text, url) else { continue };
            let same = |known: &Cookie| {
                (&known.name, &known.domain, &known.path) == (&cookie.name, &cookie.domain, &cookie.path)
            };
            self.0.retain(|known| !same(known));
            if !is_over && self.0.len() < MOST {
                self.0.push(cookie);
            }
        }
    }

    /// The value of `Cookie` for this URL: what was given, but for cookies that were set anew, and what was set.
    /// `None`: nothing was set.
    pub(super) fn merged(&self, given: &[&str], url: &WsUrl) -> Option<Secret> {
        let mut set: Vec<&Cookie> = self.0.iter().filter(|cookie| cookie.is_for(url)).collect();
        if set.is_empty() {
            return None;
        }
        // Longer paths come first (RFC 6265 §5.4).
        set.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let given =
            given.iter().flat_map(|value| value.split(';')).map(str::trim).filter(|pair| !pair.is_empty());
        let is_kept = |pair: &&str| {
            let name = pair.split('=').next().unwrap_or_default();
            set.iter().all(|cookie| cookie.name != name)
        };
        let own = set.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value.expose()));
        let pairs: Vec<String> = given.filter(is_kept).map(str::to_owned).chain(own).collect();
        Some(Secret::new(pairs.join("; ")))
    }

    /// The values, which are credentials.
    pub(super) fn values(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter().map(|cookie| &cookie.value)
    }
}

impl Cookie {
    /// One `Set-Cookie`, and whether it says that the cookie is over; `None` where this URL may not set it.
    fn read(text: &str, url: &WsUrl) -> Option<(Self, bool)> {
        let mut parts = text.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let folder = url
            .path()
            .rsplit_once('/')
            .map_or("/", |(folder, _)| if folder.is_empty() { "/" } else { folder });
        let mut cookie = Self {
            name: name.to_owned(),
            value: Secret::new(value),
            domain: url.host().to_owned(),
            for_subdomains: false,
            path: folder.to_owned(),
            secure: false,
        };
        let mut is_over = false;
        for part in parts {
            let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match attribute.trim().to_ascii_lowercase().as_str() {
                "domain" => {
                    let domain = value.trim_start_matches('.').to_ascii_lowercase();
                    let is_above = domain.contains('.') && is_below(&cookie.domain, &domain);
                    if domain != cookie.domain && !is_above {
                        return None;
                    }
                    cookie.for_subdomains = domain.contains('.') && super::url::literal(&domain).is_none();
                    cookie.domain = domain;
                }
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.secure = true,
                "max-age" => is_over = value.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
                _ => {}
            }
        }
        let may_be_set = !name.is_empty() && (url.is_tls() || !cookie.secure);
        may_be_set.then_some((cookie, is_over))
    }

    fn is_for(&self, url: &WsUrl) -> bool {
        let host = url.host();
        let is_site = host == self.domain || self.for_subdomains && is_below(host, &self.domain);
        let rest = url.path().strip_prefix(self.path.as_str());
        let is_path =
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'));
        is_site && is_path && (url.is_tls() || !self.secure)
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|front| front.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> WsUrl {
        WsUrl::parse(text).unwrap()
    }

    fn sent(from: &str, set: &[&str], given: &[&str], to: &str) -> Option<String> {
        let headers = set.iter().map(|value| ("set-cookie".to_owned(), (*value).to_owned())).collect();
        let mut jar = Jar::default();
        jar.store(&url(from), &ResponseHead { headers, ..ResponseHead::default() });
        jar.merged(given, &url(to)).map(|value| value.expose().to_owned())
    }

    #[test]
    fn cookies_go_where_they_belong() {
        let here = "wss://a.site.test/login";
        for (set, to) in [
            ("s=1", "wss://a.site.test/other"),
            ("s=1; Path=/ws", "wss://a.site.test/ws/x"),
            ("s=1; Domain=.SITE.test", "ws://b.site.test/"),
            ("s=1; Secure", "wss://a.site.test:444/"),
        ] {
            assert_eq!(sent(here, &[set], &[], to).as_deref(), Some("s=1"), "{set} {to}");
        }
        for (set, to) in [
            ("s=1", "wss://b.site.test/"),
            ("s=1", "wss://a.site.test.evil.test/"),
            ("s=1; Path=/ws", "wss://a.site.test/wsx"),
            ("s=1; Secure", "ws://a.site.test/"),
            ("s=1; Domain=test", "wss://b.test/"),
            ("s=1; Domain=other.test", "wss://other.test/"),
            ("s=1; Max-Age=0", "wss://a.site.test/"),
            ("=1", "wss://a.site.test/"),
        ] {
            assert_eq!(sent(here, &[set], &[], to), None, "{set} {to}");
        }
        assert_eq!(sent("ws://a.test/", &["s=1; Secure"], &[], "wss://a.test/"), None);
    }

    #[test]
    fn what_is_set_takes_the_place_of_what_was_given() {
        let set = ["s=1", "t=2; Path=/x", "s=3"];
        let value = sent("ws://h:1/", &set, &["a=b; s=0", "t2=4"], "ws://h:1/x/y");
        assert_eq!(value.as_deref(), Some("a=b; t2=4; t=2; s=3"));
    }
}

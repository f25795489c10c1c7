//! Credentials among subprotocols, which is where services take them from pages that cannot send headers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Secret, is_secret_name};

/// The credentials in subprotocols as they are offered, in order. They are known by the name that stands before them,
/// in the same item (`NAME-token-KEY`, `bearer.KEY`, `insecure-api-key.KEY`) or as the item before (`access_token`,
/// `KEY`); a JWT is known by its form.
pub(super) fn secrets(offered: &[&str]) -> Vec<Secret> {
    judged(offered).into_iter().flat_map(|item| item.secrets).map(Secret::new).collect()
}

/// The subprotocols that neither hold a credential nor are the name of the one behind them.
pub(super) fn others<'t>(offered: &[&'t str]) -> Vec<&'t str> {
    let judged = judged(offered);
    let names_next = |at: usize| judged[at].is_name && at + 1 < judged.len();
    let others = (0..judged.len()).filter(|at| judged[*at].secrets.is_empty() && !names_next(*at));
    others.map(|at| judged[at].text).collect()
}

/// A subprotocol, the credentials in it, and whether it is the name of one.
struct JudgedSubprotocol<'t> {
    text: &'t str,
    secrets: Vec<&'t str>,
    is_name: bool,
}

fn judged<'t>(offered: &[&'t str]) -> Vec<JudgedSubprotocol<'t>> {
    let mut is_named = false;
    let judge = |text: &&'t str| {
        let text = text.trim();
        let mut secrets: Vec<&str> = Some(text).filter(|text| is_named || is_jwt(text)).into_iter().collect();
        secrets.extend(after_mark(text));
        secrets.extend(after_dotted_name(text).into_iter().flatten());
        // What was known for a credential is the name of none.
        is_named = secrets.is_empty() && is_secret_name(text);
        JudgedSubprotocol { text, secrets, is_name: is_named }
    };
    offered.iter().map(judge).collect()
}

fn after_mark(item: &str) -> Option<&str> {
    let lower = item.to_ascii_lowercase();
    let marks = ["token-", "token.", "bearer-", "bearer.", "authorization.", "token ", "bearer "];
    marks
        .iter()
        .filter_map(|mark| Some(lower.find(mark)? + mark.len()))
        .min()
        .map(|at| item[at..].trim_start())
}

/// What follows the name of a secret and its dot, and the last part of that alone: Kubernetes has the domain of the
/// name between the two (`base64url.bearer.authorization.k8s.io.KEY`).
fn after_dotted_name(item: &str) -> Option<[&str; 2]> {
    let dots = item.match_indices('.').map(|(at, _)| at);
    let rest = dots.map(|at| item.split_at(at)).find(|(name, _)| is_secret_name(name))?.1;
    Some([&rest[1..], rest.rsplit('.').next().unwrap_or_default()])
}

/// Three parts in base64url, of which the first is a JSON object (RFC 7519 §3).
fn is_jwt(item: &str) -> bool {
    let parts: Vec<&str> = item.split('.').collect();
    let is_base64 = |part: &&str| part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    parts.len() == 3
        && parts.iter().all(is_base64)
        && URL_SAFE_NO_PAD.decode(parts[0]).is_ok_and(|header| header.starts_with(b"{\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(offered: &str) -> Vec<String> {
        let items: Vec<&str> = offered.split(',').collect();
        secrets(&items).iter().map(|secret| secret.expose().to_owned()).collect()
    }

    #[test]
    fn a_credential_stands_behind_its_name() {
        for offered in [
            "x-token-K3y",
            "Bearer.K3y",
            "authorization.K3y",
            "access_token,K3y",
            "a,bearer,K3y,b",
            "Authorization, K3y",
            "token,K3y",
            "X-API-Key,K3y",
            "realtime,openai-insecure-api-key.K3y,openai-beta.realtime-v1",
            "base64url.bearer.authorization.k8s.io.K3y",
            "Bearer K3y",
        ] {
            assert!(found(offered).iter().any(|secret| secret == "K3y"), "{offered}: {:?}", found(offered));
        }
        assert_eq!(found("Bearer.a.b")[0], "a.b");
        assert_eq!(found("token,K3y-token,chat"), ["K3y-token"]);
    }

    #[test]
    fn a_jwt_is_known_by_its_form() {
        let jwt = "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln";
        for offered in [jwt.to_owned(), format!("chat,{jwt}"), format!("a-b,{jwt},c")] {
            assert_eq!(found(&offered), [jwt]);
        }
        assert_eq!(found(&format!("api-key.{jwt}"))[0], jwt);
    }

    #[test]
    fn names_of_protocols_are_no_credentials() {
        for offered in [
            "graphql-transport-ws,json",
            "v12.stomp,v11.stomp",
            "mqtt",
            "ocpp2.0.1,ocpp1.6",
            "a.b.c",
            "eyJ.a.b",
        ] {
            assert_eq!(found(offered), [""; 0], "{offered}");
        }
    }
}

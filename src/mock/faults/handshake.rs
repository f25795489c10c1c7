//! Faults of the answer to an upgrade.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::sleep;

use super::{ConnFaults, Door, FaultKind};
use crate::handshake::accept_key;
use crate::handshake::client::EXTENSIONS;
use crate::handshake::server::Response;

/// How an upgrade is answered.
#[derive(Debug, PartialEq)]
pub(in crate::mock) enum UpgradeReply {
    /// Accept the upgrade.
    Upgrade(Response),
    /// Refuse it with this response.
    Refuse(Response),
    /// Never answer.
    Silence,
}

impl ConnFaults {
    /// What becomes of the response to an upgrade, after the time that it takes.
    pub(in crate::mock) async fn answer(&self, response: Response) -> UpgradeReply {
        let (reply, delay) = self.decide(response);
        if !delay.is_zero() {
            sleep(delay).await;
        }
        reply
    }

    /// The response to an upgrade as it goes out, if it was decided to accept that.
    pub(in crate::mock) fn spoil(&self, response: Response) -> Response {
        match self.decide(response.clone()).0 {
            UpgradeReply::Upgrade(response) => response,
            UpgradeReply::Refuse(_) | UpgradeReply::Silence => response,
        }
    }

    /// Refusals outrank silence, silence outranks a spoiled upgrade.
    fn decide(&self, mut response: Response) -> (UpgradeReply, Duration) {
        let mut rng = Rng::with_seed(self.seed);
        let (mut delay, mut silent, mut refusal) = (Duration::ZERO, false, None);
        for kind in self.kinds() {
            let FaultKind::Door(door, chance) = kind else { continue };
            if rng.f64() >= *chance {
                continue;
            }
            match door {
                Door::Delay(lag) => delay += self.scaled(lag.draw(&mut rng)),
                Door::NeverAnswer => silent = true,
                Door::Refuse { status, headers, body } => refusal = Some(refuse(*status, headers, body)),
                Door::BadAccept => spoil_accept(&mut response),
                Door::Extension(name) => response = response.header(EXTENSIONS, name),
            }
        }
        let reply = match (refusal, silent) {
            (Some(refusal), _) => UpgradeReply::Refuse(refusal),
            (None, true) => UpgradeReply::Silence,
            (None, false) => UpgradeReply::Upgrade(response),
        };
        (reply, delay)
    }
}

fn refuse(status: u16, headers: &[(String, String)], body: &str) -> Response {
    let mut response = if body.is_empty() {
        Response::text(status, "refused by a fault of the mock")
    } else {
        let mut response = Response::new(status);
        response.body = body.as_bytes().to_vec();
        response
    };
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response
}

/// An accept key for the key of somebody else (RFC 6455 §4.2.2).
fn spoil_accept(response: &mut Response) {
    for (name, value) in &mut response.headers {
        if name == "Sec-WebSocket-Accept" {
            *value = accept_key("not the key of this request");
        }
    }
}

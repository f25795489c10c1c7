//! From addresses to a connected socket: TCP with happy eyeballs, or a unix socket.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

use super::{Transport, Tried};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::sys;

/// How long an address has for itself before the next one is tried beside it (RFC 8305 §5, "Connection
/// Attempt Delay").
const STAGGER: Duration = Duration::from_millis(250);

/// What became of every address that was tried. It outlives the attempt, so that a deadline in the middle
/// of it can still tell.
#[derive(Default)]
pub(super) struct Trace {
    started: Vec<SocketAddr>,
    failed: Vec<(SocketAddr, io::Error, Duration)>,
    connected: Option<(SocketAddr, Duration)>,
}

impl Trace {
    /// One line an address.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |address: &SocketAddr| match self.failed.iter().find(|(failed, ..)| failed == address) {
            Some((_, error, _)) => format!("{address}: {}", reason(error)),
            None => format!("{address}: no answer"),
        };
        self.started.iter().map(line).collect()
    }

    /// What became of every address.
    pub(super) fn tried(&self) -> Vec<Tried> {
        let tried = |&address: &SocketAddr| {
            let failed = self.failed.iter().find(|(failed, ..)| *failed == address);
            let connected = self.connected.filter(|(connected, _)| *connected == address);
            Tried {
                address,
                time: failed.map(|(.., time)| *time).or(connected.map(|(_, time)| time)),
                error: failed.map(|(_, error, _)| reason(error)),
            }
        };
        self.started.iter().map(tried).collect()
    }
}

/// Connects to the address that answers first. `shown` is what the failure calls the goal.
pub(super) async fn connect(
    addresses: &[SocketAddr],
    shown: &str,
    trace: &mut Trace,
) -> Result<(TcpStream, SocketAddr)> {
    let Some((stream, address)) = race(addresses, trace).await else {
        return Err(failure(shown, trace));
    };
    // Messages are small and wanted at once. A socket that cannot do it still works.
    let _ = stream.set_nodelay(true);
    Ok((stream, address))
}

/// Connects to a unix socket.
pub(super) async fn connect_unix(path: &Path) -> Result<impl Transport + use<>> {
    sys::connect_unix(path).await.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "check the path: the file does not exist",
            io::ErrorKind::ConnectionRefused => {
                "check that the server is running: the file exists, but nothing listens on it"
            }
            io::ErrorKind::PermissionDenied => "check the permissions of the file",
            io::ErrorKind::Unsupported => "connect over TCP",
            _ => "check that the file is a socket",
        };
        let what = format!("cannot connect to unix socket {}: {}", path.display(), reason(&error));
        Failure::new(Exit::Tcp, what).hint(hint)
    })
}

/// What went wrong, in the words people know.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::TimedOut => "connection timed out".into(),
        io::ErrorKind::NetworkUnreachable => "network is unreachable".into(),
        io::ErrorKind::HostUnreachable => "host is unreachable".into(),
        io::ErrorKind::ConnectionReset => "connection reset by the peer".into(),
        io::ErrorKind::BrokenPipe => "connection closed by the peer".into(),
        _ => error.to_string(),
    }
}

async fn race(addresses: &[SocketAddr], trace: &mut Trace) -> Option<(TcpStream, SocketAddr)> {
    let mut waiting = addresses.iter().copied();
    let mut running = FuturesUnordered::new();
    loop {
        match waiting.next() {
            Some(address) => {
                trace.started.push(address);
                let started = Instant::now();
                running.push(async move {
                    let outcome = TcpStream::connect(address).await;
                    (address, outcome, started.elapsed())
                });
            }
            None if running.is_empty() => return None,
            None => {}
        }
        let last = waiting.len() == 0;
        let finished = tokio::select! {
            finished = running.next() => finished,
            () = tokio::time::sleep(STAGGER), if !last => None,
        };
        match finished {
            Some((address, Ok(stream), time)) => {
                trace.connected = Some((address, time));
                return Some((stream, address));
            }
            Some((address, Err(error), time)) => trace.failed.push((address, error, time)),
            None => {}
        }
    }
}

fn failure(shown: &str, trace: &Trace) -> Failure {
    let reasons: Vec<String> = trace.failed.iter().map(|(_, error, _)| reason(error)).collect();
    let mut different = reasons.clone();
    different.sort();
    different.dedup();
    let place = format!("{shown}: {}", different.join("; "));
    let what = format!("cannot connect to {place}");
    let all = |kind| trace.failed.iter().all(|(_, error, _)| error.kind() == kind);
    // One address without a name says everything once.
    let addresses = trace.lines().into_iter().filter(|line| *line != place).collect();
    let failure = Failure::new(Exit::Tcp, what).details(addresses);
    if all(io::ErrorKind::ConnectionRefused) {
        let text = "check that the server is running and the port is right";
        failure.known_hint("nothing-listening", text)
    } else if all(io::ErrorKind::TimedOut) {
        failure.known_hint("no-answer", "check the address and firewalls")
    } else if all(io::ErrorKind::NetworkUnreachable) || all(io::ErrorKind::HostUnreachable) {
        let text = "check the network; to choose the address family, use -4 or -6";
        failure.known_hint("no-route", text)
    } else {
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn closed_port() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
    }

    #[tokio::test]
    async fn the_next_address_is_tried_at_once_after_a_refusal() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = [closed_port().await, listener.local_addr().unwrap()];
        let mut trace = Trace::default();
        let started = std::time::Instant::now();
        let (stream, address) = connect(&addresses, "h:1", &mut trace).await.unwrap();
        assert!(started.elapsed() < STAGGER);
        assert_eq!(address, addresses[1]);
        assert!(stream.nodelay().unwrap());
        assert_eq!(trace.lines()[0], format!("{}: connection refused", addresses[0]));
    }

    #[tokio::test]
    async fn every_address_is_in_the_failure() {
        let addresses = [closed_port().await, closed_port().await];
        let failure = connect(&addresses, "h:1", &mut Trace::default()).await.unwrap_err();
        assert_eq!(
            (failure.exit, failure.what.as_str()),
            (Exit::Tcp, "cannot connect to h:1: connection refused")
        );
        assert_eq!(failure.details, addresses.map(|address| format!("{address}: connection refused")));
        assert!(failure.hint.unwrap().contains("the server is running"));
    }

    #[tokio::test]
    async fn a_silent_address_does_not_hold_up_the_next() {
        // The queue of a listener that never accepts fills up; further connections to it get no answer.
        let full = tokio::net::TcpSocket::new_v4().unwrap();
        full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let full = full.listen(0).unwrap();
        let silent = full.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(Ok(stream)) =
            tokio::time::timeout(Duration::from_millis(50), TcpStream::connect(silent)).await
        {
            queued.push(stream);
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = [silent, listener.local_addr().unwrap()];
        let mut trace = Trace::default();
        let (_, address) = connect(&addresses, "h:1", &mut trace).await.unwrap();
        assert_eq!(address, addresses[1]);
        assert_eq!(trace.lines()[0], format!("{silent}: no answer"));
    }

    #[tokio::test]
    async fn a_missing_unix_socket_is_told() {
        let failure = connect_unix(Path::new("/nonexistent/x.sock")).await.err().unwrap();
        assert_eq!(failure.exit, Exit::Tcp);
        assert_eq!(failure.hint.as_deref(), Some("check the path: the file does not exist"));
    }
}

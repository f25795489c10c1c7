//! The port: accepts connections, reads their requests and finds who answers them.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::pace::Pace;
use super::{Answer, Peer, Service, Settings, client, provider, stopped};
use crate::handshake::server::{Request, Response};

/// How long a client has to send its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that can be reached on the port.
pub(super) struct Site {
    settings: Arc<Settings>,
    services: Vec<Box<dyn Service>>,
    paths: Vec<&'static str>,
}

impl Site {
    pub(super) fn new(names: &[&str], settings: &Arc<Settings>) -> Self {
        let providers: Vec<_> = names.iter().filter_map(|name| provider(name)).collect();
        Self {
            settings: Arc::clone(settings),
            services: providers.iter().map(|provider| provider.service(settings)).collect(),
            paths: providers.iter().flat_map(|provider| provider.paths()).copied().collect(),
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        let answer = self.services.iter().find_map(|service| service.answer(request));
        answer.unwrap_or_else(|| Answer::Http(self.not_found(request)))
    }

    fn not_found(&self, request: &Request) -> Response {
        let body = serde_json::json!({
            "error": "the mock server has no such path", "path": request.path(), "paths": self.paths
        });
        Response::json(404, body.to_string())
    }
}

/// Accepts until told to stop, then waits for the connections to end. Dropping the future drops them all.
pub(super) async fn run(listener: TcpListener, site: Arc<Site>, mut stop: watch::Receiver<bool>) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    clients.spawn(serve(stream, Arc::clone(&site), stop.clone()));
                }
                // Out of descriptors, most likely: what helps is that a client leaves.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
            Some(_) = clients.join_next() => {}
            () = stopped(&mut stop) => break,
        }
    }
    drop(listener);
    while clients.join_next().await.is_some() {}
}

async fn serve(mut stream: TcpStream, site: Arc<Site>, mut stop: watch::Receiver<bool>) {
    // An event is a small write that somebody waits for.
    let _ = stream.set_nodelay(true);
    let head = tokio::select! {
        head = timeout(PATIENCE, read_head(&mut stream)) => head,
        () = stopped(&mut stop) => return,
    };
    let (request, tail) = match head {
        Ok(Ok(Some(head))) => head,
        Ok(Ok(None)) => return,
        Ok(Err(refusal)) => return respond(stream, &refusal).await,
        Err(_) => return respond(stream, &Response::text(408, "no request came")).await,
    };
    match upgrade(&mut stream, &site, &request).await {
        Ok(peer) => {
            let pace = Pace::new(site.settings.rate, site.settings.events);
            client::converse(stream, tail, peer, (pace, site.settings.then), stop).await;
        }
        Err(response) => respond(stream, &response).await,
    }
}

/// Reads a request head and what came with it. `None` if the client left before its end.
async fn read_head(stream: &mut TcpStream) -> Result<Option<(Request, Vec<u8>)>, Response> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
            return Ok(None);
        }
        if let Some((request, length)) = Request::parse(&bytes)? {
            return Ok(Some((request, bytes.split_off(length))));
        }
    }
}

/// Upgrades the connection if the path's owner and RFC 6455 allow it. A write that fails shows up again at the
/// first read.
async fn upgrade(stream: &mut TcpStream, site: &Site, request: &Request) -> Result<Box<dyn Peer>, Response> {
    match site.answer(request) {
        Answer::Http(response) => Err(response),
        Answer::Upgrade { protocol, peer } => {
            let response = request.upgrade()?.response(protocol.as_deref());
            let _ = stream.write_all(&response.to_bytes()).await;
            Ok(peer)
        }
    }
}

/// Answers and closes, reading on for a moment so that bytes the client still sends do not reset the
/// connection under the answer.
async fn respond(mut stream: TcpStream, response: &Response) {
    let all = async {
        stream.write_all(&response.to_bytes()).await?;
        stream.shutdown().await?;
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    let _ = timeout(Duration::from_secs(2), all).await;
}

//! [`open`] against servers that behave, misbehave or stay silent, byte by byte, on loopback.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::exit::Exit;
use crate::frames::{FromPeer, poll_receive};
use crate::handshake::accept_key;
use crate::message::Message;

const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n";
/// A text frame that says "hi".
const HI: &[u8] = b"\x81\x02hi";

/// What a server does after it has read a request head.
#[derive(Clone)]
enum Step {
    /// Writes, with `{ACCEPT}` replaced.
    Write(Vec<u8>),
    Wait(u64),
    /// Leaves the connection open until the peer goes.
    Hold,
}

fn say(text: impl AsRef<[u8]>) -> Step {
    Step::Write(text.as_ref().to_vec())
}

type Script = Arc<dyn Fn(&str) -> Vec<Step> + Send + Sync>;

/// A server on loopback and the request heads that it got.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn new(script: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::start(Arc::new(script), None).await
    }

    /// A server that does the same for every request.
    async fn saying(steps: &[Step]) -> Self {
        let steps = steps.to_vec();
        Self::new(move |_| steps.clone()).await
    }

    async fn start(script: Script, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, log, tls) = (script.clone(), log.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => play(stream, script, log).await,
                        Some(config) => {
                            if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
                                play(stream, script, log).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, requests }
    }

    fn url(&self, path: &str) -> WsUrl {
        WsUrl::parse(&format!("ws://{}{path}", self.address)).unwrap()
    }

    fn request(&self, index: usize) -> String {
        self.requests.lock().unwrap()[index].clone()
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(bytes).unwrap())
}

async fn play(mut stream: impl AsyncRead + AsyncWrite + Unpin, script: Script, log: Arc<Mutex<Vec<String>>>) {
    let Some(request) = read_request(&mut stream).await else { return };
    log.lock().unwrap().push(request.clone());
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
    for step in script(&request) {
        match step {
            Step::Write(bytes) => {
                let bytes = match String::from_utf8(bytes) {
                    Ok(text) => text.replace("{ACCEPT}", &accept_key(key)).into_bytes(),
                    Err(raw) => raw.into_bytes(),
                };
                if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
            Step::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Step::Hold => {
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            }
        }
    }
    let _ = stream.shutdown().await;
}

async fn good() -> Server {
    Server::saying(&[say(GOOD), Step::Hold]).await
}

async fn failure_of(url: &WsUrl, options: &Options) -> (Failure, OpenReport) {
    let attempt = open(url, options).await;
    match attempt.link {
        Ok(_) => panic!("{url} opened, but should not"),
        Err(failure) => (failure, attempt.report),
    }
}

async fn opened(url: &WsUrl, options: &Options) -> (Link, OpenReport) {
    let attempt = open(url, options).await;
    match attempt.link {
        Ok(link) => (link, attempt.report),
        Err(failure) => panic!("{failure:?}"),
    }
}

async fn fails(steps: &[Step]) -> (Failure, OpenReport) {
    let server = Server::saying(steps).await;
    failure_of(&server.url("/"), &Options::default()).await
}

async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

fn resolve_to(host: &str, port: u16, addresses: &[&str]) -> Vec<ResolveEntry> {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    vec![ResolveEntry { host: host.into(), port, addresses }]
}

#[tokio::test]
async fn a_link_opens_and_the_phases_are_reported() {
    let server = good().await;
    let (_, report) = opened(&server.url("/p?token=s3cr3t"), &Options::default()).await;
    assert_eq!(report.url, format!("ws://{}/p?token=***", server.address));
    assert_eq!((report.status, report.reason.as_str()), (Some(101), "Switching Protocols"));
    assert_eq!(
        (report.remote, report.addresses.as_slice()),
        (Some(server.address), [server.address].as_slice())
    );
    assert_eq!((report.dns, report.proxy, report.tls), (None, None, None));
    assert!(report.tcp.unwrap() + report.upgrade.unwrap() <= report.total);
    assert_eq!(report.findings.len(), 8);
    let request = server.request(0);
    assert!(request.starts_with("GET /p?token=s3cr3t HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("Host: {}\r\n", server.address)), "{request}");
}

#[tokio::test]
async fn a_frame_in_the_packet_of_the_answer_is_not_lost() {
    let together = [GOOD.as_bytes(), HI].concat();
    let server = Server::new(move |request| {
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let text = GOOD.replace("{ACCEPT}", &accept_key(key));
        let mut bytes = text.into_bytes();
        bytes.extend(&together[GOOD.len()..]);
        vec![Step::Write(bytes), Step::Hold]
    })
    .await;
    let (mut link, _) = opened(&server.url("/"), &Options::default()).await;
    let received = poll_fn(|context| poll_receive(&mut link, context)).await.unwrap().unwrap();
    assert_eq!(received, FromPeer::Message(Message::text("hi")));
}

#[tokio::test]
async fn a_connection_list_and_an_early_hint_are_fine() {
    let listed = GOOD.replace("Connection: Upgrade", "Connection: keep-alive, Upgrade");
    let server =
        Server::saying(&[say("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), say(listed), Step::Hold]).await;
    opened(&server.url("/"), &Options::default()).await;
}

#[tokio::test]
async fn a_wrong_accept_is_named_with_both_values() {
    let (failure, report) = fails(&[say(GOOD.replace("{ACCEPT}", "d3Jvbmc=")), Step::Hold]).await;
    assert_eq!(failure.exit, Exit::BadUpgrade);
    assert!(failure.what.ends_with("breaks RFC 6455: accept-key"), "{failure}");
    assert!(failure.details[0].contains("got d3Jvbmc="), "{failure:?}");
    assert_eq!((report.status, report.findings.len()), (Some(101), 8));
}

#[tokio::test]
async fn offered_subprotocols_of_which_none_is_chosen_are_a_warning() {
    let server = good().await;
    let options = Options { subprotocols: vec!["a".into()], ..Options::default() };
    let (_, report) = opened(&server.url("/"), &options).await;
    assert_eq!((report.subprotocol, report.warnings.len()), (None, 1));
    let chosen =
        Server::saying(&[say(GOOD.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: a\r\n\r\n")), Step::Hold])
            .await;
    let (_, report) = opened(&chosen.url("/"), &options).await;
    assert_eq!((report.subprotocol.as_deref(), report.warnings.len()), (Some("a"), 0));
}

#[tokio::test]
async fn a_web_page_is_a_refusal_with_its_text() {
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<p>hi</p>";
    let (failure, _) = fails(&[say(page), Step::Hold]).await;
    assert_eq!(failure.exit, Exit::Refused);
    assert!(failure.what.starts_with("handshake refused: 200 OK from ws://127.0.0.1:"), "{failure}");
    assert!(failure.hint.unwrap().contains("a web server answered"));
    assert_eq!(failure.details, ["Content-Type: text/html", "<p>hi</p>"]);
}

#[tokio::test]
async fn a_body_in_a_later_packet_is_read() {
    let head = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 17\r\n\r\n";
    let (failure, report) = fails(&[
        say(head),
        Step::Wait(30),
        say("{\"error\":"),
        Step::Wait(30),
        say("\"expir\"}"),
        Step::Hold,
    ])
    .await;
    assert_eq!(failure.exit, Exit::Credentials);
    assert_eq!(failure.details, ["WWW-Authenticate: Bearer", "{\"error\":\"expir\"}"]);
    assert_eq!(report.body, b"{\"error\":\"expir\"}");
}

#[tokio::test]
async fn a_chunked_body_is_put_together() {
    let head = "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\nRetry-After: 7\r\n\r\n3\r\nab";
    let (failure, report) =
        fails(&[say(head), Step::Wait(30), say("c\r\n2\r\nde\r\n0\r\n\r\n"), Step::Hold]).await;
    assert_eq!(failure.exit, Exit::Refused);
    assert_eq!(failure.details, ["Retry-After: 7", "abcde"]);
    assert_eq!(report.retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test(start_paused = true)]
async fn a_body_held_back_does_not_hold_back_the_failure() {
    let (failure, _) =
        fails(&[say("HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\npart"), Step::Hold]).await;
    assert_eq!((failure.exit, failure.details.as_slice()), (Exit::NotFound, ["part".to_owned()].as_slice()));
}

#[tokio::test]
async fn an_early_close_is_a_refusal_and_garbage_is_a_bad_upgrade() {
    let (failure, _) = fails(&[]).await;
    assert_eq!(failure.exit, Exit::Refused);
    assert!(failure.what.contains("closed the connection without a response"), "{failure}");
    let (failure, _) = fails(&[say("HTTP/1.1 101 Sw")]).await;
    assert_eq!(failure.exit, Exit::Refused);
    assert!(failure.what.contains("in the middle of its response"), "{failure}");
    let (failure, _) = fails(&[say("SSH-2.0-OpenSSH\r\n"), Step::Hold]).await;
    assert_eq!(failure.exit, Exit::BadUpgrade);
    assert!(failure.details[0].contains("SSH-2.0-OpenSSH"), "{failure:?}");
    let (failure, _) = fails(&[say(b"\x15\x03\x01\x00\x02\x02\x32"), Step::Hold]).await;
    assert!(failure.hint.unwrap().contains("wss://"));
    let (failure, _) = fails(&[say("HTTP/1.1 200 OK\r\n"), say("A: b\r\n".repeat(300)), Step::Hold]).await;
    assert_eq!(failure.exit, Exit::BadUpgrade);
}

#[tokio::test]
async fn silence_after_the_request_ends_at_the_deadline() {
    let server = Server::saying(&[Step::Hold]).await;
    let options = Options { connect_timeout: Duration::from_millis(50), ..Options::default() };
    let (failure, report) = failure_of(&server.url("/"), &options).await;
    assert_eq!(failure.exit, Exit::LinkSilent);
    assert!(failure.what.contains("no answer to the upgrade within 50ms"), "{failure}");
    assert!(report.upgrade.unwrap() > Duration::from_millis(20));
}

#[tokio::test]
async fn the_second_address_is_used_when_the_first_refuses() {
    let server = good().await;
    let port = server.address.port();
    let options =
        Options { resolve: resolve_to("h.test", port, &["127.0.0.2", "127.0.0.1"]), ..Options::default() };
    let url = WsUrl::parse(&format!("ws://h.test:{port}/")).unwrap();
    let (_, report) = opened(&url, &options).await;
    assert_eq!((report.remote, report.addresses.len()), (Some(server.address), 2));
    assert!(report.dns.is_some());
    assert!(server.request(0).contains(&format!("Host: h.test:{port}\r\n")));
}

#[tokio::test]
async fn nothing_listening_is_a_tcp_failure() {
    let url = WsUrl::parse(&format!(":{}", closed_port().await)).unwrap();
    let (failure, report) = failure_of(&url, &Options::default()).await;
    assert_eq!(failure.exit, Exit::Tcp);
    assert_eq!(failure.details.len(), 2, "both loopback addresses are told: {failure:?}");
    assert!(report.tcp.is_some());
}

#[tokio::test]
async fn connect_to_keeps_the_host_header() {
    let server = good().await;
    let to = (Some("127.0.0.1".into()), Some(server.address.port()));
    let entry = |host: &str| ConnectToEntry { from: (Some(host.into()), None), to: to.clone() };
    let other = ConnectToEntry { from: (Some("other".into()), None), to: (None, Some(1)) };
    let options = Options { connect_to: vec![other, entry("h.test")], ..Options::default() };
    opened(&WsUrl::parse("ws://h.test/").unwrap(), &options).await;
    assert!(server.request(0).contains("Host: h.test\r\n"));
}

#[tokio::test]
async fn unix_sockets_by_option_and_by_url() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let requests = log.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(play(stream, Arc::new(|_: &str| vec![say(GOOD), Step::Hold]), log.clone()));
        }
    });
    let url = WsUrl::parse(&format!("ws+unix:{}:/x", path.display())).unwrap();
    opened(&url, &Options::default()).await;
    let options = Options { unix_socket: Some(path), ..Options::default() };
    opened(&WsUrl::parse("ws://h.test/y").unwrap(), &options).await;
    let requests = requests.lock().unwrap();
    assert!(requests[0].starts_with("GET /x HTTP/1.1\r\nHost: localhost\r\n"));
    assert!(requests[1].starts_with("GET /y HTTP/1.1\r\nHost: h.test\r\n"));
}

/// A `CONNECT` proxy: `answer` for every request; after a 200 it carries bytes to the named address.
async fn connect_proxy(answer: fn(&str) -> &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = Arc::new(Mutex::new(Vec::new()));
    let requests = log.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = read_request(&mut stream).await.unwrap();
            log.lock().unwrap().push(request.clone());
            let answer = answer(&request);
            stream.write_all(answer.as_bytes()).await.unwrap();
            if answer.contains(" 200 ") {
                let to = request.split(' ').nth(1).unwrap().to_owned();
                let mut onward = TcpStream::connect(to).await.unwrap();
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut onward).await });
            }
        }
    });
    (port, requests)
}

fn through(scheme: &str, port: u16) -> Options {
    Options { proxy: Some(Proxy::parse(&format!("{scheme}127.0.0.1:{port}")).unwrap()), ..Options::default() }
}

fn demanding(request: &str) -> &'static str {
    // "u:p" in base64.
    if request.contains("Proxy-Authorization: Basic dTpw\r\n") {
        "HTTP/1.1 200 OK\r\n\r\n"
    } else {
        "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno"
    }
}

#[tokio::test]
async fn a_connect_proxy_carries_the_link() {
    let server = good().await;
    let (port, requests) = connect_proxy(demanding).await;
    let (_, report) = opened(&server.url("/"), &through("http://u:p@", port)).await;
    assert_eq!(report.via, Some(format!("http://127.0.0.1:{port}")));
    assert!(report.proxy.is_some());
    assert!(requests.lock().unwrap()[0].starts_with(&format!("CONNECT {} HTTP/1.1\r\n", server.address)));
    assert!(!server.request(0).contains("Proxy-Authorization"));
}

#[tokio::test]
async fn a_connect_proxy_that_wants_a_name_or_breaks_is_told() {
    let (port, _) = connect_proxy(demanding).await;
    let url = WsUrl::parse("ws://h.test/").unwrap();
    let (failure, _) = failure_of(&url, &through("", port)).await;
    assert_eq!(failure.exit, Exit::Proxy);
    assert!(failure.what.ends_with("refused a tunnel to h.test:80: 407 Who"), "{failure}");
    assert_eq!(failure.details, ["Proxy-Authenticate: Basic"]);
    let (failure, _) = failure_of(&url, &through("u:wrong@", port)).await;
    assert!(failure.hint.unwrap().contains("check the user name and password"));
    let (port, _) = connect_proxy(|_| "\x05\x00").await;
    let (failure, _) = failure_of(&url, &through("", port)).await;
    assert_eq!(failure.exit, Exit::Proxy);
    assert!(failure.hint.unwrap().contains("SOCKS"));
}

/// A SOCKS5 proxy that wants the password "p" and connects everything to `to`. Gives back what it was asked for.
async fn socks_proxy(to: SocketAddr, reply: u8) -> (u16, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = Arc::new(Mutex::new(Vec::new()));
    let asked = log.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = [0; 512];
            let count = stream.read(&mut bytes).await.unwrap();
            if !bytes[2..count].contains(&2) {
                stream.write_all(&[5, 0xff]).await.unwrap();
                continue;
            }
            stream.write_all(&[5, 2]).await.unwrap();
            let count = stream.read(&mut bytes).await.unwrap();
            let known = bytes[..count] == *b"\x01\x01u\x01p";
            stream.write_all(&[1, u8::from(!known)]).await.unwrap();
            if !known {
                continue;
            }
            let count = stream.read(&mut bytes).await.unwrap();
            log.lock().unwrap().push(bytes[..count].to_vec());
            stream.write_all(&[5, reply, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
            if reply == 0 {
                let mut onward = TcpStream::connect(to).await.unwrap();
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut onward).await });
            }
        }
    });
    (port, asked)
}

#[tokio::test]
async fn socks_gets_a_name_or_an_address() {
    let server = good().await;
    let (port, asked) = socks_proxy(server.address, 0).await;
    let url = WsUrl::parse("ws://h.test/").unwrap();
    opened(&url, &through("socks5h://u:p@", port)).await;
    let local =
        Options { resolve: resolve_to("h.test", 80, &["192.0.2.7"]), ..through("socks5://u:p@", port) };
    let (_, report) = opened(&url, &local).await;
    let asked = asked.lock().unwrap();
    assert!(report.dns.is_some(), "the name was resolved here");
    assert_eq!(asked[0], b"\x05\x01\x00\x03\x06h.test\x00\x50");
    assert_eq!(asked[1], b"\x05\x01\x00\x01\xc0\x00\x02\x07\x00\x50");
}

#[tokio::test]
async fn socks_refusals_are_told() {
    let (port, _) = socks_proxy("127.0.0.1:1".parse().unwrap(), 5).await;
    let url = WsUrl::parse("ws://h.test/").unwrap();
    for (auth, say) in
        [("u:p@", "connection refused"), ("u:x@", "does not accept"), ("", "requires a user name")]
    {
        let (failure, _) = failure_of(&url, &through(&format!("socks5h://{auth}"), port)).await;
        assert_eq!(failure.exit, Exit::Proxy);
        assert!(failure.what.contains(say), "{failure}");
    }
}

/// A CA, what it signs, and a folder for the files.
struct Ca {
    issuer: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
    folder: tempfile::TempDir,
}

impl Ca {
    fn new() -> Self {
        Self::named("CA")
    }

    fn named(name: &str) -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer =
            rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sign(&self, name: &str, year: i32) -> (rcgen::Certificate, rcgen::KeyPair) {
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn trusted(&self) -> TlsOptions {
        TlsOptions { cacert: Some(self.file("ca.pem")), ..TlsOptions::default() }
    }

    /// A server with a certificate for `name`; it answers well.
    async fn server(&self, name: &str, year: i32, wants_client: bool) -> Server {
        let (cert, key) = self.sign(name, year);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if wants_client {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(self.issuer.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = builder.with_single_cert(vec![cert.der().clone()], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Server::start(Arc::new(|_: &str| vec![say(GOOD), Step::Hold]), Some(Arc::new(config))).await
    }
}

fn wss(server: &Server) -> WsUrl {
    WsUrl::parse(&format!("wss://localhost:{}/", server.address.port())).unwrap()
}

#[tokio::test]
async fn tls_with_a_given_root_is_reported() {
    let ca = Ca::new();
    let server = ca.server("localhost", 2100, false).await;
    let (_, report) = opened(&wss(&server), &Options { tls: ca.trusted(), ..Options::default() }).await;
    let info = report.tls_info.unwrap();
    assert_eq!((info.version.as_str(), info.alpn.as_deref()), ("TLSv1.3", Some("http/1.1")));
    assert!(info.cipher.starts_with("TLS_"), "{}", info.cipher);
    assert_eq!((info.certificates.len(), info.verify_error), (1, None));
    assert!(report.tls.is_some());
}

#[tokio::test]
async fn bad_certificates_are_told_apart() {
    let ca = Ca::new();
    let (stranger, namesake) = (Ca::named("stranger"), Ca::new());
    let cases = [
        (ca.server("localhost", 2100, false).await, stranger.trusted(), "unknown issuer"),
        (ca.server("localhost", 2100, false).await, TlsOptions::default(), "unknown issuer"),
        (ca.server("localhost", 2100, false).await, namesake.trusted(), "signature is wrong"),
        (ca.server("localhost", 2001, false).await, ca.trusted(), "has expired (2001-01-01T00:00:00Z)"),
        (ca.server("other.test", 2100, false).await, ca.trusted(), "not for localhost, but for other.test"),
    ];
    for (server, tls, say) in cases {
        let mut options = Options { tls, ..Options::default() };
        let (failure, report) = failure_of(&wss(&server), &options).await;
        assert_eq!(failure.exit, Exit::Tls);
        assert!(failure.what.contains(say), "{failure}");
        assert!(failure.hint.is_some() && report.tls.is_some());
        options.tls.insecure = true;
        let (_, report) = opened(&wss(&server), &options).await;
        assert!(report.tls_info.unwrap().verify_error.unwrap().contains(say));
    }
}

#[tokio::test]
async fn a_client_certificate_is_asked_for_and_given() {
    let ca = Ca::new();
    let server = ca.server("localhost", 2100, true).await;
    let mut options = Options { tls: ca.trusted(), ..Options::default() };
    let (failure, _) = failure_of(&wss(&server), &options).await;
    assert_eq!(failure.exit, Exit::Tls);
    assert!(failure.what.contains("client certificate"), "{failure}");
    let (cert, key) = ca.sign("me", 2100);
    std::fs::write(ca.file("both.pem"), cert.pem() + &key.serialize_pem()).unwrap();
    options.tls.cert = Some(ca.file("both.pem"));
    opened(&wss(&server), &options).await;
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = WsUrl::parse(&format!("wss://127.0.0.1:{}/", listener.local_addr().unwrap().port())).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = [0; 1024];
            let _ = stream.read(&mut bytes).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let ca = Ca::new();
    let (failure, _) = failure_of(&url, &Options { tls: ca.trusted(), ..Options::default() }).await;
    assert_eq!(failure.exit, Exit::Tls);
    assert!(failure.what.contains("does not speak TLS"), "{failure}");
    assert!(failure.hint.unwrap().contains("ws://"));
}

fn redirect(to: &str) -> Vec<Step> {
    vec![say(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"))]
}

/// Options with every kind of credential.
fn with_credentials() -> Options {
    Options {
        headers: vec![("Cookie".into(), Secret::new("c")), ("X-Plain".into(), Secret::new("1"))],
        basic: Some(("u".into(), Secret::new("p"))),
        token: Some((TokenPlace::Query("sesame".into()), Secret::new("hunter2"))),
        max_redirects: 3,
        ..Options::default()
    }
}

#[tokio::test]
async fn a_redirect_within_the_origin_keeps_credentials() {
    let server =
        Server::new(
            |request| {
                if request.starts_with("GET /a") { redirect("/b") } else { vec![say(GOOD), Step::Hold] }
            },
        )
        .await;
    let (_, report) = opened(&server.url("/a"), &with_credentials()).await;
    assert_eq!(report.redirects.len(), 1);
    assert_eq!(report.url, format!("ws://{}/b?sesame=***", server.address));
    let second = server.request(1);
    for kept in ["GET /b?sesame=hunter2 ", "Authorization: Basic ", "Cookie: c", "X-Plain: 1"] {
        assert!(second.contains(kept), "{second}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_origin_drops_credentials() {
    for place in
        [TokenPlace::Query("sesame".into()), TokenPlace::Header("X-Sesame".into()), TokenPlace::Bearer]
    {
        let target = good().await;
        let to = target.url("/there").to_string();
        let server = Server::new(move |_| redirect(&to)).await;
        let token = Some((place, Secret::new("hunter2")));
        let (_, report) = opened(&server.url("/a"), &Options { token, ..with_credentials() }).await;
        assert_eq!(report.redirects, [target.url("/there").to_string()]);
        assert!(server.request(0).contains("hunter2"));
        let second = target.request(0);
        for gone in ["hunter2", "Authorization", "Cookie"] {
            assert!(!second.contains(gone), "{second}");
        }
        assert!(second.contains("X-Plain: 1") && second.contains(&format!("Host: {}\r\n", target.address)));
    }
}

/// A header, a subprotocol or an option that holds a credential, by its name or by its value.
fn each_credential() -> Vec<(&'static str, Options)> {
    let base = || Options { max_redirects: 3, ..Options::default() };
    let header = |name: &str, value: &str| Options {
        headers: vec![(name.to_owned(), Secret::new(value)), ("X-Plain".into(), Secret::new("1"))],
        ..base()
    };
    let subprotocols = |items: &[&str]| Options {
        subprotocols: items.iter().map(|item| (*item).to_owned()).collect(),
        ..base()
    };
    let known = |options: Options| {
        options.secrets.add(&Secret::new("hunter2"), secret::Place::Header);
        options
    };
    vec![
        ("X-Session-Id", header("X-Session-Id", "hunter2")),
        ("X-Authentication", header("X-Authentication", "hunter2")),
        ("X-Api-Key-V2", header("X-Api-Key-V2", "hunter2")),
        ("Cookie", header("Cookie", "a=hunter2")),
        ("Referer", header("Referer", "https://h/?token=hunter2")),
        ("X-Any", known(header("X-Any", "a hunter%32"))),
        ("Sec-WebSocket-Protocol", header("Sec-WebSocket-Protocol", "Authorization, hunter2")),
        ("subprotocols", subprotocols(&["chat", "access_token", "hunter2"])),
        ("subprotocols", subprotocols(&["x-token-hunter2"])),
        ("subprotocols", known(subprotocols(&["chat", "hunter2"]))),
        ("user name and password", Options { basic: Some(("hunter2".into(), Secret::new(""))), ..base() }),
        (
            "query parameter q",
            Options { token: Some((TokenPlace::Query("q".into()), Secret::new("hunter2"))), ..base() },
        ),
        (
            "X-Own",
            Options { token: Some((TokenPlace::Header("X-Own".into()), Secret::new("hunter2"))), ..base() },
        ),
        ("Authorization", Options { token: Some((TokenPlace::Bearer, Secret::new("hunter2"))), ..base() }),
    ]
}

#[tokio::test]
async fn another_origin_gets_no_credential_in_any_place_and_that_is_said() {
    for (what, options) in each_credential() {
        let target = good().await;
        let to = target.url("/there").to_string();
        let server = Server::new(move |_| redirect(&to)).await;
        let (_, report) = opened(&server.url("/a"), &options).await;
        let basic = "aHVudGVyMjo";
        let has = |request: &str| ["hunter2", "hunter%32", basic].iter().any(|mark| request.contains(mark));
        assert!(has(&server.request(0)), "{what}: the first origin gets it");
        let second = target.request(0);
        assert!(!has(&second), "{what}: {second}");
        assert!(!second.contains("access_token") && !second.contains("Authorization"), "{what}: {second}");
        assert_eq!(
            second.contains("X-Plain: 1"),
            server.request(0).contains("X-Plain: 1"),
            "{what}: {second}"
        );
        assert_eq!(second.contains("chat"), server.request(0).contains("chat"), "{what}: {second}");
        let warning = format!("not sent to {}, which is another origin: {what}", target.url("/there"));
        assert!(report.warnings.contains(&warning), "{:?}", report.warnings);
    }
}

/// Neither does one that is reached by way of a third, nor the first one when it comes back.
#[tokio::test]
async fn no_hop_behind_another_origin_gets_a_credential() {
    let first = Server::new(
        |request| if request.starts_with("GET /a") { vec![] } else { vec![say(GOOD), Step::Hold] },
    )
    .await;
    let back = first.url("/back").to_string();
    let second = Server::new(move |_| redirect(&back)).await;
    let to = second.url("/").to_string();
    let origin = Server::new(move |_| redirect(&to)).await;
    let (_, report) = opened(&origin.url("/"), &with_credentials()).await;
    assert_eq!(report.redirects.len(), 2);
    for request in [second.request(0), first.request(0)] {
        assert!(!request.contains("hunter2") && !request.contains("Authorization"), "{request}");
    }
}

#[tokio::test]
async fn a_redirect_that_would_carry_the_credential_all_the_same_is_refused() {
    let target = good().await;
    for location in ["/?other=hunter%32", "/hunter2", "/?q=hunter2"] {
        let options = with_credentials();
        options.secrets.add(&Secret::new("hunter2"), secret::Place::Query);
        let to = target.url(location).to_string();
        let server = Server::new(move |_| redirect(&to)).await;
        let (failure, _) = failure_of(&server.url("/"), &options).await;
        assert_eq!(failure.exit, Exit::Refused, "{failure}");
        assert!(failure.what.contains("another origin, with the credential in the URL"), "{failure}");
        assert!(failure.hint.unwrap().contains("directly"));
    }
    let options = Options { max_redirects: 3, ..Options::default() };
    options.secrets.add(&Secret::new("hunter2"), secret::Place::Message);
    let to = target.url("/").to_string();
    let server = Server::new(move |_| redirect(&to)).await;
    let (failure, _) = failure_of(&server.url("/"), &options).await;
    assert!(failure.what.contains("the first message contains the credential"), "{failure}");
    assert!(target.requests.lock().unwrap().is_empty());
    // Within the origin it goes on.
    let server =
        Server::new(
            |request| {
                if request.starts_with("GET /a") { redirect("/b") } else { vec![say(GOOD), Step::Hold] }
            },
        )
        .await;
    opened(&server.url("/a"), &options).await;
}

#[tokio::test]
async fn redirects_end() {
    let server = Server::new(|_| redirect("/again")).await;
    let options = Options { max_redirects: 2, ..Options::default() };
    let (failure, report) = failure_of(&server.url("/"), &options).await;
    assert_eq!(failure.exit, Exit::Refused);
    assert!(failure.what.starts_with("more than 2 redirects"), "{failure}");
    assert_eq!((report.redirects.len(), server.requests.lock().unwrap().len()), (2, 3));
    let (failure, _) = failure_of(&server.url("/"), &Options::default()).await;
    assert!(failure.hint.unwrap().contains("-L"));
    let server = Server::new(|_| redirect("file:///etc/passwd")).await;
    let (failure, _) = failure_of(&server.url("/"), &options).await;
    assert_eq!(failure.exit, Exit::Refused);
}

#[tokio::test]
async fn credentials_are_not_sent_on_without_tls() {
    let ca = Ca::new();
    let plain = good().await;
    let to = plain.url("/").to_string();
    let (cert, key) = ca.sign("localhost", 2100);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let server = Server::start(Arc::new(move |_: &str| redirect(&to)), Some(Arc::new(config))).await;
    let all = each_credential().into_iter().chain([("all", with_credentials())]);
    for (what, options) in all {
        let (failure, _) = failure_of(&wss(&server), &Options { tls: ca.trusted(), ..options }).await;
        assert_eq!(failure.exit, Exit::Refused, "{what}");
        assert!(failure.what.contains("without TLS"), "{what}: {failure}");
        assert!(plain.requests.lock().unwrap().is_empty(), "{what}");
        assert!(!format!("{failure:?}").contains("hunter2"));
    }
    // What is written out in the URL is a credential, too.
    let url = WsUrl::parse(&format!("{}?to%6ben=hunter2", wss(&server).exposed().expose())).unwrap();
    let options = Options { max_redirects: 3, tls: ca.trusted(), ..Options::default() };
    let (failure, _) = failure_of(&url, &options).await;
    assert!(failure.what.contains("without TLS") && !format!("{failure:?}").contains("hunter2"), "{failure}");
}

#[tokio::test]
async fn user_name_and_password_of_the_url_are_sent() {
    let server = good().await;
    let url = WsUrl::parse(&format!("ws://u:p@{}/", server.address)).unwrap();
    let (_, report) = opened(&url, &Options::default()).await;
    assert!(server.request(0).contains("Authorization: Basic dTpw\r\n"));
    assert_eq!(report.url, format!("ws://{}/", server.address));
}

//! Servers for connection options: what a request looked like, TLS with throw-away certificates, proxies.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;

use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
#[cfg(feature = "brokers")]
use tokio_rustls::TlsAcceptor;
use wstap::testing::accept_key;

use crate::harness::{Output, Peer, Server, frame, header, keep_closed, wstap};

/// Runs `connect` with these arguments, in which `URL` and `PORT` stand for a server that accepts and says goodbye.
/// Returns what the run left and the request that the server saw.
pub(crate) fn greeted(args: &[&str], env: &[(&str, &str)]) -> (Output, String) {
    let (sender, seen) = mpsc::channel();
    let server = Server::once(move |mut peer| {
        let request = peer.accept();
        sender.send(request).expect("the test waits for the request");
        peer.close_well(1000);
    });
    let out = connect(args, env, server.port);
    out.exits(0);
    server.join();
    (out, seen.recv().expect("the server saw a request"))
}

/// Runs `connect` with these arguments, in which `URL` and `PORT` stand for a server on this port.
pub(crate) fn connect(args: &[&str], env: &[(&str, &str)], port: u16) -> Output {
    let args: Vec<String> = args.iter().map(|arg| filled(arg, port)).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    env.iter()
        .fold(wstap(&["connect"]).args(&args), |run, (name, value)| run.env(name, &filled(value, port)))
        .run()
}

fn filled(text: &str, port: u16) -> String {
    text.replace("URL", "ws://127.0.0.1:PORT/").replace("PORT", &port.to_string())
}

/// Runs `connect` against a server that reads the request and then plays the script.
pub(crate) fn answered(args: &[&str], script: impl FnOnce(&mut Peer, &str) + Send + 'static) -> Output {
    let server = Server::once(move |mut peer| {
        let request = peer.request();
        script(&mut peer, &request);
    });
    let out = connect(args, &[], server.port);
    server.join();
    out
}

/// A port on which nothing listens.
pub(crate) fn closed_port() -> u16 {
    keep_closed(0)
}

/// A certificate authority of its own, and a folder for its files.
pub(crate) struct Authority {
    issuer: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    /// A new one, with its certificate in `ca.pem`.
    pub(crate) fn new() -> Self {
        Self::named("ours")
    }

    /// One of this name.
    pub(crate) fn named(name: &str) -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().expect("a key");
        let issuer = rcgen::CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let authority = Self { issuer, folder: tempfile::tempdir().expect("a folder") };
        authority.write("ca.pem", &authority.issuer.pem());
        authority
    }

    /// The path of a file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same as text.
    pub(crate) fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("the folder can be written");
    }

    fn sign(&self, name: &str, until: i32) -> (rcgen::Certificate, rcgen::KeyPair) {
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = rcgen::KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.issuer).expect("a certificate"), key)
    }

    /// Writes a client's certificate to `me.pem` and its key to `me.key`.
    pub(crate) fn sign_client(&self) {
        let (certificate, key) = self.sign("me", 2100);
        self.write("me.pem", &certificate.pem());
        self.write("me.key", &key.serialize_pem());
    }

    /// Writes the certificate of a server on loopback to `server.pem` and its key to `server.key`.
    #[cfg(feature = "brokers")]
    pub(crate) fn sign_server(&self) {
        let (certificate, key) = self.sign("127.0.0.1", 2100);
        self.write("server.pem", &certificate.pem());
        self.write("server.key", &key.serialize_pem());
    }

    /// A relay that ends TLS before the server at this address, and its port.
    #[cfg(feature = "brokers")]
    pub(crate) fn relay(&self, server: &str) -> u16 {
        let (certificate, key) = self.sign("127.0.0.1", 2100);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = builder.expect("the versions are known").with_no_client_auth();
        let config =
            config.with_single_cert(vec![certificate.der().clone()], key).expect("key and certificate");
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        listener.set_nonblocking(true).expect("a listener can wait");
        let server = server.to_owned();
        thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(relay_tls(listener, TlsAcceptor::from(Arc::new(config)), &server));
        });
        port
    }

    /// A server for `name` whose certificate is good until a year. It accepts the upgrade of one connection, sends
    /// the text `hello` and closes.
    pub(crate) fn serve(&self, name: &str, until: i32, wants_client: bool) -> Tls {
        let (certificate, key) = self.sign(name, until);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the versions are known");
        let builder = if wants_client {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(self.issuer.der().clone()).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config =
            builder.with_single_cert(vec![certificate.der().clone()], key).expect("key and certificate");
        Tls::start(Arc::new(config))
    }
}

/// A server with TLS.
pub(crate) struct Tls {
    /// The port.
    pub(crate) port: u16,
}

impl Tls {
    fn start(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client connects");
            let mut stream = StreamOwned::new(ServerConnection::new(config).expect("a connection"), stream);
            // A client that does not like the certificate leaves in the middle.
            let Some(request) = read_head(&mut stream) else { return };
            let accept = accept_key(header(&request, "sec-websocket-key").expect("the request has a key"));
            let mut answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n\r\n"
            )
            .into_bytes();
            answer.extend(frame(0x81, b"hello"));
            answer.extend(frame(0x88, &1000_u16.to_be_bytes()));
            let _ = stream.write_all(&answer);
            let _ = stream.read_to_end(&mut Vec::new());
        });
        Self { port }
    }
}

#[cfg(feature = "brokers")]
async fn relay_tls(listener: TcpListener, acceptor: TlsAcceptor, server: &str) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    let local = tokio::task::LocalSet::new();
    let accepting = local.run_until(async {
        while let Ok((client, _)) = listener.accept().await {
            let (acceptor, server) = (acceptor.clone(), server.to_owned());
            tokio::task::spawn_local(async move {
                let mut client = acceptor.accept(client).await.ok()?;
                let mut server = tokio::net::TcpStream::connect(server).await.ok()?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await.ok()
            });
        }
    });
    accepting.await;
}

fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

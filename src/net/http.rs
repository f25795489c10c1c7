//! HTTP calls beside the WebSocket: what a provider wants called before it lets somebody in, or told after.
//!
//! A call goes through the phases of [`super::open()`], with the same options for the network, but with none of the
//! credentials that are meant for the upgrade. Redirects are not followed: a call may hold a credential itself.

use std::time::Duration;

use super::open::{Opening, Phase};
use super::upgrade::Question;
use super::witness::Witness;
use super::{Options, Transport, refusal, upgrade};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::handshake::client::{ResponseHead, USER_AGENT, check_headers, list_items};
use crate::net::WsUrl;
use crate::secret::{Secret, Secrets};

/// An HTTP call. Making it twice must do no more than making it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// What it is for, as people call it: `the access token`.
    pub purpose: &'static str,
    /// The method, such as `POST`.
    pub method: &'static str,
    /// Where to: an `http://` or `https://` URL, read by [`WsUrl::parse`] as every URL is.
    pub url: WsUrl,
    /// Headers besides `Host`, `User-Agent` and those that tell of the body's length.
    pub headers: Vec<(String, Secret)>,
    /// The body, which may be empty.
    pub body: Vec<u8>,
}

impl HttpCall {
    /// About the bytes that it takes in memory.
    #[must_use]
    pub fn cost(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.expose().len()).sum();
        size_of::<Self>() + self.url.target().len() + headers + self.body.len()
    }

    /// The bytes for the wire, secrets included.
    fn bytes(&self, keep: bool) -> Result<Vec<u8>> {
        check_headers(&self.headers)?;
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.url.target());
        let host = self.url.host_header();
        text.extend(["Host: ", &host, "\r\nUser-Agent: ", USER_AGENT, "\r\nAccept: */*\r\n"]);
        for (name, value) in &self.headers {
            text.extend([name, ": ", value.expose(), "\r\n"]);
        }
        if !keep {
            text.push_str("Connection: close\r\n");
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        Ok([text.as_bytes(), &self.body].concat())
    }
}

/// The answer to a call, whatever its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Status and headers.
    pub head: ResponseHead,
    /// The body, as far as it was read: 64 KiB at most.
    pub body: Vec<u8>,
}

impl HttpAnswer {
    /// Why this answer is a failure, if it is: any status but 2xx.
    #[must_use]
    pub fn failure(&self, call: &HttpCall) -> Option<Failure> {
        let exit = match self.head.status {
            200..=299 => return None,
            401 | 403 => Exit::Credentials,
            _ => Exit::Refused,
        };
        let (status, url) = (self.head.status_text(), call.url.shown_as_http());
        let failure = Failure::new(exit, format!("{} was refused: {status} from {url}", call.purpose))
            .details(refusal::details(&self.head, &self.body));
        Some(match self.head.status {
            401 | 403 => failure.hint("check that the credential is valid and has this permission"),
            300..=399 => {
                failure.hint("use the URL it redirects to; redirects of HTTP calls are not followed")
            }
            _ => failure,
        })
    }

    /// What its body says in words, if it is JSON.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        refusal::said(&self.body, &Secrets::default())
    }

    /// What the server says about when to try again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        refusal::retry_after(&self.head)
    }
}

/// Makes one call. Everything, the answer's body included, is bounded by [`Options::connect_timeout`].
///
/// # Errors
/// Those of the phases; an answer of any status is none.
pub async fn call(call: &HttpCall, options: &Options) -> Result<HttpAnswer> {
    Caller { options: options.clone(), keep: false, kept: None }.call(call).await
}

/// Makes calls one after the other, over one connection as long as the server keeps it.
pub struct Caller {
    options: Options,
    keep: bool,
    kept: Option<Connection>,
}

struct Connection {
    stream: Box<dyn Transport>,
    witness: Option<Witness>,
    url: WsUrl,
}

impl Caller {
    /// Connects when there is a call to make.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self { options: options.clone(), keep: true, kept: None }
    }

    /// Makes a call.
    ///
    /// # Errors
    /// As [`call`].
    pub async fn call(&mut self, call: &HttpCall) -> Result<HttpAnswer> {
        let request = call.bytes(self.keep)?;
        if let Some(kept) = self.kept.take().filter(|kept| kept.url.same_origin(&call.url)) {
            match self.ask(kept, call, &request, Opening::new(&self.options)).await {
                // A server may close a connection that it has kept at any time (RFC 9112 §9.5).
                Err(failure) if failure.exit != Exit::LinkSilent => {}
                result => return result,
            }
        }
        let proxy = self.options.call_proxies.choose(&call.url)?;
        let options = Options { proxy, ..self.options.clone() };
        let mut opening = Opening::new(&options);
        let (stream, witness) = opening.connect(&call.url, &options).await?;
        self.ask(Connection { stream, witness, url: call.url.clone() }, call, &request, opening).await
    }

    async fn ask(
        &mut self,
        mut connection: Connection,
        call: &HttpCall,
        request: &[u8],
        mut opening: Opening,
    ) -> Result<HttpAnswer> {
        let shown = call.url.shown_as_http();
        let secrets = &self.options.secrets;
        let question = Question { what: "the call", shown: &shown, tls_scheme: "https://", secrets };
        let Connection { stream, witness, .. } = &mut connection;
        let work = async {
            let (head, tail) = upgrade::ask(stream, request, &question, witness.as_ref()).await?;
            let (mut body, ended) = upgrade::read_answer(stream, &head, tail).await;
            if !ended && !(200..300).contains(&head.status) {
                secrets.mask_end(&mut body);
            }
            Ok((HttpAnswer { head, body }, ended))
        };
        let (answer, ended) = opening.phase(Phase::Call, &shown, work).await.map_err(as_refusal)?;
        let stays = ended && may_stay(&answer.head);
        self.kept = Some(connection).filter(|_| self.keep && stays);
        Ok(answer)
    }
}

/// Does the server leave the connection open after this answer (RFC 9112 §9.3)?
fn may_stay(head: &ResponseHead) -> bool {
    let mut options = head.values("Connection").flat_map(list_items);
    head.version_minor >= 1 && !options.any(|option| option.eq_ignore_ascii_case("close"))
}

/// What would be a broken upgrade is, for a call, only a server that cannot be called.
fn as_refusal(failure: Failure) -> Failure {
    match failure.exit {
        Exit::BadUpgrade => Failure { exit: Exit::Refused, ..failure },
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::net::{ConnectToEntry, ResolveEntry};

    /// A server that answers the requests of each connection with the next of its answers, and then closes it.
    struct Server {
        port: u16,
        /// Which connection a request came over, and the request.
        requests: Arc<Mutex<Vec<(usize, String)>>>,
    }

    impl Server {
        async fn new(connections: &[&[&str]]) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let requests = Arc::new(Mutex::new(Vec::new()));
            let log = requests.clone();
            let script: Vec<Vec<String>> = connections
                .iter()
                .map(|answers| answers.iter().map(|answer| (*answer).to_owned()).collect())
                .collect();
            tokio::spawn(async move {
                for (number, answers) in script.into_iter().enumerate() {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    for answer in answers {
                        let Some(request) = read_request(&mut stream).await else { break };
                        log.lock().unwrap().push((number, request));
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                }
            });
            Self { port, requests }
        }

        fn call(&self, body: &str) -> HttpCall {
            HttpCall {
                purpose: "the token",
                method: "POST",
                url: WsUrl::parse(&format!("http://127.0.0.1:{}/a/b?c=d", self.port)).unwrap(),
                headers: vec![("x-api-key".into(), Secret::new("s3cr3t"))],
                body: body.as_bytes().to_vec(),
            }
        }

        fn requests(&self) -> Vec<(usize, String)> {
            self.requests.lock().unwrap().clone()
        }
    }

    async fn read_request(stream: &mut TcpStream) -> Option<String> {
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            text.push(char::from(stream.read_u8().await.ok()?));
        }
        let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: "))?;
        let mut body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).await.ok()?;
        Some(text + &String::from_utf8(body).unwrap())
    }

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

    #[tokio::test]
    async fn a_call_is_made_with_its_headers_and_body_and_nothing_else() {
        let server = Server::new(&[&[OK]]).await;
        let options = Options {
            headers: vec![("Cookie".into(), Secret::new("no"))],
            origin: Some("http://no".into()),
            basic: Some(("no".into(), Secret::new("no"))),
            ..Options::default()
        };
        let answer = call(&server.call("{\"a\":1}"), &options).await.unwrap();
        assert_eq!((answer.head.status, answer.body.as_slice()), (200, b"{}".as_slice()));
        let expected = format!(
            "POST /a/b?c=d HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUser-Agent: {USER_AGENT}\r\nAccept: */*\r\n\
             x-api-key: s3cr3t\r\nConnection: close\r\nContent-Length: 7\r\n\r\n{{\"a\":1}}",
            server.port
        );
        assert_eq!(server.requests(), [(0, expected)]);
    }

    #[tokio::test]
    async fn every_framing_of_a_body_is_read() {
        for answer in [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.0 200 OK\r\n\r\nhello",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        ] {
            let server = Server::new(&[&[answer]]).await;
            let answer = call(&server.call(""), &Options::default()).await.unwrap();
            assert_eq!(answer.body, b"hello");
        }
        let huge = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1 << 20));
        let server = Server::new(&[&[&huge]]).await;
        let answer = call(&server.call(""), &Options::default()).await.unwrap();
        assert_eq!(answer.body.len(), 64 * 1024);
    }

    #[tokio::test]
    async fn one_connection_serves_many_calls_as_long_as_it_is_kept() {
        let close = "HTTP/1.1 204 No Content\r\nConnection: x, Close\r\n\r\n";
        let server = Server::new(&[&[OK, OK, close, OK], &[OK], &[OK]]).await;
        let mut caller = Caller::new(&Options::default());
        for body in ["1", "2", "3", "4", "5"] {
            let answer = caller.call(&server.call(body)).await.unwrap();
            assert!(answer.failure(&server.call("")).is_none());
        }
        let seen: Vec<(usize, String)> =
            server.requests().into_iter().map(|(at, text)| (at, text[text.len() - 1..].to_owned())).collect();
        // The second connection is closed by the server without a word after one answer.
        let expected = [(0, "1"), (0, "2"), (0, "3"), (1, "4"), (2, "5")];
        assert_eq!(seen, expected.map(|(at, text)| (at, text.to_owned())));
    }

    #[tokio::test]
    async fn refusals_have_the_statuses_exit_and_say_what_was_refused() {
        for (status, exit) in
            [(401, Exit::Credentials), (403, Exit::Credentials), (404, Exit::Refused), (302, Exit::Refused)]
        {
            let answer = format!(
                "HTTP/1.1 {status} No\r\nRetry-After: 7\r\nLocation: /x?token=t\r\nContent-Length: 3\r\n\r\nwhy"
            );
            let server = Server::new(&[&[&answer]]).await;
            let answer = call(&server.call(""), &Options::default()).await.unwrap();
            assert_eq!(answer.retry_after(), Some(Duration::from_secs(7)));
            let failure = answer.failure(&server.call("")).unwrap();
            assert_eq!(failure.exit, exit, "{status}");
            let what =
                format!("the token was refused: {status} No from http://127.0.0.1:{}/a/b?c=d", server.port);
            assert_eq!(failure.what, what);
            assert_eq!(failure.details, ["Retry-After: 7", "Location: /x?token=***", "why"]);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_called_is_a_failure_of_its_phase() {
        let options = Options::default();
        for answers in [&["SSH-2.0\r\n"][..], &[]] {
            let server = Server::new(&[answers]).await;
            assert_eq!(call(&server.call(""), &options).await.unwrap_err().exit, Exit::Refused);
        }
        // The body never comes, and the server waits for another request.
        let server = Server::new(&[&["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", ""]]).await;
        let hasty = Options { connect_timeout: Duration::from_millis(300), ..Options::default() };
        assert_eq!(call(&server.call(""), &hasty).await.unwrap_err().exit, Exit::LinkSilent);
        let mut call = Server::new(&[]).await.call("");
        call.headers[0].1 = Secret::new("a\r\nb");
        assert_eq!(super::call(&call, &options).await.unwrap_err().exit, Exit::Usage);
    }

    #[tokio::test]
    async fn the_network_options_are_those_of_the_link() {
        let server = Server::new(&[&[OK], &[OK]]).await;
        let mut call = server.call("");
        call.url = WsUrl::parse(&format!("http://api.test:{}/", server.port)).unwrap();
        let addresses = vec!["127.0.0.1".parse().unwrap()];
        let entry = ResolveEntry { host: "api.test".into(), port: server.port, addresses };
        let options = Options { resolve: vec![entry], ..Options::default() };
        assert!(super::call(&call, &options).await.is_ok());
        call.url = WsUrl::parse("http://api.test/").unwrap();
        let to = (Some("127.0.0.1".into()), Some(server.port));
        let options =
            Options { connect_to: vec![ConnectToEntry { from: (None, None), to }], ..Options::default() };
        assert!(super::call(&call, &options).await.is_ok());
        assert!(server.requests()[1].1.contains("Host: api.test\r\n"));
    }
}

//! HTTP calls beside the WebSocket: what a provider wants called before it lets somebody in, or told after.
//!
//! A call goes through the phases of [`super::open()`], with the same options for the network, but with none of the
//! credentials that are meant for the upgrade. Redirects are not followed: a call may hold a credential itself.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use super::open::{Opening, Phase};
use super::upgrade::Question;
use super::witness::Witness;
use super::{Options, Transport, refusal, upgrade};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::handshake::client::{ResponseHead, USER_AGENT, check_headers, list_items};
use crate::net::WsUrl;
use crate::secret::{Secret, Secrets};

/// How many bytes of calls leave together, unless one is larger. A server that answers before it has read all of them must
/// not wait for somebody who still writes: this much fits into the buffers between.
const PIPELINE: usize = 16 * 1024;

/// An HTTP call. Making it twice must do no more than making it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// What it is for, as people call it: `the access token`.
    pub purpose: &'static str,
    /// The method, such as `POST`.
    pub method: &'static str,
    /// Where to: an `http://` or `https://` URL, read by [`WsUrl::parse`] as every URL is.
    pub url: Arc<WsUrl>,
    /// Headers besides `Host`, `User-Agent` and those that tell of the body's length.
    pub headers: Arc<[(String, Secret)]>,
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

    /// Adds the bytes for the wire, secrets included. `host` is the URL's [`WsUrl::host_header`].
    fn write(&self, bytes: &mut Vec<u8>, host: &str, keep: bool) -> Result<()> {
        check_headers(&self.headers)?;
        let mut put = |parts: &[&str]| parts.iter().for_each(|part| bytes.extend_from_slice(part.as_bytes()));
        put(&[
            self.method,
            " ",
            self.url.target(),
            " HTTP/1.1\r\nHost: ",
            host,
            "\r\nUser-Agent: ",
            USER_AGENT,
        ]);
        put(&["\r\nAccept: */*\r\n"]);
        for (name, value) in self.headers.iter() {
            put(&[name, ": ", value.expose(), "\r\n"]);
        }
        if !keep {
            put(&["Connection: close\r\n"]);
        }
        put(&["Content-Length: ", itoa::Buffer::new().format(self.body.len()), "\r\n\r\n"]);
        bytes.extend_from_slice(&self.body);
        Ok(())
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
    Caller { keep: false, ..Caller::new(options) }.call(call).await
}

/// Makes calls in their order, over one connection as long as the server keeps it.
pub struct Caller {
    options: Options,
    keep: bool,
    kept: Option<Connection>,
    /// False once a server failed in the middle of several calls.
    pipelines: bool,
}

struct Connection {
    stream: Box<dyn Transport>,
    witness: Option<Witness>,
    url: Arc<WsUrl>,
    /// What has come of answers that were not read yet.
    received: BytesMut,
}

impl Caller {
    /// Connects when there is a call to make.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self { options: options.clone(), keep: true, kept: None, pipelines: true }
    }

    /// Makes a call.
    ///
    /// # Errors
    /// As [`call`].
    pub async fn call(&mut self, call: &HttpCall) -> Result<HttpAnswer> {
        let shown = call.url.shown_as_http();
        let mut request = Vec::new();
        call.write(&mut request, &call.url.host_header(), self.keep)?;
        if let Some(mut kept) = self.kept.take().filter(|kept| kept.url.same_origin(&call.url)) {
            match kept.ask(&shown, &request, &self.options.secrets, &mut Opening::new(&self.options)).await {
                // A server may close a connection that it has kept at any time (RFC 9112 §9.5).
                Err(failure) if failure.exit != Exit::LinkSilent => {}
                result => return result.map(|answer| self.keep_if_it_stays(kept, answer)),
            }
        }
        let proxy = self.options.call_proxies.choose(&call.url)?;
        let options = Options { proxy, ..self.options.clone() };
        let mut opening = Opening::new(&options);
        let (stream, witness) = opening.connect(&call.url, &options).await?;
        let url = call.url.clone();
        let mut connection = Connection { stream, witness, url, received: BytesMut::with_capacity(4096) };
        let answer = connection.ask(&shown, &request, &self.options.secrets, &mut opening).await?;
        Ok(self.keep_if_it_stays(connection, answer))
    }

    /// Makes calls, and hands out the answer to each in turn. Once a connection has answered and was kept, further calls
    /// leave together (RFC 9112 §9.3.2), so that a call does not take a round trip. It stops after a call without
    /// an answer. Returns how many calls it made. The timeout restarts when it has to wait for more bytes.
    pub async fn call_all(
        &mut self,
        calls: &[HttpCall],
        mut answered: impl FnMut(usize, Result<HttpAnswer>),
    ) -> usize {
        let mut next = 0;
        while let Some(call) = calls.get(next) {
            let before = next;
            if self.pipelines {
                next += self.pipeline(&calls[next..], |at, answer| answered(before + at, Ok(answer))).await;
            }
            if next == before {
                let answer = self.call(call).await;
                let is_failure = answer.is_err();
                answered(next, answer);
                next += 1;
                if is_failure {
                    break;
                }
            }
        }
        next
    }

    /// Makes as many of the calls as can leave together over the connection that is kept. Returns how many were answered.
    /// The others are safe to make again (see [`HttpCall`]).
    async fn pipeline(&mut self, calls: &[HttpCall], mut answered: impl FnMut(usize, HttpAnswer)) -> usize {
        let Some(mut kept) = self.kept.take() else { return 0 };
        let (count, requests) = self.requests(calls, &kept.url);
        let mut shown = String::new();
        let mut opening = Opening::new(&self.options);
        for (at, call) in calls[..count].iter().enumerate() {
            if at == 0 || call.url != calls[at - 1].url {
                shown = call.url.shown_as_http();
            }
            // Answers that have come together take no time.
            if at > 0 && kept.received.is_empty() {
                opening = Opening::new(&self.options);
            }
            let requests = if at == 0 { &requests[..] } else { &[] };
            match kept.ask(&shown, requests, &self.options.secrets, &mut opening).await {
                Ok((answer, stays)) => {
                    // The server may have made the other calls as well, unless it said that this was the last answer.
                    self.pipelines &= stays || at + 1 == count || !may_stay(&answer.head);
                    answered(at, answer);
                    if !stays {
                        return at + 1;
                    }
                }
                Err(failure) => {
                    // A server that goes before it has answered anything may only have closed an idle connection.
                    self.pipelines &= at == 0 && failure.exit != Exit::LinkSilent;
                    return at;
                }
            }
        }
        self.keep_for_next(kept);
        count
    }

    /// The bytes of the calls that can leave together to this origin, and how many these are.
    fn requests(&self, calls: &[HttpCall], origin: &WsUrl) -> (usize, Vec<u8>) {
        let host = origin.host_header();
        let mut requests = Vec::new();
        for (at, call) in calls.iter().enumerate() {
            let before = requests.len();
            let is_fine = call.url.same_origin(origin) && call.write(&mut requests, &host, self.keep).is_ok();
            if !is_fine || (requests.len() > PIPELINE && before > 0) {
                requests.truncate(before);
                return (at, requests);
            }
        }
        (calls.len(), requests)
    }

    fn keep_if_it_stays(
        &mut self,
        connection: Connection,
        (answer, stays): (HttpAnswer, bool),
    ) -> HttpAnswer {
        if stays {
            self.keep_for_next(connection);
        }
        answer
    }

    /// Keeps a connection whose calls are all answered, unless more has come than their answers: nobody knows what it
    /// would be an answer to.
    fn keep_for_next(&mut self, connection: Connection) {
        self.kept = Some(connection).filter(|connection| self.keep && connection.received.is_empty());
    }
}

impl Connection {
    /// Writes the request for the URL that is shown so, and reads an answer. `true`: another may follow over this connection.
    async fn ask(
        &mut self,
        shown: &str,
        request: &[u8],
        secrets: &Secrets,
        opening: &mut Opening,
    ) -> Result<(HttpAnswer, bool)> {
        let question = Question { what: "the call", shown, tls_scheme: "https://", secrets };
        let Self { stream, witness, received, .. } = self;
        let work = async {
            let head = upgrade::ask_after(stream, request, received, &question, witness.as_ref()).await?;
            let (mut body, ended) = upgrade::read_answer(stream, &head, received).await;
            if !ended && !(200..300).contains(&head.status) {
                secrets.mask_end(&mut body);
            }
            Ok((HttpAnswer { head, body }, ended))
        };
        let (answer, ended) = opening.phase(Phase::Call, shown, work).await.map_err(as_refusal)?;
        let stays = ended && may_stay(&answer.head);
        Ok((answer, stays))
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
                url: url(&format!("http://127.0.0.1:{}/a/b?c=d", self.port)),
                headers: [("x-api-key".into(), Secret::new("s3cr3t"))].into(),
                body: body.as_bytes().to_vec(),
            }
        }

        fn requests(&self) -> Vec<(usize, String)> {
            self.requests.lock().unwrap().clone()
        }
    }

    fn url(text: &str) -> Arc<WsUrl> {
        Arc::new(WsUrl::parse(text).unwrap())
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

    /// So many requests that are read before these answers are written.
    fn turn(requests: usize, answers: &[&str]) -> (usize, String) {
        (requests, answers.concat())
    }

    /// A server that takes these turns on each connection, and then closes it, but for the last.
    async fn server_of_turns(connections: Vec<Vec<(usize, String)>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = requests.clone();
        tokio::spawn(async move {
            let last = connections.len() - 1;
            for (number, turns) in connections.into_iter().enumerate() {
                let (mut stream, _) = listener.accept().await.unwrap();
                for (count, answers) in turns {
                    for _ in 0..count {
                        let Some(request) = read_request(&mut stream).await else { return };
                        log.lock().unwrap().push((number, request));
                    }
                    stream.write_all(answers.as_bytes()).await.unwrap();
                }
                if number == last {
                    let _ = stream.read_u8().await;
                }
            }
        });
        Server { port, requests }
    }

    /// Makes the calls in batches of `sizes`. Which connection took which call, and the statuses.
    async fn call_in_batches(server: &Server, sizes: &[usize]) -> (Vec<(usize, String)>, Vec<u16>) {
        let mut caller = Caller::new(&Options::default());
        let mut statuses = Vec::new();
        for size in sizes {
            let first = statuses.len();
            let calls: Vec<_> = (first..first + size).map(|at| server.call(&at.to_string())).collect();
            let mut expected = 0..*size;
            let answered = |at, answer: Result<HttpAnswer>| {
                assert_eq!(Some(at), expected.next());
                statuses.push(answer.map_or(0, |answer| answer.head.status));
            };
            caller.call_all(&calls, answered).await;
            assert!(expected.is_empty());
        }
        let last = |text: String| text[text.find("\r\n\r\n").unwrap() + 4..].to_owned();
        (server.requests().into_iter().map(|(at, text)| (at, last(text))).collect(), statuses)
    }

    fn taken(calls: &[(usize, &str)]) -> Vec<(usize, String)> {
        calls.iter().map(|(connection, body)| (*connection, (*body).to_owned())).collect()
    }

    const LAST: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

    #[tokio::test]
    async fn calls_leave_together_once_the_server_has_answered_one() {
        let chunked = "HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwhy\r\n0\r\n\r\n";
        let empty = "HTTP/1.1 204 No Content\r\n\r\n";
        let turns = vec![turn(1, &[OK]), turn(3, &[OK, chunked, empty]), turn(1, &[OK])];
        let server = server_of_turns(vec![turns]).await;
        let (calls, statuses) = call_in_batches(&server, &[4, 1]).await;
        assert_eq!(calls, taken(&[(0, "0"), (0, "1"), (0, "2"), (0, "3"), (0, "4")]));
        assert_eq!(statuses, [200, 200, 503, 204, 200]);
    }

    #[tokio::test]
    async fn what_was_not_answered_is_called_again_over_another_connection() {
        for (answer, then) in [
            // It says that this is its last answer, and takes several calls at once again.
            (LAST, vec![turn(1, &[OK]), turn(2, &[OK, OK])]),
            // It leaves without a word, and is asked one by one from now on.
            (OK, vec![turn(1, &[OK]), turn(1, &[OK]), turn(1, &[OK])]),
            // The end of its answer is not known, so the connection is given up, and it may have made the other calls.
            ("HTTP/1.1 200 OK\r\n\r\n{}", vec![turn(1, &[OK]), turn(1, &[OK]), turn(1, &[OK])]),
        ] {
            let server = server_of_turns(vec![vec![turn(1, &[OK]), turn(4, &[answer])], then]).await;
            let (calls, statuses) = call_in_batches(&server, &[5]).await;
            let first = [(0, "0"), (0, "1"), (0, "2"), (0, "3"), (0, "4")];
            assert_eq!(calls, taken(&[&first[..], &[(1, "2"), (1, "3"), (1, "4")]].concat()));
            assert_eq!(statuses, [200; 5]);
        }
    }

    #[tokio::test]
    async fn a_server_that_leaves_an_idle_connection_is_no_reason_to_call_one_by_one() {
        let second = vec![turn(1, &[OK]), turn(2, &[OK, OK])];
        let server = server_of_turns(vec![vec![turn(1, &[OK])], second]).await;
        let (calls, statuses) = call_in_batches(&server, &[1, 3]).await;
        assert_eq!(calls, taken(&[(0, "0"), (1, "1"), (1, "2"), (1, "3")]));
        assert_eq!(statuses, [200; 4]);
    }

    #[tokio::test]
    async fn an_answer_to_no_call_is_no_answer_to_the_next() {
        let late = "HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n";
        let server = server_of_turns(vec![vec![turn(1, &[OK, late])], vec![turn(1, &[OK])]]).await;
        let (calls, statuses) = call_in_batches(&server, &[1, 1]).await;
        assert_eq!(calls, taken(&[(0, "0"), (1, "1")]));
        assert_eq!(statuses, [200, 200]);
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
        call.headers = [("x-api-key".into(), Secret::new("a\r\nb"))].into();
        assert_eq!(super::call(&call, &options).await.unwrap_err().exit, Exit::Usage);
    }

    #[tokio::test]
    async fn the_network_options_are_those_of_the_link() {
        let server = Server::new(&[&[OK], &[OK]]).await;
        let mut call = server.call("");
        call.url = url(&format!("http://api.test:{}/", server.port));
        let addresses = vec!["127.0.0.1".parse().unwrap()];
        let entry = ResolveEntry { host: "api.test".into(), port: server.port, addresses };
        let options = Options { resolve: vec![entry], ..Options::default() };
        assert!(super::call(&call, &options).await.is_ok());
        call.url = url("http://api.test/");
        let to = (Some("127.0.0.1".into()), Some(server.port));
        let options =
            Options { connect_to: vec![ConnectToEntry { from: (None, None), to }], ..Options::default() };
        assert!(super::call(&call, &options).await.is_ok());
        assert!(server.requests()[1].1.contains("Host: api.test\r\n"));
    }
}

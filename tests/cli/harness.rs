//! A sealed room for the binary, and servers that do exactly what a test tells them.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use tokio::net::TcpSocket;
use wstap::testing::accept_key;

/// After this long a run is hung, and the test fails. No test waits for it when all is well, and a machine with twenty
/// times the work it can do must not meet it.
pub(crate) const HUNG: Duration = Duration::from_secs(120);

/// Tries with more and more time what has to pass within a limit, where something else has to come before the limit
/// does: `None` says that it did not, and that the machine was too slow for this one.
#[track_caller]
pub(crate) fn given_time<T>(attempt: impl FnMut(&'static str) -> Option<T>) -> T {
    let outcome = ["100ms", "1s", "20s"].into_iter().find_map(attempt);
    outcome.expect("what comes before the limit does so within 20 s")
}

/// A run of the binary, to be described and then started.
pub(crate) struct Wstap {
    command: Command,
    stdin: Option<Vec<u8>>,
}

/// The binary with these arguments, in an environment that holds nothing of the tester's.
pub(crate) fn wstap(args: &[&str]) -> Wstap {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wstap"));
    command.args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Wstap { command, stdin: None }
}

impl Wstap {
    /// More arguments.
    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    /// An environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it as the last arguments of this command.
    pub(crate) fn under(self, words: &[&str]) -> Self {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(self.command.get_program()).args(self.command.get_args()).env_clear();
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, stdin: self.stdin }
    }

    /// Standard input is this, then its end; without, it is `/dev/null`.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Standard output goes there instead of to the test.
    pub(crate) fn stdout(mut self, to: impl Into<Stdio>) -> Self {
        self.command.stdout(to);
        self
    }

    /// Stderr goes there instead of to the test.
    pub(crate) fn stderr(mut self, to: impl Into<Stdio>) -> Self {
        self.command.stderr(to);
        self
    }

    /// Starts it with its streams in the hands of the test.
    pub(crate) fn spawn(mut self) -> Running {
        if self.stdin.is_some() {
            self.command.stdin(Stdio::piped());
        }
        let mut child = self.command.spawn().expect("the binary starts");
        if let (Some(bytes), Some(mut stdin)) = (self.stdin, child.stdin.take()) {
            // On a thread: the binary may not read before it writes. It may also never read.
            thread::spawn(move || stdin.write_all(&bytes));
        }
        Running { child, described: format!("{:?}", self.command) }
    }

    /// Starts it with standard input held open, to be written to by the test.
    pub(crate) fn spawn_fed(mut self) -> (Running, std::process::ChildStdin) {
        self.command.stdin(Stdio::piped());
        let mut child = self.command.spawn().expect("the binary starts");
        let stdin = child.stdin.take().expect("standard input was piped");
        (Running { child, described: format!("{:?}", self.command) }, stdin)
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Output {
        self.spawn().finish()
    }
}

/// A run that has started. Dropping it kills it.
pub(crate) struct Running {
    /// The process.
    pub(crate) child: Child,
    described: String,
}

impl Running {
    /// Sends a signal by its name, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Takes standard output away. Dropping it is what `head -1` does once it has its line.
    pub(crate) fn take_stdout(&mut self) -> std::process::ChildStdout {
        self.child.stdout.take().expect("standard output is still here")
    }

    /// Resident memory of its own in KiB (`RssAnon`, proc_pid_status(5)). How much of the binary is in memory is up to the
    /// system.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the process is there");
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("it has memory");
        line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
    }

    /// Waits until it uses no more processor time, and gives its resident memory in KiB.
    pub(crate) fn settled(&self) -> u64 {
        let used = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
            let stat = stat.expect("the process is there");
            let fields: Vec<&str> = stat.split_whitespace().collect();
            (fields[13].to_owned(), fields[14].to_owned())
        };
        let mut before = None;
        while before != Some(used()) {
            before = Some(used());
            thread::sleep(Duration::from_millis(300));
        }
        self.resident()
    }

    /// Sends SIGINT and waits for the end without reading its output.
    #[track_caller]
    pub(crate) fn interrupt_and_wait(mut self) {
        self.signal("INT");
        let deadline = Instant::now() + HUNG / 3;
        loop {
            match self.child.try_wait().expect("the binary can be waited for") {
                Some(status) => return assert_eq!(status.code(), Some(130)),
                None => assert!(Instant::now() < deadline, "{} does not end", self.described),
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Reads one line of standard output.
    pub(crate) fn line(&mut self) -> String {
        let stdout = self.child.stdout.as_mut().expect("standard output is still here");
        read_line(stdout)
    }

    /// Reads stderr up to and with the first line that contains `text`.
    pub(crate) fn notice(&mut self, text: &str) -> String {
        let stderr = self.child.stderr.as_mut().expect("stderr is still here");
        loop {
            let line = read_line(stderr);
            assert!(!line.is_empty(), "{} ended without saying {text:?}", self.described);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits for its end and collects what it wrote.
    pub(crate) fn finish(mut self) -> Output {
        let stdout = collect(self.child.stdout.take());
        let stderr = collect(self.child.stderr.take());
        let id = self.child.id();
        let (done, finished) = mpsc::channel::<()>();
        let watchdog = thread::spawn(move || {
            let hung = finished.recv_timeout(HUNG) == Err(mpsc::RecvTimeoutError::Timeout);
            if hung {
                let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
            }
            hung
        });
        let status = self.child.wait().expect("the binary can be waited for");
        drop(done);
        let output = Output {
            code: status.code(),
            stdout: String::from_utf8_lossy(&stdout.join().expect("stdout was read")).into_owned(),
            stderr: String::from_utf8_lossy(&stderr.join().expect("stderr was read")).into_owned(),
            described: self.described.clone(),
        };
        assert!(!watchdog.join().expect("the watchdog ended"), "hung: {output:#?}");
        output
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Output {
    /// The exit status; `None` after a signal that was not handled.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    described: String,
}

impl Output {
    /// Checks the exit status.
    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(
            self.code,
            Some(code),
            "{}\nstdout:\n{}\nstderr:\n{}",
            self.described,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Checks that stderr says something.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "{}\nstderr lacks {text:?}:\n{}", self.described, self.stderr);
        self
    }

    /// Lines of standard output.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }

    /// Lines of standard output as JSON. Records are checked against their schema.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let lines: Vec<serde_json::Value> = self.stdout.lines().map(parse).collect();
        lines.iter().for_each(crate::schema::check);
        lines
    }

    /// The last record, of a run with `--envelope`.
    #[track_caller]
    pub(crate) fn summary(&self) -> serde_json::Value {
        let last = self.json().pop().unwrap_or_else(|| panic!("no output, but on stderr: {}", self.stderr));
        assert_eq!(last["type"], "summary", "{last}");
        last
    }

    /// The records of one type, of a run with `--envelope`.
    #[track_caller]
    pub(crate) fn records(&self, kind: &str) -> Vec<serde_json::Value> {
        self.json().into_iter().filter(|record| record["type"] == kind).collect()
    }
}

fn collect(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        bytes
    })
}

fn read_line(stream: &mut impl Read) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.last() != Some(&b'\n') && stream.read(&mut byte).unwrap_or(0) == 1 {
        line.push(byte[0]);
    }
    String::from_utf8_lossy(&line).into_owned()
}

/// A server on a free port of loopback that plays one script for each connection, in order, and then stops
/// listening. A panic in a script fails the test when the server is dropped or joined.
pub(crate) struct Server {
    /// The port.
    pub(crate) port: u16,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Plays one script to one connection.
    pub(crate) fn once(script: impl FnOnce(Peer) + Send + 'static) -> Self {
        Self::scripts(vec![Box::new(script)])
    }

    /// Plays a script to each connection, one after the other.
    pub(crate) fn scripts(scripts: Vec<Box<dyn FnOnce(Peer) + Send>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        let thread = thread::spawn(move || {
            for script in scripts {
                let stream = accept(&listener);
                stream.set_read_timeout(Some(HUNG)).expect("a timeout can be set");
                stream.set_nodelay(true).expect("nodelay can be set");
                script(Peer { stream });
            }
            drop(listener);
            keep_closed(port);
        });
        Self { port, thread: Some(thread) }
    }

    /// Accepts the WebSocket upgrade, then plays the script.
    pub(crate) fn websocket(script: impl FnOnce(&mut Peer) + Send + 'static) -> Self {
        Self::once(move |mut peer| {
            peer.accept();
            script(&mut peer);
        })
    }

    /// `ws://127.0.0.1:PORT/`.
    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.port)
    }

    /// Waits until all scripts have been played.
    pub(crate) fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("every script is played to its end");
        }
    }
}

/// A client that never comes fails its test; it must not make it hang.
fn accept(listener: &TcpListener) -> TcpStream {
    let patience = Timespec { tv_sec: HUNG.as_secs() as i64, tv_nsec: 0 };
    let waited = poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&patience));
    assert_eq!(waited, Ok(1), "a client connects");
    listener.accept().expect("a client connects").0
}

/// Keeps a port of loopback closed, so that the system gives it to no other test: its client might still come back.
/// The last few hundred are kept, for as long as the tests run.
pub(crate) fn keep_closed(port: u16) -> u16 {
    static KEPT: Mutex<VecDeque<TcpSocket>> = Mutex::new(VecDeque::new());
    let socket = TcpSocket::new_v4().expect("there are sockets");
    socket.set_reuseaddr(true).expect("the option can be set");
    let bound = socket.bind(([127, 0, 0, 1], port).into()).and_then(|()| socket.local_addr());
    let mut kept = KEPT.lock().expect("nobody panics here");
    kept.truncate(200);
    kept.push_front(socket);
    // If another was quicker, nothing can be done about it.
    bound.map_or(port, |address| address.port())
}

/// The server's end of a connection, at byte level.
pub(crate) struct Peer {
    /// The bytes.
    pub(crate) stream: TcpStream,
}

/// A frame as it came over the wire, unmasked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WireFrame {
    /// First byte: FIN, RSV and opcode.
    pub(crate) first: u8,
    /// Was it masked?
    pub(crate) masked: bool,
    /// The payload.
    pub(crate) payload: Vec<u8>,
}

impl Peer {
    /// Reads the request head.
    pub(crate) fn request(&mut self) -> String {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            assert_eq!(self.stream.read(&mut byte).expect("a request comes"), 1, "the request is complete");
            head.push(byte[0]);
        }
        String::from_utf8(head).expect("a request is text")
    }

    /// The first byte that comes, without taking it.
    pub(crate) fn first_byte(&self) -> u8 {
        let mut byte = [0];
        assert_eq!(self.stream.peek(&mut byte).expect("something comes"), 1);
        byte[0]
    }

    /// Writes bytes.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        // The client may have seen enough.
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Reads the request and accepts it. Returns the request head.
    pub(crate) fn accept(&mut self) -> String {
        self.accept_with("")
    }

    /// The same with more response headers, each ending in CRLF.
    pub(crate) fn accept_with(&mut self, headers: &str) -> String {
        let request = self.request();
        self.write(upgrade(&request, headers));
        request
    }

    /// Writes an unfragmented, unmasked frame.
    pub(crate) fn frame(&mut self, opcode: u8, payload: impl AsRef<[u8]>) {
        self.write(frame(0x80 | opcode, payload.as_ref()));
    }

    /// Writes a text message.
    pub(crate) fn text(&mut self, text: &str) {
        self.frame(1, text);
    }

    /// Writes a close frame; 1005 stands for an empty one.
    pub(crate) fn close(&mut self, code: u16, reason: &str) {
        let mut payload = if code == 1005 { Vec::new() } else { code.to_be_bytes().to_vec() };
        payload.extend_from_slice(reason.as_bytes());
        self.frame(8, payload);
    }

    /// Reads a frame; `None` when the client has gone.
    pub(crate) fn read_frame(&mut self) -> Option<WireFrame> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).ok()?;
        let length = match head[1] & 0x7f {
            126 => u64::from(u16::from_be_bytes(self.array()?)),
            127 => u64::from_be_bytes(self.array()?),
            short => u64::from(short),
        };
        let masked = head[1] & 0x80 != 0;
        let mask: [u8; 4] = if masked { self.array()? } else { [0; 4] };
        let mut payload = vec![0; usize::try_from(length).expect("a length fits")];
        self.stream.read_exact(&mut payload).ok()?;
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        Some(WireFrame { first: head[0], masked, payload })
    }

    /// Reads frames up to the next text message, and returns it.
    pub(crate) fn read_text(&mut self) -> Option<String> {
        loop {
            let frame = self.read_frame()?;
            if frame.first & 15 == 1 {
                return Some(String::from_utf8(frame.payload).expect("a text message is UTF-8"));
            }
        }
    }

    /// Reads frames up to a close frame and returns its code (1005 for none); `None` when the client has gone
    /// without one.
    pub(crate) fn read_close(&mut self) -> Option<u16> {
        loop {
            let frame = self.read_frame()?;
            if frame.first & 15 == 8 {
                return Some(frame.payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code)));
            }
        }
    }

    /// Sends a close frame and reads until the client's answer.
    pub(crate) fn close_well(&mut self, code: u16) {
        self.close(code, "");
        self.read_close();
    }

    /// Waits until the client has gone.
    pub(crate) fn wait_for_end(&mut self) {
        let mut sink = [0; 4096];
        while self.stream.read(&mut sink).is_ok_and(|read| read > 0) {}
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }
}

/// The response that accepts a request.
pub(crate) fn upgrade(request: &str, headers: &str) -> String {
    let accept = accept_for(request);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{headers}\r\n"
    )
}

/// Runs `connect` with nothing on standard input against a server that plays this script after the upgrade.
pub(crate) fn connect(args: &[&str], script: impl FnOnce(&mut Peer) + Send + 'static) -> Output {
    let server = Server::websocket(script);
    let output = wstap(&["connect", &server.url()]).args(args).run();
    server.join();
    output
}

/// The bytes of an unmasked frame with this first byte.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(u8::try_from(short).expect("it is short")),
        medium @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend_from_slice(&u16::try_from(medium).expect("it fits").to_be_bytes());
        }
        long => {
            bytes.push(127);
            bytes.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// The `Sec-WebSocket-Accept` that answers a request.
pub(crate) fn accept_for(request: &str) -> String {
    accept_key(header(request, "sec-websocket-key").expect("the request has a key"))
}

/// The value of a header in a request head.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

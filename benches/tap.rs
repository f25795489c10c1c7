//! What a message costs on its way through `serve-mock --upstream`, in processor time of the process in the middle, next to
//! `websocat ws-l:… ws://…`.
//!
//! ```text
//! cargo bench --bench tap                      all contenders that are found, five rounds
//! cargo bench --bench tap -- rounds=9          more rounds
//! cargo bench --bench tap -- websocat=PATH     where websocat is, if it is not in PATH
//! ```
//!
//! The client is this process, with frames that are ready made; the upstream is the mock's echo, with and without TLS. One
//! at a time, a message waits for the echo of the last one; in bursts, all are written as fast as they are taken. Every
//! round runs each contender once, in turns, and the median of the rounds is printed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

const WSTAP: &str = env!("CARGO_BIN_EXE_wstap");

/// Bytes of a message.
const LENGTH: usize = 100;

/// A process that ends with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn start(program: &str, args: &[String]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().map(Self).with_context(|| format!("cannot start {program}"))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let stdout = self.0.stdout.as_mut().context("no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// Processor time that it has used, of all its threads.
    fn used(&self) -> Result<Duration> {
        let mut sum = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
            let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
            sum += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(sum))
    }
}

/// Who is in the middle.
struct Contender {
    name: &'static str,
    program: String,
    /// With `PORT` and `URL` in the places of these.
    args: &'static [&'static str],
}

impl Contender {
    /// Starts it before this upstream, and connects a client.
    fn open(&self, url: &str) -> Result<(Process, TcpStream)> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let fill = |word: &&str| word.replace("PORT", &port.to_string()).replace("URL", url);
        let process = Process::start(&self.program, &self.args.iter().map(fill).collect::<Vec<_>>())?;
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => return Ok((process, upgraded(stream)?)),
                Err(_) if Instant::now() < end => thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(error).with_context(|| format!("{} does not listen", self.name)),
            }
        }
    }
}

fn upgraded(mut stream: TcpStream) -> Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.write_all(
        b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        bail!("no upgrade: {}", String::from_utf8_lossy(&head));
    }
    Ok(stream)
}

/// A text message as a client sends it, with a mask of zeros, and as it comes back.
fn frames() -> (Vec<u8>, usize) {
    let mut frame = vec![0x81, 0x80 | u8::try_from(LENGTH).unwrap_or(125), 0, 0, 0, 0];
    frame.extend([b'x'; LENGTH]);
    (frame, 2 + LENGTH)
}

/// Processor time per message and its way back.
fn run(contender: &Contender, url: &str, messages: usize, in_bursts: bool) -> Result<Duration> {
    let (process, mut stream) = contender.open(url)?;
    let (frame, length) = frames();
    let before = process.used()?;
    if in_bursts {
        let mut writer = stream.try_clone()?;
        let block = frame.repeat(100);
        let writing = thread::spawn(move || (0..messages / 100).try_for_each(|_| writer.write_all(&block)));
        let mut left = messages / 100 * 100 * length;
        let mut bytes = vec![0; 64 << 10];
        while left > 0 {
            let read = stream.read(&mut bytes)?;
            if read == 0 {
                bail!("{} hung up", contender.name);
            }
            left -= read.min(left);
        }
        writing.join().ok().context("the writer ends")??;
    } else {
        let mut echo = vec![0; length];
        for _ in 0..messages {
            stream.write_all(&frame)?;
            stream.read_exact(&mut echo)?;
        }
    }
    Ok((process.used()? - before) / u32::try_from(messages)?)
}

fn contenders(websocat: &str) -> Vec<Contender> {
    const TAP: &[&str] = &["serve-mock", "-q", "--port", "PORT", "-k", "--no-compress", "--upstream", "URL"];
    const BARE: &[&str] =
        &["serve-mock", "-q", "--port", "PORT", "-k", "--no-compress", "--no-control", "--upstream", "URL"];
    const RECORDING: &[&str] = &[
        "serve-mock",
        "-q",
        "--port",
        "PORT",
        "-k",
        "--no-compress",
        "--record",
        "/dev/null",
        "--upstream",
        "URL",
    ];
    let own = |name, args| Contender { name, program: WSTAP.to_owned(), args };
    let mut all = vec![own("wstap", TAP), own("wstap --no-control", BARE), own("wstap --record", RECORDING)];
    if Command::new(websocat).arg("--version").stdout(Stdio::null()).status().is_ok() {
        const ARGS: &[&str] = &["-t", "-k", "ws-l:127.0.0.1:PORT", "URL"];
        all.push(Contender { name: "websocat", program: websocat.to_owned(), args: ARGS });
    }
    all
}

#[expect(clippy::print_stdout, reason = "the results are for people")]
fn main() -> Result<()> {
    let (mut rounds, mut websocat) = (5, "websocat".to_owned());
    for word in std::env::args().skip(1).filter(|word| !word.starts_with("--")) {
        match word.split_once('=') {
            Some(("rounds", number)) => rounds = number.parse()?,
            Some(("websocat", path)) => path.clone_into(&mut websocat),
            _ => bail!("unknown word {word}"),
        }
    }
    let contenders = contenders(&websocat);
    for (tls, in_bursts, messages) in
        [(false, false, 10_000), (true, false, 10_000), (false, true, 200_000), (true, true, 200_000)]
    {
        let tls_option = if tls { vec!["--tls".to_owned()] } else { Vec::new() };
        let args = [vec!["serve-mock".to_owned(), "plain".to_owned(), "-q".to_owned()], tls_option].concat();
        let mut upstream = Process::start(WSTAP, &args)?;
        let url = upstream.line()?;
        println!(
            "{} {messages} messages of {LENGTH} bytes, {}",
            &url[..url.find("://").unwrap_or(0)],
            if in_bursts { "in bursts" } else { "one at a time" }
        );
        let mut times: Vec<Vec<Duration>> = vec![Vec::new(); contenders.len()];
        for _ in 0..rounds {
            for (contender, times) in contenders.iter().zip(&mut times) {
                times.push(run(contender, &url, messages, in_bursts)?);
            }
        }
        for (contender, times) in contenders.iter().zip(&mut times) {
            times.sort_unstable();
            let (median, best) = (times[times.len() / 2], times[0]);
            println!(
                "  {:<20} {:>8.2} µs a message, best {:>8.2}",
                contender.name,
                median.as_secs_f64() * 1e6,
                best.as_secs_f64() * 1e6
            );
        }
    }
    Ok(())
}

//! Who takes part: mocks and their clients, as processes of their own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::Asked;
use super::rhythm::ask;
use super::sample::Sample;
use super::table::Record;

/// Lines that `connect` is fed a second.
const FED: u32 = 20;

/// How often a connection fails by a mock's fault, on average and in seconds, for each of [`FAULTS`].
const FAULT_EVERY: f64 = 40.0;

/// What ends or silences a connection, each with the same probability after every message.
const FAULTS: [&str; 7] =
    ["drop", "reset", "close=1001", "close=1011", "close-no-handshake=1012", "stall=60s", "half-open"];

/// What is wrong all the time.
const MANNERS: [&str; 5] =
    ["refuse=503~0.1", "latency=5ms±5ms", "duplicate=0.001", "reorder=0.001", "fragment=400"];

/// Events that a mock keeps which can replay them.
const LOG: f64 = 100_000.0;

/// The mock that speaks TLS.
const WITH_TLS: &str = "voipbin";

const CALLS: &str = "customer_id:12345678-1234-1234-1234-123456789012:call:*";

/// How clients notice a silence and come back, quickly enough for that to happen often.
const IMPATIENT: [&str; 8] = [
    "--ping-interval",
    "1s",
    "--ping-timeout",
    "2s",
    "--reconnect-delay",
    "50ms",
    "--reconnect-max-delay",
    "500ms",
];

/// All processes.
pub(crate) struct Cast {
    pub(crate) servers: Vec<Server>,
    pub(crate) clients: Vec<Client>,
}

/// A mock.
pub(crate) struct Server {
    name: &'static str,
    pub(crate) port: u16,
    /// It can announce its end.
    pub(crate) drains: bool,
    process: Process,
}

/// A client of one of them.
pub(crate) struct Client {
    server: &'static str,
    process: Process,
    /// Lines that it has written.
    pub(crate) lines: Arc<AtomicU64>,
    /// Its reader stands still now and then.
    pub(crate) slow: bool,
    /// It does so now.
    pub(crate) stalled: Arc<AtomicBool>,
    /// The file that it writes, if that is not standard output.
    pub(crate) output: Option<PathBuf>,
}

/// A process, which ends with this value.
struct Process {
    name: String,
    child: Child,
    samples: Vec<Sample>,
    /// What it says to people.
    notices: PathBuf,
}

/// A client that is to be started.
struct Plan<'a> {
    server: &'static str,
    name: &'a str,
    args: Vec<String>,
    fed: bool,
    on_terminal: bool,
    slow: bool,
    output: Option<PathBuf>,
}

impl Cast {
    /// Starts all of them.
    pub(crate) fn start(asked: &Asked, folder: &Path) -> Result<Self> {
        let servers = vec![
            Server::start(asked, folder, "kadoa", filling(asked.time / 4), &[])?,
            Server::start(asked, folder, WITH_TLS, 50.0, &["--tls", "--ca-file", &ca(folder)])?,
            Server::start(asked, folder, "ryze", 50.0, &[])?,
            Server::start(asked, folder, "burki", 1.0, &["--contacts", "1000000"])?,
            Server::start(asked, folder, "plain", f64::from(FED), &[])?,
        ];
        let port =
            |name: &str| servers.iter().find(|server| server.name == name).map_or(0, |server| server.port);
        let plans = plans(asked, folder, port);
        let clients =
            plans.into_iter().map(|plan| Client::start(asked, folder, plan)).collect::<Result<_>>()?;
        Ok(Self { servers, clients })
    }

    /// Looks at all of them.
    pub(crate) fn sample(&mut self, at: Duration) -> Result<()> {
        let mut of_server = BTreeMap::new();
        for client in &mut self.clients {
            let messages = client.lines.load(Ordering::Relaxed);
            *of_server.entry(client.server).or_insert(0) += messages;
            client.process.sample(at, messages)?;
        }
        for server in &mut self.servers {
            server.process.sample(at, of_server.get(server.name).copied().unwrap_or_default())?;
        }
        Ok(())
    }

    /// What has been seen of all, and how many connections the servers have had.
    pub(crate) fn records(&self) -> Result<Vec<Record>> {
        let servers = self.servers.iter().map(|server| Ok(server.process.record(server.connections()?)));
        let clients = self.clients.iter().map(|client| Ok(client.process.record(None)));
        servers.chain(clients).collect()
    }

    /// Interrupts them, which has to be how they end.
    pub(crate) fn end(mut self) -> Result<()> {
        for client in &mut self.clients {
            client.stalled.store(false, Ordering::Relaxed);
            client.process.interrupt()?;
        }
        self.servers.iter_mut().try_for_each(|server| server.process.interrupt())
    }
}

/// One client for each provider, `connect`, two that watch, and one whose reader stands still now and then.
fn plans(asked: &Asked, folder: &Path, port: impl Fn(&str) -> u16) -> Vec<Plan<'static>> {
    let url = |server: &str, path: &str| {
        let scheme = if server == WITH_TLS { "wss" } else { "ws" };
        format!("{scheme}://127.0.0.1:{}{path}", port(server))
    };
    let plan = |server: &'static str, name: &'static str, path: &str, args: &[&str]| {
        let mut words: Vec<String> = name.split([' ', ',']).take(1).map(str::to_owned).collect();
        if words[0] == "connect" {
            words.push(url(server, path));
        } else {
            words.extend(["--url".to_owned(), url(server, path), format!("--time-scale={}", asked.scale)]);
        }
        if words[0] == "subscribe" {
            words.extend(["-d".to_owned(), server.to_owned()]);
        }
        words.extend(IMPATIENT.iter().chain(args).map(|&word| word.to_owned()));
        Plan { server, name, args: words, fed: false, on_terminal: false, slow: false, output: None }
    };
    let (ca, output, cursor) = (ca(folder), folder.join("lines"), folder.join("cursor"));
    let (output_text, cursor_text) = (output.to_string_lossy(), cursor.to_string_lossy());
    let filter = r#"select(.data.status | test("i")) | {n: ([.. | scalars] | length)}"#;
    let slow = ["demo", "--overflow", "spill", "--buffer", "64K", "--envelope"];
    let to_file = ["--output", &output_text, "--cursor-file", &cursor_text];
    let monitor = "/ws/campaigns/monitor?token=t";
    vec![
        Plan { output: Some(output.clone()), ..plan("kadoa", "subscribe kadoa, rotated", "/", &to_file) },
        plan("voipbin", "subscribe voipbin, TLS", "/v1.0/ws", &[CALLS, "--cacert", &ca, "--envelope"]),
        plan("voipbin", "subscribe voipbin, jq", "/v1.0/ws", &[CALLS, "--cacert", &ca, "-f", filter]),
        plan("ryze", "subscribe ryze", "/ws/demo?token=t", &["demo"]),
        Plan { slow: true, ..plan("ryze", "subscribe ryze, slow", "/ws/demo?token=t", &slow) },
        plan("burki", "subscribe burki", monitor, &["42"]),
        plan("burki", "watch-campaign", monitor, &["42", "43"]),
        Plan { on_terminal: true, ..plan("burki", "watch-campaign, terminal", monitor, &["44"]) },
        Plan { fed: true, ..plan("plain", "connect", "/echo", &["--reconnect", "--envelope"]) },
    ]
}

/// Events a second that fill the log of a mock that can replay within this time, as far as that is reasonable.
fn filling(time: Duration) -> f64 {
    (1.15 * LOG / time.as_secs_f64()).min(400.0)
}

fn ca(folder: &Path) -> String {
    folder.join("ca.pem").to_string_lossy().into_owned()
}

impl Server {
    fn start(asked: &Asked, folder: &Path, name: &'static str, rate: f64, args: &[&str]) -> Result<Self> {
        let mut command = Command::new(&asked.wstap);
        command.args(["serve-mock", name, "--announce", "json", "--rate", &rate.to_string()]);
        command.arg(format!("--time-scale={}", asked.scale)).args(args);
        // These events come as many times as fast as the provider's time goes.
        let rate = if name == "burki" { rate * f64::from(asked.scale) } else { rate };
        let chance = 1.0 / (FAULT_EVERY * rate);
        command.args(FAULTS.map(|fault| format!("--fault={fault}~{chance:.7}")));
        command.args(MANNERS.map(|manner| format!("--fault={manner}")));
        let mut process = Process::start(command, name, folder)?;
        let stdout = process.child.stdout.take().context("a server has an output")?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        // It is read on: a server whose reader has gone may take that for its end.
        thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let announced: serde_json::Value =
            serde_json::from_str(&line).with_context(|| format!("{name}: {}", process.last_notices()))?;
        let port = announced["port"].as_u64().context("a port is announced")?;
        Ok(Self { name, port: u16::try_from(port)?, drains: name == "kadoa", process })
    }

    /// How many it has had, if it can be asked without TLS.
    fn connections(&self) -> Result<Option<u64>> {
        if self.name == WITH_TLS {
            return Ok(None);
        }
        let metrics = ask(self.port, "GET", "metrics", "")?;
        let total = metrics.lines().find_map(|line| line.strip_prefix("wstap_mock_connections_total "));
        Ok(Some(total.context("no count of connections")?.parse()?))
    }
}

impl Client {
    fn start(asked: &Asked, folder: &Path, plan: Plan<'_>) -> Result<Self> {
        let mut command = Command::new(&asked.wstap);
        command.args(&plan.args).env_clear().env("TMPDIR", folder).env("HOME", folder).env("TERM", "xterm");
        for variable in ["KADOA_API_KEY", "VOIPBIN_TOKEN", "RYZE_TOKEN", "BURKI_API_KEY"] {
            command.env(variable, "k3y");
        }
        command.stdin(if plan.fed { Stdio::piped() } else { Stdio::null() });
        let (lines, stalled) = <(Arc<AtomicU64>, Arc<AtomicBool>)>::default();
        let mut process = if plan.on_terminal {
            let (screen, device) = terminal()?;
            thread::spawn(move || std::io::copy(&mut File::from(screen), &mut std::io::sink()));
            command.stderr(device);
            Process::spawn(command, plan.name, folder.join("none"))?
        } else {
            Process::start(command, plan.name, folder)?
        };
        if let Some(stdout) = process.child.stdout.take() {
            let (lines, stalled) = (Arc::clone(&lines), Arc::clone(&stalled));
            thread::spawn(move || read(stdout, &lines, &stalled));
        }
        if let Some(stdin) = process.child.stdin.take() {
            thread::spawn(move || feed(stdin));
        }
        Ok(Self { server: plan.server, process, lines, slow: plan.slow, stalled, output: plan.output })
    }

    /// Lets it open its output file anew.
    pub(crate) fn hang_up(&self) -> Result<()> {
        self.process.signal(Signal::HUP)
    }
}

impl Process {
    /// Starts it with its notices in a file.
    fn start(mut command: Command, name: &str, folder: &Path) -> Result<Self> {
        let notices = folder.join(format!("{}.notices", name.replace([' ', ','], "-")));
        command.stderr(File::create(&notices)?);
        Self::spawn(command, name, notices)
    }

    fn spawn(mut command: Command, name: &str, notices: PathBuf) -> Result<Self> {
        let child = command.stdout(Stdio::piped()).spawn().with_context(|| name.to_owned())?;
        Ok(Self { name: name.to_owned(), child, samples: Vec::new(), notices })
    }

    fn sample(&mut self, at: Duration, messages: u64) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} has ended with {status}: {}", self.name, self.last_notices());
        }
        self.samples.push(Sample::take(self.child.id(), at, messages)?);
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let id = Pid::from_raw(i32::try_from(self.child.id())?).context("no process")?;
        Ok(kill_process(id, signal)?)
    }

    fn interrupt(&mut self) -> Result<()> {
        self.signal(Signal::INT)?;
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match self.child.try_wait()? {
                Some(status) if matches!(status.code(), Some(0 | 130)) => return Ok(()),
                Some(status) => bail!("{} ends with {status}: {}", self.name, self.last_notices()),
                None => ensure!(Instant::now() < deadline, "{} does not end", self.name),
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn last_notices(&self) -> String {
        let text = fs::read_to_string(&self.notices).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join(" / ")
    }

    fn record(&self, connections: Option<u64>) -> Record {
        Record { name: self.name.clone(), connections, samples: self.samples.clone() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Most have ended by themselves.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Counts lines, as long as it does not stand still.
fn read(mut from: impl Read, lines: &AtomicU64, stalled: &AtomicBool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        lines.fetch_add(memchr::memchr_iter(b'\n', &buffer[..count]).count() as u64, Ordering::Relaxed);
        while stalled.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(100));
        }
    }
}

fn feed(mut stdin: ChildStdin) {
    for n in 0_u64.. {
        if writeln!(stdin, r#"{{"n":{n},"pad":"{:.<200}"}}"#, "").is_err() {
            return;
        }
        thread::sleep(Duration::from_secs(1) / FED);
    }
}

/// A terminal: what shows it, and what is written to.
fn terminal() -> Result<(OwnedFd, OwnedFd)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let device = rustix::fs::open(ptsname(&master, Vec::new())?, flags, Mode::empty())?;
    tcsetwinsize(&device, Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 })?;
    Ok((master, device))
}

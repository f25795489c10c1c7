//! The binary on a pseudo-terminal: typed keys go in, and a terminal emulator shows what a person would see.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::harness::HUNG;

/// Rows that have left the screen and are kept.
const SCROLLBACK: usize = 20_000;

/// A run on a terminal. Dropping it kills it.
pub(crate) struct Pty {
    keys: File,
    child: Child,
    shared: Arc<Shared>,
    home: tempfile::TempDir,
}

struct Shared {
    seen: Mutex<Seen>,
    news: Condvar,
}

struct Seen {
    emulator: vt100::Parser,
    bytes: Vec<u8>,
    ended: bool,
}

/// What to run, and on what.
pub(crate) struct OnPty {
    args: Vec<String>,
    vars: Vec<(String, String)>,
    size: (u16, u16),
    stdout: Option<File>,
    home: tempfile::TempDir,
}

/// The binary with these arguments on a terminal of 24 rows and 100 columns.
pub(crate) fn on_pty(args: &[&str]) -> OnPty {
    let home = tempfile::tempdir().expect("there is room for a folder");
    let args = args.iter().map(|&arg| arg.to_owned()).collect();
    OnPty { args, vars: Vec::new(), size: (24, 100), stdout: None, home }
}

impl OnPty {
    /// An environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Another size.
    pub(crate) fn size(mut self, rows: u16, columns: u16) -> Self {
        self.size = (rows, columns);
        self
    }

    /// Standard output goes there.
    pub(crate) fn stdout(mut self, to: File) -> Self {
        self.stdout = Some(to);
        self
    }

    /// Where it is at home.
    pub(crate) fn at_home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// The same home as another run had.
    pub(crate) fn home(mut self, home: tempfile::TempDir) -> Self {
        self.home = home;
        self
    }

    /// Starts it, in a session of its own that the terminal belongs to.
    pub(crate) fn spawn(self) -> Pty {
        let (master, device) = open(self.size);
        let stream = || Stdio::from(device.try_clone().expect("the terminal can be shared"));
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_wstap")]).args(&self.args);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.home.path()).env("TERM", "xterm-256color").env("TZ", "UTC").envs(self.vars);
        command.stdin(stream()).stderr(stream()).stdout(self.stdout.map_or_else(stream, Stdio::from));
        let child = command.spawn().expect("the binary starts");
        drop(device);
        let emulator = vt100::Parser::new(self.size.0, self.size.1, SCROLLBACK);
        let seen = Mutex::new(Seen { emulator, bytes: Vec::new(), ended: false });
        let shared = Arc::new(Shared { seen, news: Condvar::new() });
        let keys = File::from(master);
        let (screen, output) = (keys.try_clone().expect("the terminal can be shared"), Arc::clone(&shared));
        thread::spawn(move || output.follow(screen));
        Pty { keys, child, shared, home: self.home }
    }
}

/// Both ends of a terminal of so many rows and columns: the screen with its keys, and what a process gets.
pub(crate) fn open((rows, columns): (u16, u16)) -> (OwnedFd, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&master).expect("it is ours");
    unlockpt(&master).expect("it is ours");
    let path = ptsname(&master, Vec::new()).expect("it has a name");
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let device = rustix::fs::open(path, flags, Mode::empty()).expect("it can be opened");
    tcsetwinsize(&device, winsize(rows, columns)).expect("it has a size");
    rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).expect("it is a descriptor");
    (master, device)
}

fn winsize(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// Reads what was written to a terminal; 0 once its other end is closed by everybody.
///
/// Linux looks for bytes first and then whether the other end is closed: those that were written in between are there
/// for the next read.
fn read(screen: &mut File, bytes: &mut [u8]) -> usize {
    let closed = |error: &io::Error| error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
    match screen.read(bytes) {
        Err(error) if closed(&error) => screen.read(bytes).unwrap_or(0),
        read => read.expect("a terminal can be read"),
    }
}

impl Shared {
    fn follow(&self, mut screen: File) {
        let mut bytes = [0; 65536];
        loop {
            let read = read(&mut screen, &mut bytes);
            let mut seen = self.seen.lock().unwrap();
            if read == 0 {
                seen.ended = true;
            }
            seen.emulator.process(&bytes[..read]);
            seen.bytes.extend_from_slice(&bytes[..read]);
            drop(seen);
            self.news.notify_all();
            if read == 0 {
                return;
            }
        }
    }
}

impl Pty {
    /// Presses keys.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("somebody reads the keys");
    }

    /// Types a line once the prompt is there for it, and Enter once the line is there. Keys that are pressed while
    /// nobody edits would be echoed by the terminal itself.
    #[track_caller]
    pub(crate) fn line(&mut self, line: &str) {
        self.prompt();
        self.keys(line);
        let end = "open> ".len() + line.chars().count();
        self.wait(&format!("the end of {line:?}"), |screen| {
            let (at, columns) = (usize::from(screen.cursor_position().1), usize::from(screen.size().1));
            at == end % columns
        });
        self.keys("\r");
    }

    /// Waits until there is a connection, and a prompt with nothing behind it.
    #[track_caller]
    pub(crate) fn prompt(&self) {
        self.prompts("open> ");
    }

    /// Waits until there is this prompt with nothing behind it.
    #[track_caller]
    pub(crate) fn prompts(&self, prompt: &str) {
        self.wait(&format!("the prompt {prompt:?}"), |screen| {
            let (row, column) = screen.cursor_position();
            usize::from(column) == prompt.len() && row_text(screen, row).starts_with(prompt)
        });
    }

    /// Waits until the text is on the screen.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the row with the cursor is this, as far as it has been typed.
    #[track_caller]
    pub(crate) fn types(&self, text: &str) {
        self.wait(&format!("the line {text:?}"), |screen| {
            let (row, _) = screen.cursor_position();
            row_text(screen, row).trim_end() == text
        });
    }

    /// Waits until the screen is as it should be.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, is_there: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + HUNG;
        let mut seen = self.shared.seen.lock().unwrap();
        while !is_there(seen.emulator.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let contents = seen.emulator.screen().contents();
            assert!(!left.is_zero() && !seen.ended, "the screen lacks {what}:\n{contents}");
            seen = self.shared.news.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// The screen as it is.
    pub(crate) fn contents(&self) -> String {
        self.shared.seen.lock().unwrap().emulator.screen().contents()
    }

    /// Everything that was written to the terminal, escape sequences and all.
    pub(crate) fn bytes(&self) -> String {
        String::from_utf8_lossy(&self.shared.seen.lock().unwrap().bytes).into_owned()
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Is what is typed echoed, as it is where nobody edits?
    pub(crate) fn echoes(&self) -> bool {
        let modes = rustix::termios::tcgetattr(&self.keys).expect("it is a terminal");
        modes.local_modes.contains(rustix::termios::LocalModes::ECHO | rustix::termios::LocalModes::ICANON)
    }

    /// The same once nothing more can come.
    #[track_caller]
    pub(crate) fn all_bytes(&self) -> String {
        let seen = self.shared.seen.lock().unwrap();
        let (seen, waited) = self.shared.news.wait_timeout_while(seen, HUNG, |seen| !seen.ended).unwrap();
        assert!(!waited.timed_out(), "it does not end:\n{}", seen.emulator.screen().contents());
        String::from_utf8_lossy(&seen.bytes).into_owned()
    }

    /// How it ended, once nothing more can come.
    pub(crate) fn status(&mut self) -> std::process::ExitStatus {
        self.child.wait().expect("the binary can be waited for")
    }

    /// Makes the terminal another size.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        self.shared.seen.lock().unwrap().emulator.screen_mut().set_size(rows, columns);
        tcsetwinsize(&self.keys, winsize(rows, columns)).expect("it has a size");
    }

    /// Waits for its end; its status and its home. The terminal is as it was.
    #[track_caller]
    pub(crate) fn ends(mut self) -> (Option<i32>, tempfile::TempDir) {
        let deadline = Instant::now() + HUNG;
        let status = loop {
            match self.child.try_wait().expect("the binary can be waited for") {
                Some(status) => break status,
                None => assert!(Instant::now() < deadline, "it does not end:\n{}", self.contents()),
            }
            thread::sleep(Duration::from_millis(5));
        };
        assert!(self.echoes(), "the terminal is not as it was after {status}:\n{}", self.contents());
        let home = std::mem::replace(&mut self.home, tempfile::tempdir().expect("there is room"));
        (status.code(), home)
    }

    /// Waits for its end and checks the status.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) {
        assert_eq!(self.ends().0, Some(code));
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A row of the screen as text, at least as long as a prompt.
fn row_text(screen: &vt100::Screen, row: u16) -> String {
    let (_, columns) = screen.size();
    let text = screen.rows(0, columns).nth(usize::from(row)).unwrap_or_default();
    format!("{text:<10}")
}

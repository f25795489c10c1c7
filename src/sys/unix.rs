//! Linux, macOS and the BSDs.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, IsTerminal as _, Read as _, Stdin, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{
    DirBuilderExt as _, FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _,
    PermissionsExt as _,
};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, Mode, OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{
    Pid, Resource, Rlimit, getpgrp, getpid, getrlimit, kill_process, setrlimit, test_kill_process,
};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr};
use rustix::time::{ClockId, Timespec, clock_gettime};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{NotTyped, Sink, Wanted};

/// Where configurations are (XDG Base Directory Specification): variables, and the folder below theirs.
pub(crate) const CONFIG_FOLDERS: &[(&str, &str)] = &[("XDG_CONFIG_HOME", ""), ("HOME", ".config")];

/// Where histories are.
pub(crate) const STATE_FOLDERS: &[(&str, &str)] = &[("XDG_STATE_HOME", ""), ("HOME", ".local/state")];

/// The variable with the user's folder.
pub(crate) const HOME: &str = "HOME";

/// The editor of a user who names none.
pub(crate) const EDITOR: &str = "vi";

/// True if the system's root certificates are files. macOS has a store instead.
pub(crate) const HAS_ROOT_FILES: bool = cfg!(not(target_os = "macos"));

/// Prepares the process: a file at its size limit (`ulimit -f`) is an error of the write. By default, SIGXFSZ would end
/// the process without a message.
pub(crate) fn prepare() {
    // If this fails, the process ends by the signal, as it would by default.
    let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
}

/// Waits for one signal.
pub(crate) struct Listener(Signal);

/// Starts listening; from now on the signal does not end the process by itself.
///
/// # Errors
/// If the system refuses.
pub(crate) fn listen(wanted: Wanted) -> io::Result<Listener> {
    let kind = match wanted {
        Wanted::Interrupt => SignalKind::interrupt(),
        Wanted::Terminate => SignalKind::terminate(),
        Wanted::Reopen => SignalKind::hangup(),
        Wanted::Resize => SignalKind::window_change(),
        Wanted::Suspend => SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()),
        Wanted::Resume => SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()),
    };
    signal(kind).map(Listener)
}

impl Listener {
    /// Waits for the next signal; forever if none can come any more.
    pub(crate) async fn recv(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Ready once the signal has come.
    pub(crate) fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.0.poll_recv(context).map(|_| ())
    }
}

/// Stops the process until somebody continues it.
pub(crate) fn stop_self() {
    // If it cannot be stopped, it continues at once.
    let _ = kill_process(getpid(), rustix::process::Signal::STOP);
}

/// Passes a signal on to a child process. A terminal's Ctrl-C reaches a child in the foreground by itself.
pub(crate) fn pass_on(child: u32, wanted: Wanted) {
    let interrupted = wanted == Wanted::Interrupt;
    if interrupted && is_foreground(io::stderr()) {
        return;
    }
    let signal = if interrupted { rustix::process::Signal::INT } else { rustix::process::Signal::TERM };
    if let Some(child) = i32::try_from(child).ok().and_then(Pid::from_raw) {
        // It may have ended this moment.
        let _ = kill_process(child, signal);
    }
}

/// The exit status as a shell shows it: 128 and the number of the signal that ended the process.
pub(crate) fn exit_code(status: ExitStatus) -> Option<i32> {
    status.code().or(status.signal().map(|signal| 128 + signal))
}

/// True if no process has this id.
pub(crate) fn is_gone(process: u32) -> bool {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    process.is_some_and(|process| test_kill_process(process) == Err(Errno::SRCH))
}

/// A command line for the shell.
pub(crate) fn shell(command: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]);
    shell
}

/// Lets Ctrl-C at the terminal not reach a command.
pub(crate) fn in_own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// Runs an editor on a file. The editor may be a command with options, as shells take it.
pub(crate) fn edit(editor: &str, path: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(path);
    shell
}

/// Raises the limit of open files to the most that is allowed: the usual limit is 1024, and every client takes one.
///
/// # Errors
/// If the system refuses.
pub(crate) fn raise_file_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?)
}

/// The processor time that this thread has taken. Other processes make no difference to it.
pub(crate) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default());
    seconds + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or_default())
}

impl<T: AsFd> Sink for T {
    fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self, bytes)?)
    }

    fn wait_until_writable(&self) -> io::Result<()> {
        wait(self, PollFlags::OUT)
    }
}

/// A stream whose reads can be waited for.
pub(crate) trait Waited: AsFd {}

impl<T: AsFd> Waited for T {}

/// Waits until a stream has something to read, or ends.
///
/// # Errors
/// Whatever the system says.
pub(crate) fn wait_until_readable(stream: &impl Waited) -> io::Result<()> {
    wait(stream, PollFlags::IN)
}

fn wait(stream: &impl AsFd, what: PollFlags) -> io::Result<()> {
    match poll(&mut [PollFd::new(stream, what)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// True if the stream is ready within this time.
fn is_ready(stream: &impl AsFd, what: PollFlags, patience: Duration) -> io::Result<bool> {
    let patience = Timespec::try_from(patience).ok();
    Ok(poll(&mut [PollFd::new(stream, what)], patience.as_ref())? > 0)
}

/// Lets the pipe of standard output hold this many bytes, if it holds fewer and the system allows it (`F_SETPIPE_SZ`,
/// fcntl(2)). Systems other than Linux choose the size themselves.
pub(crate) fn enlarge_stdout_pipe(bytes: usize) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if rustix::pipe::fcntl_getpipe_size(io::stdout()).is_ok_and(|held| held < bytes) {
        // If it is refused, more writes wait.
        let _ = rustix::pipe::fcntl_setpipe_size(io::stdout(), bytes);
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = bytes;
}

/// True if standard output takes a write of up to `PIPE_BUF` bytes at once.
pub(crate) fn stdout_is_ready() -> bool {
    is_ready(&io::stdout(), PollFlags::OUT, Duration::ZERO).unwrap_or(false)
}

/// True if stderr takes something within this time.
///
/// # Errors
/// If the system cannot tell.
pub(crate) fn stderr_is_ready(patience: Duration) -> io::Result<bool> {
    is_ready(&io::stderr(), PollFlags::OUT, patience)
}

/// True if another process reads standard output.
pub(crate) fn stdout_is_pipe() -> bool {
    let kind = rustix::fs::fstat(io::stdout()).map(|file| FileType::from_raw_mode(file.st_mode));
    matches!(kind, Ok(FileType::Fifo | FileType::Socket))
}

/// The reader of standard output, which may go away.
pub(crate) struct StdoutReader(AsyncFd<io::Stdout>);

impl StdoutReader {
    /// Watches it, if standard output is a pipe or a socket. Other outputs have no reader to lose.
    pub(crate) fn watch() -> Option<Self> {
        if !stdout_is_pipe() {
            return None;
        }
        // The system reports a lost reader without being asked, but something has to be asked for. Readability, unlike
        // room for output, does not change with every line that is read.
        #[expect(
            deprecated,
            reason = "it trusts that the descriptor stays open, as that of standard output does"
        )]
        let watch = AsyncFd::with_interest(io::stdout(), Interest::READABLE);
        watch.ok().map(Self)
    }

    /// Waits until the reader has gone.
    pub(crate) async fn gone(&self) {
        while let Ok(mut ready) = self.0.ready(Interest::READABLE | Interest::ERROR).await {
            // The event may be about the other direction of a socket. poll(2) that asks for nothing reports a lost
            // reader only.
            if is_ready(self.0.get_ref(), PollFlags::empty(), Duration::ZERO).is_ok_and(|gone| gone) {
                return;
            }
            ready.clear_ready();
        }
        // The event loop has ended.
        std::future::pending::<()>().await;
    }
}

/// Writes all bytes at a place of a file.
///
/// # Errors
/// Whatever the system says.
pub(crate) fn write_all_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    file.write_all_at(bytes, at)
}

/// Reads as many bytes from a place of a file.
///
/// # Errors
/// Whatever the system says, or that the file ends before.
pub(crate) fn read_exact_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    file.read_exact_at(bytes, at)
}

/// What two paths of one file have in common: device and inode.
pub(crate) type Identity = (u64, u64);

/// The identity of a file.
///
/// # Errors
/// If there is no such file.
pub(crate) fn identity(path: &Path) -> io::Result<Identity> {
    std::fs::metadata(path).map(|facts| (facts.dev(), facts.ino()))
}

/// Makes files that are created readable by their owner alone (mode 0600).
pub(crate) fn for_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Creates a folder, and those above, for its owner alone.
///
/// # Errors
/// Whatever the system says.
pub(crate) fn create_folder_for_owner(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Takes a file from everybody but its owner.
///
/// # Errors
/// If it is somebody else's.
pub(crate) fn keep_for_owner(path: &Path, facts: &Metadata) -> io::Result<()> {
    match facts.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => std::fs::set_permissions(path, Permissions::from_mode(0o600)),
    }
}

/// The mode of a file, without its type.
pub(crate) fn mode_of(facts: &Metadata) -> u32 {
    facts.mode() & 0o7777
}

/// Sets the mode of an open file.
///
/// # Errors
/// Whatever the system says.
pub(crate) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))
}

/// Lets a temporary file have this mode; the umask applies.
pub(crate) fn with_mode<'a, 'b, 'c>(
    builder: &'c mut tempfile::Builder<'a, 'b>,
    mode: u32,
) -> &'c mut tempfile::Builder<'a, 'b> {
    builder.permissions(Permissions::from_mode(mode))
}

/// What is known of an open file, if it is a regular one.
///
/// # Errors
/// Whatever the system says.
pub(crate) fn regular(file: &File) -> io::Result<Option<Metadata>> {
    file.metadata().map(|facts| Some(facts).filter(Metadata::is_file))
}

/// Opens what a path leads to, for appending; `None` if there is no such file. This does not create anything.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] for a FIFO that no process reads. What the system refuses everybody: files without permission, and links and FIFOs that others laid into shared folders.
pub(crate) fn open_without_waiting(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => Ok(Some(File::from(file))),
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::NXIO) if std::fs::metadata(path)?.file_type().is_fifo() => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Lets writes to such a file wait.
///
/// # Errors
/// Whatever the system says.
pub(crate) fn let_wait(file: &File) -> io::Result<()> {
    Ok(fcntl_setfl(file, OFlags::APPEND)?)
}

/// Standard output or stderr, if it is this file, as `/dev/stdout` may be. It has its own place in the file, after what
/// was written before.
pub(crate) fn own_stream(facts: &Metadata) -> Option<File> {
    let same = |stream: &dyn AsFd| {
        let stream = File::from(stream.as_fd().try_clone_to_owned().ok()?);
        let own = stream.metadata().ok()?;
        ((own.dev(), own.ino()) == (facts.dev(), facts.ino())).then_some(stream)
    };
    same(&io::stdout()).or_else(|| same(&io::stderr()))
}

/// Connects to a unix socket.
///
/// # Errors
/// Whatever the system says.
pub(crate) async fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path).await
}

/// Columns and rows of the terminal of standard output.
pub(crate) fn stdout_size() -> Option<(u16, u16)> {
    size_of(io::stdout())
}

/// Columns and rows of the terminal of stderr.
pub(crate) fn stderr_size() -> Option<(u16, u16)> {
    size_of(io::stderr())
}

fn size_of(terminal: impl AsFd) -> Option<(u16, u16)> {
    tcgetwinsize(terminal).ok().map(|size| (size.ws_col, size.ws_row))
}

/// True if the terminal belongs to this process, and not to another job of the shell.
fn is_foreground(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp())
}

/// The modes of a terminal.
#[derive(Clone, Debug)]
pub(crate) struct Modes(Termios);

impl Modes {
    /// The same for a time when nobody reads: keys are neither echoed nor signals, and wait.
    pub(crate) fn quiet(&self) -> Self {
        let mut modes = self.0.clone();
        let noisy = LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        modes.local_modes -= noisy | LocalModes::IEXTEN;
        Self(modes)
    }
}

/// A terminal that a prompt is on.
pub(crate) struct Tty(File);

impl Tty {
    /// The terminal of standard output, or else the one that the process belongs to.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn open(stdout: bool) -> io::Result<Self> {
        if stdout {
            return Ok(Self(File::from(rustix::io::dup(io::stdout())?)));
        }
        open_tty().map(Self)
    }

    /// Columns and rows; 0 if the terminal does not say.
    pub(crate) fn size(&self) -> Option<(u16, u16)> {
        size_of(&self.0)
    }

    /// The modes that it has now.
    ///
    /// # Errors
    /// If it is not a terminal any more.
    pub(crate) fn modes(&self) -> io::Result<Modes> {
        Ok(Modes(tcgetattr(&self.0)?))
    }

    /// Sets the modes once everything is written. A terminal that has gone has no modes.
    pub(crate) fn set(&self, modes: &Modes) {
        let _ = tcsetattr(&self.0, OptionalActions::Drain, &modes.0);
    }

    /// Writes bytes. A terminal that has gone shows nothing.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let _ = (&self.0).write_all(bytes);
    }
}

fn open_tty() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/tty")
}

/// The keyboard, key by key and without echo, for as long as this lives. Then the terminal is as it was.
pub(crate) struct Keyboard {
    stdin: AsyncFd<Stdin>,
    before: Termios,
    modes: Termios,
}

impl Keyboard {
    /// Takes the keyboard, if standard input is a terminal that belongs to this process. The system stops a process in
    /// the background that tries.
    pub(crate) fn take() -> Option<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() || !is_foreground(&stdin) {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut modes = before.clone();
        // Signals still come from Ctrl-C and Ctrl-Z.
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        #[expect(
            deprecated,
            reason = "it trusts that the descriptor stays open, as that of standard input does"
        )]
        let watched = AsyncFd::with_interest(stdin, Interest::READABLE).ok()?;
        tcsetattr(watched.get_ref(), OptionalActions::Now, &modes).ok()?;
        Some(Self { stdin: watched, before, modes })
    }

    /// Gives the keyboard back for a while.
    pub(crate) fn release(&self) {
        // A terminal that has gone needs no restoring.
        let _ = tcsetattr(self.stdin.get_ref(), OptionalActions::Now, &self.before);
    }

    /// Takes it again, if it still belongs to this process.
    pub(crate) fn retake(&self) {
        if is_foreground(self.stdin.get_ref()) {
            let _ = tcsetattr(self.stdin.get_ref(), OptionalActions::Now, &self.modes);
        }
    }

    /// Waits for keys. No bytes: the keyboard has gone.
    pub(crate) async fn read(&mut self, bytes: &mut [u8]) -> usize {
        while let Ok(mut ready) = self.stdin.readable().await {
            // Another process that shares the terminal may have been faster: then this waits for the next key.
            let read = rustix::io::read(ready.get_inner(), &mut *bytes);
            ready.clear_ready();
            match read {
                Err(Errno::AGAIN | Errno::INTR) => {}
                read => return read.unwrap_or(0),
            }
        }
        0
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        if is_foreground(self.stdin.get_ref()) {
            self.release();
        }
    }
}

/// Asks for a line on the terminal that the process belongs to, which does not show what is typed.
///
/// # Errors
/// There is no terminal, or Ctrl-C.
pub(crate) fn ask_hidden(question: &str, longest: usize) -> Result<String, NotTyped> {
    let mut terminal = open_tty().map_err(|_| NotTyped::NoTerminal)?;
    let hidden = Hidden::start(&terminal).ok_or(NotTyped::NoTerminal)?;
    let _ = write!(terminal, "{question}: ");
    let typed = read_line(&mut terminal, longest);
    drop(hidden);
    let _ = terminal.write_all(b"\n");
    typed
}

/// The terminal without echo, for as long as this lives.
struct Hidden {
    terminal: File,
    before: Termios,
}

impl Hidden {
    fn start(terminal: &File) -> Option<Self> {
        let terminal = terminal.try_clone().ok()?;
        let before = tcgetattr(&terminal).ok()?;
        let mut modes = before.clone();
        // An interrupt would end the process before the echo is back.
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        tcsetattr(&terminal, OptionalActions::Flush, &modes).ok()?;
        Some(Self { terminal, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that has gone needs no restoring.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

fn read_line(terminal: &mut File, longest: usize) -> Result<String, NotTyped> {
    let (mut typed, mut byte) = (Vec::new(), [0]);
    while terminal.read(&mut byte).unwrap_or(0) == 1 {
        match byte[0] {
            b'\r' | b'\n' | 4 => break,
            3 => return Err(NotTyped::Interrupted),
            8 | 0x7f => drop(typed.pop()),
            byte if typed.len() < longest => typed.push(byte),
            _ => {}
        }
    }
    Ok(String::from_utf8_lossy(&typed).into_owned())
}

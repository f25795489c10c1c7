//! Windows 10 and later.
//!
//! Windows cannot wait for a pipe to take bytes, or for its reader to leave, without the unsafe code that this crate does
//! not have. So writes to standard output always go through the pipeline's thread, which may wait, and a lost reader is
//! noticed by the next write.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, IsTerminal as _, Write};
use std::os::windows::fs::FileExt as _;
use std::os::windows::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use console::{Key, Term};
use tokio::net::TcpStream;
use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown};
use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
use tokio::sync::mpsc;

use super::{NotTyped, Sink, Wanted};

/// Where configurations are: variables, and the folder below theirs.
pub(crate) const CONFIG_FOLDERS: &[(&str, &str)] = &[("XDG_CONFIG_HOME", ""), ("APPDATA", "")];

/// Where histories are.
pub(crate) const STATE_FOLDERS: &[(&str, &str)] = &[("XDG_STATE_HOME", ""), ("LOCALAPPDATA", "")];

/// The variable with the user's folder.
pub(crate) const HOME: &str = "USERPROFILE";

/// The editor of a user who names none.
pub(crate) const EDITOR: &str = "notepad";

/// True if the system's root certificates are files. Windows has a store instead.
pub(crate) const HAS_ROOT_FILES: bool = false;

/// Prepares the process: consoles understand escape sequences only if they are asked to.
pub(crate) fn prepare() {
    for terminal in [Term::stdout(), Term::stderr()] {
        // Asking whether there are colors switches the sequences on.
        let _ = terminal.features().colors_supported();
    }
}

/// Waits for one signal.
pub(crate) enum Listener {
    Interrupt(CtrlC),
    Terminate(CtrlBreak, CtrlClose, CtrlLogoff, CtrlShutdown),
    /// Windows has no such signal.
    Never,
}

/// Starts listening; from now on the signal does not end the process by itself.
///
/// # Errors
/// If the system refuses.
pub(crate) fn listen(wanted: Wanted) -> io::Result<Listener> {
    Ok(match wanted {
        Wanted::Interrupt => Listener::Interrupt(ctrl_c()?),
        Wanted::Terminate => {
            Listener::Terminate(ctrl_break()?, ctrl_close()?, ctrl_logoff()?, ctrl_shutdown()?)
        }
        Wanted::Reopen | Wanted::Resize | Wanted::Suspend | Wanted::Resume => Listener::Never,
    })
}

impl Listener {
    /// Waits for the next signal; forever if none can come.
    pub(crate) async fn recv(&mut self) {
        std::future::poll_fn(|context| self.poll_recv(context)).await;
    }

    /// Ready once the signal has come.
    pub(crate) fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let came = match self {
            Self::Interrupt(signal) => signal.poll_recv(context).is_ready(),
            Self::Terminate(by_key, close, logoff, shutdown) => {
                by_key.poll_recv(context).is_ready()
                    || close.poll_recv(context).is_ready()
                    || logoff.poll_recv(context).is_ready()
                    || shutdown.poll_recv(context).is_ready()
            }
            Self::Never => false,
        };
        if came { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Windows cannot stop a process for a while, and never asks for it.
pub(crate) fn stop_self() {}

/// Nothing is passed on: every process of a console gets its signals by itself.
pub(crate) fn pass_on(_child: u32, _wanted: Wanted) {}

/// The exit status.
pub(crate) fn exit_code(status: ExitStatus) -> Option<i32> {
    status.code()
}

/// Windows does not tell without unsafe code, so no process is known to be gone.
pub(crate) fn is_gone(_process: u32) -> bool {
    false
}

/// A command line for the shell.
pub(crate) fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    // The shell has its own rules of quoting: it takes everything between the outer quotes as it is.
    shell.arg("/C").raw_arg(format!("\"{command}\""));
    shell
}

/// Lets Ctrl-C at the console not reach a command.
pub(crate) fn in_own_group(command: &mut Command) {
    // CREATE_NEW_PROCESS_GROUP
    command.creation_flags(0x200);
}

/// Runs an editor on a file. The editor may be a command with options.
pub(crate) fn edit(editor: &str, path: &Path) -> Command {
    shell(&format!("{editor} \"{}\"", path.display()))
}

/// Windows has no limit of open files that matters.
pub(crate) fn raise_file_limit() -> io::Result<()> {
    Ok(())
}

/// The time since the first call. Windows does not tell the processor time of a thread without unsafe code; this is never
/// less.
pub(crate) fn thread_time() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}

impl<T> Sink for T
where
    for<'a> &'a T: Write,
{
    fn write_some(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut stream = self;
        let written = stream.write(bytes)?;
        stream.flush()?;
        Ok(written)
    }

    fn wait_until_writable(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream whose reads can be waited for. Here, reads always wait.
pub(crate) trait Waited {}

impl<T> Waited for T {}

/// Nothing to wait for: reads wait by themselves.
pub(crate) fn wait_until_readable(_stream: &impl Waited) -> io::Result<()> {
    Ok(())
}

/// The size of a pipe is fixed when it is made.
pub(crate) fn enlarge_stdout_pipe(_bytes: usize) {}

/// Windows does not tell, so writes leave the event loop to the pipeline's thread.
pub(crate) fn stdout_is_ready() -> bool {
    false
}

/// Windows does not tell, so notices are written.
pub(crate) fn stderr_is_ready(_patience: Duration) -> io::Result<bool> {
    Ok(true)
}

/// True if another process may read standard output: it is neither a console nor a file.
pub(crate) fn stdout_is_pipe() -> bool {
    let stdout = io::stdout();
    let is_file = || {
        use std::os::windows::io::AsHandle as _;
        let copy = stdout.as_handle().try_clone_to_owned();
        copy.is_ok_and(|handle| regular(&File::from(handle)).is_ok_and(|file| file.is_some()))
    };
    !stdout.is_terminal() && !is_file()
}

/// The reader of standard output. Windows tells only by the next write that it has gone.
pub(crate) struct StdoutReader;

impl StdoutReader {
    /// There is nothing to watch.
    pub(crate) fn watch() -> Option<Self> {
        None
    }

    /// Never returns.
    pub(crate) async fn gone(&self) {
        std::future::pending::<()>().await;
    }
}

/// Writes all bytes at a place of a file.
///
/// # Errors
/// Whatever the system says.
pub(crate) fn write_all_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.seek_write(bytes, at)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => (bytes, at) = (&bytes[written..], at + written as u64),
        }
    }
    Ok(())
}

/// Reads as many bytes from a place of a file.
///
/// # Errors
/// Whatever the system says, or that the file ends before.
pub(crate) fn read_exact_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.seek_read(bytes, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => (bytes, at) = (&mut bytes[read..], at + read as u64),
        }
    }
    Ok(())
}

/// What two paths of one file have in common: the path behind all links. Hard links are different files here.
pub(crate) type Identity = PathBuf;

/// The identity of a file.
///
/// # Errors
/// If there is no such file.
pub(crate) fn identity(path: &Path) -> io::Result<Identity> {
    path.canonicalize()
}

/// Nothing to change: a file has the access list of its folder, and the folders of a user are that user's alone.
pub(crate) fn for_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Creates a folder, and those above. They have the access list of the folder that they are in.
///
/// # Errors
/// Whatever the system says.
pub(crate) fn create_folder_for_owner(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Nothing to change: see [`for_owner`].
pub(crate) fn keep_for_owner(_path: &Path, _facts: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Files have no mode.
pub(crate) fn mode_of(_facts: &Metadata) -> u32 {
    0
}

/// Files have no mode.
pub(crate) fn set_mode(_file: &File, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// Files have no mode.
pub(crate) fn with_mode<'a, 'b, 'c>(
    builder: &'c mut tempfile::Builder<'a, 'b>,
    _mode: u32,
) -> &'c mut tempfile::Builder<'a, 'b> {
    builder
}

/// What is known of an open file, if it is a regular one. The system knows nothing of `NUL` and pipes.
pub(crate) fn regular(file: &File) -> io::Result<Option<Metadata>> {
    Ok(file.metadata().ok().filter(Metadata::is_file))
}

/// Opens what a path leads to, for appending; `None` if there is no such file. This does not create anything.
///
/// # Errors
/// Whatever the system refuses.
pub(crate) fn open_without_waiting(path: &Path) -> io::Result<Option<File>> {
    match OpenOptions::new().append(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Nothing to change: writes wait.
pub(crate) fn let_wait(_file: &File) -> io::Result<()> {
    Ok(())
}

/// No path names a stream of this process.
pub(crate) fn own_stream(_facts: &Metadata) -> Option<File> {
    None
}

/// Windows has unix sockets, but the libraries below do not.
///
/// # Errors
/// Always.
pub(crate) async fn connect_unix(_path: &Path) -> io::Result<TcpStream> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "wstap does not support unix sockets on Windows"))
}

/// Columns and rows of the console of standard output.
pub(crate) fn stdout_size() -> Option<(u16, u16)> {
    size_of(&Term::stdout())
}

/// Columns and rows of the console of stderr.
pub(crate) fn stderr_size() -> Option<(u16, u16)> {
    size_of(&Term::stderr())
}

fn size_of(terminal: &Term) -> Option<(u16, u16)> {
    terminal.size_checked().map(|(rows, columns)| (columns, rows))
}

/// The modes of a console, which the line editor restores itself.
#[derive(Clone, Debug)]
pub(crate) struct Modes;

impl Modes {
    /// The same: nothing is echoed while nobody reads.
    pub(crate) fn quiet(&self) -> Self {
        Self
    }
}

/// A console that a prompt is on.
pub(crate) struct Tty(File);

impl Tty {
    /// The console that the process belongs to.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn open(_stdout: bool) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).open("CONOUT$").map(Self)
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> Option<(u16, u16)> {
        stdout_size().or_else(stderr_size)
    }

    /// The modes.
    pub(crate) fn modes(&self) -> io::Result<Modes> {
        Ok(Modes)
    }

    /// Nothing to set.
    pub(crate) fn set(&self, _modes: &Modes) {}

    /// Writes bytes. A console that has gone shows nothing.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let _ = (&self.0).write_all(bytes);
    }
}

/// The keyboard, key by key and without echo. A thread reads it until the process ends.
pub(crate) struct Keyboard(mpsc::Receiver<u8>);

impl Keyboard {
    /// Takes the keyboard, if standard input and stderr are a console.
    pub(crate) fn take() -> Option<Self> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return None;
        }
        let (send, keys) = mpsc::channel(16);
        let read = move || {
            let terminal = Term::stderr();
            while let Ok(key) = terminal.read_key() {
                let Key::Char(key) = key else { continue };
                if u8::try_from(key).is_ok_and(|byte| send.blocking_send(byte).is_err()) {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("keys".into()).spawn(read).ok()?;
        Some(Self(keys))
    }

    /// Nothing to give back: the console has kept its modes.
    pub(crate) fn release(&self) {}

    /// Nothing to take again.
    pub(crate) fn retake(&self) {}

    /// Waits for keys. No bytes: the keyboard has gone.
    pub(crate) async fn read(&mut self, bytes: &mut [u8]) -> usize {
        let (Some(first), Some(key)) = (bytes.first_mut(), self.0.recv().await) else { return 0 };
        *first = key;
        1
    }
}

/// Asks for a line on the console, which does not show what is typed. Ctrl-C ends the process.
///
/// # Errors
/// There is no console.
pub(crate) fn ask_hidden(question: &str, longest: usize) -> Result<String, NotTyped> {
    let terminal = Term::stderr();
    if !io::stdin().is_terminal() || !terminal.is_term() {
        return Err(NotTyped::NoTerminal);
    }
    let _ = terminal.write_str(&format!("{question}: "));
    let mut typed = terminal.read_secure_line().map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => NotTyped::Interrupted,
        _ => NotTyped::NoTerminal,
    })?;
    typed.truncate(typed.floor_char_boundary(longest));
    Ok(typed)
}

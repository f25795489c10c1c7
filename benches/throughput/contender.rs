//! The processes that are compared, and what the system tells about them.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

/// One way to do the job: a process, or several that feed each other.
pub(crate) struct Contender {
    pub(crate) name: String,
    /// The command lines; `URL` stands for the URL.
    stages: Vec<Vec<OsString>>,
    /// It only writes what it has when the connection ends.
    pub(crate) ends: bool,
    /// It is so slow that it gets only a part of the messages.
    pub(crate) slow: bool,
    /// A file that it makes. One of an earlier round is removed before the start: to empty it would take longer than to
    /// make it.
    makes: Option<PathBuf>,
}

impl Contender {
    pub(crate) fn wstap(name: &str, path: &Path, options: &[&str]) -> Self {
        Self::new(name, vec![words(path, &[&["connect", "URL", "-q"], options].concat())])
    }

    /// The same, where it makes this file.
    pub(crate) fn making(self, file: Option<PathBuf>) -> Self {
        Self { makes: file, ..self }
    }

    /// A script that gets the URL and is much slower.
    pub(crate) fn script(name: &str, interpreter: &str, script: &str) -> Self {
        let stage = words(Path::new(interpreter), &[script, "URL"]);
        Self { ends: true, slow: true, ..Self::new(name, vec![stage]) }
    }

    pub(crate) fn floor(options: &[&str]) -> Result<Self> {
        let this = std::env::current_exe()?;
        Ok(Self::new("floor", vec![words(&this, &[&["floor", "URL"], options].concat())]))
    }

    /// Something whose lines another program filters.
    pub(crate) fn piped(name: &str, source: &[&str], program: &Path, tool: &Path, filter: &str) -> Self {
        let stages = vec![words(program, source), words(tool, &["-c", filter])];
        Self { ends: true, slow: true, ..Self::new(name, stages) }
    }

    /// The same from a new copy of its program in this folder.
    pub(crate) fn copied(mut self, folder: &Path, copy: &str) -> Result<Self> {
        let program = &mut self.stages[0][0];
        let to = folder.join(copy);
        fs::copy(&*program, &to).with_context(|| format!("{} cannot be copied", program.display()))?;
        *program = to.into();
        Ok(self)
    }

    /// Processes with these command lines, each fed by the one before it.
    pub(crate) fn new(name: &str, stages: Vec<Vec<OsString>>) -> Self {
        Self { name: name.to_owned(), stages, ends: false, slow: false, makes: None }
    }

    /// Starts it. The last process writes to a pipe.
    pub(crate) fn start(&self, url: &str) -> Result<Running> {
        if let Some(file) = &self.makes {
            // There is none in the first round.
            let _ = fs::remove_file(file);
        }
        let mut running = Running::default();
        for stage in &self.stages {
            let stdin = running.stdout.take().map_or_else(Stdio::null, Stdio::from);
            let arguments =
                stage[1..].iter().map(|word| if word == "URL" { OsString::from(url) } else { word.clone() });
            let mut child = Command::new(&stage[0])
                .args(arguments)
                .stdin(stdin)
                .stdout(Stdio::piped())
                .spawn()
                .with_context(|| format!("{} does not start", stage[0].display()))?;
            running.stdout = child.stdout.take();
            running.children.push(child);
        }
        Ok(running)
    }
}

pub(crate) fn words(program: &Path, rest: &[&str]) -> Vec<OsString> {
    std::iter::once(program.into()).chain(rest.iter().map(OsString::from)).collect()
}

/// Can this program be started at all?
pub(crate) fn exists(program: &Path) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Processes at work. They are killed when this is dropped.
#[derive(Default)]
pub(crate) struct Running {
    pub(crate) children: Vec<Child>,
    pub(crate) stdout: Option<ChildStdout>,
}

impl Running {
    /// CPU time so far, of processes that are still there or have ended and not been waited for.
    pub(crate) fn cpu(&self) -> Duration {
        self.children.iter().map(|child| threads_cpu(child.id()).max(process_cpu(child.id()))).sum()
    }

    /// The most memory they had, in KiB, as far as they are still there.
    pub(crate) fn peak_rss(&self) -> u64 {
        self.children.iter().filter_map(|child| memory(child.id(), "VmHWM")).sum()
    }

    /// The memory they have, in KiB.
    pub(crate) fn rss(&self) -> u64 {
        self.children.iter().filter_map(|child| memory(child.id(), "VmRSS")).sum()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Most have ended by themselves.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// To the nanosecond, but without threads that have ended (proc_pid_schedstat).
fn threads_cpu(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// All of it, in ticks of 10 ms (proc_pid_stat(5), fields 14 and 15).
fn process_cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}

fn memory(pid: u32, what: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(what))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

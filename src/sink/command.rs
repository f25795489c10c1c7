//! `--to-cmd CMD`: a command that reads lines on its standard input, and answers on its standard output with how many
//! it has stored.
//!
//! An answer is a line with a number: so many lines, counted from the start of the command, are stored. A number with
//! text after it refuses the line of that number, in these words; the lines before it are stored. A command that ends
//! early is started again and is given what it has not stored.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::{LineStore, SinkLine, Stored, Trouble, Work};
use crate::error::remedy;
use crate::report::Report;
use crate::sys;

/// How long a command may take to end once it has closed its output.
const REAP: Duration = Duration::from_secs(1);

/// How long a command may leave lines without an answer before a warning explains what is expected of it.
const QUIET: Duration = Duration::from_secs(10);

/// The statuses of a shell that cannot run a command, or finds none; the last is that of Windows.
const NOT_RUN: [i32; 3] = [126, 127, 9009];

/// A command and, while it runs, its streams.
pub struct CommandStore {
    line: String,
    running: Option<RunningCommand>,
    /// Is the key put before each line, with a tab between them?
    with_key: bool,
    report: Report,
    warned: bool,
}

struct RunningCommand {
    child: Child,
    stdin: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// What is still to be written to it.
    outbox: VecDeque<u8>,
    /// Lines, as the command counts them, that were put into `outbox` so far.
    given: u64,
    /// Those of them that it has stored or refused.
    done: u64,
}

/// What the command says about the lines that it was given.
#[derive(Debug, PartialEq, Eq)]
enum CommandAnswer<'a> {
    Stored(u64),
    Refused(u64, &'a str),
}

impl CommandStore {
    /// A command for the shell.
    #[must_use]
    pub fn new(line: &str, with_key: bool, report: Report) -> Self {
        Self { line: line.to_owned(), running: None, with_key, report, warned: false }
    }

    fn start(&mut self) -> Result<(), Trouble> {
        let mut command = sys::shell(&self.line);
        // Ctrl-C at a terminal is for wstap, which lets the command store what it has been given.
        sys::in_own_group(&mut command);
        let mut command = Command::from(command);
        command.kill_on_drop(true);
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let unusable = |error: io::Error| {
            Trouble::Unusable(format!("cannot start the command: {error}"), remedy(&error))
        };
        let mut child = spawned.map_err(unusable)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(unusable(io::ErrorKind::BrokenPipe.into()));
        };
        let answers = BufReader::new(stdout).lines();
        let outbox = VecDeque::new();
        self.running = Some(RunningCommand { child, stdin, answers, outbox, given: 0, done: 0 });
        Ok(())
    }

    async fn give(&mut self, lines: &[SinkLine], stored: &dyn Fn(usize)) -> Stored {
        let Some(running) = &mut self.running else {
            return Stored { lines: 0, trouble: Some(Trouble::Away("the command is not running".into())) };
        };
        let ends = running.put(lines, self.with_key);
        let mut done = 0;
        loop {
            let answer = tokio::select! {
                answer = running.next_answer() => answer,
                () = sleep(QUIET), if !self.warned => {
                    self.warned = true;
                    let text = "--to-cmd: no answer for 10 s; the command must print how many lines it has stored";
                    self.report.warning(text);
                    continue;
                }
            };
            let trouble = match answer {
                Ok(Some(answer)) => match running.take(&answer, &ends, &mut done) {
                    Ok(None) if done == ends.len() => return Stored { lines: done, trouble: None },
                    Ok(None) => {
                        stored(done);
                        continue;
                    }
                    Ok(Some(refusal)) | Err(refusal) => refusal,
                },
                Ok(None) => self.ended().await,
                Err(error) => Trouble::Away(format!("cannot read the answers of the command: {error}")),
            };
            if matches!(trouble, Trouble::Away(_)) {
                self.running = None;
            }
            return Stored { lines: done, trouble: Some(trouble) };
        }
    }

    /// The command has closed its output.
    async fn ended(&mut self) -> Trouble {
        let Some(RunningCommand { mut child, .. }) = self.running.take() else {
            return Trouble::Away("the command is not running".into());
        };
        match timeout(REAP, child.wait()).await {
            Ok(Ok(status)) if status.code().is_some_and(|code| NOT_RUN.contains(&code)) => {
                Trouble::Unusable(how_it_ended(status), Some("check the command of --to-cmd"))
            }
            Ok(Ok(status)) => Trouble::Away(how_it_ended(status)),
            _ => Trouble::Away("the command closed its standard output".into()),
        }
    }

    async fn finish(&mut self) -> Result<(), String> {
        let Some(RunningCommand { mut child, stdin, mut answers, .. }) = self.running.take() else {
            return Ok(());
        };
        drop(stdin);
        // What it still says is not about lines.
        while let Ok(Some(_)) = answers.next_line().await {}
        match child.wait().await {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(how_it_ended(status)),
            Err(error) => Err(format!("cannot wait for the command: {error}")),
        }
    }
}

impl LineStore for CommandStore {
    fn open(&mut self) -> Work<'_, Result<(), Trouble>> {
        Box::pin(async move { self.start() })
    }

    fn store<'a>(
        &'a mut self,
        lines: &'a [SinkLine],
        _cursor: Option<&'a str>,
        stored: &'a dyn Fn(usize),
    ) -> Work<'a, Stored> {
        Box::pin(
            async move { if lines.is_empty() { Stored::default() } else { self.give(lines, stored).await } },
        )
    }

    fn close(&mut self) -> Work<'_, Result<(), String>> {
        Box::pin(self.finish())
    }
}

impl RunningCommand {
    /// Makes lines ready to be written, unless they were before: lines after one that was refused. Where each of them
    /// ends, as the command counts.
    fn put(&mut self, lines: &[SinkLine], with_key: bool) -> Vec<u64> {
        let mut end = self.done;
        let mut ends = Vec::with_capacity(lines.len());
        for line in lines {
            // A line may hold line feeds, with `--pretty` for example.
            end += 1 + memchr::memchr_iter(b'\n', &line.text).count() as u64;
            ends.push(end);
            if end > self.given {
                if with_key {
                    self.outbox.extend(escaped(line.key().unwrap_or_default()).as_bytes());
                    self.outbox.push_back(b'\t');
                }
                self.outbox.extend(&line.text[..]);
                self.outbox.push_back(b'\n');
                self.given = end;
            }
        }
        ends
    }

    /// Waits for an answer, and writes meanwhile. `None`: the command has closed its output.
    async fn next_answer(&mut self) -> io::Result<Option<String>> {
        loop {
            let Self { stdin, answers, outbox, .. } = self;
            tokio::select! {
                answer = answers.next_line() => return answer,
                written = stdin.write(outbox.as_slices().0), if !outbox.is_empty() => match written {
                    Ok(bytes) => drop(outbox.drain(..bytes)),
                    // It reads no more. Its last answers still count.
                    Err(_) => outbox.clear(),
                },
            }
        }
    }

    /// Takes an answer. `done` is how many of the lines with these ends are stored. The inner result is a refusal.
    fn take(&mut self, text: &str, ends: &[u64], done: &mut usize) -> Result<Option<Trouble>, Trouble> {
        let Some(answer) = answer(text) else {
            let text = format!("the command printed {text:?}, not how many lines it has stored");
            return Err(Trouble::Unusable(text, Some("let it print nothing else on standard output")));
        };
        let (CommandAnswer::Stored(number) | CommandAnswer::Refused(number, _)) = answer;
        if number > self.given {
            let text = format!("the command reports line {number}, but was given {}", self.given);
            return Err(Trouble::Unusable(text, Some("let it count lines from the first that it reads")));
        }
        match answer {
            // It has refused or stored that line before.
            CommandAnswer::Refused(number, _) if number <= self.done => Ok(None),
            CommandAnswer::Stored(number) => {
                *done = ends.partition_point(|end| *end <= number).max(*done);
                self.done = done.checked_sub(1).map_or(self.done, |last| ends[last]);
                Ok(None)
            }
            CommandAnswer::Refused(number, why) => {
                *done = ends.partition_point(|end| *end < number).max(*done);
                self.done = ends.get(*done).copied().unwrap_or(self.done);
                Ok(Some(Trouble::Refused(why.to_owned())))
            }
        }
    }
}

/// Reads an answer: a number, and perhaps text.
fn answer(text: &str) -> Option<CommandAnswer<'_>> {
    let text = text.trim();
    let (number, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let number = number.parse().ok()?;
    Some(match rest.trim() {
        "" => CommandAnswer::Stored(number),
        why => CommandAnswer::Refused(number, why),
    })
}

/// A key in a place that a tab ends, with jq's escapes of `@tsv`.
fn escaped(key: &str) -> Cow<'_, str> {
    if !key.contains(['\\', '\t', '\n', '\r']) {
        return key.into();
    }
    key.replace('\\', r"\\").replace('\t', r"\t").replace('\n', r"\n").replace('\r', r"\r").into()
}

fn how_it_ended(status: ExitStatus) -> String {
    match sys::exit_code(status) {
        Some(code) => format!("the command ended with status {code}"),
        None => "the command ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_number_and_perhaps_a_refusal() {
        assert_eq!(answer("7"), Some(CommandAnswer::Stored(7)));
        assert_eq!(answer(" 7 \r"), Some(CommandAnswer::Stored(7)));
        assert_eq!(answer("7 too large"), Some(CommandAnswer::Refused(7, "too large")));
        for text in ["", "x", "-1", "ok 7"] {
            assert_eq!(answer(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_holds_no_tab_and_no_line_feed() {
        assert_eq!(escaped("a b"), "a b");
        assert_eq!(escaped("a\tb\\c\nd\r"), r"a\tb\\c\nd\r");
    }
}

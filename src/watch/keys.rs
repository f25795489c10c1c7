//! Single keys from the terminal, without the Enter key.

use std::io::{self, IsTerminal as _, Stdin};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// What Ctrl-D sends where lines are not edited.
const END_OF_INPUT: u8 = 4;

/// The keys, for people.
pub const HELP: [&str; 4] = [
    "q, Ctrl-D, Ctrl-C  quit, with exit status 130 if a campaign has not ended",
    "r                  refresh now",
    "Ctrl-Z             suspend",
    "?                  list the keys",
];

/// A key that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// `q` and Ctrl-D: it is enough.
    Quit,
    /// `r`: ask for the present state.
    Refresh,
    /// `?`: which keys there are.
    Help,
}

/// The keyboard, for as long as this lives. Then the terminal is as it was.
pub struct Keys {
    stdin: AsyncFd<Stdin>,
    before: Termios,
    modes: Termios,
    ended: bool,
}

impl Keys {
    /// Takes the keyboard, if standard input is a terminal, and this process is the one that it belongs to: a process
    /// in the background that asks is stopped.
    #[must_use]
    pub fn take() -> Option<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() || !is_ours(&stdin) {
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
        Some(Self { stdin: watched, before, modes, ended: false })
    }

    /// Lets go of the keyboard for a while.
    pub fn release(&self) {
        // A terminal that has gone needs no restoring.
        let _ = tcsetattr(self.stdin.get_ref(), OptionalActions::Now, &self.before);
    }

    /// Takes it again, if it still belongs to this process.
    pub fn retake(&self) {
        if is_ours(self.stdin.get_ref()) {
            let _ = tcsetattr(self.stdin.get_ref(), OptionalActions::Now, &self.modes);
        }
    }

    /// Waits for the next key that means something.
    pub async fn next(&mut self) -> Key {
        while !self.ended {
            let Ok(mut ready) = self.stdin.readable().await else { break };
            let mut bytes = [0; 64];
            // Another process that shares the terminal may have been faster: then this would wait for the next key.
            let read = rustix::io::read(ready.get_inner(), &mut bytes);
            ready.clear_ready();
            match read {
                Ok(0) => self.ended = true,
                Ok(read) => {
                    if let Some(key) = bytes[..read].iter().find_map(meaning) {
                        return key;
                    }
                }
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                Err(_) => self.ended = true,
            }
        }
        std::future::pending().await
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if is_ours(self.stdin.get_ref()) {
            self.release();
        }
    }
}

fn is_ours(stdin: &Stdin) -> bool {
    tcgetpgrp(stdin).is_ok_and(|group| group == rustix::process::getpgrp())
}

fn meaning(byte: &u8) -> Option<Key> {
    match *byte {
        b'q' | b'Q' | END_OF_INPUT => Some(Key::Quit),
        b'r' | b'R' => Some(Key::Refresh),
        b'?' => Some(Key::Help),
        _ => None,
    }
}

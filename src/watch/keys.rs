//! Single keys from the terminal, without the Enter key.

use std::collections::VecDeque;

use crate::sys::Keyboard;

/// What Ctrl-D sends where lines are not edited.
const END_OF_INPUT: u8 = 4;

/// The keys, for people.
pub const HELP: [&str; 4] = [
    "q, Ctrl-D, Ctrl-C  quit; status 130 if not all have ended",
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
    keyboard: Keyboard,
    /// Keys that were read with another.
    waiting: VecDeque<Key>,
    ended: bool,
}

impl Keys {
    /// Takes the keyboard, if there is one that belongs to this process.
    #[must_use]
    pub fn take() -> Option<Self> {
        Keyboard::take().map(|keyboard| Self { keyboard, waiting: VecDeque::new(), ended: false })
    }

    /// Lets go of the keyboard for a while.
    pub fn release(&self) {
        self.keyboard.release();
    }

    /// Takes it again, if it still belongs to this process.
    pub fn retake(&self) {
        self.keyboard.retake();
    }

    /// Waits for the next key that means something.
    pub async fn next(&mut self) -> Key {
        let mut bytes = [0; 64];
        loop {
            if let Some(key) = self.waiting.pop_front() {
                return key;
            }
            if self.ended {
                return std::future::pending().await;
            }
            let read = self.keyboard.read(&mut bytes).await;
            self.ended = read == 0;
            self.waiting.extend(bytes[..read].iter().filter_map(meaning));
        }
    }
}

fn meaning(byte: &u8) -> Option<Key> {
    match *byte {
        b'q' | b'Q' | END_OF_INPUT => Some(Key::Quit),
        b'r' | b'R' => Some(Key::Refresh),
        b'?' => Some(Key::Help),
        _ => None,
    }
}

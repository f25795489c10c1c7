//! What people see while they watch: when to draw, and what is written once.

use std::time::Duration;

use tokio::time::Instant;

use super::draw::{Look, chart, frame, last_frame};
use super::keys::{self, Key, Keys};
use super::model::Model;
use super::row::Past;
use super::screen::Screen;
use crate::report::Report;
use crate::sys::{self, Listener, Wanted};
use crate::waiting::if_any;

/// The least time between two frames.
const FRAME: Duration = Duration::from_millis(100);

/// The most: times are told in seconds.
const SECOND: Duration = Duration::from_secs(1);

/// The drawing.
pub struct View {
    screen: Screen,
    keys: Option<Keys>,
    resized: Option<Listener>,
    /// Ctrl-Z, and the return from it.
    suspend: Option<Listener>,
    resume: Option<Listener>,
    /// The terminal was taken again, and the signal that let the process go on is still to be told.
    resumed: bool,
    unicode: bool,
    /// When it was drawn last, or begun.
    last: Instant,
    stale: bool,
    /// Campaigns whose past has been drawn.
    charted: Vec<u64>,
}

/// What whoever looks at it wants, or the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A key was pressed.
    Key(Key),
    /// The terminal has another size.
    Resized,
    /// The process is to stop for a while.
    Suspend,
    /// The process goes on after it was stopped, perhaps with the terminal to itself again.
    Resume,
}

impl View {
    /// Takes over the terminal.
    #[must_use]
    pub fn new(report: &Report, unicode: bool) -> Self {
        Self {
            screen: Screen::new(report),
            keys: Keys::take(),
            resized: sys::listen(Wanted::Resize).ok(),
            suspend: sys::listen(Wanted::Suspend).ok(),
            resume: sys::listen(Wanted::Resume).ok(),
            resumed: false,
            unicode,
            last: Instant::now(),
            stale: true,
            charted: Vec::new(),
        }
    }

    /// There is something new to be seen.
    pub fn note(&mut self) {
        self.stale = true;
    }

    /// When [`View::tick`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.last + if self.stale { FRAME } else { SECOND }
    }

    /// Draws, if it is time.
    pub fn tick(&mut self, model: &Model, now: Instant) {
        if self.deadline() <= now {
            self.draw(model, now);
        }
    }

    /// Draws at once.
    pub fn draw(&mut self, model: &Model, now: Instant) {
        self.chart(model);
        let drawn = self.screen.draw(frame(model, now, &self.look()));
        (self.last, self.stale) = (now, !drawn);
    }

    /// Lists the keys above the drawing.
    pub fn help(&self) {
        self.screen.print(&keys::HELP.map(str::to_owned));
    }

    /// Waits for what whoever looks at it wants.
    pub async fn wish(&mut self) -> Wish {
        let Self { keys, resized, suspend, resume, .. } = self;
        tokio::select! {
            key = if_any(keys.as_mut().map(Keys::next)) => Wish::Key(key),
            () = if_any(resized.as_mut().map(Listener::recv)) => Wish::Resized,
            () = if_any(suspend.as_mut().map(Listener::recv)) => Wish::Suspend,
            () = if_any(resume.as_mut().map(Listener::recv)) => Wish::Resume,
        }
    }

    /// Gives the terminal back, and stops the process until somebody lets it go on.
    pub fn suspend(&mut self) {
        self.screen.leave();
        self.keys.iter().for_each(Keys::release);
        sys::stop_self();
        self.retake();
        self.resumed = self.resume.is_some();
    }

    /// Takes the terminal again. After [`View::suspend`] that is done: a frame may have been drawn since then, and the
    /// next belongs in its place.
    pub fn resume(&mut self) {
        if !std::mem::take(&mut self.resumed) {
            self.retake();
        }
    }

    fn retake(&mut self) {
        self.keys.iter().for_each(Keys::retake);
        self.screen.return_to();
        self.stale = true;
    }

    /// Leaves how everything stood on the screen, and gives the terminal back.
    pub fn finish(mut self, model: &Model, now: Instant) {
        self.chart(model);
        let lines = last_frame(model, now, &self.look());
        self.screen.print(&lines);
        self.screen.clear();
    }

    /// The past is drawn once, above the rest.
    fn chart(&mut self, model: &Model) {
        for row in model.rows.values() {
            let Past::Known(history) = &row.past else { continue };
            if !self.charted.contains(&history.campaign) {
                self.charted.push(history.campaign);
                let hours = model.hours().unwrap_or_default();
                self.screen.print(&chart(history.campaign, hours, &history.samples, &self.look()));
            }
        }
    }

    fn look(&self) -> Look {
        let (width, height) = self.screen.size();
        let (width, height) = (usize::from(width), usize::from(height));
        Look { width, height, unicode: self.unicode, keys: self.keys.is_some() }
    }
}

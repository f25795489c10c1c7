//! The reader of standard output stands still while the server would send on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::Asked;
use crate::blaster::{Blaster, End};
use crate::contender::Contender;
use crate::rate::wstap;
use crate::stats::say;

/// Samples, and the time between two of them.
const SAMPLES: usize = 20;
const EVERY: Duration = Duration::from_millis(250);

pub(crate) fn run(asked: &Asked) -> Result<()> {
    let mut contenders = vec![Contender::floor(&[])?, Contender::wstap("wstap", wstap(), &[])];
    contenders.push(Contender::wstap("wstap -f .data", wstap(), &["-f", ".data"]));
    if let Some(path) = &asked.against {
        contenders.push(Contender::wstap("against", path, &[]));
    }
    say("stall: memory in KiB every 250 ms while nobody reads");
    for contender in &contenders {
        let samples = stalled(contender)?;
        let samples: Vec<String> = samples.iter().map(u64::to_string).collect();
        say(&format!("  {:<14} {}", contender.name, samples.join(" ")));
    }
    say("");
    Ok(())
}

fn stalled(contender: &Contender) -> Result<Vec<u64>> {
    let blaster = Blaster::new()?;
    let url = blaster.url.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let server = blaster.flood(End::Flag(Arc::clone(&stop)));
    let running = contender.start(&url)?;
    let samples = (0..SAMPLES).map(|_| {
        thread::sleep(EVERY);
        running.rss()
    });
    let samples = samples.collect();
    stop.store(true, Ordering::Relaxed);
    drop(running);
    server.join().ok().context("the server failed")??;
    Ok(samples)
}

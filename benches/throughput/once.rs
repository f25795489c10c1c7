//! One message and out: what a whole process costs.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::Asked;
use crate::blaster::{Blaster, PAYLOAD};
use crate::contender::Contender;
use crate::rate::wstap;
use crate::stats::{least, median, say};

/// How many copies of each program there are. It shares no factor with the number of contenders, so that every copy
/// has every place in the order.
///
/// How a file lies in the page cache is worth a tenth of such a short run: what the linker wrote in pieces takes
/// longer to map than the same bytes as one `cp` writes them, and one copy longer than another. Installing a program
/// copies it, too. So every contender, the floor included, runs from new copies, one after the other.
const COPIES: usize = 7;

pub(crate) fn run(asked: &Asked) -> Result<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let copies =
        (0..COPIES).map(|copy| contenders(asked, folder.path(), copy)).collect::<Result<Vec<_>>>()?;
    let contenders = &copies[0];
    let mut times: Vec<Vec<f64>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..asked.rounds.unwrap_or(40) {
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            times[at].push(once(&copies[round % COPIES][at])?);
        }
    }
    say("once: from the start of the process to its end, with one message");
    say(&format!("  {:<14} {:>9} {:>9}   {:>9} {:>9}", "", "ms", "best", "of floor", "best/best"));
    for (contender, own) in contenders.iter().zip(&times) {
        say(&format!(
            "  {:<14} {:>9.2} {:>9.2}   {:>9.2} {:>9.2}",
            contender.name,
            median(own.clone()),
            least(own.clone()),
            median(own.iter().zip(&times[0]).map(|(own, floor)| own / floor)),
            least(own.clone()) / least(times[0].clone()),
        ));
    }
    say("");
    Ok(())
}

fn contenders(asked: &Asked, folder: &Path, copy: usize) -> Result<Vec<Contender>> {
    let mut closing = Contender::floor(&["close"])?;
    "floor, closing".clone_into(&mut closing.name);
    let mut all =
        vec![Contender::floor(&["once"])?, closing, Contender::wstap("wstap", wstap(), &["--count", "1"])];
    if let Some(path) = &asked.against {
        all.push(Contender::wstap("against", path, &["--count", "1"]));
    }
    let copied = |(at, contender): (usize, Contender)| contender.copied(folder, &format!("{at}-{copy}"));
    all.into_iter().enumerate().map(copied).collect()
}

/// Milliseconds.
fn once(contender: &Contender) -> Result<f64> {
    let blaster = Blaster::new()?;
    let url = blaster.url.clone();
    let server = blaster.one();
    let start = Instant::now();
    let mut running = contender.start(&url)?;
    let status = running.children[0].wait()?;
    let took = start.elapsed();
    ensure!(status.success(), "{} failed", contender.name);
    let mut line = Vec::new();
    std::io::Read::read_to_end(&mut running.stdout.take().context("no pipe")?, &mut line)?;
    ensure!(line.len() == PAYLOAD + 1, "{} wrote {} bytes", contender.name, line.len());
    server.join().ok().context("the server failed")??;
    Ok(took.as_secs_f64() * 1e3)
}

//! Floods: messages a second, CPU a message, peak memory.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::Asked;
use crate::blaster::{BLOCK, Blaster, End, PAYLOAD, filtered_bytes};
use crate::contender::{Contender, exists};
use crate::stats::{least, median, say};

/// Blocks of a flood without a filter: about a million messages.
const LINES_BLOCKS: usize = 1163;

/// Blocks of a flood with one: about three hundred thousand.
const FILTER_BLOCKS: usize = 350;

const FILTER: &str = r#"select(.event_type=="call_hangup") | {id:.data.id,status:.data.status}"#;

/// What one flood took.
pub(crate) struct Flood {
    pub(crate) messages: f64,
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) peak_rss: u64,
}

impl Flood {
    pub(crate) fn rate(&self) -> f64 {
        self.messages / self.wall.as_secs_f64()
    }

    pub(crate) fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() / self.messages
    }
}

/// The blaster's own rate, into a reader that does nothing else.
pub(crate) fn blaster() -> Result<()> {
    let rates = (0..5).map(|_| {
        let blaster = Blaster::new()?;
        let address = blaster.url.trim_start_matches("ws://").trim_end_matches('/').to_owned();
        let flood = blaster.flood(End::Close(LINES_BLOCKS));
        let mut stream = std::net::TcpStream::connect(address)?;
        std::io::Write::write_all(&mut stream, b"GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n")?;
        drain(&mut stream, LINES_BLOCKS * BLOCK * (PAYLOAD + 4))?;
        let end = Instant::now();
        let start = flood.join().ok().context("the blaster failed")??;
        Ok((LINES_BLOCKS * BLOCK) as f64 / (end - start).as_secs_f64())
    });
    let rates = rates.collect::<Result<Vec<_>>>()?;
    say(&format!(
        "blaster: {:.0} thousand messages of {PAYLOAD} bytes a second into a bare reader (best {:.0})\n",
        median(rates.clone()) / 1e3,
        rates.iter().copied().fold(0.0, f64::max) / 1e3
    ));
    Ok(())
}

/// Every message as a line.
pub(crate) fn lines(asked: &Asked) -> Result<()> {
    let mut contenders = vec![Contender::floor(&[])?, Contender::wstap("wstap", wstap(), &[])];
    if let Some(path) = &asked.against {
        contenders.push(Contender::wstap("against", path, &[]));
    }
    say("lines: every message checked and written as a line");
    table(&contenders, LINES_BLOCKS, BLOCK * (PAYLOAD + 1), asked.rounds.unwrap_or(9))
}

/// One message in four, cut down by a filter.
pub(crate) fn filter(asked: &Asked) -> Result<()> {
    let mut contenders = vec![Contender::floor(&[])?, Contender::wstap("wstap", wstap(), &["-f", FILTER])];
    if let Some(path) = &asked.against {
        contenders.push(Contender::wstap("against", path, &["-f", FILTER]));
    }
    let this = std::env::current_exe()?;
    if exists(Path::new("jq")) {
        contenders.push(Contender::piped("floor | jq", &["floor", "URL"], &this, Path::new("jq"), FILTER));
        if exists(&asked.websocat) {
            let options = ["-n", "-U", "URL"];
            contenders.push(Contender::piped(
                "websocat | jq",
                &options,
                &asked.websocat,
                Path::new("jq"),
                FILTER,
            ));
        }
    }
    say(&format!("filter: {FILTER} (the floor does not filter)"));
    table(&contenders, FILTER_BLOCKS, filtered_bytes(), asked.rounds.unwrap_or(5))
}

pub(crate) fn wstap() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_wstap"))
}

/// Runs the rounds and prints a table. The first contender is what the others are measured by.
fn table(contenders: &[Contender], blocks: usize, block_bytes: usize, rounds: usize) -> Result<()> {
    let mut floods: Vec<Vec<Flood>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            let floor_in_filter = at == 0 && block_bytes != BLOCK * (PAYLOAD + 1);
            let bytes = if floor_in_filter { BLOCK * (PAYLOAD + 1) } else { block_bytes };
            floods[at].push(flood(&contenders[at], blocks, bytes)?);
        }
    }
    say(&format!(
        "  {:<14} {:>9} {:>9} {:>9} {:>9} {:>9}   {:>9} {:>9}",
        "", "k/s", "best", "s CPU/M", "best", "peak MiB", "of floor", "best/best"
    ));
    let best_rate = |floods: &[Flood]| floods.iter().map(Flood::rate).fold(0.0, f64::max);
    for (contender, runs) in contenders.iter().zip(&floods) {
        let ratios = runs.iter().zip(&floods[0]).map(|(run, floor)| run.rate() / floor.rate());
        say(&format!(
            "  {:<14} {:>9.0} {:>9.0} {:>9.3} {:>9.3} {:>9.1}   {:>9.2} {:>9.2}",
            contender.name,
            median(runs.iter().map(Flood::rate)) / 1e3,
            best_rate(runs) / 1e3,
            median(runs.iter().map(Flood::cpu_each)) * 1e6,
            least(runs.iter().map(Flood::cpu_each)) * 1e6,
            runs.iter().map(|run| run.peak_rss).max().unwrap_or_default() as f64 / 1024.0,
            median(ratios),
            best_rate(runs) / best_rate(&floods[0]),
        ));
    }
    say("");
    Ok(())
}

fn flood(contender: &Contender, blocks: usize, block_bytes: usize) -> Result<Flood> {
    let blocks = if contender.slow { blocks / 3 } else { blocks };
    let blaster = Blaster::new()?;
    let url = blaster.url.clone();
    let flood = blaster.flood(if contender.ends { End::Close(blocks) } else { End::Hold(blocks) });
    let mut running = contender.start(&url)?;
    let mut stdout = running.stdout.take().context("no pipe")?;
    drain(&mut stdout, blocks * block_bytes).with_context(|| contender.name.clone())?;
    let end = Instant::now();
    let (cpu, peak_rss) = (running.cpu(), running.peak_rss());
    drop(running);
    let start = flood.join().ok().context("the blaster failed")??;
    Ok(Flood { messages: (blocks * BLOCK) as f64, wall: end - start, cpu, peak_rss })
}

/// Reads as many bytes as there have to be.
pub(crate) fn drain(from: &mut impl Read, bytes: usize) -> Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    let mut seen = 0;
    while seen < bytes {
        let read = from.read(&mut buffer)?;
        ensure!(read > 0, "the output ended after {seen} of {bytes} bytes");
        seen += read;
    }
    // Bytes of a reader that also gets the head of the upgrade, or a close frame, are not counted that finely.
    ensure!(seen < bytes + 1024, "the output has {seen} bytes instead of {bytes}");
    Ok(())
}

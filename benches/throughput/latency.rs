//! From the write at the server to the line in the reader's hands, at a steady pace.

use std::io::Read as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::Asked;
use crate::blaster::Blaster;
use crate::contender::Contender;
use crate::rate::wstap;
use crate::stats::{median, quantile, say};

const MESSAGES: u32 = 30_000;
const GAP: Duration = Duration::from_micros(100);

/// A program that reads two fields and passes every message.
const FILTER: &[&str] = &["-f", r#"select(.rest != "") | {stamp}"#];

pub(crate) fn run(asked: &Asked) -> Result<()> {
    let mut contenders = vec![
        Contender::floor(&[])?,
        Contender::wstap("wstap", wstap(), &[]),
        Contender::wstap("-f", wstap(), FILTER),
    ];
    if let Some(path) = &asked.against {
        contenders.push(Contender::wstap("against", path, &[]));
        contenders.push(Contender::wstap("against -f", path, FILTER));
    }
    let mut rounds: Vec<Vec<Paced>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..asked.rounds.unwrap_or(4) {
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            rounds[at].push(paced(&contenders[at])?);
        }
    }
    say("latency: 10,000 messages a second for 3 s, from send to line");
    say(&format!(
        "  {:<14} {:>9} {:>9} {:>9} {:>9} {:>9}   {:>12}",
        "", "p50 us", "best", "p99 us", "CPU us", "peak MiB", "p50 of floor"
    ));
    for (contender, own) in contenders.iter().zip(&rounds) {
        say(&format!(
            "  {:<14} {:>9.1} {:>9.1} {:>9.1} {:>9.2} {:>9.1}   {:>12.2}",
            contender.name,
            median(own.iter().map(|run| run.p50)),
            own.iter().map(|run| run.p50).fold(f64::MAX, f64::min),
            median(own.iter().map(|run| run.p99)),
            median(own.iter().map(|run| run.cpu)),
            own.iter().map(|run| run.peak_rss).max().unwrap_or_default() as f64 / 1024.0,
            median(own.iter().zip(&rounds[0]).map(|(own, floor)| own.p50 / floor.p50)),
        ));
    }
    say("");
    Ok(())
}

/// One run; times in microseconds.
struct Paced {
    p50: f64,
    p99: f64,
    cpu: f64,
    peak_rss: u64,
}

fn paced(contender: &Contender) -> Result<Paced> {
    let epoch = Instant::now();
    let blaster = Blaster::new()?;
    let url = blaster.url.clone();
    let server = blaster.paced(MESSAGES, GAP, epoch);
    let mut running = contender.start(&url)?;
    let mut stdout = running.stdout.take().context("no pipe")?;
    let (mut latencies, mut lines, mut peak_rss) = (Vec::new(), Vec::new(), 0);
    let mut buffer = [0; 64 * 1024];
    while let read @ 1.. = stdout.read(&mut buffer)? {
        let now = epoch.elapsed();
        lines.extend_from_slice(&buffer[..read]);
        let complete = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in lines.drain(..complete).as_slice().split_inclusive(|byte| *byte == b'\n') {
            latencies.push((now - stamp(line)?).as_nanos() as f64 / 1e3);
        }
        if latencies.len() == MESSAGES as usize / 2 {
            peak_rss = running.peak_rss();
        }
    }
    server.join().ok().context("the server failed")??;
    ensure!(latencies.len() == MESSAGES as usize, "{} lines", latencies.len());
    Ok(Paced {
        p50: median(latencies.iter().copied()),
        p99: quantile(latencies, 0.99),
        cpu: running.cpu().as_secs_f64() * 1e6 / f64::from(MESSAGES),
        peak_rss,
    })
}

/// When the message of this line was sent.
fn stamp(line: &[u8]) -> Result<Duration> {
    let digits = line.get(10..30).context("a line cut short")?;
    Ok(Duration::from_nanos(std::str::from_utf8(digits)?.parse()?))
}

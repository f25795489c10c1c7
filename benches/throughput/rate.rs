//! Floods: messages a second, CPU a message, peak memory.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::Asked;
use crate::blaster::{BLOCK, Blaster, End, Load, PAYLOAD, filtered_bytes};
use crate::compressed::message;
use crate::contender::{Contender, exists};
use crate::stats::{least, median, say};

/// Blocks of a flood without a filter: about a million messages.
const LINES_BLOCKS: usize = 1163;

/// Blocks of a flood with one: about three hundred thousand.
const FILTER_BLOCKS: usize = 350;

/// What a client has to be told that is to take messages of 100 MB.
const LARGE: [&str; 2] = ["--max-message-size", "200M"];

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
    let output = Output::Bytes(LINES_BLOCKS * BLOCK * (PAYLOAD + 1));
    table(&contenders, &Load::default(), LINES_BLOCKS, output, asked.rounds.unwrap_or(9))
}

/// Large messages, and one that is larger than all buffers.
pub(crate) fn large(asked: &Asked) -> Result<()> {
    let mut contenders = vec![Contender::floor(&[])?, Contender::wstap("wstap", wstap(), &LARGE)];
    if let Some(path) = &asked.against {
        contenders.push(Contender::wstap("against", path, &LARGE));
    }
    for (size, messages) in [(1 << 20, 500), (100_000_000, 1)] {
        say(&format!("large: {messages} messages of {size} bytes, checked and written as lines"));
        let output = Output::Bytes(messages * (size + 1));
        table(&contenders, &Load::one(&message(0, size)), messages, output, asked.rounds.unwrap_or(5))?;
    }
    Ok(())
}

/// Every message as a record, on standard output and in a file.
pub(crate) fn records(asked: &Asked) -> Result<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = folder.path().join("recording");
    let name = file.display().to_string();
    let mut contenders = vec![Contender::wstap("lines", wstap(), &[])];
    for options in [&["--envelope"][..], &["--record", &name]] {
        let makes = options.get(1).map(|_| file.clone());
        let contender = |name: &str, path| Contender::wstap(name, path, options).making(makes.clone());
        contenders.push(contender(options[0], wstap()));
        if let Some(path) = &asked.against {
            contenders.push(contender(&format!("against {}", options[0]), path));
        }
    }
    say("records: every message as a record, next to lines alone");
    table(&contenders, &Load::default(), FILTER_BLOCKS, Output::ToTheEnd, asked.rounds.unwrap_or(5))
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
    let output = Output::Filtered(FILTER_BLOCKS * filtered_bytes());
    table(&contenders, &Load::default(), FILTER_BLOCKS, output, asked.rounds.unwrap_or(5))
}

pub(crate) fn wstap() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_wstap"))
}

/// What a flood makes its contenders write.
#[derive(Clone, Copy)]
pub(crate) enum Output {
    /// So many bytes.
    Bytes(usize),
    /// So many bytes, where the contender filters; the first does not.
    Filtered(usize),
    /// Some.
    ToTheEnd,
}

/// Runs the rounds and prints a table. The first contender is what the others are measured by.
pub(crate) fn table(
    contenders: &[Contender],
    load: &Load,
    blocks: usize,
    output: Output,
    rounds: usize,
) -> Result<()> {
    let mut floods: Vec<Vec<Flood>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            let output = match output {
                Output::Filtered(_) if at == 0 => Output::Bytes(blocks * BLOCK * (PAYLOAD + 1)),
                output => output,
            };
            floods[at].push(flood(&contenders[at], load, blocks, output)?);
        }
    }
    say(&format!(
        "  {:<14} {:>9} {:>9} {:>9} {:>9} {:>9}   rate of {:<7} {:>5}   CPU {:>5}",
        "", "k/s", "best", "s CPU/M", "best", "peak MiB", contenders[0].name, "best", "best"
    ));
    let best_rate = |floods: &[Flood]| floods.iter().map(Flood::rate).fold(0.0, f64::max);
    let best_cpu = |floods: &[Flood]| least(floods.iter().map(Flood::cpu_each));
    for (contender, runs) in contenders.iter().zip(&floods) {
        let ratios = runs.iter().zip(&floods[0]).map(|(run, floor)| run.rate() / floor.rate());
        let cpu = runs.iter().zip(&floods[0]).map(|(run, floor)| run.cpu_each() / floor.cpu_each());
        say(&format!(
            "  {:<14} {:>9.2} {:>9.2} {:>9.3} {:>9.3} {:>9.1}   {:>15.2} {:>5.2}   {:>3.2} {:>5.2}",
            contender.name,
            median(runs.iter().map(Flood::rate)) / 1e3,
            best_rate(runs) / 1e3,
            median(runs.iter().map(Flood::cpu_each)) * 1e6,
            best_cpu(runs) * 1e6,
            runs.iter().map(|run| run.peak_rss).max().unwrap_or_default() as f64 / 1024.0,
            median(ratios),
            best_rate(runs) / best_rate(&floods[0]),
            median(cpu),
            best_cpu(runs) / best_cpu(&floods[0]),
        ));
    }
    say("");
    Ok(())
}

fn flood(contender: &Contender, load: &Load, blocks: usize, output: Output) -> Result<Flood> {
    let part = if contender.slow { 3 } else { 1 };
    let blocks = blocks / part;
    let blaster = Blaster::with(load.clone())?;
    let url = blaster.url.clone();
    let is_open = matches!(output, Output::ToTheEnd);
    let flood = blaster.flood(if contender.ends || is_open { End::Close(blocks) } else { End::Hold(blocks) });
    let mut running = contender.start(&url)?;
    let mut stdout = running.stdout.take().context("no pipe")?;
    match output {
        Output::Bytes(bytes) | Output::Filtered(bytes) => {
            drain(&mut stdout, bytes / part).with_context(|| contender.name.clone())?;
        }
        Output::ToTheEnd => drop(std::io::copy(&mut stdout, &mut std::io::sink())?),
    }
    let end = Instant::now();
    let (cpu, peak_rss) = (running.cpu(), running.peak_rss());
    drop(running);
    let start = flood.join().ok().context("the blaster failed")??;
    Ok(Flood { messages: (blocks * load.messages) as f64, wall: end - start, cpu, peak_rss })
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

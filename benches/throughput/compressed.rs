//! Compressed floods: messages for each second of CPU, next to other clients that write the same lines.

use std::io::Read as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use wstap::testing::{DeflateFlow, Deflater};

use crate::Asked;
use crate::blaster::{Blaster, End, Load, event};
use crate::contender::Contender;
use crate::rate::{Flood, drain, wstap};
use crate::stats::{least, median, say};

/// Bytes of a flood's messages.
const FLOOD: usize = 200 << 20;

/// Bytes of the messages in a block.
const BLOCK: usize = 1 << 20;

/// Messages as they come from an event API, and as a snapshot does.
const SIZES: [usize; 2] = [318, 16 * 1024];

/// Floods of small and of large messages.
pub(crate) fn run(asked: &Asked) -> Result<()> {
    let mut contenders = vec![Contender::wstap("wstap", wstap(), &[])];
    if let Some(path) = &asked.against {
        contenders.push(Contender::wstap("against", path, &[]));
    }
    let python = std::env::var("WSTAP_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    for (name, interpreter, find, script) in [
        ("websockets", python.as_str(), ["-c", "import websockets.asyncio"], "receive.py"),
        ("ws", "node", ["-e", "require('ws')"], "receive.js"),
    ] {
        let found = Command::new(interpreter).args(find).stderr(Stdio::null()).status();
        if found.is_ok_and(|status| status.success()) {
            let script = format!("{}/benches/throughput/peers/{script}", env!("CARGO_MANIFEST_DIR"));
            contenders.push(Contender::script(name, interpreter, &script));
        } else {
            say(&format!("{name} is not installed for {interpreter}, and is left out"));
        }
    }
    SIZES.iter().try_for_each(|size| table(&contenders, *size, asked.rounds.unwrap_or(5)))
}

fn table(contenders: &[Contender], size: usize, rounds: usize) -> Result<()> {
    let load = load(size)?;
    let ratio = (load.messages * size) as f64 / load.block.len() as f64;
    say(&format!("compressed: messages of {size} bytes, {ratio:.1} times smaller on the wire"));
    let mut floods: Vec<Vec<Flood>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            floods[at].push(flood(&contenders[at], &load, size)?);
        }
    }
    say(&format!("  {:<12} {:>9} {:>12} {:>12} {:>14}", "", "k/s", "k/s of CPU", "best", "of wstap"));
    let cpu_rate = |runs: &[Flood]| median(runs.iter().map(Flood::cpu_each)).recip();
    for (contender, runs) in contenders.iter().zip(&floods) {
        say(&format!(
            "  {:<12} {:>9.0} {:>12.0} {:>12.0} {:>14.2}",
            contender.name,
            median(runs.iter().map(Flood::rate)) / 1e3,
            cpu_rate(runs) / 1e3,
            least(runs.iter().map(Flood::cpu_each)).recip() / 1e3,
            cpu_rate(runs) / cpu_rate(&floods[0]),
        ));
    }
    say("");
    Ok(())
}

/// A block of messages that goes on with no window but its own, so that it can be sent again and again.
fn load(size: usize) -> Result<Load> {
    let messages = BLOCK / size;
    let mut deflater = Deflater::new(DeflateFlow { window_bits: 15, takeover: true });
    let mut block = Vec::new();
    for n in 0..messages {
        let deflated = deflater.deflate(message(n, size).as_bytes()).context("nothing to compress")?;
        block.push(0xc1);
        match u16::try_from(deflated.len()).context("a compressed message is too long")? {
            length @ 0..=125 => block.push(length as u8),
            length => {
                block.push(126);
                block.extend(length.to_be_bytes());
            }
        }
        block.extend(deflated);
    }
    Ok(Load { block, messages, extensions: "Sec-WebSocket-Extensions: permessage-deflate\r\n" })
}

/// As many events as there is room for, in one message of this size.
pub(crate) fn message(n: usize, size: usize) -> String {
    let mut text = format!("[{}", event(n));
    for other in n + 1.. {
        let next = event(other);
        if text.len() + next.len() + 1 >= size {
            break;
        }
        text = text + "," + &next;
    }
    // White space that is not at the end, which is not part of a line.
    format!("{text}{:>width$}", "]", width = size - text.len())
}

fn flood(contender: &Contender, load: &Load, size: usize) -> Result<Flood> {
    let blocks = FLOOD / BLOCK / if contender.slow { 4 } else { 1 };
    let blaster = Blaster::with(load.clone())?;
    let url = blaster.url.clone();
    let flood = blaster.flood(End::Close(blocks));
    let mut running = contender.start(&url)?;
    let mut stdout = running.stdout.take().context("no pipe")?;
    let messages = blocks * load.messages;
    // An interpreter's start takes as long as thousands of messages, and is not what is measured.
    stdout.read_exact(&mut [0]).with_context(|| contender.name.clone())?;
    let start_cpu = running.cpu();
    drain(&mut stdout, messages * (size + 1) - 1).with_context(|| contender.name.clone())?;
    let end = std::time::Instant::now();
    let (cpu, peak_rss) = (running.cpu().saturating_sub(start_cpu), running.peak_rss());
    ensure!(!cpu.is_zero(), "{} is gone before its time was taken", contender.name);
    drop(running);
    let start = flood.join().ok().context("the blaster failed")??;
    Ok(Flood { messages: messages as f64, wall: end - start, cpu, peak_rss })
}

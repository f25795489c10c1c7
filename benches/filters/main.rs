//! How fast jq programs run on messages of a socket, next to the pipes that people build for it.
//!
//! ```text
//! cargo bench --bench filters                        all programs, some ten minutes
//! cargo bench --bench filters -- only=select         those with this text in them
//! cargo bench --bench filters -- rounds=9            more rounds than three
//! cargo bench --bench filters -- blocks=60           fewer messages than 600 blocks, 860 a block
//! cargo bench --bench filters -- jaq=PATH gojq=PATH  where the others are, if not in PATH
//! cargo bench --bench filters -- against=PATH        another build of wstap in the same rounds
//! ```
//!
//! `reader` is this binary run again as the least loop that receives and writes lines (see `throughput/floor.rs`), so
//! `reader | jq` is the best that a pipe can be. Every round runs each contender once, in turns. A ratio is taken within
//! a round, and what is shown is the median: of messages a second, and of CPU time for each message, of all processes
//! of a pipe. The goals are at the end.

#[allow(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../throughput/blaster.rs"]
mod blaster;
#[allow(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../throughput/contender.rs"]
mod contender;
#[allow(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../throughput/floor.rs"]
mod floor;
mod programs;
#[allow(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../throughput/stats.rs"]
mod stats;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use blaster::{BLOCK, Blaster, End};
use contender::{Contender, exists};
use programs::{Class, PROGRAMS};
use stats::{median, say};

/// A slow contender gets one of so many messages: all of them take the same time, half a second or more, so that the start
/// counts for little.
const SHARE: usize = 15;

struct Asked {
    only: String,
    rounds: usize,
    blocks: usize,
    against: Option<PathBuf>,
    tools: Vec<(&'static str, PathBuf)>,
}

impl Asked {
    fn parse(words: impl Iterator<Item = String>) -> Result<Self> {
        let mut asked =
            Self { only: String::new(), rounds: 3, blocks: 600, against: None, tools: Vec::new() };
        let mut tools = [("jq", PathBuf::from("jq")), ("jaq", "jaq".into()), ("gojq", "gojq".into())];
        // cargo adds options of its own, such as `--bench`.
        for word in words.filter(|word| !word.starts_with("--")) {
            match word.split_once('=') {
                Some(("only", text)) => text.clone_into(&mut asked.only),
                Some(("rounds", number)) => asked.rounds = number.parse()?,
                Some(("blocks", number)) => asked.blocks = number.parse()?,
                Some(("against", path)) => asked.against = Some(path.into()),
                Some((name, path)) if tools.iter().any(|(known, _)| *known == name) => {
                    tools
                        .iter_mut()
                        .filter(|(known, _)| *known == name)
                        .for_each(|tool| tool.1 = path.into());
                }
                _ => bail!("{word} is not an option"),
            }
        }
        asked.tools = tools.into_iter().filter(|(_, path)| exists(path)).collect();
        Ok(asked)
    }

    fn contenders(&self, program: &str) -> Result<Vec<Contender>> {
        let wstap = Path::new(env!("CARGO_BIN_EXE_wstap"));
        let mut all = vec![Contender::wstap("wstap", wstap, &["-f", program])];
        if let Some(path) = &self.against {
            all.push(Contender::wstap("against", path, &["-f", program]));
        }
        let this = std::env::current_exe()?;
        for (name, tool) in &self.tools {
            if accepts(tool, program)? {
                all.push(Contender::piped(name, &["floor", "URL"], &this, tool, program));
            }
        }
        Ok(all)
    }
}

/// Is this a program for this tool? All of them end with status 3 if not.
fn accepts(tool: &Path, program: &str) -> Result<bool> {
    let mut command = Command::new(tool);
    let status = command.args(["-c", program]).stdin(Stdio::null()).stderr(Stdio::null()).status()?;
    Ok(status.code() != Some(3))
}

/// What one contender took for one flood.
struct Flood {
    rate: f64,
    cpu: f64,
    lines: usize,
}

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    if let (Some("floor"), Some(url)) = (std::env::args().nth(1).as_deref(), std::env::args().nth(2)) {
        return floor::run(&url, floor::Then::Receive);
    }
    let asked = Asked::parse(&mut words)?;
    let names: Vec<String> = asked.contenders(".")?.iter().map(|contender| contender.name.clone()).collect();
    say(&format!("{} messages a round, {} rounds", asked.blocks * BLOCK, asked.rounds));
    let head = names[1..].iter().map(|name| format!("{:>8} {:>8}", format!("x {name}"), "x CPU"));
    say(&format!("{:>6} {:>6}  {}  program", "k/s", "us CPU", head.collect::<Vec<_>>().join(" ")));
    let mut missed = Vec::new();
    for (class, program) in PROGRAMS.iter().filter(|(_, program)| program.contains(&asked.only)) {
        missed.extend(measured(&asked, &names, *class, program)?);
    }
    say(&format!("goals missed: {}", missed.len()));
    missed.iter().for_each(|line| say(line));
    Ok(())
}

/// Runs the rounds of a program and prints its line. Returns the goals that it missed.
fn measured(asked: &Asked, names: &[String], class: Class, program: &str) -> Result<Vec<String>> {
    let contenders = asked.contenders(program)?;
    let mut floods: Vec<Vec<Flood>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..asked.rounds {
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            floods[at].push(flood(&contenders[at], asked.blocks)?);
        }
    }
    let [own, others @ ..] = &floods[..] else { return Ok(Vec::new()) };
    let mut line = format!(
        "{:>6.0} {:>6.2} ",
        median(own.iter().map(|flood| flood.rate)) / 1e3,
        median(own.iter().map(|flood| flood.cpu)) * 1e6
    );
    let mut missed = Vec::new();
    let others: Vec<_> = contenders[1..].iter().zip(others).collect();
    for name in &names[1..] {
        let Some((_, other)) = others.iter().find(|(contender, _)| contender.name == *name) else {
            line += &format!(" {:>8} {:>8}", "-", "-");
            continue;
        };
        let ratio = median(own.iter().zip(*other).map(|(own, other)| own.rate / other.rate));
        let cpu = median(own.iter().zip(*other).map(|(own, other)| other.cpu / own.cpu));
        line += &format!(" {ratio:>8.1} {cpu:>8.1}");
        let goal = class.goal(name);
        if ratio < goal || cpu < goal.min(class.cpu_goal(name)) {
            missed.push(format!("  {ratio:.1} ({cpu:.1} by CPU) instead of {goal} x {name}: {program}"));
        }
        if own[0].lines != other[0].lines {
            missed.push(format!("  {} lines, of {name} {}: {program}", own[0].lines, other[0].lines));
        }
    }
    say(&format!("{line}  {program}"));
    Ok(missed)
}

fn flood(contender: &Contender, blocks: usize) -> Result<Flood> {
    let blocks = if contender.slow { blocks.div_ceil(SHARE) } else { blocks };
    let blaster = Blaster::new()?;
    let url = blaster.url.clone();
    let flood = blaster.flood(End::Close(blocks));
    let mut running = contender.start(&url)?;
    let mut stdout = running.stdout.take().context("no pipe")?;
    let (mut buffer, mut lines) = (vec![0; 256 * 1024], 0);
    loop {
        let read = stdout.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        lines += memchr::memchr_iter(b'\n', &buffer[..read]).count();
    }
    let end = Instant::now();
    // The output ends a moment before the process does.
    let cpu = (0..20).map(|_| {
        std::thread::sleep(Duration::from_millis(1));
        running.cpu()
    });
    let cpu = cpu.max().unwrap_or_default();
    drop(running);
    let start = flood.join().ok().context("the server failed")??;
    let messages = (blocks * BLOCK) as f64;
    let lines = if contender.slow { lines * SHARE } else { lines };
    Ok(Flood { rate: messages / (end - start).as_secs_f64(), cpu: cpu.as_secs_f64() / messages, lines })
}

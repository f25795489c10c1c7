//! How fast messages go from a socket to a pipe, next to the least that could do it.
//!
//! ```text
//! cargo bench --bench throughput                        everything, about three minutes
//! cargo bench --bench throughput -- lines filter        some of: blaster lines filter once latency stall
//! cargo bench --bench throughput -- compressed          compressed messages; has to be named
//! cargo bench --bench throughput -- large records       messages of 1 MiB and of 100 MB; --envelope and --record
//! cargo bench --bench throughput -- acks                events that are acknowledged by HTTP; has to be named
//! cargo bench --bench throughput -- rules               messages that a dialect file understands; has to be named
//! cargo bench --bench throughput -- slow                that takes a minute for each policy, and has to be named
//! cargo bench --bench throughput -- slow stall=10s      a shorter one; against=PATH is here instead of wstap
//! cargo bench --bench throughput -- lines rounds=20     more rounds than usual
//! cargo bench --bench throughput -- lines against=PATH  another build of wstap in the same rounds
//! ```
//!
//! A thread of this process plays the server. It writes frames that are ready made in large blocks, so that it
//! is never what limits; `blaster` shows its own rate. Another reads the pipe. The contenders are processes:
//!
//! - `floor`, this binary run again as the least receive-and-write loop that tokio-tungstenite allows (see
//!   `floor.rs`), without a look at what it receives;
//! - `wstap`;
//! - for compressed messages, Python's `websockets` and npm's `ws`, where they are installed (`WSTAP_TEST_PYTHON` and
//!   `NODE_PATH` tell where);
//! - where `jq` and `websocat` are found (`websocat=PATH` tells where), the pipes people build of them.
//!
//! Every round runs each contender once, in turns, and a ratio is taken within a round: what the neighbours on
//! a shared machine do to one they mostly do to the other. Read the median of the ratios first, then the best
//! values, which are what the code costs when nobody disturbs it.

mod acks;
mod blaster;
mod compressed;
mod contender;
mod floor;
mod latency;
mod once;
mod rate;
mod rules;
mod slow;
mod stall;
mod stats;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};

/// What was asked for on the command line.
struct Asked {
    scenarios: Vec<String>,
    rounds: Option<usize>,
    against: Option<PathBuf>,
    stall: Duration,
    websocat: PathBuf,
}

impl Asked {
    fn parse(words: impl Iterator<Item = String>) -> Result<Self> {
        let stall = Duration::from_secs(60);
        let mut asked =
            Self { scenarios: Vec::new(), rounds: None, against: None, stall, websocat: "websocat".into() };
        // cargo adds options of its own, such as `--bench`.
        for word in words.filter(|word| !word.starts_with("--")) {
            match word.split_once('=') {
                Some(("rounds", number)) => asked.rounds = Some(number.parse()?),
                Some(("against", path)) => asked.against = Some(path.into()),
                Some(("stall", time)) => {
                    asked.stall = wstap::testing::duration(time).map_err(anyhow::Error::msg)?;
                }
                Some(("websocat", path)) => asked.websocat = path.into(),
                _ => asked.scenarios.push(word),
            }
        }
        if asked.scenarios.is_empty() {
            asked.scenarios =
                ["blaster", "lines", "filter", "once", "latency", "stall"].map(Into::into).into();
        }
        Ok(asked)
    }
}

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    if let (Some("floor"), Some(url)) = (std::env::args().nth(1).as_deref(), std::env::args().nth(2)) {
        let then = match std::env::args().nth(3).as_deref() {
            Some("once") => floor::Then::Leave,
            Some("close") => floor::Then::Close,
            _ => floor::Then::Receive,
        };
        return floor::run(&url, then);
    }
    let asked = Asked::parse(&mut words)?;
    for scenario in &asked.scenarios {
        match scenario.as_str() {
            "blaster" => rate::blaster()?,
            "lines" => rate::lines(&asked)?,
            "filter" => rate::filter(&asked)?,
            "compressed" => compressed::run(&asked)?,
            "large" => rate::large(&asked)?,
            "records" => rate::records(&asked)?,
            "once" => once::run(&asked)?,
            "latency" => latency::run(&asked)?,
            "stall" => stall::run(&asked)?,
            "acks" => acks::run(&asked)?,
            "rules" => rules::run(&asked)?,
            "slow" => slow::run(&asked)?,
            other => bail!("there is no scenario {other}"),
        }
    }
    Ok(())
}

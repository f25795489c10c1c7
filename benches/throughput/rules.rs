//! What the rules of dialect files cost a client: the same messages with and without `-d`.

use anyhow::Result;

use crate::Asked;
use crate::blaster::{Load, frame};
use crate::contender::Contender;
use crate::rate::{Output, table, wstap};
use crate::stats::say;

/// Messages of a block. An id comes again when it is forgotten.
const MESSAGES: usize = 2_000;

/// Blocks of a flood: 400,000 messages.
const BLOCKS: usize = 200;

/// Trades of two exchanges: one is passed on as it comes, and of the other an event is made.
pub(crate) fn run(asked: &Asked) -> Result<()> {
    let binance = |n: usize| {
        format!(
            r#"{{"e":"trade","E":1672515782136,"s":"BNBBTC","t":{n},"p":"0.00100000","q":"100.00000000","T":1672515782136,"m":true,"M":true}}"#
        )
    };
    let kraken = |n: usize| {
        format!(
            r#"{{"channel":"trade","type":"update","data":[{{"symbol":"MATIC/USD","side":"sell","price":0.5117,"qty":40.0,"ord_type":"market","trade_id":{n},"timestamp":"2023-09-25T07:49:37.708706Z"}}]}}"#
        )
    };
    let binance: Vec<String> = (0..MESSAGES).map(binance).collect();
    let kraken: Vec<String> = (0..MESSAGES).map(kraken).collect();
    for (name, messages) in [("binance", binance), ("kraken", kraken)] {
        let options = ["-d", name];
        let mut contenders = vec![
            Contender::wstap("no dialect", wstap(), &["-d", "plain"]),
            Contender::wstap(name, wstap(), &options),
        ];
        if let Some(path) = &asked.against {
            contenders.push(Contender::wstap("against", path, &options));
        }
        let block = messages.iter().flat_map(|text| frame(text.as_bytes())).collect();
        let load = Load { block, messages: MESSAGES, extensions: "" };
        say(&format!("rules: trades of {name}, with and without its dialect (s CPU/M is µs a message)"));
        table(&contenders, &load, BLOCKS, Output::ToTheEnd, asked.rounds.unwrap_or(5))?;
    }
    Ok(())
}

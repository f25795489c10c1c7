//! What a message costs on its way through the filter, step by step: `cargo bench --bench filter_rate`.
//!
//! The best of many short rounds, in nanoseconds a message: on a shared machine the best is what the code
//! costs, the rest is what the neighbours did.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Instant;

use serde::de::IgnoredAny;
use wstap::testing::{Program, Value, Vars, compact_into, scan, scan_str};

const MESSAGE: &str = r#"{"event_type":"call_hangup","timestamp":"2026-11-21T10:15:38.000000Z","topic":"customer_id:7f1c:call:a41b","data":{"id":"a41b6c2e-58d1-4f0a-9c3e-2f7d1b8e6a90","status":"hangup","duration":42.50,"source":"+15551230001","destination":"+15551230002","attempts":3,"tags":["campaign","answered"],"note":null}}"#;

const ROUNDS: usize = 200;
const PER_ROUND: u32 = 2_000;

#[allow(clippy::print_stdout, reason = "a table for the person who runs it")]
fn main() {
    println!("{} bytes a message, ns a message, best of {ROUNDS} rounds of {PER_ROUND}", MESSAGE.len());
    for (name, step) in steps() {
        let rounds = if name.ends_with("compile") { 1 } else { ROUNDS };
        let best = (0..rounds).map(|_| round(&*step)).fold(f64::MAX, f64::min);
        println!("{best:>8.0}  {name}");
    }
}

fn round(step: &dyn Fn(&mut Vec<u8>)) -> f64 {
    let mut out = Vec::with_capacity(1 << 16);
    let start = Instant::now();
    for _ in 0..PER_ROUND {
        out.clear();
        step(&mut out);
    }
    start.elapsed().as_nanos() as f64 / f64::from(PER_ROUND)
}

type Step = Box<dyn Fn(&mut Vec<u8>)>;

fn steps() -> Vec<(String, Step)> {
    let mut steps: Vec<(String, Step)> = vec![
        (
            "json::scan_str".into(),
            Box::new(|_| {
                let _ = black_box(scan_str(black_box(MESSAGE)));
            }),
        ),
        (
            "json::scan (with the UTF-8 check)".into(),
            Box::new(|_| {
                let _ = black_box(scan(black_box(MESSAGE.as_bytes())));
            }),
        ),
        (
            "serde_json IgnoredAny".into(),
            Box::new(|_| drop(black_box(serde_json::from_str::<IgnoredAny>(black_box(MESSAGE))))),
        ),
        (
            "serde_json Value".into(),
            Box::new(|_| drop(black_box(serde_json::from_str::<serde_json::Value>(black_box(MESSAGE))))),
        ),
        ("json::compact_into".into(), Box::new(|out| compact_into(black_box(MESSAGE), out))),
        ("Value::parse and drop".into(), Box::new(|_| drop(black_box(Value::parse(black_box(MESSAGE)))))),
    ];
    let Ok(value) = Value::parse(MESSAGE) else { return steps };
    let written = value.clone();
    steps.push(("Value::write".into(), Box::new(move |out| drop(black_box(written.write(out))))));
    for source in [
        ".",
        ".data",
        "select(.event_type==\"call_hangup\")",
        "{id:.data.id,status:.data.status}",
        "select(.event_type==\"call_hangup\") | {id:.data.id,status:.data.status}",
    ] {
        let Ok(program) = Program::compile("bench", source, &Vars::default()) else { continue };
        let (value, whole) = (value.clone(), program.clone());
        let run = move |_: &mut Vec<u8>| {
            drop(black_box(program.run(&value, &mut |output| {
                black_box(output);
                ControlFlow::Continue(())
            })));
        };
        steps.push((format!("run    {source}"), Box::new(run)));
        let all = move |out: &mut Vec<u8>| {
            let Ok(value) = Value::parse(black_box(MESSAGE)) else { return };
            drop(black_box(whole.run(&value, &mut |output| {
                drop(output.write(out));
                ControlFlow::Continue(())
            })));
        };
        steps.push((format!("whole  {source}"), Box::new(all)));
    }
    steps.push((
        "Program::compile".into(),
        Box::new(|_| drop(black_box(Program::compile("bench", ".data.id", &Vars::default())))),
    ));
    steps
}

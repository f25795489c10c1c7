//! What is drawn, at the widths that terminals have.

use serde_json::json;
use unicode_width::UnicodeWidthStr as _;

use super::super::plan::{Plan, Tell};
use super::*;
use crate::event::{Direction, Event, Kind, Reconnect, Role};
use crate::message::Message;
use crate::report::Report;

fn look(width: usize, height: usize) -> Look {
    Look { width, height, unicode: true, keys: true }
}

fn model(ids: &[u64]) -> Model {
    colored::control::set_override(false);
    Model::new(Plan::of(ids, Tell::Nothing), Report::silent())
}

fn tell(model: &mut Model, link: usize, kind: Kind, now: Instant) {
    let at = "2026-01-01T09:00:00Z".parse().unwrap();
    model.look(link, &mut vec![Event { at, conn: 1, kind }], now);
}

fn open(model: &mut Model, link: usize, now: Instant) {
    tell(model, link, Kind::Open(Box::default()), now);
}

fn update(model: &mut Model, id: u64, status: &str, counts: [u64; 4], now: Instant) {
    let [completed, failed, processing, pending] = counts;
    let message = json!({"type": "progress_update", "data": {"campaign_id": id, "status": status, "progress": {
        "total_contacts": counts.iter().sum::<u64>(), "completed": completed, "failed": failed,
        "processing": processing, "pending": pending}}});
    let link = model.rows[&id].link;
    let message = Message::text(message.to_string());
    tell(
        model,
        link,
        Kind::Message { dir: Direction::In, seq: 1, message, role: Role::Data, part: None },
        now,
    );
}

fn after(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

/// A campaign that has run for a minute.
fn running() -> (Model, Instant) {
    let (mut model, start) = (model(&[42]), Instant::now());
    open(&mut model, 0, start);
    for second in 0..=60 {
        update(&mut model, 42, "running", [100 + second / 3, 10, 4, 86 - second / 3], after(start, second));
    }
    (model, after(start, 60))
}

#[test]
fn a_campaign_at_three_widths() {
    let (model, now) = running();
    assert_eq!(
        frame(&model, now, &look(60, 24)),
        [
            "id status                    done failed     ETA link",
            "42 running   █████▓▒░  65.0%  120     10  3m 30s live",
            "  /min 20.0 · success 92.3% · left 66 · busy 4 · of 200",
            "q quit, r refresh, ? help"
        ]
    );
    assert_eq!(
        frame(&model, now, &look(80, 24)),
        [
            "id status                          done failed success  /min     ETA link",
            "42 running   ████████▓▒░░░░  65.0%  120     10   92.3%  20.0  3m 30s live",
            "  left 66 · busy 4 · of 200 · lately ▅█▅██▅██▅██▅",
            "q quit, r refresh, ? help"
        ]
    );
    let wide = frame(&model, now, &look(200, 24));
    assert_eq!(
        wide[1].split_whitespace().collect::<Vec<_>>(),
        [
            "42",
            "running",
            "█████████████████████████████▓▓▒░░░░░░░░░░░░░░░░",
            "65.0%",
            "120",
            "10",
            "4",
            "66",
            "200",
            "92.3%",
            "20.0",
            "3m",
            "30s",
            "▅█▅██▅██▅██▅",
            "live"
        ]
    );
}

#[test]
fn nothing_ever_wraps_whatever_comes() {
    let (mut model, now) = running();
    let status = "a status\u{1b}[2J that is much longer than there is room for 漢字漢字";
    update(&mut model, 42, status, [u64::from(u32::MAX), 3, 1, 9_999_999_999], now);
    for (width, height) in
        [(1, 1), (10, 3), (20, 4), (39, 10), (60, 24), (61, 24), (80, 24), (133, 5), (500, 90)]
    {
        for unicode in [true, false] {
            let look = Look { unicode, ..look(width, height) };
            for line in frame(&model, now, &look).iter().chain(&last_frame(&model, now, &look)) {
                assert!(line.width() < width.max(NARROWEST), "{width}: {line}");
                assert!(!line.contains('\u{1b}') && (unicode || width < 60 || !line.contains('█')), "{line}");
            }
        }
    }
}

#[test]
fn fifty_campaigns_fit_and_those_that_matter_stay() {
    let ids: Vec<u64> = (1..=50).collect();
    let (mut model, now) = (model(&ids), Instant::now());
    for id in ids {
        let status = match id {
            7 => "failed",
            1..=40 => "completed",
            _ => "running",
        };
        update(&mut model, id, status, [1, 1, 0, 0], now);
    }
    let lines = frame(&model, now, &look(80, 24));
    assert!(lines.len() < 24, "{}", lines.len());
    assert!(lines[1].starts_with(" 1 completed") && lines.iter().any(|line| line.starts_with(" 7 failed")));
    assert!((41..=50).all(|id| lines.iter().any(|line| line.starts_with(&format!("{id} running")))));
    let footer = "50 campaigns: 39 completed, 1 failed, 10 running · 29 not shown";
    assert_eq!(lines.last().unwrap(), footer, "there is no room for the keys");
    let delay = Duration::from_secs(5);
    tell(
        &mut model,
        49,
        Kind::Reconnect(Box::new(Reconnect { attempt: 1, delay, cause: String::new() })),
        now,
    );
    let line = frame(&model, now, &look(120, 24)).pop().unwrap();
    assert!(line.contains("10 running · 1 reconnecting · 29 not shown"), "{line}");
    assert_eq!(last_frame(&model, now, &look(80, 24)).len(), 51, "at the end there is a line for each");
}

#[test]
fn the_link_says_how_it_stands() {
    let (mut model, now) = running();
    let line = |model: &Model, now, width| frame(model, now, &look(width, 24))[1].clone();
    assert!(line(&model, after(now, 14), 80).ends_with(" live"));
    assert!(line(&model, after(now, 20), 80).ends_with(" silent 20s"));
    assert!(line(&model, after(now, 20), 200).ends_with(" silent for 20 s"));
    let delay = Duration::from_secs(8);
    tell(
        &mut model,
        0,
        Kind::Reconnect(Box::new(Reconnect { attempt: 1, delay, cause: String::new() })),
        now,
    );
    assert!(line(&model, now, 80).ends_with(" – retry 8s"), "without a link there is no time to the end");
    assert!(line(&model, after(now, 6), 200).ends_with(" reconnecting in 2 s"));
    open(&mut model, 0, after(now, 8));
    assert!(line(&model, after(now, 8), 80).ends_with(" live"));
    model.ended(0, Some(Exit::NotFound));
    assert!(line(&model, now, 80).contains(" not found "), "{}", line(&model, now, 80));
}

#[test]
fn a_bar_is_as_long_as_its_parts() {
    for (parts, whole, width, cells) in [
        ([0, 0, 0], 200, 10, [0, 0, 0]),
        ([0, 0, 0], 0, 10, [0, 0, 0]),
        ([200, 0, 0], 200, 10, [10, 0, 0]),
        ([199, 0, 0], 200, 10, [9, 0, 0]),
        ([187, 13, 0], 200, 10, [9, 1, 0]),
        ([100, 1, 1], 200, 10, [5, 1, 1]),
        ([1, 1, 1], 1_000_000, 2, [1, 1, 0]),
        ([u64::MAX, u64::MAX, 1], u64::MAX, 8, [8, 0, 0]),
    ] {
        assert_eq!(shares(parts, whole, width), cells, "{parts:?} of {whole} in {width}");
    }
}

#[test]
fn times_are_told_in_two_units() {
    for (seconds, text) in
        [(0, "0s"), (59, "59s"), (60, "1m 00s"), (3599, "59m 59s"), (3600, "1h 00m"), (90_000, "1d 01h")]
    {
        assert_eq!(lasting(Duration::from_secs(seconds)), text);
    }
}

#[test]
fn a_past_is_a_chart() {
    colored::control::set_override(false);
    let sample = |minute: u64, completed, failed| {
        let at = jiff::Timestamp::from_second(1_767_258_000 + i64::try_from(minute).unwrap() * 60).ok();
        let mut counts = Counts { completed: Some(completed), failed: Some(failed), ..Counts::default() };
        crate::campaign::fold::complete(&mut counts);
        Sample { at, counts }
    };
    let samples: Vec<Sample> = (0..600).map(|minute| sample(minute, minute, minute / 100)).collect();
    let lines = chart(42, 24, &samples, &look(40, 24));
    let expected = [
        "campaign 42, last 24 h, 2026-01-01 09:0",
        "  completed        0 ▁▂▂▃▃▄▄▅▅▆▆▇▇█ 599",
        "  failed           0 ▁▁▁▂▂▂▄▄▅▅▅▇▇███ 5",
        "  success       100%  █▁▄▂▃▂▂▂▂▂▂ 99.2%",
    ];
    assert_eq!(lines, expected);
    assert_eq!(chart(42, 24, &samples[..1], &look(80, 24)).len(), 3, "no success where nothing is done");
    let odd = |success_rate| Sample { counts: Counts { success_rate, ..sample(0, 1, 1).counts }, at: None };
    for samples in [&[odd(Some(1e308)), odd(Some(-1e308))][..], &[odd(Some(1e308))]] {
        for width in [0, 40, 80] {
            let lines = chart(42, 24, samples, &look(width, 24));
            assert!(lines.iter().all(|line| line.width() < width.max(NARROWEST)), "{width}: {lines:#?}");
        }
    }
}

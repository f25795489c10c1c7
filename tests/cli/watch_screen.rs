//! `watch-campaign` on a terminal: what stands on the screen, at the widths that terminals have.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use serde_json::json;

use crate::clients::control;
use crate::harness::{HUNG, Server};
use crate::pty;

/// The binary on a terminal of its own.
struct Terminal {
    master: File,
    /// A second end of the terminal, to ask how it stands.
    slave: File,
    child: Child,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// All that was written to it.
    raw: Vec<u8>,
}

impl Terminal {
    /// `watch-campaign` with these arguments on a terminal of this size. `setsid` makes it the terminal's process.
    fn start(columns: u16, rows: u16, args: &[&str], vars: &[(&str, &str)]) -> Self {
        Self::start_to(columns, rows, args, vars, None)
    }

    /// The same with standard output in a file.
    fn start_to(columns: u16, rows: u16, args: &[&str], vars: &[(&str, &str)], out: Option<File>) -> Self {
        let (master, slave) = pty::open((rows, columns));
        let (master, slave) = (File::from(master), File::from(slave));
        let end = || Stdio::from(slave.try_clone().unwrap());
        let child = Command::new("setsid")
            .args(["--ctty", "--wait", env!("CARGO_BIN_EXE_wstap"), "watch-campaign", "--max-time", "100s"])
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .envs(vars.iter().copied())
            .stdin(end())
            .stdout(out.map_or_else(end, Stdio::from))
            .stderr(end())
            .spawn()
            .unwrap();
        let (send, bytes) = channel();
        let mut reader = master.try_clone().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(rows, columns, 1000);
        Self { master, slave, child, bytes, screen, raw: Vec::new() }
    }

    /// Waits until the lines of the screen are as they should be.
    #[track_caller]
    fn until(&mut self, what: &str, ready: impl Fn(&[String]) -> bool) -> Vec<String> {
        let deadline = Instant::now() + HUNG;
        loop {
            let lines = self.lines();
            if self.is_between_frames() && ready(&lines) {
                return lines;
            }
            match self.bytes.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.took(&bytes),
                Err(_) => panic!("never: {what}\n{}", self.lines().join("\n")),
            }
        }
    }

    /// Waits for the end. The lines that stand on the screen then, and the status.
    #[track_caller]
    fn finish(&mut self) -> (Vec<String>, Option<i32>) {
        let deadline = Instant::now() + HUNG;
        let status = loop {
            match self.bytes.recv_timeout(Duration::from_millis(20)) {
                Ok(bytes) => self.took(&bytes),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            assert!(Instant::now() < deadline, "hung:\n{}", self.lines().join("\n"));
        };
        self.take_the_rest();
        (self.lines(), status)
    }

    /// What was written before the end may still be on its way here: it comes before what is written now.
    #[track_caller]
    fn take_the_rest(&mut self) {
        const LAST: &[u8] = b"\x1b]last\x07";
        // Ctrl-Q: a terminal that was stopped takes nothing.
        self.press("\x11");
        self.slave.write_all(LAST).unwrap();
        let mut rest = Vec::new();
        while !rest.ends_with(LAST) {
            rest.extend(self.bytes.recv_timeout(HUNG).expect("the terminal gives what it got"));
        }
        rest.truncate(rest.len() - LAST.len());
        self.took(&rest);
    }

    /// Has the last frame come whole? A read may end anywhere.
    fn is_between_frames(&self) -> bool {
        let raw = String::from_utf8_lossy(&self.raw);
        let last = raw.rsplit("\x1b[?2026h").next().unwrap_or_default();
        last.len() == raw.len() || last.contains("\x1b[?2026l")
    }

    fn took(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.raw.extend_from_slice(bytes);
    }

    fn lines(&self) -> Vec<String> {
        let (_, columns) = self.screen.screen().size();
        let rows = self.screen.screen().rows(0, columns);
        let mut lines: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        self.screen.screen_mut().set_size(rows, columns);
        tcsetwinsize(&self.master, size(columns, rows)).unwrap();
    }

    /// Does the terminal take lines and show what is typed?
    fn is_ordinary(&self) -> bool {
        tcgetattr(&self.slave).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// What was drawn, a frame an item.
    fn frames(&self) -> Vec<String> {
        let raw = String::from_utf8_lossy(&self.raw);
        let frames = raw.split("\x1b[?2026h").skip(1);
        frames.map(|frame| frame.split("\x1b[?2026l").next().unwrap().to_owned()).collect()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }
}

/// A server of one campaign: sends these messages, and then does as the script says.
fn campaign(
    messages: Vec<String>,
    script: impl FnOnce(&mut crate::harness::Peer) + Send + 'static,
) -> Server {
    Server::websocket(move |peer| {
        messages.iter().for_each(|message| peer.text(message));
        script(peer);
        peer.wait_for_end();
    })
}

fn update(status: &str, completed: u64) -> String {
    json!({"type": "progress_update", "data": {"campaign_id": 42, "status": status, "progress": {
        "total_contacts": 200, "completed": completed, "failed": 10, "processing": 0, "pending": 190 - completed}}})
    .to_string()
}

/// Two screens for docs/providers.md: `UPDATE=1 cargo test captures` takes them anew.
#[test]
fn the_captures_in_the_docs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/providers.md");
    if std::env::var_os("UPDATE").is_some() {
        let mut page = std::fs::read_to_string(path).unwrap();
        for (name, command, lines) in [one_under_way(), several_at_their_end()] {
            let start = format!("<!-- captured: {name} -->\n");
            let (before, rest) = page.split_once(&start).unwrap();
            let (_, after) = rest.split_once("<!-- end -->").unwrap();
            let screen = lines.join("\n");
            page = format!("{before}{start}```text\n$ {command}\n{screen}\n```\n<!-- end -->{after}");
        }
        std::fs::write(path, page).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap();
    let captures: Vec<&str> = page.split("<!-- captured: ").skip(1).collect();
    assert_eq!(captures.len(), 2);
    let shown = |capture: &str, text: &str| capture.split("<!-- end -->").next().unwrap().contains(text);
    for text in ["$ wstap watch-campaign 42", "id status", "ETA", "live", "q quit, r refresh, ? help"] {
        assert!(shown(captures[0], text), "{text}");
    }
    for text in ["$ wstap watch-campaign --all", "5 ", "completed", "time"] {
        assert!(shown(captures[1], text), "{text}");
    }
}

fn one_under_way() -> (&'static str, &'static str, Vec<String>) {
    let (_mock, url) = crate::watch::serve(&["--rate", "8", "--seed", "4"]);
    let mut first = Terminal::start(80, 24, &["--url", &url, "42"], &[]);
    first.until("some contacts are done", |lines| has(lines, " 20.0%") || has(lines, " 20.5%"));
    let mut terminal = Terminal::start(88, 24, &["--url", &url, "42"], &[]);
    let lines = terminal.until("most are done", |lines| has(lines, " 60.0%") || has(lines, " 60.5%"));
    ("one", "wstap watch-campaign 42", lines)
}

fn several_at_their_end() -> (&'static str, &'static str, Vec<String>) {
    let mock = "--mock=--rate 100 --seed 4";
    let mut terminal = Terminal::start(88, 24, &["--all", mock], &[]);
    let (lines, _) = terminal.finish();
    ("several", "wstap watch-campaign --all", lines)
}

fn has(lines: &[String], text: &str) -> bool {
    lines.iter().any(|line| line.contains(text))
}

fn heads(lines: &[String]) -> usize {
    lines.iter().filter(|line| line.contains("id") && line.contains("status")).count()
}

#[test]
fn a_campaign_at_three_widths() {
    for (columns, all) in [(60, false), (80, false), (200, true)] {
        let mut terminal =
            Terminal::start(columns, 24, &["42", "--mock=--rate 100 --contacts 60 --behave real"], &[]);
        // A frame may be seen before all of it has come.
        let lines = terminal.until("it is under way", |lines| {
            heads(lines) == 1
                && ["live", "✓", "42 ", "%", "q quit, r refresh, ? help"].iter().all(|text| has(lines, text))
        });
        assert!(lines.iter().all(|line| line.chars().count() < usize::from(columns)), "{lines:#?}");
        assert_eq!((lines[0].contains("busy"), lines[0].contains("lately")), (all, all), "{lines:#?}");
        let (lines, status) = terminal.finish();
        assert_eq!((heads(&lines), lines.len(), status), (1, 2, Some(0)), "{lines:#?}");
        assert!(lines[1].contains("42 completed") || lines[1].contains("42  completed"), "{lines:#?}");
        assert!(lines[1].contains("100.0%") && !lines[1].contains('░'));
        assert!(!terminal.screen.screen().hide_cursor() && terminal.is_ordinary());
    }
}

#[test]
fn frames_are_few_and_each_is_another() {
    let mut terminal = Terminal::start(100, 24, &["1", "2", "3", "--mock=--rate 200 --contacts 200"], &[]);
    let start = Instant::now();
    let (_, status) = terminal.finish();
    let frames = terminal.frames();
    assert_eq!(status, Some(0));
    // 400 changes of each campaign were drawn at most ten times a second.
    let most = usize::try_from(start.elapsed().as_millis() / 100).unwrap() + 8;
    assert!((3..=most).contains(&frames.len()), "{} frames, not {most}", frames.len());
    assert!(frames.windows(2).all(|pair| pair[0] != pair[1]));
    // Nothing is blank for a moment: lines are written over, and only what is left of them is erased.
    assert!(frames.iter().all(|frame| !frame.contains("\x1b[2K") && !frame.contains("\x1b[2J")));
    assert!(frames[1..].iter().all(|frame| frame.matches("\x1b[J").count() <= 1));
}

#[test]
fn fifty_campaigns_on_twenty_four_lines() {
    let ids: Vec<String> = (1..=50).map(|id| id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (_mock, port) = crate::clients::serve(&["burki", "--rate", "100", "--contacts", "50"]);
    // None of them goes on before all of them are there.
    control(port, "pause", &json!({}));
    let url = format!("ws://127.0.0.1:{port}/ws/campaigns/monitor?token=t");
    let args = [&ids[..], &["--url", &url]].concat();
    let mut terminal = Terminal::start(80, 24, &args, &[]);
    let lines = terminal.until("all are there", |lines| has(lines, "50 campaigns: 50 scheduled"));
    assert!(heads(&lines) == 1 && lines.len() < 24 && has(&lines, "not shown"), "{lines:#?}");
    control(port, "resume", &json!({}));
    let (_, status) = terminal.finish();
    assert_eq!(status, Some(0));
    terminal.screen.screen_mut().set_size(100, 80);
    let all = String::from_utf8_lossy(&terminal.raw).into_owned();
    let last = all.rsplit("\x1b[?25h").nth(1).unwrap();
    assert!(last.contains("50 ") && last.matches("completed").count() >= 50);
}

#[test]
fn a_terminal_of_another_size() {
    let (go, wait) = channel::<()>();
    let server = campaign(vec![update("running", 100)], move |peer| {
        let _ = wait.recv();
        peer.text(&update("completed", 190));
    });
    let mut terminal = Terminal::start(120, 24, &["--url", &server.url(), "42"], &[]);
    terminal.until("it is drawn", |lines| has(lines, "busy") && has(lines, "running"));
    for columns in [90, 70, 140] {
        terminal.resize(columns, 24);
        let lines = terminal.until("it is drawn anew", |lines| {
            let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
            has(lines, "lately") == (columns == 140) && longest + 25 > columns.into() && heads(lines) == 1
        });
        assert_eq!(lines.iter().filter(|line| line.contains("running")).count(), 1, "{lines:#?}");
    }
    go.send(()).unwrap();
    let (lines, status) = terminal.finish();
    assert_eq!((heads(&lines), status), (1, Some(0)), "{lines:#?}");
}

#[test]
fn no_colour_and_no_unicode_where_they_are_not_wanted() {
    let mock = "--mock=--rate max --contacts 20";
    // A color ends with `m`; the cursor's way up three rows (`ESC [ 3 A`) begins like one.
    let is_color =
        |rest: &str| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m');
    let sgr = |raw: &[u8]| String::from_utf8_lossy(raw).split("\x1b[").skip(1).any(is_color);
    let mut coloured = Terminal::start(80, 24, &["42", mock], &[]);
    coloured.finish();
    assert!(sgr(&coloured.raw));
    let mut plain = Terminal::start(80, 24, &["42", mock], &[("NO_COLOR", "1")]);
    let (lines, _) = plain.finish();
    assert!(!sgr(&plain.raw) && has(&lines, "█"), "{}", String::from_utf8_lossy(&plain.raw).escape_debug());
    let mut ascii = Terminal::start(80, 24, &["42", mock], &[("LANG", "C")]);
    let (lines, _) = ascii.finish();
    assert!(has(&lines, "###") && ascii.raw.is_ascii());
    let mut dumb = Terminal::start(120, 40, &["42", "--history", "1", mock], &[("TERM", "dumb")]);
    let (lines, status) = dumb.finish();
    assert!(has(&lines, "campaign 42 is running: 10 of 20 contacts done"), "{lines:#?}");
    assert!(has(&lines, "campaign 42, last 1 h"), "{lines:#?}");
    assert!(!dumb.raw.contains(&0x1b) && has(&lines, "campaign 42 completed"), "{lines:#?}");
    assert_eq!(status, Some(0));
}

#[test]
fn keys_ask_and_end() {
    let (asked, told) = channel();
    let server = campaign(vec![update("running", 100)], move |peer| {
        asked.send(peer.read_text()).unwrap();
        peer.text(&update("running", 101));
        asked.send(peer.read_close().map(|code| code.to_string())).unwrap();
        peer.close(1000, "");
    });
    let mut terminal = Terminal::start(80, 24, &["--url", &server.url(), "42"], &[]);
    terminal.until("it is drawn", |lines| has(lines, "100"));
    assert!(!terminal.is_ordinary());
    terminal.press("xr");
    assert_eq!(told.recv_timeout(HUNG).unwrap().as_deref(), Some(r#"{"type":"request_update"}"#));
    terminal.until("the answer is drawn", |lines| has(lines, "101"));
    terminal.press("q");
    assert_eq!(told.recv_timeout(HUNG).unwrap().as_deref(), Some("1000"));
    let (lines, status) = terminal.finish();
    assert_eq!(status, Some(130), "{lines:#?}");
    assert!(terminal.is_ordinary() && !terminal.screen.screen().hide_cursor());
    assert!(has(&lines, "42 running"), "{lines:#?}");
}

#[test]
fn keys_are_listed_and_control_d_quits() {
    let server = campaign(vec![update("running", 100)], |peer| _ = peer.read_close());
    let mut terminal = Terminal::start(80, 24, &["--url", &server.url(), "42"], &[]);
    terminal.until("the keys are offered", |lines| has(lines, "q quit, r refresh, ? help"));
    terminal.press("?");
    terminal.until("the keys are listed above", |lines| {
        has(lines, "q, Ctrl-D, Ctrl-C  quit") && has(lines, "? help")
    });
    terminal.press("?");
    terminal.press("\x04");
    let (lines, status) = terminal.finish();
    assert_eq!(lines.iter().filter(|line| line.contains("Ctrl-Z")).count(), 1, "{lines:#?}");
    assert_eq!(status, Some(130), "{lines:#?}");
    assert!(terminal.is_ordinary());
}

#[test]
fn ctrl_c_gives_the_terminal_back() {
    let server = campaign(vec![update("running", 100)], |_| {});
    let mut terminal = Terminal::start(80, 24, &["--url", &server.url(), "42"], &[]);
    terminal.until("it is drawn", |lines| has(lines, "live"));
    terminal.press("\x03");
    let (lines, status) = terminal.finish();
    assert_eq!(status, Some(130));
    assert!(
        has(&lines, "42 running"),
        "the link was not lost, and the campaign still is what it was: {lines:#?}"
    );
    assert!(terminal.is_ordinary() && !terminal.screen.screen().hide_cursor());
}

#[test]
fn a_pause_gives_the_terminal_back_for_as_long() {
    let server = campaign(vec![update("running", 100)], |peer| {
        assert_eq!(peer.read_text().as_deref(), Some(r#"{"type":"request_update"}"#));
        peer.text(&update("completed", 190));
    });
    let mut terminal = Terminal::start(80, 24, &["--url", &server.url(), "42"], &[]);
    terminal.until("it is drawn", |lines| has(lines, "live"));
    terminal.press("\x1a");
    let id = terminal.child.id();
    let state = || std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let deadline = Instant::now() + HUNG;
    while !state().contains(") T ") {
        assert!(Instant::now() < deadline, "it does not stop");
        thread::sleep(Duration::from_millis(10));
    }
    terminal.until("the cursor is there", |_| true);
    assert!(terminal.is_ordinary());
    assert!(Command::new("kill").args(["-CONT", &id.to_string()]).status().unwrap().success());
    terminal.until("it is drawn below", |lines| heads(lines) == 2);
    assert!(!terminal.is_ordinary());
    terminal.press("r");
    let (lines, status) = terminal.finish();
    assert_eq!((status, heads(&lines)), (Some(0), 2), "{lines:#?}");
    assert!(terminal.is_ordinary() && !terminal.screen.screen().hide_cursor());
}

#[test]
fn a_terminal_that_stands_still_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("progress.ndjson");
    let (go, wait) = channel::<()>();
    let server = campaign(vec![update("running", 100)], move |peer| {
        let _ = wait.recv();
        (101..190).for_each(|completed| peer.text(&update("running", completed)));
        peer.text(&update("completed", 190));
    });
    let file = File::create(&path).unwrap();
    let args = ["--url", &server.url(), "42", "--progress"];
    let mut terminal = Terminal::start_to(80, 24, &args, &[], Some(file));
    terminal.until("it is drawn", |lines| has(lines, "live"));
    // Ctrl-S.
    terminal.press("\x13");
    go.send(()).unwrap();
    let (_, status) = terminal.finish();
    assert_eq!(status, Some(0));
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 91);
}

#[test]
fn a_server_that_goes_is_mentioned_once() {
    let mock = "--mock=--rate 50 --contacts 100 --fault close=1012@9 --time-scale 1";
    for ids in [&["1"][..], &["1", "2", "3", "4", "5", "6"]] {
        let args = [ids, &[mock, "--reconnect-delay", "10ms"]].concat();
        let mut terminal = Terminal::start(80, 24, &args, &[]);
        let (_, status) = terminal.finish();
        assert_eq!(status, Some(0));
        let raw = String::from_utf8_lossy(&terminal.raw).into_owned();
        assert_eq!(raw.matches("closed by the peer with 1012").count(), 1, "{ids:?}");
        assert!(!raw.contains("to catch up"), "the present state is asked for without a word");
    }
}

#[test]
fn who_has_seen_enough_of_a_failure_is_told_of_it() {
    let server = campaign(vec![update("paused", 100)], |peer| {
        peer.text(&update("failed", 100));
    });
    let mut terminal = Terminal::start(80, 24, &["--url", &server.url(), "42"], &[]);
    let (lines, status) = terminal.finish();
    assert_eq!(status, Some(1));
    assert!(has(&lines, "42 failed"), "{lines:#?}");
}

#[test]
fn notices_pass_above_and_stay() {
    let odd = update("running", 100).replace("200", "201");
    let (go, wait) = channel::<()>();
    let server = campaign(vec![update("running", 99), odd], move |peer| {
        let _ = wait.recv();
        peer.text(&update("cancelled", 120));
    });
    let mut terminal = Terminal::start(90, 24, &["--url", &server.url(), "42"], &[]);
    let lines = terminal
        .until("the notice is there", |lines| has(lines, "printed as received") && has(lines, "live"));
    assert!(
        lines[0].starts_with("wstap: warning: campaign 42: inconsistent counts: 100 completed"),
        "{lines:#?}"
    );
    assert_eq!(heads(&lines[1..]), 1, "{lines:#?}");
    go.send(()).unwrap();
    let (lines, status) = terminal.finish();
    assert!(
        lines[0].starts_with("wstap: warning: campaign 42: inconsistent counts: 100 completed"),
        "{lines:#?}"
    );
    assert!(has(&lines, "42 cancelled"), "{lines:#?}");
    assert_eq!(status, Some(1));
}

#[test]
fn the_past_is_a_chart() {
    let mock = "--mock=--rate 2000 --contacts 400 --time-scale 1";
    let mut terminal = Terminal::start(80, 24, &["42", "--history", "24", mock], &[]);
    let (lines, status) = terminal.finish();
    assert_eq!(status, Some(0), "{lines:#?}");
    assert!(has(&lines, "campaign 42, last 24 h"), "{lines:#?}");
    assert!(has(&lines, "  completed  "), "{lines:#?}");
}

/// Ten minutes of a campaign in two seconds: every record is in the file although all of it is drawn as well.
#[test]
fn nothing_is_lost_between_the_drawing_and_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("progress.ndjson");
    let mock = "--mock=--rate 1 --contacts 300 --time-scale 300";
    let file = File::create(&path).unwrap();
    let mut terminal = Terminal::start_to(80, 24, &["42", "--progress", mock], &[], Some(file));
    let (lines, status) = terminal.finish();
    assert_eq!((status, heads(&lines)), (Some(0), 1), "{lines:#?}");
    let text = std::fs::read_to_string(&path).unwrap();
    let records: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Its present state, its beginning, two changes a contact, its end.
    assert_eq!(records.len(), 603);
    assert_eq!(records.last().unwrap()["status"], "completed");
}

#[test]
fn what_is_written_to_a_file_is_drawn_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("progress.ndjson").display().to_string();
    let mock = "--mock=--rate max --contacts 10";
    let mut terminal = Terminal::start(80, 24, &["42", "--progress", mock, "-o", &path], &[]);
    let (lines, status) = terminal.finish();
    assert_eq!((status, heads(&lines)), (Some(0), 1), "{lines:#?}");
    assert!(std::fs::read_to_string(&path).unwrap().ends_with('\n'));
}

//! Disks and files that are full: it is said what, where and what to do, what was written is there, and what waits for
//! its reader still gets to it.
//!
//! A disk is a small tmpfs in a namespace of its own, where the system lets anybody make one. Everywhere else there is
//! the limit of `ulimit -f`, which is a signal besides.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;

use serde_json::Value;
use tempfile::TempDir;

use crate::clients;
use crate::harness::{Output, Server, Wstap, wstap};

/// Bytes that the disk, or the file, has room for.
const ROOM: &str = "128k";

/// A hundred bytes each: more than there is room for, twice over.
const MESSAGES: u64 = 3000;

/// A place for files that has [`ROOM`] as long as a run lasts.
enum Small {
    /// A disk; what it holds at the end of the run is copied to the second.
    Disk(TempDir, TempDir),
    /// A folder whose files may not be larger.
    Files(TempDir),
}

impl Small {
    /// All that can be made here.
    fn places() -> Vec<Self> {
        let folder = || tempfile::tempdir().expect("there is room for a folder");
        let disk = Self::Disk(folder(), folder());
        let probe = disk.wrapper();
        let made = Command::new(probe[0]).args(&probe[1..]).arg("true").status();
        // Not everywhere may everybody have a namespace of their own.
        let disk = made.is_ok_and(|status| status.success()).then_some(disk);
        disk.into_iter().chain([Self::Files(folder())]).collect()
    }

    /// Where a run finds it.
    fn path(&self, name: &str) -> String {
        let (Self::Disk(folder, _) | Self::Files(folder)) = self;
        folder.path().join(name).to_str().expect("a temporary name is UTF-8").to_owned()
    }

    /// What a run has left in it.
    fn left(&self) -> &Path {
        let (Self::Disk(_, folder) | Self::Files(folder)) = self;
        folder.path()
    }

    /// The command that a run is an argument of.
    fn wrapper(&self) -> Vec<&str> {
        const DISK: &str = r#"mount -t tmpfs -o size="$1" tmpfs "$2" || exit 99; disk=$2 kept=$3; shift 3
            "$@"; status=$?; cp -a "$disk/." "$kept/"; exit $status"#;
        // In blocks of 512 bytes (POSIX), or of 1024 where sh is bash.
        const FILES: &str = r#"ulimit -f 128; exec "$@""#;
        match self {
            Self::Disk(disk, kept) => {
                let paths = [disk, kept].map(|folder| folder.path().to_str().expect("it is UTF-8"));
                vec!["unshare", "-rm", "sh", "-c", DISK, "sh", ROOM, paths[0], paths[1]]
            }
            Self::Files(_) => vec!["sh", "-c", FILES, "sh"],
        }
    }

    fn run(&self, run: Wstap) -> Wstap {
        run.under(&self.wrapper())
    }

    /// The same on a disk that a file has filled before.
    fn run_filled(&self, run: Wstap) -> Wstap {
        const FILLED: &str = r#"head -c 1m /dev/zero > "$0/filling" 2> /dev/null; exec "$@""#;
        self.run(run.under(&["sh", "-c", FILLED, &self.path("")]))
    }

    /// Nothing else is left on it.
    #[track_caller]
    fn has_one_file(&self) {
        let names: Vec<_> = fs::read_dir(self.left()).expect("a folder").flatten().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    /// What the system says.
    fn error(&self) -> &'static str {
        match self {
            Self::Disk(..) => "No space left on device",
            Self::Files(_) => "File too large",
        }
    }

    /// What helps.
    fn remedy(&self) -> &'static str {
        match self {
            Self::Disk(..) => "free some space",
            Self::Files(_) => "ulimit -f",
        }
    }
}

/// Numbered messages, and then the end.
fn numbers() -> Server {
    Server::websocket(|peer| {
        let pad = "x".repeat(80);
        for n in 1..=MESSAGES {
            peer.text(&format!(r#"{{"n":{n},"pad":"{pad}"}}"#));
        }
        peer.close_well(1000);
    })
}

fn connect(server: &Server, args: &[&str]) -> Wstap {
    wstap(&["connect", &server.url()]).args(args)
}

/// The numbers in whole lines, which have to be the first.
#[track_caller]
fn count<'a>(lines: impl Iterator<Item = &'a str>) -> u64 {
    let whole = lines.map_while(|line| serde_json::from_str::<Value>(line).ok()).map(|line| {
        let message = if line["type"] == "message" { &line["data"] } else { &line };
        message["n"].as_u64()
    });
    let in_order = whole.flatten().zip(1..).map(|(got, expected)| assert_eq!(got, expected));
    in_order.count() as u64
}

fn read(place: &Small, name: &str) -> String {
    fs::read_to_string(place.left().join(name)).expect("the file is there")
}

/// How many messages are said to be missing from the output.
#[track_caller]
fn missing(out: &Output) -> u64 {
    let line = out.stderr.lines().find(|line| line.contains(" missing from the output"));
    let number = line.and_then(|line| line.split_whitespace().next()).expect("it is said");
    number.parse().expect("a number")
}

#[test]
fn the_file_of_output() {
    for place in Small::places() {
        let server = numbers();
        let file = place.path("lines");
        let out = place.run(connect(&server, &["-o", &file])).run();
        out.exits(30).says(&format!("cannot write --output {file}: {}", place.error()));
        out.says(place.remedy());
        let text = read(&place, "lines");
        let written = count(text.lines());
        assert!(written > 500 && written + missing(&out) <= MESSAGES, "{written}, {}", out.stderr);
        assert!(!text.ends_with('\n'), "the disk was full in the middle of a line");
        // With room again, it goes on after the last whole line.
        let file = place.left().join("lines");
        let server = Server::websocket(|peer| {
            peer.text("[]");
            peer.close_well(1000);
        });
        let again = connect(&server, &["-o", file.to_str().expect("it is UTF-8")]).run();
        again.exits(0).says("removed an incomplete last line");
        let text = read(&place, "lines");
        assert_eq!((count(text.lines()), text.ends_with("\n[]\n")), (written, true));
    }
}

#[test]
fn a_recording_that_is_cut_off_costs_no_line_of_the_output() {
    for place in Small::places() {
        let server = numbers();
        let file = place.path("all");
        let out = place.run(connect(&server, &["--record", &file])).run();
        out.exits(30).says(&format!("cannot write --record {file}: {}", place.error()));
        out.says(place.remedy());
        let recorded = count(read(&place, "all").lines());
        let lines = count(out.lines().into_iter());
        assert!(recorded > 100 && lines > recorded, "{recorded} records, {lines} lines");
        assert!(out.stdout.ends_with("}\n"), "the output ends with a whole line");
        // What was recorded can be read.
        let recording = place.left().join("all");
        let again = wstap(&["connect", "--from", recording.to_str().expect("it is UTF-8")]).run();
        assert_eq!(count(again.lines().into_iter()), recorded, "{}", again.stderr);
    }
}

#[test]
fn neither_of_two_files_that_are_cut_off_is_forgotten_over_the_other() {
    for place in Small::places() {
        let server = numbers();
        let (lines, all) = (place.path("lines"), place.path("all"));
        let out = place.run(connect(&server, &["-o", &lines, "--record", &all])).run();
        out.exits(30);
        let recording_failed =
            out.stderr.contains(&format!("cannot write --record {all}: {}", place.error()));
        let (lines, recorded) = (count(read(&place, "lines").lines()), count(read(&place, "all").lines()));
        match place {
            Small::Files(_) => {
                assert!(recording_failed, "{}", out.stderr);
                assert!(lines > recorded && recorded > 100, "{lines} lines, {recorded} records");
            }
            // On one disk it is a matter of chance which of them gets how much. If the lines fill it, the last records
            // may still fit: then there is one for each message that was received.
            Small::Disk(..) => assert!(
                recording_failed || recorded == lines + missing(&out),
                "{lines} lines, {recorded} records, {}",
                out.stderr
            ),
        }
    }
    let out = crate::harness::connect(&["--record", "/dev/full", "--count", "1"], |peer| {
        peer.text("1");
        peer.wait_for_end();
    });
    assert_eq!(out.exits(30).says("--record /dev/full").stdout, "1\n");
}

#[test]
fn what_could_not_be_written_is_told_where_a_signal_ends_the_session_as_well() {
    let (closed, is_closed) = channel();
    let server = Server::websocket(move |peer| {
        peer.text("1");
        peer.read_close();
        closed.send(()).expect("the test waits");
        peer.wait_for_end();
    });
    let run = connect(&server, &["--record", "/dev/full"]).spawn();
    is_closed.recv().expect("the session ends for its recording");
    run.signal("INT");
    run.finish().exits(130).says("cannot write --record /dev/full");
}

#[test]
fn a_har_that_does_not_fit_leaves_its_recording() {
    for place in Small::places() {
        // A file that is made of one that was cut off fits where that one did.
        let Small::Disk(..) = place else { continue };
        let server = numbers();
        let file = place.path("all.har");
        let out = place.run(connect(&server, &["--record", &file])).run();
        out.exits(30).says(&format!("cannot write --record {file}: {}", place.error()));
        out.says("the file is a wstap recording");
        let recorded = count(read(&place, "all.har").lines());
        assert!(recorded > 100);
        // What was recorded can be read, under the name that it has.
        let recording = place.left().join("all.har");
        let again = wstap(&["connect", "--from", recording.to_str().expect("it is UTF-8")]).run();
        assert_eq!(count(again.exits(0).lines().into_iter()), recorded);
        assert_eq!(again.lines().len() as u64, recorded, "no half line is a message");
        place.has_one_file();
    }
}

#[test]
fn a_cursor_that_cannot_be_kept_is_told_at_once_and_at_the_end() {
    for place in Small::places() {
        let Small::Disk(..) = place else { continue };
        let (mock, port) = clients::serve(&["kadoa", "--rate", "1000", "--events", "50", "--then", "close"]);
        let file = place.path("cursor");
        let run = clients::of("kadoa").subscribe(port).args(&["--no-reconnect", "--cursor-file", &file]);
        let out = place.run_filled(run).run();
        drop(mock);
        out.exits(30)
            .says("will retry with the next cursor")
            .says(&format!("error: cannot write --cursor-file {file}: {}", place.error()));
        assert_eq!(out.lines().len(), 50, "the events are there all the same");
        place.has_one_file();
    }
}

#[test]
fn what_waits_for_its_reader_in_memory_and_on_a_full_disk_is_still_written() {
    for place in Small::places() {
        let server = Server::websocket(|peer| {
            let pad = "x".repeat(980);
            for n in 1..=40_000 {
                peer.text(&format!(r#"{{"n":{n},"pad":"{pad}"}}"#));
            }
            peer.wait_for_end();
        });
        let run = connect(&server, &["--overflow", "spill", "--buffer", "100K"]);
        let mut run = place.run(run.env("TMPDIR", &place.path(""))).spawn();
        let warning = run.notice("the buffered output will still be written");
        assert!(warning.contains(place.error()) && warning.contains(&place.path("")), "{warning}");
        let out = run.finish();
        out.exits(30).says("output buffer full").says("TMPDIR");
        let lines = count(out.lines().into_iter());
        assert!(lines > 200 && out.stdout.ends_with("}\n"), "{lines} lines");
    }
}

#[test]
fn the_file_with_the_port_of_a_mock() {
    for place in Small::places() {
        let Small::Disk(..) = place else { continue };
        let file = place.path("port");
        let run = wstap(&["serve-mock", "--port-file", &file]);
        let out = place.run_filled(run).run();
        out.exits(30).says(&format!("--port-file {file}: {}", place.error()));
        place.has_one_file();
    }
}

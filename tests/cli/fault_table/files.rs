//! Every dialect file that is built in meets every fault of the mock, as in the example of the file, in one process.

use super::table::TABLE;
use super::terms::{AGAIN, After, COUNT, Flow, ONCE, Row, Seen};
use super::{shows, told};
use crate::library::{for_every_file, run};

#[test]
fn every_dialect_file_meets_every_fault() {
    for_every_file(|name, text| {
        let file = FileClient { name, text };
        let legal = TABLE.iter().filter(|row| is_legal(row));
        let all: Vec<String> = legal.map(|row| format!("--fault '{}'", row.fault)).collect();
        file.meets(&all.join(" "), &TABLE.iter().find(|row| is_legal(row)).unwrap().session);
        for row in TABLE.iter().filter(|row| !is_legal(row) && !file.is_loss(row)) {
            file.meets(&format!("--fault '{}'", row.fault), &row.seen_by(name, row.session));
        }
        file.gets_over_losses();
    });
}

/// The number of each event, for files that ask the server to send again what was missed.
const REPLAYED: &[(&str, &str)] = &[
    ("bluesky-jetstream", ".commit.rev[2:] | tonumber"),
    ("centrifugo", ".offset"),
    ("discord", ".s"),
    ("kubernetes", ".object.metadata.resourceVersion | tonumber"),
    ("mattermost", ".seq"),
    ("nostr", ".id[:16] | tonumber"),
    ("ntfy", ".id[1:] | tonumber"),
];

/// Nothing comes of it, even with others of its kind.
fn is_legal(row: &Row) -> bool {
    row.session.flow == Flow::Same && row.session.client == COUNT
}

/// The client of a file, and its mock.
struct FileClient<'a> {
    name: &'a str,
    text: &'a str,
}

impl FileClient<'_> {
    /// One connection is lost, and another made.
    fn is_loss(&self, row: &Row) -> bool {
        row.after(self.name) == After::Another && row.session.client == ONCE
    }

    fn meets(&self, faults: &str, seen: &Seen) {
        let mock = format!("{} {faults}", seen.mock.join(" "));
        let out = run(self.text, &mock, &[seen.client, &["--envelope", "--max-time", "100s"]].concat());
        let case = format!("{} {faults}\nstdout:\n{}\nstderr:\n{}", self.name, out.stdout, out.stderr);
        shows(&out, seen, &case);
    }

    /// The losses, and a mock that has all of them: each connection meets the first that is left.
    fn losses(&self) -> (usize, String) {
        let losses: Vec<&Row> = TABLE.iter().filter(|row| self.is_loss(row)).collect();
        let spec = |(row, number): (&&Row, usize)| {
            let fault = row.fault.trim_end_matches("@3");
            format!("--fault 'fail-first={number}:{fault}@{}'", number + 2)
        };
        let faults: Vec<String> = losses.iter().zip(1..).map(spec).collect();
        (losses.len(), faults.join(" "))
    }

    fn gets_over_losses(&self) {
        let (count, faults) = self.losses();
        let again = ["--max-time", "100s", "--count", "120"];
        let out = run(self.text, &faults, &[AGAIN, &again, &["--envelope"]].concat());
        let expected = format!("open{} close summary", " close reconnect open gap".repeat(count));
        let records = out.exits(0).json();
        assert_eq!(told(&records), expected, "{}: {}\n{}", self.name, out.stdout, out.stderr);
        let Some((_, number)) = REPLAYED.iter().find(|(name, _)| *name == self.name) else {
            return assert!(!self.text.contains("$cursor"), "{}: name the numbers of its events", self.name);
        };
        let out = run(self.text, &faults, &[AGAIN, &again, &["-f", number]].concat());
        let numbers: Vec<u64> = out.exits(0).lines().iter().map(|line| line.parse().unwrap()).collect();
        let all: Vec<u64> = (numbers[0]..).take(numbers.len()).collect();
        assert_eq!(numbers, all, "{}: {}", self.name, out.stderr);
    }
}

//! The commands where people put them: before `head`, in a `while read` loop, under `nohup`.

use crate::harness::{Output, wstap};

const TOPIC: &str = "customer_id:12345678-1234-1234-1234-123456789012:call:*";

/// Every command that writes lines, from a mock that never ends.
fn endless() -> Vec<Vec<&'static str>> {
    vec![
        vec!["connect", "--mock", "-x", "1", "--echo", "--linger", "forever"],
        vec!["subscribe", "--mock=--rate max", "-d", "voipbin", TOPIC],
        vec!["watch-campaign", "--mock=--rate 50", "--all"],
        vec!["probe-handshake", "--mock", "--repeat", "1000000", "--interval", "0"],
        vec!["serve-mock", "--announce", "json", "--exit-after", "1ms"],
        vec!["completions", "bash"],
        vec!["man"],
    ]
}

/// Runs a shell script that gets the command as its arguments.
fn shell(command: &[&str], script: &str, stdin: &str) -> Output {
    wstap(command).under(&["bash", "-c", script, "bash"]).stdin(stdin).run()
}

#[test]
fn head_ends_every_command_in_good_order() {
    std::thread::scope(|scope| {
        for command in endless() {
            scope.spawn(move || {
                let script = "\"$@\" | head -n 1; echo \"${PIPESTATUS[0]}\"";
                let out = shell(&command, script, "");
                let lines = out.exits(0).lines();
                // A command that has written all there is may not notice; a signal of the pipe it never dies of.
                assert_eq!((lines.len(), lines[1]), (2, "0"), "{command:?} {}", out.stderr);
                assert!(!out.stderr.contains("error"), "{command:?} {}", out.stderr);
            });
        }
    });
}

#[test]
fn a_while_read_loop_keeps_its_lines() {
    let commands: [&[&str]; 5] = [
        &["subscribe", "--mock=--rate max", "-q", "-d", "voipbin", TOPIC, "--count", "1", "-f", "1"],
        &["watch-campaign", "--mock=--rate max --contacts 4", "-q", "42", "--count", "1", "-f", "1"],
        &["probe-handshake", "--mock", "-q", "--expect-status", "101"],
        &["serve-mock", "-q", "--exit-after", "1ms"],
        // It sends its standard input, so it has to be given one of its own.
        &["connect", "--mock", "-q", "-x", "1", "--count", "1"],
    ];
    for command in commands {
        let input = if command[0] == "connect" { "< /dev/null" } else { "" };
        let script = format!("while read -r line; do \"$@\" {input} > /dev/null; echo \"$line $?\"; done");
        let out = shell(command, &script, "a\nb\nc\n");
        assert_eq!(out.exits(0).stdout, "a 0\nb 0\nc 0\n", "{command:?} {}", out.stderr);
    }
}

#[test]
fn nohup_takes_standard_input_and_the_hangup_away() {
    // What nohup does where standard input is a terminal: it cannot be read, and SIGHUP is ignored.
    let script = "trap '' HUP; exec \"$@\" 0> /dev/null";
    for (command, ends_by_itself) in [
        (&["connect", "--mock", "-x", "1", "--count", "1"][..], true),
        (&["subscribe", "--mock=--rate 50", "-d", "voipbin", TOPIC], false),
        (&["watch-campaign", "--mock=--rate 5", "--all", "--envelope"], false),
        (&["probe-handshake", "--mock", "--repeat", "100000", "--interval", "10ms"], false),
        (&["serve-mock"], false),
    ] {
        let mut run = wstap(command).under(&["sh", "-c", script, "sh"]).spawn();
        assert!(!run.line().is_empty(), "{command:?}");
        if !ends_by_itself {
            run.signal("HUP");
            // It goes on.
            if command[0] != "serve-mock" {
                (0..3).for_each(|_| drop(run.line()));
            }
            run.signal("TERM");
        }
        let out = run.finish();
        let status = if ends_by_itself || command[0] == "serve-mock" { 0 } else { 143 };
        assert_eq!(out.code, Some(status), "{command:?} {}", out.stderr);
    }
}

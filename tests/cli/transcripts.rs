//! What a person sees on terminals of 60, 80 and 120 columns: help, errors, the prompt and a watch. Help and the prompt
//! break lines between words; an error is one line, which the terminal breaks.

use super::pty::{Pty, on_pty};

const WIDTHS: [u16; 3] = [60, 80, 120];

/// The rows of the screen, none of which the terminal had to break.
fn rows(pty: &Pty, columns: u16) -> Vec<String> {
    // Rows that the terminal broke are one row here.
    let rows: Vec<String> = pty.contents().lines().map(|row| row.trim_end().to_owned()).collect();
    for row in &rows {
        assert!(row.chars().count() <= usize::from(columns), "wider than {columns} columns: {row}");
    }
    rows
}

#[test]
fn help_fits_the_terminal() {
    for columns in WIDTHS {
        for command in ["connect", "subscribe", "watch-campaign", "probe-handshake", "serve-mock"] {
            let pty = on_pty(&[command, "-h"]).size(250, columns).spawn();
            pty.shows("to list all options");
            let screen = pty.contents();
            let rows: Vec<&str> = screen.lines().map(str::trim_end).collect();
            let widest = rows.iter().map(|row| row.chars().count()).max().unwrap();
            // Examples are commands to copy, and stay whole.
            assert!(widest <= 80, "{command}: {widest}");
            assert!(rows.iter().any(|row| row.starts_with("Usage: wstap ")), "{rows:?}");
            pty.exits(0);
        }
    }
}

#[test]
fn errors_say_what_happened_and_what_to_do() {
    for columns in WIDTHS {
        for (args, what, hint) in [
            (
                &["connect", "--filtr", "."][..],
                "wstap: error: unknown option '--filtr'",
                "  hint: use --filter",
            ),
            (&["connect", "--mock", "-f", ".a |"], "wstap: error: --filter does not compile: ", "    .a |"),
            (&["probe-handshake", "htp://x"], "wstap: error: not a WebSocket URL: ", "  hint: "),
        ] {
            let pty = on_pty(args).size(30, columns).env("NO_COLOR", "1").spawn();
            pty.shows(hint.trim());
            let screen = pty.contents();
            let rows: Vec<&str> = screen.lines().collect();
            assert!(rows[0].starts_with(what), "{columns}: {rows:?}");
            assert!(rows.iter().any(|row| row.starts_with(hint)), "{columns}: {rows:?}");
            let (code, _) = pty.ends();
            assert!(code.is_some_and(|code| code == 2 || code == 3), "{code:?}");
        }
    }
}

#[test]
fn the_prompt_breaks_notices_between_words() {
    for columns in WIDTHS {
        let args = ["connect", "--mock=--fault close=1011:a-rather-long-reason-of-the-server@1"];
        let mut pty = on_pty(&args).size(100, columns).env("NO_COLOR", "1").spawn();
        pty.shows("open> 0/s");
        pty.line("hello");
        pty.shows("lost> /reconnect connects again");
        pty.keys("/help\r");
        pty.shows("/quit");
        let screen = rows(&pty, columns).join("\n");
        for text in ["→ 1 hello", "← 2 hello", "a-rather-long-reason-of-the-server", "/filter [EXPR|off]"]
        {
            assert!(screen.contains(text), "{columns}: {text} in\n{screen}");
        }
        pty.keys("/exit\r");
        pty.ends();
    }
}

#[test]
fn a_watch_fits_the_terminal() {
    for columns in WIDTHS {
        let mut pty = on_pty(&["watch-campaign", "42", "--mock=--seed 7"]).size(30, columns).spawn();
        pty.shows("q quit");
        pty.keys("?");
        pty.shows("refresh now");
        rows(&pty, columns);
        pty.keys("q");
        pty.ends();
    }
}

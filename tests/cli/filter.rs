//! Filters, from the command line to the exit status.

use std::io::Write as _;

use crate::harness::{Output, Server, given_time, wstap};

/// Runs `connect --from -` with these arguments over these lines.
fn filtered(args: &[&str], input: &str) -> Output {
    wstap(&["connect", "--from", "-"]).args(args).stdin(input).run()
}

#[test]
fn a_filter_maps_messages_to_lines() {
    let cases: &[(&[&str], &str, &str)] = &[
        (&["-f", ".a"], "{\"a\":1}\n{\"a\":\"x\"}\n", "1\n\"x\"\n"),
        (&["--jq", ".a,.b"], "{\"a\":1,\"b\":2}\n", "1\n2\n"),
        (&["--filter=select(.a)"], "{\"a\":false}\n{\"a\":true}\n", "{\"a\":true}\n"),
        (&["-f", ".a", "-r"], "{\"a\":\"x y\"}\n{\"a\":[\"z\"]}\n", "x y\n[\"z\"]\n"),
        (&["-f", ".a", "-j"], "{\"a\":\"x\"}\n{\"a\":1}\n", "x1"),
        (&["-f", "-.a"], "{\"a\":1}\n", "-1\n"),
        (&["-f", "$who + .a", "--arg", "who", "-x"], "{\"a\":\"y\"}\n", "\"-xy\"\n"),
        (&["-f", "$n + .a", "--argjson", "n", "2"], "{\"a\":1}\n", "3\n"),
        (&["-f", "[$a, $b]", "--arg", "a", "1", "--arg", "b", "2"], "{}\n", "[\"1\",\"2\"]\n"),
        (&["-f", "length"], "plain text\n", "10\n"),
        (&["-f", "."], "[100000000000000000000000001,1.0,1e2]\n", "[100000000000000000000000001,1.0,1e2]\n"),
        (&["-f", ".a"], "{\"a\":100000000000000000000000001}\n", "100000000000000000000000001\n"),
        (&["-f", "[.[]]"], "[1.0,12345678901234567890]\n", "[1.0,12345678901234567890]\n"),
        (&["-f", ".data", "--envelope"], "{\"a\":1}\n", "{\"a\":1}\n"),
        (&["-f", ".seq", "--envelope"], "{}\n{}\n", "1\n2\n"),
        (&["-f", "empty"], "{}\n", ""),
        (&["-n", "-f", "[inputs.a]"], "{\"a\":1}\n{\"a\":2}\n", "[1,2]\n"),
        (&["-n", "-f", "input, input"], "1\n2\n3\n", "1\n2\n"),
        (&["-n", "-f", "limit(2; inputs)"], "1\n2\n3\n", "1\n2\n"),
    ];
    for (args, input, expected) in cases {
        assert_eq!(filtered(args, input).exits(0).stdout, *expected, "{args:?}");
    }
}

#[test]
fn programs_and_values_come_from_files_and_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let program = file("p.jq", "# picks\n.a\n| . + 1\n");
    assert_eq!(filtered(&["--filter-file", &program], "{\"a\":1}\n").exits(0).stdout, "2\n");
    let values = file("v.json", "1 {\"b\":2}\n[3]");
    let out = filtered(&["--slurpfile", "v", &values, "-f", "$v"], "{}\n");
    assert_eq!(out.exits(0).stdout, "[1,{\"b\":2},[3]]\n");
    let out = wstap(&["connect", "--from", "-", "-f", "$ENV.MY, env.MY"]).env("MY", "x").stdin("{}\n").run();
    assert_eq!(out.exits(0).stdout, "\"x\"\n\"x\"\n");
    let broken = file("broken.jq", ".a |\n  .b[");
    let nothing = file("nothing.jq", "# nothing\n\n");
    assert_eq!(filtered(&["--filter-file", &nothing], "1.0\n").exits(0).stdout, "1.0\n");
    filtered(&["--filter-file", &broken], "").exits(3).says("--filter-file");
    filtered(&["--filter-file", "/nonexistent.jq"], "").exits(2).says("/nonexistent.jq");
    filtered(&["--slurpfile", "v", "/nonexistent.json", "-f", "."], "").exits(2).says("/nonexistent.json");
    filtered(&["--argjson", "v", "{", "-f", "$v"], "").exits(2).says("--argjson");
}

#[test]
fn the_last_output_gives_the_status() {
    for (program, input, status) in [
        (".a", "{\"a\":true}\n", 0),
        (".a", "{\"a\":false}\n", 1),
        (".a", "{\"a\":true}\n{\"a\":null}\n", 1),
        (".a", "{\"a\":null}\n{\"a\":0}\n", 0),
        ("empty", "{}\n", 4),
        (".a", "", 4),
    ] {
        filtered(&["-e", "-f", program], input).exits(status);
        filtered(&["-f", program], input).exits(0);
    }
}

#[test]
fn what_does_not_compile_is_refused_before_anything_connects() {
    for args in [
        ["-f", ".a | nosuch(1)"],
        ["-f", ".a["],
        ["-f", "$nope"],
        ["--until", ".a =="],
        ["--fail-if", "}"],
        ["--reply", "\"x"],
    ] {
        // Were it to connect, the status would be 11.
        let out = wstap(&["connect", "ws://127.0.0.1:1/"]).args(&args).run();
        out.exits(3).says(args[0].trim_start_matches('-'));
        let caret = |line: &str| line.contains('^');
        assert!(out.stderr.lines().any(caret), "{args:?}: {}", out.stderr);
        assert_eq!(out.stdout, "");
    }
    let out = filtered(&["-f", ".first | nosuch"], "");
    let lines: Vec<&str> = out.stderr.lines().collect();
    let source = lines.iter().position(|line| line.contains(".first | nosuch")).unwrap();
    let shown = lines[source].find("nosuch").unwrap();
    let caret = lines[source..].iter().find_map(|line| line.find('^')).unwrap();
    assert_eq!(caret, shown, "{}", out.stderr);
}

#[test]
fn an_error_on_one_message_is_a_notice_and_a_count() {
    let input = "{\"a\":1}\n{\"a\":{}}\n{\"a\":3}\n";
    let out = filtered(&["-f", ".a + 1"], input);
    assert_eq!(out.exits(0).says("jq").stdout, "2\n4\n");
    let out = filtered(&["-f", ".a + 1", "--filter-errors", "fail"], input);
    assert_eq!(out.exits(5).says("jq").stdout, "2\n");
    filtered(&["--until", ".a + 1 > 5", "--filter-errors", "fail"], input).exits(5);
    let server = Server::websocket(|peer| {
        ["1", "{}", "{}", "2"].iter().for_each(|text| peer.text(text));
        peer.close_well(1000);
    });
    let out = wstap(&[
        "connect",
        &server.url(),
        "--envelope",
        "-f",
        "if .type == \"message\" then .data + 1 else . end",
    ])
    .run();
    out.exits(0);
    let summary = out.json().into_iter().find(|line| line["type"] == "summary").unwrap();
    assert_eq!(summary["filter_errors"], 2);
    assert_eq!(&out.lines()[1..3], ["2", "3"]);
}

#[test]
fn a_program_may_end_the_run() {
    let out = filtered(&["-f", "., halt"], "1\n2\n");
    assert_eq!(out.exits(0).stdout, "1\n");
    let out = filtered(&["-f", "if . == 2 then \"bye\\n\" | halt_error else . end"], "1\n2\n3\n");
    assert_eq!(out.exits(5).says("bye").stdout, "1\n");
    let out = filtered(&["-f", "\"seen\" | halt_error(1)"], "1\n");
    assert_ne!(out.code, Some(0));
    out.says("seen");
}

#[test]
fn debugging_output_goes_to_stderr() {
    let out = filtered(&["-f", ".a | debug | stderr"], "{\"a\":\"dbg\"}\n");
    assert_eq!(out.exits(0).stdout, "\"dbg\"\n");
    assert_eq!(out.stderr.matches("dbg").count(), 2, "{}", out.stderr);
}

#[test]
fn conditions_see_the_variables() {
    let input = "{\"s\":\"new\"}\n{\"s\":\"done\"}\n{\"s\":\"late\"}\n";
    let out = filtered(&["--until", ".s == $end", "--arg", "end", "done"], input);
    assert_eq!(out.exits(0).stdout, "{\"s\":\"new\"}\n{\"s\":\"done\"}\n");
    let out = filtered(&["--fail-if", ".s == $bad", "--arg", "bad", "done"], input);
    assert_eq!(out.exits(1).says("--fail-if").lines()[0], "{\"s\":\"new\"}");
    filtered(&["--until", ".s == \"never\""], input).exits(1).says("--until never matched");
    // Conditions see the message, whatever the filter prints.
    let out = filtered(&["--until", ".s == \"done\"", "-f", ".s"], input);
    assert_eq!(out.exits(0).stdout, "\"new\"\n\"done\"\n");
}

#[test]
fn what_is_no_json_reaches_a_filter_as_a_string() {
    let server = Server::websocket(|peer| {
        peer.text("not {json");
        peer.frame(2, b"\x00\xff");
        peer.text("");
        peer.close_well(1000);
    });
    let out = wstap(&["connect", &server.url(), "-f", "[type, .]", "--binary", "hex"]).run();
    assert_eq!(
        out.exits(0).lines(),
        ["[\"string\",\"not {json\"]", "[\"string\",\"00ff\"]", "[\"string\",\"\"]"]
    );
}

#[test]
fn bombs_are_errors_and_the_stream_goes_on() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let input = format!("{deep}\n\"\\ud800\"\n1\n");
    let out = filtered(&["-f", "[.] | length"], &input);
    assert_eq!(out.exits(0).lines().last(), Some(&"1"));
    let out = filtered(&["-f", "reduce range(20000) as $i (0; [.])"], "1\n2\n");
    assert_eq!(out.code, Some(0), "{}", out.stderr);
}

#[test]
fn inputs_are_lazy_on_a_live_connection() {
    let server = Server::websocket(|peer| {
        ["{\"t\":1}", "{\"t\":2}", "{\"t\":1}", "{\"t\":1}"].iter().for_each(|text| peer.text(text));
        // Nothing more comes: only the program can end this.
        assert_eq!(peer.read_close(), Some(1000));
    });
    let out = wstap(&["connect", &server.url(), "-n", "-f", "limit(3; inputs | select(.t == 1))"]).run();
    assert_eq!(out.exits(0).lines().len(), 3);
    server.join();
}

#[test]
fn senseless_combinations_are_usage() {
    for args in [
        &["--count", "0"][..],
        &["--count", "-1"],
        &["-n"],
        &["-f", ".", "--filter-file", "x"],
        &["--arg", "only"],
        &["-f", ".", "--binary", "raw", "--envelope"],
        &["--filter-errors", "maybe"],
    ] {
        filtered(args, "").exits(2);
    }
}

#[test]
fn an_error_ends_a_program_over_the_stream() {
    let out = wstap(&["connect", "--from", "-", "-n", "-f", "inputs + 1"]).stdin("1\n\"x\"\n3\n").run();
    assert_eq!(out.exits(5).stdout, "2\n");
}

#[test]
fn good_lines_before_a_bad_one_are_written() {
    for args in [&[][..], &["-f", "."], &["-n", "-f", "inputs"]] {
        let run = wstap(&["connect", "--from", "-"]).args(args).stdin(&b"1\n2\n\xff\n3\n"[..]).run();
        assert_eq!(run.exits(2).says("line 3").stdout, "1\n2\n", "{args:?}");
    }
    let run = wstap(&["connect", "--from", "-", "--count", "2"]).stdin(&b"1\n2\n\xff\n"[..]).run();
    assert_eq!(run.exits(0).stdout, "1\n2\n");
}

#[test]
fn the_messages_of_others_are_not_taken_for_records() {
    let line = "{\"v\":1,\"ts\":\"2026\",\"type\":\"trade\",\"p\":1}\n";
    assert_eq!(filtered(&[], line).exits(0).stdout, line);
}

#[test]
fn records_pass_as_they_stand_when_records_are_asked_for() {
    let ts = "2026-01-02T03:04:05.678901Z";
    let open = format!(r#"{{"v":1,"ts":"{ts}","type":"open","conn":3,"url":"ws://h/"}}"#);
    let message = |dir, data| {
        format!(r#"{{"v":1,"ts":"{ts}","type":"message","conn":3,"dir":"{dir}","seq":7,"data":{data}}}"#)
    };
    let lines = [open, message("out", "1"), message("in", "2.0"), "{\"a\":1}".to_owned()].join("\n");
    let out = filtered(&["--envelope"], &lines);
    let (records, plain) = out.exits(0).stdout.rsplit_once(r#"{"v":1,"#).unwrap();
    assert_eq!(records, lines.strip_suffix("{\"a\":1}").unwrap());
    assert!(plain.contains(r#""seq":1,"#) && plain.ends_with("\"data\":{\"a\":1}}\n"), "{plain}");
    let filter = r#"[.type, .dir, .conn, .seq]"#;
    let out = filtered(&["--envelope", "-f", filter, "--until", r#".dir == "in""#], &lines);
    let expected = "[\"open\",null,3,null]\n[\"message\",\"out\",3,7]\n[\"message\",\"in\",3,7]\n";
    assert_eq!(out.exits(0).stdout, expected);
    assert_eq!(filtered(&[], &lines).exits(0).stdout, "2.0\n{\"a\":1}\n");
}

#[test]
fn time_can_be_up_offline_too() {
    for (option, status) in [("--max-time", 0), ("--idle-timeout", 0), ("--count=9", 1)] {
        let is_time = !option.starts_with("--count");
        given_time(|limit| {
            let args = if is_time { vec![option, limit] } else { vec![option, "--max-time", limit] };
            let (mut run, mut stdin) = wstap(&["connect", "--from", "-"]).args(&args).spawn_fed();
            // The time may be up before there is anybody who reads it.
            let _ = stdin.write_all(b"1\n");
            let line = run.line();
            run.finish().exits(status);
            (!line.is_empty()).then(|| assert_eq!(line, "1\n"))
        });
    }
    // Nor does a program without an end outlast it, once it has begun.
    given_time(|limit| {
        let out = filtered(&["--max-time", limit, "-f", "last(repeat(.))"], "1\n");
        (out.code != Some(0)).then(|| out.exits(30).says("not read in time").code)
    });
}

#[test]
fn nothing_is_sent_offline() {
    for args in
        [&["-x", "a"][..], &["--binary-in", "hex"], &["--linger", "1s"], &["--echo"], &["--reply", "."]]
    {
        filtered(args, "").exits(2).says("--from");
    }
    // What was not typed gives way.
    let run = wstap(&["connect", "--from", "-"]).env("WSTAP_SEND", "a").env("WSTAP_LINGER", "1s");
    let run = run.env("WSTAP_BUFFER", "1M").env("WSTAP_OVERFLOW", "exit").env("WSTAP_SPILL_LIMIT", "1M");
    assert_eq!(run.stdin("1\n").run().exits(0).stdout, "1\n");
}

/// The errors of all programs that see a message quote it, and it may have 64 MiB.
#[test]
fn an_error_has_a_line_whatever_the_message_is() {
    const KEY: &str = "s3cr3t-key-that-would-be-cut";
    let message = format!("[\"{}\"]\n", "x".repeat(1 << 20));
    let runs: &[&[&str]] = &[
        &["-f", "error"],
        &["-f", "error(tojson)"],
        &["-f", "halt_error"],
        &["-f", "error", "--filter-errors", "fail"],
        &["-n", "-f", "inputs | error"],
        &["--until", "error"],
        &["--fail-if", "error"],
    ];
    for args in runs {
        let out = filtered(args, &message);
        assert!(out.stderr.len() < 1000, "{args:?}: {} bytes", out.stderr.len());
        assert!(out.stderr.contains(" bytes)…"), "{args:?}: {}", out.stderr);
    }
    // Wherever the text is cut, no part of a credential is left.
    for (before, after) in [(173, 999), (185, 999), (199, 999), (999, 73), (999, 85), (999, 99)] {
        let server = Server::websocket(move |peer| {
            peer.text(&format!("\"{}{KEY}{}\"", "x".repeat(before), "y".repeat(after)));
            peer.read_close();
        });
        let args = ["connect", &server.url(), "--token-env", "KEY", "-f", "error", "--filter-errors", "fail"];
        let out = wstap(&args).env("KEY", KEY).run();
        server.join();
        assert!(!out.exits(5).stderr.contains("s3cr"), "{before}: {}", out.stderr);
    }
}

#[test]
fn programs_import_modules_and_data() {
    let folder = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    let write = |path: std::path::PathBuf, text: &str| std::fs::write(path, text).unwrap();
    write(folder.path().join("m.jq"), "def twice: . * 2;\n");
    write(folder.path().join("d.json"), "{\"x\":5}");
    write(home.path().join(".jq"), "def mine: \"home\";\n");
    let path = folder.path().to_str().unwrap();
    let run = |args: &[&str]| {
        wstap(&["connect", "--from", "-"])
            .args(args)
            .env("HOME", home.path().to_str().unwrap())
            .stdin("3\n")
            .run()
    };
    let out = run(&[
        "--library-path",
        path,
        "-f",
        "import \"m\" as m; import \"d\" as $d; m::twice + $d[0].x, mine",
    ]);
    assert_eq!(out.exits(0).stdout, "11\n\"home\"\n");
    run(&["-f", "import \"m\" as m; 1"]).exits(3).says("module `m` not found");
    run(&["-f", "import \"d\" as $d; ."]).exits(3).says("module `d` not found");
    write(folder.path().join("bad.jq"), "def f: ;\n");
    run(&["--library-path", path, "-f", "include \"bad\"; 1"])
        .exits(3)
        .says("bad.jq: expected an expression before `;`");
    run(&["--until", "import \"d\" as $d; true"]).exits(3).says("--until does not compile");
}

#[test]
fn conditions_leave_lines_as_they_came() {
    let odd = "{\"a\" : 1,  \"a\":1.50, \"s\":\"\\u00e9\\/\", \"n\":NaN}\n[ 1 ]\nplain\n";
    let unfiltered = filtered(&[], odd).exits(0).stdout.clone();
    for args in [["--until", "false"], ["--fail-if", ".a? == 7"]] {
        assert_eq!(filtered(&args, odd).stdout, unfiltered, "{args:?}");
    }
    let server = Server::websocket(|peer| {
        peer.text("{\"a\" : 1,  \"a\":1.50}");
        peer.read_close();
    });
    let out = wstap(&["connect", &server.url(), "--reply", "empty", "--count", "1"]).run();
    assert_eq!(out.exits(0).stdout, "{\"a\" : 1,  \"a\":1.50}\n");
    server.join();
}

#[test]
fn what_is_almost_json_is_json_to_a_program() {
    let input = "{\"price\":NaN,\"id\":1}\n\u{feff}{\"id\":2}\n{\"id\":\"\\ud83d\"}\n";
    assert_eq!(filtered(&["-f", ".id"], input).exits(0).stdout, "1\n2\n\"\u{fffd}\"\n");
    let out = filtered(&["-f", ".id"], "{\"price\":}\n");
    out.exits(0).says("not JSON: unexpected `}` at byte 9").says("Cannot index string");
    filtered(&["-n", "-f", "input.id"], "{\"price\":}\n").says("not JSON: unexpected `}` at byte 9");
}

#[test]
fn a_wrong_regular_expression_is_refused_at_the_start() {
    filtered(&["-f", "select(.id | test(\"(\"))"], "").exits(3).says("unmatched parenthesis (column 20)");
    filtered(&["-f", "test(\"a\"; \"q\")"], "").exits(3).says("q is not a valid modifier string");
}

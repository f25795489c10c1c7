//! A program as a plan and as the engine alone runs it: outputs, errors and their order are the same.

use std::ops::ControlFlow;

use super::{BETWEEN, in_no_time};
use crate::json;
use crate::pipeline::filter::{Program, RunError, Value, Vars};

/// Programs consist of so many parts at most, so that each ends.
const MOST_PARTS: usize = 24;

/// What is compared of one message.
const MOST_OUTPUTS: usize = 200;

/// The first piece chooses the parts of a program, the others are messages.
pub fn plans(bytes: &[u8]) {
    let begun = std::time::Instant::now();
    let mut pieces = bytes.split(|byte| *byte == BETWEEN);
    let source = program(pieces.next().unwrap_or_default());
    let messages: Vec<&str> = pieces.take(8).filter_map(|piece| std::str::from_utf8(piece).ok()).collect();
    same(&source, &messages);
    in_no_time(begun, bytes);
}

/// Panics where the plan of a program and the engine differ.
pub(crate) fn same(source: &str, messages: &[&str]) {
    let mut vars = Vars::default();
    vars.argjson("x", r#"{"a":[1,"b"]}"#).expect("a variable");
    let plan = Program::compile("--filter", source, &vars);
    let engine = Program::compile_for_engine("--filter", source, &vars);
    let (plan, engine) = match (plan, engine) {
        (Ok(plan), Ok(engine)) => (plan, engine),
        (Err(plan), Err(engine)) => {
            return assert_eq!((plan.what, plan.details), (engine.what, engine.details), "{source}");
        }
        (plan, engine) => panic!("{source}: {plan:?}, by the engine {engine:?}"),
    };
    for message in messages {
        let whole = Value::parse(message);
        if plan.rules_out(message) {
            // What cannot match is not looked at any further.
            let broken = whole.is_err() && message.starts_with('{') && message.ends_with('}');
            assert!(broken || outcome(&engine, whole).is_empty(), "{source} on {message}");
            continue;
        }
        let parts = Value::parse_parts(message, &plan.reads());
        let by_engine = outcome(&engine, whole);
        assert_eq!(outcome(&plan, parts), by_engine, "{source} on {message}");
        if let Some(apart) = outputs(|emit| plan.run_on_parts(message, emit)) {
            assert_eq!(apart, by_engine, "{source} on parts of {message}");
        }
    }
}

/// The outputs of a program, and the error that ended it.
fn outcome(program: &Program, input: Result<Value, String>) -> Vec<String> {
    match input {
        Ok(input) => outputs(|emit| Some(program.run(&input, emit))).unwrap_or_default(),
        Err(error) => vec![error],
    }
}

/// The outputs of a run, and the error that ended it; `None` if there was no run.
fn outputs(
    run: impl FnOnce(&mut dyn FnMut(Value) -> ControlFlow<()>) -> Option<Result<(), RunError>>,
) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    let end = run(&mut |output| {
        let mut text = Vec::new();
        lines.push(match output.write(&mut text) {
            Ok(()) => String::from_utf8(text).expect("text"),
            Err(error) => error,
        });
        if lines.len() < MOST_OUTPUTS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    match end? {
        Ok(()) => {}
        Err(RunError::Error(error)) => lines.push(format!("error: {error}")),
        Err(halt) => lines.push(halt.to_string()),
    }
    assert!(lines.iter().all(|line| !line.is_empty() || json::scan_str(line).is_err()));
    Some(lines)
}

/// Terms without parts.
const LEAVES: &[&str] = &[
    ".",
    ".a",
    ".b",
    ".data",
    ".a.b",
    ".data.id",
    ".a?",
    ".[]",
    ".[]?",
    ".[0]",
    ".[-1]?",
    ".[1:]",
    ".[:-1]?",
    "1",
    "-2",
    "2.50",
    "\"a\"",
    "\"data\"",
    "\"\"",
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "empty",
    "error",
    "..",
    "$x",
    "$x.a[]",
    "not",
    "length",
    "keys",
    "keys_unsorted",
    "add",
    "tostring",
    "tojson",
    "fromjson",
    "tonumber",
    "type",
    "to_entries",
    "from_entries",
    "[paths]",
    "[leaf_paths]",
    "[tostream]",
    "flatten",
    "flatten(1)",
    "ascii_downcase",
    "@csv",
    "@tsv",
    "@sh",
    "@html",
    "@uri",
    "@base64",
    "@json",
    "@text",
    "reverse",
    "sort",
    "unique",
    "min",
    "max",
    "any",
    "all",
    "first",
    "last",
    "[range(3)]",
    "range(1; 3)",
    "explode",
    "floor",
    "input_line_number",
    "$__loc__",
    "values",
    "strings",
    "numbers",
    "scalars",
    "path(..)",
    "del(.a)",
    "del(.[0]?)",
    "map_values(.)",
    "debug",
    "input",
];

/// Terms with one, as it is written.
const ONE: &[&str] = &[
    "[A]",
    "(A)?",
    "try A catch .",
    "-(A)",
    "select(A)",
    "map(A)",
    "{a: A}",
    "{(A): 1}",
    "\"x\\(A)y\"",
    "@json \"\\(A)\"",
    "@sh \"\\(A)\"",
    "first(A)",
    "last(A)",
    "[limit(2; A)]",
    "[skip(1; A)]",
    "isempty(A)",
    "sort_by(A)",
    "group_by(A)",
    "unique_by(A)",
    "min_by(A)",
    "max_by(A)",
    "with_entries(A)",
    "any(A)",
    "all(A)",
    "join(A)",
    "split(A)",
    "has(A)",
    "contains(A)",
    "indices(A)",
    "index(A)",
    "ltrimstr(A)",
    "rtrimstr(A)",
    "trimstr(A)",
    "startswith(A)",
    "endswith(A)",
    "getpath(A)",
    "paths(A)",
    "IN(A)",
    "in(A)",
    "inside(A)",
    ".[A]",
    ".a[A]?",
    ".[A:]",
    "[.[]? | A]",
    "(.a |= A)",
    "(.b = A)",
    "(.a += A)",
    "(.[]? |= A)",
    "def f: A; f",
    "def f: A; [f, f]",
    "def f($v): $v; f(A)",
    "label $out | (A, break $out)",
    "[label $out | .[]? | A, break $out]",
    "(A as $v | [$v, .])",
    "(A as [$v, {a: $w}] | [$v, $w])",
    "[A | ..]",
    "(A | tojson | fromjson)",
    "[paths(A)]",
    "add(A)",
    "(A * 2)",
    "isvalid(A)",
    "error(A)",
    "walk(A)",
    "test(A)",
    "[splits(A)]",
    "pick(.a)",
    "[A] | @csv",
];

/// Terms with two.
const TWO: &[&str] = &[
    "(A | B)",
    "(A, B)",
    "(A + B)",
    "(A - B)",
    "(A / B)",
    "(A % B)",
    "(A == B)",
    "(A != B)",
    "(A < B)",
    "(A >= B)",
    "(A // B)",
    "(A and B)",
    "(A or B)",
    "{a: A, b: B}",
    "{a: A, \"b\": B, a: 1}",
    "{(A): B}",
    "[A, B]",
    "try A catch B",
    "if A then B end",
    "(A as $v | B)",
    "(A as $v | $v + (B))",
    "\"\\(A) and \\(B)\"",
    "reduce A as $v (0; B)",
    "reduce A as $v (null; . + $v)",
    "reduce A as $v ([]; . + [$v, (B)])",
    "foreach A as $v (0; B)",
    "foreach A as $v (0; . + 1; [$v, (B)])",
    "any(A; B)",
    "all(A; B)",
    "def f(g): A | g; f(B)",
    "[limit(1; A), B]",
    "select(A) | B",
    "select(.type == \"a\" or .data == (A)) | B",
    "select(.a == \"b\" and (A)) | B",
    "IN(A; B)",
    "[.[A, B]]",
    ".[A:B]",
    "first(A, B)",
    "(def f: A; f) | B",
];

/// Terms with three.
const THREE: &[&str] = &[
    "if A then B else C end",
    "if A then B elif C then . else empty end",
    "reduce A as $v (B; C)",
    "foreach A as $v (B; C; [$v, .])",
    "{a: A, b: B, c: C}",
    "[A, B, C]",
    "(A | B | C)",
    "(A + B * 2 - C)",
    "def f(g; h): A | g, h; f(B; C)",
    "\"\\(A)\\(B)\\(C)\"",
];

/// A program that these bytes choose.
fn program(choices: &[u8]) -> String {
    let (mut choices, mut parts) = (choices.iter().copied(), 0);
    term(&mut choices, &mut parts, 0)
}

fn term(choices: &mut impl Iterator<Item = u8>, parts: &mut usize, depth: usize) -> String {
    *parts += 1;
    let kind = choices.next().unwrap_or_default();
    let (templates, holes) = match kind % 8 {
        _ if *parts > MOST_PARTS || depth > 5 => (LEAVES, 0),
        0 | 1 => (LEAVES, 0),
        2..=4 => (ONE, 1),
        5 | 6 => (TWO, 2),
        _ => (THREE, 3),
    };
    let template = templates[usize::from(choices.next().unwrap_or_default()) % templates.len()];
    let mut filled = String::new();
    let mut rest = template;
    for hole in ["A", "B", "C"].into_iter().take(holes) {
        // A name such as `IN` is none.
        let Some(at) = rest.match_indices(hole).map(|(at, _)| at).find(|at| is_hole(rest, *at)) else {
            continue;
        };
        filled.push_str(&rest[..at]);
        let part = term(choices, parts, depth + 1);
        filled.push_str(&format!("({part})"));
        rest = &rest[at + 1..];
    }
    filled + rest
}

fn is_hole(text: &str, at: usize) -> bool {
    let letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    !letter(at.checked_sub(1).and_then(|before| text.as_bytes().get(before)))
        && !letter(text.as_bytes().get(at + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::cases;
    use super::*;

    #[test]
    fn every_template_is_a_program() {
        for (templates, holes) in [(LEAVES, 0), (ONE, 1), (TWO, 2), (THREE, 3)] {
            for (at, _) in templates.iter().enumerate() {
                let kind = [0, 2, 5, 7][holes];
                let source = program(&[kind, u8::try_from(at).unwrap(), 0, 1, 0, 2, 0, 3]);
                assert!(
                    Program::compile("f", &source, &Vars::default()).is_ok() || source.contains("$x"),
                    "{source}"
                );
                same(
                    &source,
                    &["null", r#"{"a":"b","data":{"id":[1,{"a":2.50}]}}"#, r#"["a",["b"]]"#, "\"a,b\"", "3"],
                );
            }
        }
    }

    proptest! {
        #![proptest_config(cases::config())]

        #[test]
        fn a_plan_does_what_the_engine_does(choices in prop::collection::vec(0..0xff_u8, 0..48), value in cases::values(), other in cases::values()) {
            let (value, other) = (value.to_string(), other.to_string());
            let object = format!(r#"{{"a":{value},"data":{{"id":{other},"a":1}},"a":{other},"type":"a"}}"#);
            let array = format!("[{value},{object},{other}]");
            let broken = object.replace("\"data\":", "\"data\"");
            same(&program(&choices), &[&value, &object, &array, &broken, "{}"]);
        }
    }
}

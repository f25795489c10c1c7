//! Programs with inputs and outputs from files: our own fixtures, and jq's test suite where there is a copy of it.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::tests::deep;
use super::value::{Val, float};
use super::{Program, RunError, Value, Vars, read};

/// One program, and what it makes of an input; `None` if it must not compile.
struct SuiteCase {
    program: String,
    input: Val,
    outputs: Option<Vec<Val>>,
    /// The error that ends it, where it matters.
    error: Option<String>,
}

impl SuiteCase {
    /// What is wrong, if anything is.
    fn judge(&self, vars: &Vars) -> Result<(), String> {
        let program = match (Program::compile("f", &self.program, vars), &self.outputs) {
            (Ok(_), None) => return Err("compiles".to_owned()),
            (Err(_), None) => return Ok(()),
            (Err(failure), Some(_)) => return Err(failure.to_string()),
            (Ok(program), Some(_)) => program,
        };
        let (mut outputs, mut error) = (Vec::new(), None);
        let end = program.run(&Value(self.input.clone()), &mut |output| {
            outputs.push(output.0);
            ControlFlow::Continue(())
        });
        if let Err(RunError::Error(text)) = end {
            error = Some(text);
        }
        let expected = self.outputs.as_deref().unwrap_or_default();
        let alike = outputs.len() == expected.len() && outputs.iter().zip(expected).all(|(a, b)| same(a, b));
        if !alike || self.error.is_some() && self.error != error {
            let shown = |values: &[Val]| values.iter().map(Val::text).collect::<Vec<_>>().join(" ");
            let error = error.map(|error| format!(" !{error}")).unwrap_or_default();
            return Err(format!("gives {}{error} instead of {}", shown(&outputs), shown(expected)));
        }
        Ok(())
    }
}

/// Numbers are the same if jq cannot tell them apart.
fn same(a: &Val, b: &Val) -> bool {
    match (a, b) {
        (Val::Num(a), Val::Num(b)) => a == b || float(a) == float(b),
        (Val::Arr(a), Val::Arr(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b)),
        (Val::Obj(a), Val::Obj(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Judges cases on a thread with the stack of a program, and lists those that fail.
fn failures(cases: &[SuiteCase], vars: &Vars) -> Vec<String> {
    let judge = |case: &SuiteCase| case.judge(vars).err().map(|why| format!("{}\n    {why}", case.program));
    cases.iter().filter_map(judge).collect()
}

/// The cases of a file in jq's own format: a program, an input, outputs, an empty line; or `%%FAIL`, a program and
/// a message.
fn of_jq(text: &str) -> Vec<SuiteCase> {
    let mut lines = text.lines().peekable();
    let skipped = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let mut cases = Vec::new();
    while let Some(line) = lines.next() {
        if skipped(line) {
            continue;
        }
        if line.starts_with("%%FAIL") {
            let program = lines.next().unwrap_or_default().to_owned();
            while lines.next_if(|line| !line.trim().is_empty()).is_some() {}
            cases.push(SuiteCase { program, input: Val::Null, outputs: None, error: None });
            continue;
        }
        let input = read::one(lines.next().unwrap_or_default()).expect("an input");
        let mut outputs = Vec::new();
        while let Some(output) = lines.next_if(|line| !skipped(line)) {
            outputs.push(read::one(output).expect("an output"));
        }
        cases.push(SuiteCase { program: line.to_owned(), input, outputs: Some(outputs), error: None });
    }
    cases
}

/// The cases of a fixture: one a line, with `program`, `input`, `outputs`, and perhaps `error`. Without outputs the
/// program must not compile.
fn of_ours(path: &Path) -> Vec<SuiteCase> {
    let text = fs::read_to_string(path).expect("a fixture");
    let case = |line: &str| {
        let Ok(Val::Obj(fields)) = read::one(line) else { panic!("{}: {line}", path.display()) };
        let text = |name| match fields.get(name) {
            Some(Val::Str(text)) => Some(text.to_string()),
            _ => None,
        };
        let outputs = match fields.get("outputs") {
            Some(Val::Arr(outputs)) => Some(outputs.to_vec()),
            _ => None,
        };
        let program = text("program").unwrap_or_else(|| panic!("{}: {line}", path.display()));
        let input = fields.get("input").cloned().unwrap_or_default();
        SuiteCase { program, input, outputs, error: text("error") }
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(case).collect()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/jq").join(name)
}

#[test]
fn fixtures_hold() {
    let mut vars = Vars::default();
    vars.modules(&[folder("modules")]);
    let mut files: Vec<_> =
        fs::read_dir(folder("")).expect("fixtures").map(|entry| entry.expect("a file").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    assert!(files.len() > 5, "{files:?}");
    let wrong = deep(|| {
        let of_file = |path: &PathBuf| failures(&of_ours(path), &vars);
        files.iter().flat_map(of_file).collect::<Vec<_>>()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// jq's own suite, where `WSTAP_JQ_TESTS` names a folder with its `.test` files and `modules`: prints how many cases
/// of each file pass, and the others. Set `PAGER=less`, as jq's own runner does.
#[test]
#[ignore = "needs a copy of jq's tests"]
fn jqs_own_suite() {
    let folder = PathBuf::from(std::env::var_os("WSTAP_JQ_TESTS").expect("WSTAP_JQ_TESTS names a folder"));
    let mut vars = Vars::default();
    vars.modules(&[folder.join("modules")]);
    let mut files: Vec<_> =
        fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "test"));
    files.sort();
    for path in files {
        let cases = of_jq(&fs::read_to_string(&path).expect("a test file"));
        let wrong = deep(|| failures(&cases, &vars));
        let name = path.file_name().unwrap_or_default().display();
        println!("{name}: {} of {} pass\n  {}", cases.len() - wrong.len(), cases.len(), wrong.join("\n  "));
    }
}

/// Every builtin with odd arguments on odd inputs gives outputs or an error, and never panics.
#[test]
fn builtins_stand_any_input() {
    // Those that may run on without an output, and those that end the run.
    let endless = ["combinations/1", "until/2", "halt/0", "halt/1", "halt_error/0", "halt_error/1"];
    let args = ["null", "-1", "\"é%\"", "[[0],-9e300]", "{\"a\":{}}", "nan", "1e300", "(., empty, error)"];
    let inputs = [
        "null",
        "true",
        "-0",
        "1e1000",
        "NaN",
        "-1e300",
        "9223372036854775807",
        "\"\"",
        "\"é😀(\"",
        "[]",
        "{}",
        "[1e300,-1e300,2e9,-2e9,1e18,99,9e9,-1]",
        "[[],{},null,\"é\",[[1]]]",
        "{\"é\":[{}],\"key\":null,\"start\":-5}",
    ];
    let inputs: Vec<_> = inputs.iter().map(|input| Value::parse(input).expect("an input")).collect();
    deep(|| {
        for name in super::compile::known().iter().filter(|name| !endless.contains(&name.as_str())) {
            let (name, arity) = name.split_once('/').expect("an arity");
            let arity: usize = arity.parse().expect("a number");
            for (n, arg) in args.iter().enumerate().take(if arity == 0 { 1 } else { args.len() }) {
                let list: Vec<&str> = (0..arity).map(|at| args[(n + at * 3) % args.len()]).collect();
                let list = if arity == 0 { String::new() } else { format!("({})", list.join("; ")) };
                let source = format!("{name}{list}");
                let program = Program::compile("f", &source, &Vars::default());
                let program = program.unwrap_or_else(|failure| panic!("{source} {arg}: {failure}"));
                for input in &inputs {
                    let mut left = 5;
                    let _ = program.run(input, &mut |output| {
                        let _ = output.write(&mut Vec::new());
                        left -= 1;
                        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                    });
                }
            }
        }
    });
}

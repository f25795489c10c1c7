//! Programs against outputs: what jq's manual says, and what is promised beyond it.

use std::cell::Cell;
use std::sync::Mutex;

use super::*;
use crate::json;

/// Runs `body` with the stack that programs are promised.
pub(super) fn deep<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, body).unwrap().join().unwrap()
    })
}

fn compile(source: &str) -> Program {
    Program::compile("--filter", source, &Vars::default())
        .unwrap_or_else(|e| panic!("{source}: {e} {:?}", e.details))
}

fn text(value: &Value) -> String {
    let mut out = Vec::new();
    value.write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The outputs of a program, one a line; an error that ends it is the last, after `!`.
fn outputs(program: &Program, input: &str) -> String {
    outputs_of(|emit| program.run(&Value::parse(input).unwrap(), emit))
}

type Emit<'a> = &'a mut dyn FnMut(Value) -> ControlFlow<()>;

fn outputs_of(run: impl FnOnce(Emit) -> std::result::Result<(), RunError>) -> String {
    let mut lines = Vec::new();
    let end = run(&mut |value| {
        lines.push(text(&value));
        ControlFlow::Continue(())
    });
    match end {
        Err(RunError::Error(message)) => lines.push(format!("!{message}")),
        Err(RunError::Halt { code, text }) => lines.push(format!("halt {code} {text:?}")),
        Ok(()) => {}
    }
    lines.join(" ")
}

fn check(rows: &[(&str, &str, &str)]) {
    deep(|| rows.iter().for_each(|(source, input, _)| crate::hostile::same(source, &[input])));
    let wrong: Vec<_> = rows
        .iter()
        .filter_map(|(source, input, expected)| {
            let got = match Program::compile("f", source, &Vars::default()) {
                Ok(program) => outputs(&program, input),
                Err(failure) => format!("{failure}"),
            };
            (got != *expected).then(|| format!("{input} | {source}\n  expected {expected}\n  got      {got}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn paths_and_construction() {
    check(&[
        (".", r#"{"a":1.0,"b":1E5}"#, r#"{"a":1.0,"b":1E5}"#),
        (".a", r#"{"a":1}"#, "1"),
        (".a.b", r#"{"a":null}"#, "null"),
        (".[\"a b\"]", r#"{"a b":1}"#, "1"),
        (".a?", "1", ""),
        ("[.a?]", "[1]", "[]"),
        (".[0]", "[1,2]", "1"),
        (".[-1]", "[1,2]", "2"),
        (".[-3]", "[1,2]", "null"),
        (".[1.7]", "[1,2]", "2"),
        (".[1:]", "[1,2,3]", "[2,3]"),
        (".[:-1]", "\"abc\"", "\"ab\""),
        (".[1:2]", "\"aéb\"", "\"é\""),
        (".[]", r#"{"a":1,"b":2}"#, "1 2"),
        (".[[2,3]]", "[1,2,3,2,3]", "[1,3]"),
        ("..", "[1,[2]]", "[1,[2]] 1 [2] 2"),
        ("{a,b:2,(\"c\"):3,\"d\":4}", r#"{"a":1}"#, r#"{"a":1,"b":2,"c":3,"d":4}"#),
        ("{a:(1,2)}", "null", r#"{"a":1} {"a":2}"#),
        (". as $x | {$x}", "1", r#"{"x":1}"#),
        ("{\"x\\(1)\":2}", "null", r#"{"x1":2}"#),
        ("[.[] | {a}]", r#"[{"a":1},{}]"#, r#"[{"a":1},{"a":null}]"#),
        (". as [$a,{b:$c}] | [$a,$c]", r#"[1,{"b":2}]"#, "[1,2]"),
        (". as {$a} | $a", r#"{"a":5}"#, "5"),
        (".a,.b", r#"{"a":1,"b":2}"#, "1 2"),
        (".", r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
        ("path(..)", "[[1]]", "[] [0] [0,0]"),
        ("[paths]", r#"{"a":[1]}"#, r#"[["a"],["a",0]]"#),
        ("[paths(type==\"number\")]", r#"{"a":[1]}"#, r#"[["a",0]]"#),
        ("[leaf_paths]", r#"{"a":[1]}"#, r#"[["a",0]]"#),
        ("getpath([\"a\",\"b\"])", "null", "null"),
        ("pick(.a)", r#"{"a":1,"b":2}"#, r#"{"a":1}"#),
        ("pick(.[1])", "[1,2,3]", "[null,2]"),
        ("pick(.a.b)", r#"{"a":{"b":1,"c":2}}"#, r#"{"a":{"b":1}}"#),
        ("if . then 1 end", "false", "false"),
        ("if .==1 then \"a\" elif .==2 then \"b\" else \"c\" end", "2", "\"b\""),
        (".a // 5", r#"{"a":null}"#, "5"),
        ("(false,null,1,2) // 9", "null", "1 2"),
    ]);
}

#[test]
fn assignment_makes_what_is_missing() {
    check(&[
        (".a.b.c = 1", "null", r#"{"a":{"b":{"c":1}}}"#),
        (".a[1] = 0", "{}", r#"{"a":[null,0]}"#),
        (".[2] = 1", "null", "[null,null,1]"),
        (".a += 1", "{}", r#"{"a":1}"#),
        (".a //= 1", "{}", r#"{"a":1}"#),
        (".a |= .+1", r#"{"a":1}"#, r#"{"a":2}"#),
        (".[-1] = 5", "[1,2]", "[1,5]"),
        (".[-3] = 5", "[1,2]", "!Out of bounds negative array index"),
        (".[1e9] = 5", "[]", "!Array index too large"),
        (".[1:] = [9]", "[1,2,3]", "[1,9]"),
        (".[1:] = 9", "[1,2,3]", "!A slice of an array can only be assigned another array"),
        (".[] |= .+1", "[1,2]", "[2,3]"),
        ("(.[] | select(. >= 2)) |= empty", "[1,5,3,0,7]", "[1,0]"),
        ("setpath([\"a\",0]; 1)", "null", r#"{"a":[1]}"#),
        ("setpath([]; 1)", "null", "1"),
        ("del(.a)", r#"{"a":1,"b":2,"c":3}"#, r#"{"b":2,"c":3}"#),
        ("del(.[0,2])", "[1,2,3]", "[2]"),
        ("del(.[1], .[2])", "[1,2,3]", "[1]"),
        ("del(.a.b)", "{}", "{}"),
        ("del(.[] | select(. > 1))", "[1,2,3]", "[1]"),
        ("delpaths([[\"a\"],[\"b\",0]])", r#"{"a":1,"b":[1,2]}"#, r#"{"b":[2]}"#),
        ("to_entries", r#"{"a":1}"#, r#"[{"key":"a","value":1}]"#),
        ("with_entries(.value += 1)", r#"{"a":1}"#, r#"{"a":2}"#),
        (
            "from_entries",
            r#"[{"name":"a","v":1},{"k":null},{"key":false,"value":false},{"key":1}]"#,
            r#"{"a":1,"null":null,"false":false,"1":null}"#,
        ),
        ("map_values(empty)", r#"{"a":1}"#, "{}"),
        ("walk(if type==\"number\" then .+1 else . end)", r#"[1,{"a":2}]"#, r#"[2,{"a":3}]"#),
        (".a.b = 1", r#"{"a":5}"#, "!Cannot index number with string (\"b\")"),
        ("reduce range(3) as $i ({}; .[\"k\\($i)\"] += $i)", "null", r#"{"k0":0,"k1":1,"k2":2}"#),
    ]);
}

#[test]
fn numbers_keep_their_spelling_until_they_are_computed_with() {
    check(&[
        (".", "9007199254740993", "9007199254740993"),
        (".", "100000000000000000000", "100000000000000000000"),
        (". + 1", "9007199254740993", "9007199254740994"),
        (". + 1", "100000000000000000000", "1e+20"),
        (". * 10", "9223372036854775807", "92233720368547760000"),
        (".", "-0", "-0"),
        ("[.[]]", "[1.0,1.10,1e1000,-0.0,1E5]", "[1.0,1.10,1e1000,-0.0,1E5]"),
        (". + 0", "1.0", "1"),
        ("6/2", "null", "3"),
        ("\"\\(6/2) \\(1/4)\"", "null", "\"3 0.25\""),
        ("1.1 + 2.2", "null", "3.3000000000000003"),
        ("1e300 * 10", "null", "1e+301"),
        ("nan", "null", "null"),
        ("[infinite, -infinite]", "null", "[1.7976931348623157e+308,-1.7976931348623157e+308]"),
        ("1/0", "null", "!number (1) and number (0) cannot be divided because the divisor is zero"),
        ("5.5 % 2", "null", "1"),
        ("-5 % 3", "null", "-2"),
        (
            "1 % 0",
            "null",
            "!number (1) and number (0) cannot be divided (remainder) because the divisor is zero",
        ),
        ("nan < nan, nan == nan, (nan | isnan)", "null", "true false true"),
        ("[nan, 1, nan] | sort", "null", "[null,null,1]"),
        ("1.0 == 1", "null", "true"),
        ("[1, 1.0] | unique", "null", "[1]"),
        ("floor, ceil, round", "1.5", "1 2 2"),
        ("sqrt", "9", "3"),
        ("pow(.; 10)", "2", "1024"),
        ("abs", "-1.5", "1.5"),
        ("abs", "\"a\"", "\"a\""),
        ("abs", "null", "!null (null) cannot be negated"),
        ("infinite | isinfinite", "null", "true"),
        ("[.[] | isnormal]", "[0,1]", "[false,true]"),
        ("[limit(3; .[])] | add", "[1,2,3,4]", "6"),
        ("tojson", "[1.0,1e1000]", "\"[1.0,1E+1000]\""),
        ("[.[] | tonumber]", r#"["1","1.50","-2e3",7]"#, "[1,1.50,-2e3,7]"),
        ("tonumber", "\"1a\"", "!string (\"1a\") cannot be parsed as a number"),
        ("tonumber", "\" 1\"", "!string (\" 1\") cannot be parsed as a number"),
        ("toboolean", "\"true\"", "true"),
        ("trunc", "1.7", "1"),
        ("significand, logb", "10", "1.25 3"),
        ("have_literal_numbers, have_decnum", "null", "true true"),
    ]);
}

#[test]
fn strings() {
    check(&[
        (". * 2", "\"ab\"", "\"abab\""),
        (". * 0", "\"ab\"", "\"\""),
        (". * -1", "\"ab\"", "null"),
        (". * 1e9", "\"abc\"", "!Repeat string result too long"),
        (". / \",\"", "\"a,b\"", r#"["a","b"]"#),
        ("length, utf8bytelength", "\"aé\"", "2 3"),
        ("split(\", \")", "\"a, b\"", r#"["a","b"]"#),
        ("split(\", *\"; null)", "\"a,b, c\"", r#"["a","b","c"]"#),
        ("[splits(\", *\")]", "\"a,b, c\"", r#"["a","b","c"]"#),
        ("join(\"-\")", r#"["a",1,null,true]"#, "\"a-1--true\""),
        ("join(\",\")", "[]", "\"\""),
        ("join(\",\")", "[[1]]", "!string (\"\") and array ([1]) cannot be added"),
        ("ascii_downcase, ascii_upcase", "\"aB\"", "\"ab\" \"AB\""),
        ("explode | implode", "\"aé\"", "\"aé\""),
        ("ltrimstr(\"a\"), rtrimstr(\"c\"), trimstr(\"a\")", "\"abca\"", "\"bca\" \"abca\" \"bc\""),
        ("ltrimstr(\"a\")", "1", "!startswith() requires string inputs"),
        ("trim, ltrim, rtrim", "\" a \"", "\"a\" \"a \" \" a\""),
        ("startswith(\"a\"), endswith(\"a\")", "\"ab\"", "true false"),
        ("test(\"B\"; \"i\")", "\"abc\"", "true"),
        ("test([\"B\",\"i\"])", "\"abc\"", "true"),
        ("capture(\"(?<y>\\\\d+)-(?<m>\\\\d+)\")", "\"2024-05\"", r#"{"y":"2024","m":"05"}"#),
        ("[match(\"a\"; \"g\").offset]", "\"aba\"", "[0,2]"),
        ("[match(\"(?:(b)|(?<x>a))*\").captures[] | [.offset, .name]]", "\"éab\"", "[[-1,null],[-1,\"x\"]]"),
        ("[match(\"(?:(b)|(?<x>a))+\").captures[] | [.offset, .name]]", "\"éab\"", "[[2,null],[1,\"x\"]]"),
        ("splits(\"(?:(b)|(a))+\")", "\"cabd\"", "\"c\" \"d\""),
        ("[match(\"\"; \"g\").offset]", "\"aé\"", "[0,1,2]"),
        ("test(.)", "\"((a{1000}){1000}){1000}\"", "!Regex failure: the pattern is too large"),
        ("[scan(\"[a-c]\")]", "\"xaxb\"", r#"["a","b"]"#),
        ("sub(\"a\"; \"b\"), gsub(\"a\"; \"b\")", "\"aa\"", "\"ba\" \"bb\""),
        ("gsub(\"(?<x>a)\"; \"<\\(.x)>\")", "\"aba\"", "\"<a>b<a>\""),
        ("index(\",\"), rindex(\",\"), indices(\",\")", "\"a,b,c\"", "1 3 [1,3]"),
        ("inside(\"abc\"), contains(\"b\")", "\"b\"", "true true"),
        ("ascii", "65", "\"A\""),
        ("@base64, (@base64 | @base64d)", "\"hé\"", "\"aMOp\" \"hé\""),
        ("@base64d", "\"aGk\"", "\"hi\""),
        ("@base32, (@base32 | @base32d)", "\"This\"", "\"KRUGS4Y=\" \"This\""),
        ("@uri", "\"a b&é\"", "\"a%20b%26%C3%A9\""),
        ("@html", "\"<'&\\\"\"", "\"&lt;&apos;&amp;&quot;\""),
        ("@sh", "\"it's\"", "\"'it'\\\\''s'\""),
        ("@json, @text", "[1,\"a\"]", "\"[1,\\\"a\\\"]\" \"[1,\\\"a\\\"]\""),
        ("@csv", "[1,\"a\\\"b\",null,true]", "\"1,\\\"a\\\"\\\"b\\\",,true\""),
        ("@tsv", "[1,\"a\\tb\",null]", "\"1\\ta\\\\tb\\t\""),
        ("@csv", "[[1]]", "!array ([1]) is not valid in a csv row"),
        ("@json \"x=\\(.)\"", "\"q\"", "\"x=\\\"q\\\"\""),
        ("fromjson", "\"{\\\"a\\\":1.0}\"", r#"{"a":1.0}"#),
        ("try fromjson catch \"bad\"", "\"[1\"", "\"bad\""),
        ("\"\\u00e9\\n\"", "null", "\"é\\n\""),
        ("tojson", "\"\\u0001\\u007f\"", "\"\\\"\\\\u0001\u{7f}\\\"\""),
    ]);
}

#[test]
fn arrays_and_objects() {
    check(&[
        ("map(.+1)", "[1,2]", "[2,3]"),
        ("add", "[[1],[2]]", "[1,2]"),
        ("add(.[].a)", r#"[{"a":1},{"a":2}]"#, "3"),
        ("add", "[]", "null"),
        (". - [2]", "[1,2,3,2]", "[1,3]"),
        ("any, all", "[true,false]", "true false"),
        ("flatten, flatten(1)", "[1,[2,[3]]]", "[1,2,3] [1,2,[3]]"),
        ("flatten(-1)", "[1]", "!flatten depth must not be negative"),
        ("sort, (sort_by(-.))", "[2,1,3]", "[1,2,3] [3,2,1]"),
        ("sort", r#"[{"b":1},[1],"a",1,true,false,null]"#, r#"[null,false,true,1,"a",[1],{"b":1}]"#),
        ("group_by(.a)", r#"[{"a":2},{"a":1},{"a":2}]"#, r#"[[{"a":1}],[{"a":2},{"a":2}]]"#),
        ("unique, unique_by(length), min, max", r#"["b","a","b"]"#, r#"["a","b"] ["b"] "a" "b""#),
        ("min_by(.a), max_by(.a)", r#"[{"a":2},{"a":1}]"#, r#"{"a":1} {"a":2}"#),
        ("reverse", "[1,2]", "[2,1]"),
        ("reverse", "\"aé\"", "\"éa\""),
        ("transpose", "[[1],[2,3]]", "[[1,2],[null,3]]"),
        ("keys, keys_unsorted", r#"{"b":1,"a":2}"#, r#"["a","b"] ["b","a"]"#),
        ("keys", "1", "!number (1) has no keys"),
        ("has(\"a\"), has(\"b\")", r#"{"a":1}"#, "true false"),
        ("has(\"a\")", "\"abc\"", "!Cannot check whether string has a string key"),
        ("has(0,1)", "[1]", "true false"),
        (".[] | in([0,1])", "[0,5]", "true false"),
        ("contains({a:[1]})", r#"{"a":[1,2],"b":3}"#, "true"),
        ("contains(\"a\")", "[1]", "!array ([1]) and string (\"a\") cannot have their containment checked"),
        (". * {a:{c:2}}", r#"{"a":{"b":1}}"#, r#"{"a":{"b":1,"c":2}}"#),
        ("to_entries | from_entries", r#"{"a":1,"b":2}"#, r#"{"a":1,"b":2}"#),
        ("length", "[[],{},null,5]", "4"),
        ("[.[] | length]", r#"[[1],{"a":1},null,-5,"ab"]"#, "[1,1,0,5,2]"),
        ("length", "true", "!boolean (true) has no length"),
    ]);
}

#[test]
fn generators() {
    check(&[
        ("[range(3)], [range(0;10;4)], [range(3;0;-1)]", "null", "[0,1,2] [0,4,8] [3,2,1]"),
        ("[limit(2; 1,2,3)], [skip(2; 1,2,3)], first(1,2), [first(empty)]", "null", "[1,2] [3] 1 []"),
        ("[limit(0; error)]", "null", "[]"),
        ("limit(-1; 1)", "null", "!limit doesn't support negative count"),
        ("nth(1), nth(1; 5,6), last(1,2), first, last", "[1,2,3]", "2 6 2 1 3"),
        ("until(. > 4; .+1), [while(. < 3; .+1)], [limit(3; repeat(.*2))]", "1", "5 [1,2] [2,2,2]"),
        ("[recurse(if . < 2 then .+1 else empty end)]", "0", "[0,1,2]"),
        ("[.[] as [$a] | $a]", "[[1],[2]]", "[1,2]"),
        ("reduce .[] as $x (0; . + $x)", "[1,2]", "3"),
        ("[foreach .[] as $x (0; . + $x)]", "[1,2]", "[1,3]"),
        ("[foreach .[] as $x (0; . + $x; [$x, .])]", "[1,2]", "[[1,1],[2,3]]"),
        ("[label $f | .[] | ., (select(. > 1) | break $f)]", "[1,2,3]", "[1,2]"),
        ("isempty(empty), isempty(1)", "null", "true false"),
        ("[combinations]", "[[1,2],[3]]", "[[1,3],[2,3]]"),
        ("[.[] | numbers], [.[] | scalars], [.[] | iterables]", r#"[1,"a",[2]]"#, r#"[1] [1,"a"] [[2]]"#),
        ("[tostream]", r#"{"a":[1]}"#, r#"[[["a",0],1],[["a",0]],[["a"]]]"#),
        ("fromstream(tostream)", r#"{"a":[1,{"b":2}]}"#, r#"{"a":[1,{"b":2}]}"#),
        ("[1|truncate_stream([[0],1],[[1,0],2],[[1,0]],[[1]])]", "null", "[[[0],2],[[0]]]"),
        ("IN(1,2), IN(.; 3)", "1", "true false"),
        ("INDEX(.id)", r#"[{"id":1},{"id":"x"}]"#, r#"{"1":{"id":1},"x":{"id":"x"}}"#),
        ("[JOIN({\"1\":\"one\"}; .[]; tostring)]", "[1]", r#"[[1,"one"]]"#),
        ("bsearch(2), bsearch(5)", "[1,2,3]", "1 -4"),
        ("toarray", "1", "[1]"),
        ("[splits(\"a\")] | length", "\"bab\"", "2"),
        ("env | type", "null", "\"object\""),
        ("$ENV | type", "null", "\"object\""),
        ("getpath([]), input_line_number, input_filename", "1", "1 0 null"),
        ("builtins | (index(\"map/1\") != null) and length > 150", "null", "true"),
        ("def f: def g: 3; g; f, (def h($x; y): $x + y; h(1; 2))", "null", "3 3"),
        ("\"\\($__loc__)\"", "null", "\"{\\\"file\\\":\\\"<top-level>\\\",\\\"line\\\":1}\""),
    ]);
}

#[test]
fn dates() {
    check(&[
        ("todate", "1425599621", "\"2015-03-05T23:53:41Z\""),
        ("fromdate", "\"2015-03-05T23:53:41Z\"", "1425599621"),
        ("gmtime | mktime", "1425599621", "1425599621"),
        ("strftime(\"%Y-%m-%d\")", "1425599621", "\"2015-03-05\""),
        ("strptime(\"%Y-%m-%dT%H:%M:%SZ\") | mktime", "\"2015-03-05T23:53:41Z\"", "1425599621"),
        ("dateadd(\"seconds\"; 5), datesub(\"seconds\"; 5)", "10", "15 5"),
        ("now | type", "null", "\"number\""),
        ("[2024,11,31,23,59,59.5,2,365] | mktime", "null", "1735689599"),
        ("253402207200 | gmtime | .[0]", "null", "9999"),
        ("try gmtime catch \"no\"", "1e15", "\"no\""),
        (
            "[gmtime, localtime, strftime(\"%c\"), strflocaltime(\"%c\") | 1]",
            "9223372036854775807",
            "!error converting number of seconds since epoch to datetime",
        ),
        ("[.[] | try gmtime catch 0, try todate catch 1]", "[1e300,-1e300,-1e12]", "[0,1,0,1,0,1]"),
        ("[infinite, -infinite | try gmtime catch 0]", "null", "[0,0]"),
        ("[[2024,127,1] | mktime, strftime(\"%F\")]", "null", "[2038003200,\"2034-08-01\"]"),
        ("try strftime(\"%F\") catch .", "[1e300]", "\"strftime/1 requires parsed datetime inputs\""),
    ]);
}

#[test]
fn errors_read_as_those_of_jq() {
    check(&[
        ("error(\"x\")", "null", "!x"),
        ("error({a:1})", "null", "!(not a string): {\"a\":1}"),
        ("error", "\"x\"", "!x"),
        ("try error(\"x\") catch .", "null", "\"x\""),
        ("try error({a:1}) catch .a", "null", "1"),
        ("[.[] | try error catch .]", "[1,null]", "[1,null]"),
        ("[.[] | .a?]", "[1,{\"a\":2}]", "[2]"),
        ("try (1, error(\"x\"), 3) catch .", "null", "1 \"x\""),
        (".a", "1", "!Cannot index number with string (\"a\")"),
        (".[0]", "{}", "!Cannot index object with number (0)"),
        (".[]", "5", "!Cannot iterate over number (5)"),
        ("{} - 1", "null", "!object ({}) and number (1) cannot be subtracted"),
        ("[] * \"a\"", "null", "!array ([]) and string (\"a\") cannot be multiplied"),
        ("-\"a\"", "null", "!string (\"a\") cannot be negated"),
        ("{(.):2}", "1", "!Cannot use number (1) as object key"),
        (
            ". + 1",
            r#"{"a":"a string that is rather long"}"#,
            "!object ({\"a\":\"a string that is ra...}) and number (1) cannot be added",
        ),
        ("halt", "null", "halt 0 \"\""),
        ("1, halt_error", "\"bye\"", "1 halt 5 \"bye\""),
        ("halt_error(3)", r#"{"a":1}"#, "halt 3 \"{\\\"a\\\":1}\\n\""),
        ("try halt_error catch 1", "\"x\"", "halt 5 \"x\""),
        ("input", "null", "!No more inputs"),
        ("[inputs]", "null", "[]"),
    ]);
}

/// The message and the details of a program that does not compile.
fn refusal(source: &str) -> (String, String, Option<String>) {
    let failure = Program::compile("--filter", source, &Vars::default()).unwrap_err();
    assert_eq!(failure.exit, crate::exit::Exit::FilterCompile);
    (failure.what, failure.details.join("\n"), failure.hint)
}

#[test]
fn a_caret_marks_the_place() {
    let cases = [
        (".foo bar", "unexpected `bar` (column 6)", "  .foo bar\n       ^^^"),
        (".a | select(.b == ", "`(` is never closed (column 12)", "  .a | select(.b == \n             ^"),
        ("[1, 2", "`[` is never closed (column 1)", "  [1, 2\n  ^"),
        ("(1]", "`(` is closed by `]` (column 1)", "  (1]\n  ^"),
        ("\"é日本\" | nope", "unknown filter `nope/0` (column 9)", "  \"é日本\" | nope\n            ^^^^"),
        ("\t.a | nope", "unknown filter `nope/0` (column 7)", "  \t.a | nope\n  \t     ^^^^"),
        (".a\n| nope", "unknown filter `nope/0` (line 2, column 3)", "2 | | nope\n  |   ^^^^"),
        ("$x", "unknown variable `$x` (column 1)", "  $x\n  ^^"),
        ("break $x", "`break $x` is not within `label $x` (column 7)", "  break $x\n        ^^"),
        ("1 +", "expected an expression, but the program ends here (column 4)", "  1 +\n     ^"),
        (
            "if 1 then 2",
            "expected `else` or `end`, but the program ends here (column 12)",
            "  if 1 then 2\n             ^",
        ),
        (".a | \"abc", "this string has no closing quote (column 6)", "  .a | \"abc\n       ^"),
        ("a & b", "unexpected character `&` (column 3)", "  a & b\n    ^"),
        (
            "import \"m\" as m; 1",
            "this program cannot import modules (column 8)",
            "  import \"m\" as m; 1\n         ^^^",
        ),
    ];
    for (source, what, details) in cases {
        let (got, lines, _) = refusal(source);
        assert_eq!(got, format!("--filter does not compile: {what}"), "{source}");
        assert_eq!(lines, details, "{source}");
    }
}

#[test]
fn a_slip_is_answered_with_a_name() {
    assert_eq!(refusal("slect(.a)").2.as_deref(), Some("did you mean `select/1`?"));
    assert_eq!(refusal("map(1; 2)").2.as_deref(), Some("did you mean `map/1`?"));
    assert_eq!(refusal("frobnicate").2, None);
}

#[test]
fn variables_come_from_the_command_line() {
    let mut vars = Vars::default();
    vars.arg("a", "x").unwrap();
    vars.arg("a", "later").unwrap();
    vars.argjson("n", "[1.0]").unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "1 {\"a\":2}\n[3]\n").unwrap();
    vars.slurpfile("f", file.path()).unwrap();
    let run = |source: &str| outputs(&Program::compile("f", source, &vars).unwrap(), "null");
    assert_eq!(run("$a, $n, $f"), r#""x" [1.0] [1,{"a":2},[3]]"#);
    assert_eq!(run("$ARGS.named.n, $ARGS.positional"), "[1.0] []");
    assert!(vars.argjson("m", "{").unwrap_err().what.contains("--argjson m"));
    assert!(vars.arg("a b", "").is_err());
    assert!(vars.slurpfile("g", std::path::Path::new("/nonexistent/file")).is_err());
}

/// Runs with `-n` over the numbers from 0, and tells how many were pulled.
fn pulled(source: &str) -> (String, usize) {
    let count = Cell::new(0);
    let inputs = (0..100).map(|n| {
        count.set(count.get() + 1);
        Value::parse(&format!("{{\"n\":{n}}}"))
    });
    let mut lines = Vec::new();
    compile(source)
        .run_stream(inputs, &mut |value| {
            lines.push(text(&value));
            ControlFlow::Continue(())
        })
        .unwrap();
    (lines.join(" "), count.get())
}

#[test]
fn inputs_are_pulled_only_when_asked_for() {
    let cases = [
        ("1", "1", 0),
        ("input.n", "0", 1),
        ("input.n, input.n", "0 1", 2),
        ("limit(3; inputs | select(.n % 3 == 0) | .n)", "0 3 6", 7),
        ("first(inputs | select(.n > 20)) | .n", "21", 22),
        ("[limit(5; inputs).n] | add", "10", 5),
        (
            "label $out | foreach inputs as $x (0; . + 1; if . > 3 then ., break $out else . end)",
            "1 2 3 4",
            4,
        ),
        ("until(.n == 4; input) | .n", "4", 5),
        ("isempty(inputs)", "false", 1),
        ("any(inputs; .n == 2)", "true", 3),
        ("input | input_line_number", "1", 1),
        ("reduce inputs as $x (0; . + 1)", "100", 100),
        ("nth(2; inputs).n", "2", 3),
    ];
    for (source, outputs, count) in cases {
        assert_eq!(pulled(source), (outputs.to_owned(), count), "{source}");
    }
}

#[test]
fn large_objects_are_found_in_as_well() {
    let count = "reduce range(1000) as $i ({}; .[\"k\\($i % 100)\"] += 1)";
    check(&[
        (&format!("{count} | length, .k7, (keys_unsorted | .[0], .[99])"), "null", r#"100 10 "k0" "k99""#),
        (
            &format!("{count} | del(.k0, .k50) | length, .k50, .k51, .k99, has(\"k50\")"),
            "null",
            "98 null 10 10 false",
        ),
        (&format!("{count} as $a | $a == ($a | to_entries | reverse | from_entries)"), "null", "true"),
    ]);
}

#[test]
fn whoever_takes_the_outputs_can_end_the_run() {
    let inputs = (0..).map(|n: u32| Value::parse(&n.to_string()));
    let mut seen = 0;
    let emit = &mut |_| {
        seen += 1;
        if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    compile("inputs").run_stream(inputs, emit).unwrap();
    assert_eq!(seen, 3);
}

/// jq's loop, with errors after `!`.
fn looped(source: &str, inputs: &[&str]) -> String {
    let mut lines = Vec::new();
    compile(source).run_all(inputs.iter().map(|text| Value::parse(text)), &mut |output| {
        lines.push(match output {
            Ok(value) => text(&value),
            Err(error) => format!("!{error}"),
        });
        ControlFlow::Continue(())
    });
    lines.join(" ")
}

#[test]
fn the_loop_is_that_of_jq() {
    assert_eq!(looped("[., input]", &["1", "2", "3", "4"]), "[1,2] [3,4]");
    assert_eq!(looped("[., inputs]", &["1", "2", "3"]), "[1,2,3]");
    assert_eq!(looped(".a", &["1", "{\"a\":2}"]), "!Cannot index number with string (\"a\") 2");
    assert_eq!(looped(".", &["1", "]", "3"]), "1 !unexpected `]` at byte 0 (expected a value) 3");
    assert_eq!(looped("if . == 2 then halt else . end", &["1", "2", "3"]), "1 !halted with status 0");
    assert_eq!(looped("input_line_number", &["5", "5"]), "1 2");
}

#[test]
fn the_program_tells_how_it_wants_to_be_driven() {
    for source in [".", " . ", ". # as it is"] {
        assert!(compile(source).is_identity(), "{source}");
    }
    for source in [".a", "..", ".|.", "[.]"] {
        assert!(!compile(source).is_identity(), "{source}");
    }
    for source in ["inputs", "[.[] | \"\\(input)\"]", "first(inputs)"] {
        assert!(compile(source).uses_inputs(), "{source}");
    }
    for source in [".inputs", ".a.input.text", "\"inputs\"", "1 # inputs"] {
        assert!(!compile(source).uses_inputs(), "{source}");
    }
}

#[test]
fn asides_go_to_the_sink() {
    let heard = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&heard);
    let program = compile("debug, debug(\"m\"), stderr | length")
        .with_sink(Arc::new(move |text: &str| into.lock().unwrap().push_str(text)));
    assert_eq!(outputs(&program, "\"ab\""), "2 2 2");
    assert_eq!(*heard.lock().unwrap(), "[\"DEBUG:\",\"ab\"]\n[\"DEBUG:\",\"m\"]\nab");
}

#[test]
fn values_that_are_too_deep_are_refused() {
    deep(|| {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deepest = Value::parse(&nested(json::MAX_DEPTH)).unwrap();
        assert_eq!(text(&deepest), nested(json::MAX_DEPTH));
        assert!(Value::parse(&nested(json::MAX_DEPTH + 1)).is_err());
        assert!(
            compile("[.]")
                .run(&deepest, &mut |value| {
                    let mut out = b"kept".to_vec();
                    assert!(value.write(&mut out).is_err());
                    assert_eq!(out, b"kept");
                    ControlFlow::Continue(())
                })
                .is_ok()
        );
        assert_eq!(outputs(&compile("def f: if . == 0 then 0 else . - 1 | 1 + f end; f"), "5000"), "5000");
    });
}

/// The text that a value is written as.
fn parsed(source: &str) -> Result<String, String> {
    Value::parse(source).map(|value| text(&value))
}

#[test]
fn what_jq_takes_for_json_is_read() {
    for (source, shown) in [
        (r#"{"x":NaN,"y":-NaN,"z":nan}"#, r#"{"x":null,"y":null,"z":null}"#),
        ("[Infinity,-Infinity]", "[1.7976931348623157e+308,-1.7976931348623157e+308]"),
        ("\u{feff}{\"a\":1}", "{\"a\":1}"),
        (r#""a\ud800b""#, "\"a\u{fffd}b\""),
        (r#"["\udc00","\ud800\u0041","\ud83d\ude00"]"#, "[\"\u{fffd}\",\"\u{fffd}A\",\"😀\"]"),
        (r#"{"\ud800":1}"#, "{\"\u{fffd}\":1}"),
        ("[01,.5,1.,+3,-.5e1]", "[1,0.5,1,3,-5]"),
        ("\"a\tb\"", "\"a\\tb\""),
        ("1.50", "1.50"),
    ] {
        assert_eq!(parsed(source).as_deref(), Ok(shown), "{source}");
    }
}

#[test]
fn what_is_not_json_is_refused_with_the_place() {
    for (source, why) in [
        ("{\"price\":}", "unexpected `}` at byte 9 (expected a value)"),
        ("{'a':1}", "unexpected `'` at byte 1 (expected a key in quotes)"),
        ("", "unexpected end at byte 0"),
        ("1 2", "unexpected text after the value at byte 2"),
        ("NaN1", "unexpected `N` at byte 0 (expected a value)"),
        ("nul", "unexpected `n` at byte 0 (expected a value)"),
        ("1x", "unexpected `1` at byte 0 (expected a value)"),
        ("\u{feff}\u{feff}1", "unexpected `\u{feff}` at byte 3 (expected a value)"),
        ("{1:2}", "unexpected `1` at byte 1 (expected a key in quotes)"),
    ] {
        assert_eq!(parsed(source).unwrap_err(), why, "{source}");
    }
}

#[test]
fn values_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<Program>();
    shared::<Value>();
}

#[test]
fn everyday_programs_do_without_the_engine() {
    for source in [
        ".a.b[0]?",
        "select(.a==\"x\" and (.b|not)) | {id:.c.d, \"e\":.f // 1}",
        "\"\\(.a): \\(.b)\"",
        "[.[] | . as [$a, {b: $c}] | $a + $c]",
        "reduce .[] as $x (0; . + $x), (foreach .[] as $x (0; . + $x; [.]))",
        "if .a then 1 elif .b then 2 else 3 end, (try error(\"x\") catch .)",
        "to_entries, with_entries(.value |= .), paths, tostream",
        "[limit(2; .[]), first(.[])], any(. > 1), IN(1, 2), sort_by(.a), unique_by(.a), min_by(.b)",
        "[.a, .b] | @csv, @tsv, @sh, @html",
        "def f(g): g | map(.); f(.a), (label $out | 1, break $out)",
        "test(\"a\"), ltrimstr(\"a\"), startswith(\"b\"), ascii_downcase, (split(\",\") | join(\"-\"))",
    ] {
        let plan = format!("{:?}", compile(source).0.plan);
        assert!(!plan.contains("Engine") || source.contains("|="), "{source}: {plan}");
    }
}

/// A plan would run each of these to its end, most of them without a value that is counted on the way.
#[test]
fn a_limited_program_is_stopped_although_a_plan_could_run_it() {
    for source in [
        "[range(50)] as $x | isempty($x[] | $x[] | $x[] | empty)",
        "[range(50)] as $x | any($x[] | $x[] | $x[]; null)",
        "[range(50)] as $x | last($x[] | $x[] | $x[])",
        "[range(50)] as $x | reduce ($x[] | $x[] | $x[]) as $i (0; $i)",
        "[range(50)] as $x | [limit(1; $x[] | $x[] | $x[] | select(null))]",
        "last(range(100000))",
        "[range(100000)] | length",
        "reduce range(1000) as $i ({a: 1, b: 2, c: 3}; with_entries(.))",
    ] {
        let program = compile(source);
        let plan = format!("{:?}", program.0.plan);
        assert!(!plan.contains("Engine"), "{source}: {plan}");
        assert!(!outputs(&program, "null").starts_with('!'), "{source}");
        let limited = LimitedProgram::compile("--filter", source, &Vars::default()).unwrap();
        let run = |limit| {
            let mut count = 0;
            let (ended, spent) = limited.run(limit, &Value::parse("null").unwrap(), &mut |_| {
                count += 1;
                ControlFlow::Continue(())
            });
            (ended, spent, count)
        };
        assert_eq!(run(1 << 20), (None, 1 << 20, 0), "{source}");
        let (ended, spent, count) = run(1 << 30);
        assert_eq!((ended, count), (Some(Ok(())), 1), "{source}");
        assert!(spent > 1 << 20, "{source}: {spent}");
    }
}

/// What jq's manual defines them by.
const ENTRIES: &str = r#"
    def t: [keys_unsorted[] as $key | {key: $key, value: .[$key]}];
    def k: if . == null then "null" elif type == "string" then . elif type == "boolean" or type == "number" then tojson
      else error("Cannot use \(type) (\(tojson)) as object key") end;
    def f: reduce .[] as $entry ({};
      . + { ($entry | if .key != null then .key elif .k != null then .k elif .name != null then .name
               elif .Name != null then .Name elif .Key != null then .Key elif .K != null then .K else .key end | k):
            ($entry | if has("value") then .value elif has("v") then .v elif has("Value") then .Value else .V end) });
    (try f catch .) == (try from_entries catch .) and (try t catch .) == (try to_entries catch .)"#;

#[test]
fn entries_are_what_their_definitions_say() {
    let program = compile(ENTRIES);
    for input in [
        r#"[{"name":"a","v":1},{"k":null},{"key":false,"value":false},{"key":1},{"Key":"x","V":2,"Value":3}]"#,
        r#"{"x":{"key":"a"},"y":{"K":"b","value":null,"v":1}}"#,
        r#"[{"key":{"a":1}}]"#,
        r#"[{"key":"a"},null,{"value":1}]"#,
        r#"[{"key":"a"},[1]]"#,
        r#"[1]"#,
        r#"["a"]"#,
        "[[]]",
        "[]",
        "{}",
        "null",
        "1",
        "\"a\"",
    ] {
        assert_eq!(outputs(&program, input), "true", "{input}");
    }
}

#[test]
fn what_a_program_reads_is_known() {
    let text = r#"{"a":{"b":1,"c":[{"d":2}]},"e":{"f":{"g":3}},"h":"\u00e9","a\u0062":4}"#;
    for (source, seen) in [
        (".a.b", r#"{"a":{"b":1}}"#),
        ("{x: .a.c, y: .ab}", r#"{"a":{"c":[{"d":2}]},"ab":4}"#),
        ("select(.h == \"x\") | .e.f.g", r#"{"e":{"f":{"g":3}},"h":"é"}"#),
        (".e as $e | $e.f | .g", r#"{"e":{"f":{"g":3}}}"#),
        ("1", "{}"),
        (".e | not", r#"{"e":{}}"#),
        ("if .e == 1 then .h else .a.b end", r#"{"a":{"b":1},"e":{},"h":"é"}"#),
        ("[.a.c[].d]", r#"{"a":{"c":[{"d":2}]}}"#),
    ] {
        let value = Value::parse_parts(text, &compile(source).reads()).unwrap();
        assert_eq!(super::tests::text(&value), seen, "{source}");
    }
    for source in
        [".", "[.]", "keys", ".[]", "select(.a)", ". as $x | [$x]", "[inputs]", ".a, input", "del(.a)"]
    {
        assert!(compile(source).reads().is_everything(), "{source}");
    }
}

/// The outputs of a program on the parts of a message that it reads, if it can run on them.
fn on_parts(source: &str, message: &str) -> Option<String> {
    let mut outputs = Vec::new();
    let end = compile(source).run_on_parts(message, &mut |output| {
        outputs.push(text(&output));
        ControlFlow::Continue(())
    });
    end.map(|end| {
        end.unwrap();
        outputs.join(" ")
    })
}

#[test]
fn programs_that_pick_fields_run_on_parts_of_a_message() {
    let message = r#"{"t":"a","d":{"i":1,"s":{"x":[2,3]},"n":null,"\u0069d":"é"},"e":{}}"#;
    for (source, outputs) in [
        (".d.i", "1"),
        (".d.id, .d.none.none", r#""é" null"#),
        (".d.n.x", "null"),
        ("{i: .d.i, s: .d.s}", r#"{"i":1,"s":{"x":[2,3]}}"#),
        (".d | {i, n}", r#"{"i":1,"n":null}"#),
        (".d as $d | [$d.i, $d.s.x[1]]", "[1,3]"),
        (r#"select(.t == "a") | .d.i"#, "1"),
        (r#"select(.t == "a").d.s.x[]"#, "2 3"),
        (r#"select(.t | test("b")) | .d.i"#, ""),
        ("if .e then .d.i else 0 end", "1"),
        ("if .d.s.x and .none then 1 else .t end", r#""a""#),
        (r#""\(.t): \(.d.s)""#, r#""a: {\"x\":[2,3]}""#),
        ("[.t, .d.i] | @csv", r#""\"a\",1""#),
        (".none // .d.i", "1"),
    ] {
        assert_eq!(on_parts(source, message).as_deref(), Some(outputs), "{source}");
    }
    // The message itself, a part and what it is in, or what is not known.
    for source in [".", "[.]", "keys", "{d: .d, i: .d.i}", ".d as $d | .t | sort_by($d)", "del(.t)", "input"]
    {
        assert_eq!(on_parts(source, message), None, "{source}");
    }
}

#[test]
fn a_message_whose_parts_are_not_where_they_should_be_is_taken_as_a_whole() {
    for message in
        [r#"{"d":1}"#, r#"{"d":[{"i":1}]}"#, r#"{"d":false}"#, r#"[{"d":1}]"#, "null", "{", r#"{"d":{}} 1"#]
    {
        assert_eq!(on_parts(".d.i", message), None, "{message}");
        assert_eq!(on_parts(".d.i | 1", message), None, "{message}");
    }
    // The last field of a name counts.
    for (message, output) in [
        (r#"{"d":{"i":1},"d":{"i":2}}"#, "2"),
        (r#"{"d":{"i":1},"d":{"x":2}}"#, "null"),
        (r#"{"d":{"i":1},"d":null}"#, "null"),
        (r#"{"d":{"i":[{"i":1}]}}"#, r#"[{"i":1}]"#),
        (r#"{"e":{"d":{"i":3}},"d":{"i":1}}"#, "1"),
    ] {
        assert_eq!(on_parts(".d.i", message).as_deref(), Some(output), "{message}");
    }
}

#[test]
fn what_is_left_out_is_checked_all_the_same() {
    let reads = compile(".a").reads();
    for text in [
        r#"{"b":tru,"a":1}"#,
        r#"{"b":[1,],"a":1}"#,
        r#"{"a":1,"b":"\x"}"#,
        r#"{"b":{"c":nanx}}"#,
        r#"{"a":1}}"#,
    ] {
        assert_eq!(Value::parse_parts(text, &reads), Value::parse(text), "{text}");
    }
}

#[test]
fn a_message_is_ruled_out_by_what_it_lacks() {
    let program = compile("select(.t == \"a/b\") | .x");
    for (message, out) in [
        (r#"{"t":"c","x":1}"#, true),
        (r#"{"t":"a/b","x":1}"#, false),
        (r#"{"t":"a\/b","x":1}"#, false),
        (r#"{"t":"c","x":"a/b"}"#, false),
        (r#"["c"]"#, false),
        ("\"c\"", false),
    ] {
        assert_eq!(program.rules_out(message), out, "{message}");
    }
    // Where a literal does not decide, what the condition reads may.
    for (source, out) in [
        ("select(.x == 2)", true),
        ("select(.x == 1)", false),
        ("select(.t.u == \"c\")", false),
        ("select(.x, .y)", false),
        ("select(.x == 2 | debug)", false),
    ] {
        assert_eq!(compile(source).rules_out(r#"{"t":"c","x":1}"#), out, "{source}");
    }
}

/// An error, whatever it says, in the place of an output.
const FAILED: &str = "\"an error\"";

/// The engine as its makers put it together, with their values: an opinion that is not ours.
fn theirs(source: &str, input: &str) -> Vec<String> {
    use jaq_core::load::{Arena, File, Loader};
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let (loader, arena) = (Loader::new(definitions), Arena::default());
    let modules = loader.load(&arena, File { code: source, path: () }).unwrap();
    let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    type Theirs = jaq_core::data::JustLut<jaq_json::Val>;
    let filter = jaq_core::Compiler::<_, Theirs>::default().with_funs(functions).compile(modules).unwrap();
    let input = jaq_json::read::parse_single(input.as_bytes()).unwrap();
    let ctx = jaq_core::Ctx::<Theirs>::new(&filter.lut, jaq_core::Vars::new([]));
    filter
        .id
        .run((ctx, input))
        .map(|output| {
            jaq_core::unwrap_valr(output).map_or_else(|_| FAILED.to_owned(), |value| value.to_string())
        })
        .collect()
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 48, ..crate::hostile::cases::config() })]

    #[test]
    fn the_outputs_are_those_of_the_engine_with_its_own_values(input in crate::hostile::cases::values()) {
        let input = input.to_string();
        for source in [".", ".a?", ".a.data?", "[.[]?]", "[..] | length", "[.. | scalars]", "type", "{a: ., b: [.]}",
            "[.. | strings]", "if type == \"array\" then .[0], .[-1], .[1:] else . end", "[paths]", "tojson | fromjson"] {
            let program = compile(source);
            let mut ours = Vec::new();
            let end = program.run(&Value::parse(&input).unwrap(), &mut |value| {
                let line = text(&value);
                assert!(!json::scan_str(&line).unwrap().line_break);
                ours.push(line);
                ControlFlow::Continue(())
            });
            ours.extend(end.is_err().then(|| FAILED.to_owned()));
            let parsed = |lines: &[String]| -> Vec<serde_json::Value> {
                lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
            };
            proptest::prop_assert_eq!(parsed(&ours), parsed(&theirs(source, &input)), "{} on {}", source, input);
        }
    }

    #[test]
    fn hostile_patterns_and_texts_end(pattern in "[ab()|*+?^$\\\\b.{}0-9\\[\\]-]{0,16}", input in "[abé\n]{0,16}", flags in "[gnimsplx]{0,3}") {
        let source = "[match(.[1]; .[2])], [splits(.[1]; .[2])], sub(.[1]; \"x\"; .[2]), [scan(.[1]; .[2])]";
        let program = compile(&format!(". as $i | $i[0] as $t | {}", source.replace(".[", "$i[").replacen("[match", "$t | [match", 1)));
        let input = serde_json::json!([input, pattern, flags]).to_string();
        let _ = program.run(&Value::parse(&input).unwrap(), &mut |_| ControlFlow::Continue(()));
    }
}

/// Compiling recurses, on a stack that is deep enough for the longest program.
#[test]
fn a_program_may_nest_as_deep_as_it_is_long() {
    for (part, end, compiles) in [("(", "", false), ("-", "1", true)] {
        let program = part.repeat((LONGEST - end.len()) / part.len()) + end;
        let result = Program::compile("--filter", &program, &Vars::default());
        assert_eq!(result.is_ok(), compiles, "{part}");
        let longer = format!("{program}{}", " ".repeat(part.len()));
        let failure = Program::compile("--filter", &longer, &Vars::default()).unwrap_err();
        assert!(failure.what.ends_with("longer than 65536 bytes"), "{failure}");
    }
}

#[test]
fn a_pattern_that_grows_is_refused_before_it_is_large() {
    for (pattern, shown) in [
        ("((a{1000}){1000}){1000}", "!Regex failure: the pattern is too large"),
        ("(?:(?:a|){1000}){1000}", "!Regex failure: the pattern is too large"),
        ("(?:(?:){4000000000}){4000000000}", "true"),
    ] {
        let input = serde_json::json!(pattern).to_string();
        assert_eq!(outputs(&compile("test(.)"), &input), shown);
    }
    let nested = serde_json::json!("(".repeat(100_000)).to_string();
    assert_eq!(
        outputs(&compile("test(.)"), &nested),
        "!Regex failure: end pattern with unmatched parenthesis"
    );
}

//! What inputs are made of: messages of the fixtures, and of everything else that is read a good example.

use std::fs;

use super::BETWEEN;
use super::cases::root;
use super::codecs::{STEPS, start};
use super::files::EXAMPLES;
use super::messages::known;
use crate::frames::DeflateFlow;
use crate::frames::deflate::Deflater;
use crate::message::Message;

/// Inputs that mean well, or nearly.
pub(super) fn seeds(name: &str) -> Vec<Vec<u8>> {
    let all: Vec<Vec<u8>> = match name {
        "frames" => frames(),
        "codecs" => encoded(),
        "deflate" => deflate(),
        "dialects" => sessions(),
        "filter" => outputs(),
        "plans" => plans(),
        "json_text" => {
            let lines = fixtures().into_iter().flat_map(|(_, lines)| lines);
            lines.chain(["[1 ,\r\n\t-2e+3 ]".to_owned()]).map(String::into_bytes).collect()
        }
        "certificates" => vec![certificate()],
        "screen" => outputs().into_iter().map(|output| output[2..].to_vec()).collect(),
        _ => texts(name).iter().map(|text| text.as_bytes().to_vec()).collect(),
    };
    assert!(!all.is_empty(), "{name} has no seeds");
    all
}

/// A message that each step writes, after the number of the step.
fn encoded() -> Vec<Vec<u8>> {
    let texts = [
        r#"{"a":[1,-2.5,null,{"$1":true,"$$1":"é"}]}"#,
        r#"{"$binary":"AP8="}"#,
        r#"{"symbol":"BTC","volume":-1,"price":1.5,"raw":"AP8=","names":{"7":"x"}}"#,
    ];
    let one = |(number, names): (u8, &&str)| {
        let encoded = |text: &str| start(names).encode(Message::text(text.to_owned())).ok();
        let message = |message: Message| [&[number], message.as_bytes()].concat();
        texts.iter().filter_map(|text| encoded(text)).map(message).collect::<Vec<_>>()
    };
    (0..).zip(STEPS).flat_map(one).collect()
}

const HANDSHAKE_RESPONSE: &[&str] = &[
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\
     Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10; client_no_context_takeover\r\n\r\n",
    "HTTP/1.1 101 \r\nupgrade: WebSocket\r\nconnection: keep-alive,\r\n upgrade\r\nA: b\r\n\r\n\u{1}\u{2}hi",
    "HTTP/1.1 429 Too Many Requests\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\nX-RateLimit-Reset: 1767225600\r\n\
     Content-Type: application/json\r\n\r\n{\"error\":{\"message\":\"slow down\"}}",
    "HTTP/1.0 302 Found\r\nLocation: https://h/x?token=t\r\nTransfer-Encoding: chunked\r\n\r\n",
    "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html><title>400</title>\n<body>upgrade header missing</body>",
];

const MOCK_REQUEST: &[&str] = &[
    "GET /v1.0/ws?token=a%41&x=%zz&&b=+ HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: a, b\r\n\r\n",
    "POST http://h:1/v4/oauth2/token?q#f HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}",
    "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
];

/// Choices of programs, with messages.
fn plans() -> Vec<Vec<u8>> {
    let messages = fixtures().into_iter().filter_map(|(_, lines)| lines.into_iter().next());
    let choices = (0..8_u8).cycle().zip((0..0xff_u8).step_by(7));
    let seed = |(message, (kind, at)): (String, (u8, u8))| {
        let choices: Vec<u8> =
            (0..12).flat_map(|n| [kind ^ n & 3, at.wrapping_add(n.wrapping_mul(29)) % 0xff]).collect();
        [&choices[..], &[BETWEEN], message.as_bytes()].concat()
    };
    messages.zip(choices).map(seed).collect()
}

/// Seeds that are text.
fn texts(name: &str) -> &'static [&'static str] {
    match name {
        "handshake_response" => HANDSHAKE_RESPONSE,
        "mock_request" => MOCK_REQUEST,
        "program" => PROGRAM,
        "recording" => RECORDING,
        "har" => HAR,
        "scenario" => SCENARIO,
        "config" => CONFIG,
        "faults" => FAULTS,
        "control" => CONTROL,
        "topics" => TOPICS,
        "prompt" => PROMPT,
        "urls" => URLS,
        "dialect_file" => &EXAMPLES,
        _ => &[],
    }
}

const PROGRAM: &[&str] = &[
    ".a.b[0] | select(.c == \"x\" and (.d // 1) > 2) | {e: .f, \"g\": [.[]?, ..]}",
    "def f(g; $x): reduce .[] as [$a, {b: $c}] (0; . + $a * $x) | g; f(.h; 1e3)?",
    "foreach inputs as $i (0; . + 1; [., $i]) | \"\\(.[0]) of \\(.[1] | @json \"x\\(.)\")\" # end",
    "try (if . then error(\"x\") elif not then .. else -.a end) catch (label $out | ., break $out)",
    "$__loc__, $ENV.PATH, input_line_number, (.a |= test(\"b\"; \"gx\")), .a[1:-2], .[\"b\"]",
];

const RECORDING: &[&str] = &[
    "{\"v\":1,\"ts\":\"2026-01-01T00:00:00.000000Z\",\"type\":\"open\",\"conn\":1,\"url\":\"ws://h/a?token=***\",\"subprotocol\":null}\n\
             {\"v\":1,\"ts\":\"2026-01-01T00:00:01.500000Z\",\"type\":\"message\",\"conn\":1,\"dir\":\"in\",\"seq\":1,\"opcode\":\"text\",\"bytes\":7,\"data\":{\"a\":1}}\n\
             {\"v\":1,\"ts\":\"2026-01-01T00:00:02.000000Z\",\"type\":\"message\",\"conn\":1,\"dir\":\"out\",\"seq\":1,\"opcode\":\"binary\",\"bytes\":1,\"base64\":\"AA==\"}\n\
             {\"v\":1,\"ts\":\"2026-01-01T00:00:03.000000Z\",\"type\":\"message\",\"conn\":2,\"dir\":\"in\",\"seq\":1,\"opcode\":\"text\",\"bytes\":1,\"text\":\"x\"}\n\
             {\"v\":1,\"ts\":\"2026-01-01T00:00:04.000000Z\",\"type\":\"close\",\"conn\":1,\"by\":\"peer\",\"code\":1000,\"reason\":\"\",\"clean\":true}\n",
    "{\"plain\":true}\r\n\nword\n{\"v\":2,\"type\":\"open\"}\nnull",
];

const HAR: &[&str] = &[
    r#"{"log":{"version":"1.2","entries":[{"startedDateTime":"2026-01-01T00:00:00Z","request":{"url":"wss://h/a?token=s3cr3t-t0ken"},"response":{"headers":[{"name":"Sec-WebSocket-Protocol","value":"p"}]},"_webSocketMessages":[{"type":"receive","time":1700000000.5,"opcode":1,"data":"{}"},{"type":"send","time":1700000001,"opcode":2,"data":"AA=="}],"_close":{"by":"peer","code":1000,"reason":"","clean":true}}]}}"#,
    r#"{"log":{"entries":[{"_webSocketMessages":[{"type":"receive","time":1700000001936.5,"opcode":1,"data":"x"},{"type":"error","opcode":-1,"data":""}]},{}]}}"#,
];

const SCENARIO: &[&str] = &[
    "faults = ['drop@3', 'latency=1s']\n[[scenario]]\npath = '/a*'\nconnection = '2..3'\nsteps = [\n\
             { send = { a = 1, b = [1.5, true, 2026-01-01] } }, { wait = '1s' }, { expect = '.a', timeout = '2s' },\n\
             { jq = '1, 2' }, { repeat = 3, steps = [{ raw = 'ff 00' }, { ping = true }] }, { stall = '1s' },\n\
             { binary = { base64 = 'AP8=' } }, { close = 1000, reason = 'x' }]\n",
];

const CONFIG: &[&str] = &[
    "[profile.a]\nurl = 'ws://h/'\nheader = ['A: b', 'C: d']\nconnect-timeout = '1s'\ninsecure = true\narg = { x = 'y' }\n",
    "[profile.a]\ntopics = ['t']\ntoken = 's3cr3t-t0ken'\nfilter = '.a'\n[profile.b]\nverbose = 2\n",
];

const FAULTS: &[&str] = &[
    "refuse=503:Retry-After=1;X=y;body=z",
    "fail-first=3:drop",
    "latency=100ms±20ms",
    "bandwidth=10k",
    "close=4000:why@3~0.5",
    "stall=1s@2s",
    "duplicate=0.5",
    "fragment=3",
    "extension=x~1",
];

const CONTROL: &[&str] = &[
    r#"{"data":{"a": 1.0},"to":3}"#,
    r#"{"base64":"AP8=","to":"/a*"}"#,
    r#"{"publish":{"topic":"t"},"dialect":"d"}"#,
    r#"{"code":4000,"reason":"x","to":[1,2]}"#,
    r#"{"jq":".a","count":2,"timeout":"2s","since":1,"path":"/","conn":1}"#,
    r#"{"name":"n","argument":"a"}"#,
    r#"{"faults":["drop@3"]}"#,
];

const TOPICS: &[&str] = &[
    "customer_id:*:call:*",
    "customer_id:a:call:b*",
    "customer_id:a:*:b",
    "customer_id:12345678_1234-1234-1234-123456789012:call:*",
    "customer_id:12345678-1234-1234-1234-123456789012:call:*",
    "agent_id:abc:queue:12345678-1234-1234-1234-1234567890ab",
    "customer_id:a:*:*",
    "customer_id:c:call:call_hangup",
    "customer_id:12345678-1234-1234-1234-123456789012",
    "42",
    "subscription { a(b: \"c\") { d } }",
];

const PROMPT: &[&str] = &[
    "{\"a\": [1, tru]}",
    "// /x",
    "!{loose",
    "/close 4001 good bye",
    "00ff 1A",
    "1000",
    "a\\\nb",
    "Authorization: Bearer eyJhbGciOi.x.y",
    "{\n  \"é\": 1,\n}",
];

const URLS: &[&str] = &[
    "wss://user:pass@example.com:443/a/b?token=x&c=%20#f",
    "ws://[::1]:80/",
    "ws+unix:/run/s:/p",
    "//h/x?access_token=a&b",
    "see 'ws://h/?a=1&token=x=y&b=2' and wss://h?api_key=k?",
];

fn deflate() -> Vec<Vec<u8>> {
    const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    let framed = |first: u8, payload: &[u8]| [&[first, payload.len() as u8], payload].concat();
    let mut deflater = Deflater::new(DeflateFlow { window_bits: 15, takeover: true });
    let mut deflated = |text: &[u8]| deflater.deflate(text).unwrap();
    vec![
        HELLO.to_vec(),
        deflated(&[b' '; 100_000]),
        [framed(0xc1, HELLO), framed(0xc1, b"\xf2\x00\x11\x00\x00"), framed(0x88, b"\x03\xe8")].concat(),
        [framed(0x41, &HELLO[..3]), framed(0x89, b"p"), framed(0x80, &HELLO[3..]), framed(0x81, b"hi")]
            .concat(),
        [framed(0xc2, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), framed(0xc0, b""), framed(0xc9, b"x")].concat(),
        b"permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate".to_vec(),
        b"client_no_context_takeover; server_no_context_takeover; client_max_window_bits=9".to_vec(),
    ]
}

fn frames() -> Vec<Vec<u8>> {
    let frame =
        |first: u8, payload: &[u8]| [&[first, u8::try_from(payload.len()).unwrap()][..], payload].concat();
    let all: &[&[Vec<u8>]] = &[
        &[frame(0x81, b"hello"), frame(0x89, b"ping"), frame(0x88, b"\x03\xe8bye")],
        &[
            frame(0x01, b"{\"a\":"),
            frame(0x8a, b""),
            frame(0x00, b"1"),
            frame(0x80, b"}"),
            frame(0x82, b"\0\xff"),
        ],
        &[vec![0x82, 126, 0, 3, 1, 2, 3], vec![0x82, 127, 0, 0, 0, 0, 0, 0, 0, 1, 7], frame(0x88, b"")],
        &[vec![0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58], frame(0xc1, b"x")],
    ];
    all.iter().map(|frames| frames.concat()).collect()
}

/// Of each dialect the messages of its fixture, some at a time, with the byte before them that chooses it.
fn sessions() -> Vec<Vec<u8>> {
    let all_known = known();
    let mut all = Vec::new();
    for (index, dialect) in all_known.iter().enumerate() {
        let fixture = fixtures().into_iter().find(|(name, _)| name == dialect.name());
        let lines = fixture.map_or_else(|| OTHERS.map(str::to_owned).to_vec(), |(_, lines)| lines);
        for some in lines.chunks(6) {
            let joined = some.iter().map(String::as_bytes).collect::<Vec<_>>().join(&[BETWEEN][..]);
            all.push([&[u8::try_from(index).unwrap()][..], &joined].concat());
        }
    }
    all
}

/// What servers say whose dialects are described in files.
const OTHERS: [&str; 6] = [
    r#"{"type":"connection_ack","payload":{}}"#,
    r#"{"id":"1","type":"next","payload":{"data":{"a":1}}}"#,
    r#"{"type":"ping"}"#,
    r#"{"id":"1","type":"error","payload":[{"message":"no such field"}]}"#,
    r#"{"jsonrpc":"2.0","result":{"a":"ok"},"id":1}"#,
    r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"no"},"id":1}"#,
];

/// Program, look and messages.
fn outputs() -> Vec<Vec<u8>> {
    let odd = [
        r#"["aab","(a+)+b",["x"]]"#,
        r#"{"a":{"data":[1,-0.0,1e999,null,true]},"a":2}"#,
        "\"\u{9b}2J\u{202e}\\ud800\"",
        " [1 ,\n2 ] ",
        "text \u{1b}]0;x\u{7}",
        "123456789012345678901234567890",
        "",
    ];
    let all = fixtures().into_iter().filter_map(|(_, lines)| lines.into_iter().min_by_key(String::len));
    let messages: Vec<String> = all.chain(odd.map(str::to_owned)).collect();
    let pairs = messages
        .windows(2)
        .map(|pair| pair.iter().map(String::as_bytes).collect::<Vec<_>>().join(&[BETWEEN][..]));
    (0..32_u8)
        .zip(pairs.collect::<Vec<_>>().iter().cycle())
        .map(|(n, pair)| [&[n, n.wrapping_mul(37)][..], pair].concat())
        .collect()
}

fn certificate() -> Vec<u8> {
    let mut names =
        rcgen::CertificateParams::new(vec!["example.test".to_owned(), "*.a.test".to_owned()]).unwrap();
    names.not_after = rcgen::date_time_ymd(2030, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    names.self_signed(&key).unwrap().der().to_vec()
}

/// The messages of `tests/fixtures`, by the name of the file.
fn fixtures() -> Vec<(String, Vec<String>)> {
    let entries = fs::read_dir(root().join("tests/fixtures")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let mut all: Vec<(String, Vec<String>)> = files
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().filter(|line| line.starts_with('{')).map(str::to_owned).collect();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), lines)
        })
        .collect();
    all.sort();
    assert!(all.iter().map(|(_, lines)| lines.len()).sum::<usize>() > 40);
    all
}

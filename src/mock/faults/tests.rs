//! Every fault as a client sees it, byte by byte.

use std::io::ErrorKind;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::*;
use crate::mock::Mock;
use crate::mock::tests::{exchange, frame, mock, raw, request};

const TEXT: &[u8] = br#"{"a":1}"#;

/// How a connection ended.
#[derive(Debug, PartialEq)]
enum End {
    Fin,
    Rst,
    /// It did not, for as long as anybody would wait.
    Open,
}

/// The message as the echo sends it back.
fn echoed() -> Vec<u8> {
    [&[0x81, 7], TEXT].concat()
}

/// Says the same to the echo this many times, then reads to the end.
async fn talk(mock: &Mock, messages: usize) -> (Vec<u8>, End) {
    let mut stream = raw(mock, "/echo").await;
    // A connection that is over already may refuse to take more.
    let _ = stream.write_all(&frame(0x81, TEXT).repeat(messages)).await;
    rest(&mut stream).await
}

async fn rest(stream: &mut TcpStream) -> (Vec<u8>, End) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match timeout(Duration::from_secs(3600), stream.read(&mut buffer)).await {
            Err(_) => return (bytes, End::Open),
            Ok(Ok(0)) => return (bytes, End::Fin),
            Ok(Ok(length)) => bytes.extend(&buffer[..length]),
            Ok(Err(error)) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                return (bytes, End::Rst);
            }
        }
    }
}

async fn with(fault: &str) -> Mock {
    mock(&format!("--fault '{fault}'")).await
}

#[tokio::test(start_paused = true)]
async fn ends_come_after_so_many_messages() {
    let close = |code: u16, reason: &str| {
        let mut bytes = vec![0x88, u8::try_from(2 + reason.len()).unwrap()];
        bytes.extend(code.to_be_bytes());
        bytes.extend(reason.as_bytes());
        bytes
    };
    let cases = [
        ("close=1011:so what@5@2", close(1011, "so what@5"), End::Fin),
        ("close=4004@2", close(4004, ""), End::Fin),
        ("close=1005@2", close(1005, ""), End::Fin),
        ("close@2", b"\x88\x00".to_vec(), End::Fin),
        ("close-no-handshake=1001@2", close(1001, ""), End::Fin),
        ("drop@2", vec![], End::Fin),
        ("reset@2", vec![], End::Rst),
        ("truncate@2", b"\x81\x07{\"a".to_vec(), End::Fin),
        ("half-open@2", vec![], End::Open),
        ("stall@2", vec![], End::Open),
    ];
    for (fault, tail, end) in cases {
        let mock = with(fault).await;
        let expected = [echoed(), echoed(), tail].concat();
        assert_eq!(talk(&mock, 4).await, (expected, end), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn broken_frames_come_between_whole_ones() {
    let mask =
        |bytes: &[u8]| bytes.iter().zip(b"mask".iter().cycle()).map(|(a, b)| a ^ b).collect::<Vec<_>>();
    let cases = [
        ("malformed-json@1", b"\x81\x03{\"a".to_vec()),
        ("invalid-utf8@1", b"\x81\x0e{\"mock\":\"\xce\xba\xff\"}".to_vec()),
        ("masked@1", [b"\x81\x87mask", &mask(TEXT)[..]].concat()),
        ("oversized-control@1", [&[0x89, 126, 0, 126], &[b'x'; 126][..]].concat()),
        ("fragmented-control@1", b"\x09\x01x".to_vec()),
        ("bad-opcode@1", [&[0x83, 7], TEXT].concat()),
        ("rsv@1", [&[0xc1, 7], TEXT].concat()),
        ("rsv-continuation@1", [&[0x01, 3], &TEXT[..3], &[0xc0, 4], &TEXT[3..]].concat()),
        ("rsv-control@1", b"\xc9\x01x".to_vec()),
        ("bad-deflate@1", b"\xc1\x01\x07".to_vec()),
        ("fragment=3", vec![]),
    ];
    for (fault, broken) in cases {
        let mock = with(fault).await;
        let whole = if fault.starts_with("fragment=") {
            b"\x01\x03{\"a\x00\x03\":1\x80\x01}".to_vec()
        } else {
            echoed()
        };
        let expected = [whole.clone(), broken, whole].concat();
        assert_eq!(talk(&mock, 2).await, (expected, End::Open), "{fault}");
    }
}

#[tokio::test]
async fn without_a_place_it_happens_at_once_and_before_anything_is_said() {
    let reset = with("reset").await;
    assert_eq!(talk(&reset, 0).await, (vec![], End::Rst));
    let truncated = with("truncate").await;
    assert_eq!(talk(&truncated, 0).await, (b"\x81\x10{\"mock\":".to_vec(), End::Fin));
}

#[tokio::test]
async fn upgrades_go_wrong() {
    let key = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    let refused = with("refuse=429:Retry-After=2;X-Why=~;body={\"error\":\"busy; @5\"}").await;
    let answer = exchange(&refused, request("/echo").as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 429 ") && answer.contains("\r\nRetry-After: 2\r\nX-Why: ~\r\n"),
        "{answer}"
    );
    assert!(answer.ends_with("\r\n\r\n{\"error\":\"busy; @5\"}"), "{answer}");
    for (fault, has, lacks) in [
        ("bad-accept", "Sec-WebSocket-Accept: ", key),
        ("extension", "Sec-WebSocket-Extensions: x-not-offered\r\n", "\r\nRetry-After"),
        (
            "extension=permessage-deflate",
            "Sec-WebSocket-Extensions: permessage-deflate\r\n",
            "\r\nRetry-After",
        ),
    ] {
        let mock = mock(&format!("--fault {fault} --fault drop")).await;
        let answer = exchange(&mock, request("/echo").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert!(answer.contains(has) && !answer.contains(lacks), "{answer}");
    }
    // What is no upgrade meets none of it.
    assert!(exchange(&refused, request("/x").as_bytes()).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test(start_paused = true)]
async fn upgrades_come_late_or_never() {
    let late = mock("--fault delay=20s --time-scale 10 --fault drop").await;
    let start = Instant::now();
    assert!(exchange(&late, request("/echo").as_bytes()).await.starts_with("HTTP/1.1 101 "));
    assert_eq!(start.elapsed().as_secs(), 2);
    let never = with("never-answer").await;
    let mut stream = TcpStream::connect(never.local_addr()).await.unwrap();
    stream.write_all(request("/echo").as_bytes()).await.unwrap();
    assert_eq!(rest(&mut stream).await, (vec![], End::Open));
    never.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn only_the_first_connections_fail() {
    let mock = mock("--fault fail-first=2 --fault fail-first=3:drop").await;
    for _ in 0..2 {
        assert!(exchange(&mock, request("/echo").as_bytes()).await.starts_with("HTTP/1.1 503 "));
    }
    assert_eq!(talk(&mock, 1).await, (vec![], End::Fin));
    assert_eq!(talk(&mock, 1).await, (echoed(), End::Open));
}

#[tokio::test(start_paused = true)]
async fn times_are_kept_on_the_clock_of_the_mock() {
    for (words, seconds) in [("", 30), ("--time-scale 10", 3)] {
        let mock = mock(&format!("--fault close=4000@30s {words}")).await;
        let start = Instant::now();
        assert_eq!(talk(&mock, 1).await.1, End::Fin);
        // The three seconds that the client has for its answer come after.
        assert_eq!(start.elapsed().as_secs(), seconds + 3, "{words}");
    }
}

/// When each of ten messages came, in milliseconds.
async fn arrivals(words: &str) -> Vec<u128> {
    let mock = mock(words).await;
    let mut stream = raw(&mock, "/echo").await;
    let start = Instant::now();
    stream.write_all(&frame(0x81, TEXT).repeat(10)).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..10 {
        stream.read_exact(&mut [0; 9]).await.unwrap();
        times.push(start.elapsed().as_millis());
    }
    times
}

#[tokio::test(start_paused = true)]
async fn latency_delays_and_the_seed_decides_the_jitter() {
    assert!(arrivals("--fault latency=50ms").await.iter().all(|ms| (50..=52).contains(ms)));
    let first = arrivals("--seed 1 --fault latency=500ms±400ms").await;
    assert!(first.iter().all(|ms| (100..=901).contains(ms)) && first.is_sorted(), "{first:?}");
    assert_eq!(first, arrivals("--seed 1 --fault latency=500ms+-400ms").await);
    assert_ne!(first, arrivals("--seed 2 --fault latency=500ms±400ms").await);
}

#[tokio::test(start_paused = true)]
async fn a_stall_can_end() {
    let mock = with("stall=5s@1").await;
    let mut stream = raw(&mock, "/echo").await;
    let start = Instant::now();
    stream.write_all(&frame(0x81, TEXT).repeat(2)).await.unwrap();
    stream.read_exact(&mut [0; 9]).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 0);
    // Pings are answered meanwhile.
    stream.write_all(&frame(0x89, b"x")).await.unwrap();
    let mut pong = [0; 3];
    stream.read_exact(&mut pong).await.unwrap();
    assert_eq!((&pong, start.elapsed().as_secs()), (b"\x8a\x01x", 0));
    stream.read_exact(&mut [0; 9]).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn a_client_that_is_told_nothing_more_is_still_heard() {
    let mock = mock("--rate max --fault stall@3").await;
    let mut stream = raw(&mock, "/v1.0/ws?token=t").await;
    let topic = r#"{"type":"subscribe","topics":["customer_id:abc123:call:*"]}"#;
    let ask = [frame(0x81, topic.as_bytes()), frame(0x89, b"0")].concat();
    stream.write_all(&ask).await.unwrap();
    // A pong comes back for each ping, whatever came before it.
    let pongs = async {
        for n in 1..=20 {
            let mut bytes = Vec::new();
            while !bytes.ends_with(&[0x8a, 1]) {
                bytes.push(stream.read_u8().await.unwrap());
            }
            stream.read_u8().await.unwrap();
            stream.write_all(&frame(0x89, &[n])).await.unwrap();
        }
    };
    timeout(Duration::from_secs(10), pongs).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_bandwidth_is_kept() {
    let mock = with("bandwidth=1k").await;
    let mut stream = raw(&mock, "/echo").await;
    let start = Instant::now();
    stream.write_all(&frame(0x82, &[0; 4096])).await.unwrap();
    let mut first = [0; 1];
    stream.read_exact(&mut first).await.unwrap();
    assert!(start.elapsed().as_secs() < 1, "it drips, and does not come at once in the end");
    stream.read_exact(&mut [0; 4099]).await.unwrap();
    assert!((3900..4100).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn pongs_are_kept_back() {
    let mock = with("no-pong").await;
    let mut stream = raw(&mock, "/echo").await;
    // In one piece: of two small ones, TCP keeps the second until the first is acknowledged.
    let all = [frame(0x89, b"x"), frame(0x81, TEXT), frame(0x89, b""), frame(0x81, TEXT)].concat();
    stream.write_all(&all).await.unwrap();
    assert_eq!(rest(&mut stream).await, (echoed().repeat(2), End::Open));
}

#[tokio::test(start_paused = true)]
async fn half_open_is_deaf_and_dumb() {
    let mock = with("half-open").await;
    let mut stream = raw(&mock, "/echo").await;
    stream.write_all(&[frame(0x89, b"x"), frame(0x88, b"")].concat()).await.unwrap();
    assert_eq!(rest(&mut stream).await, (vec![], End::Open));
    mock.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn half_open_lasts_no_longer_than_the_client_is_there() {
    let mock = with("half-open").await;
    for unread in [frame(0x81, TEXT), vec![]] {
        let mut stream = raw(&mock, "/echo").await;
        stream.write_all(&unread).await.unwrap();
        stream.shutdown().await.unwrap();
        let begin = Instant::now();
        // Closing a socket with unread bytes in it resets the connection.
        let end = if unread.is_empty() { End::Fin } else { End::Rst };
        assert_eq!(rest(&mut stream).await, (vec![], end));
        assert!(begin.elapsed() >= Duration::from_secs(10), "who has said the last word may still listen");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_pings_can_be_told_not_to() {
    for (fault, expected) in [("latency=1s", [0x89, 0].repeat(5)), ("no-heartbeat", vec![])] {
        let mock = with(fault).await;
        let mut stream = raw(&mock, "/v1.0/ws?token=t").await;
        let (bytes, end) = rest(&mut stream).await;
        assert_eq!(bytes, expected, "{fault}");
        // Who sends no pings cannot miss the pongs.
        assert_eq!(end == End::Open, expected.is_empty(), "{fault}");
    }
}

/// The echoes of a hundred numbered messages.
async fn numbers(words: &str) -> Vec<u8> {
    let mock = mock(words).await;
    let mut stream = raw(&mock, "/echo").await;
    let all: Vec<u8> = (0..100).flat_map(|number| frame(0x82, &[number])).collect();
    stream.write_all(&all).await.unwrap();
    rest(&mut stream).await.0.chunks(3).map(|frame| frame[2]).collect()
}

#[tokio::test(start_paused = true)]
async fn messages_are_doubled_and_exchanged_as_the_seed_says() {
    let doubled = numbers("--seed 5 --fault duplicate=0.2").await;
    assert!(doubled.is_sorted() && (105..140).contains(&doubled.len()), "{doubled:?}");
    assert_eq!(doubled, numbers("--seed 5 --fault duplicate=0.2").await);
    assert_ne!(doubled, numbers("--seed 6 --fault duplicate=0.2").await);
    let mut mixed = numbers("--fault reorder=0.2").await;
    assert!(!mixed.is_sorted(), "{mixed:?}");
    mixed.sort_unstable();
    assert_eq!(mixed, (0..100).collect::<Vec<_>>(), "nothing is lost");
    // The last message has no other to wait for.
    assert_eq!(numbers("--fault reorder=1").await.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn chance_is_the_seeds() {
    let (first, end) = talk(&mock("--seed 3 --fault drop~0.1").await, 500).await;
    assert!(end == End::Fin && first.len() < 500 * 9);
    assert_eq!(talk(&mock("--seed 3 --fault drop~0.1").await, 500).await.0, first);
    let refusals = |seed: u64| async move {
        let mock = mock(&format!("--seed {seed} --fault refuse=503~0.5 --fault drop")).await;
        let mut seen = Vec::new();
        for _ in 0..20 {
            seen.push(exchange(&mock, request("/echo").as_bytes()).await.starts_with("HTTP/1.1 503"));
        }
        seen
    };
    let first = refusals(1).await;
    assert!(first.contains(&true) && first.contains(&false));
    assert_eq!(first, refusals(1).await);
    assert_ne!(first, refusals(2).await);
}

#[tokio::test(start_paused = true)]
async fn faults_are_exchanged_while_the_mock_runs() {
    let mock = mock("").await;
    let mut stream = raw(&mock, "/echo").await;
    stream.write_all(&frame(0x81, TEXT)).await.unwrap();
    stream.read_exact(&mut [0; 9]).await.unwrap();
    mock.faults().set(Faults::parse(&["close=1013@1".into(), "no-pong".into()]).unwrap());
    assert_eq!(mock.faults().current().texts().collect::<Vec<_>>(), ["close=1013@1", "no-pong"]);
    tokio::task::yield_now().await;
    stream.write_all(&[frame(0x89, b"x"), frame(0x81, TEXT)].concat()).await.unwrap();
    let expected = [&echoed()[..], b"\x88\x02\x03\xf5"].concat();
    assert_eq!(rest(&mut stream).await.0, expected, "messages count from the exchange");
    mock.faults().set(Faults::default());
    assert_eq!(talk(&mock, 2).await, (echoed().repeat(2), End::Open));
}

#[test]
fn faults_are_read_or_explained() {
    let explained = |text: &str| text.parse::<Fault>().unwrap_err();
    for (text, says) in [
        ("latancy=5ms", "did you mean latency?"),
        ("banana", "known faults: refuse"),
        ("refuse", "such as refuse=503"),
        ("refuse=99", "200 to 599"),
        ("refuse=503:what", "invalid header 'what'"),
        ("delay=5x", "5x"),
        ("delay=5s@3", "invalid time"),
        ("never-answer@3", "does not accept @"),
        ("never-answer=1", "does not take a value"),
        ("latency=5ms@3", "always active"),
        ("no-pong=1", "does not take a value"),
        ("bandwidth=0", "such as bandwidth=10k"),
        ("duplicate=2", "a probability"),
        ("drop@x", "expected @N"),
        ("drop~2", "expected @N"),
        ("drop=1", "does not take a value"),
        ("close=x", "invalid close code"),
        ("close=70000", "invalid close code"),
        ("fail-first=0", "fail-first=N"),
        ("fail-first=1:fail-first=1", "fail-first=N"),
        ("fail-first=1:x", "unknown fault 'x'"),
        ("stall=1e9s", "invalid time"),
        ("", "known faults"),
    ] {
        assert!(explained(text).contains(says), "{text}: {}", explained(text));
    }
    assert!(explained(&format!("close=1000:{}", "x".repeat(124))).contains("123"));
    for name in Fault::names() {
        assert!(GRAMMAR.contains(name), "{name} is not explained");
    }
}

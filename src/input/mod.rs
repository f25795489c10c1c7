//! Standard input as messages to send.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::mpsc;

use crate::message::Message;
use crate::sys;

pub mod recording;
mod values;

/// Messages longer than this are refused: they are held in memory, more than once.
const LONGEST: usize = 256 << 20;

/// What one read takes, and the size of a message with [`MessageEnd::Read`].
const CHUNK: usize = 64 * 1024;

/// How input becomes messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputForm {
    /// What stands there.
    pub kind: InputKind,
    /// Where a message ends.
    pub end: MessageEnd,
}

/// What a message on standard input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputKind {
    /// A text message.
    #[default]
    Text,
    /// A binary message in base64.
    Base64,
    /// A binary message in hexadecimal.
    Hex,
    /// A binary message.
    Raw,
}

/// Where a message on standard input ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MessageEnd {
    /// With its line. The newline, and a carriage return before it, are not part of it.
    #[default]
    Line,
    /// Where these bytes are, which are one character. They are not part of it.
    Bytes(Arc<[u8]>),
    Input,
    /// With what one read yields, up to 64 KiB.
    Read,
}

/// One thing that was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// A message to send.
    Message(Message),
    /// Something that cannot be sent, with the reason.
    Unusable(String),
}

/// The messages on standard input, in order, as fast as they are asked for.
pub struct Source {
    form: InputForm,
    asked: bool,
    /// Started on the second read.
    inputs: Option<mpsc::Receiver<Vec<Input>>>,
}

impl Source {
    /// Standard input. It is not read before it is asked for, so that a session that ends early starts no thread.
    #[must_use]
    pub fn stdin(form: InputForm) -> Self {
        Self { form, asked: false, inputs: None }
    }

    /// Standard input that somebody else has read to its end.
    #[must_use]
    pub fn ended() -> Self {
        Self { form: InputForm::default(), asked: true, inputs: Some(mpsc::channel(1).1) }
    }

    /// What was read next; `None` at the end of the input.
    pub async fn next(&mut self) -> Option<Vec<Input>> {
        if let Some(inputs) = &mut self.inputs {
            return inputs.recv().await;
        }
        // A message that is there already goes first, once: where one was asked for, it is the end of the session.
        if !std::mem::replace(&mut self.asked, true) {
            tokio::task::yield_now().await;
        }
        let (send, inputs) = mpsc::channel(2);
        let inputs = self.inputs.insert(inputs);
        match read_on_thread(Patient(io::stdin()), self.form.clone(), send) {
            Ok(()) => inputs.recv().await,
            // With nobody to send any, the next answer is that there are no more.
            Err(error) => Some(vec![Input::Unusable(format!(
                "cannot read standard input: cannot start a thread: {error}"
            ))]),
        }
    }
}

/// A stream whose reads wait, whoever shares it: another process that holds the same terminal or pipe may have
/// made it non-blocking, and that is neither an error nor the end.
pub(crate) struct Patient<R>(pub(crate) R);

impl<R: Read + sys::Waited> Read for Patient<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => sys::wait_until_readable(&self.0)?,
                result => return result,
            }
        }
    }
}

/// Reads on a thread of its own: a read of a terminal cannot be cancelled.
fn read_on_thread(
    reader: impl Read + Send + 'static,
    form: InputForm,
    send: mpsc::Sender<Vec<Input>>,
) -> io::Result<()> {
    let read = move || {
        let mut reader = BufReader::with_capacity(CHUNK, reader);
        let mut line_number = 0;
        while let Some(batch) = read_batch(&mut reader, &form, LONGEST, &mut line_number) {
            if send.blocking_send(batch).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("stdin".into()).stack_size(128 * 1024).spawn(read).map(drop)
}

/// Everything that is there now, at least one message; `None` at the end. Messages of more than `longest` bytes, their
/// ends not counted, are refused.
fn read_batch(
    reader: &mut BufReader<impl Read>,
    form: &InputForm,
    longest: usize,
    number: &mut u64,
) -> Option<Vec<Input>> {
    if form.end == MessageEnd::Read {
        return read_chunk(reader).map(|bytes| vec![Input::Message(Message::Binary(bytes.into()))]);
    }
    let mut batch = Vec::new();
    loop {
        // A failing standard input, such as a terminal that hung up, is the end of it.
        let piece = read_piece(reader, &form.end, longest).ok().flatten();
        let Some(piece) = piece else { return (!batch.is_empty()).then_some(batch) };
        *number += 1;
        let decoded = piece
            .ok_or_else(|| format!("longer than {longest} bytes"))
            .and_then(|bytes| decode(bytes, form.kind));
        batch.push(decoded.unwrap_or_else(|why| {
            let what = if form.end == MessageEnd::Line { "line" } else { "message" };
            Input::Unusable(format!("{what} {number} of standard input was not sent: {why}"))
        }));
        if !has_end(reader.buffer(), &form.end) {
            return Some(batch);
        }
    }
}

/// Is the end of a message among these bytes?
fn has_end(bytes: &[u8], end: &MessageEnd) -> bool {
    match end {
        MessageEnd::Line => memchr::memchr(b'\n', bytes).is_some(),
        MessageEnd::Bytes(end) => memchr::memmem::find(bytes, end).is_some(),
        MessageEnd::Input | MessageEnd::Read => false,
    }
}

/// The next message, without its end; `Some(None)` for one that is too long, `None` at the end of the input.
fn read_piece(
    reader: &mut BufReader<impl Read>,
    end: &MessageEnd,
    longest: usize,
) -> io::Result<Option<Option<Vec<u8>>>> {
    // As much as tells a message that is too long from one that is not, with its end.
    let most = longest as u64 + 4;
    let mut piece = Vec::new();
    let ended = match end {
        MessageEnd::Input | MessageEnd::Read => {
            reader.by_ref().take(most).read_to_end(&mut piece)?;
            false
        }
        MessageEnd::Line => {
            reader.by_ref().take(most).read_until(b'\n', &mut piece)?;
            strip_line_end(&mut piece)
        }
        MessageEnd::Bytes(end) => {
            read_until(reader, end, most, &mut piece)?;
            let ended = piece.ends_with(end);
            piece.truncate(piece.len() - if ended { end.len() } else { 0 });
            // The line break that ends a file is nobody's message.
            if !ended && matches!(&piece[..], b"\n" | b"\r\n") {
                return Ok(None);
            }
            ended
        }
    };
    if piece.is_empty() && !ended {
        return Ok(None);
    }
    if piece.len() <= longest {
        return Ok(Some(Some(piece)));
    }
    if !ended {
        skip_piece(reader, end)?;
    }
    Ok(Some(None))
}

/// Reads up to and with a character, which is more than one byte where it is not ASCII.
fn read_until(
    reader: &mut BufReader<impl Read>,
    end: &[u8],
    most: u64,
    piece: &mut Vec<u8>,
) -> io::Result<()> {
    let last = end.last().copied().unwrap_or_default();
    loop {
        let left = most.saturating_sub(piece.len() as u64);
        let read = reader.by_ref().take(left).read_until(last, piece)?;
        if read == 0 || piece.ends_with(end) {
            return Ok(());
        }
    }
}

/// Takes the end of a line away, if there is one.
fn strip_line_end(line: &mut Vec<u8>) -> bool {
    let ended = line.pop_if(|last| *last == b'\n').is_some();
    if ended {
        line.pop_if(|last| *last == b'\r');
    }
    ended
}

/// The rest of a message that is too long: half a message must not go out as one.
fn skip_piece(reader: &mut BufReader<impl Read>, end: &MessageEnd) -> io::Result<()> {
    let last = match end {
        MessageEnd::Line => b"\n",
        MessageEnd::Bytes(end) => &end[..],
        MessageEnd::Input | MessageEnd::Read => return Ok(()),
    };
    loop {
        let mut skipped = Vec::new();
        read_until(reader, last, CHUNK as u64, &mut skipped)?;
        if skipped.is_empty() || skipped.ends_with(last) {
            return Ok(());
        }
    }
}

fn read_chunk(reader: &mut BufReader<impl Read>) -> Option<Vec<u8>> {
    let chunk = loop {
        match reader.fill_buf() {
            Ok([]) => return None,
            Ok(bytes) => break bytes.to_vec(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    };
    reader.consume(chunk.len());
    Some(chunk)
}

fn decode(bytes: Vec<u8>, kind: InputKind) -> Result<Input, String> {
    let binary = |bytes: Vec<u8>| Message::Binary(bytes.into());
    let message = match kind {
        InputKind::Base64 => {
            binary(STANDARD.decode(bytes.trim_ascii()).map_err(|e| format!("not base64: {e}"))?)
        }
        InputKind::Hex => binary(decode_hex(bytes.trim_ascii())?),
        InputKind::Raw => binary(bytes),
        InputKind::Text => match String::from_utf8(bytes) {
            Ok(text) => Message::text(text),
            Err(_) => return Err("not UTF-8 (to send binary data, use --binary-in)".to_owned()),
        },
    };
    Ok(Input::Message(message))
}

/// Pairs of hexadecimal digits, with spaces between the pairs where the writer likes them.
pub(crate) fn decode_hex(text: &[u8]) -> Result<Vec<u8>, String> {
    let digits: Vec<u32> = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| char::from(*byte).to_digit(16).ok_or(format!("not hexadecimal: {:?}", char::from(*byte))))
        .collect::<Result<_, _>>()?;
    if digits.len() % 2 == 1 {
        return Err("not hexadecimal: odd number of digits".to_owned());
    }
    // Two digits make at most 255.
    Ok(digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap_or(u8::MAX)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: InputForm = InputForm { kind: InputKind::Text, end: MessageEnd::Line };

    fn of(kind: InputKind) -> InputForm {
        InputForm { kind, end: MessageEnd::Line }
    }

    fn until(end: &str) -> InputForm {
        InputForm { kind: InputKind::Text, end: MessageEnd::Bytes(end.as_bytes().into()) }
    }

    fn read_all(bytes: &'static [u8], form: &InputForm) -> Vec<Input> {
        read_limited(bytes, form, LONGEST)
    }

    fn read_limited(bytes: impl Read, form: &InputForm, longest: usize) -> Vec<Input> {
        let mut reader = BufReader::with_capacity(4, bytes);
        let mut number = 0;
        std::iter::from_fn(|| read_batch(&mut reader, form, longest, &mut number)).flatten().collect()
    }

    fn text(text: &str) -> Input {
        Input::Message(Message::text(text.to_owned()))
    }

    #[test]
    fn lines_lose_their_newline_and_nothing_else() {
        assert_eq!(read_all(b"a\r\n\n b \nlast", &LINES), [text("a"), text(""), text(" b "), text("last")]);
        assert_eq!(read_all(b"", &LINES), []);
    }

    #[test]
    fn any_character_ends_a_message_or_only_the_end_of_the_input_does() {
        assert_eq!(read_all(b"a\r\n\0\0b\0", &until("\0")), [text("a\r\n"), text(""), text("b")]);
        assert_eq!(read_all(b"a;b;\n", &until(";")), [text("a"), text("b")]);
        assert_eq!(read_all(b"a;b\n", &until(";")), [text("a"), text("b\n")]);
        // The last byte of a character is in others, too.
        assert_eq!(read_all("a§b\u{e7}c§".as_bytes(), &until("§")), [text("a"), text("b\u{e7}c")]);
        let all = InputForm { kind: InputKind::Text, end: MessageEnd::Input };
        assert_eq!(read_all(b"a\n\0\n", &all), [text("a\n\0\n")]);
        assert_eq!(read_all(b"", &all), []);
        assert!(matches!(&read_limited(&b"123456"[..], &all, 5)[..], [Input::Unusable(_)]));
        let too_long = read_limited(&b"123456;1;12345678901;2"[..], &until(";"), 5);
        assert!(matches!(&too_long[0], Input::Unusable(why) if why.contains("message 1")));
        assert_eq!((&too_long[1], &too_long[3]), (&text("1"), &text("2")));
        let raw = InputForm { kind: InputKind::Raw, end: MessageEnd::Input };
        assert_eq!(read_all(b"a\xff", &raw), [Input::Message(Message::Binary((&b"a\xff"[..]).into()))]);
    }

    #[test]
    fn what_cannot_be_sent_is_named_by_its_line() {
        let read = read_all(b"ok\n\xff\nok", &LINES);
        assert!(matches!(&read[1], Input::Unusable(why) if why.contains("line 2") && why.contains("UTF-8")));
        assert_eq!(read[2], text("ok"));
    }

    #[test]
    fn only_what_is_too_long_is_refused_and_nothing_after_it() {
        for end in ["\n", "\r\n"] {
            let lines = format!("12345{end}next{end}123456{end}next{end}12345678901{end}next");
            let read = read_limited(lines.as_bytes(), &LINES, 5);
            assert_eq!([&read[0], &read[1]], [&text("12345"), &text("next")]);
            assert!(
                matches!(&read[2], Input::Unusable(why) if why.contains("line 3") && why.contains("5 bytes"))
            );
            assert!(matches!(&read[4], Input::Unusable(why) if why.contains("line 5")));
            assert_eq!((&read[3], &read[5], read.len()), (&text("next"), &text("next"), 6));
        }
        assert_eq!(read_limited(&b"12345"[..], &LINES, 5), [text("12345")]);
    }

    #[test]
    fn a_stream_that_somebody_made_non_blocking_is_waited_for() {
        use std::io::Write as _;
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let writer = std::thread::spawn(move || {
            for part in ["ha", "lf\n", "last"] {
                theirs.write_all(part.as_bytes()).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        });
        assert_eq!(read_limited(Patient(ours), &LINES, 9), [text("half"), text("last")]);
        writer.join().unwrap();
    }

    #[test]
    fn binary_comes_in_three_forms() {
        let binary = |bytes: &[u8]| Input::Message(Message::Binary(bytes.to_vec().into()));
        assert_eq!(read_all(b"/wo=\n", &of(InputKind::Base64)), [binary(&[0xff, 0x0a])]);
        assert_eq!(read_all(b"ff 0A\n", &of(InputKind::Hex)), [binary(&[0xff, 0x0a])]);
        assert_eq!(
            read_all(b"a\nb", &InputForm { kind: InputKind::Raw, end: MessageEnd::Read }),
            [binary(b"a\nb")]
        );
        assert!(matches!(&read_all(b"f\n", &of(InputKind::Hex))[0], Input::Unusable(_)));
        assert!(matches!(&read_all(b"?\n", &of(InputKind::Base64))[0], Input::Unusable(_)));
    }
}

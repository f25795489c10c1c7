//! Standard input as messages to send.

use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc;

use crate::message::Message;

pub mod recording;

/// Lines longer than this are refused. The same bound as for incoming messages.
const LONGEST_LINE: usize = 64 << 20;

/// What one read takes, and the size of a message with [`Form::RawChunks`].
const CHUNK: usize = 64 * 1024;

/// How input becomes messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A line is a text message. The newline, and a carriage return before it, are not part of it.
    #[default]
    Lines,
    /// A line is a binary message in base64.
    Base64Lines,
    /// A line is a binary message in hexadecimal.
    HexLines,
    /// Whatever one read yields, up to 64 KiB, is a binary message.
    RawChunks,
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
    form: Form,
    asked: bool,
    /// Since it was asked for a second time.
    inputs: Option<mpsc::Receiver<Vec<Input>>>,
}

impl Source {
    /// Standard input. It is not read before it is asked for, so that a session that ends early starts no thread.
    #[must_use]
    pub fn stdin(form: Form) -> Self {
        Self { form, asked: false, inputs: None }
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
        match read_on_thread(Patient(io::stdin()), self.form, send) {
            Ok(()) => inputs.recv().await,
            // With nobody to send any, the next answer is that there are no more.
            Err(error) => {
                Some(vec![Input::Unusable(format!("standard input is not read: no thread: {error}"))])
            }
        }
    }
}

/// A stream whose reads wait, whoever shares it: another process that holds the same terminal or pipe may have
/// made it non-blocking, and that is neither an error nor the end.
pub(crate) struct Patient<R>(pub(crate) R);

impl<R: Read + AsFd> Read for Patient<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_until_readable(&self.0)?,
                result => return result,
            }
        }
    }
}

fn wait_until_readable(stream: &impl AsFd) -> io::Result<()> {
    match poll(&mut [PollFd::new(stream, PollFlags::IN)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Reads on a thread of its own: a read of a terminal cannot be cancelled.
fn read_on_thread(
    reader: impl Read + Send + 'static,
    form: Form,
    send: mpsc::Sender<Vec<Input>>,
) -> io::Result<()> {
    let read = move || {
        let mut reader = BufReader::with_capacity(CHUNK, reader);
        let mut line_number = 0;
        while let Some(batch) = read_batch(&mut reader, form, LONGEST_LINE, &mut line_number) {
            if send.blocking_send(batch).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("stdin".into()).stack_size(128 * 1024).spawn(read).map(drop)
}

/// Everything that is there now, at least one line; `None` at the end. Lines of more than `longest` bytes, their
/// ends not counted, are refused.
fn read_batch(
    reader: &mut BufReader<impl Read>,
    form: Form,
    longest: usize,
    line_number: &mut u64,
) -> Option<Vec<Input>> {
    if form == Form::RawChunks {
        return read_chunk(reader).map(|bytes| vec![Input::Message(Message::Binary(bytes.into()))]);
    }
    // As much as tells a line that is too long from one that is not, with its CR and LF.
    let most = longest as u64 + 2;
    let mut batch = Vec::new();
    loop {
        let mut line = Vec::new();
        match reader.by_ref().take(most).read_until(b'\n', &mut line) {
            // A failing standard input, such as a terminal that hung up, is the end of it.
            Ok(0) | Err(_) => return (!batch.is_empty()).then_some(batch),
            Ok(_) => *line_number += 1,
        }
        let ended = line.last() == Some(&b'\n');
        strip_line_end(&mut line);
        let too_long = line.len() > longest;
        if too_long && !ended && skip_line(reader).is_err() {
            return (!batch.is_empty()).then_some(batch);
        }
        let decoded =
            if too_long { Err(format!("it is longer than {longest} bytes")) } else { decode(line, form) };
        batch.push(decoded.unwrap_or_else(|why| {
            Input::Unusable(format!("line {line_number} of standard input was not sent: {why}"))
        }));
        if !reader.buffer().contains(&b'\n') {
            return Some(batch);
        }
    }
}

fn strip_line_end(line: &mut Vec<u8>) {
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
}

/// The rest of a line that is too long: half a message must not go out as one.
fn skip_line(reader: &mut BufReader<impl Read>) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let newline = buffer.iter().position(|byte| *byte == b'\n');
        let used = newline.map_or(buffer.len(), |at| at + 1);
        let done = newline.is_some() || buffer.is_empty();
        reader.consume(used);
        if done {
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

fn decode(line: Vec<u8>, form: Form) -> Result<Input, String> {
    let binary = |bytes: Vec<u8>| Message::Binary(bytes.into());
    let message = match form {
        Form::Base64Lines => {
            binary(STANDARD.decode(line.trim_ascii()).map_err(|e| format!("not base64: {e}"))?)
        }
        Form::HexLines => binary(decode_hex(line.trim_ascii())?),
        Form::Lines | Form::RawChunks => match String::from_utf8(line) {
            Ok(text) => Message::text(text),
            Err(_) => return Err("not UTF-8, which a text message must be; see --binary-in".to_owned()),
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
        return Err("not hexadecimal: an odd number of digits".to_owned());
    }
    // Two digits make at most 255.
    Ok(digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap_or(u8::MAX)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(bytes: &'static [u8], form: Form) -> Vec<Input> {
        read_limited(bytes, form, LONGEST_LINE)
    }

    fn read_limited(bytes: impl Read, form: Form, longest: usize) -> Vec<Input> {
        let mut reader = BufReader::with_capacity(4, bytes);
        let mut number = 0;
        std::iter::from_fn(|| read_batch(&mut reader, form, longest, &mut number)).flatten().collect()
    }

    fn text(text: &str) -> Input {
        Input::Message(Message::text(text.to_owned()))
    }

    #[test]
    fn lines_lose_their_newline_and_nothing_else() {
        assert_eq!(
            read_all(b"a\r\n\n b \nlast", Form::Lines),
            [text("a"), text(""), text(" b "), text("last")]
        );
        assert_eq!(read_all(b"", Form::Lines), []);
    }

    #[test]
    fn what_cannot_be_sent_is_named_by_its_line() {
        let read = read_all(b"ok\n\xff\nok", Form::Lines);
        assert!(matches!(&read[1], Input::Unusable(why) if why.contains("line 2") && why.contains("UTF-8")));
        assert_eq!(read[2], text("ok"));
    }

    #[test]
    fn only_what_is_too_long_is_refused_and_nothing_after_it() {
        for end in ["\n", "\r\n"] {
            let lines = format!("12345{end}next{end}123456{end}next{end}12345678901{end}next");
            let read = read_limited(lines.as_bytes(), Form::Lines, 5);
            assert_eq!([&read[0], &read[1]], [&text("12345"), &text("next")]);
            assert!(
                matches!(&read[2], Input::Unusable(why) if why.contains("line 3") && why.contains("5 bytes"))
            );
            assert!(matches!(&read[4], Input::Unusable(why) if why.contains("line 5")));
            assert_eq!((&read[3], &read[5], read.len()), (&text("next"), &text("next"), 6));
        }
        assert_eq!(read_limited(&b"12345"[..], Form::Lines, 5), [text("12345")]);
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
        assert_eq!(read_limited(Patient(ours), Form::Lines, 9), [text("half"), text("last")]);
        writer.join().unwrap();
    }

    #[test]
    fn binary_comes_in_three_forms() {
        let binary = |bytes: &[u8]| Input::Message(Message::Binary(bytes.to_vec().into()));
        assert_eq!(read_all(b"/wo=\n", Form::Base64Lines), [binary(&[0xff, 0x0a])]);
        assert_eq!(read_all(b"ff 0A\n", Form::HexLines), [binary(&[0xff, 0x0a])]);
        assert_eq!(read_all(b"a\nb", Form::RawChunks), [binary(b"a\nb")]);
        assert!(matches!(&read_all(b"f\n", Form::HexLines)[0], Input::Unusable(_)));
        assert!(matches!(&read_all(b"?\n", Form::Base64Lines)[0], Input::Unusable(_)));
    }
}
